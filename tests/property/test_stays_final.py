"""What is called final stays: no crossing after the date of finality changes a status or a migration."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from hypothesis import given, settings
from hypothesis import strategies as st

from caudal.estimate.stays.decide import Alternating, FinalDays, Statuses, final_days, statuses
from caudal.estimate.stays.rule import TWELVE_OF_SIXTEEN, UN_TWELVE_MONTHS, Basis, ResidenceRule

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
