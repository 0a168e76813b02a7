"""The identifiers and uniform names under which the structures of a release are known.

Every maintainable structure carries the version of its release; a scheme of agencies has the fixed version
1.0 that SDMX-ML 2.1 demands.

Reference: SDMX registry specification, section on URN syntax.
"""

from __future__ import annotations

from caudal.publish.exchange.shape import Dataflow, Exchange

CONCEPTS = "CS_MIGRATION"
METADATA_CONCEPTS = "CS_SIMS"
METADATA_STRUCTURE = "MSD_SIMS"
METADATAFLOW = "MDF_SIMS"
AGENCIES = "AGENCIES"
AGENCIES_VERSION = "1.0"
_ROOT = "urn:sdmx:org.sdmx.infomodel"
#: Package of the information model in which a kind of structure stands.
PACKAGES = {
    "Agency": "base",
    "AgencyScheme": "base",
    "Codelist": "codelist",
    "ConceptScheme": "conceptscheme",
    "Concept": "conceptscheme",
    "DataStructure": "datastructure",
    "Dataflow": "datastructure",
    "ContentConstraint": "registry",
    "DataConstraint": "registry",
    "MetadataStructure": "metadatastructure",
    "Metadataflow": "metadatastructure",
    "MetadataSet": "metadatastructure",
}


def urn(exchange: Exchange, kind: str, ident: str, item: str = "") -> str:
    """The uniform name of a structure, or of an ``item`` of it."""
    agency, version = exchange.agency, exchange.version
    if kind in ("AgencyScheme", "Agency"):
        agency, version = "SDMX", AGENCIES_VERSION
    name = f"{_ROOT}.{PACKAGES[kind]}.{kind}={agency}:{ident}({version})"
    return f"{name}.{item}" if item else name


def concept_urn(exchange: Exchange, ident: str) -> str:
    """The uniform name of the concept of a component."""
    return urn(exchange, "Concept", CONCEPTS, ident)


def flow_urn(exchange: Exchange, flow: Dataflow) -> str:
    """The uniform name of a dataflow."""
    return urn(exchange, "Dataflow", flow.id)
