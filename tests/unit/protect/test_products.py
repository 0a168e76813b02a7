"""Patterns of cubes prove themselves, in plain cubes, trees and rings; what comes of a search that is cut."""

import itertools
import tracemalloc
from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import pytest

from benchmarks.protect_tables import random_counts, with_margins
from caudal.model.protection import ProtectionPolicy
from caudal.protect import route
from caudal.protect import suppress as search
from caudal.protect.cells import CellSystem, build_system
from caudal.protect.certificates import Certificate, confirmed
from caudal.protect.contract import Task
from caudal.protect.methods import method
from caudal.protect.primary import small_counts
from caudal.protect.products import cube_pattern
from caudal.protect.suppress import Demand, Pattern, knowledge, suppress
from tests.attack.tables import Reader

NAMES = ["area", "origin", "age"]


def cells_of(shape: tuple[int, ...], persons: int, seed: int) -> dict[tuple[str, ...], int]:
    return with_margins(random_counts(shape, persons, [0.8] * len(shape), seed), NAMES[: len(shape)])


def plain() -> CellSystem:
    return build_system(NAMES, cells_of((5, 4, 3), 500, 0))


def tree() -> CellSystem:
    cells = cells_of((6, 4, 3), 900, 1)
    parents = {f"area{i}": f"R{i % 2}" for i in range(6)}
    for key, n in list(cells.items()):
        if key[0] in parents:
            up = (parents[key[0]], *key[1:])
            cells[up] = cells.get(up, 0) + n
    return build_system(NAMES, cells, {"area": parents})


def ring() -> CellSystem:
    cells = {k: n for k, n in cells_of((4, 3, 3), 250, 2).items() if "_T" in k}
    return build_system(NAMES, cells)


def made(
    system: CellSystem, candidate: np.ndarray | None = None, **options: float
) -> tuple[np.ndarray, Certificate] | None:
    primary = small_counts(system.counts, 5) & ~system.hidden
    know = knowledge(system, primary, Demand(4, 1))
    always = primary | system.hidden
    allowed = ~always & (system.counts > 0) if candidate is None else candidate & ~always
    found = cube_pattern(system, know, always, allowed, np.ones(system.size), **options)
    if found is None:
        return None
    return found[0], confirmed(system.matrix, know, found[0], found[1], 4)


@pytest.mark.parametrize("system", [plain(), tree(), ring()], ids=["plain", "tree", "ring"])
def test_a_pattern_of_cubes_proves_every_cell_that_it_withholds(system: CellSystem) -> None:
    primary = small_counts(system.counts, 5) & ~system.hidden
    found = made(system)
    assert primary.any() and found is not None
    pattern, proof = found
    assert (pattern >= primary).all() and not pattern.all()
    assert proof.unproved == () and proof.proved_n == (pattern & ~system.hidden).sum()


def test_the_tree_and_the_ring_are_what_they_say() -> None:
    assert {k[0] for k in tree().keys} >= {"R0", "R1"}
    assert any(k[0].startswith("joint:") for k in ring().keys)


def test_an_independent_reader_finds_four_values_in_a_pattern_of_cubes() -> None:
    cells = cells_of((4, 3, 2), 150, 3)
    system = build_system(NAMES, cells)
    found = made(system)
    assert found is not None
    hidden = {system.keys[c] for c in np.flatnonzero(found[0])}
    reader = Reader(cells, hidden, least=1)
    assert hidden and all(len(reader.values(key, 4)) == 4 for key in hidden)


def test_where_a_cell_has_no_cube_there_is_no_pattern() -> None:
    assert made(plain(), np.zeros(plain().size, bool)) is None


def test_where_no_time_is_left_there_is_no_pattern() -> None:
    assert made(plain(), deadline=0.0) is None


def test_the_same_table_gives_the_same_cubes() -> None:
    first, second = made(plain()), made(plain())
    assert first is not None and second is not None and (first[0] == second[0]).all()


def without_proof(*args: object, **options: object) -> Certificate:
    return Certificate(4, (), tuple(np.flatnonzero(args[2]).tolist()), 0)


def test_a_search_without_a_proof_ends_in_cubes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(search, "certify", without_proof)
    system = plain()
    pattern = suppress(system, small_counts(system.counts, 5))
    assert pattern.certified and pattern.of_cubes and not pattern.cut
    assert pattern.least_secondary_n <= pattern.secondary_n


class Clock:
    """Processor time that runs by a second whenever somebody looks."""

    def __init__(self) -> None:
        self.ticks = itertools.count()

    def process_time(self) -> float:
        return float(next(self.ticks))


def cut_search(monkeypatch: pytest.MonkeyPatch, limit_s: float) -> Pattern:
    monkeypatch.setattr(search, "time", Clock())
    system = plain()
    return suppress(system, small_counts(system.counts, 5), time_limit_s=limit_s)


def test_whenever_the_time_runs_out_it_is_certified_or_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    found = [cut_search(monkeypatch, limit) for limit in (2, 8, 16, 40)]
    for pattern in found:
        assert pattern.certified or pattern.open_cells
        assert pattern.certified or pattern.cut
    assert any(p.cut and p.certified for p in found), "the best certified pattern so far is kept"


@pytest.mark.parametrize(("dimensions_n", "has_cubes"), [(17, True), (30, False)])
def test_tables_of_many_dimensions_do_not_fill_the_memory(dimensions_n: int, has_cubes: bool) -> None:
    """Each of many dimensions has a table of its own: a cube has two corners along each of them."""
    names = [f"d{i}" for i in range(dimensions_n)]
    total = ("_T",) * dimensions_n
    cells = {total: 60} | {
        (*total[:i], code, *total[i + 1 :]): n
        for i in range(dimensions_n)
        for code, n in (("a", 3), ("b", 20), ("c", 37))
    }
    tracemalloc.start()
    try:
        found = made(build_system(names, cells))
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert most < 1_000_000_000
    assert (found is not None) == has_cubes and (found is None or not found[1].unproved)


def task(policy: Mapping[str, object]) -> Task:
    system = plain()
    nothing = np.zeros(system.size, bool)
    return Task(
        "XX/census/2024/2026",
        system,
        small_counts(system.counts, 5),
        nothing,
        nothing,
        np.ones(system.size),
        ProtectionPolicy(**policy),  # type: ignore[arg-type]
    )


def test_the_verdict_says_how_the_pattern_was_made_and_what_would_withhold_less(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    real, asked = search.certify, []

    def first_without_proof(*args: object, **options: object) -> Certificate:
        asked.append(args[1])
        knows_one = np.any(args[1].lower == 1)  # type: ignore[attr-defined]
        return without_proof(*args) if knows_one else real(*args, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(search, "certify", first_without_proof)
    told = " ".join(n.text("en") for n in method("suppression").protect(task({})).notes)
    assert "made of cubes" in told
    assert "`zeros: suppressible`" in told and "secondary cells would be withheld" in told


def test_a_search_that_ends_by_itself_has_nothing_to_tell() -> None:
    assert method("suppression").protect(task({})).notes == ()


def test_where_most_cells_still_fail_cubes_follow_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(search, "MANY_FAILURES", 0)
    monkeypatch.setattr(search, "PATIENCE", 0)
    system = plain()
    pattern = suppress(system, small_counts(system.counts, 5))
    assert pattern.certified and pattern.of_cubes and pattern.rounds == 1


@pytest.mark.parametrize(("dearer", "certified"), [(-1.0, True), (1.0, True), (-1.0, False)])
def test_blocks_are_taken_where_they_are_certified_and_cheaper(
    monkeypatch: pytest.MonkeyPatch, dearer: float, certified: bool
) -> None:
    monkeypatch.setattr(search, "certify", without_proof)
    system = plain()
    primary = small_counts(system.counts, 5)
    cubes = suppress(system, primary)
    open_cells = () if certified else (0,)
    other = replace(
        cubes, cost=cubes.cost + dearer, least_secondary_n=0, of_cubes=False, open_cells=open_cells
    )
    monkeypatch.setattr(route, "suppress_in_blocks", lambda *args, **options: other)
    found = route.find_pattern(system, primary, demand=Demand())
    assert found.certified and found.in_blocks == (certified and dearer < 0) != found.of_cubes
    assert found.least_secondary_n == cubes.least_secondary_n > 0


def test_cubes_prove_what_blocks_leave(monkeypatch: pytest.MonkeyPatch) -> None:
    system = plain()
    primary = small_counts(system.counts, 5)
    whole = suppress(system, primary)
    proof = whole.certificate
    assert proof is not None and proof.unproved == ()
    know = knowledge(system, primary, Demand())
    half = confirmed(system.matrix, know, whole.suppressed, proof.moves[: len(proof.moves) // 2], 4)
    assert half.unproved
    left = replace(whole, certificate=half, open_cells=half.unproved)
    monkeypatch.setattr(route, "suppress", lambda *args, **options: replace(left, cut=True))
    monkeypatch.setattr(route, "suppress_in_blocks", lambda *args, **options: left)
    found = route.find_pattern(system, primary, demand=Demand())
    assert found.certified and found.in_blocks and found.cut
    assert (found.suppressed >= whole.suppressed).all()
    assert found.secondary_n == (found.suppressed & ~primary & ~system.hidden).sum()
