"""The profile of a country in a release about many: all its totals in one table, with what each counted.

A figure is a total of a country: the last period of each indicator and source, its interval, and its
concept vector in words, so that figures of one population by several sources stand beside each other and
nobody takes one for another. It refuses to add or to choose between them.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass

from caudal.model.concept import ConceptVector
from caudal.model.observation import NOT_APPLICABLE
from caudal.publish.release import Cell
from caudal.publish.tables import newest
from caudal.publish.voice import Shown, Voice

#: ISO 3166-1 alpha-2: the areas that are countries.
_COUNTRY = re.compile(r"[A-Z]{2}")
#: Axes that say most of what a figure counted, in the order of the words.
_TOLD = ("source_type", "basis", "event", "unit", "reference", "denominator")
#: A release about fewer countries than this needs no profiles.
_FEWEST = 2


@dataclass(frozen=True)
class Line:
    """One figure of a profile."""

    family: str
    name: str
    link: str
    source: str
    time: str
    shown: Shown
    counted: str


@dataclass(frozen=True)
class Profile:
    """One country."""

    code: str
    title: str
    lines: tuple[Line, ...]


def profiles(voice: Voice) -> tuple[Profile, ...]:
    """The profiles of the countries that a release is about, by name; none where it is about one."""
    found = _totals(voice)
    if len(found) < _FEWEST:
        return ()
    made = (Profile(code, voice.area_name(code), _lines(voice, cells)) for code, cells in found.items())
    return tuple(sorted(made, key=lambda p: p.title))


def _totals(voice: Voice) -> Mapping[str, list[Cell]]:
    """Country -> the last total of each indicator by each source and vector."""
    last: dict[tuple[str, str, str, str], Cell] = {}
    for spec in voice.release.base_indicators():
        for cell in newest(voice.release.cells_of.get(spec.indicator, ())):
            other = cell.categories or cell.counterpart != NOT_APPLICABLE or cell.area == voice.area
            if other or cell.withheld or cell.value is None or not _COUNTRY.fullmatch(cell.area):
                continue
            key = (cell.area, cell.indicator, cell.source, cell.concept)
            if key not in last or last[key].time < cell.time:
                last[key] = cell
    by_area: dict[str, list[Cell]] = defaultdict(list)
    for cell in last.values():
        by_area[cell.area].append(cell)
    return by_area


def _lines(voice: Voice, cells: list[Cell]) -> tuple[Line, ...]:
    found = []
    for cell in cells:
        spec = voice.release.indicators[cell.indicator]
        found.append(
            Line(
                voice.family(spec.family),
                voice.name(spec),
                f"../indicator/{spec.indicator}.html",
                voice.source(cell.source),
                voice.when(cell.time),
                voice.shown(cell),
                _counted(voice, cell),
            )
        )
    return tuple(sorted(found, key=lambda x: (x.family, x.name, x.source)))


def _counted(voice: Voice, cell: Cell) -> str:
    """What a figure counted, in the words of the axes that say most."""
    vector = ConceptVector.parse(cell.concept)
    axes = {a.axis: a for a in voice.release.structure.axes}
    named = {a: value for a in _TOLD if a in axes and (value := vector.get(a)) not in (None, "everyone")}
    told = (voice.axis_value(axes[a], value) for a, value in named.items())
    return "; ".join(told)
