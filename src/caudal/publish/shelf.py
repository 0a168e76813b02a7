"""The files of a site while it is made: on disk, so that a large site needs little memory, or in memory.

A file is put once and never changed. Pages see the files beside them through :class:`ReadFiles`, which notes
what is read: the bytes of a file, whether it is there, and which files there are.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

from caudal.engine.files import sha256_bytes
from caudal.publish.reads import Reads

#: The list of what a browser keeps is made of all other files, after them.
LAST = "offline.json"


class Shelf(Mapping[str, bytes]):
    """Bytes by path, under the folder ``root``; in memory without one."""

    def __init__(self, root: Path | None) -> None:
        self._root = root
        self._held: dict[str, bytes] = {}
        self.sha256: dict[str, str] = {}

    def put(self, path: str, data: bytes) -> str:
        """Lays a file down; returns its SHA-256."""
        if self._root is None:
            self._held[path] = data
        else:
            place = self._root / path
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_bytes(data)
        self.sha256[path] = sha256_bytes(data)
        return self.sha256[path]

    def __getitem__(self, path: str) -> bytes:
        if path not in self.sha256:
            raise KeyError(path)
        return self._held[path] if self._root is None else (self._root / path).read_bytes()

    def __contains__(self, path: object) -> bool:
        return path in self.sha256

    def __iter__(self) -> Iterator[str]:
        return iter(sorted(self.sha256))

    def __len__(self) -> int:
        return len(self.sha256)


class ReadFiles(Mapping[str, bytes]):
    """The files of a shelf but pages and the last, watched. They are all there before a page is made."""

    def __init__(self, shelf: Shelf, reads: Reads) -> None:
        self._shelf, self._reads = shelf, reads
        reads.knows("file", self._look_up, changes=True)
        reads.knows("there", shelf.__contains__, changes=True)

    def _look_up(self, path: str) -> object:
        return self._shelf.sha256.get(path, "") if path else self._names()

    def _names(self) -> list[str]:
        return [p for p in self._shelf if not p.endswith(".html") and p != LAST]

    def __getitem__(self, path: str) -> bytes:
        self._reads.note(f"file/{path}")
        return self._shelf[path]

    def __contains__(self, path: object) -> bool:
        self._reads.note(f"there/{path}")
        return path in self._shelf

    def __iter__(self) -> Iterator[str]:
        self._reads.note("file/")
        return iter(self._names())

    def __len__(self) -> int:
        self._reads.note("file/")
        return len(self._names())
