"""A cube on calibrated weights: the variance of every cell rests on residuals.

The totals of cells come from the ordinary scan with the calibrated weights. The influences of rows on each
estimate become their residuals on the calibration variables (:mod:`.calibration`), which do not vanish
outside the cell: so variances are made from rows, some cells at a time. The sample must fit in memory, and
the time grows with rows times cells. With replicate weights each replicate is calibrated instead
(:mod:`.calibrated_replicates`), and cells add up as in any cube.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pyarrow as pa

from caudal.errors import CaudalError, problem
from caudal.estimate.survey.calibrated_replicates import CalibratedReplicates, calibrated_replicates
from caudal.estimate.survey.calibration import Calibrated, Metric, calibrate, rake
from caudal.estimate.survey.crossing import Crossing
from caudal.estimate.survey.cube import CubeSums
from caudal.estimate.survey.design import Design
from caudal.estimate.survey.expressions import quoted
from caudal.estimate.survey.frame import Floats, Ints
from caudal.estimate.survey.gaps import PlannedGap
from caudal.estimate.survey.plan import Asked
from caudal.estimate.survey.quantiles import cell_domains
from caudal.estimate.survey.replicate_cube import ReplicateColumns, column_reader
from caudal.estimate.survey.replicates import Replicates
from caudal.estimate.survey.sample import Mask, Sample, covariance, sample_of
from caudal.estimate.survey.source import Source
from caudal.estimate.survey.statistics import Gap

#: The columns of calibrated weights, and of the weights before, beside those of the data.
WEIGHT = "caudal_calibrated_weight"
BASE = "caudal_base_weight"
_CELLS = 32


@dataclass(frozen=True)
class Calibration:
    """What the weights are calibrated to: ``totals`` as for :func:`.calibrate`, or for ``method="rake"`` as
    for :func:`.rake`. Post-stratification is the linear method on one column's categories.

    >>> Calibration({"sex": {"F": 510, "M": 490}}).method
    'linear'
    """

    totals: Mapping[str, float | Mapping[str, float]]
    method: Metric | str = "linear"
    bounds: tuple[float, float] = (-np.inf, np.inf)

    def applied(self, sample: Sample) -> Calibrated:
        """The calibrated sample; its columns hold those of ``totals``."""
        if self.method != "rake":
            return calibrate(sample, self.totals, metric=self.method, bounds=self.bounds)  # type: ignore[arg-type]
        margins = {k: v for k, v in self.totals.items() if isinstance(v, Mapping)}
        if len(margins) < len(self.totals):
            raise CaudalError(
                problem("survey-calibration", found=list(self.totals), reason="raking needs categories")
            )
        return rake(sample, margins)


def calibrated_table(
    source: Source,
    design: Design,
    calibration: Calibration,
    columns: Sequence[str],
    replicates: Replicates | ReplicateColumns | None = None,
) -> tuple[pa.Table, Sample, CalibratedReplicates | None]:
    """The data with its weights before and after calibration, the calibrated sample with ``columns``, and the
    replicates to be calibrated; columns of replicate weights stay where they are."""
    named = [c for c in calibration.totals if c != "1"]
    sample = sample_of(source, design, list(dict.fromkeys([*named, *columns])))
    found = calibration.applied(sample)
    spread = None if replicates is None else _spread(source, sample, replicates, found)
    given = replicates.columns if isinstance(replicates, ReplicateColumns) else ()
    left = {c.lower() for c in given}
    kept = ", ".join(quoted(c) for c in source.columns if c.lower() not in left)
    whole = source.connection.sql(f"SELECT {kept} FROM {source.relation}").to_arrow_table()
    whole = whole.append_column(WEIGHT, pa.array(found.sample.weight))
    return whole.append_column(BASE, pa.array(sample.weight)), found.sample, spread


def _spread(
    source: Source, sample: Sample, replicates: Replicates | ReplicateColumns, calibrated: Calibrated
) -> CalibratedReplicates:
    if isinstance(replicates, Replicates):
        return calibrated_replicates(sample, replicates, calibrated)
    count = len(replicates.columns)
    scales = np.ones(count) if replicates.rscales is None else np.asarray(replicates.rscales)
    empty = np.zeros((0, count))
    outline = Replicates(
        empty, replicates.scale, scales, False, replicates.degrees, replicates.mse, is_df_given=True
    )
    read = column_reader(replicates, source)
    return calibrated_replicates(sample, outline, calibrated, read=read, names=replicates.columns)


def replace_calibrated(
    sums: CubeSums,
    crossings: Sequence[Crossing],
    requests: Sequence[Asked],
    planned: Sequence[PlannedGap],
    gaps: Sequence[Gap],
    rows: Rows,
) -> None:
    """Put the variances of residuals in the place of those of the values."""
    for position, crossing in enumerate(crossings):
        domains = cell_domains(rows.codes, crossing.codes(), rows.labels, rows.inside)
        for request in requests:
            total = sums.statistics[position, request.parts.name].variance
            total[...] = rows.variances(request, [((1.0, d),) for d in domains]).reshape(total.shape)
    named = {g.name: g for g in gaps}
    for gap in planned:
        request = next(a for a in requests if a.parts.name == gap.statistic)
        total = sums.gaps[gap.crossing, gap.name].variance
        total[...] = rows.gap_variances(request, gap, named[gap.name]).reshape(total.shape)


@dataclass(frozen=True)
class Rows:
    """The calibrated sample with the categories of its rows in each breakdown."""

    sample: Sample
    codes: Mapping[str, Ints]
    labels: Mapping[str, Sequence[str]]
    inside: Mask

    def variances(self, request: Asked, cells: Sequence[Sequence[tuple[float, Mask]]]) -> Floats:
        """The variance of a sum of estimates, each a coefficient and a domain, by cell."""
        found = []
        for part in _blocks(cells):
            influence = np.stack(
                [sum(c * self.influence(request, d)[1] for c, d in cell) for cell in part], axis=1
            )
            found.append(np.diag(covariance(self.sample, np.nan_to_num(influence))))
        return np.concatenate(found) if found else np.zeros(0)

    def influence(self, request: Asked, domain: Mask) -> tuple[float, Floats]:
        """The estimate in a domain, and the influence of each row on it."""
        y, x = (self._column(e) for e in (request.parts.numerator, request.parts.denominator))
        known = domain & ~np.isnan(y) & ~np.isnan(x)
        w = np.where(known, self.sample.weight, 0.0)
        y, x = np.where(known, y, 0.0), np.where(known, x, 0.0)
        total = float(w @ y)
        if not request.parts.is_ratio:
            return total, w * y
        size = float(w @ x)
        if not size:
            return float("nan"), np.full(w.shape, np.nan)
        return total / size, w * (y - total / size * x) / size

    def gap_variances(self, request: Asked, planned: PlannedGap, gap: Gap) -> Floats:
        """The variance of a gap, by cell."""
        names = list(self.labels[gap.dimension])
        pair = [self.codes[gap.dimension] == names.index(c) for c in (gap.category, gap.reference)]
        cells = []
        for domain in cell_domains(self.codes, planned.codes, self.labels, self.inside):
            first, second = (domain & member for member in pair)
            slopes = (1.0, -1.0)
            if gap.kind == "ratio":
                a, b = (self.influence(request, d)[0] for d in (first, second))
                slopes = (1 / b, -a / b**2) if b else (np.nan, np.nan)
            cells.append(((slopes[0], first), (slopes[1], second)))
        return self.variances(request, cells)

    def _column(self, expression: str | None) -> Floats:
        if expression is None:
            return np.ones(self.sample.rows_n)
        return np.asarray(self.sample.columns[expression], dtype=np.float64)


def _blocks(
    cells: Sequence[Sequence[tuple[float, Mask]]],
) -> Iterator[Sequence[Sequence[tuple[float, Mask]]]]:
    for start in range(0, len(cells), _CELLS):
        yield cells[start : start + _CELLS]


def weighted(design: Design) -> Design:
    """The design with the calibrated weights."""
    return replace(design, weight=WEIGHT)


def by_row(design: Design) -> Design:
    """The weights before calibration, every row a unit of its own: what calibrated replicates multiply."""
    return Design(weight=BASE, kind=design.kind if design.kind == "unpublished" else "sample")
