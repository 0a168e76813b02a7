"""A first look at the rows: weights, variables and keys, checked and counted before anything is summed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from caudal.errors import CaudalError, Problem, problem
from caudal.estimate.survey.coding import INTEGERS
from caudal.estimate.survey.design import Design
from caudal.estimate.survey.source import Source

_TEXT = ("VARCHAR", "BLOB", "DATE", "TIMESTAMP", "TIME", "INTERVAL", "UUID")


@dataclass(frozen=True)
class Profile:
    """Counts over all rows: ``missing`` by expression, zero weights, rows of unknown domain; the expressions
    that are zero or one (``binary``); type and range (low, high, missing) of every key."""

    rows_n: int
    zero_weights_n: int
    unknown_domain_n: int
    missing: Mapping[str, int]
    binary: frozenset[str]
    kinds: Mapping[str, str]
    ranges: Mapping[str, tuple[int, int, int]]
    listwise_n: int | None = None

    def remarks(self, design: Design) -> tuple[str, ...]:
        """What must be said of every cell."""
        found = []
        if design.kind == "full_count":
            found.append("full count: no sampling error")
        if design.kind == "unpublished":
            found.append("design not published: error approximated")
        if design.kind == "clusters" and design.fpc is None:
            found.append("no weights: totals are of the sample")
        if self.zero_weights_n and design.kind != "full_count":
            found.append(f"zero weights: {self.zero_weights_n} rows left out")
        if self.unknown_domain_n:
            found.append(f"domain unknown: {self.unknown_domain_n} rows left out")
        if self.listwise_n is not None:
            found.append(f"listwise: {self.listwise_n} rows left out")
        return tuple(found)


def read_profile(
    source: Source,
    weight: str,
    expressions: Mapping[str, str],
    conditions: frozenset[str],
    domain: str,
    keys: Sequence[str],
) -> Profile:
    """The profile, in one scan; raises one error with every fault of weights and variables.

    ``expressions`` maps names to checked SQL; those in ``conditions`` must be true or false.
    """
    keys = tuple(dict.fromkeys(keys))
    kinds = _kinds(source, {"weight": weight, **expressions}, keys)
    integers = [k for k in keys if kinds[k] in INTEGERS]
    scanned = [*(f"CAST({sql} AS DOUBLE)" for sql in (weight, *expressions.values())), *integers]
    inner = ", ".join(f"{sql} AS c{k}" for k, sql in enumerate(scanned))
    ends = ", ".join(f"count(c{k}), min(c{k}), max(c{k})" for k in range(len(scanned)))
    query = f"SELECT count(*), {ends} FROM (SELECT {inner} FROM {source.relation})"
    row = source.rows(query)[0]
    rows = int(row[0])
    if rows == 0:
        raise CaudalError(problem("survey-empty"))
    spans = [tuple(row[1 + 3 * k : 4 + 3 * k]) for k in range(len(scanned))]
    zero, faults = _weight_faults(source, weight, rows, spans[0])
    missing, binary = {}, set()
    for (name, sql), (known, low, high) in zip(expressions.items(), spans[1:], strict=False):
        missing[name] = rows - (known if _finite(low, high) else _finite_rows(source, sql))
        if (low, high) in ((0, 0), (0, 1), (1, 1)) and _is_whole(kinds[name]):
            binary.add(name)
        elif name in conditions and known:
            faults.append(problem("survey-not-binary", where="statistics", found=name, low=low, high=high))
    if faults:
        raise CaudalError(*faults)
    outside = _unknown_rows(source, domain) if domain else 0
    ranges = {
        key: (low, high, rows - known)
        for key, (known, low, high) in zip(integers, spans[1 + len(expressions) :], strict=True)
        if known
    }
    return Profile(rows, zero, outside, missing, frozenset(binary), kinds, ranges)


def _weight_faults(
    source: Source, weight: str, rows: int, span: tuple[Any, ...]
) -> tuple[int, list[Problem]]:
    """Rows of weight zero, and what is wrong with the weights; counted only where the range shows a fault."""
    known, low, high = span
    if known == rows and _finite(low, high) and low > 0:
        return 0, []
    w = f"CAST({weight} AS DOUBLE)"
    query = f"SELECT count(*) FILTER (isfinite({w})), count(*) FILTER ({w} < 0), count(*) FILTER ({w} = 0)"
    finite, negative, zero = source.rows(f"{query} FROM {source.relation}")[0]
    faults = []
    if finite < rows:
        faults.append(problem("survey-weight-missing", where="design.weight", count=rows - finite, rows=rows))
    if negative:
        faults.append(problem("survey-weight-negative", where="design.weight", count=negative, smallest=low))
    if zero == rows:
        faults.append(problem("survey-weight-zero", where="design.weight"))
    return int(zero), faults


def _finite(low: float | None, high: float | None) -> bool:
    return low is None or high is None or abs(low) + abs(high) < float("inf")


def _finite_rows(source: Source, sql: str) -> int:
    query = f"SELECT count(*) FILTER (isfinite(CAST({sql} AS DOUBLE))) FROM {source.relation}"
    return int(source.rows(query)[0][0])


def _unknown_rows(source: Source, domain: str) -> int:
    return int(source.rows(f"SELECT count(*) - count({domain}) FROM {source.relation}")[0][0])


def _is_whole(kind: str) -> bool:
    return kind == "BOOLEAN" or kind in INTEGERS


def _kinds(source: Source, expressions: Mapping[str, str], keys: Sequence[str]) -> dict[str, str]:
    """The type of every expression; text and dates where a number is needed are refused here."""
    asked = ", ".join(f"{sql} AS c{k}" for k, sql in enumerate([*expressions.values(), *keys]))
    found = [str(t) for t in source.connection.sql(f"SELECT {asked} FROM {source.relation} LIMIT 0").types]
    faults = [
        problem("survey-not-numeric", where="statistics", found=name)
        for name, kind in zip(expressions, found, strict=False)
        if kind.split("(")[0].split(" ")[0] in _TEXT
    ]
    if faults:
        raise CaudalError(*faults)
    return dict(zip([*expressions, *keys], found, strict=True))
