"""No code knows an indicator or a country by name: what is particular stands in files."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from caudal.catalogue import load_catalogue
from caudal.model.record import record_kinds

SOURCE = Path(__file__).resolve().parents[2] / "src" / "caudal"
#: The fictional country is made by code, and says so.
MODULES = sorted(f for f in SOURCE.rglob("*.py") if "simulate" not in f.parts)
CATALOGUE = load_catalogue()[0]
COUNTRIES = {code for code in CATALOGUE.code_lists["CL_COUNTRY"].codes if len(code) == 2 and code.isalpha()}
INDICATORS = {name for name in CATALOGUE.indicators if "_" in name}
#: Codes of units and columns that happen to be written alike, and R's word for what is missing.
ALIKE = {
    *CATALOGUE.code_lists["CL_UNIT"].codes,
    *(c.name for kind in record_kinds().values() for c in kind.columns),
    "NA",
}
PARTICULAR = (COUNTRIES | INDICATORS) - ALIKE


def texts(tree: ast.Module) -> list[str]:
    """The string constants of a module, without its docstrings and its list of exports."""
    documented = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
    docstrings = {id(n.body[0].value) for n in ast.walk(tree) if isinstance(n, documented) and n.body
                  and isinstance(n.body[0], ast.Expr)}  # fmt: skip
    bodies = [
        n for n in tree.body if not (isinstance(n, ast.Assign) and ast.unparse(n.targets[0]) == "__all__")
    ]
    constants = (
        n
        for body in bodies
        for n in ast.walk(body)
        if isinstance(n, ast.Constant) and id(n) not in docstrings
    )
    return [n.value for n in constants if isinstance(n.value, str)]


@pytest.mark.parametrize("module", MODULES, ids=lambda p: p.relative_to(SOURCE).as_posix())
def test_no_code_names_an_indicator_or_a_country(module: Path) -> None:
    assert PARTICULAR.intersection(texts(ast.parse(module.read_text(encoding="utf-8")))) == set()


def test_what_is_particular_would_be_found() -> None:
    tree = ast.parse('"""unemployment_rate"""\nif country == "AR":\n    f("unemployment_rate")')
    assert PARTICULAR.intersection(texts(tree)) == {"AR", "unemployment_rate"}
