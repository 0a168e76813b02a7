"""Crosswalks of the catalogue: their codes exist, practice that differs is chosen and said."""

from __future__ import annotations

import itertools
from pathlib import Path

import pytest

from caudal.catalogue import load_catalogue
from caudal.errors import CaudalError
from caudal.harmonise import statements
from caudal.harmonise.standard import _file, standard_codes, standard_names
from caudal.model.observation import NOT_APPLICABLE, REFUSED, UNKNOWN
from caudal.river.assemble import _with_statements
from caudal.river.folder import read_folder
from tests.raw_country import MadeCountry
from tests.support.small_country import replace_in, write_country

SPEC = """
kind: person
tables: {persons: {format: {type: delimited}}}
columns:
  person_key: {from: id}
  ethnicity_code: {from: cor, crosswalk: "standard:ethnicity_br"CHOOSE}
  birth_country_code: {from: born, crosswalk: "standard:country_names"}
deliveries: [{period: 2020, file: p.csv}]
"""
FILES = {"p.csv": "id,cor,born\n1,1,PERU\n2,Parda,Côte d’Ivoire\n3,4,Brésil\n4,preta,076\n5,5,hti\n"}


def made(tmp_path: Path, choose: str) -> MadeCountry:
    return MadeCountry(tmp_path, SPEC.replace("CHOOSE", choose), FILES)


def test_every_code_of_every_choice_is_one_of_its_list() -> None:
    catalogue, _ = load_catalogue()
    special = {UNKNOWN, REFUSED, NOT_APPLICABLE}
    for name in standard_names()[1:]:
        entry = _file()[name.removeprefix("standard:")]
        known = {*catalogue.code_lists[entry["code_list"]].codes, *special}
        switches = entry.get("switches", {})
        for choice in itertools.product(*switches.values()):
            said = "&".join(f"{s}={c}" for s, c in zip(switches, choice, strict=True))
            codes, _ = standard_codes(f"{name}?{said}" if said else name)
            assert set(codes.values()) <= known, name
        for texts in [entry["text"], *(c["text"] for s in switches.values() for c in s.values())]:
            assert set(texts) == {"es", "pt", "en"}


@pytest.mark.parametrize(("choice", "code"), [("afro", "AFR"), ("mestizo", "MES"), ("other", "OTH")])
def test_practice_that_differs_is_chosen_and_said(tmp_path: Path, choice: str, code: str) -> None:
    country = made(tmp_path, f", choose: {{parda: {choice}}}")
    assert country.check() == []
    found = country.records()
    assert found["ethnicity_code"] == ["BLA", code, code, "AFR", "IND"]
    assert found["birth_country_code"] == ["PE", "CI", "_U", "BR", "HT"]
    (text,) = statements(country.source)
    assert "parda" in text["es"] and set(text) == {"es", "pt", "en"}
    noted = country.source.model_copy(update={"notes": {"es": "Una nota."}})
    shown = _with_statements(noted)  # what the page of the source prints under its coverage
    assert shown["es"] == f"Una nota. {text['es']}" and shown["pt"] == text["pt"]


@pytest.mark.parametrize(
    ("choose", "code"),
    [
        ("", "switch-unchosen"),
        (", choose: {parda: negra}", "unknown-name"),
        (", choose: {pardo: afro, parda: afro}", "unknown-name"),
    ],
)
def test_there_is_no_silent_default(tmp_path: Path, choose: str, code: str) -> None:
    problems = made(tmp_path, choose).check()
    assert [p.code for p in problems] == [code]
    assert problems[0].where.endswith("made.yaml:13")


def test_a_crosswalk_that_the_catalogue_has_not(tmp_path: Path) -> None:
    spec = SPEC.replace("CHOOSE", "").replace("standard:ethnicity_br", "standard:ethnicity_bra")
    (problem,) = MadeCountry(tmp_path, spec, FILES).check()
    assert problem.facts["nearest"] == "standard:ethnicity_br"


def test_a_country_chooses_for_all_its_sources_and_a_source_may_differ(tmp_path: Path) -> None:
    folder = write_country(tmp_path / "c")
    survey = folder / "sources" / "survey.yaml"
    line = 'ethnicity_code: {from: sex, crosswalk: "standard:ethnicity_br"CHOOSE}'
    replace_in(survey, "  age_years:", f"  {line.replace('CHOOSE', '')}\n  age_years:")
    with pytest.raises(CaudalError, match="switch-unchosen"):
        read_folder(folder)
    general = folder / "caudal.yaml"
    general.write_text(general.read_text("utf-8") + "crosswalks: {ethnicity_br: {parda: afro}}\n", "utf-8")
    read = read_folder(folder).sources["survey"]
    assert read.columns["ethnicity_code"].choose == {"parda": "afro"}
    assert statements(read)
    replace_in(survey, '"standard:ethnicity_br"}', '"standard:ethnicity_br", choose: {parda: mestizo}}')
    assert read_folder(folder).sources["survey"].columns["ethnicity_code"].choose == {"parda": "mestizo"}


@pytest.mark.parametrize(
    ("said", "near"),
    [("{ethnicty_br: {parda: afro}}", "ethnicity_br"), ("{ethnicity_br: {prda: afro}}", "parda"),
     ("{ethnicity_br: {parda: afr}}", "afro")],
)  # fmt: skip
def test_a_choice_of_the_country_that_nothing_bears(tmp_path: Path, said: str, near: str) -> None:
    folder = write_country(tmp_path / "c")
    general = folder / "caudal.yaml"
    general.write_text(general.read_text("utf-8") + f"crosswalks: {said}\n", "utf-8")
    with pytest.raises(CaudalError) as caught:
        read_folder(folder)
    (problem,) = caught.value.problems
    assert problem.facts["nearest"] == near and "caudal.yaml:8" in problem.where
