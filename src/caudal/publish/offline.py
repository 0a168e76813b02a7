"""What a browser keeps, so that the pages of a language open without a connection after the first visit."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping

from caudal.engine.files import sha256_bytes

#: Scripts and styles of all pages, by path below ``static``.
SCRIPTS = (
    "explore.js",
    "offline.js",
    "offline-worker.js",
    "picker.js",
    "search.js",
    "vendor/hyparquet.min.js",
    "vendor/minisearch.min.js",
)
#: Bytes of pages that a phone keeps of one language.
MOST_KEPT = 8_000_000


def keeping(site: Mapping[str, tuple[str, int]], languages: Iterable[str]) -> bytes:
    """``offline.json`` of a site whose files are told by SHA-256 and size: the edition, what all languages
    share, and the pages of each language; the shallow ones first, as many as fit in ``MOST_KEPT`` bytes.

    >>> held = dict.fromkeys(("en/index.html", "en/a/b.html", "caudal.css", "en/data/x.csv"), ("", 3))
    >>> json.loads(keeping(held, ["en"]))["pages"]
    {'en': ['en/index.html', 'en/a/b.html']}
    """
    pages = {tag: _fitting(site, tag) for tag in languages}
    shared = [p for p in ("caudal.css", "index.html", *SCRIPTS) if p in site and p != "offline-worker.js"]
    digests = "".join(site[path][0] for path in sorted(site) if path.endswith(".html"))
    told = {"release": sha256_bytes(digests.encode())[:16], "shared": shared, "pages": pages}
    return json.dumps(told, indent=1).encode() + b"\n"


def _fitting(site: Mapping[str, tuple[str, int]], tag: str) -> list[str]:
    own = [p for p in site if p.startswith(f"{tag}/") and p.endswith((".html", "/explore.json"))]
    own = [p for p in own if not p.startswith(f"{tag}/embed/")]  # those are for the sites of others
    kept, room = [], MOST_KEPT
    for path in sorted(own, key=lambda p: (p.count("/"), p)):
        room -= site[path][1]
        if room < 0:
            break
        kept.append(path)
    return kept
