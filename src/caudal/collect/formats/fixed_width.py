"""Text in columns of fixed width, cut as a dictionary (CSPro, DDI, a table) or a list of columns says.

The lines are written once, numbered; the cutting is SQL over them, so that an auditor reads where each
column stands. Lines of other records of the same dictionary are other tables. Lines longer than the record
are rejected one by one; blanks at the end of a line may be missing.

It refuses data that do not follow their dictionary, which a shifted position or the wrong edition makes
look like data all the same: types of record that the dictionary does not have, most lines of another
length, numbers that are none, values that most rows have and the dictionary's value set has not.
"""

from __future__ import annotations

import io
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.csv as pacsv
import pyarrow.parquet as pq

from caudal.collect.contract import LABEL, MISSING, RAW_ROW, RawFile, RawTable, Rejected, doubled
from caudal.collect.dictionaries import columns_layout, read_dictionary
from caudal.collect.streams import as_utf8
from caudal.collect.variables import Item, Layout, Variable
from caudal.engine.session import connect, literal, quoted
from caudal.errors import CaudalError, Problem, nearest, problem
from caudal.model.source import FixedWidthFormat

ENDINGS = (".dat", ".asc")
_LINES = "lines.parquet"
_BLOCK = 16 << 20
#: A character that no text holds: the whole line is one field.
_NEVER = "\x01"
#: Above this share of the rows that say something, the dictionary is wrong, not the rows.
_WRONG = 0.5


def open_table(file: RawFile, spec: FixedWidthFormat, expected: Collection[str], target: Path) -> RawTable:
    """Reads the record ``spec.record`` of ``file``.

    Raises :class:`CaudalError` with every way in which the data disagree with their dictionary.
    """
    layout = layout_of(file, spec)
    if double := doubled(i.variable.name for i in layout.items):
        raise CaudalError(problem("header-doubled", where=file.name, found=double))
    names = [i.variable.name for i in layout.items]
    absent = [n for n in spec.labels if n not in names]
    if absent:
        raise CaudalError(
            *(problem("column-missing", where=file.name, found=n, allowed=names, nearest=nearest(n, names))
              for n in absent)
        )  # fmt: skip
    with as_utf8(file.path, spec.encoding, member=spec.member) as stream:
        _write_lines(stream, target / _LINES)
    columns = {c: sql for item in layout.items for c, sql in _columns(item, spec).items()}
    fits = f"length(rtrim(line)) <= {layout.length} AND length(rtrim(line)) > 0"
    mine = f"{_type_of(layout)} = {literal(layout.record_type)}" if layout.record_type else "TRUE"
    shown = ",\n  ".join(f"{sql} AS {quoted(name)}" for name, sql in columns.items())
    relation = (
        f"SELECT {shown},\n  {RAW_ROW}\nFROM read_parquet('{{folder}}/{_LINES}') WHERE ({mine}) AND {fits}"
    )
    rows, rejected = _checked(file, layout, relation, mine, target)
    facts: dict[str, str | int] = {
        "format": "fixed_width",
        "encoding": spec.encoding,
        "length": layout.length,
    }
    return RawTable(relation, dict.fromkeys(columns, "VARCHAR"), rows, rejected, facts)


def layout_of(file: RawFile, spec: FixedWidthFormat) -> Layout:
    """How the lines of ``file`` are cut."""
    if spec.columns:
        return columns_layout(spec.columns)
    return read_dictionary(file.companion(spec.dictionary)).layout(spec.record, spec.dictionary)


def describe(file: RawFile, spec: FixedWidthFormat, scratch: Path) -> list[Variable]:
    """The variables of the record, as the dictionary describes them."""
    return [i.variable for i in layout_of(file, spec).items]


def _write_lines(stream: io.BufferedReader, path: Path) -> None:
    schema = pa.schema([("line", pa.string()), (RAW_ROW, pa.int64())])
    written = 0
    with pq.ParquetWriter(path, schema, compression="zstd", compression_level=1) as writer:
        for batch in _batches(stream):
            rows = pa.array(range(written + 1, written + batch.num_rows + 1), pa.int64())
            writer.write_batch(pa.RecordBatch.from_arrays([batch.column(0), rows], schema=schema))
            written += batch.num_rows


def _batches(stream: io.BufferedReader) -> Iterator[pa.RecordBatch]:
    if not stream.peek(1):
        return
    read = pacsv.ReadOptions(column_names=["line"], block_size=_BLOCK, use_threads=False)
    parse = pacsv.ParseOptions(delimiter=_NEVER, quote_char=False, ignore_empty_lines=False)
    convert = pacsv.ConvertOptions(column_types={"line": pa.string()}, strings_can_be_null=False)
    yield from pacsv.open_csv(stream, read_options=read, parse_options=parse, convert_options=convert)


def _type_of(layout: Layout) -> str:
    return f"trim(substring(line, {layout.type_start}, {layout.type_length}))"


def _columns(item: Item, spec: FixedWidthFormat) -> dict[str, str]:
    """The columns that an item becomes: itself, its missing values, its labels."""
    name, cut = item.variable.name, f"trim(substring(line, {item.start}, {item.length}))"
    found = {name: _with_decimals(cut, item)}
    if item.variable.missing:
        same = f"{_plain(cut, item)} IN ({_listed(item.variable.missing, item)})"
        found = {name: f"CASE WHEN {same} THEN NULL ELSE {found[name]} END"}
        found[name + MISSING] = f"CASE WHEN {same} THEN {cut} END"
    if name in spec.labels:
        branches = " ".join(
            f"WHEN {literal(_plain_value(v, item))} THEN {literal(label)}"
            for v, label in item.variable.values.items()
        )
        found[name + LABEL] = f"CASE {_plain(cut, item)} {branches} END" if branches else "NULL"
    return found


def _with_decimals(cut: str, item: Item) -> str:
    """Decimals that are only implied are made visible."""
    if not item.decimals or item.point:
        return cut
    padded = (
        f"lpad(replace({cut}, '-', ''), CAST(greatest(length({cut}), {item.decimals + 1}) AS INTEGER), '0')"
    )
    number = (
        f"CASE WHEN starts_with({cut}, '-') THEN '-' ELSE '' END || left({padded}, -{item.decimals}) || '.' "
        f"|| right({padded}, {item.decimals})"
    )
    return f"CASE WHEN regexp_full_match({cut}, '-?[0-9]+') THEN {number} ELSE {cut} END"


def _plain(cut: str, item: Item) -> str:
    """A code without the zeros that fill its columns."""
    return f"CAST(coalesce(CAST(TRY_CAST({cut} AS BIGINT) AS VARCHAR), {cut}) AS VARCHAR)" if (
        item.variable.numeric
    ) else cut  # fmt: skip


def _plain_value(value: str, item: Item) -> str:
    digits = value.strip()
    return str(int(digits)) if item.variable.numeric and digits.lstrip("-").isdigit() else digits


def _listed(values: Collection[str], item: Item) -> str:
    return ", ".join(literal(_plain_value(v, item)) for v in values)


def _checked(
    file: RawFile, layout: Layout, relation: str, mine: str, target: Path
) -> tuple[int, tuple[Rejected, ...]]:
    """Counts the rows, and refuses data that are not what the dictionary describes."""
    path = literal((target / _LINES).as_posix())
    lines = f"(SELECT line, {RAW_ROW} FROM read_parquet({path}) WHERE length(rtrim(line)) > 0)"
    with connect() as session:

        def ask(sql: str) -> list[tuple[Any, ...]]:
            return session.execute(sql).fetchall()

        found: list[Problem] = []
        total = ask(f"SELECT count(*) FROM {lines}")[0][0]
        if not total:
            raise CaudalError(problem("file-empty", where=file.name))
        found += _strange_types(file, layout, ask, lines)
        long = ask(
            f"SELECT {RAW_ROW}, length(rtrim(line)) FROM {lines} "
            f"WHERE ({mine}) AND length(rtrim(line)) > {layout.length} ORDER BY 1"
        )
        here = relation.replace("{folder}", str(target).replace("'", "''"))
        rows = int(ask(f"SELECT count(*) FROM ({here})")[0][0])
        if len(long) > _WRONG * (rows + len(long)):
            lengths = sorted({length for _, length in long})
            found.append(
                problem("lines-longer", where=file.name, lines=f"{len(long):,}", found=lengths[-1],
                        expected=layout.length)
            )  # fmt: skip
        elif rows:
            found += _wrong_values(file, layout, ask, here)
        if not rows and not found:
            found.append(problem("record-absent", where=file.name, found=layout.record_type))
    if found:
        raise CaudalError(*found)
    return rows, tuple(Rejected(int(r), layout.length, int(n)) for r, n in long)


def _strange_types(file: RawFile, layout: Layout, ask: Any, lines: str) -> list[Problem]:
    if not layout.record_type:
        return []
    known = ", ".join(literal(t) for t in layout.known_types)
    kind = _type_of(layout)
    strange = ask(
        f"SELECT {kind}, count(*) FROM {lines} WHERE {kind} NOT IN ({known}) GROUP BY ALL ORDER BY 2 DESC, 1"
    )
    if not strange:
        return []
    return [
        problem(
            "record-types",
            where=file.name,
            found=[t or "(blank)" for t, _ in strange[:10]],
            lines=f"{sum(n for _, n in strange):,}",
            allowed=list(layout.known_types),
            place=layout.type_start,
        )
    ]


def _wrong_values(file: RawFile, layout: Layout, ask: Any, relation: str) -> list[Problem]:
    """Items of which most values are not what the dictionary says."""
    judged = [i for i in layout.items if i.variable.numeric or i.variable.values]
    if not judged:
        return []
    counts = []
    for item in judged:
        name = quoted(item.variable.name)
        counts.append(f"count(nullif({name}, ''))")
        counts.append(f"count(*) FILTER (WHERE {name} <> '' AND NOT ({_allowed(item)}))")
    row = ask(f"SELECT {', '.join(counts)} FROM ({relation})")[0]
    found = []
    for i, item in enumerate(judged):
        said, wrong = int(row[2 * i]), int(row[2 * i + 1])
        if wrong > _WRONG * said:
            found.append(
                problem(
                    "dictionary-disagrees",
                    where=file.name,
                    found=item.variable.name,
                    place=f"{item.start}-{item.end}",
                    share=f"{wrong / said:.0%}",
                )
            )
    return found


def _allowed(item: Item) -> str:
    """SQL: the value is one that the dictionary allows."""
    name, variable = quoted(item.variable.name), item.variable
    number = f"TRY_CAST({name} AS DOUBLE)"
    if not variable.values and not variable.ranges:
        return f"{number} IS NOT NULL"
    parts = [f"{number} BETWEEN {low!r} AND {high!r}" for low, high in variable.ranges]
    codes = [v for v in variable.values if v.strip()]
    numbers = [float(c) for c in codes if _is_number(c)]
    if variable.numeric and numbers:
        parts.append(f"{number} IN ({', '.join(map(repr, numbers))})")
    if not variable.numeric and codes:
        parts.append(f"{name} IN ({', '.join(literal(c.strip()) for c in codes)})")
    return " OR ".join(f"coalesce({p}, FALSE)" for p in parts) or f"{number} IS NOT NULL"


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
