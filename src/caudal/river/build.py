"""The build: from a country folder to a draft release with its pages, whole or not at all.

It reads every spec, registers every raw file, harmonises and estimates what is stale, lets the gate judge
all observations together, and writes the release beside its place. Nothing is changed in place, so a
process that is killed leaves the last release as it was, and the next run goes on from the last complete
result. The same inputs give the same bytes with any number of threads.
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from caudal.collect import Register, register_deliveries
from caudal.engine.cache import Cache
from caudal.engine.files import remove_parts, write_json
from caudal.engine.session import connect
from caudal.errors import CaudalError
from caudal.harmonise import identifier_key
from caudal.model.country import EngineSpec
from caudal.model.observation import in_key_order
from caudal.model.source import SourceSpec
from caudal.protect.custody import custody_problems
from caudal.river import stages, state
from caudal.river.designs import variance_table_path
from caudal.river.folder import CountryFolder, read_folder
from caudal.river.foresight import foresee
from caudal.river.forget import forgotten_problems
from caudal.river.log import Event, Tell, silent, writing_to
from caudal.river.observing import HeldBack, inputs_of_source, observe
from caudal.river.opening import to_build
from caudal.river.publishing import signed_edition, write_release
from caudal.river.truth import TRUTH


@dataclass(frozen=True)
class Options:
    """How to build. Threads and memory change the speed, never the bytes."""

    threads: int = 0
    memory: str = ""
    fresh: bool = False
    sweep: bool = False


@dataclass(frozen=True)
class Built:
    """What a build made: the release folder, whether anything had changed, what is missing, the deliveries of
    which rows are quarantined, and those without a row."""

    release: Path
    changed: bool
    seconds: float
    cells: int = 0
    suppressed: int = 0
    missing: tuple[str, ...] = ()
    held_back: tuple[HeldBack, ...] = ()
    empty: tuple[str, ...] = ()

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
            (folder.work / "registered.json").unlink(missing_ok=True)
        for place in (folder.work, folder.releases):
            remove_parts(place)
        return _build(folder, options, listener, seen, started)


def _build(folder: CountryFolder, options: Options, tell: Tell, seen: state.Seen, started: float) -> Built:
    cache = Cache(folder.work / "cache")
    memory = options.memory or folder.country.engine.memory
    threads = options.threads or folder.country.engine.threads
    registers = {name: _registered(folder, s, tell) for name, s in folder.sources.items()}
    _check_custody(folder, registers)
    seen |= state.look(_raw_files(folder, registers))
    inputs = [i for n, r in registers.items() for i in inputs_of_source(folder, folder.sources[n], r)]
    signed = signed_edition(folder, inputs, folder.spec_files())
    if signed is not None:
        write_json(folder.releases / state.CURRENT, {"release": signed.name})
        state.write_state(folder.work, state.State(seen, signed.name))
        return Built(signed, False, time.perf_counter() - started)
    with connect(threads=threads, memory=memory, spill=folder.work / "spill") as session:
        key = identifier_key(folder.country, folder.path)
        engine = EngineSpec(memory=memory, threads=threads)
        stage = stages.Stage(folder, cache, session, key, engine, tell)
        foreseen = foresee(folder, registers)
        if foreseen.new_bytes:
            tell(Event("read", foreseen.what, "made", facts=foreseen.facts()))
        observed = observe(stage, registers)
    unprotected = in_key_order(observed.table)
    release = write_release(folder, observed.runs, unprotected, tell, observed.evidence)
    seconds = time.perf_counter() - started
    state.write_state(folder.work, state.State(seen, release.path.name, foreseen.measured(seconds)))
    if options.sweep:
        cache.sweep(observed.used)
    missing = tuple(m.name for r in registers.values() for m in r.missing)
    counts = release.confidentiality
    return Built(
        release.path,
        True,
        time.perf_counter() - started,
        counts.cells,
        counts.suppressed,
        missing,
        observed.held_back,
        observed.empty,
    )


def _check_custody(folder: CountryFolder, registers: Mapping[str, Register]) -> None:
    """The gate's first question, asked before any work: may these files be used for this release at all?"""
    held = [(folder.sources[n], [d.delivery for d in r.deliveries]) for n, r in registers.items()]
    problems = custody_problems(held, folder.publication)
    for name, register in registers.items():
        problems += forgotten_problems(folder.work, register, folder.sources[name])
    if problems:
        raise CaudalError(*problems)


def _registered(folder: CountryFolder, source: SourceSpec, tell: Tell) -> Register:
    register = register_deliveries(folder.path, source, work=folder.work)
    for missing in register.missing:
        facts = {
            "period": missing.period,
            "origin": missing.origin,
            "build": to_build(folder, source, missing),
        }
        tell(Event("collect", f"{source.source}: {missing.name}", "missing", facts=facts))
    size = sum(i.bytes for d in register.deliveries for i in d.inputs())
    tell(
        Event("collect", source.source, "made", facts={"deliveries": len(register.deliveries), "bytes": size})
    )
    return register


def _raw_files(folder: CountryFolder, registers: dict[str, Register]) -> list[Path]:
    """Every raw file that a build looks for, whether it is there or not."""
    named = [f for r in registers.values() for d in r.deliveries for f in d.files.values()]
    found = [f.path for file in named for f in (file, *file.beside)]
    found.append(folder.path / TRUTH)
    for name, register in registers.items():
        source = folder.sources[name]
        found += [folder.path / source.data / m.name for m in register.missing]
        found += [
            d.path.parent / state.CURRENT
            for r in register.deliveries
            for d in r.files.values()
            if d.path.is_dir()
        ]
        table = variance_table_path(folder.path, source)
        found += [table] if table else []
    return found
