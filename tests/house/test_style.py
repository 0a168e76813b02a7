"""Lints on ourselves: what a reader would stumble over."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SOURCES = sorted((ROOT / "src").rglob("*.py"))
ALL = sorted(p for part in ("src", "tests", "benchmarks") for p in (ROOT / part).rglob("*.py"))
MARKS = re.compile(r"\b(TO" + r"DO|FIX" + r"ME|XX" + r"X|HA" + r"CK)\b|NotImplemented" + r"Error")


def name(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


@pytest.mark.parametrize("path", ALL, ids=name)
def test_a_file_can_be_held_in_the_head(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert text.count("\n") <= 600
    assert not MARKS.search(text)


@pytest.mark.parametrize("path", SOURCES, ids=name)
def test_functions_are_small_and_modules_say_what_they_do(path: Path) -> None:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    assert ast.get_docstring(tree), "a module says what it is for"
    for node in ast.walk(tree):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            length = (node.end_lineno or node.lineno) - node.lineno + 1
            assert length <= 70, f"{node.name} is {length} lines long"
            documented = node.name.startswith("_") or ast.get_docstring(node) or _is_nested(tree, node)
            assert documented, f"{node.name} has no docstring"


def _is_nested(tree: ast.AST, function: ast.AST) -> bool:
    """Whether a function lies inside another, or is a method of a private class."""
    for node in ast.walk(tree):
        inside = isinstance(node, ast.FunctionDef) and node is not function
        private = isinstance(node, ast.ClassDef) and node.name.startswith("_")
        if (inside or private) and function in ast.walk(node):
            return True
    return False


@pytest.mark.parametrize("path", SOURCES, ids=name)
def test_only_the_command_line_prints(path: Path) -> None:
    if path.relative_to(ROOT / "src" / "caudal").parts[0] in ("cli.py", "cli"):
        return
    calls = [n for n in ast.walk(ast.parse(path.read_text(encoding="utf-8"))) if isinstance(n, ast.Call)]
    assert not [c for c in calls if isinstance(c.func, ast.Name) and c.func.id == "print"]
