"""Which search finds the pattern of a system: whole where it is small, block by block where it is large.

Where the search of the whole ends without a proof or in cubes, blocks are tried too: each is small enough
for whole-number proofs, and cubes prove what they leave. What is certified and cheaper is taken. It refuses
nothing itself; see :mod:`suppress`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from caudal.protect.attacker import Knowledge
from caudal.protect.blocks import suppress_in_blocks
from caudal.protect.cells import Bools, CellSystem, Floats
from caudal.protect.certificates import confirmed
from caudal.protect.products import cube_pattern
from caudal.protect.suppress import Demand, Pattern, default_cost, knowledge, suppress

#: Cells of a system that is searched whole; a larger one goes block by block.
LARGEST_WHOLE = 10_000
#: Share of the time limit for blocks after a search of the whole that found no proof.
BLOCKS_SHARE = 0.2


def find_pattern(
    system: CellSystem,
    primary: Bools,
    *,
    demand: Demand,
    cost: Floats | None = None,
    forced: Bools | None = None,
    fixed: Bools | None = None,
    zeros: bool = False,
    seed: int = 0,
    time_limit_s: float = 300.0,
) -> Pattern:
    """The cheapest certified pattern, or one that says what it leaves open; arguments of :func:`suppress`."""

    def searched(search: Callable[..., Pattern], limit_s: float) -> Pattern:
        return search(
            system,
            primary,
            demand=demand,
            cost=cost,
            forced=forced,
            fixed=fixed,
            zeros=zeros,
            seed=seed,
            time_limit_s=limit_s,
        )

    if system.size > LARGEST_WHOLE:
        return searched(suppress_in_blocks, time_limit_s)
    found = searched(suppress, (1 - BLOCKS_SHARE) * time_limit_s)
    if found.hopeless or (found.certified and not found.of_cubes):
        return found
    other = searched(suppress_in_blocks, BLOCKS_SHARE * time_limit_s)
    if other.certificate is not None and other.certificate.unproved:
        cost = default_cost(system) if cost is None else cost
        allowed = (system.counts > 0) | zeros if fixed is None else ((system.counts > 0) | zeros) & ~fixed
        other = _completed(
            system, other, knowledge(system, primary, demand, zeros=zeros), allowed, cost, seed
        )
    if not other.certified or (found.certified and found.cost <= other.cost):
        return found
    return replace(
        other,
        least_secondary_n=max(found.least_secondary_n, other.least_secondary_n),
        least_cost=found.least_cost,
        cut=found.cut,
        in_blocks=True,
    )


def _completed(
    system: CellSystem, blocks: Pattern, know: Knowledge, allowed: Bools, cost: Floats, seed: int
) -> Pattern:
    """The pattern of blocks with the cheapest cubes through the cells that they leave unproved."""
    proof = blocks.certificate
    if proof is None:
        return blocks
    before = blocks.suppressed
    lacking = np.array(proof.unproved, np.int64)
    made = cube_pattern(system, know, before, allowed & ~before, cost, cells=lacking, seed=seed)
    if made is None:
        return blocks
    pattern, moves = made
    new = pattern & ~before
    return replace(
        blocks,
        suppressed=pattern,
        secondary_n=blocks.secondary_n + int(new.sum()),
        cost=blocks.cost + float(cost[new].sum()),
        open_cells=(),
        certificate=confirmed(system.matrix, know, pattern, [*proof.moves, *moves], proof.values),
    )
