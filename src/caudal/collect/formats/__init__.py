"""One module a format: delimited text, workbooks, Parquet, SPSS, Stata, SAS, fixed width, JSON lines, a
database, a release of Caudal.

Each has one function, ``open_table(file, spec, expected, target)``: it reads the registered ``file`` as its
``spec`` says and returns a :class:`~caudal.collect.contract.RawTable`; whatever must be made readable
first is written once to ``target``, a folder. A new format is a new module and a class in
:mod:`caudal.model.source`; nothing else changes.
"""

from __future__ import annotations

import importlib
import json
from collections.abc import Collection, Iterable
from pathlib import Path

from caudal.collect.contract import RawFile, RawTable, Rejected
from caudal.engine.cache import Cache, content_key
from caudal.engine.code import code_sha256
from caudal.engine.files import write_json
from caudal.errors import CaudalError, nearest, problem
from caudal.model.source import Format

_FOUND = "raw.json"


def open_table(file: RawFile, spec: Format, *, cache: Cache, expected: Iterable[str] = ()) -> RawTable:
    """The raw table that ``file`` holds, read as ``spec`` says.

    ``expected`` are the columns that a mapping needs: a header without them is an error that names the
    nearest ones. The work is done once for the same bytes, spec and code.
    """
    needed = tuple(expected)
    form = spec.model_dump(mode="json")
    key = content_key(file.fingerprint, form, code_sha256("collect"), file.may_be_empty)
    folder, _ = cache.get("raw", key, lambda target: _read(file, spec, needed, target))
    found = json.loads((folder / _FOUND).read_text(encoding="utf-8"))
    relation = found["relation"].replace("{folder}", _escaped(folder)).replace("{file}", _escaped(file.path))
    rejected = tuple(Rejected(*row) for row in found["rejected"])
    table = RawTable(relation, dict(found["columns"]), found["rows"], rejected, found["facts"])
    require_columns(file.name, needed, table.columns)
    return table


def fetch(spec: Format, path: Path, period: str) -> None:
    """Brings what ``spec`` describes to ``path``, whole or not at all; nothing for a format of files."""
    if spec.fetched:
        importlib.import_module(f"{__name__}.{spec.type}").fetch(spec, path, period)


def _read(file: RawFile, spec: Format, expected: Collection[str], target: Path) -> None:
    module = importlib.import_module(f"{__name__}.{spec.type}")
    table: RawTable = module.open_table(file, spec, expected, target)
    found = {
        "relation": table.relation,
        "columns": list(table.columns.items()),
        "rows": table.rows,
        "rejected": [(r.raw_row, r.expected, r.found) for r in table.rejected],
        "facts": dict(table.facts),
    }
    write_json(target / _FOUND, found)


def require_columns(name: str, expected: Iterable[str], columns: Collection[str]) -> None:
    """Raises :class:`CaudalError` with every expected column that is not there."""
    there = list(columns)
    absent = [c for c in expected if c not in columns]
    if absent:
        raise CaudalError(
            *(
                problem("column-missing", where=name, found=c, allowed=there, nearest=nearest(c, there))
                for c in absent
            )
        )


def _escaped(path: Path) -> str:
    return str(path).replace("'", "''")
