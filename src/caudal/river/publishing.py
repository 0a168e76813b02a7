"""From judged observations to a release folder: a draft, and later the signed release.

The gate judges all observations together, and against the signed releases before. Then everything is
written beside its place and renamed: observations, structure, pages and files, and last the manifest with
the hash of each. The builder keeps the unprotected observations of the release in the work folder, so that
a published cell can be walked back.
"""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

import caudal
from caudal.engine.cache import content_key
from caudal.engine.code import code_sha256
from caudal.engine.files import (
    sha256_bytes,
    sha256_file,
    write_bytes,
    write_json,
    write_table,
    writing_folder,
)
from caudal.errors import CaudalError, problem
from caudal.estimate.rates import with_derived
from caudal.model.observation import TOTAL, conform, dimensions_of, in_key_order
from caudal.model.release import (
    MANIFEST,
    OBSERVATIONS,
    SIGNATURE,
    STRUCTURE,
    Confidentiality,
    InputFile,
    Manifest,
    OutputFile,
    ReleaseStructure,
    Signatory,
    Signature,
)
from caudal.protect.gate import protect_release
from caudal.protect.ledger import EarlierRelease, methods_shown
from caudal.protect.verdict import VerdictReport
from caudal.river.assemble import SourceRun, structure
from caudal.river.changes import changes_since
from caudal.river.confidentiality import told
from caudal.river.diff import read_observations
from caudal.river.editions import carried_over
from caudal.river.evidence import NOTHING, Evidence
from caudal.river.folder import CountryFolder
from caudal.river.hierarchies import aliases, definitions, hierarchies, overlaps, unrelated
from caudal.river.log import Event, Tell
from caudal.river.pages import remember, write_pages
from caudal.river.revisions import revisions
from caudal.river.secrets import protection_secret, secret_mark
from caudal.river.signing import SIGNED, signature_over, verify, verify_cells
from caudal.river.state import CURRENT, current_release, locked
from caudal.river.truth import TRUTH, compare_with_truth
from caudal.river.verdict_page import verdict_page
from caudal.river.withdrawals import without_withdrawn

#: Ends the name of what the builder keeps of how indicators were protected.
METHODS = ".methods.json"


@dataclass(frozen=True)
class Written:
    """A release folder and what the gate did."""

    path: Path
    confidentiality: Confidentiality


def write_release(
    folder: CountryFolder,
    runs: Sequence[SourceRun],
    unprotected: pa.Table,
    tell: Tell,
    evidence: Evidence = NOTHING,
) -> Written:
    """Judges ``unprotected`` and writes the draft release; the same inputs find it already there.
    ``evidence`` is what the gate must know of the records besides."""
    earlier = signed_releases(folder.releases)
    previous = sha256_file(earlier[-1] / MANIFEST) if earlier else ""
    inputs = tuple(i for run in runs for i in run.inputs)
    specs = folder.spec_files()
    truth_file = folder.path / TRUTH
    truth_sha256 = sha256_file(truth_file) if folder.country.simulated and truth_file.is_file() else ""
    noise = secret_mark(protection_secret(folder.country, folder.policy, folder.path))
    key = content_key(code_sha256(), specs, [i.model_dump() for i in inputs], previous, truth_sha256, noise)
    path = folder.releases / f"{folder.publication.vintage}-{key[:8]}"
    tell(Event("protect", path.name, "started"))
    started = time.perf_counter()
    released, report = judged(folder, unprotected, earlier, evidence)
    released = without_withdrawn(released, folder.publication.notices)
    released, unprotected = (
        with_derived(t, folder.indicators(), folder.catalogue) for t in (released, unprotected)
    )
    released = without_withdrawn(released, folder.publication.notices)  # derived figures too
    confidentiality = told(report, released, folder.policy, folder.catalogue, folder.country.languages)
    page = verdict_page(report, folder.policy, folder.catalogue, folder.country.languages, path.name).encode()
    confidentiality = confidentiality.model_copy(update={"verdict_sha256": sha256_bytes(page)})
    facts = {"cells": confidentiality.cells, "withheld": confidentiality.suppressed}
    tell(Event("protect", path.name, "made", time.perf_counter() - started, facts))
    truth = compare_with_truth(folder, released)
    described = structure(folder, runs, released, unprotected, confidentiality, truth, previous)
    if earlier:
        revised = revisions(read_observations(earlier[-1]), released)
        changed = changes_since(earlier[-1], released, folder.publication.vintage)
        described = described.model_copy(update={"revisions": revised, "changes": changed})
    for missed in (e for e in described.expectations if not e.reproduced):
        said = {"ours": missed.ours, "published": missed.published, "where": missed.published_in}
        tell(
            Event("release", f"{missed.indicator} {missed.source} {missed.time_period}", "warning", 0.0, said)
        )
    if not path.is_dir():
        with writing_folder(path) as part:
            write_table(part / OBSERVATIONS, released)
            write_json(part / STRUCTURE, described.model_dump(mode="json"))
            site = write_pages(part, None, folder.work, tell)
            _write_manifest(part, folder, inputs, specs, previous)
        remember(site, path, folder.work)
    write_table(folder.builder_side(path.name), unprotected)
    write_bytes(folder.builder_side(path.name, ".verdict.txt"), "\n".join(report.lines()).encode())
    write_bytes(folder.builder_side(path.name, ".verdict.html"), page)
    write_json(folder.builder_side(path.name, METHODS), report.methods)
    write_json(folder.releases / CURRENT, {"release": path.name})
    return Written(path, confidentiality)


def judged(
    folder: CountryFolder,
    unprotected: pa.Table,
    earlier: Sequence[Path] = (),
    evidence: Evidence = NOTHING,
) -> tuple[pa.Table, VerdictReport]:
    """The observations with the gate's verdict, and its report. Cells that another gate has let out pass;
    what the ``earlier`` signed releases showed or withheld of the same populations counts."""
    decided = pc.is_valid(unprotected["verdict"])
    before = [_earlier(folder, release, dimensions_of(unprotected)) for release in earlier]
    own, passed = unprotected.filter(pc.invert(decided)), [unprotected.filter(decided)]
    if before:
        same, own = carried_over(own, before[-1].table)
        passed.append(same)
    sources = folder.sources.items()
    published = [n for n, s in sources if s.published_by_producer or s.kind == "observation"]
    public = tuple(dict.fromkeys([*folder.policy.public_sources, *published]))
    key_sums, contributions = evidence.by_row(own)
    released, report = protect_release(
        own,
        folder.policy.model_copy(update={"public_sources": public}),
        hierarchies=hierarchies(unprotected, folder.catalogue, folder.country.territory),
        aliases=aliases(folder.catalogue),
        indicators=folder.indicators(),
        earlier=before,
        secret=protection_secret(folder.country, folder.policy, folder.path),
        key_sums=key_sums or None,
        contributions=contributions,
        overlaps=overlaps(unprotected, folder.catalogue, folder.country.territory),
        definitions=definitions(
            folder.catalogue,
            folder.indicators(),
            {n: s.kind for n, s in sources},
            folder.country.territory,
        ),
    )
    report = replace(
        report,
        undeclared=unrelated(folder.catalogue, dimensions_of(own)),
        carried_n=sum(t.num_rows for t in passed),
    )
    return in_key_order(pa.concat_tables([released, *passed])), report


def _earlier(folder: CountryFolder, release: Path, dimensions: tuple[str, ...]) -> EarlierRelease:
    """An earlier release as the gate looks at it: its cells in the dimensions of this one."""
    table = read_observations(release)
    for name in set(dimensions_of(table)) - set(dimensions):
        table = table.filter(pc.equal(table[f"{name}_code"], TOTAL)).drop_columns([f"{name}_code"])
    path = folder.builder_side(release.name, METHODS)
    table = conform(table, dimensions)
    methods = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else methods_shown(table)
    held = folder.builder_side(release.name)
    unprotected = conform(pq.read_table(held), dimensions) if held.is_file() else None
    return EarlierRelease(table, {name: (how[0], how[1]) for name, how in methods.items()}, unprotected)


def sign_release(folder: Path, key: Ed25519PrivateKey, who: Signatory, tell: Tell) -> Path:
    """The current release of ``folder`` as ``who`` lets it out: its pages are no longer a draft.

    The observations are the draft's, byte for byte; a release that is signed already stays as it is.
    Raises :class:`CaudalError` when the draft was altered (integrity), or is under embargo (gate).
    """
    with locked(folder / ".caudal"):
        return _sign(current_release(folder), key, who, tell)


def _sign(draft: Path, key: Ed25519PrivateKey, who: Signatory, tell: Tell) -> Path:
    path = draft.with_name(draft.name.removesuffix(SIGNED) + SIGNED)
    work = path.parent.parent / ".caudal"
    problems = verify(path if path.is_dir() else draft)
    described = _described(draft) if not problems else None
    if described and described.embargo and who.date < described.embargo[:10]:
        problems = [problem("under-embargo", where=draft.name, embargo=described.embargo, date=who.date)]
    if problems:
        raise CaudalError(*problems)
    if path.is_dir():
        write_json(path.parent / CURRENT, {"release": path.name})
        return path
    manifest = Manifest.model_validate_json((draft / MANIFEST).read_bytes())
    with writing_folder(path) as part:
        for name in (OBSERVATIONS, STRUCTURE):
            shutil.copyfile(draft / name, part / name)
        site = write_pages(part, who, work, tell)
        signed = manifest.model_copy(update={"outputs": _outputs(part)})
        data = signed.model_dump_json(indent=1).encode() + b"\n"
        write_bytes(part / MANIFEST, data)
        signature = signature_over(data, key, who)
        write_json(part / SIGNATURE, signature.model_dump())
    remember(site, path, work)
    write_json(path.parent / CURRENT, {"release": path.name})
    return path


def _described(release: Path) -> ReleaseStructure:
    """The structure of a release; whoever altered it may have altered its checksum too."""
    try:
        return ReleaseStructure.model_validate_json((release / STRUCTURE).read_bytes())
    except ValueError as error:
        raise CaudalError(problem("publish-unreadable", where=str(release), reason=error)) from error


def signed_releases(releases: Path) -> list[Path]:
    """The signed releases, oldest edition first: each points at the one before it.

    Raises :class:`CaudalError` (integrity) where one is damaged or half there: the gate would not know what
    it has shown and withheld.
    """
    signed = [p for p in sorted(releases.glob(f"*{SIGNED}")) if p.is_dir()]
    if damaged := [p for release in signed for p in verify_cells(release)]:
        raise CaudalError(*damaged)
    found = {sha256_file(p / MANIFEST): p for p in signed}
    before = {sha: _manifest(p).previous for sha, p in found.items()}
    return sorted(found.values(), key=lambda p: (_depth(sha256_file(p / MANIFEST), before), p.name))


def signed_edition(
    folder: CountryFolder, inputs: Sequence[InputFile], specs: Mapping[str, str]
) -> Path | None:
    """The signed release of the present edition, where its inputs and specs are still the same; None where
    this edition is not signed. Raises :class:`CaudalError` where it is signed with other inputs or specs:
    a correction is a new edition, with a notice."""
    vintage = folder.publication.vintage
    for release in signed_releases(folder.releases):
        manifest = _manifest(release)
        if manifest.vintage != vintage:
            continue
        same_specs = {s.path: s.sha256 for s in manifest.specs} == dict(specs)
        if same_specs and list(manifest.inputs) == list(inputs):
            return release
        where = folder.documents["publication.yaml"].where("vintage")
        raise CaudalError(problem("edition-signed", where=where, vintage=vintage, release=release.name))
    return None


def signature_of(release: Path) -> Signature | None:
    """The signature of a release; None where it is a draft."""
    path = release / SIGNATURE
    return Signature.model_validate_json(path.read_bytes()) if path.is_file() else None


def _depth(sha: str, before: dict[str, str]) -> int:
    depth, seen = 0, set[str]()
    while sha in before and sha not in seen:
        seen.add(sha)
        sha, depth = before[sha], depth + 1
    return depth


def _manifest(release: Path) -> Manifest:
    return Manifest.model_validate_json((release / MANIFEST).read_bytes())


def _write_manifest(
    part: Path, folder: CountryFolder, inputs: tuple[InputFile, ...], specs: dict[str, str], previous: str
) -> None:
    manifest = Manifest(
        caudal=caudal.__version__,
        code_sha256=code_sha256(),
        territory=folder.country.territory,
        vintage=folder.publication.vintage,
        previous=previous,
        inputs=inputs,
        specs=tuple(_spec_file(folder, name, sha) for name, sha in specs.items()),
        outputs=_outputs(part),
    )
    write_bytes(part / MANIFEST, manifest.model_dump_json(indent=1).encode() + b"\n")


def _spec_file(folder: CountryFolder, name: str, sha: str) -> OutputFile:
    return OutputFile(path=name, sha256=sha, bytes=(folder.path / name).stat().st_size)


def _outputs(part: Path) -> tuple[OutputFile, ...]:
    names = sorted(f.relative_to(part).as_posix() for f in part.rglob("*") if f.is_file())
    contents = ((n, (part / n).read_bytes()) for n in names if n not in (MANIFEST, SIGNATURE))
    return tuple(OutputFile(path=n, sha256=sha256_bytes(data), bytes=len(data)) for n, data in contents)
