"""The register of raw files: what arrived, from whom, under which licence, with which checksum.

A file is hashed once; its checksum is remembered with its size and time of change, so that registering an
unchanged folder reads no bytes. A file whose checksum differs from the one in the spec stops the build:
a producer who replaces a file has made a new delivery.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from caudal.collect.contract import RawFile
from caudal.collect.formats import fetch
from caudal.engine.files import sha256_file, write_json
from caudal.errors import CaudalError, Problem, problem
from caudal.model.release import MANIFEST, OBSERVATIONS, InputFile, MissingFile
from caudal.model.source import Delivery, SourceSpec

_MEMORY = "registered.json"
#: Kinds of which a period may hold nothing: nobody crosses a closed border.
_SILENT = frozenset({"crossing"})
#: In a folder of releases, the file that names the one in force.
IN_FORCE = "current.json"


@dataclass(frozen=True)
class RegisteredDelivery:
    """One delivery, its files by table (``main`` is the first table of its source)."""

    code: str
    delivery: Delivery
    files: Mapping[str, RawFile]

    @property
    def period(self) -> str:
        """The period that it is about."""
        return self.delivery.period

    def inputs(self) -> tuple[InputFile, ...]:
        """Its files as a manifest lists them, with those that describe them; each once."""
        every = {f.path: f for file in self.files.values() for f in (file, *file.beside)}
        return tuple(
            InputFile(name=f.name, sha256=f.sha256, bytes=f.bytes, period=f.period, received=f.received)
            for f in every.values()
        )


@dataclass(frozen=True)
class Register:
    """What is there of a source, and what is not."""

    deliveries: tuple[RegisteredDelivery, ...]
    missing: tuple[MissingFile, ...] = ()


def register_deliveries(
    folder: Path, source: SourceSpec, *, work: Path | None = None, fetching: bool = True
) -> Register:
    """Registers the files of all deliveries of ``source``, a source of the country folder ``folder``.

    A delivery of which a file is absent is left out, and its file listed as missing with the place from
    which it can be had; what a format can fetch (a table of a database) is fetched first, once, unless
    ``fetching`` is false. ``work`` (``folder/.caudal`` where None) remembers checksums between runs.

    Raises :class:`CaudalError` with every file whose checksum differs from its spec's.
    """
    memory = _Memory.read((work or folder / ".caudal") / _MEMORY)
    found: list[RegisteredDelivery] = []
    missing: list[MissingFile] = []
    problems: list[Problem] = []
    for delivery in source.deliveries:
        names = declared_files(source, delivery)
        for table, name in names.items():
            if fetching and locate(folder, source, name) is None:
                fetch(source.tables[table].format, folder / (source.data or "data") / name, delivery.period)
        paths = {table: locate(folder, source, name) for table, name in names.items()}
        absent = [n for t, n in names.items() if paths[t] is None]
        origin = delivery.download or source.origin
        missing.extend(MissingFile(name=n, period=delivery.period, origin=origin) for n in absent)
        if absent:
            continue
        files: dict[str, RawFile] = {}
        for table, path in paths.items():
            assert path is not None
            file = _raw_file(source, delivery, names[table], path, memory)
            files[table] = replace(file, beside=_beside(folder, source, table, delivery, memory))
            problems.extend(_checksum_problem(source, delivery, table, files[table]))
        found.append(RegisteredDelivery(delivery_code(source, delivery), delivery, files))
    memory.save()
    if problems:
        raise CaudalError(*problems)
    return Register(tuple(found), tuple(missing))


def delivery_code(source: SourceSpec, delivery: Delivery) -> str:
    """The name of a delivery: source, period and, where there is one, its producer's edition."""
    edition = f"@{delivery.vintage}" if delivery.vintage else ""
    return f"{source.source}/{delivery.period}{edition}"


def declared_files(source: SourceSpec, delivery: Delivery) -> Mapping[str, str]:
    """Table -> file name, as the spec declares them."""
    return delivery.files or {next(iter(source.tables)): delivery.file}


def locate(folder: Path, source: SourceSpec, name: str) -> Path | None:
    """Where a declared file lies: in the source's folder of data, or in ``data/`` of the country. A folder of
    releases stands for the one in force."""
    places = [folder / source.data / name, folder / "data" / name]
    found = next((p.resolve() for p in places if p.exists()), None)
    if found is None or not (found / IN_FORCE).is_file():
        return found
    release = found / str(json.loads((found / IN_FORCE).read_bytes())["release"])
    return release if release.is_dir() else None


def _raw_file(source: SourceSpec, delivery: Delivery, name: str, path: Path, memory: _Memory) -> RawFile:
    bytes_of = _release_file(path) if path.is_dir() else path
    return RawFile(
        name=name,
        path=path,
        sha256=memory.sha256(bytes_of),
        bytes=bytes_of.stat().st_size,
        period=delivery.period,
        received=delivery.received,
        origin=delivery.download or source.origin,
        licence=source.licence,
        may_be_empty=delivery.empty or source.kind in _SILENT,
    )


def _beside(
    folder: Path, source: SourceSpec, table: str, delivery: Delivery, memory: _Memory
) -> tuple[RawFile, ...]:
    """The files that describe those of ``table``, as its format and the variants of it name them."""
    form = source.tables[table].format
    changed = [form.model_copy(update=dict(v.format)) for v in source.variants if v.format]
    names = dict.fromkeys(n for f in (form, *changed) for n in f.companions)
    paths = {name: locate(folder, source, name) for name in names}
    return tuple(_raw_file(source, delivery, n, p, memory) for n, p in paths.items() if p is not None)


def _release_file(release: Path) -> Path:
    """The file that stands for a release folder: its manifest, which holds the hash of all others."""
    manifest = release / MANIFEST
    return manifest if manifest.is_file() else release / OBSERVATIONS


def _checksum_problem(source: SourceSpec, delivery: Delivery, table: str, file: RawFile) -> list[Problem]:
    declared = delivery.sha256 if isinstance(delivery.sha256, str) else delivery.sha256.get(table, "")
    if not declared or declared.lower() == file.sha256:
        return []
    where = f"sources/{source.source}.yaml"
    return [problem("raw-file-changed", where=where, file=file.name, declared=declared, found=file.sha256)]


@dataclass
class _Memory:
    """Checksums by path, with the size and time of change for which they hold."""

    path: Path
    known: dict[str, tuple[int, int, str]] = field(default_factory=dict)
    changed: bool = False

    @classmethod
    def read(cls, path: Path) -> _Memory:
        if not path.is_file():
            return cls(path)
        stored = json.loads(path.read_text(encoding="utf-8"))
        return cls(path, {name: (size, time, sha) for name, (size, time, sha) in stored.items()})

    def sha256(self, path: Path) -> str:
        state = path.stat()
        size, time, sha = self.known.get(str(path), (-1, -1, ""))
        if (size, time) != (state.st_size, state.st_mtime_ns):
            sha = sha256_file(path)
            self.known[str(path)] = (state.st_size, state.st_mtime_ns, sha)
            self.changed = True
        return sha

    def save(self) -> None:
        if self.changed:
            write_json(self.path, {name: list(state) for name, state in self.known.items()})
