"""Calibrated replicates equal to R's survey package: linear, bounded, raking, logit, post-strata, rake.

The answers were made by make_calibrated_answers.R; the tolerance is 1e-9 relative, 1e-6 where R iterates.
"""

import csv
from functools import cache
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.csv as pc
import pytest

from caudal.estimate.survey import Calibration, Design, Mean, Ratio, ReplicateColumns, Total, estimate_cube
from caudal.estimate.survey.replicates import jackknife_1, jackknife_n
from caudal.estimate.survey.sample import read_sample

HERE = Path(__file__).parent
PLAIN = Design(weight="weight", strata="stratum", psu="psu", nested=True, lonely_psu="adjust")
CLUSTERS = Design(weight="weight", psu="stratum * 100 + psu")
CELLS = {"all": ("_T", "_T"), "F": ("F", "_T"), "F_R1": ("F", "R1")}
ASKED = {"total": Total("income"), "mean": Mean("income"), "ratio": Ratio("income", "hours")}


@cache
def answers():
    with (HERE / "calibrated_answers.csv").open() as file:
        return {row["key"]: [float(row["value"]), float(row["se"])] for row in csv.DictReader(file)}


@cache
def survey(name):
    """The data, the design and the replicates."""
    data = pc.read_csv(HERE / "survey.csv")
    given = name.partition("_")[0]
    limit = 4 if given in ("BRR", "Fay") else 8
    data = data.filter(np.asarray(data["stratum"]) < limit)
    if given == "JK1":
        return data, CLUSTERS, jackknife_1(read_sample(data, CLUSTERS))
    if given == "JKn":
        return data, PLAIN, jackknife_n(read_sample(data, PLAIN), mse=name == "JKn_mse")
    weights = pc.read_csv(HERE / f"replicates_{given}.csv")
    count = weights.num_columns
    scale = {"BRR": 1 / count, "Fay": 1 / (count * 0.7**2), "bootstrap": 1 / (count - 1)}[given]
    data = pa.table(
        {**{c: data[c] for c in data.column_names}, **{c: weights[c] for c in weights.column_names}}
    )
    return data, PLAIN, ReplicateColumns(tuple(weights.column_names), scale=scale, mse=name == "Fay_mse")


def calibration(how, size):
    sexes = {"F": 0.5 * size, "M": 0.55 * size}
    ages = {f"A{k}": s * size for k, s in enumerate((0.25, 0.3, 0.3, 0.2))}
    totals = {"1": 1.05 * size, "hours": 1.05 * size * 32, "CAST(sex = 'M' AS INT)": 1.05 * size * 0.5}
    return {
        "post": Calibration({"sex": sexes}),
        "rake": Calibration({"sex": sexes, "age": ages}, "rake"),
        "greg": Calibration(totals),
        "bounded": Calibration(totals, bounds=(0.4, 2)),
        "raking": Calibration(totals, "raking"),
        "logit": Calibration(totals, "logit", (0.2, 4)),
    }[how]


def keys():
    """Every replication and calibration; of two that repeat others, all but the linear one are long, and so
    are bounds and logit of two more."""
    found = sorted({k.rsplit("|", 2)[0] for k in answers()})
    repeated = {"JKn_mse": "bounded logit post rake raking", "JK1": "bounded logit", "BRR": "bounded logit"}
    repeated["Fay_mse"] = repeated["JKn_mse"]
    is_long = [how in repeated.get(name, "").split() for name, how in (k.split("|") for k in found)]
    return [pytest.param(k, marks=pytest.mark.long if m else ()) for k, m in zip(found, is_long, strict=True)]


@pytest.mark.parametrize("key", keys())
def test_calibrated_replicates(key):
    name, how = key.split("|")
    data, design, replicates = survey(name)
    known = calibration(how, sum(data["weight"].to_pylist()))
    table = estimate_cube(
        data, design, list(ASKED.values()), [(), ("sex",), ("sex", "region")],
        replicates=replicates, calibration=known, threads=1,
    ).to_pylist()  # fmt: skip
    tolerance = 1e-9 if how in ("post", "greg") else 1e-6
    for where, cell in CELLS.items():
        for label, statistic in ASKED.items():
            row = next(r for r in table if (r["sex"], r["region"], r["statistic"]) == (*cell, statistic.name))
            expected = answers()[f"{key}|{where}|{label}"]
            assert [row["value"], row["sampling_se"]] == pytest.approx(expected, rel=tolerance), (
                where,
                label,
            )
            assert row["error_method"] == f"replicates ({replicates.method}), calibrated"
