"""What changed since the edition before, in words: on the home page in a list, on the page of an indicator
with its largest revisions.

Refuses nothing; a first edition has nothing to compare with, and says so.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from caudal.model.release import ChangeEntry, RevisedFigure
from caudal.publish.numbers import fill
from caudal.publish.release import GAP
from caudal.publish.voice import Shown, Voice

#: Kinds of change in the order in which they are told.
KINDS = ("broken", "gone", "withheld", "revised", "shown", "new")
#: Indicators of the home page that are named before the rest is folded away.
OPEN = 6


@dataclass(frozen=True)
class Line:
    """An indicator and what changed of it."""

    indicator: str
    name: str
    words: str


@dataclass(frozen=True)
class Whole:
    """What changed in the release: in one sentence, and by indicator, what matters most first."""

    since: str
    sentence: str
    lines: tuple[Line, ...]


@dataclass(frozen=True)
class Revised:
    """One revision: what it is of, before and after. ``after`` is the cell as it stands."""

    label: str
    before: str
    after: Shown


@dataclass(frozen=True)
class Own:
    """What changed of one indicator."""

    since: str
    words: str
    revised: tuple[Revised, ...]


def whole(voice: Voice) -> Whole | None:
    """What changed since the edition before; None in the first."""
    changes = voice.release.structure.changes
    if changes is None:
        return None
    merged = _merged(changes.indicators)
    known = voice.release.indicators
    ordered = sorted(merged, key=lambda n: (*(-getattr(merged[n], kind) for kind in KINDS), n))
    lines = tuple(Line(n, voice.name(known[n]), _counted(voice, merged[n])) for n in ordered if n in known)
    total = _added("", merged.values())
    words = _counted(voice, total) or voice.words.text["changes_none"]
    since = voice.when(changes.since)
    return Whole(since, fill(voice.words.text["changes_since"], {"time": since, "words": words}), lines)


def own(voice: Voice, indicator: str) -> Own | None:
    """What changed of an indicator and its gap; None in the first edition."""
    edition = voice.release.changes_since
    if not edition:
        return None
    found = [voice.release.changes[n] for n in (indicator, indicator + GAP) if n in voice.release.changes]
    words = _counted(voice, _added(indicator, found)) or voice.words.text["changes_none"]
    since = voice.when(edition)
    told = fill(voice.words.text["changes_since"], {"time": since, "words": words})
    figures = (r for f in found for r in f.largest)
    revised = (_revised(voice, figure) for figure in figures)
    return Own(since, told, tuple(r for r in revised if r is not None))


def _merged(entries: Iterable[ChangeEntry]) -> Mapping[str, ChangeEntry]:
    """Changes by indicator, those of a gap with those of its indicator."""
    found: dict[str, list[ChangeEntry]] = {}
    for entry in entries:
        found.setdefault(entry.indicator.removesuffix(GAP), []).append(entry)
    return {name: _added(name, of_it) for name, of_it in found.items()}


def _added(name: str, entries: Iterable[ChangeEntry]) -> ChangeEntry:
    listed = list(entries)
    return ChangeEntry(indicator=name, **{kind: sum(getattr(e, kind) for e in listed) for kind in KINDS})


def _counted(voice: Voice, entry: ChangeEntry) -> str:
    """The kinds of change that there are, with their number."""
    text = voice.words.text
    parts = []
    for kind in KINDS:
        if count := getattr(entry, kind):
            key = f"changes_{kind}_one" if count == 1 else f"changes_{kind}"
            parts.append(fill(text[key], {"n": voice.number(count, 0)}))
    return "; ".join(parts)


def _revised(voice: Voice, figure: RevisedFigure) -> Revised | None:
    """A revision in words; None where the cell is not shown here."""
    cell = voice.release.cell_at(figure.address)
    if cell is None or cell.value is None:
        return None
    shown = voice.shown(cell)
    parts = (*shown.labels, voice.when(cell.time), voice.source(cell.source))
    before = voice.amount(figure.before, voice.decimals(cell), cell.unit)
    return Revised(" · ".join(parts), before, shown)
