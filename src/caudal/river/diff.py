"""What changed between two releases, cell by cell, before anyone publishes.

Cells are matched on their whole key except the vintage. A cell is *new*, *gone*, *revised* (another value
or another error), *newly withheld*, *newly shown* or *unchanged*.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import pyarrow as pa
import pyarrow.parquet as pq

from caudal.errors import CaudalError, problem
from caudal.model.observation import address, conform, dimensions_of, key_columns
from caudal.model.release import OBSERVATIONS

Change = Literal["new", "gone", "revised", "withheld", "shown", "unchanged"]


@dataclass(frozen=True)
class CellChange:
    """One cell in two releases; null where it is not there, or withheld."""

    address: str
    change: Change
    before: float | None
    after: float | None
    shift_in_errors: float | None
    """The change in units of the earlier cell's sampling error, where it has one."""


@dataclass(frozen=True)
class Comparison:
    """All changes, and how many there are of each kind."""

    cells: tuple[CellChange, ...]
    counts: Mapping[str, int]


def compare_releases(before: Path, after: Path) -> Comparison:
    """The changes from one release folder to another."""
    return compare(read_observations(before), read_observations(after))


def compare(before: pa.Table, after: pa.Table) -> Comparison:
    """The changes from one observation table to another, in the order of their addresses."""
    dimensions = tuple(dict.fromkeys([*dimensions_of(before), *dimensions_of(after)]))
    first, second = _by_key(before, dimensions), _by_key(after, dimensions)
    changes = tuple(sorted(_changes(first, second), key=lambda c: c.address))
    counts = Counter(c.change for c in changes)
    return Comparison(tuple(c for c in changes if c.change != "unchanged"), dict(sorted(counts.items())))


def read_observations(release: Path) -> pa.Table:
    """The observations of a release folder."""
    path = release / OBSERVATIONS
    if not path.is_file():
        raise CaudalError(problem("release-incomplete", where=str(release), found=OBSERVATIONS))
    return pq.read_table(path)


def _by_key(table: pa.Table, dimensions: tuple[str, ...]) -> dict[tuple[str, ...], dict[str, Any]]:
    """Rows by their key. The edition of the release itself is left out of it; that of a source with editions
    of its own stays."""
    names = [n for n in key_columns(dimensions) if n != "vintage"]
    rows = conform(table, dimensions).to_pylist()
    own = Counter(r["vintage"] for r in rows).most_common(1)[0][0] if rows else ""
    return {(*(r[n] for n in names), "" if r["vintage"] == own else r["vintage"]): r for r in rows}


def _changes(
    first: Mapping[tuple[str, ...], dict[str, Any]], second: Mapping[tuple[str, ...], dict[str, Any]]
) -> Iterator[CellChange]:
    for key in sorted(first.keys() | second.keys()):
        old, new = first.get(key), second.get(key)
        before, after = (old or {}).get("value"), (new or {}).get("value")
        error = (old or {}).get("sampling_se")
        shift = (after - before) / error if before is not None and after is not None and error else None
        yield CellChange(address(new or old or {}), _kind(old, new), before, after, shift)


def _kind(old: Mapping[str, Any] | None, new: Mapping[str, Any] | None) -> Change:
    if old is None:
        return "new"
    if new is None:
        return "gone"
    if (old["value"] is None) != (new["value"] is None):
        return "withheld" if new["value"] is None else "shown"
    measures = ("value", "sampling_se", "lower", "upper", "obs_status_code", "unit_code", "reliability")
    return "unchanged" if all(old[m] == new[m] for m in measures) else "revised"
