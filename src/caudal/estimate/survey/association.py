"""Tests of association in two-way tables of a complex sample.

With p the shares of the cells, V their covariance in the design, X2 Pearson's statistic of the table scaled
to n rows, and D the generalised design effects (the eigenvalues of the interaction contrasts' V against that
of a simple random sample):

- ``F``: X2 / tr D on an F distribution with tr(D)^2 / tr(D^2) and that times nu degrees of freedom, the
  second-order correction of Rao & Scott (1984, *Annals of Statistics* 12:46); nu = PSUs less strata
- ``Chisq``: X2 over the mean of D on a chi-squared distribution, the first-order correction
- ``lincom``: X2 against the distribution of the sum of D_i chi2_1 over chi2 / ddf; ``saddlepoint``: its
  approximation (Kuonen 1999, *Biometrika* 86:929)
- ``Wald``: the Wald statistic of the totals' departures from independence (Koch, Freeman & Freeman 1975);
  ``adjWald``: with nu - k + 1 degrees of freedom

The result is R's ``svychisq`` on the rows of positive weight in the domain. Refused: a table with fewer than
two rows or two columns, and one whose covariance is singular where it must be inverted.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, get_args

import numpy as np
import numpy.typing as npt
from scipy import stats

from caudal.errors import CaudalError, nearest, problem
from caudal.estimate.survey.frame import Floats, Ints
from caudal.estimate.survey.replicates import Replicates, replicate_covariance, replicate_totals
from caudal.estimate.survey.roots import root_between
from caudal.estimate.survey.sample import Mask, Sample, covariance

TestKind = Literal["F", "Chisq", "Wald", "adjWald", "lincom", "saddlepoint"]
TEST_KINDS: tuple[str, ...] = get_args(TestKind)
#: At most so many terms of the mixture: enough for design effects a thousand times apart.
_TERMS = 20_000
_METHODS = {
    "F": "Rao-Scott, second order",
    "Chisq": "Rao-Scott, first order",
    "lincom": "Rao-Scott, distribution of the sum",
    "saddlepoint": "Rao-Scott, saddlepoint approximation",
    "Wald": "Wald",
    "adjWald": "Wald, adjusted",
}


@dataclass(frozen=True)
class TableTest:
    """A test of independence in a two-way table; degrees of freedom are NaN where the kind has none."""

    statistic: float
    numerator_df: float
    denominator_df: float
    p_value: float
    method: str
    missing_n: int


def rao_scott(
    sample: Sample,
    row: str,
    column: str,
    domain: Mask | None = None,
    kind: TestKind = "F",
    replicates: Replicates | None = None,
) -> TableTest:
    """Test whether two categorical columns of ``sample`` are independent in ``domain``."""
    if kind not in TEST_KINDS:
        raise CaudalError(
            problem("unknown-name", kind="test", found=kind, allowed=TEST_KINDS,
                    nearest=nearest(kind, TEST_KINDS) or "F")
        )  # fmt: skip
    table = _Table.of(sample, row, column, domain, replicates)
    if kind in ("Wald", "adjWald"):
        return _wald(table, kind)
    share = table.totals() / table.size
    delta = _generalised_effects(share, table.covariance_of_shares(share), table.shape, table.n)
    crossed = share.reshape(table.shape)
    expected = np.outer(crossed.sum(axis=1), crossed.sum(axis=0))
    pearson = float(table.n * ((crossed - expected) ** 2 / expected).sum())
    return _rao_scott(table, delta, pearson, kind)


@dataclass(frozen=True)
class _Table:
    sample: Sample
    cell: Ints
    shape: tuple[int, int]
    nu: float
    n: int
    missing_n: int
    replicates: Replicates | None

    @classmethod
    def of(
        cls, sample: Sample, row: str, column: str, domain: Mask | None, replicates: Replicates | None
    ) -> _Table:
        inside = (sample.everything() if domain is None else domain) & (sample.weight != 0)
        columns = [sample.columns[c] for c in (row, column)]
        known = inside & _known(columns[0]) & _known(columns[1])
        codes, sizes = zip(*(_codes(c, known) for c in columns), strict=True)
        if min(sizes) < 2:
            raise CaudalError(
                problem("survey-test", found=f"{row} x {column}", rows=sizes[0], columns=sizes[1])
            )
        cell = np.where(known, codes[0] * sizes[1] + codes[1], -1)
        # a calibrated estimate of a domain rests on the whole sample
        whole = sample.everything() if sample.calibrations else inside
        nu = sample.df(whole) if replicates is None else replicates.df_in(sample, inside)
        return cls(
            sample,
            cell,
            (sizes[0], sizes[1]),
            nu,
            int(known.sum()),
            int(inside.sum() - known.sum()),
            replicates,
        )

    @property
    def known(self) -> Mask:
        return np.asarray(self.cell >= 0)

    @property
    def member(self) -> Floats:
        """Rows by cell, zero and one."""
        found = self.cell[:, None] == np.arange(self.shape[0] * self.shape[1])
        return np.asarray(found, dtype=np.float64)

    @property
    def size(self) -> float:
        return float(self.sample.weight[self.known].sum())

    def totals(self) -> Floats:
        return np.asarray(self.sample.weight @ self.member)

    def covariance_of_shares(self, share: Floats) -> Floats:
        if self.replicates is None:
            w = np.where(self.known, self.sample.weight, 0.0) / self.size
            return covariance(self.sample, w[:, None] * (self.member - share), self.known)
        totals = replicate_totals(self.sample, self.replicates, self.member)
        return self._spread(totals / totals.sum(axis=1, keepdims=True), share)

    def covariance_of_totals(self) -> Floats:
        if self.replicates is None:
            return covariance(self.sample, self.sample.weight[:, None] * self.member, self.known)
        return self._spread(replicate_totals(self.sample, self.replicates, self.member), self.totals())

    def _spread(self, replicated: Floats, theta: Floats) -> Floats:
        assert self.replicates is not None
        defined = np.isfinite(replicated).all(axis=1)
        return replicate_covariance(self.replicates, theta, replicated, np.asarray(defined, dtype=np.bool_))


def _known(column: npt.NDArray[Any]) -> Mask:
    return np.array([v is not None and v == v for v in column], dtype=bool)


def _codes(column: npt.NDArray[Any], known: Mask) -> tuple[Ints, int]:
    codes = np.full(column.shape, -1, dtype=np.int64)
    distinct, found = np.unique(column[known], return_inverse=True)
    codes[known] = found
    return codes, int(distinct.size)


def _rao_scott(table: _Table, delta: Floats, pearson: float, kind: str) -> TableTest:
    trace, size = float(np.trace(delta)), delta.shape[0]
    d0 = trace**2 / float(np.trace(delta @ delta))
    ddf = d0 * table.nu
    if kind == "F":
        found = (pearson / trace, d0, ddf, float(stats.f.sf(pearson / trace, d0, ddf)))
    elif kind == "Chisq":
        found = (pearson, float(size), np.inf, float(stats.chi2.sf(pearson / (trace / size), size)))
    else:
        effects = np.sort(np.linalg.eigvals(delta).real)
        # with replicates the denominator is taken as known
        down = ddf if table.replicates is None else np.inf
        p = _exact_tail(effects, pearson, down) if kind == "lincom" else _saddlepoint(effects, pearson, down)
        if np.isnan(p):
            p = float(stats.f.sf(pearson / trace, d0, ddf))
        found = (pearson, np.nan, np.nan, p)
    return TableTest(*found, _METHODS[kind], table.missing_n)


def _wald(table: _Table, kind: str) -> TableTest:
    rows, columns = table.shape
    totals, size = table.totals().reshape(table.shape), table.size
    across, down = totals.sum(axis=1), totals.sum(axis=0)
    r, c = np.unravel_index(np.arange(rows * columns), table.shape)
    same_row, same_column = r[:, None] == r, c[:, None] == c
    slopes = np.eye(r.size) - (same_row * down[c][:, None] + same_column * across[r][:, None]) / size
    slopes += (across[r] * down[c])[:, None] / size**2
    departure = (totals - np.outer(across, down) / size).reshape(-1)
    spread = slopes @ table.covariance_of_totals() @ slopes.T
    used = (r > 0) & (c > 0)
    k = int(used.sum())
    wald = float(departure[used] @ _solved(spread[np.ix_(used, used)], departure[used]))
    ddf = table.nu if kind == "Wald" else table.nu - k + 1
    statistic = wald / k if kind == "Wald" else wald * ddf / (k * table.nu)
    p = float(stats.f.sf(statistic, k, ddf)) if ddf > 0 else np.nan
    return TableTest(statistic, float(k), ddf, p, _METHODS[kind], table.missing_n)


def _solved(matrix: Floats, right: Floats) -> Floats:
    if not np.all(np.isfinite(matrix)) or np.linalg.matrix_rank(matrix) < matrix.shape[0]:
        raise CaudalError(problem("survey-test-singular", found="the covariance of the table"))
    return np.asarray(np.linalg.solve(matrix, right))


def _generalised_effects(share: Floats, spread: Floats, shape: tuple[int, int], n: int) -> Floats:
    """The matrix whose eigenvalues are the generalised design effects of the interaction contrasts."""
    rows_n, columns_n = shape
    r, c = np.unravel_index(np.arange(rows_n * columns_n), shape)
    main = np.column_stack(
        [np.ones(r.size), *(r == k for k in range(1, rows_n)), *(c == k for k in range(1, columns_n))]
    )
    crossed = np.column_stack([(r == i) & (c == j) for i in range(1, rows_n) for j in range(1, columns_n)])
    residual = crossed - main @ np.linalg.lstsq(main, crossed.astype(np.float64), rcond=None)[0]
    inverse = np.where(share > 0, 1.0 / np.where(share > 0, share, 1.0), 0.0)
    simple = residual.T @ (inverse[:, None] / n * residual)
    actual = (residual * inverse[:, None]).T @ spread @ (residual * inverse[:, None])
    if not np.all(np.isfinite(actual)):
        raise CaudalError(problem("survey-test-singular", found="the covariance of the table"))
    return _solved(simple, actual)


def _exact_tail(effects: Floats, x: float, ddf: float) -> float:
    """P(sum of effects_i chi2_1 > x chi2_d / ddf) with d the whole part of ``ddf``; infinite: > x.

    The sum is a mixture of chi-squared distributions with two more degrees of freedom a term (Ruben 1962,
    *Annals of Mathematical Statistics* 33:542).

    >>> round(_exact_tail(np.array([1.0, 1.0]), 5.991464547107979, np.inf), 9)
    0.05
    """
    a = effects[effects > effects.max() * 1e-10]
    scale = float(a.min())
    ratio = 1 - scale / a
    shares, powers = [float(np.sqrt(scale / a).prod())], [0.5 * float(ratio.sum())]
    while sum(shares) < 1 - 1e-14 and len(shares) < _TERMS:
        size = len(shares)
        shares.append(float(np.dot(powers, shares[::-1])) / size)
        powers.append(0.5 * float((ratio ** (size + 1)).sum()))
    n = a.size + 2.0 * np.arange(len(shares))
    if np.isinf(ddf):
        tails = stats.chi2.sf(x / scale, n)
    else:
        tails = stats.f.sf(x * int(ddf) / (ddf * scale * n), n, int(ddf))
    return float(np.dot(shares, tails))


def _saddlepoint(effects: Floats, x: float, ddf: float) -> float:
    if np.isinf(ddf):
        return _saddlepoint_tail(effects, x)
    return _saddlepoint_tail(np.append(effects, np.repeat(-x / ddf, int(ddf))), 0.0)


def _saddlepoint_tail(weights: Floats, x: float) -> float:
    """The saddlepoint approximation to P(sum of weights_i chi2_1 > x); NaN near the mean, where it fails.

    >>> round(_saddlepoint_tail(np.array([1.0, 1.0, 1.0]), 7.814728), 2)
    0.05
    """
    largest = float(weights.max())
    w, x = weights / largest, x / largest

    def slope(z: float) -> float:
        return float((w / (1 - 2 * z * w)).sum()) - x

    if np.any(w < 0):
        low = float((1 / (2 * w[w < 0])).max()) * 0.99999
    else:
        low = -0.01 if x > w.sum() else -w.size / (2 * x)
    high = float((1 / (2 * w[w > 0])).min()) * 0.99999
    z = root_between(slope, low, high, 1e-8)
    if np.isnan(z) or abs(z) < 1e-4:
        return float("nan")
    root = np.sign(z) * np.sqrt(2 * (z * x + 0.5 * np.log(1 - 2 * z * w).sum()))
    v = z * np.sqrt(2 * (w**2 / (1 - 2 * z * w) ** 2).sum())
    return float(stats.norm.sf(root + np.log(v / root) / root))
