"""Stocks by hand, and accounts that close to the person for any register and any two dates."""

from __future__ import annotations

from datetime import date, datetime
from pathlib import Path

import pyarrow as pa
import pytest

from caudal.errors import CaudalError
from caudal.estimate.stays.classify import Settings
from caudal.estimate.stays.cube import CubeSpec, flow_cube
from caudal.estimate.stays.reading import PackedRegister, Reading, read_register
from caudal.estimate.stays.repair import RepairPolicy, Runs
from caudal.estimate.stays.stocks import Vital, population_account, stocks
from caudal.simulate.crossings import Plan, RegisterErrors, simulate_crossings
from tests.unit.estimate_stays.registers import register


def _register(rows: list[tuple[int, str, str, str]]) -> PackedRegister:
    return read_register(
        pa.table(
            {
                "person_id": [r[0] for r in rows],
                "crossing_at": [datetime.fromisoformat(r[1]) for r in rows],
                "direction_code": [r[2] for r in rows],
                "citizenship_code": [r[3] for r in rows],
            }
        )
    )


LIVES = _register(
    [
        (0, "2020-01-10", "entry", "COL"),  # comes to stay, naturalises, leaves for good
        (0, "2021-06-01", "exit", "COL"),
        (0, "2021-06-20", "entry", "PAN"),
        (0, "2022-08-01", "exit", "PAN"),
        (1, "2020-03-01", "exit", "PAN"),  # a resident on holiday
        (1, "2020-03-11", "entry", "PAN"),
        (2, "2020-03-05", "entry", "USA"),  # a visitor
        (2, "2020-03-15", "exit", "USA"),
    ]
)


def test_stocks_by_hand() -> None:
    found = stocks(LIVES, [date(2019, 12, 31), date(2020, 3, 6), date(2021, 6, 10), date(2023, 1, 1)])
    rows = {
        (r["date_code"], r["citizenship_code"]): (r["present_n"], r["resident_n"]) for r in found.to_pylist()
    }
    assert rows["2019-12-31", "PAN"] == (1, 1)
    assert rows["2020-03-06", "PAN"] == (0, 1)
    assert rows["2020-03-06", "USA"] == (1, 0)
    assert rows["2020-03-06", "COL"] == (1, 1)
    assert rows["2021-06-10", "COL"] == (0, 1)
    assert rows["2023-01-01", "PAN"] == (1, 1)
    assert rows["2023-01-01", "COL"] == (0, 0)


def test_the_account_names_naturalisations() -> None:
    account = population_account(LIVES, date(2019, 12, 31), date(2023, 1, 1))
    by_code = {r["citizenship_code"]: r for r in account.to_pylist()}
    assert by_code["COL"]["immigration_n"] == 1
    assert by_code["COL"]["naturalised_out_n"] == by_code["PAN"]["naturalised_in_n"] == 1
    assert by_code["PAN"]["emigration_n"] == 1
    assert (by_code["_T"]["opening_n"], by_code["_T"]["closing_n"]) == (1, 1)
    assert by_code["_T"]["adjustment_code"] == "unadjusted"


def test_vital_events_adjust_the_account() -> None:
    vital = Vital(births={"PAN": 5}, deaths={"PAN": 2, "COL": 1}, residents_unseen={"PAN": 1000})
    account = population_account(LIVES, date(2019, 12, 31), date(2020, 12, 31), vital=vital)
    total = account.to_pylist()[-1]
    assert total["opening_n"] == 1001
    assert total["closing_n"] == 1001 + 5 - 3 + 1
    assert total["adjustment_code"] == "adjusted"
    with pytest.raises(CaudalError, match="stays-vital-unknown"):
        population_account(LIVES, date(2020, 1, 1), date(2021, 1, 1), vital=Vital(births={"QQQ": 1}))


@pytest.mark.parametrize("runs", [Runs.MIDPOINT, Runs.OUTSIDE, Runs.DROP])
def test_accounts_of_dirty_registers_close(tmp_path: Path, runs: Runs) -> None:
    errors = RegisterErrors(lost_share=0.1, repeated_share=0.05)
    made = simulate_crossings(tmp_path, events=20_000, seed=5, plan=Plan(errors=errors), truth=False)
    register = read_register(made.deliveries)
    settings = Settings(repair=RepairPolicy(runs), threads=1)
    start, end = date(2019, 6, 30), date(2022, 3, 31)
    account = population_account(register, start, end, settings).to_pylist()
    total = account[-1]
    assert sum(r["closing_n"] for r in account[:-1]) == total["closing_n"]
    held = stocks(register, [start, end], settings).to_pylist()
    assert total["opening_n"] == sum(r["resident_n"] for r in held if r["date_code"] == "2019-06-30")
    cube = flow_cube(register, settings, CubeSpec(by=("month", "direction"))).to_pylist()
    entries = sum(
        r["crossings_n"]
        for r in cube
        if "2019-07" <= r["month_code"] <= "2022-03" and r["direction_code"] == "entry"
    )
    assert total["immigration_n"] == entries > 50


def test_a_register_read_without_citizenship_has_a_total_only() -> None:
    table = pa.table({"person_id": [0], "crossing_at": [datetime(2020, 1, 1)], "direction_code": ["entry"]})
    register = read_register(table, Reading(with_columns=()))
    account = population_account(register, date(2019, 1, 1), date(2020, 6, 1)).to_pylist()
    assert [(r["citizenship_code"], r["immigration_n"]) for r in account] == [("_T", 1)]


def test_nobody_is_resident_before_birth() -> None:
    """Born inside in June 2020, first seen leaving for a week in 2021: a birth, not an opening."""
    days = [(0, "2021-03-01T10:00", "exit"), (0, "2021-03-08T10:00", "entry")]
    days += [(1, "2021-05-01T10:00", "exit"), (1, "2021-05-08T10:00", "entry")]
    born = register(
        days, citizenship_code=["PAN"] * 4, birth_date=[date(2020, 6, 1)] * 2 + [date(1980, 1, 1)] * 2
    )
    held = {
        r["date_code"]: r
        for r in stocks(born, [date(2019, 12, 31), date(2020, 12, 31)]).to_pylist()
        if r["citizenship_code"] == "PAN"
    }
    assert [(r["present_n"], r["resident_n"]) for r in held.values()] == [(1, 1), (2, 2)]
    account = population_account(born, date(2019, 12, 31), date(2020, 12, 31)).to_pylist()[-1]
    assert (account["opening_n"], account["births_n"], account["closing_n"]) == (1, 1, 2)
    vital = Vital(births={"PAN": 7}, deaths={"PAN": 3})
    whole = population_account(born, date(2019, 12, 31), date(2020, 12, 31), vital=vital).to_pylist()[-1]
    assert (whole["opening_n"], whole["births_n"], whole["closing_n"]) == (1, 7, 5), (
        "seen births are among all"
    )


def test_a_date_of_birth_after_a_crossing_does_not_open_the_account() -> None:
    """The last stated date of birth is the one that counts, even where an earlier crossing denies it."""
    days = [
        (0, "2020-03-01T10:00", "exit"),
        (0, "2020-03-08T10:00", "entry"),
        (0, "2022-03-08T10:00", "exit"),
    ]
    births = [date(1990, 1, 1), date(1990, 1, 1), date(2020, 6, 1)]
    strange = register(days, citizenship_code=["PAN"] * 3, birth_date=births)
    for start, end in ((2019, 2020), (2020, 2021), (2018, 2022)):
        population_account(strange, date(start, 12, 31), date(end, 12, 31))
