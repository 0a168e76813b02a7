"""A small country from its raw files to all its pages and files: every place that shows a figure is read
back, in three languages, and says what the release says."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from html import unescape
from pathlib import Path

import pytest

from caudal.publish.numbers import rounded
from caudal.publish.release import Cell, Release, read_release
from caudal.publish.sheets import sheets
from caudal.publish.stories import stories
from caudal.publish.voice import Voice, voice_of
from caudal.river.build import build
from tests.support.small_country import permit_rows, replace_in, survey_rows, write_country
from tests.unit.publish.forms import READERS, Files, told

LANGUAGES = ("es", "pt", "en")
STORY = """\
story: how_many
title: {es: Cuántas son, pt: Quantas são, en: How many}
frame: NUMBERS
claim: {es: Son la mitad, pt: São a metade, en: They are half}
rating: 1
text:
  es: "Nacieron fuera {share} ({share_interval})."
  pt: "Nasceram fora {share} ({share_interval})."
  en: "{share} were born abroad ({share_interval})."
shows_not: {es: Quiénes son., pt: Quem são., en: Who they are.}
figures:
  share: {cell: migrant_share/XI/2024-Q1/all/survey, reviewed: "25.0"}
  women: {cell: migrant_share/XI/2024-Q1/sex=F/survey, reviewed: "16.7"}
cards:
  - card: share
    headline: {es: "{share} de fuera", pt: "{share} de fora", en: "{share} from abroad"}
    figure: share
    beside: [women]
    shows_not: {es: Quiénes son., pt: Quem são., en: Who they are.}
author: Ana Ruiz
date: 2024-05
"""
_CELL = re.compile(r'<(tr|p) [^>]*id="([^"]+@[^"]+)"[^>]*>(.*?)</\1>', re.DOTALL)
_FIGURE = re.compile(r'<div class="pair">\s*<figure>(.*?)</figure>(.*?)</table>', re.DOTALL)


@dataclass(frozen=True)
class Country:
    """The release and every file of its site."""

    release: Release
    site: Files

    def pages(self, tag: str, folder: str = "") -> Iterator[tuple[str, str]]:
        for path, data in self.site.items():
            if path.startswith(f"{tag}/{folder}") and path.endswith(".html"):
                yield path, data.decode()

    def voice(self, tag: str) -> Voice:
        return voice_of(self.release, tag)


@pytest.fixture(scope="module")
def country(tmp_path_factory: pytest.TempPathFactory) -> Country:
    folder = write_country(tmp_path_factory.mktemp("country"))
    _more_periods(folder)
    (folder / "stories").mkdir()
    (folder / "stories" / "how_many.yaml").write_text(STORY, encoding="utf-8")
    built = build(folder).release
    files = {p.relative_to(built / "site").as_posix(): p.read_bytes()
             for p in (built / "site").rglob("*") if p.is_file()}  # fmt: skip
    return Country(read_release(built), files)


def _more_periods(folder: Path) -> None:
    """Two earlier quarters of the survey and one of the permits."""
    for source, rows, quarters in (("survey", survey_rows, "34"), ("permits", permit_rows, "4")):
        for quarter in quarters:
            name = f"{source}_2023Q{quarter}.csv"
            (folder / "data" / name).write_text(rows(int(quarter)), encoding="utf-8")
            delivery = f"deliveries:\n  - {{period: 2023-Q{quarter}, file: {name}}}"
            replace_in(folder / "sources" / f"{source}.yaml", "deliveries:", delivery)


def words(markup: str) -> str:
    """What a reader reads, with single blanks."""
    return " ".join(unescape(re.sub(r"<[^>]*>", " ", markup)).replace("\u00a0", " ").split())


def plain(text: str) -> str:
    return " ".join(text.replace("\u00a0", " ").split())


def read_number(text: str, voice: Voice) -> float | None:
    """The number that a figure in the marks of the language writes."""
    marks = voice.words.numbers
    found = re.search(rf"{marks.minus}?\d[\d{re.escape(marks.group)}{re.escape(marks.decimal)}]*", text)
    if found is None:
        return None
    bare = found[0].replace(marks.group, "").replace(marks.decimal, ".").replace(marks.minus, "-")
    return float(bare.rstrip("."))


def shown_number(cell: Cell, value: float, voice: Voice) -> float:
    return float(rounded(value, voice.decimals(cell)))


@pytest.mark.parametrize("form", READERS)
def test_every_file_for_machines_tells_what_the_release_tells(country: Country, form: str) -> None:
    found = READERS[form](country.release, country.site)
    assert found == told(country.release) and len(found) > 100


@pytest.mark.parametrize("tag", LANGUAGES)
def test_every_table_and_sentence_of_every_page_tells_the_numbers_of_its_cells(
    country: Country, tag: str
) -> None:
    voice, seen = country.voice(tag), set[str]()
    cells = {c.address: c for c in country.release.cells}
    for path, page in country.pages(tag):
        for tag_of, address, inner in _CELL.findall(page):
            cell, text = cells[unescape(address)], words(inner)
            seen.add(cell.address)
            if cell.value is None:
                assert plain(voice.value(cell)) in text, (path, address)
                continue
            spoken = plain(voice.value(cell))
            if cell.indicator.endswith("_gap") and tag_of == "p":  # a sentence says "lower", and no sign
                spoken = spoken.removeprefix(voice.words.numbers.minus)
            assert spoken in text, (path, address)
            assert read_number(voice.value(cell), voice) == shown_number(cell, cell.value, voice)
            if cell.lower is not None and cell.upper is not None:
                sizes = (cell.lower, cell.upper)
                if cell.indicator.endswith("_gap") and tag_of == "p":
                    sizes = (abs(cell.lower), abs(cell.upper))
                limits = [plain(voice.number(v, voice.decimals(cell))) for v in sizes]
                if cell.indicator.endswith("_gap") and tag_of == "p":
                    limits = [limit.removeprefix(voice.words.numbers.minus) for limit in limits]
                assert all(limit in text for limit in limits), (path, address)
    assert seen == set(cells), "every cell lies somewhere"


@pytest.mark.parametrize("tag", LANGUAGES)
def test_every_chart_writes_and_draws_the_numbers_of_the_table_beside_it(country: Country, tag: str) -> None:
    voice, charts = country.voice(tag), 0
    cells = {c.address: c for c in country.release.cells}
    for path, page in country.pages(tag, "indicator/"):
        for drawing, table in _FIGURE.findall(page):
            rows = [cells[unescape(a)] for a in re.findall(r'<tr id="([^"]+)"', table)]
            labels = [words(x) for x in re.findall(r'class="end fig">(.*?)</text>', drawing)]
            if not rows or not labels:  # a chart over time has its figures in its table alone
                continue
            charts += 1
            figures = [plain(f"{s.value} {s.mark}") for s in map(voice.shown, rows)]
            assert labels == figures[: len(labels)], path
            drawn = [p for p in map(place_of, drawing.split('class="end fig">')[1:]) if p is not None]
            values = [c.value for c in rows if c.value is not None][: len(drawn)]
            assert len(values) == len(drawn) and is_one_scale(values, drawn), path
    assert charts >= 9


@pytest.mark.parametrize("tag", LANGUAGES)
def test_every_chart_over_time_draws_the_numbers_of_its_table_at_their_height(
    country: Country, tag: str
) -> None:
    """Each dot and each band is read against the axis, whose numbers are read as the page writes them."""
    voice, charts = country.voice(tag), 0
    for path, page in country.pages(tag, "indicator/"):
        for drawing, table in _FIGURE.findall(page):
            source = re.search(r'aria-labelledby="([^"]+)\.time-t ', drawing)
            if source is None:
                continue
            name = path.rpartition("/")[2].removesuffix(".html")
            own = (c for c in country.release.cells_of[name] if c.source == source[1] and not c.categories)
            cells = sorted(own, key=lambda c: c.time)
            rows = [words(r) for r in re.findall(r"<tr>(.*?)</tr>", table, re.DOTALL)[1:]]
            begun = [plain(row_of(voice, c)) for c in cells]
            assert [r[: len(b)] for r, b in zip(rows, begun, strict=True)] == begun, path
            read, pixel = axis_of(drawing, voice)
            dots = [read(float(y)) for y in re.findall(r'<circle cx="[^"]+" cy="([\d.]+)"', drawing)]
            assert dots == [pytest.approx(c.value, abs=pixel) for c in cells], path
            across = [float(x) for x in re.findall(r'<circle cx="([\d.]+)%"', drawing)]
            assert is_one_scale([quarters(c.time) for c in cells], across), path
            bands = re.findall(r'y1="([\d.]+)" y2="([\d.]+)" class="i95"', drawing)
            limits = [(c.lower, c.upper) for c in cells if c.has_interval]
            ends = [read(float(y)) for band in bands for y in band]
            assert ends == [pytest.approx(v, abs=pixel) for pair in limits for v in pair], path
            charts += 1
    assert charts == 3


def row_of(voice: Voice, cell: Cell) -> str:
    """How the row of a cell in a table over time begins: its period, its figure, its limits."""
    shown = voice.shown(cell)
    parts = (voice.when(cell.time), shown.value, shown.mark, shown.interval)
    return " ".join(p for p in parts if p)


def quarters(time: str) -> float:
    """A quarter as a number."""
    return 4 * int(time[:4]) + int(time[-1])


def axis_of(drawing: str, voice: Voice) -> tuple[Callable[[float], float], float]:
    """How a height of a chart over time is read by the numbers of its axis, and a tenth of a pixel."""
    ticks = re.findall(r'<text x="0%" y="([\d.]+)" class="tick">(.*?)</text>', drawing)
    (first, low), *_, (last, high) = [(float(y) + 3, read_number(unescape(t), voice)) for y, t in ticks]
    assert low is not None and high is not None and len(ticks) >= 3
    each = (high - low) / (last - first)
    return lambda y: low + (y - first) * each, abs(each) * 0.11


def place_of(row: str) -> float | None:
    """Where the mark of a row of a chart stands: its dot, or the end of its bar; None where it has none."""
    if dot := re.search(r'<circle cx="([\d.]+)%"', row):
        return float(dot[1])
    bar = re.search(r'<rect x="([\d.]+)%" y="[\d.]+" width="([\d.]+)%" height="10" class="bar', row)
    return float(bar[1]) + float(bar[2]) if bar else None


def is_one_scale(values: list[float], places: list[float]) -> bool:
    """Whether places follow values by one linear scale, within what a picture shows."""
    low, high = min(values), max(values)
    if high == low:
        return max(places) - min(places) < 0.02
    a, b = places[values.index(low)], places[values.index(high)]
    return all(
        abs(a + (b - a) * (v - low) / (high - low) - p) < 0.02 for v, p in zip(values, places, strict=True)
    )


@pytest.mark.parametrize("tag", LANGUAGES)
def test_headlines_the_press_the_index_and_the_home_page_say_the_same(country: Country, tag: str) -> None:
    voice, told_of = country.voice(tag), 0
    home, index = (words(country.site[f"{tag}/{p}.html"].decode()) for p in ("index", "search"))
    for spec in country.release.base_indicators():
        page = country.site[f"{tag}/indicator/{spec.indicator}.html"].decode()
        lede = re.search(r'<p class="lede headline"[^>]*>(.*?)</p>', page, re.DOTALL)
        assert lede is not None, spec.indicator
        address = re.search(r'<p class="lede headline" id="([^"]+)"', page)
        if address is None:
            continue
        cell = next(c for c in country.release.cells if c.address == unescape(address[1]))
        sentence = plain(voice.headline(cell).striptags())
        assert plain(unescape(re.sub(r"<[^>]*>", "", lede[1]))) == sentence
        for place in (home, index, words(page)):
            assert sentence in place, spec.indicator
        press = re.search(r'<p class="cite">(.*?)</p>', page, re.DOTALL)
        assert press is not None and sentence in words(press[1])
        told_of += 1
    assert told_of == 3


@pytest.mark.parametrize("tag", LANGUAGES)
def test_word_documents_have_the_tables_of_the_page(country: Country, tag: str) -> None:
    docx = pytest.importorskip("docx", reason="python-docx is not installed")
    voice = country.voice(tag)
    for spec in country.release.base_indicators():
        document = docx.Document(io.BytesIO(country.site[f"{tag}/data/{spec.indicator}.docx"]))
        found = [tuple(plain(c.text) for c in row.cells) for t in document.tables for row in t.rows[1:]]
        page = country.site[f"{tag}/indicator/{spec.indicator}.html"].decode()
        rows = [unescape(a) for a in re.findall(r'<tr id="([^"]+)"', page)]
        assert rows
        for cell in (c for c in country.release.cells if c.address in set(rows)):
            shown = voice.shown(cell)
            value = plain(f"{shown.value} {shown.mark}")
            assert any(
                row[: len(shown.labels)] == tuple(plain(x) for x in shown.labels)
                and row[max(len(shown.labels), 1)] == value
                and (not shown.interval or plain(shown.interval) in row)
                for row in found
            ), cell.address
        told_headline = plain(" ".join(p.text for p in document.paragraphs))
        totals = [c for c in country.release.cells if c.indicator == spec.indicator and not c.categories]
        total = max(totals, key=lambda c: c.time)
        assert plain(voice.value(total)) in told_headline or plain(voice.value(total)) in str(found)


@pytest.mark.parametrize("tag", LANGUAGES)
def test_sheets_as_page_pdf_and_document_tell_the_numbers_of_the_cells(country: Country, tag: str) -> None:
    docx = pytest.importorskip("docx", reason="python-docx is not installed")
    pypdf = pytest.importorskip("pypdf", reason="pypdf is not installed")
    pytest.importorskip("typst", reason="the extra pdf is not installed")
    voice = country.voice(tag)
    values = {plain(voice.value(c)) for c in country.release.cells if c.value is not None}
    for sheet in sheets(voice, draft=True):
        stem = f"{tag}/sheet/{sheet.theme}"
        page = words(country.site[f"{stem}.html"].decode())
        pdf = "".join(
            p.extract_text() for p in pypdf.PdfReader(io.BytesIO(country.site[f"{stem}.pdf"])).pages
        )
        document = docx.Document(io.BytesIO(country.site[f"{stem}.docx"]))
        texts = [p.text for p in document.paragraphs]
        texts += [c.text for t in document.tables for row in t.rows for c in row.cells]
        packed = (re.sub(r"\s", "", x) for x in (page, pdf, " ".join(texts)))
        for place in packed:
            for line in sheet.lines:
                assert re.sub(r"\s", "", line.sentence) in place, (stem, line.name)
                for row in line.rows:
                    assert plain(row.value) in values
                    if len(line.rows) > 1:
                        assert re.sub(r"\s", "", row.value) in place, (stem, row.label)


@pytest.mark.parametrize("tag", LANGUAGES)
def test_cards_as_page_picture_and_json_ld_tell_the_numbers_of_the_cells(country: Country, tag: str) -> None:
    voice = country.voice(tag)
    (story,) = stories(voice)
    (card,) = story.cards
    stem = f"{tag}/story/{story.name}.{card.spec.card}"
    page, picture = (words(country.site[f"{stem}.{e}"].decode()) for e in ("html", "svg"))
    observed = json.loads(country.site[f"{stem}.jsonld"])["mentions"]
    assert len(observed) == 2
    for told_figure, seen in zip((card.figure, *card.beside), observed, strict=True):
        cell = told_figure.cell
        assert cell is not None and cell.value is not None
        for place in (page, picture):
            assert plain(voice.value(cell)) in place
        assert seen["identifier"] == cell.address
        assert seen["measuredValue"] == shown_number(cell, cell.value, voice)
        if told_figure.interval:
            assert plain(told_figure.interval) in page and plain(told_figure.interval) in picture
            error = seen["marginOfError"]
            limits = [shown_number(cell, v, voice) for v in (cell.lower, cell.upper) if v is not None]
            assert [error["minValue"], error["maxValue"]] == limits


@pytest.mark.parametrize("tag", LANGUAGES)
def test_a_spreadsheet_program_reads_the_numbers_of_the_readers_language(country: Country, tag: str) -> None:
    """The CSV for spreadsheets as its program reads it: numbers in the marks of the language, no texts."""
    voice = country.voice(tag)
    decimal = voice.words.numbers.decimal
    for spec in country.release.base_indicators():
        text = country.site[f"{tag}/data/{spec.indicator}.excel.csv"].decode("utf-8-sig")
        rows = list(csv.DictReader(io.StringIO(text), delimiter=";" if decimal == "," else ","))
        figures = [r[str(voice.words.word("components", "OBS_VALUE"))] for r in rows]
        assert rows and all(re.fullmatch(rf"(-?\d+({re.escape(decimal)}\d+)?)?", f) for f in figures)
