"""JSON-stat 2.0: the cells of an indicator as a collection of small cubes.

One cube for each breakdown of each source and frequency: readers unfold a cube whole, and one with all
breakdowns at once would have a place for each of their combinations, more than any machine holds. Each has
one dimension more, of role ``metric``, that holds the value, the limits of its interval and its errors. Only
what is known has a place in ``value``; a cell with a status that is not normal has it in ``status``, at the
place of its value. A withheld cell has the status ``Q`` and no value at any place. Labels stand in the first
language; the names in all of them, in the ``extension`` of the collection.

Reference: JSON-stat format 2.0, classes ``collection`` (with its items embedded) and ``dataset``.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from caudal.model.indicator import IndicatorSpec
from caudal.model.observation import TOTAL
from caudal.publish.exchange.shape import Component, Dataflow, Exchange, Observation, Series

_METRICS = (
    "OBS_VALUE",
    "LOWER",
    "UPPER",
    "SAMPLING_SE",
    "PERTURBATION_SE",
    "MODEL_SE",
    "PROVISIONAL_SE",
)
_ROLES = {"REF_AREA": "geo", "COUNTERPART_AREA": "geo", "TIME_PERIOD": "time", "METRIC": "metric"}
#: What tells the cubes of an indicator apart, besides the breakdown.
_APART = ("INDICATOR", "FREQ", "SOURCE")
#: Dimensions that are no breakdown: a label of a cube leaves them out.
_OF_ALL = (*_APART, "REF_AREA", "VINTAGE", "TIME_PERIOD", "METRIC")
Names = dict[str, dict[str, Mapping[str, str]]]


def jsonstat(exchange: Exchange, flow: Dataflow, series: Sequence[Series], spec: IndicatorSpec) -> bytes:
    """The cubes of an indicator and of its gap, whose ``series`` are some of those of the dataflow."""
    names: Names = {}
    cubes = [_cube(exchange, flow, own, names) for own in _parts(flow, series)]
    collection: dict[str, Any] = {
        "version": "2.0",
        "class": "collection",
        "label": _first(spec.text.name),
        "updated": exchange.prepared,
        "link": {"item": cubes},
        "extension": {
            "names": dict(spec.text.name),
            "definitions": dict(spec.text.definition),
            "licence": exchange.licence,
            "edition": exchange.vintage,
            "draft": exchange.draft,
            "codes": names,
        },
    }
    return json.dumps(collection, ensure_ascii=False, separators=(",", ":")).encode() + b"\n"


def _parts(flow: Dataflow, series: Iterable[Series]) -> list[list[Series]]:
    """The series of each cube: of one indicator, source and frequency, by the same breakdown; those with
    fewer dimensions first."""
    ids = [c.id for c in flow.dimensions]
    apart = [ids.index(i) for i in _APART]
    found: dict[tuple[Any, ...], list[Series]] = {}
    for s in series:
        broken = tuple(code != TOTAL for code in s.key)
        found.setdefault((sum(broken), *(s.key[n] for n in apart), broken), []).append(s)
    return [own for _, own in sorted(found.items(), key=lambda pair: pair[0])]


def _cube(exchange: Exchange, flow: Dataflow, series: Sequence[Series], names: Names) -> dict[str, Any]:
    """One cube; the names of its codes go to ``names``."""
    kept = [n for n, code in enumerate(series[0].key) if code != TOTAL]
    components = [flow.dimensions[n] for n in kept]
    times = sorted({o.time for s in series for o in s.observations})
    metrics = _metrics(series)
    ids = [*(c.id for c in components), "TIME_PERIOD", "METRIC"]
    codes = [*(sorted({s.key[n] for s in series}) for n in kept), times, metrics]
    values, status = _placed(series, kept, codes)
    cube: dict[str, Any] = {
        "class": "dataset",
        "version": "2.0",
        "label": _label(exchange, components, series[0], kept),
        "source": _first(exchange.producer),
        "updated": exchange.prepared,
        "id": ids,
        "size": [len(c) for c in codes],
        "role": _roles(ids),
        "dimension": {i: _dimension(exchange, flow, i, c, names) for i, c in zip(ids, codes, strict=True)},
        "value": values,
    }
    return cube | {"status": status} if status else cube


def _placed(
    series: Iterable[Series], kept: Sequence[int], codes: Sequence[Sequence[str]]
) -> tuple[dict[str, float], dict[str, str]]:
    """Values and flags by their place in the cube."""
    places = [{code: i for i, code in enumerate(c)} for c in codes]
    values: dict[str, float] = {}
    status: dict[str, str] = {}
    for key, o in ((s.key, o) for s in series for o in s.observations):
        start = 0
        for index, code in zip(places, [*(key[n] for n in kept), o.time], strict=False):
            start = start * len(index) + index[code]
        start *= len(codes[-1])
        values |= {str(start + n): v for n, m in enumerate(codes[-1]) if (v := _measure(o, m)) is not None}
        if (flag := str(o.attributes.get("OBS_STATUS", "A"))) != "A":
            status[str(start)] = flag
    return values, status


def _metrics(series: Iterable[Series]) -> list[str]:
    """The value, and what else some cell has."""
    cells = [o for s in series for o in s.observations]
    return [m for m in _METRICS if m == "OBS_VALUE" or any(m in o.attributes for o in cells)]


def _measure(observation: Observation, metric: str) -> float | None:
    if metric == "OBS_VALUE":
        return observation.value
    value = observation.attributes.get(metric)
    return value if isinstance(value, float) else None


def _label(exchange: Exchange, components: Sequence[Component], series: Series, kept: Sequence[int]) -> str:
    """What a cube is about: its indicator, its breakdown, its source."""
    codes = {c.id: series.key[n] for c, n in zip(components, kept, strict=True)}
    named = {i: _name(exchange, c.code_list, codes[i]) for c in components if (i := c.id) in _APART}
    broken = [_first(exchange.concepts[c.id]) for c in components if c.id not in _OF_ALL]
    return "; ".join(p for p in (named["INDICATOR"], ", ".join(broken), named["SOURCE"]) if p)


def _name(exchange: Exchange, code_list: str, code: str) -> str:
    return next(_first(c.names) for c in exchange.code_lists[code_list].codes if c.id == code)


def _roles(ids: Iterable[str]) -> dict[str, list[str]]:
    roles: dict[str, list[str]] = {}
    for ident in ids:
        if ident in _ROLES:
            roles.setdefault(_ROLES[ident], []).append(ident)
    return roles


def _dimension(
    exchange: Exchange, flow: Dataflow, ident: str, codes: Sequence[str], names: Names
) -> dict[str, Any]:
    index = {"index": list(codes)}
    code_list = next((c.code_list for c in flow.dimensions if c.id == ident), "")
    own: dict[str, Mapping[str, str]]
    if ident == "METRIC":
        own, label = {c: exchange.concepts[c] for c in codes}, _first(exchange.concepts["OBS_VALUE"])
    elif not code_list:  # a time: its codes say what they are
        return {"label": _first(exchange.concepts[ident]), "category": index}
    else:
        wanted, label = set(codes), _first(exchange.concepts[ident])
        own = {c.id: c.names for c in exchange.code_lists[code_list].codes if c.id in wanted}
    names.setdefault(ident, {}).update({c: dict(text) for c, text in own.items()})
    return {"label": label, "category": {**index, "label": {c: _first(own[c]) for c in codes}}}


def _first(text: Any) -> str:
    return str(next(iter(text.values()), ""))
