"""The readiness matrix, derived: from the concepts that each source holds, and the verdicts of the cells.

Nothing is typed: take a column from a source and the score falls, release a crossing and it rises. An
indicator is in the matrix when it compares migrants with natives (its gap is along the dimension of
migratory status). Of several sources the one with the best score counts; of several periods the last.

A figure is good when it is published and its reliability label is not the rule's worst; an axis or a full
crossing is published fully when all its cells are good, or as many as the rule on tables asks for. The sample
size that would be enough comes from the rule itself, and only for cells that are published: the gate takes it
that everybody knows how many lie behind those, and of a withheld cell nothing is told but that it is.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from caudal.catalogue import formula_for
from caudal.catalogue.readiness import matrix_spec
from caudal.engine.expressions import columns_of
from caudal.estimate.indicators import key_dimensions
from caudal.estimate.survey import Proportion
from caudal.estimate.survey.reliability import assess, reliability_rules, table_is_publishable
from caudal.model.catalogue import Catalogue, Coded
from caudal.model.indicator import IndicatorSpec
from caudal.model.observation import NOT_APPLICABLE, TOTAL, UNKNOWN, key_columns
from caudal.model.readiness import FULLY, MatrixSpec, Readiness, ReadinessCell, ReadinessIndicator
from caudal.model.record import PROVENANCE_COLUMNS
from caudal.model.release import ReleaseStructure
from caudal.model.source import SourceSpec

Row = Mapping[str, Any]
_BROKEN = "broken down by"
_OUT = ("released", "public")


@dataclass(frozen=True)
class Held:
    """A source as the matrix sees it: the record columns that it fills, and whether a delivery is here."""

    spec: SourceSpec
    columns: frozenset[str]
    is_here: bool


@dataclass(frozen=True)
class Maker:
    """What the scores of one release are made from. ``counts``: key -> interviews behind a cell."""

    catalogue: Catalogue
    territory: str
    rule: str
    cells: Mapping[tuple[str, str], Sequence[Row]]
    counts: Mapping[tuple[str, ...], Row]
    key: tuple[str, ...]
    matrix: MatrixSpec

    def status(self, row: Row) -> str:
        """The group of a cell, or the total."""
        return str(row.get(f"{self.matrix.status.dimension}_code", TOTAL))


def readiness(
    catalogue: Catalogue,
    territory: str,
    rule: str,
    held: Sequence[Held],
    released: pa.Table,
    unprotected: pa.Table,
    members: Sequence[ReleaseStructure] = (),
) -> Readiness:
    """The matrix of a release of ``released`` cells; ``unprotected`` are the same cells before the gate."""
    matrix = matrix_spec()
    specs = [i for i in catalogue.indicators.values() if _compares(i, matrix)]
    own = [h for h in held if any(f.kind == h.spec.kind for i in specs for f in i.formulas)]
    cells: list[ReadinessCell] = []
    if own:
        maker = _maker(catalogue, territory, rule, released, unprotected, matrix)
        cells = [c for spec in specs for c in _scores(maker, spec, own)]
    for member in members:
        cells += member.readiness.cells if member.readiness else ()
    return _described(matrix, specs, cells, members)


def _compares(spec: IndicatorSpec, matrix: MatrixSpec) -> bool:
    return bool(spec.formulas) and spec.gap is not None and spec.gap.dimension == matrix.status.dimension


def _described(
    matrix: MatrixSpec,
    specs: Iterable[IndicatorSpec],
    cells: Sequence[ReadinessCell],
    members: Sequence[ReleaseStructure],
) -> Readiness:
    if not cells:
        return Readiness()
    named = {c.indicator for c in cells}
    lacking = {c for cell in cells for c in cell.lacks}
    known = {i.indicator: i for m in members for i in (m.readiness.indicators if m.readiness else ())}
    known |= {
        s.indicator: ReadinessIndicator(
            indicator=s.indicator, family=s.family, text=s.text.name, sdg=s.codes.sdg
        )
        for s in specs
    }
    return Readiness(
        axes=matrix.axes,
        status=matrix.status,
        indicators=tuple(i for n, i in known.items() if n in named),
        cells=tuple(cells),
        questions={c: q for c, q in matrix.questions.items() if c in lacking},
    )


def _maker(
    catalogue: Catalogue,
    territory: str,
    rule: str,
    released: pa.Table,
    unprotected: pa.Table,
    matrix: MatrixSpec,
) -> Maker:
    key = tuple(n for n in key_columns(key_dimensions(catalogue)) if n in released.column_names)
    named = (matrix.status.group, matrix.status.reference)
    by_group = f"{matrix.status.dimension}_code"
    cells: dict[tuple[str, str], list[Row]] = defaultdict(list)
    for row in _of_groups(released, by_group, named):
        broken = {_BROKEN: _broken_by(catalogue, matrix, row)}
        cells[row["indicator_code"], row["source_code"]].append(row | broken)
    last = {k: max(r["time_period"] for r in rows) for k, rows in cells.items()}
    latest = {k: [r for r in rows if r["time_period"] == last[k]] for k, rows in cells.items()}
    counts = {tuple(r[n] for n in key): r for r in _of_groups(unprotected, by_group, named)}
    return Maker(catalogue, territory, rule, latest, counts, key, matrix)


def _of_groups(table: pa.Table, column: str, groups: Iterable[str]) -> list[dict[str, Any]]:
    """The rows about one of the groups."""
    if column not in table.column_names:
        return []
    rows: list[dict[str, Any]] = table.filter(pc.is_in(table[column], pa.array(list(groups)))).to_pylist()
    return [r for r in rows if not _is_empty(r)]


def _scores(maker: Maker, spec: IndicatorSpec, held: Sequence[Held]) -> Iterator[ReadinessCell]:
    """The score of an indicator, then those of its axes."""
    about = [h for h in held if any(f.kind == h.spec.kind for f in spec.formulas)]
    yield _best(maker, spec, "", [_of_source(maker, spec, h) for h in about])
    for axis in maker.matrix.axes:
        found = [_of_axis(maker, spec, h, d, axis.axis) for h in about for d in axis.dimensions]
        yield _best(maker, spec, axis.axis, found)


def _best(maker: Maker, spec: IndicatorSpec, axis: str, found: Sequence[ReadinessCell]) -> ReadinessCell:
    """The best of what each source gives; of equal ones the first that lacks least."""
    none = ReadinessCell(
        reporter=maker.territory, indicator=spec.indicator, axis=axis, score=0, why="no_source"
    )
    return max(found, key=lambda c: (c.score, c.why != "no_delivery", -len(c.lacks)), default=none)


def _lacking(maker: Maker, spec: IndicatorSpec, held: Held) -> tuple[str, ...]:
    """What an indicator needs and a source does not hold."""
    columns = {*held.columns, *(c.name for c in PROVENANCE_COLUMNS)}
    formula, missing = formula_for(spec, held.spec.kind, columns, held.spec.concept)
    return missing if formula is None else ()


def _lacks_dimension(maker: Maker, dimension: str, held: Held) -> tuple[str, ...]:
    """The columns without which a source does not yield a dimension; empty where it does."""
    columns = {*held.columns, *(c.name for c in PROVENANCE_COLUMNS)}
    ways = maker.catalogue.derivations(dimension, held.spec.kind, maker.territory)
    wanting = [tuple(c for c in columns_of(sql) if c not in columns) for sql in ways]
    named = [
        d.column
        for d in maker.catalogue.dimensions[dimension].alternatives(held.spec.kind)
        if isinstance(d, Coded)
    ]
    return min(wanting, key=len, default=tuple(named[:1]) or (f"{dimension}_code",))


def _of_source(maker: Maker, spec: IndicatorSpec, held: Held) -> ReadinessCell:
    """The score of an indicator in one source."""
    status = maker.matrix.status
    given = _given(maker, spec, held, "")
    if isinstance(given, ReadinessCell):
        return given
    rows = [r for r in given if r[_BROKEN] == {status.dimension}]
    group = [r for r in rows if maker.status(r) == status.group]
    cell = _told(maker, spec, held, "", group)
    full = {status.dimension, *maker.matrix.fully}
    crossed = [r for r in given if r[_BROKEN] == full and maker.status(r) == status.group]
    if cell.score == 4 and crossed and _is_table(maker, crossed):
        return cell.model_copy(update={"score": FULLY, "why": ""})
    return cell


def _of_axis(maker: Maker, spec: IndicatorSpec, held: Held, dimension: str, axis: str) -> ReadinessCell:
    """The score of one dimension of an axis in one source."""
    status = maker.matrix.status
    given = _given(maker, spec, held, axis, dimension)
    if isinstance(given, ReadinessCell):
        return given
    rows = [r for r in given if r[_BROKEN] == {status.dimension, dimension}]
    known = [r for r in rows if _code(maker, r, dimension) not in (UNKNOWN, NOT_APPLICABLE)]
    group = [r for r in known if maker.status(r) == status.group]
    cell = _told(maker, spec, held, axis, group)
    both = [r for r in known if maker.status(r) in (status.group, status.reference)]
    if cell.score == 4 and all(_is_good(maker, r) for r in both):
        return cell.model_copy(update={"score": FULLY, "why": ""})
    return cell


def _given(
    maker: Maker, spec: IndicatorSpec, held: Held, axis: str, dimension: str = ""
) -> Sequence[Row] | ReadinessCell:
    """The cells of an indicator in one source; or the score where it has none, and why."""
    base = {
        "reporter": maker.territory,
        "indicator": spec.indicator,
        "axis": axis,
        "source": held.spec.source,
    }
    if lacks := _lacking(maker, spec, held):
        return ReadinessCell(**base, score=0, why="lacks", lacks=lacks)
    if not held.is_here:
        return ReadinessCell(**base, score=0, why="no_delivery")
    if lacks := _lacks_dimension(maker, maker.matrix.status.dimension, held):
        return ReadinessCell(**base, score=1, why="lacks_status", lacks=lacks)
    if dimension and (lacks := _lacks_dimension(maker, dimension, held)):
        return ReadinessCell(**base, score=1, why="lacks_axis", lacks=lacks)
    return maker.cells.get((spec.indicator, held.spec.source), ())


def _told(maker: Maker, spec: IndicatorSpec, held: Held, axis: str, group: Sequence[Row]) -> ReadinessCell:
    """The score of what is published of the migrants: from 2 to 4."""
    base = {
        "reporter": maker.territory,
        "indicator": spec.indicator,
        "axis": axis,
        "source": held.spec.source,
    }
    if not group:
        return ReadinessCell(**base, score=2, why="not_tabulated")
    good = [r for r in group if _is_good(maker, r)]
    shown = [r for r in group if _is_out(r)]
    enough = _enough(maker, spec, [r for r in shown if not _is_good(maker, r)])
    if good:
        return ReadinessCell(**base, score=4, why="some", enough_n=enough)
    return ReadinessCell(**base, score=3, why="unreliable" if shown else "withheld", enough_n=enough)


def _broken_by(catalogue: Catalogue, matrix: MatrixSpec, row: Row) -> set[str]:
    """The dimensions by which a cell is broken down, those that fill its area included."""
    found = {d for d in key_dimensions(catalogue) if row.get(f"{d}_code", TOTAL) != TOTAL}
    if row["reference_area_code"] != row["reporter_code"]:
        areas = {n for n, d in catalogue.dimensions.items() if d.role == "reference_area"}
        found |= areas & {d for a in matrix.axes for d in a.dimensions}
    return found


def _code(maker: Maker, row: Row, dimension: str) -> str:
    is_area = maker.catalogue.dimensions[dimension].role == "reference_area"
    return str(row["reference_area_code"] if is_area else row[f"{dimension}_code"])


def _is_empty(row: Row) -> bool:
    """Nobody is in the cell: children in a rate of adults. What is withheld is not empty."""
    return row["value"] is None and row["verdict"] not in (None, "suppressed")


def _is_out(row: Row) -> bool:
    return row["verdict"] in _OUT and row["value"] is not None


def _is_good(maker: Maker, row: Row) -> bool:
    """Published, and not what the rule calls its worst."""
    rule = reliability_rules().get(maker.rule)
    return _is_out(row) and (rule is None or row["reliability"] != rule.bad)


def _is_table(maker: Maker, rows: Sequence[Row]) -> bool:
    """Whether so many cells of a table are good that the rule lets it be published as one."""
    if not all(_is_out(r) for r in rows):
        return False
    labels = [r["reliability"] for r in rows if r["reliability"]]
    judged = table_is_publishable(labels, maker.rule) if labels else True
    return all(_is_good(maker, r) for r in rows) if judged is None else judged


def _enough(maker: Maker, spec: IndicatorSpec, rows: Sequence[Row]) -> int | None:
    """Interviews that would be enough for the weakest published cell, rounded up to two digits."""
    made = [_measured(maker, spec, r) for r in rows]
    known = [m for m in made if m is not None]
    if not known or maker.rule not in reliability_rules():
        return None
    share = [Proportion("TRUE", label="it")] if spec.proportion else []
    found = assess(pa.Table.from_pylist(known), share, maker.rule)["enough_n"].to_pylist()
    sizes = [n for n in found if n is not None]
    return _up(max(sizes)) if sizes else None


def _measured(maker: Maker, spec: IndicatorSpec, row: Row) -> dict[str, Any] | None:
    """The measures of a published cell as the rules read them."""
    before = maker.counts.get(tuple(row[n] for n in maker.key))
    if before is None or not before["sample_n"] or not before["sampling_se"] or before["value"] is None:
        return None
    n, value, se = before["sample_n"], before["value"] / spec.scale, before["sampling_se"] / spec.scale
    simple = value * (1 - value) / n if spec.proportion else None
    deff = se * se / simple if simple else None
    return {
        "statistic": "it",
        "value": float(value),
        "sampling_se": float(se),
        "sample_n": n,
        "cases_n": before["cases_n"] or n,
        "df": float(before["df"] or 0),
        "deff": deff,
        "ess": n / deff if deff else float(n),
    }


def _up(n: int) -> int:
    """Two significant digits, upwards.

    >>> _up(143), _up(87)
    (150, 87)
    """
    unit = 10 ** max(0, len(str(n)) - 2)
    return int(-(-n // unit) * unit)
