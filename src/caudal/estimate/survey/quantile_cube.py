"""Quantiles of every cell of a cube, and their gaps, on the sample in memory.

Unlike totals, quantiles of cells do not add up from those of finer cells: each is made from its own rows.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from caudal.estimate.survey.coding import UNKNOWN
from caudal.estimate.survey.crossing import Crossing
from caudal.estimate.survey.design import Design
from caudal.estimate.survey.estimates import Context, Stack, quantile_result
from caudal.estimate.survey.frame import Ints
from caudal.estimate.survey.quantiles import cell_domains, quantile_cells, quantile_gap
from caudal.estimate.survey.replicate_cube import ReplicateColumns, read_replicates
from caudal.estimate.survey.replicates import Replicates
from caudal.estimate.survey.result import Cells
from caudal.estimate.survey.sample import Mask, Sample, sample_of
from caudal.estimate.survey.source import Source
from caudal.estimate.survey.statistics import Gap, Quantile


@dataclass(frozen=True)
class QuantileCube:
    """A sample with the categories of its rows: ``rows[d]`` of each breakdown, of ``labels[d]``."""

    sample: Sample
    rows: Mapping[str, Ints]
    labels: Mapping[str, Sequence[str]]
    inside: Mask
    replicates: Replicates | None

    def cells(self, quantile: Quantile, stack: Stack, context: Context) -> Cells:
        """A quantile in every cell."""
        found = quantile_cells(
            self.sample,
            quantile,
            self.rows,
            stack.codes,
            self.labels,
            self.inside,
            context.level,
            self.replicates,
        )
        return quantile_result(
            quantile.name, f"woodruff-{quantile.interval}", found, stack.codes, stack.is_whole, context
        )

    def gap(self, gap: Gap, quantile: Quantile, crossing: Crossing, context: Context) -> Cells:
        """A gap of a quantile in every cell that remains without its breakdown."""
        codes = crossing.codes()
        rest = [d for d in codes if d != gap.dimension]
        cells = np.unique(np.stack([codes[d] for d in rest]), axis=1) if rest else np.zeros((0, 1), np.int64)
        by_cell: dict[str, Ints] = dict(zip(rest, cells, strict=True))
        names = list(self.labels[gap.dimension])
        pair = [self.rows[gap.dimension] == names.index(c) for c in (gap.category, gap.reference)]
        found = [
            quantile_gap(
                self.sample,
                quantile,
                domain & pair[0],
                domain & pair[1],
                gap.kind,
                context.level,
                self.replicates,
            )
            for domain in cell_domains(self.rows, by_cell, self.labels, self.inside)
        ]
        return quantile_result(gap.name, "t", found, by_cell, np.zeros(len(found), dtype=bool), context)


def read_quantile_cube(
    source: Source,
    design: Design,
    quantiles: Sequence[Quantile],
    where: str,
    dims: Mapping[str, str],
    labels: Mapping[str, Sequence[str]],
    replicates: Replicates | ReplicateColumns | None,
    calibrated: Sample | None = None,
) -> QuantileCube:
    """The sample with what the quantiles need; ``dims`` maps breakdowns to their SQL."""
    domain = where or "true"
    shown = {d: f"CAST({sql} AS VARCHAR)" for d, sql in dims.items()}
    columns = [*dict.fromkeys(q.variable for q in quantiles), domain, *shown.values()]
    sample = sample_of(source, design, list(dict.fromkeys(columns)))
    if calibrated is not None:
        sample = replace(sample, calibrations=calibrated.calibrations)
    rows = {d: category_codes(sample.columns[text], labels[d]) for d, text in shown.items()}
    inside = (sample.columns[domain] == 1) & (sample.weight != 0)
    if isinstance(replicates, ReplicateColumns):
        replicates = read_replicates(replicates, source)
    return QuantileCube(sample, rows, labels, inside, replicates)


def category_codes(column: Any, labels: Sequence[str]) -> Any:
    """The position of each row's category among ``labels``."""
    position = {name: k for k, name in enumerate(labels)}
    return np.array([position[UNKNOWN if v is None else str(v)] for v in column], dtype=np.int64)
