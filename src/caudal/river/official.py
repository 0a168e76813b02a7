"""The categories of a source's file beside the counts that its producer published of the whole."""

from __future__ import annotations

from pathlib import Path

from caudal.collect import Register, RegisteredDelivery, open_table, register_deliveries
from caudal.collect.registry import locate
from caudal.engine.cache import Cache
from caudal.engine.session import connect
from caudal.errors import CaudalError, problem, unknown
from caudal.estimate.official import official_checks, read_categories
from caudal.model.official import OfficialCheck
from caudal.model.source import SourceSpec
from caudal.river.folder import CountryFolder, read_folder


def official_counts_path(folder: Path, source: SourceSpec) -> Path | None:
    """Where the producer's table of counts lies; None where none is declared, or it is missing."""
    return locate(folder, source, source.official_counts.file) if source.official_counts else None


def is_public(folder: CountryFolder, source: SourceSpec) -> bool:
    """Whether the producer has published these records or counts: only then may the checks stand on a page,
    since with the official count they tell how many of a category are in the sample."""
    return source.published_by_producer or source.source in folder.policy.public_sources


def checks_of(folder: CountryFolder, source: SourceSpec, register: Register) -> tuple[OfficialCheck, ...]:
    """Every category that the producer's table and the last delivery share; none without such a table."""
    spec, path = source.official_counts, official_counts_path(folder.path, source)
    if spec is None or path is None or not register.deliveries:
        return ()
    delivery: RegisteredDelivery = register.deliveries[-1]
    name = next(iter(source.tables))
    raw = open_table(delivery.files[name], source.tables[name].format, cache=Cache(folder.work / "cache"))
    with connect(threads=1) as session:
        return official_checks(raw.relation, list(raw.columns), read_categories(path, spec), spec, session)


def official(path: Path, name: str = "") -> dict[str, tuple[OfficialCheck, ...]]:
    """Source -> its categories beside the producer's counts: of one source, or of all that have such counts.

    Raises :class:`CaudalError` where a source is not known, or has no such table, or its files are missing.
    """
    folder = read_folder(path)
    if name and name not in folder.sources:
        raise CaudalError(unknown("source", name, folder.sources))
    asked = [s for s in folder.sources.values() if s.source == name or not name]
    having = [s for s in asked if s.official_counts]
    if not having:
        raise CaudalError(problem("no-official-counts", found=name or str(path)))
    registers = {s.source: register_deliveries(folder.path, s, work=folder.work) for s in having}
    absent = [s for s in having if not registers[s.source].deliveries or not official_counts_path(path, s)]
    if absent:
        raise CaudalError(
            *(
                problem("file-missing", where=s.source, found=s.official_counts.file)
                for s in absent
                if s.official_counts
            )
        )
    return {s.source: checks_of(folder, s, registers[s.source]) for s in having}
