"""Forgetting: a delivery, or one person, leaves the raw files, the cache and the builder's tables.

What is forgotten is written down (``.caudal/forgotten.json``: names and checksums, never an identifier),
and the releases that used it are marked (``releases/forgotten.json``). They stay as they are: what was
published cannot be unpublished, but its custodian must know. A file that was forgotten and comes back stops
the build. The cache is emptied whole, because any result in it may rest on what is gone; it is made again
from what is left.

A person is named by the raw identifiers of the source's key. The raw file is written anew without her rows,
so its checksum changes: the spec must say the new one. It refuses a format that it cannot write without
changing more than these rows; then the office that sent the file must send it again without them.
"""

from __future__ import annotations

import gzip
import json
import shutil
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from caudal.collect import RawFile, Register, RegisteredDelivery, open_table, register_deliveries
from caudal.engine.cache import Cache
from caudal.engine.files import sha256_file, write_bytes, write_json
from caudal.engine.session import connect, literal, quoted
from caudal.errors import CaudalError, Problem, problem
from caudal.harmonise.periods import mapping_for
from caudal.model.record import record_kinds
from caudal.model.release import MANIFEST, Manifest
from caudal.model.source import DelimitedFormat, ParquetFormat, SourceSpec
from caudal.river.folder import CountryFolder, read_folder
from caudal.river.state import STATE, locked

FORGOTTEN = "forgotten.json"


@dataclass(frozen=True)
class Forgotten:
    """What was forgotten: files that are gone, files written anew with their new checksums, rows that left
    them, other deliveries that lost a file with it, and the releases that had used them."""

    what: str
    gone: tuple[str, ...] = ()
    rewritten: Mapping[str, str] = field(default_factory=dict)
    rows: int = 0
    also: tuple[str, ...] = ()
    releases: tuple[str, ...] = ()


def forget_delivery(path: Path, name: str, date: str, *, outside: bool = False) -> Forgotten:
    """Removes the delivery ``SOURCE/PERIOD`` of the folder at ``path``.

    Raises :class:`CaudalError` (usage) where there is none of that name, or none of its files is there, or
    where one lies outside the folder, which others may use too, and ``outside`` is not said.
    """
    folder = read_folder(path)
    with locked(folder.work):
        found = [
            (s, d)
            for s in folder.sources.values()
            for d in _register(folder, s).deliveries
            if name in _names(d)
        ]
        if not found:
            known = [d.code for s in folder.sources.values() for d in _register(folder, s).deliveries]
            raise CaudalError(problem("nothing-to-forget", found=name, allowed=", ".join(known)))
        files = {f.path: f for _, d in found for f in d.files.values()}
        _refuse_outside(folder, files, outside)
        also = _others_with(folder, set(files), {d.code for _, d in found})
        for file in files.values():
            file.path.unlink()
        releases = _remember(folder, name, list(files.values()), date)
    gone = tuple(sorted(f.name for f in files.values()))
    return Forgotten(name, gone, also=also, releases=releases)


def forget_person(
    path: Path, source: str, identifiers: Sequence[str], date: str, *, outside: bool = False
) -> Forgotten:
    """Removes the rows of one person from every delivery of ``source``. ``identifiers``: the raw values of
    the columns of its key, in their order.

    Raises :class:`CaudalError` where no row is hers, or a file is in a format that cannot be written here.
    """
    folder = read_folder(path)
    spec = folder.sources.get(source)
    if spec is None:
        raise CaudalError(problem("nothing-to-forget", found=source, allowed=", ".join(folder.sources)))
    with locked(folder.work):
        rows = {d.code: _rows_of(folder, spec, d, identifiers) for d in _register(folder, spec).deliveries}
        hers = [d for d in _register(folder, spec).deliveries if rows[d.code]]
        main = next(iter(spec.tables))
        if not hers:
            allowed = ", ".join(_key_columns(spec, spec.deliveries[0].period))
            raise CaudalError(problem("nothing-to-forget", found=", ".join(identifiers), allowed=allowed))
        if unfit := _unfit(spec, [d.files[main] for d in hers]):
            raise CaudalError(*unfit)
        old = [d.files[main] for d in hers]
        _refuse_outside(folder, (f.path for f in old), outside)
        for delivery in hers:
            _write_without(delivery.files[main].path, spec, delivery, rows[delivery.code])
        releases = _remember(folder, f"{source}: 1 person", old, date)
        new = {f.name: sha256_file(f.path) for f in old}
    return Forgotten(source, (), new, sum(len(r) for r in rows.values()), releases)


def forgotten_problems(work: Path, register: Register, source: SourceSpec) -> list[Problem]:
    """Files that were forgotten and are here again."""
    known = {f["sha256"]: entry for entry in read_forgotten(work / FORGOTTEN) for f in entry["files"]}
    return [
        problem("delivery-forgotten", where=d.code, file=f.name, date=known[f.sha256]["date"])
        for d in register.deliveries
        for f in d.files.values()
        if f.sha256 in known
    ]


def read_forgotten(path: Path) -> list[dict[str, Any]]:
    """The entries of a list of what was forgotten; none where there is no such file."""
    found: list[dict[str, Any]] = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else []
    return found


def marks_of(release: Path) -> list[dict[str, Any]]:
    """What was forgotten of that which a release rests on."""
    name = release.name
    return [e for e in read_forgotten(release.parent / FORGOTTEN) if name in e["releases"]]


def _refuse_outside(folder: CountryFolder, files: Iterable[Path], allowed: bool) -> None:
    own = folder.path.resolve()
    others = [str(f) for f in files if not f.resolve().is_relative_to(own)]
    if others and not allowed:
        raise CaudalError(*(problem("forget-outside", where=f, found=Path(f).name) for f in others))


def _register(folder: CountryFolder, source: SourceSpec) -> Register:
    return register_deliveries(folder.path, source, work=folder.work)


def _others_with(folder: CountryFolder, paths: set[Path], but: set[str]) -> tuple[str, ...]:
    """The deliveries of which a file is among ``paths``, besides ``but``."""
    every = [d for s in folder.sources.values() for d in _register(folder, s).deliveries]
    return tuple(d.code for d in every if d.code not in but and paths & {f.path for f in d.files.values()})


def _names(delivery: RegisteredDelivery) -> tuple[str, str]:
    """A delivery by its code, and without the producer's edition."""
    return delivery.code, delivery.code.partition("@")[0]


def _remember(folder: CountryFolder, what: str, files: Sequence[RawFile], date: str) -> tuple[str, ...]:
    """Writes down what is gone, empties what rested on it, and marks the releases that used it."""
    listed = [{"name": f.name, "sha256": f.sha256} for f in files]
    releases = _used_in(folder.releases, {f.sha256 for f in files})
    entry = {"what": what, "date": date, "files": listed, "releases": list(releases)}
    for place in (folder.work / FORGOTTEN, folder.releases / FORGOTTEN):
        write_json(place, [*read_forgotten(place), entry])
    shutil.rmtree(folder.work / "cache", ignore_errors=True)
    for name in ("registered.json", STATE):
        (folder.work / name).unlink(missing_ok=True)
    for name in releases:
        folder.builder_side(name).unlink(missing_ok=True)
    return releases


def _used_in(releases: Path, checksums: set[str]) -> tuple[str, ...]:
    """The releases whose manifest lists one of the files."""
    manifests = sorted(releases.glob(f"*/{MANIFEST}"))
    read = ((m.parent.name, Manifest.model_validate_json(m.read_bytes())) for m in manifests)
    return tuple(name for name, manifest in read if checksums & {i.sha256 for i in manifest.inputs})


def _key_columns(source: SourceSpec, period: str) -> tuple[str, ...]:
    """The raw columns from which the identifier of a record is made."""
    columns = mapping_for(source, period).columns
    keys = record_kinds()[source.kind].key
    return tuple(c for k in keys if k in columns for c in columns[k].raw_columns)


def _rows_of(
    folder: CountryFolder, source: SourceSpec, delivery: RegisteredDelivery, identifiers: Sequence[str]
) -> list[int]:
    """Rows of the raw file that are hers, counted from 0."""
    columns = _key_columns(source, delivery.period)
    if not columns or len(columns) != len(identifiers):
        return []
    name = next(iter(source.tables))
    form = mapping_for(source, delivery.period).formats[name]
    raw = open_table(delivery.files[name], form, cache=Cache(folder.work / "cache"))
    back = {new: old for old, new in mapping_for(source, delivery.period).rename.items()}
    same = " AND ".join(
        f"CAST({quoted(back.get(c, c))} AS VARCHAR) = {literal(v)}"
        for c, v in zip(columns, identifiers, strict=True)
    )
    with connect(threads=1) as session:
        numbered = f"SELECT row_number() OVER () - 1 AS n, * FROM ({raw.relation})"
        found = session.execute(f"SELECT n FROM ({numbered}) WHERE {same} ORDER BY n").fetchall()
    return [n for (n,) in found]


def _unfit(source: SourceSpec, files: Sequence[RawFile]) -> list[Problem]:
    form = next(iter(source.tables.values())).format
    fit = isinstance(form, ParquetFormat) or (
        isinstance(form, DelimitedFormat) and all(not f.name.endswith(".zip") for f in files)
    )
    return [] if fit else [problem("forget-format", where=source.source, found=f.name) for f in files]


def _write_without(path: Path, source: SourceSpec, delivery: RegisteredDelivery, rows: Sequence[int]) -> None:
    """Writes a raw file anew without ``rows``, whole or not at all."""
    form = next(iter(mapping_for(source, delivery.period).formats.values()))
    if isinstance(form, ParquetFormat):
        table = pq.read_table(path)
        gone = set(rows)
        sink = pa.BufferOutputStream()
        pq.write_table(table.filter(pa.array([i not in gone for i in range(table.num_rows)])), sink)
        write_bytes(path, sink.getvalue().to_pybytes())
        return
    assert isinstance(form, DelimitedFormat)
    packed = path.suffix == ".gz"
    data = gzip.decompress(path.read_bytes()) if packed else path.read_bytes()
    left = without_rows(data, rows, form)
    write_bytes(path, gzip.compress(left, mtime=0) if packed else left)


def without_rows(data: bytes, rows: Sequence[int], form: DelimitedFormat) -> bytes:
    """The bytes of a delimited file without rows of data, counted from 0; all others stay as they are.

    >>> form = DelimitedFormat(type="delimited")
    >>> without_rows(b'id,name\\n1,"a\\nb"\\n2,c\\n', [0], form)
    b'id,name\\n2,c\\n'
    """
    quote = form.quote.encode()
    records, open_ = [b""], False
    for line in data.splitlines(keepends=True):
        records[-1] += line
        open_ ^= bool(quote) and line.count(quote) % 2 == 1
        if not open_:
            records.append(b"")
    first = form.skip + int(form.header)
    blank = [i for i, r in enumerate(records) if i >= first and r.strip()]
    gone = {blank[n] for n in rows}
    return b"".join(r for i, r in enumerate(records) if i not in gone)
