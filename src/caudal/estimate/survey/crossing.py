"""Crossings of breakdowns: how the finest cells and zones of a scan add up to the cells of a table."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations

import numpy as np

from caudal.estimate.survey.frame import Floats, Ints
from caudal.estimate.survey.plan import Term
from caudal.estimate.survey.scan import FineTable, summed
from caudal.estimate.survey.taylor import segments


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
    return [_with_totals(_outline(fine, tuple(dims)), fine, totals) for dims in asked]


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
    runs = segments(np.zeros_like(fine.zone_of_psu), fine.zone_of_psu)
    found: dict[Term, Floats] = {}
    for term, values in fine.by_psu.items():
        found[term] = np.zeros(shape)
        ordered = values if runs.order is None else values[:, runs.order]
        found[term][:, runs.groups] = runs.by_group(runs.sums(ordered))
    return {**by_cell, **found}


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


def _with_totals(outline: Crossing, fine: FineTable, totals: Mapping[Term, Floats]) -> Crossing:
    dropped = tuple(k for k in range(len(fine.row_sizes)) if k not in outline.row_axes)
    cells, groups = outline.shape
    found = {}
    for term, total in totals.items():
        margin = total.reshape(*fine.row_sizes, -1).sum(axis=dropped).reshape(cells, -1)
        found[term] = np.zeros((cells, groups))
        for zone, group in enumerate(outline.group_of_zone[: margin.shape[1]]):
            found[term][:, group] += margin[:, zone]
    return replace(outline, totals=found)


def blocks(fine: FineTable, cells_n: int, target: int = 1 << 20) -> Iterator[tuple[int, int]]:
    """Ranges of PSUs that hold whole strata and about ``target`` values an array."""
    strata = fine.stratum_of_psu
    if strata.size == 0:
        return
    most = max(target // max(cells_n, 1), 1)
    ends = np.append(np.flatnonzero(np.diff(strata)) + 1, strata.size)
    start = 0
    while start < strata.size:
        later = ends[ends > start]
        within = later[later <= start + most]
        end = int(within[-1] if within.size else later[0])
        yield start, end
        start = end


class Margins:
    """The arrays (cells, PSUs of a block) of each term, made from the smallest array at hand."""

    def __init__(self, fine: FineTable, start: int, end: int) -> None:
        self.fine, self.start, self.end = fine, start, end
        self.held: dict[tuple[int, ...], dict[Term, Floats]] = {}
        everything = tuple(range(len(fine.row_sizes)))
        if fine.entries is None:
            shape = (*fine.row_sizes, end - start)
            self.held[everything] = {t: v[:, start:end].reshape(shape) for t, v in fine.by_psu.items()}
        else:
            low, high = np.searchsorted(fine.entries, [start * fine.cells_n, end * fine.cells_n])
            self.slice = slice(int(low), int(high))
            psu, cell = np.divmod(fine.entries[self.slice], fine.cells_n)
            self.psu = psu - start
            self.codes = np.unravel_index(cell, fine.row_sizes) if fine.row_sizes else ()

    def of(self, axes: tuple[int, ...]) -> dict[Term, Floats]:
        """The terms as arrays (cells, PSUs) of the crossing of ``axes``."""
        if axes not in self.held:
            wider = [a for a in self.held if set(axes) < set(a)]
            self.held[axes] = (
                self._summed(min(wider, key=self._size), axes) if wider else self._scattered(axes)
            )
        found = self.held[axes]
        return {t: v.reshape(-1, self.end - self.start) for t, v in found.items()}

    def _size(self, axes: tuple[int, ...]) -> int:
        return int(np.prod([self.fine.row_sizes[k] for k in axes], dtype=np.int64))

    def _summed(self, wider: tuple[int, ...], axes: tuple[int, ...]) -> dict[Term, Floats]:
        dropped = tuple(k for k, axis in enumerate(wider) if axis not in axes)
        return {t: v.sum(axis=dropped) for t, v in self.held[wider].items()}

    def _scattered(self, axes: tuple[int, ...]) -> dict[Term, Floats]:
        sizes = tuple(self.fine.row_sizes[k] for k in axes)
        cell = (
            np.ravel_multi_index(tuple(self.codes[k] for k in axes), sizes)
            if axes
            else np.zeros_like(self.psu)
        )
        width = self.end - self.start
        position = cell * width + self.psu
        shape = (*sizes, width)
        size = int(np.prod(shape, dtype=np.int64))
        values = {t: v[self.slice] for t, v in self.fine.by_psu.items()}
        return {t: summed(position, v, size).reshape(shape) for t, v in values.items()}
