"""Fact sheets: the figures of a theme on a page to print, to hand out, to attach to a letter.

One object makes the page, the PDF and the document for a word processor, so that all say the same. The PDF is
tagged (PDF/UA-1), carries its fonts, and has no date of its making; it is written where the extra ``pdf`` is
installed, and has letters for every name.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from importlib.resources import as_file, files
from importlib.util import find_spec
from itertools import groupby

from caudal.publish.exchange.docx import Block, Grid, Heading, Paragraph, document
from caudal.publish.overview import Card, families, of_family
from caudal.publish.page import Page
from caudal.publish.profiles import Profile, countries, profile
from caudal.publish.voice import Shown, Voice

#: How the writer of PDF says that it has no letter for a character, or that none may stand in a tagged PDF.
_UNPRINTABLE = ("could not be displayed with font", "disallowed codepoint")


@dataclass(frozen=True)
class Row:
    """A figure of a sheet: of whom, the figure, its limits, its reliability."""

    label: str
    value: str
    interval: str
    reliability: str


@dataclass(frozen=True)
class Line:
    """What a sheet says of one indicator."""

    name: str
    sentence: str
    note: str
    link: str
    rows: tuple[Row, ...]


@dataclass(frozen=True)
class Sheet:
    """A fact sheet in one language: all that the page and the PDF print. ``theme`` is its address: a family
    or the code of a country."""

    theme: str
    title: str
    area: str
    language: str
    marks: tuple[str, ...]
    lines: tuple[Line, ...]
    heads: tuple[str, ...]
    withheld: str
    producer: str
    edition: str


def sheets(voice: Voice, *, draft: bool) -> tuple[Sheet, ...]:
    """A sheet for each family of indicators of which something is shown, and, of a release about several
    countries, one for each country with all its families."""
    found = (sheet(voice, name, draft=draft) for name in names(voice))
    return tuple(s for s in found if s is not None)


def names(voice: Voice) -> tuple[str, ...]:
    """The addresses that sheets may have: families, and countries that have a profile."""
    return (*families(voice), *(c.code for c in countries(voice)))


def sheet(voice: Voice, name: str, *, draft: bool) -> Sheet | None:
    """The sheet of a family or of a country; None of a family of which nothing is shown."""
    if name in families(voice):
        lines = [_line(voice, c) for c in of_family(voice, name) if c.shown]
        return _sheet(voice, name, voice.family(name), lines, draft) if lines else None
    found = profile(voice, name)
    return _sheet(voice, name, found.title, _lines_of(voice, found), draft)


def _lines_of(voice: Voice, profile: Profile) -> list[Line]:
    """What a country's sheet says: each indicator once, with a row for each source that counts it."""
    found = []
    for name, same in groupby(profile.lines, key=lambda x: x.name):
        own = list(same)
        first = own[0].shown
        rows = tuple(
            Row(f"{x.source}, {x.time}", x.shown.value, x.shown.interval, x.shown.reliability) for x in own
        )
        link = own[0].link.removeprefix("../")
        found.append(Line(name, voice.headline(first.cell).striptags(), first.note, link, rows))
    return found


def _sheet(voice: Voice, name: str, title: str, lines: Sequence[Line], draft: bool) -> Sheet:
    text, structure = voice.words.text, voice.release.structure
    marks = [text["draft_mark"] + " " + text["draft_banner"]] if draft else []
    if structure.simulated:
        fiction = voice.say("fiction_banner", area=voice.area_name())
        marks.append(f"{text['fiction_mark']} {fiction.striptags()}")
    edition = f"{text['edition']} {structure.vintage} · {text['licence']} {structure.licence}"
    return Sheet(
        theme=name,
        title=title,
        area=voice.area_name(),
        language=voice.words.language,
        marks=tuple(marks),
        lines=tuple(lines),
        heads=(text["what"], text["figure"], text["interval_head"], text["reliability"]),
        withheld=text["read_withheld"],
        producer=voice.plain(structure.producer),
        edition=edition,
    )


def _line(voice: Voice, card: Card) -> Line:
    assert card.shown is not None
    rows = [_row(card.shown, voice.words.text["total"]), *(_row(g, "") for g in card.groups)]
    link = f"indicator/{card.spec.indicator}.html"
    return Line(card.name, card.headline.striptags(), card.shown.note, link, tuple(rows))


def _row(shown: Shown, label: str) -> Row:
    words = " · ".join(shown.labels) or label
    return Row(words, shown.value, shown.interval, shown.reliability)


def pages(voice: Voice, name: str, *, draft: bool, drawn: Mapping[str, bytes]) -> Iterator[Page]:
    """The page of a sheet, if there is one; it offers the forms that were made."""
    found = sheet(voice, name, draft=draft)
    if found is None:
        return
    forms = {e: f"{name}.{e}" for e in ("pdf", "docx")}
    made = {e: f if f"{found.language}/sheet/{f}" in drawn else "" for e, f in forms.items()}
    title = f"{found.title}, {found.area}"
    yield Page(f"sheet/{name}.html", "sheet.html", title, voice, {"sheet": found, **made})


def printed(voice: Voice, name: str, *, draft: bool) -> dict[str, bytes]:
    """A sheet as a document, and as PDF where something is installed that writes one, by path."""
    found = sheet(voice, name, draft=draft)
    if found is None:
        return {}
    stem = f"{found.language}/sheet/{name}"
    pdf = pdf_of(found) if find_spec("typst") else None
    return {f"{stem}.docx": docx_of(found)} | ({f"{stem}.pdf": pdf} if pdf else {})


def docx_of(sheet: Sheet) -> bytes:
    """The sheet as a document for a word processor."""
    title = f"{sheet.title}, {sheet.area}"
    blocks: list[Block] = [Heading(1, title), *(Paragraph(m, strong=True) for m in sheet.marks)]
    for line in sheet.lines:
        blocks += [Heading(2, line.name), Paragraph(line.sentence)]
        if len(line.rows) > 1:
            rows = tuple((r.label, r.value, r.interval, r.reliability) for r in line.rows)
            blocks.append(Grid(line.name, sheet.heads, rows, 1))
        if line.note:
            blocks.append(Paragraph(line.note, small=True))
    blocks.append(Paragraph(sheet.withheld, small=True))
    footer = f"{sheet.producer} · {sheet.edition}"
    return document(title, sheet.language, sheet.producer, footer, blocks)


def pdf_of(sheet: Sheet) -> bytes | None:
    """The sheet as tagged PDF; None where it has a letter that no font at hand can print, as a tagged PDF may
    leave none out. Needs the extra ``pdf``."""
    import typst

    static = files("caudal.publish")
    template = static.joinpath("templates", "sheet.typ").read_bytes()
    with as_file(static.joinpath("static", "fonts")) as fonts:
        writer = typst.Compiler(font_paths=[str(fonts)], ignore_system_fonts=True)
        try:
            made = writer.compile(
                template,
                format="pdf",
                sys_inputs={"sheet": json.dumps(asdict(sheet), ensure_ascii=False)},
                pdf_standards=["ua-1"],
                timestamp=0,
            )
        except typst.TypstError as error:
            if any(words in str(error) for words in _UNPRINTABLE):
                return None
            raise
    assert isinstance(made, bytes), "a PDF is one file"
    return made
