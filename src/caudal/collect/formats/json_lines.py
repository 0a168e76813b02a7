"""JSON lines: one object a line, read in blocks; numbers keep the digits that the file writes.

The standard library reads each line, because readers that guess types make dates of texts and drop zeros.
Objects inside objects are named with a point; lists become JSON text. A column may appear in some lines
only. A line that is no object is rejected with its number; a file of which most lines are none is refused.
"""

from __future__ import annotations

import io
import json
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from caudal.collect.contract import RAW_ROW, RawFile, RawTable, Rejected, doubled
from caudal.collect.streams import as_utf8
from caudal.engine.session import quoted
from caudal.errors import CaudalError, problem
from caudal.model.source import JsonLinesFormat

ENDINGS = (".jsonl", ".ndjson")
_BLOCK = 50_000
_BROKEN = 0.5
_DECODER = json.JSONDecoder(parse_float=str, parse_int=str, parse_constant=str)


def open_table(file: RawFile, spec: JsonLinesFormat, expected: Collection[str], target: Path) -> RawTable:
    """Reads ``file`` to ``target/part-*.parquet``, all columns text."""
    columns: dict[str, None] = {}
    rejected: list[Rejected] = []
    rows = 0
    with as_utf8(file.path, spec.encoding, member=spec.member) as stream:
        for number, block in enumerate(_blocks(stream, rejected)):
            names = dict.fromkeys(n for _, row in block for n in row)
            columns |= names
            table = {n: pa.array([row.get(n) for _, row in block], pa.string()) for n in names}
            table[RAW_ROW] = pa.array([place for place, _ in block], pa.int64())
            pq.write_table(pa.table(table), target / f"part-{number:06}.parquet", compression="zstd")
            rows += len(block)
    if not rows and not rejected:
        raise CaudalError(problem("file-empty", where=file.name))
    if len(rejected) > _BROKEN * (rows + len(rejected)):
        raise CaudalError(
            problem("lines-not-json", where=file.name, lines=f"{len(rejected):,}", first=rejected[0].raw_row)
        )
    if double := doubled(columns):
        raise CaudalError(problem("header-doubled", where=file.name, found=double))
    shown = ", ".join(quoted(c) for c in (*columns, RAW_ROW))
    relation = f"SELECT {shown} FROM read_parquet('{{folder}}/part-*.parquet', union_by_name = true)"
    facts: dict[str, str | int] = {"format": "json_lines", "encoding": spec.encoding}
    return RawTable(relation, dict.fromkeys(columns, "VARCHAR"), rows, tuple(rejected), facts)


def _blocks(
    stream: io.BufferedReader, rejected: list[Rejected]
) -> Iterator[list[tuple[int, dict[str, str | None]]]]:
    block: list[tuple[int, dict[str, str | None]]] = []
    for place, line in enumerate(stream, 1):
        if not line.strip():
            continue
        row = _row(line)
        if row is None:
            rejected.append(Rejected(place, 1, 0))
            continue
        block.append((place, row))
        if len(block) == _BLOCK:
            yield block
            block = []
    if block:
        yield block


def _row(line: bytes) -> dict[str, str | None] | None:
    try:
        value = _DECODER.decode(line.decode())
    except ValueError:
        return None
    return dict(_flat(value, "")) if isinstance(value, dict) else None


def _flat(value: Mapping[str, Any], before: str) -> Iterator[tuple[str, str | None]]:
    for name, part in value.items():
        if isinstance(part, dict):
            yield from _flat(part, f"{before}{name}.")
        else:
            yield f"{before}{name}", _text(part)


def _text(value: Any) -> str | None:
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "TRUE" if value else "FALSE"
    return json.dumps(value, ensure_ascii=False)
