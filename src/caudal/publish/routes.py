"""The pages of migration routes: who died, month by month and where; and who crossed, border by border.

A route page gathers all cells that are broken down by that route alone: by year, by month with intervals,
and on a map of aggregated points. The page of all routes shows the counts of each border beside each other,
in the order of the release, and never their sum: the same people are in several of them.

It refuses nothing; a release without routes has no such pages.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import groupby

from markupsafe import Markup

from caudal.model.concept import ConceptVector
from caudal.model.editions import edition_order
from caudal.model.observation import NOT_APPLICABLE
from caudal.publish.chart import Caption
from caudal.publish.comparison import reasons
from caudal.publish.map import Point, middle, point_map
from caudal.publish.release import Cell
from caudal.publish.tables import Figure, Table, described, history_of, newest
from caudal.publish.voice import Shown, Voice

ROUTE, GRID, EVENT = "route", "grid", "event"
#: With fewer places a map says less than its table.
_FEWEST = 3


@dataclass(frozen=True)
class Section:
    """What one source says of a route by one indicator; ``differ`` are sentences on why it and the source
    before it do not agree."""

    ident: str
    name: str
    source: str
    history: Figure
    differ: tuple[Markup, ...] = ()


@dataclass(frozen=True)
class Places:
    """The map of a route in one period, and the table with its figures."""

    title: str
    svg: Markup
    table: Table


@dataclass(frozen=True)
class Route:
    """One route."""

    code: str
    title: str
    headline: Markup
    sections: tuple[Section, ...]
    places: Places | None

    @property
    def groups(self) -> tuple[tuple[Section, ...], ...]:
        """Its sections by indicator: what one source says, and what others say that count the same."""
        return tuple(tuple(own) for _, own in groupby(self.sections, key=lambda s: s.name))


@dataclass(frozen=True)
class Corridor:
    """Counts at each border by year: a column a count, a row a year; None where there is no figure."""

    heads: tuple[tuple[str, str, str], ...]
    rows: tuple[tuple[str, tuple[Shown | None, ...]], ...]


def routes(voice: Voice) -> tuple[Route, ...]:
    """The routes of the area of the release, in the order of their list."""
    by_route = _by_route(voice)
    found = [_route(voice, code, cells) for code, cells in by_route.items()]
    ordered = sorted((r for r in found if r.sections), key=lambda r: voice.place(ROUTE, r.code))
    return tuple(ordered)


def corridor(voice: Voice) -> Corridor | None:
    """The counts of events at borders, in the order in which the release names them; None without any."""
    columns = _columns(voice)
    if not columns:
        return None
    years = sorted({c.time for cells in columns.values() for c in cells}, reverse=True)
    rows = []
    for year in years:
        found = (next((c for c in cells if c.time == year), None) for cells in columns.values())
        rows.append((voice.when(year), tuple(voice.shown(c) if c else None for c in found)))
    known = voice.release.indicators
    heads = tuple(
        (voice.name(known[name]), voice.area_name(area), f"../indicator/{name}.html")
        for name, area in columns
    )
    return Corridor(heads, tuple(rows))


def _by_route(voice: Voice) -> Mapping[str, list[Cell]]:
    """Cells that show a route and nothing else but a place of the grid, by route."""
    found: dict[str, list[Cell]] = defaultdict(list)
    for spec in voice.release.base_indicators():
        for cell in newest(voice.release.cells_of.get(spec.indicator, ())):
            shown = dict(cell.categories)
            if ROUTE in shown and set(shown) <= {ROUTE, GRID} and not shown[ROUTE].startswith("_"):
                found[shown[ROUTE]].append(cell)
    return found


def _route(voice: Voice, code: str, cells: Sequence[Cell]) -> Route:
    own = [c for c in cells if GRID not in dict(c.categories) and c.area == voice.area]
    grouped: dict[tuple[str, str], list[Cell]] = defaultdict(list)
    for cell in own:
        grouped[cell.indicator, cell.source].append(cell)
    sections: list[Section] = []
    for (indicator, _), group in sorted(grouped.items(), key=lambda g: (g[0][0], _backwards(g[1]), g[0][1])):
        before = sections[-1] if sections else None
        section = _section(voice, indicator, group, len(sections) + 1)
        if section is not None:
            sections.append(replace(section, differ=_differ(voice, before, section)))
    places = _places(voice, code, [c for c in cells if GRID in dict(c.categories)])
    title = voice.code(ROUTE, code)
    return Route(code, title, _headline(voice, sections, title), tuple(sections), places)


def _backwards(cells: Sequence[Cell]) -> tuple[int, ...]:
    """Sorts series that come furthest first."""
    return tuple(-ord(c) for c in max(c.time for c in cells))


def _section(voice: Voice, indicator: str, group: Sequence[Cell], number: int) -> Section | None:
    latest = _edition(group)
    spec = voice.release.indicators[indicator]
    ident = f"r{number}-{indicator}"
    history = history_of(voice, spec, [c for c in group if c.vintage == latest], ident)
    return None if history is None else Section(ident, voice.name(spec), group[0].source, history)


def _headline(voice: Voice, sections: Sequence[Section], title: str) -> Markup:
    """The last whole year of the first series by year, in the sentence of its indicator."""
    for section in sections:
        cells = [
            r.cell for r in section.history.table.rows if r.cell.value is not None and not r.cell.partial
        ]
        if cells and len(cells[-1].time) == 4:
            return voice.headline(cells[-1], title)
    return Markup("")


def _differ(voice: Voice, first: Section | None, second: Section) -> tuple[Markup, ...]:
    """Why two sources of one indicator do not agree: how far each comes, and what each counted."""
    if first is None or first.name != second.name:
        return ()
    one, other = (s.history.table.rows[-1].cell for s in (first, second))
    facts = {
        "first": voice.source(first.source),
        "first_time": voice.when(one.time),
        "second": voice.source(second.source),
        "second_time": voice.when(other.time),
    }
    why = reasons(voice, ConceptVector.parse(one.concept), ConceptVector.parse(other.concept))
    return (voice.say("route_differ", **facts), *(why or (voice.say("differ_unexplained"),)))


def _edition(cells: Sequence[Cell]) -> str:
    """The edition of which a series is shown: the one that comes furthest, and of these the newest. Two
    editions are not mixed in one series; a new one of a single year does not replace the series."""
    last: dict[str, str] = {}
    for c in cells:
        last[c.vintage] = max(last.get(c.vintage, ""), c.time)
    return max(last, key=lambda v: (last[v], edition_order(v)))


def _places(voice: Voice, code: str, cells: Sequence[Cell]) -> Places | None:
    """The map of the last year, by the source that comes furthest."""
    known = [c for c in cells if c.value is not None and middle(dict(c.categories)[GRID]) is not None]
    if not known:
        return None
    last = max(known, key=lambda c: (not c.partial, c.time, edition_order(c.vintage), c.source))
    shown = [
        voice.shown(c)
        for c in sorted(known, key=lambda c: (-(c.value or 0.0), c.address))
        if (c.time, c.vintage, c.source) == (last.time, last.vintage, last.source)
    ]
    title = str(voice.say("map_title", time=voice.when(last.time)))
    rows = tuple(_at_place(voice, s) for s in shown)
    table = Table(title, (voice.dimension(GRID),), rows, voice.unit(last.unit))
    points = [
        Point(dict(s.cell.categories)[GRID], s.cell.value or 0.0, f"{s.labels[0]}: {s.value}") for s in rows
    ]
    caption = Caption(f"map-{code}", f"{voice.code(ROUTE, code)}: {title}", described(voice, table))
    compass = voice.words.text["compass"].replace(" ", "")
    drawn = point_map(points, caption, compass) if len(points) >= _FEWEST else Markup("")
    return Places(title, drawn, table)


def _at_place(voice: Voice, shown: Shown) -> Shown:
    place = voice.code(GRID, dict(shown.cell.categories)[GRID])
    return Shown(**{**{n: getattr(shown, n) for n in shown.__dataclass_fields__}, "labels": (place,)})


def _columns(voice: Voice) -> Mapping[tuple[str, str], tuple[Cell, ...]]:
    """Yearly totals of events by indicator and area, of the source with most years, in the order in which
    the release names its indicators."""
    found: dict[tuple[str, str], tuple[Cell, ...]] = {}
    for spec in voice.release.base_indicators():
        cells = [c for c in newest(voice.release.cells_of.get(spec.indicator, ())) if _is_yearly_event(c)]
        for area in sorted({c.area for c in cells}):
            found[spec.indicator, area] = _longest(c for c in cells if c.area == area)
    return found


def _is_yearly_event(cell: Cell) -> bool:
    vector = ConceptVector.parse(cell.concept)
    at_border = vector.get("coverage") in (None, "border_posts")
    counted = at_border and vector.get("unit") == EVENT and vector.get(EVENT) is not None
    return counted and len(cell.time) == 4 and not cell.categories and cell.counterpart == NOT_APPLICABLE


def _longest(cells: Iterable[Cell]) -> tuple[Cell, ...]:
    by_source: dict[str, list[Cell]] = defaultdict(list)
    for cell in cells:
        by_source[cell.source].append(cell)
    return tuple(max(sorted(by_source.items()), key=lambda item: len(item[1]))[1])
