"""From fractions to cells: a cheap 0/1 pattern that satisfies the rows known so far.

Ruin and recreate on a covering problem: take a few neighbouring secondary cells out, repair every row that
broke by the cell with the best value for its cost, delete what became needless, keep the result if it is
not dearer. Rows are of two kinds: equations, in which exactly one suppressed cell is useless, and cuts
``sum a_j y_j >= b`` from the audit. The fractions of the linear programme guide the choice.

The passes are compiled where numba is installed. The same source runs without it, with the same
random numbers, so the answer is the same; it only takes longer.

Reference: Schrimpf et al. (2000), Journal of Computational Physics 159, 139-171.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple, TypeVar, cast

import numpy as np
import numpy.typing as npt
from scipy import sparse

F = TypeVar("F", bound=Callable[..., Any])
EPS = 1e-7


def compiled(function: F) -> F:
    """``function``, compiled where numba is installed."""
    try:
        from numba import njit
    except ImportError:  # the optional extra `fast`
        return function
    return cast(F, njit(cache=True)(function))


@dataclass(frozen=True)
class Cover:
    """Equations and cuts over cells. ``shield[e]`` counts cells of equation e that are always hidden."""

    equations: sparse.csr_array
    cuts: sparse.csr_array
    rights: npt.NDArray[np.float64]
    shield: npt.NDArray[np.int64]
    cost: npt.NDArray[np.float64]
    free: npt.NDArray[np.bool_]


class Net(NamedTuple):
    """Rows and cells in both directions: ``ep, ex`` equations to cells, ``ept, ec`` back; ``k`` for cuts."""

    ep: Any
    ex: Any
    ept: Any
    ec: Any
    kp: Any
    kx: Any
    ka: Any
    kpt: Any
    kc: Any
    kv: Any
    cost: Any
    weight: Any
    free: Any


class State(NamedTuple):
    """The pattern ``y``, suppressed cells by equation, surplus by cut, broken rows, flips, chosen cells."""

    y: Any
    count: Any
    total: Any
    queued: Any
    queue: Any
    log: Any
    chosen: Any
    at: Any


def round_pattern(
    cover: Cover,
    start: npt.NDArray[np.bool_],
    weight: npt.NDArray[np.float64],
    *,
    steps: int,
    seed: int,
    sideways: bool = True,
) -> npt.NDArray[np.bool_]:
    """A pattern that satisfies all rows that can be satisfied, from ``start``, guided by ``weight``.

    Cells that are not ``cover.free`` keep their state. ``sideways`` accepts changes that cost nothing.
    """
    eq, cut = cover.equations, cover.cuts
    eq_t, cut_t = eq.T.tocsr(), cut.T.tocsr()
    net = Net(
        eq.indptr.astype(np.int64),
        eq.indices.astype(np.int64),
        eq_t.indptr.astype(np.int64),
        eq_t.indices.astype(np.int64),
        cut.indptr.astype(np.int64),
        cut.indices.astype(np.int64),
        cut.data,
        cut_t.indptr.astype(np.int64),
        cut_t.indices.astype(np.int64),
        cut_t.data,
        cover.cost,
        weight,
        cover.free,
    )
    y = start.astype(np.int64)
    rows, cells = eq.shape[0] + cut.shape[0], eq.shape[1]
    state = State(
        y,
        (abs(eq) @ y + cover.shield).astype(np.int64),
        cut @ y.astype(float) - cover.rights,
        np.zeros(rows, np.int64),
        np.zeros(rows + 1, np.int64),
        np.zeros(8 * cells + 64, np.int64),
        np.zeros(cells, np.int64),
        np.full(cells, -1, np.int64),
    )
    _search(net, state, steps, seed, 1e-12 if sideways else -1e-4)
    return y.astype(bool)


@compiled
def _flip(net: Net, s: State, j: int, logged: int) -> int:
    """Suppress or publish cell ``j``, keep the sums of its rows, note it in the log."""
    s.y[j] = 1 - s.y[j]
    step = 2 * s.y[j] - 1
    for a in range(net.ept[j], net.ept[j + 1]):
        s.count[net.ec[a]] += step
    for a in range(net.kpt[j], net.kpt[j + 1]):
        s.total[net.kc[a]] += step * net.kv[a]
    s.log[logged] = j
    return logged + 1


@compiled
def _gain(net: Net, s: State, j: int) -> float:
    """Rows that suppressing ``j`` mends, less the rows that it breaks."""
    gain = 0.0
    for a in range(net.ept[j], net.ept[j + 1]):
        if s.count[net.ec[a]] == 1:
            gain += 1.0
        elif s.count[net.ec[a]] == 0:
            gain -= 0.6
    for a in range(net.kpt[j], net.kpt[j + 1]):
        lack = -s.total[net.kc[a]]
        if lack > EPS:
            gain += min(1.0, net.kv[a] / lack) if net.kv[a] > 0 else 0.0
        elif net.kv[a] < 0 and net.kv[a] - lack < -EPS:
            gain -= 0.6
    return max(gain, 0.02)


@compiled
def _needless(net: Net, s: State, j: int) -> bool:
    """Whether ``j`` is a suppressed free cell whose publication breaks no row."""
    if not s.y[j] or not net.free[j]:
        return False
    for a in range(net.ept[j], net.ept[j + 1]):
        if s.count[net.ec[a]] == 2:
            return False
    for a in range(net.kpt[j], net.kpt[j + 1]):
        if net.kv[a] > 0 and s.total[net.kc[a]] - net.kv[a] < -EPS:
            return False
    return True


@compiled
def _broken(net: Net, s: State, r: int) -> bool:
    """Whether row ``r`` (equations first, then cuts) is violated."""
    n = len(net.ep) - 1
    if r < n:
        return bool(s.count[r] == 1)
    return bool(s.total[r - n] < -EPS)


@compiled
def _queue_rows(net: Net, s: State, j: int, top: int) -> int:
    """Put the broken rows of ``j`` on the stack."""
    n = len(net.ep) - 1
    for a in range(net.ept[j], net.ept[j + 1]):
        r = net.ec[a]
        if s.queued[r] == 0 and _broken(net, s, r):
            s.queued[r] = 1
            s.queue[top] = r
            top += 1
    for a in range(net.kpt[j], net.kpt[j + 1]):
        r = n + net.kc[a]
        if s.queued[r] == 0 and _broken(net, s, r):
            s.queued[r] = 1
            s.queue[top] = r
            top += 1
    return top


@compiled
def _best_in(net: Net, s: State, lo: int, hi: int, cells: Any, jitter: int) -> int:
    """The published free cell among ``cells[lo:hi]`` with the best value for its cost, or -1."""
    best, best_score = -1, -1.0
    for a in range(lo, hi):
        j = cells[a]
        if s.y[j] or not net.free[j]:
            continue
        score = _gain(net, s, j) / net.cost[j] * (0.15 + net.weight[j])
        score *= 1.0 + 0.3 * ((j * 7919 + jitter) % 1009) / 1009.0
        if score > best_score:
            best, best_score = j, score
    return best


@compiled
def _remedy(net: Net, s: State, r: int, jitter: int) -> int:
    """The cell whose flip mends row ``r``: a useless one to publish, else the best one to suppress."""
    n = len(net.ep) - 1
    if r < n:
        for a in range(net.ep[r], net.ep[r + 1]):
            if _needless(net, s, net.ex[a]):
                return int(net.ex[a])
        return int(_best_in(net, s, net.ep[r], net.ep[r + 1], net.ex, jitter))
    k = r - n
    for a in range(net.kp[k], net.kp[k + 1]):
        if net.ka[a] < 0 and _needless(net, s, net.kx[a]):
            return int(net.kx[a])
    return int(_best_in(net, s, net.kp[k], net.kp[k + 1], net.kx, jitter))


@compiled
def _repair(net: Net, s: State, top: int, logged: int, jitter: int) -> int:
    """Mend the rows on the stack as far as possible; returns the length of the log."""
    while top > 0:
        top -= 1
        r = s.queue[top]
        s.queued[r] = 0
        while _broken(net, s, r) and logged < len(s.log):
            j = _remedy(net, s, r, jitter)
            if j < 0:
                break
            logged = _flip(net, s, j, logged)
            top = _queue_rows(net, s, j, top)
    return logged


@compiled
def _ruin(net: Net, s: State, j: int, many: int, state: int) -> Any:
    """Publish ``j`` and up to ``many`` - 1 suppressed neighbours; returns flips and the random state."""
    logged = _flip(net, s, j, 0)
    for _ in range(many - 1):
        if net.ept[j] == net.ept[j + 1]:
            break
        state = (state * 1103515245 + 12345) & 0x7FFFFFFF
        e = net.ec[net.ept[j] + (state >> 8) % (net.ept[j + 1] - net.ept[j])]
        state = (state * 1103515245 + 12345) & 0x7FFFFFFF
        width, found = net.ep[e + 1] - net.ep[e], -1
        for b in range(width):
            c = net.ex[net.ep[e] + (b + (state >> 8)) % width]
            if s.y[c] and net.free[c]:
                found = c
                break
        if found < 0:
            break
        j = found
        logged = _flip(net, s, j, logged)
    return logged, state


@compiled
def _trim(net: Net, s: State, start: int, stop: int, logged: int) -> int:
    """Delete needless cells in the short rows of the cells that were added."""
    for b in range(start, stop):
        added = s.log[b]
        if not s.y[added]:
            continue
        for a in range(net.ept[added], net.ept[added + 1]):
            e = net.ec[a]
            if s.count[e] > 24:
                continue
            for d in range(net.ep[e], net.ep[e + 1]):
                if logged < len(s.log) and _needless(net, s, net.ex[d]):
                    logged = _flip(net, s, net.ex[d], logged)
    return logged


@compiled
def _dearer(net: Net, s: State, logged: int, most: float) -> bool:
    """Whether the flips in the log cost more than ``most``; a cell may stand there twice and counts once."""
    change = 0.0
    for b in range(logged):
        c = s.log[b]
        if s.y[c] and s.at[c] == -1:
            change += net.cost[c]
            s.at[c] = -2
        elif not s.y[c] and s.at[c] >= 0:
            change -= net.cost[c]
            s.at[c] = -3 - s.at[c]
    for b in range(logged):
        c = s.log[b]
        if s.at[c] == -2:
            s.at[c] = -1
        elif s.at[c] <= -3:
            s.at[c] = -3 - s.at[c]
    return bool(change > most)


@compiled
def _unmended(net: Net, s: State, removed: int) -> bool:
    """Whether a row of a removed cell is still broken."""
    n = len(net.ep) - 1
    for b in range(removed):
        c = s.log[b]
        for a in range(net.ept[c], net.ept[c + 1]):
            if _broken(net, s, net.ec[a]):
                return True
        for a in range(net.kpt[c], net.kpt[c + 1]):
            if _broken(net, s, n + net.kc[a]):
                return True
    return False


@compiled
def _settle(s: State, logged: int, m: int) -> int:
    """Bring the list of chosen cells up to date; returns its length."""
    for b in range(logged):
        c = s.log[b]
        if s.y[c] and s.at[c] < 0:
            s.at[c] = m
            s.chosen[m] = c
            m += 1
        elif not s.y[c] and s.at[c] >= 0:
            m -= 1
            last = s.chosen[m]
            s.chosen[s.at[c]] = last
            s.at[last] = s.at[c]
            s.at[c] = -1
    return m


@compiled
def _mend_start(net: Net, s: State, jitter: int) -> int:
    """Mend the start and delete what is needless, least wanted first; returns the number of chosen cells."""
    top = 0
    for r in range(len(s.queued)):
        if _broken(net, s, r):
            s.queued[r] = 1
            s.queue[top] = r
            top += 1
    _repair(net, s, top, 0, jitter)
    for j in np.argsort(net.weight, kind="mergesort"):
        if _needless(net, s, j):
            _flip(net, s, j, 0)
    m = 0
    for j in range(len(s.y)):
        if s.y[j] and net.free[j]:
            s.chosen[m] = j
            s.at[j] = m
            m += 1
    return m


@compiled
def _search(net: Net, s: State, steps: int, seed: int, most: float) -> None:
    """Mend the start, then ruin and recreate ``steps`` times."""
    m = _mend_start(net, s, seed)
    state = seed % 2147483647 + 1
    for _ in range(steps):
        if m == 0:
            break
        state = (state * 1103515245 + 12345) & 0x7FFFFFFF
        j = s.chosen[(state >> 8) % m]
        state = (state * 1103515245 + 12345) & 0x7FFFFFFF
        removed, state = _ruin(net, s, j, 1 + (state >> 8) % 5, state)
        top = 0
        for b in range(removed):
            top = _queue_rows(net, s, s.log[b], top)
        state = (state * 1103515245 + 12345) & 0x7FFFFFFF
        mended = _repair(net, s, top, removed, state)
        logged = _trim(net, s, removed, mended, mended)
        if _dearer(net, s, logged, most) or _unmended(net, s, removed):
            for b in range(logged - 1, -1, -1):
                _flip(net, s, s.log[b], b)
        else:
            m = _settle(s, logged, m)
