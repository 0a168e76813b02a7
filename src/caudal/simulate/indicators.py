"""What is counted on the true population, and the indicators that follow from the counts.

A measure is a whole number for each person; an indicator is a sum of one, or a ratio of two sums. Weekly
hours and earnings are those of the main job; hourly earnings are monthly earnings over weekly hours times
52/12, the mean taken over persons.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from caudal.simulate.axes import foreign_born, recent_arrival, with_disability
from caudal.simulate.labour import EMPLOYED, UNEMPLOYED, YES
from caudal.simulate.migration import ABROAD, FOREIGN
from caudal.simulate.origins import ISTMO
from caudal.simulate.population import Population

Truths = NDArray[np.bool_]

#: Hourly earnings are added in ten-thousandths of the currency, monthly earnings in cents.
HOURLY_SCALE, CENTS = 10_000, 100
TERTIARY = 5


@dataclass(frozen=True)
class TrueIndicator:
    """An indicator: ``numerator`` over ``denominator`` (a count where it is empty) times ``per``.

    ``scale`` is what the sum of the numerator is divided by to stand in its unit.
    """

    code: str
    unit: str
    numerator: str
    denominator: str = ""
    per: float = 1.0
    scale: int = 1


def _working_age(p: Population) -> Truths:
    return np.asarray(p["age"] >= 15, dtype=np.bool_)


def _employed(p: Population) -> Truths:
    return np.asarray(p["activity"] == EMPLOYED, dtype=np.bool_)


def _unemployed(p: Population) -> Truths:
    return np.asarray(p["activity"] == UNEMPLOYED, dtype=np.bool_)


def _paid(p: Population) -> Truths:
    return np.asarray(p["earnings_cents"] >= 0, dtype=np.bool_)


def _youth(p: Population) -> Truths:
    return np.asarray((p["age"] >= 15) & (p["age"] <= 24), dtype=np.bool_)


def _tertiary_workers(p: Population) -> Truths:
    return _employed(p) & (p["education"] >= TERTIARY) & (p["education"] <= 7)


def _second_generation(p: Population) -> Truths:
    parents_abroad = (p["mother_birth_country"] != ISTMO) | (p["father_birth_country"] != ISTMO)
    return ~foreign_born(p) & parents_abroad


def _hourly(p: Population) -> NDArray[np.int64]:
    cents, hours = p["earnings_cents"].astype(np.int64), p["hours"].astype(np.int64)
    below = np.maximum(hours, 1) * 52
    return np.where(_paid(p), (cents * (12 * HOURLY_SCALE // CENTS) + below // 2) // below, 0)


_MEASURES: Mapping[str, Callable[[Population], NDArray[np.int64] | Truths]] = MappingProxyType(
    {
        "persons": lambda p: np.ones(p.persons, dtype=np.int64),
        "foreign_born": foreign_born,
        "foreign_citizens": lambda p: p["citizenship_origin"] == FOREIGN,
        "recent_arrivals": recent_arrival,
        "second_generation": _second_generation,
        "returned": lambda p: p["lived_abroad"] == 1,
        "five_and_over": lambda p: p["age"] >= 5,
        "abroad_5y": lambda p: p["residence_5y"] == ABROAD,
        "with_disability": with_disability,
        "indigenous": lambda p: p["ethnicity"] == 1,
        "afrodescendants": lambda p: p["ethnicity"] == 2,
        "working_age": _working_age,
        "labour_force": lambda p: _employed(p) | _unemployed(p),
        "employed": _employed,
        "unemployed": _unemployed,
        "informal": lambda p: p["informal"] == 1,
        "youth": _youth,
        "neet": lambda p: _youth(p) & ~_employed(p) & (p["attendance"] != YES),
        "paid": _paid,
        "hours": lambda p: np.where(_employed(p), p["hours"], 0).astype(np.int64),
        "earnings": lambda p: np.where(_paid(p), p["earnings_cents"], 0).astype(np.int64),
        "hourly": _hourly,
        "adults_25": lambda p: p["age"] >= 25,
        "tertiary_25": lambda p: (p["age"] >= 25) & (p["education"] >= TERTIARY) & (p["education"] <= 7),
        "tertiary_workers": _tertiary_workers,
        "overqualified": lambda p: _tertiary_workers(p) & (p["occupation"] >= 4),
        "water_inside": lambda p: p["water"] == 1,
    }
)
MEASURES = tuple(_MEASURES)

_PERSONS, _PERCENT, _MONEY, _HOURS = "persons", "percent", "currency", "hours"

INDICATORS = (
    TrueIndicator("population", _PERSONS, "persons"),
    TrueIndicator("foreign_born", _PERSONS, "foreign_born"),
    TrueIndicator("foreign_born_share", _PERCENT, "foreign_born", "persons", 100.0),
    TrueIndicator("foreign_citizens", _PERSONS, "foreign_citizens"),
    TrueIndicator("foreign_citizens_share", _PERCENT, "foreign_citizens", "persons", 100.0),
    TrueIndicator("recent_arrivals", _PERSONS, "recent_arrivals"),
    TrueIndicator("recent_arrivals_share", _PERCENT, "recent_arrivals", "foreign_born", 100.0),
    TrueIndicator("second_generation", _PERSONS, "second_generation"),
    TrueIndicator("returned", _PERSONS, "returned"),
    TrueIndicator("abroad_5y", _PERSONS, "abroad_5y"),
    TrueIndicator("abroad_5y_share", _PERCENT, "abroad_5y", "five_and_over", 100.0),
    TrueIndicator("disability_prevalence", _PERCENT, "with_disability", "five_and_over", 100.0),
    TrueIndicator("indigenous_share", _PERCENT, "indigenous", "persons", 100.0),
    TrueIndicator("afrodescendant_share", _PERCENT, "afrodescendants", "persons", 100.0),
    TrueIndicator("working_age", _PERSONS, "working_age"),
    TrueIndicator("labour_force", _PERSONS, "labour_force"),
    TrueIndicator("employed", _PERSONS, "employed"),
    TrueIndicator("unemployed", _PERSONS, "unemployed"),
    TrueIndicator("activity_rate", _PERCENT, "labour_force", "working_age", 100.0),
    TrueIndicator("employment_rate", _PERCENT, "employed", "working_age", 100.0),
    TrueIndicator("unemployment_rate", _PERCENT, "unemployed", "labour_force", 100.0),
    TrueIndicator("informality_rate", _PERCENT, "informal", "employed", 100.0),
    TrueIndicator("neet_rate", _PERCENT, "neet", "youth", 100.0),
    TrueIndicator("mean_weekly_hours", _HOURS, "hours", "employed"),
    TrueIndicator("mean_monthly_earnings", _MONEY, "earnings", "paid", scale=CENTS),
    TrueIndicator("mean_hourly_earnings", _MONEY, "hourly", "paid", scale=HOURLY_SCALE),
    TrueIndicator("tertiary_share", _PERCENT, "tertiary_25", "adults_25", 100.0),
    TrueIndicator("overqualification_rate", _PERCENT, "overqualified", "tertiary_workers", 100.0),
    TrueIndicator("piped_water_share", _PERCENT, "water_inside", "persons", 100.0),
)


def measure(name: str, population: Population) -> NDArray[np.int64]:
    """A measure of every person, as whole numbers."""
    return _MEASURES[name](population).astype(np.int64)
