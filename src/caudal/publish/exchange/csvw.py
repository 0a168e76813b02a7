"""CSV on the Web: what each column of a CSV of the site is, beside the file.

``<file>.csv-metadata.json`` names the table and every column in each language, its datatype, and which are
the key. The words of the codes stand in ``codes.csv``, to which it points. Dialect and empty fields are those
that the files are written with.

Reference: W3C, Metadata Vocabulary for Tabular Data.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from caudal.model.indicator import IndicatorSpec
from caudal.publish.exchange.building import dimension_id
from caudal.publish.exchange.shape import Exchange
from caudal.publish.files import CSV_LAST_KEY_COLUMNS, KEY_COLUMNS, MEASURE_COLUMNS
from caudal.publish.voice import Voice

_CONTEXT = "http://www.w3.org/ns/csvw"
_COMPONENTS = {
    "indicator_code": "INDICATOR",
    "indicator_version": "INDICATOR_VERSION",
    "reporter_code": "REPORTER",
    "reference_area_code": "REF_AREA",
    "counterpart_area_code": "COUNTERPART_AREA",
    "time_period": "TIME_PERIOD",
    "source_code": "SOURCE",
    "concept_vector_code": "CONCEPT_VECTOR",
    "vintage": "VINTAGE",
    "value": "OBS_VALUE",
    "unit_code": "UNIT_MEASURE",
    "obs_status_code": "OBS_STATUS",
    "method_code": "METHOD",
}


def csvw(
    exchange: Exchange, voices: Mapping[str, Voice], spec: IndicatorSpec, url: str, data: bytes
) -> bytes:
    """The description of the CSV at ``url``, whose bytes are ``data``, in every language."""
    heads = data.split(b"\n", 1)[0].decode().split(",")
    description = {
        "@context": _CONTEXT,
        "url": url,
        "dc:title": _told(voices, lambda v: v.name(spec)),
        "dc:description": _told(voices, lambda v: v.plain(spec.text.definition)),
        "dc:creator": _told(voices, lambda v: v.plain(exchange.producer)),
        "dc:license": exchange.licence,
        "dc:issued": exchange.prepared,
        "dc:requires": [{"@id": "codes.csv"}, {"@id": "concepts.csv"}],
        "dialect": {"encoding": "utf-8", "delimiter": ",", "quoteChar": '"', "header": True},
        "tableSchema": {
            "columns": [_column(exchange, voices, head) for head in heads],
            "primaryKey": _key(heads),
        },
    }
    return json.dumps(description, ensure_ascii=False, indent=1).encode() + b"\n"


def _told(voices: Mapping[str, Voice], say: Callable[[Voice], str]) -> list[dict[str, str]]:
    """A text in every language that has it."""
    said = ((tag, say(voice)) for tag, voice in voices.items())
    return [{"@value": text, "@language": tag} for tag, text in said if text]


def _key(heads: Iterable[str]) -> list[str]:
    """The columns that tell one cell from another."""
    fixed = {*KEY_COLUMNS, *CSV_LAST_KEY_COLUMNS, "time_period"}
    other = {"unit_code", "obs_status_code", "method_code"}
    return [h for h in heads if h in fixed or (h.endswith("_code") and h not in other)]


def _column(exchange: Exchange, voices: Mapping[str, Voice], head: str) -> dict[str, Any]:
    component = _COMPONENTS.get(head, dimension_id(head.removesuffix("_code")))
    names: Mapping[str, str] = exchange.concepts.get(component, {})

    def title(voice: Voice) -> str:
        return names.get(voice.words.language) or voice.words.word("components", component) or ""

    number = head in MEASURE_COLUMNS and head != "interval_type"
    return {
        "name": head,
        "titles": [head],
        "dc:description": _told(voices, title),
        "datatype": "double" if number else "string",
        "null": [""],
        "required": head in ("address", *KEY_COLUMNS),
    }
