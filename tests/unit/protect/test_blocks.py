"""Large systems block by block: certified as a whole, the same every time, honest where nothing protects."""

import numpy as np
import pytest

from benchmarks.protect_tables import random_counts
from caudal.protect import blocks
from caudal.protect.blocks import confirmed, packed_minimum, suppress_in_blocks
from caudal.protect.cells import CellSystem, build_system
from caudal.protect.cubes import Cubes, Rules, trees
from caudal.protect.grids import choose, grids_of
from caudal.protect.primary import small_counts
from caudal.protect.suppress import Demand, suppress
from tests.attack.checker import possible_values

NAMES = ["commune", "origin", "age"]
REGION = {f"c{i}": f"R{i % 3}" for i in range(12)}


def cells_of(seed: int, persons: int = 6000) -> dict[tuple[str, ...], int]:
    counts = random_counts((12, 5, 4), persons, (0.7, 0.9, 0.5), seed)
    found: dict[tuple[str, ...], int] = {}
    for (c, o, a), n in np.ndenumerate(counts):
        for area in (f"c{c}", REGION[f"c{c}"], "_T"):
            for origin in (f"o{o}", "_T"):
                for age in (f"a{a}", "_T"):
                    found[(area, origin, age)] = found.get((area, origin, age), 0) + int(n)
    return found


def system_of(seed: int) -> CellSystem:
    return build_system(NAMES, cells_of(seed), {"commune": REGION})


@pytest.fixture(scope="module")
def system() -> CellSystem:
    return system_of(1)


@pytest.mark.parametrize(("lower", "zeros"), [(1, False), (0, True)])
@pytest.mark.parametrize("size", [4000, 100])
def test_the_whole_is_certified_by_the_proofs_of_its_blocks(
    system: CellSystem, lower: int, zeros: bool, size: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whole families, and pairs of siblings: a third party needs the margins and additions alone."""
    monkeypatch.setattr(blocks, "BLOCK", size)
    pattern = suppress_in_blocks(system, small_counts(system.counts, 5), demand=Demand(4, lower), zeros=zeros)
    assert pattern.certified and pattern.certificate is not None
    names = {system.name(c): c for c in range(system.size)}
    hidden = [system.name(int(c)) for c in np.flatnonzero(pattern.suppressed)]
    truth = {n: int(system.counts[c]) for n, c in names.items()}
    alternatives = [{n: truth[n] for n in hidden}]
    for cells, moved in pattern.certificate.moves:
        more = dict(zip((system.name(int(c)) for c in cells), moved.tolist(), strict=True))
        alternatives.append({n: truth[n] + more.get(n, 0) for n in hidden})
    equations = []
    for e in range(system.matrix.shape[0]):
        part = slice(system.matrix.indptr[e], system.matrix.indptr[e + 1])
        row, signs = system.matrix.indices[part], system.matrix.data[part]
        children = [system.name(int(c)) for c in row[signs > 0]]
        equations.append((system.name(int(row[signs < 0][0])), children))
    published = {n: x for n, x in truth.items() if n not in set(hidden)}
    values = possible_values(equations, published, hidden, alternatives, dict.fromkeys(hidden, lower))
    assert all(len(v) >= 4 for v in values.values())


def test_it_is_not_far_from_the_search_of_the_whole(system: CellSystem) -> None:
    primary = small_counts(system.counts, 5)
    whole, parts = suppress(system, primary), suppress_in_blocks(system, primary)
    assert 0 < parts.least_secondary_n <= whole.secondary_n <= parts.secondary_n <= 2 * whole.secondary_n


def test_the_same_table_gives_the_same_pattern(system: CellSystem) -> None:
    primary = small_counts(system.counts, 5)
    one, two = (suppress_in_blocks(system, primary) for _ in range(2))
    assert (one.suppressed == two.suppressed).all()


def test_a_cell_that_nothing_protects_is_named(system: CellSystem) -> None:
    """All else must stay: the small cells are open, and the pattern is not certified."""
    primary = small_counts(system.counts, 5)
    pattern = suppress_in_blocks(system, primary, fixed=~primary)
    assert not pattern.certified
    assert set(pattern.open_cells) <= set(np.flatnonzero(primary).tolist())
    assert pattern.open_cells


def test_without_time_nothing_is_certified(system: CellSystem) -> None:
    """Cubes need no time limit; without them either, every small cell is named as open."""
    primary = small_counts(system.counts, 5)
    pattern = suppress_in_blocks(system, primary, fixed=~primary, time_limit_s=0.0)
    assert not pattern.certified
    assert set(pattern.open_cells) == set(np.flatnonzero(primary).tolist())


def test_cells_that_must_stay_stay(system: CellSystem) -> None:
    primary = small_counts(system.counts, 5)
    fixed = np.array([k[1] == "_T" or k[2] == "_T" for k in system.keys]) & ~primary
    pattern = suppress_in_blocks(system, primary, fixed=fixed)
    assert not (pattern.suppressed & fixed).any()


def test_a_move_that_breaks_an_equation_or_shows_a_published_cell_is_not_counted(system: CellSystem) -> None:
    all_cells = np.ones(system.size, bool)
    none, lower = np.zeros(system.size, bool), np.zeros(system.size, np.int64)
    broken = (np.array([0]), np.array([1]))
    assert confirmed(system, all_cells, lower, [broken])[0] == ()
    cubes = Cubes(system)
    rules = Rules(lower, none, np.ones(system.size), 4)
    cell = int(np.argmax(system.counts * np.array([k[0] == "c0" and "_T" not in k for k in system.keys])))
    found = cubes.cheapest(cell, none, rules, np.random.default_rng(0), 500)
    assert found is not None
    assert len(confirmed(system, all_cells, lower, [found[0]])[0]) == 1
    assert confirmed(system, none, lower, [found[0]])[0] == ()
    least = system.counts.copy()
    assert confirmed(system, all_cells, least, [found[0]])[0] == ()


def test_the_packed_minimum_needs_a_cell_for_each_lone_one() -> None:
    rows = {("_T", "_T"): 42, ("x", "_T"): 21, ("y", "_T"): 21}
    rows |= {("_T", "p"): 23, ("_T", "q"): 19, ("x", "p"): 3, ("x", "q"): 18, ("y", "p"): 20, ("y", "q"): 1}
    system = build_system(["a", "b"], rows)
    primary = small_counts(system.counts, 5)
    assert primary.sum() == 2
    assert packed_minimum(system, primary, ~primary & False, zeros=False) == 2


def test_trees_are_read_from_the_equations(system: CellSystem) -> None:
    found = trees(system)
    assert found[0]["c4"] == "R1" and found[0]["R1"] == "_T"
    assert found[1] == {f"o{i}": "_T" for i in range(5)}


def test_grids_with_too_many_small_cells_and_rings_are_left_out() -> None:
    cells = cells_of(1, 900)
    given = grids_of(NAMES, cells, {"commune": REGION}, 5)
    assert len(given) == 12
    choice = choose(given, 0.25)
    assert {len(g.cells) for g in choice.sparse} >= {240}
    without = [g for g in given if len(g.edge) < 4 and g.share <= 0.25]
    assert all(g.share <= 0.25 for g in choice.kept)
    assert {len(g.cells) for g in choice.kept} | {len(g.cells) for g in choice.rings} == {
        len(g.cells) for g in without
    }
    ring = grids_of(["a", "b", "c"], {k: 9 for k in _ring()}, {}, 5)
    assert len(choose(ring).rings) == 1


def _ring() -> list[tuple[str, ...]]:
    found = []
    for i in range(3):
        for x in "pq":
            for y in "pq":
                key = ["_T"] * 3
                key[i], key[(i + 1) % 3] = x, y
                found.append(tuple(key))
    return found
