"""The words of the codes of a CSV, in every language, once.

A CSV of the site holds codes alone, so that one serves readers of all languages; ``codes.csv`` has a row for
each code of each of its columns, with its words in every language of the release. A code that no list knows
is its own word.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping

from caudal.model.observation import NOT_APPLICABLE, TOTAL
from caudal.publish.release import WITHHELD, Cell, Release
from caudal.publish.voice import Voice

#: Column and code of what a cell says in codes.
Coded = tuple[str, str]


def code_rows(release: Release, voices: Mapping[str, Voice], cells: Iterable[Cell]) -> Iterator[list[str]]:
    """Column, code, and its words in each language, for every code that ``cells`` use; columns in the order
    of the files."""
    own = tuple(cells)
    names = {name for cell in own for name, _ in cell.categories}
    dimensions = [d for d in release.dimensions if d in names]
    used = {pair for cell in own for pair in _codes_of(cell, dimensions)}
    columns = {column: n for n, column in enumerate([*_WORDS, *(f"{d}_code" for d in dimensions)])}
    for column, code in sorted(used, key=lambda pair: (columns[pair[0]], pair[1])):
        yield [column, code, *(_words(v, column, code) or code for v in voices.values())]


def _codes_of(cell: Cell, dimensions: Iterable[str]) -> Iterator[Coded]:
    chosen = dict(cell.categories)
    yield "indicator_code", cell.indicator
    yield "reporter_code", cell.reporter
    yield "reference_area_code", cell.area
    yield "counterpart_area_code", cell.counterpart
    yield "source_code", cell.source
    yield from ((f"{name}_code", chosen.get(name, TOTAL)) for name in dimensions)
    if cell.withheld:
        yield "obs_status_code", WITHHELD
        return
    told = (("unit_code", cell.unit), ("obs_status_code", cell.status), ("method_code", cell.method))
    yield from (pair for pair in told if pair[1])
    if cell.reliability:
        yield "reliability", cell.reliability
    yield from (("error_note", note) for note in cell.error_note.split("; ") if note)


def _words(voice: Voice, column: str, code: str) -> str | None:
    known = _WORDS.get(column)
    return known(voice, code) if known else voice.category(column.removesuffix("_code"), code)


def _other_area(voice: Voice, code: str) -> str:
    return (voice.words.word("special", code) or code) if code == NOT_APPLICABLE else voice.area_name(code)


_WORDS: Mapping[str, Callable[[Voice, str], str | None]] = {
    "indicator_code": lambda voice, code: voice.name(voice.release.indicators[code]),
    "reporter_code": lambda voice, code: voice.area_name(code),
    "reference_area_code": lambda voice, code: voice.area_name(code),
    "counterpart_area_code": _other_area,
    "source_code": lambda voice, code: voice.source(code),
    "unit_code": lambda voice, code: voice.unit(code),
    "obs_status_code": lambda voice, code: (
        voice.words.word("obs_status", code) or voice.label("CL_OBS_STATUS", code)
    ),
    "method_code": lambda voice, code: voice.words.word("methods", code),
    "error_note": lambda voice, code: voice.words.word("error_notes", code),
    "reliability": lambda voice, code: voice.words.word("reliability", code),
}
