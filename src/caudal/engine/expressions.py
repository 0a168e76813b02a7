"""SQL expressions of specs: parsed, checked against the columns that exist, never trusted.

A spec may hold conditions and quantities in SQL. They are parsed by sqlglot in DuckDB's dialect; a name
that no column has, a subquery, a file function or a second statement is a problem with its place and the
nearest right name.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache

import sqlglot
from sqlglot import exp
from sqlglot.errors import SqlglotError

from caudal.errors import CaudalError, Problem, problem, unknown

_FORBIDDEN = (exp.Query, exp.Command, exp.DDL, exp.Window, exp.AggFunc)
#: Functions of the engine that have no class of their own in the parser and look at nothing but their
#: arguments. All others (files, settings, variables, the environment) are refused.
_PURE = frozenset({"age", "date_part", "isfinite", "regexp_extract_all", "strip_accents", "try_strptime"})


def check_expression(sql: str, columns: Iterable[str], *, where: str = "") -> list[Problem]:
    """What is wrong with ``sql`` as an expression over ``columns``; empty when nothing is.

    >>> [p.facts["nearest"] for p in check_expression("sexx_code = 'F'", ["sex_code"])]
    ['sex_code']
    """
    tree = _parsed(sql)
    if isinstance(tree, str):
        return [problem("expression-malformed", where=where, found=sql, detail=tree)]
    forbidden = next((n for n in tree.walk() if _is_forbidden(n)), None)
    if forbidden is not None:
        return [problem("expression-forbidden", where=where, found=sql, part=forbidden.sql("duckdb"))]
    allowed = list(columns)
    return [unknown("column", name, allowed, where=where) for name in columns_of(sql) if name not in allowed]


def columns_of(sql: str) -> tuple[str, ...]:
    """Names of the columns in an expression, sorted.

    >>> columns_of("age_years >= 15 AND sex_code = 'F' AND age_years < 65")
    ('age_years', 'sex_code')
    """
    tree = _parsed(sql)
    if isinstance(tree, str):
        raise CaudalError(problem("expression-malformed", found=sql, detail=tree))
    return tuple(sorted({c.name for c in tree.find_all(exp.Column)}))


def _is_forbidden(node: exp.Expr) -> bool:
    unknown = isinstance(node, exp.Anonymous) and str(node.this).lower() not in _PURE
    return unknown or isinstance(node, _FORBIDDEN)


@cache
def _parsed(sql: str) -> exp.Expr | str:
    try:
        statements = sqlglot.parse(f"SELECT ({sql}) AS it", read="duckdb")
    except SqlglotError as error:
        return str(error).split("\n", 1)[0]
    if len(statements) != 1 or not isinstance(statements[0], exp.Select):
        return "not one expression"
    select = statements[0]
    if len(select.expressions) != 1 or select.args.get("from_") or select.args.get("from"):
        return "not one expression"
    inner = select.expressions[0]
    if not isinstance(inner, exp.Alias) or not isinstance(inner.this, (exp.Paren, exp.Query)):
        return "not one expression"
    found: exp.Expr = inner.this
    return found


def is_condition(sql: str) -> bool:
    """Whether an expression is true or false, rather than a quantity.

    >>> is_condition("age_years > 14 AND TRUE"), is_condition("weekly_hours")
    (True, False)
    """
    tree = _parsed(sql)
    while isinstance(tree, exp.Paren):
        tree = tree.this
    return isinstance(tree, (exp.Predicate, exp.Connector, exp.Not, exp.Boolean))
