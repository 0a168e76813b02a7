"""Every command line that a page or a country folder shows can be typed, and every command is shown."""

from __future__ import annotations

import argparse
import re
import shlex
from pathlib import Path

import pytest

from caudal.cli.parser import parser
from tests.docs.running import ROOT, caudal_lines

PAGES = sorted(
    [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *(ROOT / "examples").rglob("*.yaml")],
    key=lambda p: p.as_posix(),
)


def name(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def subcommands() -> set[str]:
    actions = [a for a in parser()._actions if isinstance(a, argparse._SubParsersAction)]
    return {command for a in actions for command in a.choices}


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_shown_commands_can_be_typed(page: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for line in caudal_lines(page):
        words = ["1" if w.isalpha() and w.isupper() else w for w in shlex.split(line)[1:]]  # ADDRESS, VALUE
        if len(words) == 1:  # a mention
            words.append("--help")
        try:
            parser().parse_args(words)
        except SystemExit as end:
            assert end.code == 0, f"{line}\n{capsys.readouterr().err}"


def test_every_command_is_documented() -> None:
    pages = [p for p in PAGES if p.suffix == ".md"]
    shown = {line.split()[1] for page in pages for line in caudal_lines(page)}
    assert subcommands() - shown == set()


@pytest.mark.parametrize("page", [p for p in PAGES if p.suffix == ".md"], ids=name)
def test_links_inside_the_repository_lead_somewhere(page: Path) -> None:
    text = re.sub(r"```.*?```", "", page.read_text(encoding="utf-8"), flags=re.DOTALL)
    links = re.findall(r"\]\(([^)#:\s]+)(?:#[^)]*)?\)", text)
    broken = [link for link in links if not (page.parent / link).exists()]
    assert broken == []


@pytest.mark.parametrize("page", sorted(ROOT.glob("*.md")), ids=name)
def test_shown_targets_of_make_exist(page: Path) -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    shown = re.findall(r"(?:^\$? ?|`)make ([a-z-]+)", page.read_text(encoding="utf-8"), flags=re.MULTILINE)
    assert [t for t in shown if not re.search(rf"^{t}:", makefile, flags=re.MULTILINE)] == []
