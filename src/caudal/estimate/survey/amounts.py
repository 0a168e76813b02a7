"""Values that mean no answer among those that a statistic would take for amounts or codes.

A file of SPSS, Stata or SAS may give 999 the label "No responde" without declaring it missing (what it does
declare is missing already). A mean of such a column is wrong and looks right. So the columns of the
statistics are held against their labels, and the request is refused until somebody says what these values
are: missing (``labelled``), amounts after all (``kept``), or the values of a column by name
(``income=-99,-88``, for files without labels too).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import sqlglot
from sqlglot import exp

from caudal.engine.session import literal
from caudal.errors import Problem, problem
from caudal.estimate.survey.expressions import quoted
from caudal.harmonise.no_answer import no_answer

#: Column -> the values of it that are missing.
Missing = Mapping[str, Sequence[str]]
LABELLED, KEPT = "labelled", "kept"
_FORM = "labelled, kept, or COLUMN=VALUE,VALUE"


def read_forms(texts: Iterable[str]) -> tuple[str, dict[str, tuple[str, ...]], list[Problem]]:
    """What was said of all labelled values, of single columns, and what cannot be read.

    >>> read_forms(["labelled", "income=-99,-88"])[:2]
    ('labelled', {'income': ('-99', '-88')})
    """
    rule, named, faults = "", {}, []
    for text in texts:
        column, _, values = text.partition("=")
        if text in (LABELLED, KEPT):
            rule = text
        elif column and values:
            named[column.strip()] = tuple(v.strip() for v in values.split(","))
        else:
            faults.append(problem("survey-form", where="--na", found=text, form=_FORM))
    return rule, named, faults


def columns_in(expressions: Iterable[str]) -> set[str]:
    """The columns, in small letters, that expressions read; one that cannot be parsed reads none."""
    found: set[str] = set()
    for text in expressions:
        try:
            tree = sqlglot.parse_one(text, read="duckdb")
        except sqlglot.errors.SqlglotError:  # told where expressions are checked
            continue
        found |= {c.name.casefold() for c in tree.find_all(exp.Column)}
    return found


def labelled_missing(labels: Mapping[str, Mapping[str, str]], read: set[str]) -> dict[str, dict[str, str]]:
    """Of the columns in ``read``: value -> label, where the label says that there is no answer."""
    found = {
        column: {v: t for v, t in values.items() if no_answer(t)}
        for column, values in labels.items()
        if column.casefold() in read
    }
    return {column: values for column, values in found.items() if values}


def held_against_labels(
    session: Any, relation: str, suspicious: Mapping[str, Mapping[str, str]], said: Missing
) -> list[Problem]:
    """A problem for each column in which rows have a value whose label says that there is no answer, and of
    which nothing was ``said``."""
    problems = []
    for column, values in suspicious.items():
        if column in said:
            continue
        text = f"CAST({quoted(column)} AS VARCHAR)"
        listed = ", ".join(literal(v) for v in values)
        counted = session.sql(
            f"SELECT {text}, count(*) FROM {relation} WHERE {text} IN ({listed}) GROUP BY 1 ORDER BY 1"
        ).fetchall()
        if counted:
            found = [f"{v} = {values[v]} ({n})" for v, n in counted]
            codes = ",".join(v for v, _ in counted)
            problems.append(
                problem("survey-labelled-missing", where=column, found=found, codes=codes, column=column)
            )
    return problems


def without(columns: Sequence[str], missing: Missing) -> str:
    """The columns of a SELECT in which the values that are missing are null."""
    shown = []
    for column in columns:
        values = next((v for c, v in missing.items() if c.casefold() == column.casefold()), ())
        name = quoted(column)
        listed = ", ".join(literal(v) for v in values)
        test = f"CAST({name} AS VARCHAR) IN ({listed})"
        shown.append(f"CASE WHEN {test} THEN NULL ELSE {name} END AS {name}" if values else name)
    return ", ".join(shown)
