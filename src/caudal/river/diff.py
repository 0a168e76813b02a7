"""What changed between two releases, cell by cell, before anyone publishes.

Cells are matched on their whole key. The edition of the release itself is left out of it; that of a source
with editions of its own stays, so that a cell of one edition is compared with itself. Where the newest
edition of a figure is another one, the two newest are compared: a second edition of the same table shows
as its revisions, with both editions named, and not as so many cells gone and as many new. A cell is *new*,
*gone*, *revised* (another value, error or status), *newly withheld*, *newly shown* or *unchanged*.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import pyarrow as pa
import pyarrow.parquet as pq

from caudal.errors import CaudalError, problem
from caudal.model.editions import edition_order
from caudal.model.observation import address, conform, declared, dimensions_of, key_columns
from caudal.model.release import OBSERVATIONS, STRUCTURE
from caudal.river.signing import verify_cells

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
    edition_before: str = ""
    """The edition that the earlier figure had, where a newer edition took its place."""


@dataclass(frozen=True)
class Comparison:
    """All changes, and how many there are of each kind."""

    cells: tuple[CellChange, ...]
    counts: Mapping[str, int]


def compare_releases(before: Path, after: Path) -> Comparison:
    """The changes from one release folder to another.

    Raises :class:`CaudalError` (integrity) where one of them is not whole.
    """
    if damaged := [p for release in (before, after) for p in verify_cells(release)]:
        raise CaudalError(*damaged)
    tables = read_observations(before), read_observations(after)
    return compare(*tables, own=(edition_of(before), edition_of(after)))


def compare(before: pa.Table, after: pa.Table, own: tuple[str, str] = ("", "")) -> Comparison:
    """The changes from one observation table to another, in the order of their addresses. ``own`` are the
    editions of the releases themselves, under which one figure stands in both."""
    dimensions = tuple(dict.fromkeys([*dimensions_of(before), *dimensions_of(after)]))
    first, second = _by_key(before, dimensions, own[0]), _by_key(after, dimensions, own[1])
    changes = tuple(sorted(_changes(first, second), key=lambda c: c.address))
    counts = Counter(c.change for c in changes)
    return Comparison(tuple(c for c in changes if c.change != "unchanged"), dict(sorted(counts.items())))


def read_observations(release: Path) -> pa.Table:
    """The observations of a release folder.

    Raises :class:`CaudalError` (integrity) where they are missing, damaged or of another version.
    """
    path = release / OBSERVATIONS
    if not path.is_file():
        raise CaudalError(problem("release-incomplete", where=str(release), found=OBSERVATIONS))
    try:
        return declared(pq.read_table(path))
    except (pa.ArrowException, ValueError, KeyError) as error:
        raise CaudalError(problem("publish-unreadable", where=str(release), reason=error)) from error


def edition_of(release: Path) -> str:
    """The edition of a release, as its structure says."""
    path = release / STRUCTURE
    try:
        return str(json.loads(path.read_bytes())["vintage"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise CaudalError(problem("release-incomplete", where=str(release), found=STRUCTURE)) from error


#: The cells of one figure by their edition, empty for that of the release itself.
Editions = Mapping[str, Mapping[str, Any]]


def _by_key(table: pa.Table, dimensions: tuple[str, ...], own: str) -> Mapping[tuple[str, ...], Editions]:
    """The editions of each figure by its key without the vintage."""
    names = [n for n in key_columns(dimensions) if n != "vintage"]
    rows = conform(table, dimensions).to_pylist()
    found: dict[tuple[str, ...], dict[str, Mapping[str, Any]]] = {}
    for row in rows:
        edition = "" if row["vintage"] == own else str(row["vintage"])
        found.setdefault(tuple(row[n] for n in names), {})[edition] = row
    return found


def _changes(
    first: Mapping[tuple[str, ...], Editions], second: Mapping[tuple[str, ...], Editions]
) -> Iterator[CellChange]:
    for key in sorted(first.keys() | second.keys()):
        before, after = first.get(key, {}), second.get(key, {})
        for one, other in _pairs(before, after):
            old = None if one is None else before[one]
            new = None if other is None else after[other]
            yield _change(old, new, one if one and other not in (None, one) else "")


def _pairs(before: Editions, after: Editions) -> Iterator[tuple[str | None, str | None]]:
    """Which edition of a figure is compared with which: each with itself, and the newest of both sides."""
    both = before.keys() & after.keys()
    gone, new = before.keys() - both, after.keys() - both
    yield from ((e, e) for e in sorted(both))
    last, newest = max(before, key=edition_order, default=""), max(after, key=edition_order, default="")
    if newest in new and before:
        yield last, newest
        gone, new = gone - {last}, new - {newest}
    yield from ((None, e) for e in sorted(new))
    yield from ((e, None) for e in sorted(gone))


def _change(old: Mapping[str, Any] | None, new: Mapping[str, Any] | None, replaced: str) -> CellChange:
    before, after = (old or {}).get("value"), (new or {}).get("value")
    error = (old or {}).get("sampling_se")
    shift = (after - before) / error if before is not None and after is not None and error else None
    return CellChange(address(new or old or {}), _kind(old, new), before, after, shift, replaced)


def _kind(old: Mapping[str, Any] | None, new: Mapping[str, Any] | None) -> Change:
    if old is None:
        return "new"
    if new is None:
        return "gone"
    if (old["value"] is None) != (new["value"] is None):
        return "withheld" if new["value"] is None else "shown"
    measures = ("value", "sampling_se", "lower", "upper", "obs_status_code", "unit_code", "reliability")
    return "unchanged" if all(old[m] == new[m] for m in measures) else "revised"
