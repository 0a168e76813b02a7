"""Border registers as they come, from raw files to observations."""

from __future__ import annotations

import random
from datetime import datetime, timedelta
from pathlib import Path

import pyarrow as pa
import pytest

from caudal.errors import CaudalError
from tests.support.border_country import figures, observed, row, seen, write_border

END = "2023-12-31 10:00"


def histories(persons: int, seed: int = 1) -> list[str]:
    """Visits of some days, and stays of years for one person in four."""
    random.seed(seed)
    rows = []
    for n in range(persons):
        start = datetime(2018, 1, 1) + timedelta(minutes=random.randrange(60 * 24 * 700))
        stay = timedelta(days=random.choice([3, 8, 20, 900]))
        rows += [
            row(f"D{n}", f"{start:%Y-%m-%d %H:%M}", "E"),
            row(f"D{n}", f"{start + stay:%Y-%m-%d %H:%M}", "S"),
        ]
    return [*rows, row("LAST", END, "E")]


def test_a_clock_on_utc_moves_nobody_to_another_night(tmp_path: Path) -> None:
    """365 nights by the clock of the post; 366 by UTC at one end alone."""
    local = [row("a", "2019-01-01 22:00", "E"), row("a", "2020-01-01 22:00", "S"), row("z", END, "E")]
    shifted = [
        row("a", "2019-01-02 03:00", "E", post="UTC"),
        row("a", "2020-01-01 22:00", "S"),
        row("z", END, "E"),
    ]
    one, _ = observed(write_border(tmp_path / "one", {"2023": local}))
    two, _ = observed(write_border(tmp_path / "two", {"2023": shifted}))
    assert figures(one, "immigration") == figures(two, "immigration")
    assert figures(one, "immigration")[("2019",)] == 1


def test_a_month_loaded_twice_changes_no_figure(tmp_path: Path) -> None:
    rows = histories(40)
    once, _ = observed(write_border(tmp_path / "one", {"2018": rows, "2023": [row("z", END, "E")]}))
    twice, _ = observed(
        write_border(tmp_path / "two", {"2018": rows, "2019": rows, "2023": [row("z", END, "E")]})
    )
    for indicator in ("immigration", "emigration", "visitors", "border_crossings"):
        assert figures(once, indicator) == figures(twice, indicator), indicator
    repairs = figures(twice, "history_repairs", "history_repair")
    assert repairs[("2023", "duplicates")] == len(rows)


def test_ten_times_the_usual_dirt_is_counted_and_its_weight_is_told(tmp_path: Path) -> None:
    random.seed(5)
    clean = histories(120)
    dirty = [r for r in clean if random.random() > 0.1]
    dirty += random.sample(dirty, 12)
    dirty += [row("", "2019-01-01 00:00", "E"), row("x", "2019-02-30 00:00", "E"), row("x", END, "?")]
    dirty += [row("y", "2019-01-01 00:00", "E", born="2020-01-01"), row("y", "1066-10-14 09:00", "E")]
    random.shuffle(dirty)
    table, run = observed(write_border(tmp_path, {"2023": dirty}))
    counts = run.reconciliation
    assert counts.quarantined >= 4 and counts.rows_in == counts.records + counts.quarantined
    policies = figures(table, "immigration_by_policy", "history_policy")
    of_a_year = {p: v for (year, p), v in policies.items() if year == "2019"}
    assert of_a_year["midpoint"] == figures(table, "immigration")[("2019",)]
    assert {"midpoint", "hold", "switch", "inside", "outside", "drop", "corrected"} <= set(of_a_year)


def test_a_person_with_ten_thousand_crossings_is_one_person(tmp_path: Path) -> None:
    start = datetime(2018, 1, 1, 6)
    rows = []
    for n in range(5000):
        day = start + timedelta(hours=12 * n)
        rows += [
            row("busy", f"{day:%Y-%m-%d %H:%M}", "E"),
            row("busy", f"{day + timedelta(hours=3):%Y-%m-%d %H:%M}", "S"),
        ]
    table, _ = observed(write_border(tmp_path, {"2018": rows, "2023": [row("z", END, "E")]}))
    years = figures(table, "visitors")
    assert years[("2019",)] == 1
    assert figures(table, "border_crossings")[("2019",)] > 1400
    persons = [
        r["sample_n"]
        for r in table.to_pylist()
        if r["indicator_code"] == "border_crossings" and r["time_period"] == "2019"
    ]
    assert max(persons) == 1, "the gate judges persons, not crossings"


def test_a_register_without_persons_has_no_figures(tmp_path: Path) -> None:
    with pytest.raises(CaudalError, match="nothing-to-release"):
        observed(write_border(tmp_path / "empty", {"2020": []}))
    with pytest.raises(CaudalError, match="quarantined"):
        observed(write_border(tmp_path / "nobody", {"2020": [row("", "2020-01-01 00:00", "E")]}))


def test_a_month_in_which_nobody_crossed_is_a_month(tmp_path: Path) -> None:
    """The closed border: a file with its header alone. The build says so unless the source declares it."""
    rows = histories(40)
    folder = write_border(tmp_path / "closed", {"2018": rows, "2023-05": [], "2023-12": [row("z", END, "E")]})
    without = write_border(tmp_path / "without", {"2018": rows, "2023-12": [row("z", END, "E")]})
    with_month, _ = observed(folder)
    assert with_month.equals(observed(without)[0])
    assert seen(folder).empty == ("border/2023-05",)
    source = folder / "sources" / "border.yaml"
    stated = source.read_text(encoding="utf-8").replace("file: 2023-05.csv", "file: 2023-05.csv, empty: true")
    source.write_text(stated, encoding="utf-8")
    assert seen(folder).empty == ()
    (folder / "data" / "2023-05.csv").write_text("", encoding="utf-8")
    with pytest.raises(CaudalError, match="file-empty"):
        observed(folder)


def test_every_country_and_more_may_stand_in_the_documents(tmp_path: Path) -> None:
    from caudal.catalogue import load_catalogue

    codes = list(load_catalogue()[0].code_lists["CL_COUNTRY"].codes)
    assert len(codes) > 256
    rows = [row(f"d{i}", "2019-01-01 10:00", "E", nation=code) for i, code in enumerate(codes)]
    table, _ = observed(write_border(tmp_path, {"2019": rows, "2023": [row("z", END, "E", nation="CO")]}))
    by_country = figures(table, "immigration", "country_of_citizenship")
    assert len({k for k in by_country if k[0] == "2019"}) > 256


def test_what_was_numbered_and_harmonised_is_not_done_again(tmp_path: Path) -> None:
    rows = histories(30)
    folder = write_border(tmp_path, {"2018": rows})
    observed(folder)
    made = {p.name: p.stat().st_mtime_ns for p in (folder / ".caudal/cache").glob("[hn]*/*")}
    grown, _ = observed(write_border(folder, {"2018": rows, "2023-12": [row("new", END, "E")]}))
    kept = {p.name: p.stat().st_mtime_ns for p in (folder / ".caudal/cache").glob("[hn]*/*")}
    assert made.items() <= kept.items() and len(kept) == len(made) + 2
    fresh, _ = observed(write_border(tmp_path / "fresh", {"2018": rows, "2023-12": [row("new", END, "E")]}))
    assert isinstance(grown, pa.Table) and grown.equals(fresh)


@pytest.mark.parametrize("gaps", ["hold", "declared", "drop"])
def test_any_policy_for_gaps_can_be_the_one_that_is_used(tmp_path: Path, gaps: str) -> None:
    rows = [row("a", "2018-02-01 10:00", "E"), row("a", "2019-08-01 10:00", "E"), row("z", END, "E")]
    table, _ = observed(write_border(tmp_path, {"2023": rows}, gaps))
    year = figures(table, "immigration_by_policy", "history_policy")
    wanted = figures(table, "immigration").get(("2018",), 0.0)
    assert year.get(("2018", gaps), 0.0) == wanted


def test_the_coverage_of_a_post_moves_figures_apart_from_the_policies(tmp_path: Path) -> None:
    folder = write_border(tmp_path, {"2023": histories(400)})
    plain, _ = observed(folder)
    source = folder / "sources" / "border.yaml"
    text = source.read_text(encoding="utf-8")
    assert "covered" not in {p for _, p in figures(plain, "immigration_by_policy", "history_policy")}
    stated = text.replace("vintages: 0,", "vintages: 0, coverage_by_post: {A: 0.8},").replace(
        "  citizenship_code:", "  post_code: {from: post, recode: {A: A}}\n  citizenship_code:"
    )
    (folder / "codes").mkdir()
    listed = "code,parent,valid_from,valid_to,label_es,label_pt,label_en\nA,,,,Puesto A,Posto A,Post A\n"
    (folder / "codes" / "CL_POST.csv").write_text(listed, encoding="utf-8")
    source.write_text(stated, encoding="utf-8")
    covered, _ = observed(folder)
    policies = figures(covered, "immigration_by_policy", "history_policy")
    assert policies["2019", "covered"] != policies["2019", "midpoint"]
    tables = figures(covered, "immigration_tables_by_policy", "flow_table")
    assert tables["2019", "covered_whole"] > 0
    assert tables["2019", "covered_whole"] <= tables["2019", "covered_post"] + 1e-9


def test_an_account_without_vital_events_closes_and_says_that_it_is_unadjusted(tmp_path: Path) -> None:
    table, _ = observed(write_border(tmp_path, {"2023": histories(60)}))
    items = figures(table, "population_account", "account_item")
    for year in {year for year, _ in items}:
        account = {item: value for (y, item), value in items.items() if y == year}
        assert account["opening"] + account["arrivals"] - account["departures"] == account["closing"]
    notes = {r["error_note"] for r in table.to_pylist() if r["indicator_code"] == "population_account"}
    assert notes == {"unadjusted"}


def test_a_year_opens_as_the_last_one_closed_with_births_and_deaths(tmp_path: Path) -> None:
    """What the civil registry adds to one year stands in the opening of the next."""
    folder = write_border(tmp_path, {"2023": histories(60)})
    source = folder / "sources" / "border.yaml"
    years = "'2019': {births: {CO: 9, XI: 2}, deaths: {CO: 4}}, '2020': {births: {CO: 5}, deaths: {CO: 1}}"
    text = source.read_text(encoding="utf-8").replace("vintages: 0,", f"vintages: 0, vital: {{{years}}},")
    source.write_text(text, encoding="utf-8")
    table, _ = observed(folder)
    items = figures(table, "population_account", "account_item")
    assert items["2019", "births"] == 11 and items["2019", "deaths"] == 4
    assert items["2020", "opening"] == items["2019", "closing"]
    for year in ("2019", "2020"):
        account = {item: value for (y, item), value in items.items() if y == year}
        gained = account["births"] + account["arrivals"]
        lost = account["deaths"] + account["departures"]
        assert account["opening"] + gained - lost == account["closing"]
