"""Incident records to observations, on incidents made for the purpose."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pytest

from caudal.catalogue import load_catalogue
from caudal.estimate.families import family_of
from caudal.estimate.incidents import interval
from caudal.estimate.indicators import Planned, Records
from caudal.estimate.survey import Design
from caudal.model.indicator import IndicatorSpec
from caudal.model.record import record_kinds

CATALOGUE = load_catalogue()[0]
FAMILY = family_of("incident")
ROWS = (
    # event, day, toll, women, men, children
    ("a", "2021-03-01", 10, 2, 3, 1),
    ("b", "2021-03-09", 4, None, None, None),
    ("b", "2021-03-09", 6, None, 6, None),
    ("c", "2021-04-30", 1, 1, None, None),
    ("d", "2022-01-01", 2, None, None, 2),
    ("e", "2022-01-02", 0, None, None, None),
)


def spec(*breakdowns: tuple[str, ...], total: str = "dead_missing_n") -> IndicatorSpec:
    return IndicatorSpec(
        indicator="deaths",
        version="1",
        family="journeys",
        unit="PS",
        population="deaths",
        text={"name": {}, "definition": {}, "headline": {}},
        formulas=[{"kind": "incident", "total": total, "concept": {"measure": "flow"}}],
        breakdowns=breakdowns,
    )


@pytest.fixture
def records(tmp_path: Path) -> Records:
    names = ("event_id", "day", "dead_missing_n", "females_n", "males_n", "children_n")
    table = pa.Table.from_pylist(
        [dict(zip(names, r, strict=True)) | {"raw_row": i} for i, r in enumerate(ROWS)]
    )
    path = (tmp_path / "incidents.parquet").as_posix()
    session = duckdb.connect()
    session.register("made", table)
    session.execute(
        f"COPY (SELECT *, CAST(day AS DATE) AS occurred_on FROM made) TO '{path}' (FORMAT parquet)"
    )
    kind = record_kinds()["incident"]
    columns = frozenset({*names, "occurred_on", "raw_row"})
    design = Design.full_count(None)
    relation = f"read_parquet('{path}')"
    return Records(relation, kind, columns, "mm", "2022", "001", "001", "2022", design, {"coverage": "route"})


def cells(records: Records, *indicators: IndicatorSpec) -> list[dict[str, Any]]:
    planned, _ = FAMILY.plan(records, indicators, CATALOGUE)
    found: pa.Table = FAMILY.estimate(records, planned, CATALOGUE, duckdb.connect(), Path())
    rows: list[dict[str, Any]] = found.to_pylist()
    return rows


def test_an_event_told_in_parts_is_one(records: Records) -> None:
    march = next(r for r in cells(records, spec(("month",))) if r["time_period"] == "2021-03")
    assert (march["value"], march["cases_n"]) == (20.0, 2)
    expected = interval([10, 10])
    assert (march["model_se"], march["lower"], march["upper"]) == pytest.approx(
        (expected.se, expected.lower, expected.upper)
    )


def test_dated_crossings_leave_no_total_over_all_years(records: Records) -> None:
    assert [(r["time_period"], r["value"]) for r in cells(records, spec(("year",)))] == [
        ("2021", 21.0),
        ("2022", 2.0),
    ]


def test_whom_the_file_does_not_tell_apart_is_unknown_and_all_add_up(records: Records) -> None:
    by_sex = {(r["time_period"], r["sex_code"]): r["value"] for r in cells(records, spec(("year", "sex")))}
    assert by_sex == {("2021", "F"): 3.0, ("2021", "M"): 9.0, ("2021", "_U"): 9.0, ("2022", "_U"): 2.0}
    by_age = {
        (r["time_period"], r["minority_code"]): r["value"] for r in cells(records, spec(("year", "minority")))
    }
    assert by_age == {("2021", "Y_LT18"): 1.0, ("2021", "_U"): 20.0, ("2022", "Y_LT18"): 2.0}


def test_sex_is_not_crossed_with_age_nor_told_of_another_total(records: Records) -> None:
    planned, _ = FAMILY.plan(records, [spec(("year",), ("year", "sex", "minority"))], CATALOGUE)
    assert [p.crossings for p in planned] == [(("year",),)]
    planned, _ = FAMILY.plan(records, [spec(("year",), ("year", "sex"), total="1")], CATALOGUE)
    assert [p.crossings for p in planned] == [(("year",),)]


def test_a_file_without_sex_gives_the_total_alone(records: Records) -> None:
    plain = replace(records, columns=records.columns - {"males_n"})
    planned, _ = FAMILY.plan(plain, [spec(("year",), ("year", "sex"))], CATALOGUE)
    assert [p.crossings for p in planned] == [(("year",),)]


def test_the_sql_for_an_auditor_runs(records: Records) -> None:
    planned, _ = FAMILY.plan(records, [spec(("year",))], CATALOGUE)
    only: Planned = planned[0]
    rows = duckdb.connect().sql(FAMILY.explain(records, only, CATALOGUE)).fetchall()
    assert [(r[0], int(r[2])) for r in rows] == [("2021", 21), ("2022", 2)]


def test_a_count_that_rests_on_few_incidents_is_marked(records: Records) -> None:
    assert {r["obs_status_code"] for r in cells(records, spec(("year",)))} == {"U"}
    many = "(SELECT 'e' || range AS event_id, DATE '2021-05-05' AS occurred_on, 1 AS dead_missing_n, "
    many += "range AS raw_row FROM range(12))"
    (row,) = cells(replace(records, relation=many), spec(("year",)))
    assert (row["value"], row["obs_status_code"]) == (12.0, "A")
