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


UNITED_NATIONS = """\
source: permits
title: {es: Naciones Unidas, pt: Nações Unidas, en: United Nations}
producer: United Nations
origin: https://un.example
licence: CC-BY-4.0
kind: observation
published_by_producer: true
concept: {source_type: international_estimate, measure: stock, unit: person, reference: mid_year}
tables:
  stock: {format: {type: delimited}}
columns:
  indicator_code: {constant: population}
  reference_area_code: {from: area}
  time_period: {from: year}
  value: {from: persons}
deliveries:
  - {period: "2024", vintage: "2024", file: stock.csv}
"""


def test_a_profile_shows_what_each_counted_of_the_same_people(built_once: Path, tmp_path: Path) -> None:
    other = second_country(tmp_path / "isla")
    both = region(tmp_path / "region", {"istmo": built_once, "isla": other})
    named = str(current_release(built_once))
    replace_in(both / "sources" / "istmo.yaml", named, str(built_once / "releases"))  # the one in force
    (both / "sources" / "un.yaml").write_text(UNITED_NATIONS, "utf-8")
    (both / "data" / "stock.csv").write_text("area,year,persons\nXI,2024,400\nAR,2024,900\n", "utf-8")
    built = build(both)
    assert not built.missing
    names = {r["source_code"] for r in rows(both)}
    assert {"xi_permits", "permits"} <= names  # the region's own source keeps its name
    page = (current_release(both) / "site" / "en" / "profile" / "XI.html").read_text("utf-8")
    table = page[page.index("<tbody>") :]
    assert table.index("Survey") < table.index("United Nations") < table.index("Permits")
    assert "400" in page and "Why they differ" in page
    assert "an international estimate" in page and "a household survey" in page


def test_a_new_release_of_a_member_is_seen(built_once: Path, tmp_path: Path) -> None:
    other = second_country(tmp_path / "isla")
    both = region(tmp_path / "region", {"isla": other})
    replace_in(both / "sources" / "isla.yaml", str(current_release(other)), str(other / "releases"))
    assert build(both).changed and not build(both).changed
    replace_in(other / "publication.yaml", "2024-05", "2024-06")
    build(other)
    assert build(both).changed
    assert {r["vintage"] for r in rows(both)} == {"2024-06"}


def test_a_member_that_no_gate_let_out_is_refused(built_once: Path, tmp_path: Path) -> None:
    both = region(tmp_path / "region", {"istmo": built_once})
    unprotected = next((built_once / ".caudal" / "builder").glob("*.parquet"))
    replace_in(both / "sources" / "istmo.yaml", str(current_release(built_once)), str(unprotected))
    with pytest.raises(CaudalError) as caught:
        build(both)
    assert "release-without-verdict" in {p.code for p in caught.value.problems}
