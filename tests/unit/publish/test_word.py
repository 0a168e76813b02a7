"""Documents for a word processor: what an independent reader finds in them, whatever the names are."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path
from typing import Any

import pytest

from caudal.publish.exchange.docx import Grid, Heading, Paragraph, document
from caudal.publish.exchange.word import indicator_document
from caudal.publish.release import Release, read_release
from caudal.publish.sheets import docx_of, sheets
from caudal.publish.voice import voice_of
from tests.unit.publish.fixture import CODE_LISTS, cell, code, observations, write_release

docx = pytest.importorskip("docx", reason="python-docx is not installed")
NASAL = "g̃uarani"  # a letter and a combining tilde: no single sign exists for it
LONG = "Ñembohekovekuaaukapyrãmeguarãichagua" * 3
HOSTILE = 'a\x0b</w:t><w:fldSimple w:instr="INCLUDEPICTURE x"/>&<b> =1+1 "'
W = "{http://schemas.openxmlformats.org/wordprocessingml/2006/main}"


@pytest.fixture(scope="module")
def release(tmp_path_factory: pytest.TempPathFactory) -> Release:
    countries = [*CODE_LISTS["CL_COUNTRY"], code("GN", LONG, NASAL, LONG), code("BT", *[HOSTILE] * 3)]
    rows = [
        *observations(),
        cell("foreign_born", 4210.0, 300.0, birth_country_code="GN"),
        cell("foreign_born", 99.0, 9.0, birth_country_code="BT"),
    ]
    lists = CODE_LISTS | {"CL_COUNTRY": countries}
    return read_release(write_release(tmp_path_factory.mktemp("release"), rows, code_lists=lists))


def made(release: Release, tag: str = "es", *, draft: bool = True, name: str = "foreign_born") -> bytes:
    return indicator_document(voice_of(release, tag), release.indicators[name], draft=draft)


def opened(data: bytes) -> Any:
    return docx.Document(io.BytesIO(data))


def test_every_table_repeats_its_header_keeps_its_rows_whole_and_says_what_it_is(release: Release) -> None:
    tables = opened(made(release)).tables
    assert len(tables) >= 3
    for table in tables:
        first, *others = table._tbl.tr_lst
        assert first.trPr.find(f"{W}tblHeader") is not None
        assert all(row.trPr.find(f"{W}tblHeader") is None for row in others)
        assert all(row.trPr.find(f"{W}cantSplit") is not None for row in (first, *others))
        caption = table._tbl.tblPr.find(f"{W}tblCaption").get(f"{W}val")
        before = table._tbl.getprevious()
        assert caption == "".join(r.text for r in before.iter(f"{W}t")) and caption


def test_the_document_has_a_title_a_language_and_headings_in_order(release: Release) -> None:
    for tag in ("es", "pt", "en"):
        found = opened(made(release, tag))
        assert found.core_properties.language == tag
        assert found.core_properties.title == found.paragraphs[0].text
        with zipfile.ZipFile(io.BytesIO(made(release, tag))) as packed:
            assert f'<w:lang w:val="{tag}"/>' in packed.read("word/styles.xml").decode()
        levels = [p.style.name for p in found.paragraphs if p.style.name.startswith("Heading")]
        assert levels[0] == "Heading 1" and set(levels[1:]) == {"Heading 2"}


def test_names_are_text_whatever_is_in_them(release: Release) -> None:
    found = opened(made(release))
    texts = {c.text for t in found.tables for row in t.rows for c in row.cells}
    assert {LONG, HOSTILE.replace("\x0b", ""), '=HYPERLINK("x")'} <= texts
    assert NASAL in {c.text for t in opened(made(release, "pt")).tables for r in t.rows for c in r.cells}
    with zipfile.ZipFile(io.BytesIO(made(release))) as packed:
        assert set(packed.namelist()) >= {"word/document.xml", "word/footer1.xml"}
        assert not any("vba" in n.lower() or "embed" in n.lower() for n in packed.namelist())
        body = packed.read("word/document.xml").decode()
    assert "fldSimple w" not in body.replace("&lt;w:fldSimple", "") and "instrText" not in body


def test_a_withheld_figure_is_words_and_a_draft_says_so(release: Release) -> None:
    found = opened(made(release))
    rows = [[c.text for c in row.cells] for t in found.tables for row in t.rows]
    withheld = [r for r in rows if "no se muestra" in r]
    assert withheld and not any(ch.isdigit() for r in withheld for t in r[1:] for ch in t)
    text = "\n".join(p.text for p in found.paragraphs)
    assert "BORRADOR" in text
    assert "BORRADOR" not in "\n".join(p.text for p in opened(made(release, draft=False)).paragraphs)
    assert "Encuesta de hogares. Instituto de Estadística & Censos. CC-BY-4.0" in text
    assert "Oficina de Migración de Istmo (2026-11). Personas nacidas en el extranjero" in text


def test_the_same_release_gives_the_same_bytes_and_no_clock(release: Release) -> None:
    assert made(release) == made(release)
    with zipfile.ZipFile(io.BytesIO(made(release))) as packed:
        assert {i.date_time for i in packed.infolist()} == {(1980, 1, 1, 0, 0, 0)}
        assert "created" not in packed.read("docProps/core.xml").decode()


def test_a_sheet_as_document_has_the_rows_of_its_page(release: Release) -> None:
    for sheet in sheets(voice_of(release, "pt"), draft=True):
        found = opened(docx_of(sheet))
        texts = {c.text for t in found.tables for row in t.rows for c in row.cells}
        assert {r.value for line in sheet.lines if len(line.rows) > 1 for r in line.rows} <= texts
        assert sheet.lines[0].sentence in {p.text for p in found.paragraphs}


def test_a_table_of_many_columns_lies_on_its_side() -> None:
    grid = Grid("c", tuple("abcdefgh"), (tuple("12345678"),), 5)
    wide = opened(document("t", "es", "a", "f", [Heading(1, "t"), grid]))
    upright = opened(document("t", "es", "a", "f", [Paragraph("x")]))
    assert wide.sections[0].page_width > wide.sections[0].page_height
    assert upright.sections[0].page_width < upright.sections[0].page_height


def test_a_release_without_a_figure_makes_a_document_all_the_same(tmp_path: Path) -> None:
    rows = [cell("foreign_born", None)]
    release = read_release(write_release(tmp_path, rows, truth=[], expectations=[], notices=[]))
    for spec in release.base_indicators():
        assert opened(made(release, name=spec.indicator)).paragraphs[0].text
