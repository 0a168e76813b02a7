"""Coverage: nominal 95 % intervals over simulated surveys of a country with clustered migrants.

The population has strata of PSUs whose share of migrants varies (beta distributed), outcomes that depend on
the PSU, and unequal sampling fractions. Ten indicators by migratory status are estimated from each survey.
"""

import sys

import numpy as np
import pyarrow as pa
import pytest

from caudal.estimate.survey import Count, Design, Gap, Mean, Proportion, Ratio, Total, estimate_cube

STRATA, PSUS, PERSONS = 40, 80, 50
SAMPLED_PSUS, SAMPLED_PERSONS = 5, 16
DESIGN = Design(weight="weight", strata="stratum", psu="psu", nested=True)
STATISTICS = [
    Count(label="persons"),
    Total("income", label="income"),
    Mean("income", label="mean income"),
    Mean("hours", label="mean hours"),
    Mean("school", label="mean school"),
    Ratio("sent", "income", label="share sent"),
    Proportion("employed = 1", label="employed"),
    Proportion("informal = 1", label="informal"),
    Proportion("crowded = 1", label="crowded"),
    Proportion("insured = 1", label="insured"),
]


def country(seed=11):
    """All persons: arrays (strata, PSUs, persons) by variable."""
    draw = np.random.default_rng(seed)
    shape = (STRATA, PSUS, PERSONS)
    level = draw.normal(0, 1, (STRATA, 1, 1)) * 0.2
    place = draw.normal(0, 1, (STRATA, PSUS, 1))
    migrant = (draw.random(shape) < draw.beta(0.8, 3.2, (STRATA, PSUS, 1))).astype(np.int64)
    income = np.exp(2 + level + 0.25 * place + 0.2 * migrant + 0.4 * draw.normal(0, 1, shape))

    def share(base, slope, gap):
        logit = base + slope * place + level + gap * migrant
        return (draw.random(shape) < 1 / (1 + np.exp(-logit))).astype(np.int64)

    return {
        "status": migrant,
        "income": income,
        "hours": 40 + 3 * place + 4 * migrant + 6 * draw.normal(0, 1, shape),
        "school": np.maximum(0, 10 + place - migrant + 3 * draw.normal(0, 1, shape)),
        "sent": income * 0.1 * (0.3 + migrant) * draw.random(shape),
        "employed": share(0.4, 0.5, 0.2),
        "informal": share(-0.3, 0.6, 0.5),
        "crowded": share(-1.4, 0.7, 0.6),
        "insured": share(0.2, 0.6, -0.7),
    }


def truths(people):
    """Every indicator and the gap of mean income, in the population."""
    found = {}
    for code in (0, 1):
        inside = people["status"] == code
        values = {k: v[inside] for k, v in people.items()}
        found["persons", code] = inside.sum()
        found["income", code] = values["income"].sum()
        found["share sent", code] = values["sent"].sum() / values["income"].sum()
        for name in ("income", "hours", "school"):
            found[f"mean {name}", code] = values[name].mean()
        for name in ("employed", "informal", "crowded", "insured"):
            found[name, code] = values[name].mean()
    found["gap", "_T"] = found["mean income", 1] - found["mean income", 0]
    return found


def drawn(people, random):
    """One survey: PSUs without replacement, persons within them; odd strata sampled at half the rate."""
    psus = np.argsort(random.random((STRATA, PSUS)), axis=1)[:, :SAMPLED_PSUS]
    persons = np.argsort(random.random((STRATA, SAMPLED_PSUS, PERSONS)), axis=2)[:, :, :SAMPLED_PERSONS]
    size = np.where((np.arange(STRATA) % 2)[:, None, None] == 0, SAMPLED_PERSONS, SAMPLED_PERSONS // 2)
    kept = np.arange(SAMPLED_PERSONS) < size
    kept = np.broadcast_to(kept, persons.shape)
    stratum = np.broadcast_to(np.arange(STRATA)[:, None, None], persons.shape)
    psu = np.broadcast_to(psus[:, :, None], persons.shape)
    weight = np.broadcast_to(PSUS / SAMPLED_PSUS * PERSONS / size, persons.shape)
    columns = {k: v[stratum[kept], psu[kept], persons[kept]] for k, v in people.items()}
    return pa.table({"stratum": stratum[kept], "psu": psu[kept], "weight": weight[kept], **columns})


def covered(people, surveys, seed):
    """Share of surveys whose interval holds the truth, by indicator and status; the mean design effect."""
    random, truth = np.random.default_rng(seed), truths(people)
    hits, effects = dict.fromkeys(truth, 0), []
    gap = Gap("mean income", "status", "1", "0", label="gap")
    for _ in range(surveys):
        table = estimate_cube(drawn(people, random), DESIGN, STATISTICS, [("status",)], gaps=[gap])
        for row in table.to_pylist():
            status = int(row["status"]) if row["status"] != "_T" else "_T"
            key = (row["statistic"], status)
            hits[key] += row["lower"] <= truth[key] <= row["upper"]
            if key == ("mean income", 1):
                effects.append(row["deff"])
    return {k: v / surveys for k, v in hits.items()}, float(np.mean(effects))


def test_a_few_surveys_cover_about_as_they_say():
    found, deff = covered(country(), 60, seed=2)
    assert 0.90 < np.mean(list(found.values())) < 0.99
    assert deff > 1.2


@pytest.mark.long
def test_nominal_intervals_cover_at_their_nominal_rate():
    surveys = 4000
    found, deff = covered(country(), surveys, seed=1)
    monte_carlo = (0.95 * 0.05 / surveys) ** 0.5
    shown = "\n".join(f"{n} ({s}): {100 * c:.2f} % -+ {196 * monte_carlo:.2f}" for (n, s), c in found.items())
    mean = float(np.mean(list(found.values())))
    report = f"\n{shown}\nmean {100 * mean:.2f} %, deff of migrants' mean income {deff:.2f}"
    sys.stdout.write(report)
    assert deff >= 2, report
    assert 0.94 <= mean <= 0.96, report
    assert all(0.925 <= c <= 0.975 for c in found.values()), report
