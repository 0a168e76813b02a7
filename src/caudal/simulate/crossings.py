"""A register of border crossings with its truth: who crossed, what the register saw of it, when it knew.

Travellers of eight types (residents, visitors, commuters, immigrants, emigrants, transit, seasonal
workers, long visitors near the threshold of residence) get alternating spells inside and outside. The
*true* crossings are those spells; the *register* is what remains after losses, repetitions and late
loading, in one Parquet file a month of receipt. A border closure cancels most new arrivals and moves the
other crossings, in order, to its end. Same seed, same bytes.

The shares, rates and durations below are invented. The generator tests methods; it describes no country,
and a figure made from it is never evidence about one.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from types import MappingProxyType

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from caudal.errors import CaudalError, problem

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]

#: Events that the travellers below make in six years.
EVENTS_OF_A_THOUSAND = 1145
#: Travellers per thousand events (nominal) of the register, by type.
TRAVELLERS_PER_THOUSAND_EVENTS = MappingProxyType(
    {
        "resident": 46.0,
        "visitor": 92.0,
        "commuter": 0.9,
        "immigrant": 3.2,
        "emigrant": 3.4,
        "transit": 18.0,
        "seasonal": 4.0,
        "long_visitor": 2.4,
    }
)
#: Types that live in the country when the register begins.
RESIDENT_TYPES = ("resident", "emigrant")
TYPES = tuple(TRAVELLERS_PER_THOUSAND_EVENTS)
SPELLS_BY_TYPE = MappingProxyType(
    {
        "resident": 12,
        "visitor": 6,
        "commuter": 600,
        "immigrant": 14,
        "emigrant": 12,
        "transit": 2,
        "seasonal": 12,
        "long_visitor": 4,
    }
)
DECLARED_REASON = MappingProxyType(
    {
        "resident": "return",
        "visitor": "tourism",
        "commuter": "work",
        "immigrant": "residence",
        "emigrant": "return",
        "transit": "transit",
        "seasonal": "work",
        "long_visitor": "study",
    }
)
CITIZENSHIPS = ("PAN", "CRI", "COL", "VEN", "NIC", "HTI", "CUB", "USA", "ESP", "CHN")
CITIZENSHIP_SHARES = (0.04, 0.16, 0.2, 0.18, 0.14, 0.06, 0.05, 0.09, 0.05, 0.03)
POSTS = ("AIR", "N1", "N2", "S1", "SEA", "E1")
POST_SHARES = (0.5, 0.16, 0.1, 0.12, 0.04, 0.08)
MEANS_BY_POST = ("air", "land", "land", "land", "sea", "land")
MINUTES_A_DAY = 1440
EVENTS_A_BLOCK = 4_000_000


@dataclass(frozen=True)
class RegisterErrors:
    """What goes wrong between a crossing and its record, as shares of the true crossings.

    ``late_share`` of the records arrive one to six months after the month of the crossing.
    """

    lost_share: float = 0.0
    repeated_share: float = 0.005
    late_share: float = 0.0


@dataclass(frozen=True)
class SimulatedRegister:
    """Where a simulated register lies: ``deliveries`` (one file a month of receipt), ``persons`` (type,
    sex, birth, citizenship, status at the start) and ``truth`` (every true crossing, with what became
    of its record); ``truth`` is None where it was not asked for."""

    folder: Path
    deliveries: tuple[Path, ...]
    persons: Path
    truth: Path | None
    events: int
    people: int


@dataclass(frozen=True)
class Plan:
    """What to simulate: a span of whole months, errors of the register, a closure of the border.

    ``closure`` is a pair of dates; ``first_citizenship`` is that of the country itself; ``travellers`` per
    thousand nominal events, by type.
    """

    start: date = date(2018, 1, 1)
    months: int = 72
    errors: RegisterErrors = RegisterErrors()
    closure: tuple[date, date] | None = None
    first_citizenship: str = "PAN"
    travellers: Mapping[str, float] = field(default_factory=lambda: TRAVELLERS_PER_THOUSAND_EVENTS)

    @property
    def start_day(self) -> int:
        """First day, in days since 1970-01-01."""
        return self.start.toordinal() - date(1970, 1, 1).toordinal()

    @property
    def end_day(self) -> int:
        """The day after the last, in days since 1970-01-01."""
        first = np.datetime64(self.start, "M") + self.months
        return int(first.astype("datetime64[D]").astype(np.int64))


def simulate_crossings(
    folder: Path,
    *,
    events: int,
    seed: int,
    plan: Plan | None = None,
    truth: bool = True,
    identifiers: bool = False,
) -> SimulatedRegister:
    """Write a register of about ``events`` records under ``folder`` and say where it lies.

    ``identifiers`` adds the column ``identifier`` (the raw number of a document) for exercises of
    pseudonymisation. Raises :class:`~caudal.errors.CaudalError` for a span shorter than a month or
    shares outside 0 to 1.

    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as place:
    ...     made = simulate_crossings(Path(place), events=2000, seed=1)
    ...     1000 < made.events < 3500, len(made.deliveries) >= 72
    (True, True)
    """
    plan = plan or Plan()
    _check(plan, events)
    folder.mkdir(parents=True, exist_ok=True)
    deliveries = _Deliveries(folder / "deliveries")
    persons_path, truth_path = folder / "persons.parquet", folder / "truth.parquet"
    people = written = 0
    persons_sink = _Sink(persons_path)
    truth_sink = _Sink(truth_path) if truth else None
    for block in _blocks(plan, events, seed):
        block_persons, crossings = block
        numbered = np.arange(people, people + len(block_persons), dtype=np.int64)
        persons_sink.write(block_persons.add_column(0, "person_id", pa.array(numbered)))
        crossings = _with_person_id(crossings, people, identifiers)
        if truth_sink is not None:
            truth_sink.write(crossings.drop_columns(["copies_n"]))
        written += deliveries.write(_records(crossings))
        people += len(block_persons)
    for sink in (persons_sink, truth_sink):
        if sink is not None:
            sink.close()
    files = deliveries.close()
    return SimulatedRegister(folder, files, persons_path, truth_path if truth else None, written, people)


def _check(plan: Plan, events: int) -> None:
    wrong = []
    if plan.months < 1:
        wrong.append(problem("simulate-crossings-span", found=plan.months))
    if events < 0:
        wrong.append(problem("simulate-crossings-events", found=events))
    for name in ("lost_share", "repeated_share", "late_share"):
        share = getattr(plan.errors, name)
        if not 0 <= share <= 1:
            wrong.append(problem("simulate-crossings-share", name=name, found=share))
    if wrong:
        raise CaudalError(*wrong)


def _blocks(plan: Plan, events: int, seed: int) -> Iterator[tuple[pa.Table, pa.Table]]:
    """Persons and their crossings, a few million events at a time, so that any size fits in memory."""
    count = max(1, -(-events // EVENTS_A_BLOCK))
    for number, child in enumerate(np.random.SeedSequence(seed).spawn(count)):
        size = events // count + (1 if number < events % count else 0)
        yield _block(plan, size, np.random.default_rng(child))


def _block(plan: Plan, events: int, random: np.random.Generator) -> tuple[pa.Table, pa.Table]:
    scale = events / EVENTS_OF_A_THOUSAND
    counts = {name: int(random.poisson(per * scale)) for name, per in plan.travellers.items()}
    type_index = np.repeat(np.arange(len(TYPES)), [counts[name] for name in TYPES])
    type_index = random.permutation(type_index)
    person, minute, inside = _itineraries(type_index, plan, random)
    persons = _persons(type_index, plan, random)
    return persons, _crossings(persons, type_index, person, minute, inside, plan, random)


def _itineraries(
    type_index: Ints, plan: Plan, random: np.random.Generator
) -> tuple[Ints, Ints, npt.NDArray[np.bool_]]:
    """True crossings of every person within the span: person row, minute, whether it is an entry."""
    persons, minutes, sides = [], [], []
    for index, name in enumerate(TYPES):
        rows = np.flatnonzero(type_index == index)
        days = _crossing_days(name, len(rows), plan, random)
        if plan.closure is not None:
            days = _closed(days, plan.closure, name, random)
        minute = np.floor(days * MINUTES_A_DAY).astype(np.int64)
        # Two crossings of one person never share a minute: the truth has no ties.
        minute = np.maximum.accumulate(minute - np.arange(minute.shape[1]), axis=1) + np.arange(
            minute.shape[1]
        )
        kept = (minute >= plan.start_day * MINUTES_A_DAY) & (minute < plan.end_day * MINUTES_A_DAY)
        entry_first = name not in RESIDENT_TYPES
        inside = (np.arange(minute.shape[1]) % 2 == 0) == entry_first
        persons.append(np.broadcast_to(rows[:, None], minute.shape)[kept])
        minutes.append(minute[kept])
        sides.append(np.broadcast_to(inside, minute.shape)[kept])
    return np.concatenate(persons), np.concatenate(minutes), np.concatenate(sides)


def _crossing_days(name: str, people: int, plan: Plan, random: np.random.Generator) -> Floats:
    """Days (with their fraction) of the successive crossings, shape (people, spells of the type)."""
    span = plan.end_day - plan.start_day
    spells = _spells(name, (people, SPELLS_BY_TYPE[name]), random)
    lead = {"resident": 0, "commuter": 300, "emigrant": 0}.get(name, 500)
    first = random.uniform(-lead, span, people)
    if name == "seasonal":
        first = np.floor(first / 365.25) * 365.25 + random.normal(60, 25, people) % 365.25
    if name == "visitor":
        first = _with_season(first, span, random)
    if lead:
        # Nobody who is not a resident may be inside when the register begins.
        first = np.where(first < 0, random.uniform(0, span, people), first)
    return np.asarray(plan.start_day + np.cumsum(np.column_stack([first, spells[:, :-1]]), axis=1))


def _with_season(first: Floats, span: int, random: np.random.Generator) -> Floats:
    """Arrivals pulled towards the start of the year, as tourism is."""
    swing = 30 * np.cos(2 * np.pi * first / 365.25) + random.normal(0, 5, len(first))
    return np.asarray(np.mod(first - swing, span))


def _spells(name: str, shape: tuple[int, int], random: np.random.Generator) -> Floats:
    """Lengths in days of the successive spells; even columns on the side of the first crossing."""
    here, there = np.empty((shape[0], (shape[1] + 1) // 2)), np.empty((shape[0], shape[1] // 2))
    here[:], there[:] = _SPELL_MAKERS[name](random, here.shape, there.shape)
    spells = np.empty(shape)
    spells[:, 0::2], spells[:, 1::2] = here, there
    return np.maximum(spells, 0.02)


def _lognormal(random: np.random.Generator, median: float, sigma: float, shape: tuple[int, int]) -> Floats:
    return np.asarray(median * np.exp(sigma * random.standard_normal(shape)))


def _resident_spells(
    random: np.random.Generator, away: tuple[int, int], home: tuple[int, int]
) -> tuple[Floats, Floats]:
    return _lognormal(random, 10, 0.9, away), random.exponential(700, home)


def _visitor_spells(
    random: np.random.Generator, here: tuple[int, int], away: tuple[int, int]
) -> tuple[Floats, Floats]:
    return _lognormal(random, 8, 0.9, here), random.exponential(1500, away) + 20


def _commuter_spells(
    random: np.random.Generator, here: tuple[int, int], away: tuple[int, int]
) -> tuple[Floats, Floats]:
    weekend = np.where(random.random(away) < 0.25, random.integers(1, 4, away), 0)
    return random.uniform(0.3, 0.5, here), random.uniform(0.5, 0.7, away) + weekend


def _immigrant_spells(
    random: np.random.Generator, here: tuple[int, int], away: tuple[int, int]
) -> tuple[Floats, Floats]:
    """Long stays broken by visits home; one in eight leaves for good after one to four years."""
    stay, visit = random.exponential(420, here) + 15, _lognormal(random, 18, 0.7, away)
    leaves = random.random(away) < 0.125
    return stay, np.where(leaves, random.uniform(400, 3000, away), visit)


def _emigrant_spells(
    random: np.random.Generator, away: tuple[int, int], home: tuple[int, int]
) -> tuple[Floats, Floats]:
    absence, visit = random.exponential(500, away) + 15, _lognormal(random, 15, 0.7, home)
    returns = random.random(home) < 0.2
    return absence, np.where(returns, random.uniform(400, 3000, home), visit)


def _transit_spells(
    random: np.random.Generator, here: tuple[int, int], away: tuple[int, int]
) -> tuple[Floats, Floats]:
    return random.uniform(0.05, 0.95, here), np.full(away, 4000.0)


def _seasonal_spells(
    random: np.random.Generator, here: tuple[int, int], away: tuple[int, int]
) -> tuple[Floats, Floats]:
    season = np.clip(random.normal(150, 40, here), 40, 300)
    return season, np.maximum(365 - season[:, : away[1]] + random.normal(0, 12, away), 10)


def _long_visitor_spells(
    random: np.random.Generator, here: tuple[int, int], away: tuple[int, int]
) -> tuple[Floats, Floats]:
    """Students, projects: stays on both sides of the threshold."""
    return np.clip(random.normal(330, 110, here), 60, 900), random.exponential(200, away) + 10


_SPELL_MAKERS = MappingProxyType(
    {
        "resident": _resident_spells,
        "visitor": _visitor_spells,
        "commuter": _commuter_spells,
        "immigrant": _immigrant_spells,
        "emigrant": _emigrant_spells,
        "transit": _transit_spells,
        "seasonal": _seasonal_spells,
        "long_visitor": _long_visitor_spells,
    }
)


def _closed(days: Floats, closure: tuple[date, date], name: str, random: np.random.Generator) -> Floats:
    """Crossings under a closure: nine in ten newcomers stay away; everyone else crosses, in the same
    order, in the fortnight after the border opens again."""
    epoch = date(1970, 1, 1).toordinal()
    shut, opened = (d.toordinal() - epoch for d in closure)
    squeezed = opened + (days - shut) * 15 / (opened - shut + 15)
    moved = np.where((days >= shut) & (days < opened + 15), squeezed, days)
    if name in RESIDENT_TYPES:
        return moved
    newcomer = (days[:, 0] >= shut) & (days[:, 0] < opened) & (random.random(len(days)) < 0.9)
    never = np.full_like(moved, 1e6)
    return np.where(newcomer[:, None], never, moved)


def _persons(type_index: Ints, plan: Plan, random: np.random.Generator) -> pa.Table:
    n = len(type_index)
    foreign = random.choice(len(CITIZENSHIPS), n, p=CITIZENSHIP_SHARES)
    resident = np.isin(type_index, [TYPES.index(t) for t in RESIDENT_TYPES])
    citizenship = np.where(resident & (random.random(n) < 0.85), 0, foreign)
    citizenship = np.where(~resident & (citizenship == 0) & (random.random(n) < 0.7), 2, citizenship)
    names = (plan.first_citizenship, *CITIZENSHIPS[1:])
    age_days = random.gamma(6.0, 6.0, n) * 365.25
    birth = (plan.start_day - age_days).astype(np.int32)
    return pa.table(
        {
            "type_code": _coded(type_index, TYPES),
            "resident_at_start": pa.array(resident),
            "citizenship_code": _coded(citizenship, names),
            "sex_code": _coded(random.integers(0, 2, n), ("F", "M")),
            "birth_date": pa.array(birth).cast(pa.date32()),
        }
    )


def _crossings(
    persons: pa.Table,
    type_index: Ints,
    person: Ints,
    minute: Ints,
    inside: npt.NDArray[np.bool_],
    plan: Plan,
    random: np.random.Generator,
) -> pa.Table:
    """One row a true crossing with its attributes and what becomes of its record, in order of time."""
    order = np.argsort(minute, kind="stable")
    person, minute, inside = person[order], minute[order], inside[order]
    n, kind = len(person), type_index[person]
    post = random.choice(len(POSTS), n, p=POST_SHARES)
    declared = np.where(kind == TYPES.index("immigrant"), 730, random.integers(1, 30, n))
    declared = np.where(kind == TYPES.index("long_visitor"), random.integers(90, 400, n), declared)
    asked = inside & ~np.isin(kind, [TYPES.index(t) for t in RESIDENT_TYPES])
    columns: dict[str, pa.Array] = {
        "person_row": pa.array(person),
        "crossing_at": pa.array(minute * 60).cast(pa.timestamp("s")),
        "direction_code": _coded(inside.astype(np.int64), ("exit", "entry")),
        "post_code": _coded(post, POSTS),
        "means_code": _coded(post, MEANS_BY_POST),
    }
    for name in ("citizenship_code", "sex_code", "birth_date"):
        columns[name] = persons[name].combine_chunks().take(pa.array(person))
    columns |= {
        "document_type_code": _coded((post == 0).astype(np.int64), ("identity_card", "passport")),
        "declared_reason_code": _coded(kind, tuple(DECLARED_REASON[t] for t in TYPES)),
        "declared_stay_days": pa.array(declared.astype(np.int16), mask=~asked),
        "permitted_stay_days": pa.array(
            np.where(kind == TYPES.index("immigrant"), 730, 90).astype(np.int16), mask=~asked
        ),
        "known_at": pa.array(_known_days(minute, plan, random)).cast(pa.date32()),
        "copies_n": pa.array(_copies(n, plan.errors, random)),
    }
    table = pa.table(columns)
    return table.append_column("is_lost", pa.array(columns["copies_n"].to_numpy(zero_copy_only=False) == 0))


def _known_days(minute: Ints, plan: Plan, random: np.random.Generator) -> npt.NDArray[np.int32]:
    """The first day of the month after the crossing, or of one of the six months after that if late."""
    month = (minute // MINUTES_A_DAY).astype("datetime64[D]").astype("datetime64[M]")
    late = random.random(len(minute)) < plan.errors.late_share
    months_late = np.where(late, random.integers(1, 7, len(minute)), 0)
    return np.asarray((month + 1 + months_late).astype("datetime64[D]").astype(np.int32))


def _copies(n: int, errors: RegisterErrors, random: np.random.Generator) -> npt.NDArray[np.int8]:
    copies = np.where(random.random(n) < errors.repeated_share, 2, 1)
    return np.where(random.random(n) < errors.lost_share, 0, copies).astype(np.int8)


def _with_person_id(crossings: pa.Table, first: int, identifiers: bool) -> pa.Table:
    ids = crossings["person_row"].to_numpy() + first
    table = crossings.drop_columns(["person_row"]).add_column(0, "person_id", pa.array(ids))
    if not identifiers:
        return table
    # A fixed odd multiplier spreads the numbers as document numbers are spread.
    numbers = (ids.astype(np.uint64) * np.uint64(2654435761)) % np.uint64(10**11)
    text = pa.array(numbers).cast(pa.string())
    return table.append_column("identifier", text)


def _records(crossings: pa.Table) -> pa.Table:
    """The records that the register received: nothing of a lost crossing, two of a repeated one."""
    copies = crossings["copies_n"].to_numpy()
    rows = np.repeat(np.arange(len(crossings)), copies)
    return crossings.drop_columns(["copies_n", "is_lost"]).take(pa.array(rows))


def _coded(index: npt.NDArray[np.integer], names: tuple[str, ...]) -> pa.DictionaryArray:
    """Codes as texts; a text that stands for several codes enters the dictionary once."""
    texts = list(dict.fromkeys(names))
    place = np.array([texts.index(name) for name in names], np.int8)
    return pa.DictionaryArray.from_arrays(pa.array(place[index]), pa.array(texts))


class _Sink:
    """A Parquet file that is opened by the first table written to it."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._writer: pq.ParquetWriter | None = None

    def write(self, table: pa.Table) -> None:
        if self._writer is None:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            self._writer = pq.ParquetWriter(self._path, table.schema, compression="zstd", compression_level=1)
        self._writer.write_table(table.unify_dictionaries())

    def close(self) -> None:
        if self._writer is not None:
            self._writer.close()


class _Deliveries:
    """One file a month of receipt, all open at once: blocks are appended as row groups."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._sinks: dict[str, _Sink] = {}

    def write(self, records: pa.Table) -> int:
        known = records["known_at"].to_numpy().astype("datetime64[M]")
        order = np.argsort(known, kind="stable")
        months, starts = np.unique(known[order], return_index=True)
        ends = np.append(starts[1:], len(order))
        for month, start, end in zip(months, starts, ends, strict=True):
            name = str(month)
            sink = self._sinks.setdefault(name, _Sink(self._folder / f"{name}.parquet"))
            sink.write(records.take(pa.array(order[start:end])))
        return len(records)

    def close(self) -> tuple[Path, ...]:
        for sink in self._sinks.values():
            sink.close()
        return tuple(self._folder / f"{name}.parquet" for name in sorted(self._sinks))
