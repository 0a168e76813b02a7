"""Certificates: explicit alternative tables that prove how many integers a suppressed cell can be.

A certificate is a list of moves; a move is a table of integer deviations that keeps every equation,
leaves every published cell as it is and no suppressed one below what the attacker knows. A cell is proved
when it takes enough different values over the true table and the alternatives. Whoever has the margins
can check this with additions alone (``tests/attack/checker.py`` does so in thirty lines). Certificates
are monotone: suppressing more never invalidates one.

Where they come from, cheapest first: what the audit found; vertices of the linear programme in a small box,
whose whole-number parts are moves and are scaled up, down and mirrored; then the same with integer
variables; then one small integer programme for each value that a single cell lacks.

It refuses to count a move that exact integer arithmetic does not confirm.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import sparse
from scipy.sparse.csgraph import connected_components

from caudal.errors import CaudalError, problem
from caudal.protect.alternatives import Alternatives, Point
from caudal.protect.attacker import Knowledge, movable
from caudal.protect.cells import Bools, Floats, Ints
from caudal.protect.programme import equalities, make_integer
from caudal.protect.walk import steps_of, walk

Move = tuple[Ints, Ints]

#: Random objectives with real and with integer variables, and how many in a row may find nothing new.
SHARED, SHARED_INTEGER, MOST_DRY = 40, 25, 3
#: Walks, each with moves of its own.
WALKS = 2


@dataclass(frozen=True)
class Certificate:
    """Alternative tables as sparse deviations (cells, deviations), and the cells that they do not prove."""

    values: int
    moves: tuple[Move, ...]
    unproved: tuple[int, ...]
    proved_n: int


def is_alternative(matrix: sparse.csr_array, know: Knowledge, suppressed: Bools, move: Ints) -> bool:
    """Whether the true table plus ``move`` is a table that the attacker cannot rule out (exact)."""
    moved = move != 0
    if (moved & ~suppressed).any() or (matrix @ move).any():
        return False
    return bool((know.values.astype(np.int64) + move >= np.ceil(know.lower).astype(np.int64))[moved].all())


def certify(
    matrix: sparse.csr_array,
    know: Knowledge,
    suppressed: Bools,
    *,
    values: int = 4,
    seed: int = 0,
    points: Sequence[Point] = (),
    deadline: float = np.inf,
) -> Certificate:
    """Alternatives under which every suppressed cell with a demand takes ``values`` different values.

    ``points`` are real alternatives known already: their whole-number parts are moves. What is not proved
    when the processor time reaches ``deadline`` is named as unproved.
    """
    space = Alternatives(matrix, know, suppressed)
    wanted = space.demand(know.demand) > 0
    low, high = np.ceil(space.low - 1e-9), np.floor(space.high + 1e-9)
    moves: list[Move] = []
    unproved: list[int] = []
    by_part = _split(space, points)
    for part in space.parts_of(np.flatnonzero(wanted)):
        ids = np.flatnonzero(space.part_of == part)
        proof = _Proof(space.classes.reduced[:, ids].tocsr(), low[ids], high[ids], wanted[ids], values)
        proof.run(np.random.default_rng([seed, part]), by_part.get(part, []), deadline)
        for move in proof.moves:
            cells, deviations = space.point(ids, move.astype(float))
            moves.append((cells, np.rint(deviations).astype(np.int64)))
        unproved += [int(c) for p in proof.open() for c in space.members(int(ids[p]))]
    unproved = sorted(c for c in unproved if know.demand[c] > 0)
    sure = tuple(m for m in moves if _is_sure(matrix, know, suppressed, m))
    if len(sure) < len(moves):  # never so far: a class that does not follow its cells would be a mistake
        raise CaudalError(problem("protect-audit-failed", status="a move that does not add up"))
    wanted_n = int((suppressed & (know.demand > 0)).sum())
    return Certificate(values, sure, tuple(unproved), wanted_n - len(unproved))


def confirmed(
    matrix: sparse.csr_array, know: Knowledge, suppressed: Bools, moves: Sequence[Move], values: int
) -> Certificate:
    """What ``moves`` from anywhere prove: each is held against all equations, then its values are counted."""
    sure = tuple(m for m in moves if _is_sure(matrix, know, suppressed, m))
    cells = np.concatenate([m[0] for m in sure]) if sure else np.zeros(0, np.int64)
    moved = np.concatenate([m[1] for m in sure]) if sure else np.zeros(0, np.int64)
    pairs = np.unique(np.stack([cells, moved])[:, moved != 0], axis=1)
    shown = 1 + np.bincount(pairs[0], minlength=len(suppressed))
    wanted = suppressed & (know.demand > 0)
    unproved = tuple(int(c) for c in np.flatnonzero(wanted & (shown < values)))
    return Certificate(values, sure, unproved, int(wanted.sum()) - len(unproved))


def _is_sure(matrix: sparse.csr_array, know: Knowledge, suppressed: Bools, move: Move) -> bool:
    whole = np.zeros(matrix.shape[1], np.int64)
    whole[move[0]] = move[1]
    return is_alternative(matrix, know, suppressed, whole)


def _split(space: Alternatives, points: Sequence[Point]) -> dict[int, list[Floats]]:
    """Known points by component, over the classes of each."""
    found: dict[int, list[Floats]] = {}
    for cells, moved in points:
        ids, values = space.in_classes(cells, moved)
        y = np.zeros(space.classes.size)
        y[ids] = values
        for part in space.parts_of(ids):
            found.setdefault(part, []).append(y[space.part_of == part])
    return found


class _Proof:
    """Values seen so far in one component, class by class, and the programmes that find new ones."""

    def __init__(
        self, matrix: sparse.csr_array, low: Floats, high: Floats, wanted: Bools, values: int
    ) -> None:
        self.values, self.wanted = values, wanted
        self.reach = 2 * values  # room for classes that must move further than those that they prove
        self.size = len(wanted)
        self.sub = matrix[np.flatnonzero(np.diff(matrix.indptr))].astype(np.int64)
        self.floor, self.ceiling = low.astype(np.int64), high.astype(np.int64)
        self.low, self.high = np.maximum(low, -self.reach), np.minimum(high, self.reach)
        self.seen = np.zeros((self.size, 2 * self.reach + 1), bool)
        self.seen[:, self.reach] = True
        self.moves: list[Ints] = []
        self.index = np.arange(self.size, dtype=np.int32)
        self._linear = movable(self.sub, self.low, self.high)
        self._integer: Any | None = None

    def run(self, rng: np.random.Generator, points: Sequence[Floats], deadline: float) -> None:
        """Everything that finds moves, cheapest first."""
        for point in points:
            self.try_point(point)
        for _ in range(WALKS):
            self._wander(rng, np.zeros(self.size, np.int64))
        for find, most in ((self.vertex, SHARED), (self.integer_point, SHARED_INTEGER)):
            dry = 0
            for _ in range(most):
                if not len(self.open()) or dry == MOST_DRY or time.process_time() > deadline:
                    break
                point = find(rng, self.open())
                before = len(self.moves)
                self.try_point(point)
                dry = 0 if len(self.moves) > before else dry + 1
        for c in self.open():
            if time.process_time() > deadline:
                break
            self.single(int(c))

    def _wander(self, rng: np.random.Generator, start: Ints) -> None:
        """A walk from one alternative to its neighbours."""
        if not len(self.open()) or not self.sub.shape[0] or (self.sub @ start).any():
            return
        seed = int(rng.integers(2**31))
        found = walk(
            steps_of(self.sub, rng),
            start,
            self.floor,
            self.ceiling,
            self.wanted,
            self.seen,
            self.values,
            seed,
        )
        for move in found:
            self._credit(move)

    def open(self) -> Ints:
        """Classes that lack values."""
        return np.flatnonzero(self.wanted & (self.seen.sum(axis=1) < self.values))

    def vertex(self, rng: np.random.Generator, open_: Ints) -> Floats:
        """A vertex of the small box that moves many open classes."""
        return self._solve(self._linear, rng, open_)

    def integer_point(self, rng: np.random.Generator, open_: Ints) -> Floats:
        """An integer point of the small box that moves many open classes."""
        return self._solve(self._with_integers(), rng, open_)

    def _with_integers(self) -> Any:
        if self._integer is None:
            # a limit on nodes, not on seconds: the same inputs give the same proof
            self._integer = equalities(
                self.sub,
                np.zeros(self.sub.shape[0]),
                self.low,
                self.high,
                mip_rel_gap=0.3,
                mip_max_nodes=200,
            )
            make_integer(self._integer, self.size)
        return self._integer

    def _solve(self, solver: Any, rng: np.random.Generator, open_: Ints) -> Floats:
        cost = np.zeros(self.size)
        cost[open_] = rng.choice([-1.0, 1.0], len(open_)) * rng.uniform(0.5, 1, len(open_))
        solver.changeColsCost(self.size, self.index, cost)
        solver.run()
        point = np.array(solver.getSolution().col_value)
        return point if len(point) == self.size else np.zeros(self.size)

    def try_point(self, point: Floats) -> bool:
        """Credit the whole-number parts of a point, scaled and mirrored; whether anything was new."""
        whole, part = self._whole_parts(point)
        before = len(self.moves)
        for scale in (1, -1, 2, -2, 3, -3):
            scaled = whole * scale
            bad = (scaled < self.floor) | (scaled > self.ceiling)
            bad_parts = np.zeros(part.max(initial=0) + 1, bool)
            bad_parts[part[bad]] = True
            self._credit(np.where(bad_parts[part], 0, scaled))
        return len(self.moves) > before

    def _whole_parts(self, point: Floats) -> tuple[Ints, Ints]:
        """The point with its fractional components set to zero, and the component of each class."""
        moving = np.abs(point) > 1e-7
        rows = self.sub @ sparse.diags_array(moving.astype(float))
        rows.eliminate_zeros()
        graph = sparse.block_array([[None, rows], [rows.T, None]])
        part = connected_components(graph, directed=False)[1][self.sub.shape[0] :]
        whole = np.rint(point)
        broken = np.zeros(int(part.max(initial=0)) + 1, bool)
        broken[part[np.abs(point - whole) > 1e-6]] = True
        return np.where(broken[part], 0, whole).astype(np.int64), part

    def _credit(self, move: Ints) -> None:
        """Count a move that shows a value not seen before, after checking it exactly."""
        near = np.abs(move) <= self.reach
        lacking = self.wanted & (self.seen.sum(axis=1) < self.values) & near
        column = np.where(near, move + self.reach, self.reach)
        new = lacking & ~self.seen[np.arange(self.size), column]
        if not new.any() or (self.sub @ move).any():
            return
        if (move < self.floor).any() or (move > self.ceiling).any():
            return
        self.seen[np.arange(self.size)[near], column[near]] = True
        self.moves.append(move)

    def single(self, at: int) -> None:
        """One integer programme for each value that a class still lacks."""
        solver = self._with_integers()
        solver.changeColsCost(self.size, self.index, np.zeros(self.size))
        for value in sorted(range(-self.values, self.values + 1), key=abs):
            if self.seen[at].sum() >= self.values:
                break
            if self.seen[at, value + self.reach] or not self.low[at] <= value <= self.high[at]:
                continue
            solver.changeColBounds(at, float(value), float(value))
            solver.run()
            point = np.array(solver.getSolution().col_value)
            if len(point) == self.size and abs(point[at] - value) < 1e-6:
                self.try_point(point)
        solver.changeColBounds(at, float(self.low[at]), float(self.high[at]))
