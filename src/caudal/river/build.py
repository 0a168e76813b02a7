"""The build: from a country folder to a draft release with its pages, whole or not at all.

It reads every spec, registers every raw file, harmonises and estimates what is stale, lets the gate judge
all observations together, and writes the release beside its place. Nothing is changed in place, so a
process that is killed leaves the last release as it was, and the next run goes on from the last complete
result. The same inputs give the same bytes with any number of threads.
"""

from __future__ import annotations

import shutil
import time
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from caudal.collect import Register, register_deliveries
from caudal.engine.cache import Cache
from caudal.engine.files import remove_parts, sha256_file
from caudal.engine.session import connect
from caudal.errors import CaudalError, problem
from caudal.estimate.indicators import Impossible, key_dimensions
from caudal.harmonise import added, identifier_key, threshold_problems
from caudal.model.country import EngineSpec
from caudal.model.observation import conform, in_key_order
from caudal.model.release import InputFile, NotComputable, Reconciliation
from caudal.model.source import SourceSpec
from caudal.river import stages, state
from caudal.river.assemble import SourceRun
from caudal.river.designs import variance_table_path
from caudal.river.folder import CountryFolder, read_folder
from caudal.river.log import Event, Tell, silent, writing_to
from caudal.river.publishing import write_release


@dataclass(frozen=True)
class Options:
    """How to build. Threads and memory change the speed, never the bytes."""

    threads: int = 0
    memory: str = ""
    fresh: bool = False
    sweep: bool = False


@dataclass(frozen=True)
class Built:
    """What a build made: the release folder, whether anything had changed, and what is missing."""

    release: Path
    changed: bool
    seconds: float
    cells: int = 0
    suppressed: int = 0
    missing: tuple[str, ...] = ()

    @property
    def site(self) -> Path:
        """The folder of the pages."""
        return self.release / "site"


def build(path: Path, options: Options = Options(), tell: Tell = silent) -> Built:
    """Builds the country folder at ``path``; returns at once when nothing changed since the last build.

    Raises :class:`CaudalError` (spec, input, gate, environment); the last release is then untouched.
    """
    started = time.perf_counter()
    if not options.fresh and (name := state.unchanged(path)):
        return Built(path / "releases" / name, False, time.perf_counter() - started)
    seen = state.look([*state.spec_files(path), *state.code_files()])  # before reading: a later change shows
    folder = read_folder(path)
    with state.locked(folder.work):
        listener = writing_to(folder.work / "log.jsonl", tell)
        if options.fresh:
            shutil.rmtree(folder.work / "cache", ignore_errors=True)
        remove_parts(folder.work)
        return _build(folder, options, listener, seen, started)


def _build(folder: CountryFolder, options: Options, tell: Tell, seen: state.Seen, started: float) -> Built:
    cache = Cache(folder.work / "cache")
    memory = options.memory or folder.country.engine.memory
    threads = options.threads or folder.country.engine.threads
    registers = {name: _registered(folder, s, tell) for name, s in folder.sources.items()}
    seen |= state.look(_raw_files(folder, registers))
    with connect(threads=threads, memory=memory, spill=folder.work / "spill") as session:
        key = identifier_key(folder.country, folder.path)
        engine = EngineSpec(memory=memory, threads=threads)
        stage = stages.Stage(folder, cache, session, key, engine, tell)
        runs, table, used = _observations(stage, registers)
    unprotected = in_key_order(table)
    release = write_release(folder, runs, unprotected, tell)
    state.write_state(folder.work, state.State(seen, release.path.name))
    if options.sweep:
        cache.sweep(used)
    missing = tuple(m.name for r in registers.values() for m in r.missing)
    counts = release.confidentiality
    return Built(release.path, True, time.perf_counter() - started, counts.cells, counts.suppressed, missing)


def _registered(folder: CountryFolder, source: SourceSpec, tell: Tell) -> Register:
    register = register_deliveries(folder.path, source, work=folder.work)
    for missing in register.missing:
        facts = {"period": missing.period, "origin": missing.origin}
        tell(Event("collect", f"{source.source}: {missing.name}", "missing", facts=facts))
    size = sum(i.bytes for d in register.deliveries for i in d.inputs())
    tell(
        Event("collect", source.source, "made", facts={"deliveries": len(register.deliveries), "bytes": size})
    )
    return register


def _observations(
    stage: stages.Stage, registers: dict[str, Register]
) -> tuple[list[SourceRun], pa.Table, list[Path]]:
    """All observations of the country, unprotected, and what was seen of each source."""
    runs, tables, used = [], [], []
    vintage, dimensions = stage.folder.publication.vintage, key_dimensions(stage.folder.catalogue)
    for name, register in registers.items():
        source = stage.folder.sources[name]
        run = _Run(source, register)
        for delivery in register.deliveries:
            result = stages.harmonised(stage, source, delivery)
            run.seen(result.reconciliation)
            used.append(result.records.parent)
            if source.kind == "observation":
                tables.append(conform(_read(result.records), dimensions))
                continue
            records = stages.records_of(stage, source, result)
            files, impossible = stages.estimates(
                stage, records, result.records.parent.name, stage.folder.indicators()
            )
            run.lacks(impossible)
            used.extend(f.parent for f in files)
            edition = delivery.delivery.vintage or vintage
            tables.extend(_of_vintage(conform(t, dimensions), edition) for t in map(_read, files))
        runs.append(run.result(stage.folder))
    problems = [p for r in runs if r.reconciliation for p in threshold_problems(r.spec, r.reconciliation)]
    if problems:
        raise CaudalError(*problems)
    if not tables:
        raise CaudalError(problem("nothing-to-release", where=str(stage.folder.path)))
    return runs, pa.concat_tables(tables), used


def _read(file: Path) -> pa.Table:
    return pq.read_table(file)


def _of_vintage(table: pa.Table, vintage: str) -> pa.Table:
    column = table.column_names.index("vintage")
    return table.set_column(column, table.schema.field("vintage"), pa.array([vintage] * table.num_rows))


class _Run:
    """Gathers what a build sees of one source."""

    def __init__(self, source: SourceSpec, register: Register) -> None:
        self.source, self.register = source, register
        self.counts: list[Reconciliation] = []
        self.impossible: dict[str, tuple[str, ...]] = {}

    def seen(self, reconciliation: Reconciliation) -> None:
        self.counts.append(reconciliation)

    def lacks(self, impossible: tuple[Impossible, ...]) -> None:
        self.impossible.update({i.indicator: i.missing for i in impossible})

    def result(self, folder: CountryFolder) -> SourceRun:
        inputs = [i for d in self.register.deliveries for i in d.inputs()]
        table = variance_table_path(folder.path, self.source)
        if table is not None and inputs:
            inputs.append(_input_file(table, inputs[0].period))
        return SourceRun(
            self.source,
            tuple(inputs),
            self.register.missing,
            added(self.counts) if self.counts else None,
            tuple(
                NotComputable(indicator=i, source=self.source.source, missing=m)
                for i, m in sorted(self.impossible.items())
            ),
        )


def _input_file(path: Path, period: str) -> InputFile:
    return InputFile(name=path.name, sha256=sha256_file(path), bytes=path.stat().st_size, period=period)


def _raw_files(folder: CountryFolder, registers: dict[str, Register]) -> list[Path]:
    """Every raw file that a build looks for, whether it is there or not."""
    found = [f.path for r in registers.values() for d in r.deliveries for f in d.files.values()]
    for name, register in registers.items():
        source = folder.sources[name]
        found += [folder.path / source.data / m.name for m in register.missing]
        table = variance_table_path(folder.path, source)
        found += [table] if table else []
    return found
