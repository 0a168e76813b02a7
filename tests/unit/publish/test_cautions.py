"""What may not be said with a figure follows from the figure, and is said in each language."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from caudal.publish.cautions import cautions
from caudal.publish.indicator import lead
from caudal.publish.release import read_release
from caudal.publish.voice import Voice, voice_of
from tests.unit.publish.fixture import CITIZENSHIP, cell, write_release

STOCK, RATE = "foreign_born", "unemployment_rate"


def told(folder: Path, rows: list[dict[str, Any]], name: str = STOCK, tag: str = "en") -> str:
    voice = voice_of(read_release(write_release(folder, rows)), tag)
    spec = voice.release.indicators[name]
    return " | ".join(cautions(voice, spec, lead(voice, spec)))


@pytest.mark.parametrize(
    ("row", "says", "silent"),
    [
        (cell(STOCK, 100.0, 5.0), "middle of an interval: 90 to 110", "nobody has measured"),
        (cell(STOCK, 100.0), "nobody has measured its error", "middle of an interval"),
        (cell(STOCK, 100.0), "Do not say “foreigners”", "Do not say “born abroad”"),
        (
            cell(STOCK, 100.0, concept_vector=CITIZENSHIP),
            "Do not say “born abroad”",
            "Do not say “foreigners”",
        ),
        (cell(STOCK, 100.0, concept_vector="measure=flow;unit=event"), "counts events", "foreigners"),
        (cell(STOCK, 100.0, obs_status_code="B"), "the series breaks there", "provisional"),
        (cell(STOCK, 100.0, obs_status_code="P"), "it is provisional", "breaks"),
        (cell(STOCK, 100.0, error_note="incomplete-period"), "only a part was counted", "provisional"),
        (cell(STOCK, 100.0, 30.0, reliability="caution"), "without its warning", "provisional"),
    ],
)
def test_each_fact_has_its_sentence(tmp_path: Path, row: dict[str, Any], says: str, silent: str) -> None:
    found = told(tmp_path, [row])
    assert says in found and silent not in found


def test_a_withheld_neighbour_is_no_zero(tmp_path: Path) -> None:
    rows = [cell(STOCK, 100.0), cell(STOCK, None, sex_code="F")]
    assert "as zero" in told(tmp_path, rows)
    assert "as zero" not in told(tmp_path, rows[:1])


@pytest.mark.parametrize(("se", "differ"), [(2.0, True), (0.5, False)])
def test_a_gap_is_claimed_only_outside_its_interval(tmp_path: Path, se: float, differ: bool) -> None:
    rows = [cell(RATE, 9.7, 0.4), cell(RATE + "_gap", 2.8, se)]
    found = told(tmp_path, rows, RATE)
    assert ("the interval allows that they do not" in found) is differ
    assert "causes the difference" in found


def test_of_what_is_not_shown_nothing_is_said(tmp_path: Path) -> None:
    assert told(tmp_path, [cell(STOCK, None)]) == ""


def test_every_language_says_as_much(tmp_path: Path) -> None:
    rows = [cell(RATE, 9.7, 0.4), cell(RATE + "_gap", 2.8, 2.0), cell(RATE, None, sex_code="F")]
    release = read_release(write_release(tmp_path, rows))
    voices: list[Voice] = [voice_of(release, tag) for tag in ("es", "pt", "en")]
    spec = release.indicators[RATE]
    sizes = [len(cautions(v, spec, lead(v, spec))) for v in voices]
    assert sizes[0] == sizes[1] == sizes[2] == 5
