"""A release as publishing reads it: cells with a verdict, the structure, the manifest if there is one.

Reads ``observations.parquet``, ``structure.json`` and ``manifest.json`` of a folder and nothing else.
Refuses a cell without a verdict, a withheld cell that still carries a measure, and a structure that it
cannot read. Counts of records (``sample_n``, ``cases_n``, ``psu_n``, ``df``) are not read at all: the
difference of two of them could tell a withheld one.
"""

from __future__ import annotations

import gc
import json
import math
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
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
    declared,
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
from caudal.publish.letters import borne
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
RESERVED = frozenset({"observations", "concepts", "codes", "quality", "truth", "inequality", "readiness"})
#: Names that some system keeps for its devices, with whatever extension: no file there can have them.
DEVICES = frozenset({"con", "prn", "aux", "nul", *(f"{d}{n}" for d in ("com", "lpt") for n in range(1, 10))})
#: An area of a country by ISO 3166: the country itself, or a part of it.
_OF_COUNTRY = re.compile(r"([A-Z]{2})(-.*)?")
_FILE_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]*")
_READ = ("value", *ERRORS, "lower", "upper", "interval_type", "unit_code", "obs_status_code")
#: What of the key stands in an address whatever a cell is broken down by.
_LOCATED = (
    "indicator_code",
    "reference_area_code",
    "counterpart_area_code",
    "time_period",
    "source_code",
    "vintage",
)
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
        """The page on which a cell lies, seen from the folder of a language: that of its indicator for the
        latest period, that of its year for another."""
        base = cell.indicator.removesuffix(GAP)
        name = base if base in self.indicators else cell.indicator
        split = name in self.countries_of
        country = country_of(cell.area) if split else ""
        stem = f"indicator/{name}/{country}" if country else f"indicator/{name}"
        within = [f"{i}/{country}" for i in (name, name + GAP)] if split else [name, name + GAP]
        held = self.cells_within if split else self.cells_of
        like = (cell.source, cell.concept)
        beside = [c for key in within for c in held.get(key, ()) if (c.source, c.concept) == like]
        return f"{stem}.html" if cell.time == latest(beside) else f"{stem}.{year_of(cell.time)}.html"

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


def latest(cells: Iterable[Cell]) -> str:
    """The last period in which something is shown, a whole one where there is any; the last of all where
    nothing is shown."""
    known = [(c.value is not None, not c.partial, c.time) for c in cells]
    return max(known)[2]


def year_of(time: str) -> str:
    """The year of a period: pages of earlier periods are by year, however short the periods are."""
    return time[:4]


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
        structure = ReleaseStructure.model_validate(borne(json.loads((folder / STRUCTURE).read_bytes())))
        table = declared(pq.read_table(folder / OBSERVATIONS))
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
    dimensions = [d for d in dimensions_of(table) if set(table[f"{d}_code"].unique().to_pylist()) - {TOTAL}]
    columns = [f"{d}_code" for d in dimensions]
    broken_down: dict[tuple[str, ...], dict[str, str]] = {}
    problems: list[Problem] = []
    cells: list[Cell] = []
    for row in _rows(table, (*key_columns(dimensions), *_READ, *_READ_TOO)):
        codes = tuple([row[c] for c in columns])
        if codes not in broken_down:  # the same few hundred stand in all rows
            broken_down[codes] = {c: code for c, code in zip(columns, codes, strict=True) if code != TOTAL}
        chosen = broken_down[codes]
        where = address({n: row[n] for n in _LOCATED} | chosen)
        found = _gate_problem(row, where)
        if found is None:
            cells.append(_cell(row, chosen, where))
        else:
            problems.append(found)
    if problems:
        raise CaudalError(*problems)
    return tuple(sorted(cells, key=lambda c: (c.address, c.concept)))


@contextmanager
def _nothing_is_garbage() -> Iterator[None]:
    """Millions of values are made that all stay: to look for garbage among them takes a fifth of the time."""
    was_looked_for = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_looked_for:
            gc.enable()


def _rows(table: pa.Table, names: Sequence[str]) -> Iterator[dict[str, Any]]:
    """The rows of a table, one at a time."""
    columns = [_values(table[n].combine_chunks()) for n in names]
    return (dict(zip(names, values, strict=True)) for values in zip(*columns, strict=True))


def _values(column: pa.Array) -> list[Any]:
    """The values of a column; a text that stands in many rows is one object, or a large release would be
    little else than copies of its codes."""
    if not pa.types.is_string(column.type):
        return column.to_pylist()  # type: ignore[no-any-return]
    encoded = column.dictionary_encode()
    texts = [*encoded.dictionary.to_pylist(), None]
    return [texts[-1 if i is None else i] for i in encoded.indices.to_pylist()]


def _manifest(path: Path) -> tuple[Manifest | None, str]:
    if not path.is_file():
        return None, ""
    data = path.read_bytes()
    return Manifest.model_validate_json(data), sha256_bytes(data)


def _is_withheld(row: Mapping[str, Any]) -> bool:
    return row["conf_status_code"] not in (None, "", "F") or row["obs_status_code"] == WITHHELD


def _gate_problem(row: Mapping[str, Any], where: str) -> Problem | None:
    if not row["verdict"]:
        return problem("publish-no-verdict", cell=where)
    measured = [n for n in ("value", *ERRORS, "lower", "upper") if row[n] is not None]
    if measured and _is_withheld(row):
        return problem("publish-withheld-with-measure", cell=where, columns=measured)
    return None


def _cell(row: Mapping[str, Any], chosen: Mapping[str, str], where: str) -> Cell:
    """A row as a cell; ``chosen`` are its codes that are not totals, by column."""
    withheld = _is_withheld(row)
    return Cell(
        indicator=row["indicator_code"],
        version=row["indicator_version"],
        reporter=row["reporter_code"],
        area=row["reference_area_code"],
        counterpart=row["counterpart_area_code"],
        time=row["time_period"],
        categories=tuple([(column.removesuffix("_code"), code) for column, code in chosen.items()]),
        source=row["source_code"],
        concept=row["concept_vector"],
        vintage=row["vintage"],
        unit=row["unit_code"] or "",
        address=where,
        withheld=withheld,
        **({} if withheld else _measures(row)),
    )


def _measures(row: Mapping[str, Any]) -> dict[str, Any]:
    """What a cell says besides its key. An error of zero is that of a full count: no error is known, so none
    is carried."""
    certain = row["lower"] == row["upper"]
    return {
        "value": row["value"],
        "errors": tuple((n, row[n]) for n in ERRORS if row[n]),
        "lower": None if certain else row["lower"],
        "upper": None if certain else row["upper"],
        "interval_type": row["interval_type"] or "",
        "status": _status(row),
        "method": row["method_code"] or "",
        "error_note": row["error_note"] or "",
        "reliability": row["reliability"] or "",
        "verdict": row["verdict"],
    }


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
    """Names become files and folders of the site: none may lead out of it, or be one that a system of its
    readers cannot store."""
    sources, stories = [s.source for s in structure.sources], [s.story.story for s in structure.stories]
    names = {*sources, *(c.time for c in cells), *structure.languages}
    unfit = sorted(n for n in names if not _FILE_NAME.fullmatch(n))
    indicators = {i.indicator for i in structure.indicators}
    own = indicators & RESERVED | set(stories) & {"index"}
    taken = tuple(problem("publish-name-taken", found=n) for n in sorted(own))
    named = {*names, *indicators, *stories, *(i.family for i in structure.indicators)}
    devices = sorted(n for n in named if n.partition(".")[0].lower() in DEVICES)
    return (
        *(problem("publish-unfit-name", found=n) for n in unfit),
        *taken,
        *(problem("publish-name-of-device", found=n) for n in devices),
    )


def country_of(area: str) -> str:
    """The country of an area; empty for one that is of none, as a region of many.

    >>> country_of("CL"), country_of("CL-13"), country_of("419")
    ('CL', 'CL', '')
    """
    found = _OF_COUNTRY.fullmatch(area)
    return found[1] if found else ""


def is_country(area: str) -> bool:
    """Whether an area is a country, whole.

    >>> is_country("CL"), is_country("CL-13"), is_country("419")
    (True, False, False)
    """
    return bool(area) and country_of(area) == area


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
