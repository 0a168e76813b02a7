"""An edition that was signed and is half there now: nothing is built, or compared, as if it had never been.

The gate withholds for ever what an earlier edition withheld. If a signed release that lost a file counted as
none, the next edition would show what it hid.
"""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from caudal.engine.files import sha256_file
from caudal.errors import CaudalError
from caudal.model.observation import address
from caudal.publish import build_site
from caudal.river.build import build
from caudal.river.diff import compare_releases, read_observations
from caudal.river.log import silent
from caudal.river.publishing import sign_release
from caudal.river.signing import signatory, verify_cells
from caudal.river.state import current_release
from caudal.river.trace import trace
from tests.support.small_country import replace_in, survey_rows, write_country
from tests.unit.river.test_region import MEMBER

FILES = ("observations.parquet", "structure.json", "manifest.json", "signature.json")


def cut(file: Path) -> None:
    file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])


def emptied(file: Path) -> None:
    file.write_bytes(b"")


def of_nothing(file: Path) -> None:
    file.write_text("null", "utf-8")


DAMAGES: tuple[Callable[[Path], None], ...] = (cut, emptied, of_nothing, Path.unlink)


@pytest.fixture(scope="module")
def signed_once(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A country whose first edition is signed, and whose second is ready to be built."""
    made = write_country(tmp_path_factory.mktemp("editions") / "pais")
    replace_in(made / "caudal.yaml", "[es, pt, en]", "[es]")
    replace_in(made / "protection.yaml", "survey_threshold: 5", "survey_threshold: 40")
    build(made)
    key = Ed25519PrivateKey.generate()
    sign_release(made, key, signatory(key, name="Ana Ruiz", role="", date="2024-05-30"), silent)
    replace_in(made / "publication.yaml", "2024-05", "2024-06")
    (made / "data" / "survey_2024Q1.csv").write_text(survey_rows(shift=3), "utf-8")
    return made


@pytest.fixture
def country(signed_once: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(signed_once, tmp_path / "pais"))


def first_edition(country: Path) -> Path:
    (found,) = (p for p in (country / "releases").glob("*.signed"))
    return found


def codes(caught: pytest.ExceptionInfo[CaudalError]) -> set[str]:
    assert all(p.text("es") and p.text("pt") and p.text("en") for p in caught.value.problems)
    return {p.code for p in caught.value.problems}


@pytest.mark.parametrize("damage", DAMAGES, ids=lambda d: d.__name__)
@pytest.mark.parametrize("name", FILES)
def test_no_edition_is_built_upon_one_that_is_damaged(
    country: Path, name: str, damage: Callable[[Path], None]
) -> None:
    damage(first_edition(country) / name)
    before = sorted((country / "releases").iterdir())
    with pytest.raises(CaudalError) as caught:
        build(country)
    assert codes(caught) <= {"release-incomplete", "release-altered"}
    assert sorted((country / "releases").iterdir()) == before


def test_what_the_first_edition_withheld_the_second_withholds(country: Path) -> None:
    """What the test above keeps from happening: with the first edition forgotten, its cells come out."""
    hidden = cells(first_edition(country), "suppressed")
    replace_in(country / "protection.yaml", "survey_threshold: 40", "survey_threshold: 5")
    kept = build(country).release
    assert hidden and hidden & cells(kept, "suppressed")
    shutil.rmtree(first_edition(country))
    (country / "releases" / "current.json").unlink()
    forgetful = build(country).release
    assert hidden & cells(forgetful, "released") > hidden & cells(kept, "released")


def cells(release: Path, verdict: str) -> set[str]:
    beside = {"vintage", "verdict", "obs_status_code", "conf_status_code", "method_code"}
    rows = pq.read_table(release / "observations.parquet").to_pylist()
    return {
        str([v for n, v in r.items() if n not in beside and (n.endswith("_code") or n == "time_period")])
        for r in rows
        if r["verdict"] == verdict
    }


@pytest.mark.parametrize("damage", DAMAGES, ids=lambda d: d.__name__)
@pytest.mark.parametrize("name", FILES)
def test_a_damaged_release_is_compared_with_nothing(
    country: Path, tmp_path: Path, name: str, damage: Callable[[Path], None]
) -> None:
    whole = first_edition(country)
    other = Path(shutil.copytree(whole, tmp_path / "other.signed"))
    assert compare_releases(whole, other).cells == ()
    damage(other / name)
    for pair in ((whole, other), (other, whole)):
        with pytest.raises(CaudalError) as caught:
            compare_releases(*pair)
        assert codes(caught) <= {"release-incomplete", "release-altered"}


def no_numbers(table: pa.Table) -> pa.Table:
    words = pa.array(["x"] * table.num_rows)
    return table.set_column(table.column_names.index("value"), "value", words)


def no_period(table: pa.Table) -> pa.Table:
    nothing = pa.nulls(table.num_rows, pa.string())
    return table.set_column(table.column_names.index("time_period"), "time_period", nothing)


def without(name: str) -> Callable[[pa.Table], pa.Table]:
    return lambda table: table.drop_columns([name])


@pytest.mark.parametrize(
    "change", [without("value"), without("time_period"), without("verdict"), no_numbers, no_period]
)
def test_what_is_no_table_of_cells_is_none_whatever_the_manifest_says(
    country: Path, tmp_path: Path, change: Callable[[pa.Table], pa.Table]
) -> None:
    """Somebody has written the table again, and its checksum too: no command takes it for a release."""
    release = Path(shutil.copytree(first_edition(country), country.parent / "again"))
    (release / "signature.json").unlink()
    path = release / "observations.parquet"
    pq.write_table(change(pq.read_table(path)), path)
    manifest = json.loads((release / "manifest.json").read_bytes())
    for output in manifest["outputs"]:
        output["sha256"] = sha256_file(release / output["path"])
    (release / "manifest.json").write_text(json.dumps(manifest), "utf-8")
    assert verify_cells(release) == []
    readers: tuple[Callable[[], object], ...] = (
        lambda: read_observations(release),
        lambda: compare_releases(first_edition(country), release),
        lambda: build_site(release, tmp_path / "site"),
        lambda: build(region(tmp_path / "region", release)),
    )
    for read in readers:
        with pytest.raises(CaudalError) as caught:
            read()
        assert codes(caught) <= {"publish-unreadable", "not-a-release", "file-truncated"}
    assert not (tmp_path / "site").exists()


def region(folder: Path, member: Path) -> Path:
    """A region whose only member is a release."""
    made = write_country(folder)
    for source in (made / "sources").iterdir():
        source.unlink()
    (made / "publication.yaml").write_text("vintage: 2024-05\n", "utf-8")
    (made / "sources" / "one.yaml").write_text(MEMBER.format(name="one", release=member), "utf-8")
    return made


def test_a_copy_without_what_the_office_computed_says_so(country: Path) -> None:
    """A release was sent without the folder that built it: what is withheld cannot be traced there."""
    cell = next(r for r in pq.read_table(first_edition(country) / "observations.parquet").to_pylist())
    shutil.rmtree(country / ".caudal" / "builder")
    with pytest.raises(CaudalError) as caught:
        trace(country, address(cell))
    assert codes(caught) == {"not-built-here"}


@pytest.mark.parametrize("pointer", ["{", "[]", '{"release": 5}', '{"release": "nowhere"}', "\xff"])
def test_a_damaged_pointer_to_the_release_in_force_points_nowhere(country: Path, pointer: str) -> None:
    (country / "releases" / "current.json").write_text(pointer, "latin-1")
    with pytest.raises(CaudalError) as caught:
        current_release(country)
    assert codes(caught) == {"no-release"}
