"""The root of a function between two points, by Brent's method (1973, *Algorithms for Minimization without
Derivatives*, ch. 4): bisection, secant and inverse quadratic steps.

Which of two close points it returns for a function that jumps depends on its steps, and figures that other
software obtained so are reproduced by the same ones. Refused: ends of the same sign (NaN).
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

_EPSILON = float(np.finfo(np.float64).eps)


def root_between(function: Callable[[float], float], low: float, high: float, tolerance: float) -> float:
    """A point within ``tolerance`` of a change of sign of ``function``; NaN where the ends have one sign.

    >>> round(root_between(lambda x: x * x - 2, 0.0, 2.0, 1e-12), 9)
    1.414213562
    """
    a, b, fa, fb = low, high, function(low), function(high)
    if fa == 0:
        return a
    if fb == 0:
        return b
    if not fa * fb < 0:
        return float("nan")
    c, fc = a, fa
    for _ in range(1000):
        before = b - a
        if abs(fc) < abs(fb):
            a, b, c, fa, fb, fc = b, c, b, fb, fc, fb
        least = 2 * _EPSILON * abs(b) + tolerance / 2
        step = (c - b) / 2
        if abs(step) <= least or fb == 0:
            return b
        if abs(before) >= least and abs(fa) > abs(fb):
            step = _interpolated(a, b, c, fa, fb, fc, before, least, step)
        if abs(step) < least:
            step = least if step > 0 else -least
        a, fa = b, fb
        b += step
        fb = function(b)
        if fb * fc > 0:
            c, fc = a, fa
    return b


def _interpolated(
    a: float, b: float, c: float, fa: float, fb: float, fc: float, before: float, least: float, half: float
) -> float:
    """The step by interpolation where it stays inside and shrinks, else half the interval."""
    width = c - b
    if a == c:
        ratio = fb / fa
        p, q = width * ratio, 1 - ratio
    else:
        q, first, second = fa / fc, fb / fc, fb / fa
        p = second * (width * q * (q - first) - (b - a) * (first - 1))
        q = (q - 1) * (first - 1) * (second - 1)
    if p > 0:
        q = -q
    else:
        p = -p
    inside = p < 0.75 * width * q - abs(least * q) / 2 and p < abs(before * q / 2)
    return p / q if inside else half
