"""The example of a published design, built whole from a copy: figures and errors are those of R's survey."""

from __future__ import annotations

import csv
import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from caudal.cli import main

pytestmark = pytest.mark.long

ROOT = Path(__file__).resolve().parents[3]
DATA = ROOT.parent / "shared" / "data" / "us-nhanes-2015-16"
ANSWERS = Path(__file__).with_name("answers.csv")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the example, built."""
    if not (DATA / "DEMO_I.csv.gz").is_file():
        pytest.skip(f"{DATA.relative_to(ROOT.parent)} is missing")
    copy = tmp_path_factory.mktemp("nhanes") / "nhanes"
    ignored = shutil.ignore_patterns("releases", ".caudal", "secrets")
    shutil.copytree(ROOT / "examples" / "nhanes", copy, ignore=ignored)
    for source in (copy / "sources").glob("*.yaml"):
        text = source.read_text(encoding="utf-8")
        source.write_text(text.replace("../../../shared/data/us-nhanes-2015-16", str(DATA)), encoding="utf-8")
    assert main(["check", str(copy)]) == 0
    assert main(["build", str(copy), "--quiet"]) == 0
    return copy


@pytest.fixture(scope="module")
def cells(folder: Path) -> pa.Table:
    """All observations, as they were before the gate."""
    parts = sorted((folder / ".caudal" / "cache" / "estimate").rglob("observations.parquet"))
    return pa.concat_tables([pq.read_table(p) for p in parts], promote_options="default")


def answers() -> Iterator[dict[str, str]]:
    with ANSWERS.open(encoding="utf-8", newline="") as stream:
        yield from csv.DictReader(stream)


def test_every_figure_and_error_is_that_of_r(cells: pa.Table) -> None:
    known: dict[tuple[str, ...], list[dict[str, Any]]] = {}
    dimensions = [n for n in cells.column_names if n.endswith("_code")]
    others = {
        "indicator_code", "reporter_code", "reference_area_code", "counterpart_area_code", "source_code",
        "unit_code", "obs_status_code", "conf_status_code", "method_code",
        "migratory_status_code", "sex_code",
    }  # fmt: skip
    for row in cells.to_pylist():
        if all(row[d] in ("_T", None) for d in dimensions if d not in others):
            key = (row["source_code"], row["indicator_code"], row["migratory_status_code"], row["sex_code"])
            known.setdefault(key, []).append(row)
    compared = 0
    for answer in answers():
        key = (answer["source"], answer["indicator"], answer["migratory_status"], answer["sex"])
        if key not in known:
            continue  # a breakdown that the indicator does not have
        (row,) = known[key]
        assert row["value"] == pytest.approx(float(answer["value"]), rel=1e-9), key
        assert row["sampling_se"] == pytest.approx(float(answer["se"]), rel=1e-9), key
        compared += 1
    assert compared >= 50


def test_the_weights_add_up_to_the_published_population(folder: Path) -> None:
    (path,) = [p for p in (folder / "releases").glob("2*/structure.json")]
    found = json.loads(path.read_text(encoding="utf-8"))["expectations"]
    assert {(e["source"], e["published"]) for e in found} == {
        ("nhanes", 316481044.0), ("nhanes_examined", 316481044.0)
    }  # fmt: skip
    assert all(e["reproduced"] for e in found)


def test_its_pages_say_what_kind_of_error_they_show(folder: Path) -> None:
    (site,) = [p for p in (folder / "releases").glob("2*/site")]
    page = next(p for p in site.rglob("*.html") if p.stem == "poverty_rate" and "en" in p.parts)
    assert "NHANES" in page.read_text(encoding="utf-8")
    source = next(p for p in site.rglob("*.html") if p.stem == "nhanes" and "en" in p.parts)
    text = source.read_text(encoding="utf-8")
    assert "masked by it" in text and "1,052 persons report no income" in text
