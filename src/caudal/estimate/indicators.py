"""Indicators: from the records of one delivery to observations, all indicators in one pass a weight.

The catalogue says what an indicator is; this module turns its formula into statistics of
:mod:`caudal.estimate.survey` and the result into rows of the observation table. A formula's universe and
denominator become the domain of a proportion, so that missing answers are left out of both parts, and
counted. Gaps between two categories are estimated in the same pass, with the covariance of the two.

It refuses an indicator that the records cannot carry, and says which columns are missing.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from caudal.catalogue import formula_for
from caudal.catalogue.formulas import formula_columns, in_territory
from caudal.engine.expressions import columns_of, is_condition
from caudal.engine.session import literal, quoted
from caudal.estimate.firsts import told, with_firsts
from caudal.estimate.honesty import honest
from caudal.estimate.survey import (
    Count,
    Design,
    Gap,
    Mean,
    Proportion,
    Ratio,
    Total,
    estimate_cube,
)
from caudal.estimate.survey.reliability import assess
from caudal.estimate.survey.statistics import Linear, parts
from caudal.model.catalogue import Catalogue
from caudal.model.codelist import SPECIAL_CODES
from caudal.model.indicator import Formula, IndicatorSpec
from caudal.model.observation import NOT_APPLICABLE, TOTAL, conform
from caudal.model.record import RecordKind

GAP_SUFFIX = "_gap"
#: Cells that the dimensions of one pass may span together.
_FAMILY_CELLS = 20_000
#: Before the name of a dimension's column in the scratch file: a record column may have the same name.
_DIMENSION = "dimension_"

Crossing = tuple[str, ...]


@dataclass(frozen=True)
class Records:
    """The records of one delivery, ready to be estimated.

    ``relation`` is SQL that a session can read; ``columns`` the record columns that the source fills;
    ``concept`` the axes that the source decides.
    """

    relation: str
    kind: RecordKind
    columns: frozenset[str]
    source: str
    period: str
    territory: str
    reporter: str
    vintage: str
    design: Design
    concept: Mapping[str, str]
    reliability_rule: str = ""


@dataclass(frozen=True)
class Planned:
    """An indicator that these records can carry: its formula and the crossings that are possible.

    ``together`` are the crossings of all indicators of the same weight. Sums of doubles depend on what they
    are summed by, so an indicator is always summed by families of these, whichever of them is asked for.
    """

    indicator: IndicatorSpec
    formula: Formula
    crossings: tuple[Crossing, ...]
    together: tuple[Crossing, ...] = ()


@dataclass(frozen=True)
class Impossible:
    """An indicator that these records cannot carry: the columns that they lack."""

    indicator: str
    missing: tuple[str, ...]


def plan(
    records: Records,
    indicators: Iterable[IndicatorSpec],
    catalogue: Catalogue,
    extra: Sequence[Crossing] = (),
) -> tuple[tuple[Planned, ...], tuple[Impossible, ...]]:
    """Which indicators ``records`` can carry, in which crossings; and which not, and why.

    An indicator without a formula for the kind of record is in neither list: it is not about such units.
    Where a crossing dates its cells (records of many periods in one delivery), every crossing must.
    """
    can: list[Planned] = []
    cannot: list[Impossible] = []
    for indicator in indicators:
        formula, missing = formula_for(indicator, records.kind.name, records.columns, records.concept)
        if missing:
            cannot.append(Impossible(indicator.indicator, missing))
        if formula is None:
            continue
        formula = in_territory(formula, records.territory)
        wanted = dict.fromkeys([(), *indicator.breakdowns, *extra])
        possible = tuple(c for c in wanted if all(derivation(d, records, catalogue) for d in c))
        can.append(Planned(indicator, formula, dated(possible, catalogue)))
    return tuple(can), tuple(cannot)


def dated(crossings: tuple[Crossing, ...], catalogue: Catalogue) -> tuple[Crossing, ...]:
    """``crossings``, or those of them that date their cells once, where some do."""
    times = {name for name, d in catalogue.dimensions.items() if d.role == "time_period"}
    if not any(times & set(c) for c in crossings):
        return crossings
    return tuple(c for c in crossings if len(times & set(c)) == 1)


def estimate(
    records: Records, planned: Sequence[Planned], catalogue: Catalogue, session: Any, scratch: Path
) -> pa.Table:
    """The observations of all ``planned`` indicators, without verdict.

    The columns and dimensions that they need are written once to a file in ``scratch``; then there is one
    pass for each weight that the formulas name and each family of crossings whose dimensions together span
    few enough cells.
    """
    dimensions = key_dimensions(catalogue)
    tables: list[pa.Table] = []
    rule = "" if records.design.kind == "full_count" else records.reliability_rule
    for weight, group in _by_weight(planned).items():
        crossings = group[0].together or _union(p.crossings for p in group)
        design = _with_weight(records.design, weight)
        with _written(_relation(records, group, catalogue), session, scratch) as relation:
            ready = [_resolved(p, relation, design, session) for p in group]
            for family in _families(crossings, _sizes(relation, crossings, session)):
                if not _asked(group, family):
                    continue
                cube = _cube(relation, design, rule, ready, family, session)
                tables.extend(_observations(cube, p, family, records, catalogue) for p in ready)
    found = [conform(t, dimensions) for t in tables if t.num_rows]
    return pa.concat_tables([conform(pa.table({}), dimensions), *found])


def _resolved(planned: Planned, relation: str, design: Design, session: Any) -> Planned:
    """The plan with what its formula takes first from the records written into it."""
    if not planned.formula.first:
        return planned
    return replace(planned, formula=with_firsts(planned.formula, relation, design.weight or "1", session))


def _asked(group: Sequence[Planned], family: Sequence[Crossing]) -> bool:
    """Whether some indicator of the group asks for a crossing of the family."""
    wanted = {frozenset(c) for p in group for c in p.crossings}
    return any(frozenset(c) in wanted for c in family)


@contextmanager
def _written(relation: str, session: Any, scratch: Path) -> Iterator[str]:
    """``relation`` as a file that is read many times and derived once, in the order of the records."""
    scratch.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(dir=scratch) as folder:
        path = Path(folder) / "records.parquet"
        session.execute(f"COPY ({relation}) TO {literal(path.as_posix())} (FORMAT parquet)")
        yield f"SELECT * FROM read_parquet({literal(path.as_posix())})"


def _cube(
    relation: str,
    design: Design,
    rule: str,
    group: Sequence[Planned],
    family: Sequence[Crossing],
    session: Any,
) -> pa.Table:
    """Every statistic of a group in every crossing of a family, the gaps that they allow, and the labels
    of the reliability ``rule``."""
    present = {d for c in family for d in c}
    asked = [_gap(p) for p in group if p.indicator.gap and p.indicator.gap.dimension in present]
    gaps = [g for g in asked if {g.category, g.reference} <= _categories(relation, g.dimension, session)]
    columns = [tuple(_DIMENSION + d for d in c) for c in family]
    statistics = [_statistic(p) for p in group]
    cube = estimate_cube(relation, design, statistics, columns, gaps=gaps, connection=session)
    return assess(cube, statistics, rule) if rule else cube


def _categories(relation: str, column: str, session: Any) -> set[str]:
    """The categories of a dimension that some record has: between one of them and none there is no gap."""
    return {str(c) for (c,) in session.sql(f"SELECT DISTINCT {quoted(column)} FROM ({relation})").fetchall()}


def _sizes(relation: str, crossings: Sequence[Crossing], session: Any) -> dict[str, int]:
    """How many categories each dimension has in the records."""
    names = sorted({d for c in crossings for d in c})
    if not names:
        return {}
    counted = ", ".join(f"count(DISTINCT {quoted(_DIMENSION + d)})" for d in names)
    row = session.sql(f"SELECT {counted} FROM ({relation})").fetchall()[0]
    return {d: max(1, n) + 1 for d, n in zip(names, row, strict=True)}


def _families(crossings: Sequence[Crossing], sizes: Mapping[str, int]) -> list[list[Crossing]]:
    """Crossings in families whose dimensions together span at most ``_FAMILY_CELLS`` cells, where a single
    crossing does not span more by itself.

    >>> _families([(), ("a",), ("b",), ("a", "b")], {"a": 10, "b": 10})
    [[('a', 'b'), ('a',), ('b',), ()]]
    """
    families: list[tuple[set[str], list[Crossing]]] = []
    for crossing in sorted(crossings, key=lambda c: (-len(c), c)):
        for together, members in families:
            if math.prod(sizes[d] for d in together | set(crossing)) <= _FAMILY_CELLS:
                together.update(crossing)
                members.append(crossing)
                break
        else:
            families.append((set(crossing), [crossing]))
    return [members for _, members in families]


def explain(records: Records, planned: Planned, catalogue: Catalogue) -> str:
    """What is summed for an indicator, as SQL that an auditor can read and run over the records."""
    linear = parts(_statistic(planned))
    weight = planned.formula.weight or records.design.weight or "1"
    known = " AND ".join(f"({e}) IS NOT NULL" for e in linear.expressions) or "TRUE"
    upper = _weighted_sum(weight, linear.numerator)
    figure = f"{upper} / {_weighted_sum(weight, linear.denominator)}" if linear.is_ratio else upper
    dims = [quoted(_DIMENSION + d) for d in sorted({d for c in planned.crossings for d in c})]
    grouped = f"\nGROUP BY {', '.join(dims)}" if dims else ""
    columns = ", ".join([*dims, f"{planned.indicator.scale} * {figure} AS value"])
    relation = f"FROM ({_relation(records, [planned], catalogue)})"
    return f"{told(planned.formula)}SELECT {columns}\n{relation}\nWHERE {known}{grouped}"


def key_dimensions(catalogue: Catalogue) -> tuple[str, ...]:
    """The dimensions that stand in the key of an observation under their own name; the others fill the
    reference area, the counterpart area or the time."""
    return tuple(name for name, d in catalogue.dimensions.items() if d.role == "breakdown")


def gap_unit(indicator: IndicatorSpec) -> str:
    """The unit of the gap of an indicator: percentage points for shares, none for ratios."""
    if indicator.gap and indicator.gap.measure == "ratio":
        return "RATIO"
    return "PP" if indicator.unit == "PT" else indicator.unit


def gap_of(indicator: IndicatorSpec, catalogue: Catalogue) -> IndicatorSpec | None:
    """The indicator that the gap of ``indicator`` is, with its texts; None where it has no gap."""
    gap = indicator.gap
    if gap is None:
        return None
    labels = catalogue.code_lists[catalogue.dimensions[gap.dimension].code_list]
    name = {
        language: f"{text}: {labels.label(gap.group, language)} − {labels.label(gap.reference, language)}"
        for language, text in indicator.text.name.items()
    }
    text = indicator.text.model_copy(update={"name": name})
    return indicator.model_copy(
        update={
            "indicator": indicator.indicator + GAP_SUFFIX,
            "unit": gap_unit(indicator),
            "text": text,
            "gap": None,
            "proportion": False,
            "expected": (),
        }
    )


def derivation(dimension: str, records: Records, catalogue: Catalogue) -> str | None:
    """SQL that yields a dimension from the columns that the source fills; None where none can."""
    alternatives = catalogue.derivations(dimension, records.kind.name, records.territory)
    return next((sql for sql in alternatives if set(columns_of(sql)) <= records.columns), None)


def _relation(records: Records, group: Sequence[Planned], catalogue: Catalogue) -> str:
    """The records with one column for each dimension that a crossing names."""
    names = sorted({d for p in group for crossing in (*p.together, *p.crossings) for d in crossing})
    derived = [f"({derivation(d, records, catalogue)}) AS {quoted(_DIMENSION + d)}" for d in names]
    needed = {c for p in group for c in formula_columns(p.formula)} | set(_design_columns(records.design))
    kept = [quoted(c) for c in sorted(needed & records.columns)]
    return f"SELECT {', '.join([*kept, *derived]) or '1 AS one'} FROM {records.relation}"


def _design_columns(design: Design) -> Iterator[str]:
    """The record columns that a design names."""
    for part in (design.weight, design.fpc, *design.stratum_columns, *design.psu_columns):
        if part is not None:
            yield from columns_of(part)


def _statistic(planned: Planned) -> Linear:
    formula, label = planned.formula, planned.indicator.indicator
    universe = f"({formula.universe})"
    if formula.total:
        condition = is_condition(formula.total)
        inside = f"CASE WHEN {universe} THEN ({formula.total}) ELSE {'FALSE' if condition else '0'} END"
        return Count(inside, label=label) if condition else Total(inside, label=label)
    if formula.mean:
        return Mean(f"CASE WHEN {universe} THEN ({formula.mean}) END", label=label)
    if planned.indicator.proportion:
        return Proportion(
            f"CASE WHEN {universe} AND ({formula.denominator}) THEN ({formula.numerator}) END", label=label
        )
    return Ratio(
        f"CASE WHEN {universe} THEN ({formula.numerator}) END",
        f"CASE WHEN {universe} THEN ({formula.denominator}) END",
        label=label,
    )


def _weighted_sum(weight: str, expression: str | None) -> str:
    return f"sum({weight})" if expression is None else f"sum({weight} * CAST(({expression}) AS DOUBLE))"


def _gap(planned: Planned) -> Gap:
    spec = planned.indicator.gap
    if spec is None:
        raise ValueError(f"{planned.indicator.indicator} has no gap")
    label = planned.indicator.indicator + GAP_SUFFIX
    return Gap(
        planned.indicator.indicator,
        _DIMENSION + spec.dimension,
        spec.group,
        spec.reference,
        spec.measure,
        label,
    )


def _by_weight(planned: Sequence[Planned]) -> dict[str, list[Planned]]:
    groups: dict[str, list[Planned]] = {}
    for p in planned:
        groups.setdefault(p.formula.weight, []).append(p)
    return groups


def _with_weight(design: Design, weight: str) -> Design:
    return replace(design, weight=weight) if weight else design


def _union(crossings: Iterable[Sequence[Crossing]]) -> list[Crossing]:
    """All crossings once, each with its dimensions in a fixed order."""
    return sorted({tuple(sorted(c)) for group in crossings for c in group}, key=lambda c: (len(c), c))


def _observations(
    cube: pa.Table, planned: Planned, family: Sequence[Crossing], records: Records, catalogue: Catalogue
) -> pa.Table:
    """The rows of one indicator, and of its gap, in the crossings of a family that it asks for."""
    indicator, name = planned.indicator, planned.indicator.indicator
    asked = {frozenset(c) for c in planned.crossings} & {frozenset(c) for c in family}
    wanted = {frozenset(_DIMENSION + d for d in c) for c in asked}
    compared_by = _DIMENSION + indicator.gap.dimension if indicator.gap else ""
    gaps = {c - {compared_by} for c in wanted if compared_by in c}
    rows = []
    found = cube.filter(pc.is_in(cube["statistic"], pa.array([name, name + GAP_SUFFIX]))).to_pylist()
    for row in honest(found, name, indicator.gap, compared_by):
        broken_down = frozenset(n for n in row if n.startswith(_DIMENSION) and row[n] not in (None, TOTAL))
        is_gap = row["statistic"] != name
        if is_gap and row["value"] is None:
            continue  # one of the two groups is not there to be compared
        if broken_down in (gaps if is_gap else wanted):
            rows.append(_observation(row, planned, records, catalogue))
    return pa.Table.from_pylist([r for r in rows if r["time_period"] not in SPECIAL_CODES])


def _observation(
    row: Mapping[str, Any], planned: Planned, records: Records, catalogue: Catalogue
) -> dict[str, Any]:
    indicator = planned.indicator
    is_gap = row["statistic"] != indicator.indicator
    codes = {n: row[_DIMENSION + n] for n in catalogue.dimensions if row.get(_DIMENSION + n) is not None}
    scale = 1.0 if is_gap and indicator.gap and indicator.gap.measure == "ratio" else indicator.scale
    total = bool(planned.formula.total)
    return {
        "indicator_code": row["statistic"],
        "indicator_version": indicator.version,
        "reporter_code": records.reporter,
        **key_of(codes, records, catalogue),
        "source_code": records.source,
        "concept_vector": str(catalogue.vector(records.concept, planned.formula.concept)),
        "vintage": records.vintage,
        **{m: _scaled(row[m], scale) for m in ("value", "sampling_se", "upper")},
        "lower": _lower(_scaled(row["lower"], scale), is_count=total and is_condition(planned.formula.total)),
        "interval_type": row["interval_type"],
        **_counts(row, records.kind, total),
        "psu_n": row["psu_n"],
        "df": row["df"],
        "unit_code": gap_unit(indicator) if is_gap else indicator.unit,
        "obs_status_code": "A",
        "method_code": row["error_method"],
        "error_note": row["error_note"],
        "reliability": row.get("reliability"),
        "derived_from": f"records:{records.source}/{records.period}",
    }


def key_of(codes: Mapping[str, str], records: Records, catalogue: Catalogue) -> dict[str, str]:
    """The part of the key that the categories of a cell decide: dimension -> code in, column -> code out."""
    key = {
        "reference_area_code": records.territory,
        "counterpart_area_code": NOT_APPLICABLE,
        "time_period": records.period,
    }
    for name, code in codes.items():
        role = catalogue.dimensions[name].role
        if role == "breakdown":
            key[f"{name}_code"] = code
        elif code != TOTAL:
            key[role if role == "time_period" else f"{role}_code"] = code
    return key


def _counts(row: Mapping[str, Any], kind: RecordKind, is_total: bool) -> dict[str, int | None]:
    """How many units a figure rests on: records, or what the rows of a table of counts stand for."""
    if kind.count_column and is_total:
        units = None if row["value"] is None else round(row["value"])
        return {"sample_n": units, "cases_n": units}
    return {"sample_n": row["cases_n"] if is_total else row["sample_n"], "cases_n": row["cases_n"]}


def _lower(limit: float | None, *, is_count: bool) -> float | None:
    """A lower limit; that of a count of units stops at zero."""
    return max(limit, 0.0) if limit is not None and is_count else limit


def _scaled(value: float | None, scale: float) -> float | None:
    """A measure in the unit of its indicator, to 12 significant digits: what lies beyond depends on the order
    of additions, and so on what else is estimated in the same pass."""
    return None if value is None else float(f"{value * scale:.12g}")
