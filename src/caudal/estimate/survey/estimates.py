"""Estimates of cells from their totals and variances: values, errors, limits, design effects, flags.

The design effect compares V with the variance of a simple random sample of the domain's n rows
(Kish 1965; R survey's ``deff``): with s2 = n / (n - 1) sum w (y - mean)^2 / sum w and N = sum w,

    mean or ratio: s2 / n (N - n) / N (of residuals, divided by X^2 for a ratio)
    total:         s2 N^2 / n (N - n) / N

``deff_replace`` leaves out (N - n) / N. Flags state in words what a reader must know of a cell.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from caudal.estimate.survey.crossing import Crossing
from caudal.estimate.survey.cube import Accumulated
from caudal.estimate.survey.design import Design
from caudal.estimate.survey.frame import Floats, Ints
from caudal.estimate.survey.gaps import PlannedGap
from caudal.estimate.survey.intervals import Limits, proportion_limits, t_limits
from caudal.estimate.survey.plan import ALL_ROWS, Asked, Term
from caudal.estimate.survey.quantiles import QuantileEstimate
from caudal.estimate.survey.result import Cells

Flags = npt.NDArray[np.bool_] | np.bool_ | bool


@dataclass(frozen=True)
class Context:
    """What holds for every cell of a request: the design, the level and the remarks on the whole sample."""

    design: Design
    level: float
    remarks: tuple[str, ...]
    replicates: str | None = None
    replicates_df: float = 0.0
    is_calibrated: bool = False

    def counted(self, units_n: Floats) -> Floats:
        """Units in the sample: a full count has none, and no degrees of freedom."""
        return np.full(units_n.shape, np.nan) if self.design.kind == "full_count" else units_n

    def df(self, psu_n: Floats, stratum_n: Floats) -> Floats:
        """Degrees of freedom of each cell: PSUs less strata, or those of the replicates."""
        return psu_n - stratum_n if self.replicates is None else np.full(psu_n.shape, self.replicates_df)


@dataclass(frozen=True)
class Stack:
    """The cells of all crossings, one after the other: their categories and totals."""

    codes: Mapping[str, Ints]
    totals: Mapping[Term, Floats]
    is_whole: npt.NDArray[np.bool_]


def stacked_cells(crossings: Sequence[Crossing], sizes: Mapping[str, int]) -> Stack:
    """The cells of all crossings; ``sizes`` counts the categories of each breakdown."""
    counts = [c.shape[0] * c.shape[1] for c in crossings]
    each = [c.codes() for c in crossings]
    codes = {
        d: np.concatenate([k[d] if d in k else np.full(n, total) for k, n in zip(each, counts, strict=True)])
        for d, total in sizes.items()
    }
    totals = {t: np.concatenate([c.totals[t].reshape(-1) for c in crossings]) for t in crossings[0].totals}
    return Stack(codes, totals, np.repeat([not c.dims for c in crossings], counts))


def statistic_cells(stack: Stack, request: Asked, sums: Sequence[Accumulated], context: Context) -> Cells:
    """The estimates of a statistic in every cell; ``sums`` by crossing."""
    totals = stack.totals
    y, x = totals[request.y], totals[request.x] if request.parts.is_ratio else None
    n, cases, rows = totals[request.n], totals[request.cases], totals[ALL_ROWS]
    with np.errstate(invalid="ignore", divide="ignore"):
        value = y if x is None else y / np.where(x == 0, np.nan, x)
    value = np.where(n > 0, value, np.nan)
    variance, psu_n, stratum_n, lonely_n = (
        np.concatenate([getattr(s, name).reshape(-1) for s in sums])
        for name in ("variance", "psu_n", "stratum_n", "lonely_n")
    )
    psu_n, stratum_n = context.counted(psu_n), context.counted(stratum_n)
    df = context.df(psu_n, stratum_n)
    se = np.where(n > 0, np.sqrt(np.maximum(variance, 0.0)), np.nan)
    se = np.where(np.isfinite(value), se, np.nan)
    se, method = _leading_error(request, se, y, x, n, context)
    limits = _limits(request, value, se, df, n, context)
    deff, deff_replace = _design_effects(request, totals, variance, n, context)
    flags = _flags(request, context, rows, n, value, se, x, lonely_n, df)
    return Cells(
        request.parts.name, stack.codes, value, se, limits.lower, limits.upper, limits.kind, n, cases,
        psu_n, stratum_n, np.where(n > 0, df, np.nan), deff, deff_replace, method, flags,
        np.where(stack.is_whole, 1.0, rows),
    )  # fmt: skip


def quantile_result(
    name: str,
    kind: str,
    estimates: Sequence[QuantileEstimate],
    codes: Mapping[str, Ints],
    is_whole: npt.NDArray[np.bool_],
    context: Context,
) -> Cells:
    """Quantiles, or gaps of quantiles, as cells of the result."""
    value, se, lower, upper, df, n, missing = (
        np.array([getattr(e, field) for e in estimates], dtype=np.float64)
        for field in ("value", "se", "lower", "upper", "df", "sample_n", "missing_n")
    )
    none = np.full(value.shape, np.nan)
    remarks = "; ".join(context.remarks)
    flags = ["; ".join(t for t in (remarks, _quantile_flag(e)) if t) for e in estimates]
    if context.design.kind == "full_count":
        se, lower, upper, df, kind = np.where(n > 0, 0.0, np.nan), none, none, none, "full_count"
    rows = np.where(is_whole, 1.0, n + missing)
    return Cells(
        name, codes, value, se, lower, upper, kind, n, none, none, none, df,
        none, none, _method(context), flags, rows,
    )  # fmt: skip


def _quantile_flag(estimate: QuantileEstimate) -> str:
    rows = estimate.sample_n + estimate.missing_n
    if rows == 0:
        return "empty domain"
    if estimate.sample_n == 0:
        return "all values missing"
    found = [f"missing values: {estimate.missing_n} of {rows} rows"] if estimate.missing_n else []
    if not np.isfinite(estimate.se):
        found.append("no error estimated: the interval leaves the range of the data")
    return "; ".join(found)


def gap_cells(
    gap: PlannedGap, crossing: Crossing, request: Asked, sums: Accumulated, context: Context
) -> Cells:
    """The estimates of a gap in every cell that remains without its breakdown."""
    value = gap.value.reshape(-1)
    variance, psu_n, stratum_n, lonely_n = (
        a.reshape(-1) for a in (sums.variance, sums.psu_n, sums.stratum_n, sums.lonely_n)
    )
    counts = [gap_total(gap, crossing.totals[t]).reshape(-1) for t in (request.n, request.cases, ALL_ROWS)]
    psu_n, stratum_n = context.counted(psu_n), context.counted(stratum_n)
    df = context.df(psu_n, stratum_n)
    se = np.where(np.isfinite(value), np.sqrt(np.maximum(variance, 0.0)), np.nan)
    none = np.full(value.shape, np.nan)
    if context.design.kind == "full_count":
        se = np.where(np.isfinite(value), 0.0, np.nan)
        limits = Limits(none, none, "full_count")
    else:
        limits = t_limits(value, se, df, context.level)
    flags = _flags(request, context, counts[2], counts[0], value, se, None, lonely_n, df)
    return Cells(
        gap.name, gap.codes, value, se, limits.lower, limits.upper, limits.kind, counts[0], counts[1], psu_n,
        stratum_n, df, none, none, _method(context), flags, counts[2],
    )  # fmt: skip


def gap_total(gap: PlannedGap, total: Floats) -> Floats:
    """The sum of a count over both domains of a gap."""
    groups = np.arange(total.shape[1])
    summed = gap.contrasted(total, groups, gap.membership)
    if gap.group_of_group is None:
        return summed
    merged = np.zeros(gap.shape)
    for position, group in enumerate(gap.group_of_group):
        merged[:, group] += summed[:, position]
    return merged


def _method(context: Context) -> str:
    if context.replicates is not None:
        return f"replicates ({context.replicates})" + (", calibrated" if context.is_calibrated else "")
    if context.is_calibrated:
        return "taylor, calibrated"
    return {"full_count": "none", "unpublished": "approximate design"}.get(context.design.kind, "taylor")


def _leading_error(
    request: Asked, se: Floats, y: Floats, x: Floats | None, n: Floats, context: Context
) -> tuple[Floats, Sequence[str] | str]:
    """The error that leads, and the name of its method, of each cell."""
    if context.design.kind == "full_count":
        return np.where(n > 0, 0.0, np.nan), "none"
    table = context.design.gvf
    if table is None:
        return se, _method(context)
    published = np.full(se.shape, np.nan)
    is_share = request.parts.is_condition and request.parts.is_ratio
    if x is None and (request.parts.is_condition or request.parts.numerator is None):
        published = table.se_of_count(y)
    elif is_share and x is not None:
        published = table.se_of_share(y, x)
    leads = np.isfinite(published) & ~(published < se)
    names = np.where(
        leads,
        "published table",
        np.where(np.isfinite(published), _method(context), "approximate design only"),
    )
    return np.where(leads, published, se), names.tolist()


def _limits(request: Asked, value: Floats, se: Floats, df: Floats, n: Floats, context: Context) -> Limits:
    if context.design.kind == "full_count":
        none = np.full(value.shape, np.nan)
        return Limits(none, none, "full_count")
    if request.parts.interval != "t":
        return proportion_limits(value, se, df, n, context.level, request.parts.interval)
    return t_limits(value, se, df, context.level)


def _design_effects(
    request: Asked, totals: Mapping[Term, Floats], variance: Floats, n: Floats, context: Context
) -> tuple[Floats, Floats]:
    none = np.full(n.shape, np.nan)
    if context.design.kind == "full_count":
        return none, none
    population, y, yy = totals[request.weight], totals[request.y], totals[request.yy]
    with np.errstate(invalid="ignore", divide="ignore"):
        mean = y / population
        square = yy / population - mean**2
        size = 1.0 if not request.parts.is_ratio else 1.0 / population**2
        if request.parts.denominator is not None:
            x = totals[request.x]
            ratio = y / x
            residuals = yy - 2 * ratio * totals[request.xy] + ratio**2 * totals[request.xx]
            square, size = residuals / population, 1.0 / x**2
        # rounding noise of a variable that does not vary
        square = np.where(square <= 1e-13 * yy / population, 0.0, square)
        simple = np.maximum(square, 0.0) * n / (n - 1) * population**2 / n * size
        replace = np.where(simple > 0, variance / simple, np.nan)
        fraction = (population - n) / population
        return np.where(fraction > 0, replace / fraction, np.nan), replace


def _flags(
    request: Asked,
    context: Context,
    rows: Floats,
    n: Floats,
    value: Floats,
    se: Floats,
    x: Floats | None,
    lonely_n: Floats,
    df: Floats,
) -> list[str]:
    """What a reader must know of each cell, in words joined by semicolons."""
    sampled = context.design.kind != "full_count"
    conditions: list[tuple[Flags, str]] = [
        (rows == 0, "empty domain"),
        ((rows > 0) & (n == 0), "all values missing"),
        ((n > 0) & (x == 0 if x is not None else False), "zero denominator"),
        (sampled & (df < 1) & (n > 0), "no degrees of freedom"),
        (sampled & (se == 0) & (n > 0), "no variance"),
        (sampled & np.isfinite(value) & ~np.isfinite(se) & (n > 0), "no error estimated"),
    ]
    remarks = "; ".join(context.remarks)
    texts = [remarks] * n.size

    def add(position: int, text: str) -> None:
        texts[position] = f"{texts[position]}; {text}" if texts[position] else text

    for condition, text in conditions:
        for position in np.flatnonzero(np.broadcast_to(condition, n.shape)).tolist():
            add(position, text)
    for position in np.flatnonzero((rows > n) & (n > 0)).tolist():
        add(position, f"missing values: {rows[position] - n[position]:.0f} of {rows[position]:.0f} rows")
    for position in np.flatnonzero(lonely_n > 0).tolist():
        add(position, f"lonely PSU: {context.design.lonely_psu} in {lonely_n[position]:.0f} strata")
    return texts
