"""The words of the pages: one file of texts for each language, ``catalogue/pages/<language>.yaml``.

A file holds the sentences of the interface, the words for codes that every release shares (status,
reliability, methods, notes on errors), the marks of numbers with their regional variants, and the names
of periods. A new language is a new file, or the same texts by key in the country folder; nothing in code
names one.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import files
from types import MappingProxyType

from caudal.catalogue.interface import interface_texts
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


#: The language whose file says which texts there are.
REFERENCE = "en"


def languages() -> tuple[str, ...]:
    """Languages that have a file of texts."""
    found = (p.name for p in files("caudal.catalogue").joinpath("pages").iterdir())
    return tuple(sorted(n.removesuffix(".yaml") for n in found if n.endswith(".yaml")))


def words(tag: str, added: Mapping[str, str] = MappingProxyType({})) -> Words:
    """The words for a language tag: ``es-MX`` takes the texts of ``es`` and the numbers of Mexico.

    ``added`` holds texts by key (as in ``text/home``) that replace those of the file; a language without
    a file must bring all that the reference language has. Raises :class:`CaudalError` (spec) with every
    key that lacks.

    >>> words("es").numbers.decimal, words("es-MX").numbers.decimal
    (',', '.')
    """
    language, _, region = tag.partition("-")
    known = languages()
    if language not in known and not added:
        raise CaudalError(
            problem("publish-no-texts", found=tag, allowed=known, nearest=nearest(language, known))
        )
    texts = (dict(interface_texts(language)) if language in known else {}) | dict(added)
    lacking = [k for k in required_keys() if k not in texts]
    if lacking:
        raise CaudalError(problem("publish-texts-missing", language=tag, keys=lacking))
    texts |= {f"numbers/{k}": v for k, v in _under(texts, f"regions/{region}/").items()}
    return _from_texts(tag, texts)


def required_keys() -> tuple[str, ...]:
    """Keys of the texts that every language needs: all of the reference language but its regions."""
    return tuple(k for k in interface_texts(REFERENCE) if not k.startswith("regions/"))


def _from_texts(tag: str, texts: Mapping[str, str]) -> Words:
    lists: dict[str, dict[str, str]] = {}
    for key, text in _under(texts, "lists/").items():
        name, _, code = key.partition("/")
        lists.setdefault(name, {})[code] = text
    names: dict[str, tuple[str, ...]] = {}
    for key, text in _under(texts, "times/names/").items():
        name = key.partition("/")[0]
        names[name] = (*names.get(name, ()), text)
    return Words(
        language=tag,
        name=texts["name"],
        text=_under(texts, "text/"),
        lists=lists,
        numbers=NumberStyle(**_under(texts, "numbers/")),
        times=TimeStyle(_under(texts, "times/patterns/"), names),
    )


def _under(texts: Mapping[str, str], prefix: str) -> dict[str, str]:
    return {k.removeprefix(prefix): v for k, v in texts.items() if k.startswith(prefix)}
