"""Marks in a series: where it breaks, and periods of which a delivery holds only a part.

A source declares its breaks and each delivery the periods that it holds whole; here the observations are
marked (SDMX CL_OBS_STATUS). The first figure of a series that is counted in the new way gets ``B``, and
so does one whose period holds the break, counted in both ways. A figure whose period begins before, or ends
after, what is whole gets ``P`` and the note ``incomplete-period``: the year of which one month is there is
shown, since its producer counted it, but not taken for a year. Values are never changed. A series is
whatever shares all parts of a key but the time; one that only begins at the break has nothing to break with.

Reference: SDMX cross-domain code list for observation status, version 2.3, on the use of B and P.
"""

from __future__ import annotations

import datetime
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import pyarrow as pa

from caudal.model.observation import TOTAL, dimensions_of, key_columns
from caudal.model.period import bounds
from caudal.model.source import Break, Delivery

BROKEN, INCOMPLETE, NORMAL = "B", "P", "A"
#: The note of a figure of which only a part of the period was counted.
PARTIAL = "incomplete-period"


def marked(table: pa.Table, breaks: Sequence[Break], delivery: Delivery) -> pa.Table:
    """``table``, observations of one delivery, with the marks that its source and itself declare.

    Only normal figures and those of low reliability (``U``) are marked: what is said of another stays.
    """
    if not breaks and delivery.whole_from is None and delivery.whole_to is None:
        return table
    keys = table.select(key_columns(dimensions_of(table))).to_pylist()
    broken = _broken(keys, breaks)
    status, note = table["obs_status_code"].to_pylist(), table["error_note"].to_pylist()
    for i, row in enumerate(keys):
        if status[i] not in (NORMAL, "U"):
            continue
        if not _whole(row["time_period"], delivery):
            status[i], note[i] = INCOMPLETE, "; ".join(n for n in (note[i], PARTIAL) if n)
        elif i in broken:
            status[i] = BROKEN
    for name, values in (("obs_status_code", status), ("error_note", note)):
        place = table.column_names.index(name)
        table = table.set_column(place, table.schema.field(name), pa.array(values, pa.string()))
    return table


def _whole(period: str, delivery: Delivery) -> bool:
    """Whether all of ``period`` lies in what the delivery holds whole.

    >>> some = Delivery(period="2020-01", file="f.csv", whole_from="2017-10", whole_to="2019-12")
    >>> [_whole(p, some) for p in ("2017", "2017-10", "2019", "2020", "2020-01")]
    [False, True, True, False, False]
    """
    first, last = bounds(period)
    begins = delivery.whole_from is None or bounds(delivery.whole_from)[0] <= first
    return begins and (delivery.whole_to is None or last <= bounds(delivery.whole_to)[1])


def _broken(keys: Sequence[Mapping[str, Any]], breaks: Iterable[Break]) -> set[int]:
    """The rows that stand at a break of their series."""
    series: dict[tuple[str, ...], list[int]] = defaultdict(list)
    for i, row in enumerate(keys):
        series[tuple(v for n, v in row.items() if n != "time_period")].append(i)
    found: set[int] = set()
    for rows in series.values():
        times = {i: bounds(keys[i]["time_period"]) for i in rows}
        for b in breaks:
            if not b.dimensions or any(keys[rows[0]].get(f"{d}_code", TOTAL) != TOTAL for d in b.dimensions):
                found |= _at_break(times, bounds(b.at)[0])
    return found


def _at_break(times: Mapping[int, tuple[datetime.date, datetime.date]], day: datetime.date) -> set[int]:
    """Of the periods of one series: those that hold ``day`` inside, and the first that begins at it or
    after; none where nothing stands before."""
    if not any(first < day for first, _ in times.values()):
        return set()
    across = {i for i, (first, last) in times.items() if first < day <= last}
    after = {i: first for i, (first, _) in times.items() if first >= day}
    return across | {i for i, first in after.items() if first == min(after.values())}
