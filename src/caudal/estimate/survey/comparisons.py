"""Comparisons: differences, ratios and tests between any domains, with their covariance.

Estimates on one sample keep the influence of every row, so that any smooth function of them has its error:
for g(theta), V = J V(theta) J' with J exact derivatives (complex steps; Squire & Trapp 1998). Estimates of
independent surveys are joined with no covariance. Ranks carry the sets of ranks that pairwise differences
allow at a joint level (Klein, Wright & Wieczorek 2020, *JRSS A* 183:589). Tests of two-way tables are in
:mod:`.association`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import stats

from caudal.errors import CaudalError, problem
from caudal.estimate.survey.frame import Floats
from caudal.estimate.survey.intervals import Limits, t_limits
from caudal.estimate.survey.quantile_rules import weighted_quantile
from caudal.estimate.survey.quantiles import quantile_influence, quantile_replicates
from caudal.estimate.survey.replicates import Replicates, estimate_replicated, replicate_covariance
from caudal.estimate.survey.sample import Mask, Sample, covariance
from caudal.estimate.survey.statistics import Quantile, Statistic, expressions_of, parts


@dataclass(frozen=True)
class Estimates:
    """Estimates with their joint covariance and degrees of freedom."""

    names: tuple[str, ...]
    value: Floats
    covariance: Floats
    df: float
    missing_n: tuple[int, ...]

    @property
    def se(self) -> Floats:
        """Standard errors."""
        return np.sqrt(np.maximum(np.diag(self.covariance), 0.0))

    def limits(self, level: float = 0.95) -> Limits:
        """Limits by Student's t."""
        return t_limits(self.value, self.se, np.full(self.value.shape, self.df), level)

    def tested(self, value: float = 0.0) -> tuple[Floats, Floats]:
        """Student's t of the difference from ``value``, and its two-sided probability."""
        with np.errstate(invalid="ignore", divide="ignore"):
            t = (self.value - value) / self.se
        return t, np.asarray(2 * stats.t.sf(np.abs(t), self.df))


def estimate_domains(
    sample: Sample,
    statistic: Statistic,
    domains: Mapping[str, Mask],
    replicates: Replicates | None = None,
) -> Estimates:
    """A statistic in each of several domains (they may overlap), with the covariance between them.

    The statistic's expressions must be columns of ``sample``. With ``replicates`` the covariance is theirs.
    """
    if replicates is not None:
        return _replicated(sample, statistic, domains, replicates)
    if isinstance(statistic, Quantile):
        return _quantiles(sample, statistic, domains)
    linear = parts(statistic)
    influences, values, missing = [], [], []
    every = np.zeros(sample.rows_n, dtype=bool)
    for domain in domains.values():
        y, x, known = _variables(sample, linear.numerator, linear.denominator, domain)
        w = np.where(known, sample.weight, 0.0)
        total = float(w @ y)
        if linear.is_ratio:
            size = float(w @ x)
            value = total / size if size else np.nan
            influences.append(w * (y - value * x) / size if size else np.full(w.shape, np.nan))
        else:
            value = total
            influences.append(w * y)
        values.append(value)
        missing.append(int(domain.sum() - known.sum()))
        every |= known
    found = covariance(sample, np.stack(influences, axis=1), every)
    return Estimates(tuple(domains), np.array(values), found, sample.df(every), tuple(missing))


def _quantiles(sample: Sample, quantile: Quantile, domains: Mapping[str, Mask]) -> Estimates:
    found = [quantile_influence(sample, quantile, domain) for domain in domains.values()]
    every = np.any(list(domains.values()), axis=0) & ~np.isnan(sample.columns[quantile.variable])
    spread = covariance(sample, np.stack([u for _, u in found], axis=1), every)
    value = np.array([estimate.value for estimate, _ in found])
    missing = tuple(estimate.missing_n for estimate, _ in found)
    return Estimates(tuple(domains), value, spread, sample.df(every), missing)


def _replicated(
    sample: Sample, statistic: Statistic, domains: Mapping[str, Mask], replicates: Replicates
) -> Estimates:
    missing = tuple(
        int(sum(np.any([d & np.isnan(sample.columns[e]) for e in expressions_of(statistic)], axis=0)))
        if expressions_of(statistic)
        else 0
        for d in domains.values()
    )
    if not isinstance(statistic, Quantile):
        linear = estimate_replicated(sample, replicates, statistic, domains)
        return Estimates(linear.names, linear.value, linear.covariance, linear.df, missing)
    y = sample.columns[statistic.variable]
    spread, value = [], []
    for domain in domains.values():
        known = domain & ~np.isnan(y) & (sample.weight != 0)
        value.append(weighted_quantile(y[known], sample.weight[known], statistic.p, statistic.rule))
        spread.append(quantile_replicates(sample, replicates, y, known, statistic.p, statistic.rule))
    theta, replicated = np.array(value), np.stack(spread, axis=1)
    defined = np.asarray(np.isfinite(replicated).all(axis=1), dtype=np.bool_)
    found = replicate_covariance(replicates, theta, replicated, defined)
    df = replicates.df_in(sample, np.any(list(domains.values()), axis=0))
    return Estimates(tuple(domains), theta, found, df, missing)


def _variables(
    sample: Sample, numerator: str | None, denominator: str | None, domain: Mask
) -> tuple[Floats, Floats, Mask]:
    known = domain.copy()
    columns = []
    for name in (numerator, denominator):
        column = np.ones(sample.rows_n) if name is None else sample.columns[name]
        known &= ~np.isnan(column)
        columns.append(np.where(np.isnan(column), 0.0, column))
    return columns[0], columns[1], known


def transformed(
    estimates: Estimates, function: Callable[[npt.NDArray[np.complex128]], object], name: str
) -> Estimates:
    """A smooth function of the estimates (numpy arithmetic on their array), with its error.

    >>> both = Estimates(("a", "b"), np.array([3.0, 2.0]), np.eye(2) * 0.01, 30.0, (0, 0))
    >>> ratio = transformed(both, lambda t: t[0] / t[1], "a / b")
    >>> ratio.value.tolist(), ratio.se.round(4).tolist()
    ([1.5], [0.0901])
    """
    theta = estimates.value.astype(np.complex128)
    value = np.atleast_1d(np.asarray(function(theta)))
    step = 1e-30
    slopes = []
    for k in range(theta.size):
        moved = theta.copy()
        moved[k] += 1j * step
        slopes.append(np.atleast_1d(np.asarray(function(moved))).imag / step)
    jacobian = np.stack(slopes, axis=1)
    names = (name,) if value.size == 1 else tuple(f"{name}[{k}]" for k in range(value.size))
    spread = jacobian @ estimates.covariance @ jacobian.T
    return Estimates(names, value.real, spread, estimates.df, (sum(estimates.missing_n),) * value.size)


def contrast(estimates: Estimates, coefficients: Mapping[str, float], name: str) -> Estimates:
    """A linear combination of estimates by name, for instance ``{"FB": 1, "NB": -1}``."""
    unknown = [k for k in coefficients if k not in estimates.names]
    if unknown:
        raise CaudalError(
            *(
                problem(
                    "survey-gap", found=name, reason=f"no estimate is called {u}", allowed=estimates.names
                )
                for u in unknown
            )
        )
    weights = np.array([coefficients.get(k, 0.0) for k in estimates.names])
    return transformed(estimates, lambda theta: weights @ theta, name)


def independent(*surveys: Estimates) -> Estimates:
    """Estimates of independent surveys side by side; df by Satterthwaite's rule on the sum of variances."""
    names = tuple(n for s in surveys for n in s.names)
    size = len(names)
    spread = np.zeros((size, size))
    start = 0
    for survey in surveys:
        stop = start + len(survey.names)
        spread[start:stop, start:stop] = survey.covariance
        start = stop
    variances = [float(np.trace(s.covariance)) for s in surveys]
    shares = sum(v**2 / s.df for v, s in zip(variances, surveys, strict=True) if s.df > 0)
    df = sum(variances) ** 2 / shares if shares else float("inf")
    missing = tuple(m for s in surveys for m in s.missing_n)
    return Estimates(names, np.concatenate([s.value for s in surveys]), spread, df, missing)


@dataclass(frozen=True)
class Ranks:
    """The rank of each estimate (1 the largest), and the smallest and largest that the data allow."""

    names: tuple[str, ...]
    rank: tuple[int, ...]
    lowest: tuple[int, ...]
    highest: tuple[int, ...]


def ranks(estimates: Estimates, level: float = 0.95) -> Ranks:
    """Ranks with their uncertainty, jointly at ``level`` (Bonferroni over all pairs).

    >>> three = Estimates(("a", "b", "c"), np.array([9.0, 5.0, 5.1]), np.eye(3) * 0.1, 100.0, (0, 0, 0))
    >>> found = ranks(three)
    >>> found.rank, found.lowest, found.highest
    ((1, 3, 2), (1, 2, 2), (1, 3, 3))
    """
    value, spread, size = estimates.value, estimates.covariance, estimates.value.size
    variance = np.diag(spread)[:, None] + np.diag(spread)[None, :] - 2 * spread
    pairs = max(size * (size - 1) / 2, 1)
    t = stats.t.ppf(1 - (1 - level) / (2 * pairs), estimates.df)
    difference = value[:, None] - value[None, :]
    larger = difference < -t * np.sqrt(np.maximum(variance, 0.0))
    smaller = difference > t * np.sqrt(np.maximum(variance, 0.0))
    rank = size + 1 - stats.rankdata(value, method="max")
    lowest, highest = 1 + larger.sum(axis=1), size - smaller.sum(axis=1)
    return Ranks(
        estimates.names,
        tuple(int(r) for r in rank), tuple(int(r) for r in lowest), tuple(int(r) for r in highest),
    )  # fmt: skip


def named_domains(sample: Sample, column: str, categories: Sequence[str] | None = None) -> dict[str, Mask]:
    """A domain for each category of a text column."""
    values = sample.columns[column]
    found = categories if categories is not None else sorted({str(v) for v in values if v is not None})
    return {str(c): values == c for c in found}
