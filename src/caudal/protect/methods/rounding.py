"""Controlled rounding: every count becomes a multiple of the base next to it, and margins still add up.

Integer programme: with x = b q + r, choose u in {0, 1} (for r > 0) such that b (q + u) satisfies all
equations, at the least sum of ``|b (q + u) - x|`` with ties broken by a keyed random weight; where the
nearest multiples cannot add up, a cell may move one more base away (zero-restricted first).

It refuses a table that has no such rounding, and runs only with a secret: who could repeat the ties could
undo them.

Reference: Cox (1987), Journal of the American Statistical Association 82, 520-524; Salazar (2005),
Mathematical Programming 105, 583-603.
"""

from __future__ import annotations

import hashlib
import hmac

import numpy as np

from caudal.errors import CaudalError, problem
from caudal.protect.cells import CellSystem, Floats, Ints
from caudal.protect.contract import Method, Protected, Task
from caudal.protect.programme import equalities, is_optimal, make_integer


def controlled_rounding(system: CellSystem, base: int, secret: bytes) -> Ints:
    """The rounded counts. Raises :class:`CaudalError` where no rounding adds up."""
    if not secret:
        raise CaudalError(problem("protect-no-secret", method="rounding"))
    low, rest = np.divmod(system.counts, base)
    noise = _noise(system, secret)
    for extra in (0, 1):
        floor = np.where(rest > 0, low, low - extra).clip(0) if extra else low
        ceiling = low + np.where(rest > 0, 1, 0) + extra
        steps = _solve(system, floor, ceiling, base, noise)
        if steps is not None:
            return steps * base
    raise CaudalError(problem("protect-no-rounding", base=base))


def _noise(system: CellSystem, secret: bytes) -> Floats:
    """A keyed uniform number a cell, by its meaning: the same cell ties the same way in every release."""
    digests = [hmac.digest(secret, "/".join(k).encode(), hashlib.sha256)[:4] for k in system.keys]
    return np.array([int.from_bytes(d, "big") / 2**32 for d in digests])


def _solve(system: CellSystem, floor: Ints, ceiling: Ints, base: int, noise: Floats) -> Ints | None:
    """Multiples between floor and ceiling that satisfy the equations, near the counts.

    Two or three consecutive multiples: the distance to the count is taken linear between the ends, with
    the keyed noise of half a unit so that the direction cannot be recomputed.
    """
    n = system.size
    middle = system.counts / base
    slope = np.where(ceiling - middle < middle - floor, -1.0, 1.0) * np.abs((floor + ceiling) / 2 - middle)
    solver = equalities(
        system.matrix.astype(float),
        -(system.matrix @ floor).astype(float),
        np.zeros(n),
        (ceiling - floor).astype(float),
        mip_rel_gap=0.02,
        mip_max_nodes=2000,
    )
    cost = slope + (noise - 0.5) * 0.8
    cost[system.hidden] = 0.0
    solver.changeColsCost(n, np.arange(n, dtype=np.int32), cost)
    make_integer(solver, n)
    solver.run()
    found = solver.getSolution().col_value
    if len(found) != n or not (is_optimal(solver) or solver.getInfo().primal_solution_status == 2):
        return None
    steps: Ints = np.rint(found).astype(np.int64) + floor
    return steps if not (system.matrix @ steps).any() else None


def _protect(task: Task) -> Protected:
    base = task.policy.rounding.base
    counts = controlled_rounding(task.system, base, task.secret)
    # one of two neighbours of a multiple, unknown which: uniform on an interval of two bases; the same for
    # every cell, since an error that knew the count (none for an empty cell) would tell it
    added = np.full(task.system.size, base / np.sqrt(3.0))
    return Protected(~task.system.hidden, counts, added)


METHOD = Method(
    name="rounding",
    cite="Cox (1987), Journal of the American Statistical Association 82, 520-524",
    additive=True,
    perturbs=True,
    needs_secret=True,
    protect=_protect,
)
