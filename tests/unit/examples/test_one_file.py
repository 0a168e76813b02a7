"""A new source of a format that no example uses, and of a kind of its own, is one file."""

from __future__ import annotations

import json
from pathlib import Path

import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from caudal.cli import main
from tests.support.small_country import replace_in, write_country

ROOT = Path(__file__).resolve().parents[3]
SOURCE = """\
source: dwellings
title: {es: Hogares, pt: Domicílios, en: Households}
producer: Office
origin: https://office.example/households
licence: CC-BY-4.0
simulated: true
kind: household
concept: {source_type: register, scope: general_population, coverage: national}
data: data
tables: {homes: {format: {type: json_lines}}}
columns:
  household_key: {from: id}
  household_size: {from: people.count}
  head_birth_country_code: {from: people.head.born, crosswalk: "standard:country_names", recode: {XI: XI}}
  internet_code: {from: internet, recode: {TRUE: Y, FALSE: N}}
design: {type: full_count}
deliveries: [{period: 2024, file: homes.jsonl}]
"""


def test_a_register_of_households_in_json_lines(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    used = [p.read_text(encoding="utf-8") for p in ROOT.glob("examples/*/sources/*.yaml")]
    assert not any("type: json_lines" in text for text in used)
    folder = write_country(tmp_path)
    replace_in(folder / "publication.yaml", "population, migrant_share, residences_granted", "households")
    (folder / "sources" / "dwellings.yaml").write_text(SOURCE, encoding="utf-8")
    born = ("XI", "PER", "Bolivia")
    rows = [
        {"id": n, "people": {"count": 1 + n % 5, "head": {"born": born[n % 3]}}, "internet": n % 4 > 0}
        for n in range(400)
    ]
    lines = "".join(json.dumps(row) + "\n" for row in rows)
    (folder / "data" / "homes.jsonl").write_text(lines, encoding="utf-8")
    assert main(["check", str(folder)]) == 0
    assert main(["build", str(folder), "--quiet"]) == 0
    (path,) = (folder / "releases").glob("2*/observations.parquet")
    cells = pq.read_table(path)
    total = cells.filter(
        pc.and_(
            pc.equal(cells["indicator_code"], "households"), pc.equal(cells["migratory_status_code"], "_T")
        )
    )
    assert 400.0 in total["value"].to_pylist()
