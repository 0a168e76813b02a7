"""Random dirty histories: the compiled pass, the arrays, the SQL and a walk by the day agree on every row."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from caudal.estimate.stays.classify import Settings, classify_crossings
from caudal.estimate.stays.initial import InitialStatus
from caudal.estimate.stays.reading import Reading, read_register
from caudal.estimate.stays.repair import RepairPolicy, Runs
from caudal.estimate.stays.rule import TWELVE_OF_SIXTEEN, Basis, ResidenceRule
from caudal.estimate.stays.specification import calendar_relation, classification_sql, run_specification
from tests.unit.estimate_stays import naive_stays as naive

FIRST_DAY = 17_897  # 2019-01-01: a leap day lies ahead
SPAN_DAYS = 1300
RULES = (
    TWELVE_OF_SIXTEEN,
    ResidenceRule(12, 16, Basis.MONTHS),
    ResidenceRule(12, 12, Basis.MONTHS),
    ResidenceRule(6, 12, Basis.MONTHS),
    ResidenceRule(275, 365),
    ResidenceRule(183, 365),
)
PLAIN_RUNS = tuple(r for r in Runs if r is not Runs.DECLARED)

# Coarse instants, so that ties, same-day trips, borders of windows and duplicates all happen often.
_days = st.one_of(
    st.integers(0, SPAN_DAYS),
    st.sampled_from([0, 10, 122, 123, 132, 243, 244, 245, 364, 365, 366, 487, 488, 730, 790]),
)
_crossing = st.tuples(_days, st.sampled_from([0, 600, 600, 1439]), st.booleans())
_person = st.tuples(st.lists(_crossing, min_size=0, max_size=12), st.sampled_from([-1, 0, 1]))


def _raw(people: list[Any]) -> list[tuple[int, list[tuple[int, bool]], int]]:
    return [
        (n, [((FIRST_DAY + day) * 1440 + minute, entry) for day, minute, entry in crossings], initial)
        for n, (crossings, initial) in enumerate(people)
    ]


def _table(people: list[tuple[int, list[tuple[int, bool]], int]]) -> pa.Table:
    rows = [(n, minute, entry) for n, history, _ in people for minute, entry in history]
    return pa.table(
        {
            "person_id": pa.array([r[0] for r in rows], pa.int64()),
            "crossing_at": pa.array([r[1] * 60 for r in rows], pa.int64()).cast(pa.timestamp("s")),
            "direction_code": pa.array(["entry" if r[2] else "exit" for r in rows], pa.string()),
        }
    )


def _expected(
    people: list[tuple[int, list[tuple[int, bool]], int]], rule: ResidenceRule, policy: RepairPolicy
) -> list[tuple[int, ...]]:
    calendar = rule.calendar(FIRST_DAY, FIRST_DAY + SPAN_DAYS)
    out: list[tuple[int, ...]] = []
    for n, raw, initial in people:
        history = naive.clean(raw, initial, str(policy.runs), policy.duplicate_minutes)
        judged = naive.judge(
            history,
            initial,
            lambda day: int(calendar.threshold[day - FIRST_DAY]),
            lambda day: int(calendar.window[day - FIRST_DAY]),
            calendar.instant_days,
        )
        out += [
            (
                n,
                j.minute,
                int(j.is_entry),
                j.before,
                j.after,
                j.migration,
                j.before_final,
                j.after_final,
                j.migration_final,
            )
            for j in judged
        ]
    return out


def _fast(
    table: pa.Table, initial: Any, rule: ResidenceRule, policy: RepairPolicy, form: bool | None
) -> list[Any]:
    register = read_register(table, Reading(with_columns=()))
    chosen = Settings(rule, policy, InitialStatus(initial), threads=1, use_compiled=form)
    rows = []
    for batch in classify_crossings(register, chosen):
        day = [
            batch.column(f"{n}_final_at").cast(pa.int32()).to_pylist()
            for n in ("status_before", "status_after", "migration")
        ]
        rows += list(
            zip(
                batch.column("person_id").to_pylist(),
                [t // 60 for t in batch.column("crossing_at").cast(pa.int64()).to_pylist()],
                [int(d == "entry") for d in batch.column("direction_code").to_pylist()],
                [int(d == "resident") for d in batch.column("status_before_code").to_pylist()],
                [int(d == "resident") for d in batch.column("status_after_code").to_pylist()],
                [int(m) for m in batch.column("is_migration").to_pylist()],
                *day,
                strict=True,
            )
        )
    return rows


def _sql(table: pa.Table, initial: Any, rule: ResidenceRule, policy: RepairPolicy) -> list[Any]:
    calendar = rule.calendar(FIRST_DAY, FIRST_DAY + SPAN_DAYS)
    minute = np.array(table["crossing_at"].cast(pa.int64())) // 60
    crossings = pa.table(
        {
            "person_id": table["person_id"],
            "crossing_minute": pa.array(minute, pa.int64()),
            "direction": pa.array(
                [int(d == "entry") for d in table["direction_code"].to_pylist()], pa.int64()
            ),
        }
    )
    answer = run_specification(
        "SELECT person_id, crossing_minute, direction, status_before, status_after, is_migration,"
        " before_final_day, after_final_day, migration_final_day FROM ("
        + classification_sql(policy, calendar.instant_days, carried=())
        + ") ORDER BY person_id, position",
        {
            "crossings": crossings,
            "initial_status": pa.table(
                {"person_id": np.arange(len(initial)), "status": initial.astype(np.int64)}
            ),
            "calendar": calendar_relation(FIRST_DAY, calendar.threshold, calendar.window),
        },
    )
    return [tuple(int(v) for v in row.values()) for row in answer.to_pylist()]


@given(
    people=st.lists(_person, min_size=1, max_size=8),
    rule=st.sampled_from(RULES),
    policy=st.builds(RepairPolicy, st.sampled_from(PLAIN_RUNS), st.sampled_from([0, 30])),
)
@settings(max_examples=60, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
def test_three_ways_agree(people: list[Any], rule: ResidenceRule, policy: RepairPolicy) -> None:
    known = _raw(people)
    table = _table(known)
    initial = np.array([p[2] for p in known] + [-1], np.int8)
    expected = _expected(known, rule, policy)
    assert _fast(table, initial, rule, policy, None) == expected
    assert _fast(table, initial, rule, policy, False) == expected
    assert _sql(table, initial, rule, policy) == expected


@pytest.mark.long
@given(people=st.lists(_person, min_size=1, max_size=8), rule=st.sampled_from(RULES))
@settings(max_examples=600, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
def test_thousands_of_histories_agree(people: list[Any], rule: ResidenceRule) -> None:
    known = _raw(people)
    table = _table(known)
    initial = np.array([p[2] for p in known] + [-1], np.int8)
    expected = _expected(known, rule, RepairPolicy())
    assert _fast(table, initial, rule, RepairPolicy(), None) == expected
    assert _fast(table, initial, rule, RepairPolicy(), False) == expected
