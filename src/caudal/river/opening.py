"""What a check finds beyond the specs: the files that are there, opened and tried; what may not be meant."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from caudal.collect import register_deliveries
from caudal.engine.cache import Cache
from caudal.errors import CaudalError, Problem
from caudal.harmonise import Tried, check_delivery, check_thresholds, ends_early, notices_of
from caudal.model.release import MissingFile
from caudal.model.source import SourceSpec
from caudal.river.folder import CountryFolder


@dataclass(frozen=True)
class Opening:
    """How many deliveries were opened and which of their rows were judged; ``notices`` are what a person
    should look at."""

    deliveries: int = 0
    rows: int = 0
    judged: int = 0
    quarantined: int = 0
    unnamed: int = 0
    notices: tuple[Problem, ...] = ()
    missing: tuple[Absent, ...] = ()


@dataclass(frozen=True)
class Absent:
    """A declared file that is not there: where it can be had, or the country folder to ``build`` where it is
    a release."""

    source: str
    name: str
    origin: str
    build: str


def to_build(folder: CountryFolder, source: SourceSpec, missing: MissingFile) -> str:
    """The country folder whose release a missing file is; empty where it is none."""
    formats = {t.format.type for t in source.tables.values()}
    if formats != {"release"}:
        return ""
    path = Path(os.path.normpath(folder.path / source.data / missing.name))
    return str(path.parent if path.name == "releases" else path)


def open_files(folder: CountryFolder) -> Opening:
    """The files of all deliveries, opened and tried.

    A database is not asked. Raises :class:`CaudalError` with all that is wrong between specs and files,
    of all deliveries at once.
    """
    cache = Cache(folder.work / "cache")
    problems: list[Problem] = []
    notices: list[Problem] = []
    every: list[Tried] = []
    absent: list[Absent] = []
    opened = 0
    documents = {d.data["source"]: d for n, d in folder.documents.items() if n.startswith("sources/")}
    for name, source in folder.sources.items():
        document = documents[name]
        notices += notices_of(source, document, folder.catalogue)
        try:
            register = register_deliveries(folder.path, source, work=folder.work, fetching=False)
        except CaudalError as error:
            problems += error.problems
            continue
        absent += [
            Absent(source.source, m.name, m.origin, to_build(folder, source, m)) for m in register.missing
        ]
        found = [
            check_delivery(folder.path, source, delivery, document, catalogue=folder.catalogue, cache=cache)
            for delivery in register.deliveries
        ]
        opened += len(found)
        wrong = [p for one in found for p in one.problems]
        tried = [one.tried for one in found if one.tried is not None]
        problems += wrong or (check_thresholds(document, tried) if tried else [])
        every += tried
        notices += [notice for one in tried if (notice := ends_early(one)) is not None]
    if problems:
        raise CaudalError(*_once(problems))
    return _told(opened, every, notices, absent)


def _told(opened: int, every: list[Tried], notices: list[Problem], absent: list[Absent]) -> Opening:
    return Opening(
        opened,
        sum(t.rows for t in every),
        sum(t.judged for t in every),
        sum(t.reconciliation.quarantined for t in every),
        sum(n for t in every for n in t.reconciliation.recoded_to_unknown.values()),
        tuple(notices),
        tuple(absent),
    )


def _once(problems: list[Problem]) -> list[Problem]:
    """Each problem once: deliveries of one layout share their mistakes."""
    seen: dict[str, Problem] = {}
    for problem in problems:
        seen.setdefault(problem.text(), problem)
    return list(seen.values())
