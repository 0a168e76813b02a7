"""The boundaries of a country folder, and its one switch for names in dispute."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pyarrow as pa
import pytest

from caudal.errors import CaudalError
from caudal.model.observation import conform
from caudal.river.assemble import _code_lists
from caudal.river.folder import read_folder

EXAMPLES = Path(__file__).parents[3] / "examples"
SQUARE = {"type": "Polygon", "coordinates": [[[0, 0], [1, 0], [1, 1], [0, 1], [0, 0]]]}


@pytest.fixture
def country(tmp_path: Path) -> Path:
    folder = tmp_path / "istmo"
    shutil.copytree(EXAMPLES / "istmo", folder, ignore=shutil.ignore_patterns("data", "releases", ".caudal"))
    return folder


def draw(folder: Path, code: str, source: str = "an office") -> None:
    feature = {"type": "Feature", "properties": {"code": code}, "geometry": SQUARE}
    document = {"type": "FeatureCollection", "source": source, "features": [feature]}
    (folder / "boundaries.geojson").write_text(json.dumps(document), encoding="utf-8")


def switch(folder: Path, usage: str) -> None:
    with (folder / "publication.yaml").open("a", encoding="utf-8") as file:
        file.write(f"\ndisputed_names: {usage}\n")


def test_a_folder_without_boundaries_has_none(country: Path) -> None:
    assert read_folder(country).boundaries is None


def test_boundaries_are_read_and_a_change_of_them_is_a_change_of_the_specs(country: Path) -> None:
    draw(country, "XI-01")
    folder = read_folder(country)
    assert folder.boundaries is not None and folder.boundaries.outlines[0].code == "XI-01"
    before = folder.spec_files()["boundaries.geojson"]
    draw(country, "XI-02")
    assert read_folder(country).spec_files()["boundaries.geojson"] != before


def test_what_is_wrong_is_told_with_all_else(country: Path) -> None:
    draw(country, "XI-99", source="")
    switch(country, "united_nation")
    with pytest.raises(CaudalError) as told:
        read_folder(country)
    codes = [p.code for p in told.value.problems]
    assert codes == ["unknown-name", "boundaries-unknown-area", "boundaries-no-source"]


@pytest.mark.parametrize(
    ("usage", "name"),
    [
        ("united_nations", "Falkland Islands (Malvinas)"),
        ("latin_american", "Malvinas Islands"),
    ],
)
def test_one_switch_chooses_the_name_of_an_area_in_dispute(country: Path, usage: str, name: str) -> None:
    switch(country, usage)
    row = {
        "indicator_code": "migrant_stock",
        "reporter_code": "XI",
        "reference_area_code": "FK",
        "time_period": "2020",
        "unit_code": "PS",
    }
    lists = _code_lists(conform(pa.Table.from_pylist([row]), ()), read_folder(country), [])
    assert next(c.labels["en"] for c in lists["CL_AREA"] if c.id == "FK") == name
