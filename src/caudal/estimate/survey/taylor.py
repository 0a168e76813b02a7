"""Variance of linearised sums over the PSUs of a stratified design (ultimate clusters).

For values z_hi of the PSUs i of stratum h, zero for a PSU without members of the domain::

    V = sum_h (1 - f_h) n_h / (n_h - 1) sum_i (z_hi - mean_h)^2,      n_h of the whole sample

(Särndal, Swensson & Wretman 1992, ch. 5; Lumley 2010, ch. 2). The sums of squares are taken about the
mean of the members and corrected for the zeros, so that no digits cancel. A stratum with one PSU
contributes what the design's choice says.

Refused: nothing; :mod:`.frame` has already refused what has no variance.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from caudal.estimate.survey.frame import Floats, Frame, Ints


@dataclass(frozen=True)
class Scales:
    """Per stratum: the factor (1 - f_h) n_h / (n_h - 1), n_h, and how a lonely PSU is treated; at the second
    stage ``parent`` is the PSU of the stratum."""

    factor: Floats
    n_h: Floats
    lonely: Floats
    lonely_choice: str
    parent: Ints | None = None


def scales(
    frame: Frame, lonely_choice: str, share_h: Floats | None = None, parent: Ints | None = None
) -> Scales:
    """The factors of each stratum of ``frame``; ``share_h`` is the sampling fraction of the stage before."""
    more = frame.n_h > 1
    factor = frame.unsampled_h * np.where(more, frame.n_h / np.where(more, frame.n_h - 1, 1), 1.0)
    factor = factor if share_h is None else factor * share_h
    return Scales(factor, frame.n_h, frame.lonely_h.astype(np.float64), lonely_choice, parent)


@dataclass(frozen=True)
class Segments:
    """Runs of PSUs of one stratum and one group of zones, over the last axis of an array.

    ``order`` (None when already sorted) brings the PSUs into runs; ``starts`` and ``sizes`` delimit them;
    ``stratum`` and ``group`` name them; ``groups`` are the distinct groups of this block and
    ``group_order``/``group_starts`` bring runs of one group together.
    """

    order: Ints | None
    starts: Ints
    sizes: Ints
    run_of_psu: Ints
    stratum: Ints
    groups: Ints
    group_order: Ints
    group_starts: Ints

    def sums(self, values: Floats) -> Floats:
        """Sums over each run; ``values`` already in order."""
        found: Floats = np.add.reduceat(values, self.starts, axis=-1)
        return found

    def by_group(self, runs: Floats) -> Floats:
        """Sums of runs over each group."""
        found: Floats = np.add.reduceat(runs[..., self.group_order], self.group_starts, axis=-1)
        return found


def segments(stratum: Ints, group: Ints) -> Segments:
    """The runs of PSUs (sorted by stratum) that share stratum and group.

    >>> segments(np.array([0, 0, 1, 1]), np.array([0, 0, 0, 1])).sizes.tolist()
    [2, 1, 1]
    """
    changes = (np.diff(stratum) != 0) | (np.diff(group) != 0)
    runs = np.flatnonzero(changes) + 1
    is_sorted = not np.any((np.diff(stratum) == 0) & (np.diff(group) < 0))
    order = None
    if not is_sorted:
        order = np.lexsort((group, stratum))
        changes = (np.diff(stratum[order]) != 0) | (np.diff(group[order]) != 0)
        runs = np.flatnonzero(changes) + 1
    starts = np.concatenate((np.zeros(1, dtype=np.int64), runs))
    sizes = np.diff(np.append(starts, stratum.size))
    first = starts if order is None else order[starts]
    run_group = group[first]
    group_order = np.argsort(run_group, kind="stable")
    groups, group_starts = np.unique(run_group[group_order], return_index=True)
    run_of_psu = np.repeat(np.arange(starts.size), sizes)
    return Segments(order, starts, sizes, run_of_psu, stratum[first], groups, group_order, group_starts)


def variance_of_runs(values: Floats, runs: Segments, scale: Scales) -> Floats:
    """The contribution to the variance of each run: ``values`` (..., PSUs) in the order of the runs."""
    total = runs.sums(values)
    deviation = np.take(total / runs.sizes, runs.run_of_psu, axis=-1)
    np.subtract(values, deviation, out=deviation)
    deviation *= deviation
    square = runs.sums(deviation)
    n_h = scale.n_h[runs.stratum]
    about_mean = square + total * total * (1.0 / runs.sizes - 1.0 / n_h)
    if scale.lonely_choice == "adjust":
        is_lonely = scale.lonely[runs.stratum] > 0
        about_mean = np.where(is_lonely, total * total, about_mean)
    return about_mean * scale.factor[runs.stratum]
