"""Every combination of answers that a few SQL conditions can tell apart.

A condition looks at columns: whether a code is one of those that it names, on which side of some numbers a
quantity lies, whether anything is there at all. For some conditions together this gives finitely many
*states*: of each column the codes that are named, any other one, none; of each sum or difference the numbers
that it is held against and those beside them. Over the states each condition is evaluated as SQL does, with
its third value. Conditions that agree in every state select the same records, whatever the records are.

What it does not understand is a condition of its own, true, false or unknown, equal only to the same text.
States that no record can have only make fewer conditions equal. It refuses nothing, and gives no states
where there would be more than :data:`MOST`.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import reduce
from itertools import product

import sqlglot
from sqlglot import exp
from sqlglot.errors import SqlglotError

#: States that are looked at, at most; and the code that stands for all that no condition names.
MOST, OTHER = 20_000, "(other)"
State = Mapping[str, object]
_SIDES: Mapping[type[exp.Expr], Callable[[float, float], bool]] = {
    exp.EQ: operator.eq,
    exp.NEQ: operator.ne,
    exp.GT: operator.gt,
    exp.GTE: operator.ge,
    exp.LT: operator.lt,
    exp.LTE: operator.le,
}
_MIRROR: Mapping[type[exp.Expr], type[exp.Expr]] = {
    exp.GT: exp.LT,
    exp.LT: exp.GT,
    exp.GTE: exp.LTE,
    exp.LTE: exp.GTE,
}


def parsed(sql: str) -> exp.Expr:
    """``sql`` as a tree; a text that does not parse is one that equals only itself."""
    try:
        tree: exp.Expr = sqlglot.parse_one(sql, read="duckdb")
    except SqlglotError:
        return exp.Literal.string(sql)
    return tree


def columns(tree: exp.Expr) -> frozenset[str]:
    """The names of the columns that an expression looks at."""
    return frozenset(c.name for c in tree.find_all(exp.Column))


def states(
    trees: Iterable[exp.Expr], required: frozenset[str] = frozenset(), whole: frozenset[str] = frozenset()
) -> list[State]:
    """The states that ``trees`` can tell apart; columns that are ``required`` are always there, those that
    are ``whole`` hold whole numbers.

    >>> [s["code sex"] for s in states([parsed("sex = 'F'")])]
    ['F', '(other)', None]
    """
    values: dict[str, set[object]] = {}
    for tree in trees:
        _look(tree, values, whole)
    names = sorted(values)
    every = [_values(name, values[name], required) for name in names]
    size = reduce(operator.mul, map(len, every), 1)
    return [dict(zip(names, s, strict=True)) for s in product(*every)] if size <= MOST else []


def _values(name: str, named: set[object], required: frozenset[str]) -> Sequence[object]:
    kind, what = name.split(" ", 1)
    if kind == "code":
        return [*sorted(str(v) for v in named), OTHER, *([] if what in required else [None])]
    if kind == "line":
        limits = {float(str(v)) for v in named}
        return sorted({v + d for v in limits for d in (-1.0, 0.0, 1.0)})
    if kind == "none":
        return [False] if what in required else [False, True]
    return [True, False, None]


def _look(tree: exp.Expr, values: dict[str, set[object]], whole: frozenset[str]) -> None:
    """Which values of which columns a tree names."""
    tree = tree.unnest()
    if isinstance(tree, (exp.Case, exp.If, exp.And, exp.Or, exp.Not)):
        for inner in tree.iter_expressions():
            _look(inner, values, whole)
    elif isinstance(tree, exp.Column):
        values.setdefault(f"code {tree.name}", set())
    elif (named := _named(tree)) is not None:
        values.setdefault(f"code {named[0]}", set()).update(named[1])
    elif (sided := _sided(tree)) is not None:
        limits = {limit for _, limit in sided[1]}
        beside = set() if _is_whole(tree, whole) else {v + d for v in limits for d in (-0.5, 0.5)}
        values.setdefault(f"line {sided[0]}", set()).update(limits | beside)
        for column in columns(tree):
            values.setdefault(f"none {column}", set())
    elif (empty := _tested(tree)) is not None:
        values.setdefault(f"none {empty}", set())
    elif not isinstance(tree, (exp.Boolean, exp.Literal, exp.Null)):
        values.setdefault(f"text {tree.sql('duckdb')}", set())


def evaluate(tree: exp.Expr, state: State) -> object:
    """An expression in one state: true, false or None for a condition, a code or None for a code."""
    tree = tree.unnest()
    if isinstance(tree, exp.Case):
        return _case(tree, state)
    if isinstance(tree, (exp.And, exp.Or)):
        ends = [evaluate(t, state) for t in (tree.left, tree.right)]
        strong = isinstance(tree, exp.Or)
        return strong if strong in ends else None if None in ends else not strong
    if isinstance(tree, exp.Not):
        inner = evaluate(tree.this, state)
        return None if inner is None else not inner
    if isinstance(tree, (exp.Boolean, exp.Literal)):
        return bool(tree.this) if isinstance(tree, exp.Boolean) else tree.name
    return None if isinstance(tree, exp.Null) else _condition(tree, state)


def _case(tree: exp.Case, state: State) -> object:
    for part in tree.args["ifs"]:
        if evaluate(part.this, state) is True:
            return evaluate(part.args["true"], state)
    default = tree.args.get("default")
    return None if default is None else evaluate(default, state)


def _condition(tree: exp.Expr, state: State) -> object:
    if isinstance(tree, exp.Column):
        return state[f"code {tree.name}"]
    if (named := _named(tree)) is not None:
        code = state[f"code {named[0]}"]
        return None if code is None else (code in named[1]) != isinstance(tree, exp.NEQ)
    if (sided := _sided(tree)) is not None:
        if any(_is_empty(c, state) for c in columns(tree)):
            return None
        at = float(str(state[f"line {sided[0]}"]))
        return all(_SIDES[side](at, limit) for side, limit in sided[1])
    if (empty := _tested(tree)) is not None:
        return _is_empty(empty, state)
    return state[f"text {tree.sql('duckdb')}"]


def _is_empty(column: str, state: State) -> bool:
    """Whether a column is empty; one whose codes are looked at says so itself."""
    code = f"code {column}"
    return state[code] is None if code in state else bool(state[f"none {column}"])


def _named(tree: exp.Expr) -> tuple[str, frozenset[str]] | None:
    """A column and the codes that it is held against."""
    if not isinstance(tree, (exp.EQ, exp.NEQ, exp.In)) or not isinstance(tree.this, exp.Column):
        return None
    held = tree.expressions if isinstance(tree, exp.In) else [tree.expression]
    if not held or not all(isinstance(v, exp.Literal) and v.is_string for v in held):
        return None
    return tree.this.name, frozenset(v.name for v in held)


def _tested(tree: exp.Expr) -> str | None:
    """The column that is tested for being empty."""
    tests = isinstance(tree, exp.Is) and isinstance(tree.expression, exp.Null)
    return tree.this.name if tests and isinstance(tree.this, exp.Column) else None


def _sided(tree: exp.Expr) -> tuple[str, list[tuple[type[exp.Expr], float]]] | None:
    """A sum or difference without its constant, and the sides of the numbers on which it must lie."""
    if isinstance(tree, exp.Between):
        ends: list[tuple[type[exp.Expr], exp.Expr]] = [
            (exp.GTE, tree.args["low"]),
            (exp.LTE, tree.args["high"]),
        ]
    elif type(tree) in _SIDES:
        ends = [(type(tree), tree.expression)]
    else:
        return None
    found: list[tuple[type[exp.Expr], float]] = []
    name = ""
    for side, other in ends:
        left, right = _linear(tree.this), _linear(other)
        if left is None or right is None:
            return None
        terms = {a: left[0].get(a, 0.0) - right[0].get(a, 0.0) for a in {*left[0], *right[0]}}
        held = sorted((a, k) for a, k in terms.items() if k)
        if not held:
            return None
        sign = 1.0 if held[0][1] > 0 else -1.0
        name = " ".join(f"{sign * k:+g}*{a}" for a, k in held)
        found.append((side if sign > 0 else _MIRROR.get(side, side), sign * (right[1] - left[1])))
    return name, found


def _is_whole(tree: exp.Expr, whole: frozenset[str]) -> bool:
    """Whether a comparison is of whole numbers."""
    parts = [tree.this, *(tree.args.get(n) for n in ("expression", "low", "high"))]
    terms = [t for part in parts if part is not None and (found := _linear(part)) for t in found[0]]
    trees = [parsed(t) for t in terms]
    return all(
        t.name in whole
        if isinstance(t, exp.Column)
        else isinstance(t, exp.Cast) and t.is_type("int", "bigint")
        for t in trees
    )


def _linear(tree: exp.Expr) -> tuple[dict[str, float], float] | None:
    """Terms and constant of a sum; None for what is no number."""
    tree = tree.unnest()
    if isinstance(tree, exp.Literal):
        return None if tree.is_string else ({}, float(tree.name))
    if isinstance(tree, exp.Neg):
        inner = _linear(tree.this)
        return None if inner is None else ({a: -k for a, k in inner[0].items()}, -inner[1])
    if isinstance(tree, (exp.Add, exp.Sub)):
        left, right = _linear(tree.left), _linear(tree.right)
        if left is None or right is None:
            return None
        sign = 1.0 if isinstance(tree, exp.Add) else -1.0
        terms = {a: left[0].get(a, 0.0) + sign * right[0].get(a, 0.0) for a in {*left[0], *right[0]}}
        return terms, left[1] + sign * right[1]
    return {tree.sql("duckdb"): 1.0}, 0.0


def conjuncts(sql: str) -> Iterator[exp.Expr]:
    """The parts of a conjunction.

    >>> [t.sql() for t in conjuncts("a = 1 AND (b = 2 AND c = 3)")]
    ['a = 1', 'b = 2', 'c = 3']
    """
    open_ = [parsed(sql)]
    while open_:
        at = open_.pop().unnest()
        if isinstance(at, exp.And):
            open_ += [at.right, at.left]
        else:
            yield at
