"""Published tables: the fast cube equals the SQL specification, cell by cell, on dirty registers."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from caudal.estimate.stays.classify import Settings, map_pieces
from caudal.estimate.stays.cube import MOVEMENTS, CubeSpec, flow_cube
from caudal.estimate.stays.dimensions import Grouping
from caudal.estimate.stays.populations import MovementClasses
from caudal.estimate.stays.reading import PackedRegister, Reading, read_register
from caudal.estimate.stays.repair import RepairPolicy, Runs
from caudal.estimate.stays.rule import TWELVE_OF_SIXTEEN, Basis, ResidenceRule
from caudal.estimate.stays.specification import calendar_relation, cube_sql, movements_sql, run_specification
from caudal.simulate.crossings import Plan, RegisterErrors, simulate_crossings

CARRIED = ("citizenship_code", "post_code")
TENFOLD_DIRT = RegisterErrors(lost_share=0.1, repeated_share=0.05, late_share=0.1)


def _relations(raw: pa.Table, register: PackedRegister, rule: ResidenceRule) -> dict[str, pa.Table]:
    calendar = rule.calendar(register.first_day, register.last_day)
    minute = np.asarray(raw["crossing_at"].cast(pa.timestamp("s")).cast(pa.int64())) // 60
    crossings = pa.table(
        {
            "person_id": raw["person_id"],
            "crossing_minute": pa.array(minute),
            "direction": pa.array(
                (np.asarray(raw["direction_code"].cast(pa.string())) == "entry").astype(np.int64)
            ),
            "citizenship_code": raw["citizenship_code"].cast(pa.string()),
            "post_code": raw["post_code"].cast(pa.string()),
            "declared_stay_days": raw["declared_stay_days"].cast(pa.int64()),
        }
    )
    persons = np.unique(raw["person_id"].to_numpy())
    initial = pa.table({"person_id": persons, "status": np.full(len(persons), -1)})
    return {
        "crossings": crossings,
        "initial_status": initial,
        "calendar": calendar_relation(register.first_day, calendar.threshold, calendar.window),
    }


@pytest.mark.parametrize(
    ("seed", "rule", "policy"),
    [
        (1, TWELVE_OF_SIXTEEN, RepairPolicy(Runs.MIDPOINT)),
        (2, ResidenceRule(12, 16, Basis.MONTHS), RepairPolicy(Runs.DECLARED, duplicate_minutes=30)),
        (3, ResidenceRule(183, 365), RepairPolicy(Runs.DROP)),
    ],
    ids=["midpoint", "declared-months", "drop"],
)
def test_every_cell_of_every_table(
    tmp_path: Path, seed: int, rule: ResidenceRule, policy: RepairPolicy
) -> None:
    plan = Plan(months=60, errors=TENFOLD_DIRT)
    made = simulate_crossings(tmp_path, events=6000, seed=seed, plan=plan, truth=False)
    raw = pa.concat_tables([pq.read_table(p) for p in made.deliveries])
    reading = Reading(with_columns=(*CARRIED, "declared_stay_days"))
    register = read_register(made.deliveries, reading)
    classes = MovementClasses(commuter_entries_n=5)
    settings = Settings(rule, policy, threads=2)
    dimensions = ("month", "citizenship", "post", "direction", "population")
    fast = flow_cube(register, settings, CubeSpec(MOVEMENTS, dimensions, Grouping(classes=classes)))
    calendar = rule.calendar(register.first_day, register.last_day)
    names = [f"{d}_code" for d in dimensions]
    source = movements_sql(policy, calendar.instant_days, CARRIED, classes)
    direction = "CASE WHEN direction = 1 THEN 'entry' ELSE 'exit' END AS direction_code"
    shown = f"SELECT *, {direction} FROM (\n{source}\n)"
    slow = run_specification(cube_sql(shown, names), _relations(raw, register, rule))
    order = [(n, "ascending") for n in names]
    assert fast.sort_by(order).to_pylist() == slow.sort_by(order).to_pylist()
    populations = set(fast["population_code"].to_pylist())
    assert {"immigration", "emigration", "short_stay", "trip_abroad", "stay_end", "trip_end"} <= populations


def test_the_same_bytes_with_one_thread_two_threads_and_parts(tmp_path: Path) -> None:
    made = simulate_crossings(
        tmp_path / "r", events=20_000, seed=9, plan=Plan(errors=TENFOLD_DIRT), truth=False
    )
    spec = CubeSpec(MOVEMENTS, ("month", "citizenship", "direction", "population"))
    whole = read_register(made.deliveries)
    spilled = read_register(made.deliveries, Reading(memory_limit=50_000, spill_folder=tmp_path / "spill"))
    assert len(whole.parts) == 1 < len(spilled.parts)
    expected = flow_cube(whole, Settings(threads=1), spec)
    assert flow_cube(whole, Settings(threads=2), spec).equals(expected)
    assert flow_cube(spilled, Settings(threads=2), spec).equals(expected)
    assert flow_cube(whole, Settings(threads=1, use_compiled=False), spec).equals(expected)
    spilled.remove_spill()
    assert not list((tmp_path / "spill").iterdir())


def test_movements_add_up_to_the_register(tmp_path: Path) -> None:
    made = simulate_crossings(tmp_path, events=20_000, seed=10, plan=Plan(errors=TENFOLD_DIRT), truth=False)
    register = read_register(made.deliveries)
    cube = flow_cube(register, Settings(), CubeSpec(MOVEMENTS, ("population",)))
    rows = sum(map_pieces(register, Settings(), lambda piece: len(piece.day)))
    assert sum(cube["crossings_n"].to_pylist()) == rows
