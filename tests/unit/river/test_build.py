"""The build: the same bytes, only what changed, and figures that can be worked out by hand."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from caudal.errors import CaudalError
from caudal.river.build import Options, build
from caudal.river.log import Event
from caudal.river.state import current_release, unchanged
from tests.support.small_country import permit_rows, replace_in, survey_rows, write_country


def contents(folder: Path) -> dict[str, bytes]:
    return {f.relative_to(folder).as_posix(): f.read_bytes() for f in folder.rglob("*") if f.is_file()}


def rows(folder: Path) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = pq.read_table(current_release(folder) / "observations.parquet").to_pylist()
    return found


def test_figures_are_those_worked_out_by_hand(built_once: Path) -> None:
    weights = [100 + k % 7 for k in range(360)]
    abroad = sum(w for k, w in enumerate(weights) if k % 4 == 0)
    total = {
        r["indicator_code"]: r
        for r in rows(built_once)
        if r["reference_area_code"] == "XI"
        and all(
            r[c] == "_T" for c in r if c in ("sex_code", "age_code", "age_5_code", "migratory_status_code")
        )
        and r["permit_code"] == "_T"
    }
    assert total["population"]["value"] == pytest.approx(sum(weights))
    assert total["migrant_share"]["value"] == pytest.approx(100 * abroad / sum(weights))
    assert total["migrant_share"]["sampling_se"] > 0
    assert total["residences_granted"]["value"] == 50 + 51 + 60 + 61
    assert total["residences_granted"]["sampling_se"] is None
    assert total["residences_granted"]["error_note"] == "full-count"


def test_the_same_inputs_give_the_same_bytes_with_one_thread_and_with_two(tmp_path: Path) -> None:
    made = []
    for threads in (1, 2):
        folder = write_country(tmp_path / f"threads{threads}" / "pais")
        made.append(build(folder, Options(threads=threads)).release)
    assert made[0].name == made[1].name
    assert contents(made[0]) == contents(made[1])


def test_nothing_changed_is_seen_at_a_glance(country: Path) -> None:
    name = current_release(country).name
    build(country)  # the copy has other times of change: the first look is by content
    assert unchanged(country) == name
    heard: list[Event] = []
    built = build(country, tell=heard.append)
    assert (built.changed, built.release.name, heard) == (False, name, [])


def test_one_indicator_changed_only_its_estimates_are_computed_again(country: Path) -> None:
    (country / "indicators").mkdir()
    source = Path("src/caudal/catalogue/indicators/migrant_share.yaml")
    text = (Path(__file__).parents[3] / source).read_text(encoding="utf-8")
    assert "scale: 100" in text
    (country / "indicators" / "migrant_share.yaml").write_text(
        text.replace("scale: 100", "scale: 1000"), "utf-8"
    )
    heard: list[Event] = []
    build(country, tell=heard.append)
    estimated = {e.what: e.facts for e in heard if e.room == "estimate" and e.state in ("made", "kept")}
    assert estimated["survey/2024-Q1"] == {"estimated": 1, "kept": 1}
    assert estimated["permits/2024-Q1"] == {"estimated": 0, "kept": 1}


def test_a_word_changed_and_nothing_is_estimated_again(country: Path) -> None:
    replace_in(country / "caudal.yaml", "en: Trial", "en: Another name")
    before = current_release(country)
    heard: list[Event] = []
    after = build(country, tell=heard.append).release
    assert not [e for e in heard if e.room == "estimate" and e.state == "made"]
    assert after != before
    assert (after / "observations.parquet").read_bytes() == (before / "observations.parquet").read_bytes()


def test_a_delivery_more_is_three_lines(country: Path) -> None:
    (country / "data" / "survey_2024Q2.csv").write_text(survey_rows(shift=3), "utf-8")
    source = country / "sources" / "survey.yaml"
    source.write_text(source.read_text("utf-8") + "  - {period: 2024-Q2, file: survey_2024Q2.csv}\n", "utf-8")
    build(country)
    assert {r["time_period"] for r in rows(country) if r["source_code"] == "survey"} == {"2024-Q1", "2024-Q2"}


def test_a_missing_file_is_named_with_whom_to_ask_and_the_rest_is_built(country: Path) -> None:
    (country / "data" / "permits_2024Q1.csv").unlink()
    heard: list[Event] = []
    built = build(country, tell=heard.append)
    missing = [e for e in heard if e.state == "missing"]
    assert [(e.what, e.facts["origin"]) for e in missing] == [
        ("permits: permits_2024Q1.csv", "https://agency.example/permits")
    ]
    assert built.missing == ("permits_2024Q1.csv",)
    assert {r["source_code"] for r in rows(country)} == {"survey"}
    structure = json.loads((built.release / "structure.json").read_text("utf-8"))
    listed = {s["source"]: [m["name"] for m in s["missing"]] for s in structure["sources"]}
    assert listed["permits"] == ["permits_2024Q1.csv"]


def test_without_any_file_there_is_nothing_to_release(country: Path) -> None:
    before = current_release(country)
    shutil.rmtree(country / "data")
    with pytest.raises(CaudalError) as caught:
        build(country)
    assert caught.value.problems[0].code == "nothing-to-release"
    assert current_release(country) == before


def test_a_changed_raw_file_changes_the_figures(country: Path) -> None:
    (country / "data" / "permits_2024Q1.csv").write_text(permit_rows(shift=1), "utf-8")
    build(country)
    total = [r["value"] for r in rows(country) if r["source_code"] == "permits" and r["permit_code"] == "_T"]
    assert max(total) == 50 + 51 + 60 + 61 + 4


def test_every_mistake_of_every_spec_at_once_and_the_last_release_stays(country: Path) -> None:
    before = current_release(country)
    replace_in(country / "publication.yaml", "migrant_share", "migrant_shair")
    replace_in(country / "sources" / "survey.yaml", "sex_code:", "sexo_code:")
    replace_in(country / "sources" / "permits.yaml", "kind: grant_count", "kind: grant_counts")
    with pytest.raises(CaudalError) as caught:
        build(country)
    near = {str(p.facts.get("nearest")) for p in caught.value.problems}
    assert {"migrant_share", "sex_code", "grant_count"} <= near
    assert len({p.where.rsplit(":", 1)[0] for p in caught.value.problems}) == 3
    assert current_release(country) == before


def test_the_demo_key_is_refused_outside_a_simulated_country(country: Path) -> None:
    replace_in(country / "caudal.yaml", "simulated: true", "simulated: false")
    with pytest.raises(CaudalError) as caught:
        build(country)
    assert "demo-key-refused" in {p.code for p in caught.value.problems}


def test_no_record_and_no_identifier_leaves(built_once: Path) -> None:
    release = current_release(built_once)
    for file in release.rglob("*"):
        if file.is_file():
            data = file.read_bytes()
            assert b"P359" not in data and b"person_key" not in data, file
    judged = [r for r in rows(built_once) if r["verdict"] != "public"]
    assert len(judged) > 50
    assert all(r[n] is None for r in judged for n in ("sample_n", "cases_n", "psu_n", "df"))
