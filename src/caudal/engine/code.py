"""The version of the code, as a hash of its files: a changed line makes a changed hash."""

from __future__ import annotations

import hashlib
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import caudal

#: The rooms in the order in which data flows; each may import only those before it.
ROOMS = ("simulate", "collect", "harmonise", "link", "estimate", "protect", "publish")
#: Libraries whose version can change a figure or a byte.
_COMPUTING = ("duckdb", "highspy", "numba", "numpy", "pyarrow", "pyreadstat", "scipy")
_GROUND = ("errors.py", "model", "engine")


@cache
def code_sha256(room: str = "") -> str:
    """Hash of all code that ``room`` can depend on, and of the libraries that compute; of the whole package
    with its data where empty.

    >>> code_sha256("collect") != code_sha256("estimate")
    True
    """
    package = Path(caudal.__file__).parent
    if room:
        parts = [*_GROUND, *ROOMS[1 : ROOMS.index(room) + 1]]
        files = [f for part in parts for f in _files(package / part)]
        files += sorted((package / "catalogue").rglob("*.py"))
    else:
        files = _files(package)
    digest = hashlib.sha256(caudal.__version__.encode())
    for library in _COMPUTING:
        digest.update(f"{library} {_version(library)} ".encode())
    for file in files:
        digest.update(file.relative_to(package).as_posix().encode())
        digest.update(hashlib.sha256(file.read_bytes()).digest())
    return digest.hexdigest()


def _version(library: str) -> str:
    try:
        return version(library)
    except PackageNotFoundError:
        return "absent"


def _files(path: Path) -> list[Path]:
    if path.is_file():
        return [path]
    return sorted(f for f in path.rglob("*") if f.is_file() and "__pycache__" not in f.parts)
