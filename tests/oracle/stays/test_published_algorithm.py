"""Twenty thousand histories, decided by the published sequential algorithm and by the closed form alike."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from caudal.estimate.stays.decide import Alternating, final_days, statuses
from caudal.estimate.stays.rule import ResidenceRule
from tests.oracle.stays.published_algorithm import LOOK_AHEAD, THRESHOLD, WINDOW, resolve

#: Gaps at and beside every limit of the rule.
EDGES = np.array([0, 1, 5, 30, 90, 121, 122, 123, 200, 242, 243, 244, 245, 364, 365, 366, 487, 488])


def _histories(count: int, seed: int) -> Alternating:
    random = np.random.default_rng(seed)
    sizes = random.integers(1, 14, count)
    gaps = [
        random.choice(EDGES, n) if kind else np.rint(random.exponential(100, n)).astype(np.int64)
        for n, kind in zip(sizes, random.integers(0, 2, count), strict=True)
    ]
    inside = [
        (np.arange(n) + first) % 2 for n, first in zip(sizes, random.integers(0, 2, count), strict=True)
    ]
    return Alternating(
        np.concatenate([[0], np.cumsum(sizes)]),
        np.concatenate([np.cumsum(g) for g in gaps]).astype(np.int32),
        np.concatenate(inside).astype(np.uint8),
        random.integers(0, 2, count).astype(np.int8),
    )


@pytest.mark.parametrize("use_compiled", [None, False])
def test_twenty_thousand_histories(use_compiled: bool | None) -> None:
    histories = _histories(20_000, seed=7)
    calendar = ResidenceRule(THRESHOLD, WINDOW, instant_days=LOOK_AHEAD).calendar(0, int(histories.day.max()))
    found = statuses(histories, calendar, use_compiled=use_compiled)
    final = final_days(histories, found, calendar, use_compiled=use_compiled)
    columns = (found.before, found.after, found.migration, final.before, final.after, final.migration)
    expected: list[list[Any]] = [[] for _ in columns]
    for p, (start, end) in enumerate(zip(histories.offsets[:-1], histories.offsets[1:], strict=True)):
        person = resolve(
            histories.day[start:end].tolist(), histories.inside[start:end].tolist(), int(histories.initial[p])
        )
        for held, values in zip(expected, vars(person).values(), strict=True):
            held += values
    names = ("before", "after", "migration", "before_final", "after_final", "migration_final")
    ours = dict(zip(names, columns, strict=True))
    for name, values in zip(vars(person), expected, strict=True):
        assert np.array_equal(ours[name], np.array(values)), name
