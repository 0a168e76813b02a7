"""A month loaded into a register, against the build from scratch of the same register.

    python benchmarks/stays_incremental.py --events 20e6 --folder /tmp/caudal-bench

Simulates a register of ten years, of which a month is about one crossing in a hundred. Builds from all
deliveries but the last, loads the last, builds from all, checks that the cubes are equal, and prints wall
and CPU seconds and their ratio.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from caudal.estimate.stays import Settings, build_register, load_delivery
from caudal.simulate.crossings import Plan, RegisterErrors, simulate_crossings


def timed(job: Callable[[], Any]) -> tuple[Any, float, float]:
    """The answer, wall and CPU seconds."""
    wall, cpu = time.perf_counter(), time.process_time()
    answer = job()
    return answer, time.perf_counter() - wall, time.process_time() - cpu


def main() -> None:
    """Build, load, build again, compare."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--events", type=float, default=20e6)
    parser.add_argument("--folder", type=Path, default=Path("/tmp/caudal-bench"))
    options = parser.parse_args()
    folder = options.folder / f"ten-years-{int(options.events)}"
    if not (folder / "deliveries").is_dir():
        plan = Plan(months=120, errors=RegisterErrors(lost_share=0.01))
        simulate_crossings(folder, events=int(options.events), seed=1, plan=plan, truth=False)
    deliveries = sorted((folder / "deliveries").glob("*.parquet"))
    rows = [pq.read_metadata(p).num_rows for p in deliveries]
    settings = Settings()
    built, _, _ = timed(lambda: build_register(folder / "grown", deliveries[:-1], settings))
    grown, load_wall, load_cpu = timed(lambda: load_delivery(built, deliveries[-1], settings))
    scratch, full_wall, full_cpu = timed(lambda: build_register(folder / "scratch", deliveries, settings))
    order = [(n, "ascending") for n in grown.cube.column_names]
    assert grown.cube.sort_by(order).equals(scratch.cube.sort_by(order))
    found = {
        "new_events_pct": round(100 * rows[-1] / sum(rows), 2),
        "load_wall_s": round(load_wall, 2),
        "load_cpu_s": round(load_cpu, 2),
        "full_wall_s": round(full_wall, 2),
        "full_cpu_s": round(full_cpu, 2),
        "share_of_wall_pct": round(100 * load_wall / full_wall, 1),
        "share_of_cpu_pct": round(100 * load_cpu / full_cpu, 1),
    }
    print(json.dumps(found))


if __name__ == "__main__":
    main()
