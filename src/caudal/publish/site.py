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
from caudal.publish.exchange.writing import ExchangeFiles
from caudal.publish.files import file_groups
from caudal.publish.kept import NO_SITE, SECTION, LastSite, Piece, write_last
from caudal.publish.page import Page
from caudal.publish.press import Press
from caudal.publish.reads import Reads
from caudal.publish.release import Release, read_release
from caudal.publish.shelf import LAST, File, FileGroup, ReadFiles, Shelf
from caudal.publish.voice import Voice
from caudal.publish.watched import WatchedRelease

#: The section of files for machines; the others are the pages of a language.
FILES = "files"
#: Parts that every piece is made of, whatever it reads besides.
_COMMON = ("structure/languages", "structure/page_texts")


@dataclass
class Tally:
    """How a build went: pages made and kept by language, seconds by kind of piece, the pieces that were made,
    and how many files there are."""

    made: Counter[str] = field(default_factory=Counter)
    kept: Counter[str] = field(default_factory=Counter)
    seconds: dict[str, float] = field(default_factory=lambda: defaultdict(float))
    pieces: list[str] = field(default_factory=list)
    files: int = 0

    def add(self, name: str, paths: Mapping[str, str], seconds: float, *, made: bool) -> None:
        """Counts a piece."""
        self.files += len(paths)
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
    sections: Mapping[str, tuple[str, ...]]
    reads: Reads
    tally: Tally

    def remember(self, path: Path, site: str) -> None:
        """Tells the next build, in the file ``path``, of this site; it lies at ``site`` seen from there."""
        write_last(path, site, self.pieces, self.sections, self.reads)


#: Who hears how far a site is: the name of the piece that is done, and the tally up to it.
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
    hear: Heard = lambda piece, tally: None,
) -> Site:
    """The same, with what is unchanged taken over from the ``last`` site. ``hear`` is told of each
    piece when it is done."""
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
    maker.make(lambda piece, tally: None)
    return {path: maker.shelf[path] for path in maker.shelf}


def _make(release: Release, signature: Signatory | None, root: Path, last: LastSite, hear: Heard) -> Site:
    maker = _Maker(release, signature, root, last)
    maker.make(hear)
    paths = tuple(Path(p) for p in maker.shelf)
    return Site(paths, maker.pieces, maker.sections, maker.reads, maker.tally)


class _Maker:
    """Lays the files of a site on a shelf, piece by piece."""

    def __init__(
        self, release: Release, signature: Signatory | None, root: Path | None, last: LastSite
    ) -> None:
        self.reads, self.last = Reads(_COMMON, last.known), last
        self.shelf = Shelf(root)
        self.release = WatchedRelease(release, self.reads)
        self.files = ReadFiles(self.shelf, self.reads)
        self.press = Press(self.release, self.files, signature)
        self.exchange = ExchangeFiles(
            self.release, self.press.voices, self.files, lambda: self.press.signature
        )
        self.pieces: dict[str, Piece] = {}
        self.sections: dict[str, tuple[str, ...]] = {}
        self.tally = Tally()
        self.listed: dict[str, dict[str, Callable[[], Iterable[File]]]] = {}
        self.reads.knows(SECTION, lambda section: tuple(self._groups_of(section)))

    def make(self, hear: Heard) -> None:
        """Makes everything, what others name first."""
        static = files("caudal.publish").joinpath("static")
        for name in ("caudal.css", *offline.SCRIPTS):
            self.shelf.put(name, static.joinpath(*name.split("/")).read_bytes())
        for section in (FILES, *self.press.voices):
            for name in self._names(section):
                self._piece(name, partial(self._made, section, name))
                hear(name, self.tally)
        self.shelf.put("index.html", self.press.door())
        self.shelf.put(LAST, offline.keeping(self.shelf.all_facts, self.release.structure.languages))

    def _names(self, section: str) -> tuple[str, ...]:
        """The pieces of a section: those of the last site where they are found from the same."""
        part, last = f"{SECTION}/{section}", self.last.sections.get(section)
        same = last is not None and self.reads.digest(part) == self.last.known.digests.get(part)
        self.sections[section] = last if last is not None and same else tuple(self._groups_of(section))
        return self.sections[section]

    def _groups_of(self, section: str) -> Mapping[str, Callable[[], Iterable[File]]]:
        """The pieces of a section, each with how it is made; those that others name come first."""
        if section not in self.listed:
            with self.reads.making(f"{SECTION}/{section}"):
                self.listed[section] = dict(self._files() if section == FILES else self._pages(section))
        return self.listed[section]

    def _made(self, section: str, name: str) -> Iterable[File]:
        return self._groups_of(section)[name]()

    def _piece(self, name: str, making: Callable[[], Iterable[File]]) -> None:
        """Puts the files of a piece on the shelf: those of the last site where it was made of the same."""
        started = time.perf_counter()
        kept = self.last.piece(name, self.reads.digest)
        if kept is None or not self._taken(kept):
            kept = None
            with self.reads.watching() as heard:
                paths = {path: self.shelf.put(path, data) for path, data in making()}
            self.pieces[name] = Piece(tuple(sorted({*heard, *_COMMON})), paths)
        else:
            self.pieces[name] = kept
        made = self.pieces[name]
        self.tally.add(name, made.files, time.perf_counter() - started, made=kept is None)

    def _taken(self, piece: Piece) -> bool:
        """Whether all files of a piece could be taken over from the last site."""
        assert self.last.folder is not None, "a piece of a site that is nowhere"
        folder = self.last.folder
        return all(self.shelf.take(path, folder / path, sha256) for path, sha256 in piece.files.items())

    def _files(self) -> Iterator[FileGroup]:
        """Files for machines, and pictures that pages show."""
        press, release = self.press, self.release
        yield from file_groups(release, press.voices)
        yield from self.exchange.groups()
        for tag, voice in press.voices.items():
            for name in release.stories:
                yield f"pictures {tag} {name}", partial(self._pictures, voice, name)
            for name in sheets.names(voice):
                yield f"sheets {tag} {name}", partial(self._sheet, voice, name)
            yield f"vocabulary {tag}", partial(_vocabulary, voice)

    def _pictures(self, voice: Voice, name: str) -> Iterable[File]:
        return cards.pictures(voice, name, draft=self.press.draft).items()

    def _sheet(self, voice: Voice, name: str) -> Iterable[File]:
        return sheets.printed(voice, name, draft=self.press.draft).items()

    def _pages(self, tag: str) -> Iterator[FileGroup]:
        for name, pages in self.press.groups(self.press.voices[tag]):
            yield f"{tag}/{name}", partial(self._printed, tag, pages)

    def _printed(self, tag: str, pages: Callable[[], Iterable[Page]]) -> Iterator[File]:
        for page in pages():
            yield f"{tag}/{page.path}", self.press.printed(page)


def _vocabulary(voice: Voice) -> Iterator[File]:
    yield f"{voice.words.language}/explore.json", explore.vocabulary(voice)
