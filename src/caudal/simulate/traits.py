"""Ethnicity by self-identification, the six domains of the Washington Group, and civil status.

Members of a household mostly identify alike. Difficulties rise with age and go together within a person:
each person has a latent condition (none, light, severe), and each domain is drawn given it.

Reference: Washington Group Short Set on Functioning (answers 1 no difficulty to 4 cannot do at all).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from caudal.simulate.draws import cumulative, pick_by
from caudal.simulate.households import SPOUSE, Households, Members
from caudal.simulate.migration import Migration

INDIGENOUS = 1
DOMAINS = ("seeing", "hearing", "walking", "remembering", "selfcare", "communicating")

#: Ethnicity 1 to 6 (indigenous, Afro-descendant, mestizo, white, Asian, other) of natives by region ...
_ETHNICITY_OF_NATIVES = [
    [0.04, 0.08, 0.62, 0.22, 0.01, 0.03],
    [0.08, 0.05, 0.66, 0.17, 0.01, 0.03],
    [0.03, 0.26, 0.52, 0.15, 0.01, 0.03],
    [0.44, 0.02, 0.44, 0.07, 0.00, 0.03],
    [0.16, 0.07, 0.62, 0.12, 0.00, 0.03],
    [0.20, 0.10, 0.56, 0.10, 0.01, 0.03],
    [0.05, 0.30, 0.48, 0.13, 0.01, 0.03],
    [0.03, 0.52, 0.34, 0.07, 0.01, 0.03],
]
#: ... and of migrants by origin.
_ETHNICITY_OF_ORIGINS = [
    [0.03, 0.06, 0.63, 0.24, 0.01, 0.03],
    [0.04, 0.18, 0.56, 0.19, 0.00, 0.03],
    [0.26, 0.04, 0.56, 0.10, 0.01, 0.03],
    [0.00, 0.95, 0.03, 0.01, 0.00, 0.01],
    [0.56, 0.01, 0.38, 0.03, 0.00, 0.02],
    [0.09, 0.09, 0.67, 0.12, 0.00, 0.03],
    [0.20, 0.08, 0.60, 0.09, 0.00, 0.03],
    [0.00, 0.33, 0.30, 0.35, 0.00, 0.02],
    [0.00, 0.44, 0.45, 0.09, 0.00, 0.02],
    [0.12, 0.06, 0.68, 0.10, 0.00, 0.04],
    [0.04, 0.02, 0.30, 0.60, 0.01, 0.03],
    [0.02, 0.44, 0.10, 0.41, 0.01, 0.02],
    [0.12, 0.03, 0.68, 0.14, 0.00, 0.03],
    [0.01, 0.10, 0.14, 0.66, 0.04, 0.05],
    [0.00, 0.01, 0.05, 0.90, 0.01, 0.03],
    [0.00, 0.00, 0.00, 0.00, 0.98, 0.02],
    [0.02, 0.14, 0.20, 0.48, 0.10, 0.06],
]
_ETHNICITY = cumulative(_ETHNICITY_OF_NATIVES + _ETHNICITY_OF_ORIGINS)
#: Indigenous people 1 to 4 by region of residence; those of migrants are another people.
_PEOPLES = cumulative(
    [
        [0.40, 0.30, 0.20, 0.10],
        [0.55, 0.25, 0.15, 0.05],
        [0.20, 0.60, 0.10, 0.10],
        [0.85, 0.08, 0.05, 0.02],
        [0.10, 0.20, 0.67, 0.03],
        [0.10, 0.75, 0.10, 0.05],
        [0.15, 0.60, 0.20, 0.05],
        [0.20, 0.50, 0.20, 0.10],
        [0.02, 0.04, 0.02, 0.92],
    ]
)

#: Latent condition (none, light, severe) by age: 5-14, 15-29, 30-44, 45-59, 60-74, 75 and over.
_CONDITION_AGES = np.array([15, 30, 45, 60, 75])
_CONDITION = cumulative(
    [
        [0.935, 0.045, 0.020],
        [0.915, 0.063, 0.022],
        [0.850, 0.115, 0.035],
        [0.680, 0.250, 0.070],
        [0.480, 0.370, 0.150],
        [0.250, 0.400, 0.350],
    ]
)
#: Answers 1 to 4 by domain, given no, a light or a severe condition.
_DIFFICULTY = {
    "seeing": [[0.93, 0.068, 0.002, 0], [0.30, 0.66, 0.04, 0], [0.30, 0.32, 0.34, 0.04]],
    "hearing": [[0.98, 0.019, 0.001, 0], [0.72, 0.27, 0.01, 0], [0.52, 0.26, 0.19, 0.03]],
    "walking": [[0.98, 0.019, 0.001, 0], [0.60, 0.38, 0.02, 0], [0.32, 0.24, 0.36, 0.08]],
    "remembering": [[0.97, 0.029, 0.001, 0], [0.64, 0.34, 0.02, 0], [0.46, 0.28, 0.22, 0.04]],
    "selfcare": [[0.997, 0.003, 0, 0], [0.95, 0.048, 0.002, 0], [0.66, 0.16, 0.13, 0.05]],
    "communicating": [[0.994, 0.006, 0, 0], [0.92, 0.077, 0.003, 0], [0.68, 0.18, 0.10, 0.04]],
}
_DIFFICULTY_SHARES = {domain: cumulative(table) for domain, table in _DIFFICULTY.items()}

#: Civil status 1 to 4 of those without a partner at home: 15-29, 30-44, 45-59, 60-74, 75 and over.
_CIVIL_STATUS = cumulative(
    [
        [0.96, 0.02, 0.02, 0.00],
        [0.72, 0.03, 0.24, 0.01],
        [0.45, 0.03, 0.45, 0.07],
        [0.26, 0.03, 0.36, 0.35],
        [0.15, 0.02, 0.15, 0.68],
    ]
)


@dataclass(frozen=True)
class Traits:
    """Traits of the persons of a block, in national codes. ``wg`` has a row for each domain."""

    ethnicity: NDArray[np.int64]
    people: NDArray[np.int64]
    wg: NDArray[np.int64]
    civil_status: NDArray[np.int64]
    condition: NDArray[np.int64]


def make_traits(
    households: Households,
    members: Members,
    migration: Migration,
    region: NDArray[np.int64],
    rng: np.random.Generator,
) -> Traits:
    """Ethnicity, difficulties and civil status of the members of a block."""
    n = len(members.age)
    ethnicity = _ethnicity(members, migration, region, rng)
    row = np.where(migration.foreign_born, 8, region - 1)
    people = np.where(ethnicity == INDIGENOUS, 1 + pick_by(rng.random(n), _PEOPLES, row), 98)
    condition = pick_by(rng.random(n), _CONDITION, np.digitize(members.age, _CONDITION_AGES))
    wg = np.empty((len(DOMAINS), n), dtype=np.int64)
    for i, domain in enumerate(DOMAINS):
        answer = 1 + pick_by(rng.random(n), _DIFFICULTY_SHARES[domain], condition)
        wg[i] = np.where(members.age < 5, 8, answer)
    return Traits(ethnicity, people, wg, _civil_status(members, rng), np.where(members.age < 5, 0, condition))


def _ethnicity(
    members: Members, migration: Migration, region: NDArray[np.int64], rng: np.random.Generator
) -> NDArray[np.int64]:
    shared = rng.random(len(members.size))[members.household]
    own = rng.random(len(members.age))
    u = np.where(rng.random(len(own)) < 0.85, shared, own)
    row = np.where(migration.foreign_born, 8 + migration.origin, region - 1)
    return 1 + pick_by(u, _ETHNICITY, row)


def _civil_status(members: Members, rng: np.random.Generator) -> NDArray[np.int64]:
    """In union where the partner lives at home."""
    first = members.first[members.household]
    position = np.arange(len(members.age))
    in_couple = members.has_spouse[members.household] & (
        (position == first) | (members.relationship == SPOUSE)
    )
    band = np.digitize(members.age, np.array([30, 45, 60, 75]))
    alone = 1 + pick_by(rng.random(len(position)), _CIVIL_STATUS, band)
    return np.where(members.age < 15, 8, np.where(in_couple, 2, alone))
