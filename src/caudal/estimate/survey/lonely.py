"""Strata with a single sampled PSU: what ``adjust`` and ``average`` make of them beyond their own stratum.

``adjust`` centres the PSU's value z on the mean c of all PSUs (R's ``survey`` from 4.3 on; before, on zero):

    f (z - c)^2,      c = sum of z over all PSUs / number of PSUs of the strata that hold rows of the domain

For means, ratios and proportions c is zero at the first stage. ``average`` gives each lonely stratum the mean
variance of the others. At the second stage both look only within the PSU: c is the mean of its units, and its
lonely strata take the mean of its other strata (none: no error can be estimated).

The sums of :mod:`.cube` hold f z^2 (``adjust``) or nothing; here is added what is missing.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Protocol

import numpy as np

from caudal.estimate.survey.frame import Floats, Ints
from caudal.estimate.survey.gaps import PlannedGap
from caudal.estimate.survey.taylor import Scales


class Values(Protocol):
    """Some PSUs of one family: their strata, groups, and the values of each statistic and gap."""

    stratum: Ints
    group: Ints

    def statistic(self, position: int) -> tuple[Floats, Floats]:
        """The values (cells, PSUs) of a statistic, and its rows."""

    def gap(self, gap: PlannedGap) -> tuple[Floats, Floats, Ints]:
        """The values (cells, PSUs) of a gap, its rows, and the group of each PSU."""


def lonely_ranges(scale: Scales, stratum_of_psu: Ints) -> Iterator[tuple[int, int]]:
    """Ranges of PSUs to be looked at: each lonely PSU, or at the second stage each PSU that holds one."""
    lonely = scale.lonely[stratum_of_psu] > 0
    if scale.parent is None:
        for position in np.flatnonzero(lonely).tolist():
            yield position, position + 1
        return
    parent = scale.parent[stratum_of_psu]
    for one in np.unique(parent[lonely]).tolist():
        low, high = np.searchsorted(parent, [one, one + 1])
        yield int(low), int(high)


def added(values: Floats, rows: Floats, stratum: Ints, scale: Scales, centre: Floats | None) -> Floats:
    """What is added to the variance (cells) by PSUs of one group; ``centre`` (cells) at the first stage."""
    strata, at = np.unique(stratum, return_inverse=True)
    member = (at[:, None] == np.arange(strata.size)).astype(np.float64)
    present = (rows > 0) @ member > 0
    lonely, total = scale.lonely[strata] > 0, values @ member
    if scale.lonely_choice == "adjust":
        if centre is None:
            count = np.maximum(present @ scale.n_h[strata], 1.0)
            centre = values.sum(axis=1) / count
        c = centre[:, None]
        more = (c * c - 2 * c * total) * (present & lonely) * scale.factor[strata]
        return np.asarray(more.sum(axis=1))
    square = (values**2) @ member - total**2 / scale.n_h[strata]
    own = (square * scale.factor[strata] * ~lonely).sum(axis=1)
    sound, here = (present & ~lonely).sum(axis=1), present.sum(axis=1)
    alone = (present & lonely).any(axis=1)
    with np.errstate(invalid="ignore", divide="ignore"):
        ratio = np.where(sound > 0, here / sound, np.nan)
    return np.where(alone, own * (ratio - 1), 0.0)


def groups_of(group: Ints) -> Sequence[tuple[int, Ints]]:
    """The positions of each group."""
    return [(int(g), np.flatnonzero(group == g)) for g in np.unique(group)]
