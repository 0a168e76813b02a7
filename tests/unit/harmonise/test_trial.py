"""A check judges the rows of a file as a build would, and says in the reader's language what is held back."""

from __future__ import annotations

from pathlib import Path

import pyarrow.parquet as pq
import pytest

from caudal.cli import main
from caudal.harmonise import trial
from caudal.harmonise.held import HeldRows, first_rows, reason_words
from tests.raw_country import PERSONS, MadeCountry
from tests.support.small_country import replace_in, write_country


def checked(folder: Path, capsys: pytest.CaptureFixture[str], language: str = "es") -> tuple[int, str]:
    code = main(["check", str(folder), "--language", language])
    told = capsys.readouterr()
    return code, told.out + told.err


def test_a_mapping_that_does_not_fit_its_file_fails_the_check(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = write_country(tmp_path / "c")
    assert checked(folder, capsys)[0] == 0
    replace_in(folder / "sources" / "survey.yaml", "age_years: {from: age}", "age_years: {from: w}")
    replace_in(folder / "data" / "survey_2024Q1.csv", "P0;100;", "P0;-100;")
    replace_in(folder / "data" / "survey_2024Q1.csv", "P1;101;", "P1;500;")
    for k in (8, 15, 22, 29, 36, 43, 50):
        w = 100 + k % 7
        replace_in(folder / "data" / "survey_2024Q1.csv", f"P{k};{w};", f"P{k};5{w};")
    code, told = checked(folder, capsys)
    assert code == 5
    assert "[too-many-quarantined]" in told and "survey.yaml:" in told
    assert "Una edad que nadie tiene: 9 (survey_2024Q1.csv, filas 1, 2, 9…; columna w)" in told
    assert "2,5 %" in told and "age-out-of-range" not in told
    told_pt = checked(folder, capsys, "pt")[1]
    assert "linhas 1, 2, 9…; coluna w" in told_pt


def test_a_key_that_does_not_identify_fails_the_check(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = write_country(tmp_path / "c")
    replace_in(folder / "sources" / "survey.yaml", "person_key: {from: id}", "person_key: {from: h}")
    code, told = checked(folder, capsys)
    assert code == 5
    assert "El mismo registro está dos veces: 354 (survey_2024Q1.csv, filas 2, 3, 4…; columna h)" in told


def test_values_that_no_rule_names_are_told_with_the_line_of_the_spec(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = write_country(tmp_path / "c")
    replace_in(folder / "sources" / "survey.yaml", "recode: {1: M, 2: F}", "recode: {1: M}")
    code, told = checked(folder, capsys)
    assert code == 5
    assert "sex_code" in told and "2 (180)" in told and "survey.yaml:" in told


def test_a_long_file_is_judged_by_a_sample_and_says_so(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(trial, "SAMPLE_ROWS", 60)
    monkeypatch.setattr(trial, "BLOCKS", 3)
    folder = write_country(tmp_path / "c")
    code, told = checked(folder, capsys)
    assert code == 0 and "Filas probadas: 64 de 364" in told


def test_a_sample_above_the_threshold_is_held_against_the_whole_file(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two bad rows of sixty are too many; of the three hundred and sixty they stand for they are not."""
    monkeypatch.setattr(trial, "SAMPLE_ROWS", 60)
    monkeypatch.setattr(trial, "BLOCKS", 3)
    folder = write_country(tmp_path / "c")
    for k in (0, 1):
        replace_in(folder / "data" / "survey_2024Q1.csv", f"\nP{k};10", f"\nP{k};-10")
    code, told = checked(folder, capsys)
    assert code == 0 and "Filas probadas: 364 de 364; irían a cuarentena 2" in told


def test_the_first_rows_of_each_reason(tmp_path: Path) -> None:
    spec = PERSONS + "duplicates: keep_none\n"
    country = MadeCountry(tmp_path, spec, {"persons.csv": "id,sex\n1,1\n1,2\n2,1,9\n3,2\n"})
    assert first_rows(pq.read_table(country.harmonise().quarantine)) == {
        "duplicate-key": (1, 2),
        "fields-differ-from-header:3-of-2": (3,),
    }


def test_reasons_in_words() -> None:
    assert reason_words("no-match:homes", "es") == "Sin correspondencia en la tabla homes"
    assert reason_words("own", "pt", {"es": "Motivo propio"}) == "Motivo propio"
    assert HeldRows("negative-weight", 1, "a.csv", (7,), ("w",)).text("en") == (
        "A negative weight: 1 (a.csv, row 7; column w)"
    )


def test_a_check_names_what_is_not_there_and_how_to_get_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = write_country(tmp_path / "c")
    (folder / "data" / "permits_2024Q1.csv").unlink()
    (folder / "sources" / "neighbour.yaml").write_text(RELEASE, encoding="utf-8")
    code, told = checked(folder, capsys)
    assert code == 0
    assert "falta permits: permits_2024Q1.csv (origen: https://agency.example/permits)" in told
    assert f"hágala antes con `caudal build {tmp_path / 'neighbour'}`" in told


def test_a_text_file_that_was_cut_off_is_noticed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = write_country(tmp_path / "c")
    survey = folder / "data" / "survey_2024Q1.csv"
    survey.write_text(survey.read_text()[:3001])
    code, told = checked(folder, capsys)
    assert code == 0 and "quizá el archivo llegó cortado" in told and "[file-ends-early]" in told


def test_repeated_rows_at_the_end_are_no_footer(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = write_country(tmp_path / "c")
    survey = folder / "data" / "survey_2024Q1.csv"
    survey.write_text(survey.read_text() + "".join(survey.read_text().splitlines(keepends=True)[1:90]))
    code, told = checked(folder, capsys)
    assert code == 5 and "dos veces: 89" in told and "footer" not in told


def test_a_column_that_is_gone_and_near_none_still_says_what_to_do(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = write_country(tmp_path / "c")
    replace_in(folder / "data" / "survey_2024Q1.csv", ";age;", ";edad;")
    code, told = checked(folder, capsys)
    assert code == 4 and "La columna «age» no está" in told and "agregue una variante con `rename`" in told


def test_a_day_that_no_calendar_has(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = write_country(tmp_path / "c")
    path = folder / "sources" / "survey.yaml"
    replace_in(path, "file: survey_2024Q1.csv}", "file: survey_2024Q1.csv, received: 2024-02-31}")
    code, told = checked(folder, capsys)
    assert code == 3 and "El día 2024-02-31 no existe" in told and "survey.yaml:23" in told


RELEASE = """\
source: neighbour
title: {es: Vecino, pt: Vizinho, en: Neighbour}
producer: Office
origin: the neighbour's office
licence: CC-BY-4.0
kind: observation
concept: {}
data: ..
tables:
  release: {format: {type: release}}
deliveries:
  - {period: 2024, file: neighbour/releases}
"""
