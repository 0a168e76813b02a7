"""Errors written for a statistician: what is wrong, where, what is allowed, what to do, whether to retry.

The texts live in ``catalogue/errors/<room>.yaml``, by code and language; code names only the code and
the facts. One :class:`CaudalError` carries all problems found at once, not the first.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from typing import Any, Protocol, runtime_checkable

#: Exit code of the command line by category of error.
EXIT_CODES: Mapping[str, int] = {
    "usage": 2,
    "spec": 3,
    "input": 4,
    "gate": 5,
    "integrity": 6,
    "environment": 7,
}


_RETRY: Mapping[str, str] = {
    "en": "Retrying may help. ",
    "es": "Reintentar puede servir. ",
    "pt": "Tentar de novo pode ajudar. ",
}


@runtime_checkable
class Spoken(Protocol):
    """A fact that is told in the language of the message."""

    def text(self, language: str) -> str:
        """The fact in ``language``."""


@dataclass(frozen=True)
class Problem:
    """One thing that is wrong. ``where`` is ``file:line`` or another place that a person can open."""

    code: str
    where: str = ""
    facts: Mapping[str, Any] = field(default_factory=dict)

    @property
    def category(self) -> str:
        """The kind of error, which decides the exit code."""
        return str(_entry(self.code)["category"])

    @property
    def retry(self) -> bool:
        """Whether the same command may succeed later without a change."""
        return bool(_entry(self.code).get("retry", False))

    def text(self, language: str = "en") -> str:
        """What is wrong and what to do, in ``language`` (English where a translation is missing)."""
        entry = _entry(self.code)
        facts = {k: _shown(v, language) for k, v in self.facts.items()}
        what = _in(entry["what"], language).format_map(_Facts(facts))
        nothing_near = "nearest" in self.facts and self.facts["nearest"] is None
        advice = entry.get("fix_otherwise") if nothing_near else entry["fix"]
        fix = _in(advice, language).format_map(_Facts(facts)) + " " if advice else ""
        place = f"{self.where}: " if self.where else ""
        retry = _in(_RETRY, language) if self.retry else ""
        return f"{place}{what} {fix}{retry}[{self.code}]"


class CaudalError(Exception):
    """Everything that was wrong, each problem with its place and its way on.

    >>> from caudal.errors import CaudalError, problem
    >>> e = CaudalError(problem("unknown-name", where="a.yaml:3", kind="column", found="sexx",
    ...                         allowed=["age", "sex"], nearest="sex"))
    >>> "a.yaml:3" in str(e) and "sex" in str(e)
    True
    """

    def __init__(self, *problems: Problem) -> None:
        self.problems = problems
        super().__init__("\n".join(p.text() for p in problems))

    @property
    def exit_code(self) -> int:
        """The exit code of the first problem's category."""
        return EXIT_CODES[self.problems[0].category]

    def text(self, language: str = "en") -> str:
        """All problems, one paragraph each, in ``language``."""
        return "\n".join(p.text(language) for p in self.problems)


def problem(code: str, *, where: str = "", **facts: Any) -> Problem:
    """A problem with a catalogued ``code``; raises ``KeyError`` for a code that no catalogue knows."""
    _entry(code)
    return Problem(code, where, facts)


def nearest(name: str, allowed: Iterable[str]) -> str | None:
    """The allowed name most like ``name``, or None when nothing is near.

    >>> nearest("sexo_code", ["sex_code", "age_code"])
    'sex_code'
    """
    found = difflib.get_close_matches(name, sorted(allowed), n=1, cutoff=0.6)
    return found[0] if found else None


def unknown(kind: str, found: str, allowed: Iterable[str], *, where: str = "") -> Problem:
    """The problem of a name that is not among ``allowed``: it tells which are, and the nearest.

    >>> unknown("column", "sexo_code", ["sex_code", "age_code"]).facts["nearest"]
    'sex_code'
    """
    names = list(allowed)
    return problem(
        "unknown-name", where=where, kind=kind, found=found, allowed=names, nearest=nearest(found, names)
    )


class _Facts(dict[str, str]):
    def __missing__(self, key: str) -> str:
        return "?"


def _shown(value: Any, language: str) -> str:
    if value is None:
        return "—"
    if isinstance(value, Spoken):
        return value.text(language)
    if isinstance(value, (list, tuple, set, frozenset)):
        shown = [_shown(v, language) for v in value]
        more = f" … (+{len(shown) - 40})" if len(shown) > 40 else ""
        between = "; " if any(isinstance(v, Spoken) for v in value) else ", "
        return between.join(shown[:40]) + more
    return str(value)


def _in(texts: Mapping[str, str], language: str) -> str:
    return texts.get(language) or texts["en"]


def _entry(code: str) -> Mapping[str, Any]:
    return error_catalogue()[code]


@cache
def error_catalogue() -> Mapping[str, Mapping[str, Any]]:
    """All error codes with category, texts by language and whether a retry can help."""
    from ruamel.yaml import YAML

    entries: dict[str, Mapping[str, Any]] = {}
    for page in sorted(files("caudal.catalogue").joinpath("errors").iterdir(), key=lambda p: p.name):
        if page.name.endswith(".yaml"):
            entries.update(YAML(typ="safe", pure=True).load(page.read_text(encoding="utf-8")) or {})
    return entries
