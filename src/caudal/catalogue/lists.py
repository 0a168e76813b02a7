"""Code lists: read from CSV, merged by code, checked for parents that do not exist and for loops.

A list is a file ``codes/CL_<NAME>.csv`` with the columns ``code``, ``parent``, ``valid_from``,
``valid_to`` and ``label_<language>``; other columns are notes. In a country folder ``codes/areas.csv``
adds to CL_AREA, and a row whose code is known already overrides what it fills in. Other files of
``codes/`` are crosswalks, which are read elsewhere.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path

from caudal.errors import CaudalError, Problem, problem, unknown
from caudal.model.catalogue import ListNote, ancestors
from caudal.model.codelist import Code, CodeList

_LABEL = "label_"
_REQUIRED = ("code",)


@dataclass(frozen=True)
class Row:
    """A code as a line of a file declares it."""

    code: Code
    where: str


def list_files(folder: Path) -> Iterator[tuple[str, Path]]:
    """Code lists of a folder of codes: name of the list and file."""
    for path in sorted(folder.glob("*.csv")):
        if path.stem.startswith("CL_"):
            yield path.stem, path
        elif path.stem == "areas":
            yield "CL_AREA", path


def read_rows(path: Path, required: Iterable[str]) -> Iterator[tuple[int, dict[str, str]]]:
    """Line and cells of each row of a CSV file, stripped; empty rows are left out.

    Raises :class:`CaudalError` where it is not UTF-8 or lacks a required column.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise CaudalError(problem("list-not-text", where=str(path), detail=error.reason)) from error
    reader = csv.DictReader(io.StringIO(text, newline=""))
    header = [h.strip() for h in reader.fieldnames or []]
    missing = [c for c in required if c not in header]
    if missing:
        raise CaudalError(problem("list-columns", where=f"{path}:1", missing=missing, found=header))
    reader.fieldnames = header
    for row in reader:
        cells = {k: (v or "").strip() for k, v in row.items() if isinstance(k, str)}
        if any(cells.values()):
            yield reader.line_num, cells


def read_list(path: Path) -> tuple[list[Row], list[Problem]]:
    """The rows of one file of codes, and what is wrong with them."""
    rows: list[Row] = []
    problems: list[Problem] = []
    first: dict[str, int] = {}
    try:
        for line, cells in read_rows(path, _REQUIRED):
            where, code = f"{path}:{line}", cells["code"]
            if not code:
                problems.append(problem("list-code-empty", where=where))
            elif code in first:
                problems.append(problem("list-code-twice", where=where, found=code, first=first[code]))
            else:
                first[code] = line
                rows.append(Row(_code(code, cells), where))
                problems.extend(_check_dates(rows[-1]))
    except CaudalError as error:
        problems.extend(error.problems)
    return rows, problems


def _code(code: str, cells: Mapping[str, str]) -> Code:
    labels = {k.removeprefix(_LABEL): v for k, v in cells.items() if k.startswith(_LABEL) and v}
    dates = {d: cells.get(d, "") for d in ("valid_from", "valid_to")}
    return Code(code, labels, cells.get("parent", ""), **dates)


def _check_dates(row: Row) -> list[Problem]:
    """Validity that is not in ISO dates, or ends before it begins."""
    begin, end = row.code.valid_from, row.code.valid_to
    sound = all(not d or _is_date(d) for d in (begin, end)) and not (begin and end and begin > end)
    return [] if sound else [problem("list-dates", where=row.where, begin=begin, end=end)]


def _is_date(text: str) -> bool:
    try:
        return date.fromisoformat(text).isoformat() == text
    except ValueError:
        return False


def merged(before: Code | None, after: Code) -> Code:
    """``after`` over ``before``: what it fills in wins, labels one language at a time."""
    if before is None:
        return after
    return Code(
        after.id,
        {**before.labels, **after.labels},
        after.parent or before.parent,
        after.valid_from or before.valid_from,
        after.valid_to or before.valid_to,
    )


def with_rows(code_list: CodeList, rows: Iterable[Row]) -> CodeList:
    """The list with ``rows`` merged in, new codes after the known ones."""
    codes = dict(code_list.codes)
    for row in rows:
        codes[row.code.id] = merged(codes.get(row.code.id), row.code)
    return replace(code_list, codes=codes)


def extended(lists: Mapping[str, CodeList], notes: Mapping[str, ListNote]) -> dict[str, CodeList]:
    """Each list that extends another with the codes of that one before its own."""
    found = dict(lists)
    for name, note in notes.items():
        if note.extends and note.extends in lists:
            own = lists.get(name, CodeList(name)).codes
            base = lists[note.extends].codes
            codes = {c: merged(base.get(c), own[c]) if c in own else base[c] for c in base}
            found[name] = CodeList(name, {**codes, **{c: own[c] for c in own if c not in base}})
    return found


def check_parents(code_list: CodeList, where: Mapping[str, str]) -> list[Problem]:
    """Parents that are not in the list, and loops; ``where`` gives the place of each code."""
    found = []
    for code in code_list.codes.values():
        if code.parent and code.parent not in code_list.codes:
            place = where.get(code.id, code_list.id)
            known = list(code_list.codes)
            found.append(unknown(f"parent in {code_list.id}", code.parent, known, where=place))
    return [*found, *_loops(code_list, where)]


def _loops(code_list: CodeList, where: Mapping[str, str]) -> list[Problem]:
    found: dict[frozenset[str], Problem] = {}
    for code in code_list.codes:
        chain = ancestors(code_list, code)
        if code_list.codes[chain[-1]].parent in chain:
            loop = chain[chain.index(code_list.codes[chain[-1]].parent) :]
            place = where.get(min(loop), code_list.id)
            found.setdefault(
                frozenset(loop),
                problem("list-loop", where=place, code_list=code_list.id, found=sorted(loop)),
            )
    return list(found.values())
