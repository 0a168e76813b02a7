"""A survey that no example uses, with the poverty of migrants and natives, added by its source file alone."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest

from caudal.catalogue import formula_for, load_catalogue
from caudal.cli import main
from caudal.engine.specs import read_spec
from caudal.model.record import record_kinds
from caudal.model.source import SourceSpec
from tests.raw_country import MadeCountry
from tests.support import welfare_survey
from tests.support.small_country import CAUDAL, PROTECTION
from tests.support.welfare_survey import BY_LINE, BY_PRODUCER

pytest.importorskip("pyreadstat")

PUBLICATION = "vintage: 2024-05\nindicators: [poverty_rate]\n"


@pytest.fixture(scope="module")
def cells(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, Any]]:
    """The cells of a country whose only source is the survey, as they were before the gate."""
    folder = tmp_path_factory.mktemp("welfare")
    files = {
        "caudal.yaml": CAUDAL.replace("territory: XI", "territory: CL"),
        "publication.yaml": PUBLICATION,
        "protection.yaml": PROTECTION,
        "sources/welfare.yaml": welfare_survey.source("welfare.dta", "type: stata"),
    }
    for file, text in files.items():
        (folder / file).parent.mkdir(parents=True, exist_ok=True)
        (folder / file).write_text(text, encoding="utf-8")
    (folder / "data").mkdir()
    welfare_survey.write(folder / "data" / "welfare.dta")
    assert main(["check", str(folder)]) == 0
    assert main(["build", str(folder), "--quiet"]) == 0
    found: list[dict[str, Any]] = []
    for path in sorted((folder / ".caudal" / "cache" / "estimate").rglob("observations.parquet")):
        found += pq.read_table(path).to_pylist()
    return found


def cell(cells: list[dict[str, Any]], indicator: str, codes: Mapping[str, str]) -> dict[str, Any]:
    """The cell of ``indicator`` that is broken down by ``codes`` alone."""
    dimensions = [f"{d}_code" for d in load_catalogue()[0].dimensions if f"{d}_code" in cells[0]]
    wanted = {d: codes.get(d.removesuffix("_code"), "_T") for d in dimensions}
    rows = [
        r for r in cells if r["indicator_code"] == indicator and all(r[d] == c for d, c in wanted.items())
    ]
    assert len(rows) == 1, (indicator, codes, len(rows))
    return rows[0]


def test_poverty_of_migrants_and_natives(cells: list[dict[str, Any]]) -> None:
    people = welfare_survey.people()
    known = people.pobreza.notna()
    groups = [
        ({}, known),
        ({"migratory_status": "FB"}, known & (people.r1b == 3) & (people.r1b_pais != 999)),
        ({"migratory_status": "NB"}, known & people.r1b.isin([1, 2])),
        ({"country_of_birth": "PE"}, known & (people.r1b_pais == 604)),
    ]
    for codes, inside in groups:
        weights = people.expr[inside]
        expected = 100 * np.sum(weights * (people.pobreza[inside] <= 2)) / np.sum(weights)
        row = cell(cells, "poverty_rate", codes)
        assert row["value"] == pytest.approx(expected, rel=1e-10)
        assert row["sampling_se"] > 0
    migrants, natives = (cell(cells, "poverty_rate", {"migratory_status": g})["value"] for g in ("FB", "NB"))
    gaps = [r for r in cells if r["indicator_code"] == "poverty_rate_gap"]
    assert any(r["value"] == pytest.approx(migrants - natives, abs=1e-9) for r in gaps)


@pytest.mark.parametrize(("name", "form"), [("welfare.dta", "type: stata"), ("welfare.sav", "type: spss")])
def test_both_formats_and_both_ways_of_saying_who_is_poor_agree(tmp_path: Path, name: str, form: str) -> None:
    (tmp_path / "data").mkdir()
    welfare_survey.write(tmp_path / "data" / name)
    both = welfare_survey.source(name, form, f"{BY_PRODUCER}\n{BY_LINE}")
    country = MadeCountry(tmp_path, both.split("kind: person", 1)[1].join(["\nkind: person", ""]))
    found = country.records()
    people = welfare_survey.people()
    said = {1.0: "POOR", 2.0: "POOR", 3.0: "NOT_POOR"}
    assert found["poverty_code"] == [said.get(v, "_Z") for v in people.pobreza]
    by_line = [
        "_Z" if i is None else "POOR" if i < line else "NOT_POOR"
        for i, line in zip(found["income_per_person"], found["poverty_line"], strict=True)
    ]
    assert by_line == found["poverty_code"]
    assert found["birth_country_code"].count("VE") == int((people.r1b_pais == 862).sum())
    assert country.harmonise().reconciliation.recoded_to_unknown == {}


@pytest.mark.parametrize("weight", [(), ("poverty_weight",)])
@pytest.mark.parametrize("way", [("poverty_code",), ("income_per_person", "poverty_line")])
def test_the_formula_follows_what_the_source_has(way: tuple[str, ...], weight: tuple[str, ...]) -> None:
    catalogue, _ = load_catalogue()
    formula, _ = formula_for(
        catalogue.indicators["poverty_rate"], "person", [*way, *weight], {"scope": "general_population"}
    )
    assert formula is not None
    assert formula.weight == "".join(weight)
    assert all(record_kinds()["person"].column(c) for c in (*way, *weight))


def test_its_source_file_is_all_that_is_written(tmp_path: Path) -> None:
    path = tmp_path / "welfare.yaml"
    path.write_text(welfare_survey.source("welfare.dta", "type: stata"), encoding="utf-8")
    spec, problems = read_spec(path, SourceSpec)
    assert spec is not None and problems == []
    assert not any(m.crosswalk.endswith(".csv") for m in (*spec.columns.values(), *spec.helpers.values()))
