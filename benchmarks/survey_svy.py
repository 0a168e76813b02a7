"""One three-way table of 384 cells, 200 thousand rows: svy (one mean) against this package (six statistics).

svy lives in an environment of its own, named by its Python; both have the table in memory and run in the same
minute, and the largest relative differences of mean and standard error are printed.

    python benchmarks/survey_svy.py --svy-python /path/to/svy/bin/python [--repeats 3]
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import time

from survey_data import stored

THEIRS = """
import json, sys, time
import polars as pl, svy
d = pl.read_parquet(sys.argv[1])
start = time.process_time()
sample = svy.Sample(d, svy.Design(stratum="stratum", psu="psu", wgt="weight"))
found = sample.estimation.mean("y01", by=["region", "age", "sex"])
cpu = time.process_time() - start
rows = [[*(str(v) for v in e.by_level), e.est, e.se] for e in found.estimates]
print(json.dumps({"cpu": cpu, "rows": rows}))
"""


def ours(path: str) -> dict[str, object]:
    """CPU seconds and the cells of six statistics, one thread; the table is in memory, as it is for svy."""
    import duckdb
    import pyarrow.parquet as pq
    from survey_cube import DESIGN, STATISTICS

    from caudal.estimate.survey import estimate_cube

    dims = ("region", "age", "sex")
    table, session = pq.read_table(path), duckdb.connect(config={"threads": 1})
    estimate_cube(table, DESIGN, STATISTICS, [()], connection=session)
    start = time.process_time()
    found = estimate_cube(table, DESIGN, STATISTICS, [dims], connection=session)
    cpu = time.process_time() - start
    rows = [
        [*(r[d] for d in dims), r["value"], r["sampling_se"]]
        for r in found.to_pylist()
        if r["statistic"] == "mean(y01)"
    ]
    return {"cpu": cpu, "rows": rows}


def run(command: list[str]) -> dict[str, object]:
    """The JSON that a process prints last."""
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    found: dict[str, object] = json.loads(done.stdout.strip().splitlines()[-1])
    return found


def main() -> None:
    """Measure both and print the ratio and the differences."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--svy-python")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--ours")
    asked = parser.parse_args()
    if asked.ours:
        print(json.dumps(ours(asked.ours)))
        return
    path = str(stored(200_000))
    mine = [run([sys.executable, __file__, "--ours", path]) for _ in range(asked.repeats)]
    theirs = [run([asked.svy_python, "-c", THEIRS, path]) for _ in range(asked.repeats)]
    cpu = [statistics.median(float(str(r["cpu"])) for r in runs) for runs in (mine, theirs)]
    print(
        f"ours {cpu[0]:.3f} CPU s (six statistics), svy {cpu[1]:.3f} CPU s (one): {cpu[1] / cpu[0]:.0f} times"
    )
    cells = [{tuple(r[:3]): r[3:] for r in runs[0]["rows"]} for runs in (mine, theirs)]  # type: ignore[attr-defined]
    gaps = [max(abs(cells[0][k][i] / cells[1][k][i] - 1) for k in cells[0]) for i in (0, 1)]
    print(f"{len(cells[0])} cells; largest difference: mean {gaps[0]:.1e}, error {gaps[1]:.1e}")


if __name__ == "__main__":
    main()
