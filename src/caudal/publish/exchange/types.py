"""Media types of the files of a site, by the end of their names: one table for catalogue and server."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

#: End of a file's name -> media type. The longest end that fits decides.
MEDIA_TYPES: Mapping[str, str] = MappingProxyType(
    {
        ".html": "text/html; charset=utf-8",
        ".css": "text/css; charset=utf-8",
        ".js": "text/javascript; charset=utf-8",
        ".mjs": "text/javascript; charset=utf-8",
        ".txt": "text/plain; charset=utf-8",
        ".csv": "text/csv; charset=utf-8",
        ".sdmx.csv": "application/vnd.sdmx.data+csv;version=2.0.0",
        "-2.0.csv": "application/vnd.sdmx.data+csv;version=2.0.0",
        ".json": "application/json",
        ".jsonld": "application/ld+json",
        ".csv-metadata.json": "application/csvm+json",
        "-2.0.json": "application/vnd.sdmx.data+json;version=2.0.0",
        "structure-2.0.json": "application/vnd.sdmx.structure+json;version=2.0.0",
        "metadata-2.0.json": "application/vnd.sdmx.metadata+json;version=2.0.0",
        "-2.1.xml": "application/vnd.sdmx.structurespecificdata+xml;version=2.1",
        "structure-2.1.xml": "application/vnd.sdmx.structure+xml;version=2.1",
        "-3.0.xml": "application/vnd.sdmx.data+xml;version=3.0.0",
        "structure-3.0.xml": "application/vnd.sdmx.structure+xml;version=3.0.0",
        "metadata-structure-3.0.xml": "application/vnd.sdmx.structure+xml;version=3.0.0",
        "constraints-3.0.xml": "application/vnd.sdmx.structure+xml;version=3.0.0",
        "metadata-3.0.xml": "application/vnd.sdmx.metadata+xml;version=3.0.0",
        ".xml": "application/xml",
        ".ttl": "text/turtle; charset=utf-8",
        ".parquet": "application/vnd.apache.parquet",
        ".xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
        ".docx": "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
        ".zip": "application/zip",
        ".svg": "image/svg+xml",
        ".png": "image/png",
        ".pdf": "application/pdf",
        ".woff2": "font/woff2",
        ".ttf": "font/ttf",
        ".wasm": "application/wasm",
        ".webmanifest": "application/manifest+json",
        ".topojson": "application/json",
        ".geojson": "application/geo+json",
    }
)
#: How the types begin whose files are texts, which are sent compressed to those who accept it.
COMPRESSIBLE = (
    "text/",
    "application/json",
    "application/ld+json",
    "application/geo+json",
    "application/csvm+json",
    "application/manifest+json",
    "application/xml",
    "application/vnd.sdmx.",
    "image/svg+xml",
)
#: What a file of an unknown kind is.
UNKNOWN_TYPE = "application/octet-stream"


def media_type(path: str) -> str:
    """The media type of a file. What begins with a letter in the table is a whole name.

    >>> media_type("sdmx/household_structure-2.1.xml")
    'application/vnd.sdmx.structurespecificdata+xml;version=2.1'
    >>> media_type("data/unemployment_rate.parquet"), media_type("sdmx/structure-2.1.xml")
    ('application/vnd.apache.parquet', 'application/vnd.sdmx.structure+xml;version=2.1')
    """
    name = path.lower().rpartition("/")[2]
    ends = [e for e in MEDIA_TYPES if name == e or (name.endswith(e) and not e[0].isalpha())]
    return MEDIA_TYPES[max(ends, key=len)] if ends else UNKNOWN_TYPE
