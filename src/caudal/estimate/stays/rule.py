"""The residence rule as parameters: how long, within how long, counted how.

A crossing at date t makes its side (inside for an entry, outside for an exit) the place of residence if
the person is on that side for at least ``threshold`` of the following ``window``:

    side(t, t + window] >= threshold.

With ``threshold == window`` the stay must be continuous. Lengths are days or calendar months. A calendar
month ends on the same day of a later month, or on its last day where there is none (29 February plus
twelve months is 28 February), so that a threshold of twelve months is 365 or 366 days. Everything is
reckoned in whole local dates; the order of crossings within a date counts, the hour does not.

References: United Nations, Recommendations on Statistics of International Migration, Rev. 1 (1998), and
the 12/16 rule of Stats NZ and the Australian Bureau of Statistics. The module decides nothing about
whose residence it is: citizenship and visas are irrelevant to the rule.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
import numpy.typing as npt

from caudal.errors import CaudalError, problem

_DAYS_A_MONTH = 365.25 / 12
Int32s = npt.NDArray[np.int32]


class Basis(StrEnum):
    """The unit in which a rule counts."""

    DAYS = "days"
    MONTHS = "months"


@dataclass(frozen=True)
class ResidenceRule:
    """Residence after ``threshold`` of the following ``window``, in the unit ``basis``.

    ``instant_days``: a crossing back this soon (in days) after one that could be a migration is never a
    migration itself, so that it is final at once. By default the largest delay for which that can be
    proved, ``2 threshold - window - 1`` days; it moves dates of finality only, never a status.

    Raises :class:`~caudal.errors.CaudalError` unless ``0 < threshold <= window``.

    >>> ResidenceRule(12, 16, Basis.MONTHS).name
    '12_of_16_months'
    >>> ResidenceRule(365, 365).is_continuous
    True
    """

    threshold: int
    window: int
    basis: Basis = Basis.DAYS
    instant_days: int | None = None

    def __post_init__(self) -> None:
        if not 0 < self.threshold <= self.window:
            raise CaudalError(problem("stays-rule-impossible", threshold=self.threshold, window=self.window))

    @classmethod
    def parse(cls, text: str) -> ResidenceRule:
        """The rule that ``text`` names: ``12/16`` (and any other numbers of months, reckoned in days as the
        published rule is), ``12/16 months`` (calendar months), ``365/487 days``, or ``UN``.

        Raises :class:`~caudal.errors.CaudalError` for anything else.

        >>> ResidenceRule.parse("12/16") == TWELVE_OF_SIXTEEN, ResidenceRule.parse("UN") == UN_TWELVE_MONTHS
        (True, True)
        >>> ResidenceRule.parse("6/12").name, ResidenceRule.parse("9/12 months").name
        ('183_of_365_days', '9_of_12_months')
        """
        if text.strip().upper() == "UN":
            return UN_TWELVE_MONTHS
        found = re.fullmatch(r"(\d{1,4})/(\d{1,4})\s*(days|months|)", text.strip())
        if found is None:
            raise CaudalError(problem("stays-rule-malformed", found=text))
        threshold, window, unit = int(found[1]), int(found[2]), found[3]
        if unit == "months":
            return cls(threshold, window, Basis.MONTHS)
        if not unit:
            threshold, window = (round(n * _DAYS_A_MONTH) for n in (threshold, window))
        published = (TWELVE_OF_SIXTEEN.threshold, TWELVE_OF_SIXTEEN.window)
        return TWELVE_OF_SIXTEEN if (threshold, window) == published else cls(threshold, window)

    @property
    def name(self) -> str:
        """The rule in one word, for concept vectors and file names."""
        return f"{self.threshold}_of_{self.window}_{self.basis}"

    @property
    def is_continuous(self) -> bool:
        """Whether a stay must be unbroken."""
        return self.threshold == self.window

    def calendar(self, first_day: int, last_day: int) -> RuleCalendar:
        """The rule spelled out for every date of a span (days since 1970-01-01, both included)."""
        days = np.arange(first_day, last_day + 1, dtype=np.int32)
        if self.basis is Basis.DAYS:
            threshold, window = np.full_like(days, self.threshold), np.full_like(days, self.window)
        else:
            threshold = _plus_months(days, self.threshold) - days
            window = _plus_months(days, self.window) - days
        shortest = self.threshold if self.basis is Basis.DAYS else _fewest_days(self.threshold)
        longest = self.window if self.basis is Basis.DAYS else _most_days(self.window)
        instant = self.instant_days if self.instant_days is not None else 2 * shortest - longest - 1
        return RuleCalendar(first_day, threshold, window, max(instant, -1))

    @property
    def longest_days(self) -> int:
        """An upper limit of the window in days: after it, every crossing is decided."""
        return self.window if self.basis is Basis.DAYS else _most_days(self.window)


@dataclass(frozen=True)
class RuleCalendar:
    """A rule for every date from ``first_day`` on: ``threshold`` and ``window`` in days, shape (days,).

    ``instant_days`` is -1 where no crossing back is final at once.
    """

    first_day: int
    threshold: Int32s
    window: Int32s
    instant_days: int


#: The outcomes-based rule as published, in days. It calls a crossing back final within 244 days, although
#: after exactly 243 or 244 a later crossing can still change it; ``ResidenceRule(365, 487)`` stops at 242.
TWELVE_OF_SIXTEEN = ResidenceRule(365, 487, instant_days=244)
#: Twelve months without a break: the long-term migrant of the 1998 recommendations.
UN_TWELVE_MONTHS = ResidenceRule(12, 12, Basis.MONTHS)


def _plus_months(days: Int32s, months: int) -> Int32s:
    """The dates ``months`` later: same day of the month, or its last day where there is none."""
    dates = days.astype("datetime64[D]")
    month = dates.astype("datetime64[M]")
    day_of_month = (dates - month.astype("datetime64[D]")).astype(np.int32)
    target = month + months
    length = ((target + 1).astype("datetime64[D]") - target.astype("datetime64[D]")).astype(np.int32)
    moved = target.astype("datetime64[D]").astype(np.int32) + np.minimum(day_of_month, length - 1)
    return np.asarray(moved, dtype=np.int32)


#: Four years hold every length that a number of months can have, this century.
_FOUR_YEARS = np.arange(1461, dtype=np.int32)


def _fewest_days(months: int) -> int:
    return int((_plus_months(_FOUR_YEARS, months) - _FOUR_YEARS).min())


def _most_days(months: int) -> int:
    return int((_plus_months(_FOUR_YEARS, months) - _FOUR_YEARS).max())
