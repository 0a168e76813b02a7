"""A region is built from the releases of two countries: their cells, verdicts and vintages, no records."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from caudal.engine.files import sha256_file
from caudal.errors import CaudalError
from caudal.river.build import build
from caudal.river.state import current_release
from caudal.river.trace import trace
from tests.support.small_country import replace_in, survey_rows, write_country

MEMBER = """\
source: {name}
title: {{es: Miembro, pt: Membro, en: Member}}
producer: Office
origin: https://office.example
licence: CC-BY-4.0
simulated: true
kind: observation
concept: {{}}
tables:
  release: {{format: {{type: release}}}}
deliveries:
  - {{period: "2024", file: {release}}}
"""


def second_country(folder: Path) -> Path:
    """Another country with sources of the same names, another territory and a protected table."""
    write_country(folder)
    replace_in(folder / "caudal.yaml", "territory: XI", "territory: XJ")
    replace_in(folder / "codes" / "CL_COUNTRY.csv", "XI,013,,,Istmo,Istmo,Istmo", "XJ,013,,,Isla,Ilha,Island")
    replace_in(folder / "sources" / "survey.yaml", "1: XI", "1: XJ")
    replace_in(folder / "protection.yaml", "survey_threshold: 5", "survey_threshold: 40")
    (folder / "data" / "survey_2024Q1.csv").write_text(survey_rows(shift=4), "utf-8")
    build(folder)
    return folder


def region(folder: Path, members: dict[str, Path]) -> Path:
    write_country(folder)
    for source in (folder / "sources").iterdir():
        source.unlink()
    replace_in(folder / "caudal.yaml", "territory: XI", 'territory: "419"')
    (folder / "publication.yaml").write_text("vintage: 2024-05\n", "utf-8")
    for name, release in members.items():
        text = MEMBER.format(name=name, release=current_release(release))
        (folder / "sources" / f"{name}.yaml").write_text(text, "utf-8")
    return folder


def rows(folder: Path) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = pq.read_table(current_release(folder) / "observations.parquet").to_pylist()
    return found


def test_a_region_holds_the_cells_of_its_members_as_they_left_them(built_once: Path, tmp_path: Path) -> None:
    other = second_country(tmp_path / "isla")
    both = region(tmp_path / "region", {"istmo": built_once, "isla": other})
    build(both)
    theirs = [*rows(built_once), *rows(other)]
    ours = rows(both)
    assert len(ours) == len(theirs)
    assert {r["source_code"] for r in ours} == {"xi_survey", "xi_permits", "xj_survey", "xj_permits"}

    def told(row: dict[str, Any]) -> tuple[Any, ...]:
        area = (row["reporter_code"], row["reference_area_code"], row["indicator_code"], row["sex_code"])
        return (*area, row["value"], row["verdict"], row["vintage"], row["obs_status_code"], row["upper"])

    assert sorted(map(told, ours), key=str) == sorted(map(told, theirs), key=str)
    assert any(r["verdict"] == "suppressed" and r["value"] is None for r in ours)
    walk = trace(both, "population/XJ/2024-Q1/all/xj_survey@2024-05")
    manifest = sha256_file(current_release(other) / "manifest.json")
    assert [r["sha256"] for r in walk.collect["releases"]] == [manifest]
    site = current_release(both) / "site" / "es"
    assert "Isla" in "".join(p.read_text("utf-8") for p in site.rglob("*.html"))


def test_a_member_that_no_gate_let_out_is_refused(built_once: Path, tmp_path: Path) -> None:
    both = region(tmp_path / "region", {"istmo": built_once})
    unprotected = next((built_once / ".caudal" / "builder").glob("*.parquet"))
    replace_in(both / "sources" / "istmo.yaml", str(current_release(built_once)), str(unprotected))
    with pytest.raises(CaudalError) as caught:
        build(both)
    assert "release-without-verdict" in {p.code for p in caught.value.problems}
