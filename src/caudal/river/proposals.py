"""What the machine proposes and a person decides: pairs of incidents that may be one.

A build writes ``.caudal/proposals/<source>@<edition>.csv`` for each delivery of incidents. Whoever goes
through it copies the lines to ``duplicates/<source>@<edition>.csv`` of the country folder and writes ``yes``
or ``no`` under ``same``, with their name under ``by`` and why under ``reason``. The next build drops the
second incident of each confirmed pair, counted among the corrections with its reason, and proposes no pair
again that was decided. Nothing is dropped because it was proposed, and nothing without a name.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import pyarrow.parquet as pq

from caudal.engine.files import write_bytes
from caudal.errors import CaudalError, Problem, problem
from caudal.estimate.incidents import DECIDED, propose, row_condition, written
from caudal.harmonise import Harmonised
from caudal.model.source import Correction, Delivery, SourceSpec

KIND = "incident"
FOLDER = "duplicates"
_ANSWERS = ("yes", "no", "")


@dataclass(frozen=True)
class Decision:
    """What a person said of a pair."""

    first: str
    second: str
    same: str
    by: str
    reason: str


def edition_of(delivery: Delivery) -> str:
    """The name of a delivery in the files of proposals and decisions."""
    return delivery.vintage or delivery.period


def decisions(folder: Path, source: SourceSpec, delivery: Delivery) -> tuple[Decision, ...]:
    """The decided pairs of a delivery; none where there is no file.

    Raises :class:`CaudalError` with every line that answers neither yes nor no, or has no name.
    """
    path = folder / FOLDER / f"{source.source}@{edition_of(delivery)}.csv"
    if source.kind != KIND or not path.is_file():
        return ()
    with path.open(newline="", encoding="utf-8-sig") as stream:
        lines = list(csv.DictReader(stream))
    where = path.relative_to(folder).as_posix()
    found, problems = [], list[Problem]()
    for number, line in enumerate(lines, 2):
        first, second, same, by, reason = ((line.get(n) or "").strip() for n in ("first", "second", *DECIDED))
        same = same.lower()
        if same not in _ANSWERS or (same and not (by and first and second)):
            problems.append(problem("duplicate-undecided", where=f"{where}:{number}", found=same, by=by))
        elif same:
            found.append(Decision(first, second, same, by, reason))
    if problems:
        raise CaudalError(*problems)
    return tuple(found)


def with_decisions(folder: Path, source: SourceSpec, delivery: Delivery) -> SourceSpec:
    """``source`` with a correction for each confirmed pair of a delivery: its second incident is dropped."""
    column = _identifier(source)
    drops = [
        Correction(
            where=row_condition(d.second, column),
            column=column or "raw_row",
            action="drop",
            reason={"und": f"{d.first} = {d.second} ({d.by}): {d.reason}".removesuffix(": ")},
            expect=1,
        )
        for d in decisions(folder, source, delivery)
        if d.same == "yes"
    ]
    if not drops:
        return source
    return source.model_copy(update={"corrections": (*source.corrections, *drops)})


def write_proposals(
    work: Path, source: SourceSpec, delivery: Delivery, result: Harmonised, decided: Iterable[Decision] = ()
) -> Path | None:
    """The file of proposals for one delivery, without those ``decided``; None where its records are not
    incidents."""
    if source.kind != KIND:
        return None
    known = {frozenset((d.first, d.second)) for d in decided}
    proposals = [
        p for p in propose(pq.read_table(result.records)) if frozenset((p.first, p.second)) not in known
    ]
    path = work / "proposals" / f"{source.source}@{_file_name(edition_of(delivery))}.csv"
    write_bytes(path, written(proposals).encode())
    return path


def _identifier(source: SourceSpec) -> str:
    """The raw column of the identifier of incidents; empty where the source has none."""
    mapped = source.columns.get("incident_id")
    return mapped.raw_columns[0] if mapped and mapped.raw_columns else ""


def _file_name(edition: str) -> str:
    return re.sub(r"[^A-Za-z0-9_.-]", "-", edition)
