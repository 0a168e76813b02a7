"""A whole cube of estimates with their errors, from one scan.

First the totals of every cell, then, block by block of PSUs, the linearised values

    total: z        ratio, mean, proportion: e = (z_y - R z_x) / X

whose variance over PSUs is that of the estimate (Särndal et al. 1992, ch. 5; Woodruff 1971). A gap
between two domains is linear in the same values, so its covariance is in it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from caudal.estimate.survey.crossing import Crossing, Margins, blocks
from caudal.estimate.survey.frame import Floats
from caudal.estimate.survey.gaps import PlannedGap
from caudal.estimate.survey.plan import Asked, Term
from caudal.estimate.survey.scan import FineTable
from caudal.estimate.survey.taylor import Scales, Segments, segments, variance_of_runs


@dataclass
class Accumulated:
    """Sums over the strata for one statistic and crossing: arrays (cells, groups)."""

    variance: Floats
    psu_n: Floats
    stratum_n: Floats
    lonely_n: Floats


Sums = dict[tuple[int, str], Accumulated]


def variances(
    fine: FineTable,
    crossings: Sequence[Crossing],
    requests: Sequence[Asked],
    gaps: Sequence[PlannedGap],
    scale: Scales,
) -> Sums:
    """Variance, PSUs and strata of every statistic and gap, by (position of the crossing, name)."""
    sums: Sums = {}
    for position, crossing in enumerate(crossings):
        sums.update({(position, a.parts.name): _zeros(crossing.shape) for a in requests})
    sums.update({(gap.crossing, gap.name): _zeros(gap.shape) for gap in gaps})
    widest = max((c.shape[0] for c in crossings), default=1)
    if fine.entries is None:
        widest = max(widest, fine.cells_n)
    order = sorted(range(len(crossings)), key=lambda k: -len(crossings[k].row_axes))
    for start, end in blocks(fine, widest):
        margins = Margins(fine, start, end)
        for position in order:
            block = _Block(fine, crossings[position], margins, scale)
            _add_statistics(sums, position, block, requests)
            _add_gaps(sums, block, requests, [g for g in gaps if g.crossing == position])
    return _averaged(sums, scale)


class _Block:
    """One crossing on one block of PSUs."""

    def __init__(self, fine: FineTable, crossing: Crossing, margins: Margins, scale: Scales) -> None:
        self.crossing, self.scale = crossing, scale
        self.terms = margins.of(crossing.row_axes)
        self.stratum = fine.stratum_of_psu[margins.start : margins.end]
        self.group = crossing.group_of_zone[fine.zone_of_psu[margins.start : margins.end]]
        self.runs = segments(self.stratum, self.group)

    def by_psu(self, value: Floats) -> Floats:
        """A value of each (cell, group) as seen by each PSU."""
        return value if value.shape[1] == 1 else value[:, self.group]

    def linearised(self, request: Asked) -> Floats:
        """The values (cells, PSUs) whose variance is that of the statistic."""
        y = self.terms[request.y]
        if not request.parts.is_ratio:
            return y
        x_total = self.crossing.totals[request.x]
        safe = np.where(x_total == 0, 1.0, x_total)
        ratio = self.crossing.totals[request.y] / safe
        return (y - self.by_psu(ratio) * self.terms[request.x]) * self.by_psu(1.0 / safe)


def _add_statistics(sums: Sums, position: int, block: _Block, requests: Sequence[Asked]) -> None:
    counted: dict[Term, tuple[Floats, Floats, Floats]] = {}
    for request in requests:
        if request.n not in counted:
            counted[request.n] = _members(block.terms[request.n], block.runs, block.scale)
        into = sums[position, request.parts.name]
        _add(into, block.linearised(request), block.runs, block.scale, counted[request.n])


def _add_gaps(sums: Sums, block: _Block, requests: Sequence[Asked], gaps: Sequence[PlannedGap]) -> None:
    by_name = {a.parts.name: a for a in requests}
    for gap in gaps:
        request = by_name[gap.statistic]
        values = gap.contrasted(block.linearised(request), block.group, gap.coefficients)
        members = gap.contrasted(block.terms[request.n], block.group, gap.membership)
        runs = (
            block.runs
            if gap.group_of_group is None
            else segments(block.stratum, gap.group_of_group[block.group])
        )
        _add(sums[gap.crossing, gap.name], values, runs, block.scale, _members(members, runs, block.scale))


def _add(
    into: Accumulated, values: Floats, runs: Segments, scale: Scales, members: tuple[Floats, Floats, Floats]
) -> None:
    ordered = values if runs.order is None else values[:, runs.order]
    into.variance[:, runs.groups] += runs.by_group(variance_of_runs(ordered, runs, scale))
    for total, found in zip((into.psu_n, into.stratum_n, into.lonely_n), members, strict=True):
        total[:, runs.groups] += found


def _members(rows: Floats, runs: Segments, scale: Scales) -> tuple[Floats, Floats, Floats]:
    """PSUs, strata and lonely strata that hold members of the domain."""
    ordered = rows if runs.order is None else rows[:, runs.order]
    psus = runs.sums((ordered > 0).astype(np.float64))
    strata = (psus > 0).astype(np.float64)
    return runs.by_group(psus), runs.by_group(strata), runs.by_group(strata * scale.lonely[runs.stratum])


def _averaged(sums: Sums, scale: Scales) -> Sums:
    """With the choice "average", lonely strata are given the mean of the others."""
    if scale.lonely_choice == "average":
        for total in sums.values():
            sound = total.stratum_n - total.lonely_n
            with np.errstate(invalid="ignore", divide="ignore"):
                total.variance *= np.where(total.lonely_n > 0, total.stratum_n / sound, 1.0)
    return sums


def _zeros(shape: tuple[int, int]) -> Accumulated:
    return Accumulated(np.zeros(shape), np.zeros(shape), np.zeros(shape), np.zeros(shape))
