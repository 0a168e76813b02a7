"""The site of a release: static pages that are complete without JavaScript and open from a folder.

``build_site`` reads a release and writes one folder of pages for each language beside the files for
machines. Links are relative, nothing is asked of another host, equal releases give equal bytes. Until a
signature is given every page is visibly a draft. The folder appears whole or not at all.

A site is made of pieces: a group of pages, the files of an indicator. A piece of the last site that was made
of equal parts is taken over as it lies (:mod:`caudal.publish.kept`).
"""

from __future__ import annotations

import shutil
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from importlib.resources import files
from pathlib import Path

from caudal.engine.files import writing_folder
from caudal.model.release import Signatory
from caudal.publish import cards, explore, offline, sheets
from caudal.publish.exchange.writing import exchange_files
from caudal.publish.files import file_groups
from caudal.publish.kept import NO_SITE, LastSite, Piece, write_last
from caudal.publish.page import Page
from caudal.publish.press import Press
from caudal.publish.reads import Reads
from caudal.publish.release import Release, read_release
from caudal.publish.shelf import LAST, ReadFiles, Shelf
from caudal.publish.voice import Voice
from caudal.publish.watched import WatchedRelease

#: A piece of a site: its name, and how its files are made.
Making = tuple[str, Callable[[], Mapping[str, bytes]]]
#: Parts that every piece is made of, whatever it reads besides.
_COMMON = ("structure/languages", "structure/page_texts")


@dataclass
class Tally:
    """How a build went: pages made and kept by language, and seconds by kind of piece."""

    made: Counter[str] = field(default_factory=Counter)
    kept: Counter[str] = field(default_factory=Counter)
    seconds: dict[str, float] = field(default_factory=lambda: defaultdict(float))
    pieces: list[str] = field(default_factory=list)

    def add(self, name: str, paths: Mapping[str, str], seconds: float, *, made: bool) -> None:
        """Counts a piece."""
        kind = name.split(" ")[0]
        self.seconds[kind] += seconds
        pages = sum(p.endswith(".html") for p in paths)
        (self.made if made else self.kept)[kind.partition("/")[0]] += pages
        if made:
            self.pieces.append(name)


@dataclass(frozen=True)
class Site:
    """A site that was written: its files, what it was made of, and how that went."""

    paths: tuple[Path, ...]
    pieces: Mapping[str, Piece]
    reads: Reads
    tally: Tally

    def remember(self, path: Path, site: str) -> None:
        """Tells the next build, in the file ``path``, of this site; it lies at ``site`` seen from there."""
        write_last(path, site, self.pieces, self.reads.digest)


Heard = Callable[[str, Tally], None]


def build_site(release_folder: Path, out: Path, *, signature: Signatory | None = None) -> tuple[Path, ...]:
    """Writes the site of the release in ``release_folder`` to the folder ``out``, replacing what is there.

    Returns the relative paths of its files. Raises :class:`CaudalError` for a release that is not whole,
    not judged by the gate, or in a language without texts.
    """
    return write_site(release_folder, out, signature=signature).paths


def write_site(
    release_folder: Path,
    out: Path,
    *,
    signature: Signatory | None = None,
    last: LastSite = NO_SITE,
    hear: Heard = lambda language, tally: None,
) -> Site:
    """The same, with what is unchanged taken over from the ``last`` site. ``hear`` is told how far it is when
    the pages of a language are done."""
    release = read_release(release_folder)
    aside, new = out.with_name(out.name + ".old"), out.with_name(out.name + ".new")
    if aside.exists() and not out.exists():  # a process died between the two renames below
        aside.rename(out)
    for left in (aside, new):
        shutil.rmtree(left, ignore_errors=True)
    with writing_folder(new) as part:
        made = _make(release, signature, part, last, hear)
    if out.exists():
        out.rename(aside)
    new.rename(out)
    shutil.rmtree(aside, ignore_errors=True)
    return made


def site_files(release: Release, signature: Signatory | None = None) -> dict[str, bytes]:
    """The bytes of every file of the site by its path."""
    maker = _Maker(release, signature, None, NO_SITE)
    maker.make(lambda language, tally: None)
    return {path: maker.shelf[path] for path in maker.shelf}


def _make(release: Release, signature: Signatory | None, root: Path, last: LastSite, hear: Heard) -> Site:
    maker = _Maker(release, signature, root, last)
    maker.make(hear)
    return Site(tuple(Path(p) for p in maker.shelf), maker.pieces, maker.reads, maker.tally)


class _Maker:
    """Lays the files of a site on a shelf, piece by piece."""

    def __init__(
        self, release: Release, signature: Signatory | None, root: Path | None, last: LastSite
    ) -> None:
        self.reads, self.last = Reads(), last
        self.shelf = Shelf(root)
        self.release = WatchedRelease(release, self.reads)
        self.files = ReadFiles(self.shelf, self.reads)
        self.press = Press(self.release, self.files, signature)
        self.pieces: dict[str, Piece] = {}
        self.tally = Tally()

    def make(self, hear: Heard) -> None:
        """Makes everything, what others name first."""
        static = files("caudal.publish").joinpath("static")
        for name in ("caudal.css", *offline.SCRIPTS):
            self.shelf.put(name, static.joinpath(*name.split("/")).read_bytes())
        for name, making in self._files():
            self._piece(name, making)
        for tag in self.press.voices:
            for name, making in self._pages(tag):
                self._piece(f"{tag}/{name}", making)
            hear(tag, self.tally)
        self.shelf.put("index.html", self.press.door())
        self.shelf.put(LAST, offline.keeping(self.shelf, self.release.structure.languages))

    def _piece(self, name: str, making: Callable[[], Mapping[str, bytes]]) -> None:
        """Puts the files of a piece on the shelf: those of the last site where it was made of the same."""
        started = time.perf_counter()
        found: Mapping[str, bytes]
        kept = self.last.files_of(name, self.reads.digest)
        if kept is not None:
            found, read = kept, self.last.pieces[name].reads
        else:
            with self.reads.watching() as heard:
                found = making()
            read = tuple(sorted({*heard, *_COMMON}))
        paths = {path: self.shelf.put(path, data) for path, data in found.items()}
        self.pieces[name] = Piece(read, paths)
        self.tally.add(name, paths, time.perf_counter() - started, made=kept is None)

    def _files(self) -> Iterator[Making]:
        """Files for machines, and pictures that pages show."""
        press, release = self.press, self.release
        yield from file_groups(release, press.voices)
        yield "exchange", lambda: exchange_files(release, press.voices, self.files, press.signature)
        for tag, voice in press.voices.items():
            for name in release.stories:
                yield f"pictures {tag} {name}", partial(self._pictures, voice, name)
            yield f"sheets {tag}", partial(self._sheets, voice)
            yield f"vocabulary {tag}", partial(_vocabulary, voice)

    def _pictures(self, voice: Voice, name: str) -> Mapping[str, bytes]:
        return cards.pictures(voice, name, draft=self.press.draft)

    def _sheets(self, voice: Voice) -> Mapping[str, bytes]:
        return sheets.printed({voice.words.language: voice}, draft=self.press.draft)

    def _pages(self, tag: str) -> Iterator[Making]:
        for name, pages in self.press.groups(self.press.voices[tag]):
            yield name, partial(self._printed, tag, pages)

    def _printed(self, tag: str, pages: Callable[[], Iterable[Page]]) -> dict[str, bytes]:
        return {f"{tag}/{p.path}": self.press.printed(p) for p in pages()}


def _vocabulary(voice: Voice) -> Mapping[str, bytes]:
    return {f"{voice.words.language}/explore.json": explore.vocabulary(voice)}
