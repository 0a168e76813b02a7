"""A packed register, repaired and classified piece by piece.

A piece holds about a million crossings of whole persons, so that memory does not grow with the register,
and pieces are independent, so that threads may take them: what they give back is put together in the
order of the persons, and the result is the same with one thread or with two.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TypeVar

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from caudal.estimate.stays import columns as c
from caudal.estimate.stays.decide import Alternating, FinalDays, Statuses, final_days, statuses
from caudal.estimate.stays.initial import InitialStatus
from caudal.estimate.stays.keys import Ints, Keys
from caudal.estimate.stays.reading import MINUTES_A_DAY, PackedRegister, unpack
from caudal.estimate.stays.repair import Crossings, RepairPolicy, Repairs, repaired
from caudal.estimate.stays.rule import TWELVE_OF_SIXTEEN, ResidenceRule, RuleCalendar

Result = TypeVar("Result")


@dataclass(frozen=True)
class Settings:
    """How to classify: rule, repair of dirty histories, status at the start, threads.

    ``use_compiled``: False for the array form, None for the fastest one that is installed.
    """

    rule: ResidenceRule = TWELVE_OF_SIXTEEN
    repair: RepairPolicy = field(default_factory=RepairPolicy)
    initial: InitialStatus = field(default_factory=InitialStatus)
    threads: int = 2
    use_compiled: bool | None = None


@dataclass(frozen=True)
class Piece:
    """Classified crossings of some persons. ``offsets`` cut them into persons; ``day`` is their date."""

    crossings: Crossings
    day: npt.NDArray[np.int32]
    offsets: Ints
    statuses: Statuses
    repairs: Repairs
    calendar: RuleCalendar
    use_compiled: bool | None = None

    def at(self, rows: Ints, day: int) -> Piece:
        """The same persons with the crossings of ``rows`` alone, moved to the date ``day``."""
        taken = self.crossings.take(rows)
        return replace(self, crossings=taken, day=np.full(len(rows), day, np.int32))

    def final(self) -> FinalDays:
        """The days on which the results became final."""
        no_status_needed = np.empty(0, np.int8)
        histories = Alternating(self.offsets, self.day, self.crossings.inside, no_status_needed)
        return final_days(histories, self.statuses, self.calendar, use_compiled=self.use_compiled)


def classify_piece(
    crossings: Crossings, initial: npt.NDArray[np.int8], settings: Settings, calendar: RuleCalendar
) -> Piece:
    """Repair and classify crossings sorted by person, minute and direction.

    ``initial``: status at the start by person id, -1 unknown; or one value for all.
    """
    clean, repairs = repaired(crossings, settings.repair, initial, c.DECLARED_STAY)
    day = (clean.minute // MINUTES_A_DAY).astype(np.int32)
    first = (
        np.flatnonzero(np.concatenate([[True], clean.person[1:] != clean.person[:-1]]))
        if len(clean)
        else clean.person
    )
    offsets = np.append(first, len(clean)).astype(np.int64)
    start = initial[clean.person[first]] if len(initial) > 1 else np.full(len(first), initial[0], np.int8)
    histories = Alternating(offsets, day, clean.inside, start)
    found = statuses(histories, calendar, use_compiled=settings.use_compiled)
    return Piece(clean, day, offsets, found, repairs, calendar, settings.use_compiled)


def map_pieces(
    register: PackedRegister, settings: Settings, then: Callable[[Piece], Result]
) -> Iterator[Result]:
    """``then`` of every classified piece, in the order of the persons."""
    calendar = settings.rule.calendar(register.first_day, register.last_day)
    initial = settings.initial.by_person(register)

    def work(part: int, keys: Keys) -> Result:
        return then(classify_piece(unpack(register, part, keys), initial, settings, calendar))

    jobs = (
        (n, keys) for n in range(len(register.parts)) for keys in register.layout.chunks(register.part(n))
    )
    if settings.threads < 2:
        yield from (work(*job) for job in jobs)
        return
    waiting: deque[Future[Result]] = deque()
    with ThreadPoolExecutor(settings.threads) as pool:
        for job in jobs:
            waiting.append(pool.submit(work, *job))
            if len(waiting) > settings.threads:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()


def classify_crossings(
    register: PackedRegister, settings: Settings | None = None
) -> Iterator[pa.RecordBatch]:
    """Every crossing with its statuses, whether it is a migration, and when that became final.

    Columns: those of the register, ``is_imputed``, ``status_before_code``, ``status_after_code``,
    ``is_migration``, and the dates ``status_before_final_at``, ``status_after_final_at``,
    ``migration_final_at``. Rows in the order of person and instant.

    >>> from datetime import datetime
    >>> from caudal.estimate.stays.reading import Reading, read_register
    >>> one = pa.table({"person_id": [0], "crossing_at": [datetime(2020, 1, 1)], "direction_code": ["entry"]})
    >>> batch = next(classify_crossings(read_register(one, Reading(with_columns=()))))
    >>> batch.column("is_migration")[0].as_py(), str(batch.column("migration_final_at")[0])
    (True, '2020-12-31')
    """
    settings = settings or Settings()
    yield from map_pieces(register, settings, lambda piece: _batch(register, piece))


def write_classified(register: PackedRegister, path: Path, settings: Settings | None = None) -> int:
    """Write :func:`classify_crossings` to one Parquet file; the number of rows."""
    rows = 0
    writer: pq.ParquetWriter | None = None
    part = path.with_name(path.name + ".part")
    for batch in classify_crossings(register, settings):
        if writer is None:
            writer = _writer(part, batch.schema)
        writer.write_batch(batch)
        rows += batch.num_rows
    if writer is not None:
        writer.close()
        part.replace(path)
    return rows


def _writer(path: Path, schema: pa.Schema) -> pq.ParquetWriter:
    """Sorted ids, instants and dates lie close together: their differences are short and quick to write."""
    text = [f.name for f in schema if pa.types.is_dictionary(f.type)]
    whole = [f.name for f in schema if f.name not in text and not pa.types.is_boolean(f.type)]
    encoding = dict.fromkeys(whole, "DELTA_BINARY_PACKED")
    return pq.ParquetWriter(
        path, schema, compression="zstd", compression_level=1, use_dictionary=text, column_encoding=encoding
    )


def count_repairs(register: PackedRegister, settings: Settings | None = None) -> Repairs:
    """How often each repair was made, over the whole register."""
    return sum(map_pieces(register, settings or Settings(), lambda piece: piece.repairs), Repairs())


def _batch(register: PackedRegister, piece: Piece) -> pa.RecordBatch:
    x, s, final = piece.crossings, piece.statuses, piece.final()
    columns: dict[str, pa.Array] = {
        c.PERSON: pa.array(x.person),
        c.INSTANT: pa.array(x.minute * 60).cast(pa.timestamp("s")),
        c.DIRECTION: _texts(x.inside, (c.EXIT, c.ENTRY)),
    }
    for name, codes in x.codes.items():
        columns[name] = _texts(codes, register.labels[name]) if name in register.labels else _lengths(codes)
    imputed = x.imputed if x.imputed is not None else np.zeros(len(x), np.uint8)
    columns |= {
        "is_imputed": pa.array(imputed.view(np.bool_)),
        "status_before_code": _texts(s.before, (c.NON_RESIDENT, c.RESIDENT)),
        "status_after_code": _texts(s.after, (c.NON_RESIDENT, c.RESIDENT)),
        "is_migration": pa.array(s.migration.view(np.bool_)),
        "status_before_final_at": pa.array(final.before).view(pa.date32()),
        "status_after_final_at": pa.array(final.after).view(pa.date32()),
        "migration_final_at": pa.array(final.migration).view(pa.date32()),
    }
    return pa.record_batch(columns)


def _texts(codes: npt.NDArray[np.integer], labels: tuple[str, ...]) -> pa.DictionaryArray:
    width = np.int8 if len(labels) < 128 else np.int32
    return pa.DictionaryArray.from_arrays(pa.array(codes.astype(width)), pa.array(list(labels)))


def _lengths(codes: Ints) -> pa.Array:
    return pa.array((codes - 1).astype(np.int16), mask=codes == 0)
