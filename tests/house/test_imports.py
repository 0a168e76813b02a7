"""The rule of the house: a room imports the ground and the rooms before it, never one after it."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

import caudal
from caudal.engine.code import ROOMS

PACKAGE = Path(caudal.__file__).parent
GROUND = {
    "errors": set[str](),
    "model": {"errors"},
    "engine": {"errors", "model", "catalogue"},
    "catalogue": {"errors", "model", "engine"},
}


def allowed_for(room: str) -> set[str]:
    """What a room may import besides itself."""
    if room in GROUND:
        return GROUND[room]
    return {*GROUND, *ROOMS[: ROOMS.index(room)]}


def caudal_imports(tree: ast.AST) -> set[str]:
    """First part below ``caudal`` of every import in a module."""
    found: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {a.name.split(".")[1] for a in node.names if a.name.startswith("caudal.")}
        elif isinstance(node, ast.ImportFrom) and node.module and node.module.split(".")[0] == "caudal":
            parts = node.module.split(".")
            found |= {parts[1]} if len(parts) > 1 else {a.name for a in node.names}
    return found - {"__version__"}


def modules() -> list[Path]:
    """Every module that lies in a room."""
    return sorted(p for p in PACKAGE.rglob("*.py") if p.parent != PACKAGE or p.stem == "errors")


@pytest.mark.parametrize("module", modules(), ids=lambda p: p.relative_to(PACKAGE).as_posix())
def test_a_room_imports_only_what_lies_before_it(module: Path) -> None:
    room = module.relative_to(PACKAGE).parts[0].removesuffix(".py")
    if room in ("river", "cli"):
        return  # the desk: it alone knows all rooms
    strange = caudal_imports(ast.parse(module.read_text(encoding="utf-8"))) - allowed_for(room) - {room}
    assert not strange, f"{module.relative_to(PACKAGE)} may not import {sorted(strange)}"


def test_the_rule_would_catch_a_forbidden_import() -> None:
    tree = ast.parse("from caudal.publish import site\nimport caudal.protect.gate")
    assert caudal_imports(tree) - allowed_for("estimate") == {"publish", "protect"}


def test_no_empty_room() -> None:
    for room in PACKAGE.iterdir():
        if room.is_dir() and room.name != "__pycache__":
            assert any(room.rglob("*.py")), f"{room.name} holds nothing"


def test_publishing_has_no_path_to_records() -> None:
    """The public side reads releases: no module of it names records, the cache or the raw files."""
    for module in (PACKAGE / "publish").rglob("*.py"):
        names = caudal_imports(ast.parse(module.read_text(encoding="utf-8")))
        assert not names & {"collect", "harmonise", "estimate", "protect", "simulate", "link"}, module
