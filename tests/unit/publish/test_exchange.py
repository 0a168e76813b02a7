"""Files for machines: the same numbers in every form, nothing of a withheld cell, no text that runs."""

from __future__ import annotations

import csv
import io
import json
import re
import unicodedata
import xml.etree.ElementTree as ET
import zipfile
from html import unescape
from importlib.resources import files
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from ruamel.yaml import YAML

from caudal.catalogue import load_catalogue
from caudal.errors import CaudalError
from caudal.model.release import MANIFEST, Signatory
from caudal.publish.downloads import bibtex
from caudal.publish.exchange.building import exchange_of
from caudal.publish.exchange.shape import code_id, code_of, number_text
from caudal.publish.exchange.types import media_type
from caudal.publish.release import Cell, Release, read_release
from caudal.publish.site import site_files
from caudal.publish.voice import voice_of
from tests.unit.publish.fixture import (
    CODE_LISTS,
    STRUCTURE,
    cell,
    code,
    every_kind,
    observations,
    text,
    write_release,
)
from tests.unit.publish.forms import READERS, Files, number, tabular, told
from tests.unit.publish.reading import all_texts

GUARANI = "Ñembohekovekuaaukapyrãmeguarãichagua"
NASAL = "g̃uarani"  # a letter and a combining tilde: no single sign exists for it
COUNTRIES = [
    *CODE_LISTS["CL_COUNTRY"],
    code("GN", GUARANI, NASAL, GUARANI),
    code("BT", "a\x0bb]]><i>", "+1+1|cmd", "@SUM(A1)"),
]


@pytest.fixture(scope="module")
def release(tmp_path_factory: pytest.TempPathFactory) -> Release:
    rows = [
        *observations(),
        cell("foreign_born", 4210.0, 300.0, birth_country_code="GN"),
        cell("foreign_born", 1234567.0, 0.1 + 0.2, birth_country_code="BT"),
        cell("foreign_born", None, counterpart_area_code="XI-N"),
        cell("foreign_born", 0.0, counterpart_area_code="XI-S"),
    ]
    rows = [{"counterpart_area_code": "_Z"} | r for r in rows]
    lists = CODE_LISTS | {"CL_COUNTRY": COUNTRIES}
    return read_release(write_release(tmp_path_factory.mktemp("release"), rows, code_lists=lists))


@pytest.fixture(scope="module")
def site(release: Release) -> Files:
    return site_files(release)


@pytest.mark.parametrize("form", READERS)
def test_the_numbers_of_every_form_are_those_of_the_release(release: Release, site: Files, form: str) -> None:
    assert READERS[form](release, site) == told(release)


@pytest.fixture(scope="module")
def of_every_kind(tmp_path_factory: pytest.TempPathFactory) -> tuple[Release, Files]:
    rows = [{"counterpart_area_code": "_Z"} | r for r in (*observations(), *every_kind())]
    release = read_release(write_release(tmp_path_factory.mktemp("kinds"), rows))
    return release, site_files(release)


@pytest.mark.parametrize("form", READERS)
def test_cells_of_every_kind_are_told_alike_in_every_form(
    of_every_kind: tuple[Release, Files], form: str
) -> None:
    release, site = of_every_kind
    assert READERS[form](release, site) == told(release)


def test_the_export_to_the_global_structure_loses_nothing(release: Release, site: Files) -> None:
    rows = tabular(site["sdmx/sdg-2.0.csv"])
    own = {a: t for a, t in told(release).items() if a.startswith("unemployment_rate/")}
    found = {
        r["COMMENT_OBS"]: (number(r["OBS_VALUE"]), number(r["LOWER_BOUND"]), number(r["UPPER_BOUND"]))
        for r in rows
    }
    assert found == own
    names = list(rows[0])
    keys = [tuple(r[n] for n in names[3:19]) for r in rows]
    assert names[3] == "FREQ" and names[18] == "TIME_PERIOD" and len(set(keys)) == len(keys)
    migrants = {r["COMMENT_OBS"]: r["COMPOSITE_BREAKDOWN"] for r in rows}
    assert migrants["unemployment_rate/XI/2026-Q2/migratory_status=FB/survey@2026-11"] == "MS_MIGRANT"
    assert {r["SERIES"] for r in rows} == {"SL_TLF_UEM"}


def test_a_total_and_its_only_age_do_not_share_a_key(tmp_path: Path) -> None:
    young = "age_scope=15_to_24;basis=birth;measure=stock;stay=12m"
    total = cell("unemployment_rate", 20.0, concept_vector=young)
    own = [total, total | {"age_code": "Y15T24"}]
    rows = tabular(site_files(read_release(write_release(tmp_path, own, truth=[])))["sdmx/sdg-2.0.csv"])
    dimensions = list(rows[0])[3:19]
    assert len({tuple(r[d] for d in dimensions) for r in rows}) == len(rows) == 2
    assert {r["AGE"] for r in rows} == {"Y15T24"}


def test_every_indicator_of_a_goal_has_its_series_there_or_is_known_to_have_none() -> None:
    text = files("caudal.catalogue").joinpath("sdg.yaml").read_text(encoding="utf-8")
    mapping = YAML(typ="safe", pure=True).load(text)
    found = {name: spec.codes.sdg for name, spec in load_catalogue()[0].indicators.items() if spec.codes.sdg}
    assert len(found) >= 7
    for name, codes in found.items():
        assert name in mapping["without_series"] or any(c in mapping["series"] for c in codes), name


@pytest.mark.parametrize("tag", ["es", "pt", "en"])
def test_pages_show_the_figures_of_the_files_in_the_marks_of_their_language(
    release: Release, site: Files, tag: str
) -> None:
    voice, shown = voice_of(release, tag), 0
    for spec in release.base_indicators():
        pages = [unescape(d.decode()) for p, d in site.items()
                 if p.startswith(f"{tag}/indicator/{spec.indicator}.") and p.endswith(".html")]  # fmt: skip
        for page in pages:
            for found in re.finditer(r'id="([^"]+@[^"]+)"[^>]*>(.*?)</(?:tr|p)>', page, flags=re.DOTALL):
                known = _cell(release, found[1])
                if known is not None and known.value is not None:
                    assert voice.value(known) in re.sub(r"<[^>]*>", "", found[2]), found[1]
                    shown += 1
    assert shown >= 20


def _cell(release: Release, address: str) -> Cell | None:
    return next((c for c in release.cells if c.address == address), None)


def test_a_withheld_cell_is_a_key_and_one_flag_in_every_form(release: Release, site: Files) -> None:
    withheld = [c.address for c in release.cells if c.withheld]
    assert len(withheld) == 5
    for read in READERS.values():
        assert [read(release, site)[a] for a in withheld] == [(None, None, None)] * 5
    for version in ("2.1", "3.0"):
        for path in (p for p in site if p.endswith(f"-{version}.xml")):
            for o in ET.fromstring(site[path]).iter("Obs"):
                if o.get("OBS_STATUS") == "Q":
                    counted = {"CONCEPT_VECTOR", "INDICATOR_VERSION", "REPORTER"}
                    assert set(o.attrib) == {"TIME_PERIOD", "OBS_STATUS", *counted}
    for row in tabular(site["sdmx/stocks-2.0.csv"]):
        if row["OBS_STATUS"] == "Q":
            assert {v for k, v in row.items() if k.endswith("_SE") or k in ("UNIT_MEASURE", "METHOD")} == {""}


def test_no_file_depends_on_what_is_behind_a_cell(tmp_path: Path) -> None:
    """Counts of records, and the words of the gate, are in no byte of any file."""
    rows = observations()
    other = [
        r | {"sample_n": 731934 + i, "cases_n": 73193 + i, "psu_n": 4711 + i, "df": 4699.5 + i}
        | ({"verdict": "suppressed-secondary", "conf_status_code": "D"} if r["value"] is None else {})
        for i, r in enumerate(rows)
    ]  # fmt: skip
    one, two = (
        site_files(read_release(write_release(tmp_path / name, r))) for name, r in (("a", rows), ("b", other))
    )
    assert one.keys() == two.keys() and [p for p in one if one[p] != two[p]] == []


def test_equal_releases_give_equal_bytes_and_no_time_of_day(release: Release, site: Files) -> None:
    assert site_files(release) == site
    for path in (p for p in site if p.endswith((".zip", ".xlsx"))):
        with zipfile.ZipFile(io.BytesIO(site[path])) as packed:
            assert {i.date_time for i in packed.infolist()} == {(1980, 1, 1, 0, 0, 0)}


def test_no_spreadsheet_runs_a_text_and_no_reader_loses_a_letter(release: Release, site: Files) -> None:
    workbook = openpyxl.load_workbook(io.BytesIO(site["pt/data/foreign_born.xlsx"]))
    cells = [c for row in workbook.worksheets[0].iter_rows() for c in row]
    assert {c.data_type for c in cells if c.value is not None} == {"s", "n"}
    texts = {c.value for c in cells}
    assert {'=HYPERLINK("x")', "+1+1|cmd", "Paraguai <b>", NASAL} <= texts
    assert all(
        isinstance(c.value, int | float) for c in cells if c.column_letter == "I" and c.row > 1 and c.value
    )
    for path in (p for p in site if p.endswith(".csv")):
        delimiter = ";" if site[path].startswith(b"\xef\xbb\xbf") and not path.startswith("en/") else ","
        for row in csv.reader(io.StringIO(site[path].decode("utf-8-sig")), delimiter=delimiter):
            running = [f for f in row if f[:1] in ("=", "+", "@", "\t", "\r")]
            assert not running and not [f for f in row if f[:1] == "-" and number_or_none(f) is None], path
    assert GUARANI in site["es/data/foreign_born.excel.csv"].decode("utf-8-sig")
    read = site["pt/data/foreign_born.excel.csv"].decode("utf-8-sig")
    assert NASAL in read and unicodedata.normalize("NFC", NASAL) == NASAL
    structure = ET.fromstring(site["sdmx/structure-3.0.xml"])
    names = {e.text for e in structure.iter() if e.tag.endswith("}Name")}
    assert {GUARANI, NASAL, "ab]]><i>", "Paraguay (Paraguái) <b>"} <= names


def number_or_none(field: str) -> float | None:
    try:
        return number(field)
    except ValueError:
        return None


def test_a_spreadsheet_of_the_readers_country_opens_the_table_in_columns(site: Files) -> None:
    spanish, english = (site[f"{tag}/data/unemployment_rate.excel.csv"] for tag in ("es", "en"))
    assert spanish.startswith(b"\xef\xbb\xbf") and b"\r\n" in spanish
    assert ";9,71;" in spanish.decode() and ",9.71," in english.decode()
    assert tabular(spanish, ";")[0].keys() >= {"Indicador", "Valor", "Estado de la observación"}


def test_reference_metadata_is_filled_from_the_run_in_every_language(site: Files) -> None:
    report = {s["id"]: s for s in json.loads(site["sdmx/metadata-2.0.json"])["data"]["metadataSets"]}
    parts = {a["id"]: a for a in report["MDS_STOCKS"]["attributes"]}
    treated = next(a for a in parts["CONF"]["attributes"] if a["id"] == "CONF_DATA_TR")["value"]
    assert treated["en"].startswith("4 of 21 cells of this theme are not shown")
    accuracy = {a["id"]: a["value"] for a in parts["ACCURACY"]["attributes"]}
    assert "8.7%" in accuracy["SAMPLING_ERR"]["en"] and "8,7" in accuracy["SAMPLING_ERR"]["es"]
    processed = {a["id"]: a["value"] for a in parts["STAT_PROCESS"]["attributes"]}
    assert processed["DATA_VALIDATION"]["pt"].count("%") == 2
    assert "9f86d081884c7d65" in processed["DATA_COMP"]["es"]
    assert all(v.keys() == {"es", "pt", "en"} for v in processed.values())
    (timely,) = parts["TIMELINESS_PUNCT"]["attributes"]
    assert (
        "Household survey: latest period second quarter of 2026; months from its end to this edition: 5."
        in (timely["value"]["en"])
    )
    assert parts["FREQ_DISS"]["value"]["es"] == "Anual; Trimestral"
    assert parts["COMMENT_DSET"]["value"]["pt"].startswith("Istmo não existe.")
    labour = json.dumps(report["MDS_LABOUR"], ensure_ascii=False)
    assert "La edición anterior usó pesos sin calibrar." in labour and "1 de 1 cifras" in labour


def test_a_draft_says_so_to_machines_and_a_signed_release_does_not(release: Release, site: Files) -> None:
    who = Signatory(name="Ana", role="Custodian", date="2026-12-01", public_key="00")
    signed = exchange_of(release, who)
    assert not signed.draft and signed.prepared == "2026-12-01"
    assert b"<mes:Test>true</mes:Test>" in site["sdmx/structure-2.1.xml"]
    assert b'"test":true' in site["sdmx/stocks-2.0.json"] and b"UNDER_DEVELOPMENT" in site["catalogue.ttl"]
    assert "BORRADOR" in workbook_texts(site) and "BORRADOR" in readme_of(site)
    made = site_files(release, who)
    assert "BORRADOR" not in workbook_texts(made) and "BORRADOR" not in readme_of(made)
    assert b"<mes:Test>false</mes:Test>" in made["sdmx/structure-2.1.xml"]
    assert b'isFinal="true"' in made["sdmx/structure-2.1.xml"] and b"COMPLETED" in made["catalogue.ttl"]


def workbook_texts(site: Files) -> set[Any]:
    sheet = openpyxl.load_workbook(io.BytesIO(site["es/data/foreign_born.xlsx"])).worksheets[1]
    return {c.value for row in sheet.iter_rows() for c in row}


def readme_of(site: Files) -> str:
    with zipfile.ZipFile(io.BytesIO(site["data/foreign_born.zip"])) as packed:
        return packed.read("readme.es.txt").decode()


def test_a_dimension_without_a_list_and_a_licence_in_words(tmp_path: Path) -> None:
    entries = [
        d | {"code_list": "" if d["name"] == "age" else d["code_list"]} for d in STRUCTURE["dimensions"]
    ]
    made = site_files(
        read_release(write_release(tmp_path, dimensions=entries, licence="Uso <libre> & gratis"))
    )
    cube = json.loads(made["data/unemployment_rate.jsonstat.json"])
    aged = [c["dimension"]["AGE"] for c in cube["link"]["item"] if "AGE" in c["id"]]
    assert aged and all("label" not in d["category"] for d in aged)
    assert b'<str:Dimension id="AGE"' in made["sdmx/structure-3.0.xml"]
    assert b"licenses/Uso%20%3Clibre%3E%20%26%20gratis>" in made["catalogue.ttl"]


def test_the_page_offers_every_form_and_its_code(release: Release, site: Files) -> None:
    page = site["es/indicator/foreign_born.html"].decode()
    for path in (p for p in site if p.startswith("data/foreign_born.")):
        if not path.endswith("-metadata.json"):
            assert f'href="../../{path}"' in page, path
    described = json.loads(re.findall(r"<script[^>]*>(.*?)</script>", page, flags=re.DOTALL)[0])
    kinds = {d["encodingFormat"] for d in described["distribution"]}
    assert {"application/zip", "application/vnd.apache.parquet", "text/csv"} <= kinds
    assert (
        "pd.read_csv" in page and "read.csv(" in page and "curl --fail" in page and 'id="not-shown"' in page
    )
    assert "@misc{XI-foreign-born-2026-11," in unescape(page)


def test_a_name_cannot_end_its_field_in_a_bibliography(tmp_path: Path) -> None:
    producer = text(r"A} \input{x} & B_1%", "A", "A")
    release = read_release(write_release(tmp_path, producer=producer))
    found = bibtex(voice_of(release, "es"), release.base_indicators()[0])
    assert r"author = {{A input x \& B\_1\%}}" in found.replace("inputx", "input x")
    assert found.count("{") == found.count("}")


def test_every_file_has_a_media_type(site: Files) -> None:
    assert [p for p in site if media_type(p) == "application/octet-stream"] == []


def test_all_text_of_all_files_is_text(site: Files) -> None:
    assert sum(1 for _ in all_texts(site)) > len(site)


def test_a_release_of_another_version_is_refused_by_its_name(tmp_path: Path) -> None:
    folder = write_release(tmp_path, something_new=1)
    with pytest.raises(CaudalError) as refused:
        read_release(folder)
    assert refused.value.problems[0].code == "publish-unreadable"
    (folder / MANIFEST).write_text(json.dumps({"caudal": "9.1"}), encoding="utf-8")
    with pytest.raises(CaudalError, match=r"9\.1") as refused:
        read_release(folder)
    assert refused.value.problems[0].code == "publish-other-version"


def test_a_damaged_release_is_refused(tmp_path: Path) -> None:
    folder = write_release(tmp_path)
    table = (folder / "observations.parquet").read_bytes()
    for damaged in (table[: len(table) // 2], b"", b"\x00" * len(table)):
        (folder / "observations.parquet").write_bytes(damaged)
        with pytest.raises(CaudalError) as refused:
            read_release(folder)
        assert refused.value.problems[0].code == "publish-unreadable"


@given(st.text())
def test_any_code_survives_as_an_identifier(raw: str) -> None:
    assert re.fullmatch(r"[A-Za-z0-9_@$-]*", code_id(raw)) and code_of(code_id(raw)) == raw


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_any_number_is_read_as_it_was_written(value: float) -> None:
    assert float(number_text(value)) == value


def test_the_fixture_is_left_as_it_was() -> None:
    assert len(STRUCTURE["code_lists"]["CL_COUNTRY"]) == 8
