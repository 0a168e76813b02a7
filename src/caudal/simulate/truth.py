"""The true values: every indicator that the sources can carry, counted on the population itself.

Counts are added block by block in whole numbers over the cubes of :mod:`caudal.simulate.axes`. The values of
an indicator follow for every crossing of up to three leading dimensions (region, sex, age, migratory
status, ethnicity, disability), and of every other dimension alone and with one of these.

What it refuses to do: a ratio whose denominator is nobody.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from caudal.simulate.axes import (
    CUBES,
    TERRITORY,
    TOTAL,
    Axis,
    Cube,
    Dimension,
    dimension_names,
    dimensions_of,
)
from caudal.simulate.indicators import INDICATORS, MEASURES, TrueIndicator, measure
from caudal.simulate.parameters import REFERENCE_YEAR
from caudal.simulate.population import Population

#: Crossings have at most this many dimensions, the region counted as one ...
MOST_DIMENSIONS = 3
#: ... or this many where one of them is not leading.
MOST_WITH_OTHERS = 2


@dataclass(frozen=True)
class Tally:
    """Sums over a population: by cube, one row a measure and one column a cell of the cube."""

    cubes: tuple[NDArray[np.int64], ...]
    persons: int
    households: int

    def __add__(self, other: Tally) -> Tally:
        return Tally(
            tuple(a + b for a, b in zip(self.cubes, other.cubes, strict=True)),
            self.persons + other.persons,
            self.households + other.households,
        )


#: The sums over nobody.
NOTHING_COUNTED = Tally(
    tuple(np.zeros((len(MEASURES), cube.size), dtype=np.int64) for cube in CUBES), persons=0, households=0
)


def tally(population: Population) -> Tally:
    """The sums of all measures over the cells of all cubes."""
    values = [measure(name, population) for name in MEASURES]
    used = [np.flatnonzero(v) for v in values]
    codes = {axis.name: axis.codes_of(population) for cube in CUBES for axis in cube.axes}
    cubes = []
    for cube in CUBES:
        cell = np.zeros(population.persons, dtype=np.int64)
        for axis in cube.axes:
            cell = cell * axis.size + codes[axis.name]
        # whole-number sums, exact since they stay below two to the power of 53
        sums = [np.bincount(cell[u], v[u], cube.size) for u, v in zip(used, values, strict=True)]
        cubes.append(np.stack(sums).astype(np.int64))
    return Tally(tuple(cubes), population.persons, len(population.household_row))


def true_values(sums: Tally) -> pa.Table:
    """The true values as one long table, a row for each indicator and crossing.

    Columns: ``indicator_code``, ``unit_code``, ``time_period``, one ``<dimension>_code`` for each dimension
    (``_T`` for its total; the territory's code for ``reference_area_code``), ``breakdown_n`` (the number of
    dimensions crossed, the region one of them), ``value``, ``numerator``, ``denominator_n`` (null for
    counts). Ratios without a denominator are left out.
    """
    parts = [
        _crossing_rows(cells, dimensions)
        for cube, counted in zip(CUBES, sums.cubes, strict=True)
        for dimensions, cells in _crossings(cube, counted)
    ]
    return pa.concat_tables(parts).combine_chunks()


def _crossings(
    cube: Cube, counted: NDArray[np.int64]
) -> Iterator[tuple[tuple[Dimension, ...], NDArray[np.int64]]]:
    """The crossings that belong to a cube, with the sums of the measures over their published groups."""
    full = counted.reshape(len(MEASURES), *(axis.size for axis in cube.axes))
    for k in range(MOST_DIMENSIONS + 1):
        for axes in itertools.combinations(cube.axes, k):
            if cube.own and cube.own not in [axis.name for axis in axes]:
                continue
            rest = tuple(i + 1 for i, axis in enumerate(cube.axes) if axis not in axes)
            yield from _groupings(axes, full.sum(axis=rest))


def _groupings(
    axes: tuple[Axis, ...], values: NDArray[np.int64]
) -> Iterator[tuple[tuple[Dimension, ...], NDArray[np.int64]]]:
    """All ways to publish a crossing of axes by a dimension of each."""
    for dimensions in itertools.product(*(dimensions_of(axis) for axis in axes)):
        if len(dimensions) > MOST_WITH_OTHERS and not all(d.leading for d in dimensions):
            continue
        grouped = values
        for d in dimensions:
            # each turn takes the first ungrouped axis and appends its groups at the end
            grouped = np.tensordot(grouped, d.groups, axes=(1, 1))
        yield dimensions, grouped


def _crossing_rows(cells: NDArray[np.int64], dimensions: tuple[Dimension, ...]) -> pa.Table:
    """All indicators in all cells of a crossing."""
    flat = cells.reshape(len(MEASURES), -1)
    above = np.stack([flat[MEASURES.index(i.numerator)] / i.scale for i in INDICATORS])
    below = np.stack([_denominator(i, flat) for i in INDICATORS])
    indicator, cell = np.nonzero(below)
    above, below = above[indicator, cell], below[indicator, cell]
    counts = np.array([not i.denominator for i in INDICATORS])[indicator]
    per = np.array([i.per for i in INDICATORS])[indicator]
    place = np.unravel_index(cell, cells.shape[1:]) if dimensions else ()
    columns = {
        "indicator_code": _chosen([i.code for i in INDICATORS], indicator),
        "unit_code": _chosen([i.unit for i in INDICATORS], indicator),
        "time_period": _repeated(str(REFERENCE_YEAR), len(cell)),
        **{f"{name}_code": _repeated(TOTAL, len(cell)) for name in dimension_names()},
        "reference_area_code": _repeated(TERRITORY, len(cell)),
    }
    for dimension, codes in zip(dimensions, place, strict=True):
        columns[f"{dimension.name}_code"] = _chosen(dimension.codes, codes)
    columns["breakdown_n"] = pa.repeat(pa.scalar(len(dimensions), pa.int8()), len(cell))
    columns["value"] = pa.array(above / below * per)
    columns["numerator"] = pa.array(above)
    columns["denominator_n"] = pa.array(below, mask=counts)
    return pa.table(columns)


def _denominator(indicator: TrueIndicator, flat: NDArray[np.int64]) -> NDArray[np.int64]:
    """The denominators of an indicator's cells: ones for a count."""
    if not indicator.denominator:
        return np.ones(flat.shape[1], dtype=np.int64)
    return np.asarray(flat[MEASURES.index(indicator.denominator)], dtype=np.int64)


def _chosen(codes: Sequence[str], place: NDArray[np.int64]) -> pa.Array:
    return pa.array(codes).take(pa.array(place))


def _repeated(text: str, n: int) -> pa.Array:
    return pa.repeat(pa.scalar(text), n)
