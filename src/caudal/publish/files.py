"""Files for machines: every published cell as CSV, the metadata of each indicator, the quality report.

* ``data/observations.zip``: all cells by code, with their address, and the words of the codes.
* ``data/concepts.csv``: the concept vectors that these name by code, with their words in every language.
* ``data/codes.csv``: every other code of every column, with its words in every language.
* ``data/<indicator>.csv``: the cells of an indicator and of its gap by code, for all languages.
* ``data/<indicator>.json``: definition, concept vectors, sources and files of an indicator, all languages.
* ``data/truth.csv``: for a simulated country, the estimates that are shown beside the true values.
* ``data/quality.json``: totals of sources, what the gate did, what was reproduced, what cannot be computed.

UTF-8, comma, ``.`` as decimal mark, full precision, no byte-order mark. A withheld cell has its key, the
status ``Q`` and nothing else. Counts of records are in no file: the difference of two could tell a
withheld one. A text that a spreadsheet would run as a formula is led by an apostrophe.
"""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from itertools import chain, islice
from pathlib import Path
from typing import Any

from caudal.catalogue.formulas import in_territory
from caudal.engine.files import sha256_bytes
from caudal.model.concept import ConceptVector
from caudal.model.indicator import IndicatorSpec
from caudal.model.observation import TOTAL
from caudal.publish.exchange.archive import Part, archive
from caudal.publish.exchange.codes import code_rows
from caudal.publish.exchange.shape import vector_id
from caudal.publish.matrices import matrix_files
from caudal.publish.release import ERRORS, GAP, WITHHELD, Cell, Release, read_release
from caudal.publish.voice import Voice, voice_of

#: Columns of the files, in their order: key, period and breakdowns, rest of the key, measures, attributes.
KEY_COLUMNS = (
    "indicator_code",
    "indicator_version",
    "reporter_code",
    "reference_area_code",
    "counterpart_area_code",
)
LAST_KEY_COLUMNS = ("source_code", "concept_vector", "vintage")
#: The same in a CSV, of which a vector of two hundred letters in each row would be half.
CSV_LAST_KEY_COLUMNS = ("source_code", "concept_vector_code", "vintage")
MEASURE_COLUMNS = ("value", *ERRORS, "lower", "upper", "interval_type")
ATTRIBUTE_COLUMNS = ("unit_code", "obs_status_code", "method_code", "error_note", "reliability")
OBSERVATIONS = "data/observations.zip"
CONCEPTS = "data/concepts.csv"
CODES = "data/codes.csv"
#: Rows of a CSV that are written at once.
_ROWS = 4_000
#: Cells of which the CSV may be beyond 2 GB.
_HUGE = 4_000_000
#: First letters that make a spreadsheet read a text as a formula.
_FORMULA = ("=", "+", "-", "@", "\uff1d", "\uff0b", "\uff0d", "\uff20")
#: What ends a line or a field in some program, whatever the quotes around it say.
_ENDS = re.compile("[\t\r\n]+")


def write_files(release_folder: Path, out: Path) -> tuple[Path, ...]:
    """Writes all files of the release in ``release_folder`` under ``out``; returns their relative paths.

    Raises :class:`CaudalError` for a release that must not or cannot be read.
    """
    files = release_files(read_release(release_folder))
    for path, data in files.items():
        (out / path).parent.mkdir(parents=True, exist_ok=True)
        (out / path).write_bytes(data)
    return tuple(Path(p) for p in files)


def release_files(release: Release) -> dict[str, bytes]:
    """The bytes of every file by its path under the site."""
    voices = {tag: voice_of(release, tag) for tag in release.structure.languages}
    made = (file for _, make in file_groups(release, voices) for file in make())
    return dict(sorted(made))


def file_groups(
    release: Release, voices: Mapping[str, Voice]
) -> Iterator[tuple[str, Callable[[], Iterable[tuple[str, bytes]]]]]:
    """The files in groups that are made from the same parts: a name, and how they are made."""
    yield "observations", lambda: [(OBSERVATIONS, observations_zip(release, voices))]
    yield "concepts", lambda: [(CONCEPTS, concepts_csv(release, voices))]
    yield "codes", lambda: [(CODES, codes_csv(release, voices, release.cells))]
    yield "quality", lambda: [("data/quality.json", _json(quality(release)))]
    yield "truth", lambda: [("data/truth.csv", truth_csv(release))] if release.truths else []
    yield "matrices", lambda: _matrices(release).items()
    for spec in release.base_indicators():
        yield f"data {spec.indicator}", partial(_indicator_files, release, spec.indicator)


def _matrices(release: Release) -> dict[str, bytes]:
    files: dict[str, bytes] = {}
    for name, made in matrix_files(release).items():
        rows = [[row[h] for h in made["heads"]] for row in made["rows"]]
        files[f"data/{name}.csv"] = _csv(made["heads"], rows)
        if made["nested"]:
            files[f"data/{name}.json"] = _json(made["rows"])
    return files


def _indicator_files(release: Release, name: str) -> Iterator[tuple[str, bytes]]:
    spec = release.indicators[name]
    files = {f"data/{name}.csv": indicator_csv(release, spec)}
    yield from files.items()
    yield f"data/{name}.json", _json(metadata(release, spec, files))


def observations_zip(release: Release, voices: Mapping[str, Voice]) -> bytes:
    """All cells by code, with the words of their codes: what is large and repeats itself is small packed."""
    parts: dict[str, Part] = {
        "observations.csv": _coded(release, release.cells),
        "codes.csv": codes_csv(release, voices, release.cells),
        "concepts.csv": concepts_csv(release, voices),
    }
    return archive(parts, huge=len(release.cells) > _HUGE)


def coded_csv(release: Release, cells: Sequence[Cell]) -> bytes:
    """``cells`` by code, with the breakdowns that some of them have."""
    return b"".join(_coded(release, cells))


def _coded(release: Release, cells: Sequence[Cell]) -> Iterator[bytes]:
    """The same, block by block."""
    heads = (
        "address",
        *KEY_COLUMNS,
        "time_period",
        *(f"{d}_code" for d in used_dimensions(release, cells)),
        *CSV_LAST_KEY_COLUMNS,
        *MEASURE_COLUMNS,
        *ATTRIBUTE_COLUMNS,
    )
    rows = (coded(release, c) for c in cells)
    return _blocks(heads, ([row.get(h) for h in heads] for row in rows))


def codes_csv(release: Release, voices: Mapping[str, Voice], cells: Iterable[Cell]) -> bytes:
    """The words of every code of the columns of ``cells``."""
    return _csv(("column", "code", *voices), code_rows(release, voices, cells))


def concepts_csv(release: Release, voices: Mapping[str, Voice]) -> bytes:
    """What was counted: each concept vector with its code and its words."""
    vectors = sorted({c.concept for c in release.cells}, key=vector_id)
    rows = ((vector_id(x), x, *(_words_of(v, x) for v in voices.values())) for x in vectors)
    return _csv(("concept_vector_code", "concept_vector", *voices), rows)


def _words_of(voice: Voice, concept: str) -> str:
    return "; ".join(
        f"{name}: {words}" for _, name, words in voice.axes(dict(ConceptVector.parse(concept).pairs))
    )


def truth_csv(release: Release) -> bytes:
    """The shown estimates of a simulated country beside the true values."""
    heads = ("address", "indicator_code", "source_code", "truth", "estimate", "lower", "upper")
    rows = ((t.address, t.indicator, t.source, t.truth, t.estimate, t.lower, t.upper) for t in release.truths)
    return _csv(heads, rows)


def indicator_csv(release: Release, spec: IndicatorSpec) -> bytes:
    """The cells of an indicator and of its gap by code."""
    own = release.cells_of
    return coded_csv(release, [*own.get(spec.indicator, ()), *own.get(spec.indicator + GAP, ())])


def used_dimensions(release: Release, cells: Iterable[Cell]) -> list[str]:
    """The dimensions by which some of ``cells`` are broken down, in their order."""
    names = {name for c in cells for name, _ in c.categories}
    return [d for d in release.dimensions if d in names]


def metadata(release: Release, spec: IndicatorSpec, files: Mapping[str, bytes]) -> dict[str, Any]:
    """What a reader of the numbers needs: definition, vectors, sources, files with their checksums."""
    cells = release.cells_of.get(spec.indicator, ())
    sources = sorted({c.source for c in cells})
    return {
        "indicator": spec.model_dump(mode="json", exclude={"formulas", "expected"}),
        "statistic": [
            in_territory(f, release.structure.territory).model_dump(mode="json", exclude_defaults=True)
            for f in spec.formulas
        ],
        "territory": release.structure.territory,
        "vintage": release.structure.vintage,
        "simulated": release.structure.simulated,
        "licence": release.structure.licence,
        "periods": sorted({c.time for c in cells}),
        "concept_vectors": {
            s: [
                dict(ConceptVector.parse(v).pairs)
                for v in sorted({c.concept for c in cells if c.source == s})
            ]
            for s in sources
        },
        "sources": {s: _source(release, s) for s in sources},
        "notices": [
            n.model_dump(mode="json")
            for n in release.structure.notices
            if n.indicator.removesuffix(GAP) == spec.indicator
        ],
        "files": {p: {"sha256": sha256_bytes(data), "bytes": len(data)} for p, data in sorted(files.items())},
    }


def quality(release: Release) -> dict[str, Any]:
    """The quality and confidentiality report: totals of sources, never counts of a cell."""
    structure = release.structure
    return {
        "territory": structure.territory,
        "vintage": structure.vintage,
        "sources": [
            s.model_dump(
                mode="json",
                include={"source", "title", "design", "notes", "inputs", "missing", "reconciliation"},
            )
            for s in structure.sources
        ],
        "confidentiality": structure.confidentiality.model_dump(mode="json"),
        "expectations": [e.model_dump(mode="json") for e in release.expectations],
        "not_computable": [n.model_dump(mode="json") for n in structure.not_computable],
        "notices": [n.model_dump(mode="json") for n in structure.notices],
    }


def guarded(text: str) -> str:
    """A text on one line that no spreadsheet runs.

    >>> guarded("=1+1"), guarded("Perú"), guarded("a\\r=1+1")
    ("'=1+1", 'Perú', 'a =1+1')
    """
    line = _ENDS.sub(" ", text)
    if line[:1].isalnum():
        return line
    return f"'{line}" if line.lstrip(" ").startswith(_FORMULA) else line


def _source(release: Release, name: str) -> dict[str, Any]:
    fields = {"title", "producer", "origin", "licence", "citation", "periods", "design", "notes"}
    return release.sources[name].model_dump(mode="json", include=fields)


def coded(release: Release, cell: Cell) -> dict[str, Any]:
    """A cell by column; a withheld one has its key and one flag."""
    chosen = dict(cell.categories)
    key = {
        "address": cell.address,
        "indicator_code": cell.indicator,
        "indicator_version": cell.version,
        "reporter_code": cell.reporter,
        "reference_area_code": cell.area,
        "counterpart_area_code": cell.counterpart,
        "time_period": cell.time,
        "source_code": cell.source,
        "concept_vector": cell.concept,
        "concept_vector_code": vector_id(cell.concept),
        "vintage": cell.vintage,
        **{f"{d}_code": chosen.get(d, TOTAL) for d in release.dimensions},
    }
    if cell.withheld:
        return key | {"obs_status_code": WITHHELD}
    return key | {
        "value": cell.value,
        **dict(cell.errors),
        "lower": cell.lower,
        "upper": cell.upper,
        "interval_type": cell.interval_type,
        "unit_code": cell.unit,
        "obs_status_code": cell.status,
        "method_code": cell.method,
        "error_note": cell.error_note,
        "reliability": cell.reliability,
    }


def _csv(heads: Iterable[str], rows: Iterable[Iterable[Any]]) -> bytes:
    return b"".join(_blocks(heads, rows))


def _blocks(heads: Iterable[str], rows: Iterable[Iterable[Any]]) -> Iterator[bytes]:
    """A CSV, block by block."""
    known: dict[str, str] = {}  # the same few codes stand in thousands of rows
    fields = chain([list(heads)], ([_field(v, known) for v in row] for row in rows))
    while block := list(islice(fields, _ROWS)):
        stream = io.StringIO()
        csv.writer(stream, lineterminator="\n").writerows(block)
        yield stream.getvalue().encode()


def _field(value: Any, known: dict[str, str]) -> str:
    if value is None:
        return ""
    if not isinstance(value, str):
        return repr(value)
    found = known.get(value)
    if found is None:
        found = known[value] = guarded(value)
    return found


def _json(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False, sort_keys=True, indent=1).encode() + b"\n"
