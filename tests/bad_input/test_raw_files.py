"""Files that are not what they should be: each is a clear error, or rows set aside with a reason."""

from __future__ import annotations

import gzip
import io
import struct
import zipfile
from pathlib import Path

import openpyxl
import pytest

from caudal.collect import streams
from caudal.collect.streams import Limits, unpacked
from caudal.errors import CaudalError, Problem
from tests.raw_country import PERSONS, MadeCountry, rows


def refused(tmp_path: Path, data: bytes, spec: str = PERSONS) -> Problem:
    return MadeCountry(tmp_path, spec, {"persons.csv": data}).problem()


def zipped(data: bytes, name: str = "persons.csv") -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(name, data)
    return stream.getvalue()


LATIN = "id,sex\nMuñoz,1\nIbáñez,2\n".encode("latin-1")


def test_latin_1_declared_as_utf_8(tmp_path: Path) -> None:
    found = refused(tmp_path, LATIN)
    assert (found.code, found.facts["declared"], found.facts["works"]) == (
        "encoding-wrong",
        "utf-8",
        "windows-1252",
    )
    fixed = PERSONS.replace("{type: delimited}", "{type: delimited, encoding: windows-1252}")
    assert MadeCountry(tmp_path / "b", fixed, {"persons.csv": LATIN}).records()["sex_code"] == ["M", "F"]


def test_utf_8_declared_as_latin_1(tmp_path: Path) -> None:
    spec = PERSONS.replace("{type: delimited}", "{type: delimited, encoding: latin-1}")
    found = refused(tmp_path, "id,sex\nMuñoz,1\n".encode(), spec)
    assert (found.code, found.facts["works"]) == ("encoding-wrong", "utf-8")


def test_utf_16_declared_as_utf_8(tmp_path: Path) -> None:
    assert refused(tmp_path, "id,sex\na,1\n".encode("utf-16")).facts["works"] == "utf-16"


def test_bytes_that_are_no_text(tmp_path: Path) -> None:
    found = refused(tmp_path, b"id,sex\n\x00\xff\x81,1\n")
    assert found.code == "encoding-wrong"


def test_an_encoding_that_does_not_exist(tmp_path: Path) -> None:
    spec = PERSONS.replace("{type: delimited}", "{type: delimited, encoding: utf8mb9}")
    assert refused(tmp_path, b"id,sex\na,1\n", spec).code == "encoding-unknown"


def test_truncated_gzip(tmp_path: Path) -> None:
    packed = gzip.compress(b"id,sex\n" + b"".join(b"%d,1\n" % i for i in range(50_000)))
    found = refused(tmp_path, packed[: len(packed) // 2])
    assert found.code == "file-truncated"
    assert found.retry


def test_truncated_zip(tmp_path: Path) -> None:
    packed = zipped(b"id,sex\n" + b"".join(b"%d,1\n" % i for i in range(5_000)))
    assert refused(tmp_path, packed[:-40]).code == "file-truncated"


def test_damaged_gzip(tmp_path: Path) -> None:
    packed = bytearray(gzip.compress(b"id,sex\n" + b"".join(b"%d,1\n" % i for i in range(5_000))))
    packed[-6] ^= 0xFF  # the checksum
    assert refused(tmp_path, bytes(packed)).code == "file-truncated"


def test_truncated_parquet_and_workbook(tmp_path: Path) -> None:
    spec = PERSONS.replace("{type: delimited}", "{type: parquet}")
    assert refused(tmp_path, b"PAR1 and then nothing", spec).code == "file-truncated"
    book = io.BytesIO()
    openpyxl.Workbook().save(book)
    spec = PERSONS.replace("{type: delimited}", "{type: excel}")
    assert refused(tmp_path / "b", book.getvalue()[:-50], spec).code == "file-truncated"


def test_plain_text_cut_in_its_last_row(tmp_path: Path) -> None:
    done = MadeCountry(tmp_path, files={"persons.csv": "id,sex\na,1\nb"}).harmonise()
    assert rows(done.quarantine) == {"raw_row": [2], "reason": ["fields-differ-from-header:1-of-2"]}
    assert done.reconciliation.quarantined_by_reason == {"fields-differ-from-header": 1}


def test_zip_bomb_that_says_so_is_not_unpacked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def never(*_: object) -> None:
        raise AssertionError("it was unpacked")

    packed = zipped(b"0" * 100_000_000)
    monkeypatch.setattr(zipfile.ZipFile, "open", never)
    assert refused(tmp_path, packed).code == "archive-bomb"


def test_zip_bomb_that_lies_stops_while_unpacking(tmp_path: Path) -> None:
    packed = bytearray(zipped(b"0" * 5_000_000))
    for signature, place in ((b"PK\x01\x02", 24), (b"PK\x03\x04", 22)):
        packed_at = packed.index(signature) + place
        packed[packed_at : packed_at + 4] = struct.pack("<I", 100)  # it says 100 bytes
    path = tmp_path / "lies.zip"
    path.write_bytes(bytes(packed))
    with (
        pytest.raises(CaudalError) as caught,
        unpacked(path, limits=Limits(ratio=10, free=1000, size=1 << 30)) as chunks,
    ):
        assert sum(len(c) for c in chunks) <= 1000
    assert caught.value.problems[0].code in ("archive-bomb", "file-truncated")


def test_gzip_bomb_stops_while_unpacking(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "bomb.gz"
    path.write_bytes(gzip.compress(b"0" * 20_000_000))
    seen = 0
    with (
        pytest.raises(CaudalError) as caught,
        unpacked(path, limits=Limits(ratio=100, free=1 << 20, size=1 << 30)) as chunks,
    ):
        for chunk in chunks:
            seen += len(chunk)
    assert caught.value.problems[0].code == "archive-bomb"
    assert seen <= path.stat().st_size * 100 + streams.CHUNK


def test_an_archive_of_several_files_needs_one_named(tmp_path: Path) -> None:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        archive.writestr("a.csv", "id,sex\na,1\n")
        archive.writestr("b.csv", "id,sex\nb,1\n")
    found = refused(tmp_path, stream.getvalue())
    assert (found.code, found.facts["allowed"]) == ("archive-member", ["a.csv", "b.csv"])


@pytest.mark.parametrize("data", [b"", b"id,sex\n", b"id,sex\n\n\n", gzip.compress(b"", mtime=0)])
def test_empty_file(tmp_path: Path, data: bytes) -> None:
    assert refused(tmp_path, data).code == "file-empty"


def test_missing_column(tmp_path: Path) -> None:
    found = refused(tmp_path, b"id,sexo\na,1\n")
    assert (found.code, found.facts["found"], found.facts["nearest"]) == ("column-missing", "sex", "sexo")
    assert found.where == "persons.csv"


def test_missing_header(tmp_path: Path) -> None:
    found = refused(tmp_path, b"a,1\nb,2\n")
    assert found.code == "header-missing"
    assert "header: false" in found.text()


def test_another_separator(tmp_path: Path) -> None:
    found = refused(tmp_path, b"id;sex\na;1\n")
    assert found.code == "header-other"
    assert 'now ","' in found.text()


def test_a_header_with_one_name_twice(tmp_path: Path) -> None:
    assert refused(tmp_path, b"id,sex,sex\na,1,2\n").facts["found"] == ["sex", "sex"]
    assert refused(tmp_path / "b", b"id,sex,Sex\na,1,2\n").facts["found"] == ["sex", "Sex"]
    assert refused(tmp_path / "c", b"id,sex,raw_row\na,1,2\n").facts["found"] == ["raw_row"]


def test_all_columns_shifted(tmp_path: Path) -> None:
    found = refused(tmp_path, b"id,sex\n" + b"".join(b"%d,x,1\n" % i for i in range(10)))
    assert (found.code, found.facts["expected"], found.facts["found"]) == ("rows-shifted", 2, 3)


def test_some_rows_shifted(tmp_path: Path) -> None:
    data = "id,sex\n" + "".join(f"{i},1\n" for i in range(8)) + "8,x,1\n9,1\n"
    done = MadeCountry(tmp_path, files={"persons.csv": data}).harmonise()
    assert rows(done.quarantine) == {"raw_row": [9], "reason": ["fields-differ-from-header:3-of-2"]}
    assert rows(done.records)["raw_row"] == [1, 2, 3, 4, 5, 6, 7, 8, 10]


def test_columns_shifted_under_a_full_header_block_the_release(tmp_path: Path) -> None:
    from caudal.harmonise import threshold_problems

    country = MadeCountry(
        tmp_path, files={"persons.csv": "sex,id\n" + "".join(f"p{i},1\n" for i in range(9))}
    )
    done = country.harmonise()
    found = {p.code for p in threshold_problems(country.source, done.reconciliation)}
    assert "too-many-quarantined" in found


def test_a_quotation_mark_that_never_closes(tmp_path: Path) -> None:
    data = b'id,sex\na,1\n"b,2\n' + b"c,1\n" * 20
    found = MadeCountry(tmp_path, files={"persons.csv": data})
    try:
        done = found.harmonise()
    except CaudalError as error:
        assert error.problems[0].code in ("text-malformed", "rows-shifted")
    else:
        assert done.reconciliation.quarantined > 0


def test_an_old_workbook(tmp_path: Path) -> None:
    spec = PERSONS.replace("{type: delimited}", "{type: excel}")
    assert refused(tmp_path, b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 500, spec).code == "workbook-old"
    assert refused(tmp_path / "b", b"", spec).code == "file-empty"
