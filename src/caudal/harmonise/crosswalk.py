"""Crosswalks: national codes to the codes of the common lists, with the dates between which they hold.

A crosswalk is a file of ``codes/`` with the columns ``code`` and ``standard_code``, labels by language,
and where needed ``valid_from`` and ``valid_to``. One national code may stand in several rows whose
validity does not overlap.
"""

from __future__ import annotations

import csv
import itertools
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from caudal.engine.files import sha256_file
from caudal.errors import CaudalError, Problem, nearest, problem
from caudal.harmonise.standard import is_standard, standard_codes
from caudal.model.codelist import CodeList
from caudal.model.period import bounds


@dataclass(frozen=True)
class Entry:
    """One row: ``line`` is its place in the file."""

    code: str
    standard_code: str
    valid_from: str
    valid_to: str
    line: int


@dataclass(frozen=True)
class Crosswalk:
    """A crosswalk with the checksum of its file; ``folded`` where accents and capitals do not count."""

    name: str
    entries: tuple[Entry, ...]
    sha256: str
    folded: bool = False

    def at(self, period: str) -> Mapping[str, str]:
        """National code -> standard code, as they hold on the first day of ``period``."""
        day = bounds(period)[0].isoformat()
        return {
            e.code: e.standard_code
            for e in self.entries
            if (not e.valid_from or e.valid_from <= day) and (not e.valid_to or day <= e.valid_to)
        }

    def problems(self, where: str, codes: CodeList | None) -> list[Problem]:
        """Standard codes that ``codes`` does not know, and national codes that stand twice at one time."""
        found = []
        for e in self.entries:
            if codes is not None and e.standard_code not in codes:
                near = nearest(e.standard_code, codes.codes)
                found.append(
                    problem(
                        "unknown-code",
                        where=f"{where}:{e.line}",
                        code_list=codes.id,
                        found=e.standard_code,
                        nearest=near,
                    )
                )
        return found + self._doubles(where)

    def _doubles(self, where: str) -> list[Problem]:
        ordered = sorted(self.entries, key=lambda e: (e.code, e.valid_from))
        return [
            problem("code-twice", where=f"{where}:{b.line}", found=b.code)
            for a, b in itertools.pairwise(ordered)
            if a.code == b.code and (not a.valid_to or not b.valid_from or b.valid_from <= a.valid_to)
        ]


def read_crosswalk(folder: Path, name: str) -> Crosswalk:
    """The crosswalk ``codes/<name>`` of a country folder, or one of the catalogue (``standard:...``).

    Raises :class:`CaudalError` when it is not there (naming the nearest file) or lacks a column.
    """
    if is_standard(name):
        codes, sha256 = standard_codes(name)
        return Crosswalk(name, tuple(Entry(c, s, "", "", 0) for c, s in codes.items()), sha256, folded=True)
    path = folder / "codes" / name
    if not path.is_file():
        there = [f.name for f in sorted((folder / "codes").glob("*.csv"))]
        raise CaudalError(
            problem("unknown-name", kind="crosswalk", found=name, allowed=there, nearest=nearest(name, there))
        )
    with path.open(encoding="utf-8-sig", newline="") as stream:
        reader = csv.DictReader(stream)
        absent = {"code", "standard_code"} - set(reader.fieldnames or ())
        if absent:
            raise CaudalError(problem("crosswalk-columns", where=f"codes/{name}:1", absent=sorted(absent)))
        entries = tuple(
            Entry(
                row["code"].strip(),
                row["standard_code"].strip(),
                (row.get("valid_from") or "").strip(),
                (row.get("valid_to") or "").strip(),
                reader.line_num,
            )
            for row in reader
        )
    return Crosswalk(name, entries, sha256_file(path))
