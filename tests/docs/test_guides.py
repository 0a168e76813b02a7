"""The how-to guides work: every command runs, every file in them is read, and both languages say the same."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.docs.running import ROOT, blocks, commands, run_page

GUIDES = sorted(p for p in (ROOT / "docs" / "guides").glob("add-*.md") if not p.name.endswith(".es.md"))


def spanish(page: Path) -> Path:
    return page.with_name(f"{page.stem}.es.md")


#: They build the country, as the tutorial does, and therefore run with the long tests.
LONG = {"add-a-delivery", "add-a-protection-rule"}


def in_time(page: Path) -> object:
    return pytest.param(page, marks=pytest.mark.long) if page.stem in LONG else page


@pytest.mark.parametrize("page", [in_time(p) for p in GUIDES])
def test_everything_in_a_guide_happens(page: Path, tmp_path: Path) -> None:
    wrong = run_page(page, tmp_path, "en")
    assert not wrong, "\n\n".join(wrong)


@pytest.mark.long
@pytest.mark.parametrize("page", GUIDES, ids=lambda p: p.stem)
def test_and_in_spanish(page: Path, tmp_path: Path) -> None:
    wrong = run_page(spanish(page), tmp_path, "es")
    assert not wrong, "\n\n".join(wrong)


@pytest.mark.parametrize("page", GUIDES, ids=lambda p: p.stem)
def test_both_languages_tell_the_same_commands_and_files(page: Path) -> None:
    def told(found: Path) -> list[object]:
        own = blocks(found)
        said: list[object] = [c.text for b in own if b.language == "console" for c in commands(b)]
        return said + [(b.options, b.text) for b in own if any("=" in o for o in b.options)]

    assert told(page) == told(spanish(page))
    assert told(page)


def test_there_are_five() -> None:
    assert len(GUIDES) == 5
