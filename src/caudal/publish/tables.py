"""From cells to what a page lays out: tables, and charts with the same figures beside them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

from markupsafe import Markup

from caudal.model.concept import ConceptVector
from caudal.model.editions import edition_order
from caudal.model.indicator import IndicatorSpec
from caudal.publish.chart import Caption, Mark, rows_chart, time_chart
from caudal.publish.numbers import fill, moment
from caudal.publish.release import Cell, breakdown
from caudal.publish.voice import Shown, Voice

#: A chart shows at most so many rows; its table shows all.
CHART_ROWS = 16
#: A table of a page has at most so many rows, the largest; the files have all.
TABLE_ROWS = 1000
#: Lists up to this length keep their own order; longer ones without an order go by size.
_KEEPS_ORDER = 5


@dataclass(frozen=True)
class Table:
    """Rows of cells under the names of their dimensions; ``left_out`` counts those only the files have."""

    caption: str
    heads: tuple[str, ...]
    rows: tuple[Shown, ...]
    unit: str
    left_out: int = 0

    @cached_property
    def has_reliability(self) -> bool:
        """Whether a row says something on its reliability or its status."""
        return any(r.reliability or r.status for r in self.rows)


@dataclass(frozen=True)
class Figure:
    """A chart, what it shows, and the table with the same figures. ``more`` counts rows left out."""

    ident: str
    title: str
    svg: Markup
    table: Table
    key: str
    more: int = 0


def newest(cells: Iterable[Cell]) -> tuple[Cell, ...]:
    """The cells of the latest vintage of each figure."""
    found: dict[tuple[object, ...], Cell] = {}
    for c in cells:
        key = (c.indicator, c.reporter, c.area, c.counterpart, c.time, c.categories, c.source, c.concept)
        if key not in found or edition_order(found[key].vintage) < edition_order(c.vintage):
            found[key] = c
    return tuple(found.values())


def by_breakdown(voice: Voice, cells: Iterable[Cell]) -> Mapping[tuple[str, ...], tuple[Cell, ...]]:
    """Cells grouped by what they are broken down by, in the reading order of the dimensions; the total
    under the empty key."""
    found: dict[tuple[str, ...], list[Cell]] = defaultdict(list)
    area = voice.area
    for cell in cells:
        found[tuple(d for d, _ in breakdown(cell, area))].append(cell)
    ordered = sorted(found.items(), key=lambda item: (len(item[0]), [voice.rank(d) for d in item[0]]))
    return {k: tuple(v) for k, v in ordered}


def in_reading_order(voice: Voice, cells: Sequence[Cell]) -> tuple[Cell, ...]:
    """Cells in the order of their code lists; one long list without an order goes by size.

    Withheld cells of a list by size come last, in the order of the list, so that their place tells nothing.
    """
    area = voice.area
    listed = sorted(
        cells,
        key=lambda c: [(voice.place(d, code), code) for d, code in breakdown(c, area)] + [(0, c.source)],
    )
    dimensions = {tuple(d for d, _ in breakdown(c, area)) for c in cells}
    only = next(iter(dimensions)) if len(dimensions) == 1 else ()
    if len(only) != 1 or voice.ordered(only[0]) or len(cells) <= _KEEPS_ORDER:
        return tuple(listed)
    return tuple(sorted(listed, key=_by_size))


def _by_size(cell: Cell) -> tuple[bool, bool, float]:
    """Figures from large to small, then those of no category (not known, other ...), then the hidden."""
    return cell.value is None, is_special(cell), -(cell.value or 0.0)


def table_of(voice: Voice, cells: Sequence[Cell], caption: str = "") -> Table:
    """The table of cells that share their dimensions."""
    ordered = in_reading_order(voice, cells)
    dimensions = tuple(d for d, _ in breakdown(ordered[0], voice.area))
    heads = tuple(voice.dimension(d) for d in dimensions)
    title = caption or voice.words.text["list_and"].join(heads)
    if len(ordered) > TABLE_ROWS:
        ordered = tuple(sorted(ordered, key=_by_size)[:TABLE_ROWS])
    rows = tuple(voice.shown(c) for c in ordered)
    return Table(title, heads, rows, voice.unit(ordered[0].unit), len(cells) - len(rows))


def periods_table(voice: Voice, cells: Sequence[Cell], caption: str = "") -> tuple[Table, ...]:
    """The table of cells that share their dimensions, with their period in the first column where they have
    several; a table for each period where one would be too long."""
    times = sorted({c.time for c in cells})
    if len(times) == 1:
        return (table_of(voice, cells, caption),)
    each = [table_of(voice, [c for c in cells if c.time == t], caption) for t in times]
    if len(cells) > TABLE_ROWS:
        return tuple(
            replace(e, caption=f"{e.caption}, {voice.when(t)}") for e, t in zip(each, times, strict=True)
        )
    rows = tuple(replace(r, labels=(voice.when(r.cell.time), *r.labels)) for e in each for r in e.rows)
    return (replace(each[0], heads=(voice.words.text["period"], *each[0].heads), rows=rows),)


def mark_of(voice: Voice, shown: Shown, label: str = "") -> Mark:
    """A cell as a chart draws it."""
    cell = shown.cell
    text = f"{shown.value} {shown.mark}".strip()
    weak = bool(shown.mark) or cell.partial
    return Mark(
        label or " · ".join(shown.labels), text, cell.value, cell.lower, cell.upper, weak, broken=cell.broken
    )


def figure_of(
    voice: Voice,
    spec: IndicatorSpec,
    cells: Sequence[Cell],
    ident: str,
    *,
    title: str,
    reference: tuple[float, str] | None = None,
    line: str = "key_line",
) -> Figure:
    """A chart of one breakdown and its table. Totals are bars from zero, rates are dots."""
    table = table_of(voice, cells, title)
    rows = _charted(table)
    caption = Caption(ident, f"{voice.name(spec)}: {title}", described(voice, table))
    svg = rows_chart(
        [mark_of(voice, r) for r in rows],
        caption,
        lambda value, decimals: voice.amount(value, decimals, rows[0].cell.unit),
        bars=not spec.is_rate,
        reference=reference if spec.is_rate else None,
    )
    key = key_of(
        voice, rows, "key_dot" if spec.is_rate else "key_bar", line if spec.is_rate and reference else ""
    )
    return Figure(ident, title, svg, table, key, len(table.rows) - len(rows))


def _charted(table: Table) -> tuple[Shown, ...]:
    """Rows that a chart has room for: no categories of the not known, whose wide intervals would squeeze
    all others, and hidden figures only where all rows fit."""
    named = tuple(r for r in table.rows if not is_special(r.cell)) or table.rows
    if len(named) > CHART_ROWS:
        named = tuple(r for r in named if r.cell.value is not None) or named
    return named[:CHART_ROWS]


def is_special(cell: Cell) -> bool:
    """Whether a cell is about a category that is none: not known, other, not applicable."""
    return any(code.startswith("_") for _, code in cell.categories)


def history_of(voice: Voice, spec: IndicatorSpec, cells: Sequence[Cell], ident: str) -> Figure | None:
    """The totals of one source over its periods; None where there is only one."""
    ordered = sorted(cells, key=lambda c: c.time)
    if len(ordered) < 2:
        return None
    shown = tuple(voice.shown(c) for c in ordered)
    labelled = tuple(_with_period(voice, s) for s in shown)
    title = voice.words.text["over_time"]
    table = Table(title, (voice.words.text["period"],), labelled, voice.unit(ordered[0].unit))
    caption = Caption(ident, f"{voice.name(spec)}: {title}", described(voice, table))
    svg = time_chart(
        [mark_of(voice, s, voice.when_short(s.cell.time)) for s in shown],
        [moment(s.cell.time) for s in shown],
        caption,
        lambda value, decimals: voice.amount(value, decimals, ordered[0].unit),
        zero=not spec.is_rate,
    )
    return Figure(ident, title, svg, table, key_of(voice, shown, "key_dot"))


def key_of(voice: Voice, rows: Sequence[Shown], form: str, line: str = "") -> str:
    """The words that explain the signs of a chart, only those that it has."""
    cells = [r.cell for r in rows]
    keys = [form]
    keys += ["key_interval"] if any(c.has_interval for c in cells) else ["key_no_interval"]
    keys += [line] if line else []
    keys += ["key_weak"] if any(r.mark or r.cell.partial for r in rows) else []
    keys += ["key_break"] if form == "key_dot" and any(r.cell.broken for r in rows[1:]) else []
    keys += ["key_withheld"] if any(r.withheld for r in rows) else []
    return " ".join(voice.words.text[k] for k in keys)


def set_apart(voice: Voice, cell: Cell, others: Iterable[Cell]) -> str:
    """The words of the concept vector that set a cell apart from others; empty where nothing does."""
    own = ConceptVector.parse(cell.concept)
    vectors = [ConceptVector.parse(concept) for concept in dict.fromkeys(c.concept for c in others)]
    words = []
    for axis in voice.release.structure.axes:
        value = own.get(axis.axis)
        if any(o.get(axis.axis) != value for o in vectors):
            words.append(voice.axis_value(axis, value))
    return voice.words.text["list_and"].join(words)


def described(voice: Voice, table: Table, *, brief: bool = False, count: int = 0) -> str:
    """The chart in a sentence: its highest and lowest figure, and whether some are withheld. Where the lowest
    is zero, how many are; a ``brief`` one tells how many figures there are instead of the lowest: ``count``,
    where the table has not all of them."""
    shown = [r for r in table.rows if r.cell.value is not None]
    known = [r for r in shown if not is_special(r.cell)] or shown
    if not known:
        return voice.words.text["described_none"]
    high = max(known, key=lambda r: r.cell.value or 0.0)
    low = min(known, key=lambda r: r.cell.value or 0.0)
    zeros = sum(r.cell.value == 0 for r in known)
    facts = {
        "high": " · ".join(high.labels),
        "high_value": high.value,
        "low": " · ".join(low.labels),
        "low_value": low.value,
        "zeros": voice.number(zeros, 0),
        "shown": voice.number(count or len(known), 0),
    }
    sentence = fill(voice.words.text[_form_of(high, low, len(known), zeros, brief)], facts)
    withheld = any(r.withheld for r in table.rows)
    return sentence + (" " + voice.words.text["described_withheld"] if withheld else "")


def _form_of(high: Shown, low: Shown, known: int, zeros: int, brief: bool) -> str:
    """Which sentence describes figures from ``low`` to ``high``."""
    if known == 1:
        return "described_one"
    if high.cell.value == low.cell.value:
        return "described_same"
    if brief:
        return "described_highest"
    return "described_zero" if zeros > 1 else "described"


def _with_period(voice: Voice, shown: Shown) -> Shown:
    return replace(shown, labels=(voice.when(shown.cell.time),))
