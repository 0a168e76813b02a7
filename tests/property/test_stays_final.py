"""What is called final stays: no crossing after the date of finality changes a status or a migration."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from caudal.estimate.stays.decide import Alternating, FinalDays, Statuses, final_days, statuses
from caudal.estimate.stays.rule import TWELVE_OF_SIXTEEN, UN_TWELVE_MONTHS, Basis, ResidenceRule
from tests.support.stays_histories import continued, random_histories, random_rule

RULES = (
    ResidenceRule(365, 487),
    UN_TWELVE_MONTHS,
    ResidenceRule(12, 16, Basis.MONTHS),
    ResidenceRule(6, 12, Basis.MONTHS),
    ResidenceRule(275, 365),
    ResidenceRule(183, 365),
)
# Gaps at and beside the limits of the rules, where a wrong inequality would show.
_gap = st.one_of(
    st.integers(1, 500), st.sampled_from([1, 90, 91, 121, 122, 123, 182, 183, 241, 242, 243, 244, 365, 366])
)


def _judged(
    days: list[int], first_side: int, initial: int, rule: ResidenceRule
) -> tuple[Statuses, FinalDays]:
    inside = ((np.arange(len(days)) + first_side) % 2).astype(np.uint8)
    histories = Alternating(
        np.array([0, len(days)]), np.array(days, np.int32), inside, np.array([initial], np.int8)
    )
    calendar = rule.calendar(0, days[-1])
    found = statuses(histories, calendar)
    return found, final_days(histories, found, calendar)


def _columns(found: Statuses) -> tuple[npt.NDArray[np.uint8], ...]:
    return found.before, found.after, found.migration


@given(
    gaps=st.lists(_gap, min_size=1, max_size=8),
    later=st.lists(_gap, min_size=1, max_size=6),
    first_side=st.integers(0, 1),
    initial=st.integers(-1, 1),
    rule=st.sampled_from(RULES),
)
# Two migrations in one window: 181 of 365 days from January, so that the second is decided before the first.
@example(gaps=[1, 1, 1, 182], later=[1, 1], first_side=0, initial=0, rule=ResidenceRule(6, 12, Basis.MONTHS))
@example(gaps=[1, 1, 1, 182], later=[1, 1], first_side=0, initial=0, rule=ResidenceRule(182, 365))
@settings(max_examples=400, deadline=None, derandomize=True)
def test_what_is_final_stays(
    gaps: list[int], later: list[int], first_side: int, initial: int, rule: ResidenceRule
) -> None:
    days = np.cumsum(gaps).tolist()
    found, final = _judged(days, first_side, initial, rule)
    for row in range(len(days)):
        for name, result, dates in zip(
            ("before", "after", "migration"),
            _columns(found),
            (final.before, final.after, final.migration),
            strict=True,
        ):
            known = [d for d in days if d <= dates[row]]
            future = max(known[-1], int(dates[row])) + np.cumsum(later)
            other, _ = _judged([*known, *future.tolist()], first_side, initial, rule)
            assert (
                dict(zip(("before", "after", "migration"), _columns(other), strict=True))[name][row]
                == result[row]
            )


def _many_keep_what_is_final(seed: int, rules: int, persons: int) -> None:
    """Random rules, histories and continuations; both forms of the rule."""
    random = np.random.default_rng(seed)
    for _ in range(rules):
        rule = random_rule(random)
        histories = random_histories(random, rule, persons)
        calendar = rule.calendar(int(histories.day.min()), int(histories.day.max()))
        found = statuses(histories, calendar)
        final = final_days(histories, found, calendar)
        arrays = statuses(histories, calendar, use_compiled=False)
        in_arrays = final_days(histories, arrays, calendar, use_compiled=False)
        row = random.integers(0, np.diff(histories.offsets)) + histories.offsets[:-1]
        for name in ("before", "after", "migration"):
            assert np.array_equal(getattr(found, name), getattr(arrays, name)), rule
            assert np.array_equal(getattr(final, name), getattr(in_arrays, name)), rule
            other = continued(random, rule, histories, getattr(final, name)[row])
            later = statuses(other, rule.calendar(int(other.day.min()), int(other.day.max())))
            same = row - histories.offsets[:-1] + other.offsets[:-1]
            assert np.array_equal(getattr(later, name)[same], getattr(found, name)[row]), (rule, name)


def test_what_is_final_stays_under_any_rule() -> None:
    _many_keep_what_is_final(seed=1, rules=25, persons=2000)


@pytest.mark.long
@pytest.mark.parametrize("seed", range(2, 6))
def test_what_is_final_stays_under_a_thousand_rules(seed: int) -> None:
    _many_keep_what_is_final(seed, rules=250, persons=4000)


def test_the_published_244_days_would_not_stay() -> None:
    """Why a rule's own limit is shorter: a crossing back after 244 days can still become a migration."""
    published, days = TWELVE_OF_SIXTEEN, [100, 344]
    _, final = _judged(days, 0, 1, published)
    _, ours = _judged(days, 0, 1, ResidenceRule(365, 487))
    assert int(final.migration[1]) == 344
    assert int(ours.migration[1]) > 344
    # Back for 121 days, away for 122, back for good: 365 of 487 days at home, and before that 366 away.
    found, _ = _judged([*days, 344 + 121, 344 + 121 + 122], 0, 1, published)
    assert found.migration.tolist() == [1, 1, 0, 0]
