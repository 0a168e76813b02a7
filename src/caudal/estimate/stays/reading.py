"""From files of crossings to a packed register: sorted keys, labels, and the attributes of persons.

A crossing that cannot be used is counted by reason and left out: no person, no instant, an unknown
direction, an instant outside the span. What a person is (sex, date of birth) is kept once a person, the
last stated value in the order of the files; what a crossing says (citizenship of the document, post) rides
in its key. Clocks that differ by post are put right with ``clock_shift_minutes``.

Memory: eight bytes a crossing, or a part of them on disk when ``memory_limit`` (bytes) is smaller.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from types import MappingProxyType
from typing import Any

import duckdb
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from caudal.errors import CaudalError, nearest, problem
from caudal.estimate.stays import columns as c
from caudal.estimate.stays.keys import Field, Ints, KeyLayout, Keys
from caudal.estimate.stays.repair import Crossings

MINUTES_A_DAY = 1440
#: With more ids than this a row, arrays by person would be mostly holes.
MOST_IDS_A_ROW = 1000
ROWS_A_BATCH = 1 << 18
DEFAULT_SPAN = (date(1970, 1, 2), date(2199, 12, 31))
_UNITS_A_MINUTE = {"s": 60, "ms": 60_000, "us": 60_000_000, "ns": 60_000_000_000}


@dataclass(frozen=True)
class Reading:
    """How to read a register.

    ``with_columns``: attributes to carry, of :mod:`caudal.estimate.stays.columns`. ``span``: dates
    outside it are impossible. ``clock_shift_minutes``: what to add to the clock of a post, by post.
    ``known_by``: leave out what the register did not know at that date (column ``known_at``); with
    ``known_at`` among the columns, the delay in months rides along, for snapshots of the past.
    ``memory_limit``: bytes for the keys; beyond it they wait on disk in ``spill_folder``.
    """

    with_columns: tuple[str, ...] = (c.CITIZENSHIP,)
    span: tuple[date, date] = DEFAULT_SPAN
    clock_shift_minutes: Mapping[str, int] = field(default_factory=dict)
    known_by: date | None = None
    memory_limit: int = 4 << 30
    spill_folder: Path | None = None


@dataclass(frozen=True)
class PackedRegister:
    """A register as sorted keys, one array a part. ``labels``: texts of the coded fields.

    ``birth_day`` (days since 1970-01-01, ``NO_DATE`` unknown) and ``sex`` (position in its labels, 0
    unknown) are indexed by person. ``rejected``: crossings left out, by reason.
    """

    layout: KeyLayout
    parts: tuple[Keys | Path, ...]
    labels: Mapping[str, tuple[str, ...]]
    persons_n: int
    first_day: int
    last_day: int
    birth_day: npt.NDArray[np.int32] | None
    sex: npt.NDArray[np.uint8] | None
    read_n: int
    rejected: Mapping[str, int]

    def part(self, number: int) -> Keys:
        """The sorted keys of a part; one that waits on disk is read and sorted now."""
        held = self.parts[number]
        if isinstance(held, Path):
            keys = np.fromfile(held, dtype=np.uint64)
            keys.sort()
            return keys
        return held

    def remove_spill(self) -> None:
        """Delete the parts that wait on disk."""
        for held in self.parts:
            if isinstance(held, Path):
                held.unlink(missing_ok=True)


NO_DATE = np.iinfo(np.int32).min


def read_register(source: Any, reading: Reading | None = None) -> PackedRegister:
    """Read crossings from Parquet files, an Arrow table, or anything with ``__arrow_c_stream__``.

    Required columns: ``person_id`` (dense integers), ``crossing_at`` (timestamp), ``direction_code``
    (``entry`` or ``exit``). Raises :class:`~caudal.errors.CaudalError` for missing columns.

    >>> from datetime import datetime
    >>> two = pa.table({"person_id": [3, 3], "crossing_at": [datetime(2020, 1, 9), datetime(2020, 1, 2)],
    ...                 "direction_code": ["exit", "entry"], "citizenship_code": ["COL", "COL"]})
    >>> read_register(two).layout.inside(read_register(two).part(0))
    array([1, 0], dtype=uint8)
    """
    reading = reading or Reading()
    tables = _Tables(source)
    _check_columns(tables.schema, reading)
    labels = {
        name: _labels(tables, name) for name in reading.with_columns if name in (*c.OF_THE_CROSSING, c.SEX)
    }
    rows, persons_n, first, last = tables.extent(reading)
    if {c.SEX, c.BIRTH} & set(reading.with_columns) and persons_n > MOST_IDS_A_ROW * (rows + 1):
        raise CaudalError(problem("stays-ids-not-dense", found=persons_n - 1, rows=rows))
    fields = tuple(_field(name, labels) for name in reading.with_columns if name not in (c.SEX, c.BIRTH))
    spill_bits = (rows * 8 * 2 // max(reading.memory_limit, 1)).bit_length()
    layout = KeyLayout.fitting(persons_n, first, last, fields, spill_bits if reading.spill_folder else 0)
    packer = _Packer(layout, labels, persons_n, reading, rows)
    for table in tables.read(_columns_to_read(tables.names, reading)):
        packer.add(table)
    return packer.register()


def unpack(register: PackedRegister, part: int, keys: Keys) -> Crossings:
    """Sorted keys as columns."""
    layout = register.layout
    codes = {f.name: layout.field(keys, f.name) for f in layout.fields}
    return Crossings(layout.person(keys, part), layout.minute(keys), layout.inside(keys), codes)


class _Tables:
    """The source as a stream of Arrow tables with dictionary-coded text."""

    def __init__(self, source: Any) -> None:
        self._paths: list[Path] = []
        self._table: pa.Table | None = None
        if isinstance(source, (str, Path)):
            place = Path(source)
            self._paths = sorted(place.rglob("*.parquet")) if place.is_dir() else [place]
        elif hasattr(source, "__arrow_c_stream__"):
            self._table = pa.table(source)
        else:
            self._paths = [Path(p) for p in source]
        missing = [p for p in self._paths if not p.exists()]
        if missing or (self._table is None and not self._paths):
            raise CaudalError(problem("stays-no-files", found=missing or [str(source)]))
        self.schema = self._table.schema if self._table is not None else pq.read_schema(self._paths[0])
        self.names: list[str] = self.schema.names

    def read(self, wanted: list[str]) -> Iterator[pa.Table]:
        if self._table is not None:
            yield self._table.select(wanted)
            return
        text = [n for n in wanted if n in (c.DIRECTION, c.SEX, *c.OF_THE_CROSSING)]
        for path in self._paths:
            with pq.ParquetFile(path, read_dictionary=text) as file:
                for batch in file.iter_batches(ROWS_A_BATCH, columns=wanted):
                    yield pa.Table.from_batches([batch]).select(wanted)

    def query(self, sql: str) -> list[tuple[Any, ...]]:
        with duckdb.connect() as session:
            if self._table is not None:
                session.register("crossings", self._table)
            else:
                session.read_parquet([str(p) for p in self._paths], union_by_name=True).create_view(
                    "crossings"
                )
            return session.execute(sql).fetchall()

    def extent(self, reading: Reading) -> tuple[int, int, int, int]:
        """Rows, persons, first and last minute within the span."""
        shift = max((abs(m) for m in reading.clock_shift_minutes.values()), default=0)
        rows, persons, first, last = (
            self._statistics()
            or self.query(
                f"SELECT count(*), max({c.PERSON}), min({c.INSTANT})::TIMESTAMP, max({c.INSTANT})::TIMESTAMP"
                " FROM crossings"
            )[0]
        )
        low, high = (d.toordinal() - date(1970, 1, 1).toordinal() for d in reading.span)
        if not rows or first is None or persons is None:
            return int(rows), 1, low * MINUTES_A_DAY, low * MINUTES_A_DAY + 1
        # A day more on each side: a zone of the column may move instants by up to a day.
        first_minute = max(_minute(first) - shift - MINUTES_A_DAY, low * MINUTES_A_DAY)
        last_minute = min(_minute(last) + shift + MINUTES_A_DAY, (high + 1) * MINUTES_A_DAY - 1)
        return int(rows), max(int(persons), 0) + 1, first_minute, max(last_minute, first_minute + 1)

    def _statistics(self) -> tuple[int, Any, Any, Any] | None:
        """Extent from the statistics that Parquet keeps, without reading the data; None if it keeps none."""
        rows, persons, firsts, lasts = 0, [], [], []
        for path in self._paths:
            metadata = pq.read_metadata(path)
            rows += metadata.num_rows
            for g in range(metadata.num_row_groups):
                group = metadata.row_group(g)
                by_name = {
                    group.column(i).path_in_schema: group.column(i).statistics
                    for i in range(group.num_columns)
                }
                person, instant = by_name.get(c.PERSON), by_name.get(c.INSTANT)
                if not (person and instant and person.has_min_max and instant.has_min_max):
                    return None
                persons.append(person.max)
                firsts.append(instant.min)
                lasts.append(instant.max)
        return (rows, max(persons), min(firsts), max(lasts)) if persons else None


def _minute(instant: Any) -> int:
    return int(np.datetime64(instant.replace(tzinfo=None), "m").astype(np.int64))


def _check_columns(schema: pa.Schema, reading: Reading) -> None:
    names: list[str] = schema.names
    known = (*c.OF_THE_CROSSING, *c.LENGTHS, c.SEX, c.BIRTH, c.KNOWN_AT)
    wrong = [
        problem("unknown-name", kind="column", found=n, allowed=known, nearest=nearest(n, known))
        for n in reading.with_columns
        if n not in known
    ]
    wanted = _wanted(reading)
    wrong += [
        problem("stays-column-missing", found=n, allowed=sorted(names), nearest=nearest(n, names))
        for n in wanted
        if n not in names and not any(p.facts["found"] == n for p in wrong)
    ]
    if c.PERSON in names and not pa.types.is_integer(schema.field(c.PERSON).type):
        wrong.append(problem("stays-person-not-number", found=str(schema.field(c.PERSON).type)))
    if wrong:
        raise CaudalError(*wrong)


def _wanted(reading: Reading) -> list[str]:
    extra = [c.POST] if reading.clock_shift_minutes else []
    extra += [c.KNOWN_AT] if reading.known_by else []
    return list(dict.fromkeys([*c.REQUIRED, *reading.with_columns, *extra]))


def _columns_to_read(names: Sequence[str], reading: Reading) -> list[str]:
    return [n for n in _wanted(reading) if n in names]


def _labels(tables: _Tables, name: str) -> tuple[str, ...]:
    found = tables.query(f"SELECT DISTINCT {name} FROM crossings WHERE {name} IS NOT NULL")
    return (c.UNKNOWN, *sorted(str(row[0]) for row in found if row[0] != c.UNKNOWN))


def _field(name: str, labels: Mapping[str, tuple[str, ...]]) -> Field:
    if name in labels:
        return Field(name, len(labels[name]))
    return Field(name, (c.LONGEST_DELAY if name == c.KNOWN_AT else c.LONGEST_LENGTH) + 2)


class _Packer:
    """Takes tables one by one, keeps keys and the attributes of persons."""

    def __init__(
        self,
        layout: KeyLayout,
        labels: Mapping[str, tuple[str, ...]],
        persons_n: int,
        reading: Reading,
        rows: int,
    ) -> None:
        self._layout, self._labels, self._reading = layout, labels, reading
        self._index = {n: {t: i for i, t in enumerate(texts)} for n, texts in labels.items()}
        self._persons_n, self._read_n = persons_n, 0
        self._rejected: dict[str, int] = {}
        wanted = reading.with_columns
        self._birth = np.full(persons_n, NO_DATE, np.int32) if c.BIRTH in wanted else None
        self._sex = np.zeros(persons_n, np.uint8) if c.SEX in wanted else None
        self._on_disk = reading.spill_folder is not None and layout.partition_bits > 0
        self._whole = np.empty(0 if layout.partition_bits else rows, np.uint64)
        self._filled = 0
        self._seen: list[tuple[int, int]] = []
        self._pieces: list[list[Keys]] = [[] for _ in range(1 << layout.partition_bits)]

    def add(self, table: pa.Table) -> None:
        self._read_n += len(table)
        values, kept = self._usable(table)
        if not kept.all():
            values = {n: v[kept] for n, v in values.items()}
        person = values[c.PERSON]
        if not len(person):
            return
        self._seen.append((int(values[c.INSTANT].min()), int(values[c.INSTANT].max())))
        if self._birth is not None:
            known = values[c.BIRTH] != NO_DATE
            self._birth[person[known]] = values[c.BIRTH][known]
        if self._sex is not None:
            known = values[c.SEX] > 0
            self._sex[person[known]] = values[c.SEX][known]
        self._keep(person, self._layout.pack(person, values[c.INSTANT], values[c.DIRECTION], values))

    def _usable(self, table: pa.Table) -> tuple[dict[str, Ints], npt.NDArray[np.bool_]]:
        """Columns as whole numbers, and which rows can be used; the others are counted by reason."""
        values: dict[str, Ints] = {
            c.PERSON: _whole(table[c.PERSON], -1),
            c.DIRECTION: _coded(table[c.DIRECTION], {c.ENTRY: 1, c.EXIT: 0}, -1),
        }
        for name in self._reading.with_columns:
            values[name] = self._value(table[name], name)
        minute, has_instant = _minutes(table[c.INSTANT])
        if self._reading.clock_shift_minutes:
            minute = minute + _coded(table[c.POST], dict(self._reading.clock_shift_minutes), 0)
        values[c.INSTANT] = minute
        if c.KNOWN_AT in values:
            values[c.KNOWN_AT] = _months_late(values[c.KNOWN_AT], minute)
        span = self._layout
        last = span.first_minute + (1 << span.minute_bits) - 1
        low, high = (d.toordinal() - date(1970, 1, 1).toordinal() for d in self._reading.span)
        in_span = (minute >= max(span.first_minute, low * MINUTES_A_DAY)) & (
            minute <= min(last, (high + 1) * MINUTES_A_DAY - 1)
        )
        reasons = {
            "no-person": values[c.PERSON] < 0,
            "no-instant": ~has_instant,
            "impossible-date": has_instant & ~in_span,
            "unknown-direction": values[c.DIRECTION] < 0,
        }
        if c.BIRTH in values:
            born = values[c.BIRTH]
            reasons["before-birth"] = (born != NO_DATE) & (minute // MINUTES_A_DAY < born)
        if self._reading.known_by is not None:
            limit = self._reading.known_by.toordinal() - date(1970, 1, 1).toordinal()
            reasons["not-yet-known"] = _whole(table[c.KNOWN_AT].cast(pa.int32()), limit + 1) > limit
        kept = np.ones(len(table), np.bool_)
        for reason, bad in reasons.items():
            count = int((bad & kept).sum())
            if count:
                self._rejected[reason] = self._rejected.get(reason, 0) + count
                kept &= ~bad
        return values, kept

    def _value(self, column: pa.ChunkedArray, name: str) -> Ints:
        if name in self._index:
            return _coded(column, self._index[name], 0)
        if name in (c.BIRTH, c.KNOWN_AT):
            return _whole(column.cast(pa.date32()).cast(pa.int32()), NO_DATE)
        return np.clip(_whole(column, -1), -1, c.LONGEST_LENGTH) + 1

    def _keep(self, person: Ints, keys: Keys) -> None:
        if not self._layout.partition_bits:
            self._whole[self._filled : self._filled + len(keys)] = keys
            self._filled += len(keys)
            return
        part = self._layout.part(person).astype(np.uint16)
        order = np.argsort(part, kind="stable")
        cuts = np.searchsorted(part[order], np.arange(len(self._pieces) + 1))
        keys = keys[order]
        for number in np.flatnonzero(np.diff(cuts)):
            piece = keys[cuts[number] : cuts[number + 1]]
            if self._on_disk:
                with self._spill(int(number)).open("ab") as file:
                    piece.tofile(file)
            else:
                self._pieces[number].append(piece)

    def _spill(self, number: int) -> Path:
        folder = self._reading.spill_folder
        assert folder is not None
        folder.mkdir(parents=True, exist_ok=True)
        return folder / f"crossings-{number:04d}.keys"

    def register(self) -> PackedRegister:
        layout = self._layout
        seen = self._seen or [(layout.first_minute, layout.first_minute)]
        return PackedRegister(
            layout,
            tuple(self._parts()),
            MappingProxyType(dict(self._labels)),
            self._persons_n,
            min(first for first, _ in seen) // MINUTES_A_DAY,
            max(last for _, last in seen) // MINUTES_A_DAY,
            self._birth,
            self._sex,
            self._read_n,
            MappingProxyType(dict(sorted(self._rejected.items()))),
        )

    def _parts(self) -> Iterable[Keys | Path]:
        if not self._layout.partition_bits:
            whole = self._whole[: self._filled]
            whole.sort()
            yield whole
            return
        for number, pieces in enumerate(self._pieces):
            if self._on_disk:
                path = self._spill(number)
                if path.exists():
                    yield path
                else:
                    yield np.empty(0, np.uint64)
                continue
            part = np.concatenate(pieces) if pieces else np.empty(0, np.uint64)
            pieces.clear()
            part.sort()
            yield part


def _months_late(known_day: Ints, minute: Ints) -> Ints:
    """Whole months between the month of a crossing and that of its record, plus one; 0 unknown."""
    known = np.where(known_day == NO_DATE, 0, known_day).astype("datetime64[D]").astype("datetime64[M]")
    crossed = (minute // MINUTES_A_DAY).astype("datetime64[D]").astype("datetime64[M]")
    months = np.clip((known - crossed).astype(np.int64), 0, c.LONGEST_DELAY)
    return np.where(known_day == NO_DATE, 0, months + 1)


def _whole(column: pa.ChunkedArray, missing: int) -> Ints:
    filled = pc.fill_null(column, pa.scalar(missing, type=column.type)) if column.null_count else column
    return np.asarray(filled.to_numpy()).astype(np.int64, copy=False)


def _coded(column: pa.ChunkedArray, index: Mapping[str, int], missing: int) -> Ints:
    """Position of each text in ``index``; ``missing`` for null and for a text that it does not have."""
    pieces = []
    for chunk in column.chunks:
        coded = chunk if pa.types.is_dictionary(chunk.type) else chunk.dictionary_encode()
        position = np.array(
            [index.get(str(t), missing) for t in coded.dictionary.to_pylist()] + [missing], np.int64
        )
        indices = pc.fill_null(coded.indices.cast(pa.int32()), len(position) - 1)
        pieces.append(position[indices.to_numpy(zero_copy_only=False)])
    return np.concatenate(pieces) if pieces else np.empty(0, np.int64)


def _minutes(column: pa.ChunkedArray) -> tuple[Ints, npt.NDArray[np.bool_]]:
    """Minutes since 1970-01-01 in local time (of the column's zone, where it has one)."""
    if not pa.types.is_timestamp(column.type):
        column = column.cast(pa.timestamp("s"))
    if column.type.tz is not None:
        column = pc.local_timestamp(column)
    has = np.ones(len(column), np.bool_)
    if column.null_count:
        has = np.asarray(column.is_valid().to_numpy())
        column = pc.fill_null(column, pa.scalar(0, type=column.type))
    ticks = column.cast(pa.int64()).to_numpy()
    return ticks // _UNITS_A_MINUTE[column.type.unit], has
