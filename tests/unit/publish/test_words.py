"""The texts of the pages: every language has all of them, with the same facts."""

from __future__ import annotations

import string

import pytest

from caudal.catalogue.interface import interface_texts as texts
from caudal.errors import CaudalError
from caudal.publish.words import languages, required_keys, words


def facts(text: str) -> set[str]:
    """The names in braces."""
    return {name for _, name, _, _ in string.Formatter().parse(text) if name}


@pytest.mark.parametrize("language", languages())
def test_every_language_has_every_text_with_the_same_facts(language: str) -> None:
    reference, own = texts("en"), texts(language)
    fixed = {k: v for k, v in reference.items() if not k.startswith(("regions/", "numbers/"))}
    assert {k for k in own if not k.startswith(("regions/", "numbers/"))} == set(fixed)
    different = {k for k, v in fixed.items() if facts(v) != facts(own[k])}
    assert different <= {"times/patterns/quarter", "times/patterns/half"}


def test_a_language_without_a_file_is_refused_with_the_nearest() -> None:
    with pytest.raises(CaudalError) as caught:
        words("fr")
    assert caught.value.problems[0].code == "publish-no-texts"
    assert "es" in str(caught.value)


def test_a_country_brings_a_language_by_texts_alone() -> None:
    french = {k: f"[{texts('en')[k]}]" for k in required_keys()} | {"text/home": "Accueil"}
    assert words("fr", french).text["home"] == "Accueil"
    del french["text/home"], french["text/data"]
    with pytest.raises(CaudalError) as caught:
        words("fr", french)
    assert caught.value.problems[0].facts["keys"] == ["text/home", "text/data"]


def test_a_country_replaces_one_text_and_keeps_the_others() -> None:
    found = words("es", {"text/home": "Inicio"})
    assert (found.text["home"], found.text["data"]) == ("Inicio", "Datos")


def test_regions_differ_in_their_numbers_only() -> None:
    assert words("es-AR").numbers.decimal == "," and words("es-MX").numbers.decimal == "."
    assert words("es-MX").text == words("es").text
