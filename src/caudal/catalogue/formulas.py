"""Which formula of an indicator a source can carry, and the formula with a country's code in its place."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from caudal.engine.expressions import columns_of
from caudal.model.catalogue import TERRITORY
from caudal.model.indicator import Formula, IndicatorSpec
from caudal.model.record import PROVENANCE_COLUMNS

FIRST_FIELDS = ("of", "universe", "more_among", "than_among")
SQL_FIELDS = ("universe", "total", "mean", "numerator", "denominator")


def formula_columns(formula: Formula) -> tuple[str, ...]:
    """Columns of the records that a formula reads, in order of appearance.

    >>> formula_columns(Formula(kind="person", universe="age_years > 14", mean="weekly_hours"))
    ('age_years', 'weekly_hours')
    """
    named = [c for sql in formula_sql(formula) for c in columns_of(sql) if c not in formula.first]
    return tuple(dict.fromkeys([*named, *([formula.weight] if formula.weight else [])]))


def formula_sql(formula: Formula) -> tuple[str, ...]:
    """Every expression of a formula, and of what it takes from the records first."""
    firsts = (getattr(f, name) for f in formula.first.values() for name in FIRST_FIELDS)
    return tuple(sql for sql in (*(getattr(formula, n) for n in SQL_FIELDS), *firsts) if sql)


def formula_for(
    indicator: IndicatorSpec, kind: str, columns: Iterable[str], concept: Mapping[str, str]
) -> tuple[Formula | None, tuple[str, ...]]:
    """The first formula for records of ``kind`` that a source with these ``columns`` and this ``concept``
    can carry. Where none can: None, and what the nearest one lacks (columns, and axes as ``axis=value``);
    nothing lacks where the indicator is not about such records at all.

    >>> spec = IndicatorSpec(indicator="hours", version="1", family="labour", unit="H_W", population="hours",
    ...     text={"name": {}, "definition": {}, "headline": {}},
    ...     formulas=[Formula(kind="person", mean="weekly_hours", needs={"scope": "general_population"})])
    >>> formula_for(spec, "person", ["weekly_hours"], {})[1]
    ('scope=general_population',)
    """
    available = {*columns, *(c.name for c in PROVENANCE_COLUMNS)}
    lacks = [(f, _lacking(f, available, concept)) for f in indicator.formulas if f.kind == kind]
    fit = next((f for f, lacking in lacks if not lacking), None)
    if fit is not None or not lacks:
        return fit, ()
    return None, min((lacking for _, lacking in lacks), key=len)


def _lacking(formula: Formula, columns: set[str], concept: Mapping[str, str]) -> tuple[str, ...]:
    axes = tuple(f"{a}={v}" for a, v in formula.needs.items() if concept.get(a) != v)
    return (*(c for c in formula_columns(formula) if c not in columns), *axes)


def in_territory(formula: Formula, territory: str) -> Formula:
    """The formula with the code of the country or area that the records are about in its place.

    >>> in_territory(Formula(kind="person", total="birth_country_code <> '{territory}'"), "AR").total
    "birth_country_code <> 'AR'"
    """

    def placed(spec: Any, names: Iterable[str]) -> dict[str, str]:
        return {n: getattr(spec, n).replace(TERRITORY, territory) for n in names}

    firsts = {n: f.model_copy(update=placed(f, FIRST_FIELDS)) for n, f in formula.first.items()}
    return formula.model_copy(update={**placed(formula, SQL_FIELDS), "first": firsts})
