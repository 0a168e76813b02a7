"""The words of the pages: ``glossary.yaml``."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from pydantic import Field

from caudal.engine.specs import read_document, validate
from caudal.errors import CaudalError
from caudal.model.spec import Name, Spec, Text

_FILE = Path(__file__).parent / "glossary.yaml"


class Term(Spec):
    """A word: what it means here, whose meaning that is (empty: this project's), whether the wording was
    ``checked`` against it, and what it is not."""

    term: Name
    name: Text
    text: Text
    source: str = ""
    checked: bool = False
    confused_with: tuple[Name, ...] = Field((), alias="not")


class _Glossary(Spec):
    terms: tuple[Term, ...]


@cache
def glossary() -> tuple[Term, ...]:
    """All terms, in the order of the file.

    >>> glossary()[0].name["pt"]
    'Residência habitual'
    """
    spec, problems = validate(read_document(_FILE), _Glossary)
    if spec is None:
        raise CaudalError(*problems)
    return spec.terms
