"""Charts of flows: figures that are still moving, and crossings beside the migrations among them.

A fan shows a series month by month: a line where figures are final, then a dashed line in a band that is
meant to hold the final figure; it breaks where a month is not shown. A hundred squares show what crossings
are: filled, hollow or dark, so that shape tells them apart as well as colour. Positions are percentages, so
that letters keep their size.

It draws only what it is given and refuses nothing; an empty series gives an empty chart.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from markupsafe import Markup, escape

from caudal.publish.chart import Caption, Mark, Scale, scale_for, svg_of

_HIGH, _TOP, _FOOT = 170, 22, 28
_LEFT, _RIGHT = 12.0, 99.0
_ACROSS, _DOWN, _SIDE = 20, 5, 15
_APART = 27.0
#: Right of this, a label stands before its line; left of it, after, so that it never runs over the scale.
_MIDDLE = 50.0
#: Half the width of the band of a month alone.
_ALONE = 0.4


@dataclass(frozen=True)
class Point:
    """One month: its moment in years, its label, the figure with its limits, and whether it is final."""

    moment: float
    label: str
    value: float
    lower: float | None
    upper: float | None
    final: bool


def fan_chart(
    points: Sequence[Point], caption: Caption, tick: Callable[[float, int], str], boundary: str
) -> Markup:
    """The fan of a series; ``boundary`` is written where provisional figures begin."""
    if not points:
        return Markup("")
    marks = [Mark(p.label, "", p.value, p.lower, p.upper) for p in points]
    scale = scale_for(marks, include=[0.0])
    first, span = points[0].moment, (points[-1].moment - points[0].moment) or 1.0
    places = [_LEFT + (_RIGHT - _LEFT) * (p.moment - first) / span for p in points]
    levels = "".join(_level(scale, t, tick) for t in scale.ticks())
    pairs = list(zip(places, points, strict=True))
    still = [(x, p) for x, p in pairs if not p.final]
    done = [(x, p) for x, p in pairs if p.final]
    inner = "".join(_band(scale, run) for run in _runs(still))
    inner += "".join(_line(scale, run, "fan-line") for run in _runs(done))
    inner += "".join(_line(scale, run, "fan-line fan-open") for run in _runs([*done[-1:], *still]))
    start = still[0][0] if still and done else None
    body = levels + _stretched(inner) + _boundary(start, boundary) + _labels(pairs)
    return svg_of(body, _TOP + _HIGH + _FOOT, caption)


def squares(shares: Sequence[tuple[str, float]], caption: Caption) -> Markup:
    """A hundred squares, each one percent, class by class; a class with anything has at least one square.

    >>> one = squares([("a", 0.995), ("b", 0.005)], Caption("s", "", ""))
    >>> one.count('class="a"'), one.count('class="b"')
    (99, 1)
    """
    counts = _whole([share for _, share in shares], _ACROSS * _DOWN)
    names = [name for (name, _), n in zip(shares, counts, strict=True) for _ in range(n)]
    body = ""
    for i, name in enumerate(names):
        x, y = 100 / _ACROSS * (i // _DOWN), _SIDE * 1.3 * (i % _DOWN)
        body += f'<rect x="{x:.1f}%" y="{y:.1f}" width="3.6%" height="{_SIDE}" class="{escape(name)}"/>'
    return svg_of(body, _SIDE * 1.3 * _DOWN, caption)


def _whole(shares: Sequence[float], total: int) -> list[int]:
    """Whole numbers near ``shares`` of ``total`` that add up to it; none that has anything is nothing."""
    floors = [max(int(s * total), 1 if s > 0 else 0) for s in shares]
    while sum(floors) > total:
        floors[floors.index(max(floors))] -= 1
    rests = [s * total - n for s, n in zip(shares, floors, strict=True)]
    while sum(floors) < total and floors:
        i = rests.index(max(rests))
        floors[i], rests[i] = floors[i] + 1, rests[i] - 1
    return floors


def _height(scale: Scale, value: float) -> float:
    return _TOP + _HIGH * (1 - (value - scale.low) / (scale.high - scale.low))


def _level(scale: Scale, value: float, tick: Callable[[float, int], str]) -> str:
    y = _height(scale, value)
    name = "grid zero" if value == 0 else "grid"
    return (
        f'<line x1="0%" x2="100%" y1="{y:.1f}" y2="{y:.1f}" class="{name}"/>'
        f'<text x="0%" y="{y - 3:.1f}" class="tick">{escape(tick(value, scale.decimals))}</text>'
    )


def _band(scale: Scale, points: Sequence[tuple[float, Point]]) -> str:
    known = [(x, p.lower, p.upper) for x, p in points if p.lower is not None and p.upper is not None]
    if not known:
        return ""
    if len(known) == 1:
        known = [(known[0][0] + side, *known[0][1:]) for side in (-_ALONE, _ALONE)]
    above = [f"{x:.2f},{_height(scale, min(u, scale.high)):.1f}" for x, _, u in known]
    below = [f"{x:.2f},{_height(scale, max(low, scale.low)):.1f}" for x, low, _ in reversed(known)]
    return f'<polygon points="{" ".join(above + below)}" class="fan"/>'


def _runs(points: Sequence[tuple[float, Point]]) -> list[list[tuple[float, Point]]]:
    """Months that follow one another: over one that is not shown no line is drawn."""
    found: list[list[tuple[float, Point]]] = []
    for x, point in points:
        if not found or point.moment - found[-1][-1][1].moment > 1.5 / 12:
            found.append([])
        found[-1].append((x, point))
    return found


def _line(scale: Scale, points: Sequence[tuple[float, Point]], name: str) -> str:
    """A line through months in a row; a month alone is a line without length, which its round end shows."""
    joined = [f"{x:.2f},{_height(scale, p.value):.1f}" for x, p in points]
    alone = " fan-alone" if len(joined) == 1 else ""
    return f'<polyline points="{" ".join(joined + joined[-1:] * bool(alone))}" class="{name}{alone}"/>'


def _stretched(inner: str) -> str:
    """Lines as wide as the chart, whatever its width, and as thick as they are."""
    high = _TOP + _HIGH
    return (
        f'<svg x="0" y="0" width="100%" height="{high}" viewBox="0 0 100 {high}" preserveAspectRatio="none">'
        f"{inner}</svg>"
    )


def _boundary(x: float | None, words: str) -> str:
    if x is None:
        return ""
    side = "tick end" if x > _MIDDLE else "tick"
    return (
        f'<line x1="{x:.2f}%" x2="{x:.2f}%" y1="{_TOP - 6}" y2="{_TOP + _HIGH}" class="ref"/>'
        f'<text x="{x:.2f}%" y="{_TOP - 9}" class="{side}">{escape(words)}</text>'
    )


def _labels(pairs: Sequence[tuple[float, Point]]) -> str:
    body, free = "", 200.0
    for x, point in reversed(pairs):
        if free - x >= _APART and x >= _APART / 2:
            side = "end" if x > 95 else "mid"
            body += (
                f'<text x="{x:.2f}%" y="{_TOP + _HIGH + 18}" class="tick {side}">{escape(point.label)}</text>'
            )
            free = x
    return body
