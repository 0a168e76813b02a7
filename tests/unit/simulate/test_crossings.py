"""The generator of registers: same seed, same bytes; a truth that is one; errors at the stated rates."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from pathlib import Path

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from caudal.errors import CaudalError
from caudal.simulate.crossings import TYPES, Plan, RegisterErrors, simulate_crossings


def _one(sql: str) -> tuple[object, ...]:
    with duckdb.connect() as session:
        found: tuple[object, ...] = session.execute(sql).fetchall()[0]
    return found


def test_same_seed_same_bytes(tmp_path: Path) -> None:
    a = simulate_crossings(tmp_path / "a", events=3000, seed=4)
    b = simulate_crossings(tmp_path / "b", events=3000, seed=4)
    assert [p.name for p in a.deliveries] == [p.name for p in b.deliveries]
    pairs = zip((*a.deliveries, a.persons), (*b.deliveries, b.persons), strict=True)
    assert all(x.read_bytes() == y.read_bytes() for x, y in pairs)
    other = simulate_crossings(tmp_path / "c", events=3000, seed=5)
    assert other.persons.read_bytes() != a.persons.read_bytes()


def test_the_truth_alternates_and_begins_where_the_person_is(tmp_path: Path) -> None:
    made = simulate_crossings(tmp_path, events=30_000, seed=1)
    wrong = _one(
        "SELECT count(*) FILTER (WHERE direction_code = earlier),"
        " count(*) FILTER (WHERE crossing_at = earlier_at),"
        " count(*) FILTER (WHERE earlier IS NULL AND resident_at_start = (direction_code = 'entry'))"
        " FROM (SELECT *, lag(direction_code) OVER w AS earlier, lag(crossing_at) OVER w AS earlier_at"
        f" FROM '{made.truth}' JOIN '{made.persons}' USING (person_id)"
        " WINDOW w AS (PARTITION BY person_id ORDER BY crossing_at))"
    )
    assert wrong == (0, 0, 0)
    assert _one(f"SELECT count(DISTINCT type_code) FROM '{made.persons}'") == (len(TYPES),)


def test_errors_happen_at_the_stated_rates(tmp_path: Path) -> None:
    errors = RegisterErrors(lost_share=0.05, repeated_share=0.02, late_share=0.1)
    made = simulate_crossings(tmp_path, events=50_000, seed=1, plan=Plan(errors=errors))
    assert made.truth is not None
    lost = pq.read_table(made.truth)["is_lost"].to_numpy()
    assert 0.04 < lost.mean() < 0.06
    records = pa.concat_tables([pq.read_table(p) for p in made.deliveries])
    assert made.events == len(records)
    assert 0.01 < len(records) / (~lost).sum() - 1 < 0.03
    crossed = records["crossing_at"].to_numpy().astype("datetime64[M]")
    known = records["known_at"].to_numpy().astype("datetime64[M]")
    late = (known - crossed).astype(int) > 1
    assert 0.07 < late.mean() < 0.13


def test_each_delivery_holds_what_was_known_in_its_month(tmp_path: Path) -> None:
    made = simulate_crossings(tmp_path, events=5000, seed=1, plan=Plan(months=12))
    for path in made.deliveries:
        known = pq.read_table(path, columns=["known_at"])["known_at"].to_numpy().astype("datetime64[M]")
        assert set(known.astype(str)) == {path.stem}


def test_a_closed_border_is_not_crossed(tmp_path: Path) -> None:
    plan = Plan(months=36, closure=(date(2019, 3, 15), date(2019, 9, 1)))
    shut = simulate_crossings(tmp_path / "shut", events=20_000, seed=1, plan=plan)
    during = f"SELECT count(*) FROM '{shut.truth}' WHERE crossing_at BETWEEN '2019-03-16' AND '2019-08-31'"
    assert _one(during) == (0,)
    assert shut.events > 10_000
    open_again = (
        f"SELECT count(*) FROM '{shut.truth}' WHERE crossing_at BETWEEN '2019-09-01' AND '2019-09-15'"
    )
    usual = f"SELECT count(*) FROM '{shut.truth}' WHERE crossing_at BETWEEN '2018-09-01' AND '2018-09-15'"
    assert _one(open_again) > _one(usual)


def test_identifiers_are_one_to_one(tmp_path: Path) -> None:
    made = simulate_crossings(tmp_path, events=5000, seed=1, identifiers=True)
    sql = (
        "SELECT count(DISTINCT person_id) = count(DISTINCT identifier),"
        " count(DISTINCT (person_id, identifier)) = count(DISTINCT person_id)"
        f" FROM '{tmp_path}/deliveries/*.parquet'"
    )
    assert _one(sql) == (True, True)
    assert made.people > 500


def test_blocks_keep_persons_apart(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("caudal.simulate.crossings.EVENTS_A_BLOCK", 2000)
    made = simulate_crossings(tmp_path, events=6000, seed=1)
    persons = pq.read_table(made.persons)["person_id"].to_numpy()
    assert np.array_equal(persons, np.arange(made.people))
    assert _one(f"SELECT max(n) FROM (SELECT count(*) AS n FROM '{made.persons}' GROUP BY person_id)") == (1,)


def test_refuses_what_is_no_register(tmp_path: Path) -> None:
    wrong = replace(Plan(), months=0, errors=RegisterErrors(lost_share=2.0, late_share=-1.0))
    with pytest.raises(CaudalError) as caught:
        simulate_crossings(tmp_path, events=-1, seed=1, plan=wrong)
    assert len(caught.value.problems) == 4
