"""Random tables: a released cell has four values or more, or nothing is released."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.protect_tables import with_margins
from caudal.errors import CaudalError
from caudal.protect.audit import PRIMES, recomputable
from caudal.protect.cells import build_system
from caudal.protect.primary import small_counts
from caudal.protect.suppress import Demand, knowledge, suppress
from tests.attack.tables import Reader

NAMES = ["area", "origin", "age"]
small = st.integers(0, 12)


@st.composite
def tables(draw: st.DrawFn) -> np.ndarray:
    shape = draw(st.sampled_from([(3, 3), (4, 3), (5, 4), (3, 2, 2), (3, 3, 2)]))
    cells = draw(st.lists(small, min_size=int(np.prod(shape)), max_size=int(np.prod(shape))))
    return np.array(cells, np.int64).reshape(shape)


def check(counts: np.ndarray, lower: int) -> None:
    names = NAMES[: counts.ndim]
    cells = with_margins(counts, names)
    system = build_system(names, cells)
    zeros = lower == 0
    primary = small_counts(system.counts, 5)
    pattern = suppress(system, primary, demand=Demand(4, lower), zeros=zeros)
    if not pattern.certified:
        return
    assert not (primary & ~pattern.suppressed).any()
    hidden = {system.keys[c] for c in np.flatnonzero(pattern.suppressed)}
    reader = Reader(cells, hidden, least=lower)
    for key in hidden:
        assert len(reader.values(key, 4)) == 4, (key, counts.tolist())
    for prime in PRIMES:
        assert not len(recomputable(system.matrix, pattern.suppressed, prime))


@settings(max_examples=25, deadline=None)
@given(tables(), st.sampled_from([0, 1]))
def test_no_released_cell_has_fewer_than_four_values(counts: np.ndarray, lower: int) -> None:
    check(counts, lower)


@pytest.mark.long
@pytest.mark.parametrize("lower", [0, 1])  # five thousand each, so that two workers share them
@settings(max_examples=5_000, deadline=None)
@given(tables())
def test_no_released_cell_has_fewer_than_four_values_in_ten_thousand_tables(
    lower: int, counts: np.ndarray
) -> None:
    check(counts, lower)


@settings(max_examples=25, deadline=None)
@given(tables(), st.randoms(use_true_random=False))
def test_rank_and_programme_agree_on_what_can_be_computed(counts: np.ndarray, random) -> None:
    """With no bounds to help him, a cell is recomputable exactly when its real interval is a point."""
    from caudal.protect.attacker import Knowledge
    from caudal.protect.audit import audit_widths

    names = NAMES[: counts.ndim]
    system = build_system(names, with_margins(counts + 50, names))
    chosen = np.array([random.random() < 0.45 for _ in range(system.size)])
    know = Knowledge(system.counts.astype(float), np.zeros(system.size), np.full(system.size, 1e-3))
    widths = audit_widths(system.matrix, system.matrix.T.tocsr(), know, chosen)
    exposed = set(recomputable(system.matrix, chosen).tolist())
    assert exposed == {f.cell for f in widths.failures if f.width < 1e-6}


@settings(max_examples=30, deadline=None)
@given(tables())
def test_margins_that_contradict_are_refused(counts: np.ndarray) -> None:
    names = NAMES[: counts.ndim]
    cells = with_margins(counts, names)
    total = ("_T",) * counts.ndim
    cells[total] -= 1
    if cells[total] < 0:
        return
    with pytest.raises(CaudalError) as error:
        build_system(names, cells)
    assert {p.code for p in error.value.problems} == {"protect-contradictory-margins"}


def test_the_attacker_of_zeros_is_not_the_attacker_of_ones() -> None:
    """A pattern that is safe when cells may be empty leaks when zeros are published: the demand counts."""
    counts = np.array([[1, 7, 2], [6, 1, 9], [2, 8, 1]])
    cells = with_margins(counts, NAMES[:2])
    system = build_system(NAMES[:2], cells)
    primary = small_counts(system.counts, 5)
    for lower in (0, 1):
        know = knowledge(system, primary, Demand(4, lower))
        assert (know.lower == lower).all()
