"""Which grids of a large cube to protect by suppression, and which to leave to recoding or cell keys.

A grid is one crossing of dimensions, each at one level of its tree. Where many of its cells are small, most
of a grid would be withheld. Where its crossing closes a ring with others, a joint table stands behind them
that must be reckoned with, cell by cell (:mod:`ring`). So the grids are taken from the largest down, if at
most a given share of their cells that are not empty is small, and if they close no ring.

It refuses nothing: what is not taken is named with its reason.

Reference: Hundepool et al. (2012), Statistical Disclosure Control, section 5.3 on the choice of tables.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from caudal.protect.cells import TOTAL, Hierarchy
from caudal.protect.ring import Edge, Key, ring_core

#: The largest share of small cells of a grid that is protected by suppression.
MOST_SMALL = 0.25


@dataclass(frozen=True)
class Grid:
    """One crossing: ``edge`` holds (dimension, depth) of each level that it divides."""

    edge: Edge
    cells: Mapping[Key, int]
    small_n: int

    @property
    def share(self) -> float:
        """Small cells among those that are not empty."""
        shown = sum(1 for n in self.cells.values() if n)
        return self.small_n / shown if shown else 0.0


@dataclass(frozen=True)
class Choice:
    """Grids to protect, grids with too many small cells, and grids that would close a ring."""

    kept: tuple[Grid, ...]
    sparse: tuple[Grid, ...]
    rings: tuple[Grid, ...]


def grids_of(
    dimensions: Iterable[str],
    cells: Mapping[Key, int],
    hierarchies: Mapping[str, Hierarchy],
    threshold: int,
) -> list[Grid]:
    """The grids of ``cells``.

    >>> found = grids_of(["a"], {("_T",): 9, ("x",): 8, ("y",): 1}, {}, 5)
    >>> [(sorted(g.edge), g.share) for g in found]
    [([], 0.0), ([(0, 0)], 0.5)]
    """
    trees = [hierarchies.get(d, {}) for d in dimensions]
    depths: list[dict[str, int]] = [{TOTAL: 0} for _ in trees]
    by_edge: dict[Edge, dict[Key, int]] = {}
    for key, n in cells.items():
        for code, known, tree in zip(key, depths, trees, strict=True):
            if code not in known:
                known[code] = _depth(code, tree)
        edge = frozenset((i, d) for i, code in enumerate(key) for d in range(depths[i][code]))
        by_edge.setdefault(edge, {})[key] = n
    return [Grid(e, c, sum(1 for n in c.values() if 0 < n < threshold)) for e, c in by_edge.items()]


def _depth(code: str, tree: Hierarchy) -> int:
    depth = 1
    while (code := tree.get(code, TOTAL)) != TOTAL:
        depth += 1
    return depth


def choose(grids: Iterable[Grid], most_small: float = MOST_SMALL) -> Choice:
    """The grids to protect, largest first."""
    kept: list[Grid] = []
    sparse: list[Grid] = []
    rings: list[Grid] = []
    for grid in sorted(grids, key=lambda g: (-len(g.cells), sorted(g.edge))):
        if grid.share > most_small:
            sparse.append(grid)
        elif ring_core([g.edge for g in kept] + [grid.edge]):
            rings.append(grid)
        else:
            kept.append(grid)
    return Choice(tuple(kept), tuple(sparse), tuple(rings))
