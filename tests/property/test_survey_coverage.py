"""Coverage: nominal 95 % intervals over surveys of the simulated country, whose migrants live clustered.

Istmo (:mod:`caudal.simulate`) has migrants concentrated in places and households; its survey draws PSUs by
systematic sampling with probability proportional to the sizes of an old frame, then households, with unequal
weights. Ten indicators by migratory status are estimated from each survey and held against the population.
"""

import sys
from functools import cache

import numpy as np
import pyarrow as pa
import pytest

from caudal.estimate.survey import Count, Design, Gap, Mean, Proportion, Ratio, Total, estimate_cube
from caudal.estimate.survey.comparisons import contrast, estimate_domains
from caudal.estimate.survey.intervals import proportion_limits, t_limits
from caudal.estimate.survey.sample import Sample, Stage
from caudal.simulate.axes import foreign_born
from caudal.simulate.population import make_population
from caudal.simulate.sampling import make_frame
from caudal.simulate.survey import IGNORABLE_NONRESPONSE, draw_survey

PERSONS = 800_000
DESIGN = Design(weight="weight", strata="stratum", psu="psu", nested=True)
STATISTICS = [
    Count(label="persons"),
    Total("earnings", label="earnings"),
    Mean("earnings", label="mean earnings"),
    Mean("hours", label="mean hours"),
    Mean("rooms", label="mean rooms"),
    Ratio("earnings", "hours", label="earnings an hour"),
    Proportion("informal", label="informal"),
    Proportion("employed", label="employed"),
    Proportion("young", label="young"),
    Proportion("owner", label="owner"),
]
TRUE = "FB", "NB"


@cache
def country():
    """The population as columns, with what a draw of surveys needs."""
    people = make_population(persons=PERSONS, seed=11)
    earnings, hours = people["earnings_cents"].astype(float), people["hours"].astype(float)
    informal = people["informal"].astype(float)
    worker = hours > 0
    columns = {
        "earnings": np.where(worker & (earnings >= 0), earnings / 100, np.nan),
        "hours": np.where(worker, hours, np.nan),
        "rooms": people["rooms"].astype(float),
        "informal": np.where(worker, (informal == 1).astype(float), np.nan),
        "employed": np.where(people["age"] >= 15, worker.astype(float), np.nan),
        "young": (people["age"] < 15).astype(float),
        "owner": (people["tenure"] == people["tenure"].min()).astype(float),
    }
    return people, columns, foreign_born(people), make_frame(people.geography, IGNORABLE_NONRESPONSE)


def parts_of(statistic):
    """Numerator and denominator columns (None: ones)."""
    if isinstance(statistic, Ratio):
        return statistic.numerator, statistic.denominator
    return getattr(statistic, "variable", getattr(statistic, "condition", None)), None


@cache
def truths():
    """Every indicator by status in the population, and the gap of mean earnings."""
    _, columns, migrant, _ = country()
    found = {}
    for status, inside in zip(TRUE, (migrant, ~migrant), strict=True):
        for statistic in STATISTICS:
            y, x = (np.ones(migrant.size) if n is None else columns[n] for n in parts_of(statistic))
            known = inside & ~np.isnan(y) & ~np.isnan(x)
            total = y[known].sum()
            is_total = isinstance(statistic, (Count, Total))
            found[statistic.name, status] = total if is_total else total / x[known].sum()
    found["gap", "_T"] = found["mean earnings", "FB"] - found["mean earnings", "NB"]
    return found


def drawn(seed):
    """One survey as a sample in memory, and who in it is a migrant."""
    people, columns, migrant, frame = country()
    draw = draw_survey(people, seed, frame=frame)
    strata, group = np.unique(draw.stratum, return_inverse=True)
    _, first, unit = np.unique(draw.psu, return_index=True, return_inverse=True)
    group_of_unit = group[first]
    sampled = np.bincount(group_of_unit, minlength=strata.size).astype(float)
    stage = Stage(unit, group_of_unit, sampled, np.full(strata.size, np.inf), np.ones(strata.size))
    held = {"1": np.ones(unit.size), **{name: values[draw.row] for name, values in columns.items()}}
    return Sample(draw.weight, (stage,), held, "fail"), migrant[draw.row], draw


def limits_of(sample, migrant):
    """Limits and design effect of every indicator by status, and of the gap."""
    found, effects = {}, {}
    for status, inside in zip(TRUE, (migrant, ~migrant), strict=True):
        for statistic in STATISTICS:
            one = estimate_domains(sample, statistic, {status: inside})
            known = inside.copy()
            for name in parts_of(statistic):
                known &= True if name is None else ~np.isnan(sample.columns[name])
            n, df = np.array([float(known.sum())]), np.array([sample.df(known)])
            if isinstance(statistic, Proportion):
                limits = proportion_limits(one.value, one.se, df, n, 0.95, statistic.interval)
                w = sample.weight[known]
                simple = one.value * (1 - one.value) / (n - 1) * (1 - n / w.sum())
                effects[statistic.name, status] = float((one.se**2 / simple)[0])
            else:
                limits = t_limits(one.value, one.se, df, 0.95)
            found[statistic.name, status] = float(limits.lower[0]), float(limits.upper[0])
    both = estimate_domains(sample, Mean("earnings"), {"FB": migrant, "NB": ~migrant})
    limits = contrast(both, {"FB": 1, "NB": -1}, "gap").limits()
    found["gap", "_T"] = float(limits.lower[0]), float(limits.upper[0])
    return found, effects


def covered(surveys):
    """Share of surveys whose interval holds the truth, by indicator and status, and mean design effects."""
    truth = truths()
    hits, effects = dict.fromkeys(truth, 0), {}
    for seed in range(surveys):
        sample, migrant, _ = drawn(1000 + seed)
        found, deff = limits_of(sample, migrant)
        for key, (lower, upper) in found.items():
            hits[key] += lower <= truth[key] <= upper
        for key, value in deff.items():
            effects[key] = effects.get(key, 0.0) + value / surveys
    return {k: v / surveys for k, v in hits.items()}, effects


@pytest.mark.long
def test_the_limits_are_those_of_the_cube():
    sample, migrant, draw = drawn(7)
    table = pa.table(
        {
            "weight": draw.weight,
            "stratum": draw.stratum,
            "psu": draw.psu,
            "status": np.where(migrant, "FB", "NB"),
            **{k: pa.array(v, from_pandas=True) for k, v in sample.columns.items() if k != "1"},
        }
    )
    conditions = [
        Proportion(f"{s.condition} = 1", label=s.label) if isinstance(s, Proportion) else s
        for s in STATISTICS
    ]
    gap = Gap("mean earnings", "status", "FB", "NB", label="gap")
    cube = estimate_cube(table, DESIGN, conditions, [("status",)], gaps=[gap]).to_pylist()
    found, _ = limits_of(sample, migrant)
    assert len(cube) == len(found)
    for row in cube:
        assert (row["lower"], row["upper"]) == pytest.approx(found[row["statistic"], row["status"]], rel=1e-9)


@pytest.mark.long
def test_nominal_intervals_cover_at_their_nominal_rate():
    surveys = 4000
    found, effects = covered(surveys)
    monte_carlo = (0.95 * 0.05 / surveys) ** 0.5
    shown = "\n".join(f"{n} ({s}): {100 * c:.2f} % -+ {196 * monte_carlo:.2f}" for (n, s), c in found.items())
    mean = float(np.mean(list(found.values())))
    deff = {k: round(v, 2) for k, v in effects.items()}
    report = f"\n{shown}\nmean {100 * mean:.2f} %\ndesign effects {deff}\n"
    sys.stdout.write(report)
    assert max(v for (_, s), v in effects.items() if s == "FB") >= 2, report
    assert 0.94 <= mean <= 0.96, report
    assert all(0.925 <= c <= 0.975 for c in found.values()), report
