"""SQL expressions over columns, parsed and checked before any engine sees them.

An expression is one scalar over the columns of the data: no subquery, no aggregate, no window, no
function that the parser does not know. Columns are found without regard to case and quoted as they are
written in the data; an unknown one is reported with the nearest name.
"""

from __future__ import annotations

from collections.abc import Sequence

import sqlglot
from sqlglot import exp

from caudal.errors import CaudalError, Problem, nearest, problem

_FORBIDDEN = (
    exp.Query,
    exp.AggFunc,
    exp.Window,
    exp.Anonymous,
    exp.Command,
    exp.DDL,
    exp.Star,
    exp.Placeholder,
)


def checked(expression: str, columns: Sequence[str], where: str) -> tuple[str, list[Problem]]:
    """``expression`` as quoted DuckDB SQL, and what is wrong with it (then the SQL is empty).

    >>> checked("Income > 0", ["income", "sex"], "mean")
    ('"income" > 0', [])
    >>> sql, faults = checked("incom", ["income", "sex"], "mean")
    >>> faults[0].facts["nearest"]
    'income'
    """
    try:
        statements = sqlglot.parse(expression, read="duckdb")
    except sqlglot.errors.SqlglotError as error:
        return "", [
            problem("survey-bad-expression", where=where, found=expression, reason=_first_line(error))
        ]
    if len(statements) != 1 or statements[0] is None:
        return "", [
            problem("survey-bad-expression", where=where, found=expression, reason="not one expression")
        ]
    tree = statements[0]
    forbidden = next(tree.find_all(*_FORBIDDEN), None)
    if forbidden is not None:
        reason = f"{type(forbidden).__name__.lower()}: {forbidden.sql('duckdb')}"
        return "", [problem("survey-bad-expression", where=where, found=expression, reason=reason)]
    faults = _resolved(tree, columns, where)
    return ("", faults) if faults else (tree.sql("duckdb"), [])


def checked_all(expressions: Sequence[str], columns: Sequence[str], where: str) -> dict[str, str]:
    """Each expression with its quoted SQL; raises one error with every fault."""
    found = {e: checked(e, columns, where) for e in dict.fromkeys(expressions)}
    faults = [fault for _, its in found.values() for fault in its]
    if faults:
        raise CaudalError(*faults)
    return {e: sql for e, (sql, _) in found.items()}


def quoted(name: str) -> str:
    """``name`` as a quoted SQL identifier."""
    return '"' + name.replace('"', '""') + '"'


def _resolved(tree: exp.Expr, columns: Sequence[str], where: str) -> list[Problem]:
    by_fold = {c.casefold(): c for c in columns}
    faults = []
    for column in tree.find_all(exp.Column):
        actual = by_fold.get(column.name.casefold())
        if actual is None or column.table:
            faults.append(unknown_column(column.sql("duckdb"), columns, where))
        else:
            column.set("this", exp.to_identifier(actual, quoted=True))
    return faults


def unknown_column(name: str, columns: Sequence[str], where: str) -> Problem:
    """The problem of a column that the data do not have."""
    return problem(
        "unknown-name", where=where, kind="column", found=name, allowed=list(columns),
        nearest=nearest(name, columns),
    )  # fmt: skip


def _first_line(error: Exception) -> str:
    return str(error).splitlines()[0]
