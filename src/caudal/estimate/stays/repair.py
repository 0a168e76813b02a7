"""Dirty histories made clean, by a stated policy, with every repair counted.

In this order, for crossings sorted by person, instant and direction (exits before entries):

1. *Duplicates*: a crossing in the same direction as the one before, at most ``duplicate_minutes`` later,
   is dropped.
2. *Ties*: an exit and an entry of one person in the same minute are put in the order that continues the
   history: who was inside leaves first, who was outside enters first. At the start of a history the side is
   that of the initial status (unknown: outside).
3. *Runs*: two crossings in the same direction mean that one between them was never recorded. The policy
   says when it is taken to have happened, between t1 and t2 of the run:

   ========== =================================== ======================================
   midpoint   (t1 + t2) / 2
   declared   t1 + declared stay, at most t2      (two entries; midpoint where none is declared)
   hold       t2                                  the time between goes to the side last entered
   switch     t1                                  ... to the other side
   inside     t2 of two entries, t1 of two exits  all unknown time is inside
   outside    t1 of two entries, t2 of two exits  all unknown time is outside
   drop       -                                   the person leaves the register
   ========== =================================== ======================================

``inside`` and ``outside`` bound what is unknown; :mod:`caudal.estimate.stays.sensitivity` shows how far
each table moves. A crossing that was lost at the end of a history leaves no run: it is the matter of
:mod:`caudal.estimate.stays.losses`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

import numpy as np
import numpy.typing as npt

from caudal.estimate.stays.keys import Ints

Bools = npt.NDArray[np.bool_]


class Runs(StrEnum):
    """What to do with two crossings in the same direction."""

    MIDPOINT = "midpoint"
    DECLARED = "declared"
    HOLD = "hold"
    SWITCH = "switch"
    INSIDE = "inside"
    OUTSIDE = "outside"
    DROP = "drop"


@dataclass(frozen=True)
class RepairPolicy:
    """How to clean histories: what to do with runs, and how near two records are one."""

    runs: Runs = Runs.MIDPOINT
    duplicate_minutes: int = 0


@dataclass(frozen=True)
class Repairs:
    """How often each repair was made. ``entry_successions_n`` counts pairs of successive recorded entries
    of one person, with or without an exit between them: what the runs are a share of."""

    duplicates_n: int = 0
    ties_n: int = 0
    runs_of_entries_n: int = 0
    runs_of_exits_n: int = 0
    entry_successions_n: int = 0
    exit_successions_n: int = 0
    dropped_persons_n: int = 0
    dropped_crossings_n: int = 0

    def __add__(self, other: Repairs) -> Repairs:
        return Repairs(*(a + b for a, b in zip(vars(self).values(), vars(other).values(), strict=True)))


@dataclass(frozen=True)
class Crossings:
    """Crossings in order of person and instant. ``codes``: further columns; ``imputed``: 1 where a
    repair put the crossing in."""

    person: Ints
    minute: Ints
    inside: npt.NDArray[np.uint8]
    codes: Mapping[str, Ints] = field(default_factory=dict)
    imputed: npt.NDArray[np.uint8] | None = None

    def __len__(self) -> int:
        return len(self.person)

    def take(self, rows: Ints | Bools) -> Crossings:
        """The crossings of ``rows``."""
        imputed = None if self.imputed is None else self.imputed[rows]
        codes = {n: v[rows] for n, v in self.codes.items()}
        return Crossings(self.person[rows], self.minute[rows], self.inside[rows], codes, imputed)


def repaired(
    crossings: Crossings, policy: RepairPolicy, initial: npt.NDArray[np.int8], declared_stay: str = ""
) -> tuple[Crossings, Repairs]:
    """``crossings`` (sorted by person, minute, direction) without dirt, and the count of repairs.

    ``initial``: status at the start by person id (-1 unknown), or one value for all. ``declared_stay``:
    the code column that holds one more than the declared days (0 none), for the policy ``declared``.

    >>> two = Crossings(np.zeros(2, np.int64), np.array([0, 2880]), np.array([1, 1], np.uint8))
    >>> clean, counts = repaired(two, RepairPolicy(Runs.MIDPOINT), np.array([-1], np.int8))
    >>> clean.minute.tolist(), clean.inside.tolist(), counts.runs_of_entries_n
    ([0, 1440, 2880], [1, 0, 1], 1)
    """
    crossings, duplicates = _without_duplicates(crossings, policy.duplicate_minutes)
    crossings, ties = _with_ties_ordered(crossings, initial)
    same_person = crossings.person[1:] == crossings.person[:-1]
    run = same_person & (crossings.inside[1:] == crossings.inside[:-1])
    first = np.flatnonzero(run)
    entries = int(crossings.inside[first].sum())
    counts = Repairs(duplicates, ties, entries, len(first) - entries, *_successions(crossings, same_person))
    if not len(first):
        return crossings, counts
    if policy.runs is Runs.DROP:
        clean, dropped = _without_persons(crossings, crossings.person[first])
        return clean, counts + dropped
    return _with_imputed(crossings, first, policy.runs, declared_stay), counts


def _successions(crossings: Crossings, same_person: Bools) -> tuple[int, int]:
    """Pairs of successive entries, and of successive exits, of one person."""
    if not len(crossings):
        return 0, 0
    starts = np.flatnonzero(np.concatenate([[True], ~same_person]))
    entries = int(crossings.inside.sum())
    enters = int(np.maximum.reduceat(crossings.inside, starts).sum())
    leaves = int((np.minimum.reduceat(crossings.inside, starts) == 0).sum())
    return entries - enters, len(crossings) - entries - leaves


def _without_duplicates(crossings: Crossings, minutes: int) -> tuple[Crossings, int]:
    same = crossings.person[1:] == crossings.person[:-1]
    same &= crossings.inside[1:] == crossings.inside[:-1]
    same &= crossings.minute[1:] - crossings.minute[:-1] <= minutes
    count = int(same.sum())
    if not count:
        return crossings, 0
    return crossings.take(np.concatenate([[True], ~same])), count


def _with_ties_ordered(crossings: Crossings, initial: npt.NDArray[np.int8]) -> tuple[Crossings, int]:
    tied = crossings.minute[1:] == crossings.minute[:-1]
    tied &= crossings.person[1:] == crossings.person[:-1]
    first = np.flatnonzero(tied)
    if not len(first):
        return crossings, 0
    n = len(crossings)
    alone = np.ones(n, np.bool_)
    alone[first] = alone[first + 1] = False
    rows = np.arange(n)
    last_alone = np.maximum.accumulate(np.where(alone, rows, -1))[first]
    known = (last_alone >= 0) & (crossings.person[last_alone] == crossings.person[first])
    start = initial[crossings.person[first]] if len(initial) > 1 else initial[0]
    side = np.where(known, crossings.inside[last_alone], start == 1)
    swapped = first[side == 0]
    rows[swapped], rows[swapped + 1] = swapped + 1, swapped
    return crossings.take(rows), len(first)


def _without_persons(crossings: Crossings, persons: Ints) -> tuple[Crossings, Repairs]:
    persons = np.unique(persons)
    place = np.minimum(np.searchsorted(persons, crossings.person), len(persons) - 1)
    gone = persons[place] == crossings.person
    return crossings.take(~gone), Repairs(dropped_persons_n=len(persons), dropped_crossings_n=int(gone.sum()))


def _with_imputed(crossings: Crossings, first: Ints, runs: Runs, declared_stay: str) -> Crossings:
    """The missing crossing of every run, put in after its first crossing, with that one's codes."""
    t1, t2 = crossings.minute[first], crossings.minute[first + 1]
    inside = crossings.inside[first] == 1
    when = _imputed_minutes(runs, t1, t2, inside)
    if runs is Runs.DECLARED and declared_stay in crossings.codes:
        stay = crossings.codes[declared_stay][first]
        when = np.where(inside & (stay > 0), np.minimum(t1 + (stay - 1) * 1440, t2), when)
    repeats = np.ones(len(crossings), np.int64)
    repeats[first] = 2
    rows = np.repeat(np.arange(len(crossings)), repeats)
    added = first + np.arange(1, len(first) + 1)
    result = crossings.take(rows)
    result.minute[added] = when
    result.inside[added] = 1 - crossings.inside[first]
    imputed = np.zeros(len(rows), np.uint8)
    imputed[added] = 1
    return Crossings(result.person, result.minute, result.inside, result.codes, imputed)


def _imputed_minutes(runs: Runs, t1: Ints, t2: Ints, inside: Bools) -> Ints:
    if runs is Runs.HOLD:
        return t2
    if runs is Runs.SWITCH:
        return t1
    if runs is Runs.INSIDE:
        return np.where(inside, t2, t1)
    if runs is Runs.OUTSIDE:
        return np.where(inside, t1, t2)
    return (t1 + t2) // 2
