"""What an indicator counts, as cells of other tables: its conditions, read against those of the dimensions.

Migrants are those of the population who are in one category of migratory status; foreigners are in two of
the categories of citizenship; the recently arrived in one of arrival. Nobody need publish the relation:
whoever reads the definitions knows it. A *domain* is the records that a part of an indicator counts,

    domain = rest and box,    box = product over dimensions of the codes that its records can have,

where every condition that the codes of a dimension express exactly has moved from the rest into the box.
Domains with one rest are parts of one set of units, each in its place in the tables of that set. A category
that is a box of other dimensions, as birth crossed with citizenship, is a cell of these. Where a dimension
that several columns decide would say more (the recently arrived), the set keeps its own tables, and what
the two have in common is told cell by cell.

Which codes express a condition is found by trying every combination of answers (:mod:`answers`), so that it
holds for any records. It says nothing of records to which an estimator adds columns (their cells are of
histories, not of rows), of means, of what is taken from the records first, and of a dimension that several
derivations may yield: these keep their own sets, as before.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache

from sqlglot import exp

from caudal.engine.expressions import is_condition
from caudal.model.indicator import Formula, IndicatorSpec
from caudal.model.record import PROVENANCE_COLUMNS, Holds, record_kinds
from caudal.protect.answers import OTHER, columns, conjuncts, evaluate, parsed, states
from caudal.protect.nested import conditions

#: Dimension -> the codes that the records of a domain can have in it.
Box = Mapping[str, frozenset[str]]


@dataclass(frozen=True)
class Domain:
    """The records that a part of an indicator counts; equal texts of ``rest`` are equal conditions."""

    rest: str
    box: Box


@dataclass(frozen=True)
class Definitions:
    """The definitions of a release: its indicators with the country's code in place, the kind of record of
    each source, and by kind how each dimension follows from the columns (SQL)."""

    indicators: Mapping[str, IndicatorSpec] = field(default_factory=dict)
    kinds: Mapping[str, str] = field(default_factory=dict)
    divisions: Mapping[str, Mapping[str, str]] = field(default_factory=dict)

    def domain(
        self, source: str, indicator: str, vector: str, part: str, shown: frozenset[str], *, plain: bool
    ) -> Domain | None:
        """What ``part`` (``n`` or ``cases``) of an indicator counts in a source, in the dimensions that are
        ``shown`` (of these, the ``plain`` ones, that one column decides); None where that cannot be told."""
        formula = self._formula(source, indicator, vector)
        if formula is None or not _counted(formula, part):
            return None
        terms = [t for sql in _counted(formula, part) for t in conjuncts(sql)]
        divisions = {
            d: sql
            for d, sql in self.divisions.get(formula.kind, {}).items()
            if d in shown and (not plain or len(columns(parsed(sql))) == 1)
        }
        return _domain(tuple(t.sql("duckdb") for t in terms), tuple(divisions.items()), formula.kind)

    def products(self, source: str, shown: frozenset[str]) -> Mapping[str, Mapping[str, Box]]:
        """Dimensions of which every known category is a box of others that are ``shown`` -> the boxes."""
        kind = self.kinds.get(source, "")
        divisions = {d: sql for d, sql in self.divisions.get(kind, {}).items() if d in shown}
        found = {d: _product(d, tuple(divisions.items()), kind) for d in divisions}
        return {d: boxes for d, boxes in found.items() if boxes}

    def _formula(self, source: str, indicator: str, vector: str) -> Formula | None:
        kind = self.kinds.get(source, "")
        if kind not in record_kinds() or record_kinds()[kind].made or indicator not in self.indicators:
            return None
        said = frozenset(vector.split(";"))
        able = [
            f
            for f in self.indicators[indicator].formulas
            if f.kind == kind and {f"{a}={v}" for a, v in f.concept.items()} <= said and not f.first
        ]
        same = {(f.universe, f.total, f.numerator, f.denominator) for f in able}
        return able[0] if len(same) == 1 else None


def _counted(formula: Formula, part: str) -> tuple[str, ...]:
    """The conditions of a part; nothing for a quantity, which counts no records."""
    parts = {
        "n": (formula.universe, formula.denominator or formula.total),
        "cases": (formula.universe, formula.denominator, formula.numerator),
    }[part]
    return parts if all(sql and is_condition(sql) for sql in parts) else ()


@cache
def _columns_of(kind: str) -> tuple[frozenset[str], frozenset[str]]:
    """The columns that every record has, and those that hold whole numbers."""
    every = (*record_kinds()[kind].columns, *PROVENANCE_COLUMNS)
    return frozenset(c.name for c in every if c.required), frozenset(
        c.name for c in every if c.holds is Holds.INTEGER
    )


@cache
def _domain(terms: tuple[str, ...], divisions: tuple[tuple[str, str], ...], kind: str) -> Domain:
    trees = {sql: parsed(sql) for sql in terms}
    box: dict[str, frozenset[str]] = {}
    told: set[str] = set()
    divided = {d: parsed(sql) for d, sql in divisions}
    by_width = sorted(((len(columns(t)), d, t) for d, t in divided.items()), key=lambda w: w[:2])
    for _, dimension, division in by_width:  # the plainest dimension that says it
        inside = [s for s, t in trees.items() if columns(t) and columns(t) <= columns(division)]
        new = not set(inside) <= told
        codes = _exact([trees[s] for s in inside], division, kind) if new else None
        if codes is not None:
            box[dimension] = codes
            told.update(inside)
    left = conditions(s for s in terms if s not in told)
    codes_left = sorted((c, sorted(held)) for c, held in left.codes.items())
    return Domain(f"{codes_left} {sorted(left.ranges.items())} {sorted(left.texts)}", box)


def _exact(terms: list[exp.Expr], division: exp.Expr, kind: str) -> frozenset[str] | None:
    """The codes of a dimension whose records are those that satisfy all ``terms``; None where codes do not
    tell."""
    inside: set[object] = set()
    outside: set[object] = set()
    for state in states([*terms, division], *_columns_of(kind)):
        satisfied = all(evaluate(t, state) is True for t in terms)
        (inside if satisfied else outside).add(evaluate(division, state))
    if not inside or inside & outside or None in inside or OTHER in inside:
        return None
    return frozenset(map(str, inside))


@cache
def _product(dimension: str, divisions: tuple[tuple[str, str], ...], kind: str) -> dict[str, Box]:
    """Code -> box, for a dimension of which every category but what is not known is one; else nothing."""
    trees = {d: parsed(sql) for d, sql in divisions}
    own = columns(trees[dimension])
    axes = [d for d, t in trees.items() if columns(t) < own and len(columns(t)) == 1]
    if len(axes) < 2:
        return {}
    cells: dict[str, set[tuple[str, ...]]] = {}
    for state in states([trees[d] for d in (dimension, *axes)], *_columns_of(kind)):
        at = tuple(str(evaluate(trees[d], state)) for d in axes)
        cells.setdefault(str(evaluate(trees[dimension], state)), set()).add(at)
    found: dict[str, Box] = {}
    for code, held in cells.items():
        sides = [frozenset(c) for c in zip(*held, strict=True)]
        size = 1
        for side in sides:
            size *= len(side)
        others = set().union(*(o for c, o in cells.items() if c != code))
        if size == len(held) and not held & others and not any({OTHER, "None"} & s for s in sides):
            found[code] = dict(zip(axes, sides, strict=True))
        elif not code.startswith("_"):
            return {}
    return found
