"""Names that would be something else where they land: markup, scripts, formulas, marks of direction.

Every text of a structure is one of them, and the site must have the same files, the same elements with the
same attributes, messages that parse and tables with as many columns as those of a site with plain names.
"""

from __future__ import annotations

import copy
import csv
import io
import json
import re
import xml.etree.ElementTree as ET
import zipfile
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from caudal.errors import CaudalError
from caudal.publish.letters import borne
from caudal.publish.release import read_release
from caudal.publish.site import site_files
from tests.unit.publish.fixture import (
    CODE_LISTS,
    INDICATORS,
    STRUCTURE,
    code,
    observations,
    text,
    write_release,
)
from tests.unit.publish.forms import Files

HOSTILE = (
    "<script>alert(1)</script><img src=x onerror=alert(1)>\"'`",
    "</script><script>alert(1)//",
    "--></title></text><b>",
    "]]><i>",
    '=HYPERLINK("https://example.org","x")',
    "+1+1",
    "-2+3|cmd|' /C calc'!A0",
    "@SUM(1+1)",
    "\t=1+1",
    "x\r=1+1",
    "\n=1+1",
    "txt.\u202egnp.exe",
    "a\u200b\u200d\ufeffb",
    "g" + "\u0303" * 40,
    "Ñembohekovekuaaukapyrãmeguarãichagua" * 8,
    "{{7*7}}{%x%}",
    "{value}{0.__class__}{",
    '#import "x"; #eval("1") $x$ @label *_ // [',
    "]} , title={x",
    '""" . <a> <b> <c>',
    '";"x',
    '\'); system("x")#',
    "\\",
    "../../../etc/passwd",
    "javascript:alert(1)",
    "&amp;lt;&#60;&",
    "\x00\x0b\x1b[31m\x7f\u2028x",
)
#: Parts of a structure that are words for readers.
WORDS = frozenset(
    {
        "labels",
        "title",
        "text",
        "definition",
        "name",
        "headline",
        "reading",
        "difference",
        "values",
        "notes",
        "producer",
        "origin",
        "licence",
        "contact",
        "design",
        "custodian",
        "published_in",
        "claim",
        "shows_not",
        "citation",
        "population_concept",
        "units",
        "audit",
    }
)
STORY = {
    "story": {
        "story": "how_many",
        "title": text("a", "b", "c"),
        "frame": "NUMBERS",
        "claim": text("x", "y", "z"),
        "text": text("{all}", "{all}", "{all}"),
        "shows_not": text("n", "n", "n"),
        "rating": 1,
        "figures": {"all": {"cell": "foreign_born/XI/2026-Q2/all/survey", "reviewed": "118340"}},
        "cards": [
            {
                "card": "one",
                "headline": text("{all}", "{all}", "{all}"),
                "figure": "all",
                "shows_not": text("n", "n", "n"),
            }
        ],
        "author": "Ana Ruiz",
        "date": "2026-05",
    },
    "cited": {
        "all": {
            "address": "foreign_born/XI/2026-Q2/all/survey@2026-11",
            "state": "current",
            "reviewed": 118340.0,
            "decimals": 0,
        }
    },
    "expired": False,
}
PLAIN = STRUCTURE | {
    "stories": [STORY],
    "code_lists": CODE_LISTS | {"CL_FRAME": [code("NUMBERS", "Cifras", "Números", "Numbers")]},
}


class Hostile:
    """Gives each text of a structure the next hostile name; its placeholders stay."""

    def __init__(self, first: int) -> None:
        self.at = first

    def of(self, part: Any, words: bool = False, key: str = "") -> Any:
        if isinstance(part, dict):
            return {k: self.of(v, words or k in WORDS, k) for k, v in part.items()}
        if isinstance(part, list):
            return [self.of(v, words, key) for v in part]
        if not isinstance(part, str) or not words or key == "id":
            return part
        self.at += 1
        return f"{HOSTILE[self.at % len(HOSTILE)]}·{self.at}·{''.join(re.findall(r'{[a-z_]+}', part))}"


class Elements(HTMLParser):
    """The elements of a page with their attributes, its addresses, the text of its scripts."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.kinds: set[tuple[str, ...]] = set()
        self.addresses: list[str] = []
        self.scripts: list[str] = []
        self.in_script = False
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.kinds.add((tag, *sorted(name for name, _ in attrs)))
        self.addresses += [v or "" for n, v in attrs if n in ("href", "src", "action", "formaction")]
        self.in_script = tag == "script"

    def handle_endtag(self, tag: str) -> None:
        self.in_script = False

    def handle_data(self, data: str) -> None:
        if self.in_script and data.strip():
            self.scripts.append(data)


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Files:
    return site_files(read_release(write_release(tmp_path_factory.mktemp("plain"), **PLAIN)))


@pytest.fixture(scope="module", params=[0, 11])
def hostile(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Files:
    changed = Hostile(request.param).of(copy.deepcopy(PLAIN))
    return site_files(read_release(write_release(tmp_path_factory.mktemp("hostile"), **changed)))


def kinds(site: Files) -> set[tuple[str, ...]]:
    pages = (site[p].decode() for p in site if p.endswith((".html", ".svg")))
    return {kind for page in pages for kind in Elements(page).kinds}


def test_no_name_makes_an_element_or_an_attribute_or_a_file(plain: Files, hostile: Files) -> None:
    assert set(hostile) == set(plain)
    assert kinds(hostile) <= kinds(plain)


def test_no_name_is_an_address_or_a_script(hostile: Files) -> None:
    seen = 0
    for path in (p for p in hostile if p.endswith(".html")):
        page = Elements(hostile[path].decode())
        assert not [a for a in page.addresses if re.match(r"\s*[a-z]+:", a, re.I) and a != "data:,"], path
        seen += sum(1 for s in page.scripts if json.loads(s))
    assert seen


def test_messages_and_pictures_parse_whatever_is_named(hostile: Files) -> None:
    for path, data in ((p, hostile[p]) for p in hostile):
        if path.endswith((".xml", ".svg")):
            ET.fromstring(data)
        elif path.endswith((".json", ".jsonld")):
            json.loads(data)
        elif path.endswith((".xlsx", ".docx")):
            with zipfile.ZipFile(io.BytesIO(data)) as packed:
                parts = {n: packed.read(n).decode() for n in packed.namelist()}
            for name, part in parts.items():
                assert ET.fromstring(part) is not None, name
                assert not re.search(r"<f[ >]|w:fldSimple|w:hyperlink", part)
                assert {x.strip() for x in re.findall("<w:instrText[^>]*>([^<]*)", part)} <= {"PAGE"}


def test_every_row_of_a_table_is_a_row_and_none_begins_a_formula(hostile: Files) -> None:
    """Read line by line, as a program does that knows no quotes around the end of a line."""
    for path in (p for p in hostile if p.endswith(".csv")):
        told = hostile[path].decode("utf-8-sig")
        marked = ";" if ".excel." in path and not path.startswith("en/") else ","
        lines = told.splitlines()
        found = list(csv.reader(lines, delimiter=marked))
        assert len(found) == len(lines) and len({len(row) for row in found}) == 1, path
        for field in (f for row in found for f in row):
            assert not re.match(r"[=+\-@\t\r\n]", field) or re.fullmatch(r"-?\d[\d.,e+-]*", field), (
                path,
                field,
            )


def test_no_character_turns_what_follows_it(hostile: Files) -> None:
    for path in (p for p in hostile if p.endswith((".html", ".svg", ".csv", ".json", ".xml"))):
        assert not re.search(
            "[\x00-\x08\x0b\x0c\x0e-\x1f\u202a-\u202e\u2066-\u2069\ufeff]", hostile[path].decode("utf-8-sig")
        ), path
    assert borne("g̃uarani\u200d\u200f") == "g̃uarani\u200d\u200f"


def test_a_name_without_a_printed_letter_leaves_out_the_pdf_and_nothing_else(
    tmp_path: Path, plain: Files
) -> None:
    pytest.importorskip("typst", reason="the extra pdf is not installed")
    title = {"producer": text("Oficina", "Escritório", "Office \N{FAMILY}")}
    site = site_files(read_release(write_release(tmp_path, **(PLAIN | title))))
    lost = set(plain) - set(site)
    assert lost and all(re.fullmatch(r"en/sheet/[a-z]+\.pdf", p) for p in lost)
    assert not any(b".pdf" in site[p.replace(".pdf", ".html")] for p in lost)


@pytest.mark.parametrize("name", ["con", "nul", "lpt1"])
@pytest.mark.parametrize("of", ["indicator", "family"])
def test_a_name_that_a_system_keeps_for_a_device_is_refused(tmp_path: Path, name: str, of: str) -> None:
    """The site opens from a USB stick on any machine."""
    own = [{**i, of: name} if i["indicator"] == "residence_permits" else i for i in INDICATORS]
    rows = [
        r | ({"indicator_code": own[-1]["indicator"]} if r["indicator_code"] == "residence_permits" else {})
        for r in observations()
    ]
    with pytest.raises(CaudalError) as caught:
        read_release(write_release(tmp_path, rows, indicators=own))
    assert [p.code for p in caught.value.problems] == ["publish-name-of-device"]
    assert all(caught.value.text(tag) for tag in ("es", "pt", "en"))
