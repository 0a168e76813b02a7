"""Values that cannot be what they say: set aside with a reason, or unknown and counted; never guessed."""

from __future__ import annotations

from pathlib import Path

import pytest

from caudal.errors import CaudalError
from caudal.harmonise import identifier_key, threshold_problems
from tests.raw_country import COUNTRY, PERSONS, MadeCountry, rows

SURVEY = """
kind: person
tables: {persons: {format: {type: delimited}}}
columns:
  person_key: {from: id}
  weight: {from: w}
  birth_country_code: {from: born, crosswalk: countries.csv, refused: [97]}
design: {type: sample, weight: weight}
deliveries: [{period: 2020, file: persons.csv}]
"""
CODES = {"countries.csv": "code,standard_code\n1,AR\n2,BO\n"}


def test_a_code_that_no_list_knows(tmp_path: Path) -> None:
    country = MadeCountry(
        tmp_path, SURVEY, {"persons.csv": "id,w,born\na,1,1\nb,1,777\nc,1,97\nd,1,\n"}, CODES
    )
    done = country.harmonise()
    assert rows(done.records)["birth_country_code"] == ["AR", "_U", "_R", "_U"]
    assert done.reconciliation.recoded_to_unknown == {"birth_country_code": 2}
    assert [p.code for p in threshold_problems(country.source, done.reconciliation)] == ["too-many-unknown"]


def test_negative_missing_and_unreadable_weights(tmp_path: Path) -> None:
    data = "id,w,born\na,1.5,1\nb,-2,1\nc,,1\nd,many,1\ne,0,1\n"
    done = MadeCountry(tmp_path, SURVEY, {"persons.csv": data}, CODES).harmonise()
    assert rows(done.quarantine) == {
        "raw_row": [2, 3, 4],
        "reason": ["negative-weight", "missing:weight", "missing:weight"],
    }
    assert rows(done.records)["weight"] == [1.5, 0.0]


@pytest.mark.parametrize(
    ("rule", "stays"), [("keep_first", ["a", "b"]), ("keep_last", ["b", "a2"]), ("keep_none", ["b"])]
)
def test_duplicate_keys(tmp_path: Path, rule: str, stays: list[str]) -> None:
    spec = f"""
        kind: person
        duplicates: {rule}
        tables: {{persons: {{format: {{type: delimited}}}}}}
        columns: {{person_key: {{from: id}}, stratum: {{from: name}}}}
        deliveries: [{{period: 2020, file: persons.csv}}]
    """
    done = MadeCountry(tmp_path, spec, {"persons.csv": "id,name\n1,a\n2,b\n1,a2\n"}).harmonise()
    assert rows(done.records)["stratum"] == stays
    assert set(rows(done.quarantine)["reason"]) == {"duplicate-key"}
    assert done.reconciliation.records + done.reconciliation.quarantined == 3


def test_a_duplicate_of_a_quarantined_row_stays(tmp_path: Path) -> None:
    done = MadeCountry(tmp_path, SURVEY, {"persons.csv": "id,w,born\na,-1,1\na,2,1\n"}, CODES).harmonise()
    assert rows(done.records)["weight"] == [2.0]
    assert done.reconciliation.quarantined_by_reason == {"negative-weight": 1}


def test_a_key_that_is_missing_is_no_duplicate(tmp_path: Path) -> None:
    done = MadeCountry(tmp_path, files={"persons.csv": "id,sex\n,1\n,2\na,1\n"}).harmonise()
    assert done.reconciliation.quarantined_by_reason == {"missing:person_key": 2}


def test_impossible_and_two_digit_dates(tmp_path: Path) -> None:
    spec = """
        kind: person
        tables: {persons: {format: {type: delimited}}}
        columns:
          person_key: {from: id}
          age_years: {expression: "date_diff('year', born, period_start)"}
        helpers: {born: {from: born_text, type: date, date_format: "%d/%m/%Y"}}
        deliveries: [{period: 2020, file: persons.csv}]
    """
    data = "id,born_text\na,31/02/1980\nb,12/04/63\nc,01/05/1980\nd,\ne,01/05/1780\n"
    done = MadeCountry(tmp_path, spec, {"persons.csv": data}).harmonise()
    assert rows(done.records)["age_years"] == [None, None, 40, None, None]
    assert done.reconciliation.recoded_to_unknown == {"born": 3}
    short = spec.replace("%Y", "%y")
    problems = MadeCountry(tmp_path / "b", short).check()
    assert [p.code for p in problems] == ["date-without-century"]
    mended = short.replace('"%d/%m/%y"', '"%d/%m/%y", century: 1921')
    done = MadeCountry(
        tmp_path / "c", mended, {"persons.csv": "id,born_text\na,31/02/80\nb,12/04/63\n"}
    ).harmonise()
    assert rows(done.records)["age_years"] == [None, 57]


@pytest.mark.parametrize("age", ["-4", "131"])
def test_ages_out_of_range(tmp_path: Path, age: str) -> None:
    spec = PERSONS.replace("  sex_code", "  age_years: {from: age}\n  sex_code")
    done = MadeCountry(tmp_path, spec, {"persons.csv": f"id,sex,age\na,1,{age}\n"}).harmonise()
    assert done.reconciliation.quarantined_by_reason == {"age-out-of-range": 1}


def test_the_demo_key_is_refused_outside_a_simulated_country(tmp_path: Path) -> None:
    real = COUNTRY.model_copy(update={"key": "demo"})
    with pytest.raises(CaudalError) as caught:
        identifier_key(real, tmp_path)
    assert "key: file:secrets/key" in str(caught.value)


def test_a_value_with_sql_in_it_is_a_value(tmp_path: Path) -> None:
    spec = PERSONS.replace("{1: M, 2: F}", '{"1\'; DROP TABLE x; --": M, 2: F}')
    data = 'id,sex\n"a\'); --","1\'; DROP TABLE x; --"\nb,2\n'
    assert MadeCountry(tmp_path, spec, {"persons.csv": data}).records()["sex_code"] == ["M", "F"]


def test_an_expression_that_fails_on_a_row_names_the_delivery(tmp_path: Path) -> None:
    spec = PERSONS.replace("  sex_code", "  age_years: {expression: CAST(age AS INTEGER)}\n  sex_code")
    found = MadeCountry(tmp_path, spec, {"persons.csv": "id,sex,age\na,1,old\n"}).problem()
    assert (found.code, found.where) == ("mapping-fails", "made/2020")
