"""Deliveries of one source that are one body of records: the months of a border register.

Each delivery is harmonised alone and numbered once, given those before it; both lie in the cache under what
made them, so that a new month harmonises and numbers itself alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from pathlib import Path

from caudal.collect import RegisteredDelivery, register_deliveries
from caudal.engine.cache import content_key
from caudal.engine.code import code_sha256
from caudal.engine.session import literal
from caudal.estimate.families import family_of
from caudal.estimate.indicators import Records
from caudal.estimate.stays.classified import made_columns
from caudal.estimate.stays.family import CrossingRecords
from caudal.estimate.stays.numbering import Numbered, number
from caudal.harmonise import Harmonised
from caudal.model.period import bounds
from caudal.model.record import PROVENANCE_COLUMNS
from caudal.model.residence import ResidenceSpec
from caudal.model.source import SourceSpec
from caudal.river import stages


def is_pooled(kind: str) -> bool:
    """Whether records of ``kind`` are estimated over all deliveries at once.

    >>> is_pooled("crossing"), is_pooled("person")
    (True, False)
    """
    return family_of(kind).pools


def pooled_records(
    stage: stages.Stage, source: SourceSpec, harmonised: Sequence[tuple[RegisteredDelivery, Harmonised]]
) -> tuple[CrossingRecords, str, list[Path]]:
    """The records of all deliveries of ``source``, the key of what they rest on, and the folders used."""
    residence = source.residence or ResidenceSpec()
    columns = frozenset[str]().union(*(h.columns for _, h in harmonised))
    numbered: list[Numbered] = []
    for delivery, result in sorted(harmonised, key=lambda pair: bounds(pair[0].period)[1]):
        numbered.append(_numbered(stage, delivery, result, numbered))
    _, last = max(harmonised, key=lambda pair: bounds(pair[0].period)[1])
    plain = stages.records_of(stage, source, last)
    concept = {**plain.concept, "residence": residence.concept}
    records = CrossingRecords(
        **{n: getattr(plain, n) for n in plain.__dataclass_fields__ if n not in ("columns", "concept")},
        columns=columns | {c.name for c in PROVENANCE_COLUMNS} | set(made_columns(columns)),
        concept=concept,
        residence=residence,
        deliveries=tuple(numbered),
        cache=stage.cache,
    )
    key = content_key(numbered[-1].key, residence.model_dump(mode="json"), sorted(columns))
    return records, key, [d.folder for d in numbered]


def _numbered(
    stage: stages.Stage, delivery: RegisteredDelivery, result: Harmonised, before: Sequence[Numbered]
) -> Numbered:
    earlier = before[-1].key if before else ""
    known_by = _known_by(delivery)
    key = content_key(code_sha256("estimate"), earlier, result.records.parent.name, known_by.isoformat())
    relation = f"read_parquet({literal(result.records.as_posix())})"

    def make(part: Path) -> None:
        folders = [d.folder for d in before]
        number(stage.session, relation, frozenset([*result.columns, "raw_row"]), known_by, folders, part)

    return Numbered(delivery.period, known_by, stage.cache.get("number", key, make)[0], key)


def _known_by(delivery: RegisteredDelivery) -> date:
    """The day of receipt, or the last day of the period where none is declared."""
    received = delivery.delivery.received
    return date.fromisoformat(received) if received else bounds(delivery.period)[1]


def records_for(stage: stages.Stage, source: SourceSpec, result: Harmonised, work: Path) -> Records:
    """The records that a cell of ``source`` rests on: those of ``result``, or of all deliveries together."""
    if not is_pooled(source.kind):
        return stages.records_of(stage, source, result)
    deliveries = register_deliveries(stage.folder.path, source, work=work).deliveries
    harmonised = [(d, stages.harmonised(stage, source, d)) for d in deliveries]
    return pooled_records(stage, source, harmonised)[0]
