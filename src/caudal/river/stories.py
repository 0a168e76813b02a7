"""Stories against the release that they cite: is each figure still what its reviewer saw?

Works on released observations only, so that a story can never tell more than the gate let out. The figure
that a reviewer noted is dropped where its cell is not shown now.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from caudal.engine.specs import Document
from caudal.errors import CaudalError, Problem, nearest, problem, unknown
from caudal.model.catalogue import Catalogue
from caudal.model.concept import ConceptVector
from caudal.model.observation import address
from caudal.model.spec import Text
from caudal.model.story import Cited, CitedEntry, StoryEntry, StorySpec

#: What a text may say of a figure besides its value.
SUFFIXES = ("_interval", "_time")
_PLACEHOLDER = re.compile(r"\{([a-z0-9_]+)\}")
#: A number that stands for a measurement: with decimals, with a sign of percent, or in thousands.
_TYPED = re.compile(r"\d+[.,]\d+|\d+\s*%|\d{1,3}(?:[.,\s]\d{3})+")
_BREAK = "B"


def check_story(
    story: StorySpec, document: Document, catalogue: Catalogue, languages: Sequence[str]
) -> list[Problem]:
    """What is wrong with a story before any figure is computed: languages that it lacks, figures that it
    names and does not cite, numbers typed into its sentences, unknown frames and axes."""
    found: list[Problem] = []
    for path, text in _texts(story):
        absent = [tag for tag in languages if not text.get(tag)]
        if absent:
            found.append(problem("story-language-missing", where=document.where(*path), absent=absent))
        for tag, words in text.items():
            place = document.where(*path, tag)
            found += [
                unknown("figure", name, story.figures, where=place)
                for name in _PLACEHOLDER.findall(words)
                if _figure(name, story) is None
            ]
            found += [problem("story-number-typed", where=place, found=n) for n in _TYPED.findall(words)]
    if story.frame not in catalogue.code_lists["CL_FRAME"]:
        frames = list(catalogue.code_lists["CL_FRAME"].codes)
        found.append(unknown("frame", story.frame, frames, where=document.where("frame")))
    for i, card in enumerate(story.cards):
        named = (card.figure, *card.beside)
        where = document.where("cards", i)
        found += [unknown("figure", n, story.figures, where=where) for n in named if n not in story.figures]
    for axis in story.about:
        if axis not in catalogue.axes:
            found.append(unknown("axis", axis, catalogue.axes, where=document.where("about", axis)))
    return found


def told(stories: Iterable[StorySpec], released: pa.Table, vintage: str) -> tuple[StoryEntry, ...]:
    """Each story with what became of its figures in the ``released`` observations of edition ``vintage``.

    Raises :class:`CaudalError` where a figure that nobody reviewed yet cites no cell (naming the nearest
    address), or one is of another concept than the story says.
    """
    listed = list(stories)
    cells = _cited_rows(listed, released) if listed else {}
    problems = [p for s in listed for p in _mistakes(s, cells, released)]
    if problems:
        raise CaudalError(*problems)
    return tuple(_told(s, cells, vintage) for s in listed)


def _told(story: StorySpec, cells: Mapping[str, Mapping[str, Any]], vintage: str) -> StoryEntry:
    cited = {name: _entry(c, cells.get(c.cell)) for name, c in story.figures.items()}
    kept = {
        name: c.model_copy(update={"reviewed": c.reviewed if cited[name].reviewed is not None else ""})
        for name, c in story.figures.items()
    }
    expired = bool(story.expires) and vintage >= story.expires
    return StoryEntry(story=story.model_copy(update={"figures": kept}), cited=cited, expired=expired)


def _entry(cited: Cited, row: Mapping[str, Any] | None) -> CitedEntry:
    decimals = len(cited.reviewed.partition(".")[2])
    seen = float(cited.reviewed) if cited.reviewed.strip("-.") else None
    if row is None:
        return CitedEntry(address=cited.cell, state="absent")
    where = address(row)
    if row["value"] is None:
        return CitedEntry(address=where, state="withheld")
    if seen is None:
        return CitedEntry(address=where, state="unreviewed")
    same = abs(row["value"] - seen) <= half_unit(cited.reviewed) * (1 + 1e-9)
    broken = row["obs_status_code"] == _BREAK
    state: Any = "break" if broken else "current" if same else "revised"
    return CitedEntry(address=where, state=state, reviewed=seen, decimals=decimals)


def half_unit(figure: str) -> float:
    """Half a unit of the last digit that counts; the zeros at the end of a whole number do not.

    >>> half_unit("9.7"), half_unit("1287000")
    (0.05, 500.0)
    """
    whole, point, places = figure.lstrip("-").partition(".")
    if point and places:
        return 0.5 * 10.0 ** -len(places)
    zeros = len(whole) - len(whole.rstrip("0")) if whole.strip("0") else 0
    return 0.5 * 10.0**zeros


def _cited_rows(stories: Sequence[StorySpec], released: pa.Table) -> dict[str, dict[str, Any]]:
    """Address without edition -> the row of the newest edition of that cell."""
    wanted = {c.cell for s in stories for c in s.figures.values()}
    names = pa.array(sorted({w.partition("/")[0] for w in wanted}), pa.string())
    rows = released.filter(pc.is_in(released["indicator_code"], names)).to_pylist()
    rows.sort(key=lambda r: r["vintage"])
    found = {address(r).rpartition("@")[0]: r for r in rows}
    return {w: found[w] for w in wanted if w in found}


def _mistakes(
    story: StorySpec, cells: Mapping[str, Mapping[str, Any]], released: pa.Table
) -> Iterable[Problem]:
    where = f"stories/{story.story}.yaml"
    for cited in story.figures.values():
        row = cells.get(cited.cell)
        if row is None and not cited.reviewed:
            same = pc.equal(released["indicator_code"], cited.cell.partition("/")[0])
            near = (address(r).rpartition("@")[0] for r in released.filter(same).to_pylist())
            yield problem("cell-unknown", where=where, found=cited.cell, nearest=nearest(cited.cell, near))
        elif row is not None and not story.bridge:
            vector = ConceptVector.parse(row["concept_vector"])
            for axis, value in story.about.items():
                if vector.get(axis) != value:
                    yield problem(
                        "story-other-concept", where=where, cell=cited.cell, axis=axis, wanted=value,
                        found=vector.get(axis),
                    )  # fmt: skip


def _figure(placeholder: str, story: StorySpec) -> str | None:
    """The figure that a placeholder names, with or without a suffix."""
    stems = [placeholder, *(placeholder.removesuffix(s) for s in SUFFIXES if placeholder.endswith(s))]
    return next((stem for stem in stems if stem in story.figures), None)


def _texts(story: StorySpec) -> Iterable[tuple[tuple[str | int, ...], Text]]:
    yield from ((("title",), story.title), (("claim",), story.claim), (("text",), story.text))
    yield ("shows_not",), story.shows_not
    if story.bridge:
        yield ("bridge",), story.bridge
    for i, card in enumerate(story.cards):
        yield ("cards", i, "headline"), card.headline
        yield ("cards", i, "shows_not"), card.shows_not
        if card.counter:
            yield ("cards", i, "counter"), card.counter
