"""The tables of the protection benchmarks: skewed random counts with all margins.

Log-normal category weights, a little interaction, one multinomial draw; the seed is part of the table.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import product

import numpy as np
import numpy.typing as npt

Counts = npt.NDArray[np.int64]


def random_counts(
    shape: Sequence[int], persons: int, skew: Sequence[float], seed: int, interaction: float = 0.3
) -> Counts:
    """Counts of ``persons`` over ``shape``; ``skew`` is the log standard deviation of each dimension."""
    rng = np.random.default_rng(seed)
    p = np.ones(())
    for size, sd in zip(shape, skew, strict=True):
        weights = np.exp(rng.normal(0, sd, size))
        p = np.multiply.outer(p, weights / weights.sum())
    p = p * np.exp(rng.normal(0, interaction, p.shape))
    drawn = rng.multinomial(persons, (p / p.sum()).ravel())
    return np.asarray(drawn, np.int64).reshape(tuple(shape))


def with_margins(counts: Counts, names: Sequence[str]) -> dict[tuple[str, ...], int]:
    """All cells of the table and of its margins, by key."""
    cells: dict[tuple[str, ...], int] = {}
    for kept in product([True, False], repeat=counts.ndim):
        axes = tuple(i for i, k in enumerate(kept) if not k)
        table = counts.sum(axis=axes) if axes else counts
        for at in np.ndindex(table.shape):
            rest = iter(at)
            cells[tuple(f"{n}{next(rest)}" if k else "_T" for n, k in zip(names, kept, strict=True))] = int(
                table[at]
            )
    return cells


def small_counts_of_the_table() -> Counts:
    """Inner cells of :func:`small_table`."""
    return random_counts((24, 8, 5), 20_000, (0.5, 0.6, 1.0), 129)


def small_table() -> tuple[list[str], dict[tuple[str, ...], int]]:
    """24 x 8 x 5 from 20 thousand persons: 1,350 cells, 270 of them 1 to 4.

    The weights and the seed are those of the first table found whose proven minima are those of the table on
    which other programs were measured: 63 (nobody alone in a line), 67 (width 3, lower bound 0), 90 (1).
    """
    names = ["region", "age", "group"]
    return names, with_margins(small_counts_of_the_table(), names)


def middle_table() -> tuple[list[str], dict[tuple[str, ...], int]]:
    """24 x 8 x 5 x 4 from 200 thousand persons: 6,750 cells, 1,107 of them 1 to 4; 367 for the lines alone,
    where the table on which others were measured needs 371."""
    names = ["region", "age", "group", "status"]
    counts = random_counts((24, 8, 5, 4), 200_000, (0.8, 0.6, 1.2, 1.0), 2856)
    return names, with_margins(counts, names)


def large_counts() -> tuple[list[str], Counts, Mapping[str, str]]:
    """200 communes in 16 regions x 20 x 10 x 5 from a million persons: 131 thousand cells that are not empty,
    90 thousand of them 1 to 4. The weights fall as powers of the rank, which log-normal ones do not allow."""
    names = ["commune", "origin", "age", "status"]
    rng = np.random.default_rng(0)
    p = np.ones(())
    for size, power in zip((200, 20, 10, 5), (0.44, 1.5, 0.03, 0.92), strict=True):
        weights = (1.0 + np.arange(size)) ** -power
        rng.shuffle(weights)
        p = np.multiply.outer(p, weights / weights.sum())
    p = p * np.exp(rng.normal(0, 0.3, p.shape))
    counts = np.asarray(rng.multinomial(1_000_000, (p / p.sum()).ravel()), np.int64).reshape(p.shape)
    return names, counts, {f"commune{i}": f"R{i % 16}" for i in range(200)}
