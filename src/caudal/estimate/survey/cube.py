"""A whole cube of estimates with their errors, from one scan.

First the totals of every cell, then, block by block of PSUs, the linearised values

    total: z        ratio, mean, proportion: e = (z_y - R z_x) / X

whose variance over PSUs is that of the estimate (Särndal et al. 1992, ch. 5; Woodruff 1971). A gap
between two domains is linear in the same values, so its covariance is in it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from caudal.estimate.survey.compiled import LANES, WORTHWHILE_ROWS, Kernels, kernels, margin_steps
from caudal.estimate.survey.crossing import Crossing, Family, Layout, Margins, blocks, families, layout
from caudal.estimate.survey.frame import Floats, Ints
from caudal.estimate.survey.gaps import PlannedGap
from caudal.estimate.survey.lonely import added, groups_of, lonely_ranges
from caudal.estimate.survey.plan import Asked, Term
from caudal.estimate.survey.scan import FineTable
from caudal.estimate.survey.taylor import Scales, Segments, segments, variance_of_runs


@dataclass(frozen=True)
class Accumulated:
    """Sums over the strata: arrays (cells, groups), or (statistics, cells, groups).

    ``psu_n``, ``stratum_n`` and ``lonely_n`` hold rows of the domain; ``sampled_n`` counts all PSUs of those
    strata.
    """

    variance: Floats
    psu_n: Floats
    stratum_n: Floats
    lonely_n: Floats
    sampled_n: Floats

    @property
    def counts(self) -> tuple[Floats, Floats, Floats, Floats]:
        """All sums but the variance."""
        return self.psu_n, self.stratum_n, self.lonely_n, self.sampled_n

    def part(self, statistic: int, cells: slice) -> Accumulated:
        """The sums of some cells, for one of several statistics."""
        arrays = (self.variance, *self.counts)
        return Accumulated(*(a[statistic, cells] for a in arrays))


@dataclass(frozen=True)
class CubeSums:
    """The sums of statistics by (position of the crossing, name), and of gaps by the same."""

    statistics: dict[tuple[int, str], Accumulated]
    gaps: dict[tuple[int, str], Accumulated]

    def clear(self) -> None:
        """Set every variance to zero."""
        for total in (*self.statistics.values(), *self.gaps.values()):
            total.variance[...] = 0.0


def no_sums(crossings: Sequence[Crossing], requests: Sequence[Asked], gaps: Sequence[PlannedGap]) -> CubeSums:
    """Zeros for every statistic and gap."""
    shapes = {(k, a.parts.name): c.shape for k, c in enumerate(crossings) for a in requests}
    gap_shapes = {(g.crossing, g.name): g.shape for g in gaps}
    statistics, found = (
        {key: Accumulated(*(np.zeros(shape) for _ in range(5))) for key, shape in named.items()}
        for named in (shapes, gap_shapes)
    )
    return CubeSums(statistics, found)


def variances(
    fine: FineTable,
    crossings: Sequence[Crossing],
    requests: Sequence[Asked],
    gaps: Sequence[PlannedGap],
    scale: Scales,
    rows_n: int,
) -> CubeSums:
    """Variance, PSUs and strata of every statistic and gap; ``rows_n`` decides on the compiled form."""
    stacked = layout(fine, crossings)
    grouped = families(crossings, stacked)
    sums = [_zeros((len(requests), *f.shape)) for f in grouped]
    gap_sums = {(g.crossing, g.name): _zeros(g.shape) for g in gaps}
    fast = Compiled.of(fine, stacked, requests) if rows_n >= WORTHWHILE_ROWS else None
    widest = max(stacked.cells_n, fine.cells_n if fine.entries is None else 1)
    for start, end in blocks(fine, widest):
        margins = Margins(fine, stacked, start, end) if fast is None or gaps else None
        if fast is not None:
            fast.fill(start, end)
        for place, family in enumerate(grouped):
            block = Block(fine, family, (start, end), margins, scale, requests)
            if fast is None:
                block.add(sums[place])
            else:
                fast.add(place, block)
            _add_gaps(gap_sums, block, gaps)
    if fast is not None:
        fast.finish(sums)
    _settle_lonely(fine, stacked, grouped, sums, gap_sums, requests, gaps, scale)
    statistics = {
        (position, request.parts.name): total.part(k, family.slices[position])
        for family, total in zip(grouped, sums, strict=True)
        for position in family.positions
        for k, request in enumerate(requests)
    }
    return CubeSums(statistics, gap_sums)


def add_stage(
    sums: CubeSums,
    inner: CubeSums,
    outer_cells: tuple[Sequence[Crossing], Sequence[PlannedGap]],
    inner_cells: tuple[Sequence[Crossing], Sequence[PlannedGap]],
    sizes: Mapping[str, int],
) -> None:
    """Add the variances of another scan, whose cells may be laid out differently, to those of the first."""
    for (position, name), total in sums.statistics.items():
        places = _places(outer_cells[0][position].codes(), inner_cells[0][position].codes(), sizes)
        found = inner.statistics[position, name].variance.reshape(-1)
        total.variance[...] += found[places].reshape(total.variance.shape)
    for first, second in zip(outer_cells[1], inner_cells[1], strict=True):
        total = sums.gaps[first.crossing, first.name]
        found = inner.gaps[second.crossing, second.name].variance.reshape(-1)
        total.variance[...] += found[_places(first.codes, second.codes, sizes)].reshape(total.variance.shape)


def _places(outer: Mapping[str, Ints], inner: Mapping[str, Ints], sizes: Mapping[str, int]) -> Ints:
    """For each cell of one layout its position in another."""
    if not outer:
        return np.zeros(1, dtype=np.int64)
    dims, shape = list(outer), tuple(sizes[d] for d in outer)
    wanted = np.ravel_multi_index(tuple(outer[d] for d in dims), shape)
    held = np.ravel_multi_index(tuple(inner[d] for d in dims), shape)
    order = np.argsort(held, kind="stable")
    return np.asarray(order[np.searchsorted(held[order], wanted)])


class Block:
    """One family of crossings on one block of PSUs."""

    def __init__(
        self,
        fine: FineTable,
        family: Family,
        ends: tuple[int, int],
        margins: Margins | None,
        scale: Scales,
        requests: Sequence[Asked],
    ) -> None:
        self.family, self.margins, self.scale, self.requests = family, margins, scale, requests
        self.stratum = fine.stratum_of_psu[slice(*ends)]
        self.group = family.group_of_zone[fine.zone_of_psu[slice(*ends)]]
        self.runs = segments(self.stratum, self.group)
        self.counted: dict[Term, tuple[Floats, ...]] = {}

    def term(self, term: Term) -> Floats:
        """A term as an array (cells, PSUs)."""
        assert self.margins is not None
        values = self.margins.terms[term]
        return values if self.family.is_all else values[self.family.rows]

    def by_psu(self, value: Floats) -> Floats:
        """A value of each (cell, group) as seen by each PSU."""
        return value if value.shape[1] == 1 else value[:, self.group]

    def linearised(self, request: Asked) -> Floats:
        """The values (cells, PSUs) whose variance is that of the statistic."""
        y = self.term(request.y)
        if not request.parts.is_ratio:
            return y
        ratio, inverse = coefficients(self.family, request)
        values = self.by_psu(ratio) * self.term(request.x)
        np.subtract(y, values, out=values)
        values *= self.by_psu(inverse)
        return values

    def statistic(self, position: int) -> tuple[Floats, Floats]:
        """The values (cells, PSUs) of a statistic, and its rows."""
        request = self.requests[position]
        return self.linearised(request), self.term(request.weight)

    def gap(self, gap: PlannedGap) -> tuple[Floats, Floats, Ints]:
        """The values (cells, PSUs) of a gap, its rows, and the group of each PSU."""
        request = next(a for a in self.requests if a.parts.name == gap.statistic)
        cells = self.family.slices[gap.crossing]
        values = gap.contrasted(self.linearised(request)[cells], self.group, gap.coefficients)
        rows = gap.contrasted(self.term(request.weight)[cells], self.group, gap.membership)
        group = self.group if gap.group_of_group is None else gap.group_of_group[self.group]
        return values, rows, group

    def members(self, term: Term) -> tuple[Floats, ...]:
        """PSUs, strata, lonely strata that hold rows of the domain, and all PSUs of those strata."""
        if term not in self.counted:
            self.counted[term] = _members(self.term(term), self.runs, self.scale)
        return self.counted[term]

    def add(self, into: Accumulated) -> None:
        """Add the block's part of the variances and counts of all statistics."""
        for k, request in enumerate(self.requests):
            one = into.part(k, slice(None))
            _add_variance(one.variance, self.linearised(request), self.runs, self.scale)
            _add_members(one, self.runs, self.members(request.weight))


def coefficients(family: Family, request: Asked) -> tuple[Floats, Floats]:
    """R and 1 / X of a ratio by (cell, group); 0 and 1 of a total."""
    if not request.parts.is_ratio:
        return np.zeros(family.shape), np.ones(family.shape)
    x_total = family.totals[request.x]
    safe = np.where(x_total == 0, 1.0, x_total)
    return family.totals[request.y] / safe, 1.0 / safe


class Compiled:
    """The compiled form of :meth:`Block.add`."""

    def __init__(self, kernel: Kernels, fine: FineTable, stacked: Layout, requests: Sequence[Asked]) -> None:
        self.kernel, self.dense, self.requests = kernel, fine.dense, requests
        self.arena = np.zeros((len(fine.by_psu), 0, stacked.cells_n))
        if self.dense is not None:
            self.steps, length, places = margin_steps(fine.row_sizes, stacked.axes)
            sizes = {axes: place.stop - place.start for axes, place in stacked.slices.items()}
            self.chosen = np.concatenate([places[a] + np.arange(sizes[a]) for a in stacked.axes])
            self.scratch = np.zeros((length, LANES))
        elif fine.entries is not None:
            psu, self.cell = np.divmod(fine.entries, fine.cells_n)
            self.starts = np.searchsorted(psu, np.arange(fine.stratum_of_psu.size + 1))
            self.values = np.stack(list(fine.by_psu.values()))
            self.places = _stacked_places(fine, stacked)
        terms = list(fine.by_psu)
        self.y = np.array([terms.index(a.y) for a in requests])
        self.x = np.array([terms.index(a.x) if a.parts.is_ratio else -1 for a in requests])
        distinct = list(dict.fromkeys(a.weight for a in requests))
        self.weights = np.array([terms.index(w) for w in distinct])
        self.weight_of = [distinct.index(a.weight) for a in requests]
        self.running: dict[int, tuple[Floats, Floats, Floats, Floats]] = {}

    @classmethod
    def of(cls, fine: FineTable, stacked: Layout, requests: Sequence[Asked]) -> Compiled | None:
        """The compiled form, or None where it does not apply or numba is not installed."""
        kernel = kernels()
        applies = fine.dense is not None or fine.entries is not None
        return cls(kernel, fine, stacked, requests) if kernel is not None and applies else None

    def fill(self, start: int, end: int) -> None:
        """Make the margins of a block."""
        if self.arena.shape[1] < end - start:
            self.arena = np.zeros((self.arena.shape[0], end - start, self.arena.shape[2]))
        if self.dense is not None:
            self.kernel.fill_margins(
                self.dense, start, end, self.steps, self.scratch, self.chosen, self.arena
            )
        else:
            self.kernel.scatter_margins(
                self.starts, self.cell, self.values, start, end, self.places, self.arena
            )

    def add(self, place: int, block: Block) -> None:
        """Add the block's part of the variances and counts of all statistics of family number ``place``."""
        runs, scale, family = block.runs, block.scale, block.family
        if place not in self.running:
            self.running[place] = self._started(family)
        ratio, inverse, variance, members = self.running[place]
        order = np.arange(block.stratum.size) if runs.order is None else runs.order
        lonely = scale.lonely[runs.stratum]
        self.kernel.add_family(
            variance, members, self.arena if family.is_all else self.arena[:, :, family.rows], self.y, self.x,
            self.weights, ratio, inverse, order, runs.starts, runs.starts + runs.sizes,
            block.group[order[runs.starts]], scale.n_h[runs.stratum], scale.factor[runs.stratum], lonely,
            (lonely > 0) & (scale.lonely_choice == "adjust"),
        )  # fmt: skip

    def _started(self, family: Family) -> tuple[Floats, Floats, Floats, Floats]:
        pairs = [coefficients(family, a) for a in self.requests]
        ratio, inverse = (np.ascontiguousarray(np.stack(p).swapaxes(1, 2)) for p in zip(*pairs, strict=True))
        cells, groups = family.shape
        variance = np.zeros((len(self.requests), groups, cells))
        return ratio, inverse, variance, np.zeros((self.weights.size, 4, groups, cells))

    def finish(self, sums: Sequence[Accumulated]) -> None:
        """Hand over what all blocks added up to."""
        for place, (_, _, variance, members) in self.running.items():
            into = sums[place]
            into.variance[...] = variance.swapaxes(1, 2)
            for k, j in enumerate(self.weight_of):
                for total, found in zip(into.counts, members[j], strict=True):
                    total[k] = found.T


def _stacked_places(fine: FineTable, stacked: Layout) -> Ints:
    """The stacked cell of each finest cell in each margin: an array (margins, cells)."""
    codes = np.unravel_index(np.arange(fine.cells_n), fine.row_sizes) if fine.row_sizes else ()
    found = []
    for axes in stacked.axes:
        sizes = tuple(fine.row_sizes[k] for k in axes)
        cell = np.ravel_multi_index(tuple(codes[k] for k in axes), sizes) if axes else np.zeros(fine.cells_n)
        found.append(np.asarray(cell, dtype=np.int64) + stacked.slices[axes].start)
    return np.stack(found)


def _add_gaps(
    sums: dict[tuple[int, str], Accumulated],
    block: Block,
    gaps: Sequence[PlannedGap],
) -> None:
    for gap in gaps:
        if gap.crossing not in block.family.positions:
            continue
        contrast, rows, group = block.gap(gap)
        runs = block.runs if gap.group_of_group is None else segments(block.stratum, group)
        _add_variance(sums[gap.crossing, gap.name].variance, contrast, runs, block.scale)
        _add_members(sums[gap.crossing, gap.name], runs, _members(rows, runs, block.scale))


def _add_variance(into: Floats, values: Floats, runs: Segments, scale: Scales) -> None:
    ordered = values if runs.order is None else values[:, runs.order]
    into[:, runs.groups] += runs.by_group(variance_of_runs(ordered, runs, scale))


def _add_members(into: Accumulated, runs: Segments, members: tuple[Floats, ...]) -> None:
    for total, found in zip(into.counts, members, strict=True):
        total[:, runs.groups] += found


def _members(rows: Floats, runs: Segments, scale: Scales) -> tuple[Floats, ...]:
    ordered = rows if runs.order is None else rows[:, runs.order]
    psus = runs.sums((ordered > 0).astype(np.float64))
    strata = (psus > 0).astype(np.float64)
    parts = (psus, strata, strata * scale.lonely[runs.stratum], strata * scale.n_h[runs.stratum])
    return tuple(runs.by_group(part) for part in parts)


def _settle_lonely(
    fine: FineTable,
    stacked: Layout,
    grouped: Sequence[Family],
    sums: Sequence[Accumulated],
    gap_sums: Mapping[tuple[int, str], Accumulated],
    requests: Sequence[Asked],
    gaps: Sequence[PlannedGap],
    scale: Scales,
) -> None:
    """Add what strata of one PSU contribute beyond their own values: see :mod:`.lonely`."""
    if scale.lonely_choice not in ("adjust", "average") or not scale.lonely.any():
        return
    if scale.lonely_choice == "average" and scale.parent is None:
        for total in (*sums, *gap_sums.values()):
            _average(total)
        return
    for start, end in lonely_ranges(scale, fine.stratum_of_psu):
        margins = Margins(fine, stacked, start, end)
        for family, total in zip(grouped, sums, strict=True):
            block = Block(fine, family, (start, end), margins, scale, requests)
            for k, request in enumerate(requests):
                whole = None if request.parts.is_ratio else family.totals[request.y]
                _settle(total.part(k, slice(None)), *block.statistic(k), block.group, block, whole)
            for gap in gaps:
                if gap.crossing in family.positions:
                    _settle(gap_sums[gap.crossing, gap.name], *block.gap(gap), block, gap.centre)


def _settle(
    into: Accumulated, values: Floats, rows: Floats, group: Ints, block: Block, whole: Floats | None
) -> None:
    """``whole`` (cells, groups) is the sum of the values over all PSUs; None where that is zero."""
    if whole is None and block.scale.parent is None:
        return
    for g, here in groups_of(group):
        centre = None
        if whole is not None and block.scale.parent is None:
            centre = whole[:, g] / np.maximum(into.sampled_n[:, g], 1.0)
        into.variance[:, g] += added(values[:, here], rows[:, here], block.stratum[here], block.scale, centre)


def _average(total: Accumulated) -> None:
    """With the choice "average", lonely strata are given the mean of the others."""
    sound = total.stratum_n - total.lonely_n
    with np.errstate(invalid="ignore", divide="ignore"):
        total.variance[...] *= np.where(total.lonely_n > 0, total.stratum_n / sound, 1.0)


def _zeros(shape: tuple[int, ...]) -> Accumulated:
    return Accumulated(*(np.zeros(shape) for _ in range(5)))
