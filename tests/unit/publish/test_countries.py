"""In a release about many countries each has a page of each indicator: every cell lies there, at its address,
every link leads there, and no page grows with breakdowns times countries."""

from __future__ import annotations

import gzip
import json
import re
from collections import Counter
from collections.abc import Iterator
from html import unescape
from itertools import pairwise
from pathlib import Path
from posixpath import normpath
from typing import Any
from urllib.parse import unquote

import pytest

from caudal.publish.countries import comparisons, headlines
from caudal.publish.kept import read_last
from caudal.publish.release import Release, read_release
from caudal.publish.site import site_files, write_site
from caudal.publish.voice import voice_of
from tests.unit.publish.fixture import CITIZENSHIP, cell, text, write_release
from tests.unit.publish.test_matrices import readiness, score

STOCK, RATE = "foreign_born", "unemployment_rate"
#: What a page may weigh with its style sheet, compressed.
LIMIT = 60_000


def of(area: str, name: str, value: float | None, se: float | None = None, **more: Any) -> dict[str, Any]:
    """A cell of a country, or of a part of one."""
    return cell(name, value, se, reporter_code=area[:2], reference_area_code=area, **more)


def observations(births: tuple[str, ...] = ("CO", "PE")) -> list[dict[str, Any]]:
    """Argentina by its survey, Bolivia by its register, both by the United Nations."""
    alone: dict[str, tuple[str, dict[str, Any]]] = {
        "AR": ("survey", {}),
        "BO": ("register", {"concept_vector": CITIZENSHIP}),
    }
    own = [
        row
        for area, (source, concept) in alone.items()
        for row in (
            of(area, STOCK, 4000.0, 90.0, source_code=source, **concept),
            *(
                of(area, STOCK, 900.0, 40.0, source_code=source, birth_country_code=b, **concept)
                for b in births
            ),
            of(area, STOCK, None, source_code=source, sex_code="F", **concept),
            of(f"{area}-N", STOCK, 700.0, 30.0, source_code=source, **concept),
            of(area, STOCK, 3900.0, 90.0, source_code=source, time_period="2025", **concept),
            of(area, STOCK, 1900.0, 90.0, source_code=source, time_period="2025", sex_code="M", **concept),
        )
    ]
    table = [
        of(a, STOCK, v, source_code="un", time_period="2024") for a, v in (("AR", 4100.0), ("BO", 3300.0))
    ]
    rates = [
        row
        for area, value in (("AR", 9.5), ("BO", 4.5))
        for row in (
            of(area, RATE, value, 0.4),
            of(area, RATE, value + 2, 0.6, sex_code="F"),
            of(area, RATE, value + 3, 0.9, migratory_status_code="FB"),
            of(area, f"{RATE}_gap", 2.8, 1.0),
        )
    ]
    totals = [of(a, "residence_permits", 7.0, source_code="register") for a in ("AR", "BO")]
    return [*own, *table, *rates, *totals]


def region(folder: Path, rows: list[dict[str, Any]] | None = None, **changes: Any) -> Path:
    """A release about two countries."""
    about: dict[str, Any] = {
        "territory": "419",
        "truth": [],
        "title": text("La región", "A região", "The region"),
    }
    return write_release(folder, rows or observations(), **about, **changes)


@pytest.fixture(scope="module")
def release(tmp_path_factory: pytest.TempPathFactory) -> Release:
    said = text("Son {n} ({n_interval}).", "São {n} ({n_interval}).", "There are {n} ({n_interval}).")
    nothing = text("Nada.", "Nada.", "Nothing.")
    address = f"{STOCK}/BO/2026-Q2/birth_country=CO/register"
    story = {
        "story": "how_many", "title": nothing, "frame": "NUMBERS", "claim": nothing, "text": said,
        "shows_not": nothing, "figures": {"n": {"cell": address}}, "author": "A", "date": "2026-11",
        "cards": [{"card": "one", "headline": said, "figure": "n", "shows_not": nothing}],
    }  # fmt: skip
    cited = {"n": {"address": f"{address}@2026-11", "state": "current"}}
    return read_release(region(tmp_path_factory.mktemp("region"), stories=[{"story": story, "cited": cited}]))


@pytest.fixture(scope="module")
def site(release: Release) -> Iterator[dict[str, bytes]]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("caudal.publish.sheets.find_spec", lambda name: None)
        yield site_files(release)


def pages(site: dict[str, bytes]) -> dict[str, str]:
    return {p: data.decode() for p, data in site.items() if p.endswith(".html")}


def ids(page: str) -> list[str]:
    return [unescape(i) for i in re.findall(r'\sid="([^"]+)"', page)]


def test_an_indicator_with_breakdowns_has_a_page_for_each_country(release: Release) -> None:
    assert release.countries_of == {STOCK: ("AR", "BO"), RATE: ("AR", "BO")}


@pytest.mark.parametrize("tag", ["es", "pt", "en"])
def test_every_cell_lies_once_and_on_the_page_of_its_country(
    release: Release, site: dict[str, bytes], tag: str
) -> None:
    found = Counter[tuple[str, str]]()
    known = {c.address: c for c in release.cells}
    for path, page in pages(site).items():
        if path.startswith(f"{tag}/indicator/"):
            found.update((i, path.removeprefix(f"{tag}/")) for i in ids(page) if i in known)
    assert {a for a, _ in found} == set(known) and set(found.values()) == {1} and len(found) == len(known)
    for address, path in found:
        own = known[address]
        if own.time in ("2026-Q2", "2024") and own.source != "un":
            assert path == release.page_of(own)
    assert (f"{STOCK}/AR/2025/sex=M/survey@2026-11", f"indicator/{STOCK}/AR.2025.html") in found


def test_every_link_leads_to_a_file_and_an_anchor(site: dict[str, bytes]) -> None:
    made = pages(site)
    anchors = {p: set(ids(page)) for p, page in made.items()}
    for path, page in made.items():
        page = re.sub(r"<pre.*?</pre>", "", page, flags=re.S)
        for link in re.findall(r'\s(?:href|src)="([^"]*)"', page):
            if link == "data:,":
                continue
            target, _, anchor = unescape(link).partition("#")
            file = normpath(f"{path}/../{target}") if target else path
            assert file in site, f"{path} links to {link}"
            assert not anchor or unquote(anchor) in anchors[file], f"{path} links to {link}"


def test_ids_are_unique_and_headings_follow_each_other(site: dict[str, bytes]) -> None:
    for path, page in pages(site).items():
        assert len(ids(page)) == len(set(ids(page))), path
        levels = [int(n) for n in re.findall(r"<h([1-6])[ >]", page)]
        assert levels[:1] == [1] and all(b - a <= 1 for a, b in pairwise(levels)), path


def test_stories_profiles_and_cross_tables_lead_to_the_country(site: dict[str, bytes]) -> None:
    address = f"{STOCK}/BO/2026-Q2/birth_country=CO/register@2026-11"
    assert f'href="../indicator/{STOCK}/BO.html#{address}"' in site["es/story/how_many.html"].decode()
    assert f'href="../indicator/{RATE}/AR.html"' in site["es/profile/AR.html"].decode()
    told = json.loads(site["es/explore.json"])["indicators"]
    assert {n for n, facts in told.items() if facts.get("countries")} == {STOCK, RATE, f"{RATE}_gap"}


def test_the_page_of_the_indicator_says_that_there_is_no_figure_of_the_whole(site: dict[str, bytes]) -> None:
    page = site[f"en/indicator/{STOCK}.html"].decode()
    assert "There is no figure of the whole" in page and "No figure of this indicator" not in page
    assert f"{STOCK}/AR.html#{STOCK}/AR/" in page


def test_a_hidden_figure_leads_to_the_reason_on_its_own_page(site: dict[str, bytes]) -> None:
    page = site[f"es/indicator/{STOCK}/AR.html"].decode()
    assert 'href="#not-shown"' in page and 'id="not-shown"' in page


def test_countries_stand_side_by_side_where_they_counted_alike(release: Release) -> None:
    voice = voice_of(release, "en")
    spec = release.indicators[STOCK]
    assert [(h.code, h.shown.value if h.shown else "") for h in headlines(voice, spec)] == [
        ("AR", "4,000"),
        ("BO", "4,000"),
    ]
    (only,) = comparisons(voice, spec)  # the survey counts by birth, the register by citizenship
    assert only.title == "United Nations, migrant stock"
    assert [r.value for r in only.figure.table.rows] == ["4,100", "3,300"]


def test_the_page_of_the_region_does_not_grow_with_what_a_country_breaks_down(tmp_path: Path) -> None:
    few, many = (
        pages(site_files(read_release(region(tmp_path / str(len(births)), observations(births)))))
        for births in (("CO", "PE"), ("CO", "PE", "VE", "PY", "HT"))
    )
    page = f"es/indicator/{STOCK}.html"
    assert few[page] == many[page]
    assert len(many[f"es/indicator/{STOCK}/AR.html"]) > len(few[f"es/indicator/{STOCK}/AR.html"])
    assert set(few) == set(many)


def test_the_readiness_of_a_country_stands_in_its_profile(tmp_path: Path) -> None:
    cells = [score(3, reporter=code) for code in ("AR", "BO", "ZZ")]
    made = pages(site_files(read_release(region(tmp_path, readiness=readiness(*cells)))))
    page = made["es/readiness.html"]
    assert 'href="profile/AR.html#readiness"' in page and 'id="readiness"' in made["es/profile/AR.html"]
    assert re.findall(r'<section id="c-(..)"', page) == ["ZZ"]  # it has no figure, and so no profile


def test_no_page_is_over_the_limit(site: dict[str, bytes]) -> None:
    style = len(gzip.compress(site["caudal.css"]))
    assert max(style + len(gzip.compress(page.encode())) for page in pages(site).values()) < LIMIT


def test_a_figure_of_one_country_makes_no_page_of_another(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("caudal.publish.sheets.find_spec", lambda name: None)
    first = write_site(region(tmp_path / "one"), tmp_path / "site")
    first.remember(tmp_path / "last.json", "site")
    rows = observations()
    next(r for r in rows if r["reference_area_code"] == "AR" and "sex_code" in r)["time_period"] = "2026-Q2"
    next(r for r in rows if r["reference_area_code"] == "AR" and r.get("birth_country_code"))["value"] += 1
    release = region(tmp_path / "two", rows)
    site = write_site(release, tmp_path / "new", last=read_last(tmp_path / "last.json"))
    made = {p.removeprefix("es/") for p in site.tally.pieces if p.startswith("es/indicator")}
    assert made == {f"indicator {STOCK}", f"indicator {STOCK} AR"}
    assert not [p for p in site.tally.pieces if p.startswith("sheets ") and p.endswith(" BO")]
    found = {p.as_posix(): (tmp_path / "new" / p).read_bytes() for p in site.paths}
    assert found == site_files(read_release(release))
