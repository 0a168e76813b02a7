"""The catalogue while it is read: parts merged layer by layer, before the sentences are made."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from caudal.model.catalogue import AxisSpec, Catalogue, DimensionSpec, ListNote
from caudal.model.codelist import CodeList
from caudal.model.indicator import IndicatorSpec
from caudal.model.release import AxisEntry, PairEntry
from caudal.model.spec import Text

#: Words that all sentences about the concept vector share; see ``concept_vector.yaml``.
VECTOR_WORDS = ("first", "second", "first_silent", "second_silent")


@dataclass(frozen=True)
class Draft:
    """Parts of a catalogue. ``vector`` holds the words that the sentences of all axes share."""

    lists: Mapping[str, CodeList] = field(default_factory=dict)
    notes: Mapping[str, ListNote] = field(default_factory=dict)
    dimensions: Mapping[str, DimensionSpec] = field(default_factory=dict)
    vector: Mapping[str, Text] = field(default_factory=dict)
    axes: Mapping[str, AxisSpec] = field(default_factory=dict)
    indicators: Mapping[str, IndicatorSpec] = field(default_factory=dict)
    page_texts: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    drafts: tuple[str, ...] = ()

    def catalogue(self, languages: tuple[str, ...]) -> Catalogue:
        """The finished catalogue."""
        return Catalogue(
            languages=languages,
            code_lists=self.lists,
            list_notes=self.notes,
            dimensions=self.dimensions,
            axes={n: _axis_entry(a, self.vector) for n, a in self.axes.items()},
            indicators=self.indicators,
            page_texts=self.page_texts,
            drafts=self.drafts,
        )


def _axis_entry(axis: AxisSpec, vector: Mapping[str, Text]) -> AxisEntry:
    """An axis with its sentences made: {axis} filled in, each pair told in both orders."""
    silent = {
        side: {
            lang: t.replace("{axis}", axis.text[lang])
            for lang, t in vector[side].items()
            if lang in axis.text
        }
        for side in ("first_silent", "second_silent")
        if side in vector
    }
    return AxisEntry(
        axis=axis.axis,
        text=axis.text,
        values=axis.values,
        difference=axis.difference,
        pairs=tuple(e for p in axis.pairs for e in _in_both_orders(p.values, p.text, vector)),
        **silent,
    )


def _in_both_orders(
    values: tuple[str, str], text: Text, vector: Mapping[str, Text]
) -> tuple[PairEntry, PairEntry]:
    first, second = vector.get("first", {}), vector.get("second", {})
    languages = [lang for lang in text if lang in first and lang in second]
    a, b = values
    return (
        PairEntry(first=a, second=b, text={x: _told(text[x], first[x], second[x]) for x in languages}),
        PairEntry(first=b, second=a, text={x: _told(text[x], second[x], first[x]) for x in languages}),
    )


def _told(template: str, a: str, b: str) -> str:
    """The sentence with its subjects, in upper case where one begins the text."""
    told = template.replace("{a}", a).replace("{b}", b)
    return told[:1].upper() + told[1:]
