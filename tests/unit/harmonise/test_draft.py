"""Drafts of source files: what is proposed, why, what a check says, and what comes of it when confirmed."""

from __future__ import annotations

import re
from importlib.resources import files
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from benchmarks.source_draft import ROOT, scores
from caudal.cli import main
from caudal.engine.specs import read_spec
from caudal.harmonise.draft import describe, draft_text, propose
from caudal.model.source import SourceSpec
from tests.support import welfare_survey
from tests.support.census import CSPRO, DATA
from tests.support.small_country import CAUDAL, PROTECTION, replace_in

PORTUGUESE = """<codeBook xmlns="ddi:codebook:2_5"><dataDscr>
<var name="V01"><labl>Identificação da pessoa</labl></var>
<var name="V02"><labl>Sexo</labl><catgry><catValu>1</catValu><labl>Homem</labl></catgry>
<catgry><catValu>2</catValu><labl>Mulher</labl></catgry></var>
<var name="V03"><labl>Idade em anos completos</labl></var>
<var name="V04"><labl>Em que país nasceu?</labl><catgry><catValu>1</catValu><labl>Brasil</labl></catgry>
<catgry><catValu>2</catValu><labl>Haiti</labl></catgry><catgry><catValu>3</catValu><labl>Bolívia</labl></catgry>
<catgry><catValu>9</catValu><labl>Ignorado</labl></catgry></var>
<var name="V05"><labl>Cor ou raça</labl><catgry><catValu>1</catValu><labl>Branca</labl></catgry>
<catgry><catValu>2</catValu><labl>Preta</labl></catgry>
<catgry><catValu>9</catValu><labl>Não respondeu</labl></catgry></var>
<var name="V06"><labl>Fator de expansão</labl></var>
<var name="V07"><labl>Marca do televisor</labl></var></dataDscr></codeBook>"""
ROWS = "V01;V02;V03;V04;V05;V06;V07\n" + "".join(
    f"{i};{1 + i % 2};{i % 80};{(1, 2, 3, 9)[i % 4]};{(1, 2, 9)[i % 3]};{100 + i % 7},5;x{i % 3}\n"
    for i in range(300)
)


def drafted(path: Path) -> tuple[str, dict[str, str]]:
    """Kind and columns of the draft of a file."""
    proposal = propose(describe(path))
    return proposal.kind, {g.concept: g.column for g in proposal.guesses}


def test_a_survey_with_labels_in_spanish(tmp_path: Path) -> None:
    pytest.importorskip("pyreadstat")
    welfare_survey.write(tmp_path / "welfare.dta")
    kind, columns = drafted(tmp_path / "welfare.dta")
    assert kind == "person"
    expected = {
        "person_key": "id_persona", "household_key": "folio", "weight": "expr", "stratum": "varstrat",
        "psu": "varunit", "area_code": "region", "urbanisation_code": "area", "sex_code": "sexo",
        "age_years": "edad", "citizenship_code": "r1a", "indigenous_code": "r3", "wg_seeing_code": "hh_ver",
        "poverty_code": "pobreza", "income_per_person": "ypc", "poverty_line": "lp",
        "extreme_poverty_line": "li",
    }  # fmt: skip
    assert {c: columns.get(c) for c in expected} == expected
    assert columns["birth_country_code"] in ("r1b", "r1b_pais")


def test_a_table_with_a_ddi_in_portuguese(tmp_path: Path) -> None:
    (tmp_path / "pessoas.csv").write_bytes(ROWS.encode())
    (tmp_path / "pessoas.xml").write_text(PORTUGUESE, encoding="utf-8")
    described = describe(tmp_path / "pessoas.csv")
    proposal = propose(described)
    guesses = {g.concept: g for g in proposal.guesses}
    assert described.format == {"type": "delimited", "separator": ";", "decimal": ","}
    assert {c: g.column for c, g in guesses.items()} == {
        "person_key": "V01", "sex_code": "V02", "age_years": "V03", "birth_country_code": "V04",
        "ethnicity_code": "V05", "weight": "V06",
    }  # fmt: skip
    assert guesses["sex_code"].recode == {"1": "M", "2": "F"}
    assert guesses["ethnicity_code"].recode == {"1": "BLA", "2": "AFR"}
    assert guesses["ethnicity_code"].refused == ("9",)
    assert [c.name for c in proposal.unrecognised] == ["V07"]
    assert all(g.reasons for g in proposal.guesses)


def test_a_census_with_a_cspro_dictionary(tmp_path: Path) -> None:
    (tmp_path / "census.dat").write_text(DATA)
    (tmp_path / "census.dcf").write_text(CSPRO)
    kind, columns = drafted(tmp_path / "census.dat")
    assert kind == "person"
    assert (columns["sex_code"], columns["age_years"]) == ("SEX", "AGE")
    assert columns["dwelling_key"] == "DWELLING"
    assert "weight" not in columns  # one of its values is below zero


@pytest.mark.parametrize(
    ("table", "kind", "columns"),
    [
        (
            "mes,nacionalidad,sexo,cantidad\n"
            "2023-01,Perú,Hombre,12\n2023-02,Haití,Mujer,7\n2023-02,Chile,Mujer,3\n",
            "flow_count",
            {"count_n": "cantidad", "event_period": "mes", "sex_code": "sexo",
             "citizenship_code": "nacionalidad"},
        ),
        (
            "Main ID,Incident Date,Number Dead,Cause of Death,lat,lon\n"
            "a,2023-01-05,3,Drowning,9.1,-77.2\nb,2023-02-05,1,Sickness,8.1,-77.9\n",
            "incident",
            {"incident_id": "Main ID", "occurred_on": "Incident Date", "dead_n": "Number Dead",
             "cause_code": "Cause of Death", "latitude": "lat", "longitude": "lon"},
        ),
        (
            "documento,fecha_hora,sentido,puesto,nacionalidad,sexo,fecha_nacimiento\n"
            "1,2023-01-05 10:00,E,Paso Norte,Perú,F,1990-01-01\n"
            "2,2023-01-06 11:00,S,Paso Sur,Chile,M,1980-01-01\n",
            "crossing",
            {"crossing_at": "fecha_hora", "direction_code": "sentido", "post_code": "puesto",
             "citizenship_code": "nacionalidad", "sex_code": "sexo", "birth_date": "fecha_nacimiento"},
        ),
    ],
)  # fmt: skip
def test_tables_of_flows_incidents_and_crossings(
    tmp_path: Path, table: str, kind: str, columns: dict[str, str]
) -> None:
    (tmp_path / "t.csv").write_text(table, encoding="utf-8")
    assert drafted(tmp_path / "t.csv") == (kind, columns)


def test_a_draft_is_refused_until_it_is_confirmed_and_then_works(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "sources").mkdir()
    (tmp_path / "data" / "pessoas.csv").write_bytes(ROWS.encode())
    (tmp_path / "data" / "pessoas.xml").write_text(PORTUGUESE, encoding="utf-8")
    (tmp_path / "caudal.yaml").write_text(CAUDAL.replace("territory: XI", "territory: BR"))
    (tmp_path / "publication.yaml").write_text("vintage: 2024-05\nindicators: [population]\n")
    (tmp_path / "protection.yaml").write_text(PROTECTION)
    target = tmp_path / "sources" / "pessoas.yaml"
    order = [
        "source",
        "draft",
        str(tmp_path / "data/pessoas.csv"),
        "--period",
        "2023",
        "--output",
        str(target),
    ]
    assert main(order) == 0
    assert main(order) == 2  # never over a file
    text = target.read_text(encoding="utf-8")
    columns = text.split("columns:\n", 1)[1].split("\n\n", 1)[0].splitlines()
    assert [
        i for i, line in enumerate(columns)
        if re.match(r"  [a-z]", line) and not columns[i - 1].startswith("  # confirm: ")
    ] == []  # fmt: skip
    assert "Not recognised (1 columns)" in text and "V07 (Marca do televisor): x0, x1, x2" in text
    capsys.readouterr()
    assert main(["check", str(tmp_path), "--language", "en"]) == 3
    told = capsys.readouterr().err
    assert "sex_code was proposed by a program" in told and "licence was proposed" in told
    names = told.count("draft-unconfirmed")
    confirmed = re.sub(r"unconfirmed:\n(  - .*\n)+", "", text)
    assert names == text.count("\n  - ") - confirmed.count("\n  - ")
    target.write_text(confirmed, encoding="utf-8")
    assert main(["check", str(tmp_path)]) == 0
    replace_in(target, "weight: {from: V06}", "weight: {from: V06}  # seen")
    spec, problems = read_spec(target, SourceSpec)
    assert spec is not None and problems == []
    assert spec.design is not None and spec.design.weight == "weight"


def test_what_cannot_be_drafted_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "a.pdf").write_bytes(b"%PDF")
    assert main(["source", "draft", str(tmp_path / "a.pdf"), "--language", "en"]) == 4
    assert ".sav" in capsys.readouterr().err
    (tmp_path / "a.dat").write_text("0001\n0002\n")
    assert main(["source", "draft", str(tmp_path / "a.dat"), "--language", "en"]) == 4
    assert "--dictionary" in capsys.readouterr().err


def test_values_are_written_so_that_yaml_reads_them_back(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text(
        'sexo,edad,cantidad\n"No: {sé}",3,1\nMujer,4,2\nHombre,5,2\n', encoding="utf-8"
    )
    described = describe(tmp_path / "t.csv")
    text = draft_text(described, propose(described), source="t", period="2020")
    (tmp_path / "t.yaml").write_text(text, encoding="utf-8")
    spec, problems = read_spec(tmp_path / "t.yaml", SourceSpec)
    assert problems == [] and spec is not None
    assert spec.columns["sex_code"].recode == {"Mujer": "F", "Hombre": "M"}


HOUSEHOLDS = "hogar;persona;sexo;edad;factor;periodo_llegada;ingreso_trabajo\n" + "".join(
    f"{h};{p};{1 + (h + p) % 2};{(5, 30, 44, 999)[(h + p) % 4]};{100 + h % 7};{(1, 2, 3, 9)[h % 4]};"
    f"{(50000, 80000, -99)[p % 3] + (h if p % 3 else 0)}\n"
    for h in range(100)
    for p in range(3)
)


def test_an_identifier_that_repeats_is_not_proposed_alone(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text(HOUSEHOLDS)
    guesses = {g.concept: g for g in propose(describe(tmp_path / "t.csv")).guesses}
    assert (*guesses["person_key"].others, guesses["person_key"].column) == ("hogar", "persona")
    assert guesses["person_key"].unsure
    (tmp_path / "u.csv").write_text(HOUSEHOLDS.replace("\n1;1;", "\n1;0;"))  # now two rows are alike in both
    described = describe(tmp_path / "u.csv")
    proposal = propose(described)
    assert "person_key" not in {g.concept for g in proposal.guesses}
    asked = {q.concept: q.why.text("es") for q in proposal.questions}
    assert "persona parece person_key, pero tiene 3 valores distintos en 300 filas" in asked["person_key"]
    text = draft_text(described, proposal, source="u", period="2020", language="pt")
    assert "  # falta decidir: persona parece person_key" in text and "# duvidoso: " in text
    assert "  # person_key: {from: persona}" in text


def test_codes_of_periods_are_no_years_and_codes_of_no_answer_are_asked(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text(HOUSEHOLDS)
    proposal = propose(describe(tmp_path / "t.csv"))
    assert [q.concept for q in proposal.questions] == ["arrival_year"]
    assert "códigos (1, 2, 3, 9) y no años" in proposal.questions[0].why.text("es")
    guesses = {g.concept: g for g in proposal.guesses}
    assert guesses["age_years"].suspicious == ("999",)
    assert guesses["sex_code"].unsure  # 1 and 2 without labels


def test_labels_tell_what_is_not_applicable(tmp_path: Path) -> None:
    pytest.importorskip("pyreadstat")
    import pandas as pd
    import pyreadstat

    table = pd.DataFrame({"edad": [5, 30, -66, -88] * 20, "asiste": [1, 2, -66, -99] * 20})
    pyreadstat.write_sav(
        table,
        str(tmp_path / "s.sav"),
        column_labels=["Edad en años cumplidos", "¿Asiste actualmente?"],
        variable_value_labels={
            "edad": {-66: "No aplica", -88: "No sabe"},
            "asiste": {1: "Sí", 2: "No", -66: "No aplica", -99: "No responde"},
        },
    )
    guesses = {g.concept: g for g in propose(describe(tmp_path / "s.sav")).guesses}
    assert (guesses["age_years"].not_applicable, guesses["age_years"].unknown) == (("-66",), ("-88",))
    assert guesses["attendance_code"].not_applicable == ("-66",)
    assert guesses["attendance_code"].refused == ("-99",)
    assert guesses["attendance_code"].recode == {"1": "Y", "2": "N"}


@pytest.mark.parametrize("language", ["es", "pt", "en"])
def test_every_sentence_exists_in_three_languages(language: str) -> None:
    texts = YAML(typ="safe").load(
        files("caudal.catalogue").joinpath("proposal_texts.yaml").read_text(encoding="utf-8")
    )
    assert all(t.get(language) for t in texts.values())


@pytest.mark.long
def test_most_of_what_people_wrote_is_found_and_little_is_wrong() -> None:
    if not (ROOT.parent / "shared" / "data").is_dir():
        pytest.skip("../shared/data is missing")
    found = list(scores())
    concepts, right, wrong = (sum(getattr(s, n) for s in found) for n in ("concepts", "found", "wrong"))
    assert concepts > 100
    assert right / concepts > 0.7
    assert wrong / (right + wrong) < 0.1
