"""Light pages for other sites: each selection of a page under its address, one of them shown."""

from __future__ import annotations

import gzip
import re
from collections.abc import Iterator
from html import unescape
from pathlib import Path
from posixpath import normpath
from urllib.parse import unquote

import pytest

from caudal.model.release import Signatory
from caudal.publish.release import read_release
from caudal.publish.site import site_files
from tests.unit.publish.fixture import cell, write_release
from tests.unit.publish.test_countries import region

RATE = "unemployment_rate"
#: What the light page of an indicator may weigh, compressed, with all its selections.
LIMIT = 12_000


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, bytes]]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("caudal.publish.sheets.find_spec", lambda name: None)
        yield site_files(read_release(write_release(tmp_path_factory.mktemp("release"))))


def articles(page: str) -> dict[str, str]:
    """The selections of a light page by address."""
    return {unescape(i): body for i, body in re.findall(r'<article id="([^"]+)"(.*?)</article>', page, re.S)}


def light(site: dict[str, bytes]) -> dict[str, str]:
    return {p: d.decode() for p, d in site.items() if "/embed/" in p}


def test_every_indicator_with_figures_has_a_light_page_in_every_language(site: dict[str, bytes]) -> None:
    names = ("foreign_born", RATE, "residence_permits")
    assert set(light(site)) == {f"{t}/embed/{n}.html" for t in ("es", "pt", "en") for n in names}


def test_every_choice_of_the_picker_with_a_chart_can_be_embedded(site: dict[str, bytes]) -> None:
    page = site[f"en/indicator/{RATE}.html"].decode()
    picker = re.search(r'<nav aria-labelledby="picker".*?</nav>', page, re.S)
    assert picker is not None
    offered = {unquote(a) for a in re.findall(r'href="#([^"]+)"', picker[0])} - {
        "definition", "revisions", "get"
    }  # fmt: skip
    found = articles(site[f"en/embed/{RATE}.html"].decode())
    assert offered <= set(found) and "survey.sex" in offered and "survey.gap" in offered


def test_what_is_shown_without_an_address_stands_last_with_the_headline(site: dict[str, bytes]) -> None:
    page = site[f"en/embed/{RATE}.html"].decode()
    bodies = list(articles(page).items())
    assert (
        [i for i, body in bodies if body.startswith(' class="first"')] == ["survey.time"] == [bodies[-1][0]]
    )
    assert "<strong>9.7%</strong>" in bodies[-1][1]
    assert ".embed article{display:none}" in page and "article:target~.first{display:none}" in page


def test_a_light_page_is_light_has_no_script_and_leads_back_to_the_selection(site: dict[str, bytes]) -> None:
    for path, page in light(site).items():
        assert len(gzip.compress(page.encode())) < LIMIT and "<script" not in page
        for ident, body in articles(page).items():
            link = re.search(r'<a href="([^"]+)" target="_top">', body)
            assert link is not None and "<h2>" in body
            target, _, anchor = unescape(link[1]).partition("#")
            there = site[normpath(f"{path}/../{target}")].decode()
            assert unquote(anchor) == ident and f'id="{ident}"' in there
            assert "<svg" not in body or "<figcaption>" in body


def test_no_cell_has_its_address_on_a_light_page(site: dict[str, bytes]) -> None:
    for page in light(site).values():
        assert not re.search(r'\sid="[^"]*@', page)


def test_a_light_page_says_draft_until_it_is_signed_and_then_by_whom(tmp_path: Path) -> None:
    release = read_release(write_release(tmp_path))
    who = Signatory(name="Ana Ríos", role="Directora", date="2026-11-22", public_key="00")
    draft = site_files(release)[f"es/embed/{RATE}.html"].decode()
    final = site_files(release, who)[f"es/embed/{RATE}.html"].decode()
    assert "BORRADOR" in draft and 'class="draft"' in draft
    assert "BORRADOR" not in final and "Ana Ríos" in final


def test_a_hidden_figure_is_hidden_here_too(tmp_path: Path) -> None:
    rows = [cell(RATE, 9.7, 0.4), cell(RATE, None, sex_code="F"), cell(RATE, 8.0, 0.4, sex_code="M")]
    page = site_files(read_release(write_release(tmp_path, rows)))[f"en/embed/{RATE}.html"].decode()
    assert "not shown" in articles(page)["survey.sex"]


def test_the_code_names_the_light_page_and_is_left_out_where_there_is_none(tmp_path: Path) -> None:
    shown = site_files(read_release(write_release(tmp_path / "a")))[f"es/indicator/{RATE}.html"].decode()
    assert f"https://SITE/es/embed/{RATE}.html" in unescape(shown)
    hidden = site_files(read_release(write_release(tmp_path / "b", [cell(RATE, None)])))
    assert f"es/embed/{RATE}.html" not in hidden
    assert "&lt;iframe" not in hidden[f"es/indicator/{RATE}.html"].decode()


def test_countries_side_by_side_and_each_country_can_be_embedded(tmp_path: Path) -> None:
    found = light(site_files(read_release(region(tmp_path))))
    assert "countries-1" in articles(found["en/embed/foreign_born.html"])
    assert "survey.birth_country" in articles(found["en/embed/foreign_born/AR.html"])


def test_a_phone_keeps_no_light_pages(site: dict[str, bytes]) -> None:
    assert b"/embed/" not in site["offline.json"] and b"/indicator/" in site["offline.json"]
