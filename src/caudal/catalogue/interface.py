"""The texts of the interface as rows: the files of ``pages/`` flattened to keys, for labels and translators.

A key is the path to a text, as in ``text/home``; items of a list are numbered from 01. Regional variants
of the marks of numbers belong to a language alone and are not asked of another.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Any

from ruamel.yaml import YAML

_PAGES = Path(__file__).parent / "pages"
#: The language whose file says which texts there are.
REFERENCE = "en"


def has_interface(language: str) -> bool:
    """Whether a language tag, or the language of its family, has a file of texts.

    >>> has_interface("es-AR"), has_interface("fr")
    (True, False)
    """
    return (_PAGES / f"{language.partition('-')[0]}.yaml").is_file()


@cache
def required_texts() -> Mapping[str, str]:
    """Key -> text in the reference language, for every text that a language needs; what says nothing there
    (the word for a normal figure) needs no text."""
    texts = interface_texts(REFERENCE)
    return MappingProxyType({k: v for k, v in texts.items() if v and not k.startswith("regions/")})


@cache
def interface_texts(language: str) -> Mapping[str, str]:
    """The file of a language as texts by key."""
    parsed = YAML(typ="safe", pure=True).load((_PAGES / f"{language}.yaml").read_text(encoding="utf-8"))
    return MappingProxyType(dict(_flat(parsed)))


def _flat(value: Any, key: str = "") -> Iterator[tuple[str, str]]:
    if isinstance(value, dict):
        items = [(str(k), v) for k, v in value.items()]
    elif isinstance(value, list):
        items = [(f"{i:02d}", v) for i, v in enumerate(value, 1)]
    else:
        yield key, str(value)
        return
    for name, inner in items:
        yield from _flat(inner, f"{key}/{name}" if key else name)
