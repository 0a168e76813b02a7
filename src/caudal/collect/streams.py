"""Bytes of a text file, whatever it is packed and written in, as a stream of UTF-8.

Packing is told by the first bytes, not by the name. An archive is refused before it is unpacked when it
declares too much, and while it is unpacked when it holds more than it declared: more than ``ratio`` times
its size (beyond a first ``free`` bytes, because small tables pack well) or more than ``size`` in all.

The declared encoding is checked on every byte. The other way round is checked too: a file declared in a
one-byte encoding whose accented bytes all form UTF-8 is UTF-8, and reading it as declared would make
"Peru" with a broken accent. The error names the encoding that would work.
"""

from __future__ import annotations

import codecs
import gzip
import io
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from caudal.errors import CaudalError, Problem, problem

CHUNK = 1 << 20
#: Tried in this order when the declared encoding does not fit.
CANDIDATES = ("utf-8", "utf-16", "windows-1252", "latin-1")


@dataclass(frozen=True)
class Limits:
    """What an archive may unpack to."""

    ratio: int = 200
    free: int = 64 << 20
    size: int = 64 << 30

    def allow(self, packed: int, unpacked: int) -> bool:
        """Whether ``packed`` bytes may become ``unpacked`` bytes.

        >>> Limits().allow(1_000, 900_000), Limits().allow(1_000_000, 10_000_000_000)
        (True, False)
        """
        return unpacked <= self.size and (unpacked <= self.free or unpacked <= packed * self.ratio)


LIMITS = Limits()


@contextmanager
def unpacked(path: Path, *, member: str = "", limits: Limits = LIMITS) -> Iterator[Iterator[bytes]]:
    """The bytes of ``path`` in chunks, unpacked where it is gzip or zip.

    Raises :class:`CaudalError`: empty or truncated file, archive that explodes, several members and none
    named.
    """
    with path.open("rb") as stream:
        magic = stream.read(4)
    if not magic:
        raise CaudalError(problem("file-empty", where=path.name))
    if magic[:2] == b"\x1f\x8b":
        with gzip.open(path, "rb") as packed:
            yield _guarded(packed, path, path.stat().st_size, limits)
    elif magic == b"PK\x03\x04":
        with open_zip(path, limits) as archive:
            info = _member(archive, member, path)
            with archive.open(info) as packed:
                yield _guarded(packed, path, info.compress_size, limits)
    else:
        with path.open("rb") as stream:
            yield _guarded(stream, path, 0, limits, packed=False)


@contextmanager
def open_zip(path: Path, limits: Limits = LIMITS) -> Iterator[zipfile.ZipFile]:
    """A zip archive (or a workbook, which is one) whose declared contents are within ``limits``."""
    try:
        with zipfile.ZipFile(path) as archive:
            declared = sum(i.file_size for i in archive.infolist())
            if not limits.allow(path.stat().st_size, declared):
                raise CaudalError(_bomb(path, declared))
            if any(i.flag_bits & 1 for i in archive.infolist()):
                raise CaudalError(problem("archive-encrypted", where=path.name))
            yield archive
    except zipfile.BadZipFile as error:
        raise CaudalError(problem("file-truncated", where=path.name, detail=str(error))) from error


def _member(archive: zipfile.ZipFile, member: str, path: Path) -> zipfile.ZipInfo:
    files = [i for i in archive.infolist() if not i.is_dir() and not i.filename.startswith("__MACOSX/")]
    chosen = [i for i in files if not member or i.filename == member]
    if len(chosen) != 1:
        names = [i.filename for i in files]
        raise CaudalError(problem("archive-member", where=path.name, found=member or None, allowed=names))
    return chosen[0]


def _guarded(
    stream: IO[bytes] | gzip.GzipFile, path: Path, size: int, limits: Limits, packed: bool = True
) -> Iterator[bytes]:
    total = 0
    while True:
        try:
            chunk = stream.read(CHUNK)
        except (EOFError, zlib.error, zipfile.BadZipFile, gzip.BadGzipFile) as error:
            raise CaudalError(problem("file-truncated", where=path.name, detail=str(error))) from error
        if not chunk:
            break
        total += len(chunk)
        if packed and not limits.allow(size, total):
            raise CaudalError(_bomb(path, total))
        yield chunk
    if not total:
        raise CaudalError(problem("file-empty", where=path.name))


def _bomb(path: Path, unpacked_size: int) -> Problem:
    return problem(
        "archive-bomb", where=path.name, packed=f"{path.stat().st_size:,}", unpacked=f"{unpacked_size:,}"
    )


@contextmanager
def as_utf8(
    path: Path, encoding: str, *, member: str = "", limits: Limits = LIMITS
) -> Iterator[io.BufferedReader]:
    """The text of ``path`` as a readable stream of UTF-8 without byte-order mark.

    Raises :class:`CaudalError` while it is read, when the bytes are not in ``encoding``.
    """
    with unpacked(path, member=member, limits=limits) as chunks:
        source = _Transcoder(path, encoding, member, limits)
        yield io.BufferedReader(_Chunks(source.run(chunks)), CHUNK)


def encoding_of(path: Path, *, member: str = "", limits: Limits = LIMITS) -> str | None:
    """The first candidate encoding in which all bytes of ``path`` are text, or None."""
    with unpacked(path, member=member, limits=limits) as chunks:
        marked = next(chunks)[:2] in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
    for name in CANDIDATES:
        if name == "utf-16" and not marked:  # any even number of bytes is some UTF-16
            continue
        decoder = codecs.getincrementaldecoder(name)()
        try:
            with unpacked(path, member=member, limits=limits) as chunks:
                clean = all("\0" not in decoder.decode(chunk) for chunk in chunks)
                decoder.decode(b"", final=True)
        except UnicodeError:
            continue
        if clean:
            return name
    return None


@dataclass
class _Transcoder:
    path: Path
    encoding: str
    member: str
    limits: Limits

    def run(self, chunks: Iterator[bytes]) -> Iterator[bytes]:
        name = self._codec().name
        decoder = codecs.getincrementaldecoder("utf-8-sig" if name == "utf-8" else name)()
        one_byte = name not in ("utf-8", "utf-16", "utf-16-le", "utf-16-be", "utf-32")
        shadow = _Shadow() if one_byte else None
        for chunk in chunks:
            text = self._decoded(decoder, chunk, final=False)
            if shadow is not None:
                shadow.see(chunk)
            yield text.encode()
        yield self._decoded(decoder, b"", final=True).encode()
        if shadow is not None and shadow.is_utf8():
            raise CaudalError(self._wrong("utf-8"))

    def _codec(self) -> codecs.CodecInfo:
        try:
            return codecs.lookup(self.encoding)
        except LookupError as error:
            wrong = problem("encoding-unknown", where=self.path.name, found=self.encoding, allowed=CANDIDATES)
            raise CaudalError(wrong) from error

    def _decoded(self, decoder: codecs.IncrementalDecoder, chunk: bytes, *, final: bool) -> str:
        try:
            text = decoder.decode(chunk, final)
        except UnicodeError as error:
            works = encoding_of(self.path, member=self.member, limits=self.limits)
            raise CaudalError(self._wrong(works)) from error
        if "\0" in text:
            works = encoding_of(self.path, member=self.member, limits=self.limits)
            raise CaudalError(self._wrong(works))
        return text

    def _wrong(self, works: str | None) -> Problem:
        return problem("encoding-wrong", where=self.path.name, declared=self.encoding, works=works)


class _Shadow:
    """Whether bytes that were declared one-byte text are UTF-8 with at least one accent."""

    def __init__(self) -> None:
        self._decoder = codecs.getincrementaldecoder("utf-8")()
        self._accents = False
        self._possible = True

    def see(self, chunk: bytes) -> None:
        if self._possible:
            try:
                self._accents |= not self._decoder.decode(chunk).isascii()
            except UnicodeError:
                self._possible = False

    def is_utf8(self) -> bool:
        return self._possible and self._accents


class _Chunks(io.RawIOBase):
    """Chunks of bytes as a file."""

    def __init__(self, chunks: Iterator[bytes]) -> None:
        self._chunks = chunks
        self._rest = b""

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        while not self._rest:
            try:
                self._rest = next(self._chunks)
            except StopIteration:
                return 0
        size = min(len(buffer), len(self._rest))
        buffer[:size] = self._rest[:size]
        self._rest = self._rest[size:]
        return size
