"""Tables of people who exist: whatever is crossed, the people themselves are a joint table, and the gate's
attacker is never weaker than one who reckons with every kind of person there could be."""

from collections import Counter
from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import linprog

from caudal.protect.attacker import Attacker, Knowledge
from caudal.protect.cells import CellSystem, Link, build_system
from caudal.protect.overlap import Overlap

DIMENSIONS = ["set", "sex", "status", "arrival", "area"]
SETS = {"all": {"out", "job", "none"}, "active": {"job", "none"}, "jobless": {"none"}}
LINKS = [Link("all", "active", "inactive"), Link("active", "jobless", "busy")]
#: Unbalanced on purpose: one country has no region, one region no country.
STATUS = {"AR": "005", "BO": "005", "005": "FB", "HT": "029", "029": "FB", "142": "FB", "_O": "FB"}
AREA = {"N1": "N", "N2": "N", "S1": "S", "S2": "S"}
HIERARCHIES = {"status": STATUS, "area": AREA}
LEVELS = {
    "sex": [{"F", "M", "_U"}],
    "status": [
        {"FB", "NB", "_U"},
        {"005", "029", "142", "_O", "NB", "_U"},
        {"AR", "BO", "HT", "142", "_O", "NB", "_U"},
    ],
    "arrival": [{"REC", "EST", "_Z", "_U"}],
    "area": [{"N", "S"}, {"N1", "N2", "S1", "S2"}],
}
PAIRS = frozenset({("REC", "FB"), ("EST", "FB"), ("_Z", "NB"), ("_U", "FB"), ("_U", "_U")})
OVERLAPS = [Overlap("arrival", "status", PAIRS)]

KINDS = [
    dict(zip(DIMENSIONS, kind, strict=True))
    for kind in product(
        ("out", "job", "none"),
        ("F", "M", "_U"),
        ("AR", "BO", "HT", "142", "_O", "NB", "_U"),
        ("REC", "EST", "_Z", "_U"),
        ("N1", "N2", "S1", "S2"),
    )
    if (kind[3], "FB" if kind[2] not in ("NB", "_U") else kind[2]) in PAIRS
]


def up(code: str, tree: dict[str, str]) -> set[str]:
    found = {code, "_T"}
    while code in tree:
        code = tree[code]
        found.add(code)
    return found


def member(kind: dict[str, str], key: tuple[str, ...]) -> bool:
    """Whether a kind of person is counted in a cell."""
    return kind["set"] in SETS[key[0]] and all(
        c in up(kind[d], HIERARCHIES.get(d, {})) for d, c in zip(DIMENSIONS[1:], key[1:], strict=True)
    )


@st.composite
def populations(draw: st.DrawFn) -> tuple[Counter, list[tuple[str, tuple[tuple[str, int], ...]]]]:
    people = Counter(draw(st.lists(st.sampled_from(range(len(KINDS))), min_size=5, max_size=60)))
    grid = st.dictionaries(st.sampled_from(DIMENSIONS[1:]), st.integers(0, 2), max_size=3)
    shares = draw(
        st.lists(st.sampled_from([("all", "active"), ("active", "jobless")]), min_size=1, max_size=4)
    )
    shapes = []
    for share in shares:  # a share has a denominator and cases in the same tables
        crossed = tuple(sorted((d, level % len(LEVELS[d])) for d, level in draw(grid).items()))
        shapes += [(s, crossed) for s in share]
    return people, [*((s, ()) for s in SETS), *shapes]


def cells_of(people: Counter, shapes: list) -> dict[tuple[str, ...], int]:
    """The cells of the tables. Totals are shown with an inner table only by chance; empty cells always."""
    found = {}
    for name, grid in shapes:
        chosen = dict(grid)
        codes = [sorted(LEVELS[d][chosen[d]]) if d in chosen else ["_T"] for d in DIMENSIONS[1:]]
        for key in product([name], *codes):
            found[key] = sum(n for k, n in people.items() if member(KINDS[k], key))
    return found


def system_of(people: Counter, shapes: list) -> CellSystem:
    return build_system(DIMENSIONS, cells_of(people, shapes), HIERARCHIES, links=LINKS, overlaps=OVERLAPS)


@settings(max_examples=30, deadline=None)
@given(populations())
def test_people_who_exist_are_never_refused(given_: tuple) -> None:
    system = system_of(*given_)
    assert not (system.matrix @ system.counts).any()
    assert (system.counts >= 0).all()


def widths(system: CellSystem, withheld: np.ndarray) -> dict[tuple[str, ...], float]:
    """What the gate's attacker narrows each withheld cell to."""
    know = Knowledge(system.counts.astype(float), np.zeros(system.size), np.zeros(system.size))
    attacker = Attacker(system.matrix, know, withheld | system.hidden)
    found = {}
    for c in np.flatnonzero(withheld):
        ends = [attacker.push(np.array([c]), np.array([sign]))[0][c] for sign in (1.0, -1.0)]
        found[system.keys[c]] = float(ends[1] - ends[0])
    return found


def reader(cells: dict, withheld: set, key: tuple[str, ...]) -> float:
    """The same by somebody who writes down every kind of person."""
    shown = [k for k in cells if k not in withheld]
    a = np.array([[float(member(kind, k)) for kind in KINDS] for k in shown])
    b = np.array([cells[k] for k in shown], float)
    row = np.array([float(member(kind, key)) for kind in KINDS])
    ends = []
    for sign in (1, -1):
        answer = linprog(sign * row, A_eq=a, b_eq=b, bounds=(0, None), method="highs")
        ends.append(np.inf if answer.status == 3 else answer.fun)
    return float("inf") if np.isinf(ends[1]) else -ends[1] - ends[0]


def check_not_weaker(given_: tuple, chance: object) -> None:
    people, shapes = given_
    system, cells = system_of(people, shapes), cells_of(people, shapes)
    shown = np.flatnonzero(~system.hidden & (system.counts > 0))
    withheld = np.zeros(system.size, bool)
    withheld[[c for c in shown if chance.random() < 0.4 and any(x != "_T" for x in system.keys[c][1:])]] = (
        True
    )
    gone = {system.keys[c] for c in np.flatnonzero(withheld)}
    for key, width in widths(system, withheld).items():
        assert width <= reader(cells, gone, key) + 1e-5, (key, cells, sorted(gone))


@settings(max_examples=6, deadline=None)
@given(populations(), st.randoms(use_true_random=False))
def test_no_reader_knows_more_than_the_attacker(given_: tuple, chance: object) -> None:
    check_not_weaker(given_, chance)


def kind(*codes: str) -> int:
    return KINDS.index(dict(zip(DIMENSIONS, codes, strict=True)))


def shapes_of(*tables: tuple[str, dict[str, int]]) -> list:
    return [*((s, ()) for s in SETS), *((s, tuple(sorted(grid.items()))) for s, grid in tables)]


def test_a_relation_holds_where_one_set_is_shown_by_finer_categories_than_another() -> None:
    people = Counter({kind("out", "F", "AR", "REC", "N1"): 4, kind("job", "F", "AR", "REC", "N1"): 1})
    shapes = shapes_of(
        ("all", {"sex": 0, "status": 0}),
        ("active", {"sex": 0, "status": 0}),
        ("active", {"status": 1}),
        ("all", {"arrival": 0}),
        ("active", {"arrival": 0}),
    )
    system = system_of(people, shapes)
    assert not (system.matrix @ system.counts).any()


def test_a_relation_narrows_a_table_that_crosses_more() -> None:
    people = Counter({kind("out", "F", "AR", "REC", "N1"): 6, kind("out", "M", "NB", "_Z", "N1"): 1})
    shapes = shapes_of(("all", {"arrival": 0}), ("all", {"sex": 0, "status": 0}))
    system = system_of(people, shapes)
    withheld = np.array([k[2] != "_T" for k in system.keys]) & ~system.hidden & (system.counts > 0)
    found = widths(system, withheld)
    assert found[("all", "M", "NB", "_T", "_T")] == pytest.approx(
        0
    )  # all others arrived, so were born abroad


def test_a_relation_among_finer_categories_narrows_what_is_crossed_by_coarse_ones() -> None:
    finer = frozenset({("REC", "005"), ("EST", "029"), ("_Z", "NB"), ("_U", "_U")})
    people = Counter({kind("out", "F", "AR", "REC", "N1"): 6, kind("out", "F", "HT", "EST", "N1"): 3})
    cells = cells_of(people, shapes_of(("all", {"arrival": 0, "status": 0}), ("all", {"status": 1})))
    related = [Overlap("arrival", "status", finer)]
    system = build_system(DIMENSIONS, cells, HIERARCHIES, links=LINKS, overlaps=related)
    withheld = np.array([k[2] in ("005", "029") for k in system.keys]) & ~system.hidden & (system.counts > 0)
    assert list(widths(system, withheld).values()) == pytest.approx([0, 0])


def test_a_margin_is_as_fine_as_the_finest_table_that_adds_up_to_it() -> None:
    people = Counter({kind("none", "F", "BO", "EST", "S1"): 6, kind("none", "M", "_O", "REC", "S1"): 1})
    shapes = shapes_of(
        ("jobless", {"area": 1, "status": 0}),
        ("jobless", {"area": 0, "sex": 0, "status": 1}),
        ("jobless", {"area": 0, "arrival": 0}),
    )
    system = system_of(people, shapes)
    assert system.counts[system.index[("jobless", "_T", "005", "_T", "S")]] == 6


@pytest.mark.long
@settings(max_examples=150, deadline=None)
@given(populations(), st.randoms(use_true_random=False))
def test_no_reader_knows_more_than_the_attacker_in_many_populations(given_: tuple, chance: object) -> None:
    check_not_weaker(given_, chance)
