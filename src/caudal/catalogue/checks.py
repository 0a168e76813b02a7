"""What can be wrong in a catalogue beyond the shape of its files: names that nothing bears, SQL that does
not parse or reads columns that its kind of record has not, sentences whose placeholders nobody fills."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping

from caudal.catalogue.draft import Draft
from caudal.catalogue.formulas import FIRST_FIELDS, SQL_FIELDS
from caudal.engine.expressions import check_expression
from caudal.engine.specs import Document
from caudal.errors import Problem, problem, unknown
from caudal.model.catalogue import ANY_KIND, TERRITORY, AxisSpec, Coded, DimensionSpec
from caudal.model.indicator import DerivedSpec, Formula, IndicatorSpec, Operand
from caudal.model.record import PROVENANCE_COLUMNS, RecordKind, record_kinds
from caudal.model.spec import Text

_PLACEHOLDER = re.compile(r"\{([^{}]*)\}")
#: Text -> placeholders that it may have, and those that it needs.
HEADLINE = (("value", "interval", "area", "time", "source"), ("value",))
DIFFERENCE = (("first", "second"), ("first", "second"))
PAIR = (("a", "b"), ("a", "b"))
SILENT = (("axis", "value"), ("axis", "value"))


def check_name(kind: str, name: str, known: Iterable[str], where: str) -> list[Problem]:
    """A problem where ``name`` is not among ``known``."""
    names = list(known)
    if name in names:
        return []
    return [unknown(kind, name, names, where=where)]


def check_placeholders(
    name: str, text: Text, rule: tuple[tuple[str, ...], tuple[str, ...]], where: str
) -> list[Problem]:
    """Languages of ``text`` whose placeholders are not those of ``rule`` (admitted, needed)."""
    allowed, needed = (set(part) for part in rule)
    found = []
    for language, sentence in text.items():
        has = set(_PLACEHOLDER.findall(sentence))
        if not needed <= has <= allowed:
            facts = {"found": sorted(has), "allowed": rule[0], "needed": rule[1]}
            found.append(problem("placeholders", where=where, name=name, language=language, **facts))
    return found


def check_dimension(spec: DimensionSpec, draft: Draft, where: str) -> list[Problem]:
    """What is wrong with a dimension: its list, its kinds, the columns and codes of its derivations."""
    dated = spec.role == "time_period" and not spec.code_list
    found = [] if dated else check_name("code list", spec.code_list, draft.lists, where)
    kinds = record_kinds()
    for kind in spec.derive:
        if kind != ANY_KIND:
            found += check_name("kind of record", kind, [*kinds, ANY_KIND], where)
        columns = _columns_of_kinds([kinds[kind]] if kind in kinds else kinds.values())
        for derivation in spec.alternatives(kind):
            if isinstance(derivation, str):
                found += check_expression(derivation, columns, where=where)
            else:
                found += _check_coded(derivation, spec, draft, columns, where)
    return found


def _check_coded(
    coded: Coded, spec: DimensionSpec, draft: Draft, columns: Iterable[str], where: str
) -> list[Problem]:
    found = check_name("column", coded.column, columns, where)
    if spec.code_list in draft.lists:
        codes = draft.lists[spec.code_list].codes
        for code in (*coded.to, *([coded.below] if coded.below else [])):
            if code != TERRITORY:
                found += check_name(f"code of {spec.code_list}", code, codes, where)
    return found


def _columns_of_kinds(kinds: Iterable[RecordKind]) -> tuple[str, ...]:
    named = [c.name for kind in kinds for c in (*kind.columns, *kind.made)]
    return tuple(dict.fromkeys([*named, *(c.name for c in PROVENANCE_COLUMNS)]))


def check_axis(axis: AxisSpec, where: str) -> list[Problem]:
    """What is wrong with an axis: sentences without the right placeholders, pairs of unknown values."""
    found = check_placeholders("difference", axis.difference, DIFFERENCE, where)
    for pair in axis.pairs:
        found += check_placeholders("/".join(pair.values), pair.text, PAIR, where)
        for value in pair.values:
            found += check_name(f"value of {axis.axis}", value, axis.values, where)
    return found


def check_vector(vector: Mapping[str, Text], where: str) -> list[Problem]:
    """Sentences for a silent figure without the right placeholders."""
    silent = {n: t for n, t in vector.items() if n.endswith("_silent")}
    return [p for n, t in silent.items() for p in check_placeholders(n, t, SILENT, where)]


def check_indicator(spec: IndicatorSpec, draft: Draft, document: Document) -> list[Problem]:
    """What is wrong with an indicator, each with its line."""
    where = document.where
    found = []
    if document.path.stem != spec.indicator:
        found.append(
            problem("name-not-file", where=where("indicator"), file=document.path.name, found=spec.indicator)
        )
    found += check_name("unit", spec.unit, _codes(draft, "CL_UNIT"), where("unit"))
    found += check_placeholders("headline", spec.text.headline, HEADLINE, where("text", "headline"))
    for i, formula in enumerate(spec.formulas):
        found += _check_formula(formula, draft, document, i)
    found += _check_derived(spec.derived, draft, document) if spec.derived else []
    for i, names in enumerate(spec.breakdowns):
        for name in names:
            found += check_name("dimension", name, draft.dimensions, where("breakdowns", i))
    for i, expected in enumerate(spec.expected):
        for name in expected.categories:
            found += check_name("dimension", name, draft.dimensions, where("expected", i, "categories"))
    return [*found, *_check_gap(spec, draft, document)]


def _check_formula(formula: Formula, draft: Draft, document: Document, i: int) -> list[Problem]:
    kinds = record_kinds()
    found = check_name("kind of record", formula.kind, kinds, document.where("formulas", i, "kind"))
    if not found:
        columns = _columns_of_kinds([kinds[formula.kind]])
        for name in SQL_FIELDS:
            sql = getattr(formula, name)
            place = document.where("formulas", i, name)
            found += check_expression(sql, (*columns, *formula.first), where=place) if sql else []
        for name, first in formula.first.items():
            place = document.where("formulas", i, "first", name)
            for sql in (getattr(first, n) for n in FIRST_FIELDS):
                found += check_expression(sql, columns, where=place) if sql else []
        if formula.weight:
            found += check_name("column", formula.weight, columns, document.where("formulas", i, "weight"))
    for name in ("concept", "needs"):
        found += check_concept(getattr(formula, name), draft.axes, document.where("formulas", i, name))
    return found


def _check_derived(derived: DerivedSpec, draft: Draft, document: Document) -> list[Problem]:
    """Indicators, dimensions and axes of a computation from observations that nothing bears."""
    parts: list[tuple[tuple[str | int, ...], Operand]] = [(("numerator",), derived.numerator)]
    parts += [(("minus", i), o) for i, o in enumerate(derived.minus)]
    parts += [(("denominator", i), o) for i, o in enumerate(derived.denominator)]
    named = (*draft.dimensions, "reference_area", "counterpart_area")
    found = []
    for path, operand in parts:
        place = document.where("derived", *path)
        found += check_name("indicator", operand.indicator, draft.indicators, place)
        part = draft.indicators.get(operand.indicator)
        if part is not None and part.derived is not None:
            own = ", ".join(o.indicator for o in part.derived.operands)
            found.append(problem("operand-derived", where=place, found=operand.indicator, parts=own))
        for name in (*operand.where, *operand.over):
            found += check_name("dimension", name, named, place)
    for i, adjustment in enumerate(derived.adjustments):
        for axis in adjustment.axes:
            found += check_name("axis", axis, draft.axes, document.where("derived", "adjustments", i))
    return found + check_concept(derived.concept, draft.axes, document.where("derived", "concept"))


def check_concept(concept: Mapping[str, str], axes: Mapping[str, AxisSpec], where: str) -> list[Problem]:
    """Axes and values of a concept vector that the catalogue does not know."""
    found = []
    for axis, value in concept.items():
        found += check_name("axis", axis, axes, where)
        if axis in axes:
            found += check_name(f"value of {axis}", value, axes[axis].values, where)
    return found


def _check_gap(spec: IndicatorSpec, draft: Draft, document: Document) -> Iterator[Problem]:
    if spec.gap is None:
        return
    yield from check_name(
        "dimension", spec.gap.dimension, draft.dimensions, document.where("gap", "dimension")
    )
    if spec.gap.dimension in draft.dimensions:
        codes = _codes(draft, draft.dimensions[spec.gap.dimension].code_list)
        for name in ("group", "reference"):
            yield from check_name("code", getattr(spec.gap, name), codes, document.where("gap", name))


def _codes(draft: Draft, name: str) -> Iterable[str]:
    return draft.lists[name].codes if name in draft.lists else ()
