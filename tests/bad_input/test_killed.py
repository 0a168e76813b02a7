"""A build that is killed at any write, rename or flush: the last release stays, the next run goes on from
what is whole, and ends at the same bytes. The same for a disk that fills.

A child process is forked for each place, counts the calls that change the disk, and kills itself (SIGKILL)
just before, or just after, the n-th.
"""

from __future__ import annotations

import errno
import os
import shutil
import signal
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NoReturn

import pytest

from caudal.errors import CaudalError
from caudal.publish.shelf import Shelf
from caudal.river.build import build
from caudal.river.signing import verify
from caudal.river.state import current_release
from tests.support.small_country import replace_in, write_country

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="needs fork and SIGKILL")

#: The calls through which everything that a build keeps reaches the disk.
CALLS = (
    (Path, "replace"),
    (Path, "rename"),
    (Path, "write_bytes"),
    (Path, "mkdir"),
    (Path, "unlink"),
    (os, "fsync"),
    (shutil, "rmtree"),
    (Shelf, "put"),
)


def contents(folder: Path) -> dict[str, bytes]:
    return {f.relative_to(folder).as_posix(): f.read_bytes() for f in folder.rglob("*") if f.is_file()}


class Counter:
    """Counts the calls that change the disk; at the n-th, does what it was told."""

    def __init__(self, place: int, action: Callable[[], None], *, after: bool = False) -> None:
        self.left, self.action, self.after, self.calls = place, action, after, 0

    def install(self) -> None:
        for owner, name in CALLS:
            setattr(owner, name, self._wrapped(getattr(owner, name)))

    def _wrapped(self, original: Callable[..., Any]) -> Callable[..., Any]:
        def counted(*args: Any, **kwargs: Any) -> Any:
            self.calls += 1
            here = self.calls == self.left
            if here and not self.after:
                self.action()
            found = original(*args, **kwargs)
            if here and self.after:
                self.action()
            return found

        return counted


def in_a_child(run: Callable[[], None]) -> int:
    """The exit status of ``run`` in a forked process: 0, or minus the signal that ended it."""
    child = os.fork()
    if child == 0:
        _run_and_leave(run)
    _, status = os.waitpid(child, 0)
    return os.waitstatus_to_exitcode(status)


def _run_and_leave(run: Callable[[], None]) -> NoReturn:
    try:
        run()
    except BaseException:  # noqa: BLE001 - the child may only leave by its status
        os._exit(1)
    os._exit(0)


def kill_here() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def how_many_places(folder: Path, scratch: Path) -> int:
    """How often a build of ``folder`` changes the disk."""
    counted = scratch / "calls"

    def run() -> None:
        counter = Counter(-1, kill_here)
        counter.install()
        build(folder)
        with counted.open("w") as stream:
            stream.write(str(counter.calls))

    assert in_a_child(run) == 0
    return int(counted.read_text())


@pytest.fixture(scope="module", autouse=True)
def no_threads_of_other_libraries() -> Iterator[None]:
    """The library that writes PDFs keeps threads of its own, which do not survive a fork."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("caudal.publish.sheets.printed", lambda voice, name, *, draft: {})
        yield


@pytest.fixture(scope="module")
def start(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path, int]:
    """A country with a release in force and a change to build; the release that the change makes; places."""
    base = tmp_path_factory.mktemp("killed")
    before = write_country(base / "before")
    replace_in(before / "caudal.yaml", "[es, pt, en]", "[es]")
    assert in_a_child(lambda: _built(before)) == 0
    replace_in(before / "sources" / "survey.yaml", "1: M, 2: F", "1: F, 2: M")
    replace_in(before / "publication.yaml", "2024-05", "2024-06")
    whole = Path(shutil.copytree(before, base / "whole"))
    places = how_many_places(whole, base)
    return before, whole, places


def _built(folder: Path) -> None:
    build(folder)


def _killed_at(start: tuple[Path, Path, int], tmp_path: Path, place: int, *, after: bool) -> None:
    before, whole, _ = start
    folder = Path(shutil.copytree(before, tmp_path / "pais"))
    last = current_release(folder)
    kept = contents(last)

    def run() -> None:
        Counter(place, kill_here, after=after).install()
        build(folder)

    assert in_a_child(run) == -signal.SIGKILL
    in_force = current_release(folder)
    assert verify(in_force) == []
    assert contents(last) == kept, "the release before is as it was"
    assert in_a_child(lambda: _built(folder)) == 0
    assert contents(current_release(folder)) == contents(current_release(whole))
    assert not list(folder.rglob("*.part"))


def test_killed_at_some_places(start: tuple[Path, Path, int], tmp_path: Path) -> None:
    places = start[2]
    assert places > 30
    step = max(1, places // 5)
    for place in (*range(1, places, step), places):
        _killed_at(start, tmp_path / str(place), place, after=place % 2 == 0)


@pytest.mark.long
def test_killed_at_every_place(start: tuple[Path, Path, int], tmp_path: Path) -> None:
    for place in range(1, start[2] + 1):
        here = tmp_path / str(place)
        _killed_at(start, here, place, after=place % 2 == 1)
        shutil.rmtree(here)


def test_a_disk_that_fills_is_said_and_the_release_stays(
    start: tuple[Path, Path, int], tmp_path: Path
) -> None:
    before, _, places = start
    folder = Path(shutil.copytree(before, tmp_path / "pais"))
    last = current_release(folder)
    kept = contents(last)

    def fill() -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    def run() -> None:
        Counter(places // 2, fill).install()
        try:
            build(folder)
        except CaudalError as error:
            os._exit(42 if error.problems[0].code == "disk-full" else 43)

    assert in_a_child(run) == 42
    assert current_release(folder) == last and contents(last) == kept
    assert in_a_child(lambda: _built(folder)) == 0
