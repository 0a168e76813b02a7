"""Secondary suppression on the tables of :mod:`benchmarks.protect_tables`: cells, bounds, CPU, memory.

    python -m benchmarks.protect_suppression small middle large

CPU seconds of one process and one thread, compilation and building of the table apart. Every number is of
a certified pattern, set against its goal; a search that ends without one says what it left open.
``pytauargus`` (EUPL-1.2) is the yardstick where it is installed; its patterns answer a 20 % interval and are
not audited here.
"""

from __future__ import annotations

import resource
import sys
import tempfile
import time

import numpy as np

from benchmarks import protect_large
from benchmarks.protect_tables import (
    middle_table,
    random_counts,
    small_counts_of_the_table,
    small_table,
    with_margins,
)
from caudal.protect.cells import CellSystem, build_system
from caudal.protect.primary import small_counts
from caudal.protect.route import find_pattern
from caudal.protect.suppress import Demand, Pattern, suppress

#: Name of the case, values that a cell must be able to take, lower bound, whether zeros may be withheld.
CASES = (
    ("not recomputable", 2, 0, False),
    ("release level, lower bound 0", 4, 0, False),
    ("release level, lower bound 1", 4, 1, False),
    ("release level, zeros may be withheld", 4, 0, True),
)
TABLES = {"small": small_table, "middle": middle_table}
#: Most secondary cells and CPU seconds, certificates included.
GOALS = {
    ("small", "not recomputable"): (63, 0.8),
    ("small", "release level, lower bound 0"): (67, 0.8),
    ("small", "release level, lower bound 1"): (94, 3.0),
    ("middle", "release level, lower bound 0"): (443, 60.0),
    ("middle", "release level, lower bound 1"): (None, 300.0),
    ("middle", "release level, zeros may be withheld"): (None, 300.0),
}


def main(names: list[str]) -> None:
    """Run all cases on the named tables."""
    _compile()
    for name in names or ["small"]:
        if name == "large":
            protect_large.run()
            continue
        dimensions, cells = TABLES[name]()
        system = build_system(dimensions, cells)
        empty_n = int((system.counts == 0).sum())
        print(f"{name}: {system.size} cells, {_primary(system).sum()} primary, {empty_n} empty")
        found = {case[0]: _case(system, *case, goal=GOALS.get((name, case[0]))) for case in CASES}
        _compare(system, found[CASES[2][0]], found[CASES[3][0]])
        if name == "small":
            _yardstick()
    print(f"peak memory {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20:.2f} GB")


def _compile() -> None:
    """The first call compiles where numba is installed; that is no part of the figures."""
    names = ["a", "b", "c"]
    system = build_system(names, with_margins(random_counts((6, 4, 3), 400, (0.9, 0.9, 0.9), 1), names))
    suppress(system, _primary(system))


def _primary(system: CellSystem) -> np.ndarray:
    return small_counts(system.counts, 5) & (~system.hidden | system.remainder)


def _case(
    system: CellSystem,
    label: str,
    values: int,
    lower: int,
    zeros: bool,
    limit_s: float = 300.0,
    goal: tuple[int | None, float] | None = None,
) -> Pattern:
    primary = _primary(system)
    start = time.process_time()
    found = find_pattern(system, primary, demand=Demand(values, lower), zeros=zeros, time_limit_s=limit_s)
    used = time.process_time() - start
    proof = found.certificate
    least = max(found.least_secondary_n, 1)
    print(
        f"  {label}: {found.secondary_n} secondary "
        f"({int((found.suppressed & (system.counts == 0)).sum())} empty), proven minimum "
        f"{found.least_secondary_n}, ratio {found.secondary_n / least:.2f}, {found.rounds} rounds, "
        f"{used:.2f} CPU s, certified {found.certified}, {proof.proved_n if proof else 0} cells proved by "
        f"{len(proof.moves) if proof else 0} tables, {len(found.open_cells)} open; shown "
        f"{_shown(system, found):.1%} of the cells{_how(found)}{_against(found, used, goal)}",
        flush=True,
    )
    return found


def _shown(system: CellSystem, found: Pattern) -> float:
    """The share of the cells with anybody in them that is published."""
    return float(np.mean(~found.suppressed[(system.counts > 0) & ~system.hidden]))


def _how(found: Pattern) -> str:
    made = "; made of cubes" * found.of_cubes + "; made of blocks" * found.in_blocks
    return made + "; cut by the time limit" * found.cut


def _against(found: Pattern, used: float, goal: tuple[int | None, float] | None) -> str:
    if goal is None:
        return ""
    most, seconds = goal
    met = found.certified and used <= seconds and (most is None or found.secondary_n <= most)
    cells = "" if most is None else f"at most {most} cells in "
    return f"; goal {cells}{seconds:g} s: {'met' if met else 'not met'}"


def _compare(system: CellSystem, ones: Pattern, zeros: Pattern) -> None:
    """Two honest ways to deal with empty cells: always published, or withheld like any other."""
    print(
        f"  empty cells always published: {ones.secondary_n} secondary, and no pattern has fewer than "
        f"{ones.least_secondary_n}; empty cells that may be withheld: {zeros.secondary_n}. So the second "
        f"publishes {_shown(system, zeros):.1%} of the cells with anybody in them, the first "
        f"{_shown(system, ones):.1%}",
        flush=True,
    )


def _yardstick() -> None:
    """The modular and the optimal method of another program on the small table."""
    try:
        from pytauargus import protect
    except ImportError:
        print("  pytauargus: not installed (pip install pytauargus; EUPL-1.2, brings its own solver)")
        return
    counts = small_counts_of_the_table()
    at = np.nonzero(counts)
    codes = [np.char.add(n, np.char.zfill(a.astype(str), 2)) for n, a in zip("rag", at, strict=True)]
    people = {
        name: np.repeat(c, counts[at]).tolist()
        for name, c in zip(("region", "age", "group"), codes, strict=True)
    }
    people["one"] = [1.0] * int(counts.sum())
    for method in ("MOD(1)", "OPT(1,2)"):
        with tempfile.TemporaryDirectory() as folder:
            start = time.process_time()
            result = protect(
                people,
                ["region", "age", "group"],
                response="one",
                safety_rules="FREQ(5,20)",
                suppress=method,
                workdir=folder,
            )
            status = result.tables[0].status()
            print(
                f"  pytauargus {method}, 20 % interval: {status.count('U')} primary, "
                f"{status.count('M')} secondary, {time.process_time() - start:.2f} CPU s",
                flush=True,
            )


if __name__ == "__main__":
    main(sys.argv[1:])
