"""The terminal writes numbers with the marks of its language; JSON keeps them as numbers."""

from __future__ import annotations

import argparse

import pytest

from caudal.cli.show import count, number


@pytest.mark.parametrize(
    ("language", "whole", "part"),
    [("en", "1,287,345", "0.25"), ("es", "1.287.345", "0,25"), ("pt", "1.287.345", "0,25")],
)
def test_numbers_have_the_marks_of_the_language(language: str, whole: str, part: str) -> None:
    given = argparse.Namespace(language=language)
    assert count(given, 1287345) == number(given, 1287345.0) == whole
    assert number(given, 0.25) == part and number(given, None) == number(given, float("nan")) == "—"
