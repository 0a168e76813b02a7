"""The sequential algorithm of the 12/16 rule as its office describes it, step by step.

Written from the published description, crossing by crossing and duration by duration: no window sums, no
closed form, nothing shared with the package. Days are whole numbers; the last spell lasts a whole window.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

THRESHOLD, WINDOW = 365, 487
REST = WINDOW - THRESHOLD
LOOK_AHEAD = 2 * REST


@dataclass
class Person:
    """Results of one person's crossings; None until they are final."""

    before: list[int] = field(default_factory=list)
    after: list[int] = field(default_factory=list)
    migration: list[int] = field(default_factory=list)
    before_final: list[int] = field(default_factory=list)
    after_final: list[int] = field(default_factory=list)
    migration_final: list[int | None] = field(default_factory=list)


def resolve(days: Sequence[int], inside: Sequence[int], initial: int) -> Person:
    """All crossings of a person, in order, alternating; ``initial`` is 1 for a resident."""
    n = len(days)
    durations = [days[k + 1] - days[k] for k in range(n - 1)] + [WINDOW]
    person = Person(migration_final=[None] * n)
    status, final = initial, days[0] if n else 0
    for i in range(n):
        final = max(final, days[i])
        person.before.append(status)
        person.before_final.append(final)
        migrated = 0
        if inside[i] == status:
            if person.migration_final[i] is None:
                person.migration_final[i] = final
        else:
            for k in range(i + 1, n, 2):
                if days[k] - days[i] <= LOOK_AHEAD and person.migration_final[k] is None:
                    person.migration_final[k] = max(days[k], final)
            migrated, decided = _accumulate(durations[i:])
            decided += days[i]
            final = max(final, decided)
            if migrated:
                status = inside[i]
                person.migration_final[i] = decided
            elif person.migration_final[i] is None:
                person.migration_final[i] = final
        person.migration.append(migrated)
        person.after.append(status)
        person.after_final.append(final)
    return person


def _accumulate(durations: Sequence[int]) -> tuple[int, int]:
    """Whether the days on the side reach the threshold first, and after how many days that is known."""
    away = back = 0
    for k, days in enumerate(durations):
        if k % 2 == 0:
            away += days
        else:
            back += days
        if away >= THRESHOLD:
            return 1, THRESHOLD + back
        if back > REST:
            return 0, REST + away
    raise AssertionError("the last spell lasts a whole window")
