"""Light pages for the sites of others: one chart of an indicator, its sentence, its source, the way back.

All selections of a page lie in one file, each under the address that it has on the page itself; a browser
shows the one that the address names, and without one that of the headline. No script is needed. A long table
is left to the page: who follows the link finds it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from markupsafe import Markup

from caudal.model.indicator import IndicatorSpec
from caudal.publish.countries import Comparison, span
from caudal.publish.indicator import Section
from caudal.publish.page import Page
from caudal.publish.release import Cell
from caudal.publish.tables import Figure, Table, described
from caudal.publish.voice import Voice

#: A table of more rows is not embedded.
MOST_ROWS = 40


@dataclass(frozen=True)
class Piece:
    """One selection: its address, title, sentence, chart or table, and whose figures they are. ``first``
    is shown where no other is asked for."""

    ident: str
    title: str
    sentence: str | Markup
    source: str
    time: str
    figure: Figure | None = None
    table: Table | None = None
    first: bool = False


def pages(
    voice: Voice, spec: IndicatorSpec, stem: str, title: str, facts: Mapping[str, Any]
) -> tuple[Page, ...]:
    """The page for embedding of the page at ``indicator/STEM.html`` that shows ``facts``; none where there is
    nothing to embed."""
    cell = facts["lead"].cell if facts["lead"] else None
    compared = [_of_comparison(voice, spec, c) for c in facts.get("compared_countries", ())]
    found = pieces(voice, spec, facts["sections"], cell, compared)
    shown = {"pieces": found, "page": f"indicator/{stem}.html"}
    return (Page(f"embed/{stem}.html", "embed.html", title, voice, shown),) if found else ()


def pieces(
    voice: Voice,
    spec: IndicatorSpec,
    sections: tuple[Section, ...],
    lead: Cell | None,
    compared: Sequence[Piece] = (),
) -> tuple[Piece, ...]:
    """The selections of some sections after those that compare countries; the one that is shown first stands
    last, where a style can hide it."""
    found = [*compared, *(p for s in sections for p in _of_section(voice, spec, s))]
    if not found:
        return ()
    first = _first(voice, found, sections, lead)
    return (*(p for p in found if p.ident != first.ident), first)


def _of_section(voice: Voice, spec: IndicatorSpec, section: Section) -> Iterator[Piece]:
    name = voice.name(spec)
    source, time = section.title, section.time
    if section.total and section.total.cell.value is not None:
        yield Piece(f"source.{section.ident}", name, section.headline, source, time)
    gap = section.gap
    if gap and gap.total:
        told = gap.sentence + Markup(" ") + gap.reading
        yield Piece(f"{section.ident}.gap", _titled(name, voice.words.text["gap"]), told, source, time)
    figures = [*(gap.figures if gap else ()), *([section.history] if section.history else ())]
    for f in (*figures, *section.figures):
        yield Piece(f.ident, _titled(name, f.title), described(voice, f.table), source, time, figure=f)
    for ident, table in section.tables:
        if len(table.rows) + table.left_out <= MOST_ROWS:
            yield Piece(
                ident, _titled(name, table.caption), described(voice, table), source, time, table=table
            )


def _titled(name: str, what: str) -> str:
    """The name of an indicator with what is shown of it, as the second part of one title."""
    return f"{name}: {what[:1].lower()}{what[1:]}"


def _of_comparison(voice: Voice, spec: IndicatorSpec, compared: Comparison) -> Piece:
    """Countries side by side, with the periods of their figures."""
    figure = compared.figure
    time = span(voice, [r.cell.time for r in figure.table.rows])
    told = described(voice, figure.table)
    return Piece(figure.ident, voice.name(spec), told, compared.title, time, figure=figure)


def _first(voice: Voice, found: list[Piece], sections: tuple[Section, ...], lead: Cell | None) -> Piece:
    """The chart over time, or else the first one, of the source of the headline, with the headline as its
    sentence."""
    section = next((s for s in sections if lead and s.source.source == lead.source), None)
    chart = section and (section.history or next(iter(section.figures), None))
    chosen = next((p for p in found if chart and p.ident == chart.ident), found[0])
    return replace(chosen, first=True, sentence=voice.headline(lead) if lead else chosen.sentence)
