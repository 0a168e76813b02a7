"""What a reader of each form of the files finds there: cells by address, with value and limits."""

from __future__ import annotations

import csv
import io
import json
import re
import xml.etree.ElementTree as ET
import zipfile
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import openpyxl
import pyarrow.parquet as pq

from caudal.publish.exchange.shape import code_of
from caudal.publish.release import Release
from caudal.publish.voice import voice_of

Files = Mapping[str, bytes]
#: What a cell tells, by its address: value and limits.
Told = dict[str, tuple[float | None, float | None, float | None]]


def told(release: Release) -> Told:
    """What the cells of a release tell."""
    return {c.address: (c.value, c.lower, c.upper) for c in release.cells}


def number(field: Any) -> float | None:
    return None if field in (None, "") else float(str(field).replace(",", "."))


def tabular(data: bytes, delimiter: str = ",") -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(data.decode("utf-8-sig")), delimiter=delimiter))


def joined(parts: list[Told]) -> Told:
    """Several files as one; no cell stands in two."""
    found: Told = {}
    for part in parts:
        assert not found.keys() & part.keys()
        found |= part
    return found


def of_columns(rows: list[dict[str, Any]]) -> Told:
    return {r["address"]: (number(r["value"]), number(r["lower"]), number(r["upper"])) for r in rows}


def names_of(release: Release, suffix: str, tag: str = "") -> list[str]:
    start = f"{tag}/data/" if tag else "data/"
    return [f"{start}{s.indicator}{suffix}" for s in release.base_indicators()]


def by_key(release: Release, dimensions: list[str], key: list[str], time: str) -> str:
    """The address of the cell that a key of SDMX names."""
    chosen = {d: code_of(c) for d, c in zip(dimensions, key, strict=True)}
    area = chosen["REF_AREA"]
    other = chosen.get("COUNTERPART_AREA", "_Z")
    categories = ",".join(
        f"{d}={chosen[d.upper()]}" for d in release.dimensions if chosen.get(d.upper(), "_T") != "_T"
    )
    place = area if other == "_Z" else f"{area}~{other}"
    origin = f"{chosen['SOURCE']}@{chosen['VINTAGE']}"
    return "/".join([chosen["INDICATOR"], place, time, categories or "all", origin])


def of_csv(release: Release, site: Files) -> Told:
    return joined([of_columns(tabular(site[p])) for p in names_of(release, ".csv")])


def of_all_cells(release: Release, site: Files) -> Told:
    with zipfile.ZipFile(io.BytesIO(site["data/observations.zip"])) as packed:
        return of_columns(tabular(packed.read("observations.csv")))


def of_excel_csv(release: Release, site: Files, tag: str = "es") -> Told:
    delimiter = ";" if voice_of(release, tag).words.numbers.decimal == "," else ","
    rows = [list(csv.reader(io.StringIO(site[p].decode("utf-8-sig")), delimiter=delimiter))
            for p in names_of(release, ".excel.csv", tag)]  # fmt: skip
    books = [_sheet(site[p]) for p in names_of(release, ".xlsx", tag)]
    head = voice_of(release, tag).words.text["address"]
    parts = []
    for (heads, *lines), (names, *cells) in zip(rows, books, strict=True):
        at = names.index(head)  # the CSV leaves addresses to the workbook, row by row
        named = [[*line, cell[at]] for line, cell in zip(lines, cells, strict=True)]
        parts.append(of_rows(release, tag, [*heads, head], named))
    return joined(parts)


def of_rows(release: Release, tag: str, heads: list[str], rows: list[list[Any]]) -> Told:
    """Rows for people, whose heads are words."""
    words = voice_of(release, tag).words
    named = [words.word("components", c) for c in ("OBS_VALUE", "LOWER", "UPPER")]
    places = [heads.index(str(h)) for h in named]
    address = heads.index(words.text["address"])
    found: Told = {}
    for row in rows:
        value, lower, upper = (number(row[i]) for i in places)
        found[row[address]] = (value, lower, upper)
    return found


def of_workbooks(release: Release, site: Files, tag: str = "es") -> Told:
    parts = []
    for path in names_of(release, ".xlsx", tag):
        heads, *rows = _sheet(site[path])
        parts.append(of_rows(release, tag, [str(h) for h in heads], rows))
    return joined(parts)


def _sheet(data: bytes) -> list[list[Any]]:
    sheet = openpyxl.load_workbook(io.BytesIO(data)).worksheets[0]
    return [list(r) for r in sheet.iter_rows(values_only=True)]


def of_parquet(release: Release, site: Files) -> Told:
    paths = names_of(release, ".parquet")
    return joined([of_columns(pq.read_table(io.BytesIO(site[p])).to_pylist()) for p in paths])


def of_archives(release: Release, site: Files) -> Told:
    parts = []
    for spec in release.base_indicators():
        with zipfile.ZipFile(io.BytesIO(site[f"data/{spec.indicator}.zip"])) as packed:
            assert {"readme.es.txt", "readme.pt.txt", "readme.en.txt"} <= set(packed.namelist())
            parts.append(of_columns(tabular(packed.read(f"{spec.indicator}.csv"))))
    return joined(parts)


def of_jsonstat(release: Release, site: Files) -> Told:
    collections = [json.loads(site[p]) for p in names_of(release, ".jsonstat.json")]
    return joined([_cube(release, cube) for c in collections for cube in c["link"]["item"]])


def _cube(release: Release, cube: dict[str, Any]) -> Told:
    """A cube has no list of its cells: those with a value or a status are there."""
    ids, sizes = cube["id"], cube["size"]
    found: Told = {}
    for place in {int(p) - int(p) % sizes[-1] for p in [*cube["value"], *cube.get("status", {})]}:
        rest, codes = place, {}
        for name, size in zip(reversed(ids), reversed(sizes), strict=True):
            rest, at = divmod(rest, size)
            codes[name] = cube["dimension"][name]["category"]["index"][at]
        key = {k: v for k, v in codes.items() if k not in ("TIME_PERIOD", "METRIC")}
        address = by_key(release, list(key), list(key.values()), codes["TIME_PERIOD"])
        metrics = cube["dimension"]["METRIC"]["category"]["index"]
        measured = {m: cube["value"].get(str(place + n)) for n, m in enumerate(metrics)}
        value, lower, upper = (measured.get(m) for m in ("OBS_VALUE", "LOWER", "UPPER"))
        found[address] = (value, lower, upper)
    return found


def of_sdmx_csv(release: Release, site: Files) -> Told:
    rows = [r for p in site if re.fullmatch(r"sdmx/(?!sdg)[a-z]+-2\.0\.csv", p) for r in tabular(site[p])]
    return _of_components(release, rows)


def of_sdmx_csv_of_indicators(release: Release, site: Files) -> Told:
    paths = names_of(release, ".sdmx.csv")
    return joined([_of_components(release, tabular(site[p])) for p in paths])


def _of_components(release: Release, rows: list[dict[str, str]]) -> Told:
    found: Told = {}
    for row in rows:
        names = list(row)
        dimensions = names[names.index("FREQ") : names.index("TIME_PERIOD")]
        address = by_key(release, dimensions, [row[d] for d in dimensions], row["TIME_PERIOD"])
        found[address] = (number(row["OBS_VALUE"]), number(row["LOWER"]), number(row["UPPER"]))
    return found


def of_sdmx_ml(release: Release, site: Files, version: str) -> Told:
    found: Told = {}
    for path in (p for p in site if re.fullmatch(rf"sdmx/[a-z]+-{version}\.xml", p)):
        if path.startswith(("sdmx/structure", "sdmx/metadata", "sdmx/constraints")):
            continue
        for series in ET.fromstring(site[path]).iter("Series"):
            for o in series:
                address = by_key(
                    release, list(series.attrib), list(series.attrib.values()), o.attrib["TIME_PERIOD"]
                )
                value, lower, upper = (number(o.get(n)) for n in ("OBS_VALUE", "LOWER", "UPPER"))
                found[address] = (value, lower, upper)
    return found


def listed(attributes: list[dict[str, Any]], row: list[Any], name: str) -> float | None:
    """The number of an attribute that an observation of SDMX-JSON names by its place."""
    at = next((n for n, a in enumerate(attributes, 1) if a["id"] == name), len(row))
    place = row[at] if at < len(row) else None
    return None if place is None else number(attributes[at - 1]["values"][place]["value"])


def of_sdmx_json(release: Release, site: Files) -> Told:
    found: Told = {}
    for path in (p for p in site if re.fullmatch(r"sdmx/(?!structure|metadata)[a-z]+-2\.0\.json", p)):
        data = json.loads(site[path])["data"]
        parts = data["structures"][0]
        dimensions, times = parts["dimensions"]["series"], parts["dimensions"]["observation"][0]["values"]
        attributes = parts["attributes"]["observation"]
        for key, series in data["dataSets"][0]["series"].items():
            codes = [d["values"][int(n)]["id"] for d, n in zip(dimensions, key.split(":"), strict=True)]
            for n, row in series["observations"].items():
                address = by_key(release, [d["id"] for d in dimensions], codes, times[int(n)]["value"])
                found[address] = (row[0], listed(attributes, row, "LOWER"), listed(attributes, row, "UPPER"))
    return found


Reader = Callable[[Release, Files], Told]
READERS: Mapping[str, Reader] = {
    "CSV of all cells": of_all_cells,
    "CSV": of_csv,
    **{f"CSV for spreadsheets, {tag}": partial(of_excel_csv, tag=tag) for tag in ("es", "pt", "en")},
    **{f"XLSX, {tag}": partial(of_workbooks, tag=tag) for tag in ("es", "pt", "en")},
    "Parquet": of_parquet,
    "JSON-stat": of_jsonstat,
    "SDMX-CSV": of_sdmx_csv,
    "SDMX-CSV of indicators": of_sdmx_csv_of_indicators,
    "SDMX-ML 2.1": partial(of_sdmx_ml, version="2.1"),
    "SDMX-ML 3.0": partial(of_sdmx_ml, version="3.0"),
    "SDMX-JSON": of_sdmx_json,
    "ZIP": of_archives,
}
