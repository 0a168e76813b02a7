"""The demo country reads what its generator wrote: nothing lost, nothing invented, no code forgotten."""

from __future__ import annotations

import csv
import json
import shutil
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any, TypeVar

import duckdb
import pytest

from caudal.catalogue import load_catalogue
from caudal.collect import register_deliveries
from caudal.engine.cache import Cache
from caudal.engine.specs import read_spec
from caudal.harmonise import Harmonised, harmonise_delivery, identifier_key, threshold_problems
from caudal.model.country import CountrySpec, PublicationSpec
from caudal.model.source import SourceSpec
from caudal.model.spec import Spec
from caudal.simulate import simulate_country
from caudal.simulate.codes import code_list

ISTMO = Path(__file__).resolve().parents[3] / "examples" / "istmo"
SOURCES = ("census", "permits", "register", "survey")

S = TypeVar("S", bound=Spec)

#: Crosswalk of the folder -> dictionary of the generator; those that begin with @ hold names, not codes.
CROSSWALKS = {
    "civil_status": "civil_status",
    "countries": "country",
    "country_names": "@country",
    "education": "education",
    "employment_status": "employment_status",
    "ethnicity": "ethnicity",
    "industries": "industry",
    "occupations": "occupation",
    "permit_names": "@permit",
    "permits": "permit",
    "reasons": "reason",
    "region_names": "@region",
    "regions": "region",
    "relationship": "relationship",
    "tenure": "tenure",
    "yes_no": "yes_no",
}

#: The generator's dictionary names stateless persons by a code of its own.
STANDARD = {"_X": "STL"}


@pytest.fixture(scope="module")
def country(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The folder with the files of a small population."""
    folder = tmp_path_factory.mktemp("istmo") / "istmo"
    shutil.copytree(ISTMO, folder, ignore=shutil.ignore_patterns("data", "releases", ".caudal"))
    simulate_country(folder / "data", persons=12_000, seed=5)
    yield folder


@pytest.fixture(scope="module")
def declared(country: Path) -> dict[str, Any]:
    """What the generator says that it made."""
    found: dict[str, Any] = json.loads((country / "data" / "simulation.json").read_text(encoding="utf-8"))
    return found


@pytest.fixture(scope="module")
def harmonised(country: Path) -> dict[str, list[Harmonised]]:
    """The deliveries of each source."""
    spec = read(country / "caudal.yaml", CountrySpec)
    catalogue, problems = load_catalogue(country, spec.languages)
    assert problems == []
    key = identifier_key(spec, country)
    found: dict[str, list[Harmonised]] = {}
    for name in SOURCES:
        source = read(country / "sources" / f"{name}.yaml", SourceSpec)
        register = register_deliveries(country, source)
        assert register.missing == ()
        for delivery in register.deliveries:
            done = harmonise_delivery(
                country,
                source,
                delivery,
                catalogue=catalogue,
                cache=Cache(country / ".caudal" / "cache"),
                territory=spec.territory,
                key=key,
            )
            assert threshold_problems(source, done.reconciliation) == []
            found.setdefault(name, []).append(done)
    return found


def read(path: Path, model: type[S]) -> S:
    spec, problems = read_spec(path, model)
    assert problems == []
    assert spec is not None
    return spec


def rows_of(records: Path, sql: str) -> list[tuple[Any, ...]]:
    """The rows of a query over ``records``."""
    with duckdb.connect() as session:
        found: list[tuple[Any, ...]] = session.execute(
            f"SELECT {sql} FROM read_parquet('{records}')"
        ).fetchall()
    return found


def one(records: Path, sql: str) -> Any:
    """The single value of a query over ``records``."""
    return rows_of(records, sql)[0][0]


def crosswalk(name: str) -> dict[str, str]:
    with (ISTMO / "codes" / f"{name}.csv").open(encoding="utf-8", newline="") as stream:
        return {row["code"]: row["standard_code"] for row in csv.DictReader(stream)}


@pytest.mark.parametrize("name", sorted(CROSSWALKS))
def test_crosswalks_hold_what_the_offices_write(name: str) -> None:
    listed = code_list(CROSSWALKS[name].removeprefix("@"))
    expected = {c: STANDARD.get(e.standard_code, e.standard_code) for c, e in listed.items()}
    if CROSSWALKS[name].startswith("@"):
        expected = {listed[c].labels["es"]: s for c, s in expected.items() if s not in ("_U", "_R", "_Z")}
    assert crosswalk(name) == expected


def test_every_crosswalk_is_used_and_tested() -> None:
    files = {f.stem for f in (ISTMO / "codes").glob("*.csv")} - {"areas", "CL_COUNTRY", "CL_POST"}
    used = "".join(f.read_text(encoding="utf-8") for f in (ISTMO / "sources").glob("*.yaml"))
    assert files == set(CROSSWALKS)
    assert [f for f in files if f"crosswalk: {f}.csv" not in used] == []


def test_the_release_of_the_folder_is_declared() -> None:
    publication = read(ISTMO / "publication.yaml", PublicationSpec)
    assert publication.indicators == ()  # so that an indicator is one file


def test_census_keeps_everybody_it_counted(
    harmonised: dict[str, list[Harmonised]], declared: dict[str, Any]
) -> None:
    (census,) = harmonised["census"]
    counts = census.reconciliation
    assert counts.rows_in == declared["counts"]["census_persons.parquet"]
    assert counts.recoded_to_unknown == {}
    assert counts.quarantined <= counts.rows_in / 1000
    # one answer in 250 is unknown, and one birth country in 100 is refused
    unknown = one(census.records, "avg((birth_country_code = '_U')::INT)")
    refused = one(census.records, "avg((birth_country_code = '_R')::INT)")
    assert unknown == pytest.approx(declared["parameters"]["census"]["unknown_answer"], abs=0.002)
    assert refused == pytest.approx(declared["parameters"]["census"]["refused_sensitive"], abs=0.003)
    assert one(census.records, "max(age_years)") < 120
    assert one(census.records, "max(arrival_year)") <= 2023


def test_survey_expands_to_the_population(
    harmonised: dict[str, list[Harmonised]], declared: dict[str, Any]
) -> None:
    (survey,) = harmonised["survey"]
    counts = survey.reconciliation
    assert counts.rows_in == counts.records == declared["counts"]["survey_persons.csv.gz"]
    assert counts.recoded_to_unknown == {}
    assert one(survey.records, "sum(weight)") == pytest.approx(declared["persons"], rel=0.15)
    assert one(survey.records, "count(*) FILTER (weight IS NULL OR stratum IS NULL OR psu IS NULL)") == 0
    # earnings: missing codes are not amounts, and nobody who is paid has none but by refusal or ignorance
    assert one(survey.records, "max(monthly_earnings)") < 900_000
    lost = one(
        survey.records,
        "avg((monthly_earnings IS NULL)::INT)"
        " FILTER (activity_status_code = 'EMP' AND employment_status_code = 'EMPLOYEE')",
    )
    assert 0.04 < lost < 0.20
    assert one(survey.records, "count(*) FILTER (monthly_earnings > 0 AND hourly_earnings IS NULL)") <= 30
    # the household's answers reached its members
    assert one(survey.records, "avg((tenure_code IN ('_U', '_R'))::INT)") < 0.05


def test_register_leaves_out_closed_records_and_repeated_ones(
    harmonised: dict[str, list[Harmonised]], declared: dict[str, Any], country: Path
) -> None:
    (register,) = harmonised["register"]
    counts = register.reconciliation
    with (country / "data" / "residents_register.csv").open(encoding="utf-8-sig", newline="") as stream:
        rows = list(enumerate(csv.DictReader(stream), 1))
    active = [(n, r) for n, r in rows if r["estado"] == "A"]
    documents: dict[str, list[tuple[datetime, int]]] = {}
    for number, row in active:
        seen = datetime.strptime(row["ultimo_tramite"], "%d/%m/%Y")
        documents.setdefault(row["num_documento"], []).append((seen, number))

    assert counts.rows_in == len(rows) == declared["counts"]["residents_register.csv"]
    assert counts.left_out == len(rows) - len(active) > 0
    assert counts.quarantined_by_reason["duplicate-key"] == len(active) - len(documents) > 0
    assert counts.records == len(documents) - counts.quarantined_by_reason.get("arrival-before-birth", 0)
    # of a repeated document, the row with the latest procedure stays
    older = {number for times in documents.values() for _, number in sorted(times)[:-1]}
    kept = {n for (n,) in rows_of(register.records, "raw_row")}
    assert not older & kept
    # 777 is in no list
    uncoded = {r["num_documento"] for _, r in active if r["nacionalidad"] == "777"}
    assert 0 < counts.recoded_to_unknown["citizenship_code"] <= len(uncoded)
    assert one(register.records, "count(*) FILTER (sex_code = '_U')") > 0
    assert one(register.records, "count(*) FILTER (legal_status_code = 'IRR')") == 0


def test_permits_reproduce_the_totals_of_every_layout(
    harmonised: dict[str, list[Harmonised]], declared: dict[str, Any]
) -> None:
    for done in harmonised["permits"]:
        granted = declared["counts"][f"permits_{done.period}_granted"]
        assert one(done.records, "sum(count_n)") == granted, done.period
        for column in ("area_code", "citizenship_code", "sex_code", "legal_status_code"):
            assert one(done.records, f"count(*) FILTER ({column} = '_U')") == 0, (done.period, column)
    # M is men in one layout and women in another: neither sex is ever four fifths of a quarter
    for done in harmonised["permits"]:
        men = one(done.records, "sum(count_n) FILTER (sex_code = 'M') / sum(count_n)")
        assert 0.2 < men < 0.8, done.period


def test_one_delivery_of_permits_waits_for_the_tutorial(country: Path) -> None:
    source = read(ISTMO / "sources" / "permits.yaml", SourceSpec)
    files = {f.name for f in (country / "data").glob("permits_*.csv")}
    assert files - {d.file for d in source.deliveries} == {"permits_2023-Q2.csv"}
