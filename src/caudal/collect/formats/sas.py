"""SAS: .sas7bdat (with its catalogue of labels, where there is one) and .xpt, read by pyreadstat; see
:mod:`caudal.collect.labelled`."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

from caudal.collect.contract import RawFile, RawTable
from caudal.collect.labelled import Reader, describe_labelled, open_labelled
from caudal.collect.variables import Variable
from caudal.model.source import SasFormat

ENDINGS = (".sas7bdat", ".xpt")


def open_table(file: RawFile, spec: SasFormat, expected: Collection[str], target: Path) -> RawTable:
    """Reads ``file``; its missing values .A to .Z are null, and stand beside their column as ``.A``."""
    return open_labelled(file, spec, _reader(file, spec), target)


def describe(file: RawFile, spec: SasFormat, scratch: Path) -> list[Variable]:
    """Its variables with their labels; no row is read."""
    return describe_labelled(file, spec, _reader(file, spec), scratch)


def _reader(file: RawFile, spec: SasFormat) -> Reader:
    if file.name.lower().removesuffix(".gz").removesuffix(".zip").endswith(".xpt"):
        return Reader("read_xport", {})
    catalog = {"catalog_file": str(file.companion(spec.catalog).path)} if spec.catalog else {}
    return Reader("read_sas7bdat", {"user_missing": True, **catalog})
