"""Lines and lists that a formula takes from the records first, against plain arithmetic."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from caudal.engine.session import connect
from caudal.estimate.firsts import told, with_firsts
from caudal.model.indicator import First, Formula

RNG = np.random.default_rng(7)
PAY = RNG.lognormal(3, 0.6, 501).round(2)
WEIGHT = RNG.uniform(0.5, 3, 501).round(4)
ABROAD = RNG.random(501) < 0.3
WORK = np.where(ABROAD, RNG.choice(["A", "B", "C"], 501, p=[0.6, 0.3, 0.1]), RNG.choice(["A", "B", "C"], 501))
TABLE = pa.table({"pay": PAY, "w": WEIGHT, "abroad": ABROAD, "work": WORK.tolist()})


def formula(first: First) -> Formula:
    return Formula(kind="person", numerator="pay < it", denominator="pay > 0", first={"it": first})


def resolved(spec: Formula) -> Formula:
    with connect(threads=1) as session:
        session.register("records", TABLE)
        return with_firsts(spec, "SELECT * FROM records", "w", session)


def test_a_line_is_a_multiple_of_the_weighted_median() -> None:
    found = float(resolved(formula(First(of="pay", quantile=0.5, times=2 / 3))).numerator.split("<")[1])
    order = np.argsort(PAY)
    below = np.cumsum(WEIGHT[order])
    median = PAY[order][np.searchsorted(below, below[-1] / 2)]
    assert abs(found - median * 2 / 3) < 1e-9


def test_the_rate_of_the_codes_that_weigh_more_is_duncans_index_between_the_groups() -> None:
    first = First(of="work", more_among="abroad", than_among="NOT abroad")
    spec = Formula(kind="person", numerator="work IN (it)", denominator="work <> ''", first={"it": first})
    codes = {c.strip(" '") for c in resolved(spec).numerator.split("(")[1].rstrip(")").split(",")}
    shares = {
        c: (
            WEIGHT[ABROAD & (c == WORK)].sum() / WEIGHT[ABROAD].sum(),
            WEIGHT[~ABROAD & (c == WORK)].sum() / WEIGHT[~ABROAD].sum(),
        )
        for c in "ABC"
    }
    gap = sum(m - n for c, (m, n) in shares.items() if c in codes)
    duncan = sum(abs(m - n) for m, n in shares.values()) / 2
    assert abs(gap - duncan) < 1e-12


def test_without_records_nothing_is_below_the_line_and_no_code_weighs_more() -> None:
    nobody = First(of="pay", universe="pay < 0", quantile=0.5)
    assert resolved(formula(nobody)).numerator == "pay < NULL"
    none = First(of="work", universe="pay < 0", more_among="abroad", than_among="NOT abroad")
    spec = Formula(kind="person", numerator="work IN (it)", denominator="TRUE", first={"it": none})
    assert resolved(spec).numerator == "work IN (NULL)"


def test_an_auditor_reads_what_is_taken_first() -> None:
    assert (
        told(formula(First(of="pay", quantile=0.5, times=0.5)))
        == "-- it: 0.5 x quantile 0.5 of pay, where TRUE\n"
    )
