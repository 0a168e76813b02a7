"""A table of a database: streamed once into a file, whole or not at all."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from caudal.errors import CaudalError
from tests.raw_country import MadeCountry
from tests.support.postgres import cluster

dbapi = pytest.importorskip("adbc_driver_postgresql.dbapi")

SPEC = """
kind: person
tables: {persons: {format: {type: database, connection: "env:CAUDAL_TEST_DATABASE", WHAT}}}
columns:
  person_key: {from: id}
  sex_code: {from: sex, recode: {1: M, 2: F}}
  monthly_earnings: {from: pay, unknown: [-9]}
  weekly_hours: {from: hours, unknown: [99]}
deliveries: [{period: 2020-Q1, file: persons.parquet}]
"""
ROWS = """
CREATE TABLE IF NOT EXISTS persons AS
SELECT * FROM (VALUES (1::bigint, 1::smallint, 1250.10::numeric(12, 2), 40.0::float8, DATE '2020-02-03'),
                      (2, 2, -9.00, 99, DATE '2020-03-31'), (3, 1, NULL, NULL, DATE '2020-04-01'))
AS t(id, sex, pay, hours, day)
"""


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    with cluster() as found:
        with dbapi.connect(found) as connection, connection.cursor() as cursor:
            cursor.execute(ROWS)
            connection.commit()
        yield found


def made(tmp_path: Path, what: str) -> MadeCountry:
    return MadeCountry(tmp_path, SPEC.replace("WHAT", what))


def test_a_table(tmp_path: Path, address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CAUDAL_TEST_DATABASE", address)
    country = made(tmp_path, "table: public.persons")
    assert country.check() == []
    found = country.records()
    assert found["sex_code"] == ["M", "F", "M"]
    assert found["monthly_earnings"] == [1250.1, None, None]
    assert found["weekly_hours"] == [40.0, None, None]
    monkeypatch.delenv("CAUDAL_TEST_DATABASE")  # what lies there is not asked for again
    assert made(tmp_path, "table: public.persons").records() == found


def test_a_query_of_the_period(tmp_path: Path, address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CAUDAL_TEST_DATABASE", address)
    query = "SELECT * FROM persons WHERE day BETWEEN '{period_start}' AND '{period_end}' ORDER BY id"
    assert made(tmp_path, f'query: "{query}"').records()["sex_code"] == ["M", "F"]


def test_a_database_is_only_read(tmp_path: Path, address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CAUDAL_TEST_DATABASE", address)
    query = "WITH gone AS (DELETE FROM persons RETURNING id) SELECT * FROM gone"
    assert made(tmp_path, f'query: "{query}"').problem().code == "database-query"
    with dbapi.connect(address) as connection, connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM persons")
        assert cursor.fetchone() == (3,)


def test_a_connection_that_drops_in_the_middle_leaves_no_table(
    tmp_path: Path, address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CAUDAL_TEST_DATABASE", address)
    slow = (
        "SELECT i AS id, 1 AS sex, pg_sleep(0.0005)::text AS pay, 1 AS hours "
        "FROM generate_series(1, 400000) i"
    )
    country = made(tmp_path, f'query: "{slow}"')

    def drop() -> None:
        kill = (
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE query LIKE '%pg_sleep(0.0005)%' AND pid <> pg_backend_pid()"
        )
        with dbapi.connect(address, autocommit=True) as connection, connection.cursor() as cursor:
            for _ in range(200):
                cursor.execute(kill)
                if cursor.fetchall():
                    return
                time.sleep(0.02)

    killer = threading.Thread(target=drop)
    killer.start()
    found = country.problem()
    killer.join()
    assert found.code == "database-lost"
    assert found.retry
    assert [p.name for p in tmp_path.rglob("*") if "persons" in p.name] == []


def test_an_address_inside_a_spec_is_refused(tmp_path: Path) -> None:
    spec = SPEC.replace("env:CAUDAL_TEST_DATABASE", "postgresql://me:secret@host/x").replace(
        "WHAT", "table: t"
    )
    with pytest.raises(AssertionError, match="connection"):
        _ = MadeCountry(tmp_path, spec).source


@pytest.mark.parametrize(
    ("address", "code"), [("", "database-address"), ("postgresql:///x?host=/nowhere", "database-unreachable")]
)
def test_no_database(tmp_path: Path, address: str, code: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CAUDAL_TEST_DATABASE", address)
    with pytest.raises(CaudalError) as caught:
        made(tmp_path, "table: t").harmonise()
    assert [p.code for p in caught.value.problems] == [code]
    assert list(tmp_path.rglob("*.parquet*")) == []


def test_a_table_larger_than_a_block_is_streamed(
    tmp_path: Path, address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CAUDAL_TEST_DATABASE", address)
    query = (
        "SELECT i AS id, 1 + i % 2 AS sex, i::float8 AS pay, 1 AS hours, repeat('x', 100) AS t "
        "FROM generate_series(1, 200000) i"
    )
    found = made(tmp_path, f'query: "{query}"').records()
    assert len(found["sex_code"]) == 200_000
    assert pq.ParquetFile(tmp_path / "data" / "persons.parquet").num_row_groups > 1
