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
    plan = Plan(months=60, errors=HEAVY_DIRT)
    made = simulate_crossings(
        tmp_path_factory.mktemp("register"), events=5000, seed=3, plan=plan, truth=False
    )
    return made.deliveries


@pytest.mark.parametrize(
    "settings",
    [
        SETTINGS,
        replace(SETTINGS, repair=RepairPolicy(Runs.HOLD, duplicate_minutes=60)),
        replace(SETTINGS, repair=RepairPolicy(Runs.SWITCH)),
        replace(SETTINGS, repair=RepairPolicy(Runs.DROP)),
        replace(SETTINGS, initial=InitialStatus(resident_documents={"citizenship_code": frozenset({"PAN"})})),
    ],
    ids=["midpoint", "hold", "switch", "drop", "first-document"],
)
def test_month_by_month_equals_scratch(
    deliveries: Sequence[Path], tmp_path: Path, settings: Settings
) -> None:
    grown = build_register(tmp_path / "grown", deliveries[:56], settings)
    for delivery in deliveries[56:]:
        grown = load_delivery(grown, delivery, settings)
    scratch = build_register(tmp_path / "scratch", deliveries, settings)
    assert grown.last_day == scratch.last_day
    assert _rows(grown.cube) == _rows(scratch.cube)
    assert len(_rows(scratch.cube)) > 50


def _rows(cube: pa.Table) -> list[dict[str, object]]:
    return list(cube.sort_by([(n, "ascending") for n in cube.column_names]).to_pylist())


def test_a_repair_that_reaches_back_reaches_past_the_foothold(tmp_path: Path) -> None:
    """A gap of two years ends in the same direction: the exit put into its middle is older than a window."""

    def delivery(name: str, days: Sequence[str], directions: Sequence[str]) -> Path:
        instants = pa.array([np.datetime64(day, "s") for day in days])
        people = {"person_id": [0] * len(days), "crossing_at": instants, "direction_code": directions}
        pq.write_table(pa.table({**people, "citizenship_code": ["COL"] * len(days)}), tmp_path / name)
        return tmp_path / name

    days = ["2018-02-01", "2018-02-20", "2019-01-10", "2019-12-01", "2020-06-01", "2020-06-20"]
    old = delivery("a.parquet", days, ["entry", "exit", "entry", "exit", "entry", "exit"])
    clock = delivery("b.parquet", ["2022-09-01"], ["entry"])
    late = delivery("c.parquet", ["2022-10-01", "2022-10-02"], ["entry", "exit"])
    grown = build_register(tmp_path / "grown", [old], SETTINGS)
    for path in (clock, late):
        grown = load_delivery(grown, path, SETTINGS)
    scratch = build_register(tmp_path / "scratch", [old, clock, late], SETTINGS)
    assert _rows(grown.cube) == _rows(scratch.cube)


def test_a_crossing_later_on_the_last_date_can_still_decide(tmp_path: Path) -> None:
    """Away for the 123rd night by the last record of that date, home again by a record later that evening."""

    def delivery(name: str, crossings: Sequence[tuple[str, str]]) -> Path:
        instants = pa.array([np.datetime64(instant, "s") for instant, _ in crossings])
        table = {"person_id": [0] * len(crossings), "crossing_at": instants}
        table |= {"direction_code": [d for _, d in crossings], "citizenship_code": ["COL"] * len(crossings)}
        pq.write_table(pa.table(table), tmp_path / name)
        return tmp_path / name

    days = {0: "2018-01-01", 10: "2018-01-11", 132: "2018-05-13", 140: "2018-05-21"}
    first = delivery(
        "a.parquet",
        [
            (f"{days[0]}T08:00", "entry"),
            (f"{days[10]}T08:00", "exit"),
            (f"{days[132]}T08:00", "entry"),
            (f"{days[140]}T08:00", "exit"),
        ],
    )
    evening = delivery("b.parquet", [(f"{days[140]}T20:00", "entry")])
    grown = load_delivery(build_register(tmp_path / "grown", [first], SETTINGS), evening, SETTINGS)
    scratch = build_register(tmp_path / "scratch", [first, evening], SETTINGS)
    assert _rows(grown.cube) == _rows(scratch.cube)
    assert [r["month_code"] for r in _rows(grown.cube)] == ["2018-01"]


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


def test_crossings_too_long_for_one_number_are_sorted_alike() -> None:
    labels = {name: ("_U", "A", "B") for name in ("citizenship_code", "post_code", "document_type_code")}
    random = np.random.default_rng(1)
    person = random.integers(0, 50, 3000)
    rows = loads._Rows(person, random.integers(0, 1 << 24, 3000, np.int32), random.integers(0, 2, 3000))
    short, long = rows.crossings({}), rows.crossings(labels)
    assert np.array_equal(short.person, long.person)
    assert np.array_equal(short.minute, long.minute)
    assert np.array_equal(short.inside, long.inside)


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
