"""Quantiles of weighted values: thirteen rules.

With x sorted, w their weights and S_k their cumulated shares, the rules by steps take the largest k with
S_k <= p (the first where there is none) and the next one:

- ``math``, ``hf1``: x_k where S_k reaches p, else x_{k+1}
- ``school``, ``hf2``: the mean of the two where S_k reaches p
- ``hf3``: the even one of the two where S_k reaches p (equal values are joined first)
- ``hf4``: on the line between them

and the others interpolate between positions of the values: ``hf5`` to ``hf9`` (Hyndman & Fan 1996, *American
Statistician* 50:361, with weights) linearly, ``shahvaish`` by steps. Of Shah & Vaish's rule (2006) there are
two: ``shah-vaish-2006`` takes half of the scaled weight, as its authors do; ``shahvaish`` half of the
unscaled one, as R's ``survey`` does.

Below the share of the smallest value the rules are R's: ``school`` gives the mean of the two smallest,
``hf3`` the second smallest, and ``hf4`` extends its first line.
"""

from __future__ import annotations

import numpy as np

from caudal.estimate.survey.frame import Floats
from caudal.estimate.survey.statistics import QuantileRule

_EQUAL = 1e-12
_BY_STEPS = ("math", "school", "hf1", "hf2", "hf3", "hf4")


def weighted_quantile(values: Floats, weight: Floats, p: float, rule: QuantileRule = "math") -> float:
    """The quantile of weighted values by ``rule``; NaN of no values.

    >>> weighted_quantile(np.array([1.0, 2.0, 3.0, 4.0]), np.ones(4), 0.5, "math")
    2.0
    >>> weighted_quantile(np.array([1.0, 2.0, 3.0, 4.0]), np.ones(4), 0.5, "school")
    2.5
    """
    kept = weight != 0
    x, w = values[kept], weight[kept]
    if np.isnan(p) or x.size == 0:
        return float("nan")
    if x.size == 1:
        return float(x[0])
    order = np.argsort(x, kind="stable")
    return sorted_quantile(x[order], w[order], p, rule)


def sorted_quantile(x: Floats, w: Floats, p: float, rule: QuantileRule) -> float:
    """The quantile of values in ascending order with positive weights, two or more."""
    if rule in _BY_STEPS:
        return _by_steps(x, w, p, rule)
    positions = _positions(w, rule)
    if rule in ("shahvaish", "shah-vaish-2006"):
        place = np.argsort(positions, kind="stable")
        at = int(np.searchsorted(positions[place], p, side="right")) - 1
        return float(x[place[np.clip(at, 0, x.size - 1)]])
    return float(np.interp(p, positions, x))


def _by_steps(x: Floats, w: Floats, p: float, rule: QuantileRule) -> float:
    if rule == "hf3":
        x, position = np.unique(x, return_inverse=True)
        w = np.bincount(position, w).astype(np.float64, copy=False)
    share = np.cumsum(w) / w.sum()
    low = max(int(np.searchsorted(share, p + _EQUAL, side="right")) - 1, 0)
    up = min(low + 1, x.size - 1)
    is_reached = p <= share[low] + _EQUAL
    if rule in ("school", "hf2"):
        return float((x[low] + x[up]) / 2) if is_reached else float(x[up])
    if rule == "hf3":
        return float(x[low]) if is_reached and low % 2 == 1 else float(x[up])
    if rule == "hf4":
        between = share[up] - share[low]
        part = (p - share[low]) / between if between > 0 else 0.0
        return float(x[low] * (1 - part) + x[up] * part)
    return float(x[low]) if is_reached else float(x[up])


def _positions(w: Floats, rule: QuantileRule) -> Floats:
    """The share at which each value stands, for the rules that interpolate."""
    cumulated = np.cumsum(w)
    before = cumulated - w
    before[0] = 0.0
    total, last = cumulated[-1], w[-1]
    scaled = w / w.mean()
    found: Floats
    match rule:
        case "shahvaish":
            found = (np.cumsum(scaled) + 0.5 - w / 2) / (w.size + 1)
        case "shah-vaish-2006":
            found = (np.cumsum(scaled) + 0.5 - scaled / 2) / (w.size + 1)
        case "hf5":
            found = (cumulated - w / 2) / total
        case "hf6":
            found = cumulated / (total + last)
        case "hf7":
            found = before / cumulated[-2]
        case "hf8":
            found = (before / 3 + cumulated * 2 / 3) / (total + last / 3)
        case _:
            found = (before * 3 / 8 + cumulated * 5 / 8) / (total + last / 4)
    return found
