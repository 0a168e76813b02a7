"""The papers of foreign citizens: number, dates of birth, entry and grant. Register and permits share them.

A document's number is a bijection of the person's number, so that the two sources agree on the key and
nothing can be read off it. Dates are days since 1970-01-01.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from caudal.simulate.draws import quantiles, read_quantiles
from caudal.simulate.migration import FOREIGN, IRREGULAR, PENDING
from caudal.simulate.parameters import REFERENCE_DATE, REFERENCE_YEAR
from caudal.simulate.population import Population

REFERENCE_DAY = int(np.datetime64(REFERENCE_DATE, "D").astype(np.int64))
NO_DATE = np.iinfo(np.int64).min

#: A prime above every person's number, and a multiplier: their product modulo the prime is one to one.
_PRIME, _MULTIPLIER, _SHIFT = 99_999_989, 48_271, 7_919
_FIRST_NUMBER = 100_000_000

#: Days from entry to the first grant; days since the last renewal of those who have been here longer.
_DAYS_TO_GRANT = quantiles([(20, 90, 30), (91, 240, 40), (241, 700, 30)])
_DAYS_SINCE_RENEWAL = quantiles([(0, 730, 60), (731, 1800, 40)])


@dataclass(frozen=True)
class Documents:
    """One element for each foreign citizen of a block; ``row`` is her position in the block.

    ``entry`` is :data:`NO_DATE` for those born here, ``granted`` for those without a document granted.
    """

    row: NDArray[np.int64]
    number: NDArray[np.int64]
    birth: NDArray[np.int64]
    entry: NDArray[np.int64]
    granted: NDArray[np.int64]


def make_documents(block: Population, rng: np.random.Generator) -> Documents:
    """The papers of the foreign citizens of a block."""
    row = np.flatnonzero(block["citizenship_origin"] == FOREIGN)
    n = len(row)
    birth = _birthdays(block["age"][row].astype(np.int64), rng)
    year = block["arrival_year"][row].astype(np.int64)
    came = _day_of_year(np.where(year < 0, REFERENCE_YEAR, year), rng)
    since = np.where(year < 0, birth, np.maximum(came, birth))
    here = REFERENCE_DAY - since
    # whoever came too late for the usual wait got the document some time since
    usual = read_quantiles(rng.random(n), _DAYS_TO_GRANT)
    first = since + np.where(usual <= here, usual, (rng.random(n) * (here + 1)).astype(np.int64))
    renewed = REFERENCE_DAY - np.minimum(read_quantiles(rng.random(n), _DAYS_SINCE_RENEWAL), here)
    granted = np.where(here > 900, renewed, first)
    document = ~np.isin(block["legal_status"][row], (IRREGULAR, PENDING))
    return Documents(
        row=row,
        number=document_number(block["person_id"][row].astype(np.int64)),
        birth=birth,
        entry=np.where(year < 0, NO_DATE, since),
        granted=np.where(document, granted, NO_DATE),
    )


def document_number(person: NDArray[np.int64]) -> NDArray[np.int64]:
    """The number on the document of a person: nine digits, one to one.

    >>> len(set(document_number(np.arange(1000)).tolist()))
    1000
    """
    return _FIRST_NUMBER + (person * _MULTIPLIER + _SHIFT) % _PRIME


def quarter_of(day: NDArray[np.int64]) -> NDArray[np.int64]:
    """Year times four plus quarter (0 to 3) of days.

    >>> quarter_of(np.array([REFERENCE_DAY])).tolist() == [2023 * 4 + 1]
    True
    """
    month = day.astype("M8[D]").astype("M8[M]").astype(np.int64)
    return 1970 * 4 + month // 3


def _birthdays(age: NDArray[np.int64], rng: np.random.Generator) -> NDArray[np.int64]:
    """Days of birth of those who are ``age`` at the reference date: any day of the right year of life."""
    months = (REFERENCE_YEAR - age - 1970) * 12 + 6
    eve = months.astype("M8[M]").astype("M8[D]").astype(np.int64) - 1
    return eve - (rng.random(len(age)) * 365).astype(np.int64)


def _day_of_year(year: NDArray[np.int64], rng: np.random.Generator) -> NDArray[np.int64]:
    first = (year - 1970).astype("M8[Y]").astype("M8[D]").astype(np.int64)
    days = np.where(year == REFERENCE_YEAR, 180, 365)
    return first + (rng.random(len(year)) * days).astype(np.int64)
