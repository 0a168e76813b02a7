"""The map of a breakdown by area, from cells to what a page shows: map, legend and what must be said of it.

The same cells stand in the table beside it. A rate is a shade and a total a circle: a shade for a total would
show how large an area is, not how many live there. Outlines are those of the country's folder, or those of
the countries of the Americas; without outlines for most of the areas there is no map. Nothing is computed
from a withheld cell: neither its shade nor the limits of the shades.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from markupsafe import Markup

from caudal.catalogue.outlines import packaged
from caudal.model.boundaries import Boundaries
from caudal.model.indicator import IndicatorSpec
from caudal.publish.areas import (
    Area,
    Shape,
    breaks_of,
    circle_map,
    radius_of,
    shade,
    shade_class,
    shade_map,
    shapes_of,
    sheet,
)
from caudal.publish.chart import Caption
from caudal.publish.numbers import fill
from caudal.publish.tables import Table
from caudal.publish.voice import Shown, Voice

#: A map needs so many areas, and outlines for this share of those in the table.
_FEWEST, _SHARE = 3, 0.6
#: Names under which the outlines lie in a page.
_OWN, _PACKAGED = "a", "w"


@dataclass(frozen=True)
class Key:
    """An entry of the legend: how the mark looks, and its words. ``radius`` is that of a circle."""

    look: str
    words: str
    radius: float = 0.0


@dataclass(frozen=True)
class AreaMap:
    """A map, its legend, the notes under it, and the shapes that the page must hold once. ``of`` names the
    figure whose table has the same cells."""

    of: str
    svg: Markup
    shapes: Markup
    legend: tuple[Key, ...]
    notes: tuple[str, ...]
    borders: tuple[str, ...]


def area_map(
    voice: Voice, spec: IndicatorSpec, table: Table, ident: str, null: float | None = None
) -> AreaMap | None:
    """The map of a table by area; None where there are no outlines for it, or hardly anything to show. At
    ``null``, that of no difference, one shade ends and the next begins."""
    rows = [r for r in table.rows if len(r.labels) == 1 and not r.cell.area.startswith("_")]
    boundaries = _outlines_for(voice, [r.cell.area for r in rows])
    if boundaries is None or sum(r.cell.value is not None for r in rows) < 2:
        return None
    known = sheet(boundaries).shapes
    drawn = [r for r in rows if r.cell.area in known]
    name = _PACKAGED if boundaries is packaged() else _OWN
    caption = Caption(
        f"{ident}-map", f"{voice.name(spec)}: {table.caption}", _description(voice, spec, drawn)
    )
    if spec.is_rate:
        breaks = parted(
            _breaks(voice, drawn), null, [r.cell.value for r in drawn if r.cell.value is not None]
        )
        svg = shade_map([_shaded(voice, r, breaks) for r in drawn], boundaries, name, caption)
        legend = _shades(voice, drawn, breaks)
        told = _crossing(voice, drawn, breaks)
    else:
        svg = circle_map([_shaded(voice, r, ()) for r in drawn], boundaries, name, caption)
        legend, told = _circles(voice, drawn), ()
    legend += _signs(voice, drawn, _blank(known, {r.cell.area for r in drawn}), spec)
    notes = (*told, *_left_out(voice, len(rows) - len(drawn)), voice.words.text["map_disclaimer"])
    borders = _about_borders(voice, boundaries)
    return AreaMap(ident, svg, shapes_of(boundaries, name), legend, notes, borders)


def _outlines_for(voice: Voice, areas: Sequence[str]) -> Boundaries | None:
    """The first outlines that hold most of the areas."""
    for found in (voice.release.structure.boundaries, packaged()):
        if found is not None:
            held = sum(o.code in set(areas) for o in found.outlines)
            if held >= _FEWEST and held >= _SHARE * len(areas):
                return found
    return None


def _blank(known: Mapping[str, Shape], drawn: Collection[str]) -> bool:
    """Whether an area of the kind that is drawn, a territory or a place without extent, has no figure."""
    kinds = {known[c].extent > 0 for c in drawn}
    return any((s.extent > 0) in kinds for c, s in known.items() if c not in drawn)


def _breaks(voice: Voice, rows: Sequence[Shown]) -> tuple[float, ...]:
    """Limits between figures as they are read: no two that read alike have different shades."""
    cells = [r.cell for r in rows if r.cell.value is not None]
    widths = [c.upper - c.lower for c in cells if c.upper is not None and c.lower is not None]
    return breaks_of([v for c in cells if (v := voice.as_read(c)) is not None], widths)


def parted(breaks: Sequence[float], null: float | None, values: Sequence[float]) -> tuple[float, ...]:
    """The limits of shades with ``null`` in the place of the nearest, where ``values`` lie on both its sides.

    >>> parted((-3.0, 2.0, 5.0), 0.0, [-6.0, 7.0]), parted((2.0, 5.0), 0.0, [1.0, 7.0])
    ((-3.0, 0.0, 5.0), (2.0, 5.0))
    """
    if null is None or not breaks or not min(values) < null < max(values):
        return tuple(breaks)
    nearest = min(breaks, key=lambda b: abs(b - null))
    return tuple(sorted(null if b == nearest else b for b in breaks))


def _shaded(voice: Voice, row: Shown, breaks: Sequence[float]) -> Area:
    cell = row.cell
    value = voice.as_read(cell)
    number = None if value is None else shade(value, breaks)
    tone = None if number is None else shade_class(number, len(breaks) + 1)
    interval = f" ({row.interval})" if row.interval else ""
    sign = f" {row.mark}" if row.mark else ""
    text = f"{row.labels[0]}: {row.value}{interval}{sign}"
    return Area(cell.area, row.labels[0], text, cell.value, tone, bool(row.mark), row.withheld)


def _shades(voice: Voice, rows: Sequence[Shown], breaks: Sequence[float]) -> tuple[Key, ...]:
    """The legend of the shades, from low to high; limits are written with the digits that they need."""
    unit = rows[0].cell.unit
    if not breaks:
        return ()

    def told(value: float) -> str:
        decimals = next((d for d in range(7) if abs(round(value, d) - value) < 1e-9), 7)
        return voice.amount(value, decimals, unit)

    looks = [f"c{shade_class(n, len(breaks) + 1)}" for n in range(1, len(breaks) + 2)]
    words = [_told(voice, "map_below", value=told(breaks[0]))]
    words += [_told(voice, "map_between", low=told(a), high=told(b)) for a, b in pairwise(breaks)]
    words.append(_told(voice, "map_above", value=told(breaks[-1])))
    return tuple(Key(look, w) for look, w in zip(looks, words, strict=True))


def _circles(voice: Voice, rows: Sequence[Shown]) -> tuple[Key, ...]:
    """The legend of the circles: the largest figure and a round one of about a tenth of it."""
    largest = max((r for r in rows if r.cell.value), key=lambda r: r.cell.value or 0.0, default=None)
    if largest is None or not largest.cell.value:
        return ()
    top = largest.cell.value
    small = float(f"{top / 10:.0e}")
    unit = largest.cell.unit
    return (
        Key("amount", largest.value, radius_of(top, top)),
        Key("amount", voice.amount(small, 0 if small >= 1 else 2, unit), radius_of(small, top)),
    )


def _signs(voice: Voice, rows: Sequence[Shown], blank: bool, spec: IndicatorSpec) -> tuple[Key, ...]:
    text = voice.words.text
    found = []
    if any(r.mark for r in rows):
        found.append(Key("weak", text["map_weak" if spec.is_rate else "key_weak"]))
    if any(r.withheld for r in rows):
        found.append(Key("kept", text["withheld"]))
    if blank or any(r.cell.value is None and not r.withheld for r in rows):
        found.append(Key("void", text["map_void"]))
    return tuple(found)


def _crossing(voice: Voice, rows: Sequence[Shown], breaks: Sequence[float]) -> tuple[str, ...]:
    """How many areas might as well have another shade, by their interval."""
    cells = [r.cell for r in rows if r.cell.lower is not None and r.cell.upper is not None]
    if not cells or not breaks:
        return ()
    crossing = sum(shade(c.lower or 0.0, breaks) != shade(c.upper or 0.0, breaks) for c in cells)
    return (_told(voice, "map_crossing", crossing=crossing, all=len(cells)),) if crossing else ()


def _left_out(voice: Voice, count: int) -> tuple[str, ...]:
    return (_told(voice, "map_left_out", count=count),) if count else ()


def _about_borders(voice: Voice, boundaries: Boundaries) -> tuple[str, ...]:
    """The disputes of what is drawn, and whose boundaries they are."""
    drawn = {o.code for o in boundaries.outlines}
    disputes = [voice.plain(d.note) for d in voice.release.structure.disputed if drawn.issuperset(d.areas)]
    return (*disputes, _told(voice, "map_source", source=boundaries.source))


def _description(voice: Voice, spec: IndicatorSpec, rows: Sequence[Shown]) -> str:
    """What the map shows, for those who do not see it: the highest and the lowest; the table has the rest."""
    shown = [r for r in rows if r.cell.value is not None]
    high = max(shown, key=lambda r: r.cell.value or 0.0)
    low = min(shown, key=lambda r: r.cell.value or 0.0)
    facts = {"high": high.labels[0], "high_value": high.value, "low": low.labels[0], "low_value": low.value}
    return _told(voice, "map_described", **facts)


def _told(voice: Voice, key: str, **facts: object) -> str:
    return fill(voice.words.text[key], facts)
