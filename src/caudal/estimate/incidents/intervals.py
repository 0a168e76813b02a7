"""Intervals for a count of people who died in incidents of several: the compound Poisson process.

Incidents happen at random, deaths come in them together. With tolls x of N incidents, the count is
y = sum(x) and its variance, whatever the distribution of tolls, is estimated by v = sum(x^2): that of a
Poisson count times E[X^2]/E[X]. The limits are those of a weighted sum of Poisson counts with a gamma
distribution, which keep their level where incidents are few:

    lower = v/(2y) * chi2(a/2; 2y^2/v)
    upper = (v + m^2)/(2(y + m)) * chi2(1 - a/2; 2(y + m)^2/(v + m^2)),   m the largest toll

Reference: Fay and Feuer (1997), Confidence intervals for directly standardized rates, Statistics in
Medicine 16; Parzen (1962), Stochastic Processes, on the variance of a compound Poisson sum.

They say how far chance alone moves the count of such incidents as were observed. They say nothing of the
incidents that nobody saw: a count is a minimum, and routes that are watched differently are not ranked.
It refuses tolls below zero, and an interval where there was no incident: what one would have cost is not
known.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.stats import chi2, norm

from caudal.errors import CaudalError, problem

LEVEL = 0.95
INTERVAL_TYPE = "gamma-95"

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Interval:
    """A count of people (or a ratio of two) with its standard error and its limits."""

    value: float
    se: float
    lower: float
    upper: float


def limits(total: Floats, squares: Floats, largest: Floats, level: float = LEVEL) -> tuple[Floats, Floats]:
    """Lower and upper limits of many counts at once: sums of tolls, sums of their squares, largest tolls.

    Where nobody died both limits are not a number.
    """
    tail = (1 - level) / 2
    with np.errstate(divide="ignore", invalid="ignore"):
        lower = squares / (2 * total) * chi2.ppf(tail, 2 * total**2 / squares)
        above, more = total + largest, squares + largest**2
        upper = more / (2 * above) * chi2.ppf(1 - tail, 2 * above**2 / more)
    seen = total > 0
    return np.where(seen, lower, np.nan), np.where(seen, upper, np.nan)


def interval(tolls: Sequence[int], level: float = LEVEL) -> Interval:
    """The count of people in incidents with these ``tolls`` and its interval, in people.

    Raises :class:`CaudalError` for a toll below zero and where nobody died.

    >>> one_by_one, together = interval([1] * 20), interval([20])
    >>> [round(v, 1) for v in (one_by_one.lower, one_by_one.upper)]
    [12.2, 30.9]
    >>> [round(v, 1) for v in (together.lower, together.upper)]
    [0.5, 111.4]
    """
    if any(t < 0 for t in tolls):
        raise CaudalError(problem("toll-negative", found=min(tolls)))
    total, squares = sum(tolls), sum(t * t for t in tolls)
    if not total:
        raise CaudalError(problem("no-incident"))
    one = (np.array([float(total)]), np.array([float(squares)]), np.array([float(max(tolls))]))
    lower, upper = limits(*one, level=level)
    return Interval(float(total), math.sqrt(squares), float(lower[0]), float(upper[0]))


def rate_ratio(first: Sequence[int], second: Sequence[int], level: float = LEVEL) -> Interval:
    """How many times as many people died in the ``first`` incidents as in the ``second``, over the same time
    and the same number of crossings, on the scale of logarithms: se(log r)^2 = v1/y1^2 + v2/y2^2.

    Raises :class:`CaudalError` where nobody died in one of them.

    >>> round(rate_ratio([10, 10], [1] * 10).lower, 2), round(rate_ratio([1] * 20, [1] * 10).lower, 2)
    (0.44, 0.94)
    """
    a, b = interval(first, level), interval(second, level)
    ratio = a.value / b.value
    error = math.sqrt((a.se / a.value) ** 2 + (b.se / b.value) ** 2)
    reach = math.exp(float(norm.ppf(0.5 + level / 2)) * error)
    return Interval(ratio, ratio * error, ratio / reach, ratio * reach)
