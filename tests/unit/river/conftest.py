"""A small country, built once and copied for each test that changes it."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from caudal.river.build import build
from tests.support.small_country import write_country


@pytest.fixture(scope="session")
def built_once(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A built country folder that nobody changes."""
    folder = write_country(tmp_path_factory.mktemp("country") / "pais")
    build(folder)
    return folder


@pytest.fixture
def country(built_once: Path, tmp_path: Path) -> Path:
    """A built country folder of one's own."""
    return Path(shutil.copytree(built_once, tmp_path / "pais"))
