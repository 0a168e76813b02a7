"""The tables of an indicator as a document for a word processor, to be cut into a report.

They are the tables of its page: what each source says in its latest period, with intervals, reliability and
the words for what is withheld; then the gap, the notes on errors, the definition, how to cite it. Earlier
periods are in the workbook and the CSV.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby

from caudal.model.indicator import IndicatorSpec
from caudal.publish.exchange.docx import Block, Grid, Heading, Paragraph, document
from caudal.publish.indicator import cells_of_indicator, gap_cells, lead
from caudal.publish.release import Cell, latest
from caudal.publish.tables import Table, by_breakdown, set_apart, table_of
from caudal.publish.voice import Shown, Voice


def indicator_document(voice: Voice, spec: IndicatorSpec, *, draft: bool) -> bytes:
    """The document of an indicator in the language of ``voice``."""
    title = f"{voice.name(spec)}: {voice.area_name()}"
    blocks = (Heading(1, title), *_marks(voice, draft), *_told(voice, spec), *_ends(voice, spec))
    return document(title, voice.words.language, producer(voice), edition(voice), blocks)


def producer(voice: Voice) -> str:
    """Who publishes."""
    return voice.plain(voice.release.structure.producer)


def edition(voice: Voice) -> str:
    """Producer, edition and licence, for the foot of a page."""
    structure, text = voice.release.structure, voice.words.text
    return (
        f"{producer(voice)} · {text['edition']} {structure.vintage} · {text['licence']} {structure.licence}"
    )


def grid(table: Table, voice: Voice) -> Grid:
    """A table of a page as a table of a document: the same rows, the same words."""
    text = voice.words.text
    heads = (*(table.heads or (text["what"],)), text["figure"], text["interval_head"])
    heads += (text["reliability"],) if table.has_reliability else ()
    rows = tuple(_row(r, table.has_reliability, voice) for r in table.rows)
    return Grid(f"{table.caption} ({table.unit})", heads, rows, len(table.heads) or 1)


def _row(shown: Shown, reliable: bool, voice: Voice) -> tuple[str, ...]:
    text = voice.words.text
    unknown = "" if shown.cell.value is None else text["no_known_error_short"]
    words = ("; ".join(w for w in (shown.reliability, shown.status) if w),) if reliable else ()
    value = f"{shown.value} {shown.mark}".rstrip()
    return (*(shown.labels or (text["total"],)), value, shown.interval or unknown, *words)


def _marks(voice: Voice, draft: bool) -> Iterator[Block]:
    text = voice.words.text
    if draft:
        yield Paragraph(f"{text['draft_mark']} {text['draft_banner']}", strong=True)
    if voice.release.structure.simulated:
        fiction = voice.say("fiction_banner", area=voice.area_name()).striptags()
        yield Paragraph(f"{text['fiction_mark']} {fiction}", strong=True)


def _told(voice: Voice, spec: IndicatorSpec) -> Iterator[Block]:
    """The headline, then the tables of each source and concept vector in the order of the page."""
    first = lead(voice, spec)
    if first is not None:
        yield Paragraph(voice.headline(first).striptags())
    cells, gaps = cells_of_indicator(voice, spec), gap_cells(voice, spec)
    order = {s.source: i for i, s in enumerate(voice.release.structure.sources)}
    keyed = sorted((*cells, *gaps), key=lambda c: (order[c.source], c.concept, c.indicator != spec.indicator))
    for (source, _), group in groupby(keyed, key=lambda c: (c.source, c.concept)):
        own = tuple(group)
        counted = [c for c in own if c.indicator == spec.indicator] or list(own)
        time = latest(counted)
        apart = set_apart(voice, counted[0], [c for c in cells if c.source == source])
        words = f"{voice.source(source)}, {voice.when(time)}" + (f" ({apart})" if apart else "")
        yield Heading(2, words)
        yield from _tables(voice, spec, [c for c in own if c.time == time])


def _tables(voice: Voice, spec: IndicatorSpec, cells: Sequence[Cell]) -> Iterator[Block]:
    for name in dict.fromkeys(c.indicator for c in cells):
        own = [c for c in cells if c.indicator == name]
        before = "" if name == spec.indicator else f"{voice.words.text['gap']}. "
        for key, group in by_breakdown(voice, own).items():
            made = table_of(voice, group, "" if key else voice.words.text["total"])
            table = grid(made, voice)
            yield Grid(before + table.caption, table.heads, table.rows, table.labels)
            if made.left_out:
                shown, whole = len(made.rows), len(made.rows) + made.left_out
                yield Paragraph(f"{voice.words.text['table_more']} ({shown} / {whole})", small=True)
    noted = (w for c in cells if c.value is not None for w in voice.noted(c.error_note))
    yield from (Paragraph(n, small=True) for n in dict.fromkeys(noted))


def _ends(voice: Voice, spec: IndicatorSpec) -> Iterator[Block]:
    """What the figures mean, why some are not shown, where they come from, how to cite them."""
    text, release = voice.words.text, voice.release
    yield Heading(2, text["definition"])
    for words in (voice.plain(spec.text.definition), voice.plain(spec.text.reading)):
        if words:
            yield Paragraph(words)
    used = {c.source for c in (*cells_of_indicator(voice, spec), *gap_cells(voice, spec))}
    for source in (s for s in release.structure.sources if s.source in used):
        told = f"{text['source']}: {voice.plain(source.title)}. {source.producer}. {source.licence}"
        yield Paragraph(told, small=True)
    if any(c.withheld for c in (*cells_of_indicator(voice, spec), *gap_cells(voice, spec))):
        yield Paragraph(text["read_withheld"], small=True)
    yield Paragraph(voice.cite(voice.name(spec)), small=True)
