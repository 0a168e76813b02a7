"""Stays: from border crossings to who lives where, who came to stay, and who only passed.

The door of the package. The rule is in :mod:`~caudal.estimate.stays.rule`, what a crossing record is in
:mod:`~caudal.estimate.stays.columns`, how the pieces fit in ``docs/methods/stays.md``.
"""
