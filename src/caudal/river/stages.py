"""The stages of a build, each behind the cache: harmonised deliveries, and estimates by indicator.

The key of a result holds everything that can change it and nothing else: the checksum of the raw files,
the part of the spec that the stage reads, the codes, and the code of the room and of those before it.
"""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import pyarrow as pa
import pyarrow.compute as pc

from caudal.collect import RegisteredDelivery
from caudal.engine.cache import Cache, content_key
from caudal.engine.code import code_sha256
from caudal.engine.files import write_table
from caudal.engine.session import literal
from caudal.estimate.families import family_of
from caudal.estimate.indicators import GAP_SUFFIX, Impossible, Planned, Records
from caudal.estimate.survey.reliability import reliability_rules
from caudal.harmonise import Harmonised, IdentifierKey, harmonise_delivery
from caudal.model.country import EngineSpec
from caudal.model.indicator import IndicatorSpec
from caudal.model.record import PROVENANCE_COLUMNS, record_kinds
from caudal.model.source import SourceSpec
from caudal.river.designs import survey_design
from caudal.river.folder import CountryFolder
from caudal.river.log import Event, Tell, silent
from caudal.river.proposals import with_decisions

#: Parts of an indicator that do not change its estimates.
_WORDS = {"text", "codes", "decimals", "better", "expected", "population", "family"}


@dataclass(frozen=True)
class Stage:
    """What every stage needs: the country, the cache, the engine's session and somebody to tell."""

    folder: CountryFolder
    cache: Cache
    session: Any
    key: IdentifierKey | None = None
    engine: EngineSpec = field(default_factory=EngineSpec)
    tell: Tell = silent


def harmonised(stage: Stage, source: SourceSpec, delivery: RegisteredDelivery) -> Harmonised:
    """The records (or observations) of a delivery, from the cache where nothing of them changed."""
    folder = stage.folder
    started = time.perf_counter()
    stage.tell(Event("harmonise", delivery.code, "started"))
    result = harmonise_delivery(
        folder.path,
        with_decisions(folder.path, source, delivery.delivery),
        delivery,
        catalogue=folder.catalogue,
        cache=stage.cache,
        territory=folder.country.territory,
        key=stage.key,
        engine=stage.engine,
    )
    counts = result.reconciliation
    facts = {"rows": counts.rows_in, "records": counts.records, "quarantined": counts.quarantined}
    state: Literal["made", "kept"] = "made" if result.made else "kept"
    stage.tell(Event("harmonise", delivery.code, state, time.perf_counter() - started, facts))
    return result


def records_of(stage: Stage, source: SourceSpec, result: Harmonised) -> Records:
    """The harmonised records of a delivery as the estimators take them."""
    country = stage.folder.country
    kind = record_kinds()[source.kind]
    return Records(
        relation=f"read_parquet({literal(result.records.as_posix())})",
        kind=kind,
        columns=frozenset([*result.columns, *(c.name for c in PROVENANCE_COLUMNS)]),
        source=source.source,
        period=result.period,
        territory=source.reporter or country.territory,
        reporter=source.reporter or country.territory,
        vintage="",
        design=survey_design(stage.folder.path, source, kind),
        concept=result.concept,
        reliability_rule=stage.folder.publication.reliability,
    )


def estimates(
    stage: Stage, records: Records, records_key: str, indicators: Iterable[IndicatorSpec]
) -> tuple[list[Path], tuple[Impossible, ...]]:
    """Files with the observations of each indicator that ``records`` can carry, and those that they cannot.

    Indicators that are not in the cache are estimated together, in one pass.
    """
    catalogue, publication = stage.folder.catalogue, stage.folder.publication
    family = family_of(records.kind.name)
    planned, impossible = family.plan(records, indicators, catalogue, publication.breakdowns)
    keys = {p.indicator.indicator: _estimate_key(stage, records, records_key, p) for p in planned}
    where = {name: stage.cache.folder("estimate", key) for name, key in keys.items()}
    stale = [p for p in planned if not where[p.indicator.indicator].is_dir()]
    what = f"{records.source}/{records.period}"
    started = time.perf_counter()
    if stale:
        stage.tell(Event("estimate", what, "started", facts={"indicators": len(stale)}))
        table = family.estimate(records, stale, catalogue, stage.session, stage.cache.root / "spill")
        for p in stale:
            _keep(stage.cache, keys[p.indicator.indicator], _of_indicator(table, p))
    facts = {"estimated": len(stale), "kept": len(planned) - len(stale)}
    seconds = time.perf_counter() - started
    stage.tell(Event("estimate", what, "made" if stale else "kept", seconds, facts))
    return [where[p.indicator.indicator] / "observations.parquet" for p in planned], impossible


def _estimate_key(stage: Stage, records: Records, records_key: str, planned: Planned) -> str:
    catalogue = stage.folder.catalogue
    used = {d for crossing in (*planned.crossings, *planned.together) for d in crossing}
    derived = {
        d: (catalogue.dimensions[d].role, catalogue.derivations(d, records.kind.name, records.territory))
        for d in sorted(used)
    }
    return content_key(
        code_sha256("estimate"),
        records_key,
        planned.indicator.model_dump(mode="json", exclude=_WORDS),
        planned.crossings,
        planned.together,
        derived,
        tuple(catalogue.dimensions),
        repr(records.design),
        planned.formula.model_dump(mode="json"),
        repr(reliability_rules()[records.reliability_rule]) if records.reliability_rule else "",
        str(catalogue.vector(records.concept, planned.formula.concept)),
    )


def _of_indicator(table: pa.Table, planned: Planned) -> pa.Table:
    name = planned.indicator.indicator
    return table.filter(pc.is_in(table["indicator_code"], pa.array([name, name + GAP_SUFFIX])))


def _keep(cache: Cache, key: str, table: pa.Table) -> None:
    cache.get("estimate", key, lambda part: write_table(part / "observations.parquet", table))
