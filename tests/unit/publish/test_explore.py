"""The words for cross-tabulation, the index of everything, and the glossary."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from caudal.catalogue.glossary import glossary
from caudal.publish.explore import entries, terms, vocabulary
from caudal.publish.release import read_release
from caudal.publish.voice import Voice, voice_of
from tests.unit.publish.fixture import write_release

LANGUAGES = ("es", "pt", "en")


@pytest.fixture(scope="module")
def spanish(tmp_path_factory: pytest.TempPathFactory) -> Voice:
    return voice_of(read_release(write_release(tmp_path_factory.mktemp("release") / "r")), "es")


def test_every_code_that_a_cell_has_is_named(spanish: Voice) -> None:
    words = json.loads(vocabulary(spanish))
    for cell in spanish.release.cells:
        assert cell.indicator in words["indicators"]
        for dimension, code in cell.categories:
            assert words["dimensions"][dimension]["codes"][code]
        assert words["dimensions"]["time_period"]["codes"][cell.time] == spanish.when(cell.time)
        assert words["dimensions"]["source"]["codes"][cell.source] == spanish.source(cell.source)


def test_a_gap_is_read_from_the_file_of_its_indicator(spanish: Voice) -> None:
    indicators = json.loads(vocabulary(spanish))["indicators"]
    gaps = {n: i for n, i in indicators.items() if n.endswith("_gap")}
    assert gaps and all(i["file"] == n.removesuffix("_gap") for n, i in gaps.items())


def test_the_index_leads_to_pages_that_are_there(spanish: Voice, tmp_path: Path) -> None:
    from caudal.publish import build_site

    build_site(write_release(tmp_path / "r"), tmp_path / "site")
    found = entries(spanish)
    assert {e.link.partition("/")[0] for e in found} >= {"indicator", "source"}
    for entry in found:
        page, _, part = entry.link.partition("#")
        text = (tmp_path / "site" / "es" / page).read_text(encoding="utf-8")
        assert f'id="{part}"' in text if part else "<h1" in text


def test_an_indicator_is_found_by_the_names_of_its_groups(spanish: Voice) -> None:
    found = {e.link: e for e in entries(spanish)}
    stock = found["indicator/foreign_born.html"]
    assert "Venezuela" in stock.also and "Mujeres" in stock.also and "Venezuela" not in stock.words


@pytest.mark.parametrize("tag", LANGUAGES)
def test_words_that_mean_the_same_stand_together(tag: str, spanish: Voice) -> None:
    groups = {k: v.split() for k, v in voice_of(spanish.release, tag).words.lists["search"].items()}
    asked = {"es": "venezolanos", "pt": "venezuelanos", "en": "Venezuelans"}[tag]
    assert asked in groups["venezuela"] and "Venezuela" in groups["venezuela"]
    assert all(len(own) > 1 and len(set(own)) == len(own) for own in groups.values())


def test_words_are_defined_in_every_language_and_say_whose_they_are(spanish: Voice) -> None:
    names = {t.term for t in glossary()}
    for term in glossary():
        assert set(term.name) == set(term.text) == set(LANGUAGES), term.term
        assert term.confused_with and set(term.confused_with) <= names - {term.term}, term.term
        assert term.source or not term.checked, term.term
    assert [t.term for t, *_ in terms(spanish)] != [t.term for t in glossary()], "by name in the language"
