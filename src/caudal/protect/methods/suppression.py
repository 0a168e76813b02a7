"""Suppression: cells are withheld until no suppressed cell can be narrowed to too few integers.

It refuses what :mod:`caudal.protect.suppress` cannot certify. Margins that are shown add up.

Where the time limit cut the search, or the pattern had to be made of cubes, the verdict says so. Where empty
cells are always published, the table is then protected a second time as if they might be withheld, and what
that would publish is proposed to the custodian, who decides: the rule on empty cells is not the program's.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from caudal.protect.cells import Bools
from caudal.protect.contract import Method, Protected, Task
from caudal.protect.route import find_pattern
from caudal.protect.suppress import Demand, Pattern
from caudal.protect.verdict import Note


def _protect(task: Task) -> Protected:
    policy, system = task.policy, task.system
    pattern = _search(task, _asked(task), policy.zeros)
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
        _notes(task, pattern) if pattern.certified else (),
    )


def _asked(task: Task) -> Demand:
    return Demand(task.policy.values, task.policy.lower(), task.policy.interval_pct)


def _search(task: Task, demand: Demand, zeros: str) -> Pattern:
    return find_pattern(
        task.system,
        task.primary,
        demand=demand,
        cost=task.cost,
        forced=task.forced,
        fixed=task.keep,
        zeros=zeros != "published",
        seed=task.seed,
        time_limit_s=task.policy.time_limit_s,
    )


def _notes(task: Task, pattern: Pattern) -> tuple[Note, ...]:
    """What the custodian should know of how the pattern was found, and what would withhold less."""
    limit = task.policy.time_limit_s
    notes: list[Note] = []
    if pattern.cut:
        notes.append(Note("search_cut", {"seconds": f"{limit:g}"}))
    if pattern.of_cubes or pattern.in_blocks:
        notes.append(Note("made_of_cubes" if pattern.of_cubes else "made_of_blocks"))
    if notes and task.policy.zeros == "published" and task.policy.lower() == 1:
        notes += _with_zeros(task, pattern)
    return tuple(notes)


def _with_zeros(task: Task, pattern: Pattern) -> list[Note]:
    """What would be withheld if empty cells might be, where that is less."""
    other = _search(task, replace(_asked(task), lower=0), "suppressible")
    if not other.certified or other.cost >= pattern.cost:
        return []
    empty = int((other.suppressed & ~task.system.hidden & (task.system.counts == 0)).sum())
    facts = {"other": other.secondary_n, "empty": empty, "own": pattern.secondary_n}
    return [Note("with_zeros", facts | {"least": pattern.least_secondary_n})]


METHOD = Method(
    name="suppression",
    cite="Fischetti and Salazar (2001), Management Science 47, 1008-1027",
    additive=True,
    perturbs=False,
    needs_secret=False,
    protect=_protect,
)
