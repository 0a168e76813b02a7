"""What a page offers to take along: files, citation, code, and a sentence for the press.

Addresses are relative to the site, whose own address a static page does not know: code and embedding carry
``SITE`` in its place, and the page says so.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from caudal.engine.files import sha256_bytes
from caudal.model.indicator import IndicatorSpec
from caudal.publish.exchange.bundle import snippets
from caudal.publish.exchange.shape import file_stem
from caudal.publish.exchange.types import media_type
from caudal.publish.exchange.writing import addresses
from caudal.publish.numbers import fill
from caudal.publish.release import GAP, Cell
from caudal.publish.voice import Voice, bare

#: Stands for the address of the site in code.
SITE = "https://SITE"
_BRACES = re.compile(r"[{}\\]")
_MESSAGES = {"xml": "SDMX-ML", "json": "SDMX-JSON", "csv": "SDMX-CSV"}
_SPECIAL = re.compile(r"([&%$#_])")


@dataclass(frozen=True)
class File:
    """A file of the site on a page: its address, what it is, its bytes and checksum."""

    path: str
    what: str
    size: int
    sha256: str


@dataclass(frozen=True)
class Offer:
    """What the page of an indicator offers. ``forms`` are name, address and words of each file."""

    forms: tuple[tuple[str, str, str], ...]
    code: Mapping[str, str]
    bibtex: str
    embed: str
    press: str
    withheld: bool


def offer(
    voice: Voice, spec: IndicatorSpec, cell: Cell | None, files: Mapping[str, bytes], sentence: str = ""
) -> Offer:
    """What the page of an indicator offers, of the files that there are. ``sentence`` is for the press where
    there is no headline."""
    tag, text = voice.words.language, voice.words.text
    listed = {**addresses(spec.indicator, tag), "JSON": f"data/{spec.indicator}.json"}
    forms = tuple((n, p, text[_words_key(n)]) for n, p in listed.items() if p in files)
    own = voice.release.cells_of
    cells = (*own.get(spec.indicator, ()), *own.get(spec.indicator + GAP, ()))
    title = voice.name(spec)
    frame = f'src="{SITE}/{tag}/embed/{spec.indicator}.html" title="{_attribute(title)}"'
    return Offer(
        forms=forms,
        code=snippets(f"{SITE}/{listed['CSV']}"),
        bibtex=bibtex(voice, spec),
        embed=f'<iframe {frame} width="720" height="560" loading="lazy"></iframe>',
        press=_attributed(voice, bare(voice.headline(cell)) if cell and cell.value is not None else sentence),
        withheld=any(c.withheld for c in cells),
    )


def _attributed(voice: Voice, sentence: str) -> str:
    """A sentence with who says it and in which edition; nothing of nothing."""
    structure = voice.release.structure
    if not sentence:
        return ""
    facts = {
        "sentence": sentence,
        "producer": voice.plain(structure.producer),
        "vintage": structure.vintage,
    }
    return fill(voice.words.text["press_sentence"], facts)


def bibtex(voice: Voice, spec: IndicatorSpec) -> str:
    """The citation of an indicator for bibliographies.

    Braces and backslashes of a name are left out and special signs escaped, so that a name cannot end its
    field.
    """
    structure = voice.release.structure
    key = re.sub(r"[^A-Za-z0-9]+", "-", f"{structure.territory}-{spec.indicator}-{structure.vintage}")
    fields = {
        "author": f"{{{_latex(voice.plain(structure.producer))}}}",
        "title": _latex(f"{voice.name(spec)}, {voice.area_name()}"),
        "year": structure.vintage[:4],
        "note": _latex(f"{voice.words.text['edition']} {structure.vintage}"),
    }
    lines = [f"  {name} = {{{value}}}" for name, value in fields.items()]
    return "@misc{" + ",\n".join([key, *lines]) + "\n}"


def dataset(voice: Voice, spec: IndicatorSpec, citation: str, files: Mapping[str, bytes]) -> dict[str, Any]:
    """schema.org/Dataset of an indicator."""
    structure = voice.release.structure
    times = sorted({c.time for c in voice.release.cells_of.get(spec.indicator, ())})
    listed = [*addresses(spec.indicator, voice.words.language).values(), f"data/{spec.indicator}.json"]
    return {
        "@context": "https://schema.org/",
        "@type": "Dataset",
        "name": f"{voice.name(spec)}: {voice.area_name()}",
        "description": voice.plain(spec.text.definition) or voice.name(spec),
        "identifier": f"{structure.territory}/{spec.indicator}/{structure.vintage}",
        "version": structure.vintage,
        "inLanguage": voice.words.language,
        "isAccessibleForFree": True,
        "license": structure.licence,
        "creator": {"@type": "Organization", "name": voice.plain(structure.producer)},
        "spatialCoverage": voice.area_name(),
        "temporalCoverage": "/".join(dict.fromkeys([times[0], times[-1]])) if times else "",
        "variableMeasured": {
            "@type": "PropertyValue",
            "name": voice.name(spec),
            "unitText": voice.unit(spec.unit),
        },
        "citation": citation,
        "distribution": [
            {
                "@type": "DataDownload",
                "contentUrl": f"../../{path}",
                "encodingFormat": media_type(path).partition(";")[0],
            }
            for path in listed
            if path in files
        ],
    }


def listing(voice: Voice, files: Mapping[str, bytes]) -> dict[str, Any]:
    """The data page: the files of the whole release, then one row for each indicator."""
    names = voice.release.base_indicators()
    rows = [(voice.name(s), _forms(voice, s, files)) for s in names]
    return {"files": tuple(_whole(voice, files)), "rows": [r for r in rows if r[1]]}


def _forms(voice: Voice, spec: IndicatorSpec, files: Mapping[str, bytes]) -> list[tuple[str, str]]:
    listed = {**addresses(spec.indicator, voice.words.language), "JSON": f"data/{spec.indicator}.json"}
    return [(name, path) for name, path in listed.items() if path in files]


def _whole(voice: Voice, files: Mapping[str, bytes]) -> Iterator[File]:
    """Files of the whole release: all cells and reports, the catalogue, the messages of SDMX."""
    text = voice.words.text
    plain = {
        "data/observations.zip": text["file_observations"],
        "data/codes.csv": text["file_codes"],
        "data/concepts.csv": text["file_concepts"],
        "data/quality.json": text["file_quality"],
        "data/truth.csv": text["file_truth"],
        "data/inequality.csv": text["file_inequality"],
        "data/readiness.csv": text["file_readiness"],
        "data/readiness.json": text["file_readiness"],
        "catalogue.ttl": f"{text['file_catalogue']} (Turtle)",
        "catalogue.jsonld": f"{text['file_catalogue']} (JSON-LD)",
    }
    themes = {file_stem(s.family): s.family for s in voice.release.structure.indicators}
    messages = sorted(p for p in files if p.startswith("sdmx/"))
    for path, what in [*plain.items(), *((p, _message(voice, p, themes)) for p in messages)]:
        if path in files:
            yield File(path, what, len(files[path]), sha256_bytes(files[path]))


def _message(voice: Voice, path: str, themes: Mapping[str, str]) -> str:
    """What a message of SDMX is: its subject and its form."""
    stem, _, end = path.removeprefix("sdmx/").rpartition("-")
    version, _, kind = end.rpartition(".")
    form = f"{_MESSAGES[kind]} {version}"
    if stem in themes:
        return f"{voice.family(themes[stem])} ({form})"
    known = {"structure": "file_structure", "constraints": "file_constraints", "sdg": "file_sdg"}
    key = known.get(stem, "file_metadata")
    return f"{voice.words.text[key]} ({form})"


def _words_key(form: str) -> str:
    return re.sub(r"[^a-z]+", "_", form.lower()).strip("_") + "_words"


def _latex(text: str) -> str:
    return _SPECIAL.sub(r"\\\1", _BRACES.sub("", text))


def _attribute(text: str) -> str:
    return text.replace("&", "&amp;").replace('"', "&quot;").replace("<", "&lt;")
