"""Sets of units of which one lies in the other by definition, as the employed whose contract is known lie in
the employed.

Nobody need publish a share of one in the other: who knows the definitions knows that every cell of the
smaller set is at most that of the larger, and that ends intervals which the margins leave open. A formula
counts the records that satisfy a conjunction; one set lies in another if every condition of the larger
follows from one of the smaller: the same text, a list of codes within a list, a range within a range.

It refuses nothing: a condition that it does not understand follows only from itself.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from math import inf

import numpy as np
import sqlglot
from scipy import sparse
from sqlglot import exp
from sqlglot.errors import SqlglotError

from caudal.model.indicator import Formula, IndicatorSpec
from caudal.protect.cells import CellSystem

Key = tuple[str, ...]
#: (indicator, part) of the smaller set and of the larger; parts are ``n`` and ``cases``.
Part = tuple[str, str]
Nested = frozenset[tuple[Part, Part]]
#: (dimension, node) of what a series takes of its set; what a key and nodes have in common, if anything.
Nodes = tuple[tuple[str, str], ...]
Meet = Callable[[Key, Nodes], Key | None]
#: A smaller set, a larger one, and the nodes of the larger one in which the smaller lies.
Pair = tuple[str, str, Nodes]


@dataclass(frozen=True)
class Conditions:
    """A conjunction: codes that a column may have, its range, and what is taken by its text."""

    codes: Mapping[str, frozenset[str]] = field(default_factory=dict)
    ranges: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    texts: frozenset[str] = frozenset()

    def follow_from(self, others: Conditions) -> bool:
        """Whether whoever satisfies ``others`` satisfies these."""
        return (
            self.texts <= others.texts
            and all(c in others.codes and others.codes[c] <= held for c, held in self.codes.items())
            and all(
                c in others.ranges and low <= others.ranges[c][0] and others.ranges[c][1] <= high
                for c, (low, high) in self.ranges.items()
            )
        )


def nested_parts(indicators: Iterable[IndicatorSpec]) -> Nested:
    """The pairs (smaller, larger) of what ``indicators`` count of the same kind of record."""
    known = [
        (formula.kind, (spec.indicator, part), conditions(sql))
        for spec in indicators
        for formula in spec.formulas
        for part, sql in _counted(formula)
    ]
    return frozenset(
        (small, large)
        for kind, small, narrow in known
        for other, large, wide in known
        if kind == other and small != large and wide.follow_from(narrow)
    )


def _counted(formula: Formula) -> list[tuple[str, tuple[str, ...]]]:
    if formula.denominator:
        base = (formula.universe, formula.denominator)
        return [("n", base), ("cases", (*base, formula.numerator))]
    return [("n", (formula.universe, formula.total))] if formula.total else []


def conditions(sql: Iterable[str]) -> Conditions:
    """The conjunction of some SQL conditions.

    >>> conditions(["age_years >= 15 AND activity = 'EMP'"]).follow_from(
    ...     conditions(["age_years BETWEEN 15 AND 24", "activity IN ('EMP', 'UNE')", "activity = 'EMP'"]))
    True
    """
    codes: dict[str, frozenset[str]] = {}
    ranges: dict[str, tuple[float, float]] = {}
    texts: set[str] = set()
    for term in (t for s in sql for t in _terms(s)):
        if (listed := _listed(term)) is not None:
            column, held = listed
            codes[column] = codes.get(column, held) & held
        elif (limited := _limited(term)) is not None:
            column, low, high = limited
            before = ranges.get(column, (-inf, inf))
            ranges[column] = max(before[0], low), min(before[1], high)
        elif term.sql("duckdb") != "TRUE":
            texts.add(term.sql("duckdb"))
    return Conditions(codes, ranges, frozenset(texts))


def _terms(sql: str) -> list[exp.Expr]:
    try:
        tree = sqlglot.parse_one(sql, read="duckdb")
    except SqlglotError:
        return [exp.Literal.string(sql)]
    open_, found = [tree], []
    while open_:
        at = open_.pop().unnest()
        if isinstance(at, exp.And):
            open_ += [at.right, at.left]
        else:
            found.append(at)
    return found


def _listed(term: exp.Expr) -> tuple[str, frozenset[str]] | None:
    if not isinstance(term, (exp.EQ, exp.In)) or not isinstance(term.this, exp.Column):
        return None
    values = [term.expression] if isinstance(term, exp.EQ) else term.expressions
    if not values or not all(isinstance(v, exp.Literal) and v.is_string for v in values):
        return None
    return term.this.name, frozenset(v.name for v in values)


def _limited(term: exp.Expr) -> tuple[str, float, float] | None:
    if not isinstance(term.this, exp.Column):
        return None
    if isinstance(term, exp.Between):
        low, high = _number(term.args["low"]), _number(term.args["high"])
        return None if low is None or high is None else (term.this.name, low, high)
    if not isinstance(term, (exp.GTE, exp.LTE)):
        return None
    limit = _number(term.expression)
    if limit is None:
        return None
    return (term.this.name, limit, inf) if isinstance(term, exp.GTE) else (term.this.name, -inf, limit)


def _number(value: exp.Expr) -> float | None:
    return float(value.name) if isinstance(value, exp.Literal) and not value.is_string else None


def nested_sets(
    nested: Nested,
    places: Mapping[str, tuple[str, Nodes]],
    cells: Mapping[Key, int],
    linked: Iterable[tuple[str, str]],
    meet: Meet,
) -> tuple[Pair, ...]:
    """The pairs (smaller set, larger set, where in it) of a population that no chain of others implies.

    ``places``: series (``indicator|concept|part``) -> its set and the nodes that it takes there; the smaller
    one takes all of its set. ``linked``: pairs that equations hold already; ``meet`` gives the cell that a
    key and some nodes have in common. A pair whose counts say otherwise is of two different wholes, and is
    left out.
    """
    keys: dict[str, dict[Key, int]] = {}
    for key, n in cells.items():
        keys.setdefault(key[0], {})[key[1:]] = n
    parts: dict[tuple[str, Nodes], set[Part]] = {}
    for series, place in places.items():
        parts.setdefault(place, set()).add((series.split("|", 1)[0], series.rsplit("|", 1)[1]))
    tied: set[Pair] = {(small, large, ()) for small, large in linked if small != large}
    known = tied | {
        (small, large, nodes)
        for (small, at), mine in parts.items()
        for (large, nodes), others in parts.items()
        if small != large and not at and any((a, b) in nested for a in mine for b in others)
        if _within(keys[small], keys[large], nodes, meet)
    }
    return tuple(sorted(p for p in known - tied if not _implied(p, known, keys)))


def _within(small: Mapping[Key, int], large: Mapping[Key, int], nodes: Nodes, meet: Meet) -> bool:
    found = [(n, large[k]) for key, n in small.items() if (k := meet(key, nodes)) in large and k is not None]
    return bool(found) and all(n <= most for n, most in found)


def _implied(pair: Pair, known: set[Pair], keys: Mapping[str, Mapping[Key, int]]) -> bool:
    """Whether a set between the two stands wherever both do."""
    small, large, nodes = pair
    common = keys[small].keys() & keys[large].keys()
    return not nodes and any(
        (small, between, ()) in known and (between, large, ()) in known and common <= keys[between].keys()
        for between in keys
        if (between, small, ()) not in known and (large, between, ()) not in known
    )


def with_nested(system: CellSystem, pairs: Iterable[Pair], meet: Meet) -> CellSystem:
    """``system`` with *larger = smaller + others* for every cell that both sets have; the others are hidden,
    and nothing is known of them but that they are not negative."""
    plain = ~system.hidden | system.remainder
    found: list[tuple[int, int]] = []
    keys: list[Key] = []
    for small, large, nodes in pairs:
        for at in [i for i, k in enumerate(system.keys) if k[0] == small and plain[i]]:
            key = system.keys[at]
            whole = system.index.get((large, *(meet(key[1:], nodes) or ())))
            if whole is not None and plain[whole]:
                found.append((whole, at))
                keys.append((f"{large} beyond {small}", *key[1:]))
    return _extended(system, found, keys) if found else system


def with_sums(system: CellSystem, sums: Iterable[Sequence[Key]]) -> CellSystem:
    """``system`` with [whole, *parts], which no dimension says."""
    rows = [[system.index[k] for k in s] for s in sums if all(k in system.index for k in s)]
    if not rows:
        return system
    signs = np.array([s for r in rows for s in (-1, *([1] * (len(r) - 1)))], np.int64)
    columns = np.array([c for r in rows for c in r], np.int64)
    added = sparse.csr_array(
        (signs, columns, np.cumsum([0, *map(len, rows)])), shape=(len(rows), system.size)
    )
    return replace(system, matrix=sparse.csr_array(sparse.vstack([system.matrix, added], format="csr")))


def _extended(system: CellSystem, found: list[tuple[int, int]], keys: list[Key]) -> CellSystem:
    old, n = system.size, len(found)
    columns = np.array([c for i, pair in enumerate(found) for c in (*pair, old + i)], np.int64)
    rows = sparse.csr_array(
        (np.tile(np.array([-1, 1, 1]), n), columns, np.arange(0, 3 * n + 1, 3)), (n, old + n)
    )
    wide = sparse.csr_array(
        (system.matrix.data, system.matrix.indices, system.matrix.indptr), (system.matrix.shape[0], old + n)
    )
    others = np.array([system.counts[whole] - system.counts[part] for whole, part in found], np.int64)
    return replace(
        system,
        keys=(*system.keys, *keys),
        counts=np.concatenate([system.counts, others]),
        matrix=sparse.csr_array(sparse.vstack([wide, rows], format="csr")),
        hidden=np.concatenate([system.hidden, np.ones(n, bool)]),
        remainder=np.concatenate([system.remainder, np.zeros(n, bool)]),
        index=dict(system.index) | {k: old + i for i, k in enumerate(keys)},
    )
