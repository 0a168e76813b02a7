"""The page that compares sources, its sentences recomputed from the cells by another way."""

from __future__ import annotations

import re
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest

from caudal.publish.comparison import Side, populations, sides
from caudal.publish.release import read_release
from caudal.publish.voice import Voice, voice_of
from tests.unit.publish.fixture import cell, observations, write_release

REGISTER: dict[str, Any] = {
    "source_code": "register",
    "concept_vector": "basis=citizenship;measure=stock;stay=permit",
}


@pytest.fixture(scope="module")
def voice(tmp_path_factory: pytest.TempPathFactory) -> Voice:
    """Three sources of a stock, two of a rate that the register puts 3.3 points higher."""
    rows = [*observations(), cell("unemployment_rate", 13.01, **REGISTER)]
    return voice_of(read_release(write_release(tmp_path_factory.mktemp("release"), rows)), "en")


def all_sides(voice: Voice) -> list[Side]:
    return [side for own in populations(voice).values() for side in sides(voice, own)]


def words_of(percent: float) -> str:
    return f"{percent:.0f}%" if percent >= 10 else f"{percent:.1f}%"


def test_every_pair_is_told_with_its_own_distance(voice: Voice) -> None:
    counted = rated = 0
    for side in all_sides(voice):
        pairs = list(combinations(side.entries, 2))
        assert len(side.pairs) == len(pairs)
        for (a, b), told in zip(pairs, side.pairs, strict=True):
            first, second = a.shown.cell.value, b.shown.cell.value
            assert first is not None and second is not None
            sentence = told.size.striptags()
            if a.shown.cell.unit == "PT":
                assert f"{abs(second - first):.1f} percentage points" in sentence
                assert ("above" in sentence) == (second > first) and "%" not in sentence.partition(".")[0]
                rated += 1
            else:
                assert words_of(100 * abs(second - first) / first) in sentence
                assert (" more " in sentence) == (second > first)
                counted += 1
    assert counted >= 3 and rated == 1


def test_what_chance_explains_is_what_the_intervals_say(voice: Voice) -> None:
    for side in all_sides(voice):
        for (a, b), told in zip(combinations(side.entries, 2), side.pairs, strict=True):
            cells = a.shown.cell, b.shown.cell
            known = [c for c in cells if c.lower is not None and c.upper is not None]
            sentence = told.size.striptags()
            if not known:
                assert "Neither has a known error" in sentence
            if len(known) == 1:
                (sampled,) = known
                other = next(c for c in cells if c is not sampled)
                assert sampled.lower is not None and sampled.upper is not None and other.value is not None
                inside = sampled.lower <= other.value <= sampled.upper
                assert bool(re.search("lies inside", sentence)) == inside


def test_two_percentages_that_read_alike_are_the_same_figure(tmp_path: Path) -> None:
    rows = [*observations(), cell("unemployment_rate", 9.71, **REGISTER)]
    told = all_sides(voice_of(read_release(write_release(tmp_path, rows)), "es"))
    (side,) = [s for s in told if s.entries[0].shown.cell.unit == "PT"]
    assert "dan la misma cifra" in side.pairs[0].size
