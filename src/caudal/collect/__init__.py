"""Bytes -> raw tables.

Every file is registered before anything reads it (:func:`register_deliveries`): name, SHA-256, size,
origin, licence, date of receipt. :func:`open_table` then reads it by its *format*, never by its country:
one module of :mod:`caudal.collect.formats` a format, all with the same contract. What comes back is a
:class:`RawTable`: SQL that the engine scans, the names of its columns, and what was found on the way
(rows, rows that do not fit the header, footer rows).

What it refuses: a file that changed since its checksum was written down, a file in another encoding than
declared, a truncated or exploding archive, a header that is not there. Each is an error with the place
and the way on; a declared file that is absent is no error but a :class:`~caudal.model.release.MissingFile`.
"""

from caudal.collect.contract import RawFile, RawTable, Rejected
from caudal.collect.formats import open_table
from caudal.collect.registry import Register, RegisteredDelivery, register_deliveries

__all__ = [
    "RawFile",
    "RawTable",
    "Register",
    "RegisteredDelivery",
    "Rejected",
    "open_table",
    "register_deliveries",
]
