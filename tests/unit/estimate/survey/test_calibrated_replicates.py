"""Replicates calibrated one by one: cube and sample agree, blocks do not matter, a refusal names them."""

import json
from dataclasses import replace

import numpy as np
import pyarrow as pa
import pyarrow.csv as pc
import pytest

from caudal.cli import main
from caudal.errors import CaudalError
from caudal.estimate.survey import (
    Calibration,
    Count,
    Design,
    Gap,
    Mean,
    Quantile,
    Ratio,
    ReplicateColumns,
    Total,
    estimate_cube,
)
from caudal.estimate.survey import calibrated_replicates as module
from caudal.estimate.survey.calibrated_replicates import calibrated_replicates
from caudal.estimate.survey.comparisons import contrast, estimate_domains
from caudal.estimate.survey.quantiles import estimate_quantile
from caudal.estimate.survey.replicates import bootstrap, estimate_replicated, jackknife_n, successive
from caudal.estimate.survey.sample import read_sample

DESIGN = Design(weight="w", strata="h", psu="i", nested=True)
KNOWN = Calibration({"sex": {"F": 2600.0, "M": 2400.0}, "x": 14_000.0}, "raking")


def people(rows=600, seed=1):
    draw = np.random.default_rng(seed)
    return pa.table(
        {
            "h": draw.integers(0, 5, rows),
            "i": draw.integers(0, 4, rows),
            "w": draw.lognormal(2, 0.5, rows),
            "sex": draw.choice(["F", "M"], rows),
            "age": draw.choice(["A", "B", "C"], rows),
            "y": draw.normal(50, 10, rows),
            "x": draw.integers(1, 5, rows).astype(float),
        }
    )


def sampled(data, design=DESIGN):
    return read_sample(data, design, ["sex", "age", "x", "y"])


def made(sample, kind):
    return {
        "JKn": lambda: jackknife_n(sample),
        "bootstrap": lambda: bootstrap(sample, 20, seed=4),
        "SDR": lambda: successive(sample),
    }[kind]()


def cell(table, statistic, **codes):
    wanted = {"statistic": statistic, **codes}
    (found,) = [r for r in table.to_pylist() if all(r[k] == v for k, v in wanted.items())]
    return found


@pytest.mark.parametrize("kind", ["JKn", "bootstrap", "SDR"])
def test_a_cube_is_the_sample_with_each_replicate_calibrated_by_itself(kind):
    data = people()
    sample = sampled(data)
    replicates, calibrated = made(sample, kind), KNOWN.applied(sample)
    found = estimate_cube(
        data, DESIGN, [Total("y"), Ratio("y", "x")], [(), ("sex", "h")], replicates=replicates,
        calibration=KNOWN, where="age <> 'C'", gaps=[Gap("total(y)", "sex", "F", "M")],
    )  # fmt: skip
    inside = sample.columns["age"] != "C"
    women = inside & (sample.columns["sex"] == "F") & (sample.stages[0].group[sample.stages[0].unit] == 2)
    men = inside & (sample.columns["sex"] == "M") & (sample.stages[0].group[sample.stages[0].unit] == 2)
    weights = [KNOWN.applied(replace(sample, weight=w)).sample.weight
               for w in replicates.row_weights(sample, slice(None)).T]  # fmt: skip
    y, x = sample.columns["y"], sample.columns["x"]
    for name, member, statistic, codes in (
        ("total(y)", inside, lambda w, m: w[m] @ y[m], {"sex": "_T"}),
        ("ratio(y / x)", women, lambda w, m: (w[m] @ y[m]) / (w[m] @ x[m]), {"sex": "F", "h": "2"}),
        ("total(y): F - M", women, lambda w, m: w[m] @ y[m] - w[men] @ y[men], {"h": "2"}),
    ):
        theta, spread = statistic(calibrated.sample.weight, member), [statistic(w, member) for w in weights]
        centre = theta if replicates.mse else np.mean(spread)
        variance = replicates.scale * np.sum(replicates.rscales * (np.array(spread) - centre) ** 2)
        row = cell(found, name, **codes)
        assert row["value"] == pytest.approx(theta, rel=1e-9)
        assert row["sampling_se"] == pytest.approx(variance**0.5, rel=1e-7)
    assert cell(found, "total(y)", sex="F", h="2")["psu_n"] == 4
    assert cell(found, "total(y)", sex="_T")["df"] == replicates.df


def test_known_totals_have_no_error_and_weights_as_columns_give_the_same():
    data = people()
    sample = sampled(data)
    replicates = bootstrap(sample, 20, seed=4)
    rows = replicates.row_weights(sample, slice(None))
    wide = pa.table({**{n: data[n] for n in data.column_names}, **{f"r{k}": rows[:, k] for k in range(20)}})
    given = ReplicateColumns(tuple(f"r{k}" for k in range(20)), scale=1 / 19, df=replicates.df)
    asked = [Count(), Mean("y"), Quantile("y")]
    first, second = (
        estimate_cube(d, DESIGN, asked, [("sex",)], replicates=r, calibration=KNOWN)
        for d, r in ((data, replicates), (wide, given))
    )
    women = cell(first, "count", sex="F")
    assert women["value"] == pytest.approx(2600)
    assert women["sampling_se"] == pytest.approx(0, abs=1e-6)
    for name in ("value", "sampling_se", "df"):
        assert first[name].to_pylist() == pytest.approx(second[name].to_pylist(), rel=1e-9, abs=1e-6)
    assert set(second["error_method"].to_pylist()) == {"replicates (given), calibrated"}


def test_a_row_whose_calibrated_weight_is_zero_still_counts_in_the_replicates():
    data = people()
    sample = sampled(data)
    size = float(sample.weight.sum())
    known = Calibration({"1": size, "y": 42 * size}, bounds=(0, 3))
    calibrated, replicates = known.applied(sample), jackknife_n(sample)
    spread = calibrated_replicates(sample, replicates, calibrated)
    weights = spread.row_weights(sample, slice(None))
    assert np.sum((calibrated.g == 0) & (weights != 0).any(axis=1)) > 2
    domains = {"all": sample.everything()}
    expected = estimate_replicated(calibrated.sample, spread, Total("x"), domains)
    found = estimate_cube(data, DESIGN, [Total("x")], [()], replicates=replicates, calibration=known)
    row = cell(found, "total(x)")
    assert row["value"] == pytest.approx(expected.value[0], rel=1e-9)
    assert row["sampling_se"] == pytest.approx(expected.se[0], rel=1e-9)


def test_the_size_of_blocks_changes_nothing(monkeypatch):
    data = people()
    sample = sampled(data)
    arguments = {"replicates": bootstrap(sample, 20, seed=4), "calibration": KNOWN}
    whole = estimate_cube(data, DESIGN, [Mean("y")], [("age",)], **arguments)
    monkeypatch.setattr(module, "_VALUES", 3 * data.num_rows)
    parts = estimate_cube(data, DESIGN, [Mean("y")], [("age",)], **arguments)
    assert parts["sampling_se"].to_pylist() == pytest.approx(whole["sampling_se"].to_pylist(), rel=1e-10)


def test_contrasts_and_quantiles_on_a_sample_use_calibrated_replicates():
    sample = sampled(people())
    calibrated = KNOWN.applied(sample)
    spread = calibrated_replicates(sample, jackknife_n(sample), calibrated)
    domains = {s: sample.columns["sex"] == s for s in "FM"}
    sizes = estimate_domains(calibrated.sample, Count(), domains, spread)
    assert contrast(sizes, {"F": 1, "M": -1}, "gap").se[0] == pytest.approx(0, abs=1e-6)
    held = estimate_quantile(calibrated.sample, "y", replicates=spread.held())
    assert held.se == pytest.approx(estimate_quantile(calibrated.sample, "y", replicates=spread).se, rel=1e-9)


def test_a_quantile_of_a_calibrated_cube_is_that_of_the_calibrated_sample():
    data = people()
    expected = estimate_quantile(KNOWN.applied(sampled(data)).sample, "y", 0.5)
    row = cell(estimate_cube(data, DESIGN, [Quantile("y")], [()], calibration=KNOWN), "quantile(y, 0.5)")
    assert [row["value"], row["sampling_se"]] == pytest.approx([expected.value, expected.se], rel=1e-9)


@pytest.mark.parametrize("method", ["linear", "raking", "rake"])
def test_a_replicate_that_cannot_be_calibrated_is_named(method):
    data = people()
    rare = [
        "yes" if (h, i) == (2, 3) else "no" for h, i in zip(*(data[c].to_pylist() for c in "hi"), strict=True)
    ]
    data = data.append_column("rare", pa.array(rare))
    known = Calibration({"rare": {"yes": 250.0, "no": 4700.0}}, method)
    sample = read_sample(data, DESIGN, [])
    number = int(np.flatnonzero(sample.stages[0].group == 2)[3]) + 1
    with pytest.raises(CaudalError) as caught:
        estimate_cube(data, DESIGN, [Mean("y")], [()], replicates=jackknife_n(sample), calibration=known)
    (problem,) = caught.value.problems
    assert problem.code == "survey-calibration-replicate"
    assert problem.facts["replicates"] == [str(number)]
    assert f"replicate {number} " in str(caught.value)


def test_bounds_that_one_replicate_column_cannot_keep_and_factors_of_another_design():
    data = people()
    size = sum(data["w"].to_pylist())
    good = np.array(data["w"].to_pylist())
    wide = data.append_column("r1", pa.array(good * 1.01)).append_column("r2", pa.array(good * 9))
    given, known = ReplicateColumns(("r1", "r2"), scale=1.0), Calibration({"1": size}, bounds=(0.5, 2))
    with pytest.raises(CaudalError, match="r2") as caught:
        estimate_cube(wide, DESIGN, [Mean("y")], [()], replicates=given, calibration=known)
    assert caught.value.problems[0].facts["replicates"] == ["r2"]
    other = jackknife_n(read_sample(people(rows=12), replace(DESIGN, lonely_psu="adjust")))
    with pytest.raises(CaudalError, match="factors"):
        estimate_cube(data, DESIGN, [Mean("y")], [()], replicates=other, calibration=known)


@pytest.mark.parametrize("calibration", [None, KNOWN])
def test_replicate_weights_that_are_missing_are_refused(calibration):
    data = people()
    weights = data["w"].to_pylist()
    wide = data.append_column("r1", pa.array(weights)).append_column("r2", pa.array([None, *weights[1:]]))
    given = ReplicateColumns(("r1", "r2"), scale=1.0)
    with pytest.raises(CaudalError, match="r2 lacks 1 values"):
        estimate_cube(wide, DESIGN, [Mean("y")], [()], replicates=given, calibration=calibration)


def test_from_the_command_line(tmp_path, capsys):
    data = people()
    rows = bootstrap(sampled(data), 10, seed=4).row_weights(sampled(data), slice(None))
    for k in range(10):
        data = data.append_column(f"rep_{k}", pa.array(rows[:, k]))
    pc.write_csv(data, tmp_path / "people.csv")
    (tmp_path / "totals.csv").write_text("variable,category,total\nsex,F,2600\nsex,M,2400\n")
    words = ["estimate", str(tmp_path / "people.csv"), "--weight", "w", "--replicates", "rep_*",
             "--replicate-kind", "bootstrap", "--calibrate", str(tmp_path / "totals.csv"), "--count",
             "--mean", "y", "--by", "sex", "--json"]  # fmt: skip
    assert main(words) == 0
    cells = json.loads(capsys.readouterr().out)["cells"]
    assert [round(c["value"], 6) for c in cells if c["statistic"] == "count"] == [5000, 2600, 2400]
    assert {c["error_method"] for c in cells} == {"replicates (given), calibrated"}
    (tmp_path / "totals.csv").write_text("variable,category,total\nsex,F,2600\nsex,M,2400\nsex,X,5\n")
    assert main(words) != 0
    assert "survey-calibration" in capsys.readouterr().err
