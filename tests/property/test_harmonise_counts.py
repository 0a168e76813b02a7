"""Whatever the rows hold, their counts reconcile, and a plain reading in Python makes the same records."""

from __future__ import annotations

import tempfile
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.raw_country import MadeCountry, rows

SPEC = """
kind: person
tables: {persons: {format: {type: delimited, separator: ";", decimal: ","}, where: zone <> 'x'}}
columns:
  person_key: {from: [home, nr]}
  weight: {from: w}
  sex_code: {from: sex, recode: {1: M, 2: F}, unknown: [9], refused: [7]}
  age_years: {from: age, unknown: [999]}
design: {type: sample, weight: weight}
deliveries: [{period: 2020, file: persons.csv}]
"""
ROW = st.tuples(
    st.sampled_from(["A", "B", ""]),
    st.sampled_from(["1", "2"]),
    st.sampled_from(["1,5", "0", "-1", "", "1.5", "many"]),
    st.sampled_from(["1", "2", "7", "9", "4", ""]),
    st.sampled_from(["0", "40", "999", "130", "-2", "old", ""]),
    st.sampled_from(["n", "x"]),
)
WEIGHTS = {"1,5": 1.5, "0": 0.0, "-1": -1.0}
SEXES = {"1": "M", "2": "F", "7": "_R", "9": "_U"}


def by_hand(table: list[tuple[str, ...]]) -> tuple[list[tuple[object, ...]], int, int]:
    """Records, rows left out, and sexes that no rule named, one row after the other."""
    kept: list[tuple[object, ...]] = []
    seen: set[tuple[str, str]] = set()
    left_out = unnamed = 0
    for number, (home, nr, w, sex, age, zone) in enumerate(table, 1):
        years = int(age) if age.lstrip("-").isdigit() and age != "999" else None
        weight = WEIGHTS.get(w)
        if zone == "x":
            left_out += 1
        elif home and weight is not None and weight >= 0 and (years is None or 0 <= years <= 120):
            if (home, nr) not in seen:
                kept.append((number, weight, SEXES.get(sex, "_U"), years))
                unnamed += sex not in SEXES
            seen.add((home, nr))
    return kept, left_out, unnamed


@settings(max_examples=12, deadline=None)
@given(st.lists(ROW, min_size=1, max_size=25))
def test_the_same_records_as_by_hand(table: list[tuple[str, ...]]) -> None:
    with tempfile.TemporaryDirectory() as place:
        text = "home;nr;w;sex;age;zone\n" + "".join(";".join(row) + "\n" for row in table)
        done = MadeCountry(Path(place), SPEC, {"persons.csv": text}).harmonise()
        found, held = rows(done.records), rows(done.quarantine)
    kept, left_out, unnamed = by_hand(table)
    columns = ("raw_row", "weight", "sex_code", "age_years")
    assert list(zip(*(found[c] for c in columns), strict=True)) == kept
    counts = done.reconciliation
    assert (counts.rows_in, counts.left_out) == (len(table), left_out)
    assert counts.rows_in == counts.records + counts.quarantined + counts.left_out
    assert len(held["raw_row"]) == counts.quarantined == sum(counts.quarantined_by_reason.values())
    assert counts.recoded_to_unknown.get("sex_code", 0) == unnamed
