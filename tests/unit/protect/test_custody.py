"""Purposes, recipients and retention: what a custodian does not allow does not leave."""

from __future__ import annotations

import pytest

from caudal.model.country import PublicationSpec
from caudal.model.source import Delivery, SourceSpec
from caudal.protect.custody import custody_problems, kept_until

BASE = {
    "source": "register",
    "title": {"en": "Register"},
    "producer": "Office",
    "origin": "office",
    "licence": "-",
    "kind": "person",
    "concept": {},
    "tables": {"persons": {"format": {"type": "parquet"}}},
    "deliveries": [{"period": "2024", "file": "a.parquet", "received": "2024-03-31"}],
}


def problems(publication: dict[str, object], **source: object) -> list[str]:
    spec = SourceSpec.model_validate(BASE | source)
    release = PublicationSpec.model_validate({"vintage": "2026-11"} | publication)
    return [p.code for p in custody_problems([(spec, spec.deliveries)], release)]


def test_what_is_not_said_is_open_official_statistics() -> None:
    assert problems({}) == []


def test_a_purpose_that_the_custodian_did_not_name_is_refused() -> None:
    assert problems({"purpose": "planning"}) == ["custody-purpose"]
    assert problems({"purpose": "planning"}, purposes=["official_statistics", "planning"]) == []


def test_a_closed_source_does_not_go_to_the_public() -> None:
    closed = {"recipients": ["ministry"]}
    assert problems({}, **closed) == ["custody-recipient"]
    assert problems({"recipients": ["ministry"]}, **closed) == []
    assert problems({"recipients": ["ministry"]}) == []  # what may go to everybody may go to one


@pytest.mark.parametrize(
    ("retention", "edition", "found"),
    [
        ("2026-10-31", "2026-11", ["custody-retention"]),
        ("2026-11-01", "2026-11", []),
        ("P2Y", "2026-11", ["custody-retention"]),
        ("P3Y", "2026-11", []),
        ("P32M", "2026-11", []),
        ("P31M", "2026-11", ["custody-retention"]),
        ("five years", "2026-11", ["retention-malformed"]),
        ("P", "2026-11", ["retention-malformed"]),
    ],
)
def test_retention_is_held_against_the_edition(retention: str, edition: str, found: list[str]) -> None:
    assert problems({"vintage": edition}, retention=retention) == found


def test_a_time_without_a_day_of_receipt_is_refused() -> None:
    deliveries = [{"period": "2024", "file": "a.parquet"}]
    assert problems({}, retention="P5Y", deliveries=deliveries) == ["retention-malformed"]


def test_a_source_without_a_delivery_asks_for_nothing() -> None:
    spec = SourceSpec.model_validate(BASE | {"purposes": ["planning"]})
    release = PublicationSpec.model_validate({"vintage": "2026-11"})
    assert custody_problems([(spec, [])], release) == []


def test_the_last_day_of_a_month_stays_in_its_month() -> None:
    spec = SourceSpec.model_validate(BASE | {"retention": "P11M"})
    received = Delivery(period="2024", file="a", received="2024-03-31")
    assert str(kept_until(spec, received)) == "2025-02-28"
