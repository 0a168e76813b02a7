"""Runs what a page of the documentation tells its reader to do.

In a page, a block ``console`` holds commands behind ``$`` and, below each, what it prints; ``console fails``
holds commands that must fail. A block with ``file=PATH`` is a file that the reader saves, one with
``add=PATH`` lines that she adds at the end of a file, a block ``diff in=PATH`` lines that she replaces.
Other blocks are only read.

Printed lines are compared without their numbers, which depend on the size of the population; ``...`` stands
for anything. Populations are made small and most indicators are left out, so that a page runs in seconds.
"""

from __future__ import annotations

import contextlib
import io
import re
import shlex
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from caudal.catalogue import load_catalogue
from caudal.cli import main

ROOT = Path(__file__).resolve().parents[2]
SMALL = 10_000
#: Indicators that the pages speak of; the others are left out of the release.
TOLD = {"unemployment_rate", "foreign_citizens", "residences_granted"}

_FENCE = re.compile(r"^```(?P<info>[^\n`]*)\n(?P<text>.*?)^```\s*$", re.MULTILINE | re.DOTALL)
_NUMBER = re.compile(r"[0-9a-f]{8,}|\d[\d.,:]*")
_ANY = "..."


@dataclass(frozen=True)
class Block:
    """A fenced block of a page: its language, options (``name=value``, or words alone), text and line."""

    page: str
    line: int
    language: str
    options: tuple[str, ...]
    text: str

    def option(self, name: str) -> str:
        """The value of an option; empty where it has none."""
        return next((o.split("=", 1)[1] for o in self.options if o.startswith(f"{name}=")), "")

    @property
    def fails(self) -> bool:
        """Whether its commands must fail."""
        return "fails" in self.options

    @property
    def where(self) -> str:
        """``page:line``."""
        return f"{self.page}:{self.line}"


@dataclass(frozen=True)
class Command:
    """A command of a console block, and the lines that the page says it prints."""

    text: str
    printed: tuple[str, ...]


def blocks(page: Path) -> list[Block]:
    """All fenced blocks of a page, in order."""
    text = page.read_text(encoding="utf-8")
    found = []
    for match in _FENCE.finditer(text):
        words = match["info"].split()
        line = text.count("\n", 0, match.start()) + 1
        found.append(Block(page.name, line, words[0] if words else "", tuple(words[1:]), match["text"]))
    return found


def commands(block: Block) -> Iterator[Command]:
    """The commands of a console block."""
    for part in re.split(r"^\$ ", block.text, flags=re.MULTILINE)[1:]:
        first, *printed = part.replace("\\\n", " ").splitlines()
        yield Command(" ".join(first.split()), tuple(line for line in printed if line.strip()))


def caudal_lines(page: Path) -> list[str]:
    """Every command line of ``caudal`` in a page, inside blocks and in the text."""
    text = page.read_text(encoding="utf-8").replace("\\\n", " ")
    inline = re.findall(r"`(caudal [a-z][^`\n]*)`", text)
    listed = re.findall(
        r"^(?:\$ |# +|\s*)(?:\.venv/bin/)?(caudal [a-z].*?)(?:  .*)?$", text, flags=re.MULTILINE
    )
    return list(dict.fromkeys(" ".join(c.split()) for c in [*inline, *listed]))


def run_page(page: Path, place: Path, language: str) -> list[str]:
    """Does in ``place`` what ``page`` says; returns everything that is not as it says, with its line."""
    shutil.copytree(
        ROOT / "examples",
        place / "examples",
        ignore=shutil.ignore_patterns("data", "releases", ".caudal"),
    )
    _leave_out_most(place / "examples" / "istmo" / "publication.yaml")
    wrong: list[str] = []
    for block in blocks(page):
        if block.language == "console":
            wrong.extend(_run_block(block, place, language))
        elif name := block.option("file"):
            (place / name).parent.mkdir(parents=True, exist_ok=True)
            (place / name).write_text(block.text, encoding="utf-8")
        elif name := block.option("add"):
            with (place / name).open("a", encoding="utf-8") as stream:
                stream.write(block.text)
        elif name := block.option("in"):
            wrong.extend(_replace(block, place / name))
    return wrong


def _leave_out_most(publication: Path) -> None:
    catalogue, _ = load_catalogue()
    kept = re.sub(
        r"^leave_out:.*\n(?:  .*\n)*", "", publication.read_text(encoding="utf-8"), flags=re.MULTILINE
    )
    names = ", ".join(sorted(set(catalogue.indicators) - TOLD))
    publication.write_text(f"{kept}leave_out: [{names}]\n", encoding="utf-8")


def _replace(block: Block, file: Path) -> Iterator[str]:
    """Replaces in ``file`` the lines of a diff; each must stand there once."""
    text = file.read_text(encoding="utf-8")
    lines = block.text.splitlines()
    old = "".join(f"{line[1:]}\n" for line in lines if line.startswith("-"))
    new = "".join(f"{line[1:]}\n" for line in lines if line.startswith("+"))
    if text.count(old) != 1:
        yield f"{block.where}: stands {text.count(old)} times in {file.name}:\n{old}"
    file.write_text(text.replace(old, new), encoding="utf-8")


def _run_block(block: Block, place: Path, language: str) -> Iterator[str]:
    for command in commands(block):
        code, said = _run(command.text, place, language)
        if (code != 0) is not block.fails:
            yield f"{block.where}: {command.text} ended with {code}\n{said}"
        elif (line := missing_line(command.printed, said)) is not None:
            yield f"{block.where}: {command.text} does not print\n{line}\nbut\n{said}"


def _run(command: str, place: Path, language: str) -> tuple[int, str]:
    """Exit code and output of a command; only ``caudal``, ``cp -r`` and ``mv`` are known."""
    program, *rest = shlex.split(command)
    if program == "cp":
        shutil.copytree(place / rest[1], place / rest[2])
        return 0, ""
    if program == "mv":
        shutil.move(place / rest[0], place / rest[1])
        return 0, ""
    if "--persons" in rest:
        rest[rest.index("--persons") + 1] = str(SMALL)
    assert program == "caudal", command
    said = io.StringIO()
    with contextlib.chdir(place), contextlib.redirect_stdout(said), contextlib.redirect_stderr(said):
        try:
            code = main([*rest, "--language", language])
        except SystemExit as end:
            code = int(end.code or 0)
    return code, said.getvalue()


def missing_line(printed: Sequence[str], said: str) -> str | None:
    """The first line of ``printed`` that does not come, in this order, in ``said``; None where all do.

    >>> missing_line(["12 cells, ...", "end"], "x\\n7 cells, 3 withheld\\nend\\n") is None
    True
    >>> missing_line(["end", "12 cells"], "12 cells\\nend\\n")
    '12 cells'
    """
    lines = iter([_shape(line) for line in said.splitlines()])
    for line in printed:
        if line.strip() == _ANY:
            continue
        pattern = ".*".join(re.escape(_shape(part)) for part in line.split(_ANY))
        if not any(re.fullmatch(pattern, actual) for actual in lines):
            return line
    return None


def _shape(line: str) -> str:
    return _NUMBER.sub("0", " ".join(line.split()))
