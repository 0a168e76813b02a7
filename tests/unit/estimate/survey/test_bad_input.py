"""Bad input: an error or a flag that a survey statistician would call right, never NaN in silence."""

import numpy as np
import pyarrow as pa
import pytest

from caudal.errors import CaudalError
from caudal.estimate.survey import (
    Count,
    Design,
    Gap,
    Mean,
    Proportion,
    Quantile,
    Ratio,
    Total,
    VarianceTable,
    crossings_up_to,
    estimate_cube,
)


def people(**changed):
    """Twelve people in two strata of three PSUs."""
    columns = {
        "h": [1] * 6 + [2] * 6,
        "i": [1, 1, 2, 2, 3, 3] * 2,
        "w": [10.0, 12.0, 9.0, 11.0, 10.0, 8.0, 20.0, 18.0, 22.0, 21.0, 19.0, 20.0],
        "sex": ["F", "M"] * 6,
        "y": [3.0, 4.0, 5.0, 2.0, 7.0, 1.0, 8.0, 9.0, 4.0, 6.0, 5.0, 5.0],
        "x": [1.0, 2.0] * 6,
        "b": [0, 1, 1, 0, 1, 0, 0, 1, 1, 1, 0, 0],
    }
    return pa.table({**columns, **changed})


DESIGN = Design(weight="w", strata="h", psu="i", nested=True)


def codes(caught):
    return {p.code for p in caught.value.problems}


def row(table, statistic=None, **where):
    rows = [r for r in table.to_pylist() if all(r[k] == v for k, v in where.items())]
    rows = [r for r in rows if statistic is None or r["statistic"] == statistic]
    assert len(rows) == 1
    return rows[0]


def weights(*changes):
    values = people()["w"].to_pylist()
    for position, value in changes:
        values[position] = value
    return pa.array(values, pa.float64())


def test_zero_weights_are_left_out_and_counted_but_their_psu_stays():
    found = row(estimate_cube(people(w=weights((0, 0.0), (1, 0.0))), DESIGN, [Count()], [()]))
    assert "zero weights: 2 rows left out" in found["flags"]
    assert found["sample_n"] == 10
    assert found["psu_n"] == 5
    assert found["sampling_se"] > 0


@pytest.mark.parametrize("bad", [None, float("nan"), float("inf")])
def test_missing_weights_are_an_error(bad):
    with pytest.raises(CaudalError) as caught:
        estimate_cube(people(w=weights((3, bad))), DESIGN, [Count()], [()])
    assert codes(caught) == {"survey-weight-missing"}
    assert caught.value.problems[0].facts["count"] == 1


def test_negative_and_all_zero_weights_are_errors():
    with pytest.raises(CaudalError) as caught:
        estimate_cube(people(w=weights((3, -2.0))), DESIGN, [Count()], [()])
    assert codes(caught) == {"survey-weight-negative"}
    with pytest.raises(CaudalError) as caught:
        estimate_cube(people(w=[0.0] * 12), DESIGN, [Count()], [()])
    assert codes(caught) == {"survey-weight-zero"}


def test_weights_on_the_wrong_scale_are_flagged():
    normalised = np.array(people()["w"].to_pylist())
    normalised = normalised / normalised.mean()
    found = row(estimate_cube(people(w=normalised), DESIGN, [Mean("y")], [()]))
    assert "weights sum to no more than the rows" in found["flags"]
    assert found["deff"] is None and found["deff_replace"] > 0


def test_a_lonely_psu_fails_unless_a_choice_is_made_and_the_choice_is_visible():
    data = people(h=[1] * 6 + [2] * 4 + [3] * 2)
    with pytest.raises(CaudalError) as caught:
        estimate_cube(data, DESIGN, [Total("y")], [()])
    assert codes(caught) == {"survey-lonely-psu"}
    assert caught.value.problems[0].facts["strata"] == ["3"]
    errors = {}
    for choice in ("remove", "certainty", "adjust", "average"):
        design = Design(weight="w", strata="h", psu="i", nested=True, lonely_psu=choice)
        found = row(estimate_cube(data, design, [Total("y")], [()]))
        assert f"lonely PSU: {choice} in 1 strata" in found["flags"]
        errors[choice] = found["sampling_se"]
    assert errors["remove"] == errors["certainty"] < min(errors["average"], errors["adjust"])
    assert errors["average"] != errors["adjust"]


def test_a_stratum_emptied_by_the_domain_still_counts():
    whole = row(estimate_cube(people(), DESIGN, [Total("y")], [()], where="h = 1"))
    assert (whole["stratum_n"], whole["df"]) == (1, 2.0)
    one_row = row(estimate_cube(people(), DESIGN, [Total("y")], [()], where="h = 1 AND i = 1 AND sex = 'F'"))
    assert one_row["sampling_se"] == pytest.approx(30 * (3 / 2 * (1 - 1 / 3)) ** 0.5)
    assert "no degrees of freedom" in one_row["flags"]
    assert one_row["lower"] is None


def test_repeated_psu_codes_ask():
    design = Design(weight="w", strata="h", psu="i")
    with pytest.raises(CaudalError) as caught:
        estimate_cube(people(), design, [Count()], [()])
    assert codes(caught) == {"survey-nested"}
    assert "nested=True" in str(caught.value)
    distinct = people(i=[1, 1, 2, 2, 3, 3, 4, 4, 5, 5, 6, 6])
    assert row(estimate_cube(distinct, design, [Count()], [()]))["psu_n"] == 6


def test_a_design_that_contradicts_itself():
    with_fpc = Design(weight="w", strata="h", psu="i", nested=True, fpc="n")
    for fpc, reason in ((2.0, "below the number"), (1.5, "below the number"), (-1.0, "positive")):
        with pytest.raises(CaudalError) as caught:
            estimate_cube(people(n=[fpc] * 12), with_fpc, [Count()], [()])
        assert "survey-fpc" in codes(caught)
        assert reason in str(caught.value)
    with pytest.raises(CaudalError, match="varies within"):
        estimate_cube(people(n=[5.0] * 5 + [6.0] + [9.0] * 6), with_fpc, [Count()], [()])
    with pytest.raises(CaudalError):
        Design()
    with pytest.raises(CaudalError):
        Design(weight="w", kind="full_count", strata="h")
    with pytest.raises(CaudalError):
        Design(weight="w", psu="i", ssu="s")
    with pytest.raises(CaudalError, match="adjust"):
        Design(weight="w", lonely_psu="adjsut")


def test_a_group_without_variance_is_flagged():
    found = row(estimate_cube(people(y=[3.7] * 12), DESIGN, [Mean("y")], [()]))
    assert found["value"] == pytest.approx(3.7)
    assert found["sampling_se"] == pytest.approx(0, abs=1e-14)
    share = row(estimate_cube(people(b=[1] * 12), DESIGN, [Proportion("b = 1")], [()]))
    assert (share["value"], share["sampling_se"]) == (1.0, 0.0)
    assert "no variance" in share["flags"]
    assert share["interval_type"] == "beta" and 0.5 < share["lower"] < 1 and share["upper"] == 1


def test_an_empty_domain_is_said():
    asked = [Mean("y"), Total("y"), Quantile("y")]
    found = estimate_cube(people(), DESIGN, asked, [(), ("sex",)], where="y > 99")
    for statistic in ("mean(y)", "total(y)", "quantile(y, 0.5)"):
        one = row(found, statistic)
        assert one["value"] is None and one["sampling_se"] is None and one["sample_n"] == 0
        assert "empty domain" in one["flags"]


def test_a_zero_denominator_is_said():
    found = row(estimate_cube(people(x=[0.0] * 12), DESIGN, [Ratio("y", "x")], [()]))
    assert found["value"] is None and found["sampling_se"] is None
    assert "zero denominator" in found["flags"]


def test_all_values_missing_is_said():
    found = row(estimate_cube(people(y=pa.nulls(12, pa.float64())), DESIGN, [Mean("y")], [()]))
    assert found["value"] is None
    assert "all values missing" in found["flags"]
    found = row(estimate_cube(people(y=pa.nulls(12, pa.float64())), DESIGN, [Quantile("y")], [()]))
    assert "all values missing" in found["flags"]


def test_infinite_and_nan_values_count_as_missing():
    data = people(y=[float("nan"), float("inf"), *range(10)])
    found = row(estimate_cube(data, DESIGN, [Mean("y")], [()]))
    assert "missing values: 2 of 12 rows" in found["flags"]
    assert np.isfinite(found["value"])


def test_a_domain_that_is_unknown_for_some_rows_counts_them():
    data = people(y=[None, *range(11)])
    found = row(estimate_cube(data, DESIGN, [Count()], [()], where="y >= 0"))
    assert "domain unknown: 1 rows left out" in found["flags"]


def test_ten_thousand_crossings_by_mistake():
    names = [f"d{k}" for k in range(40)]
    data = people(**{n: ["a", "b", "c"] * 4 for n in names})
    with pytest.raises(CaudalError) as caught:
        estimate_cube(data, DESIGN, [Count()], crossings_up_to(names, 4), max_cells=1_000_000)
    assert codes(caught) == {"survey-too-many"}
    assert caught.value.problems[0].facts["crossings"] > 10_000


def test_missing_strata_and_psus_are_errors():
    with pytest.raises(CaudalError) as caught:
        estimate_cube(people(h=[None] + [1] * 5 + [2] * 6), DESIGN, [Count()], [()])
    assert codes(caught) == {"survey-design-missing"}


def test_a_condition_that_is_not_true_or_false():
    with pytest.raises(CaudalError) as caught:
        estimate_cube(people(b=[1, 2] * 6), DESIGN, [Proportion("b")], [()])
    assert codes(caught) == {"survey-not-binary"}


def test_text_is_not_a_number():
    with pytest.raises(CaudalError) as caught:
        estimate_cube(people(), DESIGN, [Mean("sex")], [()])
    assert codes(caught) == {"survey-not-numeric"}


TRICKS = ["sum(y)", "(SELECT 1)", "y; DROP TABLE t", "read_text('/etc/passwd')", "y +", "sum(y) OVER ()", ""]


@pytest.mark.parametrize("trick", TRICKS)
def test_expressions_are_scalars_over_columns(trick):
    with pytest.raises(CaudalError) as caught:
        estimate_cube(people(), DESIGN, [Mean(trick)], [()])
    assert codes(caught) == {"survey-bad-expression"}


def test_gaps_that_cannot_be_made():
    for gap in (
        Gap("mean(y)", "sex", "F", "X"),
        Gap("mean(z)", "sex", "F", "M"),
        Gap("mean(y)", "h", "1", "2"),
    ):
        with pytest.raises(CaudalError) as caught:
            estimate_cube(people(), DESIGN, [Mean("y")], [("sex",)], gaps=[gap])
        assert codes(caught) == {"survey-gap"}


def test_no_rows_no_file_no_table(tmp_path):
    with pytest.raises(CaudalError) as caught:
        estimate_cube(people().slice(0, 0), DESIGN, [Count()], [()])
    assert codes(caught) == {"survey-empty"}
    with pytest.raises(CaudalError) as caught:
        estimate_cube(tmp_path / "no.parquet", DESIGN, [Count()], [()])
    assert codes(caught) == {"survey-no-file"}
    with pytest.raises(CaudalError) as caught:
        estimate_cube(3, DESIGN, [Count()], [()])
    assert codes(caught) == {"survey-not-data"}


def test_two_statistics_of_one_name():
    with pytest.raises(CaudalError) as caught:
        estimate_cube(people(), DESIGN, [Mean("y"), Mean("y")], [()])
    assert codes(caught) == {"survey-duplicate-name"}


def test_whole_clusters_without_weights():
    design = Design.whole_clusters("10 * h + i")
    found = estimate_cube(people(), design, [Mean("y"), Count()], [()])
    assert row(found, "mean(y)")["value"] == pytest.approx(np.mean(people()["y"].to_pylist()))
    assert "totals are of the sample" in row(found, "count")["flags"]
    of_sixty = Design.whole_clusters("10 * h + i", fpc="n")
    expanded = estimate_cube(people(n=[60] * 12), of_sixty, [Count()], [()])
    assert row(expanded, "count")["value"] == pytest.approx(120)


def test_of_an_unpublished_design_the_larger_error_leads_and_is_named():
    def found(se):
        table = VarianceTable((50.0, 500.0), (se, se), source="producer")
        return row(estimate_cube(people(), Design.unpublished("w", table), [Count("b = 1")], [()]))

    assert found(100.0)["error_method"] == "published table"
    assert found(100.0)["sampling_se"] == 100.0
    assert found(0.001)["error_method"] == "approximate design"
    assert found(0.001)["sampling_se"] > 1
    assert "design not published" in found(0.001)["flags"]


def test_a_variance_table_is_not_extrapolated():
    table = VarianceTable((1000.0, 5000.0), (300.0, 600.0))
    found = row(estimate_cube(people(), Design.unpublished("w", table), [Count()], [()]))
    assert found["error_method"] == "approximate design only"
    with pytest.raises(CaudalError):
        VarianceTable((5.0, 1.0), (1.0, 1.0))
