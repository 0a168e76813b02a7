"""Numbers and times as readers write them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from caudal.publish.numbers import NumberStyle, TimeStyle, decimals_for, number, period, rounded

SPANISH = NumberStyle(decimal=",", group=".")


@pytest.mark.parametrize(
    ("value", "decimals", "shown"),
    [
        (1234567.891, 1, "1.234.567,9"),
        (-0.04, 1, "0,0"),
        (-3.25, 1, "−3,3"),
        (1287345.0, -3, "1.287.000"),
        (499.0, -3, "0"),
        (0.5, 0, "1"),
        (2.675, 2, "2,68"),
        (1e15, 0, "1.000.000.000.000.000"),
    ],
)
def test_a_number_is_rounded_half_up_in_the_marks_of_its_locale(
    value: float, decimals: int, shown: str
) -> None:
    assert number(value, decimals, SPANISH) == shown


@pytest.mark.parametrize(
    ("error", "most", "decimals"),
    [
        (0.35, 1, 1),
        (0.35, 3, 2),
        (12.0, 1, 0),
        (41230.0, 0, -3),
        (None, 1, 1),
        (0.0, 1, 1),
        (float("nan"), 1, 1),
    ],
)
def test_digits_follow_the_error_and_end_at_those_of_the_indicator(
    error: float | None, most: int, decimals: int
) -> None:
    assert decimals_for(error, most) == decimals


def test_rounding_reads_the_shortest_decimal_form_of_the_double() -> None:
    assert str(rounded(9.65, 1)) == "9.7"  # the double lies below 9.65


def test_a_period_of_a_shape_without_words_stays_as_it_is() -> None:
    style = TimeStyle({"month": "{name} {year}"}, {"month": ("January", "February")})
    assert period("2024-01", style) == "January 2024"
    assert [period(c, style) for c in ("2024", "2024-Q3", "2024-W07", "2024-13")] == [
        "2024",
        "2024-Q3",
        "2024-W07",
        "2024-13",
    ]


@given(st.floats(-1e12, 1e12), st.integers(-4, 6))
def test_a_number_that_is_read_back_is_the_rounded_one(value: float, decimals: int) -> None:
    shown = number(value, decimals, SPANISH)
    back = float(shown.replace(".", "").replace(",", ".").replace("−", "-"))
    assert abs(back - value) <= 0.5 * 10.0**-decimals * (1 + 1e-9) + 1e-15 * abs(value)
    assert shown != "−0"
