"""Chile's census sample: near its official counts within its own error, or named with the reason."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from caudal.model.observation import dimensions_of
from caudal.model.release import ReleaseStructure
from caudal.river.build import build
from caudal.river.official import official

ROOT = Path(__file__).resolve().parents[3]
DATA = ROOT.parent / "shared" / "data" / "cl-censo-2024"
#: Birthplace, sex, disability and indigenous people, in the names of the dictionary.
HELD = re.compile(r"p25_|sexo$|discapacidad$|p28_")

if not DATA.is_dir():
    pytest.skip(f"{DATA} is missing", allow_module_level=True)


@pytest.fixture(scope="module")
def country(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The example with three indicators and without the breakdowns of the matrix."""
    folder = tmp_path_factory.mktemp("chile") / "chile"
    shutil.copytree(
        ROOT / "examples" / "chile",
        folder,
        ignore=shutil.ignore_patterns(".caudal", "releases", "secrets"),
    )
    for source in (folder / "sources").glob("*.yaml"):
        text = source.read_text(encoding="utf-8")
        source.write_text(re.sub(r"^data: .*$", f"data: {DATA}", text, flags=re.M), encoding="utf-8")
    publication = folder / "publication.yaml"
    text = publication.read_text(encoding="utf-8").partition("# Every indicator is also")[0]
    chosen = "indicators: [disability_rate, migrant_share, one_person_household_rate, hourly_earnings]\n"
    publication.write_text(text + chosen, encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def release(country: Path) -> Path:
    return build(country).release


@pytest.fixture(scope="module")
def structure(release: Path) -> ReleaseStructure:
    return ReleaseStructure.model_validate_json((release / "structure.json").read_bytes())


def test_every_category_of_the_dictionaries_has_its_z_value(country: Path) -> None:
    found = official(country)
    assert {s: len(c) for s, c in found.items()} == {"census_2024": 353, "census_2024_households": 75}
    agree = sum(c.agrees for checks in found.values() for c in checks)
    assert agree >= 0.95 * sum(map(len, found.values()))


def test_birthplace_sex_disability_and_indigenous_people_agree_or_say_why(country: Path) -> None:
    held = [c for c in official(country, "census_2024")["census_2024"] if HELD.match(c.variable)]
    assert len(held) > 25
    apart = [c for c in held if not c.agrees]
    assert all(c.few or c.reason for c in apart), [(c.variable, c.value, c.z) for c in apart]
    assert all(c.agrees for c in held if not c.variable.startswith("p28_pueblo"))


def test_large_dwellings_are_missing_and_the_page_says_so(
    country: Path, release: Path, structure: ReleaseStructure
) -> None:
    checks = next(s for s in structure.sources if s.source == "census_2024").official
    collective = next(c for c in checks if (c.variable, c.value) == ("tipo_operativo", "3"))
    assert collective.z < -3
    assert collective.reason
    page = (release / "site" / "es" / "source" / "census_2024.html").read_text(encoding="utf-8")
    assert "viviendas grandes" in page
    assert "−5,42" in page


def test_disability_is_derived_and_is_what_the_producer_declares(structure: ReleaseStructure) -> None:
    """A check of the source quarantines whoever has another one by the six answers than INE's flag."""
    counts = next(s for s in structure.sources if s.source == "census_2024").reconciliation
    assert counts is not None
    assert (counts.rows_in, counts.records, counts.quarantined) == (25_000, 25_000, 0)


def test_what_was_published_is_within_the_error(structure: ReleaseStructure) -> None:
    found = {e.indicator: e for e in structure.expectations}
    assert {"disability_rate", "migrant_share", "one_person_household_rate"} <= set(found)
    assert all(e.reproduced for e in found.values())


def test_what_it_cannot_carry_says_why(structure: ReleaseStructure) -> None:
    assert [(n.indicator, n.source) for n in structure.not_computable] == [("hourly_earnings", "census_2024")]
    assert "hourly_earnings" in structure.not_computable[0].missing


def test_people_of_one_dwelling_are_one_draw(release: Path) -> None:
    """The error is that of clusters: larger than if every person had been drawn alone."""
    table = pq.read_table(release / "observations.parquet")
    broken_by = [f"{d}_code" for d in dimensions_of(table)]
    rows = [r for r in table.to_pylist() if r["indicator_code"] == "migrant_share"]
    (total,) = [r for r in rows if r["reference_area_code"] == "CL" and {r[c] for c in broken_by} == {"_T"}]
    share = total["value"] / 100
    alone = 100 * (share * (1 - share) / 24_843) ** 0.5
    assert 1.3 < total["sampling_se"] / alone < 3
