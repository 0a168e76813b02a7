"""The register of a source as the desk sees it: numbered deliveries in, classified rows and figures out.

Everything here rests on the deliveries up to one of them and on the residence spec, and is kept in the cache
under a key that says so: a new month numbers and foresees itself, and leaves the vintages before it as they
were. Counts go on from those of the delivery before (:mod:`~caudal.estimate.stays.growth`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from functools import cached_property
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from caudal.engine.cache import Cache, content_key
from caudal.engine.code import code_sha256
from caudal.engine.session import literal
from caudal.errors import CaudalError
from caudal.estimate.stays import columns as c
from caudal.estimate.stays.classified import write_rows
from caudal.estimate.stays.classify import Settings
from caudal.estimate.stays.cube import CubeSpec, flow_cube
from caudal.estimate.stays.dimensions import Grouping
from caudal.estimate.stays.growth import (
    MOST_NEW,
    Chosen,
    choose,
    differing,
    first_date,
    persons_of,
    rows_of,
    run_out,
    summed,
    waiting,
)
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
    """The deliveries of one source, in order, under one residence spec. ``columns``: those of the records.

    ``chosen``: some persons alone; ``stock_years``: stocks at the end of these years, not of all;
    ``with_crossings``: whether rows of crossings stand beside the stocks; ``rows``: the classified rows that
    are counted, where they are made already.
    """

    residence: ResidenceSpec
    deliveries: tuple[Numbered, ...]
    cache: Cache
    scratch: Path
    columns: frozenset[str]
    chosen: Chosen | None = None
    stock_years: tuple[int, ...] | None = None
    with_crossings: bool = True
    rows: Path | None = None

    @cached_property
    def settings(self) -> Settings:
        """Rule, repairs and status at the start."""
        return settings_of(self.residence)

    @property
    def files(self) -> list[Path]:
        """The numbered crossings that are read, in order."""
        return [self.chosen.file] if self.chosen else [d.crossings for d in self.deliveries]

    @property
    def has_crossings(self) -> bool:
        """Whether anybody crossed."""
        return rows_of(self.files) > 0

    @cached_property
    def packed(self) -> PackedRegister:
        """All that is read, with every attribute that it carries."""
        used = (*ATTRIBUTES, *([c.DECLARED_STAY] if self.settings.repair.runs is Runs.DECLARED else []))
        return self._read(self.files, tuple(n for n in used if n in self.columns))

    def _read(self, files: Sequence[Path], attributes: tuple[str, ...]) -> PackedRegister:
        # A folder of its own: parts of another reading must not take the place of these.
        spill = Path(mkdtemp(prefix="keys-", dir=self.scratch))
        reading = Reading(with_columns=attributes, memory_limit=_OPEN_FROM, spill_folder=spill)
        return read_register(files, reading)

    @cached_property
    def timing(self) -> Timing:
        """Which periods are published and final."""
        start = first_date(d.crossings for d in self.deliveries)
        return Timing.of(start, self.settings.rule, self._last, burn_in=self.residence.burn_in)

    @property
    def _last(self) -> date:
        return min(self.deliveries[-1].known_by, bounds(self.deliveries[-1].period)[1])

    @property
    def years(self) -> tuple[int, ...]:
        """Years with a stock at their end."""
        return self.timing.years if self.stock_years is None else self.stock_years

    @property
    def relation(self) -> str:
        """The classified rows as SQL."""
        return f"read_parquet({literal((self.rows or self.classified()).as_posix())})"

    def classified(self) -> Path:
        """The file of classified rows; of some persons, or of some stocks alone, it is not kept."""
        if self.chosen is None and self.with_crossings:
            place, _ = self.cache.get("stays", self._key("rows"), self._write_rows)
        else:
            place = Path(mkdtemp(prefix="rows-", dir=self.scratch))
            self._write_rows(place)
        return place / "rows.parquet"

    def _write_rows(self, part: Path) -> None:
        ends = [date(y, 12, 31) for y in self.years]
        grouping = grouping_of(self.residence, self.timing.last)
        target = part / "rows.parquet"
        write_rows(self.packed, target, self.settings, grouping, ends, with_crossings=self.with_crossings)

    def _key(self, what: str) -> str:
        spec = self.residence.model_dump(mode="json", exclude={"vintages"})
        return content_key(code_sha256("estimate"), what, self.deliveries[-1].key, spec, sorted(self.columns))

    def kept(self, what: str, make: Callable[[], pa.Table]) -> pa.Table:
        """A table of the whole register, made once."""

        def write(part: Path) -> None:
            pq.write_table(make(), part / "table.parquet")

        return pq.read_table(self.cache.get("stays", self._key(what), write)[0] / "table.parquet")

    def count(self, what: str, counted: Count, *, of_rows: bool = False) -> pa.Table:
        """A table of counts of the whole register, by way of an earlier delivery's where that is kept.

        ``counted`` must add up over persons; where it counts classified rows (``of_rows``), stocks of years
        that have ended since are counted of everybody.
        """
        return self.kept(what, lambda: summed(self._pieces(what, counted, of_rows)))

    def _pieces(self, what: str, counted: Count, of_rows: bool) -> list[tuple[pa.Table, int]]:
        step = self._step
        before = step.earlier.already(what) if step else None
        if step is None or before is None:
            return [(counted(self), 1)]
        parts = step.counted if of_rows else ((step.without, -1), (step.within, 1))
        return [(before, 1), *((counted(part), sign) for part, sign in parts if part.has_crossings)]

    def already(self, what: str) -> pa.Table | None:
        """A table of :meth:`count` if it is kept."""
        table = self.cache.folder("stays", self._key(what)) / "table.parquet"
        return pq.read_table(table) if table.is_file() else None

    def when_final(self, year: int) -> Register:
        """The register as of the delivery by which all crossings of ``year`` were decided."""
        window = timedelta(days=self.settings.rule.longest_days)
        states = map(self.as_of, range(1, len(self.deliveries) + 1))
        return next(r for r in states if date(year, 12, 31) <= r._last - window)

    def as_of(self, n: int) -> Register:
        """The register as of its first ``n`` deliveries."""
        return replace(self, deliveries=self.deliveries[:n])

    @cached_property
    def stays(self) -> pa.Table:
        """Open stays, by the day on which they become too long."""
        return self.count(_STAYS, _open_stays)

    @cached_property
    def _step(self) -> Step | None:
        """The way here from the nearest earlier delivery of which counts are kept, if there is one."""
        earlier = next(
            (r for r in map(self.as_of, reversed(range(1, len(self.deliveries)))) if r.already(_STAYS)),
            None,
        )
        if earlier is None or self.chosen is not None:
            return None
        new = [d.crossings for d in self.deliveries[len(earlier.deliveries) :]]
        if rows_of(new) > MOST_NEW * rows_of(self.files) or not set(earlier.years) <= set(self.years):
            return None
        late = run_out(earlier.stays, earlier.timing.last, self.timing.last)
        moved = np.concatenate([persons_of(new), late])
        place = Path(mkdtemp(prefix="moved-", dir=self.scratch))
        chosen = choose(self.files, len(earlier.deliveries), moved, place)
        added = tuple(y for y in self.years if y not in earlier.years)
        without, within = (
            replace(r, chosen=part, stock_years=earlier.years)
            for r, part in zip((earlier, self), chosen, strict=True)
        )
        stocks = replace(self, stock_years=added, with_crossings=False) if added else None
        return Step(earlier, without, within, stocks)

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
        held = self.as_of(n)

        def make(part: Path) -> None:
            attributes = tuple(x for x in (c.REASON, c.KNOWN_AT) if x in {*self.columns, c.KNOWN_AT})
            needed = tuple(x for x in self.residence.resident_documents if x not in attributes)
            nowcast = Nowcast(
                traveller_type="declared_reason" if c.REASON in attributes else "", snapshots=24
            )
            try:
                table = provisional_figures(
                    self._read(held.files, (*attributes, *needed)), self.settings, nowcast
                )
            except CaudalError as error:
                if any(p.code != "stays-too-few-decided-months" for p in error.problems):
                    raise
                table = _NOTHING
            pq.write_table(table, part / "table.parquet")

        return pq.read_table(self.cache.get("stays", held._key("vintage"), make)[0] / "table.parquet")

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
        rows = self.count("months", _migrations).to_pylist()
        return {r["month_code"]: r["crossings_n"] for r in rows if r["direction_code"] == direction}


@dataclass(frozen=True)
class Step:
    """From an earlier state of the register to a later one: the persons who moved, ``without`` the new
    deliveries and ``within`` them, and the stocks of years that have ended since."""

    earlier: Register
    without: Register
    within: Register
    new_stocks: Register | None

    @cached_property
    def counted(self) -> tuple[tuple[Register, int], ...]:
        """What classified rows are counted of, with signs: years of persons that differ, and new stocks."""
        place = Path(mkdtemp(prefix="years-", dir=self.within.scratch))
        before, after = differing(_rows_of(self.without), _rows_of(self.within), place)
        parts = [(replace(self.without, rows=before), -1), (replace(self.within, rows=after), 1)]
        if self.new_stocks is not None:
            parts.append((replace(self.new_stocks, rows=self.new_stocks.classified()), 1))
        return tuple(parts)


def _rows_of(register: Register) -> Path | None:
    return register.classified() if register.has_crossings else None


Count = Callable[[Register], pa.Table]


def _open_stays(register: Register) -> pa.Table:
    persons = register.chosen.persons if register.chosen else None
    return waiting(register.packed, register.settings, persons)


def _migrations(register: Register) -> pa.Table:
    return flow_cube(register.packed, register.settings, CubeSpec(by=("month", "direction")))


_STAYS = "open stays"
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
