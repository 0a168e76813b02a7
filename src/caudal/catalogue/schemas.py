"""JSON Schemas of the specs, generated from their models, so that editors complete and check them.

Those in ``docs/schemas`` are written by :func:`write_schemas`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from caudal.model.catalogue import ConceptVectorFile, DimensionsFile, ListsFile
from caudal.model.country import CountrySpec, PublicationSpec
from caudal.model.indicator import IndicatorSpec
from caudal.model.protection import ProtectionPolicy
from caudal.model.source import SourceSpec
from caudal.model.spec import Spec

#: Name of the schema -> model of the file that it describes.
SPECS: Mapping[str, type[Spec]] = {
    "caudal": CountrySpec,
    "source": SourceSpec,
    "indicator": IndicatorSpec,
    "publication": PublicationSpec,
    "protection": ProtectionPolicy,
    "dimensions": DimensionsFile,
    "concept_vector": ConceptVectorFile,
    "lists": ListsFile,
}


def schemas() -> dict[str, dict[str, Any]]:
    """Name of each schema -> the schema, in the dialect of JSON Schema 2020-12.

    >>> schemas()["indicator"]["title"]
    'IndicatorSpec'
    """
    head = {"$schema": "https://json-schema.org/draft/2020-12/schema"}
    return {name: head | model.model_json_schema() for name, model in SPECS.items()}


def schema_text(schema: Mapping[str, Any]) -> str:
    """A schema as its file holds it."""
    return json.dumps(schema, ensure_ascii=False, indent=1, sort_keys=True) + "\n"


def write_schemas(folder: Path) -> None:
    """Writes each schema to ``folder/<name>.json``."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, schema in schemas().items():
        (folder / f"{name}.json").write_text(schema_text(schema), encoding="utf-8")
