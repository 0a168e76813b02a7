"""The pages in a real browser: they open from a folder, fit every screen, and lay out their charts."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.browser.devtools import CHROMIUM, SCREENS, Tab
from tests.browser.every_template import Made

pytestmark = pytest.mark.skipif(not Path(CHROMIUM).exists(), reason=f"{CHROMIUM} is missing")

CHARTED = ("indicator.html", "compare.html", "country.html")
#: What reaches over the right edge is told by name; what scrolls in a frame of its own does not.
MEASURED = """
(() => {
  document.querySelectorAll('details').forEach(d => d.open = true);
  const text = [...document.querySelectorAll('svg.chart text')].map(t => t.getBoundingClientRect());
  const root = document.documentElement;
  return {
    wide: root.scrollWidth > SCREEN ? root.scrollWidth : 0,
    charts: [...document.querySelectorAll('svg.chart:not(.key)')].map(c => c.getBoundingClientRect().width),
    outside: text.filter(r => r.left < -1 || r.right > SCREEN + 1).length,
    letters: Math.min(...text.map(r => r.height)),
    styled: getComputedStyle(document.body).maxWidth,
    requests: performance.getEntriesByType('resource').map(e => e.name),
  };
})()
"""


def measured(browser: Tab, page: Path) -> dict[str, dict[str, Any]]:
    """What the browser lays out on each screen."""
    browser.open(page.as_uri())
    found = {}
    for screen, (width, *_) in SCREENS.items():
        browser.look(screen)
        found[screen] = browser.run(MEASURED.replace("SCREEN", str(width)))
    return found


@pytest.fixture(scope="module")
def laid_out(browser: Tab, releases: tuple[Made, ...]) -> dict[tuple[str, str, str], dict[str, Any]]:
    """Every template of every release on every screen."""
    return {
        (made.release.name, template, screen): found
        for made in releases
        for template, path in made.pages.items()
        for screen, found in measured(browser, made.site / "es" / path).items()
    }


Layouts = dict[tuple[str, str, str], dict[str, Any]]


def test_no_page_is_wider_than_its_screen(laid_out: Layouts) -> None:
    assert {key: m["wide"] for key, m in laid_out.items() if m["wide"]} == {}
    assert {key: m["outside"] for key, m in laid_out.items() if m["outside"]} == {}


def test_a_page_that_is_too_wide_would_be_found(
    browser: Tab, releases: tuple[Made, ...], tmp_path: Path
) -> None:
    page = (releases[0].site / "es" / "method.html").read_text("utf-8")
    planted = tmp_path / "planted.html"
    planted.write_text(page.replace("<main", '<div style="width: 500px">a</div><main'), "utf-8")
    found = measured(browser, planted)
    assert [bool(found[screen]["wide"]) for screen in SCREENS] == [True, False, True]


def test_charts_fill_their_column_and_their_letters_keep_their_size(laid_out: Layouts) -> None:
    for release, template, screen in laid_out:
        if template in CHARTED and screen == "phone":
            phone, desk = laid_out[release, template, "phone"], laid_out[release, template, "desk"]
            assert phone["letters"] == desk["letters"] and phone["charts"]
            assert all(200 < w <= 360 for w in phone["charts"])


def test_the_style_is_found_and_nothing_but_files_of_the_site_is_asked_for(laid_out: Layouts) -> None:
    for m in laid_out.values():
        assert m["styled"] != "none"
        assert all(str(r).startswith("file://") for r in m["requests"])


def test_the_door_leads_to_the_first_language(browser: Tab, releases: tuple[Made, ...]) -> None:
    browser.open((releases[0].site / "index.html").as_uri())
    browser.loaded(2)
    assert browser.run("location.pathname").endswith("/es/index.html")
    assert browser.run("document.documentElement.lang") == "es"
