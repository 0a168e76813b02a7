"""Pseudonyms to dense numbers, delivery by delivery: the dictionary of persons of a register that grows.

Each delivery is numbered once, given those before it: persons that are new get the next free numbers in the
order of their pseudonyms, everybody else keeps theirs for ever. What a step leaves, the numbered crossings
and its new persons, depends on the deliveries up to it and on nothing else, so that it can be kept and a
later delivery never reads the past again. Whole pseudonyms are compared: two that share their beginning
stay two persons.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from caudal.engine.session import literal
from caudal.estimate.stays import columns as c

PERSONS, CROSSINGS = "persons.parquet", "crossings.parquet"
KEY = "person_key"
RECORDED_ON = "recorded_on"


@dataclass(frozen=True)
class Numbered:
    """One delivery of a register: its period, the day by which it was known, the folder with its numbered
    crossings and new persons, and the key that names all that it rests on."""

    period: str
    known_by: date
    folder: Path
    key: str

    @property
    def crossings(self) -> Path:
        """The numbered crossings."""
        return self.folder / CROSSINGS


def number(
    session: Any, records: str, columns: frozenset[str], known_by: date, earlier: Sequence[Path], target: Path
) -> None:
    """Numbers the crossings of the relation ``records`` into the folder ``target``.

    ``earlier``: the folders of the deliveries before. ``columns`` of the records stay; ``known_at`` is the
    day on which the register knew the crossing: its own, else ``known_by``.
    """
    before = _union(earlier)
    people = (target / PERSONS).as_posix()
    session.execute(
        f"COPY (SELECT {KEY}, (SELECT count(*) FROM ({before})) + row_number() OVER (ORDER BY {KEY}) - 1 "
        f"AS {c.PERSON} FROM (SELECT DISTINCT {KEY} FROM {records} WHERE {KEY} IS NOT NULL "
        f"EXCEPT SELECT {KEY} FROM ({before})) ORDER BY {KEY}) TO {literal(people)} (FORMAT parquet)"
    )
    everyone = _union([*earlier, target])
    known = f"DATE {literal(known_by.isoformat())}"
    if RECORDED_ON in columns:
        known = f"coalesce(r.{RECORDED_ON}, {known})"
    hidden = {KEY, RECORDED_ON, c.KNOWN_AT}
    kept = ", ".join(f"r.{name}" for name in sorted(columns - hidden))
    session.execute(
        f"COPY (SELECT p.{c.PERSON}, {kept}, {known} AS {c.KNOWN_AT} FROM {records} r "
        f"JOIN ({everyone}) p ON p.{KEY} = r.{KEY} ORDER BY r.raw_row) "
        f"TO {literal((target / CROSSINGS).as_posix())} (FORMAT parquet, ROW_GROUP_SIZE 245760)"
    )


def _union(folders: Sequence[Path]) -> str:
    """SQL over the persons of all ``folders``."""
    if not folders:
        return f"SELECT CAST(NULL AS VARCHAR) AS {KEY}, CAST(NULL AS BIGINT) AS {c.PERSON} WHERE FALSE"
    files = ", ".join(literal((f / PERSONS).as_posix()) for f in folders)
    return f"SELECT {KEY}, {c.PERSON} FROM read_parquet([{files}])"
