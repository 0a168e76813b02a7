"""What changed since the release before, in the counts and the examples that readers are told.

For each indicator: how many figures are new, revised, gone, newly withheld and newly shown, how many series
break here that did not before, and the revisions that are largest for their own error. Both releases are
public, so that their difference tells nothing that a reader could not work out; of a cell that either
withholds there is a count and never a value.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from caudal.model.release import ChangeEntry, Changes, RevisedFigure
from caudal.river.diff import CellChange, compare, edition_of, read_observations

#: So many revisions of an indicator are told one by one.
_TOLD = 5
_BREAK = "B"
_SERIES = ("indicator_code", "source_code", "concept_vector", "time_period")


def changes_since(before: Path, now: pa.Table, edition: str) -> Changes:
    """The changes from the release in the folder ``before`` to the observations ``now`` of an ``edition``."""
    old = read_observations(before)
    own = edition_of(before), edition
    by_indicator: dict[str, list[CellChange]] = defaultdict(list)
    for change in compare(old, now, own=own).cells:
        by_indicator[change.address.partition("/")[0]].append(change)
    breaks = Counter(series[0] for series in _breaks(now) - _breaks(old))
    names = sorted(by_indicator.keys() | breaks.keys())
    return Changes(
        since=own[0],
        indicators=tuple(_entry(name, by_indicator.get(name, []), breaks[name]) for name in names),
    )


def _entry(name: str, changes: list[CellChange], broken: int) -> ChangeEntry:
    counts: Mapping[str, int] = Counter(c.change for c in changes)
    moved = [c for c in changes if c.change == "revised" and c.before is not None and c.after != c.before]
    largest = sorted(moved, key=lambda c: (-_size(c), c.address))[:_TOLD]
    return ChangeEntry(
        indicator=name,
        new=counts.get("new", 0),
        revised=counts.get("revised", 0),
        gone=counts.get("gone", 0),
        withheld=counts.get("withheld", 0),
        shown=counts.get("shown", 0),
        broken=broken,
        largest=tuple(
            RevisedFigure(address=c.address, before=c.before, after=c.after)
            for c in largest
            if c.before is not None and c.after is not None
        ),
    )


def _size(change: CellChange) -> float:
    """The size of a revision in errors of the figure before; in parts of it, where it has none."""
    if change.shift_in_errors is not None:
        return abs(change.shift_in_errors)
    before, after = change.before or 0.0, change.after or 0.0
    return abs(after - before) / abs(before) if before else abs(after)


def _breaks(table: pa.Table) -> set[tuple[str, ...]]:
    """The periods of series at which some figure is flagged as a break."""
    rows = table.filter(pc.equal(table["obs_status_code"], _BREAK)).select(_SERIES).to_pylist()
    return {tuple(row[name] for name in _SERIES) for row in rows}
