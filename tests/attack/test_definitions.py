"""An attacker who reads the definitions: migrants are a category of the population, foreigners are two of
citizenship, birth crossed with citizenship is both. He writes down every kind of person there could be."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from functools import cache
from itertools import product
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from scipy.optimize import Bounds, LinearConstraint, milp

from caudal.catalogue import load_catalogue
from caudal.estimate.indicators import key_dimensions
from caudal.model.catalogue import Catalogue
from caudal.model.observation import conform
from caudal.model.protection import ProtectionPolicy
from caudal.protect import protect_release
from caudal.river.hierarchies import aliases, definitions, hierarchies, overlaps

HERE = "XI"
KINDS = list(product((HERE, "AR", "_U"), (HERE, "AR", "STL", "_U"), "FM"))
Kind = tuple[str, str, str]
Where = Mapping[str, str]

SETS: Mapping[str, Callable[[Kind], bool]] = {
    "population": lambda k: True,
    "migrant_stock": lambda k: k[0] not in (HERE, "_U"),
    "foreign_citizens": lambda k: k[1] not in (HERE, "_U"),
}
VECTORS = {"population": "everyone", "migrant_stock": "birth", "foreign_citizens": "citizenship"}


def status(kind: Kind) -> dict[str, str]:
    """The categories of a kind of person."""
    born = {HERE: "NB", "_U": "_U"}.get(kind[0], "FB")
    citizen = {HERE: "CIT", "_U": "_U", "STL": "STL"}.get(kind[1], "FOR")
    both = "_U" if "_U" in (born, citizen) else f"{born}_{'C' if citizen == 'CIT' else 'F'}"
    return {
        "migratory_status": born,
        "citizenship_status": citizen,
        "birth_and_citizenship": both,
        "sex": kind[2],
        "country_of_birth": kind[0],
    }


DIMENSIONS = tuple(status(KINDS[0]))


def member(kind: Kind, indicator: str, where: Where) -> bool:
    told = status(kind)
    return SETS[indicator](kind) and all(told[d] == c for d, c in where.items())


@cache
def common_language() -> Catalogue:
    return load_catalogue()[0]


def tables(crossings: list[tuple[str, tuple[str, ...]]]) -> list[tuple[str, Where]]:
    """Every cell of some crossings, each with its indicator."""
    found: dict[tuple[str, tuple[tuple[str, str], ...]], None] = {}
    for indicator, crossed in crossings:
        codes = [sorted({status(k)[d] for k in KINDS if SETS[indicator](k)}) for d in crossed]
        for combo in product(*codes):
            found[indicator, tuple(zip(crossed, combo, strict=True))] = None
    return [(indicator, dict(where)) for indicator, where in found]


def observations(people: Counter[Kind], cells: list[tuple[str, Where]], survey: bool) -> pa.Table:
    rows: list[dict[str, Any]] = []
    for indicator, where in cells:
        n = sum(c for k, c in people.items() if member(k, indicator, where))
        row = {
            "indicator_code": indicator,
            "indicator_version": "1",
            "reporter_code": HERE,
            "unit_code": "PS",
        }
        place = {
            "reference_area_code": HERE,
            "time_period": "2024",
            "source_code": "people",
            "vintage": "2024",
        }
        vector = f"measure=stock;unit=person;basis={VECTORS[indicator]};age_scope=all"
        count = {"value": n * (97.3 if survey else 1.0), "sample_n": n, "cases_n": n}
        error = {"sampling_se": 1.0 if survey else None}
        crossed = {f"{d}_code": where.get(d, "_T") for d in DIMENSIONS}
        rows.append({**row, **place, "concept_vector": vector, **count, **error, **crossed})
    return conform(pa.Table.from_pylist(rows), key_dimensions(common_language()))


def judged(table: pa.Table) -> pa.Table:
    catalogue = common_language()
    indicators = [catalogue.indicators[i] for i in SETS]
    return protect_release(
        table,
        ProtectionPolicy(never_crossed=()),
        hierarchies=hierarchies(table, catalogue, HERE),
        aliases=aliases(catalogue),
        indicators=indicators,
        overlaps=overlaps(table, catalogue, HERE),
        definitions=definitions(catalogue, indicators, {"people": "person"}, HERE),
    )[0]


def narrowest(released: pa.Table, cells: list[tuple[str, Where]], people: Counter[Kind]) -> float:
    """The fewest values that a withheld count can have, for whoever knows the definitions."""
    shown = {
        (r["indicator_code"], *(r[f"{d}_code"] for d in DIMENSIONS)): r["verdict"] != "suppressed"
        for r in released.to_pylist()
    }
    a = np.array([[float(member(k, i, w)) for k in KINDS] for i, w in cells])
    true = a @ np.array([people[k] for k in KINDS], float)
    open_ = np.array([shown[(i, *(w.get(d, "_T") for d in DIMENSIONS))] for i, w in cells])
    low, high = np.where(open_, true, 1), np.where(open_, true, np.inf)
    known = LinearConstraint(a, low, high)  # empty cells are shown, so what is withheld is not empty
    found = []
    of_somebody = np.array(["_U" not in w.values() for _, w in cells])
    for row in a[~open_ & of_somebody]:
        ends = [
            milp(sign * row, constraints=known, bounds=Bounds(0, np.inf), integrality=np.ones(len(KINDS)))
            for sign in (1, -1)
        ]
        found.append(np.inf if ends[1].fun is None else -ends[1].fun - ends[0].fun + 1)
    return min(found, default=np.inf)


CROSSINGS = [
    [
        ("population", ()),
        ("population", ("migratory_status", "sex")),
        ("population", ("migratory_status",)),
        ("population", ("sex",)),
        ("migrant_stock", ()),
        ("migrant_stock", ("sex",)),
    ],
    [
        ("population", ()),
        ("population", ("birth_and_citizenship",)),
        ("population", ("migratory_status",)),
        ("migrant_stock", ()),
        ("migrant_stock", ("citizenship_status",)),
        ("foreign_citizens", ()),
        ("foreign_citizens", ("migratory_status",)),
    ],
    [
        ("population", ()),
        ("population", ("citizenship_status",)),
        ("population", ("citizenship_status", "sex")),
        ("population", ("sex",)),
        ("foreign_citizens", ()),
        ("foreign_citizens", ("sex",)),
        ("migrant_stock", ()),
        ("migrant_stock", ("country_of_birth",)),
        ("migrant_stock", ("sex",)),
    ],
]


@pytest.mark.parametrize("survey", [False, True], ids=["census", "survey"])
@pytest.mark.parametrize("crossings", CROSSINGS, ids=["same cell", "product", "two categories"])
def test_the_definitions_open_nothing(survey: bool, crossings: list[Any]) -> None:
    withheld = 0
    for seed in range(4):
        rng = np.random.default_rng(seed)
        typical = [40 if k[0] == k[1] == HERE else rng.choice([0.5, 2, 6]) for k in KINDS]
        people = Counter(dict(zip(KINDS, map(int, rng.poisson(typical)), strict=True)))
        cells = tables(crossings)
        released = judged(observations(people, cells, survey))
        withheld += released.column("verdict").to_pylist().count("suppressed")
        assert narrowest(released, cells, people) >= 4
    assert withheld
