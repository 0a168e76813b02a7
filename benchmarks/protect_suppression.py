"""Secondary suppression on the tables of :mod:`benchmarks.protect_tables`: cells, bounds, CPU seconds.

    python -m benchmarks.protect_suppression small middle

CPU seconds of one process and one thread, compilation and building of the table apart. Every number is of
a certified pattern; a search that ends without one prints what it left open.
"""

from __future__ import annotations

import sys
import time

import numpy as np

from benchmarks.protect_tables import middle_table, small_table
from caudal.protect.cells import build_system
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
    tiny = build_system(["a"], {("_T",): 10, ("x",): 4, ("y",): 6})
    suppress(tiny, small_counts(tiny.counts, 5))  # compiles
    for name in names or ["small"]:
        dimensions, cells = TABLES[name]()
        system = build_system(dimensions, cells)
        primary = small_counts(system.counts, 5)
        empty_n = int((system.counts == 0).sum())
        print(f"{name}: {system.size} cells, {int(primary.sum())} primary, {empty_n} empty")
        for label, values, lower, zeros in CASES:
            start = time.process_time()
            found = suppress(system, primary, demand=Demand(values, lower), zeros=zeros, time_limit_s=600)
            used = time.process_time() - start
            proof = found.certificate
            proved = proof.proved_n if proof else 0
            empty = int((found.suppressed & (system.counts == 0)).sum())
            print(
                f"  {label}: {found.secondary_n} secondary ({empty} empty), proven minimum "
                f"{found.least_secondary_n}, {found.rounds} rounds, {used:.2f} CPU s, "
                f"certified {found.certified}, "
                f"{proved} cells proved by {len(proof.moves) if proof else 0} tables, "
                f"{len(found.open_cells)} open; persons shown in cells "
                f"{np.mean(~found.suppressed[system.counts > 0]):.1%}",
                flush=True,
            )


if __name__ == "__main__":
    main(sys.argv[1:])
