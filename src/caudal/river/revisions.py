"""How far figures moved since the release before: their number and size, by indicator.

Two cells are the same figure where their addresses agree but for the edition. A revision is the absolute
difference in percent of the figure before, of which the median and the largest are told; of a figure that was
zero, that it was revised and no size. Only figures that both releases show are looked at, so nothing is told
of one that either withholds. Differences below the precision of a double are none.

Reference: SIMS 2.0, concept S.17.2, data revision: practice.
"""

from __future__ import annotations

import math
from statistics import median

import pyarrow as pa
import pyarrow.compute as pc

from caudal.model.observation import address
from caudal.model.release import RevisionEntry

_SAME = 1e-9


def revisions(before: pa.Table, now: pa.Table) -> tuple[RevisionEntry, ...]:
    """What became of the figures of the observations ``before`` in those of ``now``, by indicator.

    An indicator of which the two share no figure is left out.
    """
    old, new = _figures(before), _figures(now)
    pairs: dict[str, list[tuple[float, float]]] = {}
    for place in sorted(old.keys() & new.keys()):
        pairs.setdefault(place.partition("/")[0], []).append((old[place], new[place]))
    return tuple(_entry(name, own) for name, own in pairs.items())


def _figures(table: pa.Table) -> dict[str, float]:
    """Address without edition -> value of the newest edition."""
    shown = table.filter(pc.is_valid(table["value"]))
    rows = sorted(shown.to_pylist(), key=lambda r: str(r["vintage"]))
    return {address(r).rpartition("@")[0]: float(r["value"]) for r in rows}


def _entry(name: str, pairs: list[tuple[float, float]]) -> RevisionEntry:
    moved = [(a, b) for a, b in pairs if not math.isclose(a, b, rel_tol=_SAME, abs_tol=_SAME)]
    sizes = sorted(100 * abs(b - a) / abs(a) for a, b in moved if a)
    return RevisionEntry(
        indicator=name,
        figures=len(pairs),
        revised=len(moved),
        median=median(sizes) if sizes else None,
        largest=sizes[-1] if sizes else None,
    )
