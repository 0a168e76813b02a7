"""Records: data about units, in the common language. The other of the two tables that cross the walls.

A **kind** of record is declared once, as one module of :mod:`caudal.model.kinds`: its unit, its columns
with their code lists, its invariants, and what of it may leave. Nothing else in this room changes when a
kind is added.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import cache

import pyarrow as pa


class Leaves(StrEnum):
    """What of a kind may leave the builder's side."""

    NEVER = "never"
    """Data about people: only protected observations made from them leave."""
    AT_PRECISION = "at_precision"
    """Leaves as records, at the precision that the custodian's file allows."""
    AS_PUBLISHED = "as_published"
    """Public when its producer published it."""
    PUBLIC = "public"
    """Public things: laws, institutions, services."""


class Holds(StrEnum):
    """What a column holds."""

    CODE = "code"
    INTEGER = "integer"
    DECIMAL = "decimal"
    DATE = "date"
    INSTANT = "instant"
    """A date and time of day, local to where it happened."""
    TEXT = "text"
    KEY = "key"
    """An identifier of a unit: replaced by a keyed hash at the door."""


ARROW_TYPES: Mapping[Holds, pa.DataType] = {
    Holds.CODE: pa.string(),
    Holds.INTEGER: pa.int64(),
    Holds.DECIMAL: pa.float64(),
    Holds.DATE: pa.date32(),
    Holds.INSTANT: pa.timestamp("us"),
    Holds.TEXT: pa.string(),
    Holds.KEY: pa.string(),
}


@dataclass(frozen=True)
class Column:
    """One column: what it holds, from which code list, and in one line what it means."""

    name: str
    holds: Holds
    meaning: str
    code_list: str = ""
    required: bool = False


@dataclass(frozen=True)
class Invariant:
    """A condition that every record of a kind satisfies, in SQL over its columns; a record for which it
    is false is quarantined with ``name`` as its reason. Unknown (null) passes."""

    name: str
    sql: str


@dataclass(frozen=True)
class RecordKind:
    """A kind of record. ``count_column`` names the column that says how many units one row stands for,
    where rows are counts; empty where a row is one unit. ``made`` are columns that its family of estimators
    adds: formulas may read them, no source fills them."""

    name: str
    unit: str
    columns: tuple[Column, ...]
    leaves: Leaves
    invariants: tuple[Invariant, ...] = ()
    count_column: str = ""
    made: tuple[Column, ...] = ()

    def column(self, name: str) -> Column | None:
        """The column called ``name``, or None."""
        return next((c for c in self.columns if c.name == name), None)

    @property
    def key(self) -> tuple[str, ...]:
        """Names of the columns that identify a record within a delivery."""
        return tuple(c.name for c in self.columns if c.holds is Holds.KEY and c.required)


#: Columns that every record carries, of any kind: when it was true, when we knew it, where it came from.
PROVENANCE_COLUMNS = (
    Column(
        "valid_period",
        Holds.TEXT,
        "the period for which the record is true, as its delivery declares",
        required=True,
    ),
    Column(
        "known_at", Holds.TEXT, "the date at which the delivery was registered as received", required=True
    ),
    Column("delivery_code", Holds.TEXT, "the delivery that it came from", required=True),
    Column("raw_row", Holds.INTEGER, "row of the raw file, counted from 1 after the header", required=True),
)


@cache
def record_kinds() -> Mapping[str, RecordKind]:
    """All kinds, by name: the ``KIND`` of every module of :mod:`caudal.model.kinds`.

    >>> record_kinds()["person"].leaves
    <Leaves.NEVER: 'never'>
    """
    from caudal.model import kinds

    found = (
        importlib.import_module(f"{kinds.__name__}.{m.name}") for m in pkgutil.iter_modules(kinds.__path__)
    )
    return {m.KIND.name: m.KIND for m in sorted(found, key=lambda m: m.__name__)}
