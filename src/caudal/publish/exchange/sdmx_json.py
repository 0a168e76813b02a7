"""SDMX-JSON 2.0: structures, data by series and reference metadata, with names in every language.

In a data message a dimension or attribute lists its values once, with their names, and series and
observations hold places in those lists. Uncoded numbers are texts there, because the schema takes a whole
number for two things at once. The value of a withheld cell is null.

Reference: SDMX-JSON 2.0 field guides and schemas of data, structure and metadata messages.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from caudal.model.spec import Text
from caudal.publish.exchange import names
from caudal.publish.exchange.names import concept_urn, flow_urn, urn
from caudal.publish.exchange.sdmx_ml import merged, metadata_concepts
from caudal.publish.exchange.shape import (
    Attribute,
    Component,
    Dataflow,
    Exchange,
    ExchangeCode,
    ExchangeList,
    Kind,
    Role,
    Series,
    number_text,
    theme_id,
)

_SCHEMA = "https://json.sdmx.org/2.0.0/sdmx-json-{}-schema.json"


def structure_json(exchange: Exchange) -> bytes:
    """All structures of a release in one message."""
    concepts = [_scheme(exchange, names.CONCEPTS, exchange.concepts)]
    data: dict[str, Any] = {
        "agencySchemes": [_agencies(exchange)],
        "codelists": [_code_list(exchange, x) for x in exchange.code_lists.values()],
        "conceptSchemes": concepts,
        "dataConstraints": [_constraint(exchange, f) for f in exchange.dataflows],
        "dataflows": [_flow(exchange, f) for f in exchange.dataflows],
        "dataStructures": [_data_structure(exchange, f) for f in exchange.dataflows],
    }
    if exchange.reports:
        concepts.append(_scheme(exchange, names.METADATA_CONCEPTS, metadata_concepts(exchange)))
        data["metadataflows"] = [_metadataflow(exchange)]
        data["metadataStructures"] = [_metadata_structure(exchange)]
    return _bytes(exchange, "structure", "STRUCTURE", data)


def data_json(exchange: Exchange, flow: Dataflow, held: Sequence[Series]) -> bytes:
    """The series of a dataflow, which are ``held``."""
    times = flow.times
    own = [flow.used[c.id] for c in flow.dimensions]
    places = [{code: i for i, code in enumerate(codes)} for codes in own]
    values = {c.id: found for c in flow.attributes if (found := _values(held, c.id))}
    at = {i: {v: n for n, v in enumerate(vs)} for i, vs in values.items()}
    time_of = {t: i for i, t in enumerate(times)}
    series = {}
    for s in held:
        observations = {}
        for o in s.observations:
            row = [o.value, *(at[i].get(o.attributes[i]) if i in o.attributes else None for i in values)]
            observations[str(time_of[o.time])] = _trimmed(row)
        key = ":".join(str(places[n][code]) for n, code in enumerate(s.key))
        series[key] = {"observations": observations}
    structure = {
        **_names(flow.names),
        "links": [{"rel": "dataflow", "urn": flow_urn(exchange, flow)}],
        "dimensions": {
            "series": [
                _listed(exchange, c, own[n]) | {"keyPosition": n} for n, c in enumerate(flow.dimensions)
            ],
            "observation": [
                _concept(exchange, "TIME_PERIOD")
                | {"keyPosition": len(own), "roles": ["TIME_PERIOD"], "values": [{"value": t} for t in times]}
            ],
        },
        "measures": {"observation": [_concept(exchange, "OBS_VALUE")]},
        "attributes": {
            "observation": [
                _listed(exchange, c, values[c.id]) | {"relationship": {"observation": {}}}
                for c in flow.attributes
                if c.id in values
            ]
        },
        "dataSets": [0],
    }
    of = {"structure": 0, "action": "Replace", "links": structure["links"]}
    data = {"structures": [structure], "dataSets": [of | {"series": series}]}
    return _bytes(exchange, "data", f"DATA_{theme_id(flow.theme)}", data)


def metadata_json(exchange: Exchange) -> bytes:
    """The reference metadata of all dataflows."""
    flows = {f.theme: f for f in exchange.dataflows}
    sets = [
        {
            "id": r.id,
            "agencyID": exchange.agency,
            "version": exchange.version,
            **_names(r.names),
            "metadataflow": urn(exchange, "Metadataflow", names.METADATAFLOW),
            "targets": [flow_urn(exchange, flows[r.theme])],
            "attributes": [_reported(a) for a in r.attributes],
        }
        for r in exchange.reports
    ]
    return _bytes(exchange, "metadata", "METADATA", {"metadataSets": sets})


def _bytes(exchange: Exchange, kind: str, ident: str, data: Mapping[str, Any]) -> bytes:
    meta = {
        "schema": _SCHEMA.format(kind),
        "id": ident,
        "test": exchange.draft,
        "prepared": f"{exchange.prepared}T00:00:00Z",
        "contentLanguages": list(exchange.languages),
        "sender": {"id": exchange.agency, **_names(exchange.producer)},
    }
    message = {"meta": meta, "data": data}
    return json.dumps(message, ensure_ascii=False, separators=(",", ":")).encode() + b"\n"


def _names(text: Text) -> dict[str, Any]:
    return {"name": next(iter(text.values())), "names": dict(text)}


def _maintainable(exchange: Exchange, ident: str, text: Text) -> dict[str, Any]:
    return {"id": ident, "agencyID": exchange.agency, "version": exchange.version, **_names(text)}


def _agencies(exchange: Exchange) -> dict[str, Any]:
    agency = {"id": exchange.agency, **_names(exchange.producer)}
    return {"id": names.AGENCIES, "agencyID": "SDMX", "name": "Agencies", "agencies": [agency]}


def _code_list(exchange: Exchange, code_list: ExchangeList) -> dict[str, Any]:
    codes = [_code(c) for c in code_list.codes]
    held = {"codes": codes} if codes else {}  # the schema admits no empty list
    return _maintainable(exchange, code_list.id, code_list.names) | held


def _code(code: ExchangeCode) -> dict[str, Any]:
    found: dict[str, Any] = {"id": code.id, **_names(code.names)}
    if code.parent:
        found["parent"] = code.parent
    if code.note:
        found["annotations"] = [{"type": "STANDS_FOR", "title": code.note}]
    return found


def _scheme(exchange: Exchange, ident: str, concepts: Mapping[str, Text]) -> dict[str, Any]:
    items = [{"id": c, **_names(t)} for c, t in concepts.items()]
    return _maintainable(exchange, ident, exchange.title) | {"concepts": items}


def _flow(exchange: Exchange, flow: Dataflow) -> dict[str, Any]:
    return _maintainable(exchange, flow.id, flow.names) | {
        "descriptions": dict(flow.descriptions),
        "structure": urn(exchange, "DataStructure", flow.structure_id),
    }


def _constraint(exchange: Exchange, flow: Dataflow) -> dict[str, Any]:
    values = [
        {"id": d, "include": True, "values": [{"value": c} for c in codes]} for d, codes in flow.used.items()
    ]
    return _maintainable(exchange, flow.constraint_id, flow.names) | {
        "role": "Actual",
        "constraintAttachment": {"dataflows": [flow_urn(exchange, flow)]},
        "cubeRegions": [{"include": True, "keyValues": values}],
    }


def _data_structure(exchange: Exchange, flow: Dataflow) -> dict[str, Any]:
    time = next(c for c in flow.components if c.role is Role.TIME)
    measure = next(c for c in flow.components if c.role is Role.MEASURE)
    dimensions = [_component(exchange, c) | {"position": n} for n, c in enumerate(flow.dimensions)]
    attributes = [
        _component(exchange, c) | {"usage": "optional", "attributeRelationship": {"observation": {}}}
        for c in flow.attributes
    ]
    return _maintainable(exchange, flow.structure_id, flow.names) | {
        "dataStructureComponents": {
            "attributeList": {"id": "AttributeDescriptor", "attributes": attributes},
            "dimensionList": {
                "id": "DimensionDescriptor",
                "dimensions": dimensions,
                "timeDimension": _component(exchange, time),
            },
            "measureList": {
                "id": "MeasureDescriptor",
                "measures": [_component(exchange, measure) | {"usage": "optional"}],
            },
        }
    }


def _component(exchange: Exchange, component: Component) -> dict[str, Any]:
    held: dict[str, Any] = {"format": {"dataType": component.kind.value}}
    if component.code_list:
        held = {"enumeration": urn(exchange, "Codelist", component.code_list)}
    return {
        "id": component.id,
        "conceptIdentity": concept_urn(exchange, component.id),
        "localRepresentation": held,
    }


def _metadataflow(exchange: Exchange) -> dict[str, Any]:
    return _maintainable(exchange, names.METADATAFLOW, exchange.title) | {
        "structure": urn(exchange, "MetadataStructure", names.METADATA_STRUCTURE),
        "targets": [flow_urn(exchange, f) for f in exchange.dataflows],
    }


def _metadata_structure(exchange: Exchange) -> dict[str, Any]:
    attributes = [_metadata_attribute(exchange, a) for a in merged(exchange)]
    listed = {"id": "MetadataAttributeDescriptor", "metadataAttributes": attributes}
    return _maintainable(exchange, names.METADATA_STRUCTURE, exchange.title) | {
        "metadataStructureComponents": {"metadataAttributeList": listed}
    }


def _metadata_attribute(exchange: Exchange, attribute: Attribute) -> dict[str, Any]:
    found: dict[str, Any] = {
        "id": attribute.id,
        "conceptIdentity": urn(exchange, "Concept", names.METADATA_CONCEPTS, attribute.id),
        "minOccurs": 0,
        "maxOccurs": 1,
        "isPresentational": bool(attribute.parts),
        "localRepresentation": {"format": {"dataType": Kind.TEXT.value, "isMultiLingual": True}},
    }
    if attribute.parts:
        found["metadataAttributes"] = [_metadata_attribute(exchange, p) for p in attribute.parts]
    return found


def _reported(attribute: Attribute) -> dict[str, Any]:
    found: dict[str, Any] = {"id": attribute.id}
    if attribute.texts:
        found["value"] = dict(attribute.texts)
    if attribute.parts:
        found["attributes"] = [_reported(p) for p in attribute.parts]
    return found


def _concept(exchange: Exchange, ident: str) -> dict[str, Any]:
    return {"id": ident, **_names(exchange.concepts[ident])}


def _listed(exchange: Exchange, component: Component, values: Iterable[str | float]) -> dict[str, Any]:
    """A component of a data message with its values: codes with names and parents, or bare values."""
    found = _concept(exchange, component.id)
    if not component.code_list:
        texts = (v if isinstance(v, str) else number_text(v) for v in values)
        return found | {"values": [{"value": v} for v in texts]}
    known = {c.id: c for c in exchange.code_lists[component.code_list].codes}
    return found | {"values": [_code_value(known[str(v)]) for v in values]}


def _code_value(code: ExchangeCode) -> dict[str, Any]:
    value = {"id": code.id, **_names(code.names)}
    return value | {"parent": code.parent} if code.parent else value


def _values(series: Iterable[Series], ident: str) -> list[str | float]:
    """The values of an attribute, each once, in order."""
    found = {o.attributes[ident] for s in series for o in s.observations if ident in o.attributes}
    return sorted(found, key=lambda v: (isinstance(v, str), v))


def _trimmed(row: list[Any]) -> list[Any]:
    while len(row) > 1 and row[-1] is None:
        row.pop()
    return row
