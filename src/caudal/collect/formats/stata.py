"""Stata: .dta of version 8 and later, read by pyreadstat; see :mod:`caudal.collect.labelled`.

Files before version 14 do not say in which encoding their texts are: windows-1252 is read, unless the
format says otherwise.
"""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

from caudal.collect.contract import RawFile, RawTable
from caudal.collect.labelled import Reader, describe_labelled, open_labelled
from caudal.collect.variables import Variable
from caudal.model.source import StataFormat

ENDINGS = (".dta",)
_READER = Reader("read_dta", {"user_missing": True})


def open_table(file: RawFile, spec: StataFormat, expected: Collection[str], target: Path) -> RawTable:
    """Reads ``file``; its missing values .a to .z are null, and stand beside their column as ``.a``."""
    return open_labelled(file, spec, _READER, target)


def describe(file: RawFile, spec: StataFormat, scratch: Path) -> list[Variable]:
    """Its variables with their labels; no row is read."""
    return describe_labelled(file, spec, _READER, scratch)
