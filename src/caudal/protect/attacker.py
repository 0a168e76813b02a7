"""The attacker: given a pattern, how far can each suppressed cell move?

Deviations ``d`` with ``M d = 0``, ``d_j = 0`` for published cells and ``d_j >= lower_j - x_j`` are exactly
the alternatives that a reader cannot rule out (as real numbers). One linear programme per direction and
cell; one model is kept for a pattern and only its costs change, so that the last basis stays feasible.

From the row duals of a cell that moves too little comes a cut that every sufficient pattern satisfies:
with ``r = c - M'lambda`` over all cells, ``max d_p <= sum_j g(r_j) y_j`` where g(r) = r (x_j - lower_j) for
r > 0 and infinity for r < 0 (minimising ``-d_p``).

Reference: Fischetti and Salazar (2001), Management Science 47, 1008-1027.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import sparse

from caudal.errors import CaudalError, problem
from caudal.protect.cells import Bools, Floats, Ints
from caudal.protect.programme import equalities, is_optimal

TOLERANCE = 1e-6
FAR = 1e5


@dataclass(frozen=True)
class Knowledge:
    """Values of the cells, what the attacker knows of a suppressed one (``lower``), and the width that its
    interval must have (``demand``; 0 where none)."""

    values: Floats
    lower: Floats
    demand: Floats


class Attacker:
    """The linear programme over all alternatives of one pattern."""

    def __init__(self, matrix: sparse.csr_array, know: Knowledge, suppressed: Bools) -> None:
        self.cells: Ints = np.flatnonzero(suppressed)
        sub = matrix[:, self.cells].tocsr()
        self.rows: Ints = np.flatnonzero(np.diff(sub.indptr))
        sub = sub[self.rows]
        self.size = matrix.shape[1]
        self._place = np.full(self.size, -1)
        self._place[self.cells] = np.arange(len(self.cells))
        self._index = np.arange(len(self.cells), dtype=np.int32)
        self._solver = movable(sub, (know.lower - know.values)[self.cells], np.full(len(self.cells), FAR))

    def push(self, cells: Ints, costs: Floats) -> tuple[Floats, Floats]:
        """Minimise ``sum costs d``; returns the deviations of all cells and the row duals of all rows."""
        objective = np.zeros(len(self.cells))
        objective[self._place[cells]] = costs
        self._solver.changeColsCost(len(self.cells), self._index, objective)
        self._solver.run()
        if not is_optimal(self._solver):
            self._start_again()
        if not is_optimal(self._solver):
            raise CaudalError(problem("protect-audit-failed", status=str(self._solver.getModelStatus())))
        solution = self._solver.getSolution()
        moved = np.zeros(self.size)
        moved[self.cells] = solution.col_value
        return moved, np.asarray(solution.row_dual, float)

    def bound(self, cell: int, lower: float, upper: float) -> None:
        """Change how far one cell may move."""
        self._solver.changeColBounds(int(self._place[cell]), lower, upper)

    def _start_again(self) -> None:
        """A warm start that lost its precision: forget the basis and let the solver choose its way."""
        self._solver.clearSolver()
        self._solver.setOptionValue("simplex_strategy", 1)
        self._solver.run()
        self._solver.setOptionValue("simplex_strategy", 4)


def movable(matrix: sparse.csr_array, lower: Floats, upper: Floats) -> Any:
    """The programme over deviations between ``lower`` and ``upper``, ready for many objectives."""
    return equalities(
        matrix,
        np.zeros(matrix.shape[0]),
        lower,
        upper,
        presolve="off",
        solver="simplex",
        simplex_strategy=4,  # primal: the old basis stays feasible when only costs change
    )


def reach(
    matrix_t: sparse.csr_array, know: Knowledge, rows: Ints, duals: Floats, cell: int, sign: float
) -> Floats:
    """What each cell, if suppressed, adds to the reach of ``cell`` in direction ``sign`` (may be inf)."""
    full = np.zeros(matrix_t.shape[1])
    full[rows] = duals
    reduced = -(matrix_t @ full)
    reduced[cell] -= sign
    slack = know.values - know.lower
    return np.where(reduced < -TOLERANCE, np.inf, np.where(reduced > TOLERANCE, reduced, 0.0) * slack)
