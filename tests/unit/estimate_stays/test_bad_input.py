"""Bad input: counted, refused with a way on, or harmless; never silently wrong."""

from __future__ import annotations

import subprocess
import sys
from datetime import date, datetime, timedelta
from pathlib import Path

import numpy as np
import pandas as pd  # type: ignore[import-untyped]
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import caudal
from caudal.errors import CaudalError
from caudal.estimate.stays.classify import Settings, classify_crossings, count_repairs, map_pieces
from caudal.estimate.stays.cube import MOVEMENTS, CubeSpec, flow_cube
from caudal.estimate.stays.identities import PersonDictionary, pseudonymised
from caudal.estimate.stays.keys import KeyLayout
from caudal.estimate.stays.reading import Reading, read_register
from caudal.simulate.crossings import Plan, RegisterErrors, simulate_crossings
from tests.unit.estimate_stays.registers import crossings

PLAIN = Reading(with_columns=())


def test_what_cannot_be_used_is_counted_by_reason() -> None:
    table = pa.table(
        {
            "person_id": [None, 1, 2, 3, -4, 5, 6],
            "crossing_at": [
                datetime(2020, 1, 1),
                None,
                *[datetime(2020, 1, 1)] * 3,
                datetime(1970, 1, 1),
                datetime(2020, 1, 1),
            ],
            "direction_code": ["entry", "entry", "sideways", None, "entry", "exit", "exit"],
            "birth_date": [None, None, None, None, None, None, date(2021, 5, 5)],
            "citizenship_code": ["COL"] * 7,
        }
    )
    register = read_register(table, Reading(with_columns=("citizenship_code", "birth_date")))
    assert dict(register.rejected) == {
        "before-birth": 1,
        "impossible-date": 1,
        "no-instant": 1,
        "no-person": 2,
        "unknown-direction": 2,
    }
    assert register.read_n == 7
    assert len(register.part(0)) == 0


def test_no_crossings_give_no_rows() -> None:
    empty = crossings([])
    register = read_register(empty, PLAIN)
    assert flow_cube(register, Settings(), CubeSpec(by=("month", "direction"))).num_rows == 0
    assert list(classify_crossings(register)) == []
    assert count_repairs(register).duplicates_n == 0


def test_one_person_with_ten_thousand_crossings() -> None:
    start = datetime(2015, 1, 1)
    rows = [
        (0, (start + timedelta(hours=7 * i)).isoformat(), ("entry", "exit")[i % 2]) for i in range(10_000)
    ]
    register = read_register(crossings(rows), PLAIN)
    fast = flow_cube(register, Settings(), CubeSpec(MOVEMENTS, ("direction", "population")))
    plain = flow_cube(
        register, Settings(use_compiled=False), CubeSpec(MOVEMENTS, ("direction", "population"))
    )
    assert fast.equals(plain)
    assert sum(fast["crossings_n"].to_pylist()) == 10_000


def test_more_than_256_countries_of_document() -> None:
    codes = [f"{i:03d}" for i in range(700)]
    rows = [(i, "2020-01-01T10:00", "entry") for i in range(700)]
    register = read_register(crossings(rows, citizenship_code=codes))
    cube = flow_cube(register)
    assert cube["citizenship_code"].to_pylist() == codes


def test_ids_that_are_not_dense_are_cut_into_parts_or_refused() -> None:
    far = (1 << 40) + 7
    rows = [(7, "2020-01-01", "entry"), (far, "2020-01-01", "entry"), (far, "2020-03-01", "exit")]
    register = read_register(crossings(rows, citizenship_code=["A", "B", "B"]))
    persons = np.concatenate(list(map_pieces(register, Settings(), lambda piece: piece.crossings.person)))
    assert sorted(set(persons.tolist())) == [7, far]
    with pytest.raises(CaudalError, match="stays-key-too-long"):
        KeyLayout.fitting(1 << 62, 0, 1 << 22, ())


def test_identifiers_in_the_place_of_numbers_are_refused() -> None:
    raw = pa.table({"person_id": ["P1"], "crossing_at": [datetime(2020, 1, 1)], "direction_code": ["entry"]})
    with pytest.raises(CaudalError, match="stays-person-not-number"):
        read_register(raw, PLAIN)
    hashes = crossings([(1 << 40, "2020-01-01", "entry")], sex_code=["F"])
    with pytest.raises(CaudalError, match="stays-ids-not-dense"):
        read_register(hashes, Reading(with_columns=("sex_code",)))


def test_an_empty_file_is_an_empty_register(tmp_path: Path) -> None:
    pq.write_table(crossings([]), tmp_path / "empty.parquet")
    assert flow_cube(read_register(tmp_path, PLAIN), Settings(), CubeSpec(by=("month",))).num_rows == 0


def test_clocks_that_differ_by_post_are_put_right() -> None:
    # The exit at 23:00 local time is recorded in UTC, after the entry of the next morning.
    rows = [
        (0, "2020-01-01T08:00", "entry"),
        (0, "2020-01-02T04:00", "exit"),
        (0, "2020-01-02T01:00", "entry"),
    ]
    table = crossings(rows, post_code=["LAND", "AIR", "LAND"])
    wrong = count_repairs(read_register(table, PLAIN))
    assert (wrong.runs_of_entries_n, wrong.runs_of_exits_n) == (1, 0)
    right = count_repairs(read_register(table, Reading((), clock_shift_minutes={"AIR": -300})))
    assert (right.runs_of_entries_n, right.runs_of_exits_n) == (0, 0)


def test_a_column_with_a_zone_is_read_in_local_time() -> None:
    utc = pa.array([datetime(2020, 1, 1, 3, 0)], pa.timestamp("s", tz="UTC")).cast(
        pa.timestamp("s", tz="America/Panama")
    )
    table = pa.table({"person_id": [0], "crossing_at": utc, "direction_code": ["entry"]})
    assert (
        read_register(table, PLAIN).last_day == date(2019, 12, 31).toordinal() - date(1970, 1, 1).toordinal()
    )


def test_missing_and_unknown_columns_are_all_reported_at_once() -> None:
    table = pa.table({"person": [1], "crossing_at": [datetime(2020, 1, 1)], "citizenship": ["A"]})
    with pytest.raises(CaudalError) as caught:
        read_register(table, Reading(with_columns=("citizenship_code", "shoe_size")))
    found = {p.facts["found"] for p in caught.value.problems}
    assert found == {"shoe_size", "person_id", "direction_code", "citizenship_code"}
    assert 'nearest name is "citizenship"' in str(caught.value)


def test_files_that_are_not_there(tmp_path: Path) -> None:
    with pytest.raises(CaudalError, match="stays-no-files"):
        read_register(tmp_path / "nowhere.parquet")
    with pytest.raises(CaudalError, match="stays-no-files"):
        read_register(tmp_path)


@pytest.mark.parametrize("frame", [pd.DataFrame, pl.DataFrame], ids=["pandas", "polars"])
def test_data_frames_of_others_enter_by_the_arrow_interface(frame: type) -> None:
    table = crossings(
        [(0, "2020-01-01", "entry"), (0, "2020-01-09", "exit")], citizenship_code=["COL", "COL"]
    )
    given = frame({n: table[n].to_pylist() for n in table.column_names})
    assert flow_cube(read_register(given)).equals(flow_cube(read_register(table)))


def test_late_records_are_left_out_of_a_register_as_it_was_known() -> None:
    rows = [(0, "2020-01-01", "entry"), (0, "2020-01-09", "exit")]
    table = crossings(rows, known_at=[date(2020, 2, 1), date(2020, 6, 1)])
    then = read_register(table, Reading(with_columns=(), known_by=date(2020, 3, 1)))
    assert dict(then.rejected) == {"not-yet-known": 1}


def test_all_dirt_at_ten_times_the_usual_rate_is_counted_and_survived(tmp_path: Path) -> None:
    errors = RegisterErrors(lost_share=0.1, repeated_share=0.05, late_share=0.2)
    made = simulate_crossings(tmp_path, events=30_000, seed=2, plan=Plan(errors=errors))
    assert made.truth is not None
    lost = sum(pq.read_table(made.truth, columns=["is_lost"])["is_lost"].to_pylist())
    register = read_register(made.deliveries)
    counts = count_repairs(register)
    assert lost > 2000
    assert 0.8 < counts.duplicates_n / (0.05 * made.events) < 1.2
    assert counts.runs_of_entries_n + counts.runs_of_exits_n > 1000
    assert register.read_n == made.events == len(register.part(0))


def test_without_the_compiler_everything_works_the_same(tmp_path: Path) -> None:
    made = simulate_crossings(tmp_path, events=3000, seed=6, truth=False)
    here = flow_cube(read_register(made.deliveries)).to_pylist()
    program = (
        "import sys; sys.modules['numba'] = None\n"
        "import pyarrow as pa\n"
        "from pathlib import Path\n"
        "from caudal.estimate.stays import PersonDictionary, flow_cube, pseudonymised, read_register\n"
        f"print(flow_cube(read_register(Path({str(tmp_path / 'deliveries')!r}))).to_pylist())\n"
        f"people = PersonDictionary(Path({str(tmp_path / 'people')!r}))\n"
        "table = pa.table({'d': ['A', 'B', 'A']})\n"
        "print(pseudonymised(table, 'd', people, b'k' * 32)['person_id'].to_pylist())\n"
    )
    source = str(Path(caudal.__file__).parents[1])
    run = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        text=True,
        check=True,
        env={"PYTHONPATH": source},
    )
    cube, ids = run.stdout.splitlines()
    assert cube == str(here)
    compiled = PersonDictionary(tmp_path / "others")
    assert ids == str(
        pseudonymised(pa.table({"d": ["A", "B", "A"]}), "d", compiled, b"k" * 32)["person_id"].to_pylist()
    )


@pytest.mark.long
def test_more_crossings_than_memory(tmp_path: Path) -> None:
    made = simulate_crossings(tmp_path / "r", events=2_000_000, seed=2, truth=False)
    whole = flow_cube(read_register(made.deliveries))
    small = Reading(memory_limit=1 << 20, spill_folder=tmp_path / "spill")
    spilled = read_register(made.deliveries, small)
    assert max(p.stat().st_size for p in spilled.parts if isinstance(p, Path)) < 1 << 20
    assert flow_cube(spilled).equals(whole)
