"""Pages that everybody can read: axe-core finds nothing against WCAG 2.2 AA on a phone, on a desk, and at
four times the size, with every part of a page unfolded.

axe-core 4.14.1 (Mozilla Public License 2.0) lies in ``vendor/`` and is used by this test alone.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.browser.devtools import CHROMIUM, SCREENS, Tab
from tests.browser.every_template import Made, templates_of_pages

AXE = (Path(__file__).parent / "vendor" / "axe.min.js").read_text(encoding="utf-8")
pytestmark = pytest.mark.skipif(not Path(CHROMIUM).exists(), reason=f"{CHROMIUM} is missing")

LANGUAGES = ("es", "pt", "en")
JUDGED = """
document.querySelectorAll('details').forEach(d => d.open = true);
axe.run(document, {runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa']}).then(done => ({
  passes: done.passes.length,
  found: done.violations.map(v => [v.id, v.nodes.length, v.nodes[0].html.slice(0, 160)]),
}))
"""


def judged(browser: Tab, page: Path, screens: tuple[str, ...]) -> dict[str, Any]:
    """What axe finds wrong with ``page``, by screen."""
    browser.open(page.as_uri())
    browser.run(AXE)
    found: dict[str, Any] = {}
    for screen in screens:
        browser.look(screen)
        told = browser.run(JUDGED)
        assert told["passes"], "nothing was looked at"
        found |= {f"{page.parent.name}/{page.name} {screen}": told["found"]} if told["found"] else {}
    return found


def wrong(
    browser: Tab, releases: tuple[Made, ...], language: str, screens: tuple[str, ...]
) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for made in releases:
        for page in made.of(language):
            found |= judged(browser, made.site / page, screens)
    return found


def test_these_sites_use_every_template(releases: tuple[Made, ...]) -> None:
    assert templates_of_pages() - {template for made in releases for template in made.pages} == set()


def test_axe_finds_nothing_in_spanish_on_a_phone(browser: Tab, releases: tuple[Made, ...]) -> None:
    assert wrong(browser, releases, "es", ("phone",)) == {}


@pytest.mark.long
@pytest.mark.parametrize("language", LANGUAGES)
def test_axe_finds_nothing_in_any_language_on_any_screen(
    browser: Tab, releases: tuple[Made, ...], language: str
) -> None:
    assert wrong(browser, releases, language, tuple(SCREENS)) == {}


def test_axe_would_find_something(browser: Tab, releases: tuple[Made, ...], tmp_path: Path) -> None:
    page = (releases[0].site / "es" / "method.html").read_text("utf-8")
    planted = tmp_path / "planted.html"
    planted.write_text(page.replace("<main", '<img src="x.png"><main'), "utf-8")
    assert "image-alt" in str(judged(browser, planted, ("phone",)))
