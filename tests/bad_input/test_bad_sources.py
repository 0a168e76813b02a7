"""Specs of sources with mistakes: all of them at once, each with its line and the nearest right name."""

from __future__ import annotations

from pathlib import Path

import pytest

from caudal.engine.specs import read_spec
from caudal.errors import CaudalError
from caudal.model.source import SourceSpec
from tests.raw_country import COUNTRY, PERSONS, MadeCountry

TEN = """
kind: person
concept: {source_typo: survey, coverage: nationale}
tables: {persons: {format: {type: delimited}, join: [{table: homes, "on": [id]}]}}
columns:
  person_key: {from: id}
  sexo_code: {from: sex}
  sex_code: {from: sex, recode: {1: M, 2: W}}
  birth_country_code: {from: born, crosswalk: countrys.csv}
  age_years: {expression: "CASE WHEN"}
  arrival_year: {expression: (SELECT 1)}
  weight: {}
design: {type: sample, weight: weigth}
checks: [{name: odd, condition: "count(*) > 1"}]
deliveries: [{period: 2020, file: persons.csv}]
"""


def test_ten_mistakes_at_once(tmp_path: Path) -> None:
    country = MadeCountry(tmp_path, TEN, codes={"countries.csv": "code,standard_code\n1,AR\n"})
    found = country.check()
    lines = country.document.path.read_text().splitlines()
    told = [
        (p.code, p.facts.get("nearest"), lines[int(p.where.rsplit(":", 1)[1]) - 1].strip()) for p in found
    ]
    expected = [
        ("unknown-name", "source_type", "concept:"),
        ("unknown-name", "national", "concept:"),
        ("unknown-name", None, "tables:"),
        ("unknown-name", "sex_code", "sexo_code:"),
        ("unknown-code", None, "sex_code:"),
        ("unknown-name", "countries.csv", "birth_country_code:"),
        ("expression-malformed", None, "age_years:"),
        ("expression-forbidden", None, "arrival_year:"),
        ("mapping-empty", None, "weight:"),
        ("unknown-name", "weight", "design:"),
        ("expression-forbidden", None, "checks:"),
    ]
    for code, near, line in expected:
        assert any(c == code and n == near and text.startswith(line) for c, n, text in told), (
            code,
            near,
            told,
        )
    assert len(found) >= 11


def test_names_that_the_model_does_not_know_are_told_at_once(tmp_path: Path) -> None:
    country = MadeCountry(tmp_path, PERSONS.replace("kind:", "knid:").replace("{from: id}", "{form: id}"))
    spec, found = read_spec(country.document.path, SourceSpec)
    assert spec is None
    assert {p.facts.get("nearest") for p in found} >= {"kind", "from"}


def test_a_mapping_that_loops(tmp_path: Path) -> None:
    spec = (
        PERSONS
        + """
helpers:
  a: {expression: b}
  b: {expression: c}
  c: {expression: a}
"""
    )
    found = [p for p in MadeCountry(tmp_path, spec).check() if p.code == "mapping-loops"]
    assert [p.facts["found"] for p in found] == [["a", "b", "c"]]


def test_a_spec_that_contains_itself(tmp_path: Path) -> None:
    country = MadeCountry(tmp_path, PERSONS + "notes: &n {en: *n}\n")
    with pytest.raises(CaudalError) as caught:
        _ = country.document
    assert caught.value.problems[0].code in ("spec-loops", "spec-not-yaml")


def test_variants_that_overlap(tmp_path: Path) -> None:
    spec = PERSONS + "variants: [{valid_from: 2019}, {valid_to: 2021}]\n"
    assert [p.code for p in MadeCountry(tmp_path, spec).check()] == ["variants-overlap"]


def test_a_delivery_twice_and_a_concept_that_is_needed(tmp_path: Path) -> None:
    spec = """
        kind: person
        tables: {persons: {format: {type: delimited}}}
        columns: {sex_code: {from: sex}}
        deliveries: [{period: 2020, file: a.csv}, {period: 2020, file: b.csv}]
    """
    assert [p.code for p in MadeCountry(tmp_path, spec).check()] == ["delivery-twice", "concept-missing"]


def test_identifiers_without_a_key(tmp_path: Path) -> None:
    found = MadeCountry(tmp_path).check(COUNTRY.model_copy(update={"key": ""}))
    assert [p.code for p in found] == ["key-missing"]


def test_a_crosswalk_with_a_wrong_code_and_one_twice(tmp_path: Path) -> None:
    spec = PERSONS.replace("recode: {1: M, 2: F}", "crosswalk: s.csv")
    codes = {"s.csv": "code,standard_code,valid_from,valid_to\n1,M,,2019-12-31\n1,F,2019-06-01,\n2,W,,\n"}
    found = MadeCountry(tmp_path, spec, codes=codes).check()
    assert [(p.code, p.where.rsplit(":", 1)[1]) for p in found] == [
        ("unknown-code", "4"),
        ("code-twice", "3"),
    ]


def test_every_error_of_these_rooms_reads_well_in_three_languages(tmp_path: Path) -> None:
    found = MadeCountry(tmp_path, TEN).check()
    for problem in found:
        for language in ("en", "es", "pt"):
            assert "?" not in problem.text(language).replace("?)", "")
