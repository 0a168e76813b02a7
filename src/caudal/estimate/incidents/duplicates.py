"""Rows that may be one incident: proposed to a person, never merged by the machine.

Two rows of different events are proposed where they lie within three days and 50 km of each other and the
smaller toll is at least half of the larger one. They are written to a text file with three empty columns: a
person writes whether the two are the same, who says so, and why (:mod:`caudal.river.proposals`).

Reference: great-circle distance on a sphere of 6,371 km (Sinnott 1984, the haversine). It refuses nothing
and decides nothing; rows without coordinates or a date are not compared. At one place (a morgue, a river
crossing) many different people die alone within days: pairs of tolls of one are left out unless
``singles`` asks for them, since place and time alone do not tell them apart.
"""

from __future__ import annotations

import csv
import datetime
import io
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import pyarrow as pa

DAYS, KILOMETRES, SIMILAR = 3, 50.0, 0.5
_EARTH_KM = 6371.0


@dataclass(frozen=True)
class Proposal:
    """Two rows that may be one incident."""

    first: str
    second: str
    first_on: datetime.date
    second_on: datetime.date
    kilometres: float
    first_toll: int
    second_toll: int


@dataclass(frozen=True)
class _Row:
    ident: str
    event: str
    on: datetime.date
    latitude: float
    longitude: float
    toll: int


def propose(incidents: pa.Table, *, singles: bool = False) -> tuple[Proposal, ...]:
    """Pairs of rows of ``incidents`` (the columns of the kind, and raw_row) that may be one incident.

    >>> day = datetime.date(2021, 5, 3)
    >>> pairs = propose(pa.table({"raw_row": [1, 2, 3], "occurred_on": [day] * 3, "dead_missing_n": [5, 4, 1],
    ...     "latitude": [31.0, 31.1, 31.0], "longitude": [-110.0] * 3}))
    >>> [(p.first, p.second, round(p.kilometres)) for p in pairs]
    [('row 1', 'row 2', 11)]
    """
    rows = sorted(_rows(incidents), key=lambda r: (r.on, r.ident))
    found = []
    for i, first in enumerate(rows):
        for second in rows[i + 1 :]:
            if (second.on - first.on).days > DAYS:
                break
            if not _alike(first, second, singles):
                continue
            apart = distance_km(first.latitude, first.longitude, second.latitude, second.longitude)
            if apart <= KILOMETRES:
                found.append(
                    Proposal(first.ident, second.ident, first.on, second.on, apart, first.toll, second.toll)
                )
    return tuple(found)


def distance_km(lat1: float, lon1: float, lat2: float, lon2: float) -> float:
    """Great-circle distance between two points in degrees.

    >>> round(distance_km(0.0, 0.0, 0.0, 1.0), 1)
    111.2
    """
    a, b = math.radians(lat1), math.radians(lat2)
    across, along = math.sin((b - a) / 2), math.sin(math.radians(lon2 - lon1) / 2)
    return 2 * _EARTH_KM * math.asin(math.sqrt(across**2 + math.cos(a) * math.cos(b) * along**2))


#: Columns of the text file: what the machine writes, and what a person does.
PROPOSED = ("first", "second", "first_on", "second_on", "km", "first_toll", "second_toll")
DECIDED = ("same", "by", "reason")


def written(proposals: Sequence[Proposal]) -> str:
    """The text file that a person goes through; rows of a file without identifiers are named by their
    number."""
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow([*PROPOSED, *DECIDED])
    for p in proposals:
        tolls = (p.first_toll, p.second_toll)
        writer.writerow(
            [p.first, p.second, p.first_on, p.second_on, f"{p.kilometres:.1f}", *tolls, "", "", ""]
        )
    return stream.getvalue()


def row_condition(ident: str, column: str) -> str:
    """The SQL that finds the raw row of an incident. ``column`` is the raw column of its identifier; without
    one, rows are named by their number.

    >>> print(row_condition("2014.MMP1", "Incident ID"), "or", row_condition("row 7", ""))
    "Incident ID" = '2014.MMP1' or raw_row = 7
    """
    if column:
        quoted = ident.replace("'", "''")
        return f"\"{column}\" = '{quoted}'"
    return ident.replace("row ", "raw_row = ")


def _alike(first: _Row, second: _Row, singles: bool) -> bool:
    small, large = sorted((first.toll, second.toll))
    enough = small >= SIMILAR * large and (singles or large > 1)
    return enough and first.event != second.event and abs(first.latitude - second.latitude) < 1.0


def _rows(incidents: pa.Table) -> Iterable[_Row]:
    for row in incidents.to_pylist():
        place = row["latitude"], row["longitude"]
        if row["occurred_on"] is None or None in place or not row["dead_missing_n"]:
            continue
        ident = row.get("incident_id") or f"row {row['raw_row']}"
        event = row.get("event_id") or ident
        yield _Row(ident, event, row["occurred_on"], *place, row["dead_missing_n"])
