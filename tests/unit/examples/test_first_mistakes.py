"""Mistakes that somebody makes who copies the demo country: each is told before anything is computed."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from caudal.errors import CaudalError
from caudal.river.folder import read_folder

ISTMO = Path(__file__).resolve().parents[3] / "examples" / "istmo"


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """The demo country, without its data."""
    ignored = shutil.ignore_patterns("data", "releases", ".caudal")
    return Path(shutil.copytree(ISTMO, tmp_path / "pais", ignore=ignored))


def changed(file: Path, old: str, new: str) -> None:
    text = file.read_text(encoding="utf-8")
    assert text.count(old) == 1
    file.write_text(text.replace(old, new), encoding="utf-8")


def mistakes(folder: Path) -> list[str]:
    with pytest.raises(CaudalError) as caught:
        read_folder(folder)
    return [p.text("en") for p in caught.value.problems]


def test_the_folder_itself_has_none(copy: Path) -> None:
    assert len(read_folder(copy).sources) == 5


@pytest.mark.parametrize(
    ("file", "old", "new", "place", "said"),
    [
        ("caudal.yaml", "territory: XI", "territory: XJ", "caudal.yaml:6", '"XJ"'),
        ("codes/countries.csv", "201,VE,", "201,VEN,", "countries.csv:3", '"VEN"'),
        ("sources/survey.yaml", "  sex_code:", "  sexo_code:", "survey.yaml:", '"sex_code"'),
        ("sources/survey.yaml", "source_type: survey", "source_type: surveys", "survey.yaml:14", '"survey"'),
        ("sources/census.yaml", "from: estado_civil, crosswalk: civil_status.csv",
         "from: estado_civil, crosswalk: civil.csv", "census.yaml:", '"civil_status.csv"'),
        ("sources/register.yaml", "duplicates: keep_last", "duplicate: keep_last", "register.yaml:",
         '"duplicates"'),
        ("sources/permits.yaml", "valid_to: 2022-Q4", "valid_to: 2023-Q1", "permits.yaml:", "2023-Q1"),
    ],
)  # fmt: skip
def test_a_mistake_is_told_with_its_place(
    copy: Path, file: str, old: str, new: str, place: str, said: str
) -> None:
    changed(copy / file, old, new)
    told = mistakes(copy)
    assert all(place in text and said in text for text in told), told
