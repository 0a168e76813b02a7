"""Replicate weights: given by the producer, or made from the design.

With theta_r the estimate under the r-th set of weights, and centre c either the mean of the theta_r or the
estimate itself (``mse``)::

    V = scale * sum_r rscales_r (theta_r - c)^2

Made here (Wolter 2007, *Introduction to Variance Estimation*, 2nd ed.; Rust & Rao 1996):

- ``jackknife_1``, ``jackknife_n``: one PSU out at a time, without and with strata
- ``balanced``: balanced repeated replication with Hadamard's matrices, and Fay's method (``rho`` > 0)
- ``bootstrap``: Rao & Wu (1988): n_h - 1 PSUs drawn with replacement, rescaled
- ``successive``: successive differences of sorted PSUs (Fay & Train 1995)

Refused: balanced replication where a stratum does not hold exactly two PSUs; scales that are not positive.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from scipy import linalg

from caudal.errors import CaudalError, nearest, problem
from caudal.estimate.survey.frame import Floats, Ints
from caudal.estimate.survey.sample import Mask, Sample
from caudal.estimate.survey.statistics import Linear, parts


@dataclass(frozen=True)
class Replicates:
    """Factors by PSU (``is_by_psu``; weights are the sample's times the factor of the row's PSU) or whole
    weights by row, one column a replicate."""

    weights: Floats
    scale: float
    rscales: Floats
    is_by_psu: bool
    df: float
    mse: bool = False
    method: str = "given"
    is_df_given: bool = False

    def __post_init__(self) -> None:
        count = self.weights.shape[1]
        if self.rscales.shape != (count,) or self.scale <= 0 or np.any(self.rscales < 0) or count < 2:
            reason = f"{count} replicates, {self.rscales.size} scales, scale {self.scale}"
            raise CaudalError(problem("survey-replicates", reason=reason, allowed="2 or more replicates"))

    @property
    def count(self) -> int:
        """Number of replicates."""
        return int(self.weights.shape[1])

    def df_in(self, sample: Sample, domain: Mask) -> float:
        """Degrees of freedom in a domain: the rank of its weights less one, unless they were given."""
        if self.is_df_given:
            return self.df
        rows = np.flatnonzero(domain & (sample.weight != 0))
        if rows.size == 0:
            return 0.0
        if self.is_by_psu:
            return _rank(self.weights[np.unique(sample.stages[0].unit[rows])]) - 1
        return _rank(self.weights[_spread_out(rows)]) - 1

    def row_weights(self, sample: Sample, columns: slice) -> Floats:
        """Weights (rows, replicates) of some replicates."""
        if self.is_by_psu:
            return sample.weight[:, None] * self.weights[:, columns][sample.stages[0].unit]
        return self.weights[:, columns]


def given_replicates(
    weights: Floats,
    *,
    scale: float,
    rscales: Floats | None = None,
    mse: bool = False,
    df: float | None = None,
) -> Replicates:
    """Replicate weights published by a producer, one column a replicate, whole weights by row.

    ``scale`` as the producer says: 1 / R for balanced replication, 1 / (R (1 - rho)^2) for Fay's method,
    4 / R for successive differences, 1 / (R - 1) for a bootstrap (see :func:`producer_scale`). ``df``: by
    default the rank of the weights less one, in each domain.
    """
    scales = np.ones(weights.shape[1]) if rscales is None else np.asarray(rscales, dtype=np.float64)
    whole = np.asarray(weights, dtype=np.float64)
    found = _rank(whole[_spread_out(np.arange(len(whole)))]) - 1 if df is None else df
    return Replicates(whole, scale, scales, False, found, mse, is_df_given=df is not None)


#: The usual scale of replicate weights by how they were made, from their number R and Fay's rho.
_SCALES: Mapping[str, Callable[[int, float], float]] = {
    "BRR": lambda r, rho: 1 / r,
    "Fay": lambda r, rho: 1 / (r * (1 - rho) ** 2),
    "JK1": lambda r, rho: (r - 1) / r,
    "JK2": lambda r, rho: 1.0,
    "bootstrap": lambda r, rho: 1 / (r - 1),
    "SDR": lambda r, rho: 4 / r,
}
REPLICATE_KINDS = tuple(_SCALES)


def producer_scale(kind: str, count: int, rho: float = 0.0) -> float:
    """The scale of ``count`` replicate weights of a kind: BRR, Fay (with ``rho``), JK1, JK2, bootstrap, SDR.

    >>> producer_scale("SDR", 80)
    0.05
    """
    if kind not in _SCALES:
        raise CaudalError(problem("unknown-name", kind="replicates", found=kind, allowed=REPLICATE_KINDS,
                                  nearest=nearest(kind, REPLICATE_KINDS) or REPLICATE_KINDS[0]))  # fmt: skip
    return _SCALES[kind](count, rho)


def jackknife_1(sample: Sample, *, mse: bool = False) -> Replicates:
    """Delete-one-PSU jackknife without strata: strata are refused."""
    first = sample.stages[0]
    if first.sampled.size > 1:
        reason = f"{first.sampled.size} strata"
        raise CaudalError(problem("survey-replicates", reason=reason, allowed="jackknife_n"))
    n = first.group.size
    weights = np.full((n, n), n / (n - 1))
    np.fill_diagonal(weights, 0.0)
    unsampled = float(first.unsampled[0])
    return Replicates(weights, unsampled * (n - 1) / n, np.ones(n), True, float(n - 1), mse, "JK1")


def jackknife_n(sample: Sample, *, mse: bool = False) -> Replicates:
    """Delete-one-PSU jackknife within strata.

    A lonely PSU makes no replicate (``remove``, ``certainty``); with ``average`` the variance is scaled by
    PSUs over replicates; with ``adjust`` its stratum is left out of a replicate of its own, the H - 1 others
    weighing H / (H - 1). ``fail`` refuses it.
    """
    first = sample.stages[0]
    if sample.lonely_psu == "fail":
        _refuse_lonely(sample, "JKn")
    strata, n_h = first.sampled.size, first.sampled[first.group]
    lonely = first.lonely[first.group]
    makes = (n_h > 1) & (first.unsampled[first.group] >= 1e-7) | (lonely & (sample.lonely_psu == "adjust"))
    dropped = np.flatnonzero(makes)
    weights = np.ones((first.group.size, dropped.size))
    for column, unit in enumerate(dropped):
        if lonely[unit]:
            weights[:, column] = strata / (strata - 1) if strata > 1 else 0.0
        else:
            same = first.group == first.group[unit]
            weights[same, column] = n_h[unit] / (n_h[unit] - 1)
        weights[unit, column] = 0.0
    left = np.where(lonely, strata, n_h)[dropped]
    unsampled = np.where(lonely, 1.0, first.unsampled[first.group])[dropped]
    average = sample.lonely_psu == "average" and dropped.size < first.group.size
    scale = first.group.size / dropped.size if average and dropped.size else 1.0
    df = _rank(weights) - 1
    return Replicates(weights, scale, (left - 1) / left * unsampled, True, df, mse, "JKn")


def balanced(sample: Sample, *, rho: float = 0.0, mse: bool = False) -> Replicates:
    """Balanced repeated replication; with ``rho`` > 0 Fay's method: factors 2 - rho and rho."""
    first = sample.stages[0]
    if np.any(first.sampled != 2):
        reason = f"{int(np.sum(first.sampled != 2))} strata do not hold exactly two PSUs"
        raise CaudalError(problem("survey-replicates", reason=reason, allowed="jackknife_n, bootstrap"))
    strata = first.sampled.size
    size = 1 << int(np.ceil(np.log2(strata + 1)))
    matrix = linalg.hadamard(size)[1 : strata + 1].astype(np.float64)
    order = np.argsort(first.group, kind="stable")
    sign = np.empty(order.size)
    sign[order] = np.tile([1.0, -1.0], strata)
    weights = 1 + (1 - rho) * sign[:, None] * matrix[first.group]
    method = "Fay" if rho else "BRR"
    return Replicates(weights, 1 / (size * (1 - rho) ** 2), np.ones(size), True, float(strata), mse, method)


def bootstrap(sample: Sample, replicates: int = 500, *, seed: int, mse: bool = False) -> Replicates:
    """Rao-Wu rescaled bootstrap: n_h - 1 PSUs of each stratum drawn with replacement."""
    _refuse_lonely(sample, "bootstrap")
    first = sample.stages[0]
    draw = np.random.default_rng(seed)
    weights = np.ones((first.group.size, replicates))
    for stratum in range(first.sampled.size):
        units = np.flatnonzero(first.group == stratum)
        n = units.size
        if n > 1:
            drawn = draw.multinomial(n - 1, np.full(n, 1 / n), size=replicates).T
            weights[units] = drawn * (n / (n - 1))
    df = float(min(first.group.size - first.sampled.size, replicates - 1))
    return Replicates(weights, 1 / (replicates - 1), np.ones(replicates), True, df, mse, "bootstrap")


def successive(sample: Sample, replicates: int | None = None, *, mse: bool = True) -> Replicates:
    """Successive difference replication, PSUs in the order of their codes."""
    first = sample.stages[0]
    n = first.group.size
    size = 1 << int(np.ceil(np.log2(replicates or n + 2)))
    matrix = linalg.hadamard(size).astype(np.float64)
    rows = 1 + np.arange(n + 1) % (size - 1)
    weights = 1 + 2**-1.5 * (matrix[rows[:-1]] - matrix[rows[1:]])
    return Replicates(weights, 4 / size, np.ones(size), True, float(min(n - 1, size - 1)), mse, "SDR")


def _spread_out(rows: Ints) -> Ints:
    """At most 5,000 of the rows, evenly spaced: enough for the rank of their weights."""
    return rows if rows.size <= 5000 else rows[np.linspace(0, rows.size - 1, 5000).astype(np.int64)]


def _rank(weights: Floats) -> float:
    """The rank of weights (rows, replicates)."""
    wide = weights if weights.shape[0] <= weights.shape[1] else weights.T
    values = linalg.eigvalsh(wide @ wide.T)
    return float(np.sum(values > values.max() * 1e-10))


def _refuse_lonely(sample: Sample, method: str) -> None:
    lonely = int(sample.stages[0].lonely.sum())
    if lonely:
        reason = f"{lonely} strata hold a single PSU"
        raise CaudalError(
            problem("survey-replicates", reason=reason, allowed=f"{method} after joining strata")
        )


@dataclass(frozen=True)
class ReplicatedEstimates:
    """Estimates by domain with their replicates (replicates, domains)."""

    names: tuple[str, ...]
    value: Floats
    replicates: Floats
    covariance: Floats
    df: float
    undefined_n: int

    @property
    def se(self) -> Floats:
        """Standard errors."""
        return np.sqrt(np.maximum(np.diag(self.covariance), 0.0))


def estimate_replicated(
    sample: Sample, replicates: Replicates, statistic: Linear, domains: Mapping[str, Mask], block: int = 64
) -> ReplicatedEstimates:
    """A statistic in several domains with the covariance from replicate weights.

    Weights are made ``block`` replicates at a time, so that memory is bounded. A replicate in which an
    estimate is undefined (no member left) is left out of all and counted.
    """
    linear = parts(statistic)
    columns = []
    for domain in domains.values():
        known = domain.copy()
        for name in linear.expressions:
            known &= ~np.isnan(sample.columns[name])
        y = np.where(known, _column(sample, linear.numerator), 0.0)
        x = np.where(known, _column(sample, linear.denominator), 0.0)
        columns.append((np.nan_to_num(y), np.nan_to_num(x)))
    both = np.concatenate([np.stack([c[k] for c in columns]) for k in (0, 1)])
    totals = [both @ sample.weight[:, None]]
    totals += [
        both @ replicates.row_weights(sample, slice(k, min(k + block, replicates.count)))
        for k in range(0, replicates.count, block)
    ]
    sums = np.concatenate(totals, axis=1)
    size = len(columns)
    with np.errstate(invalid="ignore", divide="ignore"):
        values = sums[:size] / sums[size:] if linear.is_ratio else sums[:size]
    theta, spread = values[:, 0], values[:, 1:].T
    defined = np.asarray(np.isfinite(spread).all(axis=1), dtype=np.bool_)
    found = replicate_covariance(replicates, theta, spread, defined)
    undefined = int(np.sum(~defined))
    df = replicates.df_in(sample, np.any(list(domains.values()), axis=0))
    return ReplicatedEstimates(tuple(domains), theta, spread, found, df, undefined)


def replicate_totals(sample: Sample, replicates: Replicates, columns: Floats, block: int = 64) -> Floats:
    """The totals (replicates, columns) of columns of the rows under each set of weights."""
    parts = [
        columns.T @ replicates.row_weights(sample, slice(k, k + block))
        for k in range(0, replicates.count, block)
    ]
    return np.concatenate(parts, axis=1).T


def replicate_covariance(replicates: Replicates, theta: Floats, spread: Floats, defined: Mask) -> Floats:
    """scale * sum of rscales (theta_r - c)(theta_r - c)' over the defined replicates."""
    used = defined & (replicates.rscales > 0)
    centre = theta if replicates.mse else spread[used].mean(axis=0)
    deviation = spread[used] - centre
    found: Floats = replicates.scale * (deviation * replicates.rscales[used][:, None]).T @ deviation
    return found


def _column(sample: Sample, name: str | None) -> Floats:
    return np.ones(sample.rows_n) if name is None else np.asarray(sample.columns[name], dtype=np.float64)
