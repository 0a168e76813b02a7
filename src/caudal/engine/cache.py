"""The cache: results under the hash of everything that made them.

A result is a file or a folder whose name is the hash of its inputs, its specs and the code of its room.
Nothing is ever changed in place, so a process that dies leaves complete results or none, and the next run
goes on from the last complete one. What no build has asked for in the present run can be swept.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from caudal.engine.files import canonical_json, sha256_bytes, writing_folder


def content_key(*parts: Any) -> str:
    """Hash of JSON-like ``parts``; equal parts, equal key.

    >>> content_key("a", {"b": 1}) == content_key("a", {"b": 1})
    True
    """
    return sha256_bytes(canonical_json(parts))


@dataclass(frozen=True)
class Cache:
    """Results in folders under ``root``, by room and key."""

    root: Path

    def folder(self, room: str, key: str) -> Path:
        """Where the result of ``room`` with ``key`` lies, or would lie."""
        return self.root / room / key[:32]

    def get(self, room: str, key: str, make: Callable[[Path], None]) -> tuple[Path, bool]:
        """The folder of the result and whether it was made now: ``make`` fills it when it is not there."""
        folder = self.folder(room, key)
        if folder.is_dir():
            return folder, False
        with writing_folder(folder) as part:
            make(part)
        return folder, True

    def sweep(self, keep: Iterable[Path]) -> int:
        """Removes all results that are not in ``keep``; returns how many went."""
        kept = {p.resolve() for p in keep}
        gone = [p for p in self.root.glob("*/*") if p.is_dir() and p.resolve() not in kept]
        for folder in gone:
            shutil.rmtree(folder)
        return len(gone)
