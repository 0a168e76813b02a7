"""Maps of areas as SVG: a rate as the shade of its area, a total as a circle whose area is the figure.

The projection keeps areas in proportion (Lambert's azimuthal one), so that no country looks larger than it
is; an area that would be too small to see gets a mark of its own, moved aside where marks would meet, and a
part full of islands is drawn again, larger, in a corner. Shades go from light to dark, so that they are told
apart in print and by the colour-blind; a figure of low reliability is striped with a broken outline, a
withheld one hatched, one without data blank: shape, never colour alone. The shapes lie once in a page and
every map of the page refers to them.

There are only so many shades as the figures bear: where intervals are wide there are fewer. It draws what it
is given; which areas, which words and which notes is decided elsewhere.

Reference: Snyder (1987), Map projections: a working manual, USGS professional paper 1395, p. 185.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from types import MappingProxyType

from markupsafe import Markup, escape

from caudal.model.boundaries import Boundaries, Inset, vertices
from caudal.publish.chart import Caption

#: The widest and highest that a map is, and the radius and least extent of marks, in pixels.
_WIDTH, _HEIGHT = 480.0, 600.0
_EDGE, _MARK, _SEEN = 8.0, 5.5, 9.0
_LARGEST, _SMALLEST = 26.0, 2.0
MOST_SHADES = 5
#: There is a shade for so many areas, at most :data:`MOST_SHADES`.
_OF_A_SHADE = 3
#: Names stand in a map of at most so many areas.
_NAMED = 12

_STRIPED = 'class="striped" fill="url(#stripe)"'

Point = tuple[float, float]
Box = tuple[float, float, float, float]


@dataclass(frozen=True)
class Area:
    """An area on the map: its shade from 1, None where it has none, or its figure where circles are drawn."""

    code: str
    name: str
    text: str
    value: float | None
    shade: int | None = None
    weak: bool = False
    withheld: bool = False


@dataclass(frozen=True)
class Shape:
    """An outline on the page: its path, its box, and the middle of its largest part."""

    path: str
    box: Box
    middle: Point

    @property
    def small(self) -> bool:
        """Whether it is too small to see at the size of the map."""
        return self.extent < _SEEN

    @property
    def extent(self) -> float:
        """The longer side of its box."""
        return max(self.box[2] - self.box[0], self.box[3] - self.box[1])


@dataclass(frozen=True)
class Sheet:
    """Outlines in pixels."""

    width: float
    height: float
    shapes: Mapping[str, Shape]
    insets: tuple[tuple[Inset, Box], ...]


@lru_cache(maxsize=8)
def sheet(boundaries: Boundaries) -> Sheet:
    """The outlines of ``boundaries`` on a page."""
    rings = {o.code: [list(vertices(r, boundaries.per_degree)) for r in o.rings] for o in boundaries.outlines}
    inside = [p for own in rings.values() for ring in own for p in ring]
    window = boundaries.window or _box(inside)
    centre = ((window[0] + window[2]) / 2, (window[1] + window[3]) / 2)
    edge = _box(
        [_projected(p, centre) for p in _around(window)]
        if boundaries.window
        else [_projected(p, centre) for p in inside]
    )
    scale = min((_WIDTH - 2 * _EDGE) / (edge[2] - edge[0]), (_HEIGHT - 2 * _EDGE) / (edge[3] - edge[1]))

    def place(point: Point) -> Point:
        x, y = _projected(point, centre)
        return round(_EDGE + (x - edge[0]) * scale, 1), round(_EDGE + (edge[3] - y) * scale, 1)

    shapes = {code: _shape([[place(p) for p in ring] for ring in own]) for code, own in rings.items()}
    insets = tuple((i, _box([place(p) for p in _around(i.window)])) for i in boundaries.insets)
    width, height = (edge[2] - edge[0]) * scale + 2 * _EDGE, (edge[3] - edge[1]) * scale + 2 * _EDGE
    return Sheet(width, height, {c: s for c, s in shapes.items() if s.path}, insets)


@lru_cache(maxsize=8)
def shapes_of(boundaries: Boundaries, ident: str) -> Markup:
    """What the maps of a page refer to: each outline under ``ident`` and its code, and the patterns."""
    paths = "".join(
        f'<path id="{escape(ident)}-{escape(code)}" d="{shape.path}" vector-effect="non-scaling-stroke"/>'
        for code, shape in sheet(boundaries).shapes.items()
    )
    return Markup(
        '<svg class="vh" aria-hidden="true" focusable="false" width="1" height="1"><defs>'
        '<pattern id="hatch" width="6" height="6" patternUnits="userSpaceOnUse" '
        'patternTransform="rotate(45)"><rect width="6" height="6" class="blank"/>'
        '<line x1="1" x2="1" y2="6" class="rule"/></pattern>'
        '<pattern id="stripe" width="7" height="7" patternUnits="userSpaceOnUse" '
        f'patternTransform="rotate(-45)"><line x1="1" x2="1" y2="7" class="gap-line"/></pattern>{paths}'
        "</defs></svg>"
    )


def shade_map(areas: Sequence[Area], boundaries: Boundaries, ident: str, caption: Caption) -> Markup:
    """The map of a rate: every outline, those of ``areas`` in their shade."""
    page, known = sheet(boundaries), {a.code: a for a in areas}
    outlines = "".join(_use(ident, code, known.get(code)) for code in page.shapes)
    doubled = [i for inset, box in page.insets for i in _inside(page, box)]
    marks = _marks(page, [a for a in areas if a.code not in doubled], 1.0)
    body = outlines + marks + _names(page, areas)
    for inset, box in page.insets:
        within = _inside(page, box)
        uses = "".join(_use(ident, c, known.get(c)) for c in _near(page, box))
        body += _inset(
            page, inset, box, uses, _marks(page, [known[c] for c in within if c in known], inset.times)
        )
    return _svg(body, page, caption)


def circle_map(areas: Sequence[Area], boundaries: Boundaries, ident: str, caption: Caption) -> Markup:
    """The map of a total: a circle at each of ``areas`` whose size is its figure; land stays blank."""
    page = sheet(boundaries)
    drawn = sorted((a for a in areas if a.code in page.shapes), key=lambda a: (-(a.value or 0.0), a.code))
    largest = max((a.value or 0.0 for a in drawn), default=0.0) or 1.0
    doubled = {c for _, box in page.insets for c in _inside(page, box)}
    below = {a.code: 11 + radius_of(max(a.value or 0.0, 0.0), largest) for a in drawn}
    body = "".join(_use(ident, code, None) for code in page.shapes)
    body += "".join(_circle(page, a, largest, 1.0) for a in drawn if a.code not in doubled)
    for inset, box in page.insets:
        within = set(_inside(page, box))
        uses = "".join(_use(ident, c, None) for c in _near(page, box))
        circles = "".join(_circle(page, a, largest, inset.times) for a in drawn if a.code in within)
        body += _inset(page, inset, box, uses, circles)
    return _svg(body + _names(page, areas, below), page, caption)


def _circle(page: Sheet, area: Area, largest: float, times: float) -> str:
    """The circle of an area where it is drawn ``times`` larger; a mark where its figure is not shown."""
    x, y = page.shapes[area.code].middle
    if area.value is None:
        return _mark(x, y, area, _MARK / times)
    radius = radius_of(max(area.value, 0.0), largest) / times
    x, y = min(max(x, radius), page.width - radius), min(max(y, radius), page.height - radius)
    look = "amount weak" if area.weak else "amount"
    words = f"<title>{escape(area.text)}</title>"
    return f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{radius:.2g}" class="{look}">{words}</circle>'


def radius_of(value: float, largest: float) -> float:
    """The radius of the circle of ``value`` in pixels, where the largest figure is ``largest``."""
    return max(_SMALLEST, _LARGEST * math.sqrt(value / largest)) if value > 0 else 0.0


def breaks_of(values: Sequence[float], widths: Sequence[float], most: int = MOST_SHADES) -> tuple[float, ...]:
    """Where one shade ends and the next begins: groups of about equal size, parted at the roundest number
    between two of them. ``widths`` are those of the intervals: on average a shade is no narrower than they.

    >>> breaks_of([7.3, 7.6, 7.9, 8.6, 8.9, 10.0, 10.1, 10.1], [])
    (8.0, 10.0)
    >>> breaks_of([7.3, 7.6, 7.9, 8.6, 8.9, 10.0, 10.1, 10.1], [2.0, 2.0, 2.4])
    (8.9,)
    >>> breaks_of([8.7, 8.7, 8.7, 9.1], [])
    (9.0,)
    """
    ordered = sorted(values)
    if len(set(ordered)) < 2:
        return ()
    span, width = ordered[-1] - ordered[0], statistics.median(widths) if widths else 0.0
    bears = math.floor(span / width) + 1 if width > 0 else most
    count = max(2, min(most, bears, math.ceil(len(ordered) / _OF_A_SHADE)))
    found = []
    for i in range(1, count):
        middle = ordered[round(i * len(ordered) / count)]
        below, above = [v for v in ordered if v < middle], [v for v in ordered if v > middle]
        found.append(_roundest(below[-1], middle) if below else _roundest(middle, above[0]))
    return tuple(dict.fromkeys(found))


def shade(value: float, breaks: Sequence[float]) -> int:
    """The shade of a figure, from 1.

    >>> shade(7.9, (8.0, 9.0)), shade(8.0, (8.0, 9.0)), shade(12.0, (8.0, 9.0))
    (1, 2, 3)
    """
    return 1 + sum(value >= b for b in breaks)


def shade_class(number: int, shades: int) -> int:
    """The tone of one of ``shades`` shades, from 1 to :data:`MOST_SHADES`: few shades lie far apart.

    >>> [shade_class(n, 3) for n in (1, 2, 3)]
    [1, 3, 5]
    """
    return MOST_SHADES if shades == 1 else 1 + round((number - 1) * (MOST_SHADES - 1) / (shades - 1))


def _roundest(low: float, high: float) -> float:
    """The number with the fewest digits that is above ``low`` and not above ``high``."""
    for decimals in range(-15, 15):
        step = 10.0**-decimals
        found = round(math.floor(high / step + 1e-9) * step, max(decimals, 0))
        if low < found <= high:
            return found
    return high


def _projected(point: Point, centre: Point) -> Point:
    """Lambert's azimuthal equal-area projection of the unit sphere about ``centre``."""
    lon, lat = math.radians(point[0] - centre[0]), math.radians(point[1])
    sine, cosine = math.sin(math.radians(centre[1])), math.cos(math.radians(centre[1]))
    apart = 1 + sine * math.sin(lat) + cosine * math.cos(lat) * math.cos(lon)
    k = math.sqrt(2 / max(apart, 1e-9))
    x = k * math.cos(lat) * math.sin(lon)
    return x, k * (cosine * math.sin(lat) - sine * math.cos(lat) * math.cos(lon))


def _around(window: Box, steps: int = 8) -> list[Point]:
    """Points on the four sides of a window."""
    west, south, east, north = window
    share = [i / steps for i in range(steps + 1)]
    across = [(west + (east - west) * s, y) for s in share for y in (south, north)]
    return across + [(x, south + (north - south) * s) for s in share for x in (west, east)]


def _box(points: Sequence[Point]) -> Box:
    xs, ys = [p[0] for p in points], [p[1] for p in points]
    return min(xs), min(ys), max(xs), max(ys)


def _shape(rings: Sequence[Sequence[Point]]) -> Shape:
    sizes = [abs(_signed(ring)) for ring in rings]
    largest = rings[sizes.index(max(sizes))]
    path = "".join(_path(r) for r, s in zip(rings, sizes, strict=True) if s > 1.0 or r is largest)
    return Shape(path, _box(largest), _middle(largest))


def _path(ring: Sequence[Point]) -> str:
    """A ring in relative steps of tenths of a pixel."""
    found, (x, y) = f"M{ring[0][0]:g} {ring[0][1]:g}", ring[0]
    for a, b in ring[1:]:
        dx, dy = round(a - x, 1), round(b - y, 1)
        if dx or dy:
            found += f"l{_short(dx)}{'' if dy < 0 else ' '}{_short(dy)}"
            x, y = a, b
    return found + "z"


def _short(step: float) -> str:
    text = f"{step:g}"
    return text.replace("0.", ".", 1) if abs(step) < 1 and step else text


def _signed(ring: Sequence[Point]) -> float:
    pairs = zip(ring, [*ring[1:], ring[0]], strict=True)
    return sum(a[0] * b[1] - b[0] * a[1] for a, b in pairs) / 2


def _middle(ring: Sequence[Point]) -> Point:
    """The centre of gravity of a ring; of one without area, the middle of its box."""
    size, box = _signed(ring), _box(ring)
    if abs(size) < 0.5:
        return round((box[0] + box[2]) / 2, 1), round((box[1] + box[3]) / 2, 1)
    x = y = 0.0
    for a, b in zip(ring, [*ring[1:], ring[0]], strict=True):
        cross = a[0] * b[1] - b[0] * a[1]
        x, y = x + (a[0] + b[0]) * cross, y + (a[1] + b[1]) * cross
    return round(x / (6 * size), 1), round(y / (6 * size), 1)


def _look(area: Area | None) -> str:
    """The attributes of an area: patterns are named here, since the style sheet names no address."""
    if area is None or (area.value is None and not area.withheld):
        return 'class="area void"'
    if area.withheld:
        return 'class="area" fill="url(#hatch)"'
    name = f"area c{area.shade}" if area.shade else "area void"
    return f'class="{name} weak-area"' if area.weak else f'class="{name}"'


def _use(ident: str, code: str, area: Area | None) -> str:
    """An outline in its shade; a weak one once more, in stripes."""
    link = f'<use href="#{escape(ident)}-{escape(code)}" '
    words = f"<title>{escape(area.text)}</title>" if area else ""
    drawn = f"{link}{_look(area)}>{words}</use>" if words else f"{link}{_look(area)}/>"
    return drawn + (f"{link}{_STRIPED}/>" if area and area.weak and area.shade else "")


def _marks(page: Sheet, areas: Sequence[Area], times: float) -> str:
    """Marks of the areas that are too small to see when drawn ``times`` larger, none upon another."""
    small = [a for a in areas if a.code in page.shapes and page.shapes[a.code].extent * times < _SEEN]
    radius = _MARK / times
    homes = [page.shapes[a.code].middle for a in small]
    found = ""
    for area, home, (x, y) in zip(small, homes, _apart(homes, 2.1 * radius), strict=True):
        if math.dist(home, (x, y)) > radius:
            found += f'<line x1="{home[0]}" y1="{home[1]}" x2="{x:.1f}" y2="{y:.1f}" class="leader"/>'
        found += _mark(x, y, area, radius)
    return found


def _mark(x: float, y: float, area: Area, radius: float = _MARK) -> str:
    words = f"<title>{escape(area.text)}</title>"
    circle = f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{radius:.1f}" '
    drawn = f"{circle}{_look(area)}>{words}</circle>"
    return drawn + (f"{circle}{_STRIPED}/>" if area.weak and area.shade else "")


def _apart(homes: Sequence[Point], least: float) -> list[Point]:
    """Places near ``homes`` that are at least ``least`` from each other, as far as some rounds bring it."""
    places = [(x + 0.01 * i, y) for i, (x, y) in enumerate(homes)]
    for _ in range(200):
        moved = False
        for i in range(len(places)):
            for j in range(i):
                (ax, ay), (bx, by) = places[i], places[j]
                gap = math.hypot(ax - bx, ay - by)
                if gap < least:
                    push, moved = (least - gap) / 2 / max(gap, 1e-6), True
                    dx, dy = (ax - bx) * push, (ay - by) * push
                    places[i], places[j] = (ax + dx, ay + dy), (bx - dx, by - dy)
        if not moved:
            break
    return places


def _names(page: Sheet, areas: Sequence[Area], below: Mapping[str, float] = MappingProxyType({})) -> str:
    """The names of the areas, where there are few; ``below`` moves a name under the circle of its area. A
    name that would lie upon another is left to the table."""
    if len(areas) > _NAMED:
        return ""
    found, taken = "", list[Box]()
    for area in sorted(
        (a for a in areas if a.code in page.shapes), key=lambda a: (-page.shapes[a.code].extent, a.code)
    ):
        x, y = page.shapes[area.code].middle
        y += below.get(area.code, 0.0) + 4
        half = 3.6 * len(area.name)
        x = min(max(x, half), page.width - half)
        box = (x - half, y - 12, x + half, y + 3)
        if not any(box[0] < b[2] and b[0] < box[2] and box[1] < b[3] and b[1] < box[3] for b in taken):
            taken.append(box)
            found += f'<text x="{x:.1f}" y="{y:.1f}" class="place mid">{escape(area.name)}</text>'
    return found


def _inside(page: Sheet, box: Box) -> list[str]:
    """Areas whose main part lies in a box."""
    return [
        c
        for c, s in page.shapes.items()
        if box[0] <= s.middle[0] <= box[2] and box[1] <= s.middle[1] <= box[3] and s.extent < box[2] - box[0]
    ]


def _near(page: Sheet, box: Box) -> list[str]:
    """Areas of which something may lie in a box."""
    return [
        c
        for c, s in page.shapes.items()
        if s.box[0] < box[2] and s.box[2] > box[0] and s.box[1] < box[3] and s.box[3] > box[1]
    ]


def _inset(page: Sheet, inset: Inset, box: Box, uses: str, marks: str) -> str:
    """A box drawn again in a corner, and its frame where it lies."""
    wide, high = box[2] - box[0], box[3] - box[1]
    width, height = wide * inset.times, high * inset.times
    x = 0.5 if "west" in inset.corner else page.width - width - 0.5
    y = 0.5 if "north" in inset.corner else page.height - height - 0.5
    frame = f'<rect x="{box[0]:.1f}" y="{box[1]:.1f}" width="{wide:.1f}" height="{high:.1f}" class="frame"/>'
    place = f'x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" height="{height:.1f}"'
    return (
        f'{frame}<rect {place} class="sea"/>'
        f'<svg {place} viewBox="{box[0]:.1f} {box[1]:.1f} {wide:.1f} {high:.1f}">{uses}{marks}</svg>'
        f'<rect {place} class="frame"/>'
    )


def _svg(body: str, page: Sheet, caption: Caption) -> Markup:
    i = escape(caption.ident)
    return Markup(
        f'<svg class="chart areas" width="{page.width:.0f}" viewBox="0 0 {page.width:.0f} {page.height:.0f}" '
        f'role="img" aria-labelledby="{i}-t {i}-d"><title id="{i}-t">{escape(caption.title)}</title>'
        f'<desc id="{i}-d">{escape(caption.description)}</desc>{body}</svg>'
    )
