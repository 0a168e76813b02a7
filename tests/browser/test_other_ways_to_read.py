"""Pages read from a stick, without scripts, without a connection, and on paper: nothing is lost, every
template is looked at."""

from __future__ import annotations

import base64
import io
import re
from collections.abc import Iterator
from html import unescape
from pathlib import Path
from posixpath import normpath
from typing import Any
from urllib.parse import unquote

import pypdf
import pytest

from caudal.publish.server import serving
from tests.browser.devtools import CHROMIUM, Tab, tab
from tests.browser.every_template import Made

pytestmark = pytest.mark.skipif(not Path(CHROMIUM).exists(), reason=f"{CHROMIUM} is missing")

#: A4 less the margins of the style, in points.
PAPER_WIDE = 658
LINK, IDENT = re.compile(r'<[^>]*?\s(?:href|src)="([^"]*)"'), re.compile(r'\sid="([^"]*)"')
#: Controls that do nothing without a script, charts that are not there, and the words that are left.
BARE = """
(() => {
  const shown = e => e.checkVisibility({visibilityProperty: true});
  const all = q => [...document.querySelectorAll(q)].filter(shown);
  return {
    dead: all('button, select, input, textarea, canvas').map(e => e.outerHTML.slice(0, 80)),
    blank: all('svg.chart').filter(c => c.getBoundingClientRect().height < 10).length,
    words: document.querySelector('body').innerText.split(/\\s+/).length,
  };
})()
"""
#: What reaches over the edge of the paper, and what may be broken over two sheets but should not.
PRINTED = """
(() => {
  const over = [...document.querySelectorAll('body *')].filter(
    e => e.checkVisibility() && !e.closest('.vh, .skip') && e.getBoundingClientRect().right > PAPER + 2);
  const breaks = (q, name, wish) => [...document.querySelectorAll(q)].filter(e => e.checkVisibility())
    .filter(e => getComputedStyle(e)[name] !== wish).length;
  return {
    over: over.map(e => `${e.tagName}.${e.className}`).slice(0, 3),
    torn: breaks('tr, figure, footer', 'breakInside', 'avoid'),
    alone: breaks('h2, h3, caption, thead', 'breakAfter', 'avoid'),
    headless: breaks('thead', 'display', 'table-header-group'),
    menus: breaks('.rooms, .tongues, .picker', 'display', 'none'),
  };
})()
"""
FIGURES = """
[...document.querySelectorAll('main td.num')].filter(e => e.checkVisibility() && !e.querySelector('.vh'))
  .map(e => e.innerText)
"""
A4 = {"preferCSSPageSize": True, "paperWidth": 8.27, "paperHeight": 11.69}
#: Waits until the browser has kept what the list of the site says.
KEPT = """
(async () => {
  const told = await (await fetch('../offline.json')).json(), wanted = [...told.shared, ...told.pages.es];
  for (let tries = 0; tries < 400; tries++) {
    const [name] = await caches.keys(), kept = name ? await (await caches.open(name)).keys() : [];
    if (kept.length >= wanted.length) return true;
    await new Promise(done => setTimeout(done, 50));
  }
  return false;
})()
"""


def pages(releases: tuple[Made, ...], language: str = "es") -> Iterator[Path]:
    for made in releases:
        yield from (made.site / page for page in made.of(language))


def broken(site: Path) -> list[str]:
    """Links of a site that leave it, or lead to no file, or to no place in it."""
    text = {p.relative_to(site).as_posix(): p.read_text("utf-8") for p in site.rglob("*.html")}
    idents = {path: set(IDENT.findall(page)) for path, page in text.items()}
    wrong = []
    for path, page in text.items():
        for link in set(LINK.findall(page)) - {"data:,"}:
            target, _, anchor = link.replace("&amp;", "&").partition("#")
            file = normpath(f"{path}/../{unquote(target)}") if target else path
            lost = anchor and file in idents and unquote(anchor) not in idents[file]
            if re.match("[a-z]+:|/", link) or not (site / file).is_file() or lost:
                wrong.append(f"{path}: {link}")
    return wrong


def test_every_link_of_every_page_leads_to_a_file_on_the_stick(releases: tuple[Made, ...]) -> None:
    assert {made.release.name: broken(made.site)[:5] for made in releases if broken(made.site)} == {}


def test_a_broken_link_would_be_found(tmp_path: Path) -> None:
    links = (
        '<a href="b.html">',
        '<a href="#c">',
        '<a class="x" href="/a.html">',
        '<p id="d"><a href="a.html#d">',
    )
    (tmp_path / "a.html").write_text("".join(links))
    assert sorted(broken(tmp_path)) == ["a.html: #c", "a.html: /a.html", "a.html: b.html"]


def test_on_a_stick_the_page_of_tables_leads_to_those_that_are_made(
    browser: Tab, releases: tuple[Made, ...]
) -> None:
    """A browser gives files to no script: where the same figures stand is told instead."""
    for made in releases:
        if "explore.html" in made.pages:
            browser.open((made.site / "es" / "explore.html").as_uri())
            found = browser.run(
                "[...document.querySelectorAll('#explore a')].map(a => a.getAttribute('href'))"
            )
            assert found and all((made.site / "es" / path).is_file() for path in found)


def test_without_scripts_nothing_is_dead_or_missing(browser: Tab, releases: tuple[Made, ...]) -> None:
    browser.look("phone")
    browser.send("Emulation.setScriptExecutionDisabled", value=True)
    found: dict[str, Any] = {}
    for page in pages(releases):
        browser.open(page.as_uri())
        told = browser.run(BARE)
        if told["dead"] or told["blank"] or told["words"] < 40:
            found[page.name] = told
    browser.send("Emulation.setScriptExecutionDisabled", value=False)
    assert found == {}


def test_a_control_that_needs_a_script_would_be_found(
    browser: Tab, releases: tuple[Made, ...], tmp_path: Path
) -> None:
    planted = tmp_path / "planted.html"
    page = (releases[0].site / "es" / "search.html").read_text("utf-8")
    planted.write_text(page.replace('role="search" hidden', 'role="search"'), "utf-8")
    browser.open(planted.as_uri())
    assert "search" in str(browser.run(BARE)["dead"])


def test_after_a_visit_every_template_of_the_language_opens_without_a_connection(
    releases: tuple[Made, ...], tmp_path: Path
) -> None:
    made = releases[2]
    with serving(made.release, told=lambda *_: None) as address, tab(tmp_path) as browser:
        browser.open(f"{address}es/index.html")
        assert browser.run(KEPT), "not all is kept"
    with tab(tmp_path) as browser:
        for page in (p for p in made.of("es") if "/embed/" not in p):  # those are for the sites of others
            browser.open(address + page)
            assert browser.run("document.title") in unescape((made.site / page).read_text("utf-8"))
            assert browser.run("getComputedStyle(document.body).maxWidth") != "none"  # the style came with it
        browser.open(f"{address}pt/index.html")
        assert browser.run("location.protocol") == "chrome-error:"


def printed(browser: Tab, page: Path) -> dict[str, Any]:
    """What is wrong with ``page`` on paper."""
    browser.size(PAPER_WIDE, 940)
    browser.send("Emulation.setEmulatedMedia", media="print")
    browser.open(page.as_uri())
    told: dict[str, Any] = browser.run(PRINTED.replace("PAPER", str(PAPER_WIDE)))
    browser.send("Emulation.setEmulatedMedia", media="")
    return {k: v for k, v in told.items() if v}


def test_on_paper_no_table_is_cut_no_row_torn_and_no_menu_printed(
    browser: Tab, releases: tuple[Made, ...]
) -> None:
    assert {p.name: told for p in pages(releases) if (told := printed(browser, p))} == {}


def test_a_table_wider_than_the_paper_would_be_found(
    browser: Tab, releases: tuple[Made, ...], tmp_path: Path
) -> None:
    planted = tmp_path / "planted.html"
    beside = releases[0].site / "es" / "method.html"
    page = beside.read_text("utf-8").replace("<head>", f'<head><base href="{beside.as_uri()}">')
    planted.write_text(page.replace("<main", '<table style="width: 900px"><tr><td>a</table><main'), "utf-8")
    assert set(printed(browser, planted)) == {"over"}


@pytest.mark.long
def test_no_sheet_is_empty_and_all_figures_are_printed(browser: Tab, releases: tuple[Made, ...]) -> None:
    for page in pages(releases):
        browser.send("Emulation.setEmulatedMedia", media="print")
        browser.open(page.as_uri())
        shown = browser.run(FIGURES)
        browser.send("Emulation.setEmulatedMedia", media="")
        data = browser.send("Page.printToPDF", **A4)["data"]
        sheets = [s.extract_text() for s in pypdf.PdfReader(io.BytesIO(base64.b64decode(data))).pages]
        assert all(len(re.sub(r"\s|BORRADOR", "", s)) > 60 for s in sheets), page
        whole = re.sub(r"\s", "", "".join(sheets))
        assert [v for v in shown if re.sub(r"\s", "", v) not in whole] == [], page
