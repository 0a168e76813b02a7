"""Periods that add up: the events of the months and quarters of a year are those of the year.

Whoever is shown a year and eleven of its months knows the twelfth. Counts of events and decisions (flows)
of one series are therefore one population for each year, with time as a dimension. Stocks do not add up,
and neither do persons who may come twice; a series whose parts exceed their year anywhere is not taken to.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

Row = Mapping[str, object]
Series = tuple[str, ...]
_PART = re.compile(r"(\d{4})-(Q[1-4]|\d{2})")


def year_of(row: Row) -> str:
    """The year of a row's period.

    >>> year_of({"time_period": "2019-Q3"})
    '2019'
    """
    return str(row["time_period"])[:4]


def quarter_of(period: str) -> str:
    """The quarter of a month; anything else is what it is.

    >>> quarter_of("2019-08"), quarter_of("2019")
    ('2019-Q3', '2019')
    """
    found = _PART.fullmatch(period)
    if not found or found[2].startswith("Q"):
        return period
    return f"{found[1]}-Q{(int(found[2]) + 2) // 3}"


def series_of(row: Row) -> Series:
    """What a row is a figure of, in whatever period and cell."""
    names = ("reporter_code", "source_code", "vintage", "indicator_code", "concept_vector")
    return tuple(str(row[n]) for n in names)


def is_flow_of_events(row: Row) -> bool:
    """Whether a row counts events or decisions over a period that has parts or is a year."""
    vector = str(row["concept_vector"]).split(";")
    period = str(row["time_period"])
    counted = "measure=flow" in vector and ("unit=event" in vector or "unit=decision" in vector)
    return counted and (len(period) == 4 or _PART.fullmatch(period) is not None)


def additive_series(rows: Iterable[Row]) -> frozenset[Series]:
    """The series of events whose periods add up."""
    years: dict[tuple[Series, str, tuple[str, ...]], float] = {}
    parts: dict[tuple[Series, str, tuple[str, ...], int], float] = {}
    found: set[Series] = set()
    other: set[Series] = set()
    for row in rows:
        series = series_of(row)
        (found if is_flow_of_events(row) else other).add(series)
        n = row["sample_n"] if row["sample_n"] is not None else row["value"]
        if not isinstance(n, (int, float)) or series in other:
            continue
        at = (series, year_of(row), _cell(row))
        period = str(row["time_period"])
        if len(period) == 4:
            years[at] = n
        else:
            parts[(*at, len(period))] = parts.get((*at, len(period)), 0) + n
    over = {at[0] for at, n in parts.items() if n > years.get(at[:3], n)}
    return frozenset(found - other - over)


def _cell(row: Row) -> tuple[str, ...]:
    beside = ("obs_status_code", "conf_status_code", "unit_code", "method_code")
    return tuple(f"{n}={v}" for n, v in row.items() if n.endswith("_code") and n not in beside)
