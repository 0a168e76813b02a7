"""Any table that can be written as text is read back as it was."""

from __future__ import annotations

import csv
import gzip
import io
import tempfile
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from caudal.collect import RawFile, open_table
from caudal.engine.cache import Cache
from caudal.engine.session import connect
from caudal.model.source import DelimitedFormat

# What a spreadsheet writes: letters of the region's languages, quotes, separators, line ends within a cell.
CELL = st.text(st.sampled_from("abcñÁõ 0123456789-,;\t\"'\n."), max_size=8).map(str.strip)
TABLES = st.lists(st.tuples(CELL, CELL, CELL), min_size=1, max_size=30)


def written(table: list[tuple[str, ...]], separator: str, encoding: str) -> bytes:
    stream = io.StringIO(newline="")
    writer = csv.writer(stream, delimiter=separator, lineterminator="\n", quoting=csv.QUOTE_ALL)
    writer.writerows([("a", "b", "c"), *table])
    return stream.getvalue().encode(encoding)


def read(data: bytes, separator: str, encoding: str) -> tuple[list[tuple[str | None, ...]], int]:
    with tempfile.TemporaryDirectory() as place:
        path = Path(place) / "t"
        path.write_bytes(data)
        spec = DelimitedFormat(type="delimited", separator=separator, encoding=encoding)
        table = open_table(RawFile("t", path, "x", len(data), "2020"), spec, cache=Cache(Path(place) / "c"))
        with connect(threads=1) as session:
            return session.execute(
                f"SELECT a, b, c FROM ({table.relation}) ORDER BY raw_row"
            ).fetchall(), len(table.rejected)


@settings(max_examples=25, deadline=None)
@given(TABLES, st.sampled_from([",", ";", "\t", "|"]), st.sampled_from(["utf-8", "utf-16"]), st.booleans())
def test_what_was_written_is_read(
    table: list[tuple[str, ...]], separator: str, encoding: str, packed: bool
) -> None:
    data = written(table, separator, encoding)
    found, rejected = read(gzip.compress(data) if packed else data, separator, encoding)
    assert found == [tuple(cell or None for cell in row) for row in table]
    assert rejected == 0


@settings(max_examples=20, deadline=None)
@given(st.lists(st.integers(1, 4), min_size=1, max_size=60))
def test_every_row_is_read_or_rejected_under_its_own_number(widths: list[int]) -> None:
    if sum(w != 3 for w in widths) * 2 > len(widths):
        widths = [*widths, *[3] * len(widths)]
    data = "a,b,c\n" + "".join(",".join(f"r{n}" for _ in range(w)) + "\n" for n, w in enumerate(widths, 1))
    found, rejected = read(data.encode(), ",", "utf-8")
    assert [row[0] for row in found] == [f"r{n}" for n, w in enumerate(widths, 1) if w == 3]
    assert rejected == sum(w != 3 for w in widths)
