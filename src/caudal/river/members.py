"""The members of a region: releases of countries, whose cells enter with verdicts and vintages intact.

A region has no records of its own members. It takes their cells and what their structures say of sources,
indicators and codes. Where two members call a source by the same name, or a member one as the region calls
one of its own, the names of the members get their territory before them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc

from caudal.collect import RegisteredDelivery
from caudal.errors import CaudalError, problem
from caudal.model.release import STRUCTURE, ReleaseStructure, SourceEntry
from caudal.model.source import SourceSpec
from caudal.river.signing import verify


@dataclass(frozen=True)
class Member:
    """The release of one country: its cells and its structure."""

    table: pa.Table
    structure: ReleaseStructure


def is_member(source: SourceSpec) -> bool:
    """Whether a source is the release of another deployment."""
    return all(t.format.type == "release" for t in source.tables.values())


def read_structure(delivery: RegisteredDelivery) -> ReleaseStructure:
    """What the release of a delivery says of itself."""
    (raw,) = delivery.files.values()
    problems = verify(raw.path) if raw.path.is_dir() else []
    if problems:
        raise CaudalError(*problems)
    path = raw.path / STRUCTURE
    try:
        return ReleaseStructure.model_validate_json(path.read_bytes())
    except (OSError, ValueError) as error:
        raise CaudalError(problem("release-incomplete", where=str(raw.path), found=STRUCTURE)) from error


def joined(members: Sequence[Member], own: Iterable[str] = ()) -> list[pa.Table]:
    """The cells of all members, with names of sources that no two share, nor the region's ``own``."""
    renamed = renamings([m.structure for m in members], own)
    return [_renamed(m.table, names) for m, names in zip(members, renamed, strict=True)]


def member_sources(
    structures: Sequence[ReleaseStructure], own: Iterable[str] = ()
) -> tuple[SourceEntry, ...]:
    """The sources of all members, with names that no two share, nor the region's ``own``."""
    pairs = zip(structures, renamings(structures, own), strict=True)
    return tuple(
        s.model_copy(update={"source": names.get(s.source, s.source)})
        for structure, names in pairs
        for s in structure.sources
    )


def renamings(structures: Sequence[ReleaseStructure], own: Iterable[str] = ()) -> list[dict[str, str]]:
    """For each member, old name -> new name of the sources whose name another member uses too, or the
    region itself (``own``)."""
    count = Counter([*(s.source for structure in structures for s in structure.sources), *set(own)])
    shared = sorted(n for n, times in count.items() if times > 1)
    return [{n: f"{structure.territory.lower()}_{n}" for n in shared} for structure in structures]


def _renamed(table: pa.Table, names: Mapping[str, str]) -> pa.Table:
    column = table.column_names.index("source_code")
    codes = table["source_code"]
    for old, new in names.items():
        codes = pc.if_else(pc.equal(codes, old), new, codes)
    return table.set_column(column, table.schema.field("source_code"), codes)
