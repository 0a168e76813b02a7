"""What is counted on the true population, and the indicators that follow from the counts.

A measure is a whole number for each person; an indicator is a sum of one, or a ratio of two sums. Weekly
hours and earnings are those of the main job; hourly earnings are monthly earnings over weekly hours times
52/12, their mean taken over employees. Codes, units and definitions are those of the catalogue.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from caudal.simulate.axes import foreign_born, recent_arrival, with_disability
from caudal.simulate.labour import EMPLOYED, EMPLOYEE, NO, UNEMPLOYED
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
    return np.asarray(_employed(p) & (p["education"] >= TERTIARY) & (p["education"] <= 7), dtype=np.bool_)


def _employee(p: Population) -> Truths:
    return np.asarray(p["employment_status"] == EMPLOYEE, dtype=np.bool_)


def _second_generation(p: Population) -> Truths:
    parent_abroad = (p["mother_birth_country"] != ISTMO) | (p["father_birth_country"] != ISTMO)
    return np.asarray(~foreign_born(p) & parent_abroad, dtype=np.bool_)


def _hourly(p: Population) -> NDArray[np.int64]:
    cents, hours = p["earnings_cents"].astype(np.int64), p["hours"].astype(np.int64)
    below = np.maximum(hours, 1) * 52
    return np.where(_paid(p), (cents * (12 * HOURLY_SCALE // CENTS) + below // 2) // below, 0)


_MEASURES: Mapping[str, Callable[[Population], NDArray[np.int64] | Truths]] = MappingProxyType(
    {
        "persons": lambda p: np.ones(p.persons, dtype=np.int64),
        "foreign_born": foreign_born,
        "foreign_citizens": lambda p: p["citizenship_origin"] == FOREIGN,
        "naturalised": lambda p: foreign_born(p) & (p["citizenship"] == ISTMO),
        "recent_arrivals": recent_arrival,
        "second_generation": _second_generation,
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
        "employees": _employee,
        "no_pension": lambda p: _employee(p) & (p["pension"] == NO),
        "youth": _youth,
        "neet": lambda p: _youth(p) & ~_employed(p) & (p["attendance"] == NO),
        "hours": lambda p: np.where(_employed(p), p["hours"], 0).astype(np.int64),
        "long_hours": lambda p: _employed(p) & (p["hours"] > 48),
        "paid": _paid,
        "earnings": lambda p: np.where(_paid(p), p["earnings_cents"], 0).astype(np.int64),
        "hourly": lambda p: np.where(_employee(p), _hourly(p), 0),
        "adults_25": lambda p: p["age"] >= 25,
        "tertiary_25": lambda p: (p["age"] >= 25) & (p["education"] >= TERTIARY) & (p["education"] <= 7),
        "tertiary_workers": _tertiary_workers,
        "overqualified": lambda p: _tertiary_workers(p) & (p["occupation"] >= 4),
        "water_inside": lambda p: p["water"] == 1,
    }
)
MEASURES = tuple(_MEASURES)

#: Units of the catalogue: persons, percent, currency, currency an hour, hours a week.
_PS, _PT, _CUR, _CUR_H, _H_W = "PS", "PT", "CUR", "CUR_H", "H_W"

#: The indicators of the catalogue, by its codes, and a few beside it.
INDICATORS = (
    TrueIndicator("population", _PS, "persons"),
    TrueIndicator("migrant_stock", _PS, "foreign_born"),
    TrueIndicator("migrant_share", _PT, "foreign_born", "persons", 100.0),
    TrueIndicator("foreign_citizens", _PS, "foreign_citizens"),
    TrueIndicator("foreign_citizen_share", _PT, "foreign_citizens", "persons", 100.0),
    TrueIndicator("naturalised_share", _PT, "naturalised", "foreign_born", 100.0),
    TrueIndicator("recent_arrivals", _PS, "recent_arrivals"),
    TrueIndicator("recent_arrival_share", _PT, "recent_arrivals", "foreign_born", 100.0),
    TrueIndicator("second_generation", _PS, "second_generation"),
    TrueIndicator("previous_residence_abroad", _PS, "abroad_5y"),
    TrueIndicator("previous_residence_abroad_share", _PT, "abroad_5y", "five_and_over", 100.0),
    TrueIndicator("disability_prevalence", _PT, "with_disability", "five_and_over", 100.0),
    TrueIndicator("indigenous_share", _PT, "indigenous", "persons", 100.0),
    TrueIndicator("afrodescendant_share", _PT, "afrodescendants", "persons", 100.0),
    TrueIndicator("employed_persons", _PS, "employed"),
    TrueIndicator("unemployed_persons", _PS, "unemployed"),
    TrueIndicator("activity_rate", _PT, "labour_force", "working_age", 100.0),
    TrueIndicator("employment_rate", _PT, "employed", "working_age", 100.0),
    TrueIndicator("unemployment_rate", _PT, "unemployed", "labour_force", 100.0),
    TrueIndicator("informality_rate", _PT, "informal", "employed", 100.0),
    TrueIndicator("no_pension_contribution_rate", _PT, "no_pension", "employees", 100.0),
    TrueIndicator("over_qualification_rate", _PT, "overqualified", "tertiary_workers", 100.0),
    TrueIndicator("neet_rate", _PT, "neet", "youth", 100.0),
    TrueIndicator("long_hours_rate", _PT, "long_hours", "employed", 100.0),
    TrueIndicator("weekly_hours", _H_W, "hours", "employed"),
    TrueIndicator("hourly_earnings", _CUR_H, "hourly", "employees", scale=HOURLY_SCALE),
    TrueIndicator("monthly_earnings", _CUR, "earnings", "paid", scale=CENTS),
    TrueIndicator("tertiary_share", _PT, "tertiary_25", "adults_25", 100.0),
    TrueIndicator("piped_water_share", _PT, "water_inside", "persons", 100.0),
)


def measure(name: str, population: Population) -> NDArray[np.int64]:
    """A measure of every person, as whole numbers."""
    return _MEASURES[name](population).astype(np.int64)
