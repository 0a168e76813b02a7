"""Files and folders that appear whole or not at all, and their checksums.

A file is written beside its place, flushed to the disk and renamed; a folder is filled beside its place
and renamed. A process that dies in between leaves a `.part` behind, which the next run removes, and never
half a file under the final name.
"""

from __future__ import annotations

import errno
import hashlib
import json
import os
import shutil
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from caudal.errors import CaudalError, problem

PART = ".part"


def sha256_bytes(data: bytes) -> str:
    """Hexadecimal SHA-256 of ``data``.

    >>> sha256_bytes(b"")[:8]
    'e3b0c442'
    """
    return hashlib.sha256(data).hexdigest()


def sha256_file(path: Path) -> str:
    """Hexadecimal SHA-256 of a file, read in blocks."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def canonical_json(value: Any) -> bytes:
    """JSON with sorted keys and no free choices: equal values, equal bytes.

    >>> canonical_json({"b": 1, "a": "ñ"})
    b'{"a":"\\xc3\\xb1","b":1}'
    """
    return json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode()


@contextmanager
def writing(path: Path) -> Iterator[Path]:
    """A path to write to; when the block ends well, the file stands at ``path``, whole.

    Raises :class:`CaudalError` (environment) when the disk is full; what was half written is removed.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(path.name + PART)
    try:
        yield part
        _flush(part)
        part.replace(path)
        _flush_folder(path.parent)
    except OSError as error:
        part.unlink(missing_ok=True)
        raise _disk_problem(error, path) from error
    except BaseException:
        part.unlink(missing_ok=True)
        raise


@contextmanager
def writing_folder(path: Path) -> Iterator[Path]:
    """A folder to fill; when the block ends well, it stands at ``path``, whole. ``path`` must not exist."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(path.name + PART)
    shutil.rmtree(part, ignore_errors=True)
    try:
        part.mkdir()
        yield part
        for file in sorted(p for p in part.rglob("*") if p.is_file()):
            _flush(file)
        for folder in (part, *sorted(p for p in part.rglob("*") if p.is_dir())):
            _flush_folder(folder)
        part.rename(path)
        _flush_folder(path.parent)
    except OSError as error:
        shutil.rmtree(part, ignore_errors=True)
        raise _disk_problem(error, path) from error
    except BaseException:
        shutil.rmtree(part, ignore_errors=True)
        raise


def blocks(lines: Iterable[str], most: int = 4_000) -> Iterator[bytes]:
    """``lines``, which end as they are, in UTF-8 and in blocks of at most so many.

    >>> list(blocks(["a\\n", "ñ\\n", "c\\n"], most=2))
    [b'a\\n\\xc3\\xb1\\n', b'c\\n']
    """
    waiting = iter(lines)
    while block := "".join(islice(waiting, most)):
        yield block.encode()


def write_bytes(path: Path, data: bytes) -> None:
    """``data`` at ``path``, whole or not at all."""
    with writing(path) as part:
        part.write_bytes(data)


def write_json(path: Path, value: Any) -> None:
    """``value`` as readable JSON with a fixed order of keys."""
    text = json.dumps(value, ensure_ascii=False, sort_keys=True, indent=1)
    write_bytes(path, text.encode() + b"\n")


def write_table(path: Path, table: pa.Table) -> None:
    """``table`` as Parquet: same rows, same bytes (fixed row groups, compression and no clock)."""
    with writing(path) as part:
        pq.write_table(table, part, compression="zstd", row_group_size=122_880, store_schema=True)


def remove_parts(folder: Path) -> None:
    """Removes what a killed process left half written in ``folder``."""
    for part in folder.rglob(f"*{PART}"):
        shutil.rmtree(part) if part.is_dir() else part.unlink()


def free_bytes(folder: Path) -> int:
    """Free space of the disk that holds ``folder`` (or its nearest existing parent)."""
    existing = next(p for p in (folder.absolute(), *folder.absolute().parents) if p.exists())
    return shutil.disk_usage(existing).free


def _disk_problem(error: OSError, path: Path) -> BaseException:
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return CaudalError(problem("disk-full", where=str(path), free=f"{free_bytes(path.parent):,}"))
    return error


def _flush(path: Path) -> None:
    with path.open("rb") as stream:
        os.fsync(stream.fileno())


def _flush_folder(path: Path) -> None:
    if os.name == "nt":  # Windows cannot open a folder; its rename is durable enough
        return
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
