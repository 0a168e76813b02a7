"""The Americas: real files to the unit, and files as they must not be."""

from __future__ import annotations

import csv
import gzip
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from caudal.collect import register_deliveries
from caudal.engine.cache import Cache
from caudal.engine.session import connect
from caudal.estimate.incidents import propose, row_condition, written
from caudal.harmonise import Harmonised
from caudal.model.release import Reconciliation
from caudal.model.source import Correction, Delivery, SourceSpec
from caudal.river import stages
from caudal.river.folder import CountryFolder, read_folder
from tests.support.americas import AMERICAS, incident, write_rows

ROOT = Path(__file__).resolve().parents[3]
SHARED = ROOT.parent / "shared" / "data"
#: People dead or missing by year, in the download of January 2020 and in the compiled file.
TOLLS_2020 = {"2014": 5289, "2015": 6584, "2016": 8070, "2017": 6279, "2018": 4937, "2019": 3437, "2020": 92}
COMPILED = (5446, 6961, 8253, 6404, 5017, 5432, 4313, 6279, 7205, 8755)
DARIEN = {"2021": 133_726, "2022": 248_284, "2023": 520_085}


@pytest.fixture(scope="module")
def folder() -> CountryFolder:
    return read_folder(AMERICAS)


@dataclass(frozen=True)
class Desk:
    """Harmonises and estimates sources of the folder in a scratch folder."""

    folder: CountryFolder
    stage: stages.Stage
    scratch: Path

    def harmonised(self, source: SourceSpec) -> list[Harmonised]:
        register = register_deliveries(AMERICAS, source, work=self.scratch)
        if register.missing:
            pytest.skip(f"{register.missing[0].name} is missing")
        return [stages.harmonised(self.stage, source, d) for d in register.deliveries]

    def of_rows(
        self, name: str, rows: Sequence[Mapping[str, str]], period: str = "2024-04-10", **changed: Any
    ) -> tuple[pa.Table, Reconciliation]:
        """Records of ``rows`` as a delivery of the source ``name``."""
        write_rows(self.scratch / "made.csv", rows)
        made = (Delivery(period=period, file="made.csv"),)
        update = {"data": str(self.scratch), "deliveries": made, **changed}
        (done,) = self.harmonised(self.folder.sources[name].model_copy(update=update))
        return pq.read_table(done.records), done.reconciliation

    def estimated(self, name: str, indicator: str, delivery: int = 0) -> pa.Table:
        source = self.folder.sources[name]
        done = self.harmonised(source)[delivery]
        records = stages.records_of(self.stage, source, done)
        wanted = [self.folder.catalogue.indicators[indicator]]
        files, _ = stages.estimates(self.stage, records, done.records.parent.name, wanted)
        return pq.read_table(files[0])


@pytest.fixture
def desk(folder: CountryFolder, tmp_path: Path) -> Iterator[Desk]:
    with connect(threads=1, memory="1GB", spill=tmp_path / "spill") as session:
        yield Desk(folder, stages.Stage(folder, Cache(tmp_path / "cache"), session), tmp_path)


def totals(table: pa.Table, **categories: str) -> dict[str, float]:
    """Time -> value of the cells that are totals but for ``categories``."""
    keys = [n for n in table.column_names[5 : table.column_names.index("source_code")] if n != "time_period"]
    for name in keys:
        code = categories.get(name.removesuffix("_code"), "_T")
        table = table.filter(pc.equal(table[name], code))
    area = categories.get("reference_area")
    table = table.filter(pc.equal(table["reference_area_code"], area or table["reporter_code"]))
    return dict(zip(table["time_period"].to_pylist(), table["value"].to_pylist(), strict=True))


def test_the_yearly_tolls_of_the_raw_downloads(desk: Desk) -> None:
    assert totals(desk.estimated("missing_migrants", "dead_and_missing", 0)) == TOLLS_2020
    assert totals(desk.estimated("missing_migrants", "dead_and_missing", 1)) == {"2014": 5548}


def test_the_yearly_tolls_of_the_compiled_file(desk: Desk) -> None:
    found = desk.estimated("missing_migrants_compiled", "dead_and_missing")
    assert totals(found) == {str(y): n for y, n in enumerate(COMPILED, 2014)}
    assert totals(found, route="DARIEN")["2022"] == 147


def test_sexes_ages_routes_and_causes_add_up_with_the_unknown(desk: Desk) -> None:
    found = desk.estimated("missing_migrants", "dead_and_missing", 1)
    for dimension in ("sex", "minority", "route", "cause"):
        codes = set(found[f"{dimension}_code"].to_pylist()) - {"_T"}
        assert (
            sum(totals(found, **{dimension: c})["2014"] for c in codes if totals(found, **{dimension: c}))
            == 5548
        )
    assert totals(found, sex="_U")["2014"] == 5080


def test_every_incident_has_limits_around_it(desk: Desk) -> None:
    rows = desk.estimated("missing_migrants_compiled", "incidents").to_pylist()
    assert all(r["lower"] < r["value"] < r["upper"] and r["error_note"] == "minimum" for r in rows)


@pytest.mark.parametrize("source", ["darien_nationality", "darien_sex_age"])
def test_the_darien_to_the_unit_from_either_table(desk: Desk, source: str) -> None:
    found = totals(desk.estimated(source, "irregular_transits"))
    assert {y: found[y] for y in DARIEN} == DARIEN


def test_years_that_came_whole_are_in_no_month(desk: Desk) -> None:
    yearly = totals(desk.estimated("darien_nationality", "irregular_transits"))
    monthly = totals(desk.estimated("darien_nationality", "irregular_transits_monthly"))
    assert yearly["2010"] == 559 and not [m for m in monthly if m < "2020"]
    assert sum(v for m, v in monthly.items() if m.startswith("2022-")) == DARIEN["2022"]


@pytest.mark.parametrize(
    ("source", "rows", "records", "left_out"),
    [
        ("missing_migrants_compiled", 16219, 16219, 0),
        ("usa_encounters", 28798, 28798, 0),
        ("remittances_paid", 5586, 690, 4620),
        ("honduras_nationality", 2930, 2930, 0),
        ("mexico_nationality", 4644, 4644, 0),
        ("remittance_prices", 186655, 2439, 135415),
    ],
)
def test_every_row_and_footer_is_accounted_for(
    desk: Desk, source: str, rows: int, records: int, left_out: int
) -> None:
    (done,) = desk.harmonised(desk.folder.sources[source])
    found = done.reconciliation
    assert (found.rows_in, found.records, found.left_out) == (rows, records, left_out)
    assert found.rows_in == found.records + found.quarantined + found.left_out
    assert found.quarantined == found.quarantined_by_reason.get("missing:value", 0)


@pytest.mark.parametrize(
    "said", ["Mon, 10/27/2014 - 12:00", "27-Oct-14", "2014-10-27"], ids=["weekday", "short", "iso"]
)
def test_dates_in_three_styles_are_one_day(desk: Desk, said: str) -> None:
    records, _ = desk.of_rows("missing_migrants", [incident(Incident_Date=said)])
    assert [d.isoformat() for d in records["occurred_on"].to_pylist()] == ["2014-10-27"]


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"Incident_Date": "3/4/2014"}, "missing:occurred_on"),
        ({"Incident_Date": "31-Feb-14"}, "missing:occurred_on"),
        ({"Total_Number_of_Dead_and_Missing": "-5"}, "total-differs"),
        ({"Number_Dead": "-3", "Total_Number_of_Dead_and_Missing": "-1"}, "negative-toll"),
        ({"Total_Number_of_Dead_and_Missing": "5.5"}, "total-differs"),
        ({"Number_Dead": "3.5", "Total_Number_of_Dead_and_Missing": "5.5"}, "missing:dead_missing_n"),
        ({"Total_Number_of_Dead_and_Missing": "6"}, "total-differs"),
        ({"Total_Number_of_Dead_and_Missing": "", "Number_Dead": ""}, "total-differs"),
    ],
)
def test_what_cannot_be_counted_is_quarantined(desk: Desk, changed: dict[str, str], reason: str) -> None:
    rows = [incident(Incident_ID="good"), incident(Incident_ID="bad", **changed)]
    records, counts = desk.of_rows("missing_migrants", rows)
    assert records["incident_id"].to_pylist() == ["good"]
    assert [r.partition(":Total")[0] for r in counts.quarantined_by_reason] == [reason]


@pytest.mark.parametrize(
    "coordinates", ["-110.2, 31.5", "131.5, -110.2", "31.5, 210.0", "31.5, 110.2", "near the river", ""]
)
def test_a_place_that_cannot_be_is_left_unknown_and_the_dead_are_counted(
    desk: Desk, coordinates: str
) -> None:
    records, counts = desk.of_rows("missing_migrants", [incident(Coordinates=coordinates)])
    assert records["dead_missing_n"].to_pylist() == [5]
    assert (records["latitude"].to_pylist(), records["longitude"].to_pylist()) == ([None], [None])
    assert counts.quarantined == 0


def test_swapped_degrees_are_counted_as_a_warning(desk: Desk) -> None:
    _, counts = desk.of_rows("missing_migrants", [incident(Coordinates="-110.2, 31.5")])
    assert counts.warnings == {"coordinates_elsewhere": 1}


def test_more_women_and_men_than_victims_leaves_the_sex_unknown(desk: Desk) -> None:
    records, counts = desk.of_rows("missing_migrants", [incident(Number_of_Males="9")])
    assert records["females_n"].to_pylist() == records["males_n"].to_pylist() == [None]
    assert counts.warnings == {"sexes_exceed_total": 1}


def test_one_row_twice_stays_once(desk: Desk) -> None:
    records, counts = desk.of_rows("missing_migrants", [incident(), incident()])
    assert records.num_rows == 1
    assert counts.quarantined_by_reason == {"duplicate-key": 1}


def test_a_route_that_was_renamed_is_one_and_a_new_one_is_counted_as_unknown(desk: Desk) -> None:
    names = ("Calais to United Kingdom", "English Channel to the UK", "Across the moon")
    rows = [incident(Incident_ID=str(i), Migration_route=n) for i, n in enumerate(names)]
    records, counts = desk.of_rows("missing_migrants", rows)
    assert records["route_code"].to_pylist() == ["CHANNEL", "CHANNEL", "_U"]
    assert counts.recoded_to_unknown == {"route_code": 1}


def test_an_incident_split_in_one_download_and_whole_in_another_is_proposed(desk: Desk) -> None:
    whole = incident(Incident_ID="w", Main_ID="w")
    part = incident(
        Incident_ID="p", Main_ID="p", Number_Dead="3", Minimum_Estimated_Number_of_Missing="",
        Total_Number_of_Dead_and_Missing="3", Incident_Date="2014-10-28", Coordinates="31.6, -110.1",
    )  # fmt: skip
    records, _ = desk.of_rows("missing_migrants", [whole, part])
    assert [(p.first, p.second) for p in propose(records)] == [("w", "p")]
    assert written(propose(records)).splitlines()[1].startswith("w,p,2014-10-27,2014-10-28,")
    where = row_condition("p", "Incident ID")
    drop = {"where": where, "column": "Incident ID", "action": "drop", "reason": {"en": "Told twice."}}
    kept, counts = desk.of_rows("missing_migrants", [whole, part], corrections=(Correction(**drop),))
    assert kept["incident_id"].to_pylist() == ["w"]
    assert counts.left_out == 1


def test_the_first_generation_of_headers_is_a_variant(desk: Desk) -> None:
    row = {
        "Web ID": "52776", "Region of Incident": "US-Mexico Border", "Reported Date": "13-Jan-20",
        "Reported Year": "2020", "Reported Month": "Jan", "Number Dead": "1",
        "Minimum Estimated Number of Missing": "", "Total Dead and Missing": "1", "Number of Survivors": "",
        "Number of Females": "", "Number of Males": "1", "Number of Children": "",
        "Cause of Death": "Unknown (skeletal remains)", "Location Description": "Camargo",
        "Information Source": "made", "Location Coordinates": "26.3, -98.7", "latitude": "26.3",
        "longitude": "-98.7", "Migration Route": "Central America to US", "URL": "",
        "UNSD Geographical Grouping": "Central America", "Source Quality": "3",
    }  # fmt: skip
    records, _ = desk.of_rows("missing_migrants", [row], "2020-01")
    (found,) = records.to_pylist()
    codes = ("route_code", "incident_region_code", "cause_code", "origin_country_code")
    assert [found[c] for c in codes] == ["MEXICO_TRANSIT", "US_MEXICO_BORDER", "MIXED", "_U"]


def test_the_third_generation_of_headers_is_a_variant_and_not_code(desk: Desk) -> None:
    renamed = {
        "Region": "Region of Incident",
        "Year": "Incident Year",
        "Number Dead": "Number of Dead",
        "Location of death": "Location of Incident",
        "Migration route": "Migration Route",
    }
    added = {"Incident Type": "Split Incident", "Country of Incident": "Mexico"}
    row = {renamed.get(k, k): v for k, v in incident(Incident_Date="2014-10-27").items()} | added
    records, counts = desk.of_rows("missing_migrants", [row], "2025-03")
    (found,) = records.to_pylist()
    assert (found["incident_type_code"], found["area_code"], found["dead_missing_n"]) == ("SPLIT", "MX", 5)
    assert counts.warnings == {}


@pytest.mark.parametrize(
    ("nationality", "code", "counted"),
    [
        ("VEN", "VE", 0),
        ("UNK", "_U", 0),
        ("YUG", "_O", 0),
        ("OOO", "_O", 0),
        ("QQQ", "_U", 1),
        ("..", "_U", 1),
    ],
)
def test_nationalities_that_no_list_knows_are_unknown_and_counted(
    desk: Desk, nationality: str, code: str, counted: int
) -> None:
    row = {"t": "2022-03-01 00:00:00.000000", "q": "2022-01-01", "nat": nationality, "n": "7.0"}
    records, counts = desk.of_rows("darien_nationality", [row], "2022-12")
    assert records["citizenship_code"].to_pylist() == [code]
    assert counts.recoded_to_unknown.get("citizenship_code", 0) == counted


@pytest.mark.parametrize("count", ["..", "-3", "2.5", ""])
def test_a_count_that_is_none_is_quarantined(desk: Desk, count: str) -> None:
    row = {"t": "2022-03-01 00:00:00.000000", "q": "2022-01-01", "nat": "VEN", "n": count}
    records, counts = desk.of_rows("darien_nationality", [row], "2022-12")
    assert (records.num_rows, counts.quarantined) == (0, 1)


def test_prices_with_two_dots_and_footers_are_no_figures(desk: Desk) -> None:
    heads: tuple[str, ...] = (
        "Sending Countries Name",
        "Sending Countries Code",
        "Series Name",
        "Series Code",
    )
    heads += (
        "Receiving Countries Name",
        "Receiving Countries Code",
        "2011Q1 [YR2011Q1]",
        "2011Q3 [YR2011Q3]",
    )
    lines = (
        ("Spain", "ESP", "cost", "ATCR.CORR", "Peru", "PER", "5.25", ".."),
        ("", "", "", "", "", "", "", ""),
        ("Last Updated: 12/07/2020", "", "", "", "", "", "", ""),
    )
    rows = [dict(zip(heads, line, strict=True)) for line in lines]
    cells, counts = desk.of_rows("remittance_prices", rows, "2020-Q3")
    (found,) = cells.to_pylist()
    key = ("reference_area_code", "counterpart_area_code", "time_period", "value", "unit_code")
    assert [found[k] for k in key] == ["ES", "PE", "2011-Q1", 5.25, "PT"]
    assert (counts.rows_in, counts.records, counts.quarantined, counts.left_out) == (6, 1, 1, 4)


def test_duplicates_of_the_real_download_are_few_enough_to_read(desk: Desk) -> None:
    path = SHARED / "iom-missing-migrants" / "MissingMigrants_raw_2014-2020.csv.gz"
    if not path.is_file():
        pytest.skip(f"{path.name} is missing")
    with gzip.open(path, "rt", encoding="utf-8") as stream:
        assert sum(1 for _ in csv.DictReader(stream)) == 6339
    first = desk.harmonised(desk.folder.sources["missing_migrants"])[0]
    proposed = propose(pq.read_table(first.records))
    assert 0 < len(proposed) < 1000
    assert all(p.first != p.second and min(p.first_toll, p.second_toll) >= 1 for p in proposed)
