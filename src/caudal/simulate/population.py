"""The true population: every resident at the reference date, before any source has seen it.

Made block by block (a block is a fixed run of PSUs with its own random streams), so that ten million
persons need no more memory than one block, and a block is the same whoever makes it, and when.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from caudal.simulate.draws import Purpose, stream
from caudal.simulate.geography import Geography, make_geography
from caudal.simulate.households import Households, Members, make_households, make_members
from caudal.simulate.labour import Labour, make_labour
from caudal.simulate.migration import Migration, make_migration
from caudal.simulate.parameters import REFERENCE_YEAR, IstmoParameters
from caudal.simulate.traits import DOMAINS, Traits, make_traits

Column = NDArray[np.signedinteger[Any]]
Columns = Mapping[str, Column]

#: Persons of a block have numbers below this; a person's number is block times this plus position.
PERSONS_PER_BLOCK_LIMIT = 1 << 16

#: In number columns: outside the universe of the question.
OUTSIDE = -1

#: Columns of the population and what they hold. Codes are national; where a question does not apply they
#: hold its not-applicable code, and number columns hold -1.
COLUMNS: Mapping[str, type[np.signedinteger[Any]]] = MappingProxyType(
    {
        "person_id": np.int32,
        "household_id": np.int32,
        "member_no": np.int8,
        "household_size": np.int8,
        "region": np.int8,
        "area": np.int8,
        "municipality": np.int16,
        "stratum": np.int8,
        "psu": np.int32,
        "relationship": np.int8,
        "sex": np.int8,
        "age": np.int8,
        "civil_status": np.int8,
        "birth_country": np.int16,
        "arrival_year": np.int16,
        "citizenship": np.int16,
        "citizenship_origin": np.int8,
        "mother_birth_country": np.int16,
        "father_birth_country": np.int16,
        "residence_5y": np.int8,
        "residence_5y_region": np.int8,
        "residence_5y_country": np.int16,
        "lived_abroad": np.int8,
        "reason": np.int8,
        "legal_status": np.int8,
        "ethnicity": np.int8,
        "people": np.int8,
        **{f"wg_{domain}": np.int8 for domain in DOMAINS},
        "attendance": np.int8,
        "education": np.int8,
        "activity": np.int8,
        "employment_status": np.int8,
        "occupation": np.int8,
        "industry": np.int8,
        "pension": np.int8,
        "registered_unit": np.int8,
        "hours": np.int16,
        "earnings_cents": np.int32,
        "tenure": np.int8,
        "rooms": np.int8,
        "water": np.int8,
        "migrant_household": np.int8,
        "informal": np.int8,
    }
)


@dataclass(frozen=True)
class Population:
    """Residents and the territory they live in.

    ``columns`` holds one array per name of :data:`COLUMNS`, one element a person; the persons of a household
    follow each other, and so do the households of a PSU. ``household_row`` is the position of each
    household's first person and ``first_household`` the number of the first household.
    """

    geography: Geography
    columns: Columns
    household_row: NDArray[np.int64]
    first_household: int

    @property
    def persons(self) -> int:
        """The number of persons."""
        return len(self.columns["person_id"])

    def __getitem__(self, name: str) -> Column:
        return self.columns[name]


def make_block(geography: Geography, seed: int, number: int) -> Population:
    """The persons of one block of PSUs."""
    rng = stream(seed, Purpose.POPULATION, number)
    psus = geography.block(number)
    households = make_households(geography, psus, rng)
    members = make_members(households, rng)
    region = geography.region[households.psu[members.household]]
    migration = make_migration(households, members, region, rng)
    traits = make_traits(households, members, migration, region, rng)
    labour = make_labour(geography, households, members, migration, traits, rng)
    values = {
        "person_id": number * PERSONS_PER_BLOCK_LIMIT + np.arange(len(members.age)),
        **_home(geography, households, members),
        **_who(members, migration, traits),
        **_work(labour),
    }
    columns = {name: np.asarray(values[name]).astype(kind) for name, kind in COLUMNS.items()}
    return Population(geography, MappingProxyType(columns), members.first, int(households.number[0]))


def make_blocks(geography: Geography, seed: int) -> Iterator[Population]:
    """All blocks in order, one in memory at a time."""
    return (make_block(geography, seed, number) for number in range(geography.blocks))


def make_population(persons: int = 60_000, seed: int = 1) -> Population:
    """A whole population in memory (some 90 bytes a person), for repeated surveys.

    >>> p = make_population(persons=10_000, seed=1)
    >>> 9_000 < p.persons < 11_000
    True

    Raises :class:`~caudal.errors.CaudalError` for a size or a seed out of range.
    """
    chosen = IstmoParameters(persons=persons, seed=seed)
    geography = make_geography(chosen.persons, chosen.seed)
    blocks = list(make_blocks(geography, chosen.seed))
    columns = {name: np.concatenate([b[name] for b in blocks]) for name in COLUMNS}
    starts = np.cumsum([0, *(b.persons for b in blocks)])
    rows = np.concatenate([b.household_row + start for b, start in zip(blocks, starts, strict=False)])
    return Population(geography, MappingProxyType(columns), rows, 0)


def _home(geography: Geography, households: Households, members: Members) -> dict[str, Column]:
    h = members.household
    psu = households.psu[h]
    return {
        "household_id": households.number[h] + 1,
        "member_no": members.number,
        "household_size": members.size[h],
        "region": geography.region[psu],
        "area": geography.area[psu],
        "municipality": geography.municipality[psu],
        "stratum": geography.stratum[psu],
        "psu": psu + 1,
        "relationship": members.relationship,
        "tenure": households.tenure[h],
        "rooms": households.rooms[h],
        "water": households.water[h],
        "migrant_household": households.migrant[h].astype(np.int64),
    }


def _who(members: Members, migration: Migration, traits: Traits) -> dict[str, Column]:
    years = migration.years_here
    return {
        "sex": members.sex,
        "age": members.age,
        "civil_status": traits.civil_status,
        "birth_country": migration.birth_country,
        "arrival_year": np.where(years < 0, OUTSIDE, REFERENCE_YEAR - years),
        "citizenship": migration.citizenship,
        "citizenship_origin": migration.citizenship_origin,
        "mother_birth_country": migration.mother_birth_country,
        "father_birth_country": migration.father_birth_country,
        "residence_5y": migration.residence_5y,
        "residence_5y_region": migration.residence_5y_region,
        "residence_5y_country": migration.residence_5y_country,
        "lived_abroad": migration.lived_abroad,
        "reason": migration.reason,
        "legal_status": migration.legal_status,
        "ethnicity": traits.ethnicity,
        "people": traits.people,
        **{f"wg_{domain}": traits.wg[i] for i, domain in enumerate(DOMAINS)},
    }


def _work(labour: Labour) -> dict[str, Column]:
    return {
        "attendance": labour.attendance,
        "education": labour.education,
        "activity": labour.activity,
        "employment_status": labour.employment_status,
        "occupation": labour.occupation,
        "industry": labour.industry,
        "pension": labour.pension,
        "registered_unit": labour.registered_unit,
        "informal": labour.informal.astype(np.int64),
        "hours": labour.hours,
        "earnings_cents": labour.earnings_cents,
    }
