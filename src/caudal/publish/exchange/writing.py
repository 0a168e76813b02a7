"""Every file for machines of a release, besides the plain ones of :mod:`caudal.publish.files`.

For each indicator, under one stable address each: a workbook, a document and a CSV for spreadsheets in each
language, what the columns of its CSV are, Parquet, JSON-stat, SDMX-CSV, an archive. For each theme: SDMX-ML
2.1 and 3.0, SDMX-JSON, SDMX-CSV. For the release: structures, reference metadata, the catalogue, the export
to the structure of the SDGs.
"""

from __future__ import annotations

from collections.abc import Mapping

from caudal.model.indicator import IndicatorSpec
from caudal.model.release import Signatory
from caudal.publish.exchange import sdmx_json, sdmx_ml
from caudal.publish.exchange.building import exchange_of
from caudal.publish.exchange.bundle import bundle
from caudal.publish.exchange.columnar import parquet
from caudal.publish.exchange.csvw import csvw
from caudal.publish.exchange.dcat import catalogue_nodes, jsonld, turtle
from caudal.publish.exchange.jsonstat import jsonstat
from caudal.publish.exchange.rows import reader_table
from caudal.publish.exchange.sdg import sdg_files
from caudal.publish.exchange.sdmx_csv import data_csv
from caudal.publish.exchange.sdmx_ml import ML_21, ML_30
from caudal.publish.exchange.shape import Dataflow, Exchange, file_stem
from caudal.publish.exchange.spreadsheets import excel_csv, indicator_workbook
from caudal.publish.exchange.word import indicator_document
from caudal.publish.files import CODES, CONCEPTS, codes_csv
from caudal.publish.release import GAP, Release
from caudal.publish.voice import Voice


def exchange_files(
    release: Release,
    voices: Mapping[str, Voice],
    plain: Mapping[str, bytes],
    signature: Signatory | None = None,
) -> dict[str, bytes]:
    """The bytes of every file by its path; ``plain`` are the files that were written before."""
    exchange = exchange_of(release, signature)
    made: dict[str, bytes] = {}
    of: dict[str, list[str]] = {}
    for flow in exchange.dataflows:
        own = _theme_files(exchange, flow)
        for spec in (s for s in release.base_indicators() if s.family == flow.theme):
            own |= _indicator_files(release, exchange, flow, spec, voices, plain)
        of[flow.theme] = [p for p in own if not p.endswith("-metadata.json")]
        made |= own
    made |= _release_files(exchange) | sdg_files(release, exchange)
    catalogue = catalogue_nodes(exchange, made, of)
    return made | {"catalogue.jsonld": jsonld(catalogue), "catalogue.ttl": turtle(catalogue)}


def addresses(indicator: str, tag: str) -> dict[str, str]:
    """The stable address of each form of an indicator, for readers of the language ``tag``.

    >>> addresses("unemployment_rate", "es")["XLSX"]
    'es/data/unemployment_rate.xlsx'
    """
    return {
        "XLSX": f"{tag}/data/{indicator}.xlsx",
        "DOCX": f"{tag}/data/{indicator}.docx",
        "CSV": f"data/{indicator}.csv",
        "CSV (Excel)": f"{tag}/data/{indicator}.excel.csv",
        "JSON-stat": f"data/{indicator}.jsonstat.json",
        "Parquet": f"data/{indicator}.parquet",
        "SDMX-CSV": f"data/{indicator}.sdmx.csv",
        "ZIP": f"data/{indicator}.zip",
    }


def _theme_files(exchange: Exchange, flow: Dataflow) -> dict[str, bytes]:
    stem = f"sdmx/{file_stem(flow.theme)}"
    return {
        f"{stem}-2.1.xml": sdmx_ml.data_ml(exchange, flow, ML_21),
        f"{stem}-3.0.xml": sdmx_ml.data_ml(exchange, flow, ML_30),
        f"{stem}-2.0.json": sdmx_json.data_json(exchange, flow),
        f"{stem}-2.0.csv": data_csv(exchange, flow),
    }


def _release_files(exchange: Exchange) -> dict[str, bytes]:
    return {
        "sdmx/structure-2.1.xml": sdmx_ml.structure_ml(exchange, ML_21),
        "sdmx/structure-3.0.xml": sdmx_ml.structure_ml(exchange, ML_30),
        "sdmx/constraints-3.0.xml": sdmx_ml.constraints_ml(exchange),
        "sdmx/structure-2.0.json": sdmx_json.structure_json(exchange),
        "sdmx/metadata-structure-3.0.xml": sdmx_ml.metadata_structure_ml(exchange),
        "sdmx/metadata-3.0.xml": sdmx_ml.metadata_ml(exchange),
        "sdmx/metadata-2.0.json": sdmx_json.metadata_json(exchange),
    }


def _indicator_files(
    release: Release,
    exchange: Exchange,
    flow: Dataflow,
    spec: IndicatorSpec,
    voices: Mapping[str, Voice],
    plain: Mapping[str, bytes],
) -> dict[str, bytes]:
    name = spec.indicator
    made = {
        f"data/{name}.jsonstat.json": jsonstat(exchange, flow, spec),
        f"data/{name}.parquet": parquet(release, spec),
        f"data/{name}.sdmx.csv": data_csv(exchange, flow, name),
    }
    table = f"data/{name}.csv"
    made[f"{table}-metadata.json"] = csvw(exchange, voices, spec, f"{name}.csv", plain[table])
    packed = {path: plain[path] for path in (table, f"data/{name}.json", CONCEPTS)}
    own = release.cells_of
    cells = (*own.get(name, ()), *own.get(name + GAP, ()))
    packed[CODES] = codes_csv(release, voices, cells)
    for tag, voice in voices.items():
        rows = reader_table(voice, spec)
        made[f"{tag}/data/{name}.xlsx"] = indicator_workbook(voice, spec, rows, draft=exchange.draft)
        made[f"{tag}/data/{name}.docx"] = indicator_document(voice, spec, draft=exchange.draft)
        made[f"{tag}/data/{name}.excel.csv"] = excel_csv(voice, rows)
    return made | {f"data/{name}.zip": bundle(voices, spec, packed, draft=exchange.draft)}
