"""Walking a published cell back, room by room, to the bytes it came from.

For the builder's side: it tells how many records were counted. The public walk-back, on the pages, shows
the hashes and totals of sources and never a count of a cell. With ``recompute`` the cell is computed again
from the raw bytes in a fresh process with an empty cache, and compared bit by bit.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

import caudal
from caudal.catalogue.formulas import formula_for
from caudal.catalogue.loading import BUILT_IN
from caudal.collect import RegisteredDelivery, register_deliveries
from caudal.collect.contract import RAW_ROW
from caudal.engine.cache import Cache
from caudal.engine.expressions import columns_of
from caudal.engine.session import connect
from caudal.engine.specs import read_document
from caudal.errors import CaudalError, Problem, nearest, problem, unknown
from caudal.estimate.families import family_of
from caudal.estimate.indicators import GAP_SUFFIX, Crossing, Planned, Records, key_dimensions
from caudal.estimate.rates import derive, inputs_of
from caudal.harmonise import Harmonised, identifier_key, lineage
from caudal.model.indicator import IndicatorSpec
from caudal.model.observation import TOTAL, address, observation_schema, parse_address
from caudal.model.source import SourceSpec
from caudal.river import stages
from caudal.river.diff import read_observations
from caudal.river.folder import CountryFolder, read_folder
from caudal.river.members import is_member, read_structure
from caudal.river.pooled import records_for
from caudal.river.signing import verify
from caudal.river.state import current_release, locked

#: How many raw rows are named for each reason of the quarantine.
_ROWS_SHOWN = 20
_MEASURES = ("value", "sampling_se", "lower", "upper", "sample_n", "cases_n", "psu_n", "df")


@dataclass(frozen=True)
class Walk:
    """A cell and its way back: one mapping of facts a room, from the release to the bytes."""

    address: str
    release: str
    published: Mapping[str, Any]
    estimate: Mapping[str, Any] = field(default_factory=dict)
    harmonise: Mapping[str, Any] = field(default_factory=dict)
    collect: Mapping[str, Any] = field(default_factory=dict)
    recomputed: Mapping[str, Any] | None = None

    @property
    def holds(self) -> bool:
        """Whether the recomputed cell equals the one that was computed; True where none was asked for."""
        return self.recomputed is None or bool(self.recomputed["equal"])


def trace(path: Path, cell: str, *, recompute: bool = False) -> Walk:
    """The way back of the cell at address ``cell`` in the current release of the country at ``path``.

    Raises :class:`CaudalError` where the release has no such cell, naming the nearest one.
    """
    folder = read_folder(path)
    release = current_release(path)
    altered = verify(release)
    if altered:
        raise CaudalError(*altered)
    published = find(read_observations(release), cell)
    computed = find(_computed(folder, release), cell)
    if computed["source_code"] not in folder.sources:
        return _of_a_member(folder, release.name, published)
    source = folder.sources[computed["source_code"]]
    if inputs := tuple(inputs_of(computed)):
        again = _in_a_fresh_process(path, cell, computed) if recompute else None
        walked = {m: computed[m] for m in _MEASURES} | {"method": computed["method_code"], "cells": inputs}
        return Walk(address(published), release.name, _shown(published), walked, recomputed=again)
    cache = Cache(folder.work / "cache")
    with locked(folder.work), connect() as session:
        stage = stages.Stage(folder, cache, session, identifier_key(folder.country, folder.path))
        delivery = _delivery(folder, source, computed, folder.work)
        result = stages.harmonised(stage, source, delivery)
        walked = _estimated(stage, source, result, computed)
    again = _in_a_fresh_process(path, cell, computed) if recompute else None
    return Walk(
        address(published),
        release.name,
        _shown(published),
        walked,
        _harmonised(folder, source, delivery, result, walked.get("columns", ())),
        {"deliveries": [i.model_dump() for i in delivery.inputs()], "origin": source.origin},
        again,
    )


def _of_a_member(folder: CountryFolder, release: str, published: Mapping[str, Any]) -> Walk:
    """The way back of a cell that came with the release of a member: which release it is, by its hash. From
    there it goes on in that member's own folder."""
    of_releases = [s for s in folder.sources.values() if is_member(s)]
    registered = [(s, register_deliveries(folder.path, s, work=folder.work)) for s in of_releases]
    members = [
        {"member": s.source, **i.model_dump()}
        for s, register in registered
        for d in register.deliveries
        if read_structure(d).territory == published["reporter_code"]
        for i in d.inputs()
    ]
    return Walk(address(published), release, _shown(published), collect={"releases": members})


def _computed(folder: CountryFolder, release: Path) -> pa.Table:
    """What the office computed for a release, before the gate; it lies in the folder that built it."""
    path = folder.builder_side(release.name)
    if not path.is_file():
        raise CaudalError(problem("not-built-here", where=str(folder.path), release=release.name))
    return pq.read_table(path)


def find(table: Any, cell: str) -> dict[str, Any]:
    """The row of an observation table at address ``cell``."""
    wanted = parse_address(cell)
    found = table
    for name, code in wanted.items():
        if name not in table.column_names:
            raise CaudalError(
                _unknown_part(name, sorted(n for n in table.column_names if n.endswith("_code")))
            )
        found = found.filter(pc.equal(found[name], code))
    rows = [r for r in found.to_pylist() if address(r) == address({**r, **wanted})]
    rows = [r for r in rows if parse_address(address(r)) == wanted]
    if len(rows) != 1:
        near = table.filter(pc.equal(table["indicator_code"], wanted["indicator_code"])).to_pylist()
        raise CaudalError(problem("cell-unknown", found=cell, nearest=nearest(cell, map(address, near))))
    return dict(rows[0])


def recompute_cell(path: Path, cell: str) -> dict[str, Any]:
    """The measures of a cell, computed from the raw bytes with an empty cache."""
    row = _row_again(read_folder(path), cell)
    return {m: row[m] for m in _MEASURES}


def _row_again(folder: CountryFolder, cell: str) -> dict[str, Any]:
    """The observation at an address, computed from the raw bytes; of a derived one, all its cells are."""
    wanted = parse_address(cell)
    spec = folder.catalogue.indicators.get(wanted["indicator_code"])
    if spec is not None and spec.derived is not None:
        computed = find(_computed(folder, current_release(folder.path)), cell)
        rows = [_row_again(folder, c) for c in inputs_of(computed)]
        schema = observation_schema(key_dimensions(folder.catalogue))
        return find(derive(pa.Table.from_pylist(rows, schema=schema), [spec], folder.catalogue), cell)
    source = folder.sources.get(wanted["source_code"])
    if source is None:
        raise CaudalError(_unknown_part(wanted["source_code"], list(folder.sources)))
    with tempfile.TemporaryDirectory(prefix="caudal-") as scratch, connect() as session:
        key = identifier_key(folder.country, folder.path)
        stage = stages.Stage(folder, Cache(Path(scratch)), session, key)
        delivery = _delivery(folder, source, wanted, Path(scratch))
        result = stages.harmonised(stage, source, delivery)
        if source.kind == "observation":
            table = pq.read_table(result.records)
        else:
            records = records_for(stage, source, result, Path(scratch))
            asked = _planned(stage, records, wanted)
            family = family_of(source.kind)
            planned, _ = family.plan(
                records, folder.indicators(), folder.catalogue, folder.publication.breakdowns
            )
            beside = [p for p in planned if p.indicator != asked.indicator] if asked.together else []
            table = family.estimate(records, [asked, *beside], folder.catalogue, session, Path(scratch))
            column = table.column_names.index("vintage")
            given = table["vintage"].to_pylist()
            own = folder.publication.vintage if any(given) else wanted["vintage"]
            vintage = [v or own for v in given]
            table = table.set_column(column, "vintage", [vintage])
        return find(table, cell)


def _delivery(
    folder: CountryFolder, source: SourceSpec, row: Mapping[str, Any], work: Path
) -> RegisteredDelivery:
    """The delivery that a row came from: that of its period, or the one edition that holds many periods."""
    deliveries = register_deliveries(folder.path, source, work=work).deliveries
    by_period = [d for d in deliveries if d.period == row["time_period"]]
    by_vintage = [d for d in deliveries if d.delivery.vintage == row["vintage"]]
    both = [d for d in by_vintage if d in by_period]
    found = both or by_vintage or by_period or list(deliveries)
    if not found:
        raise CaudalError(problem("file-missing", where=source.source, found=row["time_period"]))
    return found[0]


def _planned(stage: stages.Stage, records: Records, row: Mapping[str, Any]) -> Planned:
    """The plan of the one indicator of a row, in the crossings of the row (and of its gap), as the build
    made it: beside all others."""
    indicator = _indicator(stage.folder, row["indicator_code"])
    indicators = stage.folder.indicators()
    asked = indicators if indicator in indicators else (*indicators, indicator)
    planned, _ = family_of(records.kind.name).plan(
        records, asked, stage.folder.catalogue, stage.folder.publication.breakdowns
    )
    found = next(p for p in planned if p.indicator.indicator == indicator.indicator)
    return replace(found, crossings=_crossings(stage.folder, found, row))


def _indicator(folder: CountryFolder, code: str) -> IndicatorSpec:
    indicators = folder.catalogue.indicators
    return indicators[code] if code in indicators else indicators[code.removesuffix(GAP_SUFFIX)]


def _crossings(folder: CountryFolder, planned: Planned, row: Mapping[str, Any]) -> tuple[Crossing, ...]:
    """The crossings in which the cell of a row may lie: those that break down by what its key shows, and by
    whatever fills its area, counterpart or time; of a gap, by the dimension that it compares too."""
    names = key_dimensions(folder.catalogue)
    shown = {d for d in names if row.get(f"{d}_code") not in (None, TOTAL)}
    gap = planned.indicator.gap
    if gap is not None and row["indicator_code"] != planned.indicator.indicator:
        shown.add(gap.dimension)
    return tuple(c for c in planned.crossings if set(c) & set(names) == shown)


def _estimated(
    stage: stages.Stage, source: SourceSpec, result: Harmonised, row: Mapping[str, Any]
) -> dict[str, Any]:
    facts = {m: row[m] for m in _MEASURES} | {"method": row["method_code"]}
    if source.kind == "observation":
        return facts | {"derived_from": row["derived_from"]}
    records = records_for(stage, source, result, stage.folder.work)
    planned = _planned(stage, records, row)
    formula = planned.formula
    parts = (formula.universe, formula.total, formula.mean, formula.numerator, formula.denominator)
    name = planned.indicator.indicator
    return facts | {
        "definition": _definition_place(stage.folder, name, records),
        "formula": formula.model_dump(exclude_defaults=True),
        "columns": sorted({c for part in parts if part for c in columns_of(part)}),
        "sql": family_of(source.kind).explain(records, replace(planned, together=()), stage.folder.catalogue),
    }


def _definition_place(folder: CountryFolder, name: str, records: Records) -> str:
    """``file:line`` of the formula that is computed from ``records``."""
    formulas = folder.catalogue.indicators[name].formulas
    chosen, _ = formula_for(
        folder.catalogue.indicators[name], records.kind.name, records.columns, records.concept
    )
    own = folder.path / "indicators" / f"{name}.yaml"
    document = read_document(own if own.is_file() else BUILT_IN / "indicators" / own.name)
    return document.where("formulas", next(k for k, f in enumerate(formulas) if f is chosen))


def _harmonised(
    folder: CountryFolder,
    source: SourceSpec,
    delivery: RegisteredDelivery,
    result: Harmonised,
    columns: tuple[str, ...],
) -> dict[str, Any]:
    counts = result.reconciliation.model_dump()
    document = folder.documents[f"sources/{source.source}.yaml"]
    found = {c: lineage(source, document, delivery.period, c) for c in columns}
    made = {c: dict(how) for c, how in found.items() if how is not None}
    return {"counts": counts, "quarantine": _quarantined(result), "columns": made, "sql": result.sql}


def _quarantined(result: Harmonised) -> dict[str, str]:
    """Reason -> the first raw rows that were kept out for it."""
    rows: dict[str, list[int]] = {}
    for row in pq.read_table(result.quarantine).to_pylist():
        rows.setdefault(row["reason"], []).append(row[RAW_ROW])
    return {
        reason: ", ".join(map(str, numbers[:_ROWS_SHOWN])) + (" …" if len(numbers) > _ROWS_SHOWN else "")
        for reason, numbers in sorted(rows.items())
    }


def _in_a_fresh_process(path: Path, cell: str, computed: Mapping[str, Any]) -> dict[str, Any]:
    call = [sys.executable, "-m", "caudal.river.recompute", str(path), cell]
    package = str(Path(caudal.__file__).parents[1])
    paths = os.pathsep.join([package, *filter(None, [os.environ.get("PYTHONPATH")])])
    environment = {**os.environ, "PYTHONPATH": paths}
    done = subprocess.run(call, capture_output=True, text=True, check=False, env=environment)
    if done.returncode:
        raise CaudalError(problem("recompute-failed", where=cell, detail=done.stderr.strip()[-400:]))
    again = json.loads(done.stdout)
    different = [m for m in _MEASURES if again[m] != computed[m]]
    return {"equal": not different, "different": different, **again}


def _shown(row: Mapping[str, Any]) -> dict[str, Any]:
    kept = ("value", "lower", "upper", "unit_code", "obs_status_code", "verdict", "reliability")
    return {n: row[n] for n in kept} | {"concept_vector": row["concept_vector"]}


def _unknown_part(name: str, allowed: list[str]) -> Problem:
    return unknown("part of an address", name, allowed)
