"""Limits of confidence: Student's t, and the kinds that suit a proportion.

With p the proportion, v its variance, n the rows of the domain, t the quantile of Student's t with df
degrees of freedom, the kinds are (Korn & Graubard 1998, *Survey Methodology* 24:193; Dean & Pagano 2015,
*J. Surv. Stat. Methodol.* 3:484; R survey, ``svyciprop``):

- ``mean``: p -+ t sqrt(v)
- ``logit``, ``xlogit``: the inverse logit of logit(p) -+ t sqrt(v) / (p (1 - p))
- ``asin``: sin^2 of asin(sqrt(p)) -+ t sqrt(v) / (2 sqrt(p (1 - p)))
- ``beta``, ``korn-graubard``: Clopper-Pearson with n_eff = p (1 - p) / v (t_{n-1} / t_df)^2
- ``likelihood``: where the working likelihood ratio, scaled by the design, reaches t^2 n / (n - 1)
- ``wilson``: Wilson's score limits with n_eff = p (1 - p) / v and t in the place of the normal quantile

A proportion of 0 or 1 has no estimated variance: its limits are those of ``beta`` with n for n_eff, and
the result says so.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import stats

from caudal.estimate.survey.frame import Floats


@dataclass(frozen=True)
class Limits:
    """Lower and upper limits and the kind of interval of each estimate."""

    lower: Floats
    upper: Floats
    kind: tuple[str, ...] | str


def t_quantile(df: Floats, level: float) -> Floats:
    """The two-sided quantile of Student's t; NaN where df < 1."""
    distinct, position = np.unique(df, return_inverse=True)
    with np.errstate(invalid="ignore"):
        found = stats.t.ppf(0.5 + level / 2, np.where(distinct >= 1, distinct, np.nan))
    return np.asarray(found, dtype=np.float64)[position.reshape(np.shape(df))]


def t_limits(value: Floats, se: Floats, df: Floats, level: float) -> Limits:
    """value -+ t se.

    >>> t_limits(np.array([10.0]), np.array([1.0]), np.array([np.inf]), 0.95).lower.round(2).tolist()
    [8.04]
    """
    half = t_quantile(df, level) * se
    return Limits(value - half, value + half, "t")


def proportion_limits(
    p: Floats, se: Floats, df: Floats, n: Floats, level: float, kind: str, *, edges: bool = True
) -> Limits:
    """Limits of a proportion by ``kind``; without ``edges`` a proportion of 0 or 1 has none of its own.

    >>> p, se, df, n = (np.array([v]) for v in (0.1, 0.02, 30.0, 400.0))
    >>> limits = proportion_limits(p, se, df, n, 0.95, "logit")
    >>> limits.lower.round(3).tolist(), limits.upper.round(3).tolist()
    ([0.066], [0.149])
    """
    t = t_quantile(df, level)
    edge = ((p <= 0) | (p >= 1)) & (df >= 1) & (n > 1) & edges
    with np.errstate(invalid="ignore", divide="ignore"):
        lower, upper = _of_kind(p, se, t, df, n, level, kind)
        edge_lower, edge_upper = _beta(p, n * (t_quantile(n - 1, level) / t) ** 2, level)
    lower, upper = np.where(edge, edge_lower, lower), np.where(edge, edge_upper, upper)
    kinds = tuple("beta" if at_edge else kind for at_edge in edge)
    return Limits(lower, upper, kinds if edge.any() else kind)


def effective_n(p: Floats, se: Floats, df: Floats, n: Floats, level: float) -> Floats:
    """Effective sample size of a proportion, corrected for the degrees of freedom."""
    found: Floats = p * (1 - p) / se**2 * (t_quantile(n - 1, level) / t_quantile(df, level)) ** 2
    return found


def _of_kind(
    p: Floats, se: Floats, t: Floats, df: Floats, n: Floats, level: float, kind: str
) -> tuple[Floats, Floats]:
    if kind == "mean":
        return p - t * se, p + t * se
    if kind in ("logit", "xlogit"):
        centre, half = np.log(p / (1 - p)), t * se / (p * (1 - p))
        return _expit(centre - half), _expit(centre + half)
    if kind == "asin":
        centre, half = np.arcsin(np.sqrt(p)), t * se / (2 * np.sqrt(p * (1 - p)))
        return np.sin(centre - half) ** 2, np.sin(centre + half) ** 2
    if kind == "likelihood":
        return _likelihood(p, se, t * np.sqrt(n / (n - 1)))
    if kind == "wilson":
        return _wilson(p, p * (1 - p) / se**2, t)
    return _beta(p, effective_n(p, se, df, n, level), level)


def _expit(x: Floats) -> Floats:
    return np.asarray(1 / (1 + np.exp(-x)))


def _beta(p: Floats, size: Floats, level: float) -> tuple[Floats, Floats]:
    tail = (1 - level) / 2
    lower = stats.beta.ppf(tail, size * p, size * (1 - p) + 1)
    upper = stats.beta.ppf(1 - tail, size * p + 1, size * (1 - p))
    return np.where(p <= 0, 0.0, lower), np.where(p >= 1, 1.0, upper)


def _wilson(p: Floats, size: Floats, t: Floats) -> tuple[Floats, Floats]:
    centre = (p + t**2 / (2 * size)) / (1 + t**2 / size)
    half = t / (1 + t**2 / size) * np.sqrt(p * (1 - p) / size + t**2 / (4 * size**2))
    return centre - half, centre + half


def _likelihood(p: Floats, se: Floats, t: Floats) -> tuple[Floats, Floats]:
    """Limits q where the scaled deviance 2 n_e [p log(p/q) + (1-p) log((1-p)/(1-q))] reaches t^2."""
    size = p * (1 - p) / se**2
    lower, upper = (_deviance_root(p, size, t**2, side) for side in (-1, 1))
    return lower, upper


def _deviance_root(p: Floats, size: Floats, target: Floats, side: int) -> Floats:
    """Bisection on the logit scale, to the last digit."""
    centre = np.log(p / (1 - p))
    near, far = centre, centre + side * 50.0
    for _ in range(200):
        middle = (near + far) / 2
        q = _expit(middle)
        deviance = 2 * size * (p * np.log(p / q) + (1 - p) * np.log((1 - p) / (1 - q)))
        inside = deviance < target
        near, far = np.where(inside, middle, near), np.where(inside, far, middle)
    return np.where(np.isfinite(size), _expit(near), np.nan)
