"""A map of aggregated points: a circle a cell of a grid, its area in proportion to the figure.

Degrees are drawn as they are (plate carrée), with a graticule and no coastline: nothing here knows one. A
cell of the grid is named by its south-western corner, as in N30W112, and a circle lies at its middle. The
table beside the map has the same figures.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup, escape

from caudal.publish.chart import Caption

_CELL = re.compile(r"([NS])(\d{2})([EW])(\d{3})")
_SIZE, _STEP, _NARROWEST = 2, 10, 40
_SCALE = 8.0
_LARGEST = 16.0


@dataclass(frozen=True)
class Point:
    """A cell of the grid, its figure and its words."""

    code: str
    value: float
    text: str


def middle(code: str) -> tuple[float, float] | None:
    """Latitude and longitude of the middle of a cell; None for a code that is no cell.

    >>> middle("N30W112"), middle("S02W080"), middle("_U")
    ((31.0, -111.0), (-1.0, -79.0), None)
    """
    found = _CELL.fullmatch(code)
    if found is None:
        return None
    south = int(found[2]) * (1 if found[1] == "N" else -1)
    west = int(found[4]) * (1 if found[3] == "E" else -1)
    return south + _SIZE / 2, west + _SIZE / 2


def point_map(points: Sequence[Point], caption: Caption) -> Markup:
    """The map of ``points``; empty where none has a place."""
    placed = [(p, where) for p in points if (where := middle(p.code)) is not None and p.value > 0]
    if not placed:
        return Markup("")
    south, north = _span([lat for _, (lat, _) in placed])
    west, east = _span([lon for _, (_, lon) in placed])
    width, height = (east - west) * _SCALE, (north - south) * _SCALE
    body = _graticule(south, north, west, east)
    largest = max(p.value for p, _ in placed)
    for point, (lat, lon) in sorted(placed, key=lambda found: (-found[0].value, found[0].code)):
        radius = max(1.5, _LARGEST * math.sqrt(point.value / largest))
        x, y = (lon - west) * _SCALE, (north - lat) * _SCALE
        body += (
            f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{radius:.1f}" class="dot" fill-opacity=".45">'
            f"<title>{escape(point.text)}</title></circle>"
        )
    ident = escape(caption.ident)
    return Markup(
        f'<svg class="chart" width="100%" viewBox="0 0 {width:.0f} {height:.0f}" role="img" '
        f'aria-labelledby="{ident}-t {ident}-d"><title id="{ident}-t">{escape(caption.title)}</title>'
        f'<desc id="{ident}-d">{escape(caption.description)}</desc>{body}</svg>'
    )


def _span(values: Sequence[float]) -> tuple[int, int]:
    """Multiples of the graticule around ``values``, at least :data:`_NARROWEST` degrees apart.

    >>> _span([8.0, 9.0]), _span([-21.0, 49.0])
    ((-20, 20), (-30, 50))
    """
    low, high = math.floor(min(values) / _STEP) * _STEP, math.ceil(max(values) / _STEP) * _STEP
    lacking = max(0, _NARROWEST - (high - low)) // _STEP
    return low - _STEP * (lacking // 2 + lacking % 2), high + _STEP * (lacking // 2)


def _graticule(south: int, north: int, west: int, east: int) -> str:
    found, width, height = "", (east - west) * _SCALE, (north - south) * _SCALE
    for lat in range(south, north + 1, _STEP):
        y = (north - lat) * _SCALE
        found += f'<line x1="0" x2="{width:.0f}" y1="{y:.0f}" y2="{y:.0f}" class="grid"/>'
        found += f'<text x="3" y="{y - 3:.0f}" class="tick">{lat}°</text>' if lat < north else ""
    for lon in range(west, east + 1, _STEP):
        x = (lon - west) * _SCALE
        found += f'<line x1="{x:.0f}" x2="{x:.0f}" y1="0" y2="{height:.0f}" class="grid"/>'
        found += f'<text x="{x + 3:.0f}" y="12" class="tick">{lon}°</text>' if west < lon < east else ""
    return found
