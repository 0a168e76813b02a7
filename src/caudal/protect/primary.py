"""Primary risk: which cells may not be shown for their own sake.

Counts: a cell of 1 to threshold - 1 units (0 too, where the custodian holds empty cells disclosive).
Amounts, with the contributions x_1 >= x_2 >= ... of a cell of total T:
(n,k) dominance ``x_1 + ... + x_n > k/100 T``; p % rule ``T - x_1 - x_2 < p/100 x_1``.

It refuses negative contributions: neither rule means anything for them.

Reference: Hundepool et al. (2012), Statistical Disclosure Control, sections 4.2 and 5.2.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from caudal.errors import CaudalError, problem
from caudal.protect.cells import Bools, Ints


def small_counts(counts: Ints, threshold: Ints | int, *, zeros: bool = False) -> Bools:
    """Cells below their threshold; empty ones only if ``zeros``.

    >>> small_counts(np.array([0, 1, 4, 5]), 5)
    array([False,  True,  True, False])
    """
    below = counts < threshold
    return np.asarray(below if zeros else below & (counts > 0), bool)


def dominant(contributions: Sequence[Sequence[float]], n: int, k: float) -> Bools:
    """Cells whose ``n`` largest contributions exceed ``k`` percent of the total.

    >>> dominant([[80, 10, 10], [40, 30, 30]], n=1, k=75)
    array([ True, False])
    """
    ordered = _ordered(contributions)
    return np.array([sum(c[:n]) > k / 100 * sum(c) for c in ordered], bool)


def p_percent_risk(contributions: Sequence[Sequence[float]], p: float) -> Bools:
    """Cells in which the second largest contributor can estimate the largest closer than ``p`` percent.

    >>> p_percent_risk([[100, 50, 5], [100, 50, 20]], p=10)
    array([ True, False])
    """
    ordered = _ordered(contributions)
    return np.array([bool(c) and sum(c[2:]) < p / 100 * c[0] for c in ordered], bool)


def _ordered(contributions: Sequence[Sequence[float]]) -> list[list[float]]:
    bad = [i for i, c in enumerate(contributions) if any(not x >= 0 for x in c)]
    if bad:
        raise CaudalError(
            *(problem("protect-not-a-count", cell=i, count=list(contributions[i])) for i in bad)
        )
    return [sorted(c, reverse=True) for c in contributions]
