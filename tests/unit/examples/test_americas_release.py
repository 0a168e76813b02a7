"""A release of deaths and crossings: built whole, with the rate, its way back and its pages."""

from __future__ import annotations

import shutil
from pathlib import Path

import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from caudal.model.observation import address
from caudal.river.build import Options, build
from caudal.river.trace import trace

ROOT = Path(__file__).resolve().parents[3]
AMERICAS = ROOT / "examples" / "americas"
SHARED = ROOT.parent / "shared" / "data"
SOURCES = ("missing_migrants_compiled", "darien_sex_age", "darien_nationality")
WANTED = ("dead_and_missing", "deaths_per_thousand_crossings", "irregular_transits")


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The country folder with three of its sources, built."""
    if not (SHARED / "iom-missing-migrants" / "iom_mmp_2014-2023.csv").is_file():
        pytest.skip("iom_mmp_2014-2023.csv is missing")
    folder = tmp_path_factory.mktemp("region") / "americas"
    shutil.copytree(AMERICAS, folder, ignore=shutil.ignore_patterns("releases", ".caudal"))
    for file in (folder / "sources").iterdir():
        if file.stem in SOURCES:
            text = file.read_text("utf-8").replace("../../../shared/data", SHARED.as_posix())
            file.write_text(text, "utf-8")
        else:
            file.unlink()
    listed = "".join(f"  - {name}\n" for name in WANTED)
    (folder / "publication.yaml").write_text(f"vintage: 2026-11\nindicators:\n{listed}", "utf-8")
    build(folder, options=Options(threads=1))
    return folder


def release_of(folder: Path) -> Path:
    (release,) = (p for p in (folder / "releases").iterdir() if p.is_dir())
    return release


def test_the_rate_is_deaths_over_transits_and_deaths(built: Path) -> None:
    table = pq.read_table(release_of(built) / "observations.parquet")
    rows = table.filter(pc.equal(table["indicator_code"], "deaths_per_thousand_crossings")).to_pylist()
    found = {r["time_period"]: r for r in rows}
    assert found["2022"]["value"] == pytest.approx(1000 * 147 / (248_284 + 147))
    assert found["2023"]["value"] == pytest.approx(1000 * 52 / (520_085 + 52))
    assert found["2022"]["lower"] < found["2022"]["value"] < found["2022"]["upper"]
    assert {r["verdict"] for r in rows} == {"public"}
    assert found["2022"]["derived_from"].split() == [
        "dead_and_missing/001/2022/route=DARIEN/missing_migrants_compiled@2023",
        "irregular_transits/PA/2022/all/darien_nationality@2026-11",
    ]


def test_a_derived_cell_is_walked_back_to_its_cells_and_computed_again(built: Path) -> None:
    table = pq.read_table(release_of(built) / "observations.parquet")
    rate = table.filter(pc.equal(table["indicator_code"], "deaths_per_thousand_crossings")).to_pylist()[-1]
    walk = trace(built, address(rate), recompute=True)
    assert walk.holds
    assert list(walk.estimate["cells"]) == rate["derived_from"].split()
    assert trace(built, walk.estimate["cells"][0]).collect["deliveries"][0]["name"] == "iom_mmp_2014-2023.csv"


def test_pages_say_at_least_and_events_and_never_a_sum(built: Path) -> None:
    site = release_of(built) / "site" / "en"
    route = (site / "route" / "DARIEN.html").read_text("utf-8")
    assert "Figures are minimum estimates" in route and "147" in route
    borders = (site / "route" / "index.html").read_text("utf-8")
    assert "520,085" in borders and "not people" in borders
    assert "at least" in (site / "indicator" / "deaths_per_thousand_crossings.html").read_text("utf-8")
    transits = (site / "indicator" / "irregular_transits.html").read_text("utf-8")
    assert "events, not people" in transits and "520,085" in transits


def test_pairs_for_a_person_to_confirm_lie_in_a_text_file(built: Path) -> None:
    lines = (
        (built / ".caudal" / "proposals" / "missing_migrants_compiled@2023.csv")
        .read_text("utf-8")
        .splitlines()
    )
    assert lines[0].endswith("same,by,reason") and len(lines) > 1
