"""Charts as SVG text: figures with their intervals by category, and over time.

Horizontal positions are percentages and vertical ones pixels, so that a chart fills its column while its
letters keep their size on a phone, on a desk and on paper; the label stands above its mark, where long
words have room. A dot is a rate and its axis may start anywhere; a bar is a total and starts at zero.
An interval is a band in two tones, dark where about two of three samples would fall and pale to its limits:
it has no ends that look like walls, and a wide band looks as vague as it is. The bar of a total is full to
the lower limit alone. A figure of low reliability is hollow, a withheld one hatched at the same place for
all: shape, never colour alone. Every chart has a title and a description; the table beside it has the same
numbers.

References: Cleveland and McGill (1984), graphical perception: position on a common scale is read best.
Correll and Gleicher (2014), Error bars considered harmful, IEEE TVCG 20(12): bands that fade are read better
than bars with error bars. Newman and Scholl (2012), Psychonomic Bulletin & Review 19: what lies within a bar
is taken for likelier than what lies above it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from markupsafe import Markup, escape

_ROW, _LINE, _TOP, _FOOT = 44, 16, 4, 26
#: Half the width of a normal 95 % interval in standard errors: the dark band is one of them to each side, and
#: of other intervals the same share.
_ERRORS = 1.96
_LABEL_LENGTH = 30
_LEFT, _WIDTH = 5.0, 90.0
_HIGH = 190
_LABELLED = 5
_APART = 19
#: Half the height of a strip.
_STRIP = 8
#: The line on which a mark lies, so that it belongs to the label above and not to the one below.
_TRACK = f'<line x1="{_LEFT:g}%" x2="{_LEFT + _WIDTH:g}%" y1="{{y}}" y2="{{y}}" class="track"/>'


@dataclass(frozen=True)
class Mark:
    """One figure to draw: its label, its limits (equal to None where unknown) and its words."""

    label: str
    text: str
    value: float | None
    lower: float | None = None
    upper: float | None = None
    weak: bool = False
    truth: float | None = None
    broken: bool = False

    @property
    def reach(self) -> tuple[float, ...]:
        """All that the axis must hold."""
        return tuple(v for v in (self.value, self.lower, self.upper, self.truth) if v is not None)


@dataclass(frozen=True)
class Scale:
    """A linear axis with round ticks."""

    low: float
    high: float
    step: float

    def place(self, value: float) -> str:
        """Position in percent of the width."""
        share = (value - self.low) / (self.high - self.low)
        return f"{_LEFT + _WIDTH * share:.2f}%"

    def ticks(self) -> tuple[float, ...]:
        """Round values from one end to the other."""
        count = round((self.high - self.low) / self.step)
        return tuple(round(self.low + i * self.step, 10) for i in range(count + 1))

    @property
    def decimals(self) -> int:
        """Decimals that the ticks need."""
        return max(0, -math.floor(math.log10(self.step) + 1e-9))


def scale_for(marks: Sequence[Mark], *, include: Sequence[float] = (), intervals: int = 3) -> Scale:
    """The scale that holds all marks and the values in ``include``, in steps of 1, 2 or 5.

    >>> scale_for([Mark("a", "", 7.1, 5.2, 9.0)], include=(0.0,)).ticks()
    (0.0, 2.0, 4.0, 6.0, 8.0, 10.0)
    """
    values = [v for m in marks for v in m.reach] + list(include)
    low, high = (min(values), max(values)) if values else (0.0, 1.0)
    if high - low < 1e-9 * max(abs(high), 1.0):
        low, high = low - 0.5 * max(abs(low), 1.0), high + 0.5 * max(abs(high), 1.0)
    raw = (high - low) / intervals
    size = 10.0 ** math.floor(math.log10(raw))
    step = min((s * size for s in (1, 2, 5, 10)), key=lambda s: abs(s - raw))
    return Scale(math.floor(low / step + 1e-9) * step, math.ceil(high / step - 1e-9) * step, step)


@dataclass(frozen=True)
class Caption:
    """Words of a chart for those who do not see it; ``ident`` is unique in its page."""

    ident: str
    title: str
    description: str


def rows_chart(
    marks: Sequence[Mark],
    caption: Caption,
    tick: Callable[[float, int], str],
    *,
    bars: bool = False,
    reference: tuple[float, str] | None = None,
) -> Markup:
    """One row a mark: label and figure above, dot or bar with its interval below.

    ``tick`` writes a number of the axis with so many decimals; ``reference`` is a vertical line.
    """
    include = ([0.0] if bars else []) + ([reference[0]] if reference else [])
    scale = scale_for(_above_zero(marks) if bars else marks, include=include)
    parts, y = [], _TOP
    for mark in marks:
        lines = folded(mark.label)
        parts.append(_labels(lines, mark.text, y))
        strip = y + _LINE * len(lines) + 9
        parts.append(_TRACK.format(y=strip))
        parts.append(_mark(mark, scale, strip, bars))
        y += _ROW + _LINE * (len(lines) - 1)
    body = "".join(parts)
    if any(m.reach for m in marks):  # without a figure an axis would tell of numbers that nobody has
        body = _grid(scale, y, tick) + _reference(scale, reference, y) + body
    return svg_of(body, y + _FOOT + (14 if reference else 0), caption)


def strips(marks: Sequence[Mark], reference: float | None = None) -> tuple[Markup, ...]:
    """A strip a mark, dot and interval on one scale and without letters, for rates that stand in words beside
    it; it says nothing to those who do not see it. ``reference`` is a vertical line."""
    scale = scale_for(marks, include=[] if reference is None else [reference])
    x = None if reference is None else scale.place(reference)
    line = f'<line x1="{x}" x2="{x}" y1="0" y2="{2 * _STRIP}" class="ref"/>' if x else ""
    frame = (
        f'<svg class="chart strip" width="100%" height="{2 * _STRIP}" aria-hidden="true" focusable="false">'
    )
    track = _TRACK.format(y=_STRIP)
    return tuple(Markup(f"{frame}{track}{line}{_mark(m, scale, _STRIP, bars=False)}</svg>") for m in marks)


def time_chart(
    marks: Sequence[Mark],
    moments: Sequence[float],
    caption: Caption,
    tick: Callable[[float, int], str],
    *,
    zero: bool = False,
) -> Markup:
    """One column a period at its moment (in years), in order, with its interval; no line is drawn between
    them, and a period that is missing leaves its place empty. A dashed upright stands before a mark at which
    the series breaks."""
    scale = scale_for(_above_zero(marks) if zero else marks, include=[0.0] if zero else [])
    first, span = moments[0], (moments[-1] - moments[0]) or 1.0
    places = [16 + 78 * (m - first) / span for m in moments]
    body = "".join(_level(scale, t, tick) for t in scale.ticks())
    body += "".join(
        _break((a + b) / 2) for a, b, m in zip(places, places[1:], marks[1:], strict=False) if m.broken
    )
    body += "".join(_column(m, scale, f"{x:.2f}%") for m, x in zip(marks, places, strict=True))
    free = 200.0
    for mark, x in zip(reversed(marks), reversed(places), strict=True):
        if free - x >= _APART:
            body += f'<text x="{x:.2f}%" y="{_HIGH + 38}" class="tick mid">{escape(mark.label)}</text>'
            free = x
    return svg_of(body, _HIGH + 46, caption)


def _above_zero(marks: Sequence[Mark]) -> Sequence[Mark]:
    """Marks of totals: where no figure is negative, the axis does not follow a limit below zero."""
    if any((m.value or 0.0) < 0 for m in marks):
        return marks
    return [replace(m, lower=None if m.lower is None else max(m.lower, 0.0)) for m in marks]


def folded(label: str, length: int = _LABEL_LENGTH) -> tuple[str, ...]:
    """A label in up to three lines of about ``length`` letters; what is longer ends in an ellipsis.

    >>> folded("Persons born in the Plurinational State of Bolivia")
    ('Persons born in the', 'Plurinational State of Bolivia')
    """
    lines = [""]
    for word in label.split():
        joined = f"{lines[-1]} {word}".strip()
        if len(joined) > length and lines[-1]:
            lines.append(word)
        else:
            lines[-1] = joined
    cut = lines[:3]
    if len(lines) > 3 or len(cut[-1]) > length + 10:
        cut[-1] = cut[-1][: length - 1].rstrip() + "…"
    return tuple(cut)


def svg_of(body: str, height: float, caption: Caption) -> Markup:
    """A chart as wide as its column, with the words for those who do not see it."""
    i = escape(caption.ident)
    return Markup(
        f'<svg class="chart" width="100%" height="{height:.0f}" role="img" aria-labelledby="{i}-t {i}-d">'
        f'<title id="{i}-t">{escape(caption.title)}</title>'
        f'<desc id="{i}-d">{escape(caption.description)}</desc>{body}</svg>'
    )


def _labels(lines: tuple[str, ...], text: str, y: int) -> str:
    found = "".join(
        f'<text y="{y + 13 + _LINE * i}" x="0">{escape(line)}</text>' for i, line in enumerate(lines)
    )
    last = y + 13 + _LINE * (len(lines) - 1)
    return found + f'<text y="{last}" x="100%" class="end fig">{escape(text)}</text>'


def _mark(mark: Mark, scale: Scale, y: float, bars: bool) -> str:
    if mark.value is None:
        return f'<rect x="{_LEFT}%" y="{y - 4}" width="12%" height="8" class="hatch"/>'
    bar = _bar(mark, scale, y) if bars else ""
    dot = _dot(scale.place(mark.value), y, mark.weak) if not bars or _has_interval(mark) else ""
    return bar + _interval(mark, scale, y) + dot + _truth(mark, scale, y)


def _has_interval(mark: Mark) -> bool:
    return mark.lower is not None and mark.upper is not None


def _dot(x: str, y: float, weak: bool) -> str:
    return f'<circle cx="{x}" cy="{y}" r="5" class="{"dot weak" if weak else "dot"}"/>'


def _bar(mark: Mark, scale: Scale, y: float) -> str:
    """A bar from zero to the figure; where its interval is known, to the limit that is nearer to zero."""
    value = mark.value or 0.0
    end = value
    if mark.lower is not None and mark.upper is not None:
        end = min(max(mark.lower, 0.0), value) if value >= 0 else max(min(mark.upper, 0.0), value)
    first, last = sorted((scale.low, 0.0, end))[1:]
    share = 100 * (last - first) / (scale.high - scale.low) * _WIDTH / 100
    name = "bar weak" if mark.weak else "bar"
    return f'<rect x="{scale.place(first)}" y="{y - 5}" width="{share:.2f}%" height="10" class="{name}"/>'


def _interval(mark: Mark, scale: Scale, y: float) -> str:
    """The interval as a band in two tones."""
    placed = ((scale.place(max(a, scale.low)), scale.place(b), name) for a, b, name in bands(mark))
    return "".join(f'<line x1="{a}" x2="{b}" y1="{y}" y2="{y}" class="{name}"/>' for a, b, name in placed)


def bands(mark: Mark) -> tuple[tuple[float, float, str], ...]:
    """The pale band to the limits and the dark one of a standard error to each side; none without limits."""
    if mark.value is None or mark.lower is None or mark.upper is None:
        return ()
    low, high = ((mark.value - mark.lower) / _ERRORS, (mark.upper - mark.value) / _ERRORS)
    return (mark.lower, mark.upper, "i95"), (mark.value - low, mark.value + high, "i68")


def _truth(mark: Mark, scale: Scale, y: float) -> str:
    if mark.truth is None:
        return ""
    return (
        f'<svg x="{scale.place(mark.truth)}" y="{y}" overflow="visible">'
        '<path d="M0-6 6 0 0 6-6 0Z" class="truth"/></svg>'
    )


def _grid(scale: Scale, bottom: float, tick: Callable[[float, int], str]) -> str:
    found, ticks = "", scale.ticks()
    every = 1 if len(ticks) <= _LABELLED else 2
    for i, value in enumerate(ticks):
        x = scale.place(value)
        found += f'<line x1="{x}" x2="{x}" y1="{_TOP}" y2="{bottom}" class="grid"/>'
        if i % every == 0:
            words = escape(tick(value, scale.decimals))
            found += f'<text x="{x}" y="{bottom + 16}" class="tick mid">{words}</text>'
    return found


def _reference(scale: Scale, reference: tuple[float, str] | None, bottom: float) -> str:
    if reference is None:
        return ""
    x = scale.place(reference[0])
    share = (reference[0] - scale.low) / (scale.high - scale.low)
    side = "start" if share < 0.3 else "end" if share > 0.7 else "mid"
    return (
        f'<line x1="{x}" x2="{x}" y1="{_TOP}" y2="{bottom}" class="ref"/>'
        f'<text x="{x}" y="{bottom + 34}" class="tick {side}">{escape(reference[1])}</text>'
    )


def _height(scale: Scale, value: float) -> float:
    return 12 + _HIGH * (1 - (value - scale.low) / (scale.high - scale.low))


def _level(scale: Scale, value: float, tick: Callable[[float, int], str]) -> str:
    y = _height(scale, value)
    return (
        f'<line x1="0%" x2="100%" y1="{y:.1f}" y2="{y:.1f}" class="grid"/>'
        f'<text x="0%" y="{y - 3:.1f}" class="tick">{escape(tick(value, scale.decimals))}</text>'
    )


def _break(x: float) -> str:
    return f'<line x1="{x:.2f}%" x2="{x:.2f}%" y1="12" y2="{_HIGH + 12}" class="ref"/>'


def _column(mark: Mark, scale: Scale, x: str) -> str:
    if mark.value is None:
        return f'<rect x="{x}" y="{_HIGH - 2}" width="8" height="12" class="hatch"/>'
    found = ""
    for low, high, name in bands(mark):
        a, b = _height(scale, max(low, scale.low)), _height(scale, high)
        found += f'<line x1="{x}" x2="{x}" y1="{a:.1f}" y2="{b:.1f}" class="{name}"/>'
    return found + _dot(x, round(_height(scale, mark.value), 1), mark.weak)
