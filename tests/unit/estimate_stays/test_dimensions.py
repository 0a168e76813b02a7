"""Dimensions and classes of movement by hand."""

from __future__ import annotations

from datetime import date, datetime, timedelta

import numpy as np
import pyarrow as pa
import pytest

from caudal.errors import CaudalError
from caudal.estimate.stays import (
    CubeSpec,
    Grouping,
    InitialStatus,
    PackedRegister,
    Settings,
    burn_in_ends,
    flow_cube,
    totals,
)
from caudal.estimate.stays.rule import TWELVE_OF_SIXTEEN
from tests.unit.estimate_stays.registers import register


def _counts(
    held: PackedRegister, *by: str, of: str = "movements", grouping: Grouping | None = None
) -> dict[tuple[str, ...], int]:
    cube = flow_cube(held, Settings(threads=1), CubeSpec(of, by, grouping or Grouping()))
    return {tuple(row.values())[:-1]: row["crossings_n"] for row in cube.to_pylist()}


@pytest.mark.parametrize(
    ("birth", "on", "group"),
    [
        (date(2000, 6, 15), "2020-06-14", "Y15T19"),
        (date(2000, 6, 15), "2020-06-15", "Y20T24"),
        (date(2004, 2, 29), "2024-02-28", "Y15T19"),
        (date(2004, 2, 29), "2024-02-29", "Y20T24"),
        (date(2004, 2, 29), "2023-02-28", "Y15T19"),
        (date(2003, 2, 28), "2023-02-28", "Y20T24"),
        (date(1900, 1, 1), "2020-01-01", "Y_GE85"),
        (None, "2020-01-01", "_U"),
    ],
)
def test_completed_years(birth: date | None, on: str, group: str) -> None:
    held = register(
        [(0, on, "entry")],
        birth_date=pa.array([birth], pa.date32()).to_pylist() if birth else pa.array([None], pa.date32()),
    )
    assert _counts(held, "age") == {(group,): 1}


def test_length_of_stay() -> None:
    held = register([(0, "2020-01-01", "entry"), (0, "2020-01-08", "exit"), (0, "2020-03-08", "entry")])
    assert _counts(held, "direction", "length_of_stay") == {
        ("entry", "D1T7"): 1,
        ("exit", "D31T90"): 1,
        ("entry", "D_OPEN"): 1,
    }


def test_overstay_of_ended_and_open_stays() -> None:
    rows = [
        (0, "2020-01-01", "entry"),
        (0, "2020-01-20", "exit"),
        (1, "2020-01-01", "entry"),
        (2, "2020-01-25", "entry"),
    ]
    held = register(rows, permitted_stay_days=[10, None, 90, 90])
    grouping = Grouping(as_of=date(2020, 5, 1))
    found = _counts(held, "overstay", grouping=grouping)
    assert found == {("_U",): 1, ("overstay",): 3}
    assert _counts(held, "overstay", grouping=Grouping(as_of=date(2020, 2, 1))) == {
        ("_U",): 1,
        ("within",): 2,
        ("overstay",): 1,
    }


def test_classes_of_movement() -> None:
    daily = [
        (0, (datetime(2020, 3, 1, 7) + timedelta(hours=12 * i)).isoformat(), ("entry", "exit")[i % 2])
        for i in range(60)
    ]
    rows = [
        *daily,  # a commuter
        (1, "2020-03-01T08:00", "entry"), (1, "2020-03-01T20:00", "exit"),  # transit
        (2, "2020-03-01", "entry"), (2, "2020-03-09", "exit"),  # a tourist
        (3, "2020-01-01", "entry"), (3, "2020-06-09", "exit"),  # a long stay
        (4, "2020-03-01", "exit"), (4, "2020-03-09", "entry"),  # a resident's holiday
        (5, "2020-03-01", "entry"),  # an immigrant
        (6, "2020-03-01", "exit"),  # an emigrant
    ]  # fmt: skip
    found = _counts(register(rows), "population")
    expected = {
        "commuting": 30,
        "transit": 1,
        "short_stay": 1,
        "long_stay": 1,
        "stay_end": 33,
        "trip_abroad": 1,
    }
    expected |= {"trip_end": 1, "immigration": 1, "emigration": 1}
    assert {k[0]: n for k, n in found.items()} == expected


def test_the_fourth_visit_of_a_year_is_circulation() -> None:
    rows = []
    for month in (1, 3, 5, 7, 9):
        rows += [(0, f"2020-{month:02d}-01", "entry"), (0, f"2020-{month:02d}-20", "exit")]
    found = _counts(register(rows), "population")
    assert found == {("short_stay",): 3, ("circulation",): 2, ("stay_end",): 5}


def test_decided_by_the_date_of_knowledge() -> None:
    held = register([(0, "2020-01-01", "entry"), (1, "2020-06-01", "entry")])
    for as_of, decided in ((date(2020, 12, 31), 1), (date(2020, 12, 30), 0), (date(2021, 6, 1), 2)):
        found = _counts(held, "decided", of="migrations", grouping=Grouping(as_of=as_of))
        assert found.get(("final",), 0) == decided


def test_statuses_at_the_start() -> None:
    rows = [(0, "2020-01-01", "entry"), (1, "2020-01-01", "entry"), (2, "2020-01-01", "exit")]
    held = register(rows, citizenship_code=["PAN", "COL", "COL"])
    spec = CubeSpec(by=("citizenship", "direction"))
    by_document = InitialStatus(resident_documents={"citizenship_code": frozenset({"PAN"})})
    found = flow_cube(held, Settings(initial=by_document), spec).to_pylist()
    assert found == [{"citizenship_code": "COL", "direction_code": "entry", "crossings_n": 1}]
    stated = InitialStatus(table=np.array([-1, 1], np.int8))
    found = flow_cube(held, Settings(initial=stated), spec).to_pylist()
    assert [(r["citizenship_code"], r["direction_code"]) for r in found] == [
        ("COL", "exit"),
        ("PAN", "entry"),
    ]


def test_burn_in() -> None:
    held = register([(0, "2020-01-01", "entry")])
    assert burn_in_ends(held, TWELVE_OF_SIXTEEN) == held.first_day + 487


def test_unknown_and_unread_dimensions() -> None:
    held = register([(0, "2020-01-01", "entry")])
    with pytest.raises(CaudalError, match='nearest right name is "direction"'):
        _counts(held, "directon")
    for name in ("age", "sex", "overstay", "post"):
        with pytest.raises(CaudalError, match="stays-not-read"):
            _counts(held, name)
    with pytest.raises(CaudalError, match="cube"):
        _counts(held, "month", of="everything")


def test_totals() -> None:
    held = register([(0, "2020-01-01", "entry"), (1, "2020-02-01", "entry")], citizenship_code=["A", "B"])
    cube = flow_cube(held)
    assert totals(cube, ["direction_code"]).to_pylist() == [{"direction_code": "entry", "crossings_n": 2}]
