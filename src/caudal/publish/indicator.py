"""The page of an indicator: what each source says of it, in figures, charts and tables, and its gap.

The latest period of each source stands on the page; each year has a page of tables of its earlier periods,
so that every published cell lies at one place, under its address. In a release about many countries the cells
of a country lie on a page of its own (:mod:`caudal.publish.countries`), made here by a voice about it.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import groupby

from markupsafe import Markup

from caudal.model.concept import ConceptVector
from caudal.model.country import Notice
from caudal.model.indicator import IndicatorSpec
from caudal.model.release import SourceEntry
from caudal.publish.numbers import fill
from caudal.publish.regions import AreaMap, area_map
from caudal.publish.release import GAP, Cell, breakdown, country_of, latest, year_of
from caudal.publish.tables import (
    Figure,
    Table,
    by_breakdown,
    described,
    figure_of,
    history_of,
    is_special,
    newest,
    periods_table,
    set_apart,
    table_of,
)
from caudal.publish.voice import Shown, Voice

_AREA = "reference_area"
#: Parts of an address that are no dimensions.
_GAP, _TIME = "gap", "time"
#: What the cells of a corridor are broken down by.
_CORRIDOR = (_AREA, "counterpart_area")


@dataclass(frozen=True)
class Gap:
    """How two groups differ, by one source in one period."""

    sentence: Markup
    reading: str
    note: str
    total: Shown | None
    figures: tuple[Figure, ...]
    areas: AreaMap | None
    tables: tuple[Table, ...]


@dataclass(frozen=True)
class Section:
    """What one source says of an indicator in its latest period."""

    ident: str
    source: SourceEntry
    title: str
    apart: str
    time: str
    total: Shown | None
    headline: Markup
    figures: tuple[Figure, ...]
    areas: AreaMap | None
    tables: tuple[tuple[str, Table], ...]
    gap: Gap | None
    history: Figure | None
    earlier: tuple[tuple[str, str], ...]
    concept: tuple[tuple[str, str, str], ...]
    methods: tuple[str, ...]
    notes: tuple[str, ...]
    level: str

    @property
    def shapes(self) -> tuple[Markup, ...]:
        """The outlines of its maps, which a page must hold once."""
        maps = (self.areas, self.gap.areas if self.gap else None)
        return tuple(m.shapes for m in maps if m)

    @property
    def choices(self) -> tuple[tuple[str, str], ...]:
        """All that the section shows: address and words, in the order of the page."""
        gap = [(f"{self.ident}.{_GAP}", "")] if self.gap else []
        history = [(self.history.ident, self.history.title)] if self.history else []
        figures = [(f.ident, f.title) for f in self.figures]
        return (*gap, *history, *figures, *((ident, t.caption) for ident, t in self.tables))


def cells_of_indicator(voice: Voice, spec: IndicatorSpec) -> tuple[Cell, ...]:
    """Cells of an indicator, the latest vintage of each; of one country, for a voice about it."""
    if voice.country:
        return own_cells(voice, spec.indicator)
    return newest(voice.release.cells_of.get(spec.indicator, ()))


def own_cells(voice: Voice, indicator: str) -> tuple[Cell, ...]:
    """Cells that lie on the page that ``voice`` makes of an indicator or of its gap: those of its country;
    where each country has a page, those of none; all elsewhere."""
    release, base = voice.release, indicator.removesuffix(GAP)
    name = base if base in release.indicators else indicator
    if voice.country or name in release.countries_of:
        return newest(release.cells_within.get(f"{indicator}/{voice.country}", ()))
    return newest(release.cells_of.get(indicator, ()))


def subject(voice: Voice, indicator: str) -> Voice:
    """The voice in which an indicator is told: where a release about many countries has figures of one alone,
    it is told about that country."""
    if voice.country or country_of(voice.area):
        return voice
    countries = {country_of(c.area) for c in voice.release.cells_of.get(indicator, ())}
    return voice.about(countries.pop()) if len(countries) == 1 and "" not in countries else voice


def sections(voice: Voice, spec: IndicatorSpec) -> tuple[Section, ...]:
    """One section for each source and concept vector: that of the headline first, then in the order of the
    sources of the release; of one source, the vector with most cells first."""
    cells, gaps = own_cells(voice, spec.indicator), gap_cells(voice, spec)
    order, headline = voice.release.source_order, lead(voice, spec)
    first = headline.source if headline else ""
    sizes = Counter((c.source, c.concept) for c in cells)

    def place(c: Cell) -> tuple[bool, int, int, str]:
        return c.source != first, order[c.source], -sizes[c.source, c.concept], c.concept

    keyed = sorted(cells, key=place)
    found: list[Section] = []
    for (source, concept), group in groupby(keyed, key=lambda c: (c.source, c.concept)):
        own = tuple(group)
        time = latest(own)
        beside = [g for g in gaps if g.source == source and g.time == time and g.concept == concept]
        nth = 1 + sum(s.source.source == source for s in found)
        ident = source if nth == 1 else f"{source}-{nth}"
        apart = set_apart(voice, own[0], [c for c in cells if c.source == source])
        found.append(_section(voice, spec, own, ident, apart, _gap(voice, spec, beside, ident)))
    return tuple(found)


def gap_cells(voice: Voice, spec: IndicatorSpec) -> tuple[Cell, ...]:
    """Cells of the gap of an indicator that lie on its page."""
    return own_cells(voice, spec.indicator + GAP)


def lead(voice: Voice, spec: IndicatorSpec) -> Cell | None:
    """The cell of the headline: the total of the area, counted by the office itself where it can be, with
    an error where there is one, of a whole period where there is one, of the latest year, by the source that
    the release names first and the concept vector that it uses most."""
    totals = [c for c in _leading(voice, own_cells(voice, spec.indicator)) if c.value is not None]
    order = voice.release.source_order
    sizes = Counter((c.source, c.concept) for c in totals)
    best = [c for c in totals if voice.own(voice.release.sources[c.source])] or totals

    def rank(c: Cell) -> tuple[bool, bool, str, int, int, str]:
        usual = sizes[c.source, c.concept]
        return c.has_interval, not c.partial, year_of(c.time), -order[c.source], usual, c.time

    return max(best, key=rank, default=None)


def no_headline(voice: Voice, spec: IndicatorSpec) -> Markup:
    """What stands in the place of the headline: that the total is withheld, or that there is none to show,
    because every figure is about one country or corridor."""
    key = "headline_no_total" if has_no_total(voice, spec) else "headline_withheld"
    return voice.say(key, indicator=voice.name(spec), area=voice.area_name(), place=voice.area_in())


def has_no_total(voice: Voice, spec: IndicatorSpec) -> bool:
    """Whether every figure of an indicator is about a part of the area, or about a corridor."""
    return () not in by_breakdown(voice, own_cells(voice, spec.indicator))


def counts_events(voice: Voice, spec: IndicatorSpec) -> bool:
    """Whether an indicator counts events, so that one person may stand in it more than once."""
    cells = cells_of_indicator(voice, spec)
    return any(ConceptVector.parse(v).get("unit") == "event" for v in {c.concept for c in cells})


def without_total(voice: Voice, spec: IndicatorSpec, *, brief: bool = False) -> str:
    """What can be said where the total is not shown: the highest and lowest figure of the first breakdown
    of which something is, or of the corridors; empty where nothing is. A ``brief`` one tells how many there
    are and the highest: among many countries the lowest says little."""
    cells = cells_of_indicator(voice, spec)
    for source in voice.release.source_order:
        own = [c for c in cells if c.source == source]
        time = latest(own) if own else ""
        now = [c for c in own if c.time == time and c.concept == own[0].concept]
        for key, group in by_breakdown(voice, now).items():
            named = [c for c in group if c.value is not None and not is_special(c)]
            if (len(key) == 1 or key == _CORRIDOR) and len(named) > 1:
                table = table_of(voice, group)
                where = {"source": voice.source(source), "time": voice.when(group[0].time)}
                by = _by(voice, key[0])
                told = described(voice, table, brief=brief)
                return f"{voice.say('extremes', by=by, **where)} {told}"
    return ""


def _leading(voice: Voice, cells: Sequence[Cell]) -> tuple[Cell, ...]:
    """The totals; of an indicator that is about one other area or category alone, the cells of that one."""
    first = next(iter(by_breakdown(voice, cells).values()), ())
    return first if len({breakdown(c, voice.area) for c in first}) == 1 else ()


def earlier_pages(
    voice: Voice, spec: IndicatorSpec
) -> Mapping[str, tuple[tuple[str, tuple[Table, ...]], ...]]:
    """Tables of the periods that the page of the indicator leaves out: by year, by source."""
    cells = [*own_cells(voice, spec.indicator), *gap_cells(voice, spec)]
    times: dict[tuple[str, str], list[Cell]] = defaultdict(list)
    for c in cells:
        times[c.source, c.concept].append(c)
    last = {key: latest(own) for key, own in times.items()}
    old = sorted(
        (c for c in cells if c.time != last[c.source, c.concept]),
        key=lambda c: (year_of(c.time), c.source, c.indicator, c.time),
    )
    pages: dict[str, tuple[tuple[str, tuple[Table, ...]], ...]] = {}
    for year, group in groupby(old, key=lambda c: year_of(c.time)):
        named = []
        for (source, indicator), own in groupby(group, key=lambda c: (c.source, c.indicator)):
            title = f"{voice.source(source)} · {voice.name(voice.release.indicators[indicator])}"
            named.append((title, _tables(voice, tuple(own))))
        pages[year] = tuple(named)
    return pages


def notices_of(voice: Voice, indicator: str) -> tuple[Notice, ...]:
    """Corrections and withdrawals of an indicator or of its gap."""
    return tuple(n for n in voice.release.structure.notices if n.indicator.removesuffix(GAP) == indicator)


def _section(
    voice: Voice, spec: IndicatorSpec, cells: tuple[Cell, ...], ident: str, apart: str, gap: Gap | None
) -> Section:
    time = latest(cells)
    now = [c for c in cells if c.time == time]
    source = voice.release.sources[now[0].source]
    groups = by_breakdown(voice, now)
    leading = [c for c in _leading(voice, now) if not c.categories]
    total = leading[0] if len(leading) == 1 else None
    history = history_of(voice, spec, _leading(voice, cells), f"{ident}.{_TIME}")
    times = sorted({year_of(c.time) for c in cells if c.time != time}, reverse=True)
    figures = _figures(voice, spec, groups, ident, total)
    return Section(
        ident=ident,
        source=source,
        title=voice.plain(source.title),
        apart=apart,
        time=voice.when(time),
        total=voice.shown(total) if total else None,
        headline=voice.headline(total) if total else Markup(""),
        figures=figures,
        areas=_areas(voice, spec, figures, ident),
        tables=tuple((".".join((ident, *k)), table_of(voice, v)) for k, v in groups.items() if len(k) > 1),
        gap=gap,
        history=history,
        earlier=tuple((t, voice.when(t)) for t in times),
        concept=voice.axes(dict(ConceptVector.parse(now[0].concept).pairs)),
        methods=_words_of(voice, "methods", [c.method for c in now]),
        notes=_notes_of(voice, now),
        level=voice.level(total) if total and total.has_interval else "",
    )


def _figures(
    voice: Voice,
    spec: IndicatorSpec,
    groups: Mapping[tuple[str, ...], tuple[Cell, ...]],
    ident: str,
    total: Cell | None,
) -> tuple[Figure, ...]:
    reference = None
    if total and total.value is not None:
        reference = (total.value, voice.say("reference", value=voice.value(total)))
    return tuple(
        figure_of(voice, spec, cells, f"{ident}.{key[0]}", title=_by(voice, key[0]), reference=reference)
        for key, cells in _telling(groups, total)
        if cells != ((total,) if total else ())
    )


def _telling(
    groups: Mapping[tuple[str, ...], tuple[Cell, ...]], total: Cell | None
) -> list[tuple[tuple[str, ...], tuple[Cell, ...]]]:
    """Breakdowns by one thing. Where the total has an interval, one of whose figures none has comes last: it
    breaks down by what the indicator itself is about."""
    single = [(key, cells) for key, cells in groups.items() if len(key) == 1]
    sampled = total is not None and total.has_interval
    return sorted(single, key=lambda item: sampled and not any(c.has_interval for c in item[1]))


def _areas(voice: Voice, spec: IndicatorSpec, figures: Sequence[Figure], ident: str) -> AreaMap | None:
    """The map of the breakdown by area, where the section has one."""
    own = next((f for f in figures if f.ident == f"{ident}.{_AREA}"), None)
    return area_map(voice, spec, own.table, own.ident) if own else None


def _by(voice: Voice, dimension: str) -> str:
    return str(voice.say("by_dimension", dimension=voice.dimension(dimension).lower()))


def _tables(voice: Voice, cells: Sequence[Cell]) -> tuple[Table, ...]:
    groups = by_breakdown(voice, cells)
    made = (periods_table(voice, v, "" if k else voice.words.text["total"]) for k, v in groups.items())
    return tuple(t for tables in made for t in tables)


def _gap(voice: Voice, spec: IndicatorSpec, cells: Sequence[Cell], ident: str) -> Gap | None:
    if not cells or spec.gap is None:
        return None
    groups = by_breakdown(voice, cells)
    total = next(iter(groups.get((), ())), None)
    derived = voice.release.indicators[cells[0].indicator]
    null = 1.0 if spec.gap.measure == "ratio" else 0.0
    figures = tuple(
        figure_of(
            voice,
            derived,
            v,
            f"{ident}.{_GAP}.{k[0]}",
            title=str(voice.say("gap_by", dimension=voice.dimension(k[0]).lower())),
            reference=(null, voice.words.text["gap_none"]),
            line="key_none",
        )
        for k, v in _telling(groups, total)
    )
    by_area = next((f for f in figures if f.ident == f"{ident}.{_GAP}.{_AREA}"), None)
    return Gap(
        sentence=_gap_sentence(voice, spec, total),
        reading=_gap_reading(voice, total, null),
        note=voice.note(total) if total else "",
        total=voice.shown(total) if total else None,
        figures=figures,
        areas=area_map(voice, derived, by_area.table, by_area.ident, null) if by_area else None,
        tables=tuple(table_of(voice, v) for k, v in groups.items() if len(k) > 1),
    )


def _gap_sentence(voice: Voice, spec: IndicatorSpec, total: Cell | None) -> Markup:
    if spec.gap is None or total is None or total.value is None:
        return voice.say("gap_unknown")
    size, key = total, "gap_ratio"
    if spec.gap.measure == "difference":
        size = replace(total, value=abs(total.value))
        key = "gap_equal" if not total.value else "gap_higher" if total.value > 0 else "gap_lower"
    return voice.say(
        key,
        group=voice.code(spec.gap.dimension, spec.gap.group),
        reference=voice.code(spec.gap.dimension, spec.gap.reference),
        value=Markup("<strong>{}</strong>").format(voice.value(size)),
        interval=_gap_range(voice, spec, total) or voice.words.text["no_known_error"],
    )


def _gap_range(voice: Voice, spec: IndicatorSpec, total: Cell) -> str:
    """The limits of a difference in words, higher and lower, since the sentence has no sign; those of a ratio
    as they are."""
    if spec.gap is None or spec.gap.measure != "difference" or total.lower is None or total.upper is None:
        return voice.interval(total, "interval_inline")
    first, last, side = abs(total.lower), abs(total.upper), "both"
    if total.lower >= 0:
        side = "higher"
    elif total.upper <= 0:
        first, last, side = last, first, "lower"
    decimals = voice.decimals(total)
    facts = {"lower": voice.number(first, decimals), "upper": voice.amount(last, decimals, total.unit)}
    return fill(voice.words.text[f"gap_range_{side}"], facts)


def _gap_reading(voice: Voice, total: Cell | None, null: float) -> str:
    """Whether the data show a difference, from the interval and not from the figure."""
    if total is None or total.lower is None or total.upper is None:
        return ""
    inside = total.lower <= null <= total.upper
    return voice.words.text["gap_inside" if inside else "gap_outside"]


def _notes_of(voice: Voice, cells: Sequence[Cell]) -> tuple[str, ...]:
    """What must be said of the errors of these figures, each thing once."""
    return tuple(dict.fromkeys(w for c in cells if c.value is not None for w in voice.noted(c.error_note)))


def _words_of(voice: Voice, list_name: str, codes: Sequence[str]) -> tuple[str, ...]:
    return tuple(voice.words.word(list_name, c) or c for c in dict.fromkeys(codes) if c)
