"""Delimited text: one pass from packed bytes in any encoding to Parquet, all columns text, rows numbered.

What it refuses to do: to guess. Separator, encoding and header are declared; what contradicts the
declaration is an error, or, for single rows, a rejected row with its number. A blank cell is null.
"""

from __future__ import annotations

import csv
import io
import re
from collections import Counter
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.csv as pacsv
import pyarrow.parquet as pq

from caudal.collect.contract import RAW_ROW, RawFile, RawTable, Rejected, doubled
from caudal.collect.streams import as_utf8
from caudal.errors import CaudalError, problem
from caudal.model.source import DelimitedFormat

_BLOCK = 16 << 20
_DATA = "data.parquet"
#: Above this share of rows that do not fit the header, the header (or the separator) is wrong, not the rows.
_SHIFTED = 0.5


def open_table(file: RawFile, spec: DelimitedFormat, expected: Collection[str], target: Path) -> RawTable:
    """Reads ``file`` to ``target/data.parquet``.

    Raises :class:`CaudalError`: wrong encoding, truncated or empty file, archive that explodes, header that
    is not there or doubled, rows shifted against the header.
    """
    with as_utf8(file.path, spec.encoding, member=spec.member) as stream:
        names = _header(stream, spec, expected, file.name)
        reading = _Reading(len(names))
        rows = _write(_batches(stream, names, spec, reading, file.name), names, spec, reading, target / _DATA)
        if rows or reading.rejected or not file.may_be_empty:
            _check_rows(reading, rows, file.name, spec)
    columns = dict.fromkeys(names, "VARCHAR")
    facts: dict[str, str | int] = {
        "encoding": spec.encoding,
        "footer_rows": min(spec.footer, reading.seen),
        "format": "delimited",
    }
    return RawTable(
        f"SELECT * FROM read_parquet('{{folder}}/{_DATA}')", columns, rows, tuple(reading.kept()), facts
    )


def _header(
    stream: io.BufferedReader, spec: DelimitedFormat, expected: Collection[str], where: str
) -> tuple[str, ...]:
    for _ in range(spec.skip):
        stream.readline()
    if not spec.header:
        if not spec.columns:
            raise CaudalError(problem("header-undeclared", where=where))
        return spec.columns
    cells = _record(stream, spec)
    names = tuple(_column_name(cell, i) for i, cell in enumerate(cells))
    if double := doubled(names):
        raise CaudalError(problem("header-doubled", where=where, found=double))
    if expected and not set(expected) & set(names):
        code = "header-missing" if _looks_like_data(cells) else "header-other"
        raise CaudalError(
            problem(code, where=where, found=list(names), allowed=list(expected), separator=spec.separator)
        )
    return names


def _record(stream: io.BufferedReader, spec: DelimitedFormat) -> list[str]:
    line = stream.readline().decode()
    while spec.quote and line.count(spec.quote) % 2 and (more := stream.readline().decode()):
        line += more
    cells = csv.reader([line], delimiter=_separator(spec), quotechar=spec.quote or "\0")
    return next(cells, [])


def _separator(spec: DelimitedFormat) -> str:
    return "\t" if spec.separator in ("\\t", "tab") else spec.separator


def _column_name(cell: str, index: int) -> str:
    return " ".join(cell.split()) or f"column_{index + 1}"


def _looks_like_data(cells: list[str]) -> bool:
    return any(re.fullmatch(r"-?[\d.,]+", cell.strip()) for cell in cells)


@dataclass
class _Reading:
    """Rows that did not fit, while the file is read."""

    expected: int
    seen: int = 0
    rejected: list[Rejected] = field(default_factory=list)

    def reject(self, row: pacsv.InvalidRow) -> str:
        self.rejected.append(Rejected(int(row.number), row.expected_columns, row.actual_columns))
        return "skip"

    def kept(self) -> Iterator[Rejected]:
        """Rejected rows that are data: a footer is not."""
        return (r for r in self.rejected if r.raw_row <= self.seen)


def _batches(
    stream: io.BufferedReader, names: tuple[str, ...], spec: DelimitedFormat, reading: _Reading, where: str
) -> Iterator[pa.RecordBatch]:
    read = pacsv.ReadOptions(column_names=list(names), block_size=_BLOCK, use_threads=False)
    parse = pacsv.ParseOptions(
        delimiter=_separator(spec),
        quote_char=spec.quote or False,
        newlines_in_values=bool(spec.quote),
        invalid_row_handler=reading.reject,
    )
    convert = pacsv.ConvertOptions(
        column_types=dict.fromkeys(names, pa.string()),
        strings_can_be_null=True,
        quoted_strings_can_be_null=True,
        null_values=[""],
    )
    if not stream.peek(1):
        return
    try:
        yield from pacsv.open_csv(stream, read_options=read, parse_options=parse, convert_options=convert)
    except pa.ArrowInvalid as error:
        detail = str(error).split("\n", 1)[0]
        raise CaudalError(problem("text-malformed", where=where, detail=detail)) from error


def _write(
    batches: Iterator[pa.RecordBatch],
    names: tuple[str, ...],
    spec: DelimitedFormat,
    reading: _Reading,
    path: Path,
) -> int:
    """Writes the rows, numbered, without the footer; returns how many."""
    schema = pa.schema([*(pa.field(n, pa.string()) for n in names), pa.field(RAW_ROW, pa.int64())])
    written, held, pending = 0, 0, list[pa.RecordBatch]()
    with pq.ParquetWriter(path, schema, compression="zstd", compression_level=1) as writer:
        for batch in batches:
            numbered = _numbered(batch, written + held, reading, schema)
            pending.append(numbered)
            held += numbered.num_rows
            while pending and held - pending[0].num_rows >= spec.footer:
                first = pending.pop(0)
                held -= first.num_rows
                written += first.num_rows
                writer.write_batch(first)
        rest = pa.Table.from_batches(pending, schema)
        total = written + held + len(reading.rejected)
        reading.seen = max(total - spec.footer, 0)
        rest = rest.filter(pa.compute.less_equal(rest.column(RAW_ROW), reading.seen))
        writer.write_table(rest)
    return written + int(rest.num_rows)


def _numbered(batch: pa.RecordBatch, before: int, reading: _Reading, schema: pa.Schema) -> pa.RecordBatch:
    """The batch with the number of each row in the file, counting the rejected rows among them."""
    index = np.arange(before + 1, before + batch.num_rows + 1, dtype=np.int64)
    places = np.sort(np.array([r.raw_row for r in reading.rejected], dtype=np.int64))
    fitting_before = places - 1 - np.arange(len(places))  # rows that fit, before each that does not
    numbers = index + np.searchsorted(fitting_before, index, side="left")
    return pa.RecordBatch.from_arrays([*batch.columns, pa.array(numbers)], schema=schema)


def _check_rows(reading: _Reading, rows: int, where: str, spec: DelimitedFormat) -> None:
    rejected = list(reading.kept())
    if not rows and not rejected:
        raise CaudalError(problem("file-empty", where=where))
    if len(rejected) > _SHIFTED * (rows + len(rejected)):
        fields = Counter(r.found for r in rejected).most_common(1)[0][0]
        raise CaudalError(
            problem(
                "rows-shifted",
                where=where,
                expected=reading.expected,
                found=fields,
                rows=f"{len(rejected):,}",
                separator=spec.separator,
            )
        )
