"""The cells of one indicator and of its gap as rows for people: labels first, then the figure.

One table for each language, with the columns that a reader needs in the order in which they are read. It is
what the workbook, and the CSV that a spreadsheet of the reader's country opens, are written from. A withheld
cell has its labels, the words for withheld and its address.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from caudal.model.indicator import IndicatorSpec
from caudal.model.observation import NOT_APPLICABLE, TOTAL
from caudal.publish.files import used_dimensions
from caudal.publish.release import GAP, Cell
from caudal.publish.voice import Voice

Value = str | float | None


@dataclass(frozen=True)
class Table:
    """Column heads, and rows of as many values."""

    heads: tuple[str, ...]
    rows: tuple[tuple[Value, ...], ...]


def cells_for(voice: Voice, spec: IndicatorSpec) -> tuple[Cell, ...]:
    """The cells of an indicator, then those of its gap."""
    own = voice.release.cells_of
    return (*own.get(spec.indicator, ()), *own.get(spec.indicator + GAP, ()))


def reader_table(voice: Voice, spec: IndicatorSpec) -> Table:
    """The table of an indicator in the language of ``voice``."""
    cells = cells_for(voice, spec)
    used = used_dimensions(voice.release, cells)
    corridors = any(c.counterpart != NOT_APPLICABLE for c in cells)
    return Table(tuple(_heads(voice, used, corridors)), tuple(_rows(voice, cells, used, corridors)))


def _heads(voice: Voice, used: list[str], corridors: bool) -> Iterator[str]:
    def name(component: str) -> str:
        return voice.words.word("components", component) or component

    yield from (name("INDICATOR"), name("REF_AREA"))
    if corridors:
        yield name("COUNTERPART_AREA")
    yield name("TIME_PERIOD")
    yield from (voice.dimension(d) for d in used)
    yield from (name("OBS_VALUE"), name("UNIT_MEASURE"), voice.words.text["standard_error"])
    yield from (name("LOWER"), name("UPPER"), name("RELIABILITY"), name("OBS_STATUS"), name("ERROR_NOTE"))
    yield from (name("SOURCE"), name("VINTAGE"), voice.words.text["address"])


def _rows(
    voice: Voice, cells: tuple[Cell, ...], used: list[str], corridors: bool
) -> Iterator[tuple[Value, ...]]:
    for cell in cells:
        chosen = dict(cell.categories)
        other = (voice.category("counterpart_area", cell.counterpart),) if corridors else ()
        yield (
            voice.name(voice.release.indicators[cell.indicator]),
            voice.area_name(cell.area),
            *other,
            cell.time,
            *(voice.category(d, chosen.get(d, TOTAL)) for d in used),
            cell.value,
            "" if cell.withheld else voice.unit(cell.unit),
            None if cell.value is None else cell.se,
            cell.lower,
            cell.upper,
            "" if cell.withheld else voice.reliability(cell)[1],
            voice.value(cell) if cell.value is None else voice.status(cell),
            voice.note(cell),
            voice.source(cell.source),
            cell.vintage,
            cell.address,
        )
