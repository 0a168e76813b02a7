"""What a server answers about a site: the files that the manifest names, and nothing else.

A request is looked up in the manifest's list of files, so that no path leads out of the site. The tag of a
file is its checksum: a reader who has it is told so. One range of bytes is served as asked, several as the
whole. Texts are compressed for those who accept it. A file that is no longer what the manifest says is not
served. Answers to errors repeat nothing of the request.

Reference: RFC 9110 (semantics, ranges, conditional requests), Content Security Policy level 3.
"""

from __future__ import annotations

import gzip
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from urllib.parse import unquote, urlsplit

from caudal.engine.files import sha256_file
from caudal.errors import CaudalError, problem
from caudal.model.release import MANIFEST, Manifest
from caudal.publish.exchange.types import COMPRESSIBLE, media_type

SITE = "site"
#: Headers of every answer. Pages need no scripts of others and send nothing; other sites may embed them.
SAFE_HEADERS: Mapping[str, str] = MappingProxyType(
    {
        "Content-Security-Policy": (
            "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; "
            "font-src 'self'; connect-src 'self'; manifest-src 'self'; worker-src 'self'; "
            "base-uri 'none'; form-action 'self'; frame-ancestors *"
        ),
        "X-Content-Type-Options": "nosniff",
        "Referrer-Policy": "no-referrer",
        "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
        "Cross-Origin-Resource-Policy": "cross-origin",
        "Access-Control-Allow-Origin": "*",
        "Access-Control-Expose-Headers": "Accept-Ranges, Content-Range, ETag",
    }
)
#: Stable addresses change their content with the next release: always ask, seldom send.
CACHING = "public, max-age=0, must-revalidate"
_RANGE = re.compile(r"bytes=(\d*)-(\d*)")


@dataclass(frozen=True)
class ServedFile:
    """A file of the site as the manifest knows it."""

    path: Path
    sha256: str
    size: int


@dataclass(frozen=True)
class ServedSite:
    """The files of a release by their address, and what each looked like when it was last proven whole."""

    files: Mapping[str, ServedFile]
    proven: dict[str, tuple[int, int]] = field(default_factory=dict)

    def read(self, address: str) -> bytes | None:
        """The bytes of a file; None where it is no longer what the manifest says."""
        file = self.files[address]
        try:
            status = file.path.stat()
            seen = status.st_size, status.st_mtime_ns
            if self.proven.get(address) != seen and sha256_file(file.path) != file.sha256:
                return None
            self.proven[address] = seen
            return file.path.read_bytes()
        except OSError:
            return None


@dataclass(frozen=True)
class Answer:
    """Status, headers and body of an answer; the server leaves out the body of a HEAD."""

    status: int
    headers: Mapping[str, str]
    body: bytes = b""


def served_site(release: Path) -> ServedSite:
    """The site of the release in a folder.

    Raises :class:`CaudalError` (integrity) where the folder has no manifest, or one without a site. Whether
    every file is whole is for the caller to verify.
    """
    path = release / MANIFEST
    if not path.is_file():
        raise CaudalError(problem("publish-incomplete", where=str(release), file=MANIFEST))
    try:
        manifest = Manifest.model_validate_json(path.read_bytes())
    except ValueError as error:
        raise CaudalError(problem("publish-unreadable", where=str(path), reason=error)) from error
    prefix = f"{SITE}/"
    files = {
        o.path.removeprefix(prefix): ServedFile(release / o.path, o.sha256, o.bytes)
        for o in manifest.outputs
        if o.path.startswith(prefix) and ".." not in o.path.split("/")
    }
    if "index.html" not in files:
        raise CaudalError(problem("publish-incomplete", where=str(release), file=f"{SITE}/index.html"))
    return ServedSite(files)


def answer(site: ServedSite, method: str, target: str, headers: Mapping[str, str]) -> Answer:
    """The answer to a request; names of ``headers`` are in lower case."""
    if method not in ("GET", "HEAD"):
        return _plain(405, "Only GET and HEAD.", {"Allow": "GET, HEAD"})
    address = _address(site, target)
    if address is None:
        return _plain(404, "There is no such file.")
    if address not in site.files:
        return _plain(308, "Moved.", {"Location": f"/{address}/"})
    data = site.read(address)
    if data is None:
        return _plain(500, "This file is not the one that was released. Tell the office that publishes it.")
    return _file_answer(site.files[address], address, data, headers)


def _address(site: ServedSite, target: str) -> str | None:
    """The file that a request names; a folder without its slash as itself; None where there is nothing."""
    try:
        path = unquote(urlsplit(target).path, errors="strict")
    except (UnicodeDecodeError, ValueError):
        return None
    address = path.removeprefix("/")
    if not address or address.endswith("/"):
        address += "index.html"
    if address in site.files:
        return address
    return address if f"{address}/index.html" in site.files else None


def _file_answer(file: ServedFile, address: str, data: bytes, headers: Mapping[str, str]) -> Answer:
    kind = media_type(address)
    packed = _accepts_gzip(headers) and kind.startswith(COMPRESSIBLE) and "range" not in headers
    tag = f'"{file.sha256}{"-gzip" if packed else ""}"'
    found = {
        **SAFE_HEADERS,
        "Content-Type": kind,
        "ETag": tag,
        "Cache-Control": CACHING,
        "Accept-Ranges": "bytes",
        "Vary": "Accept-Encoding",
    }
    if _has(headers.get("if-none-match", ""), file.sha256):
        return Answer(304, found)
    if (span := _span(headers, tag, len(data))) is not None:
        first, last = span
        if first > last:
            return _plain(416, "The file has no such bytes.", {"Content-Range": f"bytes */{len(data)}"})
        found["Content-Range"] = f"bytes {first}-{last}/{len(data)}"
        return _sized(206, found, data[first : last + 1])
    if packed:
        found["Content-Encoding"] = "gzip"
        data = gzip.compress(data, compresslevel=6, mtime=0)
    return _sized(200, found, data)


def _span(headers: Mapping[str, str], tag: str, size: int) -> tuple[int, int] | None:
    """First and last byte of the range that is asked for, the first after the last where it cannot be
    served; None where the whole is to be sent."""
    match = _RANGE.fullmatch(headers.get("range", "").replace(" ", ""))
    if match is None or headers.get("if-range", tag) != tag:
        return None
    first, last = match.groups()
    if not first:
        length = int(last or 0)
        return (max(0, size - length), size - 1) if length and size else (1, 0)
    if last and int(last) < int(first):
        return None
    end = min(int(last) if last else size - 1, size - 1)
    return int(first), end


def _has(tags: str, sha256: str) -> bool:
    """Whether a reader has a file already, compressed or not."""
    given = {t.strip().removeprefix("W/").strip('"').removesuffix("-gzip") for t in tags.split(",")}
    return "*" in given or sha256 in given


def _accepts_gzip(headers: Mapping[str, str]) -> bool:
    for offer in headers.get("accept-encoding", "").lower().split(","):
        name, _, quality = offer.strip().partition(";")
        if name.strip() in ("gzip", "*"):
            return quality.replace(" ", "") not in ("q=0", "q=0.0", "q=0.00", "q=0.000")
    return False


def _plain(status: int, text: str, more: Mapping[str, str] = MappingProxyType({})) -> Answer:
    headers = {
        **SAFE_HEADERS,
        "Content-Type": "text/plain; charset=utf-8",
        "Cache-Control": "no-store",
        **more,
    }
    return _sized(status, headers, f"{text}\n".encode())


def _sized(status: int, headers: Mapping[str, str], body: bytes) -> Answer:
    return Answer(status, {**headers, "Content-Length": str(len(body))}, body)


#: What a server tells of each answer: method, address as asked, status. Never who asked.
Told = Callable[[str, str, int], None]
