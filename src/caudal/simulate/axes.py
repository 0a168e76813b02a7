"""The axes along which truth is counted: their finest categories, and the published groups of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from caudal.simulate.codes import code_list
from caudal.simulate.migration import BY_BIRTH, FOREIGN, NATURALISED, RECENT_YEARS
from caudal.simulate.origins import ISTMO
from caudal.simulate.parameters import REFERENCE_YEAR
from caudal.simulate.population import Population
from caudal.simulate.traits import DOMAINS

TOTAL = "_T"


@dataclass(frozen=True)
class Axis:
    """One axis. ``codes_of`` gives each person's finest category, 0 to ``size`` - 1.

    ``published`` are the codes of the published groups; ``groups`` says, by group, which of the finest
    categories it holds (rows groups, columns categories, 0 or 1). Groups may overlap.
    """

    name: str
    codes_of: Callable[[Population], NDArray[np.int64]]
    published: tuple[str, ...]
    groups: NDArray[np.int64]

    @property
    def size(self) -> int:
        """The number of finest categories."""
        return int(self.groups.shape[1])


@dataclass(frozen=True)
class Cube:
    """Axes counted together. A crossing without the axis ``own`` belongs to another cube."""

    axes: tuple[Axis, ...]
    own: str = ""

    @property
    def size(self) -> int:
        """The number of cells."""
        return int(np.prod([axis.size for axis in self.axes]))


#: First ages of the finest bands: five years, with a cut at 18.
_AGE_STARTS = (0, 5, 10, 15, 18, *range(20, 80, 5))
#: Published age groups: first and last age.
_AGE_GROUPS = (
    *((f"Y{a}T{a + 4}", a, a + 4) for a in range(0, 75, 5)),
    ("Y_GE75", 75, 200),
    ("Y_LT15", 0, 14),
    ("Y_LT18", 0, 17),
    ("Y_GE15", 15, 200),
    ("Y_GE18", 18, 200),
    ("Y15T24", 15, 24),
    ("Y25T44", 25, 44),
    ("Y45T64", 45, 64),
    ("Y_GE65", 65, 200),
)

#: Finest migratory statuses, two each: not returned and returned for natives, recent and established.
_STATUSES = ("NB_C", "NB_F", "FB_C", "FB_CB", "FB_F")
_STATUS_GROUPS: dict[str, tuple[int, ...]] = {
    **{code: (2 * i, 2 * i + 1) for i, code in enumerate(_STATUSES)},
    "NB": (0, 1, 2, 3),
    "FB": (4, 5, 6, 7, 8, 9),
    "FC": (2, 3, 8, 9),
    "RET": (1, 3),
    "REC": (4, 6, 8),
    "EST": (5, 7, 9),
}


def foreign_born(population: Population) -> NDArray[np.bool_]:
    """Who was born abroad."""
    return np.asarray(population["birth_country"] != ISTMO, dtype=np.bool_)


def recent_arrival(population: Population) -> NDArray[np.bool_]:
    """Who was born abroad and came less than five years ago."""
    return foreign_born(population) & (population["arrival_year"] > REFERENCE_YEAR - RECENT_YEARS)


def with_disability(population: Population) -> NDArray[np.bool_]:
    """A lot of difficulty, or not able at all, in at least one domain; from 5 years of age."""
    answers = [population[f"wg_{domain}"] for domain in DOMAINS]
    return np.asarray(np.any([(a == 3) | (a == 4) for a in answers], axis=0), dtype=np.bool_)


def _age(population: Population) -> NDArray[np.int64]:
    return np.digitize(population["age"], np.array(_AGE_STARTS[1:])).astype(np.int64)


def _status(population: Population) -> NDArray[np.int64]:
    abroad = foreign_born(population)
    how = population["citizenship_origin"]
    native = np.where(how == FOREIGN, 1, 0)
    migrant = np.select([how == NATURALISED, how == BY_BIRTH], [2, 3], 4)
    second = np.where(abroad, ~recent_arrival(population), population["lived_abroad"] == 1)
    return np.where(abroad, migrant, native) * 2 + second


def _disability(population: Population) -> NDArray[np.int64]:
    return np.where(population["age"] < 5, 2, with_disability(population)).astype(np.int64)


def _sex(population: Population) -> NDArray[np.int64]:
    return population["sex"].astype(np.int64) - 1


def _region(population: Population) -> NDArray[np.int64]:
    return population["region"].astype(np.int64) - 1


def _ethnicity(population: Population) -> NDArray[np.int64]:
    return population["ethnicity"].astype(np.int64) - 1


_COUNTRY_CODES = np.array(
    sorted(
        int(c)
        for c, row in code_list("country").items()
        if row.standard_code[0] != "_" or row.standard_code in ("_O", "_X")
    )
)
_COUNTRIES = tuple(code_list("country")[str(c)].standard_code for c in _COUNTRY_CODES)


def _country(column: str) -> Callable[[Population], NDArray[np.int64]]:
    def codes_of(population: Population) -> NDArray[np.int64]:
        return np.searchsorted(_COUNTRY_CODES, population[column]).astype(np.int64)

    return codes_of


def _standard(name: str) -> tuple[str, ...]:
    """Standard codes of a national list, without those for missing answers."""
    return tuple(
        c.standard_code for c in code_list(name).values() if c.standard_code not in ("_R", "_Z", "_U")
    )


def _age_groups() -> NDArray[np.int64]:
    starts = np.array(_AGE_STARTS)
    return np.array([(starts >= first) & (starts <= last) for _, first, last in _AGE_GROUPS]).astype(np.int64)


def _status_groups() -> NDArray[np.int64]:
    groups = np.zeros((len(_STATUS_GROUPS), 2 * len(_STATUSES)), dtype=np.int64)
    for i, members in enumerate(_STATUS_GROUPS.values()):
        groups[i, list(members)] = 1
    return groups


def _each(n: int) -> NDArray[np.int64]:
    return np.eye(n, dtype=np.int64)


REFERENCE_AREA = Axis("reference_area", _region, _standard("region"), _each(8))
SEX = Axis("sex", _sex, _standard("sex"), _each(2))
AGE = Axis("age", _age, tuple(code for code, _, _ in _AGE_GROUPS), _age_groups())
MIGRATORY_STATUS = Axis("migratory_status", _status, tuple(_STATUS_GROUPS), _status_groups())
BIRTH_COUNTRY = Axis("birth_country", _country("birth_country"), _COUNTRIES, _each(len(_COUNTRIES)))
CITIZENSHIP = Axis("citizenship", _country("citizenship"), _COUNTRIES, _each(len(_COUNTRIES)))
ETHNICITY = Axis("ethnicity", _ethnicity, _standard("ethnicity"), _each(6))
DISABILITY = Axis("disability", _disability, ("N", "Y", "_Z"), _each(3))

#: All axes, in the order of the columns of the table of true values.
ALL_AXES = (REFERENCE_AREA, SEX, AGE, MIGRATORY_STATUS, BIRTH_COUNTRY, CITIZENSHIP, ETHNICITY, DISABILITY)

CUBES = (
    Cube((REFERENCE_AREA, SEX, AGE, MIGRATORY_STATUS, ETHNICITY, DISABILITY)),
    Cube((REFERENCE_AREA, SEX, AGE, BIRTH_COUNTRY), own="birth_country"),
    Cube((REFERENCE_AREA, SEX, AGE, CITIZENSHIP), own="citizenship"),
)
