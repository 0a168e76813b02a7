"""A PostgreSQL of its own for the tests: a private cluster of an unprivileged user, without network."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

_USERS = ("postgres", "nobody")


def _binaries() -> Path:
    for folder in sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True):
        if (folder / "initdb").is_file():
            return folder
    pytest.skip("PostgreSQL is missing (Debian: apt-get install postgresql)")


def _as_user() -> dict[str, int]:
    """Arguments that run a program without the rights of root, which PostgreSQL refuses."""
    if os.getuid() != 0:
        return {}
    for name in _USERS:
        try:
            user = pwd.getpwnam(name)
        except KeyError:
            continue
        return {"user": user.pw_uid, "group": user.pw_gid}
    pytest.skip("PostgreSQL refuses to run as root, and there is no other user")


@contextmanager
def cluster() -> Iterator[str]:
    """The address of an empty database, gone afterwards."""
    binaries, who = _binaries(), _as_user()
    place = Path(tempfile.mkdtemp(prefix="caudal-pg-"))
    if who:
        os.chown(place, who["user"], who["group"])
    data, log = place / "data", place / "log"
    options = f"-c listen_addresses= -c unix_socket_directories={place} -c fsync=off"

    def run(*command: str) -> None:
        done = subprocess.run(command, capture_output=True, text=True, cwd=place, **who)  # type: ignore[call-overload]
        assert done.returncode == 0, done.stdout + done.stderr

    try:
        run(str(binaries / "initdb"), "-D", str(data), "-U", "caudal", "-A", "trust", "-E", "UTF8")
        run(str(binaries / "pg_ctl"), "-D", str(data), "-l", str(log), "-o", options, "-w", "start")
        yield f"postgresql:///postgres?host={place}&user=caudal"
        run(str(binaries / "pg_ctl"), "-D", str(data), "-m", "immediate", "-w", "stop")
    finally:
        shutil.rmtree(place, ignore_errors=True)
