"""A fourth language by rows alone."""

from __future__ import annotations

import csv
from pathlib import Path

from caudal.catalogue import load_catalogue
from caudal.catalogue.interface import required_texts
from caudal.catalogue.labels import Label, label_sheet
from caudal.catalogue.loading import built_in
from caudal.model.catalogue import difference_sentence
from caudal.model.concept import Difference

FIELDS = ("kind", "id", "field", "text", "draft")


def write(folder: Path, language: str, rows: list[tuple[str, ...]]) -> Path:
    path = folder / "labels" / f"{language}.csv"
    path.parent.mkdir(exist_ok=True)
    with path.open("w", encoding="utf-8", newline="") as stream:
        csv.writer(stream).writerows([FIELDS[: len(rows[0])], *rows])
    return folder


def french() -> list[tuple[str, ...]]:
    """Every text that French lacks: a few in French, the others marked with what they come from."""
    known = {
        ("code", "CL_SEX/F", "label"): "Femmes",
        ("indicator", "unemployment_rate", "name"): "Taux de chômage",
    }
    return [(*x.key, known.get(x.key, f"{x.reference} (fr)")) for x in label_sheet(built_in()[0], "fr")]


def test_without_rows_every_lacking_text_is_a_problem() -> None:
    problems = load_catalogue(None, ("es", "fr"))[1]
    assert {p.code for p in problems} == {"label-missing"}
    assert {p.facts["language"] for p in problems} == {"fr"}
    kinds = {p.facts["kind"] for p in problems}
    assert kinds == {"code", "dimension", "axis", "axis_value", "vector", "indicator", "page"}


def test_french_is_rows(tmp_path: Path) -> None:
    folder = write(tmp_path, "fr", french())
    catalogue, problems = load_catalogue(folder, ("es", "pt", "en", "fr"))
    assert not problems
    assert catalogue.label("CL_SEX", "F", "fr") == "Femmes"
    assert catalogue.label("CL_SEX", "F", "fr-HT") == "Femmes"
    assert catalogue.label("CL_SEX", "F", "es") == "Mujeres"
    assert catalogue.indicators["unemployment_rate"].text.name["fr"] == "Taux de chômage"
    assert catalogue.dimensions["sex"].text["fr"] == "Sexo (fr)"
    assert set(catalogue.page_texts["fr"]) == set(required_texts())
    assert catalogue.page_texts["fr"]["text/home"].endswith("(fr)")
    assert catalogue.drafts == ()
    told = difference_sentence(catalogue.axes["unit"], Difference("unit", "person", "household"), "fr")
    assert told == "La primera cuenta personas (fr); la segunda, hogares (fr). (fr)"
    silent = difference_sentence(catalogue.axes["unit"], Difference("unit", None, "household"), "fr")
    assert silent.startswith("Unidad contada (fr)")


def test_an_area_of_the_country_needs_french_too(tmp_path: Path) -> None:
    folder = write(tmp_path, "fr", french())
    (folder / "codes").mkdir()
    (folder / "codes" / "areas.csv").write_text(
        "code,parent,label_es\nAR-06,AR,Buenos Aires\n", encoding="utf-8"
    )
    problems = load_catalogue(folder, ("es", "fr"))[1]
    assert [p.facts["found"] for p in problems] == [["CL_AREA/AR-06"]]


def test_a_pair_in_french_is_told_with_french_subjects(tmp_path: Path) -> None:
    pair = ("axis_pair", "unit/person/decision", "text", "{a} compte des personnes, {b} des décisions.")
    rows = [
        *french(),
        ("vector", "vector", "first", "le premier"),
        ("vector", "vector", "second", "le second"),
    ]
    catalogue, problems = load_catalogue(write(tmp_path, "fr", [*rows, pair]), ("fr",))
    assert not problems
    told = difference_sentence(catalogue.axes["unit"], Difference("unit", "decision", "person"), "fr")
    assert told == "Le second compte des personnes, le premier des décisions."


def test_a_draft_is_marked(tmp_path: Path) -> None:
    rows: list[tuple[str, ...]] = [
        ("code", "CL_SEX/F", "label", "Femmes", "yes"),
        ("code", "CL_SEX/M", "label", "Hommes", ""),
    ]
    assert load_catalogue(write(tmp_path, "fr", rows))[0].drafts == ("fr",)


def test_rows_that_label_nothing_are_named_with_the_nearest(tmp_path: Path) -> None:
    rows: list[tuple[str, ...]] = [
        ("code", "CL_SEX/FF", "label", "Femmes"),
        ("dimension", "sexx", "text", "Sexe"),
    ]
    problems = load_catalogue(write(tmp_path, "fr", rows))[1]
    assert [(p.code, p.where.rpartition(":")[2], p.facts["nearest"]) for p in problems] == [
        ("unknown-name", "2", "code CL_SEX/F label"),
        ("unknown-name", "3", "dimension sex text"),
    ]


def test_a_text_of_the_interface_may_be_replaced_but_not_invented(tmp_path: Path) -> None:
    rows: list[tuple[str, ...]] = [("page", "text/home", "text", "Inicio"), ("page", "text/hom", "text", "x")]
    catalogue, problems = load_catalogue(write(tmp_path, "es", rows), ("es",))
    assert catalogue.page_texts["es"]["text/home"] == "Inicio"
    assert [p.facts["nearest"] for p in problems] == ["page text/home text"]


def test_a_sheet_without_its_columns_is_refused(tmp_path: Path) -> None:
    (tmp_path / "labels").mkdir()
    (tmp_path / "labels" / "fr.csv").write_text("kind,id,text\n", encoding="utf-8")
    assert [p.code for p in load_catalogue(tmp_path)[1]] == ["list-columns"]


def test_the_sheet_offers_a_text_to_translate_from() -> None:
    sheet = label_sheet(built_in()[0], "fr")
    assert Label("code", "CL_SEX/F", "label", "", "Mujeres") in sheet
    assert len({x.key for x in sheet}) == len(sheet)
    assert label_sheet(built_in()[0], "pt") == ()
