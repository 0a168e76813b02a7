"""The axes of migratory status: birth, arrival, citizenship, parents, previous residence, reason, document.

They are drawn in this order, each given the ones before it, and are never a single flag. Years since
arrival are completed years at the reference date, so that ``arrival_year`` is the reference year less them.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from caudal.simulate.draws import cumulative, pick, pick_by, quantiles, read_quantiles
from caudal.simulate.households import CHILD, HEAD, WOMAN, Households, Members
from caudal.simulate.origins import (
    FLEEING,
    FREE_RESIDENCE,
    ISTMO,
    ORIGIN_SHARES,
    ORIGINS,
    STATELESS,
)

BY_BIRTH, NATURALISED, FOREIGN = 1, 2, 3
SAME_MUNICIPALITY, SAME_REGION, OTHER_REGION, ABROAD = 1, 2, 3, 4
REASON_RETURN = 8
IRREGULAR, PENDING = 11, 10

#: Years since arrival are below this for a recent arrival.
RECENT_YEARS = 5

#: Born abroad, by relationship (1 to 6): in native households, then in migrant ones. Children are apart.
_BORN_ABROAD = np.array(
    [[0.0, 0.0, 0.022, 0.004, 0.010, 0.012, 0.02], [0.0, 1.0, 0.80, 0.0, 0.55, 0.85, 0.75]]
)
_OWN_YEARS = quantiles([(0, 0, 3), (1, 4, 27), (5, 9, 30), (10, 19, 25), (20, 45, 15)])
_RETURN_YEARS = quantiles([(0, 0, 4), (1, 4, 30), (5, 9, 26), (10, 24, 30), (25, 45, 10)])
#: Naturalised by years since arrival: under 5, 5 to 9, 10 to 19, 20 and over.
_NATURALISED = np.array([0.004, 0.08, 0.26, 0.50])
_YEARS_BANDS = np.array([5, 10, 20])
_RETURN_COUNTRIES = np.array([301, 302, 211, 201, 900])
_RETURN_SHARES = cumulative([0.40, 0.30, 0.12, 0.08, 0.10])
#: Reasons 1 to 9: adults of other origins, adults who fled, minors of other origins, minors who fled.
_REASONS = cumulative(
    [
        [0.57, 0.09, 0.09, 0.12, 0.02, 0.01, 0.02, 0.00, 0.08],
        [0.41, 0.03, 0.06, 0.12, 0.28, 0.04, 0.02, 0.00, 0.04],
        [0.04, 0.10, 0.00, 0.75, 0.02, 0.01, 0.01, 0.00, 0.07],
        [0.02, 0.04, 0.00, 0.67, 0.20, 0.03, 0.01, 0.00, 0.03],
        [0.10, 0.03, 0.06, 0.12, 0.00, 0.00, 0.01, 0.62, 0.06],
    ]
)
_RETURN_ROW = 4
#: Documents 1 to 11 by time (recent, 5 to 9, 10 and over) and then origin (other, free residence, fled).
_DOCUMENTS = cumulative(
    [
        [0.04, 0.42, 0.00, 0.01, 0.02, 0.01, 0.03, 0.14, 0.03, 0.13, 0.17],
        [0.05, 0.16, 0.42, 0.00, 0.01, 0.01, 0.01, 0.06, 0.05, 0.11, 0.12],
        [0.01, 0.08, 0.00, 0.34, 0.07, 0.04, 0.13, 0.02, 0.01, 0.11, 0.19],
        [0.30, 0.46, 0.00, 0.01, 0.01, 0.02, 0.01, 0.05, 0.01, 0.05, 0.08],
        [0.30, 0.15, 0.40, 0.00, 0.01, 0.01, 0.00, 0.02, 0.02, 0.04, 0.05],
        [0.12, 0.18, 0.00, 0.40, 0.05, 0.07, 0.03, 0.01, 0.01, 0.05, 0.08],
        [0.80, 0.15, 0.00, 0.00, 0.00, 0.01, 0.00, 0.01, 0.00, 0.01, 0.02],
        [0.74, 0.09, 0.13, 0.00, 0.00, 0.01, 0.00, 0.00, 0.00, 0.01, 0.02],
        [0.58, 0.17, 0.00, 0.11, 0.02, 0.07, 0.01, 0.00, 0.00, 0.01, 0.03],
    ]
)


@dataclass(frozen=True)
class Migration:
    """Migration of the persons of a block, in national codes; ``years_here`` is -1 where nobody arrived."""

    birth_country: NDArray[np.int64]
    years_here: NDArray[np.int64]
    citizenship: NDArray[np.int64]
    citizenship_origin: NDArray[np.int64]
    mother_birth_country: NDArray[np.int64]
    father_birth_country: NDArray[np.int64]
    residence_5y: NDArray[np.int64]
    residence_5y_region: NDArray[np.int64]
    residence_5y_country: NDArray[np.int64]
    lived_abroad: NDArray[np.int64]
    reason: NDArray[np.int64]
    legal_status: NDArray[np.int64]
    origin: NDArray[np.int64]
    foreign_born: NDArray[np.bool_]


def make_migration(
    households: Households, members: Members, region: NDArray[np.int64], rng: np.random.Generator
) -> Migration:
    """The migratory status of every member of a block; ``region`` is that of each person's home."""
    n = len(members.age)
    migrant = households.migrant[members.household]
    own_origin = rng.random(n) < np.where(migrant, 0.06, 1.0)
    origin = np.where(own_origin, pick(rng.random(n), ORIGIN_SHARES), households.origin[members.household])
    foreign_born = _foreign_born(households, members, migrant, rng)
    returned = (
        ~foreign_born & (members.age >= 1) & (rng.random(n) < np.where(members.age >= 18, 0.014, 0.003))
    )
    years = _years_here(households, members, foreign_born, returned, rng)
    birth = np.where(foreign_born, ORIGINS[origin], ISTMO)
    citizenship, citizenship_origin = _citizenship(members, migrant, foreign_born, years, origin, rng)
    mother, father = _parents(members, birth, foreign_born, migrant, rng)
    residence, residence_region, residence_country = _residence_5y(members, region, birth, years, rng)
    return Migration(
        birth_country=birth,
        years_here=years,
        citizenship=citizenship,
        citizenship_origin=citizenship_origin,
        mother_birth_country=mother,
        father_birth_country=father,
        residence_5y=residence,
        residence_5y_region=residence_region,
        residence_5y_country=residence_country,
        lived_abroad=np.where(foreign_born, 8, np.where(returned, 1, 2)),
        reason=_reason(members, foreign_born, years, origin, rng),
        legal_status=_legal_status(members, citizenship_origin, years, origin, rng),
        origin=origin,
        foreign_born=foreign_born,
    )


def _foreign_born(
    households: Households, members: Members, migrant: NDArray[np.bool_], rng: np.random.Generator
) -> NDArray[np.bool_]:
    """Children of a migrant household are born abroad when they are older than its stay here."""
    rate = _BORN_ABROAD[migrant.astype(np.int64), members.relationship]
    drawn = (rng.random(len(rate)) < rate) & (members.age >= 1)
    child_of_migrants = migrant & (members.relationship == CHILD)
    return np.where(child_of_migrants, members.age > households.years_here[members.household], drawn)


def _years_here(
    households: Households,
    members: Members,
    foreign_born: NDArray[np.bool_],
    returned: NDArray[np.bool_],
    rng: np.random.Generator,
) -> NDArray[np.int64]:
    n = len(members.age)
    with_household = (rng.random(n) < 0.75) | (members.relationship == HEAD) | (members.relationship == CHILD)
    together = households.migrant[members.household] & with_household
    alone = read_quantiles(rng.random(n), _OWN_YEARS)
    years = np.where(together, households.years_here[members.household], alone)
    back = read_quantiles(rng.random(n), _RETURN_YEARS)
    years = np.where(returned, np.minimum(back, members.age - 1), np.minimum(years, members.age))
    return np.where(foreign_born | returned, years, -1)


def _citizenship(
    members: Members,
    migrant: NDArray[np.bool_],
    foreign_born: NDArray[np.bool_],
    years: NDArray[np.int64],
    origin: NDArray[np.int64],
    rng: np.random.Generator,
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Country of citizenship and how it was acquired."""
    n = len(members.age)
    by_descent = foreign_born & (rng.random(n) < np.where(migrant, 0.02, 0.25))
    band = np.digitize(years, _YEARS_BANDS)
    naturalised = foreign_born & ~by_descent & (rng.random(n) < _NATURALISED[band])
    born_foreign = ~foreign_born & migrant & (members.relationship == CHILD) & (rng.random(n) < 0.04)
    foreign = (foreign_born & ~by_descent & ~naturalised) | born_foreign
    u = rng.random(n)
    other = ORIGINS[pick(rng.random(n), ORIGIN_SHARES)]
    country = np.where(u < 0.003, STATELESS, np.where(u < 0.03, other, ORIGINS[origin]))
    how = np.where(foreign, FOREIGN, np.where(naturalised, NATURALISED, BY_BIRTH))
    return np.where(foreign, country, ISTMO), how


def _parents(
    members: Members,
    birth: NDArray[np.int64],
    foreign_born: NDArray[np.bool_],
    migrant: NDArray[np.bool_],
    rng: np.random.Generator,
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Birthplaces of mother and father: of children at home, those of the adults who head the household."""
    n = len(birth)
    abroad = ORIGINS[pick(rng.random(n), ORIGIN_SHARES)]
    drawn = []
    for _ in range(2):
        u = rng.random(n)
        native_parent = np.where(u < np.where(migrant, 0.10, 0.02), abroad, ISTMO)
        drawn.append(np.where(foreign_born, np.where(u < 0.04, ISTMO, birth), native_parent))
    first = members.first[members.household]
    head = birth[first]
    partner = birth[np.minimum(first + 1, n - 1)]
    at_home = members.relationship == CHILD
    both = at_home & members.has_spouse[members.household]
    head_woman = members.sex[first] == WOMAN
    mother = np.where(at_home & head_woman, head, np.where(both & ~head_woman, partner, drawn[0]))
    father = np.where(at_home & ~head_woman, head, np.where(both & head_woman, partner, drawn[1]))
    return mother, father


def _residence_5y(
    members: Members,
    region: NDArray[np.int64],
    birth: NDArray[np.int64],
    years: NDArray[np.int64],
    rng: np.random.Generator,
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """Where the person lived five years before; region and country where they apply."""
    n = len(birth)
    arrived = (years >= 0) & (years < RECENT_YEARS)
    move = np.where(years >= 0, 0.16, 0.08)
    u = rng.random(n)
    here = np.where(u < move * 0.5, SAME_REGION, np.where(u < move, OTHER_REGION, SAME_MUNICIPALITY))
    residence = np.where(members.age < 5, 8, np.where(arrived, ABROAD, here))
    shift = 1 + (rng.random(n) * 7).astype(np.int64)
    from_region = np.where(residence == OTHER_REGION, (region - 1 + shift) % 8 + 1, 98)
    elsewhere = ORIGINS[pick(rng.random(n), ORIGIN_SHARES)]
    back_from = _RETURN_COUNTRIES[pick(rng.random(n), _RETURN_SHARES)]
    country = np.where(birth == ISTMO, back_from, np.where(rng.random(n) < 0.08, elsewhere, birth))
    return residence, from_region, np.where(residence == ABROAD, country, 998)


def _reason(
    members: Members,
    foreign_born: NDArray[np.bool_],
    years: NDArray[np.int64],
    origin: NDArray[np.int64],
    rng: np.random.Generator,
) -> NDArray[np.int64]:
    minor = (members.age - years < 18).astype(np.int64)
    row = np.where(foreign_born, 2 * minor + FLEEING[origin], _RETURN_ROW)
    return np.where(years >= 0, 1 + pick_by(rng.random(len(row)), _REASONS, row), 98)


def _legal_status(
    members: Members,
    citizenship_origin: NDArray[np.int64],
    years: NDArray[np.int64],
    origin: NDArray[np.int64],
    rng: np.random.Generator,
) -> NDArray[np.int64]:
    """The document of foreign citizens; members of a household mostly hold the same."""
    n = len(years)
    group = np.where(FLEEING[origin], 2, np.where(FREE_RESIDENCE[origin], 1, 0))
    time = np.minimum(np.digitize(years, _YEARS_BANDS), 2)
    shared = rng.random(len(members.size))[members.household]
    own = rng.random(n)
    u = np.where(rng.random(n) < 0.6, shared, own)
    document = 1 + pick_by(u, _DOCUMENTS, time * 3 + group)
    return np.where(citizenship_origin == FOREIGN, document, 98)
