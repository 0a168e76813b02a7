"""Delimited text, whatever it is packed and written in."""

from __future__ import annotations

import gzip
import io
import zipfile
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from caudal.collect import RawFile, RawTable, open_table
from caudal.collect.formats import delimited
from caudal.engine.cache import Cache
from caudal.engine.files import sha256_bytes
from caudal.engine.session import connect
from caudal.model.source import DelimitedFormat


def read(tmp_path: Path, data: bytes, **options: Any) -> tuple[RawTable, list[tuple[Any, ...]]]:
    path = tmp_path / "table.txt"
    path.write_bytes(data)
    file = RawFile(path.name, path, sha256_bytes(data), len(data), "2020")
    expected = options.pop("expected", ())
    spec = DelimitedFormat(type="delimited", **options)
    table = open_table(file, spec, cache=Cache(tmp_path / "cache"), expected=expected)
    with connect(threads=1) as session:
        return table, session.execute(table.relation).fetchall()


def test_plain(tmp_path: Path) -> None:
    table, rows = read(tmp_path, b"a,b\n1,x\n,y\n")
    assert list(table.columns) == ["a", "b"]
    assert rows == [("1", "x", 1), (None, "y", 2)]


@pytest.mark.parametrize("packing", ["gzip", "zip"])
def test_packed(tmp_path: Path, packing: str) -> None:
    data = "nombre;edad\nPeñafiel;3\n".encode("latin-1")
    if packing == "gzip":
        packed = gzip.compress(data)
    else:
        stream = io.BytesIO()
        with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("leame.txt", "no")
            archive.writestr("tabla.csv", data)
        packed = stream.getvalue()
    member = "tabla.csv" if packing == "zip" else ""
    _, rows = read(tmp_path, packed, separator=";", encoding="latin-1", member=member)
    assert rows == [("Peñafiel", "3", 1)]


def test_byte_order_mark_is_dropped(tmp_path: Path) -> None:
    table, _ = read(tmp_path, b"\xef\xbb\xbfa,b\n1,2\n")
    assert list(table.columns) == ["a", "b"]


def test_utf16(tmp_path: Path) -> None:
    _, rows = read(tmp_path, "a\tb\nñ\t2\n".encode("utf-16"), separator="\\t", encoding="utf-16")
    assert rows == [("ñ", "2", 1)]


def test_title_above_footer_below(tmp_path: Path) -> None:
    table, rows = read(
        tmp_path, b"A title\nSource: us\na,b\n1,2\n3,4\nTotal,6\nSource: us\n", skip=2, footer=2
    )
    assert rows == [("1", "2", 1), ("3", "4", 2)]
    assert table.rejected == ()


def test_footer_shorter_than_declared_is_never_data(tmp_path: Path) -> None:
    _, rows = read(tmp_path, b"a,b\n1,2\n3,4\nTotal\n", footer=1)
    assert rows == [("1", "2", 1), ("3", "4", 2)]


def test_without_header_and_without_last_newline(tmp_path: Path) -> None:
    _, rows = read(tmp_path, b"1,2\n3,4", header=False, columns=("a", "b"))
    assert rows == [("1", "2", 1), ("3", "4", 2)]


def test_quotes_separators_and_lines_inside_a_cell(tmp_path: Path) -> None:
    _, rows = read(tmp_path, b'"a;1";b\n"x;\ny";"say ""no"""\n', separator=";")
    assert rows == [("x;\ny", 'say "no"', 1)]


def test_no_quotation_mark(tmp_path: Path) -> None:
    _, rows = read(tmp_path, b'a|b\n5" pipe|2\n', separator="|", quote="")
    assert rows == [('5" pipe', "2", 1)]


def test_rows_that_differ_from_the_header_are_rejected_by_number(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(delimited, "_BLOCK", 64)  # many blocks: numbers run on across them
    lines = [f"{i},x{i}" if i % 7 else f"{i},x,y" for i in range(1, 101)]
    table, rows = read(tmp_path, ("a,b\n" + "\n".join(lines) + "\n").encode())
    assert [r.raw_row for r in table.rejected] == [i for i in range(1, 101) if i % 7 == 0]
    assert [(int(a), n) for a, _, n in rows] == [(i, i) for i in range(1, 101) if i % 7]
    assert {(r.expected, r.found) for r in table.rejected} == {(2, 3)}


def test_read_once(tmp_path: Path) -> None:
    first, _ = read(tmp_path, b"a\n1\n")
    stored = next((tmp_path / "cache").rglob("data.parquet"))
    before = stored.stat().st_mtime_ns
    again, _ = read(tmp_path, b"a\n1\n")
    assert again == first
    assert stored.stat().st_mtime_ns == before


def test_same_bytes_give_the_same_parquet(tmp_path: Path) -> None:
    data = b"a,b\n" + b"".join(b"%d,%d\n" % (i, i * i) for i in range(1000))
    stored = []
    for place in ("one", "two"):
        (tmp_path / place).mkdir()
        read(tmp_path / place, data)
        stored.append(next((tmp_path / place).rglob("data.parquet")))
    assert stored[0].read_bytes() == stored[1].read_bytes()
    assert pq.read_table(stored[0]).num_rows == 1000


def test_line_ends_of_windows(tmp_path: Path) -> None:
    table, rows = read(tmp_path, b"a,b\r\n1,x\r\n2,\r\n")
    assert list(table.columns) == ["a", "b"]
    assert rows == [("1", "x", 1), ("2", None, 2)]
