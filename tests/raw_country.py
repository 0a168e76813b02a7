"""A country folder made for one test: one source, its files, and what becomes of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from textwrap import dedent
from typing import Any

import pyarrow.parquet as pq

from caudal.catalogue import load_catalogue
from caudal.collect import register_deliveries
from caudal.engine.cache import Cache
from caudal.engine.specs import Document, read_document, validate
from caudal.errors import CaudalError, Problem
from caudal.harmonise import Harmonised, IdentifierKey, check_source, harmonise_delivery
from caudal.model.catalogue import Catalogue
from caudal.model.country import CountrySpec, EngineSpec
from caudal.model.source import SourceSpec

HEAD = """
source: made
title: {en: A source made for a test}
producer: Nobody
origin: nowhere
licence: CC0-1.0
"""
CONCEPT = "concept: {source_type: survey}\n"
PERSONS = """
kind: person
tables: {persons: {format: {type: delimited}}}
columns:
  person_key: {from: id}
  sex_code: {from: sex, recode: {1: M, 2: F}}
deliveries: [{period: 2020, file: persons.csv}]
"""
KEY = IdentifierKey("test", "1", b"a key that is long enough")
COUNTRY = CountrySpec(
    territory="AR", title={"en": "Here"}, languages=("en",), population_concept={"en": "all"},
    producer={"en": "Nobody"}, key="env:NOT_READ",
)  # fmt: skip


@cache
def catalogue(folder: Path = Path("/nonexistent")) -> Catalogue:
    """The built-in catalogue."""
    found, problems = load_catalogue(folder, ("en",))
    assert not problems, problems
    return found


@dataclass
class MadeCountry:
    """A folder with one source (``spec``, YAML after the usual head) and its ``files``."""

    folder: Path
    spec: str = PERSONS
    files: Mapping[str, bytes | str] = field(default_factory=dict)
    codes: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for part, given in (("data", self.files), ("codes", self.codes)):
            for name, content in given.items():
                path = self.folder / part / name
                path.parent.mkdir(parents=True, exist_ok=True)
                data = content.encode() if isinstance(content, str) else content
                path.write_bytes(data)
        path = self.folder / "sources" / "made.yaml"
        path.parent.mkdir(parents=True, exist_ok=True)
        concept = "" if "\nconcept:" in dedent(self.spec) else CONCEPT
        path.write_text(HEAD + concept + dedent(self.spec), encoding="utf-8")

    @property
    def document(self) -> Document:
        return read_document(self.folder / "sources" / "made.yaml")

    @property
    def source(self) -> SourceSpec:
        spec, problems = validate(self.document, SourceSpec)
        assert spec is not None, [p.text() for p in problems]
        return spec

    def check(self, country: CountrySpec = COUNTRY) -> list[Problem]:
        """What the spec gets wrong."""
        return check_source(self.source, self.document, catalogue(), country)

    def harmonise(self, place: int = 0, *, threads: int = 2, cache: str = "cache") -> Harmonised:
        """The delivery at ``place``, harmonised."""
        register = register_deliveries(self.folder, self.source)
        return harmonise_delivery(
            self.folder,
            self.source,
            register.deliveries[place],
            catalogue=catalogue(),
            cache=Cache(self.folder / cache),
            territory="AR",
            key=KEY,
            engine=EngineSpec(threads=threads),
        )

    def records(self, place: int = 0) -> dict[str, list[Any]]:
        """The records of a delivery, by column."""
        return rows(self.harmonise(place).records)

    def problem(self, place: int = 0) -> Problem:
        """The only problem of a delivery that must not be harmonised."""
        try:
            self.harmonise(place)
        except CaudalError as error:
            assert len(error.problems) == 1, error.text()
            return error.problems[0]
        raise AssertionError("it was harmonised")


def rows(path: Path) -> dict[str, list[Any]]:
    """A Parquet file by column."""
    found: dict[str, list[Any]] = pq.read_table(path).to_pydict()
    return found
