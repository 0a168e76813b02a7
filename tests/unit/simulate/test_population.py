from __future__ import annotations

import hashlib

import numpy as np
import pytest

from caudal.simulate import Population, make_population
from caudal.simulate.geography import LARGEST_PSU, SMALLEST_PSU, make_geography
from caudal.simulate.households import CHILD, HEAD, SPOUSE
from caudal.simulate.migration import BY_BIRTH, FOREIGN, NATURALISED
from caudal.simulate.origins import ISTMO
from caudal.simulate.parameters import REFERENCE_YEAR
from caudal.simulate.population import COLUMNS, OUTSIDE, make_block

#: SHA-256 of all columns of the population of 10,000 persons and seed 1: the same on every machine.
POPULATION_DIGEST = "f3c5a943daf7ef5ee233727368956b1f10588e9a7fada30e955c6dc072744e0f"


def digest(people: Population) -> str:
    state = hashlib.sha256()
    for name in COLUMNS:
        state.update(name.encode())
        state.update(people[name].astype("<i8").tobytes())
    return state.hexdigest()


def test_the_population_of_a_seed_is_the_same_on_every_machine() -> None:
    assert digest(make_population(persons=10_000, seed=1)) == POPULATION_DIGEST


def test_another_seed_gives_another_population() -> None:
    assert digest(make_population(persons=10_000, seed=2)) != POPULATION_DIGEST


def test_a_block_does_not_depend_on_the_blocks_made_before() -> None:
    geography = make_geography(50_000, 3)
    last_first = [make_block(geography, 3, number) for number in reversed(range(geography.blocks))]
    whole = make_population(persons=50_000, seed=3)
    assert geography.blocks > 1
    for name in COLUMNS:
        assert np.array_equal(np.concatenate([b[name] for b in reversed(last_first)]), whole[name])


@pytest.mark.parametrize(("persons", "within"), [(10_000, 0.1), (100_000, 0.02)])
def test_the_population_is_as_large_as_asked(persons: int, within: float) -> None:
    assert make_population(persons=persons, seed=1).persons == pytest.approx(persons, rel=within)


def test_every_household_has_one_reference_person_first(people: Population) -> None:
    household, relationship = people["household_id"], people["relationship"]
    first = np.flatnonzero(np.diff(household, prepend=-1))
    assert np.array_equal(first, people.household_row)
    assert (relationship[first] == HEAD).all()
    assert (relationship == HEAD).sum() == len(first)
    assert np.array_equal(np.diff(np.append(first, people.persons)), people["household_size"][first])


def test_the_psus_hold_the_households_that_the_geography_says(people: Population) -> None:
    psu_of_household = people["psu"][people.household_row] - 1
    assert np.array_equal(np.bincount(psu_of_household), people.geography.households)
    assert people.geography.households.min() >= SMALLEST_PSU
    assert people.geography.households.max() <= LARGEST_PSU


def test_ages_and_sexes_are_plausible(people: Population) -> None:
    age = people["age"].astype(int)
    bands = np.histogram(age, bins=range(0, 105, 5))[0] / people.persons
    assert (bands[:14] > 0.015).all(), "no empty band below 70"
    assert (np.diff(bands[11:]) < 0.004).all(), "the old become fewer with age"
    assert 0.22 < (age < 15).mean() < 0.29
    assert 0.08 < (age >= 65).mean() < 0.12
    assert 0.49 < (people["sex"] == 2).mean() < 0.54
    assert (people["sex"][age >= 75] == 2).mean() > 0.5


def test_children_are_younger_than_the_reference_person_and_partners_alike(people: Population) -> None:
    head_age = np.repeat(people["age"][people.household_row], people["household_size"][people.household_row])
    child, spouse = people["relationship"] == CHILD, people["relationship"] == SPOUSE
    assert (head_age[child].astype(int) - people["age"][child] >= 12).all()
    assert (np.abs(head_age[spouse].astype(int) - people["age"][spouse]) <= 9).all()


def test_nobody_arrives_before_birth(people: Population) -> None:
    arrived = people["arrival_year"] != OUTSIDE
    assert (REFERENCE_YEAR - people["arrival_year"][arrived] <= people["age"][arrived]).all()


def test_the_axes_of_migratory_status_agree(people: Population) -> None:
    abroad = people["birth_country"] != ISTMO
    foreign = people["citizenship"] != ISTMO
    how = people["citizenship_origin"]
    assert ((how == FOREIGN) == foreign).all()
    assert (abroad[how == NATURALISED]).all()
    assert ((how == BY_BIRTH) & abroad).any(), "some were born abroad as citizens"
    assert (foreign & ~abroad).any(), "some were born here as foreigners"
    assert ((people["legal_status"] == 98) == ~foreign).all()
    assert ((people["lived_abroad"] == 8) == abroad).all()
    returned = people["lived_abroad"] == 1
    assert ((people["arrival_year"] != OUTSIDE) == (abroad | returned)).all()
    assert ((people["reason"] == 98) == ~(abroad | returned)).all()


def test_those_who_came_in_the_last_five_years_lived_abroad_before(people: Population) -> None:
    old_enough = people["age"] >= 5
    came = people["arrival_year"] >= REFERENCE_YEAR - 4
    assert ((people["residence_5y"] == 4) == (came & old_enough)).all()
    assert ((people["residence_5y_country"] == 998) == (people["residence_5y"] != 4)).all()
    assert ((people["residence_5y_region"] == 98) == (people["residence_5y"] != 3)).all()
    moved = people["residence_5y"] == 3
    assert (people["residence_5y_region"][moved] != people["region"][moved]).all()


def test_questions_are_answered_in_their_universe_only(people: Population) -> None:
    age, employed = people["age"], people["activity"] == 1
    assert ((people["activity"] == 8) == (age < 15)).all()
    assert ((people["wg_walking"] == 8) == (age < 5)).all()
    assert ((people["education"] == 98) == (age < 5)).all()
    assert ((people["occupation"] == 98) == ~employed).all()
    assert ((people["hours"] == OUTSIDE) == ~employed).all()
    assert ((people["pension"] == 8) == (people["employment_status"] != 3)).all()
    unpaid = ~employed | (people["employment_status"] == 4)
    assert ((people["earnings_cents"] == OUTSIDE) == unpaid).all()


def test_informality_follows_from_what_the_questionnaire_asks(people: Population) -> None:
    employed = people["activity"] == 1
    asked = (people["pension"] == 2) | (people["registered_unit"] == 2) | (people["employment_status"] == 4)
    assert np.array_equal(people["informal"] == 1, asked & employed)


def test_migrants_live_close_to_each_other(people: Population) -> None:
    """The intraclass correlation of foreign birth within PSUs is high enough for a design effect of 2."""
    abroad = (people["birth_country"] != ISTMO).astype(float)
    n = np.bincount(people["psu"])[1:]
    share = np.bincount(people["psu"], abroad)[1:] / n
    between = (n * (share - abroad.mean()) ** 2).sum() / (len(n) - 1)
    within = (n * share * (1 - share)).sum() / (people.persons - len(n))
    rho = (between - within) / (between + (n.mean() - 1) * within)
    assert rho > 0.04
    assert 1 + (30 - 1) * rho > 2


def test_the_gaps_between_migrants_and_natives_are_not_zero() -> None:
    people = make_population(persons=200_000, seed=1)
    abroad, active = people["birth_country"] != ISTMO, (people["activity"] == 1) | (people["activity"] == 2)
    adult = people["age"] >= 15
    rate = [
        ((people["activity"] == 2) & group).sum() / (active & group).sum()
        for group in (adult & abroad, adult & ~abroad)
    ]
    assert rate[0] - rate[1] > 0.02
