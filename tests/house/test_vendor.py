"""The libraries that travel with the pages are the ones that were looked at."""

from __future__ import annotations

from pathlib import Path

import pytest

from caudal.engine.files import sha256_file

VENDOR = Path(__file__).resolve().parents[2] / "src" / "caudal" / "publish" / "static" / "vendor"
CHECKSUMS = {
    "hyparquet.min.js": "67c2de3852462a6a9ec698f1b3a1ec65b79bf6463a4f0e2b4459d47184cabf4c",
    "minisearch.min.js": "256b825c4b3e4d39211427f525b496c89a08b17fcc9e7646ec3c12fb42191ba7",
}


@pytest.mark.parametrize("name", sorted(CHECKSUMS))
def test_a_library_is_what_it_was(name: str) -> None:
    assert sha256_file(VENDOR / name) == CHECKSUMS[name]
    assert "MIT" in (VENDOR / name.replace(".min.js", ".LICENSE")).read_text(encoding="utf-8")


def test_nothing_else_travels() -> None:
    assert {f.name for f in VENDOR.glob("*.js")} == set(CHECKSUMS)


def test_no_script_of_the_pages_names_another_host() -> None:
    for script in VENDOR.parent.glob("*.js"):
        assert "://" not in script.read_text(encoding="utf-8"), script.name
