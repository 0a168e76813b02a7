"""A country folder over the built-in catalogue: what it adds, what it overrides, what is wrong with it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from caudal.catalogue import load_catalogue
from caudal.errors import Problem

Folder = Callable[[dict[str, str]], Path]
LANGUAGES = ("es", "pt", "en")

AREAS = """code,parent,label_es,label_pt,label_en
AR,005,Argentina,Argentina,Argentina
AR-06,AR,Buenos Aires,Buenos Aires,Buenos Aires
AR-06-01,AR-06,Partido,Partido,District
AR-14,AR,Córdoba,Córdoba,Córdoba
"""
INDICATOR = """indicator: remote_workers
version: "1"
family: labour
unit: PT
scale: 100
population: remote_workers
text:
  name: {es: a, pt: a, en: a}
  definition: {es: a, pt: a, en: a}
  headline: {es: "{value}", pt: "{value}", en: "{value}"}
formulas:
  - kind: person
    numerator: "weekly_hours > 0"
    denominator: "age_years > 14"
    concept: {basis: birth}
breakdowns:
  - [sex]
gap: {dimension: migratory_status, group: FB, reference: NB}
"""


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    def made(files: dict[str, str]) -> Path:
        for name, text in files.items():
            path = tmp_path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
        return tmp_path

    return made


def codes(problems: list[Problem]) -> list[str]:
    return sorted(p.code for p in problems)


def test_areas_hang_below_the_country(folder: Folder) -> None:
    catalogue, problems = load_catalogue(folder({"codes/areas.csv": AREAS}), LANGUAGES)
    assert not problems
    assert catalogue.label("CL_AREA", "AR-14", "pt") == "Córdoba"
    assert catalogue.label("CL_AREA", "BO", "es") == "Bolivia", "countries are areas too"
    sql = catalogue.derivations("region", "person", "AR")[0]
    assert "WHEN area_code IN ('AR-06', 'AR-06-01') THEN 'AR-06'" in sql


def test_a_folder_never_changes_the_built_in_catalogue(folder: Folder) -> None:
    before = load_catalogue()[0]
    load_catalogue(folder({"codes/areas.csv": AREAS, "indicators/remote_workers.yaml": INDICATOR}))
    assert load_catalogue()[0] == before
    assert "remote_workers" not in before.indicators and "AR-06" not in before.code_lists["CL_AREA"].codes


def test_a_known_code_takes_the_label_of_the_country(folder: Folder) -> None:
    text = "code,label_es\nTEMP,Residencia temporal\nM2,Otra\n"
    catalogue, problems = load_catalogue(folder({"codes/CL_PERMIT.csv": text}), ("es",))
    assert not problems
    assert catalogue.label("CL_PERMIT", "TEMP", "es") == "Residencia temporal"
    assert catalogue.label("CL_PERMIT", "TEMP", "en") == "Temporary residence"
    assert list(catalogue.code_lists["CL_PERMIT"].codes)[-1] == "M2"
    assert codes(load_catalogue(folder({}), LANGUAGES)[1]) == ["label-missing", "label-missing"]


def test_other_files_of_codes_are_not_lists(folder: Folder) -> None:
    path = folder({"codes/permits.csv": "code,standard_code\nA,TEMP\n"})
    assert load_catalogue(path)[1] == []


@pytest.mark.parametrize(
    ("text", "code", "line"),
    [
        ("codigo,label_es\nA,b\n", "list-columns", 1),
        ("code,label_es\nA,b\nA,c\n", "list-code-twice", 3),
        ("code,label_es\nA,b\n,c\n", "list-code-empty", 3),
        ("code,parent,label_es\nA,B,b\nB,C,c\nC,A,d\n", "list-loop", 2),
        ("code,parent,label_es\nA,TEMPP,b\n", "unknown-name", 2),
        ("code,valid_from,label_es\nA,31/12/2019,b\n", "list-dates", 2),
        ("code,valid_from,valid_to,label_es\nA,2020-01-01,2019-12-31,b\n", "list-dates", 2),
    ],
)
def test_a_wrong_list_is_reported_with_its_line(folder: Folder, text: str, code: str, line: int) -> None:
    problems = load_catalogue(folder({"codes/CL_PERMIT.csv": text}), ("es",))[1]
    assert codes(problems) == [code]
    assert problems[0].where.endswith(f"CL_PERMIT.csv:{line}")


def test_the_nearest_parent_is_named(folder: Folder) -> None:
    path = folder({"codes/CL_PERMIT.csv": "code,parent,label_es\nA,TEMPP,b\n"})
    assert load_catalogue(path)[1][0].facts["nearest"] == "TEMP"


def test_a_list_in_another_encoding_is_refused(tmp_path: Path) -> None:
    (tmp_path / "codes").mkdir()
    (tmp_path / "codes" / "areas.csv").write_bytes("code,label_es\nA,Córdoba\n".encode("latin-1"))
    assert codes(load_catalogue(tmp_path)[1]) == ["list-not-text"]


def test_an_indicator_is_one_file(folder: Folder) -> None:
    catalogue, problems = load_catalogue(folder({"indicators/remote_workers.yaml": INDICATOR}), LANGUAGES)
    assert not problems
    assert catalogue.indicators["remote_workers"].is_rate


def test_all_mistakes_of_an_indicator_are_reported_at_once_with_their_lines(folder: Folder) -> None:
    wrong = (
        INDICATOR.replace("unit: PT", "unit: PCT")
        .replace("remote_workers\nversion", "remote_worker\nversion")
        .replace('en: "{value}"', 'en: "{valeu}"')
        .replace("weekly_hours", "weekly_hour")
        .replace('"age_years > 14"', '"age_years >"')
        .replace("basis: birth", "basis: nativity")
        .replace("[sex]", "[sexo]")
        .replace("group: FB", "group: FBX")
    )
    problems = load_catalogue(folder({"indicators/remote_workers.yaml": wrong}))[1]
    lines = sorted(int(p.where.rpartition(":")[2]) for p in problems)
    assert len(problems) == 8 and lines == [1, 4, 10, 13, 14, 15, 17, 18]
    assert {p.facts.get("nearest") for p in problems} >= {"weekly_hours", "sex", "FB", "PT"}


def test_an_operand_that_is_itself_derived_is_refused(folder: Folder) -> None:
    text = INDICATOR.partition("formulas:")[0] + (
        "derived:\n  numerator: {indicator: net_migration}\n  denominator:\n    - {indicator: population}\n"
    )
    problems = load_catalogue(folder({"indicators/remote_workers.yaml": text}))[1]
    assert codes(problems) == ["operand-derived"]
    assert "(immigration, emigration)" in problems[0].text("es") and problems[0].where.endswith(":12")


def test_a_malformed_indicator_is_a_problem_and_the_rest_is_read(folder: Folder) -> None:
    files = {"indicators/bad.yaml": "indicator: [", "indicators/remote_workers.yaml": INDICATOR}
    catalogue, problems = load_catalogue(folder(files))
    assert codes(problems) == ["spec-not-yaml"] and "remote_workers" in catalogue.indicators


def test_a_dimension_of_the_country(folder: Folder) -> None:
    text = """dimensions:
  - dimension: sex
    text: {es: Género, pt: Gênero, en: Gender}
    code_list: CL_SEX
    derive: {any: {column: sex_code}}
  - dimension: worker
    text: {es: Trabaja, pt: Trabalha, en: Works}
    code_list: CL_YES_NO
    derive: {person: "CASE WHEN weekly_hours > 0 THEN 'Y' ELSE 'N' END"}
"""
    catalogue, problems = load_catalogue(folder({"dimensions.yaml": text}), LANGUAGES)
    assert not problems
    assert catalogue.dimensions["sex"].text["es"] == "Género"
    assert catalogue.dimensions["worker"].entry.code_list == "CL_YES_NO"
    assert list(catalogue.dimensions)[-1] == "worker"


def test_a_wrong_dimension_is_reported(folder: Folder) -> None:
    text = """dimensions:
  - dimension: worker
    text: {es: Trabaja}
    code_list: CL_YESNO
    derive:
      persona: "weekly_hours > 0"
      any: {column: weekly_hour}
      household: "rooms >"
"""
    problems = load_catalogue(folder({"dimensions.yaml": text}), ("es",))[1]
    assert codes(problems) == ["expression-malformed", "unknown-name", "unknown-name", "unknown-name"]


def test_an_axis_gets_a_value_of_the_country(folder: Folder) -> None:
    text = """axes:
  - axis: coverage
    values:
      capital: {es: la capital, pt: a capital, en: the capital}
    pairs:
      - values: [capital, nationwide]
        text: {es: "{a} y {b}."}
"""
    catalogue, problems = load_catalogue(folder({"concept_vector.yaml": text}), LANGUAGES)
    assert catalogue.axes["coverage"].values["capital"]["en"] == "the capital"
    assert catalogue.axes["coverage"].values["national"]["en"] == "the whole country"
    assert [p.facts["nearest"] for p in problems] == ["national"]


def test_a_list_may_extend_another(folder: Folder) -> None:
    notes = """lists:
  CL_ORIGIN:
    text: {es: Origen}
    codes: proposed
    source: a test
    extends: CL_SEXX
"""
    path = folder({"codes/lists.yaml": notes, "codes/CL_ORIGIN.csv": "code,label_es\nA,a\n"})
    assert [p.facts["nearest"] for p in load_catalogue(path)[1]] == ["CL_SEX"]
    catalogue, problems = load_catalogue(
        folder({"codes/lists.yaml": notes.replace("CL_SEXX", "CL_SEX")}), ("es",)
    )
    assert not problems and list(catalogue.code_lists["CL_ORIGIN"].codes) == ["F", "M", "_O", "A"]
