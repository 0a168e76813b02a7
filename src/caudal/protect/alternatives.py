"""All alternatives of one pattern, as linear programmes over its classes.

One programme for each component of classes that move together; it is made when it is first asked and kept,
with its last basis, while only costs and bounds of classes change.

From the reduced costs of a class that moves too little come cuts that every sufficient pattern satisfies:
with ``r = e_p - M'lambda`` over all cells, ``max d_p <= sum_j g(r_j) y_j`` where g(r) = -r (x_j - lower_j)
for r < 0 and infinity for r > 0. The multipliers lambda of all equations follow from those of the
programme, so that r is zero on every suppressed cell but the one that binds in each class.

Reference: Fischetti and Salazar (2001), Management Science 47, 1008-1027.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy import sparse

from caudal.errors import CaudalError, problem
from caudal.protect.attacker import FAR, TOLERANCE, Knowledge, movable
from caudal.protect.cells import Bools, Floats, Ints
from caudal.protect.classes import find_classes
from caudal.protect.programme import is_optimal

Point = tuple[Ints, Floats]


class Alternatives:
    """The deviations ``d = sign * y[class]`` that keep every equation and every lower bound."""

    def __init__(self, matrix: sparse.csr_array, know: Knowledge, suppressed: Bools) -> None:
        self.cells: Ints = np.flatnonzero(suppressed)
        sub = matrix[:, self.cells].tocsr()
        self.equations: Ints = np.flatnonzero(np.diff(sub.indptr))
        self.classes = find_classes(sub[self.equations])
        self.size = matrix.shape[1]
        self.part_of = self.classes.part_of
        self.floor = (know.lower - know.values)[self.cells]
        self.low, self.high, self._binding_low, self._binding_high = self._bounds()
        self.rigid: Bools = np.zeros(self.classes.size, bool)
        self.rigid[self.classes.class_of[self.classes.sign == 0]] = True
        self._order = np.argsort(self.classes.class_of, kind="stable")
        self._starts = np.searchsorted(self.classes.class_of[self._order], np.arange(self.classes.size + 1))
        self._parts: dict[int, tuple[Any, Ints, Ints]] = {}
        self._by_part = np.argsort(self.part_of, kind="stable")
        self._part_starts = np.searchsorted(
            self.part_of[self._by_part], np.arange(int(self.part_of.max(initial=-1)) + 2)
        )

    def _bounds(self) -> tuple[Floats, Floats, Ints, Ints]:
        """Bounds of the classes, and the cell that binds each."""
        n, classes = self.classes.size, self.classes
        low, high = np.full(n, -FAR), np.full(n, FAR)
        at_low, at_high = np.full(n, -1), np.full(n, -1)
        order = np.argsort(self.floor, kind="stable")  # the tightest cell comes last
        up = order[classes.sign[order] > 0]
        low[classes.class_of[up]], at_low[classes.class_of[up]] = self.floor[up], up
        down = order[classes.sign[order] < 0]
        high[classes.class_of[down]], at_high[classes.class_of[down]] = -self.floor[down], down
        still = classes.class_of[classes.sign == 0]
        low[still] = high[still] = 0.0
        return low, high, at_low, at_high

    def members(self, c: int) -> Ints:
        """The cells of a class."""
        return self.cells[self._order[self._starts[c] : self._starts[c + 1]]]

    def demand(self, demand: Floats) -> Floats:
        """What the most demanding cell of each class asks for."""
        found = np.zeros(self.classes.size)
        np.maximum.at(found, self.classes.class_of, demand[self.cells])
        return found

    def classes_span(self, low: Floats, high: Floats) -> tuple[Floats, Floats]:
        """Intervals of classes from those of cells."""
        first = self._order[self._starts[:-1]]
        flipped = self.classes.sign[first] < 0
        low, high = low[self.cells[first]], high[self.cells[first]]
        return np.where(flipped, -high, low), np.where(flipped, -low, high)

    def cells_span(self, low: Floats, high: Floats) -> tuple[Floats, Floats]:
        """Intervals of all cells from those of classes."""
        out = np.zeros(self.size), np.zeros(self.size)
        sign, at = self.classes.sign, self.classes.class_of
        ends = sign * low[at], sign * high[at]
        out[0][self.cells], out[1][self.cells] = np.minimum(*ends), np.maximum(*ends)
        return out

    def point(self, ids: Ints, moved: Floats) -> Point:
        """Deviations of classes as deviations of cells."""
        y = np.zeros(self.classes.size)
        y[ids] = moved
        d = self.classes.sign * y[self.classes.class_of]
        at = np.flatnonzero(d)
        return self.cells[at], d[at]

    def in_classes(self, cells: Ints, moved: Floats) -> Point:
        """Deviations of cells as deviations of classes."""
        at = np.searchsorted(self.cells, cells)
        ids, first = np.unique(self.classes.class_of[at], return_index=True)
        return ids, (moved * self.classes.sign[at])[first]

    def class_at(self, cell: int) -> int:
        """The class of a cell."""
        return int(self.classes.class_of[np.searchsorted(self.cells, cell)])

    def parts_of(self, ids: Ints) -> list[int]:
        """The components of some classes."""
        return [int(p) for p in np.unique(self.part_of[ids])]

    def push(self, part: int, ids: Ints, costs: Floats) -> tuple[Ints, Floats, Floats, Floats]:
        """Minimise ``sum costs y`` in one component; the classes of the component, what they do, their
        reduced costs, and the multipliers of all reduced equations."""
        solver, inside, rows = self._part(part)
        objective = np.zeros(len(inside))
        objective[np.searchsorted(inside, ids)] = costs
        solver.changeColsCost(len(inside), np.arange(len(inside), dtype=np.int32), objective)
        solver.run()
        if not is_optimal(solver):  # a warm start that lost its precision: forget the basis
            solver.clearSolver()
            solver.run()
        if not is_optimal(solver):
            raise CaudalError(problem("protect-audit-failed", status=str(solver.getModelStatus())))
        solution = solver.getSolution()
        duals = np.zeros(self.classes.reduced.shape[0])
        duals[rows] = solution.row_dual
        return inside, np.array(solution.col_value), np.array(solution.col_dual), duals

    def bound(self, c: int, low: float, high: float) -> None:
        """Change how far one class may move."""
        solver, inside, _ = self._part(int(self.part_of[c]))
        solver.changeColBounds(int(np.searchsorted(inside, c)), low, high)

    def _part(self, part: int) -> tuple[Any, Ints, Ints]:
        if part not in self._parts:
            inside = self._by_part[self._part_starts[part] : self._part_starts[part + 1]]
            sub = self.classes.reduced[:, inside].tocsr()
            rows = np.flatnonzero(np.diff(sub.indptr))
            solver = movable(sub[rows], self.low[inside], self.high[inside])
            self._parts[part] = solver, inside, rows
        return self._parts[part]

    def reach(
        self,
        matrix_t: sparse.csr_array,
        know: Knowledge,
        cell: int,
        both: tuple[tuple[Floats, Floats], ...],
    ) -> tuple[Ints, Floats]:
        """What each cell, if suppressed, adds to the reach of ``cell`` in both directions (may be inf).

        ``both``: reduced costs of the component and multipliers, of pushing the class down and up.
        """
        at = int(np.searchsorted(self.cells, cell))
        c = int(self.classes.class_of[at])
        total = np.zeros(self.size)
        for direction in (1.0, -1.0):
            if both:
                # the programme minimised: the first one -y, which is the cell's increase if it has that sign
                push = direction * self.classes.sign[at]
                reduced, duals = both[0 if push > 0 else 1]
                inside = self._part(int(self.part_of[c]))[1]
                target = self._remainders(inside, reduced)
                duals = -duals
            else:
                target, duals = np.zeros(len(self.cells)), np.zeros(self.classes.reduced.shape[0])
            target = -target
            target[at] += direction
            multipliers = self.classes.multipliers(target, duals)
            total += self._direction(matrix_t, know, cell, direction, multipliers)
        found = np.flatnonzero(total)
        return found, total[found]

    def _remainders(self, inside: Ints, reduced: Floats) -> Floats:
        """The reduced cost of each class, put on the cell that binds it (always negative)."""
        target = np.zeros(len(self.cells))
        for ids, cells, sign in (
            (inside[reduced > TOLERANCE], self._binding_low, 1.0),
            (inside[reduced < -TOLERANCE], self._binding_high, -1.0),
        ):
            cost = np.zeros(self.classes.size)
            cost[inside] = reduced
            with_cell = ids[cells[ids] >= 0]
            target[cells[with_cell]] -= sign * cost[with_cell]
        return target

    def _direction(
        self, matrix_t: sparse.csr_array, know: Knowledge, cell: int, direction: float, multipliers: Floats
    ) -> Floats:
        full = np.zeros(matrix_t.shape[1])
        full[self.equations] = multipliers
        left = -(matrix_t @ full)
        left[cell] += direction
        slack = know.values - know.lower
        return np.where(left > TOLERANCE, np.inf, np.where(left < -TOLERANCE, -left, 0.0) * slack)
