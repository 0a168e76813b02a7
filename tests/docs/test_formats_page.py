"""The page of formats works: its files are read, its commands say what it says that they say."""

from __future__ import annotations

import re
from pathlib import Path
from typing import get_args

import pytest

from caudal.collect import formats
from caudal.model.source import Format
from tests.docs.running import ROOT, run_page

PAGES = {"en": ROOT / "docs" / "formats.md", "es": ROOT / "docs" / "formats.es.md"}


@pytest.mark.parametrize("language", PAGES)
def test_everything_on_the_page_happens(tmp_path: Path, language: str) -> None:
    wrong = run_page(PAGES[language], tmp_path, language)
    assert not wrong, "\n\n".join(wrong)


@pytest.mark.parametrize("page", PAGES.values())
def test_every_format_is_on_the_page_and_has_a_module(page: Path) -> None:
    union = get_args(Format)[0]
    types = {get_args(t.model_fields["type"].annotation)[0] for t in get_args(union)}
    modules = {p.stem for p in Path(formats.__file__).parent.glob("*.py")} - {"__init__"}
    told = set(re.findall(r"^\| `(\w+)` \|", page.read_text(encoding="utf-8"), flags=re.MULTILINE)) - {"type"}
    assert types == modules == told
