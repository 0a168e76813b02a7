"""A register that grows by a delivery a month, without reading its past again.

On disk: a **base** (crossings sorted by person and instant, as arrays), one **segment** a delivery since,
and the **cube**. A delivery touches only the persons in it. For each of them the base keeps a *foothold*:
the last crossing before which everything was decided when the person crossed last, and the status before
it; nothing that comes later can change either, not even a crossing that a repair puts into a gap. The
histories from the foothold on are classified without and with the new crossings, and the cube moves by the
difference. A person with a late record, older than the last crossing of the base, is classified from the
beginning.

The manifest is replaced last and atomically: a load that was killed leaves the register as it was, and a
delivery that was loaded already (by its content) changes nothing. The result equals a build from scratch;
rebuild once a year or so, because footholds stay where the base put them.

Keeps cubes of migrations by what the crossing says (month, direction, citizenship, post, reason, document).
Refuses dimensions of the person, whose late correction would change figures of persons not in a delivery.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from hashlib import sha256
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from caudal.errors import CaudalError, problem
from caudal.estimate.stays import columns as c
from caudal.estimate.stays.classify import Piece, Settings, classify_piece, map_pieces
from caudal.estimate.stays.cube import COUNT, MIGRATIONS, CellCounter, Cells, CubeSpec, flow_cube
from caudal.estimate.stays.decide import UNKNOWN_STATUS
from caudal.estimate.stays.dimensions import COLUMN_OF
from caudal.estimate.stays.initial import first_document_status
from caudal.estimate.stays.keys import Field, Ints, KeyLayout
from caudal.estimate.stays.reading import PackedRegister, Reading, read_register
from caudal.estimate.stays.repair import Crossings, Runs

MANIFEST = "manifest.json"
FIELD_BITS = 12
OF_THE_CROSSING = (
    "month",
    "direction",
    *(d for d, column in COLUMN_OF.items() if column in c.OF_THE_CROSSING),
)


@dataclass(frozen=True)
class StoredRegister:
    """A register on disk as of one load. ``labels``: texts of the coded columns, in order of appearance;
    ``deliveries``: checksums of what was loaded; ``segments``: files since the base."""

    folder: Path
    version: int
    base: str
    labels: Mapping[str, tuple[str, ...]]
    deliveries: tuple[str, ...]
    segments: tuple[str, ...]
    persons_n: int
    first_day: int
    last_day: int
    cube_file: str
    by: tuple[str, ...]

    @property
    def cube(self) -> pa.Table:
        """The cube as of the last load."""
        return pq.read_table(self.folder / self.cube_file)


def build_register(
    folder: Path,
    deliveries: Sequence[Path],
    settings: Settings,
    by: Sequence[str] = ("month", "citizenship", "direction"),
) -> StoredRegister:
    """Build base and cube from files of crossings; replaces what ``folder`` held."""
    strange = [d for d in by if d not in OF_THE_CROSSING]
    if strange:
        raise CaudalError(problem("stays-load-dimension", found=strange, allowed=OF_THE_CROSSING))
    names = tuple(COLUMN_OF[d] for d in by if d in COLUMN_OF)
    register = read_register(deliveries, Reading(with_columns=names))
    folder.mkdir(parents=True, exist_ok=True)
    version = _manifest(folder).get("version", 0) + 1
    base = f"base-{version:06d}"
    _write_base(folder / base, register, settings)
    cube_file = f"cube-{version:06d}.parquet"
    pq.write_table(flow_cube(register, settings, CubeSpec(MIGRATIONS, tuple(by))), folder / cube_file)
    stored = StoredRegister(
        folder=folder,
        version=version,
        base=base,
        labels=register.labels,
        deliveries=tuple(_checksum(p) for p in deliveries),
        segments=(),
        persons_n=register.persons_n,
        first_day=register.first_day,
        last_day=register.last_day,
        cube_file=cube_file,
        by=tuple(by),
    )
    _publish(stored)
    return stored


def open_register(folder: Path) -> StoredRegister:
    """The register that ``folder`` holds; refuses a folder without one."""
    m = _manifest(folder)
    if not m:
        raise CaudalError(problem("stays-no-register", found=folder))
    labels = {name: tuple(texts) for name, texts in m.pop("labels").items()}
    for name in ("deliveries", "segments", "by"):
        m[name] = tuple(m[name])
    return StoredRegister(folder=folder, labels=labels, **m)


def load_delivery(stored: StoredRegister, delivery: Path, settings: Settings) -> StoredRegister:
    """The register with one more delivery; the same register if it was loaded before."""
    checksum = _checksum(delivery)
    if checksum in stored.deliveries:
        return stored
    names = tuple(stored.labels)
    register = read_register([delivery], Reading(with_columns=names))
    new, labels = _as_rows(register, stored.labels)
    grown = replace(
        stored,
        version=stored.version + 1,
        labels=labels,
        deliveries=(*stored.deliveries, checksum),
        segments=(*stored.segments, f"segment-{stored.version + 1:06d}.npz"),
        persons_n=max(stored.persons_n, register.persons_n),
        first_day=min(stored.first_day, register.first_day),
        last_day=max(stored.last_day, register.last_day),
        cube_file=f"cube-{stored.version + 1:06d}.parquet",
    )
    change = _change(stored, grown, new, settings)
    np.savez(stored.folder / grown.segments[-1], person=new.person, minute=new.minute, code=new.code)
    pq.write_table(_sum_tables([stored.cube, *change], grown.by), stored.folder / grown.cube_file)
    _publish(grown)
    return grown


@dataclass(frozen=True)
class _Rows:
    """Crossings as three arrays in order of person and instant; ``code``: direction and coded columns."""

    person: Ints
    minute: npt.NDArray[np.int32]
    code: Ints

    def of(self, persons: Ints) -> _Rows:
        """The rows of some persons (sorted)."""
        rows = _ranges(*(np.searchsorted(self.person, persons, side=s) for s in ("left", "right")))
        return _Rows(self.person[rows], self.minute[rows], self.code[rows])

    def crossings(self, labels: Mapping[str, tuple[str, ...]]) -> Crossings:
        """The same as columns, put in order: sorted as one number a crossing where it fits."""
        if not len(self.person):
            return Crossings(self.person, self.minute.astype(np.int64), self.code.astype(np.uint8))
        first, width = int(self.minute.min()), FIELD_BITS * len(labels)
        minute_bits = (int(self.minute.max()) - first).bit_length()
        if int(self.person.max()).bit_length() + minute_bits + 1 + width > 63:
            return self._crossings_by_columns(labels)
        key = self.person << minute_bits
        key += self.minute
        key -= first
        key <<= 1 + width
        key |= self.code >> 1
        key |= (self.code & 1) << width
        key.sort()
        codes = {n: (key >> (FIELD_BITS * i)) & ((1 << FIELD_BITS) - 1) for i, n in enumerate(labels)}
        key >>= width
        inside = (key & 1).astype(np.uint8)
        key >>= 1
        return Crossings(key >> minute_bits, (key & ((1 << minute_bits) - 1)) + first, inside, codes)

    def _crossings_by_columns(self, labels: Mapping[str, tuple[str, ...]]) -> Crossings:
        """The same where a crossing does not fit in one number."""
        order = np.lexsort((self.code >> 1, self.code & 1, self.minute, self.person))
        code = self.code[order]
        codes = {n: (code >> (1 + FIELD_BITS * i)) & ((1 << FIELD_BITS) - 1) for i, n in enumerate(labels)}
        minute = self.minute[order].astype(np.int64)
        return Crossings(self.person[order], minute, (code & 1).astype(np.uint8), codes)


def _ranges(starts: Ints, ends: Ints) -> Ints:
    """All positions of some ranges, one after another."""
    counts = ends - starts
    jump = np.repeat(starts - np.concatenate([[0], np.cumsum(counts)[:-1]]), counts)
    return jump + np.arange(counts.sum())


def _together(pieces: Sequence[_Rows]) -> _Rows:
    return _Rows(*(np.concatenate([getattr(p, n) for p in pieces]) for n in ("person", "minute", "code")))


def _as_rows(
    register: PackedRegister, labels: Mapping[str, tuple[str, ...]]
) -> tuple[_Rows, Mapping[str, tuple[str, ...]]]:
    """A packed delivery with the codes of the store, whose labels grow at their end."""
    grown: dict[str, tuple[str, ...]] = {}
    keys, layout = register.part(0), register.layout
    code = layout.inside(keys).astype(np.int64)
    for i, (name, known) in enumerate(labels.items()):
        grown[name] = (*known, *(t for t in register.labels[name] if t not in known))
        if len(grown[name]) > 1 << FIELD_BITS:
            raise CaudalError(problem("stays-too-many-codes", column=name, most=1 << FIELD_BITS))
        place = np.array([grown[name].index(t) for t in register.labels[name]], np.int64)
        code |= place[layout.field(keys, name)] << (1 + FIELD_BITS * i)
    return _Rows(layout.person(keys), layout.minute(keys).astype(np.int32), code), MappingProxyType(grown)


def _write_base(place: Path, register: PackedRegister, settings: Settings) -> None:
    """Sorted crossings, the range of each person, and the foothold of each person with its status."""
    rows, _ = _as_rows(register, register.labels)
    place.mkdir(parents=True, exist_ok=True)
    keys = _row_keys(rows.person, rows.minute, rows.code & 1)
    foothold = np.full(register.persons_n, -1, np.int64)
    status = np.full(register.persons_n, UNKNOWN_STATUS, np.int8)
    for key, before in map_pieces(register, settings, _footholds):
        row = np.searchsorted(keys, key)
        foothold[rows.person[row]], status[rows.person[row]] = row, before
    offsets = np.searchsorted(rows.person, np.arange(register.persons_n + 1))
    arrays = {
        "minute": rows.minute,
        "code": rows.code,
        "offsets": offsets,
        "foothold": foothold,
        "status": status,
    }
    for name, array in arrays.items():
        np.save(place / f"{name}.npy", np.asarray(array))


def _row_keys(person: Ints, minute: Any, inside: Any) -> Ints:
    return np.asarray(((person << 28) + minute) * 2 + inside)


def _footholds(piece: Piece) -> tuple[Ints, npt.NDArray[np.uint8]]:
    """Keys of the footholds of a piece and the statuses before them; nothing for persons without one.

    A foothold joins cleanly to the crossing before it (both recorded, neither shares its minute with a
    neighbour), and everything before it was decided when the person crossed last.
    """
    x, n = piece.crossings, len(piece.day)
    if not n:
        return np.empty(0, np.int64), np.empty(0, np.uint8)
    same = x.person[1:] == x.person[:-1]
    alone, recorded = np.ones(n, np.bool_), np.ones(n, np.bool_)
    tied = same & (x.minute[1:] == x.minute[:-1])
    alone[1:] &= ~tied
    alone[:-1] &= ~tied
    if x.imputed is not None:
        recorded = x.imputed == 0
    joins = np.zeros(n, np.bool_)
    joins[1:] = same & recorded[1:] & recorded[:-1] & alone[1:] & alone[:-1]
    counts = np.diff(piece.offsets)
    last_day = np.repeat(piece.day[piece.offsets[1:] - 1], counts)
    after = piece.final().after
    # Another crossing on the last date itself may still change whose night it was.
    joins[1:] &= after[:-1] < last_day[1:]
    last = np.maximum.accumulate(np.where(joins, np.arange(n), -1))[piece.offsets[1:] - 1]
    held = last[last >= piece.offsets[:-1]]
    return _row_keys(x.person, x.minute, x.inside)[held], piece.statuses.before[held]


class _Base:
    """The arrays of a base, mapped and not read."""

    def __init__(self, place: Path) -> None:
        self.minute, self.code, self.offsets, self.foothold, self.status = (
            np.load(place / f"{name}.npy", mmap_mode="r")
            for name in ("minute", "code", "offsets", "foothold", "status")
        )
        self.persons_n = len(self.status)

    def rows(self, persons: Ints, starts: Ints) -> _Rows:
        """Rows of persons of the base from ``starts`` to their end."""
        ends = self.offsets[persons + 1]
        rows = _ranges(starts, ends)
        return _Rows(np.repeat(persons, ends - starts), self.minute[rows], self.code[rows])


def _change(stored: StoredRegister, grown: StoredRegister, new: _Rows, settings: Settings) -> list[pa.Table]:
    """What the new crossings add to the cube (possibly negative), one table for each way to read the past."""
    base = _Base(stored.folder / stored.base)
    persons = np.unique(new.person)
    since = [_segment(stored.folder / s).of(persons) for s in stored.segments]
    known = persons[persons < base.persons_n]
    foothold = np.full(len(persons), -1, np.int64)
    foothold[: len(known)] = base.foothold[known]
    oldest = np.full(len(persons), np.iinfo(np.int64).max)
    for rows in (*since, new):
        np.minimum.at(oldest, np.searchsorted(persons, rows.person), rows.minute)
    # A dropped person is dropped with the whole past.
    held = (foothold >= 0) & (settings.repair.runs is not Runs.DROP)
    held[held] &= base.minute[base.offsets[persons[held] + 1] - 1] <= oldest[held]
    tables = []
    for chosen, from_foothold in ((held, True), (~held, False)):
        group = persons[chosen]
        inside_base = group[group < base.persons_n]
        starts = foothold[chosen] if from_foothold else base.offsets[inside_base]
        old = _together([base.rows(inside_base, starts), *(s.of(group) for s in since)])
        status = base.status[group] if from_foothold else None
        for rows, sign in ((old, -1), (_together([old, new.of(group)]), 1)):
            tables.append(_table(grown, rows, group, status, settings, sign))
    return tables


def _segment(path: Path) -> _Rows:
    with np.load(path) as held:
        return _Rows(held["person"], held["minute"], held["code"])


def _table(
    grown: StoredRegister,
    rows: _Rows,
    persons: Ints,
    status: npt.NDArray[np.int8] | None,
    settings: Settings,
    sign: int,
) -> pa.Table:
    """The cube of some rows; ``status`` before the first of each person, or None for the settings' own."""
    numbered = replace(rows, person=np.searchsorted(persons, rows.person))
    local = numbered.crossings(grown.labels)
    start = np.full(max(len(persons), 2), UNKNOWN_STATUS, np.int8)
    if status is not None:
        start[: len(status)] = status
    elif len(local):
        first = np.flatnonzero(np.concatenate([[True], local.person[1:] != local.person[:-1]]))
        named = replace(local, person=persons[local.person])
        start[local.person[first]] = first_document_status(settings.initial, named, first, grown.labels)
    register = _nominal(grown)
    calendar = settings.rule.calendar(grown.first_day, grown.last_day)
    counter = CellCounter.of(register, CubeSpec(MIGRATIONS, grown.by))
    cells = counter.cells(classify_piece(local, start, settings, calendar)) if len(local) else Cells.none()
    return counter.table(Cells(cells.code, sign * cells.count))


def _nominal(grown: StoredRegister) -> PackedRegister:
    """A register without crossings that knows the labels and the span."""
    fields = tuple(Field(n, len(t)) for n, t in grown.labels.items())
    layout = KeyLayout(1, 0, 1, fields)
    return PackedRegister(
        layout,
        (),
        grown.labels,
        grown.persons_n,
        grown.first_day,
        grown.last_day,
        None,
        None,
        0,
        MappingProxyType({}),
    )


def _sum_tables(tables: Sequence[pa.Table], by: Sequence[str]) -> pa.Table:
    names = [f"{d}_code" for d in by]
    whole = pa.concat_tables(t.select([*names, COUNT]) for t in tables)
    summed = (
        whole.group_by(names, use_threads=False).aggregate([(COUNT, "sum")]).rename_columns([*names, COUNT])
    )
    kept = summed.filter(pa.compute.not_equal(summed[COUNT], 0))
    return kept.sort_by([(n, "ascending") for n in names])


def _checksum(path: Path) -> str:
    digest = sha256()
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


def _manifest(folder: Path) -> dict[str, Any]:
    path = folder / MANIFEST
    return dict(json.loads(path.read_text(encoding="utf-8"))) if path.exists() else {}


def _publish(stored: StoredRegister) -> None:
    """Put the manifest in place; before this, nothing of a load counts."""
    held = {n: v for n, v in vars(stored).items() if n != "folder"}
    held["labels"] = {n: list(t) for n, t in stored.labels.items()}
    part = stored.folder / (MANIFEST + ".part")
    part.write_text(json.dumps(held, indent=1, ensure_ascii=False), encoding="utf-8")
    part.replace(stored.folder / MANIFEST)
