"""One delivery, from files to records, quarantine and counts that agree."""

from __future__ import annotations

import hashlib
import hmac
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from caudal.harmonise import IdentifierKey, added, lineage, threshold_problems
from caudal.model.observation import conform
from tests.raw_country import KEY, PERSONS, MadeCountry, rows

HOUSEHOLDS = """
kind: person
tables:
  persons:
    format: {type: delimited, separator: ";", decimal: ","}
    join: [{table: homes, "on": [home], prefix: h_}]
  homes: {format: {type: delimited}}
columns:
  person_key: {from: [home, nr]}
  household_key: {from: home}
  weight: {from: w}
  tenure_code: {from: h_tenure, recode: {1: OWN, 2: RENT}, unknown: [9]}
  overcrowded_code: {expression: CASE WHEN members >= 3 * rooms THEN 'Y' ELSE 'N' END}
helpers:
  members: {from: h_members, type: integer}
  rooms: {from: h_rooms, type: integer}
design: {type: sample, weight: weight}
deliveries: [{period: 2020-Q1, files: {persons: p.csv, homes: h.csv}, received: 2020-05-01}]
"""
PEOPLE = "home;nr;w\nA;1;1,5\nA;2;1,5\nB;1;2\nC;1;3\n"
HOMES = "home,members,rooms,tenure\nB,3,1,9\nA,2,1,1\n"


def test_household_to_person(tmp_path: Path) -> None:
    done = MadeCountry(tmp_path, HOUSEHOLDS, {"p.csv": PEOPLE, "h.csv": HOMES}).harmonise()
    found = rows(done.records)
    assert found["tenure_code"] == ["OWN", "OWN", "_U"]
    assert found["overcrowded_code"] == ["N", "N", "Y"]
    assert found["weight"] == [1.5, 1.5, 2.0]
    assert found["raw_row"] == [1, 2, 3]
    assert set(found["valid_period"]) == {"2020-Q1"}
    assert set(found["known_at"]) == {"2020-05-01"}
    assert rows(done.quarantine) == {"raw_row": [4], "reason": ["no-match:homes"]}


def test_a_join_that_would_multiply_rows_stops(tmp_path: Path) -> None:
    country = MadeCountry(tmp_path, HOUSEHOLDS, {"p.csv": PEOPLE, "h.csv": HOMES + "A,9,9,2\n"})
    assert country.problem().code == "join-not-unique"


def test_identifiers_are_hmac_of_their_parts(tmp_path: Path) -> None:
    found = MadeCountry(tmp_path, HOUSEHOLDS, {"p.csv": PEOPLE, "h.csv": HOMES}).records()

    def pseudonym(text: str) -> str:
        return hmac.new(KEY.secret, text.encode(), hashlib.sha256).hexdigest()[:24]

    assert found["person_key"] == [pseudonym("A\x1f1"), pseudonym("A\x1f2"), pseudonym("B\x1f1")]
    assert found["household_key"] == [pseudonym("A"), pseudonym("A"), pseudonym("B")]


def test_the_printed_pipeline_holds_no_key(tmp_path: Path) -> None:
    done = MadeCountry(tmp_path, HOUSEHOLDS, {"p.csv": PEOPLE, "h.csv": HOMES}).harmonise()
    assert KEY.secret.decode() not in done.sql
    assert KEY.secret.hex() not in done.sql
    assert "WITH raw_persons AS" in done.sql
    assert done.sql.index("raw_persons AS") < done.sql.index("joined AS") < done.sql.index("judged AS")


GRANTS = """
kind: grant_count
published_by_producer: true
tables:
  cells:
    format: {type: delimited}
    key: [area]
    unpivot: {columns: {T: {permit: TEMP}, P: {permit: PERM}}, value: n}
columns:
  count_n: {from: n}
  legal_status_code: {from: permit}
variants:
  - {valid_from: 2020-Q2, valid_to: 2020-Q2, format: {header: false, columns: [area, T, P, total]}}
  - {valid_from: 2020-Q3, rename: {Zona: area, Temp.: T, Perm.: P, Total: total}, format: {separator: ";"}}
totals: [{total: total, parts: [T, P]}]
deliveries:
  - {period: 2020-Q1, file: a.csv}
  - {period: 2020-Q2, file: b.csv}
  - {period: 2020-Q3, file: c.csv}
"""
QUARTERS = {
    "a.csv": "area,T,P,total\nx,1,2,3\ny,4,5,9\n",
    "b.csv": "x,1,2,3\ny,4,5,10",
    "c.csv": "Zona;Temp.;Perm.;Total\nx;7;8;15\nx;7;8;15\n",
}


def test_one_source_whose_deliveries_differ(tmp_path: Path) -> None:
    country = MadeCountry(tmp_path, GRANTS, QUARTERS)
    assert country.check() == []
    first, second, third = (country.harmonise(i) for i in range(3))
    assert rows(first.records)["count_n"] == [1, 2, 4, 5]
    assert rows(first.records)["legal_status_code"] == ["TEMP", "PERM"] * 2
    assert rows(second.records)["count_n"] == [1, 2]
    assert rows(second.quarantine)["reason"] == ["total-differs:total"] * 2
    assert rows(third.records)["count_n"] == [7, 8]
    assert third.reconciliation.quarantined_by_reason == {"duplicate-key": 2}
    total = added(d.reconciliation for d in (first, second, third))
    assert (total.rows_in, total.records, total.quarantined) == (12, 8, 4)


def test_lineage_names_the_column_of_the_file_and_the_line(tmp_path: Path) -> None:
    country = MadeCountry(tmp_path, HOUSEHOLDS)
    found = lineage(country.source, country.document, "2020-Q1", "overcrowded_code")
    assert found is not None
    assert found["raw_columns"] == ["h_members", "h_rooms"]
    assert found["through"] == ["members", "rooms"]
    lines = (tmp_path / "sources" / "made.yaml").read_text().splitlines()
    said = [lines[int(where.rsplit(":", 1)[1]) - 1].strip() for where in found["spec_lines"]]
    assert [s.split(":")[0] for s in said] == ["overcrowded_code", "members", "rooms"]
    grants = MadeCountry(tmp_path / "g", GRANTS)
    renamed = lineage(grants.source, grants.document, "2020-Q3", "count_n")
    assert renamed is not None and renamed["rule"] == "n"
    assert lineage(grants.source, grants.document, "2020-Q3", "sex_code") is None


CORRECTED = (
    PERSONS
    + """
corrections:
  - {where: sex = '3', column: sex, action: override, value: 2, expect: 1, reason: {en: typed wrongly}}
  - {where: id = 'c', column: id, action: drop, reason: {en: a test row of the producer}}
"""
)


def test_corrections_are_counted_and_drop_is_left_out(tmp_path: Path) -> None:
    files = {"persons.csv": "id,sex\na,1\nb,3\nc,1\n"}
    done = MadeCountry(tmp_path, CORRECTED, files).harmonise()
    assert rows(done.records)["sex_code"] == ["M", "F"]
    counts = done.reconciliation
    assert counts.corrections == {"1:override:sex": 1, "2:drop:id": 1}
    assert (counts.rows_in, counts.records, counts.left_out, counts.quarantined) == (3, 2, 1, 0)


def test_a_correction_that_no_longer_matches_has_expired(tmp_path: Path) -> None:
    found = MadeCountry(tmp_path, CORRECTED, {"persons.csv": "id,sex\na,1\nb,2\n"}).problem()
    assert (found.code, found.facts["rows"], found.facts["expected"]) == ("correction-expired", 0, 1)


def test_a_correction_past_its_date_asks_to_be_looked_at(tmp_path: Path) -> None:
    spec = CORRECTED.replace("expect: 1,", "expires: 2020-06-30,")
    files = {"persons.csv": "id,sex\na,1\nb,3\nc,1\n"}
    late = spec.replace("file: persons.csv", "file: persons.csv, received: 2020-09-01")
    assert MadeCountry(tmp_path, late, files).problem().code == "correction-due"
    early = spec.replace("file: persons.csv", "file: persons.csv, received: 2020-03-01")
    assert MadeCountry(tmp_path, early, files).harmonise().reconciliation.records == 2


def test_scale_keeps_decimals(tmp_path: Path) -> None:
    spec = """
        kind: person
        tables: {persons: {format: {type: delimited}}}
        columns: {person_key: {from: id}, weekly_hours: {from: minutes}}
        corrections: [{where: "TRUE", column: minutes, action: scale, value: 0.5, reason: {en: halves}}]
        deliveries: [{period: 2020, file: persons.csv}]
    """
    assert MadeCountry(tmp_path, spec, {"persons.csv": "id,minutes\na,75\n"}).records()["weekly_hours"] == [
        37.5
    ]


def test_rows_of_another_universe_are_left_out_and_counted(tmp_path: Path) -> None:
    spec = PERSONS.replace("format: {type: delimited}", "format: {type: delimited}, where: sex <> '2'")
    counts = MadeCountry(tmp_path, spec, {"persons.csv": "id,sex\na,1\nb,2\nc,\n"}).harmonise().reconciliation
    assert (counts.rows_in, counts.records, counts.left_out) == (3, 1, 2)


def test_checks_quarantine_or_warn(tmp_path: Path) -> None:
    spec = (
        PERSONS
        + """
checks:
  - {name: no_zoe, condition: id <> 'zoe'}
  - {name: women_only, condition: sex_code = 'F', severity: warning}
"""
    )
    done = MadeCountry(tmp_path, spec, {"persons.csv": "id,sex\nzoe,1\nb,1\nc,2\n"}).harmonise()
    assert done.reconciliation.quarantined_by_reason == {"no_zoe": 1}
    assert done.reconciliation.warnings == {"women_only": 1}


def test_a_delivery_shows_what_every_delivery_shows(tmp_path: Path) -> None:
    spec = PERSONS + "complete: {sex_code: [F, M]}\n"
    found = MadeCountry(tmp_path, spec, {"persons.csv": "id,sex\na,1\n"}).problem()
    assert (found.code, found.facts["absent"]) == ("delivery-incomplete", ["F"])
    known = spec.replace("file: persons.csv", "file: persons.csv, lacks: {sex_code: [F]}")
    assert MadeCountry(tmp_path, known).records()["sex_code"] == ["M"]


def test_ordinals_tell_nothing_of_the_identifier(tmp_path: Path) -> None:
    spec = PERSONS.replace("  sex_code", "  psu: {from: home, ordinal: true}\n  sex_code")
    found = MadeCountry(
        tmp_path, spec, {"persons.csv": "id,sex,home\na,1,zz\nb,1,kk\nc,1,zz\nd,1,\n"}
    ).records()
    assert found["psu"] == ["2", "1", "2", None]
    assert found["raw_row"] == [1, 2, 3, 4]


OBSERVED = """
kind: observation
concept: {source_type: international_estimate, measure: stock, basis: birth}
tables:
  cells: {format: {type: delimited}, unpivot: {pattern: "* in *", names: [sex, year], value: n}}
columns:
  indicator_code: {constant: migrant_stock}
  time_period: {from: year}
  sex_code: {from: sex, recode: {All: _T, Men: M}}
  value: {from: n, unknown: [".."]}
deliveries: [{period: 2020, vintage: "2021-02", file: un.csv}]
"""


def test_statistics_of_others_enter_as_observations(tmp_path: Path) -> None:
    country = MadeCountry(tmp_path, OBSERVED, {"un.csv": "All in 2015,Men in 2015,All in 2020\n10,4,..\n"})
    done = country.harmonise()
    found = rows(done.records)
    assert dict(zip(found["sex_code"], found["value"], strict=True)) == {"_T": 10.0, "M": 4.0}
    assert set(found["time_period"]) == {"2015"}
    assert set(found["vintage"]) == {"2021-02"}
    assert set(found["unit_code"]) == {"PS"}
    assert set(found["sampling_se"]) == {None}
    assert set(found["error_note"]) == {"its producer publishes no error"}
    vector = "source_type=international_estimate;measure=stock;basis=birth"
    assert set(found["concept_vector"]) == {vector}
    assert rows(done.quarantine)["reason"] == ["missing:value"]


@pytest.mark.parametrize(("share", "blocked"), [(0.4, True), (0.6, False)])
def test_thresholds_block_a_release(tmp_path: Path, share: float, blocked: bool) -> None:
    spec = PERSONS + f"thresholds: {{recoded_to_unknown: {share}}}\n"
    country = MadeCountry(tmp_path, spec, {"persons.csv": "id,sex\na,1\nb,5\n"})
    done = country.harmonise()
    assert done.reconciliation.recoded_to_unknown == {"sex_code": 1}
    found = [p.code for p in threshold_problems(country.source, done.reconciliation)]
    assert found == (["too-many-unknown"] if blocked else [])


def test_one_thread_or_two_give_the_same_bytes(tmp_path: Path) -> None:
    lines = "".join(f"p{i},{i % 3 + 1}\n" for i in range(150_000))
    country = MadeCountry(tmp_path, files={"persons.csv": "id,sex\n" + lines})
    one, two = (country.harmonise(threads=n, cache=f"cache{n}") for n in (1, 2))
    assert one.records.read_bytes() == two.records.read_bytes()
    assert rows(one.records)["raw_row"] == list(range(1, 150_001))


def test_nothing_changed_nothing_done(tmp_path: Path) -> None:
    country = MadeCountry(tmp_path, files={"persons.csv": "id,sex\na,1\n"})
    first = country.harmonise()
    before = first.records.stat().st_mtime_ns
    assert country.harmonise() == first
    assert first.records.stat().st_mtime_ns == before
    changed = MadeCountry(tmp_path, PERSONS.replace("2: F", "2: F, 3: F")).harmonise()
    assert changed.records != first.records


def test_raw_columns_may_have_any_name(tmp_path: Path) -> None:
    """Names that the pipeline uses itself, and names of concepts that this source does not map."""
    names = [
        "id",
        "sex",
        "reason",
        "dropped",
        "valid_period",
        "weight",
        "period_start",
        "h",
        "known_at",
        "stays",
    ]
    spec = PERSONS.replace("  sex_code", "  stratum: {from: reason}\n  sex_code")
    data = ",".join(names) + "\n" + ",".join(["a", "1", *(f"x{i}" for i in range(8))]) + "\n"
    data += ",".join(["a", "2", *(f"y{i}" for i in range(8))]) + "\n"
    done = MadeCountry(tmp_path, spec, {"persons.csv": data}).harmonise()
    found = rows(done.records)
    assert (found["stratum"], found["valid_period"], found["known_at"]) == (["x0"], ["2020"], [""])
    assert rows(done.quarantine) == {"raw_row": [2], "reason": ["duplicate-key"]}


RELEASE = """
kind: observation
tables: {cells: {format: {type: release}}}
deliveries: [{period: 2020, file: release}]
"""


def test_a_release_enters_with_its_verdicts_or_not_at_all(tmp_path: Path) -> None:
    key = {"indicator_code": "migrant_stock", "indicator_version": "1", "reporter_code": "BO"}
    key |= {"reference_area_code": "BO", "time_period": "2020", "source_code": "census", "concept_vector": ""}
    row = key | {"vintage": "2021", "value": 5.0, "verdict": "publish"}
    table = conform(pa.table({n: [v] for n, v in row.items()}), ["sex"])
    place = tmp_path / "data" / "release"
    place.mkdir(parents=True)
    pq.write_table(table, place / "observations.parquet")
    country = MadeCountry(tmp_path, RELEASE)
    assert country.check() == []
    done = country.harmonise()
    assert pq.read_table(done.records).equals(table)
    assert (done.reconciliation.rows_in, done.reconciliation.records) == (1, 1)
    unjudged = table.set_column(table.column_names.index("verdict"), "verdict", pa.array([None], pa.string()))
    pq.write_table(unjudged, place / "observations.parquet")
    assert country.problem().code == "release-without-verdict"


def test_a_figure_that_stands_twice_and_an_indicator_that_nobody_knows(tmp_path: Path) -> None:
    spec = """
        kind: observation
        concept: {source_type: international_estimate}
        tables: {cells: {format: {type: delimited}}}
        columns:
          indicator_code: {from: what, recode: {stock: migrant_stock}}
          time_period: {from: year}
          value: {from: n}
        deliveries: [{period: 2020, file: f.csv}]
    """
    country = MadeCountry(tmp_path, spec, {"f.csv": "what,year,n\nstock,2015,1\nother,2015,2\n"})
    done = country.harmonise()
    assert rows(done.records)["value"] == [1.0]
    assert rows(done.quarantine)["reason"] == ["unknown-indicator"]
    twice = MadeCountry(
        tmp_path / "b", spec, {"f.csv": "what,year,n\nstock,2015,1\nstock,2015,2\n"}
    ).problem()
    assert (twice.code, twice.facts["found"]) == (
        "observation-twice",
        ["migrant_stock/AR/2015/all/made@2020"],
    )


def test_another_key_changes_pseudonyms_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    country = MadeCountry(tmp_path, HOUSEHOLDS, {"p.csv": PEOPLE, "h.csv": HOMES})
    first = country.records()
    monkeypatch.setattr("tests.raw_country.KEY", IdentifierKey("other", "1", b"another key, long enough"))
    second = country.records()
    changed = {name for name, values in first.items() if second[name] != values}
    assert changed == {"person_key", "household_key"}
