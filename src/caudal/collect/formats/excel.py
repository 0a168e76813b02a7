"""Excel workbooks: a sheet with title blocks, stacked and merged headers, a block of columns.

The rows of ``header_rows`` together name a column: what a merged cell says holds for all columns under
it, and the parts are joined by `` | ``. Cells become text: whole numbers without decimals, other numbers
with all their digits, dates in ISO form. What it refuses to do: to compute formulas; a workbook saved
without their values has blanks there.
"""

from __future__ import annotations

import datetime
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path
from typing import Any

import openpyxl
import pyarrow as pa
import pyarrow.parquet as pq
from openpyxl.utils import get_column_letter
from openpyxl.utils.cell import range_boundaries

from caudal.collect.contract import RAW_ROW, RawFile, RawTable, doubled
from caudal.collect.streams import open_zip
from caudal.errors import CaudalError, nearest, problem
from caudal.model.source import ExcelFormat

JOINED = " | "
_DATA = "data.parquet"


def open_table(file: RawFile, spec: ExcelFormat, expected: Collection[str], target: Path) -> RawTable:
    """Reads one sheet of ``file`` to ``target/data.parquet``, all columns text.

    Raises :class:`CaudalError`: not a workbook, truncated, exploding, no such sheet, doubled headers, no
    rows.
    """
    with file.path.open("rb") as stream:
        magic = stream.read(4)
    if not magic:
        raise CaudalError(problem("file-empty", where=file.name))
    if magic == b"\xd0\xcf\x11\xe0":
        raise CaudalError(problem("workbook-old", where=file.name))
    with open_zip(file.path):
        workbook = openpyxl.load_workbook(file.path, data_only=True)
    sheet = _sheet(workbook, spec, file.name)
    first, last = _columns(spec, sheet.max_column)
    names = _names(sheet, spec, first, last, file.name)
    start = spec.first_row or max(spec.header_rows) + 1
    rows = list(_rows(sheet, start, spec.last_row or sheet.max_row, first, last, bool(spec.last_row)))
    if not rows and not file.may_be_empty:
        raise CaudalError(problem("file-empty", where=f"{file.name}:{sheet.title}"))
    columns = [pa.array([row[i] for row in rows], pa.string()) for i in range(len(names))]
    table = pa.table([*columns, pa.array(range(1, len(rows) + 1), pa.int64())], names=[*names, RAW_ROW])
    pq.write_table(table, target / _DATA, compression="zstd")
    facts: dict[str, str | int] = {"sheet": sheet.title, "first_row": start, "format": "excel"}
    relation = f"SELECT * FROM read_parquet('{{folder}}/{_DATA}')"
    return RawTable(relation, dict.fromkeys(names, "VARCHAR"), len(rows), (), facts)


def _sheet(workbook: Any, spec: ExcelFormat, where: str) -> Any:
    titles = workbook.sheetnames
    if not spec.sheet:
        return workbook[titles[0]]
    if spec.sheet not in titles:
        raise CaudalError(
            problem(
                "unknown-name",
                where=where,
                kind="sheet",
                found=spec.sheet,
                allowed=titles,
                nearest=nearest(spec.sheet, titles),
            )
        )
    return workbook[spec.sheet]


def _columns(spec: ExcelFormat, widest: int) -> tuple[int, int]:
    if not spec.columns:
        return 1, widest
    first, _, last, _ = range_boundaries(spec.columns)
    return first, min(last, widest)


def _names(sheet: Any, spec: ExcelFormat, first: int, last: int, where: str) -> tuple[str, ...]:
    merged = {
        (row, column): sheet.cell(block.min_row, block.min_col).value
        for block in sheet.merged_cells.ranges
        for row in range(block.min_row, block.max_row + 1)
        for column in range(block.min_col, block.max_col + 1)
    }
    names = []
    for column in range(first, last + 1):
        parts = (merged.get((row, column), sheet.cell(row, column).value) for row in spec.header_rows)
        said = [" ".join(text.split()) for text in (_text(p) or "" for p in parts)]
        unique = list(dict.fromkeys(t for t in said if t))
        names.append(JOINED.join(unique) or get_column_letter(column))
    if double := doubled(names):
        raise CaudalError(problem("header-doubled", where=where, found=double))
    return tuple(names)


def _rows(
    sheet: Any, start: int, stop: int, first: int, last: int, declared: bool
) -> Iterator[Sequence[str | None]]:
    cells = sheet.iter_rows(min_row=start, max_row=stop, min_col=first, max_col=last, values_only=True)
    for row in cells:
        texts = [_text(value) for value in row]
        if not any(texts) and not declared:
            return
        yield texts


def _text(value: Any) -> str | None:
    if value is None or value == "":
        return None
    if isinstance(value, bool):
        return "TRUE" if value else "FALSE"
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() else repr(value)
    if isinstance(value, (datetime.datetime, datetime.date)):
        iso = value.isoformat()
        return iso.removesuffix("T00:00:00")
    return str(value).strip() or None
