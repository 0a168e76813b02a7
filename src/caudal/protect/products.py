"""A pattern made of cubes: certified by construction, for where the search ends without a proof.

A cube (:mod:`cubes`) that can be taken ``values - 1`` times proves every cell that it moves. So whatever
cubes are chosen, one at least through each cell that must be withheld, their cells are a pattern and they are
its proof. Chosen are the cheapest, those through cells with fewest choices first; then a few cubes that share
cells are taken out and others put in, and what is not dearer is kept.

All cubes through a cell are looked at as long as they are few and small, else a part of them, drawn; one of
more than four million corners is none. Each is held against all equations of the system, so that one that
lacks a hidden cell is no cube. Patterns of cubes withhold more than those of the search: every cube has two
cells or more along each dimension.

It refuses a cell through which no cube leads: then there is no pattern.

Reference: Repsilber (1994); Giessing and Repsilber (2002) on hypercubes; Schrimpf et al. (2000) on ruin and
recreate.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import sparse

from caudal.protect.attacker import Knowledge
from caudal.protect.cells import TOTAL, Bools, CellSystem, Floats, Ints
from caudal.protect.cubes import JOINT, Cubes, is_joint

Move = tuple[Ints, Ints]
#: Nodes and signs along one dimension; a sign of 0 fills up.
Along = tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]

#: Cubes looked at through one cell, and kept of them.
LOOKED_AT, KEPT = 4000, 500
#: Corners of all cubes that are looked at at once: those of one cube double with every dimension.
MOST_CORNERS = 4_000_000
#: Changes tried, times the cells that must be withheld; cubes taken out in one, at most.
CHANGES_A_CELL, RUIN = 12, 8


@dataclass(frozen=True)
class Choices:
    """Cubes through one cell: their cells (``size`` fills up), signs, how often forwards and backwards."""

    cells: Ints
    signs: Ints
    forth: Ints
    back: Ints


def cube_pattern(
    system: CellSystem,
    know: Knowledge,
    always: Bools,
    candidate: Bools,
    cost: Floats,
    *,
    cells: Ints | None = None,
    seed: int = 0,
    deadline: float = np.inf,
) -> tuple[Bools, list[Move]] | None:
    """Cells to withhold, and the alternatives that prove them; None where a cell has no cube, or no time.

    ``cells``: those that are not proved otherwise; all that must be, where it is not given. ``know``,
    ``always`` and ``candidate`` as in the search: what the attacker knows and what each cell must be able to
    move, the cells that are withheld whatever it costs, and those that may be.
    """
    finder = _Finder(system, know, always | candidate, np.where(always, 0.0, cost), seed)
    choices: dict[int, Choices] = {}
    for cell in np.flatnonzero(always & (know.demand > 0)) if cells is None else cells:
        found = None if time.process_time() > deadline else finder.through(int(cell))
        if found is None:
            return None
        choices[int(cell)] = found
    cover = _Cover(system.size, always, cost, choices, np.random.default_rng(seed))
    cover.greedy()
    cover.improve(CHANGES_A_CELL * len(choices), deadline)
    moves = [m for cell, at in cover.chosen.items() for m in finder.moves(choices[cell], at)]
    return always | (cover.use[:-1] > 0), moves


class _Finder:
    """All cubes through a cell."""

    def __init__(self, system: CellSystem, know: Knowledge, allowed: Bools, price: Floats, seed: int) -> None:
        self.system = system
        self.trees = Cubes(system)
        self.rng = np.random.default_rng(seed)
        self.matrix = system.matrix.tocsr()
        self.allowed = np.append(allowed, True)
        self.room = np.append(know.values - know.lower, np.inf)
        self.demand = np.append(know.demand, 0.0)
        self.price = np.append(price, 0.0)
        self.nodes = [sorted({k[i] for k in system.keys}) for i in range(len(system.dimensions))]
        self.place = [{n: at for at, n in enumerate(names)} for names in self.nodes]
        self.strides = self._strides()
        codes = np.array([self._code(k) for k in system.keys], np.int64)
        self.order = np.argsort(codes, kind="stable")
        self.codes = codes[self.order]
        self.joint = np.array([is_joint(k) for k in system.keys], bool)
        self.known: dict[tuple[int, str], list[tuple[list[int], list[int], list[int]]]] = {}

    def _strides(self) -> list[int]:
        """What a node counts in the number of a key (whole numbers of Python: they may be large)."""
        found = [1]
        for names in reversed(self.nodes[1:]):
            found.append(found[-1] * len(names))
        return found[::-1] if found[-1] * len(self.nodes[0]) < 2**62 else []

    def _code(self, key: Sequence[str]) -> int:
        return sum(s * p[n] for s, p, n in zip(self.strides, self.place, key, strict=False))

    def through(self, cell: int) -> Choices | None:
        """The cubes through ``cell`` that prove it, cheapest first; None where there is none."""
        if not self.strides:
            return None
        along = [self._along(i, n) for i, n in enumerate(self.system.keys[cell])]
        corners = np.prod([max((len(w[2]) for w in ways), default=1) for ways in along], dtype=float)
        if corners > MOST_CORNERS:
            return None
        self._thin(along, min(LOOKED_AT, MOST_CORNERS / corners))
        cells, signs = self._corners(along, 0)
        if self.joint.any():
            hidden = self._corners(along, 1)
            cells, signs = np.hstack([cells, hidden[0]]), np.hstack([signs, hidden[1]])
        signs = np.where(cells < self.system.size, signs, 0)
        return self._proving(*_closed_up(cells, signs), cell)

    def _along(self, axis: int, node: str) -> list[tuple[list[int], list[int], list[int]]]:
        """Ways to move along one dimension: nodes, nodes of joint cells, signs."""
        if (axis, node) not in self.known:
            trees = self.trees
            under = trees.leaves[axis].get(node, [node])
            others = sorted(set().union(*trees.leaves[axis].values()) - set(under))
            ways = [self._way(axis, a, b) for a in under for b in [None, *others]]
            at = self.place[axis].get(node)
            self.known[axis, node] = [w for w in ways if at in w[0]]
        return list(self.known[axis, node])

    def _way(self, axis: int, leaf: str, other: str | None) -> tuple[list[int], list[int], list[int]]:
        parents, place = self.trees.parents[axis], self.place[axis]
        moved = dict.fromkeys(self.trees.path(leaf, parents), 1)
        for n in self.trees.path(other, parents) if other is not None else ():
            moved[n] = moved.get(n, 0) - 1
        moved = {n: v for n, v in moved.items() if v}
        plain = [place.get(n, -1) for n in moved]
        joint = [place.get(n if n == TOTAL else JOINT + n, -1) for n in moved]
        return plain, joint, list(moved.values())

    def _thin(self, along: list[list[tuple[list[int], list[int], list[int]]]], most: float) -> None:
        """Draw from the longest list until there are no more than ``most`` products."""
        while np.prod([float(len(a)) for a in along]) > most:
            longest = max(range(len(along)), key=lambda i: (len(along[i]), -i))
            ways = along[longest]
            drawn = np.sort(self.rng.permutation(len(ways))[: max(1, len(ways) // 2)])
            along[longest] = [ways[i] for i in drawn]

    def _corners(
        self, along: list[list[tuple[list[int], list[int], list[int]]]], kind: int
    ) -> tuple[Ints, Ints]:
        """Cells and signs of all products; a corner that no table has is ``size``."""
        codes, signs = np.zeros((1, 1), np.int64), np.ones((1, 1), np.int64)
        for ways, stride in zip(along, self.strides, strict=True):
            width = max(len(w[2]) for w in ways)
            node = np.array([w[kind] + [-1] * (width - len(w[2])) for w in ways], np.int64)
            sign = np.array([w[2] + [0] * (width - len(w[2])) for w in ways], np.int64)
            sign = np.where(node < 0, 0, sign)
            many = len(codes) * len(ways)
            codes = (codes[:, None, :, None] + (node.clip(0) * stride)[None, :, None, :]).reshape(many, -1)
            signs = (signs[:, None, :, None] * sign[None, :, None, :]).reshape(many, -1)
        at = np.searchsorted(self.codes, codes).clip(0, len(self.codes) - 1)
        there = (self.codes[at] == codes) & (signs != 0) & (self.joint[self.order[at]] == bool(kind))
        return np.where(there, self.order[at], self.system.size), signs

    def _proving(self, cells: Ints, signs: Ints, cell: int) -> Choices | None:
        """Those that may be moved, far enough, and that keep every equation."""
        good = self.allowed[cells].all(axis=1) & (cells == cell).any(axis=1)
        cells, signs = cells[good], signs[good]
        need = np.ceil(self.demand[cells].max(axis=1, initial=0.0) - 1e-9)
        forth = np.minimum(np.where(signs < 0, self.room[cells], np.inf).min(axis=1, initial=np.inf), need)
        room = np.where(signs > 0, self.room[cells], np.inf).min(axis=1, initial=np.inf)
        back = np.minimum(room, need - forth)
        enough = np.flatnonzero((forth >= 0) & (back >= 0) & (forth + back >= need))
        price = self.price[cells[enough]].sum(axis=1)
        kept = enough[np.argsort(price, kind="stable")[:KEPT]]
        kept = kept[self._adds_up(cells[kept], signs[kept])]
        if not len(kept):
            return None
        forth, back = np.floor(forth[kept]).astype(np.int64), np.floor(back[kept]).astype(np.int64)
        return Choices(cells[kept], signs[kept], forth, back)

    def _adds_up(self, cells: Ints, signs: Ints) -> Bools:
        many, width = cells.shape
        at, inside = np.repeat(np.arange(many), width), (cells < self.system.size).ravel()
        moved = sparse.csc_array(
            (signs.ravel()[inside], (cells.ravel()[inside], at[inside])), shape=(self.system.size, many)
        )
        return np.asarray(abs(self.matrix @ moved).sum(axis=0) == 0, bool).ravel()

    def moves(self, choices: Choices, at: int) -> list[Move]:
        """One cube of the choices, taken as often as its proof needs."""
        inside = choices.cells[at] < self.system.size
        cells, signs = choices.cells[at][inside], choices.signs[at][inside]
        order = np.argsort(cells)
        times = range(-int(choices.back[at]), int(choices.forth[at]) + 1)
        return [(cells[order], signs[order] * k) for k in times if k]


def _closed_up(cells: Ints, signs: Ints) -> tuple[Ints, Ints]:
    """The cells of each cube without the corners that no table has, as far as the fullest cube allows."""
    width = int((signs != 0).sum(axis=1).max(initial=0))
    order = np.argsort(signs == 0, axis=1, kind="stable")[:, :width]
    return np.take_along_axis(cells, order, 1), np.take_along_axis(signs, order, 1)


class _Cover:
    """Which cube each cell that must be withheld is in."""

    def __init__(
        self,
        size: int,
        always: Bools,
        cost: Floats,
        choices: dict[int, Choices],
        rng: np.random.Generator,
    ) -> None:
        self.choices, self.rng = choices, rng
        self.cost = np.append(np.where(always, 0.0, cost), 0.0)
        self.use, self.price = np.zeros(size + 1, np.int64), self.cost.copy()
        self.wanted = np.zeros(size + 1, bool)
        self.wanted[list(choices)] = True
        self.chosen: dict[int, int] = {}
        self.owners: dict[int, set[int]] = {}

    def greedy(self) -> None:
        """The cheapest cube for each cell, those with fewest choices first."""
        for cell in sorted(self.choices, key=lambda c: (len(self.choices[c].cells), c)):
            if not self.use[cell]:
                self._put(cell, self._best(cell, 0.0))

    def improve(self, changes: int, deadline: float) -> None:
        """Ruin and recreate."""
        names = list(self.chosen)
        for turn in range(changes):
            if turn % 256 == 0:
                names = list(self.chosen)
                if time.process_time() > deadline:
                    return
            cell = names[int(self.rng.integers(len(names)))]
            if cell in self.chosen:
                self._change(cell)

    def _change(self, cell: int) -> None:
        taken = self._neighbours(cell, int(self.rng.integers(1, RUIN + 1)))
        before = {c: self.chosen[c] for c in taken}
        cells = np.unique(np.concatenate([self._cells(c) for c in taken]))
        worth = float(self.cost[cells].sum())
        for c in taken:
            self._take(c)
        worth -= float(self.cost[cells[self.use[cells] > 0]].sum())
        lost = cells[self.wanted[cells] & (self.use[cells] == 0)]
        new: list[int] = []
        for c in self.rng.permutation(lost):
            if not self.use[c]:
                best = self._best(int(c), 0.3)
                worth -= self._put(int(c), best)
                new.append(int(c))
                if worth < -1e-9:
                    break
        if worth < -1e-9:
            for c in new:
                self._take(c)
            for c, at in before.items():
                self._put(c, at)

    def _neighbours(self, cell: int, many: int) -> list[int]:
        """Cells whose cubes share cells, one after the other."""
        found = [cell]
        for _ in range(many - 1):
            cells = self._cells(found[-1])
            shared = sorted(self.owners[int(cells[int(self.rng.integers(len(cells)))])] - set(found))
            if not shared:
                break
            found.append(shared[int(self.rng.integers(len(shared)))])
        return found

    def _cells(self, cell: int) -> Ints:
        cells = self.choices[cell].cells[self.chosen[cell]]
        return np.asarray(cells[cells < len(self.use) - 1], np.int64)

    def _best(self, cell: int, jitter: float) -> int:
        price = self.price[self.choices[cell].cells].sum(axis=1)
        if jitter:
            price = price * self.rng.uniform(1 - jitter, 1, len(price))
        return int(np.argmin(price))

    def _put(self, cell: int, at: int) -> float:
        """Choose a cube; what it adds to the cost."""
        self.chosen[cell] = at
        cells = self._cells(cell)
        added = float(self.price[cells].sum())
        self.use[cells] += 1
        self.price[cells] = 0.0
        for c in cells.tolist():
            self.owners.setdefault(c, set()).add(cell)
        return added

    def _take(self, cell: int) -> None:
        cells = self._cells(cell)
        del self.chosen[cell]
        self.use[cells] -= 1
        self.price[cells] = np.where(self.use[cells] > 0, 0.0, self.cost[cells])
        for c in cells.tolist():
            self.owners[c].discard(cell)
