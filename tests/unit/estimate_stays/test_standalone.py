"""The rule on any table, and what it says at borders."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from caudal.errors import CaudalError
from caudal.estimate.stays import Basis, ResidenceRule
from caudal.estimate.stays.standalone import TableColumns, classify_file

CSV = TableColumns("doc", "when", "way", ("E",), ("S",))


def classified(folder: Path, lines: list[str], rule: str, **more: Any) -> tuple[Any, list[dict[str, Any]]]:
    source, target = folder / "in.csv", folder / "out.parquet"
    source.write_text("doc,when,way\n" + "\n".join(lines) + "\n", encoding="utf-8")
    return classify_file(source, target, ResidenceRule.parse(rule), CSV, **more), pq.read_table(
        target
    ).to_pylist()


@pytest.mark.parametrize(
    ("rule", "days", "stays"),
    [
        ("365/365 days", 364, False),
        ("365/365 days", 365, True),
        ("12/16", 364, False),
        ("12/16", 365, True),
        ("UN", 365, False),
        ("UN", 366, True),
    ],
)
def test_a_stay_that_begins_before_a_leap_day_is_judged_to_the_day(
    tmp_path: Path, rule: str, days: int, stays: bool
) -> None:
    """From 1 March 2019, twelve calendar months are 366 days, and 365 in days."""
    left = date.fromordinal(date(2019, 3, 1).toordinal() + days)
    found, rows = classified(tmp_path, ["a,2019-03-01 23:50,E", f"a,{left} 00:10,S", "a,2021-12-01,E"], rule)
    assert rows[0]["is_migration"] is stays
    assert (found.immigrations >= 1) is stays or rows[0]["is_migration"] is stays


def test_from_the_29th_of_february_twelve_months_end_on_the_28th(tmp_path: Path) -> None:
    _, rows = classified(tmp_path, ["a,2020-02-29,E", "a,2021-02-28,S", "a,2023-01-01,E"], "UN")
    assert rows[0]["is_migration"]
    _, rows = classified(tmp_path, ["a,2020-02-29,E", "a,2021-02-27,S", "a,2023-01-01,E"], "UN")
    assert not rows[0]["is_migration"]


def test_ties_and_days_out_are_put_in_order(tmp_path: Path) -> None:
    lines = ["a,2020-01-05 10:00,E", "a,2020-03-05 10:00,E", "a,2020-03-05 10:00,S", "a,2020-03-09 10:00,S"]
    found, rows = classified(tmp_path, lines, "12/16")
    assert [r["direction_code"] for r in rows] == ["entry", "exit", "entry", "exit"]
    assert found.repairs.ties_n == 1 and found.immigrations == 0


def test_residents_are_named_by_a_table(tmp_path: Path) -> None:
    named = tmp_path / "residents.csv"
    named.write_text("doc\na\n", encoding="utf-8")
    _, rows = classified(tmp_path, ["a,2020-01-05,E", "b,2020-01-05,E"], "12/16", residents=named)
    assert [(r["doc"], r["status_before_code"], r["is_migration"]) for r in rows] == [
        ("a", "resident", False),
        ("b", "non_resident", True),
    ]


def test_what_is_final_depends_on_the_day_of_knowledge(tmp_path: Path) -> None:
    lines = ["a,2020-01-05,E", "b,2020-06-01,E", "b,2020-06-03,S"]
    _, rows = classified(tmp_path, lines, "12/16", as_of=date(2020, 12, 31))
    assert [r["is_final"] for r in rows if r["doc"] == "a"] == [False]
    _, rows = classified(tmp_path, lines, "12/16", as_of=date(2021, 1, 4))
    assert [r["is_final"] for r in rows if r["doc"] == "a"] == [True]


def test_a_folder_of_parquet_is_one_table_and_numbers_may_name_persons(tmp_path: Path) -> None:
    folder = tmp_path / "deliveries"
    folder.mkdir()
    for month, way in ((1, "entry"), (2, "exit")):
        table = pa.table({"person_id": [7], "crossing_at": [f"2020-{month:02d}-01"], "direction_code": [way]})
        pq.write_table(table, folder / f"{month}.parquet")
    found = classify_file(folder, tmp_path / "out.parquet", ResidenceRule.parse("12/16"))
    assert (found.crossings, found.persons, found.immigrations) == (2, 1, 0)


def test_mistakes_are_told_in_words(tmp_path: Path) -> None:
    with pytest.raises(CaudalError, match="stays-no-crossings"):
        classified(tmp_path, ["a,yesterday,E", "b,2020-01-01,X"], "12/16")
    with pytest.raises(CaudalError, match="stays-rule-malformed"):
        ResidenceRule.parse("twelve of sixteen")
    with pytest.raises(CaudalError, match="stays-column-missing"):
        classify_file(tmp_path / "in.csv", tmp_path / "o.parquet", ResidenceRule.parse("UN"))


def test_rules_are_read_as_they_are_written() -> None:
    assert ResidenceRule.parse("12/16 months") == ResidenceRule(12, 16, Basis.MONTHS)
    assert ResidenceRule.parse("365/487 days").instant_days == 244
    assert ResidenceRule.parse("183/365days") == ResidenceRule(183, 365)
