"""What can be seen of a raw file before anybody has described it: its format, its variables, their values."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from importlib import import_module
from itertools import combinations
from math import prod
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import duckdb
from pydantic import TypeAdapter

from caudal.collect.contract import LABEL, MISSING, RawFile
from caudal.collect.dictionaries import ddi_variables, read_dictionary
from caudal.collect.formats import open_table
from caudal.collect.streams import as_utf8, encoding_of
from caudal.collect.variables import Variable
from caudal.engine.cache import Cache
from caudal.engine.files import sha256_file
from caudal.engine.session import connect, quoted
from caudal.errors import CaudalError, problem
from caudal.model.source import Format

#: Rows that are looked at, and different values of a column that are kept.
_ROWS, _VALUES = 100_000, 60
#: Columns that a key may need together, and how many with names of identifiers are tried for it.
_KEY_COLUMNS, _KEY_CANDIDATES = 4, 8
_IDENTIFIER = re.compile(
    r"\b(id|folio|hogar|vivienda|persona?s?|componente|orden|miembro|integrante|nro|num|numero|número|llave|"
    r"codusu|conglome|conglomerado|codperso|upa|upm|household|dwelling|person|member|line|number|hhid|"
    r"domicilio|domicílio|morador|pessoa|identifica\w*)\b"
)
_SEPARATORS = (";", ",", "\t", "|")
_ENDINGS: Mapping[str, Mapping[str, Any]] = {
    ".sav": {"type": "spss"},
    ".zsav": {"type": "spss"},
    ".por": {"type": "spss"},
    ".dta": {"type": "stata"},
    ".sas7bdat": {"type": "sas"},
    ".xpt": {"type": "sas"},
    ".parquet": {"type": "parquet"},
    ".xlsx": {"type": "excel"},
    ".jsonl": {"type": "json_lines"},
    ".ndjson": {"type": "json_lines"},
}
_FORMAT: TypeAdapter[Format] = TypeAdapter(Format)


@dataclass(frozen=True)
class Seen:
    """A column: what describes it, its most frequent values with their rows, how many there are."""

    variable: Variable
    values: tuple[tuple[str, int], ...] = ()
    distinct: int = 0
    filled: int = 0

    @property
    def name(self) -> str:
        """Its header."""
        return self.variable.name


@dataclass(frozen=True)
class Described:
    """A file: the options of its format, its columns, its rows and how many of them were looked at, its
    dictionary, and ``key``: the fewest columns with names of identifiers that together tell those rows apart,
    empty where none do or one alone does."""

    file: Path
    format: Mapping[str, Any]
    columns: tuple[Seen, ...]
    rows: int
    dictionary: str = ""
    key: tuple[str, ...] = ()

    @property
    def looked(self) -> int:
        """How many of its first rows were looked at."""
        return min(self.rows, _ROWS)


def describe(path: Path, dictionary: Path | None = None) -> Described:
    """What can be seen of the file at ``path``, with the dictionary given or found beside it.

    Raises :class:`CaudalError` where it cannot be read, or has an ending that no format is known by.
    """
    with TemporaryDirectory() as scratch:
        beside = dictionary or _beside(path)
        form = _format(path, beside)
        if form.get("type") == "fixed_width" and beside is not None and not form.get("record"):
            form = {**form, **_record(beside)}
        raw = _raw(path, beside)
        spec = _FORMAT.validate_python(form)
        table = open_table(raw, spec, cache=Cache(Path(scratch) / "cache"))
        described = {v.name: v for v in _variables(raw, spec, beside, Path(scratch))}
        names = [c for c in table.columns if not c.endswith((MISSING, LABEL))]
        with connect(threads=1) as session:
            session.execute(f"CREATE TEMP TABLE looked AS SELECT * FROM ({table.relation}) LIMIT {_ROWS}")
            seen = tuple(_seen(session, names, described))
            key = _key(session, seen, min(table.rows, _ROWS))
    used = beside.name if beside is not None and described else ""
    return Described(path, form, seen, table.rows, used, key)


def _raw(path: Path, beside: Path | None) -> RawFile:
    def registered(file: Path) -> RawFile:
        return RawFile(file.name, file, sha256_file(file), file.stat().st_size, "2000")

    others = (registered(beside),) if beside is not None else ()
    return replace(registered(path), beside=others)


def _beside(path: Path) -> Path | None:
    """The dictionary of a file: of its name, or the only one of its folder."""
    stem = path.name.split(".")[0]
    for ending in (".dcf", ".xml"):
        if (own := path.with_name(stem + ending)).is_file():
            return own
    found = [p for p in sorted(path.parent.glob("*.dcf")) + sorted(path.parent.glob("*.xml")) if p != path]
    if len(found) == 1:
        return found[0]
    return None


def _format(path: Path, beside: Path | None) -> Mapping[str, Any]:
    name = path.name.lower()
    for packing in (".gz", ".zip"):
        name = name.removesuffix(packing)
    ending = Path(name).suffix
    if ending in _ENDINGS:
        return _ENDINGS[ending]
    if beside is not None and beside.suffix.lower() == ".dcf":
        return {"type": "fixed_width", "dictionary": beside.name, **_encoding(path)}
    if ending in (".csv", ".txt", ".tsv", ".dat", ".asc", ""):
        found = _delimited(path)
        if found is None and beside is not None:
            return {"type": "fixed_width", "dictionary": beside.name, **_encoding(path)}
        if found is not None:
            return found
    raise CaudalError(
        problem("draft-format", where=path.name, found=ending, allowed=[*_ENDINGS, ".csv", ".txt"])
    )


def _encoding(path: Path) -> dict[str, str]:
    encoding = encoding_of(path) or "latin-1"
    return {} if encoding == "utf-8" else {"encoding": encoding}


def _delimited(path: Path) -> Mapping[str, Any] | None:
    """Separator and decimal mark, where the lines agree on one; None where they agree on none."""
    encoding = encoding_of(path) or "latin-1"
    with as_utf8(path, encoding) as stream:
        lines = [line.decode() for line, _ in zip(stream, range(60), strict=False)]
    found: dict[str, Any] = {"type": "delimited"}
    counts = {s: [len(row) for row in csv.reader(lines, delimiter=s)] for s in _SEPARATORS}
    agreeing = {s: n for s, n in counts.items() if n and n[0] > 1 and n.count(n[0]) > 0.8 * len(n)}
    if not agreeing:
        return None
    separator = max(agreeing, key=lambda s: agreeing[s][0])
    if separator != ",":
        found["separator"] = separator
    if encoding != "utf-8":
        found["encoding"] = encoding
    cells = [c for row in csv.reader(lines[1:], delimiter=separator) for c in row]
    commas = sum(bool(re.fullmatch(r"-?\d+,\d+", c)) for c in cells)
    points = sum(bool(re.fullmatch(r"-?\d+\.\d+", c)) for c in cells)
    if commas > points:
        found["decimal"] = ","
    return found


def _record(dictionary: Path) -> dict[str, str]:
    """The record of persons of a dictionary, where it describes several."""
    records = read_dictionary(_raw(dictionary, None)).records
    if len(records) == 1:
        return {}
    persons = [r for r in records if re.search(r"pers|pess|people|popul|poblac", r.name.lower())]
    return {"record": (persons or sorted(records, key=lambda r: -len(r.items)))[0].name}


def _variables(raw: RawFile, spec: Format, beside: Path | None, scratch: Path) -> Sequence[Variable]:
    module = import_module(f"caudal.collect.formats.{spec.type}")
    if hasattr(module, "describe"):
        found: list[Variable] = module.describe(raw, spec, scratch)
        return found
    if beside is None:
        return []
    if beside.suffix.lower() == ".xml":
        return ddi_variables(beside.read_text(encoding=encoding_of(beside) or "latin-1"))
    if beside.suffix.lower() == ".csv":
        return _table_of_variables(beside)
    return [i.variable for r in read_dictionary(_raw(beside, None)).records for i in r.items]


def _table_of_variables(path: Path) -> list[Variable]:
    """A dictionary as a table: one row a value, the name of the variable on each (or on its first)."""
    separator = (_delimited(path) or {}).get("separator", ",")
    text = path.read_bytes().decode(encoding_of(path) or "latin-1").removeprefix("\ufeff")
    rows = list(csv.reader(text.splitlines(), delimiter=separator))
    heads = [h.strip().lower() for h in rows[0]]
    name = _head(heads, r"nombre.*var|^variable|^name|nome.*var|^var")
    label = _head(heads, r"descrip|^label|etiqueta.*var|rotulo")
    value = _head(heads, r"^valor|^value|^cod")
    meaning = _head(heads, r"categor|etiqueta|^label|rotulo|descri.*(valor|cod)")
    found: dict[str, Variable] = {}
    current = ""
    for row in rows[1:]:
        cells = {i: c.strip() for i, c in enumerate(row)}
        current = cells.get(name, "") or current
        known = found.get(current) or Variable(current, cells.get(label, ""))
        code, said = cells.get(value, ""), cells.get(meaning, "")
        if re.fullmatch(r"-?\d+|[A-Z]{1,3}", code) and said:
            known = replace(known, values={**known.values, code: said})
        found[current] = known
    return [v for v in found.values() if v.name]


def _head(heads: Sequence[str], pattern: str) -> int:
    return next((i for i, h in enumerate(heads) if re.search(pattern, h)), -1)


def _seen(
    session: duckdb.DuckDBPyConnection, names: Iterable[str], described: Mapping[str, Variable]
) -> Iterator[Seen]:
    folded = {n.lower(): v for n, v in described.items()}
    for name in names:
        trimmed = f"nullif(trim(CAST({quoted(name)} AS VARCHAR)), '')"
        text = f"regexp_replace({trimmed}, '^([+-]?[0-9]+)[.]0$', '\\1')"
        rows = session.execute(
            f"SELECT {text} AS v, count(*) AS n FROM looked WHERE {text} IS NOT NULL "
            f"GROUP BY v ORDER BY n DESC, v LIMIT {_VALUES}"
        ).fetchall()
        distinct, filled = session.execute(
            f"SELECT count(DISTINCT {text}), count({text}) FROM looked"
        ).fetchall()[0]
        variable = replace(folded.get(name.lower(), Variable(name)), name=name)
        yield Seen(variable, tuple((str(v), int(n)) for v, n in rows), int(distinct), int(filled))


def _key(session: duckdb.DuckDBPyConnection, seen: Sequence[Seen], rows: int) -> tuple[str, ...]:
    """The fewest identifying columns that tell ``rows`` rows apart together, in the order of the file."""
    named = [c for c in seen if 1 < c.distinct < rows == c.filled and _is_identifier(c)]
    for size in range(2, _KEY_COLUMNS + 1):
        for columns in combinations(named[:_KEY_CANDIDATES], size):
            if prod(c.distinct for c in columns) < rows:
                continue
            listed = ", ".join(quoted(c.name) for c in columns)
            sql = f"SELECT count(*) FROM (SELECT DISTINCT {listed} FROM looked)"
            if session.execute(sql).fetchall()[0][0] == rows:
                return tuple(c.name for c in columns)
    return ()


def _is_identifier(column: Seen) -> bool:
    spelt = re.sub(r"[_\W\d]+", " ", f"{column.name} {column.variable.label}".lower())
    return bool(_IDENTIFIER.search(spelt))
