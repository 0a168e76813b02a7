"""The page on estimating from a survey file works, in both languages."""

from pathlib import Path

import pytest

from tests.docs.running import ROOT, blocks, commands, run_page

PAGE = ROOT / "docs" / "guides" / "estimate-a-survey.md"
SPANISH = PAGE.with_name("estimate-a-survey.es.md")


@pytest.mark.parametrize(("page", "language"), [(PAGE, "en"), (SPANISH, "es")])
def test_everything_on_the_page_happens(page: Path, language: str, tmp_path: Path) -> None:
    wrong = run_page(page, tmp_path, language)
    assert not wrong, "\n\n".join(wrong)


def test_both_languages_tell_the_same_commands() -> None:
    def told(page: Path) -> list[str]:
        return [c.text for b in blocks(page) if b.language == "console" for c in commands(b)]

    assert told(PAGE) == told(SPANISH)
    assert len(told(PAGE)) == 8
