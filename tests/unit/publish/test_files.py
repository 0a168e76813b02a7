"""Files: what they hold, and what no withheld cell and no formula may bring into them."""

from __future__ import annotations

import csv
import io
import json
import zipfile
from collections.abc import Mapping
from pathlib import Path

import pytest

from caudal.publish.files import guarded, release_files, write_files
from caudal.publish.release import read_release
from tests.unit.publish.fixture import cell, observations, write_release


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    return release_files(read_release(write_release(tmp_path_factory.mktemp("release"))))


def all_cells(files: Mapping[str, bytes]) -> list[dict[str, str]]:
    """The rows of all cells."""
    with zipfile.ZipFile(io.BytesIO(files["data/observations.zip"])) as packed:
        return rows(packed.read("observations.csv"))


def rows(data: bytes) -> list[dict[str, str]]:
    """A CSV as its readers see it."""
    return list(csv.DictReader(io.StringIO(data.decode())))


def test_every_cell_is_in_the_file_of_all_with_its_value_exactly(files: dict[str, bytes]) -> None:
    found = all_cells(files)
    assert len(found) == len(observations())
    values = {r["address"]: r["value"] for r in found}
    assert float(values["unemployment_rate/XI/2026-Q2/all/survey@2026-11"]) == 9.71


def test_a_withheld_cell_has_its_key_and_one_flag(files: dict[str, bytes]) -> None:
    measured = (
        "value",
        "sampling_se",
        "lower",
        "upper",
        "interval_type",
        "method_code",
        "reliability",
        "unit_code",
    )
    tables = [rows(files[f"data/{name}.csv"]) for name in ("foreign_born", "unemployment_rate")]
    for table in (*tables, all_cells(files)):
        withheld = [r for r in table if r["obs_status_code"] == "Q"]
        assert withheld
        assert all(r[n] == "" for r in withheld for n in measured)
        assert not any("suppress" in r.values() or "C" in r.values() for r in withheld)
    assert sum(r["obs_status_code"] == "Q" for r in all_cells(files)) == 4


def test_no_file_holds_a_count_of_records(files: dict[str, bytes], tmp_path: Path) -> None:
    with_counts = [
        r | {"sample_n": 731934, "cases_n": 73193, "psu_n": 4711, "df": 4699.0} for r in observations()
    ]
    made = release_files(read_release(write_release(tmp_path, with_counts)))
    assert made == files


def test_every_code_of_every_column_has_its_words_in_every_language(files: dict[str, bytes]) -> None:
    known = {(r["column"], r["code"]): r for r in rows(files["data/codes.csv"])}
    women = known["sex_code", "F"]
    assert (women["es"], women["pt"], women["en"]) == ("Mujeres", "Mulheres", "Women")
    assert known["source_code", "un"]["pt"] == "Nações Unidas, população migrante"
    assert known["unit_code", "PT"]["en"] == "Percent"
    found = rows(files["data/unemployment_rate.csv"])
    coded = [h for h in found[0] if h.endswith("_code") and h != "concept_vector_code"]
    assert len(coded) >= 10
    for row in (*found, *all_cells(files)):
        assert all((h, row[h]) in known for h in (*coded, "reliability") if row[h])
        assert all(("error_note", n) in known for n in row["error_note"].split("; ") if n)
    assert {r["indicator_code"] for r in found} == {"unemployment_rate", "unemployment_rate_gap"}


def test_a_label_that_is_a_formula_is_led_by_an_apostrophe(files: dict[str, bytes]) -> None:
    labels = {r["es"] for r in rows(files["data/codes.csv"])}
    assert '\'=HYPERLINK("x")' in labels
    assert not any(x.startswith("=") for x in labels)


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@SUM(A1)", "＝1+1", "  =1+1"])
def test_texts_that_a_spreadsheet_would_run_are_guarded(text: str) -> None:
    assert guarded(text) == "'" + text


@pytest.mark.parametrize("end", ["\t", "\r", "\n", "\r\n"])
def test_no_text_begins_a_row_or_a_field_of_its_own(end: str) -> None:
    """A bare carriage return ends a row for many programs, within quotes or without."""
    assert guarded(f"Perú{end}=1+1") == "Perú =1+1"
    assert guarded(f"{end}=1+1") == "' =1+1"


def test_negative_numbers_stay_numbers(files: dict[str, bytes]) -> None:
    gap = next(
        r
        for r in rows(files["data/unemployment_rate.csv"])
        if r["indicator_code"].endswith("_gap") and r["sex_code"] == "M"
    )
    assert float(gap["lower"]) < 0


def test_the_metadata_of_an_indicator_names_sources_vectors_and_files(files: dict[str, bytes]) -> None:
    found = json.loads(files["data/foreign_born.json"])
    assert set(found["sources"]) == {"survey", "register", "un"}
    assert found["concept_vectors"]["register"] == [
        {"basis": "citizenship", "measure": "stock", "stay": "permit"}
    ]
    assert set(found["files"]) == {"data/foreign_born.csv"}
    assert found["indicator"]["text"]["name"]["pt"] == "Pessoas nascidas no exterior"


def test_quality_tells_totals_of_sources(files: dict[str, bytes]) -> None:
    found = json.loads(files["data/quality.json"])
    survey = next(s for s in found["sources"] if s["source"] == "survey")
    r = survey["reconciliation"]
    assert r["rows_in"] == r["records"] + r["quarantined"]


def test_an_error_of_zero_is_no_error(tmp_path: Path) -> None:
    full_count = cell("foreign_born", 100.0) | {"sampling_se": 0.0, "lower": 100.0, "upper": 100.0}
    found = all_cells(release_files(read_release(write_release(tmp_path, [full_count]))))
    assert [found[0][n] for n in ("sampling_se", "lower", "upper")] == ["", "", ""]


def test_files_are_written_where_they_are_named(tmp_path: Path) -> None:
    written = write_files(write_release(tmp_path / "release"), tmp_path / "out")
    assert all((tmp_path / "out" / p).is_file() for p in written)
    assert Path("data/observations.zip") in written


def test_every_vector_that_a_row_names_is_told_in_every_language(files: dict[str, bytes]) -> None:
    concepts = {r["concept_vector_code"]: r for r in rows(files["data/concepts.csv"])}
    for table in (all_cells(files), rows(files["data/foreign_born.csv"])):
        assert {r["concept_vector_code"] for r in table} <= concepts.keys()
    vectors = {r["concept_vector"]: r for r in concepts.values()}
    assert vectors["basis=birth;measure=stock;stay=12m"]["pt"] == (
        "Critério: país de nascimento; Medida: residentes em uma data; Duração da estada: doze meses ou mais"
    )
