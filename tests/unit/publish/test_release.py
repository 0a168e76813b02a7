"""What publishing refuses to read."""

from __future__ import annotations

from pathlib import Path

import pytest

from caudal.errors import CaudalError
from caudal.publish.release import read_release
from tests.unit.publish.fixture import STRUCTURE, cell, write_release


def codes(caught: pytest.ExceptionInfo[CaudalError]) -> list[str]:
    return [p.code for p in caught.value.problems]


def test_a_folder_that_is_not_a_release_names_all_that_it_lacks(tmp_path: Path) -> None:
    with pytest.raises(CaudalError) as caught:
        read_release(tmp_path)
    assert [p.facts["file"] for p in caught.value.problems] == ["observations.parquet", "structure.json"]


@pytest.mark.parametrize("name", ["observations.parquet", "structure.json"])
def test_a_truncated_file_is_an_integrity_problem(tmp_path: Path, name: str) -> None:
    path = write_release(tmp_path) / name
    path.write_bytes(path.read_bytes()[:-40])
    with pytest.raises(CaudalError) as caught:
        read_release(tmp_path)
    assert codes(caught) == ["publish-unreadable"]


def test_a_structure_of_another_version_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CaudalError) as caught:
        read_release(write_release(tmp_path, none_of_ours=1))
    assert codes(caught) == ["publish-unreadable"]


def test_cells_without_verdict_and_withheld_ones_with_measures_are_all_refused_at_once(
    tmp_path: Path,
) -> None:
    rows = [
        cell("foreign_born", 1.0) | {"verdict": None},
        cell("foreign_born", None, sex_code="F") | {"value": 12.0},
        cell("foreign_born", None, sex_code="M") | {"upper": 9.0},
        cell("foreign_born", 5.0, age_code="Y15T24"),
    ]
    with pytest.raises(CaudalError) as caught:
        read_release(write_release(tmp_path, rows))
    assert codes(caught) == ["publish-no-verdict", *["publish-withheld-with-measure"] * 2]
    assert caught.value.exit_code == 5
    assert not any(number in str(caught.value) for number in ("12", "9.0"))


def test_a_cell_of_an_indicator_that_is_not_described_is_refused(tmp_path: Path) -> None:
    rows = [cell("foreign_born", 1.0) | {"indicator_code": "ghost"}]
    with pytest.raises(CaudalError) as caught:
        read_release(write_release(tmp_path, rows))
    assert codes(caught) == ["publish-not-described"]


def test_a_name_that_leads_out_of_the_site_is_refused(tmp_path: Path) -> None:
    source = STRUCTURE["sources"][0] | {"source": "../../../etc/passwd"}
    with pytest.raises(CaudalError) as caught:
        read_release(
            write_release(tmp_path, sources=[*STRUCTURE["sources"], source], languages=["es", "a/b"])
        )
    assert [(p.code, p.facts["found"]) for p in caught.value.problems] == [
        ("publish-unfit-name", "../../../etc/passwd"),
        ("publish-unfit-name", "a/b"),
    ]


def test_two_figures_at_one_address_are_refused(tmp_path: Path) -> None:
    rows = [cell("foreign_born", 1.0), cell("foreign_born", 2.0, concept_vector="basis=citizenship")]
    with pytest.raises(CaudalError) as caught:
        read_release(write_release(tmp_path, rows))
    assert codes(caught) == ["publish-address-twice"]
