"""Columns as small integers: the codes by which rows are added up.

Integers in a narrow range are coded by subtraction inside the engine, few texts by an enumeration,
many by a lookup in Arrow. The code after the last label stands for a missing value.
"""

from __future__ import annotations

from collections.abc import Sequence
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
_INTEGERS = ("TINYINT", "SMALLINT", "INTEGER", "BIGINT", "UTINYINT", "USMALLINT", "UINTEGER", "UBIGINT")


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
            return np.asarray(column.to_numpy(zero_copy_only=False), dtype=np.int64)
        found = pc.fill_null(pc.index_in(column, value_set=self.lookup), len(self.labels))
        return np.asarray(found.to_numpy(zero_copy_only=False), dtype=np.int64)

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
            sql = part.select if position == 0 else f"({sql} * {part.size} + {part.select})"
        return [f"{sql} AS {prefix}0"]

    def names(self, prefix: str) -> list[str]:
        """The names of the fetched items."""
        return [f"{prefix}{k}" for k in range(len(self.select(prefix)))]

    def decoded(self, columns: Sequence[Any]) -> npt.NDArray[np.int64]:
        """The key of each fetched row."""
        if len(columns) != len(self.parts):
            return np.asarray(columns[0].to_numpy(zero_copy_only=False), dtype=np.int64)
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


def codings(source: Source, expressions: Sequence[str]) -> dict[str, Coding]:
    """The coding of each expression: one scan for all integers, one for each other column.

    >>> from caudal.estimate.survey.source import opened
    >>> with opened(pa.table({"sex": ["F", "M", None], "age": [3, 5, 5]})) as source:
    ...     found = codings(source, ['"sex"', '"age"'])
    >>> found['"sex"'].all_labels, found['"age"'].labels
    (('F', 'M', '_U'), ('3', '4', '5'))
    """
    distinct = list(dict.fromkeys(expressions))
    if not distinct:
        return {}
    typed = source.rows(
        f"SELECT {', '.join(f'typeof({e})' for e in distinct)} FROM {source.relation} LIMIT 1"
    )
    kinds = dict(zip(distinct, typed[0], strict=True)) if typed else {}
    integers = [e for e in distinct if kinds.get(e) in _INTEGERS]
    ranges = _ranges(source, integers)
    found = {}
    for expression in distinct:
        low, high, missing = ranges.get(expression, (None, None, 0))
        if low is not None and high is not None and high - low < _NARROW:
            found[expression] = _narrow(expression, low, high, missing)
        else:
            found[expression] = _listed(source, expression, str(kinds.get(expression, "VARCHAR")))
    return found


def _ranges(source: Source, expressions: Sequence[str]) -> dict[str, tuple[int | None, int | None, int]]:
    if not expressions:
        return {}
    asked = ", ".join(f"min({e}), max({e}), count(*) - count({e})" for e in expressions)
    row = source.rows(f"SELECT {asked} FROM {source.relation}")[0]
    return {e: (row[3 * i], row[3 * i + 1], row[3 * i + 2]) for i, e in enumerate(expressions)}


def _narrow(expression: str, low: int, high: int, missing: int) -> Coding:
    labels = tuple(str(v) for v in range(low, high + 1))
    code = f"CAST({expression} AS BIGINT) - {low}" if low else f"CAST({expression} AS BIGINT)"
    select = f"coalesce({code}, {len(labels)})" if missing else f"({code})"
    return Coding(labels, select, missing)


def _listed(source: Source, expression: str, kind: str) -> Coding:
    is_number = kind in _INTEGERS
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
