"""Crossings of breakdowns: how the finest cells and zones of a scan add up to the cells of a table."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations

import numpy as np

from caudal.estimate.survey.frame import Floats, Ints
from caudal.estimate.survey.plan import Term
from caudal.estimate.survey.scan import FineTable, summed
from caudal.estimate.survey.taylor import Segments, segments


@dataclass(frozen=True)
class Crossing:
    """A table: ``row_axes`` are the kept axes of the finest cells, ``group_of_zone`` its groups of zones.

    Its cells are a (cells, groups) array; ``group_codes`` give the category of each group, one array for
    each of ``zone_dims``. ``totals`` holds the sums of every term.
    """

    dims: tuple[str, ...]
    row_dims: tuple[str, ...]
    row_sizes: tuple[int, ...]
    row_axes: tuple[int, ...]
    zone_dims: tuple[str, ...]
    group_of_zone: Ints
    group_codes: tuple[Ints, ...]
    totals: Mapping[Term, Floats]

    @property
    def shape(self) -> tuple[int, int]:
        """(cells, groups)."""
        groups = int(self.group_of_zone.max(initial=0)) + 1
        return int(np.prod(self.row_sizes, dtype=np.int64)), groups

    def codes(self) -> dict[str, Ints]:
        """The category of each cell (flattened) in each breakdown of the crossing."""
        cells, groups = self.shape
        by_cell = np.unravel_index(np.arange(cells), self.row_sizes) if self.row_sizes else ()
        found = {d: np.repeat(code, groups) for d, code in zip(self.row_dims, by_cell, strict=True)}
        tiled = {d: np.tile(code, cells) for d, code in zip(self.zone_dims, self.group_codes, strict=True)}
        return {**found, **tiled}


def crossings_up_to(breakdowns: Sequence[str], most: int) -> list[tuple[str, ...]]:
    """All crossings of at most ``most`` of the breakdowns, the grand total included.

    >>> crossings_up_to(["sex_code", "age_code"], 2)
    [(), ('sex_code',), ('age_code',), ('sex_code', 'age_code')]
    """
    return [c for size in range(most + 1) for c in combinations(breakdowns, size)]


def crossings_of(fine: FineTable, asked: Sequence[Sequence[str]]) -> list[Crossing]:
    """The crossings asked for, with the totals of their cells."""
    totals = zone_totals(fine)
    outlines = [_outline(fine, tuple(dims)) for dims in asked]
    margins = _margins(fine, np.stack(list(totals.values())), {o.row_axes for o in outlines})
    return [_with_totals(o, tuple(totals), margins[o.row_axes]) for o in outlines]


def _margins(fine: FineTable, totals: Floats, wanted: set[tuple[int, ...]]) -> dict[tuple[int, ...], Floats]:
    """The totals (terms, C, Z) summed to each set of row axes, each from the smallest array at hand."""
    everything = tuple(range(len(fine.row_sizes)))
    held = {everything: totals.reshape(totals.shape[0], *fine.row_sizes, -1)}
    for axes in sorted(wanted, key=lambda a: (-len(a), a)):
        source = min((a for a in held if set(axes) <= set(a)), key=lambda a: held[a].size)
        dropped = tuple(k + 1 for k, axis in enumerate(source) if axis not in axes)
        held[axes] = held[source].sum(axis=dropped) if dropped else held[source]
    return held


def zone_totals(fine: FineTable) -> dict[Term, Floats]:
    """The sums of every term by finest cell and zone: arrays (C, Z)."""
    zones_n = max(int(fine.zone_of_psu.max(initial=0)) + 1, len(fine.zone_codes[0]) if fine.zone_codes else 1)
    shape = (fine.cells_n, zones_n)
    by_cell = {t: total.T for t, total in fine.by_cell.items()}
    if fine.entries is not None:
        psu, cell = np.divmod(fine.entries, fine.cells_n)
        position = cell * zones_n + fine.zone_of_psu[psu]
        size = fine.cells_n * zones_n
        return {**by_cell, **{t: summed(position, v, size).reshape(shape) for t, v in fine.by_psu.items()}}
    if fine.stratum_of_psu.size == 0:
        return {**by_cell, **{t: np.zeros(shape) for t in fine.by_psu}}
    runs = segments(fine.stratum_of_psu, fine.zone_of_psu)
    found: dict[Term, Floats] = {}
    for term, values in fine.by_psu.items():
        found[term] = np.zeros(shape)
        ordered = values if runs.order is None else values[runs.order]
        found[term][:, runs.groups] = runs.by_group(_row_sums(ordered, runs).T)
    return {**by_cell, **found}


def _row_sums(values: Floats, runs: Segments) -> Floats:
    """Sums of whole rows over each run; a plain sum a run is faster than ``reduceat`` while runs are few."""
    if runs.starts.size > 5000 or values.shape[1] < 16:
        return np.asarray(np.add.reduceat(values, runs.starts, axis=0))
    ends = runs.starts + runs.sizes
    return np.stack([values[a:b].sum(axis=0) for a, b in zip(runs.starts, ends, strict=True)])


def _outline(fine: FineTable, dims: tuple[str, ...]) -> Crossing:
    axes = tuple(k for k, d in enumerate(fine.row_dims) if d in dims)
    kept = [k for k, d in enumerate(fine.zone_dims) if d in dims]
    zones_n = len(fine.zone_codes[0]) if fine.zone_codes else 1
    group, codes = np.zeros(zones_n, dtype=np.int64), ()
    if kept:
        stacked = np.stack([fine.zone_codes[k] for k in kept])
        distinct, group = np.unique(stacked, axis=1, return_inverse=True)
        codes = tuple(distinct)
    return Crossing(
        dims,
        tuple(fine.row_dims[k] for k in axes),
        tuple(fine.row_sizes[k] for k in axes),
        axes,
        tuple(fine.zone_dims[k] for k in kept),
        group.reshape(-1),
        codes,
        {},
    )


def _with_totals(outline: Crossing, terms: Sequence[Term], margin: Floats) -> Crossing:
    """The crossing with its sums; ``margin`` (terms, row breakdowns, Z)."""
    cells, groups = outline.shape
    found = group_sums(margin.reshape(len(terms), cells, -1), outline.group_of_zone, groups, axis=2)
    return replace(outline, totals=dict(zip(terms, found, strict=True)))


def group_sums(values: Floats, group: Ints, groups: int, axis: int) -> Floats:
    """Sums over the zones of each group along ``axis``; every group has a zone."""
    if groups == 1:
        return np.asarray(values.sum(axis=axis, keepdims=True))
    order = np.argsort(group, kind="stable")
    starts = np.searchsorted(group[order], np.arange(groups))
    return np.asarray(np.add.reduceat(np.take(values, order, axis=axis), starts, axis=axis))


@dataclass(frozen=True)
class Family:
    """Crossings that share their zone breakdowns: cells stacked one crossing after the other.

    ``rows`` are the stacked cells' rows among those of all margins (:class:`Margins`), ``is_all`` whether
    they are all of them in order.
    """

    positions: tuple[int, ...]
    slices: Mapping[int, slice]
    group_of_zone: Ints
    totals: Mapping[Term, Floats]
    rows: Ints
    is_all: bool

    @property
    def shape(self) -> tuple[int, int]:
        """(stacked cells, groups)."""
        cells = max((s.stop for s in self.slices.values()), default=0)
        return cells, int(self.group_of_zone.max(initial=0)) + 1


@dataclass(frozen=True)
class Layout:
    """Where the margins of each set of row axes lie when all are stacked."""

    axes: tuple[tuple[int, ...], ...]
    slices: Mapping[tuple[int, ...], slice]
    cells_n: int


def layout(fine: FineTable, crossings: Sequence[Crossing]) -> Layout:
    """All sets of row axes, the widest first, stacked."""
    axes = sorted({c.row_axes for c in crossings}, key=lambda a: (-len(a), a))
    slices, start = {}, 0
    for kept in axes:
        size = int(np.prod([fine.row_sizes[k] for k in kept], dtype=np.int64))
        slices[kept] = slice(start, start + size)
        start += size
    return Layout(tuple(axes), slices, start)


def families(crossings: Sequence[Crossing], stacked: Layout) -> list[Family]:
    """The crossings grouped by their zone breakdowns."""
    found = []
    for zone_dims in dict.fromkeys(c.zone_dims for c in crossings):
        positions = tuple(k for k, c in enumerate(crossings) if c.zone_dims == zone_dims)
        slices, start, rows = {}, 0, []
        for k in sorted(positions, key=lambda p: stacked.slices[crossings[p].row_axes].start):
            cells = crossings[k].shape[0]
            slices[k] = slice(start, start + cells)
            start += cells
            place = stacked.slices[crossings[k].row_axes]
            rows.append(np.arange(place.start, place.stop))
        totals = {
            t: np.concatenate([crossings[k].totals[t] for k in slices])
            for t in crossings[positions[0]].totals
        }
        zones = crossings[positions[0]].group_of_zone
        every = np.concatenate(rows)
        is_all = np.array_equal(every, np.arange(stacked.cells_n))
        found.append(Family(positions, slices, zones, totals, every, is_all))
    return found


def blocks(fine: FineTable, cells_n: int, target: int = 1 << 18) -> Iterator[tuple[int, int]]:
    """Ranges of PSUs that hold whole strata and about ``target`` values an array."""
    strata = fine.stratum_of_psu
    if strata.size == 0:
        return
    most = max(target // max(cells_n, 1), 1)
    ends = np.append(np.flatnonzero(np.diff(strata)) + 1, strata.size)
    start = 0
    while start < strata.size:
        later = ends[np.searchsorted(ends, start, side="right") :]
        within = np.searchsorted(later, start + most, side="right")
        end = int(later[max(int(within) - 1, 0)])
        yield start, end
        start = end


class Margins:
    """Arrays (stacked cells, PSUs of a block) of each term; a margin is made from the smallest at hand."""

    def __init__(self, fine: FineTable, stacked: Layout, start: int, end: int) -> None:
        self.fine, self.start, self.end = fine, start, end
        width = end - start
        self.arena = np.empty((len(fine.by_psu), stacked.cells_n, width))
        self.terms = dict(zip(fine.by_psu, self.arena, strict=True))
        self.held: dict[tuple[int, ...], dict[Term, Floats]] = {}
        everything = tuple(range(len(fine.row_sizes)))
        if fine.entries is None:
            self.held[everything] = {
                t: np.ascontiguousarray(v[start:end].T).reshape(*fine.row_sizes, width)
                for t, v in fine.by_psu.items()
            }
        for axes in stacked.axes:
            shape = (*(fine.row_sizes[k] for k in axes), width)
            into = {t: v[stacked.slices[axes]].reshape(shape) for t, v in self.terms.items()}
            self._fill(axes, into)
            self.held[axes] = into

    def _fill(self, axes: tuple[int, ...], into: dict[Term, Floats]) -> None:
        wider = [a for a in self.held if set(axes) <= set(a)]
        if not wider:
            self._scatter(axes, into)
            return
        source = min(wider, key=self._size)
        if len(source) > len(axes) + 1:
            source = self._narrowed(source, axes)
        dropped = tuple(k for k, axis in enumerate(source) if axis not in axes)
        for term, target in into.items():
            if dropped:
                np.sum(self.held[source][term], axis=dropped, out=target)
            else:
                target[...] = self.held[source][term]

    def _narrowed(self, source: tuple[int, ...], axes: tuple[int, ...]) -> tuple[int, ...]:
        """Drop the largest axis that is not needed first, and keep what remains for other margins."""
        while len(source) > len(axes) + 1:
            extra = max((a for a in source if a not in axes), key=lambda a: self.fine.row_sizes[a])
            position = source.index(extra)
            narrower = tuple(a for a in source if a != extra)
            self.held[narrower] = {t: v.sum(axis=position) for t, v in self.held[source].items()}
            source = narrower
        return source

    def _size(self, axes: tuple[int, ...]) -> int:
        return int(np.prod([self.fine.row_sizes[k] for k in axes], dtype=np.int64))

    def _scatter(self, axes: tuple[int, ...], into: dict[Term, Floats]) -> None:
        entries, cells_n = self.fine.entries, self.fine.cells_n
        assert entries is not None
        low, high = np.searchsorted(entries, [self.start * cells_n, self.end * cells_n])
        psu, cell = np.divmod(entries[low:high], cells_n)
        codes = np.unravel_index(cell, self.fine.row_sizes) if self.fine.row_sizes else ()
        sizes = tuple(self.fine.row_sizes[k] for k in axes)
        cell = np.ravel_multi_index(tuple(codes[k] for k in axes), sizes) if axes else np.zeros_like(psu)
        width = self.end - self.start
        position = cell * width + (psu - self.start)
        for term, target in into.items():
            target[...] = summed(position, self.fine.by_psu[term][low:high], target.size).reshape(
                target.shape
            )
