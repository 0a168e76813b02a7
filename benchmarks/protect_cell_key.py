"""Cell keys on a cube of a million records against the plain counts of the same cube.

    python -m benchmarks.protect_cell_key

All 42 crossings of at most three of six dimensions, in one pass of grouping sets; CPU seconds, one thread.
"""

from __future__ import annotations

import time
from itertools import combinations

import duckdb
import numpy as np

from caudal.protect.methods.cell_key import perturb, transition

ROWS = 1_000_000
SIZES = {"region": 24, "sex": 2, "age": 8, "ethnicity": 5, "disability": 2, "status": 4}


def main() -> None:
    """Best of five of each."""
    session = duckdb.connect()
    session.execute("SET threads = 1")
    columns = ", ".join(
        f"(hash(i * 16 + {k}) % {n})::UTINYINT AS {d}" for k, (d, n) in enumerate(SIZES.items())
    )
    session.execute(
        f"CREATE TABLE people AS SELECT {columns}, (hash(i * 16 + 15) % 4294967296)::BIGINT AS record_key "
        f"FROM range({ROWS}) t(i)"
    )
    names = list(SIZES)
    grids = [c for k in range(4) for c in combinations(names, k)]
    sets = ", ".join(f"({', '.join(g)})" for g in grids)
    listed = ", ".join(names)
    cube = f"FROM people GROUP BY GROUPING SETS ({sets})"
    plain = f"SELECT {listed}, count(*) AS n {cube}"
    keyed = f"SELECT {listed}, count(*) AS n, sum(record_key) % 4294967296 AS key_sum {cube}"
    for n in range(1, 16):
        transition(n, 2.0, 5, 5)

    def noisy() -> int:
        cells = session.sql(keyed).to_arrow_table()
        counts = cells["n"].to_numpy().astype(np.int64)
        sums = np.array(cells["key_sum"].to_pylist(), dtype=np.int64)
        return int(perturb(counts, sums, variance=2.0, largest=5, least=5, secret=b"benchmark").size)

    base = min(_timed(lambda: session.sql(plain).to_arrow_table().num_rows)[0] for _ in range(5))
    times = [_timed(noisy) for _ in range(5)]
    best = min(t for t, _ in times)
    print(f"{times[0][1]} cells: plain {base:.2f} CPU s, with keys {best:.2f} CPU s, ratio {best / base:.2f}")


def _timed(work) -> tuple[float, int]:
    start = time.process_time()
    found = work()
    return time.process_time() - start, found


if __name__ == "__main__":
    main()
