"""Caudal: a migration information system in a box."""

__version__ = "0.1.0"
