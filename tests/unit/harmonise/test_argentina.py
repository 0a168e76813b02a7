"""The four sources of Argentina, from the files as they were published."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from caudal.catalogue import load_catalogue
from caudal.collect import register_deliveries
from caudal.engine.cache import Cache
from caudal.engine.session import connect, literal
from caudal.engine.specs import read_document, validate
from caudal.harmonise import Harmonised, IdentifierKey, check_source, harmonise_delivery, threshold_problems
from caudal.model.country import CountrySpec
from caudal.model.source import SourceSpec

FOLDER = Path("examples/argentina")
SOURCES = sorted(p.stem for p in (FOLDER / "sources").glob("*.yaml"))
KEY = IdentifierKey("test", "1", b"a key that is long enough")
Read = Callable[[str], tuple[SourceSpec, list[Harmonised]]]


@pytest.fixture(scope="module")
def country() -> CountrySpec:
    spec, problems = validate(read_document(FOLDER / "caudal.yaml"), CountrySpec)
    assert spec is not None, problems
    return spec


@pytest.fixture(scope="module")
def read(country: CountrySpec, tmp_path_factory: pytest.TempPathFactory) -> Read:
    """All deliveries of a source, harmonised."""
    work = tmp_path_factory.mktemp("argentina")
    catalogue, problems = load_catalogue(FOLDER, country.languages)
    assert not problems, [p.text() for p in problems]

    def harmonised(name: str) -> tuple[SourceSpec, list[Harmonised]]:
        document = read_document(FOLDER / "sources" / f"{name}.yaml")
        source, found = validate(document, SourceSpec)
        assert source is not None, [p.text() for p in found]
        assert check_source(source, document, catalogue, country) == []
        register = register_deliveries(FOLDER, source, work=work)
        if register.missing:
            pytest.skip(f"{register.missing[0].name} is missing: {register.missing[0].origin}")
        done = [
            harmonise_delivery(
                FOLDER, source, d, catalogue=catalogue, cache=Cache(work), territory="AR", key=KEY
            )
            for d in register.deliveries
        ]
        return source, done

    return harmonised


def ask(done: Harmonised, sql: str) -> list[tuple[Any, ...]]:
    with connect(threads=2) as session:
        relation = f"read_parquet({literal(str(done.records))})"
        return session.execute(sql.replace("RECORDS", relation)).fetchall()


def test_labour_survey(read: Read) -> None:
    source, (done,) = read("eph")
    counts = done.reconciliation
    assert (counts.rows_in, counts.records, counts.quarantined, counts.left_out) == (57229, 57229, 0, 0)
    assert counts.recoded_to_unknown == {}
    assert counts.warnings == {}
    assert threshold_problems(source, counts) == []
    active, employed, unemployed, thousands = ask(
        done,
        """
        SELECT round(100 * sum(weight) FILTER (WHERE activity_status_code IN ('EMP', 'UNE'))
            / sum(weight), 1),
          round(100 * sum(weight) FILTER (WHERE activity_status_code = 'EMP') / sum(weight), 1),
          round(100 * sum(weight) FILTER (WHERE activity_status_code = 'UNE')
            / sum(weight) FILTER (WHERE activity_status_code IN ('EMP', 'UNE')), 1),
          round(sum(weight) FILTER (WHERE activity_status_code = 'UNE') / 1000)
        FROM RECORDS
        """,
    )[0]
    assert (active, employed, unemployed, thousands) == (47.2, 42.6, 9.7, 1287)


def test_labour_survey_person_by_person(read: Read) -> None:
    _, (done,) = read("eph")
    assert ask(done, "SELECT count(*) FILTER (WHERE age_years = 0), min(age_years) FROM RECORDS")[0][1] == 0
    births = dict(ask(done, "SELECT birth_country_code, count(*) FROM RECORDS GROUP BY ALL"))
    assert births["AR"] == 43152 + 4984 + 7144
    assert births["_U"] == 14
    assert (births["PY"], births["CL"], births["BO"], births["PE"], births["VE"]) == (445, 410, 363, 152, 105)
    assert sum(n for c, n in births.items() if c not in ("AR", "_U")) == 1361 + 574
    lived = dict(ask(done, "SELECT previous_residence_code, count(*) FROM RECORDS GROUP BY ALL"))
    assert (lived["_Z"], lived["_U"]) == (4025, 9)
    assert sum(n for c, n in lived.items() if c not in ("AR", "_U", "_Z")) == 62 + 168
    sums = "SELECT max(weekly_hours), count(monthly_earnings), min(monthly_earnings) FROM RECORDS"
    hours, earners, least = ask(done, sums)[0]
    assert (hours, least) == (126, 0)  # of those that can be: no 999, none above 140
    assert earners == 23851 - 2684  # employed who answered
    groups = "SELECT count(DISTINCT psu), count(DISTINCT stratum), count(DISTINCT household_key) FROM RECORDS"
    assert ask(done, groups)[0] == (18454, 31, 18610)


def test_register_of_foreigners(read: Read) -> None:
    _, (done,) = read("renaper")
    sexes = dict(ask(done, "SELECT sex_code, sum(count_n)::BIGINT FROM RECORDS GROUP BY ALL"))
    assert sexes == {"F": 1552869, "M": 1454376, "_O": 6}
    assert done.reconciliation.recoded_to_unknown == {}
    assert ask(done, "SELECT count(DISTINCT area_code), count(DISTINCT age_code) FROM RECORDS")[0] == (24, 20)


def test_fourteen_deliveries_of_residences(read: Read) -> None:
    source, done = read("residences")
    assert len(done) == 14
    totals = {
        d.period: ask(d, "SELECT sum(count_n)::BIGINT, count(DISTINCT area_code) FROM RECORDS")[0]
        for d in done
    }
    assert totals["2019-Q3"] == (48138, 21)  # the file without a header
    assert totals["2018-Q4"][1] == 20  # without the capital, without a last newline
    assert all(d.reconciliation.quarantined == 0 for d in done)
    assert {
        d.period: d.concept["coverage"] for d in done if d.concept["coverage"] != "national_incomplete"
    } == {
        "2018-Q4": "subnational",
        "2020-Q2": "subnational",
    }
    assert source.published_by_producer


def test_stock_of_the_united_nations(read: Read) -> None:
    _, (done,) = read("un_stock")
    found = ask(
        done, "SELECT time_period, sex_code, value FROM RECORDS WHERE time_period = '2020' ORDER BY 2"
    )
    assert found == [("2020", "F", 1219195.0), ("2020", "M", 1062533.0), ("2020", "_T", 2281728.0)]
    assert done.reconciliation.records == 21
    assert done.reconciliation.left_out == 282 * 21
    vector = ask(done, "SELECT DISTINCT concept_vector FROM RECORDS")[0][0]
    assert "source_type=international_estimate" in vector and "refugees=added" in vector


def test_three_sources_say_what_they_count(read: Read) -> None:
    vectors = {n: read(n)[0].concept for n in ("eph", "renaper", "un_stock")}
    assert len({tuple(sorted(v.items())) for v in vectors.values()}) == 3
    assert vectors["eph"]["coverage"] == "urban_agglomerations"


def test_every_source_is_tested() -> None:
    assert SOURCES == ["eph", "renaper", "residences", "un_stock"]
