"""Border crossings to observations: the family of estimators for records of kind ``crossing``.

All deliveries of a source are one register. Their numbered crossings are read once, classified by the rule
that the source states, and the classified rows are counted as any indicator of the catalogue asks
(:mod:`~caudal.estimate.stays.cells`). Beside the counts stand what only the whole register can say: the
account of the population, how far figures move under another policy for gaps, and how many repairs there
were (:mod:`~caudal.estimate.stays.whole`).

A period is *final* once a whole window of the rule has passed. Migrations of later months are estimated from
histories that were decided, with limits meant to hold the final figure, as of every kept delivery, so that
each vintage stays beside the next; their breakdowns wait. Other figures of such periods are as if nobody
moved any more, and say so (SDMX status P).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pyarrow as pa

from caudal.engine.cache import Cache
from caudal.estimate import indicators as general
from caudal.estimate.indicators import Crossing, Impossible, Planned, Records, key_dimensions, key_of
from caudal.estimate.stays.cells import PERSONS, cells_sql
from caudal.estimate.stays.classified import made_columns
from caudal.estimate.stays.migrations import direction_of
from caudal.estimate.stays.numbering import Numbered
from caudal.estimate.stays.register import Register
from caudal.estimate.stays.whole import WHOLE, whole_rows
from caudal.model.catalogue import Catalogue
from caudal.model.codelist import SPECIAL_CODES
from caudal.model.indicator import IndicatorSpec
from caudal.model.observation import conform
from caudal.model.residence import ResidenceSpec

#: What ``error_note`` says of a figure.
COUNTED, PRESUMED, FORESEEN = "full-count", "presumed", "meant-for-final"


@dataclass(frozen=True)
class CrossingRecords(Records):
    """The crossings of all deliveries of a source, numbered; results are kept in ``cache``."""

    residence: ResidenceSpec = field(default_factory=ResidenceSpec)
    deliveries: tuple[Numbered, ...] = ()
    cache: Cache = field(default_factory=lambda: Cache(Path()))


def plan(
    records: Records,
    indicators: Iterable[IndicatorSpec],
    catalogue: Catalogue,
    extra: Sequence[Crossing] = (),
) -> tuple[tuple[Planned, ...], tuple[Impossible, ...]]:
    """Which indicators crossings can carry, and in which breakdowns; each names its period once."""
    made = replace(records, columns=_columns(records))
    can, cannot = general.plan(made, indicators, catalogue, extra)
    times = {n for n, d in catalogue.dimensions.items() if d.role == "time_period"}
    kept = [replace(p, crossings=_possible(p, made, catalogue, times)) for p in can]
    return tuple(p for p in kept if p.crossings and p.formula.total), cannot


def estimate(
    records: Records, planned: Sequence[Planned], catalogue: Catalogue, session: Any, scratch: Path
) -> pa.Table:
    """The observations of all ``planned`` indicators, without verdict, of every vintage that is kept."""
    dimensions = key_dimensions(catalogue)
    if not isinstance(records, CrossingRecords) or not records.deliveries:
        return conform(pa.table({}), dimensions)
    with _register(records, scratch) as register:
        if not register.has_crossings:
            return conform(pa.table({}), dimensions)
        return _observed(records, register, planned, catalogue, session)


def classified_records(records: CrossingRecords, scratch: Path) -> CrossingRecords:
    """The same records with what the rule made of them: their ``relation`` is the classified rows."""
    with _register(records, scratch) as register:
        return replace(records, relation=register.relation, columns=_columns(records))


@contextmanager
def _register(records: CrossingRecords, scratch: Path) -> Iterator[Register]:
    scratch.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(dir=scratch) as place:
        yield Register(records.residence, records.deliveries, records.cache, Path(place), records.columns)


def _observed(
    records: CrossingRecords,
    register: Register,
    planned: Sequence[Planned],
    catalogue: Catalogue,
    session: Any,
) -> pa.Table:
    dimensions = key_dimensions(catalogue)
    _ = register.stays  # kept, so that the next delivery can go on from here
    desk = _Desk(replace(records, columns=_columns(records)), register, catalogue, session)
    found = [desk.rows(p, crossing) for p in planned for crossing in p.crossings]
    tables = [conform(pa.Table.from_pylist(rows), dimensions) for rows in found if rows]
    return pa.concat_tables([conform(pa.table({}), dimensions), *tables])


def explain(records: Records, planned: Planned, catalogue: Catalogue) -> str:
    """What is counted for an indicator in each of its crossings, as SQL over the classified rows."""
    made = replace(records, relation="classified_crossings", columns=_columns(records))
    counted = [c for c in planned.crossings if not set(c) & set(WHOLE)]
    return ";\n".join(cells_sql(made, planned, c, catalogue) for c in counted)


def _columns(records: Records) -> frozenset[str]:
    return records.columns | set(made_columns(records.columns))


def _possible(
    planned: Planned, records: Records, catalogue: Catalogue, times: set[str]
) -> tuple[Crossing, ...]:
    """Crossings that date their cells: counted ones, and those that the whole register gives."""
    whole = tuple(c for c in planned.indicator.breakdowns if set(c) & set(WHOLE))
    if whole:
        known = (d for c in whole for d in c if d not in WHOLE)
        return whole if all(general.derivation(d, records, catalogue) for d in known) else ()
    return tuple(c for c in planned.crossings if len(times & set(c)) == 1)


@dataclass(frozen=True)
class _Desk:
    """Makes the rows of observations of one register."""

    records: CrossingRecords
    register: Register
    catalogue: Catalogue
    session: Any

    def rows(self, planned: Planned, crossing: Crossing) -> list[dict[str, Any]]:
        """The observations of one indicator in one crossing."""
        if set(crossing) & set(WHOLE):
            found = whole_rows(self.register, planned, crossing, self.records.territory)
        else:
            found = self._counted(planned, crossing)
        return [self._observation(planned, crossing, cell) for cell in found]

    def _counted(self, planned: Planned, crossing: Crossing) -> list[dict[str, Any]]:
        """Cells of a count, with those of open periods put in their place."""
        time = next(d for d in crossing if self.catalogue.dimensions[d].role == "time_period")
        direction = direction_of(planned.formula.universe)
        cells = self._cells(planned, crossing).to_pylist()
        found = []
        for cell in cells:
            if cell[time] in SPECIAL_CODES or not self.register.timing.is_published(cell[time]):
                continue
            final = self.register.timing.is_final(cell[time])
            if final or direction is None:
                found.append(self._cell(planned, cell, final))
        if direction is not None and set(crossing) == {time} and cells:
            found += self.register.foreseen(direction, len(cells[0][time]), time)
        return found

    def _cells(self, planned: Planned, crossing: Crossing) -> pa.Table:
        def sql(relation: str) -> str:
            return cells_sql(replace(self.records, relation=relation), planned, crossing, self.catalogue)

        def counted(register: Register) -> pa.Table:
            return self.session.sql(sql(register.relation)).to_arrow_table()

        template = sql("rows")
        if "decided_code" in template:  # what is decided changes with every day, for everybody
            return self.register.kept(template, lambda: counted(self.register))
        return self.register.count(template, counted, of_rows=True)

    def _cell(self, planned: Planned, cell: Mapping[str, Any], final: bool) -> dict[str, Any]:
        persons = int(cell["persons"])
        total = persons if planned.indicator.unit == PERSONS else int(cell["total"])
        # Of events whose persons are all counted in other cells nothing can be judged.
        value = None if total and not persons else float(total)
        note, status = (COUNTED, "A") if final else (PRESUMED, "P")
        return {**cell, "value": value, "n": persons, "note": note, "status": status}

    def _observation(self, planned: Planned, crossing: Crossing, cell: Mapping[str, Any]) -> dict[str, Any]:
        records, indicator = self.records, planned.indicator
        measures = ("value", "model_se", "provisional_se", "lower", "upper")
        known = {m: cell.get(m) for m in measures}
        scaled = {m: None if v is None else float(v) * indicator.scale for m, v in known.items()}
        return {
            "indicator_code": indicator.indicator,
            "indicator_version": indicator.version,
            "reporter_code": records.reporter,
            **key_of({d: cell[d] for d in crossing}, records, self.catalogue),
            "source_code": records.source,
            "concept_vector": str(self.catalogue.vector(records.concept, planned.formula.concept)),
            "vintage": cell.get("vintage", ""),
            **scaled,
            "interval_type": "t-95" if cell.get("lower") is not None else None,
            "sample_n": cell["n"],
            "cases_n": cell["n"],
            "unit_code": indicator.unit,
            "obs_status_code": cell["status"],
            "method_code": "residence",
            "error_note": cell["note"],
            "derived_from": f"records:{records.source}/{records.period}",
        }
