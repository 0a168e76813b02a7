"""The pages of stories and evidence cards, and the pictures that travel alone."""

from __future__ import annotations

import json
from collections.abc import Container, Iterator
from typing import Any

from caudal.publish.numbers import rounded
from caudal.publish.page import Page
from caudal.publish.picture import card_svg, png_of
from caudal.publish.stories import Card, Story, Told, stories, table_of_figures
from caudal.publish.voice import Voice, bare


def list_page(voice: Voice) -> Iterator[Page]:
    """The page that lists the stories; none where nothing is told."""
    if told := stories(voice):
        yield Page("story/index.html", "stories.html", voice.words.text["stories"], voice, {"stories": told})


def pages(voice: Voice, name: str, files: Container[str]) -> Iterator[Page]:
    """The pages of the story ``name`` and of its cards. ``files`` are the paths of the pictures drawn."""
    story = Story(voice, voice.release.stories[name])
    page = f"{name}.html"
    shown = {"story": story, "figures": table_of_figures(story), "review": story.claim_review(page)}
    yield Page(f"story/{page}", "story.html", story.title, voice, shown)
    for card in story.cards:
        yield _card(story, card, files)


def _card(story: Story, card: Card, files: Container[str]) -> Page:
    name = _name(story, card)
    drawn = f"{story.voice.words.language}/story/{name}.png" in files
    facts = {
        "story": story,
        "card": card,
        "review": evidence(story, card),
        "svg": f"{name}.svg",
        "png": f"{name}.png" if drawn else "",
        "jsonld": f"{name}.jsonld",
        "cite": story.voice.cite(card.plain),
    }
    return Page(f"story/{name}.html", "card.html", card.plain, story.voice, facts)


def pictures(voice: Voice, name: str, *, draft: bool) -> dict[str, bytes]:
    """What machines and social media read of the cards of a story, by path: pictures, JSON-LD."""
    made: dict[str, bytes] = {}
    story = Story(voice, voice.release.stories[name])
    for card in story.cards:
        path = f"{voice.words.language}/story/{_name(story, card)}"
        svg = card_svg(story, card, draft=draft)
        told = evidence(story, card)
        made[f"{path}.svg"] = svg.encode()
        made[f"{path}.jsonld"] = json.dumps(told, ensure_ascii=False, indent=1).encode() + b"\n"
        if (png := png_of(svg)) is not None:
            made[f"{path}.png"] = png
    return made


def evidence(story: Story, card: Card) -> dict[str, Any]:
    """A card for machines: the review of the claim, its sentence, its figures as schema.org/Observation, what
    they do not show and what points the other way, who wrote it and until when it holds. Of a figure that is
    not what the reviewer saw, no number is told."""
    voice, spec, text = story.voice, story.entry.story, story.voice.words.text
    notes = [
        (text["shows_not"], bare(card.shows_not)),
        (text["card_counter"], bare(card.counter)),
    ]
    more = {
        "identifier": f"{voice.release.structure.territory}/{_name(story, card)}",
        "abstract": card.plain,
        "version": voice.release.structure.vintage,
        "genre": story.frame,
        "contributor": [{"@type": "Person", "name": n} for n in (spec.author, spec.reviewer) if n],
        "expires": spec.expires,
        "mentions": [_observed(f, voice) for f in (card.figure, *card.beside)],
        "comment": [{"@type": "Comment", "name": name, "text": words} for name, words in notes if words],
    }
    return story.claim_review(f"{_name(story, card)}.html") | {k: v for k, v in more.items() if v}


def _observed(told: Told, voice: Voice) -> dict[str, Any]:
    found: dict[str, Any] = {"@type": "Observation", "name": told.label}
    cell = told.cell
    if cell is None:
        return found
    found |= {
        "identifier": cell.address,
        "url": f"../{told.link}",
        "observationAbout": {"@type": "Place", "name": voice.covered(cell)},
        "observationPeriod": cell.time,
        "unitText": voice.unit(cell.unit),
        "measurementTechnique": told.source,
    }
    if cell.value is None or told.reason:
        return found
    places = voice.decimals(cell)
    found["measuredValue"] = float(rounded(cell.value, places))
    if cell.lower is not None and cell.upper is not None:
        limits = {
            n: float(rounded(v, places)) for n, v in (("minValue", cell.lower), ("maxValue", cell.upper))
        }
        found["marginOfError"] = {"@type": "QuantitativeValue", **limits}
    return found


def _name(story: Story, card: Card) -> str:
    return f"{story.name}.{card.spec.card}"
