"""The rule spelled out by date: months, leap years, unbroken stays, and what cannot be a rule."""

from __future__ import annotations

from datetime import date

import pytest

from caudal.errors import CaudalError
from caudal.estimate.stays.rule import TWELVE_OF_SIXTEEN, UN_TWELVE_MONTHS, Basis, ResidenceRule

EPOCH = date(1970, 1, 1).toordinal()


def _lengths(rule: ResidenceRule, on: date) -> tuple[int, int]:
    day = on.toordinal() - EPOCH
    calendar = rule.calendar(day - 5, day + 5)
    return int(calendar.threshold[5]), int(calendar.window[5])


@pytest.mark.parametrize(
    ("on", "threshold_ends", "window_ends"),
    [
        (date(2019, 3, 1), date(2020, 3, 1), date(2020, 7, 1)),
        (date(2020, 2, 29), date(2021, 2, 28), date(2021, 6, 29)),
        (date(2019, 10, 31), date(2020, 10, 31), date(2021, 2, 28)),
        (date(2018, 10, 31), date(2019, 10, 31), date(2020, 2, 29)),
        (date(1969, 12, 31), date(1970, 12, 31), date(1971, 4, 30)),
    ],
)
def test_calendar_months_end_on_the_same_day_or_the_last(
    on: date, threshold_ends: date, window_ends: date
) -> None:
    expected = ((threshold_ends - on).days, (window_ends - on).days)
    assert _lengths(ResidenceRule(12, 16, Basis.MONTHS), on) == expected


def test_days_do_not_know_leap_years() -> None:
    assert _lengths(TWELVE_OF_SIXTEEN, date(2020, 2, 29)) == (365, 487)


def test_names_and_kinds() -> None:
    assert TWELVE_OF_SIXTEEN.name == "365_of_487_days"
    assert UN_TWELVE_MONTHS.is_continuous
    assert not TWELVE_OF_SIXTEEN.is_continuous
    assert ResidenceRule(12, 16, Basis.MONTHS).longest_days == 489


@pytest.mark.parametrize(("threshold", "window"), [(0, 10), (11, 10), (-1, -1)])
def test_refuses_what_nobody_can_meet(threshold: int, window: int) -> None:
    with pytest.raises(CaudalError, match="stays-rule-impossible"):
        ResidenceRule(threshold, window)


def test_a_crossing_back_is_final_at_once_only_where_that_is_certain() -> None:
    assert ResidenceRule(365, 487).calendar(0, 1).instant_days == 242
    assert ResidenceRule(183, 365).calendar(0, 1).instant_days == 0
    assert ResidenceRule(6, 12, Basis.MONTHS).calendar(0, 1).instant_days == -1
