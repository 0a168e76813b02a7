"""Indicators: from the records of one delivery to observations, all indicators in one pass a weight.

The catalogue says what an indicator is; this module turns its formula into statistics of
:mod:`caudal.estimate.survey` and the result into rows of the observation table. A formula's universe and
denominator become the domain of a proportion, so that missing answers are left out of both parts, and
counted. Gaps between two categories are estimated in the same pass, with the covariance of the two.

It refuses an indicator that the records cannot carry, and says which columns are missing.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from caudal.catalogue import formula_for
from caudal.engine.expressions import columns_of, is_condition
from caudal.engine.session import quoted
from caudal.estimate.survey import (
    Count,
    Design,
    Gap,
    Mean,
    Proportion,
    Ratio,
    Statistic,
    Total,
    estimate_cube,
)
from caudal.estimate.survey.statistics import parts
from caudal.model.catalogue import Catalogue
from caudal.model.indicator import Formula, IndicatorSpec
from caudal.model.observation import TOTAL, conform
from caudal.model.record import RecordKind

GAP_SUFFIX = "_gap"


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


@dataclass(frozen=True)
class Planned:
    """An indicator that these records can carry: its formula and the crossings that are possible."""

    indicator: IndicatorSpec
    formula: Formula
    crossings: tuple[tuple[str, ...], ...]

    @property
    def gap_possible(self) -> bool:
        """Whether the dimension of its gap is among its crossings."""
        gap = self.indicator.gap
        return gap is not None and any(gap.dimension in crossing for crossing in self.crossings)


@dataclass(frozen=True)
class Impossible:
    """An indicator that these records cannot carry: the columns that they lack."""

    indicator: str
    missing: tuple[str, ...]


def plan(
    records: Records,
    indicators: Iterable[IndicatorSpec],
    catalogue: Catalogue,
    extra: Sequence[tuple[str, ...]] = (),
) -> tuple[tuple[Planned, ...], tuple[Impossible, ...]]:
    """Which indicators ``records`` can carry, in which crossings; and which not, and why.

    An indicator without a formula for the kind of record is in neither list: it is not about such units.
    """
    can: list[Planned] = []
    cannot: list[Impossible] = []
    for indicator in indicators:
        formula, missing = formula_for(indicator, records.kind.name, records.columns, records.concept)
        if missing:
            cannot.append(Impossible(indicator.indicator, missing))
        if formula is None:
            continue
        wanted = dict.fromkeys([(), *indicator.breakdowns, *extra])
        possible = tuple(c for c in wanted if all(_derivation(d, records, catalogue) for d in c))
        can.append(Planned(indicator, formula, possible))
    return tuple(can), tuple(cannot)


def estimate(records: Records, planned: Sequence[Planned], catalogue: Catalogue, session: Any) -> pa.Table:
    """The observations of all ``planned`` indicators, without verdict, in the order of their key.

    One pass over the records for each weight that the formulas name.
    """
    dimensions = key_dimensions(catalogue)
    tables = []
    for weight, group in _by_weight(planned).items():
        cube = estimate_cube(
            _relation(records, group, catalogue),
            _with_weight(records.design, weight),
            [_statistic(p) for p in group],
            [tuple(f"{d}_code" for d in c) for c in _union(p.crossings for p in group)],
            gaps=[_gap(p) for p in group if p.gap_possible],
            connection=session,
        )
        tables.extend(_observations(cube, p, records, catalogue) for p in group)
    if not tables:
        return conform(pa.table({}), dimensions)
    return pa.concat_tables(conform(t, dimensions) for t in tables)


def explain(records: Records, planned: Planned, catalogue: Catalogue) -> str:
    """What is summed for an indicator, as SQL that an auditor can read and run over the records."""
    linear = parts(_statistic(planned))
    weight = planned.formula.weight or records.design.weight or "1"
    known = " AND ".join(f"({e}) IS NOT NULL" for e in linear.expressions) or "TRUE"
    upper = _weighted_sum(weight, linear.numerator)
    figure = f"{upper} / {_weighted_sum(weight, linear.denominator)}" if linear.is_ratio else upper
    dims = [quoted(f"{d}_code") for d in sorted({d for c in planned.crossings for d in c})]
    grouped = f"\nGROUP BY {', '.join(dims)}" if dims else ""
    columns = ", ".join([*dims, f"{planned.indicator.scale} * {figure} AS value"])
    return f"SELECT {columns}\nFROM ({_relation(records, [planned], catalogue)})\nWHERE {known}{grouped}"


def key_dimensions(catalogue: Catalogue) -> tuple[str, ...]:
    """The dimensions that stand in the key of an observation; an area stands there as reference area."""
    return tuple(name for name, d in catalogue.dimensions.items() if d.role != "reference_area")


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
            "unit": "PP" if indicator.unit == "PT" else indicator.unit,
            "text": text,
            "gap": None,
            "proportion": False,
            "expected": (),
        }
    )


def _derivation(dimension: str, records: Records, catalogue: Catalogue) -> str | None:
    """SQL that yields a dimension from the columns that the source fills; None where none can."""
    alternatives = catalogue.derivations(dimension, records.kind.name, records.territory)
    return next((sql for sql in alternatives if set(columns_of(sql)) <= records.columns), None)


def _relation(records: Records, group: Sequence[Planned], catalogue: Catalogue) -> str:
    """The records with one column for each dimension that a crossing names."""
    names = sorted({d for p in group for crossing in p.crossings for d in crossing})
    derived = [f"({_derivation(d, records, catalogue)}) AS {quoted(f'{d}_code')}" for d in names]
    replaced = [quoted(f"{d}_code") for d in names if f"{d}_code" in records.columns]
    kept = f"* EXCLUDE ({', '.join(replaced)})" if replaced else "*"
    return f"SELECT {', '.join([kept, *derived])} FROM {records.relation}"


def _statistic(planned: Planned) -> Statistic:
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
    kind = "difference" if spec.measure == "difference" else "ratio"
    label = planned.indicator.indicator + GAP_SUFFIX
    return Gap(planned.indicator.indicator, f"{spec.dimension}_code", spec.group, spec.reference, kind, label)


def _by_weight(planned: Sequence[Planned]) -> dict[str, list[Planned]]:
    groups: dict[str, list[Planned]] = {}
    for p in planned:
        groups.setdefault(p.formula.weight, []).append(p)
    return groups


def _with_weight(design: Design, weight: str) -> Design:
    return replace(design, weight=weight) if weight else design


def _union(crossings: Iterable[Sequence[tuple[str, ...]]]) -> list[tuple[str, ...]]:
    """All crossings once, each with its dimensions in a fixed order."""
    return sorted({tuple(sorted(c)) for group in crossings for c in group}, key=lambda c: (len(c), c))


def _observations(cube: pa.Table, planned: Planned, records: Records, catalogue: Catalogue) -> pa.Table:
    """The rows of one indicator, and of its gap, in the shape of observations."""
    indicator, name = planned.indicator, planned.indicator.indicator
    wanted = {frozenset(f"{d}_code" for d in c) for c in planned.crossings}
    if indicator.gap:
        compared = f"{indicator.gap.dimension}_code"
        gaps = {c - {compared} for c in wanted if compared in c}
    else:
        gaps = set()
    rows = []
    for row in cube.filter(pc.is_in(cube["statistic"], pa.array([name, name + GAP_SUFFIX]))).to_pylist():
        broken_down = frozenset(n for n in row if n.endswith("_code") and row[n] not in (None, TOTAL))
        if broken_down in (gaps if row["statistic"] != name else wanted):
            rows.append(_observation(row, planned, records, catalogue))
    return pa.Table.from_pylist(rows)


def _observation(
    row: Mapping[str, Any], planned: Planned, records: Records, catalogue: Catalogue
) -> dict[str, Any]:
    indicator = planned.indicator
    is_gap = row["statistic"] != indicator.indicator
    area, categories = _areas_apart(row, records, catalogue)
    scale = 1.0 if is_gap and indicator.gap and indicator.gap.measure == "ratio" else indicator.scale
    total = bool(planned.formula.total)
    return {
        "indicator_code": row["statistic"],
        "indicator_version": indicator.version,
        "reporter_code": records.reporter,
        "reference_area_code": area,
        "time_period": records.period,
        **categories,
        "source_code": records.source,
        "concept_vector": str(catalogue.vector(records.concept, planned.formula.concept)),
        "vintage": records.vintage,
        **{m: _scaled(row[m], scale) for m in ("value", "sampling_se", "lower", "upper")},
        "interval_type": row["interval_type"],
        "sample_n": row["cases_n"] if total else row["sample_n"],
        "cases_n": row["cases_n"],
        "psu_n": row["psu_n"],
        "df": row["df"],
        "unit_code": "PP" if is_gap and indicator.unit == "PT" else indicator.unit,
        "obs_status_code": "A",
        "method_code": row["error_method"],
        "error_note": error_note(row["error_method"], row["sampling_se"] is not None),
        "derived_from": f"records:{records.source}/{records.period}",
    }


def error_note(method: str, has_error: bool) -> str | None:
    """The code of what a reader must know of an error: words for it stand with the texts of the pages.

    >>> error_note("none", False), error_note("taylor", True)
    ('full-count', None)
    """
    if method == "none":
        return "full-count"
    if not has_error:
        return "not-estimated"
    return None if method == "taylor" else method.replace(" ", "-")


def _areas_apart(
    row: Mapping[str, Any], records: Records, catalogue: Catalogue
) -> tuple[str, dict[str, str]]:
    """The reference area of a row, and its other categories: a breakdown by area is a key of its own."""
    area, categories = records.territory, {}
    for name, dimension in catalogue.dimensions.items():
        code = row.get(f"{name}_code")
        if code is None:
            continue
        if dimension.role == "reference_area":
            area = code if code != TOTAL else area
        else:
            categories[f"{name}_code"] = code
    return area, categories


def _scaled(value: float | None, scale: float) -> float | None:
    return None if value is None else value * scale
