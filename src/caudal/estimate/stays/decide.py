"""Statuses, migrations and the dates on which they became final, for clean alternating histories.

With C(x) the days on the side of crossing i since the person's first crossing, T_i and W_i the rule at
its date t_i, and d_i its side (1 inside, 0 outside):

    passes_i       = C(t_i + W_i) - C(t_i) >= T_i
    status_after_i = d_j of the last j <= i that passes, else the status at the start
    migration_i    = passes_i and status_before_i != d_i

A crossing is decided YES on the day its side reaches T_i, NO on the day after which the other side
exceeds W_i - T_i. A status becomes final when the last migrating crossing (one against the current
status) behind it is decided:

    after_final_i     = max over migrating j <= i of decided_j, and t_i
    before_final_i    = max(after_final_{i-1}, t_i)
    migration_final_i = after_final_i if migrating, else before_final_i; and for a crossing back within
                        ``instant_days`` of a migrating j that is no migration, max(t_i, before_final_j)

A migration waits for the status before it as well, since without that it is none. Where a threshold is more
than half of its window, and both are the same on every date, the status is always decided first; where it is
not (6 of 12 calendar months from January: 181 of 365 days), two migrations can share one window.

After the last crossing nobody is assumed to return, so a date of finality after the date at which the
register was known means: provisional. Two forms give the same answer: one compiled pass
(:mod:`caudal.estimate.stays.compiled`, where numba is installed) and arrays (this module).

Refuses histories that do not alternate: repairs come first (:mod:`caudal.estimate.stays.repair`).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from caudal.estimate.stays import compiled
from caudal.estimate.stays.rule import RuleCalendar

Ints = npt.NDArray[np.int64]
Days = npt.NDArray[np.int32]
Flags = npt.NDArray[np.uint8]

UNKNOWN_STATUS = -1


@dataclass(frozen=True)
class Alternating:
    """Clean histories: ``offsets`` (persons + 1) cut the crossings into persons; ``day`` (dates since
    1970-01-01, rising within a person), ``inside`` (1 entry, 0 exit, alternating) one a crossing;
    ``initial`` (0, 1, or -1: the opposite of the first direction) one a person."""

    offsets: Ints
    day: Days
    inside: Flags
    initial: npt.NDArray[np.int8]


@dataclass(frozen=True)
class Statuses:
    """One a crossing: status before and after (1 resident) and whether it is a migration."""

    before: Flags
    after: Flags
    migration: Flags


@dataclass(frozen=True)
class FinalDays:
    """One a crossing: the days (since 1970-01-01) on which its three results became final."""

    before: Days
    after: Days
    migration: Days


def statuses(histories: Alternating, calendar: RuleCalendar, *, use_compiled: bool | None = None) -> Statuses:
    """Statuses before and after each crossing, and whether it is a migration.

    ``use_compiled``: False for the array form, None for the fastest one that is installed.

    >>> from caudal.estimate.stays.rule import TWELVE_OF_SIXTEEN
    >>> left = Alternating(np.array([0, 2]), np.array([0, 370], np.int32), np.array([0, 1], np.uint8),
    ...                    np.array([1], np.int8))
    >>> statuses(left, TWELVE_OF_SIXTEEN.calendar(0, 370)).migration.tolist()
    [1, 1]
    """
    form = _form(compiled.statuses, _statuses_in_arrays, use_compiled)
    h, c = histories, calendar
    return Statuses(*form(h.offsets, h.day, h.inside, h.initial, c.first_day, c.threshold, c.window))


def final_days(
    histories: Alternating, found: Statuses, calendar: RuleCalendar, *, use_compiled: bool | None = None
) -> FinalDays:
    """The days on which the results of :func:`statuses` became final."""
    form = _form(compiled.final_days, _final_days_in_arrays, use_compiled)
    h, c = histories, calendar
    return FinalDays(
        *form(
            h.offsets,
            h.day,
            h.inside,
            found.before,
            found.migration,
            c.first_day,
            c.threshold,
            c.window,
            c.instant_days,
        )
    )


def _form(fast: Any, plain: Any, use_compiled: bool | None) -> Callable[..., Any]:
    chosen: Callable[..., Any] = plain if use_compiled is False or fast is None else fast
    return chosen


@dataclass(frozen=True)
class _Clock:
    """Days on each side since the first crossing of each person, ready to be searched.

    Times and counts are made to rise over all persons by adding ``stride`` times the number of the
    person, so that one binary search serves them all.
    """

    person: Ints
    last: Ints
    stride: int
    when: Ints
    spent: tuple[Ints, Ints]

    @classmethod
    def of(cls, offsets: Ints, day: Days, inside: Flags, reach: int) -> _Clock:
        counts = np.diff(offsets)
        person = np.repeat(np.arange(len(counts)), counts)
        first = np.repeat(day[offsets[:-1]], counts).astype(np.int64) if len(day) else day.astype(np.int64)
        when = day - first
        step = np.diff(when, append=when[-1:])
        on_side = np.where(inside == 1, step, 0)
        before = np.cumsum(on_side) - on_side
        indoors = before - np.repeat(before[offsets[:-1]], counts) if len(day) else before
        stride = int(when.max(initial=0)) + reach + 2
        return cls(person, np.repeat(offsets[1:] - 1, counts), stride, when, (when - indoors, indoors))

    def at(self, side: Flags, inside: Flags, rows: Ints, times: Ints) -> Ints:
        """Days on ``side`` until ``times`` (days since the first crossing) of the persons of ``rows``."""
        keys = self.person * self.stride + self.when
        k = np.searchsorted(keys, self.person[rows] * self.stride + times, side="right") - 1
        spent = np.where(side == 1, self.spent[1][k], self.spent[0][k])
        return np.asarray(spent + np.where(inside[k] == side, times - self.when[k], 0))

    def reached(self, side: int, rows: Ints, goals: Ints, *, exceeded: bool) -> Ints:
        """When days on ``side`` reach ``goals``, or the last time that they do not exceed them."""
        keys = self.person * self.stride + self.spent[side]
        wanted = self.person[rows] * self.stride + goals
        k = np.searchsorted(keys, wanted, side="right" if exceeded else "left") - 1
        k = np.clip(k, rows, self.last[rows])
        return np.asarray(self.when[k] + goals - self.spent[side][k])


def _statuses_in_arrays(
    offsets: Ints,
    day: Days,
    inside: Flags,
    initial: npt.NDArray[np.int8],
    first_day: int,
    threshold: Days,
    window: Days,
) -> tuple[Flags, Flags, Flags]:
    if not len(day):
        none = np.zeros(0, np.uint8)
        return none, none, none
    clock = _Clock.of(offsets, day, inside, int(window.max()))
    rows = np.arange(len(day))
    spent = np.where(inside == 1, clock.spent[1], clock.spent[0])
    ahead = clock.at(inside, inside, rows, clock.when + window[day - first_day])
    passes = ahead - spent >= threshold[day - first_day]
    last_pass = np.maximum.accumulate(np.where(passes, rows, -1))
    first_row = offsets[clock.person]
    start = np.where(initial >= 0, initial, 1 - inside[offsets[:-1]])[clock.person]
    after = np.where(last_pass >= first_row, inside[np.maximum(last_pass, 0)], start).astype(np.uint8)
    before = np.where(rows > first_row, np.roll(after, 1), start).astype(np.uint8)
    return before, after, (passes & (before != inside)).astype(np.uint8)


def _final_days_in_arrays(
    offsets: Ints,
    day: Days,
    inside: Flags,
    before: Flags,
    migration: Flags,
    first_day: int,
    threshold: Days,
    window: Days,
    instant_days: int,
) -> tuple[Days, Days, Days]:
    if not len(day):
        none = np.zeros(0, np.int32)
        return none, none, none
    clock = _Clock.of(offsets, day, inside, int(window.max()))
    migrating = before != inside
    decided = _decided(
        clock, day, inside, migration, migrating, threshold[day - first_day], window[day - first_day]
    )
    stride = int(max(decided.max(), day.max()) - day.min()) + 1
    shift = clock.person * stride - int(day.min())
    after = np.maximum.accumulate(np.maximum(decided, day) + shift) - shift
    # Another person's dates are a whole stride below: the maximum never crosses over.
    first = np.arange(len(day)) == offsets[clock.person]
    before_final = np.where(first, day, np.maximum(np.roll(after, 1), day))
    result = np.where(migrating, after, before_final)
    instant = _instant(clock, day, inside, migrating, before_final, instant_days)
    result = np.where((migration == 0) & (instant >= 0), np.maximum(day, instant), result)
    return before_final.astype(np.int32), after.astype(np.int32), result.astype(np.int32)


def _decided(
    clock: _Clock,
    day: Days,
    inside: Flags,
    migration: Flags,
    migrating: npt.NDArray[np.bool_],
    threshold: Days,
    window: Days,
) -> Ints:
    """The day on which each migrating crossing is decided by its own window; its date elsewhere."""
    decided = day.astype(np.int64)
    start = day - clock.when
    for side in (0, 1):
        yes = np.flatnonzero(migrating & (migration == 1) & (inside == side))
        no = np.flatnonzero(migrating & (migration == 0) & (inside != side))
        decided[yes] = start[yes] + clock.reached(
            side, yes, clock.spent[side][yes] + threshold[yes], exceeded=False
        )
        slack = clock.spent[side][no] + (window - threshold)[no]
        decided[no] = start[no] + clock.reached(side, no, slack, exceeded=True)
    return decided


def _instant(
    clock: _Clock,
    day: Days,
    inside: Flags,
    migrating: npt.NDArray[np.bool_],
    before_final: Ints,
    instant_days: int,
) -> Ints:
    """``before_final`` of the first migrating crossing of the other side within reach; -1 for none."""
    found = np.full(len(day), -1, dtype=np.int64)
    keys = clock.person * clock.stride + clock.when
    for side in (0, 1):
        js = np.flatnonzero(migrating & (inside == 1 - side))
        rows = np.flatnonzero(inside == side)
        earliest = np.maximum(clock.when[rows] - instant_days, 0)
        k = np.searchsorted(keys[js], clock.person[rows] * clock.stride + earliest, side="left")
        near = k < len(js)
        j = js[np.minimum(k, max(len(js) - 1, 0))] if len(js) else np.zeros(len(rows), np.int64)
        near &= (j < rows) & (clock.person[j] == clock.person[rows])
        found[rows[near]] = before_final[j[near]]
    return found
