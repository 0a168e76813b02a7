"""Random draws that are the same on every machine.

Every draw is a uniform number of a fixed bit generator (PCG64), looked up in a table. Tables are made of
sums, products and roundings, which IEEE arithmetic defines to the last bit; there is no logarithm, no
normal variate and no library sampler whose stream may change. Streams are named by seed, purpose and block,
so that blocks can be made in any order, on any number of threads, one at a time.

Reference: L. Devroye, Non-Uniform Random Variate Generation (1986), section II.2 (inversion).
What it refuses to do: share a stream between two purposes.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import IntEnum

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

#: Entries of a quantile table; a draw reads one of them.
TABLE_SIZE = 4096


class Purpose(IntEnum):
    """What a stream of random numbers is for."""

    GEOGRAPHY = 1
    POPULATION = 2
    CENSUS = 3
    SURVEY_SAMPLE = 4
    SURVEY_ANSWERS = 5
    REGISTER = 6
    PERMITS = 7
    OUTLINES = 8


def stream(seed: int, purpose: Purpose, block: int = 0) -> np.random.Generator:
    """The generator of ``seed`` for a purpose and a block.

    >>> float(stream(1, Purpose.CENSUS).random()) == float(stream(1, Purpose.CENSUS).random())
    True
    """
    sequence = np.random.SeedSequence(seed, spawn_key=(int(purpose), block))
    return np.random.Generator(np.random.PCG64(sequence))


def cumulative(weights: ArrayLike) -> Floats:
    """Cumulated shares of ``weights`` along the last axis; the last is 1 exactly.

    >>> cumulative([1, 1, 2]).tolist()
    [0.25, 0.5, 1.0]
    """
    table = np.asarray(weights, dtype=np.float64)
    total = np.add.accumulate(table, axis=-1)
    shares: Floats = total / total[..., -1:]
    return shares


def pick(u: Floats, shares: Floats) -> Integers:
    """The category of each uniform ``u``: 0 to k-1.

    ``shares`` are cumulated: one row of k for all, or one row per element.

    >>> pick(np.array([0.1, 0.3, 0.9]), cumulative([1, 1, 2])).tolist()
    [0, 1, 2]
    """
    chosen = np.zeros(len(u), dtype=np.int64)
    for j in range(shares.shape[-1] - 1):
        chosen += u >= shares[..., j]
    return chosen


def pick_by(u: Floats, shares: Floats, group: Integers) -> Integers:
    """The category of each ``u`` under the row of cumulated ``shares`` that its ``group`` names."""
    chosen = np.zeros(len(u), dtype=np.int64)
    for j in range(shares.shape[1] - 1):
        chosen += u >= shares[:, j][group]
    return chosen


def quantiles(bands: Sequence[tuple[int, int, float]]) -> Integers:
    """A table of integers: within a band ``(first, last, weight)`` all values are equally likely.

    >>> table = quantiles([(0, 9, 3.0), (10, 19, 1.0)])
    >>> len(table), int((table < 10).sum()) / len(table)
    (4096, 0.75)
    """
    total = sum(weight for _, _, weight in bands)
    table = np.empty(TABLE_SIZE, dtype=np.int64)
    start, before = 0, 0.0
    for first, last, weight in bands:
        before += weight
        end = round(TABLE_SIZE * before / total)
        steps = np.arange(end - start)
        table[start:end] = first + steps * (last - first + 1) // max(1, end - start)
        start = end
    return table


def read_quantiles(u: Floats, tables: NDArray[np.generic], group: Integers | None = None) -> Integers:
    """The entry of a quantile table (or of the row that ``group`` names) for each uniform ``u``."""
    place = (u * TABLE_SIZE).astype(np.int64)
    return tables[place] if group is None else tables[group, place]  # type: ignore[return-value]


def bell(u: Floats, v: Floats) -> Floats:
    """A bell-shaped variate between -1 and 1, of mean 0 and variance 1/6: the sum of two uniforms less 1.

    >>> float(bell(np.array([0.5]), np.array([0.5]))[0])
    0.0
    """
    return u + v - 1.0
