"""A walk over the whole-number alternatives of a pattern: cheap moves for its certificates.

Gauss-Jordan elimination of the equations leaves some classes free; giving one of them 1 and the others 0
yields a move with few classes. Whole multiples of such moves, one after the other, lead from one
alternative table to the next, and none of them leaves the bounds. Several eliminations, in random orders,
give several sets of moves. What is not reached this way is left to integer programmes.

The walk is compiled where numba is installed; the same source, with the same random numbers, runs without it.
"""

from __future__ import annotations

import heapq

import numpy as np
from scipy import sparse

from caudal.protect.cells import Bools, Ints
from caudal.protect.classes import add_row, as_rows
from caudal.protect.rounding import compiled

#: Eliminations, steps of the walk for each class, steps after which it starts again where it began.
BASES, STEPS_A_CLASS, REFRESH = 6, 200, 1000


def steps_of(matrix: sparse.csr_array, rng: np.random.Generator) -> sparse.csr_array:
    """Moves with few classes (moves x classes), in whole numbers."""
    found = []
    for _ in range(BASES):
        rows, columns = rng.permutation(matrix.shape[0]), rng.permutation(matrix.shape[1])
        moves = _null_moves(matrix[rows][:, columns].tocsr())
        found.append(moves[:, np.argsort(columns)])
    return sparse.vstack(found, format="csr")


def _null_moves(matrix: sparse.csr_array) -> sparse.csr_array:
    """One move for each class that elimination leaves free. Pivots are 1 or -1, so all stays whole; a row
    without such a pivot is left out, and moves that break it are sorted out when they are credited."""
    rows, where = as_rows(matrix)
    pivots = _eliminate(rows, where)
    n = matrix.shape[1]
    free = [c for c in range(n) if c not in pivots]
    place = {c: i for i, c in enumerate(free)}
    entries = [(i, c, 1) for c, i in place.items()]
    entries += [(place[o], c, -v) for c, e in pivots.items() for o, v in rows[e].items() if o != c]
    at = np.array(entries, np.int64).reshape(-1, 3)
    return sparse.csr_array((at[:, 2], (at[:, 0], at[:, 1])), shape=(len(free), n))


def _eliminate(rows: list[dict[int, int]], where: dict[int, set[int]]) -> dict[int, int]:
    heap = [(len(r), e) for e, r in enumerate(rows) if r]
    heapq.heapify(heap)
    pivots: dict[int, int] = {}
    done: set[int] = set()
    while heap:
        length, e = heapq.heappop(heap)
        row = rows[e]
        if e in done or not row:
            continue
        if len(row) != length:
            heapq.heappush(heap, (len(row), e))
            continue
        done.add(e)
        units = [c for c, v in row.items() if abs(v) == 1]
        if not units:
            continue
        pivot = min(units, key=lambda c: (len(where[c]), c))
        pivots[pivot] = e
        if row[pivot] < 0:
            for c in row:
                row[c] = -row[c]
        for other in where[pivot] - {e}:
            add_row(rows, where, other, row, -rows[other][pivot])
            if other not in done and rows[other]:
                heapq.heappush(heap, (len(rows[other]), other))
    return pivots


def walk(
    moves: sparse.csr_array,
    start: Ints,
    low: Ints,
    high: Ints,
    wanted: Bools,
    seen: Bools,
    values: int,
    seed: int,
) -> list[Ints]:
    """Alternatives met on the way from ``start`` that show values not yet ``seen`` of ``wanted`` classes.

    ``seen[c, reach + v]`` says that class c takes the value v; it is left as it is.
    """
    n = len(low)
    budget = STEPS_A_CLASS * n
    shown = np.zeros((min(4 * n, 4000), n), np.int64)
    count = _walk(
        start,
        moves.indptr.astype(np.int64),
        moves.indices.astype(np.int64),
        moves.data.astype(np.int64),
        low,
        high,
        np.where(wanted, np.maximum(0, values - seen.sum(axis=1)), 0).astype(np.int64),
        seen.copy(),
        seed + 1,
        budget,
        shown,
    )
    return list(shown[:count])


@compiled
def _step(
    start: int, stop: int, classes: Ints, amounts: Ints, y: Ints, low: Ints, high: Ints, most: int
) -> tuple[int, int]:
    """How often a move can be taken backwards and forwards, at most ``most`` times."""
    back, forth = -most, most
    for a in range(start, stop):
        c, v = classes[a], amounts[a]
        if v > 0:
            forth = min(forth, (high[c] - y[c]) // v)
            back = max(back, -((y[c] - low[c]) // v))
        else:
            forth = min(forth, (y[c] - low[c]) // -v)
            back = max(back, -((high[c] - y[c]) // -v))
    return back, forth


@compiled
def _live(starts: Ints, classes: Ints, lacking: Ints, live: Ints) -> int:
    """The moves that change a class that lacks values; returns their number."""
    count = 0
    for m in range(len(starts) - 1):
        for a in range(starts[m], starts[m + 1]):
            if lacking[classes[a]] > 0:
                live[count] = m
                count += 1
                break
    return count


@compiled
def _take(start: int, stop: int, times: int, classes: Ints, amounts: Ints, y: Ints, seen: Bools) -> bool:
    """Take a move; whether it leads to values not seen."""
    new, reach = False, seen.shape[1] // 2
    for a in range(start, stop):
        c = classes[a]
        y[c] += times * amounts[a]
        if abs(y[c]) <= reach and not seen[c, y[c] + reach]:
            new = True
    return new


@compiled
def _note(y: Ints, seen: Bools, lacking: Ints) -> bool:
    """Mark what the alternative shows; whether a class that lacked a value has it now."""
    useful, reach = False, seen.shape[1] // 2
    for c in range(len(y)):
        if abs(y[c]) <= reach and not seen[c, y[c] + reach]:
            seen[c, y[c] + reach] = True
            useful = useful or lacking[c] > 0
            lacking[c] = max(0, lacking[c] - 1)
    return useful


@compiled
def _walk(
    start: Ints,
    starts: Ints,
    classes: Ints,
    amounts: Ints,
    low: Ints,
    high: Ints,
    lacking: Ints,
    seen: Bools,
    seed: int,
    budget: int,
    shown: Ints,
) -> int:
    """Random steps along moves that change a class that lacks values; returns the number of tables noted."""
    y, live = start.copy(), np.zeros(len(starts) - 1, np.int64)
    lives, count, state = 0, 0, seed % 2147483647 + 1
    for turn in range(budget):
        if turn % REFRESH == 0:
            lives = _live(starts, classes, lacking, live)
            y[:] = start
        if lives == 0 or count == len(shown):
            break
        state = (state * 1103515245 + 12345) & 0x7FFFFFFF
        m = live[(state >> 8) % lives]
        back, forth = _step(starts[m], starts[m + 1], classes, amounts, y, low, high, 3)
        if back == 0 and forth == 0:
            continue
        state = (state * 1103515245 + 12345) & 0x7FFFFFFF
        times = back + (state >> 8) % (forth - back + 1)
        if times == 0:
            times = forth if forth > 0 else back
        new = _take(starts[m], starts[m + 1], times, classes, amounts, y, seen)
        if new and _note(y, seen, lacking):
            shown[count] = y
            count += 1
    return count
