"""Medians and other quantiles with Woodruff's interval.

With F the weighted distribution function of the domain, the quantile is its inverse at p by one of the rules
below; limits come from a confidence interval for the share below the estimate, carried back by the same rule
(Woodruff 1952, *JASA* 47:635; Francisco & Fuller 1991, *Annals of Statistics* 19:454). The standard error is
the length of the interval over twice the quantile of Student's t.

Rules: ``math`` (the smallest value whose cumulated share reaches p), ``school`` (the mean of the two middle
values where p is reached exactly), ``shahvaish`` (Shah & Vaish 2006) and ``hf1`` to ``hf9`` (Hyndman & Fan
1996, *American Statistician* 50:361, with weights).

Refused: a limit where the interval of the share leaves 0..1: it is null, and the flag says so.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from caudal.estimate.survey.frame import Floats, Ints
from caudal.estimate.survey.intervals import proportion_limits, t_quantile
from caudal.estimate.survey.sample import Mask, Sample, covariance
from caudal.estimate.survey.statistics import Quantile, ShareInterval
from caudal.estimate.survey.statistics import QuantileRule as Rule

_EQUAL = 1e-12


@dataclass(frozen=True)
class QuantileEstimate:
    """A quantile with its error; what cannot be estimated is NaN."""

    value: float
    se: float
    lower: float
    upper: float
    df: float
    sample_n: int
    missing_n: int


def estimate_quantile(
    sample: Sample,
    variable: str,
    p: float = 0.5,
    domain: Mask | None = None,
    *,
    rule: Rule = "math",
    interval: ShareInterval = "mean",
    level: float = 0.95,
) -> QuantileEstimate:
    """The quantile of ``variable`` (a column of ``sample``) at ``p`` in ``domain``."""
    inside = sample.everything() if domain is None else domain
    y = sample.columns[variable]
    known = inside & ~np.isnan(y) & (sample.weight != 0)
    missing = int(np.sum(inside & np.isnan(y)))
    n = int(known.sum())
    if n == 0:
        return QuantileEstimate(np.nan, np.nan, np.nan, np.nan, np.nan, 0, missing)
    values, weight = y[known], sample.weight[known]
    found = weighted_quantile(values, weight, p, rule)
    share, se = _share_below(sample, y, known, found)
    df = sample.df(known)
    lower_p, upper_p = _share_limits(share, se, df, n, level, interval)
    lower = weighted_quantile(values, weight, lower_p, rule) if lower_p >= 0 else np.nan
    upper = weighted_quantile(values, weight, upper_p, rule) if upper_p <= 1 else np.nan
    t = float(t_quantile(np.array([df]), level)[0])
    return QuantileEstimate(found, (upper - lower) / (2 * t), lower, upper, df, n, missing)


def _share_below(sample: Sample, y: Floats, known: Mask, found: float) -> tuple[float, float]:
    size = sample.weight[known].sum()
    below = (y <= found).astype(np.float64)
    share = float((sample.weight[known] * below[known]).sum() / size)
    influence = np.where(known, sample.weight * (below - share) / size, 0.0)
    variance = covariance(sample, influence[:, None], known)[0, 0]
    return share, float(np.sqrt(max(variance, 0.0)))


def _share_limits(
    share: float, se: float, df: float, n: int, level: float, interval: str
) -> tuple[float, float]:
    one = [np.array([v], dtype=np.float64) for v in (share, se, df, float(n))]
    limits = proportion_limits(one[0], one[1], one[2], one[3], level, interval)
    return float(limits.lower[0]), float(limits.upper[0])


def weighted_quantile(values: Floats, weight: Floats, p: float, rule: Rule = "math") -> float:
    """The quantile of weighted values by ``rule``.

    >>> weighted_quantile(np.array([1.0, 2.0, 3.0, 4.0]), np.ones(4), 0.5, "math")
    2.0
    >>> weighted_quantile(np.array([1.0, 2.0, 3.0, 4.0]), np.ones(4), 0.5, "school")
    2.5
    """
    if np.isnan(p):
        return float("nan")
    order = np.argsort(values, kind="stable")
    x, w = values[order], weight[order]
    if rule in ("math", "school", "hf1", "hf2", "hf3", "hf4"):
        return _by_steps(x, w, p, rule)
    positions = _positions(w, rule)
    if rule == "shahvaish":
        return float(x[np.clip(np.searchsorted(positions, p, side="right") - 1, 0, x.size - 1)])
    return float(np.interp(p, positions, x))


def _by_steps(x: Floats, w: Floats, p: float, rule: Rule) -> float:
    if rule == "hf3":
        x, position = np.unique(x, return_inverse=True)
        w = np.bincount(position, w).astype(np.float64, copy=False)
    share = np.cumsum(w) / w.sum()
    up = int(np.searchsorted(share, p - _EQUAL))
    up = min(up, x.size - 1)
    is_reached = abs(share[up] - p) <= _EQUAL
    above = min(up + 1, x.size - 1)
    if rule in ("school", "hf2"):
        return float((x[up] + x[above]) / 2) if is_reached else float(x[up])
    if rule == "hf3":
        return float(x[up]) if not is_reached or up % 2 == 1 else float(x[above])
    if rule == "hf4" and not is_reached and up > 0:
        return float(np.interp(p, share[up - 1 : up + 1], x[up - 1 : up + 1]))
    return float(x[up])


def _positions(w: Floats, rule: Rule) -> Floats:
    """The share at which each value stands, for the rules that interpolate."""
    cumulated = np.cumsum(w)
    before = cumulated - w
    before[0] = 0.0
    total, last = cumulated[-1], w[-1]
    found: Floats
    match rule:
        case "shahvaish":
            found = (np.cumsum(w / w.mean()) + 0.5 - w / 2) / (w.size + 1)
        case "hf5":
            found = (cumulated - w / 2) / total
        case "hf6":
            found = cumulated / (total + last)
        case "hf7":
            found = before / cumulated[-2] if w.size > 1 else before
        case "hf8":
            found = (before / 3 + cumulated * 2 / 3) / (total + last / 3)
        case _:
            found = (before * 3 / 8 + cumulated * 5 / 8) / (total + last / 4)
    return found


def quantile_cells(
    sample: Sample,
    quantile: Quantile,
    rows: Mapping[str, Ints],
    cells: Mapping[str, Ints],
    sizes: Mapping[str, int],
    inside: Mask,
    level: float,
) -> list[QuantileEstimate]:
    """The quantile in every cell: ``rows`` and ``cells`` hold the categories of each breakdown, ``sizes[d]``
    standing for the total; ``inside`` is the domain."""
    found = []
    count = next(iter(cells.values())).size if cells else 1
    for cell in range(count):
        domain = inside.copy()
        for dim, codes in cells.items():
            if codes[cell] != sizes[dim]:
                domain &= rows[dim] == codes[cell]
        found.append(
            estimate_quantile(
                sample,
                quantile.variable,
                quantile.p,
                domain,
                rule=quantile.rule,
                interval=quantile.interval,
                level=level,
            )
        )
    return found
