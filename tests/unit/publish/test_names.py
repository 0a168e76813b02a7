"""Names that a country may give, and that files, structures and pages already have or cannot bear."""

from __future__ import annotations

import io
import json
from collections.abc import Sequence
from itertools import cycle
from pathlib import Path
from typing import Any

import pytest

from caudal.errors import CaudalError
from caudal.model.observation import NOT_APPLICABLE
from caudal.publish.downloads import listing
from caudal.publish.exchange.types import media_type
from caudal.publish.release import GAP, read_release
from caudal.publish.site import site_files
from caudal.publish.voice import voice_of
from tests.unit.publish.fixture import INDICATORS, observations, write_release

FAMILIES = (
    ("sdg", "structure", "metadata"),
    ("constraints", "data", "sdmx"),
    ("return", "household_structure"),
)


def named(folder: Path, families: Sequence[str], **changes: Any) -> Path:
    """A release whose indicators are of these families; its gaps name one of their own."""
    base = [i for i in INDICATORS if not i["indicator"].endswith(GAP)]
    own = [{**i, "family": f} for i, f in zip(base, cycle(families), strict=False)]
    gaps = [{**i, "family": "elsewhere"} for i in INDICATORS if i not in base]
    return write_release(folder, indicators=[*own, *gaps], **changes)


@pytest.mark.parametrize("families", FAMILIES)
def test_a_family_of_any_name_has_files_of_its_own(tmp_path: Path, families: Sequence[str]) -> None:
    plain = site_files(read_release(write_release(tmp_path / "plain")))
    release = read_release(named(tmp_path / "named", families))
    site = site_files(release)
    whole = [p for p in plain if p.startswith(("sdmx/structure", "sdmx/metadata", "sdmx/constraints"))]
    assert whole and set(whole) <= site.keys()
    flows = set(families)
    messages = [p for p in site if p.startswith("sdmx/") and p.endswith("-2.1.xml")]
    assert len(messages) == len(flows) + 1
    for path in messages:
        kind = "structure" if path == "sdmx/structure-2.1.xml" else "structurespecificdata"
        assert f".{kind}+xml" in media_type(path), path
    structures = json.loads(site["sdmx/structure-2.0.json"])["data"]
    assert len(structures["dataflows"]) == len(flows) == len(structures["dataStructures"])
    listed = {f.path for f in listing(voice_of(release, "es"), site)["files"]}
    assert {p for p in site if p.startswith("sdmx/")} <= listed


@pytest.mark.filterwarnings("ignore")
def test_a_reader_in_wide_use_reads_the_theme_of_those_who_return(tmp_path: Path) -> None:
    reading = pytest.importorskip("pysdmx.io", reason="pysdmx is not installed")
    site = site_files(read_release(named(tmp_path, ["return"])))
    for form in ("2.1.xml", "3.0.xml", "2.0.csv"):
        text = site[f"sdmx/return-{form}"].decode()
        assert len(reading.read_sdmx(io.StringIO(text).getvalue(), validate=False).data[0].data) > 10


@pytest.mark.parametrize("name", ["quality", "observations", "truth", "readiness", "inequality"])
def test_an_indicator_does_not_take_the_name_of_a_file_of_the_release(tmp_path: Path, name: str) -> None:
    own = [{**i, "indicator": name} if i["indicator"] == "residence_permits" else i for i in INDICATORS]
    rows = [r | ({"indicator_code": name} if r["indicator_code"] == "residence_permits" else {})
            for r in observations()]  # fmt: skip
    with pytest.raises(CaudalError) as caught:
        read_release(write_release(tmp_path, rows, indicators=own))
    assert [p.code for p in caught.value.problems] == ["publish-name-taken"]


def test_a_cell_without_a_value_is_missing_in_every_form(tmp_path: Path) -> None:
    """Whoever wrote that it is a normal value: a reader of the standard must not take it for one."""
    empty = {**observations()[0], "value": None, "sampling_se": None, "lower": None, "upper": None,
             "obs_status_code": "A", "conf_status_code": "F", "verdict": "missing",
             "birth_country_code": "CO", "counterpart_area_code": NOT_APPLICABLE}  # fmt: skip
    rows = [{"counterpart_area_code": NOT_APPLICABLE} | r for r in observations()]
    address = "birth_country=CO"
    release = read_release(
        write_release(tmp_path, [r for r in rows if r.get("birth_country_code") != "CO"] + [empty])
    )
    (cell,) = [c for c in release.cells if address in c.address]
    assert cell.status == "M" and not cell.withheld and cell.value is None
    site = site_files(release)
    line = next(x for x in site["data/foreign_born.csv"].decode().splitlines() if address in x)
    assert ",M," in line and ",A," not in line
    assert (
        b'OBS_STATUS="M"' in site["sdmx/stocks-2.1.xml"] and b'OBS_STATUS="M"' in site["sdmx/stocks-3.0.xml"]
    )
