"""The rule of :mod:`caudal.estimate.stays.decide` as one compiled pass; None where numba is missing.

Both functions read each crossing once, with pointers that only move forward, so that the work grows
with the number of crossings even for a person who crosses ten thousand times. They release the
interpreter lock and keep no state.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

numba: Any
try:
    import numba
except ImportError:
    numba = None

Compiled = Callable[..., Any] | None


def compile_or_none(function: Callable[..., Any]) -> Compiled:
    """The function compiled, or None without numba: the caller has another form of it."""
    return None if numba is None else numba.njit(function, nogil=True, cache=True)


def _slow_last_below(spent: Any, bound: Any, k: Any, first: Any, end: Any) -> Any:
    """The last crossing from ``first`` on with fewer than ``bound`` days spent, searched from ``k``."""
    while k > first and spent[k] >= bound:
        k -= 1
    while k + 1 < end and spent[k + 1] < bound:
        k += 1
    return k


_last_below: Any = compile_or_none(_slow_last_below)


def _statuses(
    offsets: Any, day: Any, inside: Any, initial: Any, first_day: Any, threshold: Any, window: Any
) -> Any:
    n = len(day)
    before, after, migration = np.empty(n, np.uint8), np.empty(n, np.uint8), np.empty(n, np.uint8)
    for p in range(len(offsets) - 1):
        start, end = offsets[p], offsets[p + 1]
        if start == end:
            continue
        status = initial[p] if initial[p] >= 0 else 1 - inside[start]
        spent = np.int64(0)  # days inside until crossing i
        k, spent_k = start, np.int64(0)  # the last crossing within the window of i
        for i in range(start, end):
            if i > start and inside[i - 1]:
                spent += day[i] - day[i - 1]
            limit = day[i] + window[day[i] - first_day]
            while k + 1 < end and day[k + 1] <= limit:
                if inside[k]:
                    spent_k += day[k + 1] - day[k]
                k += 1
            ahead = spent_k - spent
            if inside[k]:
                ahead += limit - day[k]
            if not inside[i]:
                ahead = window[day[i] - first_day] - ahead
            before[i] = status
            passes = ahead >= threshold[day[i] - first_day]
            migration[i] = 1 if passes and status != inside[i] else 0
            if passes:
                status = inside[i]
            after[i] = status
    return before, after, migration


def _final_days(
    offsets: Any,
    day: Any,
    inside: Any,
    before: Any,
    migration: Any,
    first_day: Any,
    threshold: Any,
    window: Any,
    instant_days: Any,
) -> Any:
    n = len(day)
    before_final, after_final = np.empty(n, np.int32), np.empty(n, np.int32)
    migration_final = np.empty(n, np.int32)
    spent = np.zeros((2, n), np.int32)
    pointer, oldest = np.zeros(4, np.int64), np.zeros(2, np.int64)
    for p in range(len(offsets) - 1):
        start, end = offsets[p], offsets[p + 1]
        for i in range(start + 1, end):
            spent[0, i], spent[1, i] = spent[0, i - 1], spent[1, i - 1]
            spent[inside[i - 1], i] += day[i] - day[i - 1]
        pointer[:], oldest[:] = start, start
        final = np.int32(0)
        for i in range(start, end):
            final = day[i] if i == start else max(final, day[i])
            before_final[i] = final
            result = final
            if before[i] != inside[i]:
                on = threshold[day[i] - first_day]
                off = window[day[i] - first_day] - on
                side = inside[i] if migration[i] else 1 - inside[i]
                goal = spent[side, i] + (on if migration[i] else off)
                which = side if migration[i] else 2 + side
                # NO falls on the last day that does not exceed the goal, YES on the first that reaches it.
                bound = goal if migration[i] else goal + 1
                k = _last_below(spent[side], bound, max(pointer[which], i), i, end)
                pointer[which] = k
                decided = day[k] + goal - spent[side, k]
                final = max(final, decided)
                result = final
            after_final[i] = final
            other = 1 - inside[i]
            j = oldest[other]
            while j < i and (inside[j] != other or before[j] == other or day[i] - day[j] > instant_days):
                j += 1
            oldest[other] = j
            if j < i and not migration[i]:
                result = max(day[i], before_final[j])
            migration_final[i] = result
    return before_final, after_final, migration_final


statuses: Compiled = compile_or_none(_statuses)
final_days: Compiled = compile_or_none(_final_days)
