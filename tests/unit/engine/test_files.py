"""Files and folders appear whole or not at all."""

from __future__ import annotations

import errno
from pathlib import Path

import pyarrow as pa
import pytest

from caudal.engine import files
from caudal.errors import CaudalError


def test_a_file_that_fails_half_way_leaves_the_old_one(tmp_path: Path) -> None:
    place = tmp_path / "figure.txt"
    files.write_bytes(place, b"old")
    with pytest.raises(RuntimeError), files.writing(place) as part:
        part.write_bytes(b"half of the n")
        raise RuntimeError("the process ends here")
    assert place.read_bytes() == b"old"
    assert [p.name for p in tmp_path.iterdir()] == ["figure.txt"]


def test_a_folder_that_fails_half_way_is_not_there(tmp_path: Path) -> None:
    place = tmp_path / "release"
    with pytest.raises(RuntimeError), files.writing_folder(place) as part:
        (part / "a").write_bytes(b"a")
        raise RuntimeError("the process ends here")
    assert not list(tmp_path.iterdir())


def test_a_folder_is_never_overwritten(tmp_path: Path) -> None:
    place = tmp_path / "release"
    with files.writing_folder(place) as part:
        (part / "a").write_bytes(b"first")
    with pytest.raises(OSError), files.writing_folder(place) as part:
        (part / "a").write_bytes(b"second")
    assert (place / "a").read_bytes() == b"first"


def test_what_a_killed_process_left_is_removed(tmp_path: Path) -> None:
    (tmp_path / f"a{files.PART}").write_bytes(b"half")
    (tmp_path / "deep" / f"b{files.PART}").mkdir(parents=True)
    (tmp_path / "whole").write_bytes(b"whole")
    files.remove_parts(tmp_path)
    assert sorted(p.name for p in tmp_path.rglob("*")) == ["deep", "whole"]


def test_a_full_disk_is_said_clearly_and_leaves_the_old_file(tmp_path: Path) -> None:
    place = tmp_path / "figure.txt"
    files.write_bytes(place, b"old")
    with pytest.raises(CaudalError) as caught, files.writing(place):
        raise OSError(errno.ENOSPC, "No space left on device")
    assert caught.value.problems[0].code == "disk-full"
    assert caught.value.problems[0].retry
    assert place.read_bytes() == b"old"


def test_another_error_of_the_disk_is_not_called_a_full_disk(tmp_path: Path) -> None:
    with pytest.raises(PermissionError), files.writing(tmp_path / "x"):
        raise PermissionError(errno.EACCES, "no")


def test_the_same_table_gives_the_same_bytes(tmp_path: Path) -> None:
    table = pa.table({"a": ["x", "y"] * 1000, "b": list(range(2000))})
    files.write_table(tmp_path / "one.parquet", table)
    files.write_table(tmp_path / "two.parquet", pa.concat_tables([table.slice(0, 7), table.slice(7)]))
    assert (tmp_path / "one.parquet").read_bytes() == (tmp_path / "two.parquet").read_bytes()
