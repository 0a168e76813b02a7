"""A sample of whole clusters held against the producer's counts: z-value of every category.

The share of a category is a ratio of two cluster sums, p = sum_i a_i / sum_i m_i. With k clusters drawn
with replacement its variance is, to first order::

    V(p) = k / (k - 1) sum_i ((a_i - p m_i) / sum_i m_i)^2

(Cochran 1977, ch. 6), and z = (p - P) / sqrt(V) with P the official share. A category that the sample
does not hold shows no variance: there the error is that of a simple random sample of the same size under P.
Where fewer than 30 clusters hold a category, z is far from normal and the check says so. It refuses to
weigh: a sample with weights is held against official counts by calibration, not here.
"""

from __future__ import annotations

import csv
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from caudal.engine.session import quoted
from caudal.errors import CaudalError, unknown
from caudal.model.official import OfficialCheck, OfficialCounts

Masks = npt.NDArray[np.bool_]
Clusters = npt.NDArray[np.int64]
_CLUSTER = "the cluster"
#: Clusters with a category below which its z-value is not to be read as a normal one.
_FEW = 30


@dataclass(frozen=True)
class Category:
    """A row of the producer's table; ``value`` is None where the raw value is empty."""

    variable: str
    value: str | None
    label: str
    count: int


def read_categories(path: Path, spec: OfficialCounts) -> list[Category]:
    """The rows of the table at ``path`` that name a value and a count; the others are headings.

    Raises :class:`CaudalError` (input) where a declared column is not there.
    """
    with path.open(encoding="utf-8-sig", newline="") as stream:
        rows = list(csv.DictReader(stream))
    names = list(rows[0]) if rows else []
    wanted = [spec.variable, spec.value, spec.count, *([spec.label] if spec.label else [])]
    if problems := [unknown("column", c, names, where=str(path)) for c in wanted if c not in names]:
        raise CaudalError(*problems)
    found = (_category({c: (row[c] or "").strip() for c in wanted}, spec) for row in rows)
    return [c for c in found if c is not None]


def _category(row: Mapping[str, str], spec: OfficialCounts) -> Category | None:
    count = row[spec.count].replace(spec.thousands, "") if spec.thousands else row[spec.count]
    if not count.isdigit() or not row[spec.value]:
        return None
    value = None if row[spec.value] == spec.blank else row[spec.value]
    return Category(row[spec.variable], value, " ".join(row.get(spec.label, "").split()), int(count))


def official_checks(
    relation: str, columns: Sequence[str], categories: Iterable[Category], spec: OfficialCounts, session: Any
) -> tuple[OfficialCheck, ...]:
    """Every category of a column that the raw table ``relation`` has, beside its official count."""
    if problems := [unknown("column", c, columns) for c in spec.cluster if c not in columns]:
        raise CaudalError(*problems)
    known = [c for c in categories if c.variable in columns]
    names = list(dict.fromkeys(c.variable for c in known))
    keys = ", ".join(quoted(c) for c in spec.cluster)
    texts = [f"CAST({quoted(v)} AS VARCHAR) AS {quoted(v)}" for v in names]
    drawn = f"dense_rank() OVER (ORDER BY {keys}) - 1 AS {quoted(_CLUSTER)}"
    table = session.sql(f"SELECT {', '.join([drawn, *texts])} FROM ({relation})").to_arrow_table()
    cluster = np.asarray(table[_CLUSTER].to_numpy(), np.int64)
    values = {v: table[v].to_pylist() for v in names}
    return tuple(_check(c, _holds(values[c.variable], c.value), cluster, spec) for c in known)


def cluster_share(inside: Masks, cluster: Clusters) -> tuple[float, float]:
    """Share of units in a category and its standard error between clusters, numbered from 0.

    >>> cluster_share(np.array([True, True, False, False]), np.array([0, 0, 1, 1]))
    (0.5, 0.5)
    """
    k = int(cluster.max()) + 1
    share = float(inside.mean())
    members = np.bincount(cluster, minlength=k)
    spread = np.bincount(cluster, weights=inside, minlength=k) - share * members
    return share, math.sqrt(k / max(k - 1, 1) * float(spread @ spread)) / inside.size


def _check(category: Category, inside: Masks, cluster: Clusters, spec: OfficialCounts) -> OfficialCheck:
    official = category.count / spec.population
    share, se = cluster_share(inside, cluster)
    if se == 0:
        se = math.sqrt(official * (1 - official) / inside.size)
    z = (share - official) / se if se else 0.0
    named = {"variable": category.variable, "value": category.value or spec.blank}
    reason = next((r.reason for r in spec.reasons if all(named[k] == v for k, v in r.where.items())), {})
    size = spec.population
    return OfficialCheck(
        variable=category.variable,
        value=named["value"],
        label=category.label,
        official=category.count,
        estimate=round(share * size, 1),
        se=round(se * size, 1),
        z=round(z, 2),
        few=np.unique(cluster[inside]).size < _FEW,
        reason=reason,
    )


def _holds(values: Sequence[str | None], value: str | None) -> Masks:
    """Which raw values are ``value``, or lie in the range that it names."""
    low, colon, high = (value or "").partition(":")
    if colon and low.isdigit() and high.isdigit():
        ends = range(int(low), int(high) + 1)
        return np.array([v is not None and v.isdigit() and int(v) in ends for v in values], bool)
    return np.array([v == value for v in values], bool)
