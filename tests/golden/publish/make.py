"""Writes the golden pages again: ``PYTHONPATH=src:. python -m tests.golden.publish.make``. Read the diff."""

from __future__ import annotations

import tempfile
from pathlib import Path

from caudal.publish.release import read_release
from caudal.publish.site import site_files
from tests.unit.publish.fixture import write_release

FOLDER = Path(__file__).parent
GOLDEN = (
    "index.html",
    "es/index.html",
    "pt/compare/migrants.html",
    "en/indicator/unemployment_rate.html",
    "es/source/survey.html",
    "data/codes.csv",
    "data/unemployment_rate.csv",
)


def made() -> dict[str, bytes]:
    """The golden files as the code makes them now."""
    with tempfile.TemporaryDirectory() as folder:
        site = site_files(read_release(write_release(Path(folder))))
    return {path: site[path] for path in GOLDEN}


if __name__ == "__main__":
    for path, data in made().items():
        (FOLDER / path.replace("/", "_")).write_bytes(data)
