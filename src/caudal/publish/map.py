"""A map of aggregated points: a circle a cell of a grid, its area in proportion to the figure.

Degrees are drawn as they are (plate carrée), over land in cells of one degree, so that a reader knows where
the circles lie and no border is drawn. A cell of the grid is named by its south-western corner, as in
N30W112, and a circle lies at its middle. The table beside the map has the same figures.

Land (``static/land.txt``): a row a degree from north to south, a bit a degree from 180° W, set where at least
half of the cell is land; sampled from the GLOBE elevation model of NOAA, which is in the public domain.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from markupsafe import Markup, escape

from caudal.publish.chart import Caption

_CELL = re.compile(r"([NS])(\d{2})([EW])(\d{3})")
_SIZE, _STEP, _NARROWEST = 2, 10, 20
#: Pixels: the map is as wide and high as these allow, at most so many for a degree, and never stretched.
_WIDTH, _HEIGHT, _DEGREE = 720.0, 520.0, 16.0
_LARGEST = 18.0


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


def point_map(points: Sequence[Point], caption: Caption, compass: str = "NSEW") -> Markup:
    """The map of ``points``; empty where none has a place. ``compass`` has the letters of north, south, east
    and west."""
    placed = [(p, where) for p in points if (where := middle(p.code)) is not None and p.value > 0]
    if not placed:
        return Markup("")
    south, north = _span([lat for _, (lat, _) in placed])
    west, east = _span([lon for _, (_, lon) in placed])
    frame = _Frame(south, north, west, east)
    body = _land(frame) + _graticule(frame, compass)
    largest = max(p.value for p, _ in placed)
    for point, (lat, lon) in sorted(placed, key=lambda found: (-found[0].value, found[0].code)):
        radius = max(2.5, _LARGEST * math.sqrt(point.value / largest))
        body += (
            f'<circle cx="{frame.x(lon):.1f}" cy="{frame.y(lat):.1f}" r="{radius:.1f}" class="dot" '
            f'fill-opacity=".6"><title>{escape(point.text)}</title></circle>'
        )
    ident, size = escape(caption.ident), f"{frame.width:.0f}"
    return Markup(
        f'<svg class="chart map" width="{size}" viewBox="0 0 {size} {frame.height:.0f}" role="img" '
        f'aria-labelledby="{ident}-t {ident}-d"><title id="{ident}-t">{escape(caption.title)}</title>'
        f'<desc id="{ident}-d">{escape(caption.description)}</desc>{body}</svg>'
    )


@dataclass(frozen=True)
class _Frame:
    """Degrees to pixels."""

    south: int
    north: int
    west: int
    east: int

    @property
    def scale(self) -> float:
        """Pixels of a degree."""
        return min(_WIDTH / (self.east - self.west), _HEIGHT / (self.north - self.south), _DEGREE)

    @property
    def width(self) -> float:
        """In pixels."""
        return (self.east - self.west) * self.scale

    @property
    def height(self) -> float:
        """In pixels."""
        return (self.north - self.south) * self.scale

    def x(self, lon: float) -> float:
        """Pixels from the left."""
        return (lon - self.west) * self.scale

    def y(self, lat: float) -> float:
        """Pixels from the top."""
        return (self.north - lat) * self.scale


@cache
def _is_land() -> tuple[str, ...]:
    """Rows of degrees from north to south, each a text of 360 ones and zeros."""
    text = files("caudal.publish").joinpath("static", "land.txt").read_text(encoding="ascii")
    return tuple(f"{int(row, 16):0360b}" for row in text.split())


def _land(frame: _Frame) -> str:
    """Land as one path of rows of cells."""
    path = ""
    for north in range(min(frame.north, 90), max(frame.south, -90), -1):
        row = _is_land()[90 - north][frame.west + 180 : frame.east + 180]
        for run in re.finditer("1+", row):
            x, wide = frame.x(frame.west + run.start()), len(run[0]) * frame.scale
            path += f"M{x:.1f} {frame.y(north):.1f}h{wide:.1f}v{frame.scale:.1f}h-{wide:.1f}z"
    return f'<path d="{path}" class="land"/>' if path else ""


def _span(values: Sequence[float]) -> tuple[int, int]:
    """Multiples of the graticule around ``values``, at least :data:`_NARROWEST` degrees apart.

    >>> _span([8.0, 9.0]), _span([-21.0, 49.0])
    ((0, 20), (-30, 50))
    """
    low, high = math.floor(min(values) / _STEP) * _STEP, math.ceil(max(values) / _STEP) * _STEP
    centre = (min(values) + max(values)) / 2
    while high - low < _NARROWEST:
        low, high = (low, high + _STEP) if centre >= (low + high) / 2 else (low - _STEP, high)
    return low, high


def _graticule(frame: _Frame, compass: str) -> str:
    found = ""
    for lat in range(frame.south, frame.north + 1, _STEP):
        y = frame.y(lat)
        found += f'<line x1="0" x2="{frame.width:.0f}" y1="{y:.0f}" y2="{y:.0f}" class="grid"/>'
        found += (
            f'<text x="3" y="{y - 3:.0f}" class="tick">{_degrees(lat, compass[:2])}</text>'
            if lat < frame.north
            else ""
        )
    for lon in range(frame.west, frame.east + 1, _STEP):
        x = frame.x(lon)
        found += f'<line x1="{x:.0f}" x2="{x:.0f}" y1="0" y2="{frame.height:.0f}" class="grid"/>'
        inside = frame.west < lon < frame.east
        found += (
            f'<text x="{x + 3:.0f}" y="12" class="tick">{_degrees(lon, compass[2:])}</text>' if inside else ""
        )
    return found


def _degrees(value: int, letters: str) -> str:
    """Degrees with the letter of their side.

    >>> _degrees(-80, "EW"), _degrees(0, "NS")
    ('80° W', '0°')
    """
    return f"{abs(value)}° {letters[value < 0]}" if value else "0°"
