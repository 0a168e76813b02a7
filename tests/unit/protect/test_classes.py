"""Cells that move together, the programmes over them, and the walk over whole-number alternatives."""

import numpy as np
import pytest
from scipy import sparse

from benchmarks.protect_tables import random_counts, with_margins
from caudal.protect.alternatives import Alternatives
from caudal.protect.attacker import Attacker, Knowledge
from caudal.protect.audit import audit_widths
from caudal.protect.cells import CellSystem, build_system
from caudal.protect.certificates import is_alternative
from caudal.protect.classes import find_classes
from caudal.protect.primary import small_counts
from caudal.protect.walk import steps_of, walk

NAMES = ["a", "b", "c"]


def system_of(seed: int) -> CellSystem:
    return build_system(NAMES, with_margins(random_counts((6, 4, 3), 500, (0.8, 0.8, 0.8), seed), NAMES))


def chosen(system: CellSystem, seed: int) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return small_counts(system.counts, 5) | (rng.uniform(size=system.size) < 0.35) & (system.counts > 0)


@pytest.mark.parametrize("seed", range(5))
def test_every_alternative_moves_the_cells_of_a_class_together(seed: int) -> None:
    system = system_of(seed)
    pattern = chosen(system, seed)
    cells = np.flatnonzero(pattern)
    classes = find_classes(system.matrix[:, cells].tocsr())
    null = np.linalg.svd(system.matrix[:, cells].toarray().astype(float))[2][
        np.linalg.matrix_rank(system.matrix[:, cells].toarray()) :
    ]
    assert len(null)
    for d in null:
        first = {int(c): i for i, c in reversed(list(enumerate(classes.class_of))) if classes.sign[i]}
        y = np.array([d[first[c]] * classes.sign[first[c]] if c in first else 0 for c in range(classes.size)])
        assert np.allclose(classes.sign * y[classes.class_of], d)
        assert np.allclose(classes.reduced @ y, 0)


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("lower", [0, 1])
def test_widths_are_those_of_the_programme_over_all_cells(seed: int, lower: int) -> None:
    system = system_of(seed)
    pattern = chosen(system, seed)
    values = system.counts.astype(float)
    know = Knowledge(values, np.full(system.size, float(lower)), np.full(system.size, 3.0))
    failures = {
        f.cell: f for f in audit_widths(system.matrix, system.matrix.T.tocsr(), know, pattern).failures
    }
    attacker = Attacker(system.matrix, know, pattern)
    narrow = 0
    for cell in np.flatnonzero(pattern):
        ends = [attacker.push(np.array([cell]), np.array([s]))[0][cell] for s in (1.0, -1.0)]
        width = ends[1] - ends[0]
        assert (cell in failures) == (width < 3 - 1e-6)
        if cell in failures:
            narrow += 1
            ids, added = failures[cell].reach
            # the cut is tight: what the suppressed cells add is the width, no more
            assert failures[cell].width == pytest.approx(width, abs=1e-6)
            assert added[pattern[ids]].sum() == pytest.approx(width, abs=1e-6)
    assert narrow


def test_a_cut_holds_for_every_wider_pattern() -> None:
    """``width <= sum of reaches`` whatever else is suppressed, not only for the pattern that gave the cut."""
    system = system_of(1)
    pattern = chosen(system, 1)
    values = system.counts.astype(float)
    know = Knowledge(values, np.ones(system.size), np.full(system.size, 3.0))
    found = audit_widths(system.matrix, system.matrix.T.tocsr(), know, pattern).failures
    rng = np.random.default_rng(0)
    checked = 0
    for failure in found:
        for _ in range(5):
            wider = pattern | (rng.uniform(size=system.size) < 0.1) & (system.counts > 0)
            ids, added = failure.reach
            bound = added[wider[ids]].sum()
            if np.isfinite(bound):
                attacker = Attacker(system.matrix, know, wider)
                at = np.array([failure.cell])
                ends = [attacker.push(at, np.array([s]))[0][failure.cell] for s in (1.0, -1.0)]
                assert ends[1] - ends[0] <= bound + 1e-6
                checked += 1
    assert checked > 5


def test_components_are_audited_apart() -> None:
    """Two tables that share nothing: pushing one leaves the other alone."""
    block = np.array([[1, 1, 1, 0], [1, 0, 0, 1]])
    matrix = sparse.csr_array(np.kron(np.eye(2, dtype=np.int64), block))
    know = Knowledge(np.full(8, 5.0), np.zeros(8), np.full(8, 3.0))
    space = Alternatives(matrix, know, np.ones(8, bool))
    assert len(space.parts_of(np.arange(space.classes.size))) == 2
    ids, moved, _, _ = space.push(0, np.flatnonzero(space.part_of == 0)[:1], np.array([1.0]))
    cells, _ = space.point(ids, moved)
    assert len(cells) and (cells < 4).all()


def test_the_walk_meets_only_alternatives() -> None:
    system = system_of(2)
    pattern = chosen(system, 2)
    know = Knowledge(system.counts.astype(float), np.ones(system.size), np.full(system.size, 3.0))
    cells = np.flatnonzero(pattern)
    sub = system.matrix[:, cells].tocsr()
    low, high = (1 - system.counts)[cells], np.full(len(cells), 100)
    seen = np.zeros((len(cells), 17), bool)
    seen[:, 8] = True
    moves = steps_of(sub, np.random.default_rng(0))
    found = walk(moves, np.zeros(len(cells), np.int64), low, high, np.ones(len(cells), bool), seen, 4, 1)
    assert len(found) > 5
    for d in found:
        whole = np.zeros(system.size, np.int64)
        whole[cells] = d
        assert is_alternative(system.matrix, know, pattern, whole)
