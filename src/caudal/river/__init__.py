"""The one way through the rooms: from a country folder to a release, and back from a cell to its bytes.

This is the only place that knows all rooms. It decides what has to be computed again (content hashes),
calls each room once, in order, and puts what they return into a release that appears whole or not at all.
"""
