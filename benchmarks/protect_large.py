"""A cube of 131 thousand inner cells: what is protected by suppression, what is left to others, what is lost.

    python -m benchmarks.protect_suppression large

The grids of which at most a quarter of the cells is small, and which close no ring, are protected and proved
block by block. For the other grids recodings are proposed; or all grids are shown with cell keys. CPU
seconds of one process and one thread, from the counts of the cells to the last proof.
"""

from __future__ import annotations

import time
from collections.abc import Mapping

import numpy as np

from benchmarks.protect_tables import Counts, large_counts
from caudal.protect.blocks import suppress_in_blocks
from caudal.protect.cells import CellSystem, Hierarchy, build_system
from caudal.protect.grids import Choice, Grid, choose, grids_of
from caudal.protect.methods.cell_key import perturb
from caudal.protect.primary import small_counts
from caudal.protect.recoding import recodings
from caudal.protect.suppress import Demand, Pattern

THRESHOLD = 5


def run() -> None:
    """Both levels of knowledge, and cell keys for what is left."""
    names, counts, regions = large_counts()
    hierarchies = {names[0]: regions}
    cells = all_cells(names, counts, regions)
    small = int(((counts > 0) & (counts < THRESHOLD)).sum())
    print(f"large: {int((counts > 0).sum())} inner cells, {small} of them small; {len(cells)} in all grids")
    start = time.process_time()
    choice = choose(grids_of(names, cells, hierarchies, THRESHOLD))
    chosen = {k: n for g in choice.kept for k, n in g.cells.items()}
    system = build_system(names, chosen, hierarchies)
    used = time.process_time() - start
    _tell(names, hierarchies, choice, system, used)
    for label, lower, zeros in (("lower bound 1", 1, False), ("zeros may be withheld", 0, True)):
        _protect(system, label, lower, zeros, used)
    _keyed(cells)


def _tell(
    names: list[str], hierarchies: Mapping[str, Hierarchy], choice: Choice, system: CellSystem, used: float
) -> None:
    primary = small_counts(system.counts, THRESHOLD)
    shown = int((system.counts > 0).sum())
    print(
        f"  {len(choice.kept)} of {sum(map(len, (choice.kept, choice.sparse, choice.rings)))} grids, "
        f"{system.size} cells, {shown} not empty, {int(primary.sum())} primary "
        f"({primary.sum() / shown:.1%}), system in {used:.1f} CPU s"
    )
    for reason, grids in (("too many small cells", choice.sparse), ("closes a ring", choice.rings)):
        for g in grids:
            print(f"  left out, {reason}: {_name(names, g)}, {len(g.cells)} cells, {g.share:.1%} small")
    for g in choice.sparse:
        for r in recodings(names, g.cells, hierarchies, lambda key: THRESHOLD)[:3]:
            merged = f" ({len(r.categories)} smallest)" if r.categories else ""
            print(
                f"  proposed for {_name(names, g)}: {r.kind} {r.dimension}{merged}: {r.small_after} small of "
                f"{r.cells_after} cells instead of {r.small_before} of {r.cells_before}"
            )


def _name(names: list[str], grid: Grid) -> str:
    depth: dict[int, int] = {}
    for axis, level in grid.edge:
        depth[axis] = max(depth.get(axis, 0), level)
    return " x ".join(
        "region" if names[a] == "commune" and not d else names[a] for a, d in sorted(depth.items())
    )


def _protect(system: CellSystem, label: str, lower: int, zeros: bool, before: float) -> Pattern:
    primary = small_counts(system.counts, THRESHOLD)
    start = time.process_time()
    found = suppress_in_blocks(system, primary, demand=Demand(4, lower), zeros=zeros, time_limit_s=60.0)
    used = time.process_time() - start + before
    shown = system.counts > 0
    proof = found.certificate
    print(
        f"  release level, {label}: {found.secondary_n} secondary "
        f"({int((found.suppressed & ~shown).sum())} empty), at least {found.least_secondary_n} are needed; "
        f"{np.mean(~found.suppressed[shown]):.1%} of the cells published, "
        f"{_persons(system, found):.2%} of what all cells count is withheld; {used:.1f} CPU s, "
        f"certified {found.certified}, "
        f"{proof.proved_n if proof else 0} cells proved by {len(proof.moves) if proof else 0} tables, "
        f"{len(found.open_cells)} open",
        flush=True,
    )
    return found


def _persons(system: CellSystem, found: Pattern) -> float:
    """What withheld cells count, in what all cells count: the loss by size."""
    return float(system.counts[found.suppressed].sum() / system.counts.sum())


def _keyed(cells: Mapping[tuple[str, ...], int]) -> None:
    """The other way: all grids with cell keys, since one population has one method."""
    flat = np.array(list(cells.values()), np.int64)
    keys = np.random.default_rng(0).integers(0, 2**32, len(flat))
    start = time.process_time()
    noisy = perturb(flat, keys, variance=2.0, largest=5, least=THRESHOLD, secret=b"benchmark")
    small = (flat > 0) & (flat < THRESHOLD)
    print(
        f"  instead, cell keys for all {len(flat)} cells of all grids: "
        f"{time.process_time() - start:.2f} CPU s, "
        f"standard deviation {np.std((noisy - flat)[flat >= 15]):.2f} persons, "
        f"{np.mean(noisy[small] == 0):.0%} of the small ones shown as 0"
    )


def all_cells(names: list[str], counts: Counts, regions: Mapping[str, str]) -> dict[tuple[str, ...], int]:
    """Every crossing of country, region or commune with the other dimensions."""
    at = np.array([int(regions[f"commune{i}"][1:]) for i in range(len(counts))])
    by_region = np.zeros((at.max() + 1, *counts.shape[1:]), np.int64)
    np.add.at(by_region, at, counts)
    cells = {}
    for area, table in (("", counts.sum(axis=0)[None]), ("R", by_region), ("commune", counts)):
        for use in np.ndindex(2, 2, 2):
            axes = tuple(i + 1 for i, u in enumerate(use) if not u)
            part = table.sum(axis=axes) if axes else table
            for place in np.ndindex(part.shape):
                rest = iter(place[1:])
                other = (f"{n}{next(rest)}" if u else "_T" for n, u in zip(names[1:], use, strict=True))
                cells[(f"{area}{place[0]}" if area else "_T", *other)] = int(part[place])
    return cells
