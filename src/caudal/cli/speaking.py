"""Help and complaints of the command line in the reader's language.

The parser is written in English; the texts of ``help.yaml`` take the place of its own, looked up by the
English text. A text that is not there stays as it is (examples are command lines and need no translation).
"""

from __future__ import annotations

import argparse
import os
import re
import textwrap
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from importlib.resources import files
from typing import Any, NoReturn

LANGUAGES = ("es", "pt", "en")
_WIDTH = 110
_COMMAND = re.compile(r"(?P<command>\s+\S.*?)(?P<gap>\s{2,})(?P<text>\S.*)")


class SpeakingParser(argparse.ArgumentParser):
    """A parser whose help and complaints are in ``language``."""

    language = "en"

    def format_help(self) -> str:
        """The help, with the word before the usage in its language."""
        return self._own_words(super().format_help())

    def format_usage(self) -> str:
        """The usage, with the word before it in its language."""
        return self._own_words(super().format_usage())

    def error(self, message: str) -> NoReturn:
        """Says what cannot be read, and ends."""
        self.exit(2, f"{self.format_usage()}{self.prog}: {self._word('error')}: {self._complaint(message)}\n")

    def _own_words(self, text: str) -> str:
        usage = "usage: "
        return self._word(usage) + text.removeprefix(usage) if text.startswith(usage) else text

    def _word(self, text: str) -> str:
        return _translation(text, self.language) or text

    def _complaint(self, message: str) -> str:
        for entry in _table()["errors"] if self.language != "en" else ():
            if found := re.fullmatch(entry["match"], message, re.DOTALL):
                return str(entry[self.language]).format(*found.groups())
        return message


def language_of(arguments: Sequence[str]) -> str:
    """The language that a command line asks for, else that of the machine.

    >>> language_of(["check", "--language", "pt"]), language_of(["--language=es"])
    ('pt', 'es')
    """
    for place, word in enumerate(arguments):
        said = word.partition("=")[2] if word.startswith("--language=") else ""
        if word == "--language" and place + 1 < len(arguments):
            said = arguments[place + 1]
        if said in LANGUAGES:
            return said
    return language_of_the_machine()


def language_of_the_machine() -> str:
    """Spanish, Portuguese or English, as the environment says; English where it says another."""
    for name in ("CAUDAL_LANGUAGE", "LC_ALL", "LC_MESSAGES", "LANG"):
        tag = os.environ.get(name, "")[:2].lower()
        if tag in LANGUAGES:
            return tag
    return "en"


def spoken(parser: SpeakingParser, language: str) -> SpeakingParser:
    """``parser``, with the texts of it and of its commands in ``language``."""
    for one in parsers(parser):
        one.language = language
        if language != "en":
            _translate(one, language)
    return parser


def parsers(parser: argparse.ArgumentParser) -> Iterator[Any]:
    """A parser and those of its commands, to the last."""
    yield parser
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for child in dict.fromkeys(action.choices.values()):
                yield from parsers(child)


def translated(text: str, language: str) -> str:
    """A text of the help in ``language``, paragraph by paragraph where it is not known whole.

    >>> translated("no progress", "es"), translated("A thing that nobody translated", "es")
    ('sin avance', 'A thing that nobody translated')
    """
    whole = _translation(text, language)
    return whole or "\n\n".join(_paragraph(p, language) for p in text.split("\n\n"))


def _translate(parser: argparse.ArgumentParser, language: str) -> None:
    parser.description = translated(parser.description or "", language) or None
    parser.epilog = translated(parser.epilog or "", language) or None
    for group in parser._action_groups:
        group.title = translated(group.title or "", language)
    actions = [a for a in parser._actions]
    for action in parser._actions:
        actions += getattr(action, "_choices_actions", [])
    done: set[int] = set()
    for action in actions:
        if id(action) in done:
            continue
        done.add(id(action))
        if action.help and action.help is not argparse.SUPPRESS:
            action.help = translated(action.help, language)
        if isinstance(action.metavar, str):
            action.metavar = _named(action.metavar, language)


def _paragraph(text: str, language: str) -> str:
    if whole := _translation(" ".join(text.split()), language):
        return textwrap.fill(whole, _WIDTH)
    return "\n".join(_line(line, language) for line in text.split("\n"))


def _line(line: str, language: str) -> str:
    if known := _translation(line, language):
        return known
    if (parts := _COMMAND.fullmatch(line)) and (known := _translation(parts["text"], language)):
        width = len(parts["command"]) + len(parts["gap"])
        return f"{_named(parts['command'], language):<{width - 2}}  {known}"
    return line


def _named(text: str, language: str) -> str:
    names: Mapping[str, Mapping[str, str]] = _table()["metavars"]
    return re.sub(r"\b[A-Z]{3,}\b", lambda m: names.get(m[0], {}).get(language, m[0]), text)


def _translation(text: str, language: str) -> str:
    found: Mapping[str, str] = _table()["texts"].get(text, {})
    return found.get(language, "")


@cache
def _table() -> Mapping[str, Any]:
    from ruamel.yaml import YAML

    text = files("caudal.cli").joinpath("help.yaml").read_text(encoding="utf-8")
    table: Mapping[str, Any] = YAML(typ="safe", pure=True).load(text)
    return table
