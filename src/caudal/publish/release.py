"""A release as publishing reads it: cells with a verdict, the structure, the manifest if there is one.

Reads ``observations.parquet``, ``structure.json`` and ``manifest.json`` of a folder and nothing else.
Refuses a cell without a verdict, a withheld cell that still carries a measure, and a structure that it
cannot read. Counts of records (``sample_n``, ``cases_n``, ``psu_n``, ``df``) are not read at all: the
difference of two of them could tell a withheld one.
"""

from __future__ import annotations

import json
import math
import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from pydantic import ValidationError

import caudal
from caudal.engine.files import sha256_bytes
from caudal.errors import CaudalError, Problem, problem
from caudal.model.indicator import IndicatorSpec
from caudal.model.observation import (
    NOT_APPLICABLE,
    TOTAL,
    address,
    dimensions_of,
    key_columns,
)
from caudal.model.release import (
    MANIFEST,
    OBSERVATIONS,
    STRUCTURE,
    ChangeEntry,
    ComparisonOfTruth,
    Expectation,
    Manifest,
    ReleaseStructure,
    SourceEntry,
)
from caudal.model.story import StoryEntry
from caudal.publish.reads import Reads

#: The one flag of a withheld cell (SDMX CL_OBS_STATUS: suppressed).
WITHHELD = "Q"
#: The flags of a normal value, and of one that does not exist (SDMX CL_OBS_STATUS).
NORMAL, MISSING = "A", "M"
#: A break in a series (SDMX CL_OBS_STATUS), and the note of a period of which a part alone was counted.
BREAK, PARTIAL = "B", "incomplete-period"
#: Kinds of error that add up to the error of a figure.
ERRORS = ("sampling_se", "perturbation_se", "model_se", "provisional_se")
GAP = "_gap"
#: Files of the whole release beside those of indicators: no indicator has their names.
RESERVED = frozenset({"observations", "concepts", "quality", "truth", "inequality", "readiness"})
#: An area of a country by ISO 3166: the country itself, or a part of it.
_OF_COUNTRY = re.compile(r"([A-Z]{2})(-.*)?")
_FILE_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]*")
_READ = ("value", *ERRORS, "lower", "upper", "interval_type", "unit_code", "obs_status_code")
_READ_TOO = ("conf_status_code", "method_code", "error_note", "reliability", "verdict")


@dataclass(frozen=True, slots=True)
class Cell:
    """One published cell. ``categories`` names the dimensions that are not totals; a withheld cell has a
    key, a unit and nothing else."""

    indicator: str
    version: str
    reporter: str
    area: str
    counterpart: str
    time: str
    categories: tuple[tuple[str, str], ...]
    source: str
    concept: str
    vintage: str
    unit: str
    address: str
    withheld: bool
    value: float | None = None
    errors: tuple[tuple[str, float], ...] = ()
    lower: float | None = None
    upper: float | None = None
    interval_type: str = ""
    status: str = ""
    method: str = ""
    error_note: str = ""
    reliability: str = ""
    verdict: str = ""

    @property
    def se(self) -> float | None:
        """Standard error from all known kinds, as if independent; None where no kind is known."""
        return math.sqrt(sum(e * e for _, e in self.errors)) if self.errors else None

    @property
    def partial(self) -> bool:
        """Whether only a part of its period was counted."""
        return PARTIAL in self.error_note.split("; ")

    @property
    def broken(self) -> bool:
        """Whether its series breaks here: what stands before it was counted in another way."""
        return self.status == BREAK

    @property
    def has_interval(self) -> bool:
        """Whether both limits are known."""
        return self.lower is not None and self.upper is not None


@dataclass(frozen=True)
class Release:
    """All that pages and files are made of."""

    structure: ReleaseStructure
    cells: tuple[Cell, ...]
    dimensions: tuple[str, ...]
    manifest: Manifest | None = None
    manifest_sha256: str = ""
    reads: Reads = field(default_factory=Reads, compare=False, repr=False)

    @cached_property
    def cells_of(self) -> Mapping[str, tuple[Cell, ...]]:
        """Cells by indicator."""
        found: dict[str, list[Cell]] = {}
        for cell in self.cells:
            found.setdefault(cell.indicator, []).append(cell)
        return {name: tuple(own) for name, own in found.items()}

    @cached_property
    def indicators(self) -> Mapping[str, IndicatorSpec]:
        """Indicators by name, gaps included."""
        return {i.indicator: i for i in self.structure.indicators}

    @cached_property
    def sources(self) -> Mapping[str, SourceEntry]:
        """Sources by name."""
        return {s.source: s for s in self.structure.sources}

    @cached_property
    def source_order(self) -> Mapping[str, int]:
        """The place of each source in the order of the release."""
        return {s.source: i for i, s in enumerate(self.structure.sources)}

    @cached_property
    def stories(self) -> Mapping[str, StoryEntry]:
        """Stories by name."""
        return {s.story.story: s for s in self.structure.stories}

    @cached_property
    def changes(self) -> Mapping[str, ChangeEntry]:
        """What changed since the release before, by indicator."""
        found = self.structure.changes
        return {c.indicator: c for c in found.indicators} if found else {}

    @property
    def changes_since(self) -> str:
        """The edition of the release before; empty in the first."""
        return self.structure.changes.since if self.structure.changes else ""

    @property
    def has_stories(self) -> bool:
        """Whether a story is told."""
        return bool(self.structure.stories)

    @cached_property
    def cells_within(self) -> Mapping[str, tuple[Cell, ...]]:
        """Cells by indicator and country, as ``population/CL``; those of no country under ``population/``."""
        found: dict[str, list[Cell]] = {}
        for cell in self.cells:
            found.setdefault(f"{cell.indicator}/{country_of(cell.area)}", []).append(cell)
        return {name: tuple(own) for name, own in found.items()}

    @cached_property
    def countries_of(self) -> Mapping[str, tuple[str, ...]]:
        """The countries of each indicator that has a page for each of them: in a release about many, one that
        breaks the figures of two countries down."""
        if not self.cells or country_of(main_area(self)):
            return {}
        found: dict[str, set[str]] = {}
        deep: set[str] = set()
        bases = {n: n for n in (i.indicator for i in self.base_indicators())}
        for cell in self.cells:
            name = bases.get(cell.indicator, cell.indicator.removesuffix(GAP))
            if country := country_of(cell.area):
                found.setdefault(name, set()).add(country)
                if cell.categories or cell.counterpart != NOT_APPLICABLE or cell.area != country:
                    deep.add(name)
        return {n: tuple(sorted(own)) for n, own in sorted(found.items()) if n in deep and len(own) > 1}

    def page_of(self, cell: Cell) -> str:
        """The page on which a cell of the latest period lies, seen from the folder of a language."""
        known = self.indicators
        base = cell.indicator.removesuffix(GAP)
        name = base if base in known else cell.indicator
        country = country_of(cell.area) if name in self.countries_of else ""
        return f"indicator/{name}/{country}.html" if country else f"indicator/{name}.html"

    def cell_at(self, address: str) -> Cell | None:
        """The cell at an address; None where there is none."""
        own = self.cells_of.get(address.partition("/")[0], ())
        return next((c for c in own if c.address == address), None)

    @cached_property
    def truths(self) -> tuple[ComparisonOfTruth, ...]:
        """Estimates that are shown, beside the truth; a withheld one keeps its truth to itself."""
        known = self.indicators
        return tuple(t for t in self.structure.truth if t.estimate is not None and t.indicator in known)

    @cached_property
    def expectations(self) -> tuple[Expectation, ...]:
        """Figures of producers beside ours, where ours is the value of a cell that is shown."""
        return tuple(e for e in self.structure.expectations if e.ours is None or self._is_shown(e, e.ours))

    def _is_shown(self, expectation: Expectation, ours: float) -> bool:
        decimals = len(f"{ours:.9f}".rstrip("0").partition(".")[2])
        half = 0.5 * 10.0**-decimals + 1e-9
        where = expectation.source, expectation.time_period
        cells = self.cells_of.get(expectation.indicator, ())
        return any(
            (c.source, c.time) == where and c.value is not None and abs(c.value - ours) <= half for c in cells
        )

    def base_indicators(self) -> tuple[IndicatorSpec, ...]:
        """Indicators with a page of their own: all but the gaps of others."""
        names = self.indicators
        return tuple(
            i
            for i in self.structure.indicators
            if not (i.indicator.endswith(GAP) and i.indicator.removesuffix(GAP) in names)
        )


def read_release(folder: Path) -> Release:
    """The release in ``folder``.

    Raises :class:`CaudalError`: integrity for a folder that is not a whole release, gate for cells that
    must not be shown.
    """
    missing = [n for n in (OBSERVATIONS, STRUCTURE) if not (folder / n).is_file()]
    if missing:
        raise CaudalError(*(problem("publish-incomplete", where=str(folder), file=n) for n in missing))
    try:
        manifest, digest = _manifest(folder / MANIFEST)
        structure = ReleaseStructure.model_validate_json((folder / STRUCTURE).read_bytes())
        table = pq.read_table(folder / OBSERVATIONS)
        dimensions = dimensions_of(table)
        cells = cells_of(table)
    except (ValidationError, pa.ArrowException, ValueError, KeyError) as error:
        raise CaudalError(_unreadable(folder, error)) from error
    _refuse(cells, structure)
    return Release(structure, cells, dimensions, manifest, digest)


def _unreadable(folder: Path, error: Exception) -> Problem:
    """Why a release cannot be read: another version made it, or it is damaged."""
    try:
        made_by = str(json.loads((folder / MANIFEST).read_bytes())["caudal"])
    except (OSError, ValueError, KeyError, TypeError):
        made_by = caudal.__version__
    if made_by != caudal.__version__:
        facts = {"made_by": made_by, "here": caudal.__version__}
        return problem("publish-other-version", where=str(folder), **facts)
    return problem("publish-unreadable", where=str(folder), reason=error)


def cells_of(table: pa.Table) -> tuple[Cell, ...]:
    """The cells of an observation table, in the order of their address.

    Raises :class:`CaudalError` (gate) for a cell without a verdict and a withheld one with a measure.
    """
    dimensions = dimensions_of(table)
    rows = table.select([*key_columns(dimensions), *_READ, *_READ_TOO]).to_pylist()
    problems = [p for row in rows if (p := _gate_problem(row)) is not None]
    if problems:
        raise CaudalError(*problems)
    return tuple(sorted((_cell(row, dimensions) for row in rows), key=lambda c: (c.address, c.concept)))


def _manifest(path: Path) -> tuple[Manifest | None, str]:
    if not path.is_file():
        return None, ""
    data = path.read_bytes()
    return Manifest.model_validate_json(data), sha256_bytes(data)


def _is_withheld(row: Mapping[str, Any]) -> bool:
    return row["conf_status_code"] not in (None, "", "F") or row["obs_status_code"] == WITHHELD


def _gate_problem(row: Mapping[str, Any]) -> Problem | None:
    if not row["verdict"]:
        return problem("publish-no-verdict", cell=address(_key(row)))
    measured = [n for n in ("value", *ERRORS, "lower", "upper") if row[n] is not None]
    if _is_withheld(row) and measured:
        return problem("publish-withheld-with-measure", cell=address(_key(row)), columns=measured)
    return None


def _key(row: Mapping[str, Any]) -> dict[str, Any]:
    names = list(row)
    return {n: row[n] for n in names[: names.index("vintage") + 1]}


def _cell(row: Mapping[str, Any], dimensions: Iterable[str]) -> Cell:
    """A row as a cell. An error of zero is that of a full count: no error is known, so none is carried."""
    key = Cell(
        indicator=row["indicator_code"],
        version=row["indicator_version"],
        reporter=row["reporter_code"],
        area=row["reference_area_code"],
        counterpart=row["counterpart_area_code"],
        time=row["time_period"],
        categories=tuple((d, row[f"{d}_code"]) for d in dimensions if row[f"{d}_code"] != TOTAL),
        source=row["source_code"],
        concept=row["concept_vector"],
        vintage=row["vintage"],
        unit=row["unit_code"] or "",
        address=address(_key(row)),
        withheld=_is_withheld(row),
    )
    if key.withheld:
        return key
    return replace(
        key,
        value=row["value"],
        errors=tuple((n, row[n]) for n in ERRORS if row[n]),
        lower=row["lower"] if row["lower"] != row["upper"] else None,
        upper=row["upper"] if row["lower"] != row["upper"] else None,
        interval_type=row["interval_type"] or "",
        status=_status(row),
        method=row["method_code"] or "",
        error_note=row["error_note"] or "",
        reliability=row["reliability"] or "",
        verdict=row["verdict"],
    )


def _status(row: Mapping[str, Any]) -> str:
    """The flag of a cell; one without a value is not a normal value, whoever wrote so."""
    status = str(row["obs_status_code"] or "")
    return MISSING if row["value"] is None and status in ("", NORMAL) else status


def _refuse(cells: tuple[Cell, ...], structure: ReleaseStructure) -> None:
    """Every indicator and source that a cell names must be described, every address lead to one cell, and
    every name be fit to name a file."""
    known = {i.indicator for i in structure.indicators}, {s.source for s in structure.sources}
    used = {c.indicator for c in cells}, {c.source for c in cells}
    strange = sorted((used[0] - known[0]) | (used[1] - known[1]))
    problems = tuple(problem("publish-not-described", found=n) for n in strange)
    twice = [a for a, n in Counter(c.address for c in cells).items() if n > 1]
    problems += tuple(problem("publish-address-twice", found=a) for a in sorted(twice))
    if problems := (*problems, *_unfit_names(cells, structure)):
        raise CaudalError(*problems)


def _unfit_names(cells: tuple[Cell, ...], structure: ReleaseStructure) -> tuple[Problem, ...]:
    """Names become files and folders of the site: none may lead out of it."""
    names = {s.source for s in structure.sources} | {c.time for c in cells} | set(structure.languages)
    unfit = sorted(n for n in names if not _FILE_NAME.fullmatch(n))
    own = {i.indicator for i in structure.indicators} & RESERVED
    own |= {s.story.story for s in structure.stories} & {"index"}
    taken = tuple(problem("publish-name-taken", found=n) for n in sorted(own))
    return tuple(problem("publish-unfit-name", found=n) for n in unfit) + taken


def country_of(area: str) -> str:
    """The country of an area; empty for one that is of none, as a region of many.

    >>> country_of("CL"), country_of("CL-13"), country_of("419")
    ('CL', 'CL', '')
    """
    found = _OF_COUNTRY.fullmatch(area)
    return found[1] if found else ""


def main_area(release: Release) -> str:
    """The area that the release is about: its territory, or the only area that its cells have. In a region
    without figures of its own every country is a part."""
    areas = {c.area for c in release.cells}
    return next(iter(areas)) if len(areas) == 1 else release.structure.territory


def breakdown(cell: Cell, area: str) -> tuple[tuple[str, str], ...]:
    """What a cell is broken down by, with other areas and counterparts as dimensions of their own."""
    place = (("reference_area", cell.area),) if cell.area != area else ()
    other = (("counterpart_area", cell.counterpart),) if cell.counterpart != NOT_APPLICABLE else ()
    return place + other + cell.categories
