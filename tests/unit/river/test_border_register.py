"""The border register of the fictional country, from raw files to its page."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from caudal.errors import CaudalError
from caudal.model.observation import address
from caudal.river.build import Built, Options, build
from caudal.river.reconcile import reconcile
from caudal.simulate.border import write_border

ISTMO = Path(__file__).resolve().parents[3] / "examples" / "istmo"


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Built:
    """A release made of the border register alone."""
    folder = tmp_path_factory.mktemp("border") / "istmo"
    ignored = shutil.ignore_patterns(
        "data", "releases", ".caudal", "census*", "survey*", "permits.y*", "register*"
    )
    shutil.copytree(ISTMO, folder, ignore=ignored)
    (folder / "data").mkdir()
    write_border(folder / "data", 24_000, 3)
    source = folder / "sources" / "border.yaml"
    text = source.read_text(encoding="utf-8")
    assert "vintages: 4" in text
    source.write_text(text.replace("vintages: 4", "vintages: 1"), encoding="utf-8")
    return build(folder, Options(threads=2))


@pytest.fixture(scope="module")
def cells(built: Built) -> list[dict[str, Any]]:
    """The released observations."""
    return list(pq.read_table(built.release / "observations.parquet").to_pylist())


@pytest.mark.parametrize(
    ("language", "words"),
    [("es", "llegó para quedarse"), ("pt", "chegou para ficar"), ("en", "somebody came to stay")],
)
def test_the_page_of_flows_is_there_in_every_language(built: Built, language: str, words: str) -> None:
    page = (built.site / language / "flow" / "index.html").read_text(encoding="utf-8")
    assert words in page
    assert page.count('class="sq ') == 104 and "<polygon" in page
    home = (built.site / language / "index.html").read_text(encoding="utf-8")
    assert 'href="flow/index.html"' in home


def test_the_account_closes_to_the_person_with_births_and_deaths(cells: list[dict[str, Any]]) -> None:
    """P1 = P0 + births - deaths + immigration - emigration, and naturalisations for a nationality."""
    for code in ("_T", "CIT", "FOR"):
        rows = [
            r
            for r in cells
            if r["indicator_code"] == "population_account" and r["citizenship_status_code"] == code
        ]
        whole = 0
        for year in {r["time_period"] for r in rows}:
            items = {r["account_item_code"]: r["value"] for r in rows if r["time_period"] == year}
            if None in items.values() or not {"opening", "births", "deaths", "closing"} <= set(items):
                continue
            gained = sum(items.get(i) or 0 for i in ("births", "arrivals", "naturalised_in"))
            lost = sum(items.get(i) or 0 for i in ("deaths", "departures", "naturalised_out"))
            assert items["opening"] + gained - lost == items["closing"]
            whole += 1
        assert whole or code != "_T"
        assert "unadjusted" not in {r["error_note"] for r in rows}


def test_every_provisional_month_stands_in_each_kept_edition(cells: list[dict[str, Any]]) -> None:
    months = [r for r in cells if r["indicator_code"] == "immigration_monthly" and r["value"] is not None]
    editions = {r["vintage"] for r in months}
    assert editions == {"2023-11", "2023-12"}
    still_open = [r for r in months if r["obs_status_code"] == "P"]
    assert still_open and all(r["lower"] <= r["value"] <= r["upper"] for r in still_open)


def test_the_balance_is_the_difference_of_what_is_released(cells: list[dict[str, Any]]) -> None:
    totals = {
        (r["indicator_code"], r["time_period"]): r["value"]
        for r in cells
        if r["indicator_code"] in ("immigration", "emigration", "net_migration")
        and all(v == "_T" for n, v in r.items() if n in TOTALS)
    }
    years = {year for name, year in totals if name == "net_migration"}
    assert years
    for year in years:
        assert totals["net_migration", year] == totals["immigration", year] - totals["emigration", year]


TOTALS = (
    "sex_code",
    "age_code",
    "citizenship_status_code",
    "country_of_citizenship_code",
    "post_code",
    "length_of_stay_code",
)


def test_nothing_of_a_person_is_in_the_release(built: Built) -> None:
    tables = list(built.release.rglob("*.parquet"))
    assert tables
    for table in tables:
        assert not {"person_key", "person_id", "crossing_at"} & set(pq.read_schema(table).names)


def test_a_figure_of_others_is_reconciled_with_the_register(
    built: Built, cells: list[dict[str, Any]]
) -> None:
    """A thousand more or less: somebody who counted all that enter, or another year, is told so."""
    folder = built.release.parents[1]
    years = {
        r["time_period"]: r
        for r in cells
        if r["indicator_code"] == "immigration" and all(r[n] == "_T" for n in TOTALS if n in r)
    }
    final = [r for r in years.values() if r["obs_status_code"] == "A" and r["value"] is not None]
    first, second = sorted(final, key=lambda r: str(r["time_period"]))[:2]
    found = reconcile(folder, address(first), second["value"], decimals=0, steps=1)
    assert found.ours == first["value"]
    steps = {(s.kind, s.after) for path in found.paths for s, _ in path}
    assert ("period", second["time_period"]) in steps


def test_what_only_the_whole_register_says_is_not_reconciled(
    built: Built, cells: list[dict[str, Any]]
) -> None:
    account = next(r for r in cells if r["indicator_code"] == "population_account")
    with pytest.raises(CaudalError, match="reconcile-without-records"):
        reconcile(built.release.parents[1], address(account), 1.0)
