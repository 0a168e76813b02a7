"""The rule by the day: walks every date of every history and counts, with no formula shared with the code.

Slow on purpose. Histories are lists of (minute, is_entry); repairs follow the words of the policy.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

DAY = 1440
Crossing = tuple[int, bool]


@dataclass(frozen=True)
class Judged:
    """One crossing with its results; days since 1970-01-01."""

    minute: int
    is_entry: bool
    before: int
    after: int
    migration: int
    before_final: int
    after_final: int
    migration_final: int


def clean(raw: Sequence[Crossing], initial: int, runs: str, near_minutes: int) -> list[Crossing]:
    """Duplicates, ties and runs of one person put right; an empty list if the policy drops the person."""
    kept: list[Crossing] = []
    last: Crossing | None = None
    for crossing in sorted(raw):
        if last is None or crossing[1] != last[1] or crossing[0] - last[0] > near_minutes:
            kept.append(crossing)
        last = crossing
    ordered: list[Crossing] = []
    inside_before_ties = initial == 1
    i = 0
    while i < len(kept):
        if i + 1 < len(kept) and kept[i + 1][0] == kept[i][0]:
            pair = [kept[i], kept[i + 1]]
            ordered += pair if inside_before_ties else pair[::-1]
            i += 2
        else:
            ordered.append(kept[i])
            inside_before_ties = kept[i][1]
            i += 1
    whole: list[Crossing] = []
    for i, (minute, is_entry) in enumerate(ordered):
        whole.append((minute, is_entry))
        if i + 1 < len(ordered) and ordered[i + 1][1] == is_entry:
            if runs == "drop":
                return []
            whole.append((_missing(runs, minute, ordered[i + 1][0], is_entry), not is_entry))
    return whole


def _missing(runs: str, t1: int, t2: int, is_entry: bool) -> int:
    return {
        "midpoint": (t1 + t2) // 2,
        "hold": t2,
        "switch": t1,
        "inside": t2 if is_entry else t1,
        "outside": t1 if is_entry else t2,
    }[runs]


def judge(
    history: Sequence[Crossing],
    initial: int,
    threshold: Callable[[int], int],
    window: Callable[[int], int],
    instant: int,
) -> list[Judged]:
    """Statuses and dates of finality; ``threshold`` and ``window`` give the days of a rule at a date."""
    if not history:
        return []
    days = [minute // DAY for minute, _ in history]
    status = initial if initial >= 0 else int(not history[0][1])
    final = days[0]
    judged: list[Judged] = []
    openings: list[tuple[int, bool, int]] = []
    for i, (minute, is_entry) in enumerate(history):
        on_side = _sides(history, days, i, window(days[i]))
        passes = sum(on_side) >= threshold(days[i])
        migrating = status != int(is_entry)
        before, before_final = status, max(final, days[i])
        migration = int(passes and migrating)
        result = before_final
        after_final = before_final
        if migrating:
            decided = _decided(history, days, i, threshold(days[i]), window(days[i]), passes)
            after_final = max(before_final, decided)
            result = after_final
            if migration:
                status = int(is_entry)
        soon = [f for day, entry, f in openings if entry != is_entry and days[i] - day <= instant]
        if soon and not migration:
            result = max(days[i], soon[0])
        if migrating:
            openings.append((days[i], is_entry, before_final))
        final = after_final
        judged.append(Judged(minute, is_entry, before, status, migration, before_final, after_final, result))
    return judged


def _sides(history: Sequence[Crossing], days: Sequence[int], i: int, length: int) -> list[bool]:
    """For each of the ``length`` days after crossing i, whether its night is spent on the side of i.

    The night of a date belongs to the last crossing of that date, in order.
    """
    nights = []
    k = i
    for date in range(days[i], days[i] + length):
        while k + 1 < len(history) and days[k + 1] <= date:
            k += 1
        nights.append(history[k][1] == history[i][1])
    return nights


def _decided(
    history: Sequence[Crossing], days: Sequence[int], i: int, threshold: int, window: int, passes: bool
) -> int:
    """The first date at which enough nights are spent on the side, or the last at which too many are not."""
    on = off = 0
    for n, night in enumerate(_sides(history, days, i, window + 1)):
        on, off = on + night, off + (not night)
        if passes and on == threshold:
            return days[i] + n + 1
        if not passes and off > window - threshold:
            return days[i] + n
    raise AssertionError("a window decides every crossing")
