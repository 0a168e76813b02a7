"""What may not be said with a figure: sentences that follow from what it is, for whoever writes about it.

Each rule looks at one fact: an interval, none, events instead of persons, birth or citizenship, a part of a
period or of a territory, a break, a provisional value, a gap whose interval holds equality. It says nothing
of a figure that is not shown.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from caudal.model.concept import ConceptVector
from caudal.model.indicator import IndicatorSpec
from caudal.publish.indicator import gap_cells, own_cells
from caudal.publish.numbers import fill
from caudal.publish.release import Cell
from caudal.publish.voice import Voice

_PROVISIONAL = "P"
_COUNTED = ("birth", "citizenship")
_WHOLE = (None, "national")


def cautions(voice: Voice, spec: IndicatorSpec, cell: Cell | None) -> tuple[str, ...]:
    """What may not be said with the headline of an indicator; empty where it has none."""
    if cell is None or cell.value is None:
        return ()
    vector = ConceptVector.parse(cell.concept)
    own = own_cells(voice, spec.indicator)
    return tuple(
        dict.fromkeys(
            [
                *_of_error(voice, cell),
                *_of_concept(voice, cell, vector),
                *_of_series(voice, cell, own),
                *_of_gap(voice, spec, cell),
            ]
        )
    )


def _of_error(voice: Voice, cell: Cell) -> Iterator[str]:
    if cell.has_interval:
        yield _told(voice, "not_exact", value=voice.value(cell), interval=voice.interval(cell))
    else:
        yield _told(voice, "not_without_error")
    sign, words = voice.reliability(cell)
    if sign:
        yield _told(voice, "not_alone", reliability=words)


def _of_concept(voice: Voice, cell: Cell, vector: ConceptVector) -> Iterator[str]:
    if vector.get("unit") == "event":
        yield _told(voice, "not_persons")
    elif vector.get("basis") in _COUNTED:
        yield _told(voice, f"not_by_{vector.get('basis')}")
    coverage = vector.get("coverage")
    if coverage not in _WHOLE:
        words = next((w for _, _, w in voice.axes({"coverage": str(coverage)})), str(coverage))
        yield _told(voice, "not_whole", area=voice.area_name(cell.area), covered=words)


def _of_series(voice: Voice, cell: Cell, own: Sequence[Cell]) -> Iterator[str]:
    same = [c for c in own if (c.source, c.concept) == (cell.source, cell.concept)]
    breaks = [c.time for c in same if c.broken and c.time <= cell.time]
    if breaks:
        yield _told(voice, "not_across", time=voice.when(max(breaks)))
    if cell.partial:
        yield _told(voice, "not_year", time=voice.when(cell.time))
    if cell.status == _PROVISIONAL:
        yield _told(voice, "not_final")
    if any(c.withheld for c in same):
        yield _told(voice, "not_zero")


def _of_gap(voice: Voice, spec: IndicatorSpec, cell: Cell) -> Iterator[str]:
    if spec.gap is None:
        return
    null = 1.0 if spec.gap.measure == "ratio" else 0.0
    names = {
        "group": voice.code(spec.gap.dimension, spec.gap.group),
        "reference": voice.code(spec.gap.dimension, spec.gap.reference),
    }
    found = gap_cells(voice, spec)
    same = [c for c in found if (c.source, c.time, c.area) == (cell.source, cell.time, cell.area)]
    total = next((c for c in same if not c.categories and c.value is not None), None)
    if total is None:
        return
    if total.lower is not None and total.upper is not None and total.lower <= null <= total.upper:
        yield _told(voice, "not_different", **names)
    yield _told(voice, "not_because", **names)


def _told(voice: Voice, key: str, **facts: object) -> str:
    return fill(voice.words.text[key], facts)
