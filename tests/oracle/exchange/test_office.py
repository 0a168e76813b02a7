"""A free office suite opens the tables: numbers are numbers in a Spanish locale, documents keep words."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import openpyxl
import pytest

from caudal.publish.release import Release, read_release
from caudal.publish.site import site_files
from tests.unit.publish.fixture import write_release

pytestmark = [pytest.mark.long, pytest.mark.filterwarnings("ignore")]
#: Semicolons, double quotes, UTF-8, from the first line, no formats, Spanish of Spain, numbers recognised.
SPANISH = "CSV:59,34,76,1,,3082,false,true"


@pytest.fixture(scope="module")
def release(tmp_path_factory: pytest.TempPathFactory) -> Release:
    return read_release(write_release(tmp_path_factory.mktemp("release")))


def converted(data: bytes, name: str, end: str, folder: Path, *options: str) -> Path:
    office = shutil.which("soffice")
    if office is None:
        pytest.skip("LibreOffice is not installed")
    (folder / name).write_bytes(data)
    profile = f"-env:UserInstallation=file://{folder}/profile"
    run = [office, profile, "--headless", *options, "--convert-to", end, "--outdir", str(folder / "made")]
    subprocess.run([*run, str(folder / name)], check=True, capture_output=True, timeout=300)
    return folder / "made" / f"{name.rpartition('.')[0]}.{end.partition(':')[0]}"


def test_a_spanish_spreadsheet_reads_every_figure_as_a_number(release: Release, tmp_path: Path) -> None:
    site = site_files(release)
    expected = [c.value for c in release.cells if c.indicator.startswith("unemployment_rate")]
    csv = site["es/data/unemployment_rate.excel.csv"]
    made = converted(csv, "rate.csv", "xlsx", tmp_path, f"--infilter={SPANISH}")
    sheet = openpyxl.load_workbook(made).active
    heads, *rows = sheet.iter_rows(values_only=True)
    figures = [r[heads.index("Valor")] for r in rows]
    assert figures == [pytest.approx(v) if v is not None else None for v in expected]
    assert {type(f) for f in figures if f is not None} <= {int, float}


def test_a_workbook_survives_another_program(release: Release, tmp_path: Path) -> None:
    data = site_files(release)["es/data/foreign_born.xlsx"]
    sheet = openpyxl.load_workbook(converted(data, "born.xlsx", "xlsx", tmp_path)).worksheets[0]
    heads, *rows = sheet.iter_rows(values_only=True)
    figures = [r[heads.index("Valor")] for r in rows]
    own = [c.value for c in release.cells if c.indicator == "foreign_born"]
    assert figures == [pytest.approx(v) if v is not None else None for v in own]
    assert '=HYPERLINK("x")' in {v for r in rows for v in r}


def test_a_document_keeps_its_words_and_figures(release: Release, tmp_path: Path) -> None:
    data = site_files(release)["es/data/unemployment_rate.docx"]
    made = converted(data, "rate.docx", "txt:Text (encoded):UTF8", tmp_path)
    text = made.read_text(encoding="utf-8-sig")
    assert "Tasa de desocupación: " in text and "9,7" in text.replace("\u00a0", " ")
    assert "no se muestra" in text
