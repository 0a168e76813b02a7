"""Attacks on suppressed tables at the release level: four integers or more, zeros published."""

from functools import cache

import numpy as np
import pytest

from benchmarks.protect_tables import random_counts, with_margins
from caudal.protect.cells import build_system
from caudal.protect.primary import small_counts
from caudal.protect.suppress import Demand, suppress
from tests.attack.checker import possible_values
from tests.attack.tables import Reader

NAMES = ["area", "origin", "age"]


@cache
def released(shape: tuple[int, ...], persons: int, seed: int, lower: int = 1):
    names = NAMES[: len(shape)]
    cells = with_margins(random_counts(shape, persons, [0.9] * len(shape), seed), names)
    system = build_system(names, cells)
    primary = small_counts(system.counts, 5)
    pattern = suppress(system, primary, demand=Demand(4, lower), zeros=lower == 0, seed=seed)
    return cells, system, pattern


@pytest.mark.parametrize("seed", range(4))
def test_the_integer_attacker_finds_four_values_for_every_suppressed_cell(seed: int) -> None:
    cells, system, pattern = released((4, 3, 2), 90, seed)
    if not pattern.certified:
        pytest.skip("this table cannot be released: it is refused, which another test is about")
    hidden = {system.keys[c] for c in np.flatnonzero(pattern.suppressed)}
    reader = Reader(cells, hidden, least=1)
    assert hidden, "the table has small cells, so something must be withheld"
    for key in hidden:
        assert len(reader.values(key, 4)) == 4, key


def test_most_random_tables_can_be_released() -> None:
    assert sum(released((4, 3, 2), 90, seed)[2].certified for seed in range(4)) >= 2


@pytest.mark.parametrize("seed", range(3))
def test_the_linear_attacker_narrows_no_cell_below_three(seed: int) -> None:
    cells, system, pattern = released((6, 4, 3), 400, seed)
    assert pattern.certified
    hidden = {system.keys[c] for c in np.flatnonzero(pattern.suppressed)}
    reader = Reader(cells, hidden, least=1)
    for key in hidden:
        low, high = reader.interval(key)
        assert high - low >= 3 - 1e-6, key


def test_the_attack_works_on_a_line_rule_pattern() -> None:
    """The attacker is no straw man: a pattern with two cells in each line falls to it."""
    cells = with_margins(np.array([[1, 1, 9], [2, 1, 8], [9, 9, 9]]), NAMES[:2])
    hidden = {(f"area{i}", f"origin{j}") for i in (0, 1) for j in (0, 1)}
    reader = Reader(cells, hidden, least=1)
    assert min(len(reader.values(key, 4)) for key in hidden) < 4


def test_the_attacker_who_knows_one_person_learns_no_more_than_that_cell_holds_one() -> None:
    """With zeros published everybody knows that a suppressed cell holds at least one person; the attacker
    who stands in it knows no more."""
    cells, system, pattern = released((4, 3, 2), 90, 1)
    hidden = {system.keys[c] for c in np.flatnonzero(pattern.suppressed)}
    for key in sorted(hidden)[:6]:
        assert len(Reader(cells, hidden, least=1).values(key, 4)) == 4


@pytest.mark.parametrize("seed", range(3))
def test_a_third_party_confirms_the_certificate_from_the_margins_alone(seed: int) -> None:
    _, system, pattern = released((6, 4, 3), 400, seed)
    assert pattern.certified and pattern.certificate is not None
    hidden = np.flatnonzero(pattern.suppressed)
    names = [system.name(c) for c in range(system.size)]
    equations = []
    for row in range(system.matrix.shape[0]):
        part = slice(system.matrix.indptr[row], system.matrix.indptr[row + 1])
        members, signs = system.matrix.indices[part], system.matrix.data[part]
        parent = names[int(members[signs < 0][0])]
        equations.append((parent, [names[int(c)] for c in members[signs > 0]]))
    truth = {names[c]: int(system.counts[c]) for c in hidden}
    tables = [truth]
    for cells, moves in pattern.certificate.moves:
        moved = {names[int(c)]: int(m) for c, m in zip(cells, moves, strict=True)}
        tables.append({n: x + moved.get(n, 0) for n, x in truth.items()})
    published = {names[c]: int(system.counts[c]) for c in range(system.size) if not pattern.suppressed[c]}
    values = possible_values(equations, published, truth, tables, dict.fromkeys(truth, 1))
    assert min(len(v) for v in values.values()) >= 4


def test_the_checker_rejects_a_table_that_does_not_add_up() -> None:
    with pytest.raises(AssertionError, match="not the sum"):
        possible_values([("t", ["a", "b"])], {"t": 5}, ["a", "b"], [{"a": 2, "b": 2}], {"a": 1, "b": 1})


def test_every_alternative_obeys_the_rule_that_the_program_follows() -> None:
    """Who reruns our rules on an alternative finds the same published cells: none of them is small."""
    _, system, pattern = released((6, 4, 3), 400, 2)
    assert pattern.certificate is not None
    for cells, moves in pattern.certificate.moves:
        table = system.counts.copy()
        table[cells] += moves
        assert not (small_counts(table, 5) & ~pattern.suppressed).any()
