"""Pages for whoever has a slow connection or no mouse, on every template, in a real browser.

A slow connection is 400 kbit/s with 400 ms of latency (slow 3G), emulated by the browser. Readable is a page
that came whole and whose text is painted; scripts come after it. The keyboard alone reaches everything that a
mouse does.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from caudal.publish.server import serving
from tests.browser.devtools import CHROMIUM, Tab
from tests.browser.every_template import Made

pytestmark = [
    pytest.mark.long,
    pytest.mark.skipif(not Path(CHROMIUM).exists(), reason=f"{CHROMIUM} is missing"),
]

LIGHTEST, READABLE_MS = 60_000, 3_000
SLOW = {"offline": False, "latency": 400, "downloadThroughput": 50_000, "uploadThroughput": 50_000}
PAINTED = """
new Promise(done => {
  const look = () => {
    const found = performance.getEntriesByName('first-contentful-paint')[0];
    found ? done(found.startTime) : setTimeout(look, 20);
  };
  look();
})
"""
#: Everything that a mouse could use and that is shown.
REACHABLE = """
(() => {
  const all = 'a[href], button, input, select, textarea, summary, [tabindex]:not([tabindex="-1"])';
  const shown = e => e.checkVisibility({visibilityProperty: true}) && !e.disabled;
  document.querySelectorAll('details').forEach(d => { d.open = true; });
  return [...document.querySelectorAll(all)].filter(shown).map((e, i) => (e.dataset.walk = i));
})().length
"""
PAST_MENUS = """
!document.querySelector('nav')
  || document.querySelector('[data-walk="0"]').getAttribute('href') === '#content'
"""
FOCUSED = """
(async () => {
  await new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)));
  const e = document.activeElement, s = getComputedStyle(e), r = e.getBoundingClientRect();
  if (!e || e === document.body) return null;
  const ring = s.outlineStyle !== 'none' && parseFloat(s.outlineWidth) > 0 || s.boxShadow !== 'none';
  const seen = r.bottom > 0 && r.top < innerHeight && r.right > 0 && r.left < innerWidth;
  return {place: Number(e.dataset.walk), ring, seen, what: e.outerHTML.slice(0, 120)};
})()
"""


@pytest.fixture(scope="module")
def pages(releases: tuple[Made, ...]) -> Iterator[list[str]]:
    """The address of a page of each template of each release."""
    with ExitStack() as stack:
        found = []
        for made in releases:
            address = stack.enter_context(serving(made.release, told=lambda *_: None))
            found += [address + page for page in made.of("es")]
        yield found


@pytest.fixture
def calm(browser: Tab) -> Tab:
    """A browser on a desk in which nothing moves by itself."""
    browser.look("desk")
    browser.send(
        "Emulation.setEmulatedMedia", features=[{"name": "prefers-reduced-motion", "value": "reduce"}]
    )
    return browser


def weighed(browser: Tab, page: str) -> dict[str, Any]:
    """Bytes of page and styles as they came, when all could be read, and the hosts that were asked."""
    browser.send("Network.clearBrowserCache")
    browser.send("Network.emulateNetworkConditions", **SLOW)
    browser.open(page)
    painted = browser.run(PAINTED)
    sent = {e["params"]["requestId"]: e["params"]["request"]["url"] for e in browser.events
            if e.get("method") == "Network.requestWillBeSent"}  # fmt: skip
    size = {e["params"]["requestId"]: e["params"]["encodedDataLength"] for e in browser.events
            if e.get("method") == "Network.loadingFinished"}  # fmt: skip
    text = sum(size.get(i, 0) for i, url in sent.items() if url.split("?")[0].endswith((".html", ".css")))
    foreign = [u for u in sent.values() if not u.startswith((page[: page.index("/", 8)], "data:", "blob:"))]
    late = browser.run(
        "[...document.querySelectorAll('script[src]:not([defer]):not([async]):not([type=module])')]"
        ".map(s => s.src)"
    )
    whole = browser.run("performance.getEntriesByType('navigation')[0].responseEnd")
    return {
        "bytes": text,
        "painted": max(painted, whole),
        "foreign": foreign,
        "blocking": late,
        "wrong": browser.complaints(),
    }


def test_pages_are_light_and_soon_readable_on_a_slow_connection(calm: Tab, pages: list[str]) -> None:
    found = {page: weighed(calm, page) for page in pages}
    calm.send("Network.emulateNetworkConditions", **{**SLOW, "latency": 0, "downloadThroughput": -1})
    assert {p: f["bytes"] for p, f in found.items() if not f["bytes"]} == {}
    assert {p: f["bytes"] for p, f in found.items() if f["bytes"] >= LIGHTEST} == {}
    assert {p: f["painted"] for p, f in found.items() if not f["painted"] < READABLE_MS} == {}
    assert {p: f["foreign"] for p, f in found.items() if f["foreign"]} == {}
    assert {p: f["blocking"] for p, f in found.items() if f["blocking"]} == {}
    assert {p: f["wrong"] for p, f in found.items() if f["wrong"]} == {}


def test_what_a_browser_complains_of_would_be_found(calm: Tab, tmp_path: Path) -> None:
    page = tmp_path / "broken.html"
    page.write_text('<script>unknown()</script><script src="missing.js"></script>')
    calm.open(page.as_uri())
    assert ["unknown" in c or "missing.js" in c or "ERR_FILE" in c for c in calm.complaints()] == [True, True]


def walked(browser: Tab, page: str) -> list[str]:
    """What is wrong with a walk through ``page`` by the tab key alone."""
    browser.open(page)
    browser.run("new Promise(done => setTimeout(done, 500))")  # scripts may add what they offer
    every, wrong = browser.run(REACHABLE), list[str]()
    order: list[int] = []
    for step in range(every):
        browser.press("Tab")
        here = browser.run(FOCUSED)
        if here is None or here["place"] in order:
            return [*wrong, f"step {step}: {here and here['what']}: caught, {len(order)} of {every} reached"]
        order.append(here["place"])
        wrong += [f"{name}: {here['what']}" for name in ("ring", "seen") if not here[name]]
    wrong += [] if order == sorted(order) else ["not in the order of the text"]
    return wrong + ([] if browser.run(PAST_MENUS) else ["the first is not the way past the menus"])


def test_the_keyboard_alone_reaches_everything_in_order_and_shows_where_it_is(
    calm: Tab, pages: list[str]
) -> None:
    wrong = {page: told for page in pages if (told := walked(calm, page))}
    assert wrong == {}


def test_a_page_that_holds_the_keyboard_would_be_found(calm: Tab, tmp_path: Path) -> None:
    page = tmp_path / "trap.html"
    page.write_text(
        '<a href="#content">a</a><input onkeydown="event.preventDefault()"><a href="b">b</a>'
        '<a id="content" href="c" style="outline: none">c</a>'
    )
    assert "caught" in str(walked(calm, page.as_uri()))
