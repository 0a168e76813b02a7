"""A spec with many mistakes: all at once, each with file, line and the nearest right name."""

from __future__ import annotations

from pathlib import Path

import pytest

from caudal.engine.specs import read_document, read_spec
from caudal.errors import CaudalError
from caudal.model.source import SourceSpec

TEN_MISTAKES = """\
source: eph
titel: {en: A survey}
producer: an office
origin: a page
licence: free
kind: person
concept: {measure: stock}
tables:
  persons:
    format: {type: delimitd}
  households:
    format: {type: delimited, separatr: ";"}
columns:
  sex_code: {from: CH04, recod: {1: M}}
  age_years: {from: CH06, centry: 1925}
design: {type: sampl}
duplicates: keep_frist
thresholds: {quarantined: 3}
deliveries:
  - period: 2019-T3
    fil: a.txt
  - {period: 2019-Q4, file: b.txt, recieved: 2020-01-01}
"""


@pytest.fixture
def spec(tmp_path: Path) -> Path:
    path = tmp_path / "source.yaml"
    path.write_text(TEN_MISTAKES, encoding="utf-8")
    return path


def test_all_mistakes_are_reported_at_once_with_their_lines(spec: Path) -> None:
    source, problems = read_spec(spec, SourceSpec)
    assert source is None
    lines = {int(p.where.rsplit(":", 1)[1]) for p in problems}
    assert lines >= {1, 2, 10, 12, 14, 15, 16, 17, 18, 20, 21, 22}
    assert len(problems) >= 10


def test_each_misspelt_name_comes_with_the_right_one(spec: Path) -> None:
    _, problems = read_spec(spec, SourceSpec)
    near = {str(p.facts["found"]): p.facts["nearest"] for p in problems if p.code == "unknown-name"}
    assert near == {
        "titel": "title",
        "delimitd": "delimited",
        "separatr": "separator",
        "recod": "recode",
        "centry": "century",
        "sampl": "sample",
        "keep_frist": "keep_first",
        "fil": "file",
        "recieved": "received",
    }


def test_what_is_missing_is_named(spec: Path) -> None:
    _, problems = read_spec(spec, SourceSpec)
    assert [p.facts["name"] for p in problems if p.code == "spec-missing"] == ["title"]


def test_a_spec_that_contains_itself_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "loop.yaml"
    path.write_text("a: 1\nb: &me\n  - *me\n", encoding="utf-8")
    with pytest.raises(CaudalError) as caught:
        read_document(path)
    assert caught.value.problems[0].code == "spec-loops"
    assert caught.value.problems[0].where.endswith(":3") or caught.value.problems[0].where.endswith(":2")


@pytest.mark.parametrize(
    ("text", "line"),
    [("a: 1\nb: [1, 2\n", 3), ("a: 1\na: 2\n", 2), ("a:\n\t- 1\n", 2)],
    ids=["open", "twice", "tab"],
)
def test_what_is_not_yaml_is_said_with_its_line(tmp_path: Path, text: str, line: int) -> None:
    path = tmp_path / "bad.yaml"
    path.write_text(text, encoding="utf-8")
    _, problems = read_spec(path, SourceSpec)
    assert [p.code for p in problems] == ["spec-not-yaml"]
    assert abs(int(problems[0].where.rsplit(":", 1)[1]) - line) <= 1


def test_yaml_is_1_2_norway_is_a_country(tmp_path: Path) -> None:
    path = tmp_path / "countries.yaml"
    path.write_text("codes: [NO, AR, yes, on]\nnumber: 012\n", encoding="utf-8")
    assert read_document(path).data == {"codes": ["NO", "AR", "yes", "on"], "number": 12}


def test_a_byte_order_mark_and_dates_stay_text(tmp_path: Path) -> None:
    path = tmp_path / "dated.yaml"
    path.write_bytes(b"\xef\xbb\xbfday: 2019-09-01\n")
    assert read_document(path).data == {"day": "2019-09-01"}
