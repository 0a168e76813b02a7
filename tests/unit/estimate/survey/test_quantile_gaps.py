"""Gaps of quantiles between domains, with their covariance, by linearisation and by replicates."""

import numpy as np
import pyarrow as pa
import pytest

from caudal.errors import CaudalError
from caudal.estimate.survey import Design, Gap, Quantile, estimate_cube
from caudal.estimate.survey.quantiles import estimate_quantile
from caudal.estimate.survey.replicate_cube import ReplicateColumns
from caudal.estimate.survey.replicates import bootstrap
from caudal.estimate.survey.sample import read_sample

DESIGN = Design(weight="w", strata="h", psu="i", nested=True)


def people(seed=3, psus=12, each=20):
    """Six strata; incomes share the level of the PSU."""
    draw = np.random.default_rng(seed)
    rows = 6 * psus * each
    stratum = np.repeat(np.arange(6), psus * each)
    psu = np.tile(np.repeat(np.arange(psus), each), 6)
    level = draw.normal(0, 0.3, 6 * psus)[stratum * psus + psu]
    status = draw.choice(["FB", "NB"], rows)
    income = np.exp(2 + level + 0.2 * (status == "FB") + draw.normal(0, 0.5, rows))
    sex = draw.choice(["F", "M"], rows)
    weight = draw.lognormal(2, 0.3, rows)
    return pa.table({"h": stratum, "i": psu, "w": weight, "status": status, "sex": sex, "y": income})


def gap_of(data, **options):
    gap = Gap("median", "status", "FB", "NB", label="gap")
    table = estimate_cube(data, DESIGN, [Quantile("y", label="median")], [("status",), ("sex", "status")],
                          gaps=[gap], **options)  # fmt: skip
    return {r["sex"]: r for r in table.to_pylist() if r["statistic"] == "gap"}


def test_a_gap_of_medians_is_their_difference_in_every_cell():
    data = people()
    sample = read_sample(data, DESIGN, ["y", "status", "sex"])
    found = gap_of(data)
    assert set(found) == {"_T", "F", "M"}
    for sex, row in found.items():
        inside = sample.everything() if sex == "_T" else sample.columns["sex"] == sex
        a, b = (
            estimate_quantile(sample, "y", 0.5, inside & (sample.columns["status"] == s))
            for s in ("FB", "NB")
        )
        assert row["value"] == pytest.approx(a.value - b.value, rel=1e-12)
        # incomes of a PSU go together: the covariance makes the gap's error smaller than without it
        assert 0 < row["sampling_se"] < np.hypot(a.se, b.se)
        assert row["lower"] < row["value"] < row["upper"]


def test_the_error_of_a_gap_of_medians_is_that_of_the_bootstrap():
    data = people(psus=20)
    replicates = bootstrap(read_sample(data, DESIGN), 400, seed=5)
    linear, replicated = gap_of(data), gap_of(data, replicates=replicates)
    for sex in linear:
        assert replicated[sex]["error_method"] == "replicates (bootstrap)"
        assert linear[sex]["value"] == pytest.approx(replicated[sex]["value"], rel=1e-12)
        assert linear[sex]["sampling_se"] == pytest.approx(replicated[sex]["sampling_se"], rel=0.35)


def test_quantiles_take_the_replicate_weights_that_are_given():
    data = people(psus=6, each=6)
    sample = read_sample(data, DESIGN, ["y"])
    replicates = bootstrap(sample, 30, seed=2)
    weights = replicates.row_weights(sample, slice(0, 30))
    columns = tuple(f"r{k}" for k in range(30))
    wide = pa.table({**{n: data[n] for n in data.column_names}, **dict(zip(columns, weights.T, strict=True))})
    given = ReplicateColumns(columns, scale=1 / 29, df=29.0)
    table = estimate_cube(wide, DESIGN, [Quantile("y")], [()], replicates=given).to_pylist()[0]
    expected = estimate_quantile(sample, "y", replicates=replicates)
    assert (table["value"], table["sampling_se"]) == pytest.approx((expected.value, expected.se), rel=1e-12)


def test_what_a_quantile_refuses():
    sample = read_sample(people(psus=3, each=4), DESIGN, ["y"])
    for wrong in ({"p": 1.5}, {"rule": "hf12"}, {"interval": "wald"}, {"interval": "quantile"}):
        with pytest.raises(CaudalError) as caught:
            estimate_quantile(sample, "y", **wrong)
        assert caught.value.problems[0].code == "survey-quantile"
    with pytest.raises(CaudalError) as caught:
        gap_of(people(psus=3, each=4).rename_columns(["h", "i", "w", "status", "sex", "x"]))
    assert "nearest" in caught.value.problems[0].facts
