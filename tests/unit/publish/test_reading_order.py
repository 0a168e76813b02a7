"""What a reader meets first, and how a difference, a part of a year and one country among many are told."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from caudal.publish import overview
from caudal.publish.comparison import sides
from caudal.publish.countries import comparisons, sentence
from caudal.publish.indicator import lead, sections, subject
from caudal.publish.release import PARTIAL, latest, read_release
from caudal.publish.site import site_files
from caudal.publish.voice import Voice, voice_of
from tests.unit.publish.fixture import cell, write_release
from tests.unit.publish.test_countries import of, region

STOCK, RATE, PERMITS = "foreign_born", "unemployment_rate", "residence_permits"
PART: dict[str, Any] = {"error_note": PARTIAL}


def voice(folder: Path, *rows: dict[str, object], tag: str = "en") -> Voice:
    return voice_of(read_release(write_release(folder, list(rows), truth=[])), tag)


def test_a_part_of_a_year_leads_neither_the_page_nor_the_headline(tmp_path: Path) -> None:
    about = voice(
        tmp_path,
        cell(PERMITS, 810.0, time_period="2019", source_code="register"),
        cell(PERMITS, 5.0, time_period="2020", source_code="register", **PART),
    )
    spec = about.release.indicators[PERMITS]
    headline = lead(about, spec)
    assert headline is not None and headline.value == 810.0
    (only,) = sections(about, spec)
    assert only.time == "2019" and only.earlier == (("2020", "2020"),)
    cells = about.release.cells_of[PERMITS]
    assert {about.release.page_of(c) for c in cells} == {
        f"indicator/{PERMITS}.html", f"indicator/{PERMITS}.2020.html"
    }  # fmt: skip


def test_where_all_is_a_part_the_last_part_is_shown(tmp_path: Path) -> None:
    about = voice(tmp_path, cell(PERMITS, 5.0, time_period="2020", source_code="register", **PART))
    assert latest(about.release.cells) == "2020"


def test_sources_are_compared_in_a_period_that_both_have(tmp_path: Path) -> None:
    rows = [
        cell(STOCK, v, 9.0, time_period=t) for t, v in (("2018", 100.0), ("2019", 110.0), ("2023", 300.0))
    ]
    other = [cell(STOCK, v, source_code="un", time_period=t) for t, v in (("2018", 90.0), ("2019", 95.0))]
    part = cell(STOCK, 2.0, source_code="un", time_period="2023", **PART)
    about = voice(tmp_path, *rows, *other, part)
    (side,) = sides(about, [about.release.indicators[STOCK]])
    assert [(e.source, e.time, e.shown.value) for e in side.entries] == [
        ("survey", "2019", "110"), ("un", "2019", "95")
    ]  # fmt: skip


def test_sources_without_a_common_period_give_their_last(tmp_path: Path) -> None:
    about = voice(tmp_path, cell(STOCK, 100.0, 9.0), cell(STOCK, 95.0, source_code="un", time_period="2024"))
    (side,) = sides(about, [about.release.indicators[STOCK]])
    assert [e.time for e in side.entries] == ["second quarter of 2026", "2024"]


@pytest.mark.parametrize(
    ("value", "se", "told"),
    [
        (-2.3, 1.3, "lower than for “Native-born” (95% interval: 4.8 lower to 0.2\u00a0pp higher)"),
        (5.0, 1.0, "higher than for “Native-born” (95% interval: 3.0 to 7.0\u00a0pp higher)"),
        (-5.0, 1.0, "lower than for “Native-born” (95% interval: 3.0 to 7.0\u00a0pp lower)"),
    ],
)  # fmt: skip
def test_the_limits_of_a_difference_are_told_as_higher_and_lower(
    tmp_path: Path, value: float, se: float, told: str
) -> None:
    about = voice(tmp_path, cell(RATE, 9.7, 0.4), cell(f"{RATE}_gap", value, se))
    (section,) = sections(about, about.release.indicators[RATE])
    assert section.gap is not None and told in section.gap.sentence


def test_what_only_one_of_many_countries_has_is_told_about_it(tmp_path: Path) -> None:
    rows = [of("AR", RATE, 9.5, 0.4), of("AR-N", RATE, 11.0, 0.4), of("AR", RATE, 9.0, 0.6, sex_code="F")]
    others = [of(a, STOCK, 40.0, source_code="un") for a in ("AR", "BO")]
    release = read_release(region(tmp_path, [*rows, *others]))
    about = voice_of(release, "en")
    assert subject(about, RATE).country == "AR" and subject(about, STOCK).country == ""
    page = site_files(release)[f"en/indicator/{RATE}.html"].decode()
    assert "<h1>Unemployment rate, AR</h1>" in page and "<strong>9.5%</strong>" in page


def test_home_tells_first_what_several_countries_have(tmp_path: Path) -> None:
    rows = [of("AR", RATE, 9.5, 0.4), *(of(a, STOCK, 40.0, source_code="un") for a in ("AR", "BO"))]
    about = voice_of(read_release(region(tmp_path, rows)), "en")
    found = overview.cards(about)
    assert next(iter(found)) == "stocks" and list(found)[-1] == "labour"
    assert [c.country for c in found["labour"]] == ["AR"]


def test_a_region_has_a_sentence_for_the_press(tmp_path: Path) -> None:
    values = {"AR": 4100.0, "BO": 3300.0, "PY": 120.0}
    rows = [of(a, STOCK, v, source_code="un", time_period="2024") for a, v in values.items()]
    deep = of("AR", STOCK, 50.0, source_code="un", time_period="2024", sex_code="F")
    deep_too = of("BO", STOCK, 50.0, source_code="un", time_period="2024", sex_code="F")
    release = read_release(region(tmp_path, [*rows, deep, deep_too]))
    about = voice_of(release, "en")
    spec = about.release.indicators[STOCK]
    told = sentence(about, spec, comparisons(about, spec))
    assert "2024: of the 3 countries or territories with a figure, AR has the highest (4,100)" in told
    assert "PY the lowest (120). Source: United Nations, migrant stock." in told
    page = site_files(release)[f"en/indicator/{STOCK}.html"].decode()
    assert page.count(told) >= 2, "above the map and for the press"
    picker = re.search(r'<nav aria-labelledby="pick-country".*?</nav>', page, re.S)
    assert picker is not None and f'href="{STOCK}/BO.html"' in picker[0]


def test_a_release_of_one_country_is_told_as_a_whole(tmp_path: Path) -> None:
    about = voice(tmp_path, cell(RATE, 9.7, 0.4))
    assert subject(about, RATE) is about
    (own,) = overview.cards(about)["labour"]
    assert own.country == "" and replace(own).headline == own.headline
