"""The same population by several sources, side by side, and why their figures differ.

The reasons come from the concept vectors alone: for each axis on which two vectors differ, the sentence
of that axis with the words of both values. A changed vector changes the words. What the vectors do not
explain is said to be unexplained.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from itertools import combinations, groupby

from markupsafe import Markup, escape

from caudal.model.catalogue import difference_sentence
from caudal.model.concept import ConceptVector, Difference, differences
from caudal.model.indicator import IndicatorSpec
from caudal.model.release import AxisEntry
from caudal.publish.chart import Caption, rows_chart
from caudal.publish.indicator import cells_of_indicator
from caudal.publish.release import Cell, latest
from caudal.publish.tables import Table, by_breakdown, described, key_of, mark_of, set_apart
from caudal.publish.voice import Shown, Voice

#: The unit whose differences are told in points.
PERCENT = "PT"
#: With more figures than this, each is compared with the first only.
_ALL_PAIRS = 4


@dataclass(frozen=True)
class Entry:
    """One figure of the population: its cell, its indicator, its vector in words by axis."""

    shown: Shown
    spec: IndicatorSpec
    source: str
    label: str
    time: str
    vector: ConceptVector


@dataclass(frozen=True)
class Pair:
    """Two figures and the sentences that say why they differ."""

    first: str
    second: str
    size: Markup
    reasons: tuple[Markup, ...]


@dataclass(frozen=True)
class Side:
    """Figures of one population in one unit."""

    ident: str
    unit: str
    entries: tuple[Entry, ...]
    svg: Markup
    key: str
    shared: tuple[tuple[str, str], ...]
    axes: tuple[tuple[str, tuple[str, ...]], ...]
    pairs: tuple[Pair, ...]


def populations(voice: Voice) -> Mapping[str, tuple[IndicatorSpec, ...]]:
    """Populations that at least two sources measure in one unit, with their indicators."""
    specs = sorted(voice.release.base_indicators(), key=lambda s: s.population)
    groups = {name: tuple(own) for name, own in groupby(specs, key=lambda s: s.population)}
    return {name: own for name, own in groups.items() if sides(voice, own)}


def sides(voice: Voice, specs: Iterable[IndicatorSpec]) -> tuple[Side, ...]:
    """The figures of these indicators, one side by side for each unit that two sources share."""
    totals = [c for s in specs for c in _totals(voice, s)]
    found = []
    for unit in dict.fromkeys(c.unit for c in totals):
        own = [c for c in totals if c.unit == unit]
        if len({c.source for c in own}) > 1:
            found.append(_side(voice, unit, own))
    return tuple(found)


def reasons(voice: Voice, first: ConceptVector, second: ConceptVector) -> tuple[Markup, ...]:
    """Why two figures differ: one sentence for each axis on which their vectors do."""
    axes = {a.axis: a for a in voice.release.structure.axes}
    return tuple(_reason(voice, d, axes.get(d.axis)) for d in differences(first, second))


def _totals(voice: Voice, spec: IndicatorSpec) -> tuple[Cell, ...]:
    """A total of an indicator by each source and vector: of the last whole period that all have, where there
    is one, else of the last of each."""
    totals = by_breakdown(voice, cells_of_indicator(voice, spec)).get((), ())
    series: dict[tuple[str, str], dict[str, Cell]] = defaultdict(dict)
    for cell in totals:
        if cell.value is not None:
            series[cell.source, cell.concept][cell.time] = cell
    whole = ({t for t, c in own.items() if not c.partial} for own in series.values())
    common = max(set.intersection(*whole), default="") if series else ""
    order = voice.release.source_order
    chosen = (own[common or latest(own.values())] for own in series.values())
    return tuple(sorted(chosen, key=lambda c: (order[c.source], c.concept)))


def _side(voice: Voice, unit: str, cells: list[Cell]) -> Side:
    entries = _entries(voice, cells)
    ident = f"side-{unit.lower()}"
    table = Table("", (voice.words.text["source"],), tuple(e.shown for e in entries), voice.unit(unit))
    caption = Caption(ident, voice.words.text["side_by_side"], described(voice, table))
    svg = rows_chart(
        [mark_of(voice, e.shown, f"{e.label}, {e.time}") for e in entries],
        caption,
        lambda value, decimals: voice.amount(value, decimals, unit),
        bars=not entries[0].spec.is_rate,
    )
    key = key_of(voice, table.rows, "key_dot" if entries[0].spec.is_rate else "key_bar")
    shared, axes = _axes(voice, entries)
    pairs = list(combinations(entries, 2))
    if len(entries) > _ALL_PAIRS:
        pairs = [(entries[0], e) for e in entries[1:]]
    return Side(
        ident, voice.unit(unit), entries, svg, key, shared, axes, tuple(_pair(voice, *p) for p in pairs)
    )


def _entries(voice: Voice, cells: list[Cell]) -> tuple[Entry, ...]:
    found = []
    for cell in cells:
        label = _label(voice, cell, [c for c in cells if c.source == cell.source])
        found.append(
            Entry(
                replace(voice.shown(cell), labels=(label,)),
                voice.release.indicators[cell.indicator],
                cell.source,
                label,
                voice.when(cell.time),
                ConceptVector.parse(cell.concept),
            )
        )
    return tuple(found)


def _label(voice: Voice, cell: Cell, same_source: list[Cell]) -> str:
    """The source, and where it gives several figures, what sets this one apart from the others."""
    if len(same_source) == 1:
        return voice.source(cell.source)
    words = set_apart(voice, cell, same_source) or voice.name(voice.release.indicators[cell.indicator])
    return f"{voice.source(cell.source)} ({words})"


def _axes(
    voice: Voice, entries: tuple[Entry, ...]
) -> tuple[tuple[tuple[str, str], ...], tuple[tuple[str, tuple[str, ...]], ...]]:
    """Axes on which all agree, with the common words; axes on which they do not, with each one's."""
    shared, apart = [], []
    for axis in voice.release.structure.axes:
        values = tuple(voice.axis_value(axis, e.vector.get(axis.axis)) for e in entries)
        if len({e.vector.get(axis.axis) for e in entries}) > 1:
            apart.append((voice.plain(axis.text), values))
        elif entries[0].vector.get(axis.axis) is not None:
            shared.append((voice.plain(axis.text), values[0]))
    return tuple(shared), tuple(apart)


def _pair(voice: Voice, first: Entry, second: Entry) -> Pair:
    found = list(reasons(voice, first.vector, second.vector))
    if first.shown.cell.time != second.shown.cell.time:
        found.append(voice.say("differ_time", first=first.time, second=second.time))
    if first.spec.indicator != second.spec.indicator:
        names = voice.name(first.spec), voice.name(second.spec)
        found.append(voice.say("differ_indicator", first=names[0], second=names[1]))
    if not found:
        found.append(voice.say("differ_unexplained"))
    return Pair(first.label, second.label, _size(voice, first, second), tuple(found))


def _size(voice: Voice, first: Entry, second: Entry) -> Markup:
    """How far two figures lie apart, and whether their intervals part them."""
    told = _points if first.shown.cell.unit == second.shown.cell.unit == PERCENT else _share
    return told(voice, first, second) + Markup(" ") + _chance(voice, first, second)


def _points(voice: Voice, first: Entry, second: Entry) -> Markup:
    """The distance of two percentages in points: as a share of one of them, it would be read as points."""
    a, b = first.shown.cell, second.shown.cell
    decimals = min(voice.decimals(a), voice.decimals(b))
    apart = round((b.value or 0.0) - (a.value or 0.0), decimals)
    key = "size_same" if not apart else "size_points_more" if apart > 0 else "size_points_less"
    points = voice.number(abs(apart), decimals)
    return voice.say(key, first=first.label, second=second.label, points=points)


def _share(voice: Voice, first: Entry, second: Entry) -> Markup:
    """The distance of two figures in percent of the first."""
    a, b = first.shown.cell.value or 0.0, second.shown.cell.value or 0.0
    if not a:
        return voice.say("size_zero", first=first.label, second=second.label)
    percent = voice.number(abs(100 * (b - a) / a), 0 if abs(b - a) >= 0.1 * abs(a) else 1)
    key = "size_same" if a == b else "size_more" if b > a else "size_less"
    return voice.say(key, first=first.label, second=second.label, percent=percent)


def _chance(voice: Voice, first: Entry, second: Entry) -> Markup:
    """What the intervals say of the difference: whether the chance of a sample may explain it."""
    a, b = first.shown.cell, second.shown.cell
    if a.has_interval and b.has_interval:
        return voice.say("overlap_shared" if _reaches(a, b.lower, b.upper) else "overlap_apart")
    if not a.has_interval and not b.has_interval:
        return voice.say("overlap_unknown")
    sampled, other = (first, second) if a.has_interval else (second, first)
    inside = _reaches(sampled.shown.cell, other.shown.cell.value, other.shown.cell.value)
    key = "overlap_inside" if inside else "overlap_outside"
    return voice.say(key, sampled=sampled.label, other=other.label)


def _reaches(cell: Cell, low: float | None, high: float | None) -> bool:
    """Whether the interval of a cell has a point in common with another."""
    if cell.lower is None or cell.upper is None or low is None or high is None:
        return False
    return cell.lower <= high and low <= cell.upper


def _reason(voice: Voice, difference: Difference, axis: AxisEntry | None) -> Markup:
    if axis is not None:
        for tag in (voice.words.language, *voice.release.structure.languages):
            if sentence := difference_sentence(axis, difference, tag):
                return escape(sentence)
    name = voice.plain(axis.text) if axis else difference.axis
    silent = voice.words.text["not_stated"]
    return voice.say(
        "differ_axis", axis=name, first=difference.first or silent, second=difference.second or silent
    )
