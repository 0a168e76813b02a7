"""Equal to R's survey package: stored answers on a small sample with every difficulty.

The answers were made by make_answers.R; the tolerance is 1e-9 relative, 1e-6 where R iterates.
"""

import csv
from functools import cache
from pathlib import Path

import numpy as np
import pyarrow.csv as pc
import pytest

from caudal.estimate.survey import Calibration, Count, Design, Mean, Proportion, Ratio, Total, estimate_cube
from caudal.estimate.survey.association import rao_scott
from caudal.estimate.survey.calibration import calibrate, post_stratify, rake
from caudal.estimate.survey.comparisons import contrast, estimate_domains, transformed
from caudal.estimate.survey.quantiles import estimate_quantile
from caudal.estimate.survey.replicates import (
    estimate_replicated,
    given_replicates,
    jackknife_1,
    jackknife_n,
)
from caudal.estimate.survey.sample import read_sample

HERE = Path(__file__).parent
DOMAINS = {
    "all": None,
    "F": "sex = 'F'",
    "F_R1": "sex = 'F' AND region = 'R1'",
    "FB_A2": "status = 'FB' AND age = 'A2'",
    "R2": "region = 'R2'",
}
PLAIN = {"weight": "weight", "strata": "stratum", "psu": "psu", "nested": True, "lonely_psu": "adjust"}
DESIGNS = {
    "plain": Design(**PLAIN),
    "fpc": Design(**PLAIN, fpc="psus_n"),
    "flat": Design(weight="weight", strata="stratum", lonely_psu="adjust"),
    "srs": Design(weight="weight"),
    "clusters": Design(weight="weight", psu="stratum * 100 + psu"),
    "equal": Design.whole_clusters("stratum * 100 + psu", fpc="0 * psu + 90"),
    "stages": Design(**PLAIN, fpc="psus_n", ssu="ssu", ssu_fpc="ssus_n"),
    **{
        f"lonely_{k}": Design(**{**PLAIN, "lonely_psu": k})
        for k in ("remove", "certainty", "adjust", "average")
    },
}
STATISTICS = [
    Total("income", label="total"),
    Mean("income", label="mean"),
    Mean("gap", label="gap"),
    Ratio("income", "hours", label="ratio"),
    Count(label="count"),
    Proportion("employed = 1", label="share"),
]


@cache
def answers():
    found = {}
    with (HERE / "answers.csv").open() as file:
        for row in csv.DictReader(file):
            key, _, _ = row["key"].partition("#")
            value = float("nan") if row["value"] in ("NA", "NaN") else float(row["value"])
            found.setdefault(key, []).append(value)
    return found


@cache
def data():
    return pc.read_csv(HERE / "survey.csv")


@cache
def sample(rows="all"):
    table = data()
    if rows != "all":
        limit = {"many": 8, "pairs": 4}[rows]
        table = table.filter(np.asarray(table["stratum"]) < limit)
    columns = ["income", "hours", "gap", "sex", "age", "status", "region", "1"]
    return read_sample(table, DESIGNS["plain"], columns)


def domain(of, name):
    sex, region = of.columns["sex"], of.columns["region"]
    return {
        "all": of.everything(),
        "F": sex == "F",
        "F_R1": (sex == "F") & (region == "R1"),
        "R2": region == "R2",
    }[name]


def close(found, expected, rel=1e-9):
    assert list(found) == pytest.approx(list(expected), rel=rel, abs=1e-300, nan_ok=True)


def number(value):
    return float("nan") if value is None else value


@pytest.mark.parametrize("where", DOMAINS)
@pytest.mark.parametrize("design", DESIGNS)
def test_linear_statistics(design, where):
    table = estimate_cube(data(), DESIGNS[design], STATISTICS, [()], where=DOMAINS[where])
    rows = {r["statistic"]: r for r in table.to_pylist()}
    for name, row in rows.items():
        expected = answers()[f"{design}|{where}|{name}"]
        found = [number(row[k]) for k in ("value", "sampling_se", "deff")]
        if name == "share":
            expected = [expected[k] for k in range(3)]
        if row["deff"] is None and len(expected) == 3:
            assert np.isnan(expected[2]) or np.isinf(expected[2]) or name == "count" or design == "equal"
            expected, found = expected[:2], found[:2]
        close(found[: len(expected)], expected)
    assert rows["mean"]["df"] == answers()[f"{design}|{where}|df"][0]
    close([number(rows["mean"]["deff_replace"])], answers()[f"{design}|{where}|mean_replace"])
    close([number(rows["total"]["deff_replace"])], answers()[f"{design}|{where}|total_replace"])


@pytest.mark.parametrize("where", DOMAINS)
@pytest.mark.parametrize("method", ["logit", "likelihood", "asin", "beta", "mean", "xlogit", "wilson"])
def test_limits_of_proportions(method, where):
    statistic = Proportion("employed = 1", interval=method)
    row = estimate_cube(data(), DESIGNS["plain"], [statistic], [()], where=DOMAINS[where]).to_pylist()[0]
    # R finds the limits of the likelihood by interpolation on a few points; ours are the roots
    tolerance = {"likelihood": 1e-5, "logit": 1e-6}.get(method, 1e-9)
    close([row["lower"], row["upper"]], answers()[f"ci|{where}|{method}"], rel=tolerance)


@pytest.mark.parametrize("method", ["logit", "likelihood", "asin", "beta", "mean", "xlogit", "wilson"])
def test_limits_of_a_rare_proportion(method):
    row = estimate_cube(
        data(), DESIGNS["plain"], [Proportion("rare = 1", interval=method)], [()]
    ).to_pylist()[0]
    tolerance = {"likelihood": 2e-4, "logit": 1e-6}.get(method, 1e-9)
    close([row["lower"], row["upper"]], answers()[f"ci_rare|{method}"], rel=tolerance)


@pytest.mark.parametrize("key", [k for k in answers() if k.startswith("quantile|")])
def test_quantiles(key):
    _, where, p, rule, *interval = key.split("|")
    found = estimate_quantile(
        sample(), "income", float(p), domain(sample(), where), rule=rule, interval=(interval or ["mean"])[0]
    )
    close([found.value, found.lower, found.upper, found.se], answers()[key])


def test_contrasts():
    of = sample()
    sex, status = of.columns["sex"], of.columns["status"]
    crossed = {f"{s}.{m}": (sex == s) & (status == m) for s in "FM" for m in ("FB", "NB")}
    means = estimate_domains(of, Mean("income"), crossed)
    found = contrast(means, {"F.FB": 1, "F.NB": -1}, "gap")
    close([*found.value, *found.se], answers()["contrast|F"])
    found = transformed(means, lambda t: t[0] / t[1], "ratio")
    close([*found.value, *found.se], answers()["contrast|ratio"])
    found = transformed(means, lambda t: np.log(t[0] * t[3] / (t[1] * t[2])), "log")
    close([*found.value, *found.se], answers()["contrast|log"])
    totals = estimate_domains(of, Total("income"), {m: status == m for m in ("FB", "NB")})
    found = contrast(totals, {"FB": 1, "NB": -1}, "total")
    close([*found.value, *found.se], answers()["contrast|total"])


KINDS = ("F", "Chisq", "Wald", "adjWald", "saddlepoint")


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("row", ["sex", "age"])
def test_rao_scott(kind, row):
    found = rao_scott(sample(), row, "status", kind=kind)
    tolerance = 1e-6 if kind == "saddlepoint" else 1e-9  # R seeks a root to 1e-8
    close([found.statistic, found.p_value], answers()[f"chisq|{kind}|{row}"], rel=tolerance)


def calibrated(name):
    of = sample()
    size = of.weight.sum()
    sexes = {"F": 0.5 * size, "M": 0.55 * size}
    ages = {f"A{k}": s * size for k, s in enumerate((0.25, 0.3, 0.3, 0.2))}
    totals = {"1": 1.05 * size, "hours": 1.05 * size * 32, "male": 1.05 * size * 0.5}
    male = {**of.columns, "male": (of.columns["sex"] == "M").astype(float)}
    of = type(of)(of.weight, of.stages, male, of.lonely_psu)
    return {
        "post": lambda: post_stratify(of, "sex", sexes),
        "rake": lambda: rake(of, {"sex": sexes, "age": ages}),
        "greg": lambda: calibrate(of, totals),
        "bounded": lambda: calibrate(of, totals, bounds=(0.9, 1.15)),
        "raking": lambda: calibrate(of, totals, metric="raking"),
        "logit": lambda: calibrate(of, totals, metric="logit", bounds=(0.7, 1.6)),
    }[name]().sample


@pytest.mark.parametrize("where", ["all", "F_R1"])
@pytest.mark.parametrize("name", ["post", "rake", "greg", "bounded", "raking", "logit"])
def test_calibration(name, where):
    of = calibrated(name)
    inside = {where: domain(of, where)}
    tolerance = 1e-9 if name in ("post", "greg") else 1e-6
    for label, statistic in (
        ("total", Total("income")),
        ("mean", Mean("income")),
        ("ratio", Ratio("income", "hours")),
    ):
        found = estimate_domains(of, statistic, inside)
        close([*found.value, *found.se], answers()[f"cal|{name}|{where}|{label}"], rel=tolerance)


@pytest.mark.parametrize("name", ["post", "rake", "greg", "bounded", "raking", "logit"])
def test_calibrated_cubes(name):
    size = sum(data()["weight"].to_pylist())
    sexes = {"F": 0.5 * size, "M": 0.55 * size}
    ages = {f"A{k}": s * size for k, s in enumerate((0.25, 0.3, 0.3, 0.2))}
    totals = {"1": 1.05 * size, "hours": 1.05 * size * 32, "CAST(sex = 'M' AS INT)": 1.05 * size * 0.5}
    calibration = {
        "post": Calibration({"sex": sexes}),
        "rake": Calibration({"sex": sexes, "age": ages}, "rake"),
        "greg": Calibration(totals),
        "bounded": Calibration(totals, bounds=(0.9, 1.15)),
        "raking": Calibration(totals, "raking"),
        "logit": Calibration(totals, "logit", (0.7, 1.6)),
    }[name]
    asked = [Total("income"), Mean("income"), Ratio("income", "hours")]
    table = estimate_cube(
        data(), DESIGNS["plain"], asked, [(), ("sex", "region")], calibration=calibration, threads=1
    ).to_pylist()
    tolerance = 1e-9 if name in ("post", "greg") else 1e-6
    for where, cell in (("all", ("_T", "_T")), ("F_R1", ("F", "R1"))):
        for label, statistic in zip(("total", "mean", "ratio"), asked, strict=True):
            key = (*cell, statistic.name)
            row = next(r for r in table if (r["sex"], r["region"], r["statistic"]) == key)
            assert row["error_method"] == "taylor, calibrated"
            close([row["value"], row["sampling_se"]], answers()[f"cal|{name}|{where}|{label}"], rel=tolerance)


def replicated(name):
    if name in ("BRR", "Fay", "bootstrap"):
        rows = "many" if name == "bootstrap" else "pairs"
        weights = np.loadtxt(HERE / f"replicates_{name}.csv", delimiter=",", skiprows=1)
        count = weights.shape[1]
        scale = {"BRR": 1 / count, "Fay": 1 / (count * 0.7**2), "bootstrap": 1 / (count - 1)}[name]
        return sample(rows), given_replicates(weights, scale=scale)
    if name == "JK1":
        table = data().filter(np.asarray(data()["stratum"]) < 8)
        of = read_sample(table, DESIGNS["clusters"], ["income", "hours", "sex", "region", "age", "status"])
        return of, jackknife_1(of)
    if name == "JKn_fpc":
        table = data().filter(np.asarray(data()["stratum"]) < 8)
        of = read_sample(table, DESIGNS["fpc"], ["income", "hours", "sex", "region", "age", "status"])
        return of, jackknife_n(of)
    of = sample("many")
    return of, jackknife_n(of, mse=name == "JKn_mse")


@pytest.mark.parametrize("where", ["all", "F"])
@pytest.mark.parametrize("name", ["JK1", "JKn", "JKn_fpc", "JKn_mse", "BRR", "Fay", "bootstrap"])
def test_replicates(name, where):
    of, replicates = replicated(name)
    inside = {where: domain(of, where)}
    for label, statistic in (
        ("total", Total("income")),
        ("mean", Mean("income")),
        ("ratio", Ratio("income", "hours")),
    ):
        found = estimate_replicated(of, replicates, statistic, inside)
        close([*found.value, *found.se], answers()[f"rep|{name}|{where}|{label}"])
    assert replicates.df == answers()[f"rep|{name}|df"][0]


@pytest.mark.parametrize("interval", ["mean", "beta", "xlogit", "asin", "quantile"])
@pytest.mark.parametrize("name", ["JK1", "JKn", "JKn_fpc", "JKn_mse", "BRR", "Fay", "bootstrap"])
def test_quantiles_under_replicates(name, interval):
    of, replicates = replicated(name)
    found = estimate_quantile(of, "income", 0.5, replicates=replicates, interval=interval)
    close([found.value, found.lower, found.upper, found.se], answers()[f"rep|{name}|quantile|{interval}"])


@pytest.mark.parametrize("name", ["JK1", "JKn", "JKn_fpc", "JKn_mse", "BRR", "Fay", "bootstrap"])
def test_tests_and_gaps_under_replicates(name):
    of, replicates = replicated(name)
    for kind in KINDS:
        found = rao_scott(of, "age", "status", kind=kind, replicates=replicates)
        tolerance = 1e-6 if kind == "saddlepoint" else 1e-9
        close([found.statistic, found.p_value], answers()[f"rep|{name}|chisq|{kind}"], rel=tolerance)
    status = of.columns["status"]
    means = estimate_domains(of, Mean("income"), {m: status == m for m in ("FB", "NB")}, replicates)
    gap = contrast(means, {"FB": 1, "NB": -1}, "gap")
    close([*gap.value, *gap.se], answers()[f"rep|{name}|gap"])
