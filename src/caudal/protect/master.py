"""The covering problem: which cells must go so that every protected cell can move far enough.

Its linear relaxation guides the rounding and its value, rounded up, is a proven lower bound for the cost
of any sufficient pattern. Rows known before any audit, for a protected cell p in an equation:

* somebody else in the equation is suppressed (a lone cell is the difference of the others);
* siblings can give p no more than their own slack: ``(x_p - l_p) + sum_k (x_k - l_k) y_k + W y_parent >= W``
  over the siblings k, which says that a cell of one needs a neighbour of two or more.

All other rows are cuts of the audit.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import highspy
import numpy as np
from scipy import sparse

from caudal.protect.attacker import Knowledge
from caudal.protect.cells import Bools, Floats, Ints
from caudal.protect.programme import quiet_solver

Row = tuple[Ints, Floats, float]

#: Times that one solution is looked through for cells that stand alone.
MOST_PASSES = 40


def cut_row(
    reach: tuple[Ints, Floats], cell: int, demand: float, always: Bools, candidate: Bools
) -> tuple[Row, bool]:
    """``sum a_j y_j >= b`` from what each cell adds to the reach of ``cell``; whether it can be satisfied."""
    cells, capped = reach[0], np.minimum(reach[1], demand)
    rest = demand - float(capped[always[cells]].sum())
    rest -= 0.0 if always[cell] else float(capped[cells == cell].sum())
    at = candidate[cells] & (capped > 1e-9) & (cells != cell)
    use = cells[at]
    if rest <= 1e-9:
        return (use[:0], np.zeros(0), 0.0), True
    values = np.minimum(capped[at], rest) / rest
    enough = float(values.sum()) >= 1 - 1e-9
    if always[cell]:
        return (use, values, 1.0), enough
    return (np.append(use, cell), np.append(values, -1.0), 0.0), enough


def first_rows(
    matrix: sparse.csr_array, know: Knowledge, always: Bools, candidate: Bools
) -> tuple[list[Row], Ints]:
    """The rows known before any audit, and the protected cells for which no pattern can be enough."""
    rows: list[Row] = []
    hopeless: list[int] = []
    slack = know.values - know.lower
    for e in range(matrix.shape[0]):
        cells = matrix.indices[matrix.indptr[e] : matrix.indptr[e + 1]]
        signs = matrix.data[matrix.indptr[e] : matrix.indptr[e + 1]]
        usable = candidate[cells] | always[cells]
        for at in np.flatnonzero(always[cells] & (know.demand[cells] > 0)):
            p, want = int(cells[at]), float(know.demand[cells[at]])
            others = usable.copy()
            others[at] = False
            opposite = signs != signs[at]
            reach = np.full(len(cells), want)
            if signs[at] > 0:
                reach = np.where(opposite, want, np.minimum(slack[cells], want))
                want -= float(slack[p])
            for level in {1.0, want} if want > 0 else {1.0}:
                part = np.minimum(reach, level) if level == want else np.ones(len(cells))
                row = _row(cells, part, level, others, always)
                if row is None:
                    continue
                if row[1].sum() < 1 - 1e-9:
                    hopeless.append(p)
                else:
                    rows.append(row)
    return _unique(rows), np.array(sorted(set(hopeless)), np.int64)


def _row(cells: Ints, part: Floats, want: float, others: Bools, always: Bools) -> Row | None:
    """Given cells move to the right-hand side; None when they are enough by themselves."""
    given = others & always[cells]
    rest = want - float(part[given].sum())
    if rest <= 1e-9:
        return None
    use = others & ~always[cells] & (part > 1e-9)
    return cells[use].astype(np.int64), np.minimum(part[use], rest) / rest, 1.0


def _unique(rows: list[Row]) -> list[Row]:
    seen: dict[tuple[bytes, bytes], Row] = {}
    for row in rows:
        seen.setdefault((row[0].tobytes(), row[1].tobytes()), row)
    return list(seen.values())


@dataclass
class Master:
    """The relaxation, with rows appended as the audit finds them.

    A suppressed cell that is alone in an equation is useless: ``y_c <= sum of the others``. These rows are
    many, so only those that a solution violates are added; they are not among ``rows``.
    """

    candidates: Ints
    cost: Floats
    matrix: sparse.csr_array
    always: Bools
    rows: list[Row] = field(default_factory=list)
    _solver: Any = field(init=False)
    _place: Ints = field(init=False)
    _open: Ints = field(init=False)

    def __post_init__(self) -> None:
        self._solver = quiet_solver(presolve="off")
        n = len(self.candidates)
        self._solver.addVars(n, np.zeros(n), np.ones(n))
        self._solver.changeColsCost(n, np.arange(n, dtype=np.int32), self.cost[self.candidates])
        self._place = np.full(len(self.cost), -1)
        self._place[self.candidates] = np.arange(n)
        self._open = np.flatnonzero(abs(self.matrix) @ self.always.astype(np.int64) == 0)
        first, self.rows = self.rows, []
        self.add(first)

    def add(self, rows: list[Row], *, bounding: bool = True) -> None:
        """Append rows; those that are not ``bounding`` guide the rounding alone."""
        self.rows += rows
        if bounding:
            self._append(rows)

    def _append(self, rows: list[Row]) -> None:
        if not rows:
            return
        starts = np.cumsum([0, *(len(r[0]) for r in rows[:-1])]).astype(np.int32)
        index = self._place[np.concatenate([r[0] for r in rows])].astype(np.int32)
        values = np.concatenate([r[1] for r in rows])
        right = np.array([r[2] for r in rows])
        inf = np.full(len(rows), highspy.kHighsInf)
        self._solver.addRows(len(rows), right, inf, len(index), starts, index, values)

    def publish(self, cell: int) -> None:
        """Take a cell out of the candidates."""
        self._solver.changeColBounds(int(self._place[cell]), 0.0, 0.0)

    def solve(self) -> tuple[Floats, float]:
        """Fractions of all cells, and the value of the relaxation."""
        fractions = np.zeros(len(self.cost))
        for _ in range(MOST_PASSES):
            self._solver.run()
            if len(self.candidates):
                fractions[self.candidates] = self._solver.getSolution().col_value
            lone = self._lone_rows(fractions)
            if not lone:
                break
            self._append(lone)
        return np.clip(fractions, 0, 1), float(self._solver.getObjectiveValue())

    def _lone_rows(self, fractions: Floats) -> list[Row]:
        """The rows of cells that are more suppressed than all others of an equation together."""
        weight = sparse.diags_array(fractions)
        found = (abs(self.matrix[self._open]) @ weight).tocsr()
        largest = found.max(axis=1).toarray().ravel()
        lone = self._open[2 * largest > found.sum(axis=1) + 0.01]
        rows = []
        for e in lone:
            cells = self.matrix.indices[self.matrix.indptr[e] : self.matrix.indptr[e + 1]]
            cells = cells[self._place[cells] >= 0].astype(np.int64)
            first = int(np.argmax(fractions[cells]))
            values = np.ones(len(cells))
            values[first] = -1.0
            rows.append((cells, values, 0.0))
        return rows

    def least_number(self) -> float:
        """The relaxation of the number of cells, whatever they cost."""
        n = len(self.candidates)
        index = np.arange(n, dtype=np.int32)
        self._solver.changeColsCost(n, index, np.ones(n))
        number = self.solve()[1]
        self._solver.changeColsCost(n, index, self.cost[self.candidates])
        return number

    def cuts(self) -> tuple[sparse.csr_array, Floats]:
        """All rows as a matrix over all cells."""
        indptr = np.cumsum([0, *(len(r[0]) for r in self.rows)])
        index = np.concatenate([r[0] for r in self.rows]) if self.rows else np.zeros(0, np.int64)
        values = np.concatenate([r[1] for r in self.rows]) if self.rows else np.zeros(0)
        shape = (len(self.rows), len(self.cost))
        return sparse.csr_array((values, index, indptr), shape=shape), np.array([r[2] for r in self.rows])
