"""Law one: a published cell is walked back to its bytes, and computed again from them."""

from __future__ import annotations

from pathlib import Path

import pytest

from caudal.engine.files import sha256_file
from caudal.errors import CaudalError
from caudal.river.build import build
from caudal.river.reconcile import reconcile
from caudal.river.trace import trace
from tests.support.small_country import survey_rows

CELL = "migrant_share/XI/2024-Q1/sex=F/survey@2024-05"


def test_a_cell_is_walked_back_and_computed_again_from_raw_bytes(country: Path) -> None:
    walk = trace(country, CELL, recompute=True)
    assert walk.holds and walk.recomputed and walk.recomputed["value"] == walk.published["value"]
    assert walk.estimate["sample_n"] == 180
    assert "birth_country_code" in walk.estimate["columns"]
    assert walk.harmonise["counts"]["records"] == 360
    lines = walk.harmonise["columns"]["birth_country_code"]["spec_lines"]
    assert any("survey.yaml:" in line for line in lines)
    raw = country / "data" / "survey_2024Q1.csv"
    assert [d["sha256"] for d in walk.collect["deliveries"]] == [sha256_file(raw)]
    assert "sum(weight" in walk.estimate["sql"]


def test_the_walk_names_the_line_of_the_formula_and_the_rows_that_were_kept_out(country: Path) -> None:
    raw = country / "data" / "survey_2024Q1.csv"
    lines = raw.read_text("utf-8").splitlines()
    person, _, rest = lines[1].partition(";")
    lines[1] = f"{person};-3;{rest.partition(';')[2]}"
    raw.write_text("\n".join(lines) + "\n", "utf-8")
    build(country)
    walk = trace(country, CELL)
    assert walk.harmonise["quarantine"] == {"negative-weight": "1"}
    path, _, line = walk.estimate["definition"].rpartition(":")
    assert "kind: person" in Path(path).read_text("utf-8").splitlines()[int(line) - 1]


def test_a_gap_is_walked_back_too(country: Path) -> None:
    from caudal.river.diff import read_observations
    from caudal.river.state import current_release

    codes = set(read_observations(current_release(country))["indicator_code"].to_pylist())
    gaps = sorted(c for c in codes if c.endswith("_gap"))
    assert gaps == [] or trace(country, f"{gaps[0]}/XI/2024-Q1/all/survey@2024-05", recompute=True).holds


def test_raw_bytes_that_changed_since_are_noticed(country: Path) -> None:
    (country / "data" / "survey_2024Q1.csv").write_text(survey_rows(shift=5), "utf-8")
    assert not trace(country, CELL, recompute=True).holds


@pytest.mark.parametrize(
    ("cell", "code"),
    [
        ("migrant_share", "address-malformed"),
        ("migrant_shar/XI/2024-Q1/sex=F/survey@2024-05", "cell-unknown"),
        ("migrant_share/XI/2024-Q1/sexo=F/survey@2024-05", "unknown-name"),
        ("migrant_share/XI/1999/sex=F/survey@2024-05", "cell-unknown"),
    ],
)
def test_an_address_that_is_none_is_refused_with_the_nearest(country: Path, cell: str, code: str) -> None:
    with pytest.raises(CaudalError) as caught:
        trace(country, cell)
    assert [p.code for p in caught.value.problems] == [code]


def test_a_figure_of_others_is_reconciled_by_the_shortest_steps(country: Path) -> None:
    abroad = sum(1 for k in range(360) if k % 4 == 0)
    found = reconcile(country, CELL.replace("sex=F", "all"), 100 * abroad / 360, decimals=6)
    assert [[s.kind for s, _ in path] for path in found.paths] == [["weight"]]
    assert found.paths[0][0][1] == pytest.approx(25.0)


def test_a_filter_is_found_and_named(country: Path) -> None:
    weights = {k: 100 + k % 7 for k in range(360)}
    adults = [k for k in weights if k % 90 >= 15]
    theirs = 100 * sum(weights[k] for k in adults if k % 4 == 0) / sum(weights[k] for k in adults)
    found = reconcile(country, CELL.replace("sex=F", "all"), theirs, decimals=9)
    assert any("age_years >= 15" in path[0][0].after for path in found.paths)


def test_what_cannot_be_reconciled_says_so_and_shows_the_nearest(country: Path) -> None:
    found = reconcile(country, CELL, 99.123, decimals=3, steps=1)
    assert found.paths == () and found.tried > 3 and found.nearest


def test_a_published_count_has_no_records_of_persons_but_is_traced(country: Path) -> None:
    walk = trace(country, "residences_granted/XI/2024-Q1/permit=TEMP/permits@2024-05", recompute=True)
    assert walk.holds and walk.published["value"] == 50 + 60
