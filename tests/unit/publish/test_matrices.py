"""The two matrices as pages and files: what they show, what they leave out, one country and several."""

from __future__ import annotations

import csv
import io
import re
from pathlib import Path
from typing import Any

import pytest

from caudal.catalogue.readiness import matrix_spec
from caudal.model.readiness import ReadinessCell
from caudal.publish.matrices import gap_tables, readiness_views
from caudal.publish.release import read_release
from caudal.publish.site import site_files
from caudal.publish.voice import voice_of
from tests.unit.publish.fixture import cell, observations, write_release

RATE = "unemployment_rate"


def readiness(*cells: dict[str, Any]) -> dict[str, Any]:
    spec = matrix_spec()
    return {
        "axes": [a.model_dump() for a in spec.axes],
        "status": spec.status.model_dump(),
        "indicators": [
            {"indicator": RATE, "family": "labour", "text": {"es": "Desocupación"}, "sdg": ["8.5.2"]},
            {"indicator": "low_pay", "family": "labour", "text": {"es": "Bajos ingresos"}},
        ],
        "cells": [ReadinessCell(**c).model_dump() for c in cells],
        "questions": {"sex_code": spec.questions["sex_code"].model_dump()},
    }


def score(value: int, indicator: str = RATE, axis: str = "", **more: Any) -> dict[str, Any]:
    return {"reporter": "XI", "indicator": indicator, "axis": axis, "score": value} | more


CELLS = (
    score(4, why="some"),
    score(1, axis="sex", why="lacks_axis", lacks=("sex_code",)),
    score(3, axis="age", why="unreliable", enough_n=310),
    score(3, axis="territory", why="withheld"),
    score(0, "low_pay", why="lacks", lacks=("hourly_earnings", "scope=general_population")),
)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    rows = [*observations(), cell(RATE + "_gap", None, age_code="Y15T24")]
    folder = write_release(tmp_path_factory.mktemp("r"), rows, readiness=readiness(*CELLS))
    files = site_files(read_release(folder))
    return {p: d.decode() for p, d in files.items() if p.endswith((".html", ".csv"))}


def test_each_gap_stands_in_the_row_of_its_indicator(site: dict[str, str]) -> None:
    page = site["es/inequality.html"]
    assert [re.sub(r"<[^>]+>", "", t) for t in re.findall(r"<h2[^>]*>.*?</h2>", page)] == ["Sexo", "Edad"]
    (row,) = re.findall(r"<tr>(?:(?!</tr>).)*unemployment_rate\.html.*?</tr>", page, re.DOTALL)[:1]
    shown = [re.sub(r"<[^>]+>", "", x).strip() for x in re.findall(r"<td.*?</td>", row, re.DOTALL)]
    assert [x.split()[0] for x in shown] == ["2,8", "5,1", "0,8"]
    assert re.findall(r"<strong>([\d,]+)", row) == ["5,1"]  # the one interval that leaves out zero


def test_a_withheld_gap_is_a_mark_and_nothing_else(site: dict[str, str]) -> None:
    assert "▨" in site["es/inequality.html"]
    rows = list(csv.DictReader(io.StringIO(site["data/inequality.csv"])))
    hidden = [r for r in rows if r["withheld"] == "True"]
    assert hidden
    assert all(not r["value"] and not r["se"] and not r["upper"] for r in hidden)


def test_the_file_holds_both_groups_and_their_gap(site: dict[str, str]) -> None:
    rows = list(csv.DictReader(io.StringIO(site["data/inequality.csv"])))
    women = [r for r in rows if (r["axis_code"], r["category_code"]) == ("sex", "F")]
    assert {r["group_code"] for r in women} == {"FB", "NB", "gap"}


def test_the_scores_and_the_steps_are_told(site: dict[str, str]) -> None:
    page = site["es/readiness.html"]
    assert "1 de 2 indicadores" in page
    assert "1 de 1 (lo que pedía el indicador 17.18.1)" in page
    assert "Sexo de la persona." in page
    assert "unas 310 entrevistas" in page
    assert "Cruces que se reservan para proteger a las personas: 1." in page
    assert "general_population" not in page
    rows = list(csv.DictReader(io.StringIO(site["data/readiness.csv"])))
    assert [int(r["score"]) for r in rows] == [4, 1, 3, 3, 0]


def test_the_home_leads_to_both_in_every_language(site: dict[str, str]) -> None:
    for tag in ("es", "pt", "en"):
        assert 'href="inequality.html"' in site[f"{tag}/index.html"]
        assert 'href="readiness.html"' in site[f"{tag}/index.html"]


def test_several_countries_stand_side_by_side(tmp_path: Path) -> None:
    other = [c | {"reporter": "AR"} for c in CELLS[:1]]
    folder = write_release(tmp_path, readiness=readiness(*CELLS, *other))
    views = readiness_views(voice_of(read_release(folder), "es"))
    assert {v.code: (v.published, len(v.lines)) for v in views} == {"XI": (1, 2), "AR": (1, 1)}


def test_without_a_matrix_there_are_no_pages(tmp_path: Path) -> None:
    release = read_release(write_release(tmp_path))
    assert not gap_tables(voice_of(release, "es"))
    assert not [p for p in site_files(release) if "readiness" in p or "inequality" in p]
