"""Persons keep their numbers over deliveries."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import duckdb
import pytest

from caudal.estimate.stays.numbering import CROSSINGS, number

COLUMNS = frozenset({"person_key", "crossing_at", "raw_row"})


def load(folder: Path, name: str, keys: list[str | None], earlier: list[Path]) -> Path:
    """Numbers one delivery."""
    target = folder / name
    target.mkdir()
    with duckdb.connect() as session:
        values = ", ".join(f"({repr(k) if k else 'NULL'}, {i + 1})" for i, k in enumerate(keys))
        session.execute(
            f"CREATE TABLE r AS SELECT k::VARCHAR AS person_key, i AS raw_row, "
            f"TIMESTAMP '2020-01-01' + i * INTERVAL 1 DAY AS crossing_at "
            f"FROM (VALUES {values}) t(k, i)"
        )
        number(session, "r", COLUMNS, date(2020, 2, 1), earlier, target)
    return target


def numbers(folder: Path) -> list[Any]:
    return [r[0] for r in duckdb.sql(f"SELECT person_id FROM '{folder / CROSSINGS}'").fetchall()]


def test_a_person_keeps_the_number_and_new_ones_get_the_next(tmp_path: Path) -> None:
    first = load(tmp_path, "one", ["b", "a", "b"], [])
    second = load(tmp_path, "two", ["c", "a", "0"], [first])
    assert numbers(first) == [1, 0, 1]
    assert numbers(second) == [3, 0, 2]


def test_pseudonyms_that_share_their_beginning_are_two_persons(tmp_path: Path) -> None:
    start = "f" * 23
    first = load(tmp_path, "one", [start + "0", start + "1"], [])
    assert numbers(first) == [0, 1]


def test_a_crossing_without_a_person_is_in_nobodys_history(tmp_path: Path) -> None:
    assert numbers(load(tmp_path, "one", [None, "a"], [])) == [0]


@pytest.mark.parametrize("again", [1, 2])
def test_the_same_deliveries_give_the_same_numbers(tmp_path: Path, again: int) -> None:
    first = load(tmp_path, f"one{again}", ["b", "a"], [])
    assert numbers(load(tmp_path, f"two{again}", ["z", "b"], [first])) == [2, 1]
