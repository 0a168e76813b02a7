"""The published rules cell by cell, as the reference gives them; and what is ours where they are silent."""

import math

import numpy as np
import pyarrow as pa
import pytest

from caudal.errors import CaudalError
from caudal.estimate.survey import Proportion, Ratio
from caudal.estimate.survey.reliability import Circumstances, assess, reliability_rules, table_is_publishable

SHARE = Proportion("b = 1", label="share")


def judged(rule, statistic, value, se, *, n=500, cases=500, df=50.0, deff=1.5, **around):
    ess = None if deff is None else n / deff
    table = pa.table(
        {
            "statistic": [statistic],
            "value": pa.array([value], pa.float64()),
            "sampling_se": pa.array([se], pa.float64()),
            "sample_n": [n],
            "cases_n": [cases],
            "df": [df],
            "deff": pa.array([deff], pa.float64()),
            "ess": pa.array([ess], pa.float64()),
        }
    )
    statistics = [SHARE, Ratio("y", "x", label="ratio")]
    return assess(table, statistics, rule, Circumstances(**around)).to_pylist()[0]


def q(p):
    return p ** (2 / 3) / 9 if p <= 0.5 else (1 - p) ** (2 / 3) / 9


def log_cv(p, se):
    return se / p / (-math.log(p) if p < 0.5 else -math.log(1 - p))


def by_hand_chile(kind, value, se, n, df):
    if n < 60 or df < 9:
        return "non-reliable"
    if kind == "share":
        return "reliable" if se <= q(value) else "weakly-reliable"
    cv = se / value
    return "non-reliable" if cv > 0.30 else "weakly-reliable" if cv > 0.15 else "reliable"


def by_hand_eclac_2020(kind, value, se, n, cases, df, deff):
    if n < 100 or n / deff < 140 or cases < 50 or (kind == "share" and log_cv(value, se) > 0.175):
        return "suppress"
    return "review" if df < 9 or se / value >= 0.20 else "publish"


def by_hand_eclac_2023(kind, value, se, n, cases, df, deff, domain, low_df):
    if (deff < 1 and not (domain and n >= 100)) or n / deff < 60 or (df < 9 and not (domain and low_df)):
        return "non-reliable"
    if kind == "share":
        if log_cv(value, se) <= 0.175:
            return "reliable" if cases >= 50 else "weakly-reliable" if cases >= 30 else "non-reliable"
        return "weakly-reliable" if value >= 0.5 and cases >= 30 else "non-reliable"
    cv = se / value
    if cv > 0.30 or cases < 30:
        return "non-reliable"
    return "reliable" if cv <= 0.20 and cases >= 50 else "weakly-reliable"


def by_hand_economics(kind, value, se, n, df, domain, planned):
    if n < 30 and not (domain and planned and n / planned >= 1):
        return "non-reliable"
    if kind == "share":
        return "reliable" if df >= 9 and se <= q(value) else "weakly-reliable"
    cv = se / value
    if df < 9 or cv > 0.30:
        return "non-reliable"
    return "weakly-reliable" if cv > 0.20 else "reliable"


def random_cells(count=400):
    draw = np.random.default_rng(8)
    for _ in range(count):
        kind = str(draw.choice(["share", "mean"]))
        value = float(draw.uniform(0.01, 0.99)) if kind == "share" else float(draw.lognormal(3, 1))
        se = value * float(draw.choice([0.01, 0.1, 0.15, 0.16, 0.2, 0.25, 0.3, 0.31, 0.5]))
        n = int(draw.choice([20, 29, 30, 59, 60, 99, 100, 150, 400]))
        cases = int(draw.choice([10, 29, 30, 49, 50, 200]))
        df = float(draw.choice([0, 8, 9, 40]))
        deff = float(draw.choice([0.8, 0.99, 1.0, 1.2, 2.5]))
        yield kind, value, se, n, cases, df, deff, bool(draw.random() < 0.5), bool(draw.random() < 0.5)


def test_the_four_rules_agree_with_a_plain_reading_of_them():
    seen = set()
    for kind, value, se, n, cases, df, deff, domain, low_df in random_cells():
        planned = 25 if low_df else None
        cell = {"n": n, "cases": cases, "df": df, "deff": deff}
        expected = {
            "chile": by_hand_chile(kind, value, se, n, df),
            "eclac_2020": by_hand_eclac_2020(kind, value, se, n, cases, df, deff),
            "eclac_2023": by_hand_eclac_2023(kind, value, se, n, cases, df, deff, domain, low_df),
            "chile_economics": by_hand_economics(kind, value, se, n, df, domain, planned),
        }
        for rule, verdict in expected.items():
            found = judged(
                rule, kind, value, se, **cell, domain_info=domain, low_df_justified=low_df, planned_n=planned
            )
            assert found["reliability"] == verdict, (rule, kind, value, se, cell, domain, low_df, found)
            seen.add((rule, kind, verdict))
    assert len(seen) == 24


def test_a_verdict_comes_with_its_reason():
    assert judged("chile", "mean", 10.0, 1.0, df=8.0)["reliability_reason"] == "df 8 < 9"
    assert judged("chile", "mean", 10.0, 1.0)["reliability_reason"] == "all conditions met"


@pytest.mark.parametrize(
    ("rule", "statistic", "value", "se", "verdict"),
    [
        ("chile", "mean", 10.0, 0.0, "weakly-reliable"),
        ("chile", "share", 1.0, 0.0, "weakly-reliable"),
        ("eclac_2020", "mean", 10.0, 2.5, "review"),
        ("chile", "mean", 0.0, 1.0, "non-reliable"),
    ],
)
def test_cells_without_a_label_in_the_source_get_ours_and_say_why(rule, statistic, value, se, verdict):
    found = judged(rule, statistic, value, se)
    assert found["reliability"] == verdict
    assert found["reliability_own"]
    assert "own decision:" in found["reliability_reason"]


def test_a_ratio_above_one_is_judged_as_a_mean():
    assert judged("chile", "ratio", 0.4, 0.1)["reliability"] == "weakly-reliable"
    assert judged("chile", "ratio", 2.0, 0.1)["reliability_reason"] == "all conditions met"
    declared = judged("chile", "ratio", 0.4, 0.1, ratios_are_shares=False)
    assert declared["reliability_reason"] == "cv 0.25 > 0.15"


def test_both_definitions_of_the_logarithmic_cv_are_shipped():
    p, se = 0.8, 0.05
    assert judged("eclac_2020", "share", p, se)["reliability"] == "publish"
    assert log_cv(p, se) < 0.175
    limit = se / ((1 - p) * -math.log(1 - p))
    delta = judged("eclac_2020", "share", p, 0.07, log_cv="delta")
    assert limit * 0.07 / se > 0.175
    assert delta["reliability"] == "suppress"


def test_the_size_that_would_have_been_enough():
    found = judged("chile", "mean", 10.0, 2.0, n=80, cases=80)
    assert found["enough_n"] == math.ceil(80 * (0.2 / 0.15) ** 2)
    assert judged("chile", "mean", 10.0, 1.0)["enough_n"] is None
    assert judged("chile", "mean", 10.0, 1.0, n=30)["enough_n"] == 60
    assert judged("eclac_2023", "mean", 10.0, 1.0, deff=0.9)["enough_n"] is None


def test_parameters_can_be_set_and_rules_are_named():
    assert judged("chile", "mean", 10.0, 1.0, parameters={"n": 600})["reliability"] == "non-reliable"
    with pytest.raises(CaudalError, match="chile"):
        judged("chilee", "mean", 10.0, 1.0)


def test_a_table_is_published_from_half_good_estimates():
    assert table_is_publishable(["reliable", "non-reliable"], "chile")
    assert not table_is_publishable(["reliable", "weakly-reliable", "non-reliable"], "chile")
    assert table_is_publishable(["publish"], "eclac_2020") is None


def test_every_rule_has_its_source_and_titles():
    for rule in reliability_rules().values():
        assert rule.source and {"en", "es", "pt"} <= set(rule.title)
        assert rule.mean[-1].when == () and rule.proportion[-1].when == ()
