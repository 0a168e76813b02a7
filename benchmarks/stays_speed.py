"""Speed of the residence rule: this package against DuckDB's bare sort of the same file, in the same run.

    python benchmarks/stays_speed.py --events 20e6 --folder /tmp/caudal-bench

Simulates a register (or uses the one in the folder), then times, each in a fresh process: the bare sort;
month x citizenship x direction from dense ids, in memory and by parts on disk; the full cube; the cube of
all movements; classified spells and sorted events written to Parquet; identifiers to cube. Prints one JSON
line a measurement: wall and CPU seconds, peak memory, ratio to the sort.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from caudal.estimate.stays import columns as c
from caudal.estimate.stays.classify import Settings, write_classified
from caudal.estimate.stays.cube import MOVEMENTS, CubeSpec, flow_cube
from caudal.estimate.stays.identities import PersonDictionary, pseudonymise_file
from caudal.estimate.stays.reading import PackedRegister, Reading, read_register, unpack
from caudal.simulate.crossings import Plan, RegisterErrors, simulate_crossings

FULL = ("month", "direction", "citizenship", "sex", "age", "post", "length_of_stay")
PERSON_COLUMNS = (c.CITIZENSHIP, c.POST, c.SEX, c.BIRTH)


def bare_sort(folder: Path) -> int:
    """DuckDB sorts the four columns that the first cube needs, and reads them once in that order."""
    with duckdb.connect() as session:
        session.execute("SET threads = 2")
        session.execute("SET memory_limit = '4GB'")
        session.execute(f"SET temp_directory = '{folder / 'duckdb'}'")
        found = session.execute(
            "SELECT count(*), sum(person_id), count(*) FILTER (WHERE crossing_at < earlier),"
            " max(citizenship_code), max(direction_code) FROM ("
            "SELECT *, lag(crossing_at) OVER () AS earlier FROM ("
            " SELECT person_id, crossing_at, direction_code, citizenship_code"
            f" FROM '{folder}/deliveries/*.parquet'"
            " ORDER BY person_id, crossing_at))"
        ).fetchall()
    return int(found[0][0])


def flows(folder: Path) -> int:
    """Month x citizenship x direction."""
    return len(flow_cube(read_register(folder / "deliveries")))


def flows_spilled(folder: Path) -> int:
    """The same with the keys on disk, in parts of at most an eighth of a gigabyte."""
    reading = Reading(memory_limit=1 << 28, spill_folder=folder / "spill")
    register = read_register(folder / "deliveries", reading)
    rows = len(flow_cube(register))
    register.remove_spill()
    return rows


def full_cube(folder: Path) -> int:
    """The migrations by all dimensions."""
    register = read_register(folder / "deliveries", Reading(with_columns=PERSON_COLUMNS))
    return len(flow_cube(register, Settings(), CubeSpec(by=FULL)))


def all_movements(folder: Path) -> int:
    """Every crossing by class of movement and all dimensions."""
    register = read_register(folder / "deliveries", Reading(with_columns=PERSON_COLUMNS))
    return len(flow_cube(register, Settings(), CubeSpec(MOVEMENTS, ("population", *FULL))))


def spells(folder: Path) -> int:
    """Classified spells to Parquet."""
    return write_classified(read_register(folder / "deliveries"), folder / "spells.parquet")


def sorted_events(folder: Path) -> int:
    """The events to Parquet in the same order, with the same writer, unclassified."""
    register = read_register(folder / "deliveries")
    writer: pq.ParquetWriter | None = None
    rows = 0
    for keys in register.layout.chunks(register.part(0)):
        batch = _plain(register, keys)
        writer = writer or pq.ParquetWriter(
            folder / "sorted.parquet", batch.schema, compression="zstd", compression_level=1
        )
        writer.write_batch(batch)
        rows += batch.num_rows
    if writer is not None:
        writer.close()
    return rows


def sorted_events_by_duckdb(folder: Path) -> int:
    """The same by DuckDB's own COPY."""
    with duckdb.connect() as session:
        session.execute("SET threads = 2")
        session.execute(
            "COPY (SELECT person_id, crossing_at, direction_code, citizenship_code"
            f" FROM '{folder}/deliveries/*.parquet' ORDER BY person_id, crossing_at)"
            f" TO '{folder}/sorted_duckdb.parquet' (FORMAT parquet, COMPRESSION zstd)"
        )
    return 0


def _plain(register: PackedRegister, keys: np.ndarray[tuple[int], np.dtype[np.uint64]]) -> pa.RecordBatch:
    x = unpack(register, 0, keys)
    labels = register.labels[c.CITIZENSHIP]
    return pa.record_batch(
        {
            c.PERSON: pa.array(x.person),
            c.INSTANT: pa.array(x.minute * 60).cast(pa.timestamp("s")),
            c.DIRECTION: pa.DictionaryArray.from_arrays(
                pa.array(x.inside.astype(np.int8)), [c.EXIT, c.ENTRY]
            ),
            c.CITIZENSHIP: pa.DictionaryArray.from_arrays(
                pa.array(x.codes[c.CITIZENSHIP].astype(np.int8)), list(labels)
            ),
        }
    )


def from_identifiers(folder: Path) -> int:
    """Document numbers to keyed hashes, to the dictionary, to month x citizenship x direction."""
    (folder / "pseudonymised").mkdir(exist_ok=True)
    dictionary = PersonDictionary(folder / "persons-dictionary")
    for path in sorted((folder / "deliveries").glob("*.parquet")):
        table = pq.read_table(path, columns=["identifier", c.INSTANT, c.DIRECTION, c.CITIZENSHIP])
        thin = folder / "pseudonymised" / "raw.parquet"
        pq.write_table(table, thin)
        pseudonymise_file(thin, folder / "pseudonymised" / path.name, "identifier", dictionary, b"k" * 32)
        thin.unlink()
    return len(flow_cube(read_register(folder / "pseudonymised")))


JOBS: dict[str, Callable[[Path], int]] = {
    f.__name__: f
    for f in (
        bare_sort,
        flows,
        flows_spilled,
        full_cube,
        all_movements,
        sorted_events,
        sorted_events_by_duckdb,
        spells,
        from_identifiers,
    )
}


def measure(job: str, folder: Path) -> dict[str, float | int | str]:
    """One job in this process: wall, CPU, peak memory (kilobytes are what the kernel reports)."""
    wall, cpu = time.perf_counter(), time.process_time()
    answer = JOBS[job](folder)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
    return {
        "job": job,
        "wall_s": round(time.perf_counter() - wall, 2),
        "cpu_s": round(time.process_time() - cpu, 2),
        "peak_gb": round(peak, 2),
        "answer": answer,
    }


def main() -> None:
    """Simulate where needed, then run every job in a process of its own."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--events", type=float, default=20e6)
    parser.add_argument("--folder", type=Path, default=Path("/tmp/caudal-bench"))
    parser.add_argument("--jobs", nargs="*", default=list(JOBS))
    parser.add_argument("--one", default="", help=argparse.SUPPRESS)
    parser.add_argument("--simulate", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    folder = options.folder / f"events-{int(options.events)}"
    if options.simulate:
        plan = Plan(errors=RegisterErrors(lost_share=0.01))
        simulate_crossings(
            folder, events=int(options.events), seed=7, plan=plan, truth=False, identifiers=True
        )
        return
    if options.one:
        print(json.dumps(measure(options.one, folder)))
        return
    command = [sys.executable, __file__, "--events", str(options.events), "--folder", str(options.folder)]
    if not (folder / "deliveries").exists():
        # In a process of its own: the kernel counts the peak of a parent to its children too.
        subprocess.run([*command, "--simulate"], check=True)
    sort_s = 0.0
    for job in options.jobs:
        run = subprocess.run([*command, "--one", job], capture_output=True, text=True, check=True)
        found = json.loads(run.stdout)
        sort_s = found["wall_s"] if job == "bare_sort" else sort_s
        found["of_sort"] = round(found["wall_s"] / sort_s, 2) if sort_s else None
        found["load"] = Path("/proc/loadavg").read_text().split()[0]
        print(json.dumps(found), flush=True)


if __name__ == "__main__":
    main()
