"""Households and their members: who lives with whom, of which sex and age.

A household has a type, a wealth, and is native or migrant (then with one origin and one time of arrival,
that most members share): so members are alike, as in life. Ages follow from the household: partners are of
similar age, children are born to a mother between 17 and 42, parents are a generation older.

Shapes: the arrays of :class:`Households` have one element a household of the block, those of
:class:`Members` one a person, household by household, the reference person first.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from caudal.simulate.draws import (
    cumulative,
    pick,
    pick_by,
    quantiles,
    read_quantiles,
)
from caudal.simulate.geography import Geography
from caudal.simulate.origins import LONG_AGO, ORIGIN_SHARES_BY_REGION

MAN, WOMAN = 1, 2
HEAD, SPOUSE, CHILD, PARENT, OTHER_RELATIVE, NOT_RELATED = range(1, 7)
SINGLE, COUPLE, COUPLE_CHILDREN, ONE_PARENT, EXTENDED, SHARED = range(6)

#: Types of household, natives and migrants.
_TYPES = cumulative([[0.15, 0.17, 0.36, 0.14, 0.14, 0.04], [0.13, 0.16, 0.36, 0.11, 0.12, 0.12]])
#: Children (0 to 5), by poverty (0 not, 1 poor) and then by type.
_NO_CHILDREN = [1.0, 0, 0, 0, 0, 0]
_CHILDREN = cumulative(
    [
        _NO_CHILDREN,
        _NO_CHILDREN,
        [0, 0.44, 0.37, 0.14, 0.04, 0.01],
        [0, 0.56, 0.30, 0.10, 0.03, 0.01],
        [0.30, 0.37, 0.22, 0.08, 0.02, 0.01],
        _NO_CHILDREN,
        _NO_CHILDREN,
        _NO_CHILDREN,
        [0, 0.31, 0.35, 0.20, 0.09, 0.05],
        [0, 0.43, 0.33, 0.15, 0.06, 0.03],
        [0.20, 0.33, 0.27, 0.12, 0.05, 0.03],
        _NO_CHILDREN,
    ]
)
_PARENTS = cumulative([0.0, 0.7, 0.3])
_RELATIVES = cumulative([0.45, 0.38, 0.17])
_LODGERS = cumulative([0.0, 0.46, 0.32, 0.14, 0.08])

#: Age of the reference person by type: natives first, then migrants, who are younger.
_HEAD_AGES = np.stack(
    [
        quantiles([(19, 29, 12), (30, 44, 20), (45, 64, 33), (65, 79, 26), (80, 97, 9)]),
        quantiles([(19, 29, 17), (30, 44, 19), (45, 64, 36), (65, 79, 23), (80, 93, 5)]),
        quantiles([(18, 29, 19), (30, 44, 55), (45, 60, 26)]),
        quantiles([(17, 29, 22), (30, 44, 46), (45, 60, 32)]),
        quantiles([(25, 44, 35), (45, 64, 50), (65, 82, 15)]),
        quantiles([(18, 29, 60), (30, 44, 30), (45, 64, 10)]),
        quantiles([(19, 29, 26), (30, 44, 40), (45, 64, 26), (65, 85, 8)]),
        quantiles([(19, 29, 32), (30, 44, 38), (45, 64, 24), (65, 85, 6)]),
        quantiles([(18, 29, 24), (30, 44, 60), (45, 58, 16)]),
        quantiles([(17, 29, 28), (30, 44, 54), (45, 58, 18)]),
        quantiles([(25, 44, 50), (45, 64, 42), (65, 78, 8)]),
        quantiles([(18, 29, 62), (30, 44, 31), (45, 60, 7)]),
    ]
)
#: Men among reference persons, by type.
_HEAD_MAN = np.array([0.50, 0.74, 0.72, 0.17, 0.60, 0.60])
_PARTNER_OLDER = quantiles([(-9, -4, 22), (-3, 2, 56), (3, 8, 22)])
_OTHER_AGES = quantiles([(0, 14, 22), (15, 29, 40), (30, 59, 30), (60, 84, 8)])
_LODGER_AGES = quantiles([(18, 29, 62), (30, 44, 30), (45, 63, 8)])
_LEAVE_HOME = 27

#: Years since arrival of a household: recent origins, then those that came long ago.
_YEARS_HERE = np.stack(
    [
        quantiles([(0, 0, 5), (1, 1, 11), (2, 4, 27), (5, 9, 33), (10, 19, 17), (20, 45, 7)]),
        quantiles([(0, 4, 14), (5, 9, 12), (10, 19, 24), (20, 39, 30), (40, 65, 20)]),
    ]
)

#: Tenure by wealth (natives, five rows; migrants, five rows); rooms and water by wealth and area.
_TENURE = cumulative(
    [[0.62 + 0.04 * w, 0.16 + 0.01 * w, 0.10, 0.12 - 0.025 * w] for w in range(5)]
    + [[0.14 + 0.05 * w, 0.58 - 0.01 * w, 0.10, 0.18 - 0.035 * w] for w in range(5)]
)
_WATER = cumulative(
    [[0.86 + 0.03 * w, 0.10 - 0.02 * w, 0.04 - 0.008 * w] for w in range(5)]
    + [[0.46 + 0.09 * w, 0.27 - 0.04 * w, 0.27 - 0.045 * w] for w in range(5)]
)
_ROOMS = cumulative(
    [[0.24 - 0.05 * w, 0.34 - 0.04 * w, 0.26, 0.12 + 0.05 * w, 0.04 + 0.04 * w] for w in range(5)]
)


@dataclass(frozen=True)
class Households:
    """The households of a block. ``psu`` is the position of the PSU in the geography, not its code."""

    number: NDArray[np.int64]
    psu: NDArray[np.int64]
    type: NDArray[np.int64]
    migrant: NDArray[np.bool_]
    origin: NDArray[np.int64]
    years_here: NDArray[np.int64]
    wealth: NDArray[np.int64]
    tenure: NDArray[np.int64]
    rooms: NDArray[np.int64]
    water: NDArray[np.int64]


@dataclass(frozen=True)
class Members:
    """The persons of a block. ``household`` is the position of the household in the block.

    ``first`` is, by household, the position of its reference person; ``has_spouse`` whether the person
    after it is the partner.
    """

    household: NDArray[np.int64]
    number: NDArray[np.int64]
    relationship: NDArray[np.int64]
    sex: NDArray[np.int64]
    age: NDArray[np.int64]
    size: NDArray[np.int64]
    first: NDArray[np.int64]
    has_spouse: NDArray[np.bool_]


def make_households(geography: Geography, psus: range, rng: np.random.Generator) -> Households:
    """The households of the PSUs of a block."""
    span = slice(psus.start, psus.stop)
    per_psu = geography.households[span]
    psu = np.repeat(np.arange(psus.start, psus.stop), per_psu)
    n = len(psu)
    migrant = rng.random(n) < geography.migrant_share[psu]
    leading = rng.random(n) < 0.5
    drawn = pick_by(rng.random(n), ORIGIN_SHARES_BY_REGION, geography.region[psu] - 1)
    origin = np.where(leading, geography.leading_origin[psu], drawn)
    neighbour = rng.random(n) < 0.6
    wealth = np.where(neighbour, geography.wealth[psu], (rng.random(n) * 5).astype(np.int64))
    poorer = migrant & (rng.random(n) < 0.35) & (wealth > 0)
    wealth = wealth - poorer
    return Households(
        number=geography.household_start[psus.start] + np.arange(n),
        psu=psu,
        type=pick_by(rng.random(n), _TYPES, migrant.astype(np.int64)),
        migrant=migrant,
        origin=origin,
        years_here=read_quantiles(rng.random(n), _YEARS_HERE, LONG_AGO[origin].astype(np.int64)),
        wealth=wealth,
        tenure=1 + pick_by(rng.random(n), _TENURE, wealth + 5 * migrant),
        rooms=1 + pick_by(rng.random(n), _ROOMS, wealth),
        water=1 + pick_by(rng.random(n), _WATER, wealth + 5 * (geography.area[psu] - 1)),
    )


def make_members(households: Households, rng: np.random.Generator) -> Members:
    """The members of the households of a block, with sex and age."""
    counts = _members_by_relationship(households, rng)
    size = counts.sum(axis=1)
    n = int(size.sum())
    first = np.cumsum(size) - size
    household = np.repeat(np.arange(len(size)), size)
    relationship = np.repeat(np.tile(np.arange(HEAD, NOT_RELATED + 1), len(size)), counts.ravel())
    kind = households.type + 6 * households.migrant
    head_age = read_quantiles(rng.random(len(size)), _HEAD_AGES, kind)
    head_man = rng.random(len(size)) < _HEAD_MAN[households.type]
    partner_age = np.clip(head_age + read_quantiles(rng.random(len(size)), _PARTNER_OLDER), 17, 98)
    partner_age = np.where(head_man, np.minimum(partner_age, head_age + 4), partner_age)
    has_spouse = counts[:, SPOUSE - 1] > 0
    mother_age = np.where(head_man & has_spouse, partner_age, head_age)
    same_sex = rng.random(len(size)) < 0.012
    return Members(
        household=household,
        number=np.arange(n) - first[household] + 1,
        relationship=relationship,
        sex=_sexes(relationship, head_man[household], same_sex[household], rng),
        age=_ages(relationship, head_age[household], partner_age[household], mother_age[household], rng),
        size=size,
        first=first,
        has_spouse=has_spouse,
    )


def _members_by_relationship(households: Households, rng: np.random.Generator) -> NDArray[np.int64]:
    """How many members of each relationship: one row a household, one column a relationship."""
    n = len(households.type)
    kind = households.type
    extended, shared = kind == EXTENDED, kind == SHARED
    couple = (kind == COUPLE) | (kind == COUPLE_CHILDREN) | (extended & (rng.random(n) < 0.6))
    poor = (households.wealth <= 1).astype(np.int64)
    counts = np.zeros((n, NOT_RELATED), dtype=np.int64)
    counts[:, HEAD - 1] = 1
    counts[:, SPOUSE - 1] = couple
    counts[:, CHILD - 1] = pick_by(rng.random(n), _CHILDREN, kind + 6 * poor)
    counts[:, PARENT - 1] = extended * pick(rng.random(n), _PARENTS)
    counts[:, OTHER_RELATIVE - 1] = extended * pick(rng.random(n), _RELATIVES)
    counts[:, NOT_RELATED - 1] = shared * pick(rng.random(n), _LODGERS)
    return counts


def _sexes(
    relationship: NDArray[np.int64],
    head_man: NDArray[np.bool_],
    same_sex: NDArray[np.bool_],
    rng: np.random.Generator,
) -> NDArray[np.int64]:
    men = np.array([0.0, 0.0, 0.0, 0.512, 0.32, 0.49, 0.60])[relationship]
    man = rng.random(len(relationship)) < men
    man = np.where(relationship == HEAD, head_man, man)
    man = np.where(relationship == SPOUSE, head_man == same_sex, man)
    return np.where(man, MAN, WOMAN)


def _ages(
    relationship: NDArray[np.int64],
    head_age: NDArray[np.int64],
    partner_age: NDArray[np.int64],
    mother_age: NDArray[np.int64],
    rng: np.random.Generator,
) -> NDArray[np.int64]:
    n = len(relationship)
    u = rng.random(n)
    later = np.where(rng.random(n) < 0.4, np.maximum(u, rng.random(n)), u)
    at_home = np.clip(mother_age - 16, 1, _LEAVE_HOME)
    by_relationship = [
        head_age,
        partner_age,
        (later * at_home).astype(np.int64),
        np.minimum(head_age + 19 + (u * 17).astype(np.int64), 82 + (u * 17).astype(np.int64)),
        read_quantiles(u, _OTHER_AGES),
        read_quantiles(u, _LODGER_AGES),
    ]
    return np.choose(relationship - 1, by_relationship)
