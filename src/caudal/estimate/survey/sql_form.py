"""The cube as one SQL query of named steps: the specification that the fast path must equal.

An auditor can read it from top to bottom, and it runs on another engine: it keeps to the subset that sqlglot
carries to Spark unchanged. The steps::

    survey_rows    one row a person: stratum, PSU, weight, breakdowns as text, y and x of each statistic
    strata_frame   n_h of the whole sample, and 1 - f_h
    psu_cells      weighted sums by stratum, PSU and cell of every crossing (GROUPING SETS)
    cells          their totals
    linearised     u = y, or (y - R x) / X, by PSU and cell
    strata_cells   sum of u, sum of u^2 by stratum and cell
    centres        sum of u over the cell, and PSUs of the strata that hold its rows
    variances      sum of (1 - f_h) n_h / (n_h - 1) (sum u^2 - (sum u)^2 / n_h)

One stage; Taylor linearisation. Sums of squares are taken in one pass here, so a variable whose mean is a
million times its spread loses digits that the fast path keeps.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import sqlglot

from caudal.estimate.survey.coding import UNKNOWN
from caudal.estimate.survey.design import Design
from caudal.estimate.survey.expressions import checked_all, quoted
from caudal.estimate.survey.result import TOTAL
from caudal.estimate.survey.statistics import Linear, Parts, parts


def cube_sql(
    relation: str,
    columns: Sequence[str],
    design: Design,
    statistics: Sequence[Linear],
    crossings: Sequence[Sequence[str]],
    *,
    where: str | None = None,
) -> str:
    """The query whose rows are the cells: breakdowns, then value, standard error, n, PSUs and strata of the
    k-th statistic in ``value_k, se_k, n_k, psu_k, strata_k``.

    ``relation`` is the table, ``columns`` its columns (expressions are checked against them).

    >>> from caudal.estimate.survey.statistics import Mean
    >>> query = cube_sql("people", ["w", "h", "y"], Design(weight="w", strata="h"), [Mean("y")], [()])
    >>> query.splitlines()[0]
    'WITH survey_rows AS ('
    """
    linear = [parts(s) for s in statistics]
    named = [e for p in linear for e in p.expressions]
    named += [
        e for e in (design.weight, *design.stratum_columns, *design.psu_columns, design.fpc, where) if e
    ]
    sql = checked_all(named, columns, "sql form")
    dims = list(dict.fromkeys(d for c in crossings for d in c))
    steps = {
        "survey_rows": _rows(relation, design, linear, dims, sql, where),
        "strata_frame": _frame(design),
        "psu_cells": _psu_cells(linear, dims, crossings),
        "cells": _cells(linear, dims),
        "linearised": _linearised(linear, dims),
        "strata_cells": _strata_cells(linear, dims),
        "centres": _centres(linear, dims),
        "variances": _variances(linear, dims, design.lonely_psu),
    }
    ctes = ",\n".join(f"{name} AS (\n{body}\n)" for name, body in steps.items())
    return f"WITH {ctes}\n{_final(linear, dims)}"


def spark_sql(query: str) -> str:
    """The query in Spark's dialect.

    >>> spark_sql('SELECT CAST("x" AS DOUBLE) FROM t')
    'SELECT CAST(`x` AS DOUBLE) FROM t'
    """
    return sqlglot.transpile(query, read="duckdb", write="spark")[0]


def _list(items: Iterator[str] | Sequence[str]) -> str:
    return ",\n".join(f"  {item}" for item in items)


def _rows(
    relation: str,
    design: Design,
    linear: Sequence[Parts],
    dims: Sequence[str],
    sql: dict[str, str],
    where: str | None,
) -> str:
    strata = " || '/' || ".join(f"CAST({sql[c]} AS VARCHAR)" for c in design.stratum_columns) or "'_T'"
    psu = " || '/' || ".join(f"CAST({sql[c]} AS VARCHAR)" for c in design.psu_columns)
    weight = f"CAST({sql[design.weight]} AS DOUBLE)" if design.weight else "CAST(1 AS DOUBLE)"
    fpc = f"CAST({sql[design.fpc]} AS DOUBLE)" if design.fpc else "CAST(NULL AS DOUBLE)"
    items = [
        f"{strata} AS stratum",
        f"{psu or f'CAST(ROW_NUMBER() OVER (ORDER BY {weight}) AS VARCHAR)'} AS psu",
        f"{weight} AS w",
        f"{fpc} AS fpc",
        f"CASE WHEN {sql[where]} THEN 1 ELSE 0 END AS inside" if where else "1 AS inside",
        *(f"COALESCE(CAST({quoted(d)} AS VARCHAR), '{UNKNOWN}') AS {quoted(d)}" for d in dims),
    ]
    for k, part in enumerate(linear):
        known = " AND ".join(f"{sql[e]} IS NOT NULL" for e in part.expressions) or "1 = 1"
        for letter, expression in (("y", part.numerator), ("x", part.denominator)):
            value = f"CAST({sql[expression]} AS DOUBLE)" if expression else "CAST(1 AS DOUBLE)"
            items.append(f"CASE WHEN {known} THEN {value} END AS {letter}_{k}")
    return f"SELECT\n{_list(items)}\nFROM {relation}"


def _frame(design: Design) -> str:
    population = "MAX(fpc)"
    if design.fpc:
        counted = f"1 - COUNT(DISTINCT psu) / {population}"
        unsampled = f"CASE WHEN {population} <= 1 THEN 1 - {population} ELSE {counted} END"
    else:
        unsampled = "CAST(1 AS DOUBLE)"
    return (
        f"SELECT\n  stratum,\n  CAST(COUNT(DISTINCT psu) AS DOUBLE) AS n_h,\n  {unsampled} AS unsampled\n"
        "FROM survey_rows\nGROUP BY stratum"
    )


def _psu_cells(linear: Sequence[Parts], dims: Sequence[str], crossings: Sequence[Sequence[str]]) -> str:
    sums = [
        f"COALESCE(SUM(w * {letter}_{k}), 0) AS {letter}_{k}"
        for k in range(len(linear))
        for letter in ("y", "x")
    ]
    counts = [f"COUNT(y_{k}) AS n_{k}" for k in range(len(linear))]
    shown = [f"COALESCE({quoted(d)}, '{TOTAL}') AS {quoted(d)}" for d in dims]
    sets = ", ".join("(" + ", ".join(["stratum", "psu", *map(quoted, c)]) + ")" for c in crossings)
    return (
        f"SELECT\n{_list(['stratum', 'psu', *shown, *sums, *counts])}\nFROM survey_rows\n"
        f"WHERE inside = 1 AND w <> 0\nGROUP BY GROUPING SETS ({sets})"
    )


def _grouped(dims: Sequence[str]) -> str:
    return f"\nGROUP BY {', '.join(map(quoted, dims))}" if dims else ""


def _cells(linear: Sequence[Parts], dims: Sequence[str]) -> str:
    sums = [f"SUM({c}_{k}) AS {c}_{k}" for k in range(len(linear)) for c in ("y", "x", "n")]
    members = [f"SUM(CASE WHEN n_{k} > 0 THEN 1 ELSE 0 END) AS psu_{k}" for k in range(len(linear))]
    return f"SELECT\n{_list([*map(quoted, dims), *sums, *members])}\nFROM psu_cells{_grouped(dims)}"


def _joined(dims: Sequence[str], left: str, right: str) -> str:
    return " AND ".join(f"{left}.{quoted(d)} = {right}.{quoted(d)}" for d in dims) or "1 = 1"


def _linearised(linear: Sequence[Parts], dims: Sequence[str]) -> str:
    items = ["p.stratum", *(f"p.{quoted(d)}" for d in dims)]
    for k, part in enumerate(linear):
        ratio = f"(p.y_{k} - c.y_{k} / NULLIF(c.x_{k}, 0) * p.x_{k}) / NULLIF(c.x_{k}, 0)"
        items += [f"{ratio if part.is_ratio else f'p.y_{k}'} AS u_{k}", f"p.n_{k}"]
    return f"SELECT\n{_list(items)}\nFROM psu_cells AS p\nJOIN cells AS c\n  ON {_joined(dims, 'p', 'c')}"


def _strata_cells(linear: Sequence[Parts], dims: Sequence[str]) -> str:
    items = ["stratum", *map(quoted, dims)]
    for k in range(len(linear)):
        items += [f"SUM(u_{k}) AS u_{k}", f"SUM(u_{k} * u_{k}) AS uu_{k}", f"SUM(n_{k}) AS n_{k}"]
    keys = ", ".join(["stratum", *map(quoted, dims)])
    return f"SELECT\n{_list(items)}\nFROM linearised\nGROUP BY {keys}"


def _centres(linear: Sequence[Parts], dims: Sequence[str]) -> str:
    items = [f"s.{quoted(d)}" for d in dims]
    for k in range(len(linear)):
        items += [
            f"SUM(s.u_{k}) AS u_{k}",
            f"SUM(CASE WHEN s.n_{k} > 0 THEN f.n_h ELSE 0 END) AS psus_{k}",
        ]
    keys = "\nGROUP BY " + ", ".join(f"s.{quoted(d)}" for d in dims) if dims else ""
    return f"SELECT\n{_list(items)}\n{_FRAMED}{keys}"


_FRAMED = "FROM strata_cells AS s\nJOIN strata_frame AS f\n  ON s.stratum = f.stratum"


def _variances(linear: Sequence[Parts], dims: Sequence[str], lonely: str) -> str:
    apart = "s.u_{k} - m.u_{k} / NULLIF(m.psus_{k}, 0)"
    adjusted = f"CASE WHEN s.n_{{k}} > 0 THEN f.unsampled * ({apart}) * ({apart}) ELSE 0 END"
    alone = {"adjust": adjusted}.get(lonely, "0")
    items = [f"s.{quoted(d)}" for d in dims]
    for k in range(len(linear)):
        about_mean = f"(s.uu_{k} - s.u_{k} * s.u_{k} / f.n_h)"
        many = f"f.unsampled * f.n_h / NULLIF(f.n_h - 1, 0) * {about_mean}"
        total = f"SUM(CASE WHEN f.n_h > 1 THEN {many} ELSE {alone.format(k=k)} END)"
        present = f"SUM(CASE WHEN s.n_{k} > 0 THEN 1 ELSE 0 END)"
        if lonely == "average":
            sound = f"SUM(CASE WHEN s.n_{k} > 0 AND (f.n_h > 1 OR f.unsampled < 1e-7) THEN 1 ELSE 0 END)"
            total = f"{total} * {present} / NULLIF({sound}, 0)"
        items += [f"{total} AS v_{k}", f"{present} AS strata_{k}"]
    keys = _grouped([]) if not dims else "\nGROUP BY " + ", ".join(f"s.{quoted(d)}" for d in dims)
    joined = f"{_FRAMED}\nJOIN centres AS m\n  ON {_joined(dims, 's', 'm')}"
    return f"SELECT\n{_list(items)}\n{joined}{keys}"


def _final(linear: Sequence[Parts], dims: Sequence[str]) -> str:
    items = [f"c.{quoted(d)}" for d in dims]
    for k, part in enumerate(linear):
        value = f"c.y_{k} / NULLIF(c.x_{k}, 0)" if part.is_ratio else f"c.y_{k}"
        items += [
            f"CASE WHEN c.n_{k} > 0 THEN {value} END AS value_{k}",
            f"CASE WHEN c.n_{k} > 0 THEN SQRT(GREATEST(v.v_{k}, 0)) END AS se_{k}",
            f"c.n_{k}",
            f"c.psu_{k}",
            f"v.strata_{k}",
        ]
    order = f"\nORDER BY {', '.join(f'c.{quoted(d)}' for d in dims)}" if dims else ""
    return (
        f"SELECT\n{_list(items)}\nFROM cells AS c\nJOIN variances AS v\n  ON {_joined(dims, 'c', 'v')}{order}"
    )
