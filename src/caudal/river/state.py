"""What the last build saw, so that the next one knows at a glance that nothing changed.

Light on purpose: it imports no engine. Files are compared by size and time of change; anything that
looks different makes the build look again, by content.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

import caudal
from caudal.errors import CaudalError, problem

STATE = "state.json"
LOCK = "lock"
CURRENT = "current.json"

#: Where the specs of a country folder lie.
SPEC_PATTERNS = (
    "caudal.yaml",
    "publication.yaml",
    "protection.yaml",
    "dimensions.yaml",
    "concept_vector.yaml",
    "sources/*.yaml",
    "indicators/*.yaml",
    "codes/*.csv",
    "codes/lists.yaml",
    "labels/*.csv",
    "stories/*.yaml",
    "duplicates/*.csv",
    "boundaries.geojson",
    "data/boundaries.geojson",
)

#: Size and time of change of each file that was looked at; None where there was none.
Seen = dict[str, list[int] | None]


@dataclass(frozen=True)
class State:
    """The files that the last build looked at, the release that it made, and how fast it was: seconds for
    each megabyte of raw files that were new to it."""

    watched: Seen
    release: str
    seconds_per_megabyte: float = 2.0


def spec_files(folder: Path) -> list[Path]:
    """Every text file of the country folder that a build reads, in a fixed order."""
    return [f for pattern in SPEC_PATTERNS for f in sorted(folder.glob(pattern))]


def code_files() -> list[Path]:
    """Every file of the package."""
    package = Path(caudal.__file__).parent
    return sorted(f for f in package.rglob("*") if f.is_file() and "__pycache__" not in f.parts)


def look(files: Iterable[Path]) -> Seen:
    """Size and time of change of each file; None where there is none."""
    seen: Seen = {}
    for file in files:
        try:
            status = file.stat()
        except FileNotFoundError:
            seen[str(file.absolute())] = None
        else:
            seen[str(file.absolute())] = [status.st_size, status.st_mtime_ns]
    return seen


def read_state(work: Path) -> State | None:
    """What the last build left behind; None where nothing (or nothing readable) is there."""
    try:
        return State(**json.loads((work / STATE).read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        return None


def write_state(work: Path, state: State) -> None:
    """Leaves ``state`` for the next build."""
    from caudal.engine.files import write_json

    write_json(work / STATE, asdict(state))


def unchanged(folder: Path) -> str | None:
    """The name of the current release when nothing that made it has changed since, else None."""
    state = read_state(folder / ".caudal")
    if state is None or not (folder / "releases" / state.release / "manifest.json").is_file():
        return None
    if current_name(folder / "releases") != state.release:
        return None
    now = look([*spec_files(folder), *code_files()])
    raw = look(Path(name) for name in state.watched if name not in now)
    return state.release if {**raw, **now} == state.watched else None


def current_name(releases: Path) -> str | None:
    """The name of the release in force."""
    try:
        name = json.loads((releases / CURRENT).read_text(encoding="utf-8"))["release"]
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return str(name)


def current_release(folder: Path) -> Path:
    """The folder of the release in force; raises where nothing has been built."""
    name = current_name(folder / "releases")
    if name is None or not (folder / "releases" / name).is_dir():
        raise CaudalError(problem("no-release", where=str(folder)))
    return folder / "releases" / name


@contextmanager
def locked(work: Path) -> Iterator[None]:
    """One writer of a folder's work at a time. The system holds the lock and lets it go with the process,
    however that ends; what the file says is only for the message to whoever comes second."""
    work.mkdir(parents=True, exist_ok=True)
    lock = work / LOCK
    with lock.open("a+", encoding="utf-8") as stream:
        if not _taken(stream.fileno()):
            stream.seek(0)
            raise CaudalError(problem("build-running", where=str(lock), holder=stream.read().strip() or "?"))
        stream.truncate(0)
        stream.write(str(os.getpid()))
        stream.flush()
        yield


def _taken(handle: int) -> bool:
    try:
        if sys.platform == "win32":
            import msvcrt

            msvcrt.locking(handle, msvcrt.LK_NBLCK, 1)
        else:
            import fcntl

            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True
