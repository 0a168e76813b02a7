"""The country folders that we ship add to the catalogue without a mistake."""

from __future__ import annotations

from pathlib import Path

import pytest

from caudal.catalogue import load_catalogue
from caudal.engine.specs import read_spec
from caudal.model.country import CountrySpec

FOLDERS = sorted(p.parent for p in (Path(__file__).resolve().parents[2] / "examples").glob("*/caudal.yaml"))


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda p: p.name)
def test_a_country_folder_is_sound(folder: Path) -> None:
    country, problems = read_spec(folder / "caudal.yaml", CountrySpec)
    assert country is not None, [p.text() for p in problems]
    catalogue, found = load_catalogue(folder, country.languages)
    assert not found, "\n".join(p.text() for p in found)
    assert country.territory in catalogue.code_lists["CL_AREA"]
    with_areas = any(c.parent == country.territory for c in catalogue.code_lists["CL_AREA"].codes.values())
    if (folder / "codes").is_dir():  # a survey of a whole country may name no areas below it
        assert with_areas
        assert catalogue.derivations("region", "person", country.territory), "no areas below the country"
