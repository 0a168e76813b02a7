"""Cross-tabulation and search in a real browser: what they show is what the pages show."""

from __future__ import annotations

import re
import shutil
import subprocess
import threading
from collections.abc import Iterator
from functools import partial
from html import unescape
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from caudal.publish import build_site
from caudal.publish.release import Cell, Release, read_release
from caudal.publish.voice import voice_of
from tests.unit.publish.fixture import write_release

CHROMIUM = shutil.which("chromium") or "/usr/bin/chromium"
pytestmark = pytest.mark.skipif(not Path(CHROMIUM).exists(), reason=f"{CHROMIUM} is missing")
OPTIONS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking",
    "--disable-component-update", "--disable-sync", "--no-first-run", "--virtual-time-budget=8000",
    "--dump-dom",
)  # fmt: skip
CELL = re.compile(r'<a href="[^"]*" data-address="([^"]+)">([^<]*)</a>(.*?)</td>', re.S)


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None:
        return


@pytest.fixture(scope="module")
def release(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_release(tmp_path_factory.mktemp("release") / "r")


@pytest.fixture(scope="module")
def address(release: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder = tmp_path_factory.mktemp("served") / "site"
    build_site(release, folder)
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(folder)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def dom(url: str, profile: Path) -> str:
    command = [CHROMIUM, *OPTIONS, f"--user-data-dir={profile}", url]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, check=True).stdout


def asked(cells: Release, indicator: str) -> list[Cell]:
    return [c for c in cells.cells if c.indicator == indicator]


@pytest.mark.parametrize("language", ["es", "en"])
def test_a_table_shows_the_cells_as_the_pages_do(
    address: str, release: Path, tmp_path: Path, language: str
) -> None:
    read = read_release(release)
    voice = voice_of(read, language)
    by_address = {c.address: c for c in read.cells}
    seen = 0
    for rows in ("sex", "migratory_status"):
        choice = f"indicator=unemployment_rate&rows={rows}"
        page = dom(f"{address}/{language}/explore.html#{choice}", tmp_path / rows)
        for where, figure, rest in CELL.findall(page):
            cell = by_address[unescape(where)]
            assert unescape(figure) == voice.value(cell), where
            assert (voice.interval(cell) or "</a>") in unescape(figure + rest + "</a>"), where
            seen += 1
    assert seen >= 4


def test_nothing_but_cells_of_the_release_is_shown(address: str, release: Path, tmp_path: Path) -> None:
    page = dom(f"{address}/en/explore.html#indicator=unemployment_rate&rows=sex", tmp_path)
    figures = re.findall(r'<td class="num[^"]*">(.*?)</td>', page, re.S)
    shown = [f for f in figures if "data-address" in f]
    assert shown and all(f == "·" for f in figures if f not in shown)


def test_search_finds_words_with_other_accents_and_a_slip_of_the_pen(address: str, tmp_path: Path) -> None:
    whole = dom(f"{address}/es/search.html", tmp_path / "a")
    found = dom(f"{address}/es/search.html#q=DESOCUPASION", tmp_path / "b")
    entries = re.findall(r"<li>", found.split('id="found"')[1].split("</ul>")[0])
    assert "unemployment_rate.html" in found.split('id="found"')[1].split("</ul>")[0]
    assert 0 < len(entries) < len(re.findall(r"<li>", whole.split('id="found"')[1].split("</ul>")[0]))
