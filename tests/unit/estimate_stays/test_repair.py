"""Dirty histories: each policy by hand, and every repair counted."""

from __future__ import annotations

import numpy as np
import pytest

from caudal.estimate.stays.repair import Crossings, RepairPolicy, Repairs, Runs, repaired

UNKNOWN = np.array([-1, -1], np.int8)
DAY = 1440


def _history(*rows: tuple[int, int], person: int = 0) -> Crossings:
    """(minute, 1 entry or 0 exit) of one person, in the order of the sorted keys."""
    ordered = sorted(rows)
    return Crossings(
        np.full(len(rows), person),
        np.array([r[0] for r in ordered]),
        np.array([r[1] for r in ordered], np.uint8),
    )


def _rows(crossings: Crossings) -> list[tuple[int, int]]:
    return list(zip(crossings.minute.tolist(), crossings.inside.tolist(), strict=True))


@pytest.mark.parametrize(
    ("runs", "of_entries", "of_exits"),
    [
        (Runs.MIDPOINT, 5 * DAY, 5 * DAY),
        (Runs.HOLD, 10 * DAY, 10 * DAY),
        (Runs.SWITCH, 0, 0),
        (Runs.INSIDE, 10 * DAY, 0),
        (Runs.OUTSIDE, 0, 10 * DAY),
    ],
)
def test_the_missing_crossing_of_a_run(runs: Runs, of_entries: int, of_exits: int) -> None:
    for side, when in ((1, of_entries), (0, of_exits)):
        clean, counts = repaired(_history((0, side), (10 * DAY, side)), RepairPolicy(runs), UNKNOWN)
        assert _rows(clean) == [(0, side), (when, 1 - side), (10 * DAY, side)]
        assert clean.imputed is not None
        assert clean.imputed.tolist() == [0, 1, 0]
        assert (counts.runs_of_entries_n, counts.runs_of_exits_n) == (side, 1 - side)


@pytest.mark.parametrize(("stay", "when"), [(3, 3 * DAY), (40, 10 * DAY), (None, 5 * DAY)])
def test_the_declared_stay_of_an_entry(stay: int | None, when: int) -> None:
    two = _history((0, 1), (10 * DAY, 1))
    code = np.array([0 if stay is None else stay + 1, 0])
    two = Crossings(two.person, two.minute, two.inside, {"declared_stay_days": code})
    clean, _ = repaired(two, RepairPolicy(Runs.DECLARED), UNKNOWN, "declared_stay_days")
    assert _rows(clean)[1] == (when, 0)


def test_the_whole_person_is_dropped() -> None:
    a, b = _history((0, 1), (5, 1)), _history((0, 1), (9, 0), person=1)
    both = Crossings(
        np.concatenate([a.person, b.person]),
        np.concatenate([a.minute, b.minute]),
        np.concatenate([a.inside, b.inside]),
    )
    clean, counts = repaired(both, RepairPolicy(Runs.DROP), UNKNOWN)
    assert set(clean.person.tolist()) == {1}
    assert (counts.dropped_persons_n, counts.dropped_crossings_n, counts.runs_of_entries_n) == (1, 2, 1)


def test_copies_go_and_are_counted() -> None:
    clean, counts = repaired(
        _history((0, 1), (0, 1), (50, 1), (9 * DAY, 0)), RepairPolicy(Runs.HOLD, 60), UNKNOWN
    )
    assert _rows(clean) == [(0, 1), (9 * DAY, 0)]
    assert counts.duplicates_n == 2


@pytest.mark.parametrize(
    ("before", "initial", "expected"),
    [
        ([(0, 1)], -1, [1, 0, 1]),  # inside: leaves, then returns in the same minute
        ([(0, 0)], -1, [0, 1, 0]),  # outside: enters, then leaves
        ([], 1, [0, 1]),
        ([], 0, [1, 0]),
        ([], -1, [1, 0]),
    ],
)
def test_ties_continue_the_history(before: list[tuple[int, int]], initial: int, expected: list[int]) -> None:
    history = _history(*before, (DAY, 0), (DAY, 1))
    clean, counts = repaired(history, RepairPolicy(), np.array([initial, -1], np.int8))
    assert clean.inside.tolist() == expected
    assert counts.ties_n == 1


def test_the_side_before_the_first_of_two_ties_holds_for_both() -> None:
    clean, counts = repaired(_history((0, 1), (5, 0), (5, 1), (9, 0), (9, 1)), RepairPolicy(), UNKNOWN)
    assert clean.inside.tolist() == [1, 0, 1, 0, 1]
    assert counts == Repairs(ties_n=2, entry_successions_n=2, exit_successions_n=1)


def test_repairs_do_not_touch_what_they_are_given() -> None:
    history = _history((0, 1), (0, 1), (DAY, 1))
    repaired(history, RepairPolicy(), UNKNOWN)
    assert _rows(history) == [(0, 1), (0, 1), (DAY, 1)]
