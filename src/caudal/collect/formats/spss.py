"""SPSS: .sav, .zsav and .por, read by pyreadstat; see :mod:`caudal.collect.labelled`.

A portable file (.por) hands over the values that it declares missing as blanks, without saying which.
"""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

from caudal.collect.contract import RawFile, RawTable
from caudal.collect.labelled import Reader, describe_labelled, open_labelled
from caudal.collect.variables import Variable
from caudal.model.source import SpssFormat

ENDINGS = (".sav", ".zsav", ".por")


def open_table(file: RawFile, spec: SpssFormat, expected: Collection[str], target: Path) -> RawTable:
    """Reads ``file``; the ranges that it declares missing are null, and stand beside their column."""
    return open_labelled(file, spec, _reader(file), target)


def describe(file: RawFile, spec: SpssFormat, scratch: Path) -> list[Variable]:
    """Its variables with their labels; no row is read."""
    return describe_labelled(file, spec, _reader(file), scratch)


def _reader(file: RawFile) -> Reader:
    if file.name.lower().removesuffix(".gz").removesuffix(".zip").endswith(".por"):
        return Reader("read_por", {}, encoded=False)
    return Reader("read_sav", {"user_missing": True})
