"""Attackers that share no code with the gate: their variables are the finest cells, their tool is scipy."""

from collections.abc import Mapping
from itertools import product

import numpy as np
from scipy.optimize import LinearConstraint, linprog, milp

Key = tuple[str, ...]


class Reader:
    """Knows all published counts of a cube and that suppressed ones are at least ``least``."""

    def __init__(self, cells: Mapping[Key, int], suppressed: set[Key], least: int) -> None:
        self.suppressed = sorted(suppressed)
        codes = [sorted({k[i] for k in cells} - {"_T"}) for i in range(len(next(iter(cells))))]
        self.inner = list(product(*codes))
        rows, low, high = [], [], []
        for key, count in cells.items():
            rows.append([all(c in ("_T", i) for c, i in zip(key, at, strict=True)) for at in self.inner])
            low.append(least if key in suppressed else count)
            high.append(np.inf if key in suppressed else count)
        self.matrix = np.array(rows, float)
        self.low, self.high = np.array(low, float), np.array(high, float)
        self.tables: list[np.ndarray] = []

    def _row(self, key: Key) -> np.ndarray:
        return np.array(
            [all(c in ("_T", i) for c, i in zip(key, at, strict=True)) for at in self.inner], float
        )

    def interval(self, key: Key) -> tuple[float, float]:
        """What a linear programme narrows a cell to."""
        finite = np.isfinite(self.high)
        ends = []
        for sign in (1, -1):
            found = linprog(
                sign * self._row(key),
                A_ub=np.vstack([-self.matrix[~finite], self.matrix[~finite][:0]]),
                b_ub=-self.low[~finite],
                A_eq=self.matrix[finite],
                b_eq=self.high[finite],
                bounds=(0, None),
                method="highs",
            )
            ends.append(np.inf if found.status == 3 else sign * found.fun)
        return ends[0], abs(ends[1]) if np.isinf(ends[1]) else ends[1]

    def values(self, key: Key, enough: int) -> set[int]:
        """Integers that a cell can be, until there are ``enough``: those that it is in the tables that were
        found for other cells, then each by its own integer programme."""
        row = self._row(key)
        found = {round(float(row @ x)) for x in self.tables}
        at = 0
        top = 5_000  # more persons than any table of these tests holds
        while len(found) < enough and at <= top:
            constraints = [
                LinearConstraint(self.matrix, self.low, self.high),
                LinearConstraint(row, at, top + 10),
            ]
            answer = milp(row, integrality=np.ones(len(row)), constraints=constraints)
            if answer.x is None:
                break
            at = round(float(answer.fun))
            found.add(at)
            self._keep(np.rint(answer.x))
            at += 1
        return set(sorted(found)[:enough])

    def _keep(self, table: np.ndarray) -> None:
        """A table of whole numbers that has exactly what is shown."""
        shown = self.matrix @ table
        if (table >= 0).all() and (shown >= self.low).all() and (shown <= self.high).all():
            self.tables.append(table)
