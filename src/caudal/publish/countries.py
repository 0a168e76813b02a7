"""The pages of an indicator in a release about many countries: countries side by side, and a page of each.

The page of the indicator shows one headline figure of each country, and beside each other the totals that one
source gives of several, or that several sources counted alike: by one concept vector. Everything else of a
country, with the address of each cell, lies on its own page, so that no page grows with breakdowns times
countries. Refuses to put figures of several concept vectors into one chart.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from caudal.model.concept import ConceptVector
from caudal.model.indicator import IndicatorSpec
from caudal.model.observation import NOT_APPLICABLE
from caudal.publish.indicator import cells_of_indicator, lead
from caudal.publish.numbers import fill
from caudal.publish.regions import AreaMap, area_map
from caudal.publish.release import Cell, country_of, is_country, latest
from caudal.publish.tables import Figure, Table, figure_of, set_apart
from caudal.publish.voice import Shown, Voice

#: Of fewer countries a sentence of the highest and the lowest says no more than their names.
_FEWEST = 3


@dataclass(frozen=True)
class Headline:
    """A country, its page, and the figure that stands for it; None where none is shown."""

    code: str
    name: str
    shown: Shown | None
    time: str
    source: str


@dataclass(frozen=True)
class Comparison:
    """Totals of countries that were counted alike, with the words for what they counted."""

    title: str
    figure: Figure
    areas: AreaMap | None
    concept: tuple[tuple[str, str, str], ...]

    @property
    def shown(self) -> tuple[Shown, ...]:
        """The countries with a figure."""
        return tuple(r for r in self.figure.table.rows if r.cell.value is not None)


def headlines(voice: Voice, spec: IndicatorSpec) -> tuple[Headline, ...]:
    """The countries that have a page of an indicator, by name."""
    codes = voice.release.countries_of.get(spec.indicator, ())
    return tuple(sorted((_headline(voice, spec, code) for code in codes), key=lambda h: h.name))


def comparisons(voice: Voice, spec: IndicatorSpec) -> tuple[Comparison, ...]:
    """Totals of at least two countries, by source and vector; those of sources about one country alone, by
    vector. The largest comparison comes first."""
    groups = {key: own for key, own in _groups(voice, spec).items() if len(own) > 1}
    ordered = sorted(groups.items(), key=lambda item: (-len(item[1]), item[0]))
    alike = [own[0] for (source, _), own in ordered if not source]
    return tuple(
        _comparison(voice, spec, _title(voice, source, own[0], alike), own, f"countries-{nth}")
        for nth, ((source, _), own) in enumerate(ordered, 1)
    )


def sentence(voice: Voice, spec: IndicatorSpec, compared: Sequence[Comparison]) -> str:
    """The first comparison in a sentence that can be published: how many countries, the highest, the lowest;
    empty where there are not three."""
    if not compared or len(compared[0].shown) < _FEWEST:
        return ""
    shown = compared[0].shown
    high = max(shown, key=lambda r: r.cell.value or 0.0)
    low = min(shown, key=lambda r: r.cell.value or 0.0)
    facts = {
        "indicator": voice.name(spec),
        "time": span(voice, [r.cell.time for r in shown]),
        "count": voice.number(len(shown), 0),
        "high": high.labels[0],
        "high_value": _with_interval(voice, high),
        "low": low.labels[0],
        "low_value": _with_interval(voice, low),
        "source": compared[0].title,
    }
    return fill(voice.words.text["country_words"], facts)


def span(voice: Voice, times: Sequence[str]) -> str:
    """From the first period to the last, in words."""
    return " – ".join(voice.when(t) for t in dict.fromkeys((min(times), max(times))))


def _with_interval(voice: Voice, shown: Shown) -> str:
    interval = voice.interval(shown.cell, "interval_inline")
    return f"{shown.value}; {interval}" if interval else shown.value


def _headline(voice: Voice, spec: IndicatorSpec, code: str) -> Headline:
    cell = lead(voice.about(code), spec)
    if cell is None:
        return Headline(code, voice.area_name(code), None, "", "")
    shown = voice.about(code).shown(cell)
    return Headline(code, voice.area_name(code), shown, voice.when(cell.time), voice.source(cell.source))


def _groups(voice: Voice, spec: IndicatorSpec) -> Mapping[tuple[str, str], tuple[Cell, ...]]:
    """Source and vector -> the last total of each country; the empty source for those about one country."""
    totals: dict[tuple[str, str, str], list[Cell]] = defaultdict(list)
    about: dict[str, set[str]] = defaultdict(set)
    for cell in cells_of_indicator(voice, spec):
        about[cell.source].add(country_of(cell.area))
        if _is_total(cell):
            totals[cell.source, cell.concept, cell.area].append(cell)
    found: dict[tuple[str, str], dict[str, Cell]] = defaultdict(dict)
    for (source, concept, area), own in totals.items():
        time = latest(own)
        single = len(about[source] - {""}) == 1
        found["" if single else source, concept].setdefault(area, next(c for c in own if c.time == time))
    return {key: tuple(own.values()) for key, own in found.items()}


def _title(voice: Voice, source: str, cell: Cell, alike: Sequence[Cell]) -> str:
    """The source; where each country has its own, what sets this way of counting apart from the others."""
    if source:
        return voice.source(source)
    kinds = [_kind(voice, c) for c in alike]
    kind = _kind(voice, cell)
    apart = kind if kinds.count(kind) == 1 < len(kinds) else set_apart(voice, cell, alike)
    return f"{voice.words.text['countries_alike']}: {apart}" if apart else voice.words.text["countries_alike"]


def _kind(voice: Voice, cell: Cell) -> str:
    """The kind of source that counted a cell, in words."""
    axes = voice.axes(dict(ConceptVector.parse(cell.concept).pairs))
    return next((words for axis, _, words in axes if axis == "source_type"), "")


def _is_total(cell: Cell) -> bool:
    return not cell.categories and cell.counterpart == NOT_APPLICABLE and is_country(cell.area)


def _comparison(
    voice: Voice, spec: IndicatorSpec, title: str, cells: Sequence[Cell], ident: str
) -> Comparison:
    figure = figure_of(voice, spec, cells, ident, title=title)
    drawn = area_map(voice, spec, figure.table, ident)
    if len({c.time for c in cells}) > 1:
        figure = replace(figure, table=_with_periods(voice, figure))
    concept = voice.axes(dict(ConceptVector.parse(cells[0].concept).pairs))
    return Comparison(title, figure, drawn, concept)


def _with_periods(voice: Voice, figure: Figure) -> Table:
    """The table with the period of each figure beside its country."""
    rows = tuple(replace(r, labels=(*r.labels, voice.when(r.cell.time))) for r in figure.table.rows)
    return replace(figure.table, heads=(*figure.table.heads, voice.words.text["period"]), rows=rows)
