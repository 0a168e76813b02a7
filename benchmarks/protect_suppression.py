"""Secondary suppression on the tables of :mod:`benchmarks.protect_tables`: cells, bounds, CPU seconds.

    python -m benchmarks.protect_suppression small middle large

CPU seconds of one process and one thread, compilation and building of the table apart. Every number is of
a certified pattern; a search that ends without one says what it left open. ``pytauargus`` (EUPL-1.2) is the
yardstick where it is installed; its patterns answer a 20 % interval and are not audited here.
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
from caudal.protect.suppress import Demand, suppress

#: Name of the case, values that a cell must be able to take, lower bound, whether zeros may be withheld.
CASES = (
    ("not recomputable", 2, 0, False),
    ("release level, lower bound 0", 4, 0, False),
    ("release level, lower bound 1", 4, 1, False),
    ("release level, zeros may be withheld", 4, 0, True),
)
TABLES = {"small": small_table, "middle": middle_table}


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
        for case in CASES:
            _case(system, *case)
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
    system: CellSystem, label: str, values: int, lower: int, zeros: bool, limit_s: float = 600.0
) -> bool:
    primary = _primary(system)
    start = time.process_time()
    found = suppress(system, primary, demand=Demand(values, lower), zeros=zeros, time_limit_s=limit_s)
    used = time.process_time() - start
    proof = found.certificate
    least = max(found.least_secondary_n, 1)
    print(
        f"  {label}: {found.secondary_n} secondary "
        f"({int((found.suppressed & (system.counts == 0)).sum())} empty), proven minimum "
        f"{found.least_secondary_n}, ratio {found.secondary_n / least:.2f}, {found.rounds} rounds, "
        f"{used:.2f} CPU s, certified {found.certified}, {proof.proved_n if proof else 0} cells proved by "
        f"{len(proof.moves) if proof else 0} tables, {len(found.open_cells)} open; shown "
        f"{np.mean(~found.suppressed[(system.counts > 0) & ~system.hidden]):.1%} of the cells",
        flush=True,
    )
    return found.certified


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
