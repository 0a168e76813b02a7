"""What only the files can tell of a spec: a delivery opened, its pipeline planned, and its rows tried.

The headers that a mapping names, the columns of its joins, the types that an expression meets: each mistake
comes with the line of the spec that makes it. Where there is none, the rows are judged (all, or a sample of
stated size), and a source that would hold back more than it allows is told of now and not after a build.
What is read stays in the cache, so that a build that follows reads nothing twice.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb

from caudal.collect import RawTable, RegisteredDelivery, open_table
from caudal.engine.cache import Cache
from caudal.engine.session import connect, first_line
from caudal.engine.specs import Document
from caudal.errors import CaudalError, Problem, problem
from caudal.harmonise.crosswalk import read_crosswalk
from caudal.harmonise.delivery import kind_of, prepared, targets_of
from caudal.harmonise.identifiers import IdentifierKey, set_key
from caudal.harmonise.mapping import Context
from caudal.harmonise.observed import NAME as OBSERVATION
from caudal.harmonise.periods import PeriodMapping, mapping_for
from caudal.harmonise.pipeline import build, expected_columns, raw_columns
from caudal.harmonise.trial import Tried, too_much, try_delivery
from caudal.model.catalogue import Catalogue
from caudal.model.source import SourceSpec

#: Stands for the country's key while nothing that is hashed is kept.
_NO_KEY = IdentifierKey("check", "0", b"nothing that a check hashes is written down")


@dataclass(frozen=True)
class Opened:
    """What is wrong between a spec and the files of one delivery; ``tried`` where nothing is, except of
    observations that pass as they are."""

    problems: tuple[Problem, ...]
    tried: Tried | None = None


def check_delivery(
    folder: Path,
    source: SourceSpec,
    registered: RegisteredDelivery,
    document: Document,
    *,
    catalogue: Catalogue,
    cache: Cache,
) -> Opened:
    """All that is wrong between the spec of ``source``, read from ``document``, and the files of one of its
    deliveries, and what became of its rows."""
    mapping = mapping_for(source, registered.period)
    found: list[Problem] = []
    raw: dict[str, RawTable] = {}
    for table, form in mapping.formats.items():
        expected = expected_columns(source, mapping, table)
        try:
            raw[table] = open_table(registered.files[table], form, cache=cache, expected=expected)
        except CaudalError as error:
            found += error.problems
    tried = None
    if not found and not (source.kind == OBSERVATION and not mapping.columns):
        found += _planned(folder, source, registered, mapping, raw, catalogue)
        if not found:
            try:
                tried = try_delivery(prepared(folder, source, registered, catalogue, _NO_KEY, ""), raw)
            except CaudalError as error:
                found += error.problems
    return Opened(tuple(_located(p, source, mapping, document) for p in found), tried)


def check_thresholds(document: Document, tried: Sequence[Tried]) -> list[Problem]:
    """Why the deliveries of the source of ``document``, together, hold back more than it allows."""
    problems = too_much(tried)
    work = tried[-1].work
    places = [
        _of_variant("columns", p.facts["concept"], work.source, work.mapping)
        if "concept" in p.facts
        else ("thresholds",)
        for p in problems
    ]
    return [
        Problem(p.code, document.where(*place), p.facts) for p, place in zip(problems, places, strict=True)
    ]


def _planned(
    folder: Path,
    source: SourceSpec,
    registered: RegisteredDelivery,
    mapping: PeriodMapping,
    raw: Mapping[str, RawTable],
    catalogue: Catalogue,
) -> Sequence[Problem]:
    """What is wrong with the pipeline over tables that could be opened."""
    kind = kind_of(source, catalogue)
    names = {m.table for m in mapping.all_mapped().values() if m.crosswalk}
    try:
        crosswalks = {n: read_crosswalk(folder, n) for n in sorted(names)}
        context = Context(raw_columns(source, mapping, raw), registered.period, crosswalks)
        targets = targets_of(mapping, kind, catalogue)
        judged = build(source, mapping, raw, kind, targets, context)
    except CaudalError as error:
        return error.problems
    with connect(threads=1) as session:
        set_key(session, _NO_KEY)
        try:
            session.execute(f"EXPLAIN {judged.pipeline.select('SELECT * FROM judged')}")
        except duckdb.Error as error:
            return [problem("mapping-fails", where=registered.code, detail=first_line(error))]
    return []


def _located(found: Problem, source: SourceSpec, mapping: PeriodMapping, document: Document) -> Problem:
    """``found`` with the line of the spec that names what is not there."""
    name = found.facts.get("found")
    place = _place(name, source, mapping) if found.code in ("column-missing", "unknown-name") else None
    if place is None:
        return found
    file = f" ({found.where})" if found.where and not found.where.startswith("sources/") else ""
    return Problem(found.code, document.where(*place) + file, found.facts)


def _place(name: Any, source: SourceSpec, mapping: PeriodMapping) -> tuple[str | int, ...] | None:
    back = {old: new for new, old in mapping.rename.items()}
    for table, spec in source.tables.items():
        for i, join in enumerate(spec.join):
            if name in join.on:
                return ("tables", table, "join", i)
        if name in spec.key:
            return ("tables", table, "key")
    for part, mapped in (("helpers", mapping.helpers), ("columns", mapping.columns)):
        for concept, one in mapped.items():
            read = {*one.raw_columns, *(back.get(c, c) for c in one.raw_columns)}
            if name in read or (one.expression and str(name) in one.expression):
                return _of_variant(part, concept, source, mapping)
    return None


def _of_variant(part: str, concept: str, source: SourceSpec, mapping: PeriodMapping) -> tuple[str | int, ...]:
    if mapping.variant is not None and concept in getattr(source.variants[mapping.variant], part):
        return ("variants", mapping.variant, part, concept)
    return (part, concept)
