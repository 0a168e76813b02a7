"""500 replicates, the whole cube of 5,246 cells, 200 thousand rows: CPU seconds and peak memory.

Factors constant within a PSU (a Rao-Wu bootstrap), and the same replicates given as columns of weights, read
in blocks. With ``--calibrated`` every replicate is raked to the totals of sex, age and region. Each
measurement is a process of its own; the compiled passes are loaded before the clock starts.

    python benchmarks/survey_replicates.py [--rows 200000] [--given] [--calibrated]
"""

from __future__ import annotations

import argparse
import resource
import time
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
from survey_cube import CROSSINGS, DESIGN, STATISTICS
from survey_data import stored

from caudal.estimate.survey import Calibration, Design, estimate_cube
from caudal.estimate.survey.replicate_cube import ReplicateColumns
from caudal.estimate.survey.replicates import Replicates, bootstrap
from caudal.estimate.survey.sample import read_sample


def with_columns(path: Path, replicates: Replicates) -> Path:
    """The survey with its replicate weights as columns of single precision."""
    target = path.with_name(path.stem + "_replicates.parquet")
    if not target.exists():
        sample, table = read_sample(path, DESIGN), pq.read_table(path)
        for k in range(replicates.count):
            weights = replicates.row_weights(sample, slice(k, k + 1))[:, 0]
            table = table.append_column(f"r{k}", pa.array(weights.astype("float32")))
        pq.write_table(table, target, row_group_size=20_000)
    return target


def known(path: Path) -> Calibration:
    """Totals by sex, age and region, about 3 per cent from those of the sample."""
    table = pq.read_table(path).to_pandas()
    size = table["weight"].sum()
    totals = {}
    for column in ("sex", "age", "region"):
        share = table.groupby(column)["weight"].sum() / size
        moved = {c: v * (1.03 if c % 2 else 0.97) for c, v in share.items()}
        scale = size / sum(moved.values())
        totals[f"CAST({column} AS VARCHAR)"] = {str(c): float(v * scale) for c, v in moved.items()}
    return Calibration(totals, "raking")


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=200_000)
    parser.add_argument("--replicates", type=int, default=500)
    parser.add_argument("--given", action="store_true")
    parser.add_argument("--calibrated", action="store_true")
    asked = parser.parse_args()
    path = stored(asked.rows)
    made: Replicates | ReplicateColumns = bootstrap(read_sample(path, DESIGN), asked.replicates, seed=1)
    design = DESIGN
    if asked.given and isinstance(made, Replicates):
        path = with_columns(path, made)
        made = ReplicateColumns(
            tuple(f"r{k}" for k in range(asked.replicates)), scale=1 / (asked.replicates - 1)
        )
        design = Design(weight="weight")
    calibration = known(stored(asked.rows)) if asked.calibrated else None
    estimate_cube(stored(200_000), DESIGN, STATISTICS, CROSSINGS[:2])
    wall, cpu = time.perf_counter(), time.process_time()
    found = estimate_cube(
        path, design, STATISTICS, CROSSINGS, threads=1, replicates=made, calibration=calibration
    )
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    kind = ("given" if asked.given else "by PSU") + (", calibrated" if asked.calibrated else "")
    print(
        f"{kind}: {found.num_rows // len(STATISTICS)} cells, {asked.replicates} replicates, "
        f"{time.process_time() - cpu:.2f} CPU s, {time.perf_counter() - wall:.2f} s wall, peak {peak:.0f} MB"
    )


if __name__ == "__main__":
    main()
