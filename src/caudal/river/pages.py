"""The pages of a release as the desk has them made: with the last site at hand, and told how far it is.

A file in the work folder says what the last site was made of; what is equal is not made again, and the bytes
are those of a site made from nothing. The same file tells where the last site lies.
"""

from __future__ import annotations

import time
from pathlib import Path

from caudal.engine.files import PART
from caudal.model.release import Signatory
from caudal.publish.kept import read_last
from caudal.publish.site import Site, Tally, write_site
from caudal.river.log import Event, Tell

SITE = "site"
#: In the work folder: what the last site was made of.
LAST = "site.json"


def write_pages(part: Path, who: Signatory | None, work: Path, tell: Tell) -> Site:
    """Writes the site of the release in ``part``. Says after each language how many pages were made and how
    many were kept, and how many milliseconds a page took."""
    name, started = part.name.removesuffix(PART), time.perf_counter()
    tell(Event("publish", name, "started"))

    def hear(language: str, tally: Tally) -> None:
        seconds = sum(s for kind, s in tally.seconds.items() if kind.startswith(f"{language}/"))
        tell(Event("publish", f"{name}/{language}", "made", seconds, page_facts(tally, language, seconds)))

    site = write_site(part, part / SITE, signature=who, last=read_last(work / LAST), hear=hear)
    tell(Event("publish", name, "made", time.perf_counter() - started, {"files": len(site.paths)}))
    return site


def page_facts(tally: Tally, language: str, seconds: float) -> dict[str, float]:
    """Pages of a language that were made and kept, and milliseconds for each that was made."""
    made, kept = tally.made[language], tally.kept[language]
    return {"pages": made, "kept": kept, "milliseconds_a_page": round(1000 * seconds / max(1, made), 1)}


def remember(site: Site, release: Path, work: Path) -> None:
    """Leaves for the next build what the site of ``release`` was made of."""
    site.remember(work / LAST, f"../{release.parent.name}/{release.name}/{SITE}")
