"""One function a command: it calls the desk and hands what comes back to :mod:`caudal.cli.show`.

Rooms are imported inside, so that ``--help`` and a build with nothing to do stay instant.
"""

from __future__ import annotations

import argparse
import datetime
from contextlib import suppress
from pathlib import Path

from caudal.cli import show
from caudal.errors import CaudalError, problem


def simulate(given: argparse.Namespace) -> int:
    """``caudal simulate``."""
    if given.folder == Path("crossings"):
        return _simulate_crossings(given)
    from caudal.simulate import simulate_country

    progress = show.Progress(given)
    report = simulate_country(
        given.folder / "data", persons=given.persons, seed=given.seed, progress=progress.step
    )
    progress.end()
    show.simulated(given, report)
    return 0


def names(given: argparse.Namespace) -> int:
    """``caudal names``."""
    from caudal.catalogue import load_catalogue
    from caudal.catalogue.names import names

    catalogue, problems = load_catalogue(given.folder)
    if problems:
        raise CaudalError(*problems)
    show.named(given, names(catalogue, given.language, given.of))
    return 0


def _simulate_crossings(given: argparse.Namespace) -> int:
    """``caudal simulate crossings``."""
    from caudal.simulate.crossings import Plan, RegisterErrors, simulate_crossings

    if given.into is None:
        raise CaudalError(problem("simulate-crossings-folder"))
    errors = RegisterErrors(given.lost, given.repeated, given.late)
    closure = tuple(given.closure) if given.closure else None
    plan = Plan(start=given.start, months=given.months, errors=errors, closure=closure)
    made = simulate_crossings(given.into, events=given.events, seed=given.seed, plan=plan)
    show.register_made(given, made)
    return 0


def stays(given: argparse.Namespace) -> int:
    """``caudal stays``."""
    from caudal.estimate.stays import ResidenceRule, Runs
    from caudal.estimate.stays.standalone import TableColumns, classify_file

    usual = TableColumns()
    table = TableColumns(
        given.person or usual.person,
        given.instant or usual.instant,
        given.direction or usual.direction,
        tuple(given.entry or usual.entries),
        tuple(given.exit or usual.exits),
    )
    target = given.out or given.file.with_name(given.file.name.partition(".")[0] + ".stays.parquet")
    rule = ResidenceRule.parse(given.rule)
    found = classify_file(
        given.file,
        target,
        rule,
        table,
        gaps=Runs(given.gaps),
        residents=given.residents,
        as_of=given.as_of,
    )
    show.classified(given, found, rule, target)
    return 0


def check(given: argparse.Namespace) -> int:
    """``caudal check``."""
    from caudal.river.folder import read_folder
    from caudal.river.opening import Opening, open_files

    folder = read_folder(given.folder)
    show.checked(given, folder, Opening() if given.specs else open_files(folder))
    return 0


def build(given: argparse.Namespace) -> int:
    """``caudal build``."""
    from caudal.river.state import unchanged

    if not given.fresh and (name := unchanged(given.folder)):
        show.unchanged(given, given.folder / "releases" / name)
        return 0
    from caudal.river.build import Options, build

    progress = show.Progress(given)
    options = Options(threads=given.threads, memory=given.memory, fresh=given.fresh, sweep=given.sweep)
    built = build(given.folder, options, progress.event)
    progress.end()
    if built.changed:
        show.built(given, built)
    else:
        show.unchanged(given, built.release)
    return 0


def source_draft(given: argparse.Namespace) -> int:
    """``caudal source draft``."""
    from caudal.engine.files import write_bytes
    from caudal.harmonise.draft import describe, draft_text, propose

    described = describe(given.file, given.dictionary)
    proposal = propose(described)
    name = given.name or show.name_of(given.file)
    data = str(given.data) if given.data else ""
    text = draft_text(
        described, proposal, source=name, period=given.period, data=data, language=given.language
    )
    if given.output:
        if given.output.exists():
            raise CaudalError(problem("draft-exists", where=str(given.output)))
        write_bytes(given.output, text.encode())
    show.drafted(given, proposal, text)
    return 0


def sign(given: argparse.Namespace) -> int:
    """``caudal sign``."""
    from caudal.river.publishing import sign_release
    from caudal.river.signing import new_key, read_key, signatory

    if given.new_key:
        show.key_made(given, given.new_key, new_key(given.new_key))
        return 0
    missing = [f"--{n}" for n in ("key", "name") if getattr(given, n) is None]
    if missing:
        raise CaudalError(problem("argument-missing", found=" ".join(missing)))
    key = read_key(given.key)
    date = given.date or datetime.date.today().isoformat()
    who = signatory(key, name=given.name, role=given.role, date=date)
    progress = show.Progress(given)
    path = sign_release(given.folder, key, who, progress.event)
    progress.end()
    show.signed(given, path, who)
    return 0


def verify(given: argparse.Namespace) -> int:
    """``caudal verify``."""
    from caudal.river.forget import marks_of
    from caudal.river.publishing import signature_of
    from caudal.river.signing import verify

    release = _release(given.release)
    problems = verify(release)
    if problems:
        raise CaudalError(*problems)
    show.verified(given, release, signature_of(release), marks_of(release))
    return 0


def serve(given: argparse.Namespace) -> int:
    """``caudal serve``."""
    from threading import Event

    from caudal.publish.server import serving
    from caudal.river.signing import verify

    release = _release(given.release)
    problems = verify(release)
    if problems:
        raise CaudalError(*problems)
    with serving(release, host=given.host, port=given.port, told=show.Served(given).line) as address:
        show.serving(given, release, address)
        with suppress(KeyboardInterrupt):  # the way in which it ends
            Event().wait()
    return 0


def diff(given: argparse.Namespace) -> int:
    """``caudal diff``."""
    from caudal.river.diff import compare_releases
    from caudal.river.publishing import signed_releases

    if given.after is None:
        signed = signed_releases(given.before / "releases")
        current = _release(given.before)
        earlier = [r for r in signed if r != current]
        if not earlier:
            raise CaudalError(problem("no-earlier-release", where=str(given.before)))
        given.before, given.after = earlier[-1], current
    show.compared(given, compare_releases(_release(given.before), _release(given.after)))
    return 0


def official(given: argparse.Namespace) -> int:
    """``caudal official``."""
    from caudal.river.official import official

    show.official(given, official(given.folder, given.source))
    return 0


def labels(given: argparse.Namespace) -> int:
    """``caudal labels``."""
    from caudal.catalogue.sheets import sheet
    from caudal.engine.files import write_bytes

    path = given.folder / "labels" / f"{given.tag}.csv"
    text, added = sheet(given.folder, given.tag, as_draft=given.draft)
    write_bytes(path, text.encode())
    show.sheet_written(given, path, added)
    return 0


def forget(given: argparse.Namespace) -> int:
    """``caudal forget``."""
    from caudal.river.forget import forget_delivery, forget_person

    date = given.date or datetime.date.today().isoformat()
    if given.person:
        found = forget_person(given.folder, given.delivery, given.person, date, outside=given.outside)
    else:
        found = forget_delivery(given.folder, given.delivery, date, outside=given.outside)
    show.forgotten(given, found)
    return 0


def trace(given: argparse.Namespace) -> int:
    """``caudal trace``."""
    from caudal.river.trace import trace

    walk = trace(given.folder, given.address, recompute=given.recompute)
    show.walked(given, walk)
    if not walk.holds:
        raise CaudalError(problem("recompute-differs", where=walk.address))
    return 0


def reconcile(given: argparse.Namespace) -> int:
    """``caudal reconcile``."""
    from caudal.river.reconcile import reconcile

    found = reconcile(given.folder, given.address, given.value, decimals=given.decimals, steps=given.steps)
    show.reconciled(given, found)
    return 0


def schemas(given: argparse.Namespace) -> int:
    """``caudal schemas``."""
    from caudal.catalogue import schemas
    from caudal.engine.files import write_json

    written = schemas()
    for name, schema in written.items():
        write_json(given.folder / f"{name}.schema.json", schema)
    show.out(given, {"schemas": sorted(written)}, "\n".join(sorted(written)))
    return 0


def _release(path: Path) -> Path:
    """A release folder, given itself or its country folder."""
    from caudal.river.state import current_release

    return current_release(path) if (path / "caudal.yaml").is_file() else path
