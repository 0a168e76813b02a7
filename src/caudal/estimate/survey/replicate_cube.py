"""A whole cube with replicate weights: totals are linear, so weights are added up once to the finest cells.

The totals under all replicates are the sums by (finest cell, PSU) of the ordinary scan times the factors
(PSU x replicates), a sparse product; replicate weights that a producer gives by row are factors by row.
Margins, statistics and squares follow block by block of replicates, so memory is bounded by the block. The
variance is that of :mod:`.replicates`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from scipy import sparse

from caudal.errors import CaudalError, problem
from caudal.estimate.survey.crossing import Crossing, Layout, Margins, group_sums, layout
from caudal.estimate.survey.cube import CubeSums
from caudal.estimate.survey.expressions import checked_all
from caudal.estimate.survey.frame import Floats
from caudal.estimate.survey.gaps import PlannedGap
from caudal.estimate.survey.plan import Asked, Term
from caudal.estimate.survey.replicates import Replicates, given_replicates
from caudal.estimate.survey.scan import FineTable, Request
from caudal.estimate.survey.source import Source


@dataclass(frozen=True)
class ReplicateColumns:
    """Replicate weights that the producer published as columns: whole weights, one column a replicate.

    ``scale`` as the producer says (see :func:`.given_replicates`), ``df`` the degrees of freedom: by default
    the number of replicates less one. ``mse`` centres on the estimate instead of the mean of the replicates.
    """

    columns: tuple[str, ...]
    scale: float
    rscales: tuple[float, ...] | None = None
    mse: bool = False
    df: float | None = None

    @property
    def method(self) -> str:
        """How the replicates were made."""
        return "given"

    @property
    def degrees(self) -> float:
        """Degrees of freedom."""
        return float(len(self.columns) - 1) if self.df is None else self.df


@dataclass
class _Spread:
    """Sums over replicates of d = theta_r - theta for one statistic and crossing."""

    used: Floats
    first: Floats
    weighted: Floats
    square: Floats

    def add(self, deviation: Floats, rscales: Floats) -> None:
        """Add a block of replicates; those in which the estimate is undefined are left out."""
        is_used = np.isfinite(deviation) & (rscales > 0)
        d = deviation
        if is_used.all():
            counts = np.array([rscales.size, rscales.sum()])[:, None, None]
        else:
            d = np.where(is_used, deviation, 0.0)
            counts = np.stack([is_used.sum(axis=-1), (is_used * rscales).sum(axis=-1)])
        self.used += counts
        total = d.sum(axis=-1)
        self.first += total
        if np.all(rscales == rscales[0]):
            self.weighted += total * rscales[0]
            self.square += np.einsum("cgr,cgr->cg", d, d) * rscales[0]
        else:
            self.weighted += (d * rscales).sum(axis=-1)
            self.square += (d * d * rscales).sum(axis=-1)

    def variance(self, scale: float, mse: bool) -> Floats:
        """scale * sum of rscales (d - centre)^2."""
        with np.errstate(invalid="ignore", divide="ignore"):
            centre = 0.0 if mse else self.first / self.used[0]
            found = scale * (self.square - 2 * centre * self.weighted + centre**2 * self.used[1])
        return np.asarray(np.where(self.used[0] > 1, np.maximum(found, 0.0), np.nan))


def replace_variances(
    sums: CubeSums,
    fine: FineTable,
    crossings: Sequence[Crossing],
    requests: Sequence[Asked],
    gaps: Sequence[PlannedGap],
    replicates: Replicates | ReplicateColumns,
    source: Source,
    request: Request,
    block: int = 50,
) -> None:
    """Put the variances over replicates in the place of the linearised ones."""
    factors = _factor_blocks(replicates, fine, source, request, block)
    spread_over(sums, fine, crossings, requests, gaps, factors, (replicates.scale, replicates.mse))


def spread_over(
    sums: CubeSums,
    fine: FineTable,
    crossings: Sequence[Crossing],
    requests: Sequence[Asked],
    gaps: Sequence[PlannedGap],
    blocks: Iterable[tuple[Floats, Floats]],
    scale: tuple[float, bool],
) -> None:
    """Put the variances over ``blocks`` of factors (PSUs, replicates) and scales into ``sums``.

    ``scale`` is that of the variance, and whether it is centred on the estimate (``mse``).
    """
    stacked = layout(fine, crossings)
    spread = {key: _zeros(total.variance.shape) for key, total in sums.statistics.items()}
    gap_spread = {key: _zeros(total.variance.shape) for key, total in sums.gaps.items()}
    by_name = {a.parts.name: a for a in requests}
    matrices = _matrices(fine)
    for factors, rscales in blocks:
        totals = _block_totals(fine, matrices, stacked, factors)
        for position, crossing in enumerate(crossings):
            table = _Table(crossing, totals, stacked, rscales.size)
            for name, asked in by_name.items():
                d = table.deviation(asked)
                spread[position, name].add(d, rscales)
                for gap in gaps:
                    if gap.crossing == position and gap.statistic == name:
                        gap_spread[position, gap.name].add(_gap_deviation(gap, d), rscales)
    for held, found in ((sums.statistics, spread), (sums.gaps, gap_spread)):
        for key, total in held.items():
            total.variance[...] = found[key].variance(*scale)


def retotalled(fine: FineTable, crossings: Sequence[Crossing], factors: Floats) -> list[Crossing]:
    """The crossings with the totals that the terms by PSU have under ``factors``, one a PSU."""
    stacked = layout(fine, crossings)
    totals = _block_totals(fine, _matrices(fine), stacked, factors[:, None])
    found = []
    for crossing in crossings:
        table = _Table(crossing, totals, stacked, 1)
        under = {t: table.total(t)[..., 0] for t in fine.by_psu}
        found.append(replace(crossing, totals={**crossing.totals, **under}))
    return found


def _zeros(shape: tuple[int, ...]) -> _Spread:
    return _Spread(np.zeros((2, *shape)), np.zeros(shape), np.zeros(shape), np.zeros(shape))


def _factor_blocks(
    replicates: Replicates | ReplicateColumns, fine: FineTable, source: Source, request: Request, block: int
) -> Iterator[tuple[Floats, Floats]]:
    """Factors (PSUs, replicates of a block) and their scales."""
    if isinstance(replicates, ReplicateColumns):
        yield from _column_blocks(replicates, source, request, block)
        return
    if not replicates.is_by_psu or replicates.weights.shape[0] != fine.stratum_of_psu.size:
        reason = f"{replicates.weights.shape[0]} rows of factors for {fine.stratum_of_psu.size} PSUs"
        raise CaudalError(
            problem("survey-replicates", reason=reason, allowed="factors by PSU of this design")
        )
    for start in range(0, replicates.count, block):
        part = slice(start, start + block)
        yield replicates.weights[:, part], replicates.rscales[part]


def _column_blocks(
    replicates: ReplicateColumns, source: Source, request: Request, block: int
) -> Iterator[tuple[Floats, Floats]]:
    named = checked_all(replicates.columns, source.columns, "replicates")
    sql = list(named.values())
    scales = np.ones(len(sql)) if replicates.rscales is None else np.asarray(replicates.rscales)
    kept = f"CAST({request.weight} AS DOUBLE) <> 0"
    where = f"({request.where}) AND {kept}" if request.where else kept
    for start in range(0, len(sql), block):
        part = sql[start : start + block]
        shown = ", ".join(
            f"CAST({c} AS DOUBLE) / CAST({request.weight} AS DOUBLE) AS r{k}" for k, c in enumerate(part)
        )
        table = source.connection.sql(f"SELECT {shown} FROM {source.relation} WHERE {where}").fetchnumpy()
        yield _stacked(table, replicates.columns[start : start + block]), scales[start : start + block]


def _stacked(table: Mapping[str, Any], names: Sequence[str]) -> Floats:
    """The columns r0, r1 ... side by side; one that lacks values is refused by its name."""
    columns = [np.ma.filled(np.ma.asarray(table[f"r{k}"]), np.nan) for k in range(len(names))]
    faults = [
        problem("survey-replicates", reason=f"{name} lacks {n} values", allowed="a weight in every row")
        for name, column in zip(names, columns, strict=True)
        if (n := int(np.sum(~np.isfinite(column))))
    ]
    if faults:
        raise CaudalError(*faults)
    return np.stack(columns, axis=1)


def column_reader(replicates: ReplicateColumns, source: Source) -> Callable[[slice], Floats]:
    """Reads the weights (rows, replicates) of some of the columns, in the order of the rows."""
    named = list(checked_all(replicates.columns, source.columns, "replicates").values())

    def read(part: slice) -> Floats:
        shown = ", ".join(f"CAST({sql} AS DOUBLE) AS r{k}" for k, sql in enumerate(named[part]))
        table = source.connection.sql(f"SELECT {shown} FROM {source.relation}").fetchnumpy()
        return _stacked(table, replicates.columns[part])

    return read


def read_replicates(replicates: ReplicateColumns, source: Source) -> Replicates:
    """All replicate weights in memory, by row."""
    named = checked_all(replicates.columns, source.columns, "replicates")
    shown = ", ".join(f"CAST({sql} AS DOUBLE) AS r{k}" for k, sql in enumerate(named.values()))
    table = source.connection.sql(f"SELECT {shown} FROM {source.relation}").fetchnumpy()
    weights = _stacked(table, replicates.columns)
    scales = None if replicates.rscales is None else np.asarray(replicates.rscales)
    return given_replicates(
        weights, scale=replicates.scale, rscales=scales, mse=replicates.mse, df=replicates.degrees
    )


def _matrices(fine: FineTable) -> dict[Term, sparse.csr_array]:
    """Each term as a sparse matrix (zones x cells, PSUs)."""
    cells = fine.cells_n
    first = next(iter(fine.by_psu.values()))
    if fine.entries is None:
        # every term is zero where there are no rows; one pattern serves all
        psu, cell = np.nonzero(np.any([v != 0 for v in fine.by_psu.values()], axis=0))
        data = {t: v[psu, cell] for t, v in fine.by_psu.items()}
    else:
        psu, cell = np.divmod(fine.entries, cells)
        data = dict(fine.by_psu)
    psus_n = first.shape[0] if fine.entries is None else fine.stratum_of_psu.size
    position = fine.zone_of_psu[psu] * cells + cell
    shape = (_zones_n(fine) * cells, psus_n)
    return {t: sparse.csr_array((values, (position, psu)), shape=shape) for t, values in data.items()}


def _zones_n(fine: FineTable) -> int:
    return max(int(fine.zone_of_psu.max(initial=0)) + 1, len(fine.zone_codes[0]) if fine.zone_codes else 1)


def _block_totals(
    fine: FineTable, matrices: Mapping[Term, sparse.csr_array], stacked: Layout, factors: Floats
) -> Margins:
    """Totals of every stacked margin by zone and replicate: the last axis runs over both."""
    zones, cells, count = _zones_n(fine), fine.cells_n, factors.shape[1]
    factors = np.ascontiguousarray(factors)
    by_zone = {}
    for term, matrix in matrices.items():
        product = np.asarray(matrix @ factors).reshape(zones, cells, count)
        by_zone[term] = product.transpose(0, 2, 1).reshape(zones * count, cells)
    return Margins(replace(fine, entries=None, by_psu=by_zone), stacked, 0, zones * count)


class _Table:
    """One crossing under a block of replicates."""

    def __init__(self, crossing: Crossing, totals: Margins, stacked: Layout, count: int) -> None:
        self.crossing, self.count = crossing, count
        self.margins = {t: v[stacked.slices[crossing.row_axes]] for t, v in totals.terms.items()}
        self.held: dict[Term, Floats] = {}

    def total(self, term: Term) -> Floats:
        """The totals of a term: an array (cells, groups, replicates)."""
        if term not in self.held:
            cells, groups = self.crossing.shape
            margin = self.margins[term].reshape(cells, -1, self.count)
            self.held[term] = group_sums(margin, self.crossing.group_of_zone, groups, axis=1)
        return self.held[term]

    def deviation(self, asked: Asked) -> Floats:
        """theta_r - theta: an array (cells, groups, replicates)."""
        y, y_total = self.total(asked.y), self.crossing.totals[asked.y][..., None]
        if not asked.parts.is_ratio:
            return y - y_total
        with np.errstate(invalid="ignore", divide="ignore"):
            ratio = y / self.total(asked.x)
            ratio -= y_total / self.crossing.totals[asked.x][..., None]
        return ratio


def _gap_deviation(gap: PlannedGap, deviation: Floats) -> Floats:
    """The deviations of a gap; a ratio is linearised at the estimate."""
    cells, groups, count = deviation.shape
    flat = gap.contrasted(deviation.reshape(cells, -1), np.repeat(np.arange(groups), count), gap.coefficients)
    contrast = flat.reshape(flat.shape[0], groups, count)
    if gap.group_of_group is None:
        return contrast
    merged = np.zeros((contrast.shape[0], gap.shape[1], count))
    for position, group in enumerate(gap.group_of_group):
        merged[:, group] += contrast[:, position]
    return merged
