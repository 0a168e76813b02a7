"""The audit of a pattern: the interval to which every suppressed cell can be narrowed.

Shared programmes first: one random objective over all cells that are still open moves many of them at
once, and every feasible point widens the known interval of every cell. What stays open gets its own two
programmes, whose optimum is exact. Points are kept from round to round: a point remains an alternative as
long as all cells that it moves are suppressed.

Exact linear recomputability (the row space test) needs no bounds: see :func:`recomputable`.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from scipy import sparse

from caudal.protect.attacker import FAR, TOLERANCE, Attacker, Knowledge, reach
from caudal.protect.cells import Bools, Floats, Ints


@dataclass
class Pool:
    """Alternatives found so far (rows of deviations)."""

    size: int
    points: list[Floats] = field(default_factory=list)
    limit: int = 400

    def keep(self, suppressed: Bools) -> None:
        """Drop the points that move a published cell."""
        outside = ~suppressed
        self.points = [p for p in self.points if not p[outside].any()][-self.limit :]

    def span(self) -> tuple[Floats, Floats]:
        """Least and greatest deviation of each cell over the points and the truth."""
        low, high = np.zeros(self.size), np.zeros(self.size)
        for p in self.points:
            np.minimum(low, p, out=low)
            np.maximum(high, p, out=high)
        return low, high


@dataclass(frozen=True)
class Failure:
    """A cell that moves too little, and what each cell would add to its reach."""

    cell: int
    width: float
    reach: Floats


@dataclass(frozen=True)
class Widths:
    """Known interval of each cell as deviations, which of them are exact, and the cells that fail."""

    low: Floats
    high: Floats
    exact: Bools
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
) -> Widths:
    """Whether each suppressed cell with a demand can move that far.

    ``most_failures`` stops the search for cells that fail early (they are then not all found).
    """
    pool = pool if pool is not None else Pool(matrix.shape[1])
    pool.keep(suppressed)
    attacker = Attacker(matrix, know, suppressed)
    low, high = pool.span()
    want = np.where(suppressed, know.demand, 0.0) - TOLERANCE
    exact = np.zeros(matrix.shape[1], bool)
    rng = np.random.default_rng(seed)
    for _ in range(shared):
        open_ = np.flatnonzero(high - low < want)
        if not len(open_):
            break
        point, _duals = attacker.push(
            open_, rng.choice([-1.0, 1.0], len(open_)) * rng.uniform(0.5, 1, len(open_))
        )
        pool.points.append(point)
        low, high = np.minimum(low, point), np.maximum(high, point)
        if np.count_nonzero(high - low < want) > 0.9 * len(open_):
            break
    failures: list[Failure] = []
    for p in rng.permutation(np.flatnonzero(high - low < want)):
        if high[p] - low[p] >= want[p]:
            continue
        found = _both_ways(attacker, matrix_t, know, int(p), pool, low, high)
        exact[p] = True
        if high[p] - low[p] < want[p]:
            failures.append(Failure(int(p), float(high[p] - low[p]), found))
            if most_failures is not None and len(failures) >= most_failures:
                break
    return Widths(low, high, exact, tuple(failures))


def _both_ways(
    attacker: Attacker,
    matrix_t: sparse.csr_array,
    know: Knowledge,
    cell: int,
    pool: Pool,
    low: Floats,
    high: Floats,
) -> Floats:
    """The exact interval of one cell; returns the summed reach of both directions."""
    total = np.zeros(attacker.size)
    one: Ints = np.array([cell])
    for sign in (1.0, -1.0):
        point, duals = attacker.push(one, np.array([-sign]))
        pool.points.append(point)
        np.minimum(low, point, out=low)
        np.maximum(high, point, out=high)
        total += reach(matrix_t, know, attacker.rows, duals, cell, sign)
    return total


class Pruner:
    """Tells whether a suppressed cell can be published again, with one programme for the whole pattern.

    Only the cells whose known interval rests on alternatives that move the published one are asked anew.
    """

    def __init__(self, matrix: sparse.csr_array, know: Knowledge, suppressed: Bools, pool: Pool) -> None:
        self.suppressed = suppressed.copy()
        self.solved = 0
        self._want = np.where(suppressed, know.demand, 0.0) - TOLERANCE
        self._attacker = Attacker(matrix, know, suppressed)
        self._lower = know.lower - know.values
        pool.keep(suppressed)
        self._points = np.array(pool.points) if pool.points else np.zeros((0, matrix.shape[1]))

    def spares(self, cell: int) -> bool:
        """Whether every other suppressed cell stays wide enough without ``cell``."""
        self._attacker.bound(cell, 0.0, 0.0)
        fine = self._all_wide(cell)
        if not fine:
            self._attacker.bound(cell, float(self._lower[cell]), FAR)
        return fine

    def publish(self, cell: int) -> None:
        """Take ``cell`` out of the pattern for good."""
        self._attacker.bound(cell, 0.0, 0.0)
        self.suppressed[cell] = False
        self._want[cell] = -TOLERANCE
        self._points = self._points[self._points[:, cell] == 0]

    def _all_wide(self, cell: int) -> bool:
        still = self._points[:, cell] == 0
        low = self._points.min(axis=0, where=still[:, None], initial=0.0)
        high = self._points.max(axis=0, where=still[:, None], initial=0.0)
        low[cell] = high[cell] = 0.0
        want = self._want.copy()
        want[cell] = -TOLERANCE
        found: list[Floats] = []
        for p in np.flatnonzero(high - low < want):
            for sign in (-1.0, 1.0):
                if high[p] - low[p] < want[p]:
                    self.solved += 1
                    point = self._attacker.push(np.array([p]), np.array([sign]))[0]
                    found.append(point)
                    np.minimum(low, point, out=low)
                    np.maximum(high, point, out=high)
            if high[p] - low[p] < want[p]:
                return False
        if found:
            self._points = np.vstack([self._points, *found])[-1500:]
        return True


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
