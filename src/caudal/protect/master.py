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


def cut_row(reach: Floats, cell: int, demand: float, always: Bools, candidate: Bools) -> tuple[Row, bool]:
    """``sum a_j y_j >= b`` from what each cell adds to the reach of ``cell``; whether it can be satisfied."""
    capped = np.minimum(reach, demand)
    rest = demand - float(capped[always].sum())
    own = 0.0 if always[cell] else float(capped[cell])
    rest -= own
    use = np.flatnonzero(candidate & (capped > 1e-9))
    use = use[use != cell]
    if rest <= 1e-9:
        return (use[:0], np.zeros(0), 0.0), True
    values = np.minimum(capped[use], rest) / rest
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
    """The relaxation, with rows appended as the audit finds them."""

    candidates: Ints
    cost: Floats
    rows: list[Row] = field(default_factory=list)
    _solver: Any = field(init=False)
    _place: Ints = field(init=False)

    def __post_init__(self) -> None:
        self._solver = quiet_solver(presolve="off")
        n = len(self.candidates)
        self._solver.addVars(n, np.zeros(n), np.ones(n))
        self._solver.changeColsCost(n, np.arange(n, dtype=np.int32), self.cost[self.candidates])
        self._place = np.full(len(self.cost), -1)
        self._place[self.candidates] = np.arange(n)
        first, self.rows = self.rows, []
        self.add(first)

    def add(self, rows: list[Row]) -> None:
        """Append rows."""
        if not rows:
            return
        self.rows += rows
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
        self._solver.run()
        fractions = np.zeros(len(self.cost))
        if len(self.candidates):
            fractions[self.candidates] = self._solver.getSolution().col_value
        return np.clip(fractions, 0, 1), float(self._solver.getObjectiveValue())

    def least_number(self) -> float:
        """The relaxation of the number of cells, whatever they cost."""
        n = len(self.candidates)
        index = np.arange(n, dtype=np.int32)
        self._solver.changeColsCost(n, index, np.ones(n))
        self._solver.run()
        number = float(self._solver.getObjectiveValue())
        self._solver.changeColsCost(n, index, self.cost[self.candidates])
        return number

    def cuts(self) -> tuple[sparse.csr_array, Floats]:
        """All rows as a matrix over all cells."""
        indptr = np.cumsum([0, *(len(r[0]) for r in self.rows)])
        index = np.concatenate([r[0] for r in self.rows]) if self.rows else np.zeros(0, np.int64)
        values = np.concatenate([r[1] for r in self.rows]) if self.rows else np.zeros(0)
        shape = (len(self.rows), len(self.cost))
        return sparse.csr_array((values, index, indptr), shape=shape), np.array([r[2] for r in self.rows])
