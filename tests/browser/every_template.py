"""Releases whose sites use the templates of all pages, and the largest page of each template."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from unittest.mock import patch

from caudal.engine.files import sha256_bytes
from caudal.model.release import MANIFEST, Manifest, OutputFile
from caudal.publish import build_site
from caudal.publish.page import Page
from caudal.publish.press import Press
from caudal.river.build import build
from tests.browser import journeys
from tests.support.small_country import write_country
from tests.unit.publish.fixture import CITIZENSHIP, cell, observations, text, write_release
from tests.unit.publish.test_matrices import CELLS, RATE, readiness
from tests.unit.river.test_stories import write as write_story

#: Of releases about journeys, the pages that no other release has.
_JOURNEYS = ("flow/", "route/")


@dataclass(frozen=True)
class Made:
    """A release with its site, and of each template that it uses the path of its largest page."""

    release: Path
    pages: Mapping[str, str]

    @property
    def site(self) -> Path:
        """The folder of the site."""
        return self.release / "site"

    def of(self, language: str) -> list[str]:
        """A page of each template, as it lies in the site."""
        return [f"{language}/{path}" for path in self.pages.values()]


def write_releases(folder: Path) -> tuple[Made, ...]:
    """A country with a story, a region, a country with its matrices, and two releases about journeys."""
    whole = tuple(_made(name, folder / name) for name in ("country", "region", "matrices"))
    of_journeys = tuple(_made(name, folder / name) for name in ("border", "routes"))
    return *whole, *(_only(made, _JOURNEYS) for made in of_journeys)


def templates_of_pages() -> frozenset[str]:
    """The templates that are whole pages."""
    found = files("caudal.publish").joinpath("templates").iterdir()
    pages = {f.name: f.read_text("utf-8") for f in found if f.name.endswith(".html")}
    whole = {name for name, text in pages.items() if '{% extends "' in text or "<!doctype" in text}
    return frozenset(whole - {"base.html", "door.html"})


def _made(name: str, folder: Path) -> Made:
    printed: dict[str, dict[str, int]] = {}
    really = Press.printed

    def noted(press: Press, page: Page) -> bytes:
        data = really(press, page)
        printed.setdefault(page.template, {}).setdefault(page.path, len(data))
        return data

    with patch.object(Press, "printed", noted):
        release = _RELEASES[name](folder)
    return Made(release, {t: max(own, key=lambda p: own[p]) for t, own in sorted(printed.items())})


def _only(made: Made, folders: tuple[str, ...]) -> Made:
    return Made(made.release, {t: p for t, p in made.pages.items() if p.startswith(folders)})


def _country(folder: Path) -> Path:
    country = write_country(folder)
    write_story(country, seen="24.1")
    return build(country).release


def _matrices(folder: Path) -> Path:
    stock, register = "foreign_born", {"source_code": "register", "concept_vector": CITIZENSHIP}
    rows = [*observations(), cell(f"{RATE}_gap", None, age_code="Y15T24")]
    # A year that all sources have, and that is the last of one alone: the others' lies on another page.
    rows += [
        cell(stock, 110240.0, 3010.0, time_period="2024"),
        cell(stock, 90105.0, time_period="2024", **register),
    ]
    return _whole(write_release(folder, rows, readiness=readiness(*CELLS)))


def _region(folder: Path) -> Path:
    """Two countries with all figures of the fixture, so that each has a full page of each indicator."""
    rows = [
        row | {"reporter_code": area, "reference_area_code": area}
        for area in ("AR", "PE")
        for row in observations()
        if row["reference_area_code"] == "XI"
    ]
    title = text("La región", "A região", "The region")
    return _whole(write_release(folder, rows, territory="419", truth=[], title=title))


def _whole(release: Path) -> Path:
    """The release with its site and its manifest, as a build leaves it."""
    build_site(release, release / "site")
    names = sorted(p.relative_to(release).as_posix() for p in release.rglob("*") if p.is_file())
    data = {n: (release / n).read_bytes() for n in names}
    outputs = tuple(OutputFile(path=n, sha256=sha256_bytes(d), bytes=len(d)) for n, d in data.items())
    made = Manifest(
        caudal="0", code_sha256="0", territory="XI", vintage="2026-11", inputs=(), specs=(), outputs=outputs
    )
    (release / MANIFEST).write_text(made.model_dump_json(), encoding="utf-8")
    return release


_RELEASES = {
    "country": _country,
    "matrices": _matrices,
    "region": _region,
    "border": journeys.border,
    "routes": journeys.region,
}
