"""The whole river at the size of a country: simulated persons, from Parquet to release.

Prints the time of each room, the peak memory, and the whole as a multiple of one bare DuckDB scan of the same
census file in the same run. ``python benchmarks/river.py --persons 10000000``
"""

from __future__ import annotations

import argparse
import json
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from pathlib import Path

import duckdb

ROOT = Path(__file__).resolve().parents[1]


def bare_scan(file: Path) -> float:
    """Seconds that DuckDB needs to read every column of ``file`` once, on two threads."""
    with duckdb.connect(config={"threads": 2}) as session:
        names = [row[0] for row in session.execute(f"DESCRIBE SELECT * FROM '{file}'").fetchall()]
        sums = ", ".join(f'bit_xor(hash("{n}"))' for n in names)
        started = time.perf_counter()
        session.execute(f"SELECT {sums} FROM '{file}'").fetchall()
        return time.perf_counter() - started


def build(folder: Path, memory: str) -> tuple[float, float, float]:
    """Wall seconds, CPU seconds and peak gigabytes of a fresh build in a process of its own."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    call = [
        sys.executable,
        "-m",
        "caudal",
        "build",
        str(folder),
        "--threads",
        "2",
        "--memory",
        memory,
        "--quiet",
    ]
    started = time.perf_counter()
    subprocess.run(call, check=True, stdout=subprocess.DEVNULL)
    wall = time.perf_counter() - started
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return wall, cpu, after.ru_maxrss / 1e6


def seconds_by_room(folder: Path) -> dict[str, float]:
    """Seconds of each room, from the log of the build."""
    seconds: dict[str, float] = defaultdict(float)
    for line in (folder / ".caudal" / "log.jsonl").read_text("utf-8").splitlines():
        event = json.loads(line)
        seconds[event["room"]] += event["seconds"]
    return dict(seconds)


def main() -> None:
    """Runs the benchmark and prints its table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--persons", type=int, default=1_000_000)
    parser.add_argument("--memory", default="2GB")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="caudal-bench-") as scratch:
        folder = Path(scratch) / "istmo"
        shutil.copytree(
            ROOT / "examples" / "istmo", folder, ignore=shutil.ignore_patterns("data", ".caudal", "releases")
        )
        made = [
            sys.executable,
            "-m",
            "caudal",
            "simulate",
            str(folder),
            "--persons",
            str(given.persons),
            "--json",
        ]
        subprocess.run(made, check=True, stdout=subprocess.DEVNULL)
        scan = bare_scan(folder / "data" / "census_persons.parquet")
        wall, cpu, peak = build(folder, given.memory)
        rooms = seconds_by_room(folder)
    print(f"{given.persons:,} persons, two threads")
    print(f"{'bare scan of the census file':<32}{scan:8.1f} s")
    for room, seconds in rooms.items():
        print(f"{room:<32}{seconds:8.1f} s {seconds / scan:8.1f} scans")
    print(f"{'whole build, wall':<32}{wall:8.1f} s {wall / scan:8.1f} scans")
    print(f"{'whole build, CPU':<32}{cpu:8.1f} s")
    print(f"{'peak memory':<32}{peak:8.2f} GB")


if __name__ == "__main__":
    main()
