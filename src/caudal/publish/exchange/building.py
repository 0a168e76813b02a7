"""From a release to the shape that all exchange formats are written from.

A withheld cell has its key, what was counted, the status ``Q`` and nothing else. Counts of records are not
read. A concept vector is a code, ``V`` and ten digits of its hash, whose name is its words and whose note
is the vector itself. Names are taken from the release in each of its languages, and where a language lacks
one, from the words of the interface.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import groupby

from caudal.model.concept import ConceptVector
from caudal.model.observation import NOT_APPLICABLE, TOTAL
from caudal.model.release import Signatory
from caudal.model.spec import Text
from caudal.publish.exchange.shape import (
    Component,
    Dataflow,
    Exchange,
    ExchangeCode,
    ExchangeList,
    Kind,
    Observation,
    Role,
    Series,
    code_id,
    code_of,
    first_day,
    frequency,
    semantic_version,
    vector_id,
)
from caudal.publish.exchange.sims import report
from caudal.publish.exchange.themes import themes
from caudal.publish.release import ERRORS, WITHHELD, Cell, Release
from caudal.publish.voice import Voice, voice_of

_LEADING = (("FREQ", "CL_FREQ"), ("INDICATOR", "CL_INDICATOR"), ("REF_AREA", "CL_AREA"))
_TRAILING = (("SOURCE", "CL_SOURCE"), ("VINTAGE", "CL_VINTAGE"))
_ATTRIBUTES = (
    Component("OBS_STATUS", Role.ATTRIBUTE, "CL_OBS_STATUS"),
    Component("UNIT_MEASURE", Role.ATTRIBUTE, "CL_UNIT"),
    *(Component(e.upper(), Role.ATTRIBUTE, kind=Kind.NUMBER) for e in ERRORS),
    Component("LOWER", Role.ATTRIBUTE, kind=Kind.NUMBER),
    Component("UPPER", Role.ATTRIBUTE, kind=Kind.NUMBER),
    Component("INTERVAL_TYPE", Role.ATTRIBUTE),
    Component("RELIABILITY", Role.ATTRIBUTE, "CL_RELIABILITY"),
    Component("ERROR_NOTE", Role.ATTRIBUTE, "CL_ERROR_NOTE"),
    Component("METHOD", Role.ATTRIBUTE, "CL_METHOD"),
    Component("CONCEPT_VECTOR", Role.ATTRIBUTE, "CL_CONCEPT_VECTOR"),
    Component("INDICATOR_VERSION", Role.ATTRIBUTE),
    Component("REPORTER", Role.ATTRIBUTE, "CL_AREA"),
)
#: Attributes whose codes are words of the interface: list of the interface by component.
_WORDED = {"RELIABILITY": "reliability", "METHOD": "methods"}
#: Identifiers of dimensions that the cross-domain concepts of SDMX name otherwise.
_CROSS_DOMAIN = {"urbanisation": "URBANISATION", "counterpart_area": "COUNTERPART_AREA"}


def dimension_id(name: str) -> str:
    """The component of a dimension.

    >>> dimension_id("country_of_birth")
    'COUNTRY_OF_BIRTH'
    """
    return _CROSS_DOMAIN.get(name, name.upper())


def exchange_of(release: Release, signature: Signatory | None = None) -> Exchange:
    """The release as it is exchanged. Without a signature it says that it is a draft."""
    voices = {tag: voice_of(release, tag) for tag in release.structure.languages}
    flows = tuple(dataflow(release, voices, theme) for theme in themes(release))
    return exchange(release, voices, signature, flows)


def exchange(
    release: Release,
    voices: Mapping[str, Voice],
    signature: Signatory | None,
    flows: Sequence[Dataflow],
    *,
    reported: bool = True,
) -> Exchange:
    """Some dataflows of a release with their concepts and code lists, and with their reference metadata
    where these are wanted."""
    structure = release.structure
    return Exchange(
        agency=f"MIG_{code_id(structure.territory)}",
        producer=_plain(voices, structure.producer),
        title=_plain(voices, structure.title),
        contact=structure.contact,
        licence=structure.licence,
        languages=structure.languages,
        vintage=structure.vintage,
        version=semantic_version(structure.vintage),
        prepared=signature.date if signature else first_day(structure.vintage),
        draft=signature is None,
        concepts=_concepts(voices, flows),
        code_lists={x.id: x for x in _code_lists(release, voices, flows)},
        dataflows=tuple(flows),
        reports=tuple(report(release, voices, f) for f in flows) if reported else (),
    )


def components_of(release: Release, cells: Iterable[Cell]) -> tuple[Component, ...]:
    """The components of a data structure for ``cells``: the breakdowns are those that some cell has."""
    names, corridors = set[str](), False
    for cell in cells:
        names.update(n for n, _ in cell.categories)
        corridors = corridors or cell.counterpart != NOT_APPLICABLE
    lists = {d.name: d.code_list for d in release.structure.dimensions}
    middle = [("COUNTERPART_AREA", "CL_AREA")] if corridors else []
    middle += [(dimension_id(d), lists.get(d, "")) for d in release.dimensions if d in names]
    keys = (*_LEADING, *middle, *_TRAILING)
    return (
        *(Component(ident, Role.DIMENSION, code_list, required=True) for ident, code_list in keys),
        Component("TIME_PERIOD", Role.TIME, kind=Kind.PERIOD, required=True),
        Component("OBS_VALUE", Role.MEASURE, kind=Kind.NUMBER),
        *_ATTRIBUTES,
    )


def series_of(components: tuple[Component, ...], cells: Iterable[Cell]) -> tuple[Series, ...]:
    """``cells`` as series in the order of their keys."""
    names = [c.id for c in components if c.role is Role.DIMENSION]
    keyed = sorted(((_key(names, c), c) for c in cells), key=lambda pair: (pair[0], pair[1].time))
    return tuple(
        Series(key, tuple(_observation(cell) for _, cell in group))
        for key, group in groupby(keyed, key=lambda pair: pair[0])
    )


def dataflow(release: Release, voices: Mapping[str, Voice], theme: str) -> Dataflow:
    """The structure of a theme, and what its cells use of it."""
    specs = themes(release)[theme]
    cells = [c for s in specs for c in release.cells_of[s.indicator]]
    components = components_of(release, cells)
    names = [c.id for c in components if c.role is Role.DIMENSION]
    keys = {_key(names, c) for c in cells}
    listed = {tag: "; ".join(dict.fromkeys(v.name(s) for s in specs)) for tag, v in voices.items()}
    titles = {tag: f"{v.plain(release.structure.title)}: {v.family(theme)}" for tag, v in voices.items()}
    return Dataflow(
        theme,
        titles,
        listed,
        components,
        used={n: tuple(sorted({k[i] for k in keys})) for i, n in enumerate(names)},
        coded=_coded(components, cells),
        vectors={vector_id(v): v for v in sorted({c.concept for c in cells})},
        times=tuple(sorted({c.time for c in cells})),
        series_n=len(keys),
    )


def _coded(components: Iterable[Component], cells: Iterable[Cell]) -> dict[str, tuple[str, ...]]:
    """The codes in use of each coded attribute."""
    found: dict[str, set[str]] = {c.id: set() for c in components if c.role is Role.ATTRIBUTE and c.code_list}
    for cell in cells:
        attributes = _observation(cell).attributes
        for name, codes in found.items():
            if name in attributes:
                codes.add(str(attributes[name]))
    return {name: tuple(sorted(codes)) for name, codes in found.items()}


def _key(names: Iterable[str], cell: Cell) -> tuple[str, ...]:
    chosen = {dimension_id(d): c for d, c in cell.categories}
    known = {
        "FREQ": frequency(cell.time),
        "INDICATOR": cell.indicator,
        "REF_AREA": cell.area,
        "COUNTERPART_AREA": cell.counterpart,
        "SOURCE": cell.source,
        "VINTAGE": cell.vintage,
        **chosen,
    }
    return tuple(code_id(known.get(n, TOTAL)) for n in names)


def _observation(cell: Cell) -> Observation:
    counted = {
        "CONCEPT_VECTOR": vector_id(cell.concept),
        "INDICATOR_VERSION": cell.version,
        "REPORTER": code_id(cell.reporter),
    }
    if cell.withheld:
        return Observation(cell.time, None, {"OBS_STATUS": WITHHELD, **counted})
    found: dict[str, str | float | None] = {
        "OBS_STATUS": cell.status,
        "UNIT_MEASURE": code_id(cell.unit),
        **{name.upper(): error for name, error in cell.errors},
        "LOWER": cell.lower,
        "UPPER": cell.upper,
        "INTERVAL_TYPE": cell.interval_type,
        "RELIABILITY": code_id(cell.reliability),
        "ERROR_NOTE": code_id(cell.error_note),
        "METHOD": code_id(cell.method),
        **counted,
    }
    return Observation(cell.time, cell.value, {k: v for k, v in found.items() if v not in (None, "")})


def _plain(voices: Mapping[str, Voice], text: Text) -> Text:
    return {tag: v.plain(text) for tag, v in voices.items()}


def _concepts(voices: Mapping[str, Voice], flows: Iterable[Dataflow]) -> dict[str, Text]:
    """The name of each component in each language: a word of the interface, or that of the dimension."""
    ids = dict.fromkeys(c.id for f in flows for c in f.components)

    def name(voice: Voice, ident: str) -> str:
        return voice.words.word("components", ident) or voice.dimension(ident.lower())

    return {ident: {tag: name(v, ident) for tag, v in voices.items()} for ident in ids}


def _code_lists(
    release: Release, voices: Mapping[str, Voice], flows: Sequence[Dataflow]
) -> Iterator[ExchangeList]:
    """Every list that a component names, with the codes in use and what stands above them."""
    used = _used(flows)
    first = {c.code_list: c.id for f in reversed(flows) for c in reversed(f.components) if c.code_list}
    names = _concepts(voices, flows)
    vectors = {ident: vector for f in flows for ident, vector in f.vectors.items()}
    for list_id in sorted(used):
        notes = vectors if list_id == "CL_CONCEPT_VECTOR" else {}
        codes = _codes(release, voices, list_id, used[list_id], notes)
        yield ExchangeList(list_id, names[first[list_id]], tuple(codes))


def _used(flows: Iterable[Dataflow]) -> dict[str, set[str]]:
    """Codes in use by list."""
    used: dict[str, set[str]] = {}
    for flow in flows:
        lists = {c.id: c.code_list for c in flow.components if c.code_list}
        for ident, codes in (*flow.used.items(), *flow.coded.items()):
            if ident in lists:  # a time that is a dimension has no list: its codes say what they are
                used.setdefault(lists[ident], set()).update(codes)
    return used


def _codes(
    release: Release, voices: Mapping[str, Voice], list_id: str, used: set[str], notes: Mapping[str, str]
) -> Iterator[ExchangeCode]:
    """The codes of a list: those of the release in their order, then those in use that it does not hold.
    A list of the release is given whole: all that it has stands above or beside codes in use."""
    entries = release.structure.code_lists.get(list_id, ())
    known = {code_id(e.id) for e in entries}
    for entry in entries:
        parent = code_id(entry.parent) if code_id(entry.parent) in known else ""
        yield ExchangeCode(code_id(entry.id), _plain(voices, entry.labels), parent)
    for code in sorted(used - known):
        yield ExchangeCode(code, _names(release, voices, list_id, code, notes), note=notes.get(code, ""))


def _names(
    release: Release, voices: Mapping[str, Voice], list_id: str, code: str, notes: Mapping[str, str]
) -> Text:
    """The names of a code that stands in no list of the release."""
    if list_id == "CL_INDICATOR":
        return {tag: v.name(release.indicators[code]) for tag, v in voices.items()}
    if list_id == "CL_SOURCE":
        return {tag: v.source(_source_of(release, code)) for tag, v in voices.items()}
    if list_id == "CL_CONCEPT_VECTOR":
        vector = dict(ConceptVector.parse(notes[code]).pairs)
        said = {
            tag: "; ".join(f"{name}: {words}" for _, name, words in v.axes(vector))
            for tag, v in voices.items()
        }
        return {tag: text or notes[code] or code for tag, text in said.items()}
    if list_id == "CL_VINTAGE":
        return {tag: v.when(code) for tag, v in voices.items()}
    return {tag: _word(v, list_id, code) for tag, v in voices.items()}


def _source_of(release: Release, code: str) -> str:
    return next(name for name in release.sources if code_id(name) == code)


def _word(voice: Voice, list_id: str, code: str) -> str:
    """The words of the interface for a code, or the code."""
    raw = code_of(code)
    if list_id == "CL_ERROR_NOTE":
        return " ".join(voice.noted(raw))
    lists = {"CL_FREQ": "frequencies", **{f"CL_{k}": v for k, v in _WORDED.items()}}
    if list_id in lists:
        return voice.words.word(lists[list_id], raw) or raw
    if list_id == "CL_AREA":
        return voice.area_name(raw) if raw != NOT_APPLICABLE else voice.words.word("special", raw) or raw
    return voice.words.word("special", raw) or raw
