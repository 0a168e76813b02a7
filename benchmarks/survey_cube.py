"""The whole cube against the scan without variance: CPU seconds of one thread, and peak memory.

Every measurement is a process of its own. The limit is the pre-aggregated GROUPING SETS scan (first to
the six breakdowns, then 42 grouping sets), which gives totals without any error. ``--from table`` loads
the file into the engine first and does not count it; ``--from parquet`` reads the file in both.

    python benchmarks/survey_cube.py 1000000 10000000
    python benchmarks/survey_cube.py 1000000 --kind ragged --kind many --kind crossed
"""

from __future__ import annotations

import argparse
import json
import resource
import statistics
import subprocess
import sys
import time
from pathlib import Path

import duckdb
from survey_data import DIMS, stored

from caudal.estimate.survey import Count, Design, Mean, Ratio, Total, crossings_up_to, estimate_cube

CROSSINGS = crossings_up_to(DIMS, 3)
STATISTICS = [
    Count(), Total("y01"), Total("income"), Mean("y01"), Mean("income"), Ratio("income", "y01"),
]  # fmt: skip
DESIGN = Design(weight="weight", strata="stratum", psu="psu")


def limit(connection: duckdb.DuckDBPyConnection, relation: str) -> int:
    """The scan without variance."""
    dims = ", ".join(DIMS)
    sets = ", ".join("(" + ", ".join(c) + ")" for c in CROSSINGS)
    fine = (
        f"SELECT {dims}, count(*) AS n, sum(y01) AS cases, sum(weight) AS w, sum(weight * y01) AS wy, "
        f"sum(weight * income) AS wi FROM {relation} GROUP BY ALL"
    )
    query = (
        f"WITH fine AS ({fine}) SELECT {dims}, sum(n) AS n, sum(cases) AS cases, sum(w) AS w, sum(wy) AS wy, "
        f"sum(wi) AS wi FROM fine GROUP BY GROUPING SETS ({sets})"
    )
    return int(connection.sql(query).to_arrow_table().num_rows)


def measured(task: str, path: str, source: str) -> dict[str, float]:
    """CPU, wall and peak memory of one task in this process."""
    connection = duckdb.connect(config={"threads": 1})
    relation = f"read_parquet('{path}')"
    if source == "table":
        connection.execute(f"CREATE TABLE survey AS SELECT * FROM {relation}")
        relation = "survey"
    # modules and compiled passes are loaded before the clock starts
    estimate_cube(stored(200_000), DESIGN, STATISTICS, CROSSINGS[:2])
    wall, cpu = time.perf_counter(), time.process_time()
    if task == "limit":
        cells = limit(connection, relation)
    else:
        data = relation if source == "table" else Path(path)
        session = connection if source == "table" else None
        found = estimate_cube(data, DESIGN, STATISTICS, CROSSINGS, connection=session, threads=1)
        cells = found.num_rows // len(STATISTICS)
    return {
        "cpu_s": time.process_time() - cpu,
        "wall_s": time.perf_counter() - wall,
        "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
        "cells": cells,
    }


def _run(task: str, path: Path, source: str, repeats: int) -> dict[str, float]:
    runs = []
    for _ in range(repeats):
        command = [sys.executable, __file__, "--one", task, "--path", str(path), "--from", source]
        runs.append(json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout))
    return {k: statistics.median(r[k] for r in runs) for k in runs[0]}


def main() -> None:
    """Measure and print one line a task."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("rows", nargs="*", type=int, default=[1_000_000])
    parser.add_argument("--kind", action="append", default=[])
    parser.add_argument("--from", dest="source", action="append", default=[])
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--one")
    parser.add_argument("--path")
    given = parser.parse_args()
    if given.one:
        print(json.dumps(measured(given.one, given.path, given.source[0])))
        return
    print("kind           rows from       limit    cube  ratio  peak MB  cells")
    for kind in given.kind or ["plain"]:
        for rows in given.rows:
            path = stored(rows, kind)
            for source in given.source or ["table", "parquet"]:
                base = _run("limit", path, source, given.repeats)
                cube = _run("cube", path, source, given.repeats)
                ratio = cube["cpu_s"] / base["cpu_s"]
                print(
                    f"{kind:8} {rows:>10} {source:8} {base['cpu_s']:7.3f} {cube['cpu_s']:7.3f} {ratio:6.1f} "
                    f"{cube['peak_mb']:8.0f} {cube['cells']:6.0f}"
                )


if __name__ == "__main__":
    main()
