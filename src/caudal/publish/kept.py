"""What the last site was made of, so that this one is made again only where that has changed.

A file beside the cache names, for each piece of the last site, the digests of the parts that were read while
it was made, and the files that came of it. The site itself is the store: a piece whose parts are equal is
taken from where it lies, and its bytes are checked on the way. Other code, another site that is gone, a file
that was touched: the piece is made again.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from caudal.engine.code import code_sha256
from caudal.engine.files import canonical_json, sha256_bytes, write_bytes
from caudal.publish.reads import Known, Reads

#: Libraries that write bytes of a site, and are no part of the hash of the code.
_WRITING = ("jinja2", "markupsafe", "typst", "resvg-py")
#: The kind of the parts that say which pieces there are.
SECTION = "section"
Digest = Callable[[str], str]


@dataclass(frozen=True)
class Piece:
    """A page or some files: names of the parts that it was made of, and digests of its files by path."""

    reads: tuple[str, ...]
    files: Mapping[str, str]


@dataclass(frozen=True)
class LastSite:
    """The site that was made last, what its pieces were made of, and what was known of these parts.
    ``sections`` are the names of its pieces in their order, by section."""

    folder: Path | None = None
    known: Known = field(default_factory=Known)
    pieces: Mapping[str, Piece] = field(default_factory=dict)
    sections: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    def piece(self, name: str, digest: Digest) -> Piece | None:
        """A piece whose parts are what they were; None where it must be made."""
        piece = self.pieces.get(name)
        if piece is None or self.folder is None:
            return None
        same = all(self.known.digests.get(r) == digest(r) for r in piece.reads)
        return piece if same else None


#: There was none.
NO_SITE = LastSite()


def read_last(path: Path) -> LastSite:
    """What ``path`` tells of the last site; nothing where it cannot be read or other code wrote it."""
    try:
        told = json.loads(path.read_text(encoding="utf-8"))
        if told["code"] != writing_code():
            return LastSite()
        names = list(told["digests"])
        pieces = {name: Piece(_named(reads, names), files) for name, (reads, files) in told["pieces"].items()}
        made_of = {name: _named(parts, names) for name, parts in told["made_of"].items()}
        sections = {name: tuple(own) for name, own in told["sections"].items()}
        return LastSite(path.parent / told["site"], Known(told["digests"], made_of), pieces, sections)
    except (OSError, ValueError, KeyError, TypeError, IndexError, AttributeError):
        return LastSite()


def write_last(
    path: Path,
    site: str,
    pieces: Mapping[str, Piece],
    sections: Mapping[str, Sequence[str]],
    reads: Reads,
) -> None:
    """Tells the next build of this site, which lies at ``site``, seen from the folder of ``path``."""
    known = reads.known({r for p in pieces.values() for r in p.reads} | {f"{SECTION}/{s}" for s in sections})
    places = {name: i for i, name in enumerate(known.digests)}
    told: dict[str, Any] = {
        "code": writing_code(),
        "site": site,
        "digests": dict(known.digests),
        "made_of": {n: _places(parts, places) for n, parts in known.made_of.items()},
        "sections": {n: list(own) for n, own in sections.items()},
        "pieces": {n: (_places(p.reads, places), dict(p.files)) for n, p in pieces.items()},
    }
    write_bytes(path, canonical_json(told))


def writing_code() -> str:
    """The hash of the code, of its texts and templates, and of the libraries that write a site."""
    libraries = [f"{name} {_version(name)}" for name in _WRITING]
    return sha256_bytes(" ".join([code_sha256(), *libraries]).encode())


def _named(places: Sequence[int], names: Sequence[str]) -> tuple[str, ...]:
    return tuple(names[i] for i in places)


def _places(reads: Sequence[str], places: Mapping[str, int]) -> list[int]:
    return sorted(places[r] for r in reads)


def _version(library: str) -> str:
    try:
        return version(library)
    except PackageNotFoundError:
        return "absent"
