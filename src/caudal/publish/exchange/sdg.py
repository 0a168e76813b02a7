"""Indicators of the Sustainable Development Goals in their global data structure, without loss.

The global structure has no dimension for migratory status, country of birth, source or edition. What it has
is used (sex, age, urbanisation, disability, and migratory status as a composite breakdown); all the rest of
a cell's key becomes one code of its custom breakdown, whose label spells it out, and the address of the cell
stands in the comment. So no two cells share a key, and every cell is found again. The limits of the interval
and the status have attributes of their own there. Gaps between groups are no SDG indicators and stay out.

Reference: data structure IAEG-SDGs:SDG and dataflow DF_SDG_GLC of the United Nations Statistics Division.
The mapping is data: ``catalogue/sdg.yaml``.
"""

from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from functools import cache
from importlib.resources import as_file, files
from typing import Any

from ruamel.yaml import YAML

from caudal.catalogue.lists import read_rows
from caudal.model.concept import ConceptVector
from caudal.model.indicator import IndicatorSpec
from caudal.model.observation import NOT_APPLICABLE, TOTAL
from caudal.publish.exchange.shape import frequency, number_text
from caudal.publish.release import GAP, WITHHELD, Cell, Release

DIMENSIONS = (
    "FREQ",
    "REPORTING_TYPE",
    "SERIES",
    "REF_AREA",
    "SEX",
    "AGE",
    "URBANISATION",
    "INCOME_WEALTH_QUANTILE",
    "EDUCATION_LEV",
    "OCCUPATION",
    "CUST_BREAKDOWN",
    "COMPOSITE_BREAKDOWN",
    "DISABILITY_STATUS",
    "ACTIVITY",
    "PRODUCT",
    "TIME_PERIOD",
)
_ATTRIBUTES = (
    "OBS_STATUS",
    "UNIT_MULT",
    "UNIT_MEASURE",
    "NATURE",
    "COMMENT_OBS",
    "UPPER_BOUND",
    "LOWER_BOUND",
    "SOURCE_DETAIL",
    "CUST_BREAKDOWN_LB",
)
PATH = "sdmx/sdg-2.0.csv"


@dataclass(frozen=True)
class Mapped:
    """A cell in the global structure: its dimensions, and what they have no place for."""

    cell: Cell
    key: tuple[tuple[str, str], ...]
    rest: str


def sdg_files(release: Release) -> dict[str, bytes]:
    """The export, or nothing where no indicator of the release is an SDG indicator."""
    mapped = [m for spec in _specs(release) for m in _mapped(release, spec)]
    if not mapped:
        return {}
    rests = sorted({m.rest for m in _told_apart(mapped) if m.rest})
    width = max(2, len(str(len(rests))))
    codes = {rest: f"C{n:0{width}d}" for n, rest in enumerate(rests, 1)}
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(["STRUCTURE", "STRUCTURE_ID", "ACTION", *DIMENSIONS, "OBS_VALUE", *_ATTRIBUTES])
    structure = _mapping()["structure"]
    rows = sorted(_row(m, codes) for m in _told_apart(mapped))
    writer.writerows(["dataflow", structure, "I", *row] for row in rows)
    return {PATH: stream.getvalue().encode()}


def _specs(release: Release) -> Iterable[IndicatorSpec]:
    series, without = _mapping()["series"], _mapping()["without_series"]
    for spec in release.base_indicators():
        own = not spec.indicator.endswith(GAP) and spec.indicator not in without
        if own and any(c in series for c in spec.codes.sdg):
            yield spec


def _mapped(release: Release, spec: IndicatorSpec) -> Iterable[Mapped]:
    mapping = _mapping()
    series = next(mapping["series"][c] for c in spec.codes.sdg if c in mapping["series"])
    for cell in release.cells_of.get(spec.indicator, ()):
        key = dict.fromkeys(DIMENSIONS, TOTAL)
        scope = ConceptVector.parse(cell.concept).get("age_scope") or ""
        key |= {
            "FREQ": frequency(cell.time),
            "REPORTING_TYPE": "N",
            "SERIES": series,
            "AGE": mapping["age_scopes"].get(scope, TOTAL),
            "TIME_PERIOD": cell.time,
        }
        rest = []
        placed = set[str]()
        for name, code in cell.categories:
            place, theirs = _place(name, code)
            if theirs is None or place in placed:
                rest.append(f"{name}={code}")
            else:
                key[place] = theirs
                placed.add(place)
        area = _m49().get(cell.area, "")
        whole = cell.area if area or cell.area == release.structure.territory else cell.reporter
        key["REF_AREA"] = area or _m49().get(whole, whole)
        if whole != cell.area:
            rest.append(f"reference_area={cell.area}")
        if cell.counterpart != NOT_APPLICABLE:
            rest.append(f"counterpart_area={cell.counterpart}")
        yield Mapped(cell, tuple(key.items()), ",".join(rest))


def _told_apart(mapped: list[Mapped]) -> list[Mapped]:
    """Cells that would share a key are told apart by what the global structure does not know: the
    indicator, the source and the edition. Where an age is what the definition takes in anyway, the total and
    its one group still share it: then all that the cell is broken down by is spelled out."""
    return _further(_further(mapped, _origin), _categories)


def _further(mapped: list[Mapped], more: Callable[[Cell], str]) -> list[Mapped]:
    """``mapped`` with ``more`` in the rest of those that share a key."""
    shared = Counter((m.key, m.rest) for m in mapped)
    return [
        m if shared[m.key, m.rest] == 1 else replace(m, rest=",".join(p for p in (m.rest, more(m.cell)) if p))
        for m in mapped
    ]


def _origin(cell: Cell) -> str:
    return f"indicator={cell.indicator},source={cell.source},vintage={cell.vintage}"


def _categories(cell: Cell) -> str:
    return ",".join(f"breakdown:{name}={code}" for name, code in cell.categories)


def _place(name: str, code: str) -> tuple[str, str | None]:
    """The dimension and code of the global structure for one of ours; no code where it has none."""
    found: Mapping[str, Any] = _mapping()["dimensions"].get(name, {})
    theirs = found.get("codes", {}).get(code) or (code if found.get("same") else None)
    return found.get("to", ""), theirs


def _row(mapped: Mapped, codes: Mapping[str, str]) -> list[str]:
    cell, key = mapped.cell, dict(mapped.key)
    key["CUST_BREAKDOWN"] = codes.get(mapped.rest, TOTAL)
    shown = not cell.withheld
    attributes = {
        "OBS_STATUS": (cell.status or "A") if shown else WITHHELD,
        "UNIT_MULT": "0" if shown else "",
        "UNIT_MEASURE": _mapping()["units"].get(cell.unit, cell.unit) if shown else "",
        "NATURE": "C" if shown else "",
        "COMMENT_OBS": cell.address,
        "UPPER_BOUND": _number(cell.upper),
        "LOWER_BOUND": _number(cell.lower),
        "SOURCE_DETAIL": cell.source,
        "CUST_BREAKDOWN_LB": mapped.rest,
    }
    return [*key.values(), _number(cell.value), *(attributes[a] for a in _ATTRIBUTES)]


def _number(value: float | None) -> str:
    return "" if value is None else number_text(value)


@cache
def _mapping() -> Mapping[str, Any]:
    text = files("caudal.catalogue").joinpath("sdg.yaml").read_text(encoding="utf-8")
    loaded: Mapping[str, Any] = YAML(typ="safe", pure=True).load(text)
    return loaded


@cache
def _m49() -> Mapping[str, str]:
    """Numeric code of each country and region, without leading zeros, as the global structure writes it."""
    with as_file(files("caudal.catalogue").joinpath("codes", "CL_COUNTRY.csv")) as path:
        rows = [cells for _, cells in read_rows(path, ("code", "m49"))]
    return {c["code"]: c["m49"].lstrip("0") for c in rows if c["m49"]}
