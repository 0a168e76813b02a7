"""The pages in a real browser: they open from a folder, fit a phone, and lay out their charts.

A script is added to a copy of each page, which measures and writes what it finds into the document; the
pages themselves have none.
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from html import unescape
from pathlib import Path

import pytest

from caudal.publish import build_site
from tests.unit.publish.fixture import write_release

CHROMIUM = shutil.which("chromium") or "/usr/bin/chromium"
pytestmark = pytest.mark.skipif(not Path(CHROMIUM).exists(), reason=f"{CHROMIUM} is missing")

PAGES = (
    "index.html",
    "indicator/unemployment_rate.html",
    "compare/migrants.html",
    "method.html",
    "data.html",
    "source/survey.html",
)
WIDTHS = (320, 1280)
MEASURE = """
<script>
const text = [...document.querySelectorAll('svg.chart text')].map(t => t.getBoundingClientRect());
const found = {
  width: window.innerWidth,
  scroll: document.documentElement.scrollWidth,
  charts: [...document.querySelectorAll('svg.chart')].map(c => c.getBoundingClientRect().width),
  outside: text.filter(r => r.left < -1 || r.right > window.innerWidth + 1).length,
  styled: getComputedStyle(document.body).maxWidth,
  letters: Math.min(...text.map(r => r.height)),
  requests: performance.getEntriesByType('resource').map(e => e.name),
};
const pre = document.createElement('pre');
pre.id = 'found';
pre.textContent = JSON.stringify(found);
document.body.append(pre);
</script>
"""
COLLECT = """
window.onload = () => {
  const told = f => JSON.parse(f.contentDocument.getElementById('found').textContent);
  const pre = document.createElement('pre');
  pre.id = 'all';
  pre.textContent = JSON.stringify([...document.querySelectorAll('iframe')].map(f => [f.name, told(f)]));
  document.body.append(pre);
}
"""
OPTIONS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking", "--hide-scrollbars",
    "--disable-component-update", "--disable-sync", "--no-first-run", "--allow-file-access-from-files",
    "--virtual-time-budget=2000", "--dump-dom",
)  # fmt: skip


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("site")
    build_site(write_release(folder / "release"), folder / "site")
    return folder / "site"


def dom(url: Path, profile: Path) -> str:
    """The document at ``url`` after the browser has laid it out."""
    command = [CHROMIUM, *OPTIONS, f"--user-data-dir={profile}", url.as_uri()]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, check=True).stdout


@pytest.fixture(scope="module")
def measured(site: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, object]]:
    """What the browser measured, by page and width: all in one document of frames, so in one start."""
    frames = []
    for path in PAGES:
        page = (site / "es" / path).read_text(encoding="utf-8")
        copy = (site / "es" / path).with_suffix(".measured.html")
        copy.write_text(page.replace("</body>", MEASURE + "</body>"), encoding="utf-8")
        frames += [
            f'<iframe name="{path}" src="es/{copy.relative_to(site / "es")}" width="{w}" height="900">'
            "</iframe>"
            for w in WIDTHS
        ]
    collect = f"<script>{COLLECT}</script>"
    (site / "frames.html").write_text(
        f"<!doctype html><body>{''.join(frames)}{collect}</body>", encoding="utf-8"
    )
    found = re.search(
        r'<pre id="all">(.*?)</pre>', dom(site / "frames.html", tmp_path_factory.mktemp("p")), re.S
    )
    assert found is not None
    return {f"{name}@{value['width']}": value for name, value in json.loads(unescape(found[1]))}


def test_no_page_is_wider_than_a_small_phone_or_a_desk(measured: dict[str, dict[str, object]]) -> None:
    assert len(measured) == len(PAGES) * len(WIDTHS)
    wide = {
        k: (m["scroll"], m["width"])
        for k, m in measured.items()
        if int(str(m["scroll"])) > int(str(m["width"]))
    }
    assert not wide


def test_charts_fill_their_column_and_their_letters_keep_their_size(
    measured: dict[str, dict[str, object]],
) -> None:
    for name in ("indicator/unemployment_rate.html", "compare/migrants.html"):
        phone, desk = measured[f"{name}@320"], measured[f"{name}@1280"]
        assert phone["letters"] == desk["letters"]
        assert all(200 < w <= 320 for w in phone["charts"])  # type: ignore[attr-defined]
        assert phone["outside"] == desk["outside"] == 0


def test_the_style_is_found_and_nothing_else_is_asked_for(measured: dict[str, dict[str, object]]) -> None:
    for m in measured.values():
        assert m["styled"] != "none"
        assert all(str(r).startswith("file://") and str(r).endswith("caudal.css") for r in m["requests"])  # type: ignore[attr-defined]


def test_the_door_leads_to_the_first_language(site: Path, tmp_path: Path) -> None:
    assert '<html lang="es"' in dom(site / "index.html", tmp_path)
    assert "Panorama" in dom(site / "index.html", tmp_path)
