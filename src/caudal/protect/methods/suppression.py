"""Suppression: cells are withheld until no suppressed cell can be narrowed to too few integers.

It refuses what :mod:`caudal.protect.suppress` cannot certify. Margins that are shown add up.
"""

from __future__ import annotations

import numpy as np

from caudal.protect.cells import Bools
from caudal.protect.contract import Method, Protected, Task
from caudal.protect.suppress import Demand, suppress


def _protect(task: Task) -> Protected:
    policy, system = task.policy, task.system
    pattern = suppress(
        system,
        task.primary,
        demand=Demand(policy.values, policy.lower(), policy.interval_pct),
        cost=task.cost,
        forced=task.forced,
        fixed=task.keep,
        zeros=policy.zeros != "published",
        seed=task.seed,
        time_limit_s=policy.time_limit_s,
    )
    unproved = pattern.certificate.unproved if pattern.certificate else ()
    shown: Bools = ~pattern.suppressed
    return Protected(
        shown,
        np.where(shown, system.counts, 0),
        np.zeros(system.size),
        tuple(sorted(pattern.hopeless or {*pattern.open_cells, *unproved})),
        bool(pattern.hopeless),
        pattern.certificate,
        pattern.secondary_n,
        pattern.least_secondary_n,
    )


METHOD = Method(
    name="suppression",
    cite="Fischetti and Salazar (2001), Management Science 47, 1008-1027",
    additive=True,
    perturbs=False,
    needs_secret=False,
    protect=_protect,
)
