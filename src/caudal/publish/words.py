"""The words of the pages: one file of texts for each language, ``catalogue/pages/<language>.yaml``.

A file holds the sentences of the interface, the words for codes that every release shares (status,
reliability, methods, notes on errors), the marks of numbers with their regional variants, and the names
of periods. A new language is a new file; nothing in code names one.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cache
from importlib.resources import files
from typing import Any

from caudal.errors import CaudalError, nearest, problem
from caudal.publish.numbers import NumberStyle, TimeStyle


@dataclass(frozen=True)
class Words:
    """All that the interface says in one language. ``text`` is keyed by the names that templates use;
    ``lists`` holds words by code (``reliability``, ``obs_status``, ``special``, ``methods`` ...)."""

    language: str
    name: str
    text: Mapping[str, str]
    lists: Mapping[str, Mapping[str, str]]
    numbers: NumberStyle
    times: TimeStyle

    def word(self, list_name: str, code: str) -> str | None:
        """The word for ``code`` in a list, or None where the language has none."""
        return self.lists.get(list_name, {}).get(code)


def languages() -> tuple[str, ...]:
    """Languages that have a file of texts."""
    found = (p.name for p in files("caudal.catalogue").joinpath("pages").iterdir())
    return tuple(sorted(n.removesuffix(".yaml") for n in found if n.endswith(".yaml")))


@cache
def words(tag: str) -> Words:
    """The words for a language tag: ``es-MX`` takes the texts of ``es`` and the numbers of Mexico.

    Raises :class:`CaudalError` (spec) for a language without texts.

    >>> words("es").numbers.decimal, words("es-MX").numbers.decimal
    (',', '.')
    """
    language, _, region = tag.partition("-")
    known = languages()
    if language not in known:
        raise CaudalError(
            problem("publish-no-texts", found=tag, allowed=known, nearest=nearest(language, known))
        )
    page = (
        files("caudal.catalogue").joinpath("pages").joinpath(f"{language}.yaml").read_text(encoding="utf-8")
    )
    found = from_page(tag, _parse(page))
    if not region:
        return found
    regions = _parse(page).get("regions", {})
    return replace(found, numbers=NumberStyle(**regions[region])) if region in regions else found


def from_page(tag: str, page: Mapping[str, Any]) -> Words:
    """The words that one parsed file of texts holds."""
    times = page["times"]
    return Words(
        language=tag,
        name=page["name"],
        text=page["text"],
        lists=page["lists"],
        numbers=NumberStyle(**page["numbers"]),
        times=TimeStyle(times["patterns"], {k: tuple(v) for k, v in times["names"].items()}),
    )


def _parse(page: str) -> dict[str, Any]:
    from ruamel.yaml import YAML

    found: dict[str, Any] = YAML(typ="safe", pure=True).load(page)
    return found
