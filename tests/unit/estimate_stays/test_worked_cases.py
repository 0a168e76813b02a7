"""The published worked cases of the 12/16 rule and their mirror images, exactly, in both forms."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from caudal.estimate.stays.decide import Alternating, final_days, statuses
from caudal.estimate.stays.rule import TWELVE_OF_SIXTEEN

CASES = Path(__file__).parents[4] / "shared" / "domain" / "refdata" / "residence_rule_12_16.json"

# Quoted from the published algorithm, so that the test also runs where the reference data are absent:
# status at the start, crossings (D depart, A arrive, day), rows of before, after, migration, final days.
QUOTED: list[dict[str, Any]] = [
    {"name": "migrates", "init": 1, "crossings": [["D", 0]], "expected": [[1, 0, 1, 0, 365, 365]]},
    {
        "name": "same day",
        "init": 1,
        "crossings": [["D", 0], ["A", 0]],
        "expected": [[1, 1, 0, 0, 122, 122], [1, 1, 0, 122, 122, 0]],
    },
    {
        "name": "migrates after short return",
        "init": 1,
        "crossings": [["D", 0], ["A", 10], ["D", 70]],
        "expected": [[1, 0, 1, 0, 425, 425], [0, 0, 0, 425, 425, 10], [0, 0, 0, 425, 425, 425]],
    },
]


def _results(case: dict[str, Any], mirror: bool, use_compiled: bool | None) -> list[list[int]]:
    day = np.array([d for _, d in case["crossings"]], np.int32)
    inside = np.array([(side == "A") != mirror for side, _ in case["crossings"]], np.uint8)
    initial = np.array([case["init"] ^ mirror], np.int8)
    histories = Alternating(np.array([0, len(day)]), day, inside, initial)
    calendar = TWELVE_OF_SIXTEEN.calendar(0, 1000)
    found = statuses(histories, calendar, use_compiled=use_compiled)
    final = final_days(histories, found, calendar, use_compiled=use_compiled)
    before, after = found.before ^ mirror, found.after ^ mirror
    rows = np.column_stack([before, after, found.migration, final.before, final.after, final.migration])
    return [[int(v) for v in row] for row in rows]


@pytest.mark.parametrize("use_compiled", [None, False])
@pytest.mark.parametrize("mirror", [False, True])
@pytest.mark.parametrize("case", QUOTED, ids=lambda c: str(c["name"]))
def test_quoted_cases(case: dict[str, Any], mirror: bool, use_compiled: bool | None) -> None:
    assert _results(case, mirror, use_compiled) == case["expected"]


@pytest.mark.parametrize("use_compiled", [None, False])
@pytest.mark.parametrize("mirror", [False, True])
def test_all_worked_cases(mirror: bool, use_compiled: bool | None) -> None:
    if not CASES.exists():
        pytest.skip(f"{CASES} is missing")
    cases = json.loads(CASES.read_text(encoding="utf-8"))["cases"]
    assert len(cases) == 11
    for case in cases:
        assert _results(case, mirror, use_compiled) == case["expected"], case["name"]


def test_boundary_of_the_window_is_within_the_rule() -> None:
    """Exactly 122 days back, then away for good: 365 of 487 days away is enough."""
    case = {"init": 1, "crossings": [["D", 0], ["A", 10], ["D", 132]]}
    rows = _results(case, False, None)
    assert rows[0][:3] == [1, 0, 1]
    assert rows[0][5] == 487
