"""The concept vector: what exactly a figure counted, one value an axis.

Birth or citizenship, stock or flow, persons or events, twelve months or other: two figures of "migrants"
differ mostly because these differ. The axes and their words are data (``catalogue/concept_vector.yaml``);
here is only the noun and the difference of two of them. Figures whose vectors differ are compared only
under a named adjustment.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class ConceptVector:
    """Pairs of axis and value, in the order in which the catalogue declares the axes.

    >>> v = ConceptVector((("basis", "birth"), ("measure", "stock")))
    >>> str(v), ConceptVector.parse(str(v)) == v
    ('basis=birth;measure=stock', True)
    """

    pairs: tuple[tuple[str, str], ...]

    def __str__(self) -> str:
        return ";".join(f"{axis}={value}" for axis, value in self.pairs)

    @classmethod
    def parse(cls, text: str) -> ConceptVector:
        """The vector that ``str`` wrote."""
        pairs = (part.partition("=") for part in text.split(";") if part)
        return cls(tuple((axis, value) for axis, _, value in pairs))

    @classmethod
    def of(cls, axes: tuple[str, ...], *layers: Mapping[str, str]) -> ConceptVector:
        """The vector over ``axes``; a later layer overrides an earlier one, an axis that no layer
        knows is left out."""
        known: dict[str, str] = {}
        for layer in layers:
            known.update(layer)
        return cls(tuple((a, known[a]) for a in axes if a in known))

    def get(self, axis: str) -> str | None:
        """The value on ``axis``, or None."""
        return dict(self.pairs).get(axis)


@dataclass(frozen=True)
class Difference:
    """One axis on which two vectors differ; None where a vector is silent."""

    axis: str
    first: str | None
    second: str | None


def differences(first: ConceptVector, second: ConceptVector) -> tuple[Difference, ...]:
    """The axes on which two vectors differ, in the order of the first, then of the second.

    >>> birth = ConceptVector.parse("basis=birth;unit=person")
    >>> differences(birth, ConceptVector.parse("basis=citizenship;unit=person"))
    (Difference(axis='basis', first='birth', second='citizenship'),)
    """
    axes = list(dict.fromkeys([a for a, _ in first.pairs] + [a for a, _ in second.pairs]))
    found = (Difference(a, first.get(a), second.get(a)) for a in axes)
    return tuple(d for d in found if d.first != d.second)
