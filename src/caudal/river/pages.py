"""The pages of a release as the desk has them made: with the last site at hand, and told how far it is.

A file in the work folder says what the last site was made of; what is equal is not made again, and the bytes
are those of a site made from nothing. The same file tells where the last site lies.
"""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any, Literal

from caudal.engine.files import PART
from caudal.model.release import Signatory
from caudal.publish.kept import read_last
from caudal.publish.site import Site, Tally, write_site
from caudal.river.log import Event, Tell

SITE = "site"
#: In the work folder: what the last site was made of.
LAST = "site.json"


#: Seconds between two lines about pieces: a long piece is told when it is done, of short ones the last.
EVERY = 2.0


def write_pages(part: Path, who: Signatory | None, work: Path, tell: Tell) -> Site:
    """Writes the site of the release in ``part``. Says every few seconds which piece is done and how many
    files there are, and after each language how many pages were made and how many were kept, and how many
    milliseconds a page took."""
    name, started = part.name.removesuffix(PART), time.perf_counter()
    tell(Event("publish", name, "started"))
    progress = _Progress(name, tell)
    site = write_site(part, part / SITE, signature=who, last=read_last(work / LAST), hear=progress.piece)
    progress.language(site.tally)
    tell(Event("publish", name, "made", time.perf_counter() - started, {"files": len(site.paths)}))
    return site


class _Progress:
    """Tells how far the pages of a release are."""

    def __init__(self, release: str, tell: Tell) -> None:
        self._release, self._tell = release, tell
        self._language, self._said = "", time.perf_counter()

    def piece(self, piece: str, tally: Tally) -> None:
        """A piece is done; those of a language follow each other."""
        language = piece.partition("/")[0] if "/" in piece else ""
        if language != self._language:
            self.language(tally)
            self._language = language
        passed = time.perf_counter() - self._said
        if passed >= EVERY:
            made = tally.pieces[-1:] == [piece]
            self._say(piece, "made" if made else "kept", passed, {"files": tally.files})

    def language(self, tally: Tally) -> None:
        """All pages of a language are done."""
        tag = self._language
        if tag:
            seconds = sum(s for kind, s in tally.seconds.items() if kind.startswith(f"{tag}/"))
            self._say(tag, "made", seconds, page_facts(tally, tag, seconds))

    def _say(self, what: str, state: Literal["made", "kept"], seconds: float, facts: dict[str, Any]) -> None:
        self._tell(Event("publish", f"{self._release}/{what}", state, seconds, facts))
        self._said = time.perf_counter()


def page_facts(tally: Tally, language: str, seconds: float) -> dict[str, float]:
    """Pages of a language that were made and kept, and milliseconds for each that was made."""
    made, kept = tally.made[language], tally.kept[language]
    return {"pages": made, "kept": kept, "milliseconds_a_page": round(1000 * seconds / max(1, made), 1)}


def remember(site: Site, release: Path, work: Path) -> None:
    """Leaves for the next build what the site of ``release`` was made of."""
    site.remember(work / LAST, f"../{release.parent.name}/{release.name}/{SITE}")
