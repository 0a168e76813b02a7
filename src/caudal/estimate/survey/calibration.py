"""Calibration: weights that meet known totals, and the variance that this earns.

Post-stratification, raking and the generalised regression estimator are one problem (Deville & Särndal 1992,
*JASA* 87:376; Deville, Särndal & Sautory 1993): find g close to 1 with sum w g x = T, by the distance of a
*metric*:

    linear   g = 1 + x'l                    (GREG; negative weights are possible)
    raking   g = exp(x'l)
    logit    g between finite bounds L < 1 < U
    linear with bounds: g clipped to them

Variances then rest on the residuals of the influences on x, weighted with g. Refused: totals that cannot be
met within the bounds or at all; post-strata without sample; totals that contradict each other.

The same problem is solved again for the weights of each replicate (:class:`Solver`): g depends on a row by
its x alone, so weights are first added up over the rows that share their x.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Literal

import numpy as np
from scipy import sparse

from caudal.errors import CaudalError, problem
from caudal.estimate.survey.frame import Floats, Ints
from caudal.estimate.survey.sample import Residuals, Sample

Metric = Literal["linear", "raking", "logit"]
_ROUNDS = 200


@dataclass(frozen=True)
class Solver:
    """Known totals of calibration variables ``x`` (rows, variables), to be met by any weights of the rows.

    ``margins`` are the variables of each margin when weights are fitted to one margin after the other.
    """

    x: Floats
    targets: Floats
    names: tuple[str, ...]
    metric: Metric = "linear"
    bounds: tuple[float, float] = (-np.inf, np.inf)
    tolerance: float = 1e-11
    margins: tuple[slice, ...] = ()

    def g(self, weights: Floats) -> list[Floats | CaudalError]:
        """g by row for each column of ``weights`` (rows, sets of weights), or why there is none."""
        distinct, row = self._distinct
        adder = sparse.csr_array(
            (np.ones(row.size), (row, np.arange(row.size))), shape=(distinct.shape[0], row.size)
        )
        found: list[Floats | CaudalError] = []
        for w in np.asarray(adder @ weights).T:
            used = np.flatnonzero(w)
            g = np.ones(w.size)
            try:
                g[used] = self.solved(w[used], distinct[used])
                found.append(g[row])
            except CaudalError as error:
                found.append(error)
        return found

    def solved(self, w: Floats, x: Floats) -> Floats:
        """g for weights ``w`` of rows ``x``; an error where the totals are not met."""
        if self.margins:
            return _fitted(w, x, self)
        try:
            g = _solved(w, x, self.targets, self.metric, self.bounds, self.tolerance)
        except np.linalg.LinAlgError:  # the multipliers ran away
            g = np.full(w.size, np.nan)
        gap = np.abs((w * g) @ x - self.targets) / (1 + np.abs(self.targets))
        if not np.all(np.isfinite(g)) or np.any(gap > 1e-6):
            worst = int(np.nanargmax(np.where(np.isfinite(gap), gap, np.inf)))
            reason = f"{(w @ x)[worst]:.6g} cannot become {self.targets[worst]:.6g}"
            raise CaudalError(problem("survey-calibration", found=list(self.names), reason=reason))
        return g

    @cached_property
    def _distinct(self) -> tuple[Floats, Ints]:
        """The distinct rows of x, and which of them each row is; the rows themselves where most differ."""
        probe = self.x[:: max(self.x.shape[0] // 2000, 1)]
        if np.unique(probe, axis=0).shape[0] > 0.9 * probe.shape[0] > 100:
            return self.x, np.arange(self.x.shape[0])
        distinct, row = np.unique(self.x, axis=0, return_inverse=True)
        return distinct, row.reshape(-1)


@dataclass(frozen=True)
class Calibrated:
    """A calibrated sample with the ratio g of new to old weights, and the solver for other weights."""

    sample: Sample
    g: Floats
    solver: Solver

    @property
    def range(self) -> tuple[float, float]:
        """The smallest and largest g."""
        return float(self.g.min()), float(self.g.max())


def calibrate(
    sample: Sample,
    totals: Mapping[str, float | Mapping[str, float]],
    *,
    metric: Metric = "linear",
    bounds: tuple[float, float] = (-np.inf, np.inf),
    tolerance: float = 1e-11,
) -> Calibrated:
    """Calibrate to known ``totals``: a number for a numeric column, a total by category for a text column.

    The column ``"1"`` stands for the population's size. Categories of one column must cover the sample.
    """
    x, targets = _matrix(sample, totals)
    solver = Solver(x, targets, tuple(totals), metric, bounds, tolerance)
    g = solver.solved(sample.weight, x)
    weight = sample.weight * g
    residuals = _regression_residuals(x, sample.weight, g)
    return Calibrated(
        replace(sample, weight=weight, calibrations=(*sample.calibrations, residuals)), g, solver
    )


def post_stratify(sample: Sample, column: str, totals: Mapping[str, float]) -> Calibrated:
    """Weights that meet the total of every category of ``column``: g is the ratio of totals.

    >>> from caudal.estimate.survey.sample import Stage
    >>> stage = Stage(np.arange(4), np.zeros(4, dtype=int), np.array([4.0]), np.array([np.inf]), np.ones(1))
    >>> sample = Sample(np.ones(4), (stage,), {"sex": np.array(["F", "F", "F", "M"], dtype=object)}, "fail")
    >>> post_stratify(sample, "sex", {"F": 6, "M": 4}).g.tolist()
    [2.0, 2.0, 2.0, 4.0]
    """
    return calibrate(sample, {column: totals})


def rake(sample: Sample, margins: Mapping[str, Mapping[str, float]], tolerance: float = 1e-11) -> Calibrated:
    """Weights that meet several margins, by iterative proportional fitting, to ``tolerance``.

    The weights are those of the metric ``raking``. The variance rests on unweighted residuals on all margins
    together, as in R's ``rake``; ``calibrate(metric="raking")`` weights them.
    """
    x, targets = _matrix(sample, dict(margins))
    blocks, start = [], 0
    for totals in margins.values():
        blocks.append(slice(start, start + len(totals)))
        start += len(totals)
    sums = [targets[b].sum() for b in blocks]
    if max(sums) - min(sums) > 1e-6 * max(sums):
        raise CaudalError(
            problem("survey-calibration", found=list(margins), reason=f"the margins add up to {sums}")
        )
    solver = Solver(x, targets, tuple(margins), "raking", tolerance=tolerance, margins=tuple(blocks))
    g = solver.solved(sample.weight, x)
    weight = sample.weight * g
    residuals = _regression_residuals(x, np.ones_like(weight), weight)
    return Calibrated(
        replace(sample, weight=weight, calibrations=(*sample.calibrations, residuals)), g, solver
    )


def _matrix(sample: Sample, totals: Mapping[str, float | Mapping[str, float]]) -> tuple[Floats, Floats]:
    """The calibration variables (rows, variables) and their known totals."""
    columns: list[Floats] = []
    targets: list[float] = []
    faults = []
    for name, total in totals.items():
        values = np.ones(sample.rows_n) if name == "1" else sample.columns[name]
        if isinstance(total, Mapping):
            members = [(values == c).astype(np.float64) for c in total]
            outside = int(sample.rows_n - sum(float(m.sum()) for m in members))
            empty = [c for c, m in zip(total, members, strict=True) if not (sample.weight @ m) and total[c]]
            if outside:
                faults.append(
                    problem("survey-calibration", found=name, reason=f"{outside} rows are in no category")
                )
            if empty:
                faults.append(
                    problem("survey-calibration", found=name, reason=f"no sample in {', '.join(empty)}")
                )
            columns += members
            targets += [float(v) for v in total.values()]
        else:
            columns.append(np.asarray(values, dtype=np.float64))
            targets.append(float(total))
    if faults:
        raise CaudalError(*faults)
    x = np.stack(columns, axis=1)
    if np.isnan(x).any():
        raise CaudalError(
            problem("survey-calibration", found=list(totals), reason="values are missing in the sample")
        )
    return x, np.array(targets)


def _fitted(w: Floats, x: Floats, solver: Solver) -> Floats:
    """g by iterative proportional fitting to the margins of ``solver``."""
    targets = solver.targets
    g = np.ones_like(w)
    for _ in range(_ROUNDS * 10):
        for margin in solver.margins:
            part = x[:, margin]
            sums = (w * g) @ part
            if np.any((sums == 0) & (targets[margin] != 0)):
                raise CaudalError(
                    problem("survey-calibration", found=list(solver.names), reason="a category has no sample")
                )
            g = g * (part @ np.divide(targets[margin], sums, out=np.ones_like(sums), where=sums != 0))
        if np.all(np.abs((w * g) @ x - targets) <= solver.tolerance * np.abs(targets)):
            return g
    raise CaudalError(
        problem("survey-calibration", found=list(solver.names), reason="raking does not converge")
    )


def _solved(
    w: Floats, x: Floats, targets: Floats, metric: Metric, bounds: tuple[float, float], tolerance: float
) -> Floats:
    """Newton's method on the multipliers, with halved steps where a step runs away."""
    multiplier = np.zeros(x.shape[1])
    g, slope = _distance(x @ multiplier, metric, bounds)
    for _ in range(_ROUNDS):
        misfit = targets - (w * g) @ x
        if np.all(np.abs(misfit) <= tolerance * (1 + np.abs(targets))):
            break
        hessian = (x * (w * slope)[:, None]).T @ x
        step = np.linalg.lstsq(hessian, misfit, rcond=256 * np.finfo(np.float64).eps)[0]
        for _ in range(40):
            trial, trial_slope = _distance(x @ (multiplier + step), metric, bounds)
            if np.all(np.isfinite(trial)) and np.all(np.isfinite(trial_slope)):
                break
            step = step / 2
        multiplier, g, slope = multiplier + step, trial, trial_slope
    return g


def _distance(u: Floats, metric: Metric, bounds: tuple[float, float]) -> tuple[Floats, Floats]:
    """g and its derivative at x'l = ``u``."""
    low, high = bounds
    if metric == "logit":
        if not (np.isfinite(low) and np.isfinite(high) and low < 1 < high):
            raise CaudalError(
                problem("survey-calibration", found="logit", reason="it needs finite bounds around 1")
            )
        a = (high - low) / ((high - 1) * (1 - low))
        with np.errstate(over="ignore", invalid="ignore"):
            e = np.exp(a * u)
            below = high - 1 + (1 - low) * e
            g = (low * (high - 1) + high * (1 - low) * e) / below
            slope = a * e * (1 - low) * (high - 1) * (high - low) / below**2
        return g, slope
    with np.errstate(over="ignore"):
        free = np.exp(u) if metric == "raking" else 1 + u
        slope = free if metric == "raking" else np.ones_like(u)
    inside = (free > low) & (free < high)
    return np.clip(free, low, high), np.where(inside, slope, 0.0)


def _regression_residuals(x: Floats, w: Floats, g: Floats) -> Residuals:
    """Influences w g e become w g times the residuals of e on x, in the regression weighted with ``w``."""
    root = np.sqrt(w)
    scale = g * root
    q, r = np.linalg.qr(x * root[:, None])
    rank = np.abs(np.diag(r)) > 1e-9 * np.abs(np.diag(r)).max()
    basis = (
        q if rank.all() else np.linalg.svd(x * root[:, None], full_matrices=False)[0][:, : int(rank.sum())]
    )
    safe = np.where(scale == 0, 1.0, scale)

    def residuals(values: Floats) -> Floats:
        e = values / safe[:, None]
        return (e - basis @ (basis.T @ e)) * scale[:, None]

    return residuals
