"""A register as it stood at the end of a month, and a register with some of its crossings taken away.

Both are the same keys with a mask: nothing is read again and nothing is sorted again.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from caudal.estimate.stays import columns as c
from caudal.estimate.stays.keys import Keys
from caudal.estimate.stays.reading import MINUTES_A_DAY, PackedRegister


def month_of_day(day: int) -> int:
    """Months since 1970-01 of a day since 1970-01-01."""
    return int(np.int64(day).astype("datetime64[D]").astype("datetime64[M]").astype(np.int64))


def last_day_of_month(month: int) -> int:
    """The last day (since 1970-01-01) of a month (since 1970-01)."""
    return int(np.int64(month + 1).astype("datetime64[M]").astype("datetime64[D]").astype(np.int64)) - 1


def filtered(register: PackedRegister, kept: Callable[[int, Keys], npt.NDArray[np.bool_]]) -> PackedRegister:
    """The register with the crossings for which ``kept(part, keys)`` is true."""
    parts = []
    for number in range(len(register.parts)):
        keys = register.part(number)
        parts.append(keys[kept(number, keys)])
    return replace(register, parts=tuple(parts))


def known_at_end_of(register: PackedRegister, month: int, active_since: int | None = None) -> PackedRegister:
    """What the register knew right after the end of ``month`` (since 1970-01).

    With the column ``known_at``, records received up to the first day of the next month; without it, every
    crossing of the time. ``active_since``: only persons whose last crossing lies in that month or later.
    """
    layout, last = register.layout, last_day_of_month(month)
    limit = (last + 1) * MINUTES_A_DAY
    has_delay = any(f.name == c.KNOWN_AT for f in layout.fields)
    first = register.first_day
    months = np.arange(first, register.last_day + 2).astype("datetime64[D]").astype("datetime64[M]")
    month_by_day = months.astype(np.int64)

    def kept(_: int, keys: Keys) -> npt.NDArray[np.bool_]:
        minute = layout.minute(keys)
        known = minute < limit
        if has_delay:
            delay = np.maximum(layout.field(keys, c.KNOWN_AT) - 1, 0)
            known &= month_by_day[minute // MINUTES_A_DAY - first] + delay <= month + 1
        if active_since is not None and len(keys):
            person = layout.person(keys)
            starts = np.flatnonzero(np.concatenate([[True], person[1:] != person[:-1]]))
            last = np.maximum.reduceat(np.where(known, minute, -1), starts)
            active = last >= (last_day_of_month(active_since - 1) + 1) * MINUTES_A_DAY
            known &= np.repeat(active, np.diff(starts, append=len(keys)))
        return known

    return replace(filtered(register, kept), last_day=min(last, register.last_day))
