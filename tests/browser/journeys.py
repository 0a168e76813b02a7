"""Two small releases about journeys: a country's border register, and a region's routes and borders.

All rows are made by arithmetic; they are so many that the protection lets each part of the pages be shown.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path

from caudal.river.build import build
from tests.support.americas import copy_of, incident, write_rows
from tests.support.border_country import row, write_border
from tests.support.small_country import replace_in

_PERSONS, _TRAVELLERS, _INCIDENTS = 240, 60, 40
_DAY = timedelta(days=1)
#: Days between a person's crossings, in and out by turns, from a first entry in 2018 or early in 2019: who
#: visits, who comes to live and leaves again, who lives in the country and travels.
_LIVES = ((5,), (500,), (430, 12), (430, 8, 40, 20))
_INDICATORS = (
    "dead_and_missing",
    "dead_and_missing_monthly",
    "dead_and_missing_by_place",
    "irregular_transits",
)
_DELIVERIES = {
    "missing_migrants": ['{period: 2024-04-10, vintage: "2024-04-10", file: incidents.csv}'],
    "darien_nationality": ["{period: 2023-12, file: transits.csv}"],
}
#: A route over so many places that it has a map, and one with a table alone.
_ROUTES = (
    (
        "US-Mexico border crossing",
        "North America",
        ("31.5, -110.2", "31.6, -106.4", "26.1, -98.2", "32.6, -115.4"),
    ),
    ("Darien", "Central America", ("8.5, -77.5", "8.2, -77.2")),
)


def border(folder: Path) -> Path:
    """A release with flows of residents, their balance, and two editions of the last months."""
    rows = [line for n in range(_PERSONS) for line in _life(n)]
    rows += [line for n in range(_TRAVELLERS) for line in _new_year(n)]
    deliveries = {"2021-05": [*rows, _last("2021-05-31")], "2021-06": [_last("2021-06-30")]}
    country = write_border(folder, deliveries)
    replace_in(country / "sources" / "border.yaml", "vintages: 0", "vintages: 1")
    return build(country).release


def _life(person: int) -> list[str]:
    day = datetime(2018, 1, 1, 9) + person * 2 * _DAY
    crossed = [day]
    for days in _LIVES[person % len(_LIVES)]:
        crossed.append(crossed[-1] + days * _DAY)
    more = {"sex": "FM"[person // 4 % 2], "born": f"{1950 + person % 50}-01-01"}
    lines = _crossings(f"D{person}", crossed, **more)
    return lines + lines[-1:] * (person % 12 == 0)  # some lines came twice


def _new_year(person: int) -> list[str]:
    """Somebody away from home at the turn of 2018: a visitor, or a resident. A person counts where they
    crossed first in a year, so that the ends of visits and of trips have persons of their own in 2019."""
    week = person % 7 * _DAY
    crossed = [datetime(2018, 12, 24, 9) + week, datetime(2019, 1, 4, 9) + week]
    if person % 2:
        crossed.insert(0, datetime(2018, 2, 1, 9) + person * _DAY)
    return _crossings(f"Y{person}", crossed)


def _crossings(document: str, moments: Sequence[datetime], **more: str) -> list[str]:
    """A person's crossings, in and out by turns."""
    return [row(document, f"{at:%Y-%m-%d %H:%M}", "ES"[n % 2], **more) for n, at in enumerate(moments)]


def _last(day: str) -> str:
    return row("LAST", f"{day} 10:00", "E")


def region(folder: Path) -> Path:
    """A release with a page for each of two routes and the counts of a border."""
    country = copy_of(folder, _DELIVERIES, _INDICATORS)
    replace_in(country / "caudal.yaml", "[en]", "[es, pt, en]")
    write_rows(country / "data" / "incidents.csv", [_incident(n) for n in range(_INCIDENTS)])
    months = [f"{year}-{month:02d}-01" for year in (2021, 2022) for month in range(1, 13)]
    counts = [{"t": t, "q": "", "nat": "VEN", "n": str(900 + n)} for n, t in enumerate(months)]
    write_rows(country / "data" / "transits.csv", counts)
    return build(country).release


def _incident(n: int) -> dict[str, str]:
    route, area, places = _ROUTES[n % 2]
    year = 2021 + n // 20
    return incident(
        Main_ID=f"M{n}",
        Incident_ID=f"M{n}",
        Incident_Date=f"{year}-{1 + n % 12:02d}-{1 + n % 28:02d}",
        Year=str(year),
        Region=area,
        Migration_route=route,
        Coordinates=places[n // 2 % len(places)],
    )
