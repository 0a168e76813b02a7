"""Periods of a register: which are published, which are final, and where a year ends."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

from caudal.estimate.stays.rule import ResidenceRule
from caudal.model.period import bounds


@dataclass(frozen=True)
class Timing:
    """``first``: the first day whose figures do not lean on time before the register; ``last``: its last
    day; ``final``: the last day all of whose crossings are decided."""

    first: date
    last: date
    final: date

    @classmethod
    def of(cls, start: date, rule: ResidenceRule, last: date, *, burn_in: bool) -> Timing:
        """The timing of a register that begins on ``start`` and was known until ``last``."""
        window = timedelta(days=rule.longest_days)
        return cls(start + window if burn_in else start, last, last - window)

    def is_published(self, period: str) -> bool:
        """Whether a period lies within the register and after its burn-in.

        >>> timing = Timing(date(2019, 5, 3), date(2023, 12, 31), date(2022, 8, 31))
        >>> [timing.is_published(p) for p in ("2019", "2019-06", "2023", "2024-01")]
        [False, True, True, False]
        """
        start, end = bounds(period)
        return self.first <= start and end <= self.last

    def is_final(self, period: str) -> bool:
        """Whether all crossings of a period are decided."""
        return bounds(period)[1] <= self.final

    @property
    def years(self) -> tuple[int, ...]:
        """The years of which both ends lie within the register."""
        return tuple(y for y in range(self.first.year, self.last.year + 1) if self.is_published(str(y)))
