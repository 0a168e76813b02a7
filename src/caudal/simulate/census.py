"""The census: everybody is meant to be counted; some households are missed and some answers are wrong.

Declared errors (see :class:`~caudal.simulate.parameters.CensusErrors`): missed households, more of them
migrant and rural; people born abroad who are recorded as born here; foreign citizens recorded as citizens;
ages rounded to a multiple of five; refusals and unknown answers.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from caudal.simulate.answers import SENSITIVE, recorded_answers
from caudal.simulate.geography import RURAL
from caudal.simulate.layouts import CENSUS_PERSONS
from caudal.simulate.migration import BY_BIRTH, FOREIGN
from caudal.simulate.origins import ISTMO
from caudal.simulate.parameters import CensusErrors
from caudal.simulate.population import OUTSIDE, Column, Population

#: Columns that the office fills in itself: they are never missing.
_ALWAYS_KNOWN = frozenset({"household_id", "member_no", "region", "area", "municipality", "psu"})


def census_rows(
    block: Population, errors: CensusErrors, rng: np.random.Generator
) -> dict[str, NDArray[np.int64]]:
    """The rows that the census records of a block, by raw column."""
    counted = _counted(block, errors, rng)
    answers = _misreported({name: values[counted] for name, values in block.columns.items()}, errors, rng)
    concepts = [c.concept for c in CENSUS_PERSONS.columns if c.concept not in _ALWAYS_KNOWN]
    refused = {concept: errors.refused_sensitive for concept in concepts if concept in SENSITIVE}
    unknown = dict.fromkeys(concepts, errors.unknown_answer) | {"arrival_year": errors.unknown_arrival}
    return recorded_answers(CENSUS_PERSONS.columns, answers, refused, unknown, rng)


def _counted(block: Population, errors: CensusErrors, rng: np.random.Generator) -> NDArray[np.bool_]:
    """Whether each person's household was found."""
    first = block.household_row
    rate = np.where(block["migrant_household"][first] == 1, errors.missed_migrants, errors.missed_natives)
    rate = rate + np.where(block["area"][first] == RURAL, errors.missed_rural, 0.0)
    found = rng.random(len(first)) >= rate
    return np.repeat(found, block["household_size"][first])


def _misreported(
    truth: dict[str, Column], errors: CensusErrors, rng: np.random.Generator
) -> dict[str, Column]:
    """The answers with their measurement errors."""
    n = len(truth["age"])
    hides_birth = (truth["birth_country"] != ISTMO) & (rng.random(n) < errors.birth_hidden)
    hides_citizenship = (truth["citizenship_origin"] == FOREIGN) & (rng.random(n) < errors.citizenship_hidden)
    rounds_age = (truth["age"] >= 25) & (rng.random(n) < errors.age_heaping)
    return truth | {
        "birth_country": np.where(hides_birth, ISTMO, truth["birth_country"]),
        "arrival_year": np.where(hides_birth, OUTSIDE, truth["arrival_year"]),
        "reason": np.where(hides_birth, 98, truth["reason"]),
        "lived_abroad": np.where(hides_birth, 2, truth["lived_abroad"]),
        "citizenship": np.where(hides_citizenship, ISTMO, truth["citizenship"]),
        "citizenship_origin": np.where(hides_citizenship, BY_BIRTH, truth["citizenship_origin"]),
        "age": np.where(rounds_age, (truth["age"] + 2) // 5 * 5, truth["age"]),
    }
