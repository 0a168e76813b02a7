"""Releases whose sites use the templates of all pages, and one page of each kind, found in what was built."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path
from unittest.mock import patch

from caudal.engine.files import sha256_bytes
from caudal.model.release import MANIFEST, Manifest, OutputFile
from caudal.publish import build_site
from caudal.publish.page import Page
from caudal.publish.press import Press
from caudal.river.build import build
from tests.support.small_country import write_country
from tests.unit.publish.fixture import cell, observations, text, write_release
from tests.unit.publish.test_matrices import CELLS, RATE, readiness
from tests.unit.river.test_stories import write as write_story

#: Templates of pages that only a release with a border register, or about routes, has.
JOURNEYS = frozenset({"flow.html", "route.html", "routes.html"})
_PARTS = frozenset({"base.html", "door.html", "download.html", "matrix.html", "parts.html"})


def write_releases(folder: Path) -> tuple[tuple[Path, ...], frozenset[str]]:
    """Three whole releases with their sites: a country with a story, one with its matrices, a region; and
    the templates that they used."""
    used: set[str] = set()
    printed = Press.printed

    def noted(press: Press, page: Page) -> bytes:
        used.add(page.template)
        return printed(press, page)

    with patch.object(Press, "printed", noted):
        country = write_country(folder / "country")
        write_story(country, seen="24.1")
        releases = (build(country).release, _matrices(folder / "matrices"), _region(folder / "region"))
    return releases, frozenset(used)


def templates_of_pages() -> frozenset[str]:
    """The templates that are pages."""
    found = files("caudal.publish").joinpath("templates").iterdir()
    return frozenset(f.name for f in found if f.name.endswith(".html")) - _PARTS


def one_of_each(release: Path, language: str) -> list[str]:
    """A page of each kind: the first of each folder and form of name, and those at the top."""
    site = release / "site"
    kinds: dict[str, str] = {}
    for page in sorted(p.relative_to(site).as_posix() for p in (site / language).rglob("*.html")):
        parts = page.split("/")
        form = f"{parts[1]}/{parts[-1] == 'index.html'}{parts[-1].count('.')}"
        kinds.setdefault(page if len(parts) == 2 else form, page)
    return list(kinds.values())


def _matrices(folder: Path) -> Path:
    rows = [*observations(), cell(f"{RATE}_gap", None, age_code="Y15T24")]
    return _whole(write_release(folder, rows, readiness=readiness(*CELLS)))


def _region(folder: Path) -> Path:
    rows = [
        cell(name, value, reporter_code=area, reference_area_code=area)
        for area, value in (("AR", 40.0), ("PE", 60.0))
        for name in ("foreign_born", "residence_permits")
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
