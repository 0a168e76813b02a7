"""Charts: what they draw is where the numbers say, and nothing in them is colour alone."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st

from caudal.publish.chart import Caption, Mark, folded, rows_chart, scale_for, strips, time_chart

CAPTION = Caption("c", "Title <b>", "Description & more")


def tick(value: float, decimals: int) -> str:
    return f"{value:.{decimals}f}"


def elements(svg: str, name: str) -> list[ET.Element]:
    """Elements by class."""
    return [e for e in ET.fromstring(svg).iter() if name in (e.get("class") or "").split()]


@given(st.lists(st.floats(-1e9, 1e9), min_size=1, max_size=8))
def test_the_axis_holds_every_value_with_few_round_ticks(values: list[float]) -> None:
    scale = scale_for([Mark("a", "", v) for v in values])
    assert scale.low <= min(values) + 1e-6 * scale.step
    assert scale.high >= max(values) - 1e-6 * scale.step
    assert 2 <= len(scale.ticks()) <= 9


def test_a_chart_is_xml_with_a_title_and_a_description_that_are_escaped() -> None:
    root = ET.fromstring(rows_chart([Mark("A & <B>", "1", 1.0)], CAPTION, tick))
    assert root.get("role") == "img" and root.get("aria-labelledby") == "c-t c-d"
    assert [e.text for e in root if e.tag in ("title", "desc")] == ["Title <b>", "Description & more"]


def test_a_dot_lies_inside_its_interval_where_the_numbers_say() -> None:
    svg = rows_chart([Mark("A", "10", 10.0, 8.0, 14.0)], CAPTION, tick)
    dot = float(str(elements(svg, "dot")[0].get("cx")).rstrip("%"))
    line = elements(svg, "i95")[0]
    low, high = (float(str(line.get(k)).rstrip("%")) for k in ("x1", "x2"))
    assert (dot - low) / (high - low) == pytest.approx((10 - 8) / (14 - 8), abs=0.01)


def test_a_bar_starts_at_zero_even_when_no_figure_is_near_it() -> None:
    svg = rows_chart([Mark("A", "90", 90.0), Mark("B", "100", 100.0)], CAPTION, tick, bars=True)
    first, second = (float(str(b.get("width")).rstrip("%")) for b in elements(svg, "bar"))
    assert first / second == pytest.approx(0.9, abs=0.01)


def test_a_negative_bar_ends_at_zero() -> None:
    svg = rows_chart([Mark("A", "-5", -5.0), Mark("B", "5", 5.0)], CAPTION, tick, bars=True)
    down, up = elements(svg, "bar")
    end = float(str(down.get("x")).rstrip("%")) + float(str(down.get("width")).rstrip("%"))
    assert end == pytest.approx(float(str(up.get("x")).rstrip("%")), abs=0.02)


def test_withheld_marks_are_drawn_alike_wherever_the_scale_lies() -> None:
    drawn = []
    for value in (1.0, 1000.0):
        svg = rows_chart([Mark("A", "x", value), Mark("B", "not shown", None)], CAPTION, tick)
        drawn.append(elements(svg, "hatch")[0].attrib)
    assert drawn[0] == drawn[1]


def test_weak_figures_are_hollow() -> None:
    svg = rows_chart([Mark("A", "1 *", 1.0, weak=True), Mark("B", "2", 2.0)], CAPTION, tick)
    assert len(elements(svg, "weak")) == 1


def test_over_time_the_last_period_is_always_named() -> None:
    marks = [Mark(str(2000 + i), "", float(i)) for i in range(17)]
    svg = time_chart(marks, [float(m.label) for m in marks], CAPTION, tick)
    names = sorted(str(e.text) for e in elements(svg, "mid"))
    assert names[-1] == "2016" and 4 <= len(names) <= 6


def test_a_missing_period_leaves_its_place_empty() -> None:
    marks = [Mark(str(y), "", 1.0) for y in (2010, 2011, 2020)]
    svg = time_chart(marks, [2010.0, 2011.0, 2020.0], CAPTION, tick)
    x = [float(str(e.get("cx")).rstrip("%")) for e in elements(svg, "dot")]
    assert (x[2] - x[1]) / (x[1] - x[0]) == pytest.approx(9, abs=0.01)


def test_a_limit_below_zero_does_not_move_the_axis_of_totals() -> None:
    svg = rows_chart([Mark("A", "9", 9.0, -2.0, 20.0)], CAPTION, tick, bars=True)
    assert next(str(e.text) for e in elements(svg, "mid")) == "0"
    assert elements(svg, "i95")[0].get("x1") == elements(svg, "bar")[0].get("x")


def test_a_label_takes_three_lines_at_most() -> None:
    assert folded("x" * 200)[0].endswith("…")
    assert len(folded("word " * 60)) == 3


@given(st.floats(0, 40), st.floats(60, 100), st.floats(0.1, 5), st.floats(0, 100))
def test_strips_stand_on_one_scale_with_the_line_of_the_total(
    low: float, high: float, half: float, total: float
) -> None:
    marks = [Mark("", "", low, low - half, low + half), Mark("", "", high), Mark("", "", None)]
    drawn = strips(marks, total)
    lines = [re.findall(r'x1="([\d.]+)%"[^>]*class="ref"', s) for s in drawn]
    assert lines[0] == lines[1] == lines[2] and len(lines[0]) == 1
    dots = [re.findall(r'cx="([\d.]+)%"', s) for s in drawn]
    assert dots[2] == [] and 'class="hatch"' in drawn[2]
    a, b, t = float(dots[0][0]), float(dots[1][0]), float(lines[0][0])
    assert (t - a) * (high - low) == pytest.approx((b - a) * (total - low), abs=0.02 * (high - low) + 0.1)
    ends = re.search(r'x1="([\d.]+)%" x2="([\d.]+)%"[^>]*class="i95"', drawn[0])
    assert ends and float(ends[2]) - float(ends[1]) == pytest.approx(
        (b - a) * 2 * half / (high - low), abs=0.1
    )
    assert all('aria-hidden="true"' in s and "<text" not in s for s in drawn)
