"""Medians and other quantiles with their intervals.

With F the weighted distribution function of the domain, the quantile is its inverse at p by one of the rules
of :mod:`.quantile_rules`. Limits, by kind of interval:

- ``mean``, ``beta``, ``xlogit``, ``asin``: a confidence interval of that kind for the share below the
  estimate, carried back by the same rule (Woodruff 1952, *JASA* 47:635)
- ``francisco-fuller``: the values that the test of the share below them does not reject (Francisco & Fuller
  1991, *Annals of Statistics* 19:454)
- ``score``: the same test as R's ``survey`` has it: its roots are sought to 1 / (100 sqrt(n)) and carried
  back through the unweighted share below them
- ``quantile``: the quantile under each set of replicate weights (replicates only)

The standard error is the length of the interval over twice the quantile of Student's t. Between quantiles of
several domains the covariance is that of the shares below them, each scaled to the standard error of its
quantile.

Refused: a limit where the interval of the share leaves 0..1: it is null, and the flag says so.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial

import numpy as np

from caudal.errors import CaudalError, problem
from caudal.estimate.survey.frame import Floats, Ints
from caudal.estimate.survey.intervals import proportion_limits, t_quantile
from caudal.estimate.survey.quantile_rules import weighted_quantile
from caudal.estimate.survey.replicates import Replicates, replicate_covariance, replicate_totals
from caudal.estimate.survey.roots import root_between
from caudal.estimate.survey.sample import Mask, Sample, covariance
from caudal.estimate.survey.statistics import QUANTILE_INTERVALS, QUANTILE_RULES, Quantile, ShareInterval
from caudal.estimate.survey.statistics import QuantileRule as Rule


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
    replicates: Replicates | None = None,
) -> QuantileEstimate:
    """The quantile of ``variable`` (a column of ``sample``) at ``p`` in ``domain``.

    With ``replicates`` the variance of the share, or of the quantile itself (``interval="quantile"``), is
    theirs.
    """
    _check(p, rule, interval, replicates)
    cell = _Cell.of(sample, variable, sample.everything() if domain is None else domain, replicates)
    if cell.n == 0:
        return QuantileEstimate(np.nan, np.nan, np.nan, np.nan, np.nan, 0, cell.missing_n)
    found = cell.quantile(p, rule)
    t = float(t_quantile(np.array([cell.df]), level)[0])
    if interval == "quantile":
        half = t * cell.replicated_se(found, p, rule)
        lower, upper = found - half, found + half
    elif interval in ("score", "francisco-fuller"):
        lower, upper = (_scored if interval == "score" else _inverted)(cell, p, rule, t)
    else:
        lower, upper = _woodruff(cell, found, rule, interval, level)
    return QuantileEstimate(found, (upper - lower) / (2 * t), lower, upper, cell.df, cell.n, cell.missing_n)


def _check(p: float, rule: str, interval: str, replicates: Replicates | None) -> None:
    faults = []
    if not 0 < p < 1:
        faults.append(problem("survey-quantile", found=f"p = {p}", reason="p lies between 0 and 1"))
    if rule not in QUANTILE_RULES:
        faults.append(problem("survey-quantile", found=rule, reason=", ".join(QUANTILE_RULES)))
    if interval not in QUANTILE_INTERVALS:
        faults.append(problem("survey-quantile", found=interval, reason=", ".join(QUANTILE_INTERVALS)))
    if interval == "quantile" and replicates is None:
        faults.append(problem("survey-quantile", found=interval, reason="it needs replicate weights"))
    if interval in ("score", "francisco-fuller") and replicates is not None:
        faults.append(problem("survey-quantile", found=interval, reason="it is not defined for replicates"))
    if faults:
        raise CaudalError(*faults)


@dataclass(frozen=True)
class _Cell:
    """The known values of a variable in a domain, and the error of a share of them."""

    sample: Sample
    y: Floats
    known: Mask
    missing_n: int
    df: float
    replicates: Replicates | None

    @classmethod
    def of(cls, sample: Sample, variable: str, inside: Mask, replicates: Replicates | None) -> _Cell:
        y = sample.columns[variable]
        known = inside & ~np.isnan(y) & (sample.weight != 0)
        df = sample.df(known) if replicates is None else replicates.df_in(sample, known)
        return cls(sample, y, known, int(np.sum(inside & np.isnan(y))), df, replicates)

    @property
    def n(self) -> int:
        return int(self.known.sum())

    @property
    def values(self) -> Floats:
        return np.asarray(self.y[self.known], dtype=np.float64)

    @property
    def weight(self) -> Floats:
        return self.sample.weight[self.known]

    def quantile(self, p: float, rule: Rule) -> float:
        return weighted_quantile(self.values, self.weight, p, rule)

    def influence(self, found: float) -> tuple[float, Floats]:
        """The share of values up to ``found``, and the influence of each row on it."""
        size = self.weight.sum()
        below = (self.y <= found).astype(np.float64)
        share = float((self.weight * below[self.known]).sum() / size)
        return share, np.where(self.known, self.sample.weight * (below - share) / size, 0.0)

    def share(self, found: float) -> tuple[float, float]:
        """The share of values up to ``found``, with its standard error."""
        share, influence = self.influence(found)
        if self.replicates is None:
            variance = covariance(self.sample, influence[:, None], self.known)[0, 0]
            return share, float(np.sqrt(max(variance, 0.0)))
        member = np.stack([self.known & (self.y <= found), self.known], axis=1).astype(np.float64)
        below, size = replicate_totals(self.sample, self.replicates, member).T
        with np.errstate(invalid="ignore", divide="ignore"):
            spread = below / size
        theta = np.array([share])
        variance = replicate_covariance(self.replicates, theta, spread[:, None], np.isfinite(spread))
        return share, float(np.sqrt(variance[0, 0]))

    def replicated_se(self, found: float, p: float, rule: Rule) -> float:
        assert self.replicates is not None
        spread = quantile_replicates(self.sample, self.replicates, self.y, self.known, p, rule)
        theta = np.array([found])
        variance = replicate_covariance(self.replicates, theta, spread[:, None], np.isfinite(spread))
        return float(np.sqrt(variance[0, 0]))


def quantile_replicates(
    sample: Sample, replicates: Replicates, y: Floats, known: Mask, p: float, rule: Rule
) -> Floats:
    """The quantile under each set of replicate weights."""
    found = np.full(replicates.count, np.nan)
    for start in range(0, replicates.count, 64):
        weights = replicates.row_weights(sample, slice(start, start + 64))[known]
        for k, weight in enumerate(weights.T):
            found[start + k] = weighted_quantile(y[known], weight, p, rule)
    return found


def _woodruff(cell: _Cell, found: float, rule: Rule, kind: str, level: float) -> tuple[float, float]:
    share, se = cell.share(found)
    one = [np.array([v], dtype=np.float64) for v in (share, se, cell.df, float(cell.n))]
    limits = proportion_limits(one[0], one[1], one[2], one[3], level, kind, edges=False)
    low, high = float(limits.lower[0]), float(limits.upper[0])
    return (
        cell.quantile(low, rule) if low >= 0 else np.nan,
        cell.quantile(high, rule) if high <= 1 else np.nan,
    )


def _inverted(cell: _Cell, p: float, rule: Rule, t: float) -> tuple[float, float]:
    """The smallest and largest values x for which |F(x) - p| <= t se(F(x))."""
    distinct = np.unique(cell.values)
    kept = [x for x in distinct.tolist() if _passes(cell.share(x), p, t)]
    if not kept or np.isnan(t):
        return np.nan, np.nan
    return kept[0], kept[-1]


def _passes(share: tuple[float, float], p: float, t: float) -> bool:
    return abs(share[0] - p) <= t * share[1]


def _scored(cell: _Cell, p: float, rule: Rule, t: float) -> tuple[float, float]:
    x, n = cell.values, cell.n
    spread = float(np.subtract(*np.quantile(x, [0.75, 0.25])))
    low, high = float(x.min()) + spread / 100, float(x.max()) - spread / 100

    def score(limit: float, theta: float) -> float:
        share, se = cell.share(theta)
        with np.errstate(invalid="ignore", divide="ignore"):
            return float(np.divide(p - share, se) - limit)

    found = []
    for limit in (t, -t):
        root = root_between(partial(score, limit), low, high, 1 / (100 * float(np.sqrt(n))))
        found.append(cell.quantile(float(np.mean(x <= root)), rule) if np.isfinite(root) else np.nan)
    return found[0], found[1]


def quantile_influence(
    sample: Sample, quantile: Quantile, domain: Mask, level: float = 0.95
) -> tuple[QuantileEstimate, Floats]:
    """The quantile in a domain, and the influence of each row on it: that of the share below, scaled to the
    standard error of the quantile."""
    found = estimate_quantile(
        sample,
        quantile.variable,
        quantile.p,
        domain,
        rule=quantile.rule,
        interval=quantile.interval,
        level=level,
    )
    cell = _Cell.of(sample, quantile.variable, domain, None)
    if cell.n == 0:
        return found, np.full(sample.rows_n, np.nan)
    _, influence = cell.influence(found.value)
    se = cell.share(found.value)[1]
    return found, -influence * (found.se / se if se > 0 else np.nan)


def quantile_cells(
    sample: Sample,
    quantile: Quantile,
    rows: Mapping[str, Ints],
    cells: Mapping[str, Ints],
    labels: Mapping[str, Sequence[str]],
    inside: Mask,
    level: float,
    replicates: Replicates | None = None,
) -> list[QuantileEstimate]:
    """The quantile in every cell: ``rows`` and ``cells`` hold positions in ``labels`` of each breakdown,
    the one after the last standing for the total; ``inside`` is the domain."""
    return [
        estimate_quantile(
            sample, quantile.variable, quantile.p, domain, rule=quantile.rule, interval=quantile.interval,
            level=level, replicates=replicates,
        )
        for domain in cell_domains(rows, cells, labels, inside)
    ]  # fmt: skip


def cell_domains(
    rows: Mapping[str, Ints], cells: Mapping[str, Ints], labels: Mapping[str, Sequence[str]], inside: Mask
) -> list[Mask]:
    """The rows of each cell; the code after the last of ``labels`` stands for the total of a breakdown."""
    found = []
    for cell in range(next(iter(cells.values())).size if cells else 1):
        domain = inside.copy()
        for dim, codes in cells.items():
            if codes[cell] != len(labels[dim]):
                domain &= rows[dim] == codes[cell]
        found.append(domain)
    return found


def quantile_gap(
    sample: Sample,
    quantile: Quantile,
    first: Mask,
    second: Mask,
    kind: str,
    level: float,
    replicates: Replicates | None = None,
) -> QuantileEstimate:
    """The difference (or ratio) of a quantile between two domains, with their covariance.

    For a ratio Q the slopes are 1 / b and -Q / b.
    """
    a, b = (_part(sample, quantile, domain, level, replicates) for domain in (first, second))
    either = (first | second) & ~np.isnan(sample.columns[quantile.variable]) & (sample.weight != 0)
    df = sample.df(either) if replicates is None else replicates.df_in(sample, either)
    x, y = a[0].value, b[0].value
    value = x - y if kind == "difference" else (x / y if y else np.nan)
    slopes = np.array([1.0, -1.0]) if kind == "difference" else np.array([1.0, -value]) / (y or np.nan)
    both = np.stack([a[1], b[1]], axis=1)
    if not np.all(np.isfinite(both)):
        spread = np.full((2, 2), np.nan)
    elif replicates is None:
        spread = covariance(sample, both, either)
    else:
        theta = np.array([x, y])
        spread = replicate_covariance(replicates, theta, both, np.ones(len(both), dtype=bool))
    se = float(np.sqrt(max(slopes @ spread @ slopes, 0.0))) if np.all(np.isfinite(spread)) else np.nan
    half = float(t_quantile(np.array([df]), level)[0]) * se
    n, missing = int(either.sum()), a[0].missing_n + b[0].missing_n
    return replace(a[0], value=value, se=se, lower=value - half, upper=value + half, df=df, sample_n=n,
                   missing_n=missing)  # fmt: skip


def _part(
    sample: Sample, quantile: Quantile, domain: Mask, level: float, replicates: Replicates | None
) -> tuple[QuantileEstimate, Floats]:
    """A quantile with the influences of rows on it, or its replicates."""
    if replicates is None:
        return quantile_influence(sample, quantile, domain, level)
    cell = _Cell.of(sample, quantile.variable, domain, replicates)
    value = cell.quantile(quantile.p, quantile.rule) if cell.n else np.nan
    found = QuantileEstimate(value, np.nan, np.nan, np.nan, replicates.df, cell.n, cell.missing_n)
    return found, quantile_replicates(sample, replicates, cell.y, cell.known, quantile.p, quantile.rule)
