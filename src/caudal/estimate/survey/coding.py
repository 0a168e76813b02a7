"""Columns as small integers: the codes by which rows are added up.

Integers in a narrow range are coded by subtraction inside the engine, few texts by an enumeration,
many by a lookup in Arrow. The code after the last label stands for a missing value.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from caudal.estimate.survey.source import Source

#: The category of a breakdown whose value is missing in the record (SDMX: unknown).
UNKNOWN = "_U"
_NARROW = 1 << 16
_FEW = 4096
_INTEGER = 1 << 31
INTEGERS = ("TINYINT", "SMALLINT", "INTEGER", "BIGINT", "UTINYINT", "USMALLINT", "UINTEGER", "UBIGINT")


def plain(column: Any) -> npt.NDArray[Any]:
    """An Arrow column of numbers as a numpy view (``to_numpy`` would load pandas where it exists)."""
    array = column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
    if array.null_count:
        return np.asarray(array.to_numpy(zero_copy_only=False))
    kind = np.dtype(array.type.to_pandas_dtype())
    return np.frombuffer(array.buffers()[1], dtype=kind)[array.offset : array.offset + len(array)]


@dataclass(frozen=True)
class Coding:
    """How an expression becomes a code: ``select`` is SQL; ``lookup`` holds the values where Arrow codes."""

    labels: tuple[str, ...]
    select: str
    missing_n: int
    lookup: pa.Array | None = field(default=None, compare=False)

    @property
    def size(self) -> int:
        """Number of codes, the one for missing values included where there are some."""
        return len(self.labels) + (1 if self.missing_n else 0)

    def decoded(self, column: Any) -> npt.NDArray[np.int64]:
        """The codes of a fetched column."""
        if self.lookup is None:
            return np.asarray(plain(column), dtype=np.int64)
        found = pc.fill_null(pc.index_in(column, value_set=self.lookup), len(self.labels))
        return np.asarray(plain(found), dtype=np.int64)

    @property
    def all_labels(self) -> tuple[str, ...]:
        """The labels by code, with the one for missing values where there are some."""
        return (*self.labels, UNKNOWN) if self.missing_n else self.labels


@dataclass(frozen=True)
class Key:
    """One integer for a tuple of coded columns: in SQL where all are coded there, else after fetching."""

    parts: tuple[Coding, ...]

    @property
    def size(self) -> int:
        """Number of values of the key."""
        size = 1
        for part in self.parts:
            size *= max(part.size, 1)
        return size

    def select(self, prefix: str) -> list[str]:
        """The SQL to fetch, each item named with ``prefix``."""
        if any(part.lookup is not None for part in self.parts):
            return [f"{part.select} AS {prefix}{k}" for k, part in enumerate(self.parts)]
        sql = "CAST(0 AS BIGINT)"
        for position, part in enumerate(self.parts):
            first = part.select if self.size < _INTEGER else f"CAST({part.select} AS BIGINT)"
            sql = first if position == 0 else f"({sql} * {part.size} + {part.select})"
        return [f"{sql} AS {prefix}0"]

    def names(self, prefix: str) -> list[str]:
        """The names of the fetched items."""
        return [f"{prefix}{k}" for k in range(len(self.select(prefix)))]

    def decoded(self, columns: Sequence[Any]) -> npt.NDArray[np.int64]:
        """The key of each fetched row."""
        if len(columns) != len(self.parts):
            return np.asarray(plain(columns[0]), dtype=np.int64)
        key = self.parts[0].decoded(columns[0])
        for part, column in zip(self.parts[1:], columns[1:], strict=True):
            key = key * max(part.size, 1) + part.decoded(column)
        return key

    def label(self, code: int) -> str:
        """The values that ``code`` stands for, joined by a slash."""
        names = []
        for part in reversed(self.parts):
            code, position = divmod(int(code), max(part.size, 1))
            names.append(part.all_labels[position])
        return "/".join(reversed(names)) or "_T"


def codings(
    source: Source,
    expressions: Sequence[str],
    kinds: Mapping[str, str],
    ranges: Mapping[str, tuple[int, int, int]],
) -> dict[str, Coding]:
    """The coding of each expression, from its type and, for integers, its range (low, high, missing).

    >>> from caudal.estimate.survey.source import opened
    >>> with opened(pa.table({"sex": ["F", "M", None], "age": [3, 5, 5]})) as source:
    ...     kinds = {'"sex"': "VARCHAR", '"age"': "BIGINT"}
    ...     found = codings(source, ['"sex"', '"age"'], kinds, {'"age"': (3, 5, 0)})
    >>> found['"sex"'].all_labels, found['"age"'].labels
    (('F', 'M', '_U'), ('3', '4', '5'))
    """
    found = {}
    for expression in dict.fromkeys(expressions):
        low, high, missing = ranges.get(expression, (0, _NARROW, 0))
        if high - low < _NARROW:
            found[expression] = _narrow(expression, low, high, missing)
        else:
            found[expression] = _listed(source, expression, kinds[expression])
    return found


def _narrow(expression: str, low: int, high: int, missing: int) -> Coding:
    labels = tuple(str(v) for v in range(low, high + 1))
    kind = "INTEGER" if max(abs(low), abs(high)) < _INTEGER else "BIGINT"
    code = f"CAST({expression} AS {kind})" + (f" - {low}" if low else "")
    select = f"coalesce({code}, {len(labels)})" if missing else f"({code})"
    return Coding(labels, select, missing)


def _listed(source: Source, expression: str, kind: str) -> Coding:
    is_number = kind in INTEGERS
    value = expression if is_number else f"CAST({expression} AS VARCHAR)"
    rows = source.rows(f"SELECT {value} AS v, count(*) FROM {source.relation} GROUP BY 1")
    missing = sum(n for v, n in rows if v is None)
    values = sorted(v for v, _ in rows if v is not None)
    labels = tuple(str(v) for v in values)
    if len(values) > _FEW or is_number:
        known = pa.array(values, pa.int64() if is_number else pa.string())
        shown = f"CAST({expression} AS BIGINT)" if is_number else value
        return Coding(labels, shown, missing, known)
    if not values:
        return Coding((), "CAST(0 AS BIGINT)", missing)
    listed = ", ".join("'" + v.replace("'", "''") + "'" for v in values)
    code = f"CAST(enum_code(CAST({value} AS ENUM({listed}))) AS BIGINT)"
    return Coding(labels, f"coalesce({code}, {len(labels)})" if missing else code, missing)
