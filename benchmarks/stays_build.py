"""A month that comes into a country folder, against all months from scratch: classifying and counting.

    python benchmarks/stays_build.py --events 2e6 --folder /tmp/caudal-bench

Simulates a register of ten years and estimates every indicator of the catalogue from all deliveries but the
last, then with the last (going on from what is kept), then all again with nothing kept; checks that the
observations are equal, and prints CPU seconds. Provisional figures stand apart: one month of them is
estimated in each of the two.
"""

from __future__ import annotations

import argparse
import json
import shutil
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from caudal.catalogue import load_catalogue
from caudal.engine.cache import Cache
from caudal.engine.session import connect
from caudal.estimate.stays import family, register
from caudal.estimate.stays.classified import made_columns
from caudal.estimate.stays.family import CrossingRecords
from caudal.estimate.stays.numbering import Numbered
from caudal.estimate.survey.design import Design
from caudal.model.period import bounds
from caudal.model.record import PROVENANCE_COLUMNS, record_kinds
from caudal.model.residence import ResidenceSpec
from caudal.simulate.crossings import Plan, RegisterErrors, simulate_crossings


def numbered(folder: Path, events: int) -> list[Numbered]:
    """The deliveries of a simulated register of ten years."""
    if not (folder / "deliveries").is_dir():
        plan = Plan(months=120, errors=RegisterErrors(lost_share=0.01))
        simulate_crossings(folder, events=events, seed=1, plan=plan, truth=False)
    found = []
    for path in sorted((folder / "deliveries").glob("*.parquet")):
        place = folder / "numbered" / path.stem
        place.mkdir(parents=True, exist_ok=True)
        shutil.copy(path, place / "crossings.parquet")
        found.append(Numbered(path.stem, bounds(path.stem)[1], place, path.stem))
    return found


def estimated(deliveries: Sequence[Numbered], cache: Path) -> tuple[pa.Table, float]:
    """All observations of the register, and CPU seconds."""
    read = frozenset(pq.read_schema(deliveries[0].crossings).names)
    residence = ResidenceSpec(vintages=0)
    records = CrossingRecords(
        relation="",
        kind=record_kinds()["crossing"],
        columns=read | {c.name for c in PROVENANCE_COLUMNS} | set(made_columns(read)),
        source="border",
        period=deliveries[-1].period,
        territory="PAN",
        reporter="PAN",
        vintage="",
        design=Design(kind="full_count"),
        concept={"source_type": "border_register", "residence": residence.concept},
        residence=residence,
        deliveries=tuple(deliveries),
        cache=Cache(cache),
    )
    catalogue = load_catalogue()[0]
    planned, _ = family.plan(records, catalogue.indicators.values(), catalogue)
    started = time.process_time()
    with connect(threads=1) as session:
        table = family.estimate(records, planned, catalogue, session, cache / "scratch")
    return table, time.process_time() - started


def main() -> None:
    """Grow, build again, compare."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--events", type=float, default=2e6)
    parser.add_argument("--folder", type=Path, default=Path("/tmp/caudal-bench"))
    given = parser.parse_args()
    folder = given.folder / f"build-{int(given.events)}"
    deliveries = numbered(folder, int(given.events))
    foreseeing = [0.0]
    provisional = vars(register)["provisional_figures"]

    def timed(*args: Any) -> pa.Table:
        started = time.process_time()
        try:
            return provisional(*args)
        finally:
            foreseeing[0] += time.process_time() - started

    vars(register)["provisional_figures"] = timed
    for name in ("grown", "scratch"):
        shutil.rmtree(folder / name, ignore_errors=True)
    estimated(deliveries[:-1], folder / "grown")
    found: dict[str, float] = {}
    tables = []
    for name in ("grown", "scratch"):
        foreseeing[0] = 0.0
        table, cpu = estimated(deliveries, folder / name)
        tables.append(table)
        found |= {f"{name}_foreseeing_s": round(foreseeing[0], 1), f"{name}_s": round(cpu - foreseeing[0], 1)}
    assert tables[0].equals(tables[1])
    rows = [pq.read_metadata(d.crossings).num_rows for d in deliveries]
    found["new_events_pct"] = round(100 * rows[-1] / sum(rows), 2)
    found["share_pct"] = round(100 * found["grown_s"] / found["scratch_s"], 1)
    print(json.dumps(found))


if __name__ == "__main__":
    main()
