"""A release that is damaged, half copied or of another version: verify, site and server all say so, in
words and with a code, and none of them shows half of it."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from caudal.errors import CaudalError
from caudal.publish import build_site
from caudal.publish.release import read_release
from caudal.publish.serving import answer, served_site
from caudal.river.build import build
from caudal.river.signing import verify
from tests.support.small_country import replace_in, write_country

PAGE = "site/es/index.html"


def cut(file: Path) -> None:
    file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])


def emptied(file: Path) -> None:
    file.write_bytes(b"")


def flipped(file: Path) -> None:
    data = bytearray(file.read_bytes())
    data[len(data) // 2] ^= 1
    file.write_bytes(bytes(data))


DAMAGES: tuple[Callable[[Path], None], ...] = (cut, emptied, flipped, Path.unlink)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    country = write_country(tmp_path_factory.mktemp("damaged") / "country")
    replace_in(country / "caudal.yaml", "[es, pt, en]", "[es]")
    return build(country).release


@pytest.fixture
def release(whole: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(whole, tmp_path / whole.name))


def codes(error: CaudalError) -> set[str]:
    assert all(p.text("es") and p.text("pt") and p.text("en") for p in error.problems)
    return {p.code for p in error.problems}


def test_a_whole_release_is_whole(release: Path) -> None:
    assert verify(release) == []
    assert answer(served_site(release), "GET", "/es/index.html", {}).status == 200


@pytest.mark.parametrize("damage", DAMAGES, ids=lambda d: d.__name__)
@pytest.mark.parametrize("name", ["observations.parquet", "structure.json", "manifest.json", PAGE])
def test_whatever_is_damaged_verify_says_so(release: Path, name: str, damage: Callable[[Path], None]) -> None:
    damage(release / name)
    found = verify(release)
    assert found and all(p.text("es") for p in found)


@pytest.mark.parametrize("damage", [cut, emptied, Path.unlink], ids=lambda d: d.__name__)
@pytest.mark.parametrize("name", ["observations.parquet", "structure.json"])
def test_a_site_is_made_of_no_half_release_and_the_last_one_stays(
    release: Path, tmp_path: Path, name: str, damage: Callable[[Path], None]
) -> None:
    out = tmp_path / "out"
    build_site(release, out)
    before = {p.relative_to(out): p.read_bytes() for p in out.rglob("*") if p.is_file()}
    damage(release / name)
    with pytest.raises(CaudalError) as refused:
        build_site(release, out)
    assert codes(refused.value) <= {"publish-incomplete", "publish-unreadable"}
    assert {p.relative_to(out): p.read_bytes() for p in out.rglob("*") if p.is_file()} == before


@pytest.mark.parametrize("damage", DAMAGES, ids=lambda d: d.__name__)
def test_a_damaged_page_is_not_served(release: Path, damage: Callable[[Path], None]) -> None:
    damage(release / PAGE)
    assert answer(served_site(release), "GET", "/es/index.html", {}).status >= 400


@pytest.mark.parametrize("damage", [cut, emptied, Path.unlink], ids=lambda d: d.__name__)
def test_without_its_manifest_nothing_is_served(release: Path, damage: Callable[[Path], None]) -> None:
    damage(release / "manifest.json")
    with pytest.raises(CaudalError) as refused:
        served_site(release)
    assert codes(refused.value) <= {"publish-incomplete", "publish-unreadable"}


def test_a_release_of_another_version_is_named_as_such(release: Path) -> None:
    manifest = json.loads((release / "manifest.json").read_text("utf-8"))
    (release / "manifest.json").write_text(json.dumps(manifest | {"caudal": "99.0"}), "utf-8")
    structure = json.loads((release / "structure.json").read_text("utf-8"))
    (release / "structure.json").write_text(json.dumps(structure | {"of_the_future": 1}), "utf-8")
    with pytest.raises(CaudalError) as refused:
        read_release(release)
    assert codes(refused.value) == {"publish-other-version"}
    assert "99.0" in refused.value.text()
