"""The tutorial works: every command runs, every file in it is read, and both languages say the same."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.docs.running import ROOT, blocks, commands, run_page

TUTORIALS = {"en": ROOT / "docs" / "tutorial.md", "es": ROOT / "docs" / "tutorial.es.md"}


@pytest.mark.parametrize("language", ["en", pytest.param("es", marks=pytest.mark.long)])
def test_everything_in_the_tutorial_happens(language: str, tmp_path: Path) -> None:
    wrong = run_page(TUTORIALS[language], tmp_path, language)
    assert not wrong, "\n\n".join(wrong)


def test_both_languages_tell_the_same_commands_and_files() -> None:
    told = {
        language: [
            *([c.text for b in blocks(page) if b.language == "console" for c in commands(b)]),
            *([(b.options, b.text) for b in blocks(page) if any("=" in o for o in b.options)]),
        ]
        for language, page in TUTORIALS.items()
    }
    assert told["en"] == told["es"]
    assert len(told["en"]) > 10
