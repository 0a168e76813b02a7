"""What a formula takes from the records before it is computed: a line, or a list of codes.

A line is a multiple of a weighted quantile: the least value v with at least the share q of the weight at or
below it. A list holds the codes whose share is larger in one group than in another; a rate of such codes,
compared between the two groups, is half the sum of absolute differences of their shares, Duncan's index of
segregation (Duncan & Duncan 1955). Both enter the formula as literals, and errors take them as known. Weights
are added as decimals, so that the answer does not depend on the order of the records.
"""

from __future__ import annotations

import re
from typing import Any

from caudal.catalogue.formulas import SQL_FIELDS
from caudal.engine.session import literal
from caudal.model.indicator import First, Formula

_WEIGHT = "DECIMAL(28, 8)"


def with_firsts(formula: Formula, relation: str, weight: str, session: Any) -> Formula:
    """The formula with what it takes first from ``relation`` written into its SQL."""
    found = formula
    for name, first in formula.first.items():
        value = _value(first, relation, weight, session)
        parts = {n: re.sub(rf"\b{name}\b", value.replace("\\", ""), getattr(found, n)) for n in SQL_FIELDS}
        found = found.model_copy(update=parts)
    return found


def told(formula: Formula) -> str:
    """What is taken first, as comments above the SQL of a formula."""
    return "".join(f"-- {name}: {_words(first)}\n" for name, first in formula.first.items())


def _words(first: First) -> str:
    if first.quantile is not None:
        return f"{first.times:g} x quantile {first.quantile:g} of {first.of}, where {first.universe}"
    return f"codes of {first.of} that weigh more where {first.more_among} than where {first.than_among}"


def _value(first: First, relation: str, weight: str, session: Any) -> str:
    if first.quantile is None:
        return _codes(first, relation, weight, session)
    rows = session.sql(
        f"SELECT {first.of} AS v, sum(CAST({weight} AS {_WEIGHT})) AS w FROM ({relation}) "
        f"WHERE ({first.universe}) AND ({first.of}) IS NOT NULL AND {weight} > 0 GROUP BY v ORDER BY v"
    ).fetchall()
    total, below = sum(w for _, w in rows), 0
    for value, w in rows:
        below += w
        if float(below) >= first.quantile * float(total):
            return repr(first.times * float(value))
    return "NULL"


def _codes(first: First, relation: str, weight: str, session: Any) -> str:
    def share(group: str) -> str:
        part = f"sum(CAST({weight} AS {_WEIGHT})) FILTER (WHERE {group})"
        return f"CAST({part} AS DOUBLE) / nullif(CAST(sum({part}) OVER () AS DOUBLE), 0)"

    rows = session.sql(
        f"SELECT code FROM (SELECT {first.of} AS code, coalesce({share(first.more_among)}, 0) AS more, "
        f"coalesce({share(first.than_among)}, 0) AS than FROM ({relation}) WHERE {first.universe} "
        f"GROUP BY code) WHERE more > than ORDER BY code"
    ).fetchall()
    return ", ".join(literal(code) for (code,) in rows) or "NULL"
