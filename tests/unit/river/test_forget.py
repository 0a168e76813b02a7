"""Forgetting: from raw files, cache and builder's tables; releases are marked; what is gone stays gone."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from caudal.cli import main
from caudal.errors import CaudalError
from caudal.model.source import DelimitedFormat
from caudal.river.build import build
from caudal.river.forget import forget_delivery, forget_person, marks_of, without_rows
from caudal.river.state import current_release
from tests.support.small_country import SURVEY, replace_in, survey_rows, write_country


def test_a_delivery_leaves_no_byte_of_its_file(country: Path, capsys: pytest.CaptureFixture[str]) -> None:
    raw = country / "data" / "survey_2024Q1.csv"
    release = current_release(country)
    found = forget_delivery(country, "survey/2024-Q1", "2026-01-31")
    assert not raw.exists()
    assert found.gone == ("survey_2024Q1.csv",)
    assert found.releases == (release.name,)
    assert [m["what"] for m in marks_of(release)] == ["survey/2024-Q1"]
    assert main(["verify", str(release)]) == 0
    assert "2026-01-31" in capsys.readouterr().out
    assert not (country / ".caudal" / "cache").exists()
    assert not (country / ".caudal" / "builder" / f"{release.name}.parquet").exists()
    assert b"P17;" not in b"".join(p.read_bytes() for p in country.rglob("*") if p.is_file())
    built = build(country)
    assert built.missing == ("survey_2024Q1.csv",)
    assert {r["source_code"] for r in pq.read_table(built.release / "observations.parquet").to_pylist()} == {
        "permits"
    }


def test_another_source_of_the_same_file_is_told(country: Path) -> None:
    twin = SURVEY.replace("source: survey", "source: twin")
    (country / "sources" / "twin.yaml").write_text(twin, encoding="utf-8")
    assert forget_delivery(country, "survey/2024-Q1", "2026-01-31").also == ("twin/2024-Q1",)


def test_what_was_forgotten_and_is_here_again_stops_the_build(country: Path) -> None:
    raw = country / "data" / "survey_2024Q1.csv"
    data = raw.read_bytes()
    forget_delivery(country, "survey/2024-Q1", "2026-01-31")
    raw.write_bytes(data)
    with pytest.raises(CaudalError) as refused:
        build(country)
    assert [p.code for p in refused.value.problems] == ["delivery-forgotten"]
    assert refused.value.problems[0].facts["date"] == "2026-01-31"


def test_one_person_leaves_and_all_others_stay(country: Path) -> None:
    raw = country / "data" / "survey_2024Q1.csv"
    before = raw.read_text(encoding="utf-8").splitlines()
    found = forget_person(country, "survey", ["P17"], "2026-01-31")
    after = raw.read_text(encoding="utf-8").splitlines()
    assert found.rows == 1
    assert set(before) - set(after) == {next(x for x in before if x.startswith("P17;"))}
    assert len(after) == len(before) - 1
    listed = json.loads((country / ".caudal" / "forgotten.json").read_text(encoding="utf-8"))
    assert "P17" not in json.dumps(listed)
    assert build(country).cells > 0


def test_a_declared_checksum_must_be_written_anew(tmp_path: Path) -> None:
    folder = write_country(tmp_path / "pais")
    rows = survey_rows().encode()
    import hashlib

    sha = hashlib.sha256(rows).hexdigest()
    replace_in(
        folder / "sources" / "survey.yaml",
        "file: survey_2024Q1.csv}",
        f"file: survey_2024Q1.csv, sha256: {sha}}}",
    )
    new = forget_person(folder, "survey", ["P17"], "2026-01-31").rewritten["survey_2024Q1.csv"]
    with pytest.raises(CaudalError) as refused:
        build(folder)
    assert [p.code for p in refused.value.problems] == ["raw-file-changed"]
    replace_in(folder / "sources" / "survey.yaml", sha, new)
    build(folder)


def test_of_parquet_too(tmp_path: Path) -> None:
    folder = write_country(tmp_path / "pais")
    head, *rows = [line.split(";") for line in survey_rows().splitlines()]
    table = pa.table({name: [r[i] for r in rows] for i, name in enumerate(head)})
    pq.write_table(table, folder / "data" / "survey_2024Q1.parquet")
    (folder / "sources" / "survey.yaml").write_text(
        SURVEY.replace('{type: delimited, separator: ";"}', "{type: parquet}").replace(".csv", ".parquet"),
        encoding="utf-8",
    )
    assert forget_person(folder, "survey", ["P17"], "2026-01-31").rows == 1
    left = pq.read_table(folder / "data" / "survey_2024Q1.parquet")["id"].to_pylist()
    assert left == [r[0] for r in rows if r[0] != "P17"]


@pytest.mark.parametrize("name", ["survey/2025-Q1", "nobody/2024"])
def test_a_name_that_nothing_bears_is_told_with_those_that_are(country: Path, name: str) -> None:
    with pytest.raises(CaudalError) as refused:
        forget_delivery(country, name, "2026-01-31")
    (problem,) = refused.value.problems
    assert problem.code == "nothing-to-forget"
    assert "survey/2024-Q1" in problem.facts["allowed"]


def test_a_person_that_is_not_there_changes_nothing(country: Path) -> None:
    raw = country / "data" / "survey_2024Q1.csv"
    before = raw.read_bytes()
    with pytest.raises(CaudalError) as refused:
        forget_person(country, "survey", ["P999"], "2026-01-31")
    assert refused.value.problems[0].facts["allowed"] == "id"
    assert raw.read_bytes() == before


def test_only_the_rows_asked_for_go_however_a_text_is_laid_out() -> None:
    form = DelimitedFormat(type="delimited", skip=1)
    data = b'a title\nid,name\n1,"x\ny"\n\n2,z\r\n3,w'
    assert without_rows(data, [1], form) == b'a title\nid,name\n1,"x\ny"\n\n3,w'
    assert gzip.decompress(gzip.compress(data, mtime=0)) == data


def test_a_file_outside_the_folder_is_not_touched_unless_it_is_said(country: Path) -> None:
    outside = country.parent / "shared"
    (country / "data").rename(outside)
    (country / "data").symlink_to(outside)
    with pytest.raises(CaudalError) as caught:
        forget_delivery(country, "survey/2024-Q1", "2026-01-31")
    assert [p.code for p in caught.value.problems] == ["forget-outside"]
    assert (outside / "survey_2024Q1.csv").is_file()
    assert forget_delivery(country, "survey/2024-Q1", "2026-01-31", outside=True).gone
    assert not (outside / "survey_2024Q1.csv").exists()
