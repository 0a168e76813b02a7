"""Methods on a sample in memory: agreement with the cube, and what each refuses."""

import shutil
import subprocess
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from caudal.errors import CaudalError
from caudal.estimate.survey import Count, Design, Gap, Mean, Proportion, Quantile, Ratio, Total, estimate_cube
from caudal.estimate.survey.association import rao_scott
from caudal.estimate.survey.calibration import calibrate, post_stratify, rake
from caudal.estimate.survey.comparisons import (
    Estimates,
    contrast,
    estimate_domains,
    independent,
    named_domains,
)
from caudal.estimate.survey.quantile_rules import weighted_quantile
from caudal.estimate.survey.r_script import in_r, r_script
from caudal.estimate.survey.replicate_cube import ReplicateColumns
from caudal.estimate.survey.replicates import balanced, bootstrap, jackknife_1, jackknife_n, successive
from caudal.estimate.survey.sample import read_sample

DESIGN = Design(weight="w", strata="h", psu="i", nested=True)


def people(psus=4, seed=1, rows=600):
    draw = np.random.default_rng(seed)
    return pa.table(
        {
            "h": draw.integers(0, 5, rows),
            "i": draw.integers(0, psus, rows),
            "w": draw.lognormal(2, 0.5, rows),
            "sex": draw.choice(["F", "M"], rows),
            "age": draw.choice(["A", "B", "C"], rows),
            "y": draw.normal(50, 10, rows),
            "x": draw.lognormal(1, 0.3, rows),
            "b": draw.integers(0, 2, rows),
        }
    )


def errors(table):
    return np.array(table["sampling_se"].to_pylist(), dtype=float)


def test_the_jackknife_of_totals_is_linearisation_and_of_means_nearly_so():
    data = people()
    sample = read_sample(data, DESIGN)
    asked = [Total("y"), Mean("y")]
    taylor = estimate_cube(data, DESIGN, asked, [("sex",), ("sex", "h")])
    jackknife = estimate_cube(data, DESIGN, asked, [("sex",), ("sex", "h")], replicates=jackknife_n(sample))
    is_total = np.array(taylor["statistic"].to_pylist()) == "total(y)"
    assert errors(jackknife)[is_total] == pytest.approx(errors(taylor)[is_total], rel=1e-9)
    assert errors(jackknife)[~is_total] == pytest.approx(errors(taylor)[~is_total], rel=0.1)
    assert set(jackknife["error_method"].to_pylist()) == {"replicates (JKn)"}


def test_replicates_of_a_gap_have_its_covariance():
    data = people()
    sample = read_sample(data, DESIGN)
    for dimension, pair in (("sex", ("F", "M")), ("h", ("0", "1"))):
        gap = Gap("total(y)", dimension, *pair)
        crossings = [(dimension,), (dimension, "age")]
        taylor = estimate_cube(data, DESIGN, [Total("y")], crossings, gaps=[gap])
        jackknife = estimate_cube(
            data, DESIGN, [Total("y")], crossings, gaps=[gap], replicates=jackknife_n(sample)
        )
        assert errors(jackknife) == pytest.approx(errors(taylor), rel=1e-9)


def test_replicate_weights_as_columns_equal_factors_by_psu():
    data = people()
    sample = read_sample(data, DESIGN)
    made = bootstrap(sample, 30, seed=5)
    rows = made.row_weights(sample, slice(None))
    columns = {f"r{k}": rows[:, k] for k in range(30)}
    wide = pa.table({**{n: data[n] for n in data.column_names}, **columns})
    given = ReplicateColumns(tuple(columns), scale=1 / 29, df=made.df)
    asked = [Mean("y"), Ratio("y", "x")]
    first = estimate_cube(data, DESIGN, asked, [(), ("sex", "age")], replicates=made)
    second = estimate_cube(wide, Design(weight="w"), asked, [(), ("sex", "age")], replicates=given)
    assert errors(first) == pytest.approx(errors(second), rel=1e-9)
    assert first["df"].to_pylist() == second["df"].to_pylist()


def test_bootstrap_balanced_and_successive_estimate_the_same_variance():
    data = people(psus=2, rows=3000)
    sample = read_sample(data, DESIGN)
    expected = errors(estimate_cube(data, DESIGN, [Total("y")], [()]))[0]

    def error(replicates):
        return errors(estimate_cube(data, DESIGN, [Total("y")], [()], replicates=replicates))[0]

    assert error(balanced(sample)) == pytest.approx(expected, rel=1e-9)
    assert error(balanced(sample, rho=0.3)) == pytest.approx(expected, rel=1e-9)
    assert error(bootstrap(sample, 3000, seed=1)) == pytest.approx(expected, rel=0.08)
    one_stratum = read_sample(data, Design(weight="w", psu="10 * h + i"))
    assert successive(one_stratum).weights.mean() == pytest.approx(1, abs=0.2)
    assert jackknife_1(one_stratum).count == 10


def test_the_bootstrap_needs_its_seed_and_repeats_with_it():
    sample = read_sample(people(), DESIGN)
    assert np.array_equal(bootstrap(sample, 10, seed=3).weights, bootstrap(sample, 10, seed=3).weights)
    assert not np.array_equal(bootstrap(sample, 10, seed=3).weights, bootstrap(sample, 10, seed=4).weights)


def test_replicates_refuse_what_they_cannot_do():
    with pytest.raises(CaudalError, match="exactly two PSUs"):
        balanced(read_sample(people(psus=3), DESIGN))
    with pytest.raises(CaudalError, match="factors"):
        estimate_cube(
            people(psus=3),
            DESIGN,
            [Count()],
            [()],
            replicates=jackknife_n(read_sample(people(psus=4), DESIGN)),
        )


def test_calibrated_weights_meet_their_totals_with_no_error():
    sample = read_sample(people(), DESIGN, ["sex", "age", "x", "y"])
    size = sample.weight.sum()
    for made in (
        post_stratify(sample, "sex", {"F": 0.6 * size, "M": 0.4 * size}),
        rake(sample, {"sex": {"F": 0.6 * size, "M": 0.4 * size}, "age": dict.fromkeys("ABC", size / 3)}),
        calibrate(sample, {"sex": {"F": 0.6 * size, "M": 0.4 * size}, "x": 3.1 * size}),
    ):
        women = estimate_domains(made.sample, Count(), {"F": sample.columns["sex"] == "F"})
        assert women.value[0] == pytest.approx(0.6 * size)
        assert women.se[0] == pytest.approx(0, abs=1e-8 * size)
        before = estimate_domains(sample, Total("y"), {"all": sample.everything()})
        after = estimate_domains(made.sample, Total("y"), {"all": sample.everything()})
        assert after.se[0] < before.se[0]


def test_calibration_refuses_totals_that_cannot_be_met():
    sample = read_sample(people(), DESIGN, ["sex", "age", "x"])
    size = sample.weight.sum()
    with pytest.raises(CaudalError, match="no sample in X"):
        post_stratify(sample, "sex", {"F": size / 2, "M": size / 2, "X": 10})
    with pytest.raises(CaudalError, match="in no category"):
        post_stratify(sample, "sex", {"F": size})
    with pytest.raises(CaudalError, match="cannot become"):
        calibrate(sample, {"x": 9 * size}, bounds=(0.9, 1.1))
    with pytest.raises(CaudalError, match="add up"):
        rake(sample, {"sex": {"F": 1.0, "M": 2.0}, "age": {"A": 1.0, "B": 1.0, "C": 9.0}})


def test_contrasts_between_overlapping_domains_and_independent_surveys():
    sample = read_sample(people(), DESIGN, ["sex", "age", "y"])
    domains = {"F": sample.columns["sex"] == "F", "all": sample.everything()}
    both = estimate_domains(sample, Mean("y"), domains)
    part = contrast(both, {"F": 1, "all": -1}, "F - all")
    assert part.se[0] < both.se[0]
    other = estimate_domains(
        read_sample(people(seed=2), DESIGN, ["y"]), Mean("y"), {"later": np.ones(600, bool)}
    )
    change = contrast(independent(both, other), {"later": 1, "all": -1}, "change")
    assert change.se[0] == pytest.approx((both.se[1] ** 2 + other.se[0] ** 2) ** 0.5)
    with pytest.raises(CaudalError, match="no estimate"):
        contrast(both, {"X": 1}, "x")


def test_a_test_of_independence_says_what_was_missing():
    data = people().to_pandas()
    data.loc[:9, "sex"] = None
    sample = read_sample(data, DESIGN, ["sex", "age"])
    found = rao_scott(sample, "sex", "age")
    assert found.missing_n == 10
    assert 0 < found.p_value < 1
    assert set(named_domains(sample, "sex")) == {"F", "M"}


def test_a_quantile_in_a_cube_is_that_of_its_rows():
    data = people()
    found = estimate_cube(data, DESIGN, [Quantile("y", 0.25), Mean("y")], [("sex",)], where="age <> 'C'")
    frame = data.to_pandas()
    for row in found.to_pylist():
        if row["statistic"] == "quantile(y, 0.25)":
            rows = frame[(frame.sex == row["sex"]) & (frame.age != "C")]
            assert row["value"] == weighted_quantile(rows.y.to_numpy(), rows.w.to_numpy(), 0.25)
            assert row["lower"] < row["value"] < row["upper"]


def test_estimates_have_limits():
    one = Estimates(("a",), np.array([5.0]), np.array([[4.0]]), float("inf"), (0,))
    assert one.limits().upper[0] == pytest.approx(5 + 1.959963984540054 * 2)


def test_expressions_in_r():
    assert in_r("age BETWEEN 15 AND 64 AND sex IN ('F', 'M')") == (
        '(d$age >= 15 & d$age <= 64) & d$sex %in% c("F", "M")'
    )
    with pytest.raises(CaudalError, match="no R form"):
        in_r("lower(sex)")


@pytest.mark.long
@pytest.mark.skipif(shutil.which("Rscript") is None, reason="Rscript is missing")
@pytest.mark.parametrize("statistic", [Mean("y"), Total("y"), Ratio("y", "x"), Proportion("b = 1"), Count()])
def test_the_r_script_reproduces_a_cell(statistic, tmp_path: Path):
    import pyarrow.csv as pc

    data = people()
    path = tmp_path / "people.csv"
    pc.write_csv(data, path)
    pq.write_table(data, tmp_path / "people.parquet")
    cell = estimate_cube(path, DESIGN, [statistic], [("sex", "age")], where="x > 2").to_pylist()[1]
    script = tmp_path / "cell.R"
    script.write_text(r_script(str(path), DESIGN, statistic, cell, where="x > 2"))
    run = subprocess.run(["Rscript", str(script)], capture_output=True, text=True, check=True)
    theirs, ours = (line.split()[1:] for line in run.stdout.strip().splitlines())
    assert [float(v) for v in theirs] == pytest.approx([float(v) for v in ours], rel=1e-9)
