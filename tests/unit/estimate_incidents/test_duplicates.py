"""Rows that may be one incident, proposed and never merged."""

from __future__ import annotations

import csv
import datetime
import io
from typing import Any

import pyarrow as pa
import pytest

from caudal.estimate.incidents import DECIDED, propose, row_condition, written
from caudal.estimate.incidents.duplicates import distance_km

DAY = datetime.date(2021, 5, 3)


def table(*rows: dict[str, Any]) -> pa.Table:
    usual = {"occurred_on": DAY, "dead_missing_n": 6, "latitude": 31.0, "longitude": -110.0, "event_id": None}
    made = [{**usual, "raw_row": i, "incident_id": f"i{i}", **row} for i, row in enumerate(rows, 1)]
    return pa.Table.from_pylist(made)


def pairs(*rows: dict[str, Any], singles: bool = False) -> list[tuple[str, str]]:
    return [(p.first, p.second) for p in propose(table(*rows), singles=singles)]


def test_the_same_incident_told_twice_is_proposed() -> None:
    later = {"occurred_on": DAY + datetime.timedelta(days=3), "dead_missing_n": 5, "latitude": 31.3}
    assert pairs({}, later) == [("i1", "i2")]


@pytest.mark.parametrize(
    "other",
    [
        {"occurred_on": DAY + datetime.timedelta(days=4)},
        {"latitude": 31.5},
        {"dead_missing_n": 2},
        {"latitude": None},
        {"dead_missing_n": 0},
    ],
    ids=["four days", "56 km", "a third of the toll", "nowhere", "nobody"],
)
def test_what_differs_enough_is_not(other: dict[str, Any]) -> None:
    assert pairs({}, other) == []


def test_parts_of_one_event_are_no_duplicates() -> None:
    assert pairs({"event_id": "wreck"}, {"event_id": "wreck"}) == []


def test_single_deaths_at_one_place_are_proposed_only_when_asked_for() -> None:
    alone = {"dead_missing_n": 1}
    assert pairs(alone, alone) == []
    assert pairs(alone, alone, singles=True) == [("i1", "i2")]


def test_distance_crosses_the_date_line() -> None:
    assert distance_km(0, 179.9, 0, -179.9) == pytest.approx(22.2, abs=0.1)


def test_the_file_has_room_for_what_a_person_decides() -> None:
    rows = list(csv.DictReader(io.StringIO(written(propose(table({}, {}))))))
    assert [(r["first"], r["second"], r["km"], r["first_toll"]) for r in rows] == [("i1", "i2", "0.0", "6")]
    assert [rows[0][n] for n in DECIDED] == ["", "", ""]


def test_rows_of_a_file_without_identifiers_are_named_by_their_number() -> None:
    unnamed = table({"incident_id": None}, {"incident_id": None})
    assert written(propose(unnamed)).splitlines()[1].startswith("row 1,row 2,")
    assert row_condition("row 2", "") == "raw_row = 2"
    assert row_condition("o'clock", "Incident ID") == "\"Incident ID\" = 'o''clock'"
