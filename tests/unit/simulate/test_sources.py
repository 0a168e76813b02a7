"""The delivered files, read as an office's customer would read them."""

from __future__ import annotations

import csv
import datetime as dt
import gzip
import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest

from caudal.simulate import Population, SimulationReport
from caudal.simulate.codes import code_list
from caudal.simulate.layouts import CENSUS_PERSONS, LAYOUTS, REGISTER, SURVEY_HOUSEHOLDS, SURVEY_PERSONS
from caudal.simulate.permits import PERMIT_LAYOUTS, permit_file


def survey(folder: Path, name: str) -> list[dict[str, str]]:
    text = gzip.decompress((folder / name).read_bytes()).decode("latin-1")
    return list(csv.DictReader(text.splitlines(), delimiter=";"))


def number(text: str) -> float:
    return float(text.replace(",", "."))


@pytest.fixture(scope="module")
def census(folder: Path) -> dict[str, np.ndarray[Any, Any]]:
    table = pq.read_table(folder / CENSUS_PERSONS.file)
    return {name: table[name].to_numpy() for name in table.column_names}


@pytest.fixture(scope="module")
def persons(folder: Path) -> list[dict[str, str]]:
    return survey(folder, SURVEY_PERSONS.file)


@pytest.fixture(scope="module")
def register(folder: Path) -> list[dict[str, str]]:
    text = (folder / REGISTER.file).read_bytes().decode("utf-8-sig")
    return list(csv.DictReader(text.splitlines()))


def test_headers_are_those_of_the_layouts(
    folder: Path, census: dict[str, Any], persons: list[dict[str, str]], register: list[dict[str, str]]
) -> None:
    assert list(census) == [c.name for c in CENSUS_PERSONS.columns]
    assert list(persons[0]) == [c.name for c in SURVEY_PERSONS.columns]
    assert list(survey(folder, SURVEY_HOUSEHOLDS.file)[0]) == [c.name for c in SURVEY_HOUSEHOLDS.columns]
    assert list(register[0]) == [c.name for c in REGISTER.columns]


def test_every_code_of_the_census_is_in_its_list(census: dict[str, Any]) -> None:
    for column in CENSUS_PERSONS.columns:
        if column.codes:
            found = {str(code) for code in np.unique(census[column.name])}
            assert found <= set(code_list(column.codes)), column.name


def test_every_code_of_the_survey_is_in_its_list(persons: list[dict[str, str]]) -> None:
    for column in SURVEY_PERSONS.columns:
        if column.codes:
            assert {row[column.name] for row in persons} <= set(code_list(column.codes)), column.name


def test_the_census_misses_households_at_the_declared_rates(
    people: Population, census: dict[str, Any], country: SimulationReport
) -> None:
    counted = np.isin(people["household_id"][people.household_row], census["id_hogar"])
    migrant = people["migrant_household"][people.household_row] == 1
    urban = people["area"][people.household_row] == 1
    for group, rate in ((~migrant & urban, 0.012), (~migrant & ~urban, 0.022), (migrant & urban, 0.05)):
        error = np.sqrt(rate * (1 - rate) / group.sum())
        assert abs(1 - counted[group].mean() - rate) < 4 * error
    assert 0.005 < 1 - len(census["edad"]) / country.persons < 0.04


def test_census_answers_differ_from_the_truth_only_by_declared_errors(
    people: Population, census: dict[str, Any]
) -> None:
    truth = dict(zip(zip(people["household_id"].tolist(), people["member_no"].tolist(), strict=True),
                     range(people.persons), strict=True))  # fmt: skip
    key = zip(census["id_hogar"].tolist(), census["n_persona"].tolist(), strict=True)
    row = np.array([truth[k] for k in key])
    assert np.array_equal(people["region"][row], census["region"])
    abroad = people["birth_country"][row] != 100
    born = census["pais_nacimiento"]
    hidden = abroad & (born == 100)
    assert 0 < hidden.sum() / abroad.sum() < 0.03
    changed = (born != people["birth_country"][row]) & ~hidden
    assert set(np.unique(born[changed]).tolist()) <= {997, 999}
    heaped = census["edad"] != people["age"][row]
    assert (census["edad"][heaped & (census["edad"] < 999)] % 5 == 0).all()


def test_refused_unknown_and_not_applicable_are_distinct(census: dict[str, Any]) -> None:
    arrival = census["anio_llegada"]
    born_here = census["pais_nacimiento"] == 100
    assert ((arrival == 9998) & born_here).any()
    assert (arrival == 9999).any()
    assert {7, 8, 9} <= set(np.unique(census["dif_ver"]).tolist())
    assert {97, 99} <= set(np.unique(census["etnia"]).tolist())
    assert 98 not in census["etnia"]


def test_the_weights_of_the_survey_estimate_the_population(
    persons: list[dict[str, str]], country: SimulationReport
) -> None:
    total = sum(number(row["FACTOR"]) for row in persons)
    assert total == pytest.approx(country.persons, rel=0.15)


def test_every_person_of_the_survey_has_a_household_of_the_survey(
    folder: Path, persons: list[dict[str, str]]
) -> None:
    homes = {row["ID_HOGAR"]: row for row in survey(folder, SURVEY_HOUSEHOLDS.file)}
    members: dict[str, int] = {}
    for row in persons:
        members[row["ID_HOGAR"]] = members.get(row["ID_HOGAR"], 0) + 1
        assert row["FACTOR"] == homes[row["ID_HOGAR"]]["FACTOR"]
    assert {h: int(row["MIEMBROS"]) for h, row in homes.items()} == members


def test_household_earnings_are_the_sum_of_what_members_earn(
    folder: Path, persons: list[dict[str, str]]
) -> None:
    total: dict[str, float] = {}
    gap = set()
    for row in persons:
        earned = row["ING_MES"]
        if earned in ("9999997", "9999999"):
            gap.add(row["ID_HOGAR"])
        elif earned != "9999998":
            total[row["ID_HOGAR"]] = total.get(row["ID_HOGAR"], 0.0) + number(earned)
    checked = 0
    for home in survey(folder, SURVEY_HOUSEHOLDS.file):
        if home["ING_TOT"] != "9999999":
            assert home["ID_HOGAR"] not in gap
            assert number(home["ING_TOT"]) == pytest.approx(total.get(home["ID_HOGAR"], 0.0))
            checked += 1
    assert checked > 200


def test_earnings_have_a_decimal_comma_and_names_have_accents(folder: Path) -> None:
    raw = gzip.decompress((folder / SURVEY_PERSONS.file).read_bytes())
    assert "Bahía Grande".encode("latin-1") in raw
    with pytest.raises(UnicodeDecodeError):
        raw.decode("utf-8")


def test_the_register_holds_what_is_declared(
    register: list[dict[str, str]], country: SimulationReport
) -> None:
    keys = [row["num_documento"] for row in register]
    counts = country.counts
    assert len(keys) - len(set(keys)) == counts["register_repeated"] > 0
    assert len(set(keys)) == counts["register_residents"] + counts["register_gone"]
    assert 0.05 < counts["register_gone"] / counts["register_residents"] < 0.16
    assert not {row["tipo_residencia"] for row in register} & {"11", "98"}


def test_the_register_covers_residents_at_the_declared_rate(
    people: Population, country: SimulationReport
) -> None:
    with_document = np.isin(people["legal_status"], range(1, 10)).sum()
    waiting = (people["legal_status"] == 10).sum()
    expected = 0.93 * with_document + 0.4 * waiting
    assert country.counts["register_residents"] == pytest.approx(expected, rel=0.03)


def test_dates_of_the_register_are_in_order_but_for_the_impossible_ones(
    register: list[dict[str, str]],
) -> None:
    impossible = 0
    for row in register:
        if row["fecha_nacimiento"] == "31/02/1985":
            impossible += 1
            continue
        written = [
            row[name] for name in ("fecha_nacimiento", "fecha_ingreso", "fecha_resolucion", "ultimo_tramite")
        ]
        days = [dt.datetime.strptime(text, "%d/%m/%Y").date() for text in written if text]
        assert days == sorted(days)
        assert days[-1] <= dt.date(2023, 6, 30)
    assert impossible <= 0.01 * len(register)


def test_the_deliveries_of_permits_change_their_headers(folder: Path, country: SimulationReport) -> None:
    headers = set()
    for quarter, layout in PERMIT_LAYOUTS.items():
        lines = (folder / permit_file(quarter)).read_bytes().decode(layout.encoding).splitlines()
        start = len(layout.title)
        headers.add(lines[start])
        end = len(lines) - len(layout.footer)
        rows = [line.split(layout.separator) for line in lines[start + 1 : end]]
        assert {len(row) for row in rows} == {5}
        assert {row[2] for row in rows} == set(layout.sex)
        granted = country.counts[f"permits_{quarter[0]}-Q{quarter[1]}_granted"]
        assert sum(int(row[4]) for row in rows) == granted > 0
        if layout.footer:
            assert str(granted) in lines[end]
    assert len(headers) == 3


def test_the_dictionary_describes_every_column(folder: Path) -> None:
    text = (folder / "dictionaries/variables.csv").read_text(encoding="utf-8")
    rows = list(csv.DictReader(text.splitlines()))
    described = {(row["file"], row["column"]) for row in rows}
    assert described == {(layout.file, c.name) for layout in LAYOUTS.values() for c in layout.columns}
    for row in rows:
        if row["code_list"]:
            assert (folder / "dictionaries" / f"{row['code_list']}.csv").exists()


def test_the_declaration_names_the_errors(folder: Path, country: SimulationReport) -> None:
    declared = json.loads((folder / "simulation.json").read_text(encoding="utf-8"))
    assert declared["simulated"] is True
    assert declared["parameters"]["census"]["missed_migrants"] == 0.05
    assert declared["persons"] == country.persons
    assert declared["counts"]["residents_register.csv"] == country.counts["residents_register.csv"]
