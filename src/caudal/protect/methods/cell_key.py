"""Cell keys: noise that belongs to the people in a cell, so the same people always get the same noise.

Each record has a key, a uniform number below 2**32 from a keyed hash of its identifier; the key of a cell
is the sum of its records' keys modulo 2**32, mixed once more with the secret. It picks the deviation from
a perturbation table whose probabilities for a count n maximise entropy under: mean 0, variance V, no
deviation beyond D, no negative count and no result between 1 and the threshold (positive small counts do
not occur in print). Zeros stay zeros.

The same set of people has the same key in every table and every release, so averaging over tables gains
nothing. Margins do not add up, and the added variance is stated with each cell.

It refuses to run without a secret and without record keys.

Reference: Fraser and Wooton (2005), A proposed method for confidentialising tabular output;
Giessing (2016), Computational issues in the design of transition probabilities, PSD 2016, LNCS 9867.
"""

from __future__ import annotations

import hashlib
import hmac
from functools import cache

import numpy as np
from scipy.optimize import minimize

from caudal.errors import CaudalError, problem
from caudal.protect.cells import Floats, Ints
from caudal.protect.contract import Method, Protected, Task

MODULUS = 2**32


def record_keys(identifiers: list[str], secret: bytes) -> Ints:
    """One key a record, the same wherever the record is counted.

    >>> bool((record_keys(["a", "b"], b"s") == record_keys(["a", "b"], b"s")).all())
    True
    """
    if not secret:
        raise CaudalError(problem("protect-no-secret", method="cell_key"))
    found = [hmac.digest(secret, i.encode(), "sha256")[:4] for i in identifiers]
    return np.array([int.from_bytes(f, "big") for f in found], np.int64)


def perturb(
    counts: Ints, key_sums: Ints, *, variance: float, largest: int, least: int, secret: bytes
) -> Ints:
    """``counts`` with the deviation that their keys pick; ``least`` is the smallest positive result."""
    if not secret:
        raise CaudalError(problem("protect-no-secret", method="cell_key"))
    uniform = _mixed(key_sums, secret)
    out = counts.copy()
    saturated = least + 2 * largest
    for n in np.unique(np.minimum(counts, saturated)):
        if n == 0:
            continue
        at = np.flatnonzero(np.minimum(counts, saturated) == n)
        deviations, cumulative = transition(int(n), variance, largest, least)
        out[at] = counts[at] + deviations[np.searchsorted(cumulative, uniform[at], side="right")]
    return out


def _mixed(key_sums: Ints, secret: bytes) -> Floats:
    """Uniform numbers in [0, 1) from cell keys: one round of mixing keyed by the secret (splitmix64)."""
    salt = np.frombuffer(hashlib.sha256(secret).digest()[:16], np.uint64)
    with np.errstate(over="ignore"):
        z = (key_sums.astype(np.uint64) % np.uint64(MODULUS) + salt[0]) * np.uint64(
            0x9E3779B97F4A7C15
        ) ^ salt[1]
        z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return np.asarray((z ^ (z >> np.uint64(31))) >> np.uint64(11), float) / 2.0**53


@cache
def transition(n: int, variance: float, largest: int, least: int) -> tuple[Ints, Floats]:
    """Deviations of a count ``n`` and their cumulative probabilities.

    Mean 0 exactly; the variance is ``variance`` where that is possible, else the nearest that is (a count
    of 1 cannot vary by 2 if nothing between 1 and ``least`` may be printed without more).
    """
    values = np.array([v for v in range(max(n - largest, 0), n + largest + 1) if v == 0 or v >= least])
    d = (values - n).astype(float)
    if not (d <= 0).any() or not (d >= 0).any():
        raise CaudalError(problem("protect-no-transition", count=n, largest=largest, least=least))
    p = _entropy(d, variance)
    return (values - n).astype(np.int64), np.cumsum(p)


def _entropy(d: Floats, variance: float) -> Floats:
    """The probabilities exp(a d - b d^2) / sum that have mean 0 and the variance nearest to the target."""

    def probabilities(theta: Floats) -> Floats:
        e = theta[0] * d - theta[1] * d * d
        w = np.exp(e - e.max())
        return np.asarray(w / w.sum(), float)

    def dual(theta: Floats) -> float:
        e = theta[0] * d - theta[1] * d * d
        return float(e.max() + np.log(np.exp(e - e.max()).sum()) + theta[1] * variance)

    def gradient(theta: Floats) -> Floats:
        p = probabilities(theta)
        return np.array([p @ d, variance - p @ (d * d)])

    best = minimize(dual, np.zeros(2), jac=gradient, bounds=[(-30, 30), (-30, 30)], method="L-BFGS-B")
    return _centred(probabilities(best.x), d)


def _centred(p: Floats, d: Floats) -> Floats:
    """The last digit: mean exactly zero, by mixing in a little of the outermost deviation opposite."""
    mean = float(p @ d)
    end = int(np.argmin(d)) if mean > 0 else int(np.argmax(d))
    if mean == 0 or d[end] == 0:
        return p
    share = mean / (mean - float(d[end]))
    mixed = (1 - share) * p
    mixed[end] += share
    return np.asarray(mixed, float)


def variance_of(n: int, variance: float, largest: int, least: int) -> float:
    """The variance that a count of ``n`` receives."""
    deviations, cumulative = transition(n, variance, largest, least)
    p = np.diff(cumulative, prepend=0.0)
    return float(p @ (deviations.astype(float) ** 2))


def largest_error(shown: int, variance: float, largest: int, least: int) -> float:
    """The largest standard error among the counts that can be shown as ``shown``.

    Small counts receive another variance than large ones, so an error that knew the count would tell it.

    >>> round(largest_error(0, 2.0, 5, 5), 2), round(largest_error(40, 2.0, 5, 5), 2)
    (2.45, 1.41)
    """
    counts = range(max(shown - largest, 1), shown + largest + 1)
    behind = [n for n in counts if shown - n in transition(n, variance, largest, least)[0]]
    return float(np.sqrt(max(variance_of(n, variance, largest, least) for n in behind)))


def _protect(task: Task) -> Protected:
    if task.keys is None:
        raise CaudalError(problem("protect-no-keys", where=task.name))
    policy, counts = task.policy, task.system.counts
    rule = policy.cell_key
    least = policy.count_threshold
    shown = perturb(
        counts, task.keys, variance=rule.variance, largest=rule.largest, least=least, secret=task.secret
    )
    saturated = np.minimum(shown, least + 2 * rule.largest)
    by_shown = {
        int(m): largest_error(int(m), rule.variance, rule.largest, least) for m in np.unique(saturated)
    }
    added = np.array([by_shown[int(m)] for m in saturated])
    return Protected(~task.system.hidden, shown, added)


METHOD = Method(
    name="cell_key",
    cite="Fraser and Wooton (2005), Conference of European Statisticians, work session on confidentiality",
    additive=False,
    perturbs=True,
    needs_secret=True,
    protect=_protect,
)
