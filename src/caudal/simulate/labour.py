"""Schooling and work: attendance, level, activity, employment, hours, earnings, what makes a job informal.

Schooling follows age, wealth and origin. The chance to be active, to find work, to have a formal job and to
earn follows sex, age, schooling, wealth of the household, hardship of the PSU, and migration: migrants work
more, earn less than natives of the same schooling, and the recently arrived are more often informal. So
every gap between migrants and natives has a true value that is not zero.

Informal employment (as in SDG 8.3.1): employees for whom no pension contribution is deducted, employers and
own-account workers whose unit is not registered, and all contributing family workers.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from caudal.simulate.draws import bell, cumulative, pick_by, quantiles, read_quantiles
from caudal.simulate.geography import RURAL, Geography
from caudal.simulate.households import CHILD, WOMAN, Households, Members
from caudal.simulate.migration import FOREIGN, IRREGULAR, PENDING, RECENT_YEARS, Migration
from caudal.simulate.origins import LESS_SCHOOLING, MORE_SCHOOLING
from caudal.simulate.traits import Traits

EMPLOYED, UNEMPLOYED, INACTIVE = 1, 2, 3
EMPLOYER, OWN_ACCOUNT, EMPLOYEE, FAMILY_WORKER = 1, 2, 3, 4
YES, NO = 1, 2
NO_EARNINGS = -1

#: Highest level (1 to 7) of adults by schooling score 0 (least) to 6.
_LEVELS = cumulative(
    [
        [0.32, 0.44, 0.16, 0.07, 0.01, 0.00, 0.00],
        [0.17, 0.41, 0.24, 0.15, 0.02, 0.01, 0.00],
        [0.08, 0.30, 0.27, 0.27, 0.05, 0.03, 0.00],
        [0.04, 0.19, 0.24, 0.36, 0.09, 0.07, 0.01],
        [0.02, 0.10, 0.17, 0.40, 0.14, 0.15, 0.02],
        [0.01, 0.05, 0.10, 0.36, 0.18, 0.25, 0.05],
        [0.00, 0.02, 0.05, 0.26, 0.20, 0.36, 0.11],
    ]
)
#: Highest level that can have been completed at an age below 25.
_LEVEL_LIMIT = np.array([1] * 11 + [2] * 3 + [3] * 3 + [4] * 3 + [5] * 2 + [6] * 2 + [7])
#: Attendance by age 0 to 34.
_ATTENDS = np.array(
    [0, 0, 0, 0.42, 0.70, 0.93] + [0.99] * 7 + [0.975, 0.95, 0.91, 0.86, 0.78, 0.60, 0.47]
    + [0.41, 0.37, 0.33, 0.28, 0.24] + [0.13] * 5 + [0.06] * 5
)  # fmt: skip

_AGE_BANDS = np.array([20, 25, 30, 35, 45, 55, 60, 65, 70, 75])
#: Active by age band (15-19 to 75 and over): men, then women.
_ACTIVE = np.array(
    [
        [0.48, 0.86, 0.94, 0.955, 0.96, 0.94, 0.84, 0.70, 0.45, 0.30, 0.12],
        [0.30, 0.61, 0.69, 0.70, 0.70, 0.63, 0.50, 0.36, 0.19, 0.11, 0.03],
    ]
)
#: Unemployed among the active by age band: men, then women.
_UNEMPLOYED = np.array(
    [
        [0.20, 0.135, 0.085, 0.055, 0.045, 0.042, 0.04, 0.038, 0.02, 0.01, 0.0],
        [0.25, 0.175, 0.11, 0.075, 0.060, 0.052, 0.045, 0.04, 0.02, 0.01, 0.0],
    ]
)
#: Employer, own-account, employee, family worker: urban, rural.
_STATUS = cumulative([[0.035, 0.23, 0.715, 0.02], [0.025, 0.38, 0.515, 0.08]])
#: Occupation 1 to 9 by schooling: up to lower secondary, upper secondary, above.
_OCCUPATION = cumulative(
    [
        [0.005, 0.002, 0.02, 0.03, 0.25, 0.13, 0.17, 0.10, 0.293],
        [0.02, 0.02, 0.09, 0.14, 0.31, 0.04, 0.14, 0.10, 0.14],
        [0.10, 0.38, 0.21, 0.13, 0.09, 0.01, 0.03, 0.02, 0.03],
    ]
)
#: Branch 1 to 11 by sex (men, women) and area (urban, rural).
_INDUSTRY = cumulative(
    [
        [0.04, 0.16, 0.16, 0.20, 0.12, 0.05, 0.08, 0.03, 0.03, 0.01, 0.12],
        [0.44, 0.09, 0.12, 0.11, 0.07, 0.03, 0.04, 0.02, 0.01, 0.01, 0.06],
        [0.01, 0.10, 0.01, 0.23, 0.02, 0.10, 0.07, 0.12, 0.10, 0.12, 0.12],
        [0.22, 0.09, 0.01, 0.20, 0.01, 0.10, 0.05, 0.10, 0.05, 0.10, 0.07],
    ]
)
_HOURS = np.stack(
    [
        quantiles([(8, 24, 10), (25, 39, 14), (40, 44, 36), (45, 48, 26), (49, 72, 14)]),
        quantiles([(6, 19, 17), (20, 34, 22), (35, 40, 30), (41, 48, 20), (49, 66, 11)]),
    ]
)
#: Hourly earnings in thousandths: a skewed spread of mean about one.
_SPREAD = quantiles(
    [(260, 480, 14), (481, 700, 24), (701, 950, 24), (951, 1350, 21), (1351, 2100, 12), (2101, 3800, 4)]
)
#: Hourly earnings in istmeños by level of schooling 1 to 7.
_HOURLY = np.array([0.0, 17.0, 19.0, 21.5, 27.0, 35.0, 52.0, 78.0])
WEEKS_PER_MONTH_TIMES_12 = 52


@dataclass(frozen=True)
class Labour:
    """Schooling and work of the persons of a block, in national codes; earnings in cents, -1 where none."""

    attendance: NDArray[np.int64]
    education: NDArray[np.int64]
    activity: NDArray[np.int64]
    employment_status: NDArray[np.int64]
    occupation: NDArray[np.int64]
    industry: NDArray[np.int64]
    pension: NDArray[np.int64]
    registered_unit: NDArray[np.int64]
    informal: NDArray[np.bool_]
    hours: NDArray[np.int64]
    earnings_cents: NDArray[np.int64]


@dataclass(frozen=True)
class _Person:
    """What schooling and work depend on, person by person."""

    age: NDArray[np.int64]
    woman: NDArray[np.int64]
    wealth: NDArray[np.int64]
    hardship: NDArray[np.float64]
    rural: NDArray[np.int64]
    child: NDArray[np.bool_]
    foreign_born: NDArray[np.bool_]
    recent: NDArray[np.bool_]
    undocumented: NDArray[np.bool_]
    severe: NDArray[np.bool_]
    schooling_shift: NDArray[np.int64]


def make_labour(
    geography: Geography,
    households: Households,
    members: Members,
    migration: Migration,
    traits: Traits,
    rng: np.random.Generator,
) -> Labour:
    """Schooling and work of the members of a block."""
    p = _person(geography, households, members, migration, traits)
    attendance, education = _schooling(p, rng)
    activity = _activity(p, attendance, education, rng)
    employed = activity == EMPLOYED
    n = len(p.age)
    status = 1 + pick_by(rng.random(n), _STATUS, p.rural)
    schooling = np.digitize(education, np.array([4, 5]))
    occupation = 1 + pick_by(rng.random(n), _OCCUPATION, _downgraded(p, schooling, rng))
    industry = 1 + pick_by(rng.random(n), _INDUSTRY, 2 * p.woman + p.rural)
    informal = employed & _informal(p, status, education, rng)
    hours = read_quantiles(rng.random(n), _HOURS, p.woman)
    employee = employed & (status == EMPLOYEE)
    own_unit = employed & (status <= OWN_ACCOUNT)
    return Labour(
        attendance=attendance,
        education=np.where(p.age < 5, 98, education),
        activity=activity,
        employment_status=np.where(employed, status, 8),
        occupation=np.where(employed, occupation, 98),
        industry=np.where(employed, industry, 98),
        pension=np.where(employee, np.where(informal, NO, YES), 8),
        registered_unit=np.where(own_unit, np.where(informal, NO, YES), 8),
        informal=informal,
        hours=np.where(employed, hours, NO_EARNINGS),
        earnings_cents=_earnings(p, employed & (status != FAMILY_WORKER), education, informal, hours, rng),
    )


def _person(
    geography: Geography, households: Households, members: Members, migration: Migration, traits: Traits
) -> _Person:
    h = members.household
    psu = households.psu[h]
    abroad = migration.foreign_born
    shift = abroad * (
        2 * MORE_SCHOOLING[migration.origin].astype(np.int64) - LESS_SCHOOLING[migration.origin]
    )
    foreign = migration.citizenship_origin == FOREIGN
    return _Person(
        age=members.age,
        woman=(members.sex == WOMAN).astype(np.int64),
        wealth=households.wealth[h],
        hardship=geography.hardship[psu],
        rural=(geography.area[psu] == RURAL).astype(np.int64),
        child=members.relationship == CHILD,
        foreign_born=abroad,
        recent=abroad & (migration.years_here < RECENT_YEARS),
        undocumented=foreign & np.isin(migration.legal_status, (IRREGULAR, PENDING)),
        severe=traits.condition == 2,
        schooling_shift=shift,
    )


def _schooling(p: _Person, rng: np.random.Generator) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Attendance (8 under 3 years) and the highest level completed."""
    n = len(p.age)
    rate = _ATTENDS[np.minimum(p.age, len(_ATTENDS) - 1)] * np.where(p.age >= len(_ATTENDS), 0.1, 1.0)
    rate = rate * np.where(p.age >= 15, 0.82 + 0.08 * p.wealth, 1.0)
    rate = rate * np.where(p.recent & (p.age >= 5), 0.84, 1.0) * np.where(p.severe, 0.8, 1.0)
    attends = rng.random(n) < rate
    old = np.digitize(p.age, np.array([45, 65]))
    score = np.clip(2 + p.wealth - old + p.schooling_shift - p.rural, 0, 6)
    level = 1 + pick_by(rng.random(n), _LEVELS, score)
    limit = _LEVEL_LIMIT[np.minimum(p.age, len(_LEVEL_LIMIT) - 1)]
    return np.where(p.age < 3, 8, np.where(attends, YES, NO)), np.minimum(level, limit)


def _activity(
    p: _Person, attendance: NDArray[np.int64], education: NDArray[np.int64], rng: np.random.Generator
) -> NDArray[np.int64]:
    n = len(p.age)
    band = np.digitize(p.age, _AGE_BANDS)
    active = _ACTIVE[p.woman, band] + p.woman * 0.035 * (education - 3.5) * (p.age < 65)
    active = active * np.where(attendance == YES, 0.55, 1.0) * np.where(p.severe, 0.66, 1.0)
    active = np.minimum(0.985, active * np.where(p.foreign_born, 1.09, 1.0))
    jobless = _UNEMPLOYED[p.woman, band] * p.hardship * (1.25 - 0.1 * p.wealth)
    jobless = jobless * np.where(p.recent, 1.75, np.where(p.foreign_born, 1.12, 1.0))
    is_active = rng.random(n) < active
    is_jobless = rng.random(n) < jobless
    status = np.where(is_active, np.where(is_jobless, UNEMPLOYED, EMPLOYED), INACTIVE)
    return np.where(p.age < 15, 8, status)


def _downgraded(p: _Person, schooling: NDArray[np.int64], rng: np.random.Generator) -> NDArray[np.int64]:
    """Migrants, above all recent ones, often work below their schooling."""
    rate = np.where(p.recent, 0.50, np.where(p.foreign_born, 0.28, 0.08))
    return np.maximum(0, schooling - (rng.random(len(rate)) < rate))


def _informal(
    p: _Person, status: NDArray[np.int64], education: NDArray[np.int64], rng: np.random.Generator
) -> NDArray[np.bool_]:
    base = np.array([0.0, 0.32, 0.78, 0.34, 1.0])[status]
    rate = base * p.hardship * (1.30 - 0.07 * education) * (1.16 - 0.08 * p.wealth)
    rate = rate * np.where(p.undocumented, 1.8, np.where(p.recent, 1.35, 1.0)) * (1 + 0.15 * p.rural)
    drawn = rng.random(len(rate)) < np.minimum(0.97, rate)
    return np.asarray((status == FAMILY_WORKER) | drawn, dtype=np.bool_)


def _earnings(
    p: _Person,
    paid: NDArray[np.bool_],
    education: NDArray[np.int64],
    informal: NDArray[np.bool_],
    hours: NDArray[np.int64],
    rng: np.random.Generator,
) -> NDArray[np.int64]:
    """Earnings of the month in cents: hourly earnings times weekly hours times 52/12."""
    n = len(p.age)
    hourly = _HOURLY[education] * (0.70 + 0.012 * np.minimum(p.age - 15, 30))
    hourly = hourly * (1.0 - 0.13 * p.woman) * np.where(informal, 0.68, 1.0)
    hourly = hourly * np.where(p.recent, 0.78, np.where(p.foreign_born, 0.90, 1.0))
    hourly = hourly * (0.84 + 0.08 * p.wealth) * (1.12 - 0.12 * p.hardship)
    spread = (
        read_quantiles(rng.random(n), _SPREAD) / 1000.0 * (1.0 + 0.1 * bell(rng.random(n), rng.random(n)))
    )
    month = np.floor(hourly * spread * hours * WEEKS_PER_MONTH_TIMES_12 / 12.0 * 100.0)
    # offices record whole tens: most people round what they earn
    rounded = np.where(rng.random(n) < 0.6, np.floor(month / 5000.0 + 0.5) * 5000.0, month)
    return np.where(paid, np.maximum(rounded, 5000.0), NO_EARNINGS).astype(np.int64)
