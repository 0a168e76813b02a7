"""Reproduce a cell in R: a script that a sceptic runs on the builder's side.

The script reads the same file, declares the same design with R's ``survey`` package, cuts the same domain and
prints the estimate, its standard error and the degrees of freedom beside those of the table. It holds no
microdata, only names of columns and the published figures of the cell.

Refused: expressions that cannot be said in R as they stand (SQL functions); the script names them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import sqlglot
from sqlglot import exp

from caudal.errors import CaudalError, problem
from caudal.estimate.survey.design import Design
from caudal.estimate.survey.result import MEASURES, TOTAL
from caudal.estimate.survey.statistics import Linear, parts

_BINARY: Mapping[type[exp.Expr], str] = {
    exp.EQ: "==", exp.NEQ: "!=", exp.LT: "<", exp.LTE: "<=", exp.GT: ">", exp.GTE: ">=", exp.And: "&",
    exp.Or: "|",    exp.Add: "+", exp.Sub: "-", exp.Mul: "*", exp.Div: "/",
}  # fmt: skip


def r_script(
    path: str,
    design: Design,
    statistic: Linear,
    cell: Mapping[str, Any],
    *,
    where: str | None = None,
    missing: Mapping[str, Sequence[str]] | None = None,
) -> str:
    """The R script that reproduces ``cell``, a row of :func:`.estimate_cube` as a mapping. ``missing`` are,
    by column, values that were left out as no answer.

    >>> from caudal.estimate.survey.statistics import Mean
    >>> cell = {"sex": "F", "statistic": "mean(y)", "value": 1.5, "sampling_se": 0.1, "df": 9.0}
    >>> print(r_script("s.csv", Design(weight="w", strata="h", psu="p", nested=True), Mean("y"), cell))
    ... # doctest: +ELLIPSIS
    # Reproduces one cell with R's survey package...
    """
    linear = parts(statistic)
    measures = {name for name, _ in MEASURES}
    domain = [
        f'as.character(d${_name(k)}) == "{v}"' for k, v in cell.items() if k not in measures and v != TOTAL
    ]
    domain += [in_r(where)] if where else []
    known = [f"!is.na({in_r(e)})" for e in linear.expressions]
    inside = " & ".join([*domain, *known]) or "rep(TRUE, nrow(d))"
    lines = [
        "# Reproduces one cell with R's survey package. Run it where the microdata are.",
        "library(survey)",
        f'options(survey.lonely.psu = "{design.lonely_psu}", digits = 15)',
        f'd <- as.data.frame({_reader(path)}("{path}"))',
        *(_as_missing(column, values) for column, values in (missing or {}).items()),
        f"d$.y <- as.numeric({_variable(linear.numerator)})",
        f"d$.x <- as.numeric({_variable(linear.denominator)})",
        f"d$.domain <- {inside}",
        "d$.domain[is.na(d$.domain)] <- FALSE",
        "d$.y[is.na(d$.y)] <- 0; d$.x[is.na(d$.x)] <- 0",
        _design(design),
        "s <- subset(design, .domain)",
        "m <- svyratio(~.y, ~.x, s)" if linear.is_ratio else "m <- svytotal(~.y, s)",
        'cat("R      ", as.numeric(coef(m)), as.numeric(SE(m)), degf(s), "\\n")',
        f'cat("caudal ", "{" ".join(_shown(cell[k]) for k in ("value", "sampling_se", "df"))}", "\\n")',
    ]
    return "\n".join(lines) + "\n"


def _reader(path: str) -> str:
    """The function of R that reads a file; what SPSS and Stata declare missing it leaves out."""
    known = {".parquet": "arrow::read_parquet", ".sav": "haven::read_sav", ".zsav": "haven::read_sav",
             ".dta": "haven::read_dta", ".sas7bdat": "haven::read_sas", ".xpt": "haven::read_xpt",
             ".xlsx": "readxl::read_excel"}  # fmt: skip
    return next((f for ending, f in known.items() if path.lower().endswith(ending)), "read.csv")


def _as_missing(column: str, values: Sequence[str]) -> str:
    listed = ", ".join(f'"{v}"' for v in values)
    return f"d${_name(column)}[as.character(d${_name(column)}) %in% c({listed})] <- NA"


def _variable(expression: str | None) -> str:
    return in_r(expression) if expression else "rep(1, nrow(d))"


def _design(design: Design) -> str:
    def interaction(columns: tuple[str, ...]) -> str:
        named = ", ".join(in_r(c) for c in columns)
        return named if len(columns) == 1 else f"interaction({named}, drop = TRUE)"

    ids = f"d$.psu <- {interaction(design.psu_columns)}\n" if design.psu else ""
    strata = f"d$.stratum <- {interaction(design.stratum_columns)}\n" if design.strata else ""
    options = ["~.psu" if design.psu else "~1"]
    if design.ssu:
        options[0] += f" + {_name(design.ssu)}"
    options += ["strata = ~.stratum"] if design.strata else []
    options += [f"weights = ~I({in_r(design.weight)})"] if design.weight else []
    if design.fpc:
        second = f" + I({in_r(design.ssu_fpc)})" if design.ssu_fpc else ""
        options.append(f"fpc = ~I({in_r(design.fpc)}){second}")
    options.append("nest = TRUE" if design.nested else "nest = FALSE")
    return f"{ids}{strata}design <- svydesign({', '.join(options)}, data = d)"


def in_r(expression: str) -> str:
    """An SQL expression of columns, constants, comparisons and arithmetic in R, over the data frame ``d``.

    >>> in_r("age_years >= 15 AND sex = 'F'")
    'd$age_years >= 15 & d$sex == "F"'
    """
    return _in_r(sqlglot.parse_one(expression, read="duckdb"))


def _in_r(node: exp.Expr) -> str:
    if isinstance(node, exp.Column):
        return f"d${_name(node.name)}"
    if isinstance(node, exp.Literal):
        return f'"{node.this}"' if node.is_string else str(node.this)
    if isinstance(node, exp.Boolean):
        return "TRUE" if node.this else "FALSE"
    if isinstance(node, exp.Paren):
        return f"({_in_r(node.this)})"
    if isinstance(node, (exp.Not, exp.Neg)):
        return f"{'!' if isinstance(node, exp.Not) else '-'}({_in_r(node.this)})"
    if isinstance(node, exp.In) and node.expressions:
        return f"{_in_r(node.this)} %in% c({', '.join(_in_r(e) for e in node.expressions)})"
    if isinstance(node, exp.Between):
        value = _in_r(node.this)
        return f"({value} >= {_in_r(node.args['low'])} & {value} <= {_in_r(node.args['high'])})"
    if type(node) in _BINARY and isinstance(node, exp.Binary):
        return f"{_in_r(node.left)} {_BINARY[type(node)]} {_in_r(node.right)}"
    raise CaudalError(
        problem(
            "survey-bad-expression", where="R script", found=node.sql("duckdb"), reason="no R form is known"
        )
    )


def _name(column: str) -> str:
    return column if column.replace("_", "").replace(".", "").isalnum() else f"`{column}`"


def _shown(value: Any) -> str:
    return "NA" if value is None else repr(float(value))
