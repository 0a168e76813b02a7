"""The pages of stories and evidence cards, and the pictures that travel alone."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Mapping

from caudal.publish.page import Page
from caudal.publish.picture import card_svg, png_of
from caudal.publish.stories import Card, Story, stories, table_of_figures
from caudal.publish.voice import Voice


def pages(voice: Voice, files: Collection[str]) -> Iterator[Page]:
    """A page for each story and each of its cards, and one that lists them; none where nothing is told.

    ``files`` are the paths of the pictures that were drawn.
    """
    told = stories(voice)
    if told:
        facts = {"stories": told}
        yield Page("story/index.html", "stories.html", voice.words.text["stories"], voice, facts)
    for story in told:
        name = f"{story.name}.html"
        shown = {"story": story, "figures": table_of_figures(story), "review": story.claim_review(name)}
        yield Page(f"story/{name}", "story.html", story.title, voice, shown)
        for card in story.cards:
            yield _card(story, card, files)


def _card(story: Story, card: Card, files: Collection[str]) -> Page:
    name = _name(story, card)
    drawn = f"{story.voice.words.language}/story/{name}.png" in files
    facts = {
        "story": story,
        "card": card,
        "review": story.claim_review(f"{name}.html"),
        "svg": f"{name}.svg",
        "png": f"{name}.png" if drawn else "",
        "jsonld": f"{name}.jsonld",
        "cite": story.voice.cite(card.plain),
    }
    return Page(f"story/{name}.html", "card.html", card.plain, story.voice, facts)


def pictures(voices: Mapping[str, Voice], *, draft: bool) -> dict[str, bytes]:
    """What machines and social media read of each card, by path: pictures and JSON-LD."""
    made: dict[str, bytes] = {}
    for tag, voice in voices.items():
        for story in stories(voice):
            for card in story.cards:
                path = f"{tag}/story/{_name(story, card)}"
                svg = card_svg(story, card, draft=draft)
                review = story.claim_review(f"{_name(story, card)}.html")
                made[f"{path}.svg"] = svg.encode()
                made[f"{path}.jsonld"] = json.dumps(review, ensure_ascii=False, indent=1).encode() + b"\n"
                if (png := png_of(svg)) is not None:
                    made[f"{path}.png"] = png
    return made


def _name(story: Story, card: Card) -> str:
    return f"{story.name}.{card.spec.card}"
