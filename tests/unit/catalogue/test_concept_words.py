"""The words for the difference of two concept vectors."""

from __future__ import annotations

import itertools

import pytest

from caudal.catalogue import load_catalogue
from caudal.model.catalogue import difference_sentence
from caudal.model.concept import ConceptVector, Difference, differences

CATALOGUE = load_catalogue()[0]
AXES = CATALOGUE.axes


def told(axis: str, first: str | None, second: str | None, language: str = "en") -> str:
    return difference_sentence(AXES[axis], Difference(axis, first, second), language)


def test_a_changed_vector_changes_the_words() -> None:
    birth = ConceptVector.parse("basis=birth;coverage=national")
    said = [
        [difference_sentence(AXES[d.axis], d, "es") for d in differences(birth, ConceptVector.parse(other))]
        for other in ("basis=citizenship;coverage=national", "basis=birth;coverage=urban", str(birth))
    ]
    assert said[2] == []
    assert "nacionalidad" in said[0][0] and said[1] == [
        "La primera abarca todo el país; la segunda, las áreas urbanas."
    ]


def test_a_pair_is_told_from_both_sides() -> None:
    forth, back = told("basis", "birth", "citizenship"), told("basis", "citizenship", "birth")
    assert forth.startswith("The first counts people by country of birth, the second by citizenship")
    assert back.startswith("The second counts people by country of birth, the first by citizenship")


def test_a_silent_figure_is_said_to_be_silent() -> None:
    assert (
        told("refugees", None, "included")
        == "Refugees: the first does not say; the second: includes refugees."
    )
    assert "la segunda no lo dice" in told("coverage", "national", None, "es")


def test_a_value_without_words_is_shown_as_it_is() -> None:
    assert told("coverage", "moon", "national").startswith("The first covers moon")


def test_a_regional_tag_reads_the_language() -> None:
    assert told("unit", "person", "household", "es-AR") == "La primera cuenta personas; la segunda, hogares."


@pytest.mark.parametrize("axis", sorted(AXES))
@pytest.mark.parametrize("language", ["es", "pt", "en"])
def test_every_pair_of_values_makes_a_sentence(axis: str, language: str) -> None:
    values: list[str | None] = [*AXES[axis].values, None]
    for first, second in itertools.permutations(values, 2):
        sentence = told(axis, first, second, language)
        assert sentence.endswith(".") and "{" not in sentence and sentence[0].isupper()
        assert not [w for w in (" a el ", " de el ", " de a ", " em a ", " em o ") if w in sentence], sentence


def test_the_vector_follows_the_order_of_the_axes() -> None:
    vector = CATALOGUE.vector({"unit": "person", "source_type": "survey"}, {"basis": "birth", "moon": "x"})
    assert str(vector) == "source_type=survey;unit=person;basis=birth"
