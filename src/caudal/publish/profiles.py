"""The profile of a country in a release about many: all its totals in one table, with what each counted.

A figure is a total of a country: the last whole period of each indicator and source, its interval, and what
its concept vector says in words. Figures of one population (migrants by survey, census, register, by the
United Nations) stand together, each with the axes on which it differs from the others, and with the reasons
why the figures differ; nobody takes one for another. A figure that came in two ways, from its producer and
with the release of a member, stands once. It refuses to add or to choose between them.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from markupsafe import Markup

from caudal.model.concept import ConceptVector
from caudal.model.observation import NOT_APPLICABLE
from caudal.publish.comparison import reasons
from caudal.publish.release import Cell, is_country
from caudal.publish.tables import newest
from caudal.publish.voice import Shown, Voice

#: Axes that say most of what a figure counted, in the order of the words, and values that go without saying.
_TOLD = ("source_type", "basis", "event", "unit", "coverage", "frame", "reference", "denominator")
_PLAIN = {"everyone", "national", None}
#: A release about fewer countries than this needs no profiles.
_FEWEST = 2


@dataclass(frozen=True)
class Line:
    """One figure of a profile."""

    name: str
    link: str
    source: str
    source_link: str
    time: str
    shown: Shown
    counted: str


@dataclass(frozen=True)
class Group:
    """The figures of one population, and why those of one unit differ."""

    name: str
    lines: tuple[Line, ...]
    why: tuple[tuple[str, tuple[Markup, ...]], ...]


@dataclass(frozen=True)
class Country:
    """A country that has a profile."""

    code: str
    title: str


@dataclass(frozen=True)
class Profile:
    """One country: groups of figures by family."""

    code: str
    title: str
    families: tuple[tuple[str, tuple[Group, ...]], ...]

    @property
    def lines(self) -> tuple[Line, ...]:
        """All figures in the order of the page."""
        return tuple(x for _, groups in self.families for g in groups for x in g.lines)


def profiles(voice: Voice) -> tuple[Profile, ...]:
    """The profiles of the countries that a release is about, by name; none where it is about one."""
    return tuple(profile(voice, country.code) for country in countries(voice))


def countries(voice: Voice) -> tuple[Country, ...]:
    """The countries that have a profile, by name."""
    codes = list(voice.keyed(totals))
    found = (Country(code, voice.area_name(code)) for code in codes if len(codes) >= _FEWEST)
    return tuple(sorted(found, key=lambda c: c.title))


def profile(voice: Voice, code: str) -> Profile:
    """The profile of one country."""
    return Profile(code, voice.area_name(code), _families(voice, voice.keyed(totals)[code]))


def totals(voice: Voice) -> Mapping[str, list[Cell]]:
    """Country -> the last total of each indicator by each source and vector."""
    last: dict[tuple[str, str, str, str], Cell] = {}
    for spec in voice.release.base_indicators():
        for cell in newest(voice.release.cells_of.get(spec.indicator, ())):
            other = cell.categories or cell.counterpart != NOT_APPLICABLE or cell.area == voice.area
            if other or cell.withheld or cell.value is None or not is_country(cell.area):
                continue
            key = (cell.area, cell.indicator, cell.source, cell.concept)
            if key not in last or _later(last[key], cell):
                last[key] = cell
    by_area: dict[str, list[Cell]] = defaultdict(list)
    for cell in _once(voice, last.values()):
        by_area[cell.area].append(cell)
    return by_area


def _later(known: Cell, cell: Cell) -> bool:
    """Whether a cell is of a later period, whole ones before incomplete ones."""
    return (not known.partial, known.time) < (not cell.partial, cell.time)


def _once(voice: Voice, cells: Iterable[Cell]) -> tuple[Cell, ...]:
    """The cells without those that pass on a figure which stands here already, under the same title."""
    found: dict[tuple[object, ...], Cell] = {}
    for c in cells:
        key = (c.area, c.indicator, c.time, c.value, voice.source(c.source))
        if key not in found or found[key].source == c.source:
            found[(*key, c.concept) if key in found else key] = c
    return tuple(found.values())


def _families(voice: Voice, cells: Sequence[Cell]) -> tuple[tuple[str, tuple[Group, ...]], ...]:
    """The groups of a country by family, in the order in which the release names its indicators."""
    specs = voice.release.indicators
    order = {name: i for i, name in enumerate(specs)}
    sources = voice.release.source_order
    found: dict[str, dict[str, list[Cell]]] = defaultdict(lambda: defaultdict(list))
    for cell in sorted(cells, key=lambda c: (order[c.indicator], sources[c.source], c.concept)):
        spec = specs[cell.indicator]
        found[spec.family][spec.population].append(cell)
    known = list(voice.words.lists.get("families", {}))
    names = sorted(found, key=lambda f: known.index(f) if f in known else len(known))
    return tuple((voice.family(f), tuple(_group(voice, own) for own in found[f].values())) for f in names)


def _group(voice: Voice, cells: Sequence[Cell]) -> Group:
    vectors = [ConceptVector.parse(c.concept) for c in cells]
    apart = {a for a in _TOLD if len({v.get(a) for v in vectors}) > 1}
    lines = tuple(_line(voice, c, v, apart) for c, v in zip(cells, vectors, strict=True))
    first = cells[0]
    others = [(c, v) for c, v in zip(cells, vectors, strict=True) if c.unit == first.unit][1:]
    why = [
        (f"{lines[0].source} / {voice.source(c.source)}", reasons(voice, vectors[0], v)) for c, v in others
    ]
    return Group(lines[0].name, lines, tuple((pair, found) for pair, found in why if found))


def _line(voice: Voice, cell: Cell, vector: ConceptVector, apart: set[str]) -> Line:
    spec = voice.release.indicators[cell.indicator]
    return Line(
        voice.name(spec),
        f"../{voice.release.page_of(cell)}",
        voice.source(cell.source),
        f"../source/{cell.source}.html",
        voice.when(cell.time),
        voice.shown(cell),
        _counted(voice, vector, apart),
    )


def _counted(voice: Voice, vector: ConceptVector, apart: set[str]) -> str:
    """What a figure counted: the axes on which its group differs, and those that say most."""
    axes = {a.axis: a for a in voice.release.structure.axes}
    named = [
        a for a in _TOLD if a in axes and (vector.get(a) not in _PLAIN or (a in apart and vector.get(a)))
    ]
    return "; ".join(voice.axis_value(axes[a], vector.get(a)) for a in named)
