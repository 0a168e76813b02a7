"""The structure of a release: all that its readers need besides the cells, drawn from the specs and the run.

Nothing here is typed by hand twice: labels come from the code lists, quality from the counts of the run,
the words of the concept vector from the catalogue. Only totals of sources enter, never counts of a cell.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
from ruamel.yaml import YAML

from caudal.catalogue.outlines import disputes
from caudal.estimate.indicators import gap_of, key_dimensions
from caudal.harmonise import statements
from caudal.model.catalogue import Catalogue, ancestors
from caudal.model.indicator import Expected, IndicatorSpec
from caudal.model.observation import TOTAL, UNKNOWN, dimensions_of
from caudal.model.official import OfficialCheck, Published
from caudal.model.record import Column, Leaves, RecordKind, record_kinds
from caudal.model.release import (
    BreakEntry,
    CodeEntry,
    ComparisonOfTruth,
    Confidentiality,
    DimensionEntry,
    Expectation,
    InputFile,
    MissingFile,
    NotComputable,
    Reconciliation,
    ReleaseStructure,
    ResponseEntry,
    SourceEntry,
)
from caudal.model.source import SourceSpec
from caudal.model.spec import Text
from caudal.river.folder import CountryFolder
from caudal.river.members import member_sources
from caudal.river.readiness import Held, readiness
from caudal.river.stories import told

#: Lists of which a release carries every code, because any cell may show it.
_WHOLE_LISTS = ("CL_OBS_STATUS", "CL_CONF_STATUS", "CL_SPECIAL")
#: Lists that name places.
_PLACES = ("CL_AREA", "CL_COUNTRY")


@dataclass(frozen=True)
class SourceRun:
    """What a build saw of one source."""

    spec: SourceSpec
    inputs: tuple[InputFile, ...] = ()
    missing: tuple[MissingFile, ...] = ()
    reconciliation: Reconciliation | None = None
    not_computable: tuple[NotComputable, ...] = ()
    members: tuple[ReleaseStructure, ...] = ()
    official: tuple[OfficialCheck, ...] = ()
    columns: frozenset[str] = frozenset()

    @property
    def held(self) -> Held:
        """The source as the readiness matrix sees it; where no delivery is here, with what it would fill."""
        return Held(self.spec, self.columns or frozenset(self.spec.columns), bool(self.inputs))


def structure(
    folder: CountryFolder,
    runs: Sequence[SourceRun],
    released: pa.Table,
    unprotected: pa.Table,
    confidentiality: Confidentiality,
    truth: Sequence[ComparisonOfTruth],
    previous: str,
) -> ReleaseStructure:
    """The structure of the release of ``released`` observations; ``unprotected`` are they before the gate."""
    catalogue, country, publication = folder.catalogue, folder.country, folder.publication
    members = [m for run in runs for m in run.members]
    shown = _shown_indicators(folder, released, members)
    return ReleaseStructure(
        territory=country.territory,
        title=country.title,
        producer=country.producer,
        contact=country.contact,
        population_concept=country.population_concept,
        languages=country.languages,
        simulated=country.simulated,
        vintage=publication.vintage,
        previous=previous,
        embargo=publication.embargo,
        licence=publication.licence,
        custodian=publication.custodian,
        notices=publication.notices,
        dimensions=_dimensions(released, catalogue, members),
        code_lists=_code_lists(released, folder, members),
        indicators=tuple(shown),
        units={u: catalogue.units[u] for u in _used(released, "unit_code") if u in catalogue.units},
        sources=(
            *(_source_entry(run, catalogue) for run in runs if not run.members),
            *member_sources(members, [run.spec.source for run in runs if not run.members]),
        ),
        axes=tuple(catalogue.axes.values()),
        confidentiality=confidentiality,
        truth=tuple(truth),
        expectations=tuple(_expectations(shown, released, runs)),
        not_computable=tuple(_in_words(n, run, catalogue) for run in runs for n in run.not_computable),
        readiness=readiness(
            catalogue,
            country.territory,
            publication.reliability,
            [run.held for run in runs if not run.members],
            released,
            unprotected,
            members,
        ),
        stories=told(folder.stories, released, publication.vintage),
        boundaries=folder.boundaries,
        disputed=disputes()[publication.disputed_names],
        page_texts=catalogue.page_texts,
    )


def _in_words(cannot: NotComputable, run: SourceRun, catalogue: Catalogue) -> NotComputable:
    """What a source lacks for an indicator, named for readers."""
    words = tuple(_lacking(name, record_kinds().get(run.spec.kind), catalogue) for name in cannot.missing)
    return cannot.model_copy(
        update={"name": catalogue.indicators[cannot.indicator].text.name, "words": words}
    )


def _lacking(name: str, kind: RecordKind | None, catalogue: Catalogue) -> Text:
    """A missing column by the name of its code list, a missing axis by its name and value; as it is where
    neither has words."""
    axis, _, value = name.partition("=")
    if axis in catalogue.axes:
        entry = catalogue.axes[axis]
        values = entry.values.get(value, {})
        return {tag: f"{text}: {values.get(tag, value)}" for tag, text in entry.text.items()}
    column = kind.column(name) if kind else None
    note = catalogue.list_notes.get(column.code_list) if column else None
    return note.text if note else {tag: name for tag in catalogue.languages}


def _shown_indicators(
    folder: CountryFolder, released: pa.Table, members: Sequence[ReleaseStructure]
) -> list[IndicatorSpec]:
    """The indicators of which some cell is there: this folder's, then what only members define."""
    present = set(_used(released, "indicator_code"))
    defined = [
        *_with_gaps(folder.indicators(), folder.catalogue),
        *(i for m in members for i in m.indicators),
    ]
    first: dict[str, IndicatorSpec] = {}
    for indicator in defined:
        first.setdefault(indicator.indicator, indicator)
    return [i for name, i in first.items() if name in present]


def _with_gaps(indicators: Iterable[IndicatorSpec], catalogue: Catalogue) -> list[IndicatorSpec]:
    pairs = ((i, gap_of(i, catalogue)) for i in indicators)
    return [i for pair in pairs for i in pair if i is not None]


def _used(table: pa.Table, column: str) -> list[str]:
    return sorted(c for c in pc.unique(table[column]).to_pylist() if c is not None)


def _dimensions(
    table: pa.Table, catalogue: Catalogue, members: Sequence[ReleaseStructure]
) -> tuple[DimensionEntry, ...]:
    """The dimensions by which some cell is broken down."""
    known = {d.name: d for m in members for d in m.dimensions}
    known |= {name: catalogue.dimensions[name].entry for name in key_dimensions(catalogue)}
    return tuple(
        known[name] for name in dimensions_of(table) if _used(table, f"{name}_code") not in ([], [TOTAL])
    )


def _code_lists(
    table: pa.Table, folder: CountryFolder, members: Sequence[ReleaseStructure]
) -> dict[str, tuple[CodeEntry, ...]]:
    """The lists that the cells and stories use, each with the codes in use and what stands above them."""
    catalogue = folder.catalogue
    used: dict[str, set[str]] = {}
    for dimension in _dimensions(table, catalogue, members):
        codes = set(_used(table, f"{dimension.name}_code"))
        used.setdefault(dimension.code_list, set()).update(codes)
    for column in ("reporter_code", "reference_area_code", "counterpart_area_code"):
        used.setdefault("CL_AREA", set()).update(_used(table, column))
    if folder.stories:
        used["CL_FRAME"] = {s.frame for s in folder.stories}
    used["CL_UNIT"] = set(_used(table, "unit_code"))
    lists = {name: _entries(name, used.get(name), catalogue) for name in {*used, *_WHOLE_LISTS}}
    for member in members:
        for name, entries in member.code_lists.items():
            lists[name] = _with_more(lists.get(name, ()), entries, used.get(name, set()))
    names = _names_in_dispute(folder)
    return {n: tuple(_named(e, n, names) for e in entries) for n, entries in sorted(lists.items())}


def _names_in_dispute(folder: CountryFolder) -> Mapping[str, Text]:
    """Area -> its name in the usage that the folder chooses."""
    chosen = disputes()[folder.publication.disputed_names]
    return {area: d.name for d in chosen if d.name for area in d.areas}


def _named(entry: CodeEntry, code_list: str, names: Mapping[str, Text]) -> CodeEntry:
    if code_list not in _PLACES or entry.id not in names:
        return entry
    return entry.model_copy(update={"labels": {**entry.labels, **names[entry.id]}})


def _with_more(
    known: tuple[CodeEntry, ...], more: tuple[CodeEntry, ...], used: set[str]
) -> tuple[CodeEntry, ...]:
    """``known`` and, after them, the codes in use that only a member has labels for."""
    ids = {c.id for c in known}
    return (*known, *(c for c in more if c.id in used and c.id not in ids))


def _entries(name: str, used: set[str] | None, catalogue: Catalogue) -> tuple[CodeEntry, ...]:
    if name not in catalogue.code_lists:
        return ()
    codes = catalogue.code_lists[name]
    wanted = set(codes.codes) if used is None else {a for c in used | {UNKNOWN} for a in ancestors(codes, c)}
    return tuple(
        CodeEntry(id=c.id, labels=c.labels, parent=c.parent if c.parent in wanted else "")
        for c in codes.codes.values()
        if c.id in wanted
    )


def _source_entry(run: SourceRun, catalogue: Catalogue) -> SourceEntry:
    spec = run.spec
    kind = record_kinds().get(spec.kind)
    return SourceEntry(
        source=spec.source,
        title=spec.title,
        producer=spec.producer,
        origin=spec.origin,
        licence=spec.licence,
        citation=spec.citation,
        simulated=spec.simulated,
        kind=spec.kind,
        unit=kind.unit if kind else "",
        published_by_producer=spec.published_by_producer,
        concept=spec.concept,
        design=_design_words(spec),
        notes=_with_statements(spec),
        breaks=tuple(BreakEntry(at=b.at, reason=b.reason) for b in spec.breaks),
        words=_words_of(spec, kind, catalogue),
        periods=tuple(dict.fromkeys(i.period for i in run.inputs)),
        inputs=run.inputs,
        missing=run.missing,
        reconciliation=_public_counts(run.reconciliation, kind),
        official=run.official,
        response=tuple(_responses(run)),
    )


def _responses(run: SourceRun) -> Iterable[ResponseEntry]:
    """How many answered, of the deliveries that are here and whose office tells it."""
    here = {i.period for i in run.inputs}
    for delivery in run.spec.deliveries:
        if delivery.response and delivery.period in here:
            yield ResponseEntry(period=delivery.period, **delivery.response.model_dump())


def _words_of(spec: SourceSpec, kind: RecordKind | None, catalogue: Catalogue) -> dict[str, Text]:
    """What the names mean by which rows are counted: checks by their reason, concepts by their code list,
    corrections by theirs."""
    concepts = {c.name: catalogue.list_notes[c.code_list].text for c in _coded(kind, catalogue)}
    return concepts | {c.name: c.reason for c in spec.checks if c.reason}


def _coded(kind: RecordKind | None, catalogue: Catalogue) -> Iterable[Column]:
    return (c for c in (kind.columns if kind else ()) if c.code_list in catalogue.list_notes)


def _with_statements(spec: SourceSpec) -> Text:
    """The notes of a source, with what its choices where practice differs mean."""
    said = statements(spec)
    languages = dict.fromkeys([*spec.notes, *(language for text in said for language in text)])
    return {
        n: " ".join(t for t in (spec.notes.get(n, ""), *(text.get(n, "") for text in said)) if t)
        for n in languages
    }


def _design_words(spec: SourceSpec) -> Text:
    """How a source was collected: its own note, or words for the kind of its design."""
    if spec.design is None or spec.design.note:
        return spec.design.note if spec.design else {}
    text = files("caudal.catalogue").joinpath("designs.yaml").read_text(encoding="utf-8")
    words: Mapping[str, Text] = YAML(typ="safe", pure=True).load(text)
    return words[spec.design.type]


def _public_counts(counts: Reconciliation | None, kind: RecordKind | None) -> Reconciliation | None:
    """What the public is told of a source of records about people: everything rounded to ten, and of the rows
    that came in the sum of what became of them.

    An exact count of answers that no rule understood is the count of a category "unknown", and with it a
    withheld neighbour could be worked out; the exact total of a source is a withheld figure where few people
    are in it, or in one of its periods.
    """
    if counts is None or kind is None or kind.leaves is not Leaves.NEVER:
        return counts
    parts = ("quarantined_by_reason", "recoded_to_unknown", "warnings", "corrections")
    rounded: dict[str, Any] = {p: {n: round(v, -1) for n, v in getattr(counts, p).items()} for p in parts}
    totals = {n: round(getattr(counts, n), -1) for n in ("records", "quarantined", "left_out")}
    return counts.model_copy(update=rounded | totals | {"rows_in": sum(totals.values())})


def _expectations(
    indicators: Iterable[IndicatorSpec], table: pa.Table, runs: Sequence[SourceRun]
) -> Iterable[Expectation]:
    present = {r.spec.source: r.spec for r in runs if r.inputs}
    for indicator in indicators:
        own: list[tuple[str, Expected | Published]] = [(e.source, e) for e in indicator.expected]
        of_sources = [(n, p) for n, s in present.items() for p in s.published]
        told = [*own, *((n, p) for n, p in of_sources if p.indicator == indicator.indicator)]
        for source, expected in told:
            if source not in present:
                continue
            row = _our_row(table, indicator, source, expected)
            ours = None if row is None else row["value"]
            yield Expectation(
                indicator=indicator.indicator,
                source=source,
                time_period=expected.time_period,
                published=expected.value,
                published_in=expected.published_in,
                ours=None if ours is None else round(ours, expected.decimals),
                reproduced=row is not None and ours is not None and _agrees(row, expected),
                sample=isinstance(expected, Published) and expected.sample,
            )


def _agrees(row: Mapping[str, Any], expected: Expected | Published) -> bool:
    """Whether ours is what was published; of a sample of it, within three standard errors."""
    sample = isinstance(expected, Published) and expected.sample
    apart = 3 * (row["sampling_se"] or 0.0) if sample else 0.0
    return bool(abs(row["value"] - expected.value) <= apart + 0.5 * 10.0**-expected.decimals + 1e-9)


def _our_row(
    table: pa.Table, indicator: IndicatorSpec, source: str, expected: Expected | Published
) -> Mapping[str, Any] | None:
    wanted: Mapping[str, str] = {
        "indicator_code": indicator.indicator,
        "source_code": source,
        "time_period": expected.time_period,
        **{f"{d}_code": c for d, c in expected.categories.items()},
    }
    rows = [r for r in _matching(table, wanted) if _only(r, expected.categories)]
    return rows[0] if len(rows) == 1 else None


def _matching(table: pa.Table, wanted: Mapping[str, str]) -> list[dict[str, Any]]:
    for column, value in wanted.items():
        table = table.filter(pc.equal(table[column], value))
    rows: list[dict[str, Any]] = table.to_pylist()
    return rows


def _only(row: Mapping[str, Any], categories: Mapping[str, str]) -> bool:
    """Whether a row is a total in all dimensions but the named ones, and about the whole territory."""
    fixed = (
        "obs_status_code",
        "conf_status_code",
        "method_code",
        "unit_code",
        "source_code",
        "indicator_code",
    )
    areas = ("reporter_code", "reference_area_code", "counterpart_area_code")
    open_ = [
        n
        for n in row
        if n.endswith("_code") and n not in (*fixed, *areas) and n.removesuffix("_code") not in categories
    ]
    return all(row[n] == TOTAL for n in open_) and row["reference_area_code"] == row["reporter_code"]
