"""The method page shows what happens."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

PAGE = Path(__file__).parents[3] / "docs" / "methods" / "stays.md"


def test_the_example_of_the_page_prints_what_it_says(capsys: pytest.CaptureFixture[str]) -> None:
    examples = re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    assert examples
    for example in examples:
        told = [line.removeprefix("# ") for line in example.splitlines() if line.startswith("# ")]
        exec(compile(example, str(PAGE), "exec"), {})
        assert capsys.readouterr().out.splitlines() == told
