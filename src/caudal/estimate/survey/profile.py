"""A first look at the rows: weights and variables, checked and counted before anything is summed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from caudal.errors import CaudalError, problem
from caudal.estimate.survey.design import Design
from caudal.estimate.survey.source import Source

_TEXT = ("VARCHAR", "BLOB", "DATE", "TIMESTAMP", "TIME", "INTERVAL", "UUID")


@dataclass(frozen=True)
class Profile:
    """Counts over all rows: ``missing`` by expression, zero weights, rows of unknown domain; the expressions
    that are zero or one (``binary``); the sum of weights."""

    rows_n: int
    zero_weights_n: int
    unknown_domain_n: int
    weight_sum: float
    missing: Mapping[str, int]
    binary: frozenset[str]

    def remarks(self, design: Design) -> tuple[str, ...]:
        """What must be said of every cell."""
        found = []
        if design.kind == "full_count":
            found.append("full count: no sampling error")
        if design.kind == "unpublished":
            found.append("design not published: error approximated")
        if design.kind == "clusters" and design.fpc is None:
            found.append("no weights: totals are of the sample")
        if self.zero_weights_n:
            found.append(f"zero weights: {self.zero_weights_n} rows left out")
        if self.unknown_domain_n:
            found.append(f"domain unknown: {self.unknown_domain_n} rows left out")
        positive = self.rows_n - self.zero_weights_n
        if design.kind == "sample" and design.weight and self.weight_sum <= positive * (1 + 1e-6):
            found.append("weights sum to no more than the rows: check their scale")
        return tuple(found)


def read_profile(
    source: Source, weight: str, expressions: Mapping[str, str], conditions: frozenset[str], domain: str
) -> Profile:
    """The profile; raises one error with every fault of weights and variables."""
    items = list(expressions.items())
    _check_types(source, weight, expressions, conditions)
    inner = [f"CAST({weight} AS DOUBLE) AS w", f"({domain or 'true'}) AS d"]
    inner += [f"CAST({sql} AS DOUBLE) AS v{k}" for k, (_, sql) in enumerate(items)]
    asked = [
        "count(*)",
        "count(*) FILTER (w IS NULL OR NOT isfinite(w))",
        "count(*) FILTER (w < 0)",
        "min(w)",
        "count(*) FILTER (w = 0)",
        "count(*) FILTER (d IS NULL)",
        "sum(CAST(w AS DECIMAL(38, 6))) FILTER (isfinite(w))",
    ]
    for k in range(len(items)):
        asked += [f"count(*) FILTER (isfinite(v{k}))", f"min(v{k})", f"max(v{k}) FILTER (isfinite(v{k}))"]
        asked += [f"bool_and(v{k} IN (0, 1)) FILTER (isfinite(v{k}))"]
    row = source.rows(f"SELECT {', '.join(asked)} FROM (SELECT {', '.join(inner)} FROM {source.relation})")[0]
    rows, no_weight, negative, smallest, zero, unknown, total = row[:7]
    faults = []
    if rows == 0:
        raise CaudalError(problem("survey-empty"))
    if no_weight:
        faults.append(problem("survey-weight-missing", where="design.weight", count=no_weight, rows=rows))
    if negative:
        faults.append(
            problem("survey-weight-negative", where="design.weight", count=negative, smallest=smallest)
        )
    if zero == rows:
        faults.append(problem("survey-weight-zero", where="design.weight"))
    missing, binary = {}, set()
    for k, (name, _) in enumerate(items):
        known, low, high, is_binary = row[7 + 4 * k : 11 + 4 * k]
        missing[name] = rows - known
        if is_binary:
            binary.add(name)
        elif name in conditions and known:
            faults.append(problem("survey-not-binary", where="statistics", found=name, low=low, high=high))
    if faults:
        raise CaudalError(*faults)
    return Profile(rows, zero, unknown, float(total or 0), missing, frozenset(binary))


def _check_types(
    source: Source, weight: str, expressions: Mapping[str, str], conditions: frozenset[str]
) -> None:
    """Refuse text and dates where a number is needed, before the engine tries to cast them."""
    named = {"weight": weight, **expressions}
    asked = ", ".join(f"{sql} AS c{k}" for k, sql in enumerate(named.values()))
    kinds = source.connection.sql(f"SELECT {asked} FROM {source.relation} LIMIT 0").types
    faults = [
        problem("survey-not-numeric", where="statistics", found=name)
        for name, kind in zip(named, kinds, strict=True)
        if str(kind).split("(")[0].split(" ")[0] in _TEXT
    ]
    if faults:
        raise CaudalError(*faults)
