"""The days of a period."""

from __future__ import annotations

import calendar
import datetime

_MONTHS = {"Q": 3, "S": 6}


def bounds(period: str) -> tuple[datetime.date, datetime.date]:
    """First and last day of a period.

    >>> bounds("2019-Q3")
    (datetime.date(2019, 7, 1), datetime.date(2019, 9, 30))
    >>> bounds("2024-02")[1].isoformat(), bounds("2020")[0].isoformat()
    ('2024-02-29', '2020-01-01')
    """
    parts = period.split("-")
    year = int(parts[0])
    if len(parts) == 1:
        return datetime.date(year, 1, 1), datetime.date(year, 12, 31)
    if len(parts) == 3:
        day = datetime.date(year, int(parts[1]), int(parts[2]))
        return day, day
    length = _MONTHS.get(parts[1][0], 1)
    last = int(parts[1][1:]) * length if length > 1 else int(parts[1])
    first = datetime.date(year, last - length + 1, 1)
    return first, datetime.date(year, last, calendar.monthrange(year, last)[1])
