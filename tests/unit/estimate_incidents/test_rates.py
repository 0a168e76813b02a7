"""Observations from observations: errors, verdicts, refusals."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from caudal.catalogue import load_catalogue
from caudal.errors import CaudalError
from caudal.estimate.rates import derive, inputs_of, with_derived
from caudal.model.indicator import IndicatorSpec
from caudal.model.observation import conform

CATALOGUE = load_catalogue()[0]
DEATHS = "measure=flow;unit=person"
CROSSINGS = "measure=flow;unit=event"
ADJUSTED = [{"name": "people_over_events", "axes": ["unit"], "reason": {"en": "Events, not people."}}]


def spec(**derived: Any) -> IndicatorSpec:
    return IndicatorSpec(
        indicator="rate",
        version="1",
        family="journeys",
        unit="PS",
        scale=1000,
        population="rate",
        text={"name": {}, "definition": {}, "headline": {}},
        derived=derived,
    )


def rate(adjustments: Any = ADJUSTED, **more: Any) -> IndicatorSpec:
    deaths = {"indicator": "deaths"}
    return spec(
        numerator=deaths, denominator=[{"indicator": "crossings"}, deaths], adjustments=adjustments, **more
    )


def cell(indicator: str, value: float | None, **more: Any) -> dict[str, Any]:
    usual = {
        "indicator_code": indicator,
        "indicator_version": "1",
        "reporter_code": "PA",
        "reference_area_code": "PA",
        "counterpart_area_code": "_Z",
        "time_period": "2022",
        "sex_code": "_T",
        "source_code": f"source_of_{indicator}",
        "concept_vector": DEATHS if indicator == "deaths" else CROSSINGS,
        "vintage": "2023",
        "value": value,
        "model_se": None,
        "sampling_se": None,
        "lower": None,
        "upper": None,
        "interval_type": None,
        "error_note": "full-count",
        "verdict": "public",
    }
    return usual | more


def table(*cells: dict[str, Any]) -> pa.Table:
    return conform(pa.Table.from_pylist(list(cells)), ("sex",))


def derived(indicator: IndicatorSpec, *cells: dict[str, Any]) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = derive(table(*cells), [indicator], CATALOGUE).to_pylist()
    return rows


def test_a_cell_above_and_below_counts_once() -> None:
    (row,) = derived(rate(), cell("deaths", 50.0, model_se=20.0), cell("crossings", 150.0))
    assert row["value"] == 250.0
    draws = np.random.default_rng(3).normal(50, 20 / 1000, 100_000)
    simulated = np.std(1000 * draws / (150 + draws)) * 1000
    assert row["model_se"] == pytest.approx(simulated, rel=0.02)
    assert row["model_se"] == pytest.approx(1000 * 150 / 200**2 * 20)
    assert row["sampling_se"] is None


def test_the_limits_of_the_one_uncertain_cell_go_through_the_formula() -> None:
    uncertain = cell("deaths", 50.0, model_se=20.0, lower=20.0, upper=110.0, interval_type="gamma-95")
    (row,) = derived(rate(), uncertain, cell("crossings", 150.0))
    assert (row["lower"], row["upper"]) == pytest.approx((1000 * 20 / 170, 1000 * 110 / 260))
    assert row["interval_type"] == "gamma-95"


def test_two_uncertain_cells_give_limits_above_zero() -> None:
    (row,) = derived(rate(), cell("deaths", 2.0, model_se=2.0), cell("crossings", 100.0, sampling_se=30.0))
    assert 0 < row["lower"] < row["value"] < row["upper"]
    assert row["interval_type"] == "log-normal-95"
    assert row["model_se"] > 0 and row["sampling_se"] > 0


def test_an_error_that_nobody_knows_stays_unknown_and_says_so() -> None:
    uncertain = cell("deaths", 50.0, model_se=20.0, lower=20.0, upper=110.0, error_note="minimum")
    (row,) = derived(
        rate(), uncertain, cell("crossings", 150.0, error_note="its producer publishes no error")
    )
    assert row["value"] == 250.0
    assert [row[n] for n in ("model_se", "sampling_se", "lower", "upper", "interval_type")] == [None] * 5
    assert row["error_note"] == "minimum; its producer publishes no error; part-without-error"


def test_a_count_has_no_error_of_chance_and_its_note_is_told_only_where_all_are_counts() -> None:
    (counted,) = derived(rate(), cell("deaths", 50.0), cell("crossings", 150.0))
    assert (counted["model_se"], counted["lower"], counted["error_note"]) == (None, None, "full-count")
    (mixed,) = derived(
        rate(), cell("deaths", 50.0, model_se=5.0, error_note="minimum"), cell("crossings", 150.0)
    )
    assert mixed["model_se"] is not None and mixed["error_note"] == "minimum"


def test_cells_that_may_share_units_get_the_largest_error_that_a_covariance_allows() -> None:
    both = {"over": ["sex"]}
    total = spec(numerator={"indicator": "deaths", **both})
    parts = [cell("deaths", v, sex_code=s, sampling_se=e) for s, v, e in (("F", 10.0, 3.0), ("M", 20.0, 4.0))]
    (row,) = derived(total, *parts)
    assert row["sampling_se"] == pytest.approx(1000 * 7.0)
    assert row["error_note"] == "full-count; covariance-bound"
    draws = np.random.default_rng(5).multivariate_normal([0, 0], [[9, 11.9], [11.9, 16]], 50_000)
    assert row["sampling_se"] / 1000 >= np.std(draws.sum(axis=1)) > 0.99 * 5.0


@pytest.mark.parametrize(
    ("statuses", "status"), [(("A", "P"), "P"), (("B", "P"), "P"), (("B", "A"), "B"), (("A", "A"), "A")]
)
def test_what_is_not_normal_in_a_cell_is_not_normal_in_the_result(statuses: Any, status: str) -> None:
    one, other = statuses
    deaths = cell("deaths", 1.0, obs_status_code=one)
    (row,) = derived(rate(), deaths, cell("crossings", 9.0, obs_status_code=other))
    assert row["obs_status_code"] == status


def test_the_tenth_edition_is_newer_than_the_ninth() -> None:
    old, new = cell("deaths", 9.0, vintage="v9"), cell("deaths", 50.0, vintage="v10")
    (row,) = derived(rate(), old, new, cell("crossings", 150.0, vintage="v2"))
    assert (row["value"], row["vintage"]) == (250.0, "v10")


def test_figures_that_count_different_things_are_refused_with_the_axis() -> None:
    with pytest.raises(CaudalError) as caught:
        derived(rate(adjustments=[]), cell("deaths", 5.0), cell("crossings", 10.0))
    (found,) = caught.value.problems
    assert found.code == "rates-concepts-differ"
    assert found.facts["axis"] == "unit"


def test_an_adjustment_covers_its_axes_alone() -> None:
    other = cell("crossings", 10.0, concept_vector="measure=stock;unit=event")
    with pytest.raises(CaudalError) as caught:
        derived(rate(), cell("deaths", 5.0), other)
    assert [p.facts["axis"] for p in caught.value.problems] == ["measure"]


def test_an_adjustment_may_change_the_denominator() -> None:
    half = [ADJUSTED[0] | {"factor": 0.5}]
    (row,) = derived(rate(half), cell("deaths", 50.0), cell("crossings", 150.0))
    assert row["value"] == 500.0


@pytest.mark.parametrize(
    ("verdicts", "verdict"),
    [
        (("public", "public"), "public"),
        (("public", "released"), "released"),
        ((None, None), None),
    ],
)
def test_the_strictest_verdict_of_its_cells_is_that_of_the_result(verdicts: Any, verdict: str | None) -> None:
    one, other = verdicts
    (row,) = derived(rate(), cell("deaths", 1.0, verdict=one), cell("crossings", 9.0, verdict=other))
    assert row["verdict"] == verdict
    assert row["value"] == 100.0


def test_nothing_is_computed_from_a_withheld_cell() -> None:
    withheld = cell("crossings", None, verdict="suppressed", obs_status_code="Q", conf_status_code="C")
    (row,) = derived(
        rate(), cell("deaths", 1.0, lower=0.5, upper=2.0, obs_status_code="A", conf_status_code="F"), withheld
    )
    measures = ("value", "model_se", "sampling_se", "lower", "upper")
    assert [row[m] for m in measures] == [None] * 5
    assert (row["verdict"], row["obs_status_code"], row["conf_status_code"]) == ("suppressed", "Q", "C")
    assert row["method_code"] is None and row["derived_from"] is None  # as any other that is withheld


def test_a_ratio_over_nothing_has_no_figure() -> None:
    (row,) = derived(rate(), cell("deaths", 0.0), cell("crossings", 0.0))
    assert row["value"] is None and row["obs_status_code"] == "O"


def test_a_place_or_year_that_one_part_lacks_gives_no_cell() -> None:
    rows = derived(
        rate(),
        cell("deaths", 1.0),
        cell("crossings", 9.0),
        cell("deaths", 1.0, time_period="2023"),
        cell("crossings", 9.0, reference_area_code="HN"),
    )
    assert [(r["reference_area_code"], r["time_period"]) for r in rows] == [("PA", "2022")]


def test_a_sum_over_areas_belongs_to_the_other_end() -> None:
    total = spec(numerator={"indicator": "deaths", "over": ["reference_area"], "area": "counterpart_area"})
    ends = [
        cell("deaths", v, reference_area_code=a, counterpart_area_code="VE", model_se=3.0)
        for a, v in (("CO", 1.0), ("PE", 2.0))
    ]
    (row,) = derived(total, *ends, cell("deaths", 7.0, sex_code="F"))
    assert (row["reference_area_code"], row["counterpart_area_code"], row["value"]) == ("VE", "_Z", 3000.0)
    assert row["model_se"] == pytest.approx(1000 * 18**0.5)
    assert len(list(inputs_of(row))) == 2


def test_the_latest_edition_is_used_and_two_sources_are_refused() -> None:
    old = cell("deaths", 9.0, vintage="2022")
    (row,) = derived(rate(), old, cell("deaths", 50.0), cell("crossings", 150.0))
    assert row["value"] == 250.0
    with pytest.raises(CaudalError) as caught:
        derived(rate(), cell("deaths", 1.0), cell("deaths", 2.0, source_code="other"), cell("crossings", 9.0))
    assert [p.code for p in caught.value.problems] == ["rates-several-sources"]


def test_no_part_no_indicator_and_the_table_stays() -> None:
    only = table(cell("deaths", 1.0))
    assert with_derived(only, [rate()], CATALOGUE).equals(only)
