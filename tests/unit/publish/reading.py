"""What a reader who looks into every byte finds in a file of a site: archives opened, columns unpacked."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Iterator, Mapping

import pyarrow.parquet as pq


def texts(path: str, data: bytes) -> Iterator[tuple[str, str]]:
    """All text of a file with where it stands; that of its members, for an archive."""
    if path.endswith((".zip", ".xlsx", ".docx")):
        with zipfile.ZipFile(io.BytesIO(data)) as packed:
            for name in packed.namelist():
                yield from texts(f"{path}!{name}", packed.read(name))
    elif path.endswith(".parquet"):
        yield path, json.dumps(pq.read_table(io.BytesIO(data)).to_pylist(), ensure_ascii=False)
    elif path.endswith((".pdf", ".png", ".ttf", ".woff2")):
        yield path, data.decode("latin-1")
    else:
        yield path, data.decode()


def all_texts(files: Mapping[str, bytes]) -> Iterator[tuple[str, str]]:
    """All text of all files."""
    for path, data in files.items():
        yield from texts(path, data)
