"""Custody: what the custodian of a source allows, held against what a release is for.

A source states its purposes, the recipients of its figures and how long it is kept; a release states its
purpose and its recipients. The gate lets a release out only where, for each source with a delivery in it::

    purpose of the release   in  purposes of the source
    recipients of the release  subset of  recipients of the source   (``public`` holds everybody)
    first day of the edition  <=  day until which the delivery is kept

Retention is a date, or a time from the day of receipt (ISO 8601: P5Y, P18M, P90D). It is held against the
edition, not against the clock: the same folder gives the same answer on any day. It refuses a retention
that it cannot read, and a time without a day of receipt.
"""

from __future__ import annotations

import calendar
import datetime
import re
from collections.abc import Iterable

from caudal.errors import Problem, problem
from caudal.model.country import PublicationSpec
from caudal.model.period import bounds
from caudal.model.source import Delivery, SourceSpec

PUBLIC = "public"
_TIME = re.compile(r"P(?:(\d+)Y)?(?:(\d+)M)?(?:(\d+)D)?")


def custody_problems(
    held: Iterable[tuple[SourceSpec, Iterable[Delivery]]], publication: PublicationSpec
) -> list[Problem]:
    """What custodians do not allow; ``held``: each source with its deliveries in the release."""
    return [p for source, found in held for p in _of_source(source, tuple(found), publication)]


def kept_until(source: SourceSpec, delivery: Delivery) -> datetime.date | None:
    """The last day on which a delivery may be held; None where the source states none.

    Raises :class:`ValueError` for a retention that is neither a date nor a time from a day of receipt.

    >>> _plus(datetime.date(2024, 2, 29), "P1Y")
    datetime.date(2025, 2, 28)
    """
    said = source.retention.strip()
    if not said:
        return None
    if said.startswith("P"):
        return _plus(datetime.date.fromisoformat(delivery.received), said)
    return datetime.date.fromisoformat(said)


def _plus(day: datetime.date, time: str) -> datetime.date:
    found = _TIME.fullmatch(time)
    if found is None or not any(found.groups()):
        raise ValueError(time)
    years, months, days = (int(n or 0) for n in found.groups())
    month = day.month - 1 + months
    year, month = day.year + years + month // 12, month % 12 + 1
    last = calendar.monthrange(year, month)[1]
    return datetime.date(year, month, min(day.day, last)) + datetime.timedelta(days=days)


def _of_source(
    source: SourceSpec, deliveries: tuple[Delivery, ...], publication: PublicationSpec
) -> list[Problem]:
    if not deliveries:
        return []
    name, found = source.source, []
    if publication.purpose not in source.purposes:
        allowed = ", ".join(source.purposes) or "—"
        found.append(problem("custody-purpose", source=name, allowed=allowed, found=publication.purpose))
    over = [
        r for r in publication.recipients if r not in source.recipients and PUBLIC not in source.recipients
    ]
    if over:
        allowed = ", ".join(source.recipients) or "—"
        found.append(problem("custody-recipient", source=name, allowed=allowed, found=", ".join(over)))
    return found + [p for d in deliveries for p in _retention(source, d, publication.vintage)]


def _retention(source: SourceSpec, delivery: Delivery, vintage: str) -> list[Problem]:
    what = f"{source.source}/{delivery.period}"
    try:
        until = kept_until(source, delivery)
    except ValueError:
        said = f"{source.retention} / received: {delivery.received or '—'}"
        return [problem("retention-malformed", source=what, found=said)]
    if until is None or bounds(vintage)[0] <= until:
        return []
    return [problem("custody-retention", source=what, until=until.isoformat(), found=vintage)]
