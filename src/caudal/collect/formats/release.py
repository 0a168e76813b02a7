"""A release of Caudal: the observations of another deployment, with their verdicts and vintages intact."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from caudal.collect.contract import RAW_ROW, RawFile, RawTable
from caudal.engine.session import quoted
from caudal.errors import CaudalError, problem
from caudal.model.observation import (
    ATTRIBUTES,
    KEY_AFTER_DIMENSIONS,
    KEY_BEFORE_DIMENSIONS,
    MEASURES,
    declared,
)
from caudal.model.release import OBSERVATIONS
from caudal.model.source import ReleaseFormat

_TYPES = {pa.float64(): "DOUBLE", pa.int64(): "BIGINT"}


def open_table(file: RawFile, spec: ReleaseFormat, expected: Collection[str], target: Path) -> RawTable:
    """The observations of the release folder (or of its ``observations.parquet``) at ``file``.

    Raises :class:`CaudalError` when a column of the declaration is not there, or when cells have no verdict:
    what no gate let out is no release.
    """
    path = file.path / OBSERVATIONS if file.path.is_dir() else file.path
    try:
        table = pq.read_table(path)
    except (pa.ArrowInvalid, OSError) as error:
        raise CaudalError(
            problem("file-truncated", where=file.name, detail=str(error).split("\n", 1)[0])
        ) from error
    needed = (*KEY_BEFORE_DIMENSIONS, *KEY_AFTER_DIMENSIONS, *MEASURES, *ATTRIBUTES)
    absent = [n for n in needed if n not in table.column_names]
    if absent:
        raise CaudalError(problem("not-a-release", where=file.name, absent=absent))
    try:
        declared(table)
    except (pa.ArrowException, ValueError) as error:
        raise CaudalError(problem("file-truncated", where=file.name, detail=str(error))) from error
    if table.column("verdict").null_count:
        raise CaudalError(
            problem("release-without-verdict", where=file.name, cells=table.column("verdict").null_count)
        )
    columns = {f.name: _TYPES.get(f.type, "VARCHAR") for f in table.schema}
    shown = ", ".join(quoted(n) for n in columns)
    inside = f"/{OBSERVATIONS}" if file.path.is_dir() else ""
    scan = f"read_parquet('{{file}}{inside}', file_row_number = true)"
    return RawTable(f"SELECT {shown}, file_row_number + 1 AS {RAW_ROW} FROM {scan}", columns, table.num_rows)
