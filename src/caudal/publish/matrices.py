"""The inequality matrix and the readiness matrix: two pages, and the same as files.

* Inequality: the gap between migrants and natives in every indicator, within each category of each axis (sex,
  age, ethnicity, disability, territory, income), with its interval and its reliability.
* Readiness: how far each indicator is disaggregated by migratory status, from 0 to 5, and the next step where
  it is not: what to ask, what to tabulate, how many interviews would be enough, what delivery is missing.

Both are drawn from the released cells and the structure alone. Neither orders countries.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from caudal.model.indicator import IndicatorSpec
from caudal.model.observation import NOT_APPLICABLE, UNKNOWN
from caudal.model.readiness import PUBLISHED, Axis, Readiness, ReadinessCell
from caudal.publish.page import Page
from caudal.publish.profiles import countries
from caudal.publish.release import GAP, Cell, Release
from caudal.publish.voice import Shown, Voice

AREA = "reference_area"
#: Rows of a list of steps on the page; the file holds all.
_MOST = 12


@dataclass(frozen=True)
class GapRow:
    """An indicator in a table of gaps: the gap of all, then that within each category; None where there is no
    such cell. ``apart`` says of each whether its interval leaves out "no gap"."""

    spec: IndicatorSpec
    shown: tuple[Shown | None, ...]
    apart: tuple[bool, ...]


@dataclass(frozen=True)
class GapTable:
    """The gaps along one dimension of an axis."""

    title: str
    heads: tuple[str, ...]
    rows: tuple[GapRow, ...]


@dataclass(frozen=True)
class Line:
    """An indicator in the readiness matrix: its score, then those of the axes."""

    name: str
    link: str
    family: str
    sdg: str
    cells: tuple[ReadinessCell | None, ...]


@dataclass(frozen=True)
class Step:
    """What would close gaps: a text, whose recommendation it follows, and the indicators that it serves."""

    text: str
    follows: str
    serves: tuple[str, ...]


@dataclass(frozen=True)
class ReadinessView:
    """The matrix of one country, with its sums and its steps."""

    code: str
    name: str
    lines: tuple[Line, ...]
    published: int
    sdg_published: int
    sdg_all: int
    ask: tuple[Step, ...]
    deliver: tuple[str, ...]
    tabulate: tuple[Step, ...]
    sample: tuple[tuple[str, str, int], ...]
    sample_more: int
    withheld: int


def matrix_pages(voice: Voice) -> Iterator[Page]:
    """The two pages, where a release has what they show. The matrix of a country that has a profile stands
    there: a page of all would grow with each."""
    text = voice.words.text
    if tables := gap_tables(voice):
        yield Page("inequality.html", "inequality.html", text["inequality"], voice, {"tables": tables})
    if views := readiness_views(voice):
        profiled = {c.code for c in countries(voice)}
        facts = {"views": views, "axes": _axis_names(voice), "profiled": profiled}
        yield Page("readiness.html", "readiness.html", text["readiness"], voice, facts)


def of_country(voice: Voice, view: ReadinessView | None) -> dict[str, Any]:
    """What the profile of a country shows of the matrix; its links are seen from a folder below."""
    if view is None:
        return {"readiness": None, "axes": ()}
    lines = tuple(replace(x, link=f"../{x.link}" if x.link else "") for x in view.lines)
    return {"readiness": replace(view, lines=lines), "axes": _axis_names(voice)}


def matrix_files(release: Release) -> dict[str, dict[str, Any]]:
    """Name of each file -> its heads and rows."""
    found: dict[str, dict[str, Any]] = {}
    matrix = release.structure.readiness
    if matrix is None or not matrix.cells:
        return found
    if rows := list(_inequality_rows(release, matrix)):
        found["inequality"] = {"heads": list(rows[0]), "rows": rows, "nested": False}
    heads = list(ReadinessCell.model_fields)
    made = [{**c.model_dump(), "lacks": " ".join(c.lacks)} for c in matrix.cells]
    found["readiness"] = {"heads": heads, "rows": made, "nested": True}
    return found


def gap_tables(voice: Voice) -> tuple[GapTable, ...]:
    """A table of gaps for each dimension of an axis by which some are published."""
    matrix = voice.release.structure.readiness
    if matrix is None or matrix.status is None:
        return ()
    by_cell = {n: _gaps(voice, n) for n in _with_gaps(voice.release, matrix.status.dimension)}
    made = (_gap_table(voice, axis, d, by_cell) for axis in matrix.axes for d in _shown_as(voice, axis))
    return tuple(t for t in made if t is not None)


def readiness_views(voice: Voice) -> tuple[ReadinessView, ...]:
    """The matrix of each country of the release, by name."""
    matrix = voice.release.structure.readiness
    if matrix is None or not matrix.cells:
        return ()
    reporters = dict.fromkeys(c.reporter for c in matrix.cells)
    return tuple(sorted((_view(voice, matrix, r) for r in reporters), key=lambda v: v.name))


def _axis_names(voice: Voice) -> tuple[str, ...]:
    matrix = voice.release.structure.readiness
    return tuple(voice.plain(a.text) for a in matrix.axes) if matrix else ()


def _with_gaps(release: Release, status: str) -> list[str]:
    """The indicators that are compared along ``status``."""
    gaps = ((n, release.indicators.get(n.removesuffix(GAP))) for n in release.cells_of if n.endswith(GAP))
    return [n for n, s in gaps if s is not None and s.gap is not None and s.gap.dimension == status]


def _gaps(voice: Voice, name: str) -> Mapping[tuple[tuple[str, str], ...], Cell]:
    """What a gap is within -> the cell of its last period, in the source that tells most."""
    cells = voice.release.cells_of[name]
    by_source: dict[str, list[Cell]] = defaultdict(list)
    for cell in cells:
        by_source[cell.source].append(cell)
    own = max(by_source.values(), key=lambda c: (len(c), c[0].source))
    last = max(c.time for c in own)
    return {_within(voice, c): c for c in own if c.time == last}


def _within(voice: Voice, cell: Cell) -> tuple[tuple[str, str], ...]:
    place = ((AREA, cell.area),) if cell.area != voice.area else ()
    return place + cell.categories


def _shown_as(voice: Voice, axis: Axis) -> tuple[str, ...]:
    """The dimensions of an axis as cells name them: of the territory the area, of others what was made."""
    known = {d.name for d in voice.release.structure.dimensions}
    shown = (d if d in known else AREA for d in axis.dimensions if d in known or axis.axis == "territory")
    return tuple(dict.fromkeys(shown))


def _gap_table(
    voice: Voice,
    axis: Axis,
    dimension: str,
    by_cell: Mapping[str, Mapping[tuple[tuple[str, str], ...], Cell]],
) -> GapTable | None:
    codes = {k[0][1] for own in by_cell.values() for k in own if len(k) == 1 and k[0][0] == dimension} - {
        UNKNOWN,
        NOT_APPLICABLE,
    }
    if not codes or (dimension == AREA and len(codes) < 2):
        return None
    ordered = sorted(codes, key=lambda c: (voice.place(dimension, c), c))
    rows = [_gap_row(voice, name, own, dimension, ordered) for name, own in by_cell.items()]
    title = voice.plain(axis.text)
    words = voice.dimension(dimension)
    full = title if title == words else f"{title}: {words}"
    labels = tuple(voice.code(dimension, c) for c in ordered)
    kept = sorted((r for r in rows if any(r.shown[1:])), key=lambda r: _order(voice, r.spec))
    return GapTable(full, (voice.words.text["total"], *labels), tuple(kept))


def _order(voice: Voice, spec: IndicatorSpec) -> tuple[str, str]:
    return voice.family(spec.family), voice.name(spec)


def _gap_row(
    voice: Voice,
    name: str,
    own: Mapping[tuple[tuple[str, str], ...], Cell],
    dimension: str,
    codes: Sequence[str],
) -> GapRow:
    cells = [own.get(()), *(own.get(((dimension, c),)) for c in codes)]
    shown = tuple(None if c is None else voice.shown(c) for c in cells)
    return GapRow(voice.release.indicators[name.removesuffix(GAP)], shown, tuple(_apart(c) for c in cells))


def _apart(cell: Cell | None) -> bool:
    """Whether the interval of a gap leaves out "no gap"."""
    if cell is None or cell.lower is None or cell.upper is None:
        return False
    none = 1.0 if cell.unit == "RATIO" else 0.0
    return not cell.lower <= none <= cell.upper


def _view(voice: Voice, matrix: Readiness, reporter: str) -> ReadinessView:
    own = [c for c in matrix.cells if c.reporter == reporter]
    at = {(c.indicator, c.axis): c for c in own}
    named = {i.indicator: i for i in matrix.indicators}
    present = [i for n, i in named.items() if (n, "") in at]
    has_page = {s.indicator for s in voice.release.base_indicators()}
    lines = [
        Line(
            voice.plain(i.text),
            f"indicator/{i.indicator}.html" if i.indicator in has_page else "",
            voice.family(i.family),
            ", ".join(i.sdg),
            (at[i.indicator, ""], *(at.get((i.indicator, a.axis)) for a in matrix.axes)),
        )
        for i in present
    ]
    totals = {i.indicator: at[i.indicator, ""].score for i in present}
    sdg = [i.indicator for i in present if i.sdg]
    sample = _sample(voice, matrix, own)
    return ReadinessView(
        reporter,
        voice.area_name(reporter),
        tuple(sorted(lines, key=lambda x: (x.family, x.name))),
        sum(s >= PUBLISHED for s in totals.values()),
        sum(totals[n] >= PUBLISHED for n in sdg),
        len(sdg),
        _ask(voice, matrix, own),
        tuple(sorted({voice.source(c.source) for c in own if c.why == "no_delivery"})),
        _tabulate(voice, matrix, own),
        sample[:_MOST],
        max(0, len(sample) - _MOST),
        sum(c.why == "withheld" for c in own),
    )


def _name(voice: Voice, matrix: Readiness, indicator: str) -> str:
    return next((voice.plain(i.text) for i in matrix.indicators if i.indicator == indicator), indicator)


def _ask(voice: Voice, matrix: Readiness, cells: Iterable[ReadinessCell]) -> tuple[Step, ...]:
    """What to ask, with what it would serve; that which serves most first."""
    serves: dict[tuple[str, str], dict[str, None]] = defaultdict(dict)
    for cell in cells:
        for concept in cell.lacks:
            question = matrix.questions.get(concept)
            if question is None:
                continue
            text = voice.plain(question.text), question.follows
            serves[text].setdefault(_name(voice, matrix, cell.indicator))
    steps = [Step(text, follows, tuple(names)) for (text, follows), names in serves.items()]
    return tuple(sorted(steps, key=lambda s: (-len(s.serves), s.text)))


def _tabulate(voice: Voice, matrix: Readiness, cells: Iterable[ReadinessCell]) -> tuple[Step, ...]:
    """What is asked and not tabulated, by axis."""
    words = {a.axis: voice.plain(a.text) for a in matrix.axes} | {"": voice.words.text["readiness_total"]}
    by_axis: dict[str, list[str]] = defaultdict(list)
    for cell in cells:
        if cell.why == "not_tabulated":
            by_axis[cell.axis].append(_name(voice, matrix, cell.indicator))
    return tuple(Step(words[a], "", tuple(sorted(names))) for a, names in by_axis.items())


def _sample(
    voice: Voice, matrix: Readiness, cells: Iterable[ReadinessCell]
) -> tuple[tuple[str, str, int], ...]:
    """Indicator, axis and the interviews with migrants that would be enough; the nearest first."""
    words = {a.axis: voice.plain(a.text) for a in matrix.axes} | {"": voice.words.text["readiness_total"]}
    found = [
        (_name(voice, matrix, c.indicator), words[c.axis], c.enough_n)
        for c in cells
        if c.enough_n is not None and c.score <= PUBLISHED
    ]
    return tuple(sorted(found, key=lambda x: (x[2], x[0], x[1])))


def _inequality_rows(release: Release, matrix: Readiness) -> Iterator[dict[str, Any]]:
    """Every figure of a group within one category of an axis, and every gap."""
    status = matrix.status
    if status is None:
        return
    axis_of = {d: a.axis for a in matrix.axes for d in a.dimensions}
    area = axis_of.get("region", "territory")
    for name in _with_gaps(release, status.dimension):
        base = name.removesuffix(GAP)
        for cell in (*release.cells_of.get(base, ()), *release.cells_of[name]):
            row = _inequality_row(release, cell, status.dimension, axis_of, area)
            if row is not None:
                yield row


def _inequality_row(
    release: Release, cell: Cell, status: str, axis_of: Mapping[str, str], area: str
) -> dict[str, Any] | None:
    categories = dict(cell.categories)
    group = categories.pop(status, "gap" if cell.indicator.endswith(GAP) else "")
    elsewhere = cell.area != release.structure.territory and cell.area != cell.reporter
    if not group or len(categories) + elsewhere > 1 or any(d not in axis_of for d in categories):
        return None
    dimension, code = next(iter(categories.items()), (AREA, cell.area) if elsewhere else ("", ""))
    return {
        "address": cell.address,
        "indicator_code": cell.indicator.removesuffix(GAP),
        "reporter_code": cell.reporter,
        "time_period": cell.time,
        "source_code": cell.source,
        "axis_code": axis_of.get(dimension, area if elsewhere else ""),
        "dimension_code": dimension,
        "category_code": code,
        "group_code": group,
        "value": cell.value,
        "se": cell.se,
        "lower": cell.lower,
        "upper": cell.upper,
        "unit_code": cell.unit,
        "reliability": cell.reliability,
        "withheld": cell.withheld,
    }
