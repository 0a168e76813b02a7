"""The lock of a country folder, and what a build remembers of the files it saw."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from caudal.errors import CaudalError
from caudal.river.state import locked, spec_files

HOLD = """
import sys, time
from pathlib import Path
from caudal.river.state import locked
with locked(Path(sys.argv[1])):
    print("held", flush=True)
    time.sleep(60)
"""


def test_a_second_writer_is_refused_and_told_who_holds_the_folder(tmp_path: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, str(tmp_path)], stdout=subprocess.PIPE, text=True
    ) as holder:
        assert holder.stdout is not None and holder.stdout.readline() == "held\n"
        with pytest.raises(CaudalError, match=str(holder.pid)), locked(tmp_path):
            pass
        holder.send_signal(signal.SIGKILL)
    with locked(tmp_path):
        assert (tmp_path / "lock").is_file(), "the lock of a process that was killed is free"


def test_the_lock_is_let_go_when_the_work_fails(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="work"), locked(tmp_path):
        raise ValueError("work")
    with locked(tmp_path):
        assert list(tmp_path.iterdir()) == [tmp_path / "lock"]


def test_specs_are_listed_in_a_fixed_order_and_nothing_else_is(tmp_path: Path) -> None:
    for name in ("sources/b.yaml", "sources/a.yaml", "caudal.yaml", "codes/x.csv", "codes/notes.txt"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("", "utf-8")
    found = [f.relative_to(tmp_path).as_posix() for f in spec_files(tmp_path)]
    assert found == ["caudal.yaml", "sources/a.yaml", "sources/b.yaml", "codes/x.csv"]
