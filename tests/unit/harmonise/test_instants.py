"""Instants become the local time of their post, whatever its clock showed."""

from __future__ import annotations

import datetime
from typing import Any

import duckdb
import pytest
from pydantic import ValidationError

from caudal.harmonise.mapping import Context, RawColumn, Target, compile_target
from caudal.model.record import Holds
from caudal.model.source import Clock, Mapped


def read(value: str, mapped: Mapped, kind: str = "VARCHAR", post: str = "A") -> Any:
    """What the mapping makes of one raw value."""
    target = Target("crossing_at", mapped, Holds.INSTANT)
    compiled = compile_target(target, Context({"t": RawColumn(kind), "post": RawColumn()}, "2020"))
    sql = f"SELECT {compiled.read} FROM (SELECT {value} AS t, '{post}' AS post)"
    return duckdb.execute(sql).fetchall()[0][0]


def at(*parts: int) -> datetime.datetime:
    return datetime.datetime(*parts)


def test_a_text_is_read_by_its_format_and_a_date_that_does_not_exist_is_none() -> None:
    mapped = Mapped.model_validate({"from": "t", "date_format": "%d/%m/%Y %H:%M"})
    assert read("'31/12/2020 23:59'", mapped) == at(2020, 12, 31, 23, 59)
    assert read("'31/02/2020 10:00'", mapped) is None


def test_a_clock_on_utc_is_put_on_the_date_of_its_post() -> None:
    mapped = Mapped.model_validate(
        {"from": "t", "clock": {"zone": "America/Panama", "by": "post", "shown": {"B": "UTC"}}}
    )
    assert read("'2020-03-01 02:30:00'", mapped, post="A") == at(2020, 3, 1, 2, 30)
    assert read("'2020-03-01 02:30:00'", mapped, post="B") == at(2020, 2, 29, 21, 30)


def test_each_post_may_have_a_zone_of_its_own() -> None:
    clock = {
        "zone": "America/Sao_Paulo",
        "by": "post",
        "zones": {"M": "America/Manaus"},
        "shown": {"M": "UTC"},
    }
    mapped = Mapped.model_validate({"from": "t", "clock": clock})
    assert read("'2020-01-01 03:00:00'", mapped, post="M") == at(2019, 12, 31, 23, 0)


def test_an_instant_with_a_zone_is_brought_to_local_time() -> None:
    mapped = Mapped.model_validate({"from": "t", "clock": {"zone": "America/Panama"}})
    value = "TIMESTAMPTZ '2020-01-01 02:00:00+00'"
    assert read(value, mapped, "TIMESTAMP WITH TIME ZONE") == at(2019, 12, 31, 21, 0)


def test_zones_by_post_need_the_column_of_the_post() -> None:
    with pytest.raises(ValidationError, match="needs `by`"):
        Clock(zone="America/Panama", shown={"B": "UTC"})
