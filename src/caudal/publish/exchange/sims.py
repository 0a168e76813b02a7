"""Reference metadata of a dataflow, in the concepts of SIMS, filled from the run itself.

What the gate did, how large the errors of the published figures are, how many rows became records, what
was reproduced, what was corrected, how old the latest figures are and which bytes went in: all of it is read
from the release, nothing is typed by hand. Relative standard errors are those of the cells that are shown; a
withheld cell is counted and otherwise silent.

Reference: Single Integrated Metadata Structure (SIMS 2.0) and the concepts of ESMS.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from statistics import median

import caudal
from caudal.engine.code import code_sha256
from caudal.model.indicator import IndicatorSpec
from caudal.model.release import SourceEntry
from caudal.publish.exchange.shape import Attribute, Dataflow, Report, frequency, last_day
from caudal.publish.exchange.themes import themes
from caudal.publish.numbers import fill
from caudal.publish.release import Cell, Release
from caudal.publish.voice import Voice

Lines = Callable[["Theme", Voice], Iterable[str]]


@dataclass(frozen=True)
class Theme:
    """A family of indicators with all that the release knows of it."""

    release: Release
    specs: tuple[IndicatorSpec, ...]
    cells: tuple[Cell, ...]
    sources: tuple[SourceEntry, ...]


def report(release: Release, voices: Mapping[str, Voice], flow: Dataflow) -> Report:
    """The reference metadata of one dataflow in every language."""
    specs = themes(release)[flow.theme]
    cells = tuple(c for s in specs for c in release.cells_of[s.indicator])
    used = {c.source for c in cells}
    theme = Theme(release, specs, cells, tuple(s for s in release.structure.sources if s.source in used))
    names = {tag: _said(v, "metadata_of", theme=v.family(flow.theme)) for tag, v in voices.items()}
    attributes = (_attribute(theme, voices, ident, lines) for ident, lines in _CONTENT.items())
    return Report(flow.theme, names, tuple(a for a in attributes if a is not None))


def _attribute(
    theme: Theme, voices: Mapping[str, Voice], ident: str, content: Lines | Mapping[str, Lines]
) -> Attribute | None:
    """A part of the report; None where the release has nothing to say on it."""
    names = {tag: v.words.word("metadata", ident) or ident for tag, v in voices.items()}
    if isinstance(content, Mapping):
        parts = (_attribute(theme, voices, name, lines) for name, lines in content.items())
        found = tuple(p for p in parts if p is not None)
        return Attribute(ident, names, parts=found) if found else None
    texts = {tag: "\n".join(dict.fromkeys(content(theme, v))) for tag, v in voices.items()}
    return Attribute(ident, names, texts) if all(texts.values()) else None


def _said(voice: Voice, key: str, **facts: object) -> str:
    """A sentence of the interface as plain text."""
    return fill(voice.words.text[key], {k: str(v) for k, v in facts.items()})


def _contact(theme: Theme, voice: Voice) -> Iterator[str]:
    structure = theme.release.structure
    yield voice.plain(structure.producer)
    if structure.contact:
        yield structure.contact


def _updated(theme: Theme, voice: Voice) -> Iterator[str]:
    yield f"{voice.words.text['edition']} {theme.release.structure.vintage}"


def _described(theme: Theme, voice: Voice) -> Iterator[str]:
    own = {s.indicator for s in theme.release.base_indicators()}
    for spec in (s for s in theme.specs if s.indicator in own):
        yield f"{voice.name(spec)}: {voice.plain(spec.text.definition)}"


def _counted(theme: Theme, voice: Voice) -> Iterator[str]:
    for source in theme.sources:
        words = "; ".join(f"{name}: {value}" for _, name, value in voice.axes(source.concept))
        yield f"{voice.plain(source.title)}: {words}"


def _population(theme: Theme, voice: Voice) -> Iterator[str]:
    text = voice.plain(theme.release.structure.population_concept)
    if text:
        yield text


def _areas(theme: Theme, voice: Voice) -> Iterator[str]:
    yield "; ".join(voice.area_name(c) for c in sorted({c.area for c in theme.cells}))


def _periods(theme: Theme, voice: Voice) -> Iterator[str]:
    times = sorted({c.time for c in theme.cells})
    yield voice.when(times[0]) if len(times) == 1 else f"{voice.when(times[0])} – {voice.when(times[-1])}"


def _units(theme: Theme, voice: Voice) -> Iterator[str]:
    yield "; ".join(dict.fromkeys(voice.unit(s.unit) for s in theme.specs))


def _policy(theme: Theme, voice: Voice) -> Iterator[str]:
    yield voice.words.text["gate_lede"]
    for name, value in theme.release.structure.confidentiality.policy.items():
        yield f"{voice.words.word('policy', name) or name}: {value}"


def _treated(theme: Theme, voice: Voice) -> Iterator[str]:
    withheld, cells = sum(c.withheld for c in theme.cells), len(theme.cells)
    facts = {"suppressed": voice.number(withheld, 0), "cells": voice.number(cells, 0)}
    yield _said(voice, "meta_suppressed", **facts, percent=voice.number(100 * withheld / cells, 1))
    audit = voice.plain(theme.release.structure.confidentiality.audit)
    if audit:
        yield audit


def _frequencies(theme: Theme, voice: Voice) -> Iterator[str]:
    codes = sorted({frequency(c.time) for c in theme.cells})
    yield "; ".join(voice.words.word("frequencies", code) or code for code in codes)


def _timeliness(theme: Theme, voice: Voice) -> Iterator[str]:
    """From the end of the latest period of each source to this edition, in months."""
    edition = _months(theme.release.structure.vintage)
    times: dict[str, set[str]] = defaultdict(set)
    for cell in theme.cells:
        times[cell.source].add(cell.time)
    for source in theme.sources:
        latest = max(times[source.source], key=last_day)
        months = edition - _months(latest)
        if months >= 0:
            facts = {"source": voice.plain(source.title), "time": voice.when(latest)}
            yield _said(voice, "meta_timeliness", **facts, months=voice.number(months, 0))


def _months(period: str) -> int:
    """Months up to the end of a period."""
    year, month, _ = last_day(period).split("-")
    return 12 * int(year) + int(month)


def _fiction(theme: Theme, voice: Voice) -> Iterator[str]:
    if theme.release.structure.simulated:
        yield _said(voice, "fiction_banner", area=voice.area_name())


def _released(theme: Theme, voice: Voice) -> Iterator[str]:
    structure = theme.release.structure
    yield f"{voice.words.text['edition']} {structure.vintage}"
    yield f"{voice.words.text['licence']} {structure.licence}"
    if structure.embargo:
        yield _said(voice, "embargo", date=voice.when(structure.embargo[:10]))


def _clarity(theme: Theme, voice: Voice) -> Iterator[str]:
    yield voice.words.text["data_lede"]


def _quality(theme: Theme, voice: Voice) -> Iterator[str]:
    names = {s.indicator for s in theme.specs}
    told = [e for e in theme.release.expectations if e.indicator in names]
    if told:
        held = sum(e.reproduced for e in told)
        yield _said(voice, "meta_restored", reproduced=held, expected=len(told))


def _sampling(theme: Theme, voice: Voice) -> Iterator[str]:
    """Relative standard errors of the shown figures, one line for each indicator and source."""
    told: dict[tuple[str, str], list[Cell]] = {}
    for cell in theme.cells:
        told.setdefault((cell.indicator, cell.source), []).append(cell)
    for spec in theme.specs:
        for source in theme.sources:
            cells = told.get((spec.indicator, source.source), [])
            shown = [c for c in cells if c.value is not None]
            errors = sorted(100 * c.se / abs(c.value) for c in cells if c.se and c.value)
            facts = {"indicator": voice.name(spec), "source": voice.plain(source.title)}
            if errors:
                sizes = {"low": errors[0], "high": errors[-1], "middle": median(errors)}
                said = {k: voice.number(v, 1) for k, v in sizes.items()}
                yield _said(voice, "meta_cv", **facts, figures=voice.number(len(errors), 0), **said)
            elif shown:
                yield _said(voice, "meta_no_error", **facts, figures=voice.number(len(shown), 0))


def _other_errors(theme: Theme, voice: Voice) -> Iterator[str]:
    yield from _response(theme, voice)
    for cell in theme.cells:
        if note := voice.note(cell):
            yield note
    for source in theme.sources:
        yield from (t for t in (voice.plain(source.design), voice.plain(source.notes)) if t)


def _response(theme: Theme, voice: Voice) -> Iterator[str]:
    """How many of each sample answered; of one whose office does not tell it, that it is not known."""
    for source in theme.sources:
        if source.concept.get("source_type") != "survey" or source.published_by_producer:
            continue
        name = voice.plain(source.title)
        if not source.response:
            yield _said(voice, "meta_no_response", source=name)
        for told in source.response:
            sizes = {"sampled": voice.number(told.sampled, 0), "responding": voice.number(told.responding, 0)}
            percent = voice.number(100 * told.responding / told.sampled, 1)
            facts = {"source": name, "time": voice.when(told.period), "unit": voice.plain(told.unit)}
            yield _said(voice, "meta_response", **facts, **sizes, percent=percent)


def _revision_sizes(theme: Theme, voice: Voice) -> Iterator[str]:
    """How far figures moved since the release before, by indicator."""
    names = {s.indicator: voice.name(s) for s in theme.specs}
    for told in (r for r in theme.release.structure.revisions if r.indicator in names):
        counts = {"figures": voice.number(told.figures, 0), "revised": voice.number(told.revised, 0)}
        facts = {"indicator": names[told.indicator], **counts}
        if told.median is None or told.largest is None:
            yield _said(voice, "meta_unrevised" if not told.revised else "meta_revised_zero", **facts)
        else:
            sizes = {"median": voice.number(told.median, 1), "largest": voice.number(told.largest, 1)}
            yield _said(voice, "meta_revised", **facts, **sizes)


def _readings(theme: Theme, voice: Voice) -> Iterator[str]:
    """Where a series breaks, and what each indicator may be compared with."""
    for source in theme.sources:
        for known in source.breaks:
            told = f"{_said(voice, 'breaks_at', time=voice.when(known.at))} {voice.plain(known.reason)}"
            yield f"{voice.plain(source.title)}. {told}"
    yield from (t for s in theme.specs if (t := voice.plain(s.text.reading)))


def _revisions(theme: Theme, voice: Voice) -> Iterator[str]:
    structure = theme.release.structure
    if structure.previous:
        yield _said(voice, "meta_previous", sha256=structure.previous)
        yield from _revision_sizes(theme, voice)
    else:
        yield voice.words.text["meta_first"]
    names = {s.indicator for s in theme.specs}
    yield from (
        f"{voice.words.text[n.kind]}: {voice.plain(n.text)}"
        for n in structure.notices
        if n.indicator in names
    )


def _sources(theme: Theme, voice: Voice) -> Iterator[str]:
    for source in theme.sources:
        yield f"{voice.plain(source.title)}. {source.producer}. {source.origin} ({source.licence})"


def _validated(theme: Theme, voice: Voice) -> Iterator[str]:
    for source in theme.sources:
        counts = source.reconciliation
        if counts and counts.rows_in:
            share = voice.number(100 * counts.records / counts.rows_in, 1)
            rows = voice.number(counts.rows_in, 0)
            yield _said(voice, "meta_rows", source=voice.plain(source.title), rows=rows, percent=share)


def _compiled(theme: Theme, voice: Voice) -> Iterator[str]:
    for method in dict.fromkeys(c.method for c in theme.cells if c.method):
        yield voice.words.word("methods", method) or method
    yield _said(voice, "meta_code", version=caudal.__version__, sha256=code_sha256())
    for source in theme.sources:
        for file in source.inputs:
            facts = {"source": voice.plain(source.title), "file": file.name, "sha256": file.sha256}
            yield _said(voice, "meta_input", **facts)


_CONTENT: Mapping[str, Lines | Mapping[str, Lines]] = {
    "CONTACT": _contact,
    "META_UPDATE": _updated,
    "STAT_PRES": {
        "DATA_DESCR": _described,
        "STAT_CONC_DEF": _counted,
        "STAT_POP": _population,
        "REF_AREA": _areas,
        "COVERAGE_TIME": _periods,
    },
    "UNIT_MEASURE": _units,
    "CONF": {"CONF_POLICY": _policy, "CONF_DATA_TR": _treated},
    "REL_POLICY": _released,
    "FREQ_DISS": _frequencies,
    "ACCESSIBILITY_CLARITY": _clarity,
    "QUALITY_MGMNT": _quality,
    "ACCURACY": {"SAMPLING_ERR": _sampling, "NONSAMPLING_ERR": _other_errors},
    "TIMELINESS_PUNCT": {"TIMELINESS": _timeliness},
    "COHER_COMPAR": _readings,
    "DATA_REV": _revisions,
    "STAT_PROCESS": {"SOURCE_TYPE": _sources, "DATA_VALIDATION": _validated, "DATA_COMP": _compiled},
    "COMMENT_DSET": _fiction,
}
