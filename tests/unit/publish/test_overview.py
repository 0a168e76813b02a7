"""The home page says what a figure of a region rests on, and does not call the lowest of many a finding."""

from __future__ import annotations

from pathlib import Path

from caudal.publish import overview
from caudal.publish.indicator import sections
from caudal.publish.release import read_release
from caudal.publish.voice import Voice, voice_of
from tests.unit.publish.fixture import CODE_LISTS, STRUCTURE, cell, code, write_release

STOCK = "foreign_born"
AREAS = [code("019", "Américas", "Américas", "Americas"), *CODE_LISTS["CL_COUNTRY"]]


def region(folder: Path, values: dict[str, float | None], tag: str = "en") -> Voice:
    rows = [cell(STOCK, v, reporter_code=a, reference_area_code=a) for a, v in values.items()]
    lists = CODE_LISTS | {"CL_AREA": AREAS}
    path = write_release(folder, rows, territory="019", truth=[], code_lists=lists)
    return voice_of(read_release(path), tag)


def card(voice: Voice) -> overview.Card:
    return overview.cards(voice)["stocks"][0]


def test_a_figure_of_a_region_says_how_many_countries_have_one(tmp_path: Path) -> None:
    voice = region(tmp_path, {"019": 100.0, "AR": 40.0, "BO": 60.0, "CO": None})
    assert card(voice).coverage == "2 countries or territories have a figure of their own."


def test_a_figure_of_a_country_says_nothing_of_countries(tmp_path: Path) -> None:
    path = write_release(tmp_path)
    assert card(voice_of(read_release(path), "en")).coverage == ""


def test_the_lowest_of_many_countries_is_not_told_on_home(tmp_path: Path) -> None:
    voice = region(tmp_path, {"AR": 40.0, "BO": 0.0, "CO": 0.0, "PE": 7.0})
    assert card(voice).parts_only
    assert card(voice).instead.endswith("4 with a figure. Highest: Argentina, 40.")


def test_a_name_takes_its_article(tmp_path: Path) -> None:
    for tag, place in (("es", "en las Américas"), ("pt", "nas Américas"), ("en", "in the Americas")):
        voice = region(tmp_path / tag, {"019": 100.0, "AR": 40.0}, tag)
        assert voice.area_in() == place
        assert voice.area_in("BO").endswith(voice.area_name("BO"))


def test_the_source_of_the_headline_comes_first_on_the_page(tmp_path: Path) -> None:
    """The reader meets the sentence's figure again, not that of another source."""
    folder = write_release(tmp_path, sources=list(reversed(STRUCTURE["sources"])))
    voice = voice_of(read_release(folder), "es")
    assert next(iter(voice.release.source_order)) != "survey"
    found = sections(voice, voice.release.indicators["foreign_born"])
    assert [s.ident for s in found] == ["survey", "un", "register"]


def test_groups_are_named_by_what_sets_them_apart_and_not_by_the_country_that_they_share(
    tmp_path: Path,
) -> None:
    country = {"reporter_code": "AR", "reference_area_code": "AR"}
    groups = (("_T", 9.7), ("FB", 12.3), ("NB", 9.5))
    rows = [cell("unemployment_rate", v, 0.4, migratory_status_code=s, **country) for s, v in groups]
    lists = CODE_LISTS | {"CL_AREA": AREAS}
    folder = write_release(tmp_path, rows, territory="019", truth=[], code_lists=lists)
    found = overview.cards(voice_of(read_release(folder), "en"))["labour"][0]
    assert [g.labels for g in found.groups] == [("Foreign-born",), ("Native-born",)]
    assert [g.value for g in found.groups] == ["12.3%", "9.5%"] and len(found.strips) == 2
