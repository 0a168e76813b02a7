"""Charts of flows: what a fan and a hundred squares draw."""

from __future__ import annotations

import re

from caudal.publish.chart import Caption
from caudal.publish.fan import Point, fan_chart, squares

CAPTION = Caption("c", "Title", "Words")


def points() -> list[Point]:
    final = [Point(2020 + m / 12, f"{m + 1}/2020", 40.0 + m, None, None, True) for m in range(6)]
    return [*final, *(Point(2020.5 + m / 12, f"{m + 7}/2020", 50.0, 45.0, 55.0, False) for m in range(3))]


def tick(value: float, decimals: int) -> str:
    return f"{value:.{decimals}f}"


def test_a_fan_has_a_line_a_dashed_line_in_a_band_and_says_where_it_begins() -> None:
    svg = fan_chart(points(), CAPTION, tick, "provisional from here")
    assert svg.count("<polygon") == 1 and svg.count("<polyline") == 2
    assert "fan-open" in svg and "provisional from here" in svg and 'role="img"' in svg


def test_a_series_that_is_final_has_no_band() -> None:
    svg = fan_chart(points()[:6], CAPTION, tick, "provisional from here")
    assert "<polygon" not in svg and "provisional" not in svg


def test_no_line_is_drawn_over_a_month_that_is_not_shown() -> None:
    shown = [p for i, p in enumerate(points()) if i not in (2, 4, 7)]  # 1 2 . 4 . 6 | 7 . 9
    svg = fan_chart(shown, CAPTION, tick, "provisional from here")
    lines = re.findall(r'<polyline points="([^"]+)" class="([^"]+)"', svg)
    kinds = [(len(set(p.split())), c.removeprefix("fan-line").strip()) for p, c in lines]
    assert kinds == [(2, ""), (1, "fan-alone"), (1, "fan-alone"), (2, "fan-open"), (1, "fan-open fan-alone")]
    assert svg.count("<polygon") == 2


def test_an_empty_series_draws_nothing() -> None:
    assert fan_chart([], CAPTION, tick, "") == ""


def test_squares_are_a_hundred_and_nothing_that_happened_is_left_out() -> None:
    svg = squares([("others", 0.587), ("trips", 0.409), ("came", 0.003), ("left", 0.001)], CAPTION)
    counts = {name: svg.count(f'class="{name}"') for name in ("others", "trips", "came", "left")}
    assert sum(counts.values()) == 100 and counts["came"] == counts["left"] == 1
