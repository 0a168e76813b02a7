"""Bytes of the files: always the same for the same rows.

Gzip members carry no name and no time. Parquet is written by one thread in row groups of a fixed number of
blocks. (The compressed bytes also depend on the versions of zlib and Arrow; what they hold does not.)
"""

from __future__ import annotations

import gzip
import hashlib
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from caudal.simulate.documents import NO_DATE
from caudal.simulate.layouts import Layout, RawColumn

_GZIP_LEVEL = 6
_BLOCKS_PER_ROW_GROUP = 8


class TextFile:
    """Lines of delimited text, written as they come; compressed where the name ends in ``.gz``."""

    def __init__(self, path: Path, encoding: str) -> None:
        self._raw = path.open("wb")
        self._out: Any = self._raw
        if path.suffix == ".gz":
            self._out = gzip.GzipFile("", "wb", _GZIP_LEVEL, self._raw, mtime=0)
        self._encoding = "utf-8" if encoding == "utf-8-sig" else encoding
        self.rows = 0
        if encoding == "utf-8-sig":
            self._out.write(b"\xef\xbb\xbf")

    def write(self, lines: Iterable[str]) -> None:
        """Lines without their ends."""
        lines = list(lines)
        self.rows += len(lines)
        if lines:
            self._out.write(("\n".join(lines) + "\n").encode(self._encoding))

    def close(self) -> None:
        """Finish the file."""
        self._out.close()
        self._raw.close()


class ParquetFile:
    """Rows of a layout of whole numbers, in the narrowest type that holds them."""

    def __init__(self, path: Path, layout: Layout) -> None:
        self._schema = pa.schema([pa.field(c.name, _narrowest(c)) for c in layout.columns])
        self._writer = pq.ParquetWriter(path, self._schema, compression="zstd", compression_level=3)
        self._waiting: list[pa.Table] = []
        self.rows = 0

    def write(self, columns: Mapping[str, NDArray[np.int64]]) -> None:
        """Rows by column; they wait until a row group is full."""
        arrays = [pa.array(columns[f.name]).cast(f.type) for f in self._schema]
        self._waiting.append(pa.table(arrays, schema=self._schema))
        self.rows += self._waiting[-1].num_rows
        if len(self._waiting) == _BLOCKS_PER_ROW_GROUP:
            self._flush()

    def close(self) -> None:
        """Finish the file."""
        self._flush()
        self._writer.close()

    def _flush(self) -> None:
        if self._waiting:
            group = pa.concat_tables(self._waiting)
            self._writer.write_table(group, row_group_size=max(1, group.num_rows))
            self._waiting = []


def delimited(
    columns: Sequence[RawColumn], values: Mapping[str, NDArray[np.int64] | list[str]], separator: str
) -> list[str]:
    """Lines of delimited text from columns of whole numbers, or of strings that are ready.

    >>> money = RawColumn("ING", "earnings", "earnings", width=7, decimals=2)
    >>> delimited([money], {"ING": np.array([123450, 999999900])}, ";")
    ['1234,50', '9999999']
    """
    return [
        separator.join(cells) for cells in zip(*(_cells(c, values[c.name]) for c in columns), strict=True)
    ]


def dates(days: NDArray[np.int64], marks: Mapping[int, str]) -> list[str]:
    """Days since 1970-01-01 as dd/mm/yyyy; those in ``marks`` as the mark, no date as nothing.

    >>> dates(np.array([0, NO_DATE]), {})
    ['01/01/1970', '']
    """
    found, place = np.unique(days, return_inverse=True)
    texts = np.array([marks.get(int(d), _date(int(d))) for d in found], dtype=object)
    return [str(t) for t in texts[place]]


def sha256_of(path: Path) -> str:
    """The SHA-256 of a file, read piece by piece."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _date(day: int) -> str:
    if day == NO_DATE:
        return ""
    year, month, dom = str(np.datetime64(day, "D")).split("-")
    return f"{dom}/{month}/{year}"


def _cells(column: RawColumn, values: NDArray[np.int64] | list[str]) -> list[str]:
    if isinstance(values, list):
        return values
    if not column.decimals:
        return [str(v) for v in values.tolist()]
    scale = 10**column.decimals
    codes = {column.stored(c): str(c) for c in (column.refused, column.not_applicable, column.unknown) if c}
    return [codes.get(v) or f"{v // scale},{v % scale:0{column.decimals}d}" for v in values.tolist()]


def _narrowest(column: RawColumn) -> pa.DataType:
    """32 bits for keys and areas, 16 for three and four digits, 8 below."""
    if column.concept in ("household_id", "psu"):
        return pa.int32()
    return pa.int16() if column.width > 2 or column.concept == "municipality" else pa.int8()
