"""Every error is catalogued, in three languages, with the same facts in each."""

from __future__ import annotations

import ast
import string
from functools import cache
from pathlib import Path

import pytest

from caudal.errors import EXIT_CODES, CaudalError, error_catalogue, problem

SOURCES = Path(__file__).resolve().parents[2] / "src"
LANGUAGES = ("es", "pt", "en")


def facts_in(text: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(text) if name}


@pytest.mark.parametrize("code", sorted(error_catalogue()))
def test_texts_are_whole(code: str) -> None:
    entry = error_catalogue()[code]
    assert entry["category"] in EXIT_CODES
    for part in ("what", "fix", *(["fix_otherwise"] if "fix_otherwise" in entry else [])):
        assert set(entry[part]) == set(LANGUAGES), f"{code}: {part}"
        assert len({frozenset(facts_in(entry[part][lang])) for lang in LANGUAGES}) == 1, f"{code}: {part}"


@cache
def codes_in_use() -> dict[str, tuple[str, set[str]]]:
    """Code -> a place where it is raised, and the facts given there."""
    used: dict[str, tuple[str, set[str]]] = {}
    for path in SOURCES.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "problem" and node.args:
                code = node.args[0]
                if isinstance(code, ast.Constant):
                    given = {k.arg or "**" for k in node.keywords}
                    used[str(code.value)] = (f"{path.name}:{node.lineno}", given)
    return used


@pytest.mark.parametrize("code", sorted(codes_in_use()))
def test_every_raised_code_is_catalogued_with_its_facts(code: str) -> None:
    place, given = codes_in_use()[code]
    assert code in error_catalogue(), place
    entry = error_catalogue()[code]
    needed = facts_in(entry["what"]["en"]) | facts_in(entry["fix"]["en"])
    assert "**" in given or needed <= given, f"{place} gives {sorted(given)}, the text needs {sorted(needed)}"


def test_an_error_says_where_what_and_how_to_go_on() -> None:
    facts = {"kind": "column", "found": "sexx", "allowed": ["sex"], "nearest": "sex"}
    found = problem("unknown-name", where="a.yaml:3", **facts)
    error = CaudalError(found)
    for language in LANGUAGES:
        text = error.text(language)
        assert text.startswith("a.yaml:3: ") and "sexx" in text and text.endswith("[unknown-name]")
    assert error.exit_code == EXIT_CODES["spec"]


def test_an_unknown_code_is_refused() -> None:
    with pytest.raises(KeyError):
        problem("no-such-code")
