"""The register of a source as the desk sees it: numbered deliveries in, classified rows and figures out.

Everything here rests on the deliveries up to one of them and on the residence spec, and is kept in the cache
under a key that says so: a new month numbers and foresees itself, and leaves the vintages before it as they
were.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from caudal.engine.cache import Cache, content_key
from caudal.engine.code import code_sha256
from caudal.errors import CaudalError
from caudal.estimate.stays import columns as c
from caudal.estimate.stays.classified import write_rows
from caudal.estimate.stays.classify import Settings
from caudal.estimate.stays.cube import CubeSpec, flow_cube
from caudal.estimate.stays.dimensions import Grouping
from caudal.estimate.stays.initial import InitialStatus
from caudal.estimate.stays.numbering import Numbered
from caudal.estimate.stays.observations import PROVISIONAL
from caudal.estimate.stays.populations import MovementClasses
from caudal.estimate.stays.provisional import Nowcast, provisional_figures
from caudal.estimate.stays.reading import PackedRegister, Reading, read_register
from caudal.estimate.stays.repair import RepairPolicy, Runs
from caudal.estimate.stays.rule import TWELVE_OF_SIXTEEN, Basis, ResidenceRule
from caudal.estimate.stays.timing import Timing
from caudal.model.period import bounds
from caudal.model.residence import ResidenceSpec

#: Age groups of the code list CL_AGE.
AGE_LIMITS = tuple(range(5, 80, 5))
ATTRIBUTES = (
    c.CITIZENSHIP,
    c.POST,
    c.REASON,
    c.DOCUMENT_TYPE,
    c.SEX,
    c.BIRTH,
    c.PERMITTED_STAY,
)
_OPEN_FROM = 2 << 30


def rule_of(residence: ResidenceSpec) -> ResidenceRule:
    """The residence rule of a source.

    >>> rule_of(ResidenceSpec(threshold=365, window=487)) == TWELVE_OF_SIXTEEN
    True
    """
    rule = ResidenceRule(residence.threshold, residence.window, Basis(residence.unit))
    published = TWELVE_OF_SIXTEEN
    same = (rule.threshold, rule.window, rule.basis) == (
        published.threshold,
        published.window,
        published.basis,
    )
    return published if same else rule


def settings_of(residence: ResidenceSpec) -> Settings:
    """Rule, repairs and status at the start of a source."""
    documents = {n: frozenset(codes) for n, codes in residence.resident_documents.items()}
    repair = RepairPolicy(Runs(residence.gaps), residence.duplicate_minutes)
    return Settings(rule_of(residence), repair, InitialStatus(resident_documents=documents))


def grouping_of(residence: ResidenceSpec, as_of: date | None = None) -> Grouping:
    """The groups of the dimensions, with the source's limits between kinds of movement."""
    m = residence.movements
    classes = MovementClasses(
        m.transit_hours,
        m.commuter_stay_days,
        m.commuter_entries,
        m.commuter_window_days,
        m.circular_entries,
        m.long_stay_days,
    )
    return Grouping(age_limits=AGE_LIMITS, classes=classes, as_of=as_of)


@dataclass(frozen=True)
class Register:
    """The deliveries of one source, in order, under one residence spec. ``columns``: those of the records."""

    residence: ResidenceSpec
    deliveries: tuple[Numbered, ...]
    cache: Cache
    scratch: Path
    columns: frozenset[str]

    @cached_property
    def settings(self) -> Settings:
        """Rule, repairs and status at the start."""
        return settings_of(self.residence)

    @property
    def has_crossings(self) -> bool:
        """Whether any delivery has a crossing."""
        return any(pq.read_metadata(d.crossings).num_rows for d in self.deliveries)

    @cached_property
    def packed(self) -> PackedRegister:
        """All deliveries, with every attribute that they carry."""
        used = (*ATTRIBUTES, *([c.DECLARED_STAY] if self.settings.repair.runs is Runs.DECLARED else []))
        return self._read(self.deliveries, tuple(n for n in used if n in self.columns))

    def _read(self, deliveries: Sequence[Numbered], attributes: tuple[str, ...]) -> PackedRegister:
        # A folder of its own: parts of another reading must not take the place of these.
        spill = Path(mkdtemp(prefix="keys-", dir=self.scratch))
        reading = Reading(with_columns=attributes, memory_limit=_OPEN_FROM, spill_folder=spill)
        return read_register([d.crossings for d in deliveries], reading)

    @cached_property
    def timing(self) -> Timing:
        """Which periods are published and final."""
        last = min(self.deliveries[-1].known_by, bounds(self.deliveries[-1].period)[1])
        return Timing.of(self.packed, self.settings.rule, last, burn_in=self.residence.burn_in)

    def classified(self) -> Path:
        """The file of classified rows."""
        ends = [date(y, 12, 31) for y in self.timing.years]

        def make(part: Path) -> None:
            grouping = grouping_of(self.residence, self.timing.last)
            write_rows(self.packed, part / "rows.parquet", self.settings, grouping, ends)

        return self.cache.get("stays", self._key("rows", self.deliveries), make)[0] / "rows.parquet"

    def _key(self, what: str, deliveries: Sequence[Numbered]) -> str:
        spec = self.residence.model_dump(mode="json", exclude={"vintages"})
        return content_key(code_sha256("estimate"), what, deliveries[-1].key, spec, sorted(self.columns))

    def kept(self, what: str, make: Any) -> pa.Table:
        """A table of the whole register, made once."""

        def write(part: Path) -> None:
            pq.write_table(make(), part / "table.parquet")

        return pq.read_table(
            self.cache.get("stays", self._key(what, self.deliveries), write)[0] / "table.parquet"
        )

    def foreseen(self, direction: str, width: int, time: str) -> list[dict[str, Any]]:
        """Provisional migrations of the open periods as of each kept delivery, months or (width 4) years.

        A year is the sum of its months, final and foreseen; their errors are added in full, as if all months
        erred together.
        """
        found = []
        kept = self.deliveries[max(0, len(self.deliveries) - 1 - self.residence.vintages) :]
        for n, delivery in enumerate(kept, len(self.deliveries) - len(kept) + 1):
            own = "" if n == len(self.deliveries) else delivery.period
            table = self._vintage(n)
            months = [r for r in table.to_pylist() if r["direction_code"] == direction]
            if width == 4:
                months = self._years(months) if not own else []
            found += [_foreseen(r, own, time) for r in months if self.timing.is_published(r["month_code"])]
        return [r for r in found if not self.timing.is_final(r[time]) or r["vintage"]]

    def _vintage(self, n: int) -> pa.Table:
        """Provisional figures as the first ``n`` deliveries gave them; empty where too little was decided."""
        held = self.deliveries[:n]

        def make(part: Path) -> None:
            attributes = tuple(x for x in (c.REASON, c.KNOWN_AT) if x in {*self.columns, c.KNOWN_AT})
            needed = tuple(x for x in self.residence.resident_documents if x not in attributes)
            nowcast = Nowcast(
                traveller_type="declared_reason" if c.REASON in attributes else "", snapshots=24
            )
            try:
                table = provisional_figures(self._read(held, (*attributes, *needed)), self.settings, nowcast)
            except CaudalError as error:
                if any(p.code != "stays-too-few-decided-months" for p in error.problems):
                    raise
                table = _NOTHING
            pq.write_table(table, part / "table.parquet")

        return pq.read_table(self.cache.get("stays", self._key("vintage", held), make)[0] / "table.parquet")

    def _years(self, months: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """Whole years with an open month."""
        if not months:
            return []
        counts = self.migrations_by_month(months[0]["direction_code"])
        by_month = {r["month_code"]: r for r in months}
        found = []
        for year in sorted({m[:4] for m in by_month}):
            named = [f"{year}-{m:02d}" for m in range(1, 13)]
            if self.timing.is_published(year) and not self.timing.is_final(year):
                parts = [by_month.get(m) or _certain(counts.get(m, 0)) for m in named]
                summed = {k: sum(p[k] for p in parts) for k in (*_SUMMED, "presumed_n")}
                found.append({"month_code": year, **summed})
        return found

    def migrations_by_month(self, direction: str) -> Mapping[str, int]:
        """Recorded migrations of one direction by month."""
        rows = self.kept("months", self._migrations).to_pylist()
        return {r["month_code"]: r["crossings_n"] for r in rows if r["direction_code"] == direction}

    def _migrations(self) -> pa.Table:
        return flow_cube(self.packed, self.settings, CubeSpec(by=("month", "direction")))


_SUMMED = ("value", "provisional_se", "lower", "upper")
_NOTHING = pa.table(
    {
        "month_code": pa.array([], pa.string()),
        "direction_code": pa.array([], pa.string()),
        **{n: pa.array([], pa.float64()) for n in _SUMMED},
        "presumed_n": pa.array([], pa.int64()),
    }
)


def _certain(count: int) -> dict[str, Any]:
    return {"value": count, "provisional_se": 0.0, "lower": count, "upper": count, "presumed_n": count}


def _foreseen(row: Mapping[str, Any], vintage: str, time: str) -> dict[str, Any]:
    """A cell of a provisional figure; whole persons, since a figure stands for people."""
    numbers = {n: float(np.round(row[n])) for n in ("value", "lower", "upper")}
    return {
        time: row["month_code"],
        "vintage": vintage,
        **numbers,
        "provisional_se": float(row["provisional_se"]),
        "n": int(row["presumed_n"]),
        "note": "meant-for-final",
        "status": PROVISIONAL,
    }
