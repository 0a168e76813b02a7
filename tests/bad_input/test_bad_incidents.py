"""Incidents, flows and figures of others as they must not be, through the command line: what stops a build,
what is set aside with its reason, what is left unknown, and what is the next generation of a file."""

from __future__ import annotations

import csv
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from caudal.cli import main
from caudal.river.state import current_release
from tests.support.americas import copy_of, incident, write_rows
from tests.support.small_country import replace_in

DOWNLOAD = '{period: 2024-04-10, vintage: "2024-04-10", file: made.csv}'
JOURNEYS = ("dead_and_missing", "incidents", "dead_and_missing_by_place")


def built(folder: Path) -> Path:
    """The release that ``caudal build`` makes."""
    assert main(["build", str(folder), "--quiet"]) == 0
    return current_release(folder)


def counts_of(release: Path, source: str) -> dict[str, Any]:
    structure = json.loads((release / "structure.json").read_bytes())
    found: dict[str, Any] = next(s for s in structure["sources"] if s["source"] == source)["reconciliation"]
    return found


def cells(release: Path, indicator: str, **wanted: str) -> dict[str, float]:
    """Time -> value of an indicator, total in all that ``wanted`` does not name."""
    table = pq.read_table(release / "observations.parquet")
    table = table.filter(pc.equal(table["indicator_code"], indicator))
    names = table.column_names[5 : table.column_names.index("source_code")]
    for name in (n for n in names if n != "time_period"):
        table = table.filter(pc.equal(table[name], wanted.get(name.removesuffix("_code"), "_T")))
    area = wanted.get("reference_area", "001")
    table = table.filter(pc.equal(table["reference_area_code"], area))
    return dict(zip(table["time_period"].to_pylist(), table["value"].to_pylist(), strict=True))


def single(ident: str, **changed: str) -> dict[str, str]:
    """One dead, far from the others of the file."""
    alone = {
        "Number_Dead": "1", "Minimum_Estimated_Number_of_Missing": "", "Number_of_Females": "",
        "Number_of_Males": "", "Total_Number_of_Dead_and_Missing": "1",
    }  # fmt: skip
    return incident(Incident_ID=ident, Main_ID=ident, **(alone | changed))


CHANNEL = {"Region": "Europe", "Coordinates": "51, 1"}
BAD: Mapping[str, dict[str, str]] = {
    "swapped": {"Coordinates": "-110.2, 31.5"},
    "outside-the-world": {"Coordinates": "131.5, -110.2"},
    "drowned-on-land": {
        "Coordinates": "27.0, 13.0", "Region": "Mediterranean", "Migration_route": "Central Mediterranean",
    },
    "date-short": {"Incident_Date": "27-Oct-14"},
    "date-iso": {"Incident_Date": "2014-10-27"},
    "date-bare": {"Incident_Date": "3/4/2014"},
    "negative": {"Number_Dead": "-1", "Total_Number_of_Dead_and_Missing": "-1"},
    "fraction": {"Number_Dead": "1.5", "Total_Number_of_Dead_and_Missing": "1.5"},
    "not-the-sum": {"Total_Number_of_Dead_and_Missing": "9"},
    "route-renamed": CHANNEL | {"Migration_route": "Calais to United Kingdom"},
    "route-new": CHANNEL | {"Migration_route": "English Channel to the UK"},
    "country-gone": {"Country_of_Origin": "Yugoslavia"},
}  # fmt: skip
SET_ASIDE = {"date-bare", "negative", "fraction", "not-the-sum"}


def test_incidents_as_they_must_not_be(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = copy_of(tmp_path / "americas", {"missing_migrants": [DOWNLOAD]}, JOURNEYS)
    write_rows(folder / "data" / "made.csv", [single(ident, **changed) for ident, changed in BAD.items()])
    assert main(["build", str(folder), "--quiet", "--language", "en"]) == 5
    assert "quarantine" in capsys.readouterr().err
    source = folder / "sources" / "missing_migrants.yaml"
    replace_in(
        source, "\ndeliveries:", "\nthresholds: {quarantined: 0.5, recoded_to_unknown: 0.5}\ndeliveries:"
    )
    release = built(folder)
    counts = counts_of(release, "missing_migrants")
    assert counts["rows_in"] == len(BAD) and counts["quarantined"] == len(SET_ASIDE)
    assert {r.partition(":Total")[0]: n for r, n in counts["quarantined_by_reason"].items()} == {
        "missing:occurred_on": 1, "negative-toll": 1, "missing:dead_missing_n": 1, "total-differs": 1,
    }  # fmt: skip
    assert counts["warnings"] == {"coordinates_elsewhere": 2, "drowned_inland": 1}
    kept = len(BAD) - len(SET_ASIDE)
    assert cells(release, "dead_and_missing") == {"2014": kept}
    assert cells(release, "dead_and_missing", route="CHANNEL") == {"2014": 2}
    placed = pq.read_table(release / "observations.parquet").to_pylist()
    by_place = [r for r in placed if r["indicator_code"] == "dead_and_missing_by_place"]
    assert {r["grid_code"] for r in by_place} == {"N30W112"}
    page = (release / "site" / "en" / "source" / "missing_migrants.html").read_text("utf-8")
    assert "Drownings on a route over the sea with coordinates far inland" in page
    assert "Not the sum of its parts" in page
    assert not [raw for raw in ("coordinates_elsewhere", "missing:", "negative-toll") if raw in page]


def test_a_pair_is_proposed_confirmed_in_a_text_file_and_counted_once(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = copy_of(tmp_path / "americas", {"missing_migrants": [DOWNLOAD]}, JOURNEYS[:2])
    part = {
        "Number_Dead": "3", "Minimum_Estimated_Number_of_Missing": "", "Coordinates": "31.6, -110.1",
        "Total_Number_of_Dead_and_Missing": "3", "Incident_Date": "2014-10-28",
    }  # fmt: skip
    rows = [
        incident(Incident_ID="whole", Main_ID="whole"),
        incident(Incident_ID="part", Main_ID="part", **part),
        incident(Incident_ID="other", Main_ID="other", Coordinates="31.6, -110.3"),
        incident(Incident_ID="split-1", Main_ID="split", Coordinates="18.0, -68.0"),
        incident(Incident_ID="split-2", Main_ID="split", Coordinates="18.0, -68.0"),
    ]
    write_rows(folder / "data" / "made.csv", rows)
    release = built(folder)
    assert cells(release, "dead_and_missing") == {"2014": 23}
    assert cells(release, "incidents") == {"2014": 4}
    proposed = folder / ".caudal" / "proposals" / "missing_migrants@2024-04-10.csv"
    lines = list(csv.DictReader(proposed.read_text("utf-8").splitlines()))
    assert {(x["first"], x["second"]) for x in lines} == {
        ("other", "whole"), ("whole", "part"), ("other", "part"),
    }  # fmt: skip
    answers = {
        ("whole", "part"): ("yes", "Ana", "Told twice"),
        ("other", "whole"): ("no", "Ana", "Two boats"),
    }
    for line in lines:
        empty = ("maybe", "", "")
        line["same"], line["by"], line["reason"] = answers.get((line["first"], line["second"]), empty)
    decided = folder / "duplicates" / proposed.name
    decided.parent.mkdir()
    write_rows(decided, lines)
    assert main(["build", str(folder), "--quiet", "--language", "en"]) == 4
    assert "duplicates/missing_migrants@2024-04-10.csv:" in capsys.readouterr().err
    write_rows(decided, [x | ({"same": ""} if x["same"] == "maybe" else {}) for x in lines])
    release = built(folder)
    assert cells(release, "dead_and_missing") == {"2014": 20}
    assert cells(release, "incidents") == {"2014": 3}
    counts = counts_of(release, "missing_migrants")
    assert counts["left_out"] == 1 and sum(counts["corrections"].values()) == 1
    assert len(proposed.read_text("utf-8").splitlines()) == 1  # what was decided is not proposed again


def test_the_next_generation_of_headers_is_a_delivery_and_a_variant(tmp_path: Path) -> None:
    later = '{period: 2027-02, vintage: "2027-02", file: next.csv}'
    folder = copy_of(tmp_path / "americas", {"missing_migrants": [DOWNLOAD, later]}, JOURNEYS[:2])
    write_rows(folder / "data" / "made.csv", [incident()])
    renamed = {
        "Main ID": "Event", "Incident ID": "Record", "Region": "World Region", "Incident Date": "Date",
        "Total Number of Dead and Missing": "Dead and Missing", "Number Dead": "Dead",
        "Minimum Estimated Number of Missing": "Missing (minimum)", "Migration route": "Route",
    }  # fmt: skip
    events = [("a", "a-1", "2", "2"), ("a", "a-2", "3", "3"), ("b", "b", "4", "4")]
    rows = [
        incident(
            Main_ID=event, Incident_ID=record, Number_Dead=dead, Minimum_Estimated_Number_of_Missing="",
            Total_Number_of_Dead_and_Missing=total, Incident_Date="27.10.2026", Year="2026", Coordinates="",
            Number_of_Females="", Number_of_Males="",
        )
        for event, record, dead, total in events
    ]  # fmt: skip
    write_rows(folder / "data" / "next.csv", [{renamed.get(k, k): v for k, v in r.items()} for r in rows])
    source = folder / "sources" / "missing_migrants.yaml"
    replace_in(source, "  - valid_from: 2024-06 ", "  - valid_from: 2024-06\n    valid_to: 2026-12 ")
    listed = "".join(f"      {new}: {old}\n" for old, new in renamed.items())
    variant = (
        f"  - valid_from: 2027-01\n    rename:\n{listed}    helpers:\n      day:\n"
        "        expression: CAST(try_strptime(\"Incident Date\", '%d.%m.%Y') AS DATE)\n        type: date\n"
    )
    replace_in(source, "\ntotals:\n", f"{variant}\ntotals:\n")
    release = built(folder)
    table = pq.read_table(release / "observations.parquet")
    table = table.filter(pc.equal(table["vintage"], "2027-02"))
    rows_of = {r["indicator_code"]: r for r in table.to_pylist() if r["reference_area_code"] == "001" and
               all(r[f"{d}_code"] == "_T" for d in ("route", "cause", "sex", "minority"))}  # fmt: skip
    assert rows_of["dead_and_missing"]["value"] == 9 and rows_of["incidents"]["value"] == 2
    assert rows_of["dead_and_missing"]["time_period"] == "2026"


def test_flows_as_they_must_not_be(tmp_path: Path) -> None:
    deliveries = {"darien_nationality": ["{period: 2023-12, file: made.csv}"]}
    folder = copy_of(tmp_path / "americas", deliveries, ["irregular_transits", "irregular_transits_monthly"])
    good = [(f"2022-{m:02d}-01", "VEN", str(m)) for m in range(1, 13)]
    bad = [("2022-03-01", "COL", ".."), ("2022-03-01", "CUB", "-3"), ("2022-03-01", "HTI", "2.5")]
    unknown = [("2022-03-01", "QQQ", "1"), ("2022-03-01", "YUG", "2"), ("2022-03-01", "..", "4")]
    footer = [("", "", ""), ("Source: the agency", "", "")]
    rows = [{"t": t, "q": t, "nat": nat, "n": n} for t, nat, n in (*good, *bad, *unknown, *footer)]
    write_rows(folder / "data" / "made.csv", rows)
    source = folder / "sources" / "darien_nationality.yaml"
    replace_in(
        source, "\ndeliveries:", "\nthresholds: {quarantined: 0.5, recoded_to_unknown: 0.5}\ndeliveries:"
    )
    release = built(folder)
    counts = counts_of(release, "darien_nationality")
    assert (counts["rows_in"], counts["records"], counts["quarantined"]) == (20, 15, 5)
    assert counts["recoded_to_unknown"] == {"citizenship_code": 2}
    assert cells(release, "irregular_transits", reference_area="PA") == {"2022": 78 + 7}
    assert cells(release, "irregular_transits", reference_area="PA", country_of_citizenship="_O") == {
        "2022": 2
    }
    unnamed = cells(release, "irregular_transits", reference_area="PA", country_of_citizenship="_U")
    assert unnamed == {"2022": 5}
    monthly = cells(release, "irregular_transits_monthly", reference_area="PA", country_of_citizenship="VE")
    assert monthly == {f"2022-{m:02d}": float(m) for m in range(1, 13)}
    page = (release / "site" / "en" / "indicator" / "irregular_transits.html").read_text("utf-8")
    assert "events, not people" in page.lower()


def test_figures_that_count_different_things_are_refused_unless_somebody_says_why(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rate = "deaths_per_thousand_crossings"
    deliveries = {
        "darien_nationality": ["{period: 2023-12, file: flows.csv}"],
        "missing_migrants_compiled": ['{period: 2023, vintage: "2023", file: deaths.csv}'],
    }
    folder = copy_of(tmp_path / "americas", deliveries, ["dead_and_missing", "irregular_transits", rate])
    flows = [{"t": "2022-01-01", "q": "2022-01-01", "nat": "VEN", "n": "996"}]
    deaths = {
        "t": "2022-05-01", "m": "2022-05-01", "type": "Incident", "route": "Central American Route",
        "geo": "PAN", "dead": "4", "cause": "Drowning", "surv": "", "nat": "VEN", "location": "Darién",
        "lon": "-77.5", "lat": "8.5",
    }  # fmt: skip
    write_rows(folder / "data" / "flows.csv", flows)
    write_rows(folder / "data" / "deaths.csv", [deaths])
    release = built(folder)
    (cell,) = (
        r for r in pq.read_table(release / "observations.parquet").to_pylist() if r["indicator_code"] == rate
    )
    assert cell["value"] == 4.0 and cell["lower"] < 4 < cell["upper"]
    assert len(cell["derived_from"].split()) == 2 and cell["verdict"] == "public"
    assert (
        main(
            ["trace", f"{rate}/019/2022/route=DARIEN/missing_migrants_compiled@2026-11", "--in", str(folder)]
        )
        == 0
    )
    shown = capsys.readouterr().out
    assert all(used in shown for used in cell["derived_from"].split())
    spec = folder / "indicators" / f"{rate}.yaml"
    replace_in(
        spec, "axes: [source_type, unit, coverage, frame, legal_status, event]", "axes: [source_type, unit]"
    )
    assert main(["build", str(folder), "--quiet", "--language", "en"]) == 3
    told = capsys.readouterr().err
    assert f"indicators/{rate}.yaml: {rate} would put figures together" in told
    assert "on the axis event one says" in told and "adjustments" in told
    assert current_release(folder) == release


def test_a_break_of_a_dimension_that_nothing_bears_is_a_mistake(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    deliveries = {"usa_encounters": ["{period: 2023-12, file: made.csv}"]}
    folder = copy_of(tmp_path / "americas", deliveries, ["border_encounters"])
    replace_in(
        folder / "sources" / "usa_encounters.yaml",
        "  - at: 2019-10",
        "  - at: 2019-10\n    dimensions: [sexo]",
    )
    assert main(["check", str(folder), "--language", "en"]) == 3
    told = capsys.readouterr().err
    assert "sources/usa_encounters.yaml" in told and "sexo" in told and "sex" in told
