"""Pages and files byte for byte, so that a change of what readers see is read before it is made."""

from __future__ import annotations

import difflib

from tests.golden.publish.make import FOLDER, made


def test_pages_and_files_are_those_that_were_read_and_accepted() -> None:
    changed = []
    for path, data in made().items():
        golden = (FOLDER / path.replace("/", "_")).read_text(encoding="utf-8").splitlines()
        changed += difflib.unified_diff(golden, data.decode().splitlines(), path, "now", lineterm="", n=1)
    assert not changed, "\n".join([*changed[:60], "Accept with: python -m tests.golden.publish.make"])
