"""What a reader asks the release for: free cross-tabulation, search, the words of the pages.

The page of cross-tabulation reads the Parquet file of an indicator in the browser; this module writes the
words that it needs. It shows cells of the release and computes none. Without scripts the page of search is an
index of everything, and that of cross-tabulation leads to the tables.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from caudal.catalogue.glossary import Term, glossary
from caudal.model.indicator import IndicatorSpec
from caudal.publish import profiles
from caudal.publish.indicator import lead, subject
from caudal.publish.page import Page
from caudal.publish.release import GAP
from caudal.publish.stories import stories
from caudal.publish.voice import Voice, bare

#: Texts of the interface that the script shows.
_TEXTS = ("withheld", "no_figure", "interval", "figure", "never_adds")
#: An indicator is found by so many names of its categories.
_MOST_NAMES = 120
_PARTS = ("reference_area", "counterpart_area", "time_period", "source")


@dataclass(frozen=True)
class Entry:
    """Something that a reader may look for: its name, the kind of thing, where it lies, a few words, and what
    else it is found by."""

    title: str
    kind: str
    link: str
    words: str = ""
    also: str = ""


def vocabulary(voice: Voice) -> bytes:
    """The words that the page of cross-tabulation shows, as JSON."""
    text, style = voice.words.text, voice.words.numbers
    wanted = {
        "numbers": {"decimal": style.decimal, "group": style.group, "minus": style.minus},
        "forms": voice.words.lists.get("unit_forms", {}),
        "text": {k: text[k] for k in _TEXTS} | {k: text[f"explore_{k}"] for k in _ASKED},
        "reliability": {
            code: [sign, voice.words.lists["reliability"].get(code, code)]
            for code, sign in voice.words.lists.get("reliability_signs", {}).items()
        },
        "area": voice.area,
        "indicators": dict(_indicators(voice)),
        "dimensions": {name: _dimension(voice, name, codes) for name, codes in _codes(voice).items()},
    }
    return json.dumps(wanted, ensure_ascii=False, separators=(",", ":")).encode() + b"\n"


_ASKED = ("indicator", "rows", "columns", "nothing", "all")


def _indicators(voice: Voice) -> Iterable[tuple[str, dict[str, Any]]]:
    names = voice.release.indicators
    for name, spec in names.items():
        if name in voice.release.cells_of:
            page = name.removesuffix(GAP) if name.removesuffix(GAP) in names else name
            facts = {"name": voice.name(spec), "unit": voice.unit(spec.unit), "decimals": spec.decimals}
            split = {"countries": True} if page in voice.release.countries_of else {}
            yield name, facts | {"file": page} | split


def _codes(voice: Voice) -> Mapping[str, set[str]]:
    """Dimension (and part of the key) -> the codes that some cell has."""
    found: dict[str, set[str]] = {d: set() for d in voice.release.dimensions}
    found |= {part: set() for part in _PARTS}
    for cell in voice.release.cells:
        for dimension, code in cell.categories:
            found[dimension].add(code)
        parts = (cell.area, cell.counterpart, cell.time, cell.source)
        for part, code in zip(_PARTS, parts, strict=True):
            found[part].add(code)
    return {name: codes for name, codes in found.items() if codes}


def _dimension(voice: Voice, name: str, codes: set[str]) -> dict[str, Any]:
    match name:
        case "time_period":
            return {
                "name": voice.words.text["explore_time"],
                "codes": {c: voice.when(c) for c in sorted(codes)},
            }
        case "source":
            labels = {c: voice.source(c) for c in sorted(codes)}
            return {"name": voice.words.text["source_word"], "codes": labels}
    ordered = sorted(codes, key=lambda c: (voice.place(name, c), c))
    return {"name": voice.dimension(name), "codes": {c: voice.code(name, c) for c in ordered}}


def terms(voice: Voice) -> tuple[tuple[Term, str, str, tuple[tuple[str, str], ...]], ...]:
    """The glossary in the language of the page: term, name, words, and what it is confused with."""
    known = {t.term: voice.plain(t.name) for t in glossary()}
    found = (
        (t, known[t.term], voice.plain(t.text), tuple((n, known[n]) for n in t.confused_with))
        for t in glossary()
    )
    return tuple(sorted(found, key=lambda row: row[1].casefold()))


def entries(voice: Voice) -> tuple[Entry, ...]:
    """Everything that has an address of its own, by name."""
    text, structure = voice.words.text, voice.release.structure
    found = [
        Entry(
            voice.name(s),
            voice.family(s.family),
            f"indicator/{s.indicator}.html",
            _said(voice, s),
            _categories(voice, s),
        )
        for s in voice.release.base_indicators()
    ]
    found += [Entry(c.title, text["profiles"], f"profile/{c.code}.html") for c in profiles.countries(voice)]
    found += [
        Entry(
            voice.plain(s.title), text["source_word"], f"source/{s.source}.html", voice.producer(s.producer)
        )
        for s in structure.sources
    ]
    found += [Entry(s.title, text["stories"], f"story/{s.name}.html", s.claim) for s in stories(voice)]
    found += [
        Entry(name, text["glossary"], f"glossary.html#{term.term}", words)
        for term, name, words, _ in terms(voice)
    ]
    return tuple(sorted(found, key=lambda e: e.title.casefold()))


def _said(voice: Voice, spec: IndicatorSpec) -> str:
    """The headline of an indicator where it has one, and its definition."""
    cell = lead(subject(voice, spec.indicator), spec)
    headline = bare(voice.headline(cell)) if cell else ""
    return f"{headline} {voice.plain(spec.text.definition)}".strip()


def _categories(voice: Voice, spec: IndicatorSpec) -> str:
    """What an indicator is broken down by: names of groups, countries and areas, as many as are worth it."""
    found: dict[tuple[str, str], None] = {}
    for cell in voice.release.cells_of.get(spec.indicator, ()):
        found |= dict.fromkeys(cell.categories)
        found |= {("reference_area", cell.area): None, ("counterpart_area", cell.counterpart): None}
    named = (voice.code(d, c) for d, c in found if not c.startswith("_") and c != voice.area)
    return ", ".join(list(dict.fromkeys(named))[:_MOST_NAMES])


def pages(voice: Voice) -> Iterator[Page]:
    """Free cross-tabulation, search and the words of the pages."""
    text = voice.words.text
    facts = {"indicators": voice.release.base_indicators()}
    yield Page("explore.html", "explore.html", text["explore"], voice, facts)
    yield Page("search.html", "search.html", text["search"], voice, {"entries": entries(voice)})
    yield Page("glossary.html", "glossary.html", text["glossary"], voice, {"terms": terms(voice)})
