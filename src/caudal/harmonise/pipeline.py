"""Raw tables to judged records: one pipeline of named CTEs, in the order in which an auditor reads it.

``raw_<table>`` (blanks to null, headers renamed), ``joined`` (household to person), ``corrected_<n>``,
``selected`` (rows that the spec leaves out), ``totals``, ``cells`` (columns that become rows), then for
each layer of concepts ``values_<n>``, ``read_<n>`` and ``concepts_<n>``, and ``judged``: every record with
the first reason for which it cannot stay, or none.

Reasons, in this order: a total that its parts do not make, a row without its household, a required value
that is missing, a missing weight, the invariants of the kind, the checks of the source.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from caudal.collect.contract import MISSING, RAW_ROW, RawTable
from caudal.engine.expressions import check_expression, columns_of
from caudal.engine.pipeline import Pipeline
from caudal.engine.session import literal, quoted
from caudal.errors import CaudalError, nearest, problem
from caudal.harmonise.mapping import Compiled, Context, RawColumn, Target, compile_target, layers
from caudal.harmonise.periods import PeriodMapping, bounds
from caudal.model.record import Column, Holds, RecordKind
from caudal.model.source import Correction, SourceSpec, TableSpec, TotalCheck, Unpivot

#: Columns of the pipeline's own; what it hands out is called `reason`.
REASON, DROPPED = "_reason", "_dropped"
_NO_TOTAL = "total-differs"


@dataclass(frozen=True)
class Judged:
    """The pipeline up to ``judged``, and what its columns mean.

    ``unnamed`` maps concept -> boolean column that is true where no rule named its value, ``values`` concept
    -> SQL of its value before rules; ``warnings`` maps check -> boolean column; ``cells`` is the number of
    rows that one raw row becomes; ``ordered`` whether rows still come in the order of the file;
    ``before_concepts`` the step before concepts.
    """

    pipeline: Pipeline
    unnamed: Mapping[str, str]
    warnings: Mapping[str, str]
    corrections: Mapping[str, tuple[str, str]]
    duplicate_key: tuple[str, ...]
    cells: int
    ordered: bool
    before_concepts: str
    values: Mapping[str, str] = field(default_factory=dict)


def build(
    source: SourceSpec,
    mapping: PeriodMapping,
    raw: Mapping[str, RawTable],
    kind: RecordKind,
    targets: Sequence[Target],
    context: Context,
) -> Judged:
    """The pipeline for one delivery. ``raw`` holds its tables by name, ``targets`` what is to be made.

    Raises :class:`CaudalError` with every expression that names a column which is not there.
    """
    main, table = next(iter(source.tables.items()))
    pipeline = _raw_steps(Pipeline(), mapping, raw, context.period)
    names = _joined_names(source, mapping, raw)
    pipeline = _joined(pipeline, main, source, mapping, raw)
    _check_raw_expressions(source, table, names)
    pipeline, corrections = _corrected(pipeline, source.corrections)
    pipeline = _selected(pipeline, table, names, source.totals, context)
    cells = 1
    if table.unpivot:
        pipeline, names, cells = _cells(pipeline, table.unpivot, names)
    before_concepts = pipeline.last
    _check_mapped_columns(source, targets, names)
    pipeline, compiled = _concepts(pipeline, targets, context, names)
    pipeline = _dated(pipeline, kind, compiled, context.period, names)
    pipeline, warnings = _judged(pipeline, source, kind, compiled, table)
    return Judged(
        pipeline,
        {c.name: f"{c.name}?" for c in compiled if c.unnamed},
        warnings,
        corrections,
        tuple(quoted(n) for n in table.key),
        cells,
        not table.join and not any(t.mapped.ordinal for t in targets),
        before_concepts,
        {c.name: c.before for c in compiled if c.before and c.before != quoted(c.name)},
    )


def raw_columns(
    source: SourceSpec, mapping: PeriodMapping, raw: Mapping[str, RawTable]
) -> dict[str, RawColumn]:
    """The columns that a mapping can read, after joins and unpivot, and how their numbers are written."""
    found: dict[str, RawColumn] = {}
    owners = _joined_names(source, mapping, raw)
    shown = {place: name for name, place in owners.items()}
    for name, (table, original) in owners.items():
        missing = shown.get((table, original + MISSING), "")
        found[name] = RawColumn(raw[table].columns[original], *mapping.formats[table].marks, missing)
    unpivot = next(iter(source.tables.values())).unpivot
    if unpivot:
        cells = _cell_columns(unpivot, found)
        marks_of = found[next(iter(cells))]
        found = {n: c for n, c in found.items() if n not in cells}
        labels = {label for values in cells.values() for label in values}
        found |= dict.fromkeys(labels, RawColumn())
        found[unpivot.value] = RawColumn("VARCHAR", marks_of.decimal, marks_of.thousands)
    return found


def expected_columns(source: SourceSpec, mapping: PeriodMapping, table: str) -> tuple[str, ...]:
    """Headers that ``table`` must have for this mapping, as the file writes them."""
    back = {new: old for old, new in mapping.rename.items()}
    main = next(iter(source.tables))
    spec = source.tables[table]
    if table != main:  # what its join needs is told when it is joined, with the columns of both
        return ()
    made = set(mapping.helpers) | set(mapping.columns)
    labels: set[str] = set()
    needed: list[str] = list(spec.key)
    if spec.unpivot:
        labels = {
            *spec.unpivot.names,
            spec.unpivot.value,
            *(n for v in spec.unpivot.columns.values() for n in v),
        }
        needed += list(spec.unpivot.columns)
    for mapped in mapping.all_mapped().values():
        needed += [c for c in mapped.raw_columns if c not in labels and c not in made]
    joined = bool(spec.join)
    return tuple(dict.fromkeys(back.get(c, c) for c in needed)) if not joined else ()


def _raw_steps(
    pipeline: Pipeline, mapping: PeriodMapping, raw: Mapping[str, RawTable], period: str
) -> Pipeline:
    first, last = bounds(period)
    for name, table in raw.items():
        shown = []
        for column, kind in table.columns.items():
            value = f"nullif(trim({quoted(column)}), '')" if kind == "VARCHAR" else quoted(column)
            shown.append(f"{value} AS {quoted(mapping.rename.get(column, column))}")
        there = {mapping.rename.get(c, c).lower() for c in table.columns}
        days = {"period_start": first, "period_end": last}
        dates = ", ".join(f"DATE '{day}' AS {n}" for n, day in days.items() if n not in there)
        extra = f", {dates}" if dates and name == next(iter(raw)) else ""
        columns = ",\n  ".join(shown)
        pipeline = pipeline.step(
            f"raw_{name}", f"SELECT {columns},\n  {RAW_ROW}{extra}\nFROM ({table.relation})"
        )
    return pipeline


def _joined_names(
    source: SourceSpec, mapping: PeriodMapping, raw: Mapping[str, RawTable]
) -> dict[str, tuple[str, str]]:
    """Column after joins -> (table, header in its file)."""
    main, spec = next(iter(source.tables.items()))
    names = {mapping.rename.get(c, c): (main, c) for c in raw[main].columns}
    for join in spec.join:
        for column in raw[join.table].columns:
            renamed = mapping.rename.get(column, column)
            shown = f"{join.prefix}{renamed}"
            if renamed not in join.on and shown not in names:
                names[shown] = (join.table, column)
    return names


def _brought_in(table: str, source: SourceSpec) -> str:
    """The rows of a second table that its own ``where`` keeps."""
    condition = source.tables[table].where
    return (
        f"(SELECT * FROM raw_{table} WHERE coalesce(({condition}), FALSE))" if condition else f"raw_{table}"
    )


def _joined(
    pipeline: Pipeline, main: str, source: SourceSpec, mapping: PeriodMapping, raw: Mapping[str, RawTable]
) -> Pipeline:
    spec = source.tables[main]
    previous, taken = f"raw_{main}", {mapping.rename.get(c, c) for c in raw[main].columns}
    for join in spec.join:
        renamed = [mapping.rename.get(c, c) for c in raw[join.table].columns]
        absent = [c for c in join.on if c not in renamed or c not in taken]
        if absent:
            raise CaudalError(
                *(
                    problem(
                        "column-missing",
                        where=join.table,
                        found=c,
                        allowed=renamed,
                        nearest=nearest(c, renamed),
                    )
                    for c in absent
                )
            )
        brought = [c for c in renamed if c not in join.on and f"{join.prefix}{c}" not in taken]
        shown = "".join(f",\n  r.{quoted(c)} AS {quoted(join.prefix + c)}" for c in brought)
        taken |= {f"{join.prefix}{c}" for c in brought}
        on = " AND ".join(f"l.{quoted(c)} = r.{quoted(c)}" for c in join.on)
        select = (
            f"SELECT l.*{shown},\n  r.{RAW_ROW} IS NULL AS {quoted('alone:' + join.table)}\n"
            f"FROM {previous} l LEFT JOIN {_brought_in(join.table, source)} r ON {on}"
        )
        pipeline = pipeline.step(f"joined_{join.table}", select)
        previous = pipeline.last
    return pipeline.step("joined", f"SELECT * FROM {previous}") if spec.join else pipeline


def _corrected(
    pipeline: Pipeline, corrections: Sequence[Correction]
) -> tuple[Pipeline, Mapping[str, tuple[str, str]]]:
    """A step for each correction; also correction -> (step before it, its condition), for counting."""
    counted: dict[str, tuple[str, str]] = {}
    pipeline = (
        pipeline.step("uncorrected", f"SELECT *, FALSE AS {DROPPED} FROM {pipeline.steps[-1][0]}")
        if corrections
        else pipeline
    )
    for number, correction in enumerate(corrections, 1):
        before, column = pipeline.last, quoted(correction.column)
        counted[f"{number}:{correction.action}:{correction.column}"] = (before, correction.where)
        if correction.action == "drop":
            change = f"{DROPPED} OR coalesce(({correction.where}), FALSE) AS {DROPPED}"
        else:
            new = literal(None if correction.value is None else str(correction.value))
            if correction.action == "scale":
                new = f"CAST(TRY_CAST({column} AS DOUBLE) * {float(correction.value or 0)!r} AS VARCHAR)"
            change = f"CASE WHEN ({correction.where}) THEN {new} ELSE {column} END AS {column}"
        pipeline = pipeline.step(f"corrected_{number}", f"SELECT * REPLACE ({change}) FROM {before}")
    return pipeline, counted


def _selected(
    pipeline: Pipeline,
    table: TableSpec,
    names: Mapping[str, tuple[str, str]],
    totals: Sequence[TotalCheck],
    context: Context,
) -> Pipeline:
    conditions = [f"NOT {DROPPED}"] if pipeline.last.startswith("corrected_") else []
    conditions += [f"coalesce(({table.where}), FALSE)"] if table.where else []
    if conditions:
        select = f"SELECT * FROM {pipeline.last} WHERE {' AND '.join(conditions)}"
        pipeline = pipeline.step("selected", select)
    if totals:
        marks = ",\n  ".join(f"{_sum_of(t, context)} AS {quoted(f'{_NO_TOTAL}:{t.total}')}" for t in totals)
        pipeline = pipeline.step("totals", f"SELECT *,\n  {marks}\nFROM {pipeline.last}")
    return pipeline


def _sum_of(check: TotalCheck, context: Context) -> str:
    """True where the total is not the sum of its parts; exact, in decimals."""

    def number(name: str) -> str:
        column = context.raw.get(name, RawColumn())
        plain = f"CAST({quoted(name)} AS VARCHAR)"
        if column.thousands:
            plain = f"replace({plain}, {literal(column.thousands)}, '')"
        if column.decimal != ".":
            plain = f"replace({plain}, {literal(column.decimal)}, '.')"
        return f"TRY_CAST({plain} AS DECIMAL(38, 6))"

    parts = " + ".join(f"coalesce({number(p)}, 0)" for p in check.parts)
    return f"({number(check.total)} IS DISTINCT FROM {parts})"


def _cell_columns(unpivot: Unpivot, names: Iterable[str]) -> dict[str, dict[str, str]]:
    """Column that becomes rows -> what its rows carry."""
    if unpivot.columns:
        return {c: {k: str(v) for k, v in labels.items()} for c, labels in unpivot.columns.items()}
    shape = re.compile("(.+)".join(re.escape(part) for part in unpivot.pattern.split("*")))
    found = {}
    for name in names:
        match = shape.fullmatch(name)
        if match:
            found[name] = {n: part.strip() for n, part in zip(unpivot.names, match.groups(), strict=True)}
    if not found:
        raise CaudalError(problem("unpivot-nothing", found=unpivot.pattern, allowed=list(names)))
    return found


def _cells(
    pipeline: Pipeline, unpivot: Unpivot, names: Mapping[str, tuple[str, str]]
) -> tuple[Pipeline, dict[str, tuple[str, str]], int]:
    cells = _cell_columns(unpivot, names)
    structs = ",\n    ".join(
        "{"
        + ", ".join(f"{literal(k)}: {literal(v)}" for k, v in labels.items())
        + f", {literal(unpivot.value)}: CAST({quoted(column)} AS VARCHAR)}}"
        for column, labels in cells.items()
    )
    gone = ", ".join(quoted(c) for c in cells)
    unnested = f"unnest([\n    {structs}\n  ], recursive := true)"
    select = f"SELECT * EXCLUDE ({gone}),\n  {unnested}\nFROM {pipeline.last}"
    kept = {n: o for n, o in names.items() if n not in cells}
    made = [*next(iter(cells.values())), unpivot.value]
    return pipeline.step("cells", select), {**kept, **dict.fromkeys(made, ("", ""))}, len(cells)


def _concepts(
    pipeline: Pipeline, targets: Sequence[Target], context: Context, names: Iterable[str]
) -> tuple[Pipeline, list[Compiled]]:
    raw = {n.lower() for n in names}
    everything: list[Compiled] = []
    for number, layer in enumerate(layers(targets, names), 1):
        compiled = [compile_target(t, context) for t in layer]
        values = [f"{c.value} AS {quoted(c.value_name)}" for c in compiled if c.value]
        if values:
            pipeline = pipeline.step(f"values_{number}", _with(pipeline.last, values))
        hidden = [c.name for c in compiled if c.name.lower() in raw]  # a raw column of that name gives way
        reads = [f"{c.read} AS {quoted(c.name)}" for c in compiled]
        pipeline = pipeline.step(f"read_{number}", _with(pipeline.last, reads, hidden))
        pipeline = pipeline.step(f"concepts_{number}", _resolved(pipeline.last, compiled))
        everything += compiled
    return pipeline, everything


def _with(previous: str, columns: Iterable[str], without: Sequence[str] = ()) -> str:
    hidden = f" EXCLUDE ({', '.join(quoted(n) for n in without)})" if without else ""
    listed = ",\n  ".join(columns)
    return f"SELECT *{hidden},\n  {listed}\nFROM {previous}"


def _resolved(previous: str, compiled: Sequence[Compiled]) -> str:
    marked = [c for c in compiled if c.marked]
    flagged = [c for c in compiled if c.unnamed]
    replace = ",\n  ".join(
        f"CASE WHEN {c.unnamed} THEN '_U' ELSE {quoted(c.name)} END AS {quoted(c.name)}" for c in marked
    )
    flags = "".join(f",\n  coalesce({c.unnamed}, FALSE) AS {quoted(c.name + '?')}" for c in flagged)
    return f"SELECT *{f' REPLACE ({replace})' if replace else ''}{flags}\nFROM {previous}"


def _dated(
    pipeline: Pipeline, kind: RecordKind, compiled: Sequence[Compiled], period: str, names: Iterable[str]
) -> Pipeline:
    """Adds the period, and nulls for columns that an invariant names and this source does not have. A raw
    column of one of these names gives way."""
    made = {c.name for c in compiled}
    named = {n for i in kind.invariants for n in columns_of(i.sql)}
    absent = [c for c in kind.columns if c.name in named - made]
    types = {
        Holds.INTEGER: "BIGINT",
        Holds.DECIMAL: "DOUBLE",
        Holds.DATE: "DATE",
        Holds.INSTANT: "TIMESTAMP",
    }
    nulls = [f"CAST(NULL AS {types.get(c.holds, 'VARCHAR')}) AS {quoted(c.name)}" for c in absent]
    raw = {n.lower() for n in names} - {n.lower() for n in made}
    hidden = [n for n in ("valid_period", *(c.name for c in absent)) if n in raw]
    return pipeline.step(
        "dated", _with(pipeline.last, [f"{literal(period)} AS valid_period", *nulls], hidden)
    )


def _keys(kind: RecordKind) -> tuple[Column, ...]:
    return tuple(c for c in kind.columns if c.holds is Holds.KEY)


def _judged(
    pipeline: Pipeline, source: SourceSpec, kind: RecordKind, compiled: Sequence[Compiled], table: TableSpec
) -> tuple[Pipeline, dict[str, str]]:
    names = {c.name for c in compiled}
    reasons = [(f"{_NO_TOTAL}:{t.total}", quoted(f"{_NO_TOTAL}:{t.total}")) for t in source.totals]
    reasons += [(f"no-match:{j.table}", quoted(f"alone:{j.table}")) for j in table.join if j.required]
    keys = {c.name: c.before for c in compiled if kind.column(c.name) in _keys(kind)}
    reasons += [
        (f"missing:{c.name}", f"{keys.get(c.name) or quoted(c.name)} IS NULL")
        for c in kind.columns
        if c.required and c.name in names
    ]
    weight = source.design.weight if source.design else ""
    if weight in names:
        reasons.append((f"missing:{weight}", f"{quoted(weight)} IS NULL"))
    reasons += [(i.name, f"({i.sql}) IS FALSE") for i in kind.invariants]
    reasons += [(c.name, f"({c.condition}) IS FALSE") for c in source.checks if c.severity == "error"]
    warnings = {c.name: f"warning:{c.name}" for c in source.checks if c.severity == "warning"}
    flags = "".join(
        f",\n  coalesce(({c.condition}) IS FALSE, FALSE) AS {quoted(warnings[c.name])}"
        for c in source.checks
        if c.name in warnings
    )
    branches = "\n    ".join(f"WHEN {sql} THEN {literal(name)}" for name, sql in reasons)
    reason = f"CASE {branches} END" if branches else "CAST(NULL AS VARCHAR)"
    return pipeline.step(
        "judged", f"SELECT *,\n  {reason} AS {REASON}{flags}\nFROM {pipeline.last}"
    ), warnings


def _check_raw_expressions(source: SourceSpec, table: TableSpec, names: Iterable[str]) -> None:
    allowed = [*names, "period_start", "period_end", RAW_ROW]
    where = f"sources/{source.source}.yaml"
    found = check_expression(table.where, allowed, where=where) if table.where else []
    for correction in source.corrections:
        found += check_expression(correction.where, allowed, where=where)
        if correction.column not in allowed:
            near = nearest(correction.column, allowed)
            found.append(
                problem("column-missing", where=where, found=correction.column, allowed=allowed, nearest=near)
            )
    if found:
        raise CaudalError(*found)


def _check_mapped_columns(source: SourceSpec, targets: Sequence[Target], names: Iterable[str]) -> None:
    allowed = [*names, "period_start", "period_end", *(t.name for t in targets)]
    where = f"sources/{source.source}.yaml"
    found = []
    for target in targets:
        for column in target.mapped.raw_columns:
            if column not in names:
                near = nearest(column, names)
                found.append(
                    problem("column-missing", where=where, found=column, allowed=list(names), nearest=near)
                )
        if target.mapped.expression:
            found += check_expression(target.mapped.expression, allowed, where=where)
    if found:
        raise CaudalError(*found)
