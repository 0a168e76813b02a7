"""Fact sheets: the page and the PDF say the same, and what the cells say."""

from __future__ import annotations

import io
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from caudal.publish import build_site
from caudal.publish.release import read_release
from caudal.publish.sheets import Sheet, pdf_of, sheets
from caudal.publish.site import site_files
from caudal.publish.voice import voice_of
from tests.unit.publish.fixture import cell, write_release

pypdf = pytest.importorskip("pypdf")
pytest.importorskip("typst", reason="the extra pdf is not installed")


@pytest.fixture(scope="module")
def release(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_release(tmp_path_factory.mktemp("release") / "r")


@pytest.fixture(scope="module")
def site(release: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("site") / "site"
    build_site(release, folder)
    return folder


def words(pdf: bytes) -> str:
    pages = pypdf.PdfReader(io.BytesIO(pdf)).pages
    return re.sub(r"\s+", "", "".join(p.extract_text() for p in pages))


def said(sheet: Sheet) -> list[str]:
    return [t for line in sheet.lines for r in line.rows for t in (r.value, r.interval) if t]


@pytest.mark.parametrize("language", ["es", "pt", "en"])
def test_page_and_pdf_have_the_same_figures(release: Path, site: Path, language: str) -> None:
    for sheet in sheets(voice_of(read_release(release), language), draft=True):
        page = (site / language / "sheet" / f"{sheet.theme}.html").read_text(encoding="utf-8")
        printed = words((site / language / "sheet" / f"{sheet.theme}.pdf").read_bytes())
        assert said(sheet)
        for line in sheet.lines:
            assert re.sub(r"\s+", "", line.sentence) in printed, line.sentence
            figures = [t for r in line.rows for t in (r.value, r.interval) if t and len(line.rows) > 1]
            for figure in figures:
                assert figure in page and re.sub(r"\s+", "", figure) in printed, figure


def test_the_pdf_is_tagged_names_its_language_and_has_no_clock(release: Path) -> None:
    sheet = sheets(voice_of(read_release(release), "pt"), draft=True)[0]
    made = pdf_of(sheet)
    assert made == pdf_of(sheet)
    document = pypdf.PdfReader(io.BytesIO(made))
    root = document.trailer["/Root"]
    assert root["/MarkInfo"]["/Marked"] and root["/Lang"].startswith("pt")
    assert sheet.title in str(document.metadata["/Title"])
    assert root["/ViewerPreferences"]["/DisplayDocTitle"]


def tags_of(node: Any) -> Iterator[str]:
    """The kinds of all parts of the structure of a PDF, in the order in which they are read aloud."""
    node = node.get_object() if hasattr(node, "get_object") else node
    if isinstance(node, list):
        for kid in node:
            yield from tags_of(kid)
    elif isinstance(node, dict):
        if "/S" in node:
            yield str(node["/S"])
        if "/K" in node:
            yield from tags_of(node["/K"])


def test_who_hears_the_pdf_hears_headings_and_tables(release: Path) -> None:
    """Every indicator is a heading and every table has the head of its columns and of its rows."""
    for sheet in sheets(voice_of(read_release(release), "es"), draft=True):
        root = pypdf.PdfReader(io.BytesIO(pdf_of(sheet))).trailer["/Root"]
        tags = Counter(tags_of(root["/StructTreeRoot"]["/K"]))
        tables = [line for line in sheet.lines if len(line.rows) > 1]
        assert tags["/H1"] == 1 and tags["/H2"] == len(sheet.lines)
        assert tags["/Table"] == len(tables)
        assert tags["/TR"] == sum(1 + len(line.rows) for line in tables)
        assert tags["/TH"] >= 4 * len(tables) and tags["/Figure"] == 0


def test_a_draft_looks_like_a_draft_and_a_withheld_figure_stays_out(release: Path, site: Path) -> None:
    read = read_release(release)
    draft, signed = (sheets(voice_of(read, "es"), draft=d) for d in (True, False))
    assert "BORRADOR" in words(pdf_of(draft[0])) and "BORRADOR" not in words(pdf_of(signed[0]))
    assert any(c.withheld for c in read.cells)
    assert all(r.value for s in draft for line in s.lines for r in line.rows)


def test_markup_and_formulas_in_a_name_are_text(release: Path) -> None:
    sheet = sheets(voice_of(read_release(release), "en"), draft=True)[0]
    odd = "#panic() *x* <script> =1+1 _y_ $z$ Ñemoñe’ẽ"
    line = sheet.lines[0].__class__(**{**sheet.lines[0].__dict__, "name": odd})
    changed = Sheet(**{**sheet.__dict__, "lines": (line,)})
    assert re.sub(r"\s+", "", odd).replace("’", "'") in words(pdf_of(changed)).replace("’", "'")


def test_a_release_about_several_countries_has_a_sheet_for_each_of_them(tmp_path: Path) -> None:
    rows = [
        cell("foreign_born", value, 2.0, reporter_code=area, reference_area_code=area, source_code=source)
        for area, value, source in (("AR", 40.0, "survey"), ("BO", 60.0, "survey"), ("BO", 71.0, "un"))
    ]
    path = write_release(tmp_path, rows, territory="419", truth=[], title={"es": "La región"})
    read = read_release(path)
    found = {s.theme: s for s in sheets(voice_of(read, "es"), draft=True)}
    bolivia = found["BO"]
    assert (bolivia.title, bolivia.area) == ("BO", "La región")
    (line,) = bolivia.lines
    assert [(r.label.rpartition(", ")[0], r.value) for r in line.rows] == [
        ("Encuesta de hogares", "60"),
        ("Naciones Unidas, población migrante", "71"),
    ]
    site = site_files(read)
    for form in ("html", "pdf", "docx"):
        assert f"es/sheet/BO.{form}" in site
    assert 'href="../sheet/BO.html"' in site["es/profile/BO.html"].decode()
    printed = words(site["es/sheet/BO.pdf"])
    assert "60" in printed and "NacionesUnidas" in printed
