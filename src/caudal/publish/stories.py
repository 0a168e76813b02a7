"""Stories and evidence cards as a reader sees them.

A figure in a sentence is the one that the story's reviewer saw, with a link to its cell. Where the cell says
something else now, or is withheld, the page says that the story is under review and why; its sentences stay
as they were reviewed, but for a withheld figure, of which nothing is told.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

from markupsafe import Markup, escape

from caudal.model.story import CardSpec, CitedEntry, StoryEntry
from caudal.publish.chart import Caption, Mark, rows_chart
from caudal.publish.release import Cell, breakdown
from caudal.publish.tables import Table
from caudal.publish.voice import Shown, Voice, bare, filled

_PARAGRAPH = re.compile(r"\n\s*\n")
_BEST, _WORST = 5, 1


@dataclass(frozen=True)
class Told:
    """A figure of a story: what it is, with what sets it apart from others of the story in ``label``, its
    words, where it lies, and whether it is what the reviewer saw."""

    name: str
    what: str
    label: str
    value: str
    interval: str
    time: str
    source: str
    link: str
    reason: str
    cell: Cell | None


@dataclass(frozen=True)
class Card:
    """An evidence card. ``rows`` are the figure and those beside it."""

    spec: CardSpec
    headline: Markup
    plain: str
    figure: Told
    beside: tuple[Told, ...]
    shows_not: Markup
    counter: Markup
    svg: Markup
    concept: tuple[tuple[str, str, str], ...]
    strength: str
    marks: tuple[Mark, ...]
    bars: bool


@dataclass(frozen=True)
class Story:
    """A story in one language."""

    voice: Voice
    entry: StoryEntry

    @property
    def name(self) -> str:
        """Its address."""
        return self.entry.story.story

    @cached_property
    def title(self) -> str:
        """Its title."""
        return self.voice.plain(self.entry.story.title)

    @cached_property
    def claim(self) -> str:
        """The claim that it answers."""
        return self.voice.plain(self.entry.story.claim)

    @cached_property
    def frame(self) -> str:
        """What the claim is about."""
        return self.voice.label("CL_FRAME", self.entry.story.frame)

    @cached_property
    def rating(self) -> str:
        """The rating in words; empty where there is none."""
        given = self.entry.story.rating
        return "" if given is None else self.voice.words.word("ratings", str(given)) or ""

    @cached_property
    def figures(self) -> Mapping[str, Told]:
        """Its figures by name."""
        return _set_apart({name: self._told(name, cited) for name, cited in self.entry.cited.items()})

    @cached_property
    def paragraphs(self) -> tuple[Markup, ...]:
        """Its text, with its figures in it."""
        parts = _PARAGRAPH.split(self.voice.plain(self.entry.story.text).strip())
        return tuple(self._filled(" ".join(p.split())) for p in parts)

    @cached_property
    def shows_not(self) -> Markup:
        """What its figures do not show."""
        return self._filled(self.voice.plain(self.entry.story.shows_not))

    @cached_property
    def bridge(self) -> Markup:
        """How figures of another concept may be read; empty where none is."""
        return self._filled(self.voice.plain(self.entry.story.bridge))

    @cached_property
    def reasons(self) -> tuple[str, ...]:
        """Why it is under review; empty where it is not."""
        expired = (self.voice.words.text["story_expired"],) if self.entry.expired else ()
        return (*expired, *(f"{f.label}: {f.reason}" for f in self.figures.values() if f.reason))

    @cached_property
    def cards(self) -> tuple[Card, ...]:
        """Its evidence cards."""
        return tuple(self._card(c) for c in self.entry.story.cards)

    @cached_property
    def summary(self) -> str:
        """The first paragraph without marks, for lists and search engines."""
        return bare(self.paragraphs[0])

    def claim_review(self, path: str) -> dict[str, Any]:
        """schema.org/ClaimReview of the story at ``path``; a claim without a rating is an Article."""
        spec, producer = self.entry.story, self.voice.plain(self.voice.release.structure.producer)
        common = {
            "@context": "https://schema.org/",
            "url": path,
            "author": {"@type": "Organization", "name": producer},
            "datePublished": spec.date,
            "inLanguage": self.voice.words.language,
            "license": self.voice.release.structure.licence,
            "creativeWorkStatus": "UnderReview" if self.entry.under_review else "Published",
        }
        if not self.rating:
            return {"@type": "Article", "headline": self.title, "about": self.claim, **common}
        return {
            "@type": "ClaimReview",
            "name": self.title,
            "claimReviewed": self.claim,
            "itemReviewed": {"@type": "Claim", "name": self.claim},
            "reviewRating": {
                "@type": "Rating",
                "ratingValue": spec.rating,
                "bestRating": _BEST,
                "worstRating": _WORST,
                "alternateName": self.rating,
            },
            **common,
        }

    def _filled(self, text: str) -> Markup:
        facts: dict[str, object] = {}
        for name, told in self.figures.items():
            link = Markup('<a class="cited" href="../{}">{}</a>').format(told.link, told.value)
            facts |= {name: link if told.link else escape(told.value)}
            facts |= {f"{name}_interval": told.interval, f"{name}_time": told.time}
        return filled(text, facts)

    def _told(self, name: str, cited: CitedEntry) -> Told:
        cell, voice = self.voice.release.cell_at(cited.address), self.voice
        reason = "" if cited.state == "current" else voice.words.text[f"story_{cited.state}"]
        if cell is None:
            indicator = voice.release.indicators.get(cited.address.partition("/")[0])
            label = voice.name(indicator) if indicator else cited.address
            return Told(name, label, label, voice.words.text["no_figure"], "", "", "", "", reason, None)
        spec = voice.release.indicators[cell.indicator]
        parts = [voice.name(spec), *(voice.code(d, c) for d, c in breakdown(cell, voice.area))]
        known = voice.interval(cell, "interval_inline") or voice.words.text["no_known_error"]
        shown = voice.value(cell)
        if cited.state != "current" and cited.reviewed is not None:
            shown = voice.amount(cited.reviewed, cited.decimals, cell.unit)
        now = voice.say("story_now", value=voice.value(cell)) if cited.state == "revised" else ""
        return Told(
            name=name,
            what=" · ".join(parts),
            label=" · ".join(parts),
            value=shown,
            interval=known if cited.state == "current" else voice.words.text["story_interval"],
            time=voice.when(cell.time),
            source=voice.source(cell.source),
            link=f"{voice.release.page_of(cell)}#{cell.address}",
            reason=f"{reason} {now}".strip().replace("..", ".") if reason else "",
            cell=cell,
        )

    def _card(self, spec: CardSpec) -> Card:
        voice, figure = self.voice, self.figures[spec.figure]
        beside = tuple(self.figures[n] for n in spec.beside)
        headline = self._filled(voice.plain(spec.headline))
        ident = f"card-{spec.card}"
        marks = tuple(_mark(f, voice) for f in (figure, *beside))
        bars = figure.cell is not None and not voice.release.indicators[figure.cell.indicator].is_rate
        unit = figure.cell.unit if figure.cell else ""
        svg = rows_chart(
            marks,
            Caption(ident, bare(headline), "; ".join(f"{m.label}: {m.text}" for m in marks)),
            lambda value, decimals: voice.amount(value, decimals, unit),
            bars=bars,
        )
        source = voice.release.sources.get(figure.cell.source) if figure.cell else None
        concept = voice.axes(source.concept) if source else ()
        strength = next((words for axis, _, words in concept if axis == "source_type"), "")
        return Card(
            spec, headline, bare(headline), figure, beside,
            self._filled(voice.plain(spec.shows_not)), self._filled(voice.plain(spec.counter)), svg,
            concept, strength, marks, bars,
        )  # fmt: skip


def stories(voice: Voice) -> tuple[Story, ...]:
    """The stories of a release, in the order of their files."""
    return tuple(Story(voice, entry) for entry in voice.release.stories.values())


def table_of_figures(story: Story) -> Table | None:
    """The cells that a story cites, as they stand in the release."""
    rows = tuple(_row(f, story.voice.shown(f.cell)) for f in story.figures.values() if f.cell)
    text = story.voice.words.text
    return Table(text["story_figures"], (text["what"],), rows, "") if rows else None


def _row(told: Told, shown: Shown) -> Shown:
    return replace(shown, labels=(f"{told.what} · {told.time} · {told.source}",))


def _set_apart(figures: Mapping[str, Told]) -> Mapping[str, Told]:
    """Figures of one name with their period, their source or both, whichever tells them apart."""
    alike: dict[str, list[Told]] = defaultdict(list)
    for told in figures.values():
        alike[told.what].append(told)

    def named(told: Told) -> Told:
        same = alike[told.what]
        times, sources = {t.time for t in same}, {t.source for t in same}
        more = [told.time if len(times) > 1 else "", told.source if len(sources) > 1 else ""]
        return replace(told, label=" · ".join([told.what, *(m for m in more if m)]))

    return {name: named(told) for name, told in figures.items()}


def _mark(told: Told, voice: Voice) -> Mark:
    cell = told.cell
    if cell is None or cell.withheld or told.reason:
        return Mark(told.label, told.value, None)
    return Mark(told.label, told.value, cell.value, cell.lower, cell.upper, voice.weak(cell))
