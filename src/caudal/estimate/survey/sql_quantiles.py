"""Quantiles of every cell as one SQL query: the specification of the rule ``math``.

The quantile of a cell is the smallest value whose cumulated share of the weights reaches p. The steps::

    survey_rows      one row a person: weight, value, breakdowns as text
    cell_rows        each row once for every cell that holds it
    cumulated        the weight up to each value, and of the whole cell
    quantiles        the smallest value with cumulated >= p (whole)

Sums are of doubles, so a share that reaches p exactly is met within 1e-12. Woodruff's limits need the error
of a share and two more passes of the same kind: they are in :mod:`.quantiles` only.
"""

from __future__ import annotations

from collections.abc import Sequence

from caudal.estimate.survey.coding import UNKNOWN
from caudal.estimate.survey.design import Design
from caudal.estimate.survey.expressions import checked_all, quoted
from caudal.estimate.survey.result import TOTAL
from caudal.estimate.survey.statistics import Quantile


def quantile_sql(
    relation: str,
    columns: Sequence[str],
    design: Design,
    quantile: Quantile,
    crossings: Sequence[Sequence[str]],
    *,
    where: str | None = None,
) -> str:
    """The query whose rows are the cells: breakdowns, then ``value`` and ``n``.

    >>> query = quantile_sql("people", ["w", "y"], Design(weight="w"), Quantile("y"), [()])
    >>> query.splitlines()[0]
    'WITH survey_rows AS ('
    """
    named = [e for e in (design.weight, quantile.variable, where) if e]
    sql = checked_all(named, columns, "sql form")
    dims = list(dict.fromkeys(d for c in crossings for d in c))
    weight = f"CAST({sql[design.weight]} AS DOUBLE)" if design.weight else "CAST(1 AS DOUBLE)"
    shown = [f"COALESCE(CAST({quoted(d)} AS VARCHAR), '{UNKNOWN}') AS {quoted(d)}" for d in dims]
    y = f"CAST({sql[quantile.variable]} AS DOUBLE)"
    inside = [f"{y} IS NOT NULL", f"{weight} <> 0", *([f"({sql[where]})"] if where else [])]
    selected = ", ".join([*shown, f"{weight} AS w", f"{y} AS y"])
    rows = f"SELECT {selected}\nFROM {relation}\nWHERE {' AND '.join(inside)}"
    cells = "\nUNION ALL\n".join(
        _one_crossing(dims, crossing) for crossing in dict.fromkeys(map(tuple, crossings))
    )
    names = [quoted(d) for d in dims]
    by = ", ".join(names)
    over = f"PARTITION BY {by}" if dims else ""
    cumulated = (
        f"SELECT {', '.join([*names, 'y'])},\n"
        f"  SUM(w) OVER ({over} ORDER BY y) AS upto, SUM(w) OVER ({over}) AS whole\n"
        "FROM cell_rows"
    )
    reached = f"upto >= ({quantile.p} - 1e-12) * whole"
    grouped = f"\nGROUP BY {by}\nORDER BY {by}" if dims else ""
    final = f"SELECT {', '.join([*names, f'MIN(CASE WHEN {reached} THEN y END) AS value', 'COUNT(*) AS n'])}"
    steps = {"survey_rows": rows, "cell_rows": cells, "cumulated": cumulated}
    ctes = ",\n".join(f"{name} AS (\n{body}\n)" for name, body in steps.items())
    return f"WITH {ctes}\n{final}\nFROM cumulated{grouped}"


def _one_crossing(dims: Sequence[str], crossing: Sequence[str]) -> str:
    shown = [quoted(d) if d in crossing else f"'{TOTAL}' AS {quoted(d)}" for d in dims]
    return f"SELECT {', '.join([*shown, 'w', 'y'])} FROM survey_rows"
