"""Deliveries one by one give the cube of a build from scratch; twice is once; a killed load is none."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from caudal.errors import CaudalError
from caudal.estimate.stays import loads
from caudal.estimate.stays.classify import Settings
from caudal.estimate.stays.initial import InitialStatus
from caudal.estimate.stays.loads import build_register, load_delivery, open_register
from caudal.estimate.stays.repair import RepairPolicy, Runs
from caudal.simulate.crossings import Plan, RegisterErrors, simulate_crossings

SETTINGS = Settings(threads=1)
HEAVY_DIRT = RegisterErrors(lost_share=0.1, repeated_share=0.05, late_share=0.1)


@pytest.fixture(scope="module")
def deliveries(tmp_path_factory: pytest.TempPathFactory) -> Sequence[Path]:
    plan = Plan(months=40, errors=HEAVY_DIRT)
    made = simulate_crossings(
        tmp_path_factory.mktemp("register"), events=5000, seed=3, plan=plan, truth=False
    )
    return made.deliveries


@pytest.mark.parametrize(
    "settings",
    [
        SETTINGS,
        replace(SETTINGS, repair=RepairPolicy(Runs.HOLD, duplicate_minutes=60)),
        replace(SETTINGS, initial=InitialStatus(resident_documents={"citizenship_code": frozenset({"PAN"})})),
    ],
    ids=["midpoint", "hold", "first-document"],
)
def test_month_by_month_equals_scratch(
    deliveries: Sequence[Path], tmp_path: Path, settings: Settings
) -> None:
    grown = build_register(tmp_path / "grown", deliveries[:34], settings)
    for delivery in deliveries[34:]:
        grown = load_delivery(grown, delivery, settings)
    scratch = build_register(tmp_path / "scratch", deliveries, settings)
    assert grown.last_day == scratch.last_day
    assert _rows(grown.cube) == _rows(scratch.cube)
    assert len(_rows(scratch.cube)) > 50


def _rows(cube: pa.Table) -> list[dict[str, object]]:
    return list(cube.sort_by([(n, "ascending") for n in cube.column_names]).to_pylist())


def test_a_month_loaded_twice_changes_nothing(deliveries: Sequence[Path], tmp_path: Path) -> None:
    built = build_register(tmp_path, deliveries[:36], SETTINGS)
    copy = tmp_path / "the same under another name.parquet"
    copy.write_bytes(deliveries[36].read_bytes())
    once = load_delivery(built, deliveries[36], SETTINGS)
    assert load_delivery(once, copy, SETTINGS) == once
    assert open_register(tmp_path) == once


def test_a_killed_load_leaves_the_register_as_it_was(
    deliveries: Sequence[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    built = build_register(tmp_path, deliveries[:36], SETTINGS)
    before = _rows(built.cube)

    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(loads, "_publish", killed)
    with pytest.raises(KeyboardInterrupt):
        load_delivery(built, deliveries[36], SETTINGS)
    monkeypatch.undo()
    again = open_register(tmp_path)
    assert again == built
    assert _rows(again.cube) == before
    finished = load_delivery(again, deliveries[36], SETTINGS)
    assert _rows(finished.cube) == _rows(build_register(tmp_path / "s", deliveries[:37], SETTINGS).cube)


def test_new_citizenships_and_new_persons_are_taken_in(tmp_path: Path) -> None:
    def delivery(name: str, person: int, country: str, day: str) -> Path:
        path = tmp_path / name
        table = pa.table(
            {
                "person_id": [person],
                "crossing_at": pa.array([np.datetime64(day, "s")]),
                "direction_code": ["entry"],
                "citizenship_code": [country],
            }
        )
        pq.write_table(table, path)
        return path

    stored = build_register(tmp_path / "r", [delivery("a.parquet", 0, "COL", "2020-01-05")], SETTINGS)
    stored = load_delivery(stored, delivery("b.parquet", 5, "VEN", "2020-02-05"), SETTINGS)
    assert {(r["citizenship_code"], r["crossings_n"]) for r in stored.cube.to_pylist()} == {
        ("COL", 1),
        ("VEN", 1),
    }


def test_refuses_attributes_of_the_person(tmp_path: Path) -> None:
    with pytest.raises(CaudalError, match="stays-load-dimension"):
        build_register(tmp_path, [], SETTINGS, by=("month", "sex"))


def test_refuses_a_folder_without_a_register(tmp_path: Path) -> None:
    with pytest.raises(CaudalError, match="stays-no-register"):
        open_register(tmp_path)
