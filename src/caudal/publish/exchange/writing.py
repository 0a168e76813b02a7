"""Every file for machines of a release, besides the plain ones of :mod:`caudal.publish.files`.

For each indicator, under one stable address each: a workbook, a document and a CSV for spreadsheets in each
language, what the columns of its CSV are, Parquet, JSON-stat, SDMX-CSV, an archive. For each theme: SDMX-ML
2.1 and 3.0, SDMX-JSON, SDMX-CSV. For the release: structures, reference metadata, the catalogue, the export
to the structure of the SDGs.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial

from caudal.model.indicator import IndicatorSpec
from caudal.model.release import Signatory
from caudal.publish.exchange import sdmx_json, sdmx_ml
from caudal.publish.exchange.building import dataflow, exchange, series_of
from caudal.publish.exchange.bundle import bundle
from caudal.publish.exchange.columnar import parquet
from caudal.publish.exchange.csvw import csvw
from caudal.publish.exchange.dcat import Held, catalogue_nodes, jsonld, turtle
from caudal.publish.exchange.jsonstat import jsonstat
from caudal.publish.exchange.rows import reader_table
from caudal.publish.exchange.sdg import sdg_files
from caudal.publish.exchange.sdmx_csv import data_csv
from caudal.publish.exchange.sdmx_ml import ML_21, ML_30
from caudal.publish.exchange.shape import Dataflow, Exchange, Series, file_stem
from caudal.publish.exchange.spreadsheets import excel_csv, indicator_workbook
from caudal.publish.exchange.themes import themes
from caudal.publish.exchange.word import indicator_document
from caudal.publish.files import CODES, CONCEPTS, codes_csv
from caudal.publish.reads import Made, Once
from caudal.publish.release import GAP, Release
from caudal.publish.shelf import File, FileGroup, Shelved
from caudal.publish.voice import Voice


class ExchangeFiles:
    """The files for machines of a release, in groups that are made from the same parts.

    The messages of a theme are a group, and the forms of an indicator another: a changed figure makes those
    of its theme and of its indicator, and leaves what names all themes as it is where no code is new.
    ``plain`` are the files that were written before; ``signature`` tells who signs when it is asked.
    """

    def __init__(
        self,
        release: Release,
        voices: Mapping[str, Voice],
        plain: Shelved,
        signature: Callable[[], Signatory | None],
    ) -> None:
        self._release, self._voices, self._plain, self._signature = release, voices, plain, signature
        self._once = Once(release.reads)
        known = themes(release)
        self._flows = Made("dataflow", known, partial(dataflow, release, voices), release.reads)
        self._own = Made("theme", known, self._names_of, release.reads)

    def groups(self) -> Iterator[FileGroup]:
        """The groups, each after those whose files it names."""
        for theme in self._themes:
            yield f"messages {theme}", partial(self._messages, theme)
            for spec in self._bases(theme):
                yield f"forms {spec.indicator}", partial(self._forms, theme, spec)
        yield "structures", lambda: _structures(self._whole(reported=True))
        yield "sdg", lambda: sdg_files(self._release).items()
        yield "catalogue", self._catalogue

    @property
    def _themes(self) -> Mapping[str, tuple[IndicatorSpec, ...]]:
        """Indicators by theme, asked anew each time, so that whoever asks has read it."""
        return themes(self._release)

    def _names_of(self, theme: str) -> tuple[str, ...]:
        return tuple(s.indicator for s in self._themes[theme])

    def _bases(self, theme: str) -> tuple[IndicatorSpec, ...]:
        return tuple(s for s in self._release.base_indicators() if s.family == theme)

    def _exchange(self, flows: Sequence[Dataflow], *, reported: bool) -> Exchange:
        return exchange(self._release, self._voices, self._signature(), flows, reported=reported)

    def _whole(self, *, reported: bool) -> Exchange:
        """The release with all of its themes."""
        return self._exchange([self._flows[t] for t in self._themes], reported=reported)

    def _of_theme(self, theme: str) -> Exchange:
        """The release with one of its themes."""
        return self._once.get(theme, lambda: self._exchange([self._flows[theme]], reported=False))

    def _series(self, theme: str, names: Iterable[str]) -> tuple[Series, ...]:
        own = self._release.cells_of
        return series_of(self._flows[theme].components, [c for n in names for c in own.get(n, ())])

    def _messages(self, theme: str) -> Iterator[File]:
        """The messages of a theme."""
        about, flow, stem = self._of_theme(theme), self._flows[theme], f"sdmx/{file_stem(theme)}"
        series = self._series(theme, self._own[theme])
        yield f"{stem}-2.1.xml", sdmx_ml.data_ml(about, flow, series, ML_21)
        yield f"{stem}-3.0.xml", sdmx_ml.data_ml(about, flow, series, ML_30)
        yield f"{stem}-2.0.json", sdmx_json.data_json(about, flow, series)
        yield f"{stem}-2.0.csv", data_csv(about, flow, series)

    def _forms(self, theme: str, spec: IndicatorSpec) -> Iterator[File]:
        """The forms of an indicator."""
        about, flow, plain, name = self._of_theme(theme), self._flows[theme], self._plain, spec.indicator
        series = self._series(theme, (name, name + GAP))
        yield f"data/{name}.jsonstat.json", jsonstat(about, flow, series, spec)
        yield f"data/{name}.parquet", parquet(self._release, spec)
        yield f"data/{name}.sdmx.csv", data_csv(about, flow, series)
        table = f"data/{name}.csv"
        yield f"{table}-metadata.json", csvw(about, self._voices, spec, f"{name}.csv", plain[table])
        for tag, voice in self._voices.items():
            rows = reader_table(voice, spec)
            yield f"{tag}/data/{name}.xlsx", indicator_workbook(voice, spec, rows, draft=about.draft)
            yield f"{tag}/data/{name}.docx", indicator_document(voice, spec, draft=about.draft)
            yield f"{tag}/data/{name}.excel.csv", excel_csv(voice, rows)
        packed = {path: plain[path] for path in (table, f"data/{name}.json", CONCEPTS)}
        own = self._release.cells_of
        cells = (*own.get(name, ()), *own.get(name + GAP, ()))
        packed[CODES] = codes_csv(self._release, self._voices, cells)
        yield f"data/{name}.zip", bundle(self._voices, spec, packed, draft=about.draft)

    def _catalogue(self) -> Iterator[File]:
        """The catalogue, which knows of each file its size and its digest."""
        of = {theme: [*_message_paths(theme), *self._form_paths(theme)] for theme in self._themes}
        held = {path: Held(*self._plain.facts(path)) for paths in of.values() for path in paths}
        catalogue = catalogue_nodes(self._whole(reported=False), held, of)
        yield "catalogue.jsonld", jsonld(catalogue)
        yield "catalogue.ttl", turtle(catalogue)

    def _form_paths(self, theme: str) -> Iterator[str]:
        for spec in self._bases(theme):
            name = spec.indicator
            yield from (
                f"data/{name}.{end}" for end in ("csv", "json", "jsonstat.json", "parquet", "sdmx.csv")
            )
            for tag in self._voices:
                yield from (f"{tag}/data/{name}.{end}" for end in ("xlsx", "docx", "excel.csv"))
            yield f"data/{name}.zip"


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


def _message_paths(theme: str) -> list[str]:
    return [f"sdmx/{file_stem(theme)}-{end}" for end in ("2.1.xml", "3.0.xml", "2.0.json", "2.0.csv")]


def _structures(about: Exchange) -> Iterator[File]:
    """What names all themes: structures, constraints, reference metadata."""
    yield "sdmx/structure-2.1.xml", sdmx_ml.structure_ml(about, ML_21)
    yield "sdmx/structure-3.0.xml", sdmx_ml.structure_ml(about, ML_30)
    yield "sdmx/constraints-3.0.xml", sdmx_ml.constraints_ml(about)
    yield "sdmx/structure-2.0.json", sdmx_json.structure_json(about)
    yield "sdmx/metadata-structure-3.0.xml", sdmx_ml.metadata_structure_ml(about)
    yield "sdmx/metadata-3.0.xml", sdmx_ml.metadata_ml(about)
    yield "sdmx/metadata-2.0.json", sdmx_json.metadata_json(about)
