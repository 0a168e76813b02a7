"""Comparisons: differences, ratios and tests between any domains, with their covariance.

Estimates on one sample keep the influence of every row, so that any smooth function of them has its error:
for g(theta), V = J V(theta) J' with J exact derivatives (complex steps; Squire & Trapp 1998). Estimates of
independent surveys are joined with no covariance. Two-way tables are tested with the second-order correction
of Rao & Scott (1984, *Annals of Statistics* 12:46); ranks carry the sets of ranks that pairwise differences
allow at a joint level (Klein, Wright & Wieczorek 2020, *JRSS A* 183:589).
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
from caudal.estimate.survey.sample import Mask, Sample, covariance
from caudal.estimate.survey.statistics import Linear, parts


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


def estimate_domains(sample: Sample, statistic: Linear, domains: Mapping[str, Mask]) -> Estimates:
    """A statistic in each of several domains (they may overlap), with the covariance between them.

    The statistic's expressions must be columns of ``sample``.
    """
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
class TableTest:
    """A test of independence in a two-way table."""

    statistic: float
    numerator_df: float
    denominator_df: float
    p_value: float
    method: str
    missing_n: int


def rao_scott(
    sample: Sample, row: str, column: str, domain: Mask | None = None, kind: str = "F"
) -> TableTest:
    """Test whether two categorical columns are independent.

    ``kind``: ``F`` the second-order corrected statistic on an F distribution, ``Chisq`` the first-order one.
    """
    inside = sample.everything() if domain is None else domain
    first, second = (_categories(sample.columns[c]) for c in (row, column))
    known = inside & (first >= 0) & (second >= 0) & (sample.weight != 0)
    rows_n, columns_n = int(first.max()) + 1, int(second.max()) + 1
    cell = np.where(known, first * columns_n + second, -1)
    n = int(known.sum())
    member = (cell[:, None] == np.arange(rows_n * columns_n)).astype(np.float64)
    w = np.where(known, sample.weight, 0.0)
    share = (w @ member) / w.sum()
    influence = (w / w.sum())[:, None] * (member - share)
    spread = covariance(sample, influence, known)
    delta = _generalised_effects(share, spread, rows_n, columns_n, n)
    table = share.reshape(rows_n, columns_n)
    expected = np.outer(table.sum(axis=1), table.sum(axis=0))
    pearson = float(n * ((table - expected) ** 2 / expected).sum())
    trace = float(np.trace(delta))
    missing = int(inside.sum() - n)
    if kind == "Chisq":
        size = delta.shape[0]
        p = float(stats.chi2.sf(pearson / (trace / size), size))
        return TableTest(pearson, size, float("inf"), p, "Rao-Scott, first order", missing)
    d0 = trace**2 / float(np.trace(delta @ delta))
    d1 = d0 * sample.df(known)
    statistic = pearson / trace
    p = float(stats.f.sf(statistic, d0, d1))
    return TableTest(statistic, d0, d1, p, "Rao-Scott, second order", missing)


def _categories(column: npt.NDArray[np.generic]) -> npt.NDArray[np.int64]:
    is_known = np.array([v is not None and v == v for v in column])
    codes = np.full(column.shape, -1, dtype=np.int64)
    codes[is_known] = np.unique(column[is_known], return_inverse=True)[1]
    return codes


def _generalised_effects(share: Floats, spread: Floats, rows_n: int, columns_n: int, n: int) -> Floats:
    """The matrix whose eigenvalues are the generalised design effects of the interaction contrasts."""
    r, c = np.unravel_index(np.arange(rows_n * columns_n), (rows_n, columns_n))
    main = np.column_stack(
        [np.ones(r.size), *(r == k for k in range(1, rows_n)), *(c == k for k in range(1, columns_n))]
    )
    crossed = np.column_stack([(r == i) & (c == j) for i in range(1, rows_n) for j in range(1, columns_n)])
    residual = crossed - main @ np.linalg.lstsq(main, crossed.astype(np.float64), rcond=None)[0]
    inverse = np.where(share > 0, 1.0 / np.where(share > 0, share, 1.0), 0.0)
    simple = residual.T @ (inverse[:, None] / n * residual)
    actual = (residual * inverse[:, None]).T @ spread @ (residual * inverse[:, None])
    return np.linalg.solve(simple, actual)


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
