"""Cubes: the simplest alternatives of a system of cells, and what each would cost.

Along every dimension a cube either moves one unit from one finest category to another (and between the
nodes above them), or adds one at a finest category and at all nodes above, the total included. The product of
these is a table of deviations that keeps every equation of every table, hidden joint cells too:

    d(key) = product over the dimensions of v_i(key_i),   v_i = path(leaf) - path(other leaf), or path(leaf).

A cube that can be taken ``values - 1`` times, forwards and backwards together, proves every cell that it
moves. Its price is that of the cells in it that are still shown. Good patterns are seldom made of cubes, but
where a search leaves a few cells open, a cube is a certain way to close them.

It refuses cubes that move a cell that must stay shown, or an empty one where empty cells are shown.

Reference: Repsilber (1994) and Giessing (2003) on hypercubes; here each cube is held against all equations.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from math import prod

import numpy as np

from caudal.protect.cells import TOTAL, Bools, CellSystem, Floats, Ints

#: Before the name of a leaf in the key of a joint cell.
JOINT = "joint:"
#: Cubes that are tried after the cheapest so far.
PATIENCE = 100
Key = tuple[str, ...]
#: Cells and deviations.
Cube = tuple[Ints, Ints]


@dataclass(frozen=True)
class Rules:
    """What a cube may move: the least of each withheld cell, those that must stay, prices."""

    lower: Ints
    barred: Bools
    cost: Floats
    values: int


def is_joint(key: Key) -> bool:
    """Whether nobody publishes the cell and it stands behind all tables."""
    return any(c.startswith(JOINT) for c in key)


def trees(system: CellSystem) -> list[dict[str, str]]:
    """Child -> parent along each dimension, as the equations have it."""
    found: list[dict[str, str]] = [{} for _ in system.dimensions]
    starts, columns, signs = system.matrix.indptr, system.matrix.indices, system.matrix.data
    for e in range(system.matrix.shape[0]):
        row, sign = columns[starts[e] : starts[e + 1]], signs[starts[e] : starts[e + 1]]
        up, down = row[sign < 0], row[sign > 0]
        if len(up) != 1 or not len(down) or is_joint(system.keys[down[0]]):
            continue
        whole, first = system.keys[up[0]], system.keys[down[0]]
        differing = [i for i, (a, b) in enumerate(zip(whole, first, strict=True)) if a != b]
        if len(differing) == 1:
            at = differing[0]
            found[at].update({system.keys[c][at]: whole[at] for c in down})
    return found


class Cubes:
    """Cubes through the cells of one system."""

    def __init__(self, system: CellSystem) -> None:
        self.system = system
        self.parents = trees(system)
        self.leaves = [self._under(p) for p in self.parents]
        sizes = [self._sizes(i) for i in range(len(system.dimensions))]
        self.ladder = [
            {
                node: np.cumsum(np.sqrt([sizes[i].get(leaf, 0.0) + 1.0 for leaf in under]))
                for node, under in by.items()
            }
            for i, by in enumerate(self.leaves)
        ]

    def _under(self, parents: Mapping[str, str]) -> dict[str, list[str]]:
        inner = set(parents.values())
        found: dict[str, list[str]] = {}
        for leaf in sorted(c for c in parents if c not in inner):
            for node in self.path(leaf, parents):
                found.setdefault(node, []).append(leaf)
        return found

    def _sizes(self, axis: int) -> dict[str, float]:
        """The size of each leaf: the largest cell with it."""
        found: dict[str, float] = {}
        for key, n in zip(self.system.keys, self.system.counts.tolist(), strict=True):
            found[key[axis]] = max(found.get(key[axis], 0.0), float(n))
        return found

    @staticmethod
    def path(leaf: str, parents: Mapping[str, str]) -> list[str]:
        """A leaf and all nodes above it, the total included."""
        found = [leaf]
        while found[-1] in parents:
            found.append(parents[found[-1]])
        return found if found[-1] == TOTAL else [*found, TOTAL]

    def pick(self, axis: int, node: str, rng: np.random.Generator) -> str:
        """A leaf under ``node``, large ones more often."""
        leaves = self.leaves[axis].get(node)
        if not leaves:
            return node
        ladder = self.ladder[axis][node]
        return leaves[int(np.searchsorted(ladder, rng.random() * ladder[-1]))]

    def contrast(self, axis: int, node: str, rng: np.random.Generator) -> dict[str, int]:
        """What moves along one dimension: mostly from ``node`` to a sibling, else from nowhere."""
        parents = self.parents[axis]
        moved = dict.fromkeys(self.path(self.pick(axis, node, rng), parents), 1)
        above = parents.get(node)
        if above is None or rng.random() < 0.1:
            return moved
        other = self.pick(axis, above, rng)
        for n in self.path(other, parents):
            moved[n] = moved.get(n, 0) - 1
        return {n: v for n, v in moved.items() if v}

    def deviations(self, along: Sequence[Mapping[str, int]]) -> Cube:
        """The cells that the product of ``along`` moves."""
        index, found = self.system.index, {}
        for part in product(*(v.items() for v in along)):
            sign = prod(v for _, v in part)
            key = tuple(n for n, _ in part)
            hidden = tuple(n if n == TOTAL else JOINT + n for n in key)
            for k in (key, hidden):
                if (at := index.get(k)) is not None:
                    found[at] = sign
        return np.fromiter(found, np.int64, len(found)), np.fromiter(found.values(), np.int64, len(found))

    def cheapest(
        self, cell: int, suppressed: Bools, rules: Rules, rng: np.random.Generator, tries: int
    ) -> tuple[Cube, range] | None:
        """The cheapest of ``tries`` cubes through a cell that proves it, and how often it can be taken."""
        best: tuple[float, Cube, range] | None = None
        last = 0
        for turn in range(tries):
            if best is not None and turn > last + PATIENCE:
                break
            along = [self.contrast(i, n, rng) for i, n in enumerate(self.system.keys[cell])]
            cells, moved = self.deviations(along)
            if cell not in cells:
                continue
            price = self._price(cells, suppressed, rules)
            if best is not None and price >= best[0]:
                continue
            steps = self._steps(cells, moved, rules)
            if np.isfinite(price) and len(steps) >= rules.values and self._adds_up(cells, moved):
                best, last = (price, (cells, moved), steps), turn
                if price == 0:
                    break
        return None if best is None else best[1:]

    def _price(self, cells: Ints, suppressed: Bools, rules: Rules) -> float:
        new = cells[~suppressed[cells]]
        return float("inf") if rules.barred[new].any() else float(rules.cost[new].sum())

    def _steps(self, cells: Ints, moved: Ints, rules: Rules) -> range:
        """How often a cube can be taken, backwards and forwards, at most as often as a proof needs."""
        room = self.system.counts[cells] - rules.lower[cells]
        most = rules.values - 1
        forth = int(min(room[moved < 0].min(initial=most), most))
        back = int(min(room[moved > 0].min(initial=most), most - forth))
        return range(-back, forth + 1)

    def _adds_up(self, cells: Ints, moved: Ints) -> bool:
        whole = np.zeros(self.system.size, np.int64)
        whole[cells] = moved
        return not (self.system.matrix @ whole).any()


def moves_of(cube: Cube, steps: Iterable[int]) -> list[Cube]:
    """A cube taken a number of times."""
    return [(cube[0], cube[1] * k) for k in steps if k]
