"""The files of a site while it is made: on disk, so that a large site needs little memory, or in memory.

A file is put once and never changed; a large one block by block. Pages see the files beside them through
:class:`ReadFiles`, which notes what is read: the bytes of a file, whether it is there, and which files there
are. What is taken over from the last site is copied, never linked: two releases share no bytes on the disk,
so that whatever befalls the one, the other stays.
"""

from __future__ import annotations

import hashlib
import io
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import BinaryIO, Protocol

from caudal.publish.reads import Reads

#: The list of what a browser keeps is made of all other files, after them.
LAST = "offline.json"
#: The bytes of a file, or the blocks that follow each other in it.
Data = bytes | Iterable[bytes]
#: A file: its path, and its data.
File = tuple[str, Data]
#: Files that are made from the same parts: a name, and how they are made.
FileGroup = tuple[str, Callable[[], Iterable[File]]]
_BLOCK = 1 << 20


class Shelved(Protocol):
    """Files that lie there already."""

    def __getitem__(self, path: str) -> bytes: ...

    def facts(self, path: str) -> tuple[str, int]:
        """The SHA-256 and the size of a file."""
        ...


class Shelf(Mapping[str, bytes]):
    """Bytes by path, under the folder ``root``; in memory without one."""

    def __init__(self, root: Path | None) -> None:
        self._root = root
        self._held: dict[str, bytes] = {}
        self._facts: dict[str, tuple[str, int]] = {}

    def put(self, path: str, data: Data) -> str:
        """Lays a file down; returns its SHA-256."""
        sha256, size = hashlib.sha256(), 0
        with self._opened(path) as stream:
            for block in (data,) if isinstance(data, bytes) else data:
                stream.write(block)
                sha256.update(block)
                size += len(block)
            if isinstance(stream, io.BytesIO):
                self._held[path] = stream.getvalue()
        self._facts[path] = sha256.hexdigest(), size
        return self._facts[path][0]

    def _opened(self, path: str) -> BinaryIO:
        if self._root is None:
            return io.BytesIO()
        place = self._root / path
        place.parent.mkdir(parents=True, exist_ok=True)
        return place.open("wb")

    def take(self, path: str, source: Path, sha256: str) -> bool:
        """Lays down a copy of ``source``; False, and nothing, where its bytes are not those of ``sha256``."""
        try:
            same = self.put(path, _blocks_of(source)) == sha256
        except _UnreadableError:
            same = False
        if not same:
            self._remove(path)
        return same

    def _remove(self, path: str) -> None:
        self._facts.pop(path, None)
        self._held.pop(path, None)
        if self._root is not None:
            (self._root / path).unlink()

    def facts(self, path: str) -> tuple[str, int]:
        """The SHA-256 and the size of a file; an empty text and 0 of one that is not there."""
        return self._facts.get(path, ("", 0))

    @property
    def all_facts(self) -> Mapping[str, tuple[str, int]]:
        """The SHA-256 and the size of every file by path."""
        return self._facts

    def __getitem__(self, path: str) -> bytes:
        if path not in self._facts:
            raise KeyError(path)
        return self._held[path] if self._root is None else (self._root / path).read_bytes()

    def __contains__(self, path: object) -> bool:
        return path in self._facts

    def __iter__(self) -> Iterator[str]:
        return iter(sorted(self._facts))

    def __len__(self) -> int:
        return len(self._facts)


class _UnreadableError(Exception):
    """A file of the last site cannot be read."""


def _blocks_of(source: Path) -> Iterator[bytes]:
    try:
        with source.open("rb") as stream:
            while block := stream.read(_BLOCK):
                yield block
    except OSError as error:
        raise _UnreadableError(str(source)) from error


class ReadFiles(Mapping[str, bytes]):
    """The files of a shelf but pages and the last, watched. They are all there before a page is made."""

    def __init__(self, shelf: Shelf, reads: Reads) -> None:
        self._shelf, self._reads = shelf, reads
        reads.knows("file", self._look_up, changes=True)
        reads.knows("there", shelf.__contains__, changes=True)

    def _look_up(self, path: str) -> object:
        return self._shelf.facts(path)[0] if path else self._names()

    def _names(self) -> list[str]:
        return [p for p in self._shelf if not p.endswith(".html") and p != LAST]

    def facts(self, path: str) -> tuple[str, int]:
        """The SHA-256 and the size of a file, which is not read for them."""
        self._reads.note(f"file/{path}")
        return self._shelf.facts(path)

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
