"""Random rules and clean histories, with gaps at and beside the limits of the rule, many persons at once."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from caudal.estimate.stays.decide import Alternating
from caudal.estimate.stays.rule import Basis, ResidenceRule

Ints = npt.NDArray[np.int64]
_MONTHS = ((12, 16), (12, 12), (6, 12), (9, 12), (3, 6), (1, 2), (1, 1), (24, 48), (2, 3))
_DAYS = ((365, 487), (183, 365), (275, 365), (182, 365), (1, 1), (1, 2), (2, 3), (100, 200), (365, 365))
#: Four years from 16 July 2016 hold a leap day and the end of every month.
_SPAN = (17_000, 18_461)


def random_rule(random: np.random.Generator) -> ResidenceRule:
    """Any rule in days or calendar months, thresholds below half of the window included."""
    basis = Basis.MONTHS if random.random() < 0.6 else Basis.DAYS
    if random.random() < 0.45:
        threshold, window = (_MONTHS if basis is Basis.MONTHS else _DAYS)[random.integers(9)]
    else:
        window = int(random.integers(1, 40 if basis is Basis.MONTHS else 800))
        threshold = int(random.integers(max(1, window // 3), window + 1))
    return ResidenceRule(threshold, window, basis)


def random_histories(random: np.random.Generator, rule: ResidenceRule, persons: int) -> Alternating:
    """Up to nine crossings a person, between 2011 and 2030, several on one date among them."""
    counts = random.integers(1, 10, persons)
    offsets = np.concatenate([[0], np.cumsum(counts)])
    gaps = _gaps(random, rule, int(offsets[-1]))
    gaps[offsets[:-1]] = 0
    day = _running(gaps, offsets) + np.repeat(random.integers(15_000, 20_000, persons), counts)
    inside = _sides(random.integers(0, 2, persons), offsets)
    initial = random.integers(-1, 2, persons).astype(np.int8)
    return Alternating(offsets, day.astype(np.int32), inside, initial)


def continued(
    random: np.random.Generator, rule: ResidenceRule, histories: Alternating, until: npt.NDArray[np.int32]
) -> Alternating:
    """The same persons known to the end of the day ``until`` (one each), and then a random future."""
    counts = np.diff(histories.offsets)
    persons = len(counts)
    person = np.repeat(np.arange(persons), counts)
    known = histories.day <= until[person]
    known_n = np.bincount(person[known], minlength=persons)
    offsets = np.concatenate([[0], np.cumsum(known_n + random.integers(1, 6, persons))])
    is_known = np.arange(offsets[-1]) < np.repeat(offsets[:-1] + known_n, np.diff(offsets))
    gaps = np.where(is_known, 0, np.maximum(_gaps(random, rule, int(offsets[-1])), 1))
    first = (offsets[:-1] + known_n)[random.random(persons) < 0.5]
    gaps[first] = 1
    day = _running(gaps, offsets) + np.repeat(until, np.diff(offsets))
    day[is_known] = histories.day[known]
    inside = _sides(histories.inside[histories.offsets[:-1]], offsets)
    return Alternating(offsets, day.astype(np.int32), inside, histories.initial)


def _gaps(random: np.random.Generator, rule: ResidenceRule, n: int) -> Ints:
    calendar = rule.calendar(*_SPAN)
    threshold, window = calendar.threshold, calendar.window
    rest = window - threshold
    limits = np.concatenate([threshold, window, rest, rest + 1, 2 * threshold - window, [1, 1, 1, 0, 2, 3]])
    near = limits[random.integers(0, len(limits), n)] + random.integers(-1, 2, n)
    longest = int(window.max())
    short = random.integers(0, max(longest // 8, 2) + 1, n)
    any_length = random.integers(0, max(longest * 3 // 2, 3), n)
    which = random.random(n)
    return np.maximum(np.where(which < 0.4, near, np.where(which < 0.7, short, any_length)), 0)


def _running(gaps: Ints, offsets: Ints) -> Ints:
    """Sums of the gaps within each person."""
    total = np.cumsum(gaps)
    before = np.concatenate([[0], total])[offsets[:-1]]
    return np.asarray(total - np.repeat(before, np.diff(offsets)))


def _sides(first: npt.NDArray[np.integer], offsets: Ints) -> npt.NDArray[np.uint8]:
    """Alternating sides from the ``first`` of each person."""
    counts = np.diff(offsets)
    place = np.arange(offsets[-1]) - np.repeat(offsets[:-1], counts)
    return np.asarray((place + np.repeat(first, counts)) % 2, np.uint8)
