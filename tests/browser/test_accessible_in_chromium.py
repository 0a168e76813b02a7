"""Pages that everybody can read: axe-core finds nothing against WCAG 2.2 AA on a phone, on a desk, and at
four times the size (1280 points at 400 % leave 320).

axe-core 4.14.1 (Mozilla Public License 2.0) lies in ``vendor/`` and is used by this test alone.
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from html import unescape
from pathlib import Path

import pytest

from tests.browser.every_template import write_releases

CHROMIUM = shutil.which("chromium") or "/usr/bin/chromium"
AXE = Path(__file__).parent / "vendor" / "axe.min.js"
pytestmark = pytest.mark.skipif(not Path(CHROMIUM).exists(), reason=f"{CHROMIUM} is missing")

WIDTHS = (320, 390, 1280)
LANGUAGES = ("es", "pt", "en")
RUN = """
<script src="{axe}"></script>
<script>
document.querySelectorAll('details').forEach(d => d.open = true);
axe.run(document, {runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa']}).then(done => {
  const found = done.violations.map(v => [v.id, v.nodes.length, v.nodes[0].html.slice(0, 160)]);
  parent.postMessage({passes: done.passes.length, found}, '*');
});
</script>
"""
FRAMES = """<!doctype html><body><script>
const pages = PAGES, told = {};
async function next(i) {
  if (i === pages.length) {
    const pre = document.createElement('pre');
    pre.id = 'all'; pre.textContent = JSON.stringify(told);
    document.body.replaceChildren(pre);
    return;
  }
  const [name, width] = pages[i], frame = document.createElement('iframe');
  frame.width = width; frame.height = 1200; frame.src = name;
  window.onmessage = e => { told[`${name}@${width}`] = e.data; frame.remove(); next(i + 1); };
  document.body.append(frame);
}
next(0);
</script></body>"""
OPTIONS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking", "--no-first-run",
    "--disable-component-update", "--disable-sync", "--allow-file-access-from-files",
    "--virtual-time-budget=600000", "--dump-dom",
)  # fmt: skip


@pytest.fixture(scope="module")
def sites(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, ...]:
    """Sites that together use every template, but those of journeys."""
    releases, _ = write_releases(tmp_path_factory.mktemp("sites"))
    return tuple(release / "site" for release in releases)


def judged(
    site: Path, pages: list[str], widths: tuple[int, ...], profile: Path
) -> dict[str, dict[str, object]]:
    """What axe says of each page at each width."""
    copies = []
    for page in pages:
        path = site / page
        copy = path.with_suffix(".judged.html")
        script = RUN.replace("{axe}", AXE.as_uri())
        copy.write_text(path.read_text("utf-8").replace("</body>", script + "</body>"), "utf-8")
        copies += [[copy.relative_to(site).as_posix(), width] for width in widths]
    (site / "frames.html").write_text(FRAMES.replace("PAGES", json.dumps(copies)), encoding="utf-8")
    command = [CHROMIUM, *OPTIONS, f"--user-data-dir={profile}", (site / "frames.html").as_uri()]
    out = subprocess.run(command, capture_output=True, text=True, timeout=500, check=True).stdout
    found = re.search(r'<pre id="all">(.*?)</pre>', out, re.S)
    assert found is not None, "the browser did not finish"
    told: dict[str, dict[str, object]] = json.loads(unescape(found[1]))
    assert len(told) == len(copies)
    return told


def templates(site: Path, language: str) -> list[str]:
    """One page of each kind: the first of each folder, and those at the top."""
    pages = sorted(p.relative_to(site).as_posix() for p in (site / language).rglob("*.html"))
    kinds: dict[str, str] = {}
    for page in pages:
        parts = page.split("/")
        dots = parts[-1].count(".")
        kinds.setdefault(page if len(parts) == 2 else f"{parts[1]}/{parts[-1] == 'index.html'}{dots}", page)
    return list(kinds.values())


def wrong(told: dict[str, dict[str, object]]) -> dict[str, object]:
    assert all(t["passes"] for t in told.values()), "nothing was looked at"
    return {k: t["found"] for k, t in told.items() if t["found"]}


def test_axe_finds_nothing_in_spanish_on_a_phone(sites: tuple[Path, ...], tmp_path: Path) -> None:
    for i, site in enumerate(sites):
        assert wrong(judged(site, templates(site, "es"), (320,), tmp_path / str(i))) == {}


@pytest.mark.long
@pytest.mark.parametrize("language", LANGUAGES)
def test_axe_finds_nothing_in_any_language_at_any_width(
    sites: tuple[Path, ...], tmp_path: Path, language: str
) -> None:
    for i, site in enumerate(sites):
        assert wrong(judged(site, templates(site, language), WIDTHS, tmp_path / str(i))) == {}


def test_axe_would_find_something(sites: tuple[Path, ...], tmp_path: Path) -> None:
    site = sites[0]
    page = site / "es" / "planted.html"
    page.write_text(
        (site / "es" / "method.html").read_text("utf-8").replace("<main", '<img src="x.png"><main'), "utf-8"
    )
    assert "image-alt" in str(wrong(judged(site, ["es/planted.html"], (390,), tmp_path)))
    page.unlink()
