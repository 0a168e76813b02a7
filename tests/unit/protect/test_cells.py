"""Cells and equations: hierarchies, remainders, skipped levels, rings, links."""

import numpy as np
import pytest
from scipy import sparse

from benchmarks.protect_tables import random_counts, with_margins
from caudal.errors import CaudalError
from caudal.protect.cells import Link, build_system
from caudal.protect.ring import fill, ring_core


def codes(error: pytest.ExceptionInfo[CaudalError]) -> set[str]:
    return {p.code for p in error.value.problems}


def test_a_cube_has_one_equation_for_each_family() -> None:
    system = build_system(["a", "b"], with_margins(random_counts((3, 4), 100, (1, 1), 0), ["a", "b"]))
    assert system.matrix.shape == (4 + 1 + 3 + 1, 20)
    assert not (system.matrix @ system.counts).any()
    assert not system.hidden.any()


def test_a_hierarchy_gives_an_equation_at_each_level() -> None:
    cells = {("_T",): 10, ("N",): 6, ("S",): 4, ("N1",): 5, ("N2",): 1}
    system = build_system(["area"], cells, {"area": {"N1": "N", "N2": "N"}})
    assert sorted(system.equation(r) for r in range(2)) == [
        "area=N = area=N1 + area=N2",
        "total = area=N + area=S",
    ]


def test_a_level_that_a_table_skips_is_reckoned_with() -> None:
    cells = {("_T",): 10, ("N1",): 5, ("N2",): 1, ("S1",): 4}
    system = build_system(["area"], cells, {"area": {"N1": "N", "N2": "N", "S1": "S"}})
    hidden = {system.keys[c][0]: int(system.counts[c]) for c in np.flatnonzero(system.hidden)}
    assert hidden == {"N": 6, "S": 4}
    assert not (system.matrix @ system.counts).any()


def test_what_categories_leave_over_is_a_cell_that_a_reader_can_compute() -> None:
    system = build_system(["sex"], {("_T",): 10, ("F",): 6, ("M",): 3})
    assert system.counts[system.remainder].tolist() == [1]
    assert (system.hidden == system.remainder).all()


def test_remainders_of_one_set_of_categories_are_one_category() -> None:
    cells = with_margins(random_counts((3, 3), 300, (0.3, 0.3), 1), ["a", "b"])
    published = {k: n for k, n in cells.items() if k[0] != "a2"}
    system = build_system(["a", "b"], published)
    rest = {system.keys[c][0] for c in np.flatnonzero(system.remainder)}
    assert len(rest) == 1
    assert not (system.matrix @ system.counts).any()
    assert system.matrix.shape[0] == 8  # four over a; over b the total, two rows and the remainder


def test_a_trivial_level_is_an_equality() -> None:
    system = build_system(["area"], {("_T",): 7, ("N",): 7, ("N1",): 7}, {"area": {"N1": "N"}})
    assert system.matrix.shape == (2, 3)


@pytest.mark.parametrize("loop", [{"a": "b", "b": "a"}, {"a": "a"}, {"a": "b", "b": "c", "c": "b"}])
def test_a_loop_is_refused(loop: dict[str, str]) -> None:
    with pytest.raises(CaudalError) as error:
        build_system(["area"], {("_T",): 1, ("a",): 1}, {"area": loop})
    assert codes(error) == {"protect-hierarchy-loop"}


def test_contradictory_margins_are_all_named_at_once() -> None:
    cells = with_margins(random_counts((3, 3), 300, (0.3, 0.3), 1), ["a", "b"])
    cells[("a0", "_T")] -= 1
    cells[("a1", "_T")] -= 1
    with pytest.raises(CaudalError) as error:
        build_system(["a", "b"], cells)
    assert codes(error) == {"protect-contradictory-margins"}
    assert len(error.value.problems) >= 2


@pytest.mark.parametrize("count", [-1, 2.5])
def test_a_cell_is_a_count(count: float) -> None:
    with pytest.raises(CaudalError) as error:
        build_system(["a"], {("_T",): 5, ("x",): count})  # type: ignore[dict-item]
    assert codes(error) == {"protect-not-a-count"}


def test_a_link_makes_the_complement_a_cell() -> None:
    cells = {("all", "F"): 9, ("all", "_T"): 20, ("poor", "F"): 8, ("poor", "_T"): 15}
    system = build_system(["set", "sex"], cells, links=[Link("all", "poor", "rest")])
    assert system.counts[system.index[("rest", "F")]] == 1
    assert system.remainder[system.index[("rest", "F")]]


def test_an_empty_complement_is_known_to_be_empty() -> None:
    cells = {("all", "F"): 9, ("poor", "F"): 9}
    system = build_system(["set", "sex"], cells, links=[Link("all", "poor", "rest")])
    assert system.size == 2 and system.matrix.shape[0] == 1


def test_a_ring_of_tables_brings_the_joint_table_in() -> None:
    cells = with_margins(random_counts((3, 3, 2), 200, (0.5, 0.5, 0.2), 4), ["a", "b", "c"])
    ring = {k: n for k, n in cells.items() if "_T" in k}
    system = build_system(["a", "b", "c"], ring)
    joint = np.flatnonzero(system.hidden)
    assert 0 < len(joint) <= 18
    assert not (system.matrix @ system.counts).any()
    assert (system.counts >= 0).all()


def test_a_ring_hidden_by_levels_of_a_hierarchy_is_seen() -> None:
    """Regions by sex and status, communes by sex, communes by status: a ring below the regions."""
    names = ["area", "sex", "status"]
    full = with_margins(random_counts((4, 2, 2), 400, (0.3, 0.1, 0.1), 5), names)
    tree = {"area0": "N", "area1": "N", "area2": "S", "area3": "S"}
    cells = {k: n for k, n in full.items() if k[0] == "_T" or "_T" in k[1:]}
    for region in ("N", "S"):
        for key, n in full.items():
            if tree.get(key[0]) == region:
                up = (region, *key[1:])
                cells[up] = cells.get(up, 0) + n
    system = build_system(names, cells, {"area": tree})
    assert system.hidden.any()


def test_no_ring_no_joint_table() -> None:
    cells = with_margins(random_counts((3, 3, 2), 200, (0.5, 0.5, 0.2), 4), ["a", "b", "c"])
    chain = {k: n for k, n in cells.items() if k[0] == "_T" or k[2] == "_T"}
    assert not build_system(["a", "b", "c"], chain).hidden.any()


def test_a_ring_too_large_to_audit_is_refused() -> None:
    cells = with_margins(random_counts((3, 3, 2), 200, (0.5, 0.5, 0.2), 4), ["a", "b", "c"])
    with pytest.raises(CaudalError) as error:
        build_system(["a", "b", "c"], {k: n for k, n in cells.items() if "_T" in k}, ring_limit=10)
    assert codes(error) == {"protect-ring-too-large"}


def test_graham_reduction_leaves_only_rings() -> None:
    a, b, c, d = ((i, 1) for i in range(4))
    assert ring_core([frozenset({a, b, c}), frozenset({a, b}), frozenset({c, d})]) == []
    assert len(ring_core([frozenset(p) for p in ((a, b), (b, c), (c, d), (d, a))])) == 4


def test_a_row_of_known_cells_that_does_not_add_up_is_refused() -> None:
    matrix = sparse.csr_array(np.array([[-1, 1, 0], [-1, 0, 1]]))
    known = np.array([True, True, False])
    assert fill(matrix, np.array([5, 5, 0]), known).tolist() == [5, 5, 5]
    with pytest.raises(CaudalError) as error:
        fill(matrix, np.array([5, 4, 0]), known)
    assert [p.code for p in error.value.problems] == ["protect-no-joint-table"]
