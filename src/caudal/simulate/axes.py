"""The axes along which truth is counted, and the dimensions of the catalogue that follow from them.

An axis divides people into its finest categories. A dimension publishes groups of an axis's categories under
the codes of the common language: ages give five-year groups, broad groups, and children and adults;
birthplace with citizenship and arrival gives migratory status, time since arrival and return. The
dimensions have the names, codes and definitions of the catalogue, so that an estimate finds its truth by key.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from caudal.simulate.codes import code_list
from caudal.simulate.migration import ABROAD, FOREIGN, RECENT_YEARS
from caudal.simulate.origins import ISTMO
from caudal.simulate.parameters import REFERENCE_YEAR
from caudal.simulate.population import Population
from caudal.simulate.traits import DOMAINS

TOTAL, NOT_APPLICABLE = "_T", "_Z"
TERRITORY = "XI"


@dataclass(frozen=True)
class Axis:
    """Finest categories: ``codes_of`` gives each person's, 0 to ``size`` - 1."""

    name: str
    size: int
    codes_of: Callable[[Population], NDArray[np.int64]]


@dataclass(frozen=True)
class Dimension:
    """Published groups of an axis's categories.

    ``groups`` has a row for each of ``codes`` and a column for each category: 1 where the group holds it.
    A dimension that is not ``leading`` is crossed with one other at most.
    """

    name: str
    axis: Axis
    codes: tuple[str, ...]
    groups: NDArray[np.int64]
    leading: bool = False


@dataclass(frozen=True)
class Cube:
    """Axes that are counted together; a crossing without the axis ``own`` belongs to another cube."""

    axes: tuple[Axis, ...]
    own: str = ""

    @property
    def size(self) -> int:
        """The number of cells."""
        return int(np.prod([axis.size for axis in self.axes]))


def foreign_born(population: Population) -> NDArray[np.bool_]:
    """Who was born abroad."""
    return np.asarray(population["birth_country"] != ISTMO, dtype=np.bool_)


def recent_arrival(population: Population) -> NDArray[np.bool_]:
    """Who was born abroad and came in the reference year or the four years before."""
    return foreign_born(population) & (population["arrival_year"] > REFERENCE_YEAR - RECENT_YEARS)


def with_disability(population: Population) -> NDArray[np.bool_]:
    """A lot of difficulty, or not able at all, in at least one domain; from 5 years of age."""
    answers = [population[f"wg_{domain}"] for domain in DOMAINS]
    return np.asarray(np.any([(a == 3) | (a == 4) for a in answers], axis=0), dtype=np.bool_)


# ---- axes --------------------------------------------------------------------------------------------

#: First ages of the finest bands: five years, with a cut at 18.
_AGE_STARTS = (0, 5, 10, 15, 18, *range(20, 80, 5))


def _age(population: Population) -> NDArray[np.int64]:
    return np.digitize(population["age"], np.array(_AGE_STARTS[1:])).astype(np.int64)


def _status(population: Population) -> NDArray[np.int64]:
    """Born here: 2 x citizenship + lived abroad five years before; born abroad: 4 + 2 x that + recent."""
    abroad = foreign_born(population)
    foreign = (population["citizenship_origin"] == FOREIGN).astype(np.int64)
    second = np.where(abroad, recent_arrival(population), population["residence_5y"] == ABROAD)
    return np.asarray(abroad * 4 + foreign * 2 + second, dtype=np.int64)


def _disability(population: Population) -> NDArray[np.int64]:
    return np.where(population["age"] < 5, 2, with_disability(population)).astype(np.int64)


def _generation(population: Population) -> NDArray[np.int64]:
    parent_abroad = (population["mother_birth_country"] != ISTMO) | (
        population["father_birth_country"] != ISTMO
    )
    return np.where(foreign_born(population), 0, np.where(parent_abroad, 1, 2)).astype(np.int64)


def _coded(column: str, name: str) -> Axis:
    """An axis that is a national code list as it is."""
    codes = np.array(
        sorted(int(c) for c, row in code_list(name).items() if row.standard_code not in ("_R", "_U"))
    )

    def codes_of(population: Population) -> NDArray[np.int64]:
        return np.searchsorted(codes, population[column]).astype(np.int64)

    return Axis(column, len(codes), codes_of)


REFERENCE_AREA = Axis("region", 8, lambda p: p["region"].astype(np.int64) - 1)
SEX = _coded("sex", "sex")
AGE = Axis("age", len(_AGE_STARTS), _age)
STATUS = Axis("status", 8, _status)
BIRTHPLACE = Axis("birthplace", 2, lambda p: foreign_born(p).astype(np.int64))
ETHNICITY = _coded("ethnicity", "ethnicity")
DISABILITY = Axis("disability", 3, _disability)
BIRTH_COUNTRY = _coded("birth_country", "country")
CITIZENSHIP = _coded("citizenship", "country")
GENERATION = Axis("generation", 3, _generation)
URBANISATION = _coded("area", "area")
EDUCATION = _coded("education", "education")
PERMIT = _coded("legal_status", "permit")
INDUSTRY = _coded("industry", "industry")
OCCUPATION = _coded("occupation", "occupation")
EMPLOYMENT_STATUS = _coded("employment_status", "employment_status")


# ---- dimensions --------------------------------------------------------------------------------------


def _dimension(
    name: str, axis: Axis, groups: Iterable[tuple[str, Iterable[int]]], leading: bool = False
) -> Dimension:
    """A dimension from its codes and the categories that each holds."""
    members = [(code, list(categories)) for code, categories in groups]
    matrix = np.zeros((len(members), axis.size), dtype=np.int64)
    for row, (_, categories) in enumerate(members):
        matrix[row, categories] = 1
    return Dimension(name, axis, tuple(code for code, _ in members), matrix, leading)


def _ages(name: str, groups: Iterable[tuple[str, int, int]], leading: bool = False) -> Dimension:
    """A dimension of ages from codes with their first and last age."""
    bands = [
        (code, [i for i, a in enumerate(_AGE_STARTS) if first <= a <= last]) for code, first, last in groups
    ]
    return _dimension(name, AGE, bands, leading)


def _standard(name: str, axis: Axis, national: str, leading: bool = False) -> Dimension:
    """A dimension of the standard codes of a national list."""
    rows = sorted((int(c), row.standard_code) for c, row in code_list(national).items())
    codes = [standard for _, standard in rows if standard not in ("_R", "_U")]
    return _dimension(name, axis, ((code, (i,)) for i, code in enumerate(codes[: axis.size])), leading)


_OLDEST = 200
_BROAD_AGES = (
    ("Y_LT15", 0, 14),
    ("Y15T24", 15, 24),
    ("Y25T34", 25, 34),
    ("Y35T44", 35, 44),
    ("Y45T54", 45, 54),
    ("Y55T64", 55, 64),
    ("Y_GE65", 65, _OLDEST),
)
_FIVE_YEARS = (*((f"Y{a}T{a + 4}", a, a + 4) for a in range(0, 75, 5)), ("Y_GE75", 75, _OLDEST))
_COUNTRY = _standard("country_of_birth", BIRTH_COUNTRY, "country")
_WORLD_REGIONS = (
    (TERRITORY, ("XI",)),
    ("005", ("VE", "CO", "PE", "BO", "EC", "AR", "BR", "PY")),
    ("013", ("NI", "HN")),
    ("029", ("HT", "CU", "DO")),
    ("021", ("US",)),
    ("142", ("CN",)),
    ("150", ("ES",)),
    ("_O", ("_O",)),
)


def _positions(codes: Iterable[str]) -> list[int]:
    return [_COUNTRY.codes.index(code) for code in codes]


_ISTMO, _STATELESS = _positions(["XI"])[0], _positions(["STL"])[0]

#: All dimensions, in the order of the columns of the table of true values.
DIMENSIONS = (
    _standard("reference_area", REFERENCE_AREA, "region", leading=True),
    _standard("sex", SEX, "sex", leading=True),
    _ages("age", _BROAD_AGES, leading=True),
    _ages("age_5", _FIVE_YEARS),
    _ages("minority", (("Y_LT18", 0, 17), ("Y_GE18", 18, _OLDEST))),
    _dimension("migratory_status", STATUS, (("NB", range(4)), ("FB", range(4, 8))), leading=True),
    _dimension("migratory_status", BIRTHPLACE, (("NB", (0,)), ("FB", (1,)))),
    _dimension(
        "birth_and_citizenship",
        STATUS,
        (("NB_C", (0, 1)), ("NB_F", (2, 3)), ("FB_C", (4, 5)), ("FB_F", (6, 7))),
    ),
    _dimension("arrival", STATUS, (("REC", (5, 7)), ("EST", (4, 6)), (NOT_APPLICABLE, range(4)))),
    _dimension("return_migration", STATUS, (("NRET", (0, 2)), ("RET", (1, 3)), ("FB", range(4, 8)))),
    _dimension("generation", GENERATION, (("GEN1", (0,)), ("GEN2", (1,)), ("GEN0", (2,)))),
    _dimension(
        "citizenship_status",
        CITIZENSHIP,
        (
            ("CIT", (_ISTMO,)),
            ("FOR", [i for i in range(CITIZENSHIP.size) if i not in (_ISTMO, _STATELESS)]),
            ("STL", (_STATELESS,)),
        ),
    ),
    _COUNTRY,
    _dimension(
        "region_of_birth", BIRTH_COUNTRY, ((code, _positions(codes)) for code, codes in _WORLD_REGIONS)
    ),
    _standard("country_of_citizenship", CITIZENSHIP, "country"),
    _standard("permit", PERMIT, "permit"),
    _standard("urbanisation", URBANISATION, "area"),
    _standard("ethnicity", ETHNICITY, "ethnicity", leading=True),
    _dimension(
        "disability", DISABILITY, (("NODIS", (0,)), ("DIS", (1,)), (NOT_APPLICABLE, (2,))), leading=True
    ),
    _dimension(
        "education",
        EDUCATION,
        (("EDU_LOW", range(3)), ("EDU_MED", (3,)), ("EDU_HIGH", range(4, 7)), (NOT_APPLICABLE, (7,))),
    ),
    _standard("industry", INDUSTRY, "industry"),
    _standard("occupation", OCCUPATION, "occupation"),
    _standard("employment_status", EMPLOYMENT_STATUS, "employment_status"),
)

_COMMON = (REFERENCE_AREA, BIRTHPLACE, SEX, AGE)

#: The cubes: the leading axes all together, and every other axis with region, birthplace, sex and age.
CUBES = (
    Cube((REFERENCE_AREA, SEX, AGE, STATUS, ETHNICITY, DISABILITY)),
    *(
        Cube((*_COMMON, axis), own=axis.name)
        for axis in (
            BIRTH_COUNTRY,
            CITIZENSHIP,
            GENERATION,
            PERMIT,
            URBANISATION,
            EDUCATION,
            INDUSTRY,
            OCCUPATION,
            EMPLOYMENT_STATUS,
        )
    ),
)


def dimensions_of(axis: Axis) -> tuple[Dimension, ...]:
    """The dimensions that an axis gives.

    >>> [d.name for d in dimensions_of(AGE)]
    ['age', 'age_5', 'minority']
    """
    return tuple(d for d in DIMENSIONS if d.axis is axis)


def dimension_names() -> tuple[str, ...]:
    """Names of the dimensions, each once, in order."""
    return tuple(dict.fromkeys(d.name for d in DIMENSIONS))
