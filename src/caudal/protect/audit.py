"""The audit of a pattern: the interval to which every suppressed cell can be narrowed.

Cells that can only move together are one class (:mod:`classes`), and classes that move independently are
audited apart. Shared programmes first: one random objective over all classes that are still open moves many
of them at once, and every feasible point widens the known interval of every cell. What stays open gets its
own two programmes, whose optimum is exact. Points are kept from round to round: a point remains an
alternative as long as all cells that it moves are suppressed.

Exact linear recomputability (the row space test) needs no bounds: see :func:`recomputable`.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from scipy import sparse

from caudal.protect.alternatives import Alternatives, Point
from caudal.protect.attacker import TOLERANCE, Knowledge
from caudal.protect.cells import Bools, Floats, Ints

#: Cuts from one class: its cells fail together, and a few of them say what there is to say.
CUTS_A_CLASS = 3


@dataclass
class Pool:
    """Alternatives found so far, as (cells, deviations)."""

    size: int
    points: list[Point] = field(default_factory=list)
    limit: int = 400

    def keep(self, suppressed: Bools) -> None:
        """Drop the points that move a published cell."""
        self.points = [p for p in self.points if suppressed[p[0]].all()][-self.limit :]

    def span(self) -> tuple[Floats, Floats]:
        """Least and greatest deviation of each cell over the points and the truth."""
        low, high = np.zeros(self.size), np.zeros(self.size)
        for cells, moved in self.points:
            low[cells] = np.minimum(low[cells], moved)
            high[cells] = np.maximum(high[cells], moved)
        return low, high


@dataclass(frozen=True)
class Failure:
    """A cell that moves too little, what each cell would add to its reach (cells, values), and
    the number of its class."""

    cell: int
    width: float
    reach: tuple[Ints, Floats]
    number: int = 0


@dataclass(frozen=True)
class Widths:
    """Known interval of each cell as deviations, and the cells that fail."""

    low: Floats
    high: Floats
    failures: tuple[Failure, ...]


def audit_widths(
    matrix: sparse.csr_array,
    matrix_t: sparse.csr_array,
    know: Knowledge,
    suppressed: Bools,
    *,
    pool: Pool | None = None,
    seed: int = 0,
    shared: int = 10,
    most_failures: int | None = None,
    all_cells: bool = True,
) -> Widths:
    """Whether each suppressed cell with a demand can move that far.

    ``most_failures`` stops the search for classes that fail early (they are then not all found); without
    ``all_cells`` only a few cells of a class that fails are named.
    """
    pool = pool if pool is not None else Pool(matrix.shape[1])
    pool.keep(suppressed)
    audit = _Audit(Alternatives(matrix, know, suppressed), know, pool)
    rng = np.random.default_rng(seed)
    audit.share(rng, shared)
    failures: list[Failure] = []
    found = 0
    for c in rng.permutation(audit.open()):
        if audit.is_wide(c):
            continue
        reduced = audit.both_ways(int(c))
        if not audit.is_wide(c):
            found += 1
            failures += audit.failures(matrix_t, int(c), reduced, None if all_cells else CUTS_A_CLASS)
            if most_failures is not None and found >= most_failures:
                break
    return audit.widths(tuple(failures))


class _Audit:
    """Known interval of each class, as it widens."""

    def __init__(self, alternatives: Alternatives, know: Knowledge, pool: Pool) -> None:
        self.alternatives, self.know, self.pool = alternatives, know, pool
        self.want = alternatives.demand(know.demand) - TOLERANCE
        low, high = pool.span()
        self.low, self.high = alternatives.classes_span(low, high)

    def open(self) -> Ints:
        """Classes that are not known to be wide enough."""
        return np.flatnonzero(self.high - self.low < self.want)

    def is_wide(self, c: int) -> bool:
        """Whether class ``c`` is."""
        return bool(self.high[c] - self.low[c] >= self.want[c])

    def share(self, rng: np.random.Generator, most: int) -> None:
        """Random objectives over all open classes, as long as each closes one in ten."""
        for _ in range(most):
            open_ = self.open()
            open_ = open_[~self.alternatives.rigid[open_]]
            if not len(open_):
                return
            weights = rng.choice([-1.0, 1.0], len(open_)) * rng.uniform(0.5, 1, len(open_))
            for part in self.alternatives.parts_of(open_):
                inside = self.alternatives.part_of[open_] == part
                self._note(*self.alternatives.push(part, open_[inside], weights[inside])[:2])
            if len(self.open()) > 0.9 * len(open_):
                return

    def both_ways(self, c: int) -> tuple[tuple[Floats, Floats], ...]:
        """The exact interval of one class; reduced costs and multipliers of both directions."""
        if self.alternatives.rigid[c]:
            return ()
        found = []
        for sign in (-1.0, 1.0):
            part = int(self.alternatives.part_of[c])
            ids, moved, reduced, duals = self.alternatives.push(part, np.array([c]), np.array([sign]))
            self._note(ids, moved)
            found.append((reduced, duals))
        return tuple(found)

    def _note(self, ids: Ints, moved: Floats) -> None:
        self.low[ids] = np.minimum(self.low[ids], moved)
        self.high[ids] = np.maximum(self.high[ids], moved)
        self.pool.points.append(self.alternatives.point(ids, moved))

    def failures(
        self,
        matrix_t: sparse.csr_array,
        c: int,
        reduced: tuple[tuple[Floats, Floats], ...],
        most: int | None,
    ) -> list[Failure]:
        """The cells of a class that fails, each with what would widen it."""
        members = self.alternatives.members(c)
        members = members[self.know.demand[members] > self.high[c] - self.low[c] + TOLERANCE]
        # cells that ask for most first: their cuts say most
        members = members[np.argsort(-self.know.demand[members], kind="stable")][:most]
        return [
            Failure(
                int(cell),
                float(self.high[c] - self.low[c]),
                self.alternatives.reach(matrix_t, self.know, int(cell), reduced),
                c,
            )
            for cell in members
        ]

    def widths(self, failures: tuple[Failure, ...]) -> Widths:
        """Intervals of the cells."""
        low, high = self.alternatives.cells_span(self.low, self.high)
        return Widths(low, high, failures)


PRIMES = (2_147_483_629, 2_147_483_587)


def recomputable(matrix: sparse.csr_array, suppressed: Bools, prime: int = PRIMES[0]) -> Ints:
    """Suppressed cells that are a linear combination of published ones, whatever the bounds.

    Sparse Gauss-Jordan elimination modulo ``prime`` of the equations restricted to suppressed cells: a
    cell is exposed when a reduced row holds it alone. A prime can err when it divides a minor; two primes
    that agree, or the linear programme, settle it.
    """
    rows = _modular_rows(matrix, suppressed, prime)
    where: dict[int, set[int]] = {}
    for r, row in enumerate(rows):
        for c in row:
            where.setdefault(c, set()).add(r)
    done: set[int] = set()
    for r in sorted(range(len(rows)), key=lambda i: len(rows[i])):
        row = rows[r]
        if not row:
            continue
        pivot = min(row, key=lambda c: (len(where[c]), c))
        _scale(row, pivot, prime)
        for other in sorted(where[pivot] - {r}):
            _eliminate(rows[other], row, pivot, prime, where, other)
        done.add(r)
    return np.array(sorted(next(iter(rows[r])) for r in done if len(rows[r]) == 1), np.int64)


def _modular_rows(matrix: sparse.csr_array, suppressed: Bools, prime: int) -> list[dict[int, int]]:
    rows = []
    for e in range(matrix.shape[0]):
        part = slice(matrix.indptr[e], matrix.indptr[e + 1])
        row = {
            int(c): int(v) % prime
            for c, v in zip(matrix.indices[part], matrix.data[part], strict=True)
            if suppressed[c]
        }
        if row:
            rows.append(row)
    return rows


def _scale(row: dict[int, int], pivot: int, prime: int) -> None:
    inverse = pow(row[pivot], -1, prime)
    for c in row:
        row[c] = row[c] * inverse % prime


def _eliminate(
    target: dict[int, int],
    row: dict[int, int],
    pivot: int,
    prime: int,
    where: dict[int, set[int]],
    number: int,
) -> None:
    factor = target[pivot]
    for c, v in row.items():
        new = (target.get(c, 0) - factor * v) % prime
        if new:
            target[c] = new
            where.setdefault(c, set()).add(number)
        elif c in target:
            del target[c]
            where[c].discard(number)


class Pruner:
    """Tells whether a class of suppressed cells can be published again.

    Only the classes whose known interval rests on alternatives that move it are asked anew.
    """

    def __init__(self, matrix: sparse.csr_array, know: Knowledge, suppressed: Bools, pool: Pool) -> None:
        self.suppressed = suppressed.copy()
        self.solved = 0
        pool.keep(suppressed)
        self._space = Alternatives(matrix, know, suppressed)
        self._want = self._space.demand(know.demand) - TOLERANCE
        self._points: dict[int, list[tuple[Ints, Floats]]] = {}
        for cells, moved in pool.points:
            self._store(*self._space.in_classes(cells, moved))

    def _store(self, ids: Ints, moved: Floats) -> None:
        for part in self._space.parts_of(ids):
            inside = self._space.part_of[ids] == part
            self._points.setdefault(part, []).append((ids[inside], moved[inside]))

    def classes(self, candidate: Bools) -> list[Ints]:
        """The cells of the classes that hold only candidates, cell by cell."""
        found = [self._space.members(c) for c in range(self._space.classes.size)]
        return [cells for cells in found if candidate[cells].all() and self.suppressed[cells].all()]

    def spares(self, cell: int) -> bool:
        """Whether every other suppressed cell stays wide enough without the class of ``cell``; if so, it
        is published."""
        c = self._space.class_at(cell)
        self._space.bound(c, 0.0, 0.0)
        if self._all_wide(c):
            self.suppressed[self._space.members(c)] = False
            self._want[c] = -TOLERANCE
            return True
        self._space.bound(c, float(self._space.low[c]), float(self._space.high[c]))
        return False

    def _all_wide(self, c: int) -> bool:
        part = int(self._space.part_of[c])
        still = [p for p in self._points.get(part, []) if c not in p[0]]
        low, high = np.zeros(self._space.classes.size), np.zeros(self._space.classes.size)
        for ids, moved in still:
            low[ids] = np.minimum(low[ids], moved)
            high[ids] = np.maximum(high[ids], moved)
        want = self._want.copy()
        want[c] = -TOLERANCE
        want[self._space.part_of != part] = -TOLERANCE
        for p in np.flatnonzero(high - low < want):
            for sign in (-1.0, 1.0):
                if high[p] - low[p] < want[p]:
                    self.solved += 1
                    ids, moved = self._space.push(part, np.array([p]), np.array([sign]))[:2]
                    at = np.flatnonzero(moved)
                    still.append((ids[at], moved[at]))
                    low[ids], high[ids] = np.minimum(low[ids], moved), np.maximum(high[ids], moved)
            if high[p] - low[p] < want[p]:
                return False
        self._points[part] = still[-1500:]
        return True
