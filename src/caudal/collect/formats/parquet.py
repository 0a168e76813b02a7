"""Parquet: scanned where it lies, with the types that it has."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from caudal.collect.contract import RAW_ROW, RawFile, RawTable, doubled
from caudal.engine.session import quoted
from caudal.errors import CaudalError, problem
from caudal.model.source import ParquetFormat


def open_table(file: RawFile, spec: ParquetFormat, expected: Collection[str], target: Path) -> RawTable:
    """The file itself: nothing is copied. Whole numbers, decimals, dates and booleans keep their type, so
    that large files are mapped without text in between; every other type becomes text."""
    try:
        described = pq.ParquetFile(file.path)
    except (pa.ArrowInvalid, OSError) as error:
        raise CaudalError(
            problem("file-truncated", where=file.name, detail=str(error).split("\n", 1)[0])
        ) from error
    if described.metadata.num_rows == 0 and not file.may_be_empty:
        raise CaudalError(problem("file-empty", where=file.name))
    if double := doubled(described.schema_arrow.names):
        raise CaudalError(problem("header-doubled", where=file.name, found=double))
    columns = {f.name: _sql_type(f.type) for f in described.schema_arrow}
    shown = ", ".join(f"CAST({quoted(n)} AS {t}) AS {quoted(n)}" for n, t in columns.items())
    scan = "read_parquet('{file}', file_row_number = true)"
    relation = f"SELECT {shown}, file_row_number + 1 AS {RAW_ROW} FROM {scan}"
    return RawTable(relation, columns, described.metadata.num_rows)


def _sql_type(kind: pa.DataType) -> str:
    if pa.types.is_integer(kind):
        return "BIGINT"
    if pa.types.is_floating(kind) or pa.types.is_decimal(kind):
        return "DOUBLE"
    if pa.types.is_date(kind) or pa.types.is_timestamp(kind):
        return "DATE"
    return "BOOLEAN" if pa.types.is_boolean(kind) else "VARCHAR"
