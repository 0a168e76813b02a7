"""The catalogue of a release: DCAT-AP and StatDCAT-AP, as JSON-LD and as Turtle.

A dataset for each theme, with its dimensions, attributes and number of series, and a distribution for each
of its files with media type, size and checksum. Addresses are relative to the catalogue, so that it holds
wherever the folder is put. A draft says so.

Reference: DCAT 3, DCAT-AP 3.0, StatDCAT-AP 1.0.1; authority tables of the Publications Office of the EU.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from caudal.model.spec import Text
from caudal.publish.exchange.names import flow_urn, urn
from caudal.publish.exchange.shape import Component, Dataflow, Exchange, ExchangeCode, first_day, last_day
from caudal.publish.exchange.types import media_type

_PREFIXES = {
    "adms": "http://www.w3.org/ns/adms#",
    "dcat": "http://www.w3.org/ns/dcat#",
    "dct": "http://purl.org/dc/terms/",
    "dqv": "http://www.w3.org/ns/dqv#",
    "foaf": "http://xmlns.com/foaf/0.1/",
    "oa": "http://www.w3.org/ns/oa#",
    "skos": "http://www.w3.org/2004/02/skos/core#",
    "spdx": "http://spdx.org/rdf/terms#",
    "stat": "http://data.europa.eu/m8g/",
    "vcard": "http://www.w3.org/2006/vcard/ns#",
    "xsd": "http://www.w3.org/2001/XMLSchema#",
}
_AUTHORITY = "http://publications.europa.eu/resource/authority"
_LANGUAGES = {"es": "SPA", "pt": "POR", "en": "ENG", "fr": "FRA"}
_FREQUENCIES = {"A": "ANNUAL", "S": "ANNUAL_2", "Q": "QUARTERLY", "M": "MONTHLY", "D": "DAILY"}
_LICENCES = {
    "CC-BY-4.0": "https://creativecommons.org/licenses/by/4.0/",
    "CC0-1.0": "https://creativecommons.org/publicdomain/zero/1.0/",
    "CC-BY-SA-4.0": "https://creativecommons.org/licenses/by-sa/4.0/",
}
_MEDIA = "https://www.iana.org/assignments/media-types/"


@dataclass(frozen=True)
class Node:
    """A resource: its address, its class, and its properties in order; values are nodes, references, texts
    by language or literals."""

    id: str
    kind: str
    properties: Sequence[tuple[str, Any]]


@dataclass(frozen=True)
class Ref:
    """A reference to a resource."""

    id: str


@dataclass(frozen=True)
class Literal:
    """A literal with its datatype."""

    text: str
    datatype: str


@dataclass(frozen=True)
class Held:
    """What the catalogue tells of a file without reading it."""

    sha256: str
    size: int


def catalogue_nodes(exchange: Exchange, files: Mapping[str, Held], of: Mapping[str, Sequence[str]]) -> Node:
    """The catalogue; ``of`` names the files of each theme."""
    datasets = [_dataset(exchange, f, files, of.get(f.theme, ())) for f in exchange.dataflows]
    publisher = Node("#publisher", "foaf:Agent", [("foaf:name", exchange.producer)])
    properties: list[tuple[str, Any]] = [
        ("dct:title", exchange.title),
        ("dct:description", exchange.title),
        ("dct:publisher", publisher),
        ("dct:license", _licence(exchange)),
        ("dct:issued", Literal(exchange.prepared, "xsd:date")),
        ("dct:spatial", _place(exchange)),
        *(("dct:language", r) for r in _languages(exchange)),
        *(("dcat:dataset", d) for d in datasets),
    ]
    return Node("#catalogue", "dcat:Catalog", properties)


def jsonld(catalogue: Node) -> bytes:
    """The catalogue as JSON-LD."""
    document = {"@context": _PREFIXES, **_object(catalogue)}
    return json.dumps(document, ensure_ascii=False, indent=1).encode() + b"\n"


def turtle(catalogue: Node) -> bytes:
    """The catalogue as Turtle."""
    lines = [f"@prefix {p}: <{u}> ." for p, u in _PREFIXES.items()]
    for node in _all(catalogue):
        inner = [f"  a {node.kind}"] + [f"  {p} {_term(v)}" for p, v in node.properties]
        lines += ["", f"<{node.id}>", " ;\n".join(inner) + " ."]
    return ("\n".join(lines) + "\n").encode()


def _dataset(exchange: Exchange, flow: Dataflow, files: Mapping[str, Held], own: Iterable[str]) -> Node:
    contact: list[tuple[str, Any]] = [("vcard:fn", exchange.producer)]
    if "@" in exchange.contact:
        contact.append(("vcard:hasEmail", Ref(f"mailto:{quote(exchange.contact, safe='@')}")))
    structure = urn(exchange, "DataStructure", flow.structure_id)
    status = "UNDER_DEVELOPMENT" if exchange.draft else "COMPLETED"
    properties: list[tuple[str, Any]] = [
        ("dct:title", flow.names),
        ("dct:description", flow.descriptions),
        ("dct:identifier", Literal(flow_urn(exchange, flow), "xsd:string")),
        ("dct:publisher", Ref("#publisher")),
        ("dcat:contactPoint", Node(f"#contact-{flow.theme}", "vcard:Organization", contact)),
        ("dct:issued", Literal(exchange.prepared, "xsd:date")),
        ("dcat:version", Literal(exchange.vintage, "xsd:string")),
        ("adms:status", Ref(f"{_AUTHORITY}/dataset-status/{status}")),
        ("dcat:theme", Ref(f"{_AUTHORITY}/data-theme/SOCI")),
        ("dct:conformsTo", Node(structure, "dct:Standard", [("dct:title", flow.names)])),
        ("dct:temporal", _span(flow)),
        ("dct:spatial", Ref("#place")),
        ("dqv:hasQualityAnnotation", _quality(flow)),
        *(("dct:language", r) for r in _languages(exchange)),
        *(("dct:accrualPeriodicity", r) for r in _frequencies(flow)),
        *(("stat:dimension", Ref(_component(exchange, flow, c))) for c in flow.dimensions),
        *(("stat:attribute", Ref(_component(exchange, flow, c))) for c in flow.attributes),
        ("stat:numSeries", Literal(str(flow.series_n), "xsd:integer")),
        *(("dcat:distribution", _distribution(exchange, p, files[p])) for p in own),
    ]
    return Node(f"#{flow.id}", "dcat:Dataset", properties)


def _span(flow: Dataflow) -> Node:
    """From the first day of the first period to the last of the last."""
    first, last = min(map(first_day, flow.times)), max(map(last_day, flow.times))
    days = [("dcat:startDate", Literal(first, "xsd:date")), ("dcat:endDate", Literal(last, "xsd:date"))]
    return Node(f"#time-{flow.theme}", "dct:PeriodOfTime", days)


def _place(exchange: Exchange) -> Node:
    """The territory by its names."""
    territory = exchange.agency.removeprefix("MIG_")
    areas = exchange.code_lists["CL_AREA"].codes
    return Node("#place", "dct:Location", [("skos:prefLabel", _names_in(areas, territory) or exchange.title)])


def _names_in(codes: Iterable[ExchangeCode], ident: str) -> Text:
    return next((c.names for c in codes if c.id == ident), {})


def _quality(flow: Dataflow) -> Node:
    """Where the reference metadata of a theme stand."""
    body = ("oa:hasBody", Ref("sdmx/metadata-3.0.xml"))
    return Node(
        f"#quality-{flow.theme}", "dqv:QualityAnnotation", [body, ("oa:hasTarget", Ref(f"#{flow.id}"))]
    )


def _distribution(exchange: Exchange, path: str, held: Held) -> Node:
    algorithm = Ref("http://spdx.org/rdf/terms#checksumAlgorithm_sha256")
    value = Literal(held.sha256, "xsd:hexBinary")
    checksum = Node(
        f"#sha256-{path}",
        "spdx:Checksum",
        [("spdx:algorithm", algorithm), ("spdx:checksumValue", value)],
    )
    properties: list[tuple[str, Any]] = [
        ("dct:title", Literal(path, "xsd:string")),
        ("dcat:accessURL", Ref(path)),
        ("dcat:downloadURL", Ref(path)),
        ("dcat:mediaType", Ref(_MEDIA + media_type(path).partition(";")[0])),
        ("dcat:byteSize", Literal(str(held.size), "xsd:nonNegativeInteger")),
        ("dct:license", _licence(exchange)),
        ("spdx:checksum", checksum),
    ]
    return Node(f"#file-{path}", "dcat:Distribution", properties)


def _component(exchange: Exchange, flow: Dataflow, component: Component) -> str:
    return f"{urn(exchange, 'DataStructure', flow.structure_id)}.{component.id}"


def _licence(exchange: Exchange) -> Ref:
    return Ref(_LICENCES.get(exchange.licence, f"https://spdx.org/licenses/{quote(exchange.licence)}"))


def _languages(exchange: Exchange) -> Iterator[Ref]:
    for tag in exchange.languages:
        code = _LANGUAGES.get(tag.partition("-")[0])
        if code:
            yield Ref(f"{_AUTHORITY}/language/{code}")


def _frequencies(flow: Dataflow) -> Iterator[Ref]:
    """How often it appears: the finest frequency that its series have."""
    finest = [f for f in reversed(_FREQUENCIES) if f in flow.used["FREQ"]][:1]
    yield from (Ref(f"{_AUTHORITY}/frequency/{_FREQUENCIES[f]}") for f in finest)


def _all(node: Node) -> Iterator[Node]:
    yield node
    for _, value in node.properties:
        if isinstance(value, Node):
            yield from _all(value)


def _term(value: Any) -> str:
    if isinstance(value, Node | Ref):
        return f"<{value.id}>"
    if isinstance(value, Literal):
        return f"{_quoted(value.text)}^^{value.datatype}"
    return ", ".join(f"{_quoted(words)}@{tag}" for tag, words in value.items())


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)


def _object(node: Node) -> dict[str, Any]:
    found: dict[str, Any] = {"@id": node.id, "@type": node.kind}
    for name, value in node.properties:
        found.setdefault(name, []).extend(_values(value))
    return {k: v[0] if isinstance(v, list) and len(v) == 1 else v for k, v in found.items()}


def _values(value: Any) -> list[Any]:
    if isinstance(value, Node):
        return [_object(value)]
    if isinstance(value, Ref):
        return [{"@id": value.id}]
    if isinstance(value, Literal):
        return [{"@value": value.text, "@type": value.datatype}]
    text: Text = value
    return [{"@value": words, "@language": tag} for tag, words in text.items()]
