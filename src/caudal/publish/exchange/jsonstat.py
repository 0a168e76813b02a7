"""JSON-stat 2.0: the cells of an indicator as a sparse cube.

The dimensions are those that some cell uses, and one more, of role ``metric``, that holds the value, the
limits of its interval and its errors. Only what is known has a place in ``value``; a cell with a status that
is not normal has it in ``status``, at the place of its value. A withheld cell has the status ``Q`` and no
value at any place. Labels stand in the first language; the names in all of them, in ``extension``.

Reference: JSON-stat format 2.0.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import Any

from caudal.model.indicator import IndicatorSpec
from caudal.model.observation import TOTAL
from caudal.publish.exchange.shape import Dataflow, Exchange, Observation, Series

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


def jsonstat(exchange: Exchange, flow: Dataflow, series: Sequence[Series], spec: IndicatorSpec) -> bytes:
    """The cube of an indicator and of its gap, whose ``series`` are some of those of the dataflow."""
    ids, codes, kept = _axes(flow, series)
    sizes = [len(c) for c in codes]
    places = [{code: i for i, code in enumerate(c)} for c in codes]
    values: dict[str, float] = {}
    status: dict[str, str] = {}
    for key, o in ((s.key, o) for s in series for o in s.observations):
        codes_of = [*(key[n] for n in kept), o.time]
        start = 0
        for size, index, code in zip(sizes, places, codes_of, strict=False):
            start = start * size + index[code]
        start *= sizes[-1]
        values |= {str(start + n): v for n, v in _measures(o)}
        if (flag := str(o.attributes.get("OBS_STATUS", "A"))) != "A":
            status[str(start)] = flag
    cube: dict[str, Any] = {
        "version": "2.0",
        "class": "dataset",
        "label": _first(spec.text.name),
        "source": _first(exchange.producer),
        "updated": exchange.prepared,
        "id": ids,
        "size": sizes,
        "role": _roles(ids),
        "dimension": {i: _dimension(exchange, flow, i, c) for i, c in zip(ids, codes, strict=True)},
        "value": values,
        "extension": {
            "names": dict(spec.text.name),
            "definitions": dict(spec.text.definition),
            "licence": exchange.licence,
            "edition": exchange.vintage,
            "draft": exchange.draft,
        },
    }
    if status:
        cube["status"] = status
    return json.dumps(cube, ensure_ascii=False, separators=(",", ":")).encode() + b"\n"


def _axes(flow: Dataflow, series: Sequence[Series]) -> tuple[list[str], list[list[str]], list[int]]:
    """Identifiers and codes of the dimensions that are not the total everywhere, and their places."""
    found = [sorted({s.key[n] for s in series}) for n in range(len(flow.dimensions))]
    kept = [n for n, codes in enumerate(found) if codes != [TOTAL]]
    times = sorted({o.time for s in series for o in s.observations})
    ids = [*(flow.dimensions[n].id for n in kept), "TIME_PERIOD", "METRIC"]
    return ids, [*(found[n] for n in kept), times, list(_METRICS)], kept


def _measures(observation: Observation) -> Iterable[tuple[int, float]]:
    if observation.value is not None:
        yield 0, observation.value
    for n, name in enumerate(_METRICS[1:], 1):
        value = observation.attributes.get(name)
        if isinstance(value, float):
            yield n, value


def _roles(ids: Iterable[str]) -> dict[str, list[str]]:
    roles: dict[str, list[str]] = {}
    for ident in ids:
        if ident in _ROLES:
            roles.setdefault(_ROLES[ident], []).append(ident)
    return roles


def _dimension(exchange: Exchange, flow: Dataflow, ident: str, codes: list[str]) -> dict[str, Any]:
    index = {"index": codes}
    code_list = next((c.code_list for c in flow.dimensions if c.id == ident), "")
    if ident == "METRIC":
        names = {c: dict(exchange.concepts[c]) for c in codes}
        label = _first(exchange.concepts["OBS_VALUE"])
    elif not code_list:  # a time: its codes say what they are
        return {"label": _first(exchange.concepts[ident]), "category": index}
    else:
        known = {c.id: c for c in exchange.code_lists[code_list].codes}
        names, label = {c: dict(known[c].names) for c in codes}, _first(exchange.concepts[ident])
    return {
        "label": label,
        "category": {**index, "label": {c: _first(t) for c, t in names.items()}},
        "extension": {"names": names},
    }


def _first(text: Any) -> str:
    return str(next(iter(text.values()), ""))
