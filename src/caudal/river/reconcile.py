"""Reconciling a figure that somebody else published with ours: by which steps do the two differ?

From our definition, one change at a time and then combinations, the figure is computed again: without a
filter, with another age limit, with another definition of the catalogue, unweighted or with another weight,
for another period, for one category only. The shortest list of changes that gives the published figure,
to the decimals with which it was published, is the reconciliation. It is evidence, not proof: another list
may do the same, and all of the shortest are shown. For the builder's side only, since it reads records.

A register of crossings is one body of classified rows, cut at its months or years; people are counted once in
a cell, however often they crossed.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

import sqlglot
from sqlglot import exp

from caudal.catalogue.formulas import formula_for, in_territory
from caudal.collect import RegisteredDelivery, register_deliveries
from caudal.engine.cache import Cache
from caudal.engine.expressions import columns_of, is_condition
from caudal.engine.session import connect, literal
from caudal.errors import CaudalError, nearest, problem
from caudal.estimate.indicators import Records, derivation
from caudal.estimate.stays.cells import PERSONS
from caudal.estimate.stays.columns import PERSON
from caudal.estimate.stays.family import classified_records
from caudal.estimate.stays.whole import WHOLE
from caudal.harmonise import Harmonised, identifier_key
from caudal.model.indicator import Formula, IndicatorSpec
from caudal.model.observation import NOT_APPLICABLE, TOTAL, parse_address
from caudal.model.source import SourceSpec
from caudal.river import stages
from caudal.river.folder import CountryFolder, read_folder
from caudal.river.pooled import is_pooled, pooled_records
from caudal.river.state import locked

StepKind = Literal["filter", "definition", "weight", "period"]

#: Age limits that practice uses for labour and adult populations.
_AGE_LIMITS = (10, 12, 14, 15, 16, 18)
_BATCH = 400


@dataclass(frozen=True)
class Step:
    """One change: of which kind, and from what to what."""

    kind: StepKind
    before: str
    after: str


@dataclass(frozen=True)
class Variant:
    """A way to compute the figure: a formula over the records of a period, and the steps that lead to it.

    ``persons``: rows are crossings and the figure is of people, each counted once."""

    formula: Formula
    scale: float
    weight: str
    period: str
    where: str
    steps: tuple[Step, ...] = ()
    persons: bool = False

    @property
    def same(self) -> tuple[str, ...]:
        """What two variants share when they compute the same."""
        f = self.formula
        return (f.universe, f.total, f.mean, f.numerator, f.denominator, self.weight, self.period, self.where)


@dataclass(frozen=True)
class Reconciled:
    """Our figure, theirs, and the shortest lists of steps from one to the other, each with the figure that
    it gives after every step. Where none fits, ``nearest`` holds the closest."""

    ours: float
    theirs: float
    decimals: int
    tried: int
    paths: tuple[tuple[tuple[Step, float], ...], ...] = ()
    nearest: tuple[tuple[Step, float], ...] = field(default=())


def reconcile(path: Path, cell: str, theirs: float, *, decimals: int = 1, steps: int = 2) -> Reconciled:
    """The steps from our cell at address ``cell`` to the figure ``theirs``.

    ``decimals`` are those with which it was published; at most ``steps`` changes are combined. Raises
    :class:`CaudalError` where the cell does not rest on records.
    """
    folder = read_folder(path)
    wanted = parse_address(cell)
    indicator = folder.catalogue.indicators.get(wanted["indicator_code"])
    source = folder.sources.get(wanted["source_code"])
    of_the_whole = any(wanted.get(f"{name}_code", TOTAL) != TOTAL for name in WHOLE)
    if indicator is None or source is None or source.kind == "observation" or of_the_whole:
        raise CaudalError(problem("reconcile-without-records", found=cell))
    with locked(folder.work), connect() as session:
        stage = stages.Stage(
            folder, Cache(folder.work / "cache"), session, identifier_key(folder.country, folder.path)
        )
        by_period = _records_by_period(stage, wanted["source_code"], wanted["time_period"])
        only = next(iter(by_period.values())) if len(by_period) == 1 else None
        records = by_period.get(wanted["time_period"], only)
        if records is None:
            raise CaudalError(
                problem("cell-unknown", found=cell, nearest=nearest(wanted["time_period"], by_period))
            )
        carried, _ = formula_for(indicator, records.kind.name, records.columns, records.concept)
        if carried is None:
            raise CaudalError(problem("reconcile-without-records", found=cell))
        formula = in_territory(carried, records.territory)
        start = Variant(
            formula,
            indicator.scale,
            _weight(records, formula),
            records.period,
            _where(folder, records, wanted),
            persons=is_pooled(records.kind.name) and indicator.unit == PERSONS,
        )
        return _search(session, folder, by_period, indicator, start, (theirs, decimals, steps))


def _search(
    session: Any,
    folder: CountryFolder,
    by_period: Mapping[str, Records],
    indicator: IndicatorSpec,
    start: Variant,
    goal: tuple[float, int, int],
) -> Reconciled:
    """Breadth first: all single changes, then pairs, until some list of changes gives the figure."""
    theirs, decimals, most = goal
    ours = _values(session, by_period, [start])[0]
    if ours is None:
        raise CaudalError(problem("reconcile-without-records", found=indicator.indicator))
    seen, layer, tried = {start.same}, [start], 1
    best: tuple[float, Variant] = (abs(ours - theirs), start)
    for _ in range(most):
        layer = list(_next_layer(folder, by_period, indicator, layer, seen))
        values = _values(session, by_period, layer)
        tried += len(layer)
        known = [(v, value) for v, value in zip(layer, values, strict=True) if value is not None]
        found = [v for v, value in known if abs(value - theirs) <= 0.5 * 10.0**-decimals + 1e-9]
        best = min([best, *((abs(value - theirs), v) for v, value in known)], key=lambda pair: pair[0])
        if found:
            paths = tuple(_walked(session, by_period, start, v) for v in found[:5])
            return Reconciled(ours, theirs, decimals, tried, paths)
    return Reconciled(ours, theirs, decimals, tried, (), _walked(session, by_period, start, best[1]))


def _walked(
    session: Any, by_period: Mapping[str, Records], start: Variant, end: Variant
) -> tuple[tuple[Step, float], ...]:
    """The steps of ``end`` with the figure after each."""
    points = [start]
    for step in end.steps:
        points.append(_applied(points[-1], step))
    values = _values(session, by_period, points[1:])
    return tuple((s, float("nan") if v is None else v) for s, v in zip(end.steps, values, strict=True))


def _next_layer(
    folder: CountryFolder,
    by_period: Mapping[str, Records],
    indicator: IndicatorSpec,
    layer: Sequence[Variant],
    seen: set[tuple[str, ...]],
) -> Iterator[Variant]:
    for variant in layer:
        for step in _changes(folder, by_period, indicator, variant):
            after = _applied(variant, step)
            if after.same not in seen:
                seen.add(after.same)
                yield replace(after, steps=(*variant.steps, step))


def _changes(
    folder: CountryFolder, by_period: Mapping[str, Records], indicator: IndicatorSpec, variant: Variant
) -> Iterator[Step]:
    records = by_period[variant.period]
    yield from _filter_changes(variant, records)
    yield from _definition_changes(folder, indicator, variant, records)
    weights = [
        c.name for c in records.kind.columns if c.name.endswith("weight") and c.name in records.columns
    ]
    yield from (Step("weight", variant.weight, w) for w in [*weights, "1"] if w != variant.weight)
    yield from (Step("period", variant.period, p) for p in by_period if p != variant.period)


def _filter_changes(variant: Variant, records: Records) -> Iterator[Step]:
    universe = variant.formula.universe
    conditions = _conjuncts(universe)
    for left_out in conditions:
        rest = " AND ".join(c for c in conditions if c != left_out) or "TRUE"
        yield Step("filter", universe, rest)
    if "age_years" in records.columns:
        without = [c for c in conditions if not re.search(r"\bage_years\b", c)]
        for age in _AGE_LIMITS:
            for limit in (f"age_years >= {age}", f"age_years BETWEEN {age} AND 64"):
                yield Step("filter", universe, " AND ".join([*without, limit]))


def _definition_changes(
    folder: CountryFolder, indicator: IndicatorSpec, variant: Variant, records: Records
) -> Iterator[Step]:
    """Other indicators of the catalogue in the same unit, with their universes."""
    for other in folder.catalogue.indicators.values():
        formula = next((f for f in other.formulas if f.kind == records.kind.name), None)
        if formula is None or other.unit != indicator.unit or other.indicator == indicator.indicator:
            continue
        formula = in_territory(formula, records.territory)
        parts = (formula.universe, formula.total, formula.mean, formula.numerator, formula.denominator)
        if all(c in records.columns for p in parts if p for c in columns_of(p)):
            yield Step("definition", variant.formula.model_dump_json(), formula.model_dump_json())


def _applied(variant: Variant, step: Step) -> Variant:
    match step.kind:
        case "filter":
            formula = variant.formula.model_copy(update={"universe": step.after})
            return replace(variant, formula=formula)
        case "definition":
            return replace(variant, formula=Formula.model_validate_json(step.after))
        case "weight":
            return replace(variant, weight=step.after)
        case "period":
            return replace(variant, period=step.after)


def _values(
    session: Any, by_period: Mapping[str, Records], variants: Sequence[Variant]
) -> list[float | None]:
    """The figure of each variant: one scan a period and batch."""
    values: dict[int, float | None] = {}
    order = sorted(range(len(variants)), key=lambda k: variants[k].period)
    for period, group in itertools.groupby(order, key=lambda k: variants[k].period):
        positions = list(group)
        for first in range(0, len(positions), _BATCH):
            batch = positions[first : first + _BATCH]
            sums = ", ".join(_figure_sql(variants[k]) for k in batch)
            row = session.sql(f"SELECT {sums} FROM {by_period[period].relation}").fetchall()[0]
            values.update(zip(batch, row, strict=True))
    return [values[k] for k in range(len(variants))]


def _figure_sql(variant: Variant) -> str:
    f, w = variant.formula, variant.weight
    inside = f"({f.universe}) AND ({variant.where})"
    if variant.persons:
        return f"{variant.scale} * count(DISTINCT {PERSON}) FILTER (WHERE {inside} AND ({f.total}))"
    if f.total:
        return f"{variant.scale} * {_sum(w, f.total, inside)}"
    if f.mean:
        known = f"{inside} AND ({f.mean}) IS NOT NULL"
        return f"{variant.scale} * {_sum(w, f.mean, known)} / NULLIF({_sum(w, '1', known)}, 0)"
    known = f"{inside} AND ({f.numerator}) IS NOT NULL AND ({f.denominator}) IS NOT NULL"
    return f"{variant.scale} * {_sum(w, f.numerator, known)} / NULLIF({_sum(w, f.denominator, known)}, 0)"


def _sum(weight: str, expression: str, condition: str) -> str:
    if is_condition(expression):
        return f"coalesce(sum(CAST({weight} AS DOUBLE)) FILTER (WHERE {condition} AND ({expression})), 0)"
    return f"coalesce(sum({weight} * CAST(({expression}) AS DOUBLE)) FILTER (WHERE {condition}), 0)"


def _conjuncts(condition: str) -> list[str]:
    tree = sqlglot.parse_one(condition, read="duckdb")
    parts = tree.flatten() if isinstance(tree, exp.And) else [tree]
    return [p.sql("duckdb") for p in parts if p.sql("duckdb").upper() != "TRUE"]


def _weight(records: Records, formula: Formula) -> str:
    return formula.weight or records.design.weight or "1"


def _where(folder: CountryFolder, records: Records, wanted: Mapping[str, str]) -> str:
    """The categories of the cell as a condition over the columns of the records."""
    conditions = [
        _either(folder, records, [name], wanted.get(f"{name}_code", TOTAL))
        for name, dimension in folder.catalogue.dimensions.items()
        if dimension.role == "breakdown" and wanted.get(f"{name}_code", TOTAL) != TOTAL
    ]
    whole = {
        "reference_area": (wanted["reference_area_code"], records.territory),
        "counterpart_area": (wanted["counterpart_area_code"], NOT_APPLICABLE),
        "time_period": (wanted["time_period"], records.period),
    }
    for role, (code, all_of_it) in whole.items():
        if code != all_of_it:
            names = [name for name, d in folder.catalogue.dimensions.items() if d.role == role]
            conditions.append(_either(folder, records, names, code))
    return " AND ".join(conditions) or "TRUE"


def _either(folder: CountryFolder, records: Records, names: Iterable[str], code: str) -> str:
    """``code`` in one of the dimensions ``names`` that the source can fill: a region or a province, a month
    or a year."""
    derived = [d for name in names if (d := derivation(name, records, folder.catalogue))]
    return "(" + " OR ".join(f"({sql}) = {literal(code)}" for sql in derived) + ")" if derived else "FALSE"


def _records_by_period(stage: stages.Stage, name: str, period: str) -> dict[str, Records]:
    """The records of each delivery; those of a register by periods as long as ``period``."""
    source = stage.folder.sources[name]
    register = register_deliveries(stage.folder.path, source, work=stage.folder.work)
    if not register.deliveries:
        raise CaudalError(problem("file-missing", where=name, found=name))
    harmonised = [(d, stages.harmonised(stage, source, d)) for d in register.deliveries]
    if is_pooled(source.kind):
        return _of_register(stage, source, harmonised, period)
    return {d.period: stages.records_of(stage, source, result) for d, result in harmonised}


def _of_register(
    stage: stages.Stage,
    source: SourceSpec,
    harmonised: Sequence[tuple[RegisteredDelivery, Harmonised]],
    period: str,
) -> dict[str, Records]:
    """The classified rows of a register, cut at the months or years that it holds."""
    pooled, _, _ = pooled_records(stage, source, harmonised)
    whole = classified_records(pooled, stage.cache.root / "spill")
    name = f"strftime(moment, {literal('%Y-%m' if len(period) > 4 else '%Y')})"
    rows = stage.session.sql(f"SELECT DISTINCT {name} FROM {whole.relation} ORDER BY 1").fetchall()
    return {
        p: replace(whole, period=p, relation=f"(SELECT * FROM {whole.relation} WHERE {name} = {literal(p)})")
        for (p,) in rows
    }
