"""The search for a pattern: bounds, refusals, fixed cells, the same answer without the compiler."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from benchmarks.protect_tables import random_counts, with_margins
from caudal.protect.cells import CellSystem, build_system
from caudal.protect.certificates import is_alternative
from caudal.protect.primary import small_counts
from caudal.protect.suppress import Demand, knowledge, suppress

NAMES = ["a", "b", "c"]


def system_of(shape: tuple[int, ...], persons: int, seed: int) -> CellSystem:
    names = NAMES[: len(shape)]
    return build_system(names, with_margins(random_counts(shape, persons, [0.8] * len(shape), seed), names))


@pytest.fixture(scope="module")
def system() -> CellSystem:
    return system_of((5, 4, 3), 500, 0)


def test_the_proven_minimum_is_not_above_the_number_reached(system: CellSystem) -> None:
    pattern = suppress(system, small_counts(system.counts, 5))
    assert pattern.certified
    assert 0 < pattern.least_secondary_n <= pattern.secondary_n


def test_on_a_tiny_table_the_minimum_is_the_truth() -> None:
    """Brute force over all patterns of a 3 x 3 table agrees with the bound and the pattern."""
    from itertools import combinations

    from caudal.protect.audit import audit_widths

    system = build_system(
        NAMES[:2], with_margins(np.array([[3, 12, 14], [10, 20, 9], [8, 15, 30]]), NAMES[:2])
    )
    primary = small_counts(system.counts, 5)
    pattern = suppress(system, primary, demand=Demand(4, 1))
    know = knowledge(system, primary, Demand(4, 1))
    others = np.flatnonzero(~primary)

    def holds(extra: tuple[int, ...]) -> bool:
        trial = primary.copy()
        trial[list(extra)] = True
        return not audit_widths(system.matrix, system.matrix.T.tocsr(), know, trial).failures

    fewer = range(pattern.secondary_n)
    assert pattern.secondary_n == 3
    assert not any(holds(e) for n in fewer for e in combinations(others.tolist(), n))
    assert pattern.least_secondary_n <= 3


def test_moves_of_the_certificate_are_alternatives(system: CellSystem) -> None:
    primary = small_counts(system.counts, 5)
    pattern = suppress(system, primary)
    know = knowledge(system, primary, Demand())
    assert pattern.certificate is not None
    for cells, moves in pattern.certificate.moves:
        move = np.zeros(system.size, np.int64)
        move[cells] = moves
        assert is_alternative(system.matrix, know, pattern.suppressed, move)
        move[np.flatnonzero(~pattern.suppressed)[0]] += 1
        assert not is_alternative(system.matrix, know, pattern.suppressed, move)


def test_cells_that_must_stay_published_stay(system: CellSystem) -> None:
    primary = small_counts(system.counts, 5)
    first = suppress(system, primary)
    fixed = first.suppressed & ~primary
    fixed &= np.arange(system.size) < np.flatnonzero(fixed)[len(np.flatnonzero(fixed)) // 2]
    second = suppress(system, primary, fixed=fixed)
    assert not (second.suppressed & fixed).any()


def test_when_nothing_can_be_enough_it_says_so() -> None:
    system = build_system(["sex"], {("_T",): 10, ("F",): 3, ("M",): 7})
    fixed = system.counts != 3
    pattern = suppress(system, small_counts(system.counts, 5), fixed=fixed)
    assert not pattern.certified
    assert [system.name(c) for c in pattern.hopeless] == ["sex=F"]


def test_when_everything_must_go_it_goes_or_is_refused() -> None:
    system = build_system(["sex"], {("_T",): 4, ("F",): 2, ("M",): 2})
    pattern = suppress(system, small_counts(system.counts, 5))
    assert pattern.suppressed.all()
    assert pattern.certified


def test_no_time_no_certificate(system: CellSystem) -> None:
    pattern = suppress(system, small_counts(system.counts, 5), time_limit_s=0.0)
    assert not pattern.certified


def test_a_dearer_cell_is_spared(system: CellSystem) -> None:
    primary = small_counts(system.counts, 5)
    cost = np.ones(system.size)
    total = system.index[("_T",) * 3]
    one_way = np.array([sum(c != "_T" for c in k) <= 1 for k in system.keys])
    cost[one_way] = 50.0
    pattern = suppress(system, primary, cost=cost)
    assert pattern.certified
    assert not pattern.suppressed[total]
    assert (pattern.suppressed & one_way & ~primary).sum() <= (
        suppress(system, primary).suppressed & one_way
    ).sum()


def test_zeros_may_hide_others_where_the_custodian_allows_it() -> None:
    counts = np.array([[2, 0, 30], [0, 25, 40], [33, 21, 0]])
    system = build_system(NAMES[:2], with_margins(counts, NAMES[:2]))
    pattern = suppress(system, small_counts(system.counts, 5), demand=Demand(4, 0), zeros=True)
    assert pattern.certified


def test_the_answer_is_the_same_without_the_compiler() -> None:
    """`fast` is an extra: the same pattern, byte for byte, where numba cannot be imported."""
    root = Path(__file__).parents[3]
    program = (
        "import sys\n"
        "if sys.argv[1] == 'plain': sys.modules['numba'] = None\n"
        "from tests.unit.protect.test_suppress import system_of\n"
        "from caudal.protect.primary import small_counts\n"
        "from caudal.protect.suppress import suppress\n"
        "s = system_of((4, 3), 120, 3)\n"
        "print(suppress(s, small_counts(s.counts, 5)).suppressed.tobytes().hex())\n"
    )
    found = {
        way: subprocess.run(
            [sys.executable, "-c", program, way],
            cwd=root,
            env={"PYTHONPATH": f"{root / 'src'}:{root}", "PATH": "/usr/bin:/bin"},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for way in ("plain", "compiled")
    }
    assert found["plain"] == found["compiled"] != ""
