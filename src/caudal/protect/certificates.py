"""Certificates: explicit alternative tables that prove how many integers a suppressed cell can be.

A certificate is a list of moves; a move is a table of integer deviations that keeps every equation,
leaves every published cell as it is and no suppressed one below what the attacker knows. A cell is proved
when it takes enough different values over the true table and the alternatives. Whoever has the margins
can check this with additions alone (``tests/attack/checker.py`` does so in thirty lines). Certificates
are monotone: suppressing more never invalidates one.

Where they come from, cheapest first: vertices of the linear programme in a small box, whose whole-number
parts are moves and are scaled up, down and mirrored; then the same with integer variables; then one small
integer programme for each value that a single cell lacks.

It refuses to count a move that exact integer arithmetic does not confirm.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import sparse
from scipy.sparse.csgraph import connected_components

from caudal.protect.attacker import Knowledge, movable
from caudal.protect.cells import Bools, Floats, Ints
from caudal.protect.programme import equalities, make_integer

Move = tuple[Ints, Ints]


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
    shared: int = 40,
    integer_shared: int = 25,
    singles: bool = True,
) -> Certificate:
    """Alternatives under which every suppressed cell with a demand takes ``values`` different values."""
    proof = _Proof(matrix, know, suppressed, values)
    rng = np.random.default_rng(seed)
    dry = 0
    for _ in range(shared):
        if not len(proof.open()) or dry == 3:
            break
        dry = 0 if proof.try_point(proof.vertex(rng, proof.open())) else dry + 1
    dry = 0
    for _ in range(integer_shared):
        if not len(proof.open()) or dry == 3:
            break
        dry = 0 if proof.try_point(proof.integer_point(rng, proof.open())) else dry + 1
    if singles:
        for cell in proof.open():
            proof.single(int(cell))
    unproved = tuple(int(proof.cells[c]) for c in proof.open())
    wanted = int((suppressed & (know.demand > 0)).sum())
    return Certificate(values, tuple(proof.moves), unproved, wanted - len(unproved))


class _Proof:
    """Values seen so far, and the programmes that find new ones."""

    def __init__(self, matrix: sparse.csr_array, know: Knowledge, suppressed: Bools, values: int) -> None:
        self.matrix, self.know, self.suppressed, self.values = matrix, know, suppressed, values
        self.reach = 2 * values  # room for cells that must move further than those that they prove
        self.cells: Ints = np.flatnonzero(suppressed)
        sub = matrix[:, self.cells].tocsr()
        self.sub = sub[np.flatnonzero(np.diff(sub.indptr))]
        self.sub_t = self.sub.T.tocsr()
        floor = np.ceil(know.lower - know.values)[self.cells]
        self.low = np.maximum(floor, -self.reach)
        self.floor = floor.astype(np.int64)
        self.seen = np.zeros((len(self.cells), 2 * self.reach + 1), bool)
        self.seen[:, self.reach] = True
        self.wanted = know.demand[self.cells] > 0
        self.moves: list[Move] = []
        self.index = np.arange(len(self.cells), dtype=np.int32)
        self._linear = movable(self.sub, self.low, np.full(len(self.cells), float(self.reach)))
        self._integer: Any | None = None

    def open(self) -> Ints:
        """Positions of cells that lack values."""
        return np.flatnonzero(self.wanted & (self.seen.sum(axis=1) < self.values))

    def vertex(self, rng: np.random.Generator, open_: Ints) -> Floats:
        """A vertex of the small box that moves many open cells."""
        return self._solve(self._linear, rng, open_)

    def integer_point(self, rng: np.random.Generator, open_: Ints) -> Floats:
        """An integer point of the small box that moves many open cells."""
        if self._integer is None:
            self._integer = _integer_model(self.sub, self.low, self.reach)
        return self._solve(self._integer, rng, open_)

    def _solve(self, solver: Any, rng: np.random.Generator, open_: Ints) -> Floats:
        cost = np.zeros(len(self.cells))
        cost[open_] = rng.choice([-1.0, 1.0], len(open_)) * rng.uniform(0.5, 1, len(open_))
        solver.changeColsCost(len(cost), self.index, cost)
        solver.run()
        point = np.array(solver.getSolution().col_value)
        return point if len(point) == len(cost) else np.zeros(len(cost))

    def try_point(self, point: Floats) -> bool:
        """Credit the whole-number parts of a point, scaled and mirrored; whether anything was new."""
        whole, part = self._whole_parts(point)
        before = len(self.moves)
        for scale in (1, -1, 2, -2, 3, -3):
            scaled = whole * scale
            bad = scaled < self.floor
            bad_parts = np.zeros(part.max(initial=0) + 1, bool)
            bad_parts[part[bad]] = True
            self._credit(np.where(bad_parts[part], 0, scaled))
        return len(self.moves) > before

    def _whole_parts(self, point: Floats) -> tuple[Ints, Ints]:
        """The point with its fractional components set to zero, and the component of each cell."""
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
        new = lacking & ~self.seen[np.arange(len(move)), column]
        if not new.any() or (self.sub @ move).any() or (move < np.minimum(self.floor, 0)).any():
            return
        self.seen[np.arange(len(move))[near], column[near]] = True
        moved = np.flatnonzero(move)
        self.moves.append((self.cells[moved], move[moved]))

    def single(self, at: int) -> None:
        """One integer programme for each value that a cell still lacks."""
        if self._integer is None:
            self._integer = _integer_model(self.sub, self.low, self.reach)
        solver = self._integer
        solver.changeColsCost(len(self.cells), self.index, np.zeros(len(self.cells)))
        for value in sorted(range(-self.values, self.values + 1), key=abs):
            if self.seen[at].sum() >= self.values:
                break
            if self.seen[at, value + self.reach] or value < self.low[at]:
                continue
            solver.changeColBounds(at, float(value), float(value))
            solver.run()
            point = np.array(solver.getSolution().col_value)
            if len(point) == len(self.cells) and abs(point[at] - value) < 1e-6:
                self.try_point(point)
        solver.changeColBounds(at, float(self.low[at]), float(self.reach))


def _integer_model(matrix: sparse.csr_array, low: Floats, reach: int) -> Any:
    n = matrix.shape[1]
    # a limit on nodes, not on seconds: the same inputs give the same proof
    solver = equalities(
        matrix, np.zeros(matrix.shape[0]), low, np.full(n, float(reach)), mip_rel_gap=0.3, mip_max_nodes=200
    )
    make_integer(solver, n)
    return solver
