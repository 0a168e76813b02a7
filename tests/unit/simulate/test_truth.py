from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from caudal.simulate import Population
from caudal.simulate.axes import dimension_names
from caudal.simulate.indicators import INDICATORS


@pytest.fixture(scope="module")
def truth(folder: Path) -> Any:
    return pq.read_table(folder / "truth.parquet")


def cell(truth: Any, indicator: str, **codes: str) -> dict[str, Any]:
    """The one row of an indicator in a cell; dimensions that are not named are totals."""
    wanted = {f"{name}_code": codes.get(name, "_T") for name in dimension_names()}
    wanted["reference_area_code"] = codes.get("reference_area", "XI")
    mask = pc.equal(truth["indicator_code"], indicator)
    for name, code in wanted.items():
        mask = pc.and_(mask, pc.equal(truth[name], code))
    rows: list[dict[str, Any]] = truth.filter(mask).to_pylist()
    assert len(rows) == 1, (indicator, codes, len(rows))
    return rows[0]


def test_no_cell_stands_twice(truth: Any) -> None:
    keys = ["time_period", *(n for n in truth.column_names if n.endswith("_code"))]
    assert truth.group_by(keys).aggregate([]).num_rows == truth.num_rows


def test_counts_are_those_of_the_population(truth: Any, people: Population) -> None:
    abroad = people["birth_country"] != 100
    women = people["sex"] == 2
    assert cell(truth, "population")["value"] == people.persons
    assert cell(truth, "migrant_stock", sex="F")["value"] == (abroad & women).sum()
    assert (
        cell(truth, "migrant_stock", reference_area="XI-06")["value"]
        == (abroad & (people["region"] == 6)).sum()
    )
    assert cell(truth, "population", country_of_birth="HT")["value"] == (people["birth_country"] == 204).sum()
    assert cell(truth, "foreign_citizens", permit="TPS")["value"] == (people["legal_status"] == 4).sum()
    minors = cell(truth, "population", minority="Y_LT18", sex="M")["value"]
    assert minors == ((people["age"] < 18) & ~women).sum()


def test_rates_are_those_of_the_population(truth: Any, people: Population) -> None:
    adult = people["age"] >= 15
    recent = (people["birth_country"] != 100) & (people["arrival_year"] >= 2019) & adult
    employed, jobless = people["activity"] == 1, people["activity"] == 2
    row = cell(truth, "unemployment_rate", arrival="REC")
    assert row["numerator"] == (jobless & recent).sum()
    assert row["denominator_n"] == ((employed | jobless) & recent).sum()
    assert row["value"] == pytest.approx(100 * row["numerator"] / row["denominator_n"])
    women = (
        (people["sex"] == 2) & (people["birth_country"] == 100) & (people["age"] >= 25) & (people["age"] < 35)
    )
    row = cell(truth, "informality_rate", sex="F", migratory_status="NB", age="Y25T34")
    assert row["value"] == pytest.approx(100 * (people["informal"][women & employed] == 1).mean())


def test_hourly_earnings_are_the_mean_over_employees(truth: Any, people: Population) -> None:
    employee = people["employment_status"] == 3
    hourly = people["earnings_cents"] / 100 / (people["hours"] * 52 / 12)
    assert cell(truth, "hourly_earnings")["value"] == pytest.approx(hourly[employee].mean(), rel=1e-5)


def test_disability_follows_the_cut_off_of_the_short_set(truth: Any, people: Population) -> None:
    domains = np.stack([people[n] for n in people.columns if n.startswith("wg_")])
    with_disability = ((domains == 3) | (domains == 4)).any(axis=0)
    asked = people["age"] >= 5
    assert cell(truth, "disability_prevalence")["value"] == pytest.approx(100 * with_disability[asked].mean())
    assert cell(truth, "population", disability="DIS")["value"] == with_disability.sum()
    assert cell(truth, "population", disability="_Z")["value"] == (~asked).sum()


EVERY_DIMENSION = [name for name in dimension_names() if name != "reference_area"]


@pytest.mark.parametrize("dimension", EVERY_DIMENSION)
def test_the_categories_of_a_dimension_add_up(truth: Any, people: Population, dimension: str) -> None:
    others = [f"{n}_code" for n in dimension_names() if n not in (dimension, "reference_area")]
    mask = pc.and_(
        pc.equal(truth["indicator_code"], "population"), pc.equal(truth["reference_area_code"], "XI")
    )
    mask = pc.and_(mask, pc.not_equal(truth[f"{dimension}_code"], "_T"))
    for name in others:
        mask = pc.and_(mask, pc.equal(truth[name], "_T"))
    assert pc.sum(truth.filter(mask)["value"]).as_py() == people.persons


def test_the_number_of_dimensions_crossed_is_the_number_that_are_no_totals(truth: Any) -> None:
    crossed = np.zeros(truth.num_rows, dtype=int)
    for name in dimension_names():
        total = "XI" if name == "reference_area" else "_T"
        crossed += pc.not_equal(truth[f"{name}_code"], total).to_numpy().astype(int)
    assert np.array_equal(crossed, truth["breakdown_n"].to_numpy())
    assert set(crossed.tolist()) == {0, 1, 2, 3}


def test_no_ratio_has_an_empty_denominator(truth: Any) -> None:
    assert pc.sum(pc.is_nan(truth["value"])).as_py() in (0, None)
    assert pc.min(truth["denominator_n"]).as_py() > 0
    ratios = {i.code for i in INDICATORS if i.denominator}
    counts = truth.filter(pc.is_null(truth["denominator_n"]))
    assert not ratios & set(counts["indicator_code"].to_pylist())


def test_the_summary_agrees_with_the_table(truth: Any, folder: Path) -> None:
    summary = json.loads((folder / "truth.json").read_text(encoding="utf-8"))
    assert set(summary) == {i.code for i in INDICATORS}
    for indicator in ("population", "unemployment_rate"):
        assert summary[indicator]["_T"] == cell(truth, indicator)["value"]
        assert summary[indicator]["FB"] == cell(truth, indicator, migratory_status="FB")["value"]
