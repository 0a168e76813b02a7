"""Dictionaries of text in columns of fixed width: CSPro (.dcf), DDI Codebook (.xml), a table (.csv).

All three become one :class:`~caudal.collect.variables.Layout`. What is refused here, with every item that is
wrong: items without a place, two items over the same characters, an item beyond its record, a record that
the dictionary does not have. What only the data can tell (that they do not follow the dictionary) is told
by :mod:`caudal.collect.formats.fixed_width`.

CSPro: text dictionaries of versions 2 to 7 and the JSON ones of version 8. In a value set, ``Special`` (or
the older ``Name``) after a value says that it is missing, not applicable or refused. DDI Codebook 2.x:
``var/location`` with ``StartPos`` and ``EndPos`` or ``width``.
"""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise
from typing import Any
from xml.etree import ElementTree

from caudal.collect.contract import RawFile
from caudal.collect.streams import encoding_of
from caudal.collect.variables import Item, Layout, Variable
from caudal.errors import CaudalError, Problem, problem, unknown

_SPECIAL = {"MISSING": "", "NOTAPPL": "not applicable", "REFUSED": "refused", "DEFAULT": ""}


@dataclass(frozen=True)
class Record:
    """One record of a dictionary: its items, with those that identify the case first."""

    name: str
    items: tuple[Item, ...]
    record_type: str = ""
    length: int = 0


@dataclass(frozen=True)
class Dictionary:
    """All records of a dictionary, and where the type of record stands in a line."""

    records: tuple[Record, ...]
    type_start: int = 0
    type_length: int = 0

    def layout(self, name: str, where: str) -> Layout:
        """The layout of the record ``name``; of the only one where it is empty.

        Raises :class:`CaudalError`: no such record, several and none named, items that overlap.
        """
        names = [r.name for r in self.records]
        chosen = [r for r in self.records if not name or r.name == name]
        if len(chosen) != 1:
            raise CaudalError(
                unknown("record", name, names, where=where)
                if name
                else problem("record-unnamed", where=where, allowed=names)
            )
        record = chosen[0]
        wrong = list(_overlapping(record.items)) + [
            problem("dictionary-item", where=where, found=i.variable.name, place=f"{i.start}-{i.end}")
            for i in record.items
            if i.start < 1 or i.length < 1 or (record.length and i.end > record.length)
        ]
        if wrong:
            raise CaudalError(*(replace(p, where=where) for p in wrong))
        types = tuple(r.record_type for r in self.records if r.record_type)
        length = max([record.length, *(i.end for i in record.items), self.type_start + self.type_length - 1])
        return Layout(record.items, record.record_type, self.type_start, self.type_length, types, length)


def read_dictionary(file: RawFile) -> Dictionary:
    """The dictionary in ``file``, told by its ending.

    Raises :class:`CaudalError` where it cannot be read as one.
    """
    text = file.path.read_bytes().decode(encoding_of(file.path) or "latin-1").removeprefix("\ufeff")
    ending = file.path.suffix.lower()
    try:
        if ending == ".xml":
            return _ddi(text)
        if ending == ".csv":
            return _table(text)
        return _cspro_json(text) if text.lstrip().startswith("{") else _cspro(text)
    except (ElementTree.ParseError, ValueError, KeyError, IndexError) as error:
        detail = f"{type(error).__name__}: {error}"
        raise CaudalError(problem("dictionary-malformed", where=file.name, detail=detail)) from error


def columns_layout(columns: Mapping[str, tuple[int, int]]) -> Layout:
    """The layout of columns that a spec lists.

    >>> columns_layout({"sex": (3, 1)}).items[0].end
    3
    """
    items = tuple(Item(Variable(n), start, length) for n, (start, length) in columns.items())
    return Dictionary((Record("columns", items),)).layout("", "columns")


def _overlapping(items: Iterable[Item]) -> Iterator[Problem]:
    ordered = sorted((i for i in items if not i.part), key=lambda i: (i.start, i.end))
    for a, b in pairwise(ordered):
        if b.start <= a.end:
            names = [a.variable.name, b.variable.name]
            yield problem("dictionary-overlap", found=names, place=f"{b.start}-{min(a.end, b.end)}")


@dataclass
class _Section:
    """One section of a CSPro dictionary: its values in order, as ``[Item]`` and what follows it."""

    kind: str
    entries: list[tuple[str, str]] = field(default_factory=list)

    def get(self, name: str, default: str = "") -> str:
        return next((v for k, v in self.entries if k == name.lower()), default)

    def number(self, name: str) -> int:
        return int(self.get(name) or 0)


def _cspro(text: str) -> Dictionary:
    sections = list(_sections(text))
    head = next((s for s in sections if s.kind == "dictionary"), None)
    if head is None:
        raise ValueError("no [Dictionary]")
    ids: list[Item] = []
    records: list[tuple[_Section, list[Item]]] = []
    for section in sections:
        items = records[-1][1] if records else ids
        if section.kind == "record":
            records.append((section, []))
        elif section.kind == "item":
            items.append(_cspro_item(section, head))
        elif section.kind == "valueset" and items:
            items[-1] = replace(items[-1], variable=_with_values(items[-1].variable, section))
    found = tuple(
        Record(
            section.get("name"),
            tuple(_flat([*ids, *items])),
            section.get("recordtypevalue").strip("'\"").strip(),
            section.number("recordlen"),
        )
        for section, items in records
    )
    return Dictionary(found, head.number("recordtypestart"), head.number("recordtypelen"))


def _sections(text: str) -> Iterator[_Section]:
    section: _Section | None = None
    for line in text.splitlines():
        if match := re.fullmatch(r"\s*\[(\w+)\]\s*", line):
            if section:
                yield section
            section = _Section(match[1].lower())
        elif section and "=" in line:
            key, value = line.split("=", 1)
            section.entries.append((key.strip().lower(), value.strip()))
    if section:
        yield section


def _cspro_item(section: _Section, head: _Section) -> Item:
    numeric = section.get("datatype", "Numeric").lower() == "numeric"
    point = section.get("decimalchar", head.get("decimalchar", "No")).lower() == "yes"
    label = section.get("label").split("|")[0]
    variable = Variable(section.get("name"), label, numeric=numeric)
    times = section.number("occurrences") or 1
    part = section.get("itemtype").lower() == "subitem"
    start, length = section.number("start"), section.number("len")
    item = Item(variable, start, length, section.number("decimal"), point, part)
    return item if times == 1 else _Repeated.of(item, times)


@dataclass(frozen=True)
class _Repeated(Item):
    """An item that stands several times, one after the other."""

    times: int = 1

    @classmethod
    def of(cls, item: Item, times: int) -> _Repeated:
        return cls(item.variable, item.start, item.length, item.decimals, item.point, item.part, times)


def _flat(items: Iterable[Item]) -> Iterator[Item]:
    """Items with each occurrence of a repeated one by itself, as in CHILD_1, CHILD_2."""
    for item in items:
        for i in range(item.times if isinstance(item, _Repeated) else 1):
            name = f"{item.variable.name}_{i + 1}" if isinstance(item, _Repeated) else item.variable.name
            start = item.start + i * item.length
            variable = replace(item.variable, name=name)
            yield Item(variable, start, item.length, item.decimals, item.point, item.part)


def _with_values(variable: Variable, section: _Section) -> Variable:
    """``variable`` with a value set; of several sets the first counts."""
    if variable.values or variable.ranges:
        return variable
    values: dict[str, str] = {}
    missing: dict[str, str] = {}
    ranges: list[tuple[float, float]] = []
    codes: list[str] = []
    for key, said in section.entries:
        if key == "value":
            codes, label = _cspro_value(said)
            values |= {c: label for c in codes if ":" not in c}
            ranges += [_range(c) for c in codes if ":" in c]
        elif key in ("special", "name") and said.upper() in _SPECIAL and codes:
            missing |= dict.fromkeys(codes, _SPECIAL[said.upper()])
    return replace(variable, values=values, missing=missing, ranges=tuple(ranges))


def _cspro_value(said: str) -> tuple[list[str], str]:
    """The codes of a ``Value=`` line (a range as ``1:9``) and its label."""
    head, _, label = said.partition(";")
    if "'" in head:
        return [c.strip() for c in re.findall(r"'([^']*)'", head) if c.strip()], label.split("|")[0]
    return head.split(), label.split("|")[0]


def _range(code: str) -> tuple[float, float]:
    low, high = code.split(":")
    return float(low), float(high)


def _cspro_json(text: str) -> Dictionary:
    said = json.loads(text)
    kind = said.get("recordType", {})
    level = said["levels"][0]
    start = 1
    starts = bool(said.get("relativePositions"))
    if starts and kind.get("start") == 1:
        start += int(kind.get("length", 0))
    ids, after = _json_items(level["ids"]["items"], start)
    if starts and kind.get("start", 0) == after:
        after += int(kind.get("length", 0))
    records = []
    for one in said["levels"]:
        for record in one["records"]:
            items, _ = _json_items(record["items"], after)
            records.append(Record(record["name"], tuple(_flat([*ids, *items])), record.get("recordType", "")))
    return Dictionary(tuple(records), int(kind.get("start", 0)), int(kind.get("length", 0)))


def _json_items(items: Sequence[Mapping[str, Any]], start: int) -> tuple[list[Item], int]:
    """Items with their places; those without one follow the item before them."""
    found: list[Item] = []
    for said in items:
        at = int(said.get("start", start))
        times = int((said.get("occurrences") or {}).get("maximum", 1))
        variable = Variable(
            said["name"], _json_label(said), numeric=said.get("contentType", "numeric") == "numeric"
        )
        for values in said.get("valueSets", [])[:1]:
            variable = _json_values(variable, values["values"])
        item = Item(
            variable,
            at,
            int(said["length"]),
            int(said.get("decimals", 0)),
            bool(said.get("decimalMark", True)),
        )
        found.append(_Repeated.of(item, times) if times > 1 else item)
        if not said.get("subitem"):
            start = at + item.length * times
    return found, start


def _json_label(said: Mapping[str, Any]) -> str:
    labels = said.get("labels") or [{}]
    return str(labels[0].get("text", ""))


def _json_values(variable: Variable, values: Iterable[Mapping[str, Any]]) -> Variable:
    shown: dict[str, str] = {}
    missing: dict[str, str] = {}
    ranges: list[tuple[float, float]] = []
    for value in values:
        for pair in value.get("pairs", []):
            if "range" in pair:
                ranges.append((float(pair["range"][0]), float(pair["range"][1])))
                continue
            code = str(pair["value"]).strip()
            if not code:
                continue
            shown[code] = _json_label(value)
            special = str(value.get("special", "")).upper()
            if special in _SPECIAL:
                missing[code] = _SPECIAL[special]
    return replace(variable, values=shown, missing=missing, ranges=tuple(ranges))


def _table(text: str) -> Dictionary:
    rows = [
        {k.strip().lower(): (v or "").strip() for k, v in r.items()}
        for r in csv.DictReader(io.StringIO(text))
    ]
    items = []
    for row in rows:
        start = int(row["start"])
        length = int(row["length"]) if row.get("length") else int(row["end"]) - start + 1
        decimals = int(row.get("decimals") or 0)
        items.append(Item(Variable(row["name"], row.get("label", "")), start, length, decimals))
    return Dictionary((Record("table", tuple(items)),))


def _ddi(text: str) -> Dictionary:
    items = [
        Item(variable, start, length, decimals)
        for variable, start, length, decimals in _ddi_places(text)
        if start
    ]
    if not items:
        raise ValueError("no variable has a place (location/@StartPos)")
    return Dictionary((Record("ddi", tuple(items)),))


def ddi_variables(text: str) -> list[Variable]:
    """The variables that a DDI Codebook describes, whether or not it says where they stand."""
    return [variable for variable, _, _, _ in _ddi_places(text)]


def _ddi_places(text: str) -> Iterator[tuple[Variable, int, int, int]]:
    root = ElementTree.fromstring(text)
    for var in root.iter():
        if _tag(var) != "var":
            continue
        place = next((e for e in var.iter() if _tag(e) == "location"), None)
        at = dict(place.attrib) if place is not None else {}
        start = int(at.get("StartPos") or 0)
        width = int(at.get("width") or 0) or (int(at.get("EndPos") or 0) - start + 1 if start else 0)
        yield _ddi_variable(var), start, width, int(var.get("dcml") or 0)


def _ddi_variable(var: ElementTree.Element) -> Variable:
    values: dict[str, str] = {}
    missing: dict[str, str] = {}
    for category in (e for e in var if _tag(e) == "catgry"):
        code = _child(category, "catValu")
        if code:
            values[code] = _child(category, "labl")
            if category.get("missing", "").upper() == "Y":
                missing[code] = ""
    form = next((e for e in var if _tag(e) == "varFormat"), None)
    numeric = form is not None and form.get("type") == "numeric"
    return Variable(var.get("name") or "", _child(var, "labl"), values, missing, numeric)


def _child(element: ElementTree.Element, name: str) -> str:
    found = next((e for e in element if _tag(e) == name), None)
    return " ".join((found.text or "").split()) if found is not None else ""


def _tag(element: ElementTree.Element) -> str:
    return str(element.tag).rsplit("}", 1)[-1]
