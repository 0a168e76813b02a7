"""The true values: every indicator that the sources can carry, counted on the population itself.

Counts are added block by block in whole numbers over three cubes: region, sex, age, migratory status,
ethnicity and disability; region, sex, age and country of birth; region, sex, age and country of citizenship.
The values of an indicator follow for every crossing of up to three of a cube's axes, with overlapping groups
(all born abroad; recent arrivals; ages 15 to 24) as sums of its finest categories.

Definitions are those of the methods page. What it refuses to do: a ratio whose denominator is nobody.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from caudal.simulate.axes import ALL_AXES, CUBES, TOTAL, Axis, Cube
from caudal.simulate.indicators import INDICATORS, MEASURES, TrueIndicator, measure
from caudal.simulate.parameters import REFERENCE_YEAR
from caudal.simulate.population import Population

#: Crossings have at most this many axes, the region counted as one.
MOST_AXES = 3
TERRITORY = "XI"


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
    measures = [measure(name, population) for name in MEASURES]
    codes = {axis.name: axis.codes_of(population) for axis in ALL_AXES}
    cubes = []
    for cube in CUBES:
        cell = np.zeros(population.persons, dtype=np.int64)
        for axis in cube.axes:
            cell = cell * axis.size + codes[axis.name]
        cubes.append(np.stack([_sum_by(cell, m, cube.size) for m in measures]))
    return Tally(tuple(cubes), population.persons, len(population.household_row))


def true_values(sums: Tally) -> pa.Table:
    """The true values as one long table, a row for each indicator and crossing.

    Columns: ``indicator_code``, ``unit_code``, ``reference_area_code``, ``time_period``, one ``<axis>_code``
    for each axis but the region (``_T`` for its total), ``value``, ``numerator``, ``denominator_n`` (null
    for counts). Ratios without a denominator are left out.
    """
    parts = [
        _crossing(values, axes)
        for cube, cells in zip(CUBES, sums.cubes, strict=True)
        for axes, values in _crossings(cube, cells)
    ]
    return pa.concat_tables(parts).combine_chunks()


def _sum_by(cell: NDArray[np.int64], values: NDArray[np.int64], size: int) -> NDArray[np.int64]:
    """Whole-number sums by cell; exact, since they stay below two to the power of 53."""
    used = np.flatnonzero(values)
    return np.bincount(cell[used], values[used], minlength=size).astype(np.int64)


def _crossings(cube: Cube, cells: NDArray[np.int64]) -> Iterator[tuple[tuple[Axis, ...], NDArray[np.int64]]]:
    """Every crossing of a cube that is its own, with sums by measure and published categories."""
    full = cells.reshape(len(MEASURES), *(axis.size for axis in cube.axes))
    for k in range(MOST_AXES + 1):
        for chosen in itertools.combinations(range(len(cube.axes)), k):
            axes = tuple(cube.axes[i] for i in chosen)
            if cube.own and cube.own not in [a.name for a in axes]:
                continue
            rest = tuple(i + 1 for i in range(len(cube.axes)) if i not in chosen)
            values = full.sum(axis=rest)
            for place, axis in enumerate(axes):
                values = np.moveaxis(np.tensordot(values, axis.groups, axes=(place + 1, 1)), -1, place + 1)
            yield axes, values


def _crossing(values: NDArray[np.int64], axes: tuple[Axis, ...]) -> pa.Table:
    shape = values.shape[1:]
    flat = values.reshape(len(MEASURES), -1)
    place = np.indices(shape).reshape(len(shape), -1) if shape else np.zeros((0, 1), dtype=np.int64)
    return pa.concat_tables([_indicator(i, flat, axes, place) for i in INDICATORS])


def _indicator(
    indicator: TrueIndicator, flat: NDArray[np.int64], axes: tuple[Axis, ...], place: NDArray[np.int64]
) -> pa.Table:
    above = flat[MEASURES.index(indicator.numerator)] / indicator.scale
    below = flat[MEASURES.index(indicator.denominator)] if indicator.denominator else None
    kept = np.ones(len(above), dtype=np.bool_) if below is None else below > 0
    n = int(kept.sum())
    value = above[kept] if below is None else above[kept] / below[kept] * indicator.per
    columns = {
        "indicator_code": _repeated(indicator.code, n),
        "unit_code": _repeated(indicator.unit, n),
        "reference_area_code": _repeated(TERRITORY, n),
        "time_period": _repeated(str(REFERENCE_YEAR), n),
        **{f"{a.name}_code": _repeated(TOTAL, n) for a in ALL_AXES if a.name != "reference_area"},
        "value": pa.array(value, pa.float64()),
        "numerator": pa.array(above[kept], pa.float64()),
        "denominator_n": pa.nulls(n, pa.int64()) if below is None else pa.array(below[kept], pa.int64()),
    }
    for axis, codes in zip(axes, place, strict=True):
        columns[f"{axis.name}_code"] = pa.array(
            np.array(axis.published, dtype=object)[codes[kept]], pa.string()
        )
    return pa.table(columns)


def _repeated(text: str, n: int) -> pa.Array:
    return pa.repeat(pa.scalar(text), n)
