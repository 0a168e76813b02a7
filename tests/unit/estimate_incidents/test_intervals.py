"""Intervals of deaths that come several at a time."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import chi2

from caudal.errors import CaudalError
from caudal.estimate.incidents import interval, rate_ratio


@pytest.mark.parametrize("deaths", [1, 3, 20, 400])
def test_deaths_one_by_one_have_the_exact_interval_of_a_poisson_count(deaths: int) -> None:
    found = interval([1] * deaths)
    assert found.lower == pytest.approx(chi2.ppf(0.025, 2 * deaths) / 2)
    assert found.upper == pytest.approx(chi2.ppf(0.975, 2 * deaths + 2) / 2)
    assert found.se == pytest.approx(deaths**0.5)


def test_the_interval_scales_with_the_size_of_incidents() -> None:
    single, tens = interval([1] * 30), interval([10] * 30)
    assert (tens.lower, tens.upper) == pytest.approx((10 * single.lower, 10 * single.upper))


def test_the_same_deaths_in_fewer_incidents_say_less() -> None:
    widths = [(i.upper - i.lower) for i in (interval([1] * 100), interval([5] * 20), interval([50] * 2))]
    assert widths == sorted(widths)
    assert widths[1] > 2 * widths[0]


def test_the_order_of_incidents_does_not_matter_and_empty_ones_say_nothing() -> None:
    assert interval([3, 1, 40]) == interval([40, 3, 1]) == interval([0, 40, 0, 3, 1])


def test_one_shipwreck_does_not_show_that_a_year_was_worse() -> None:
    usual = [1] * 20
    assert rate_ratio([*usual, 60], usual).lower < 1
    assert rate_ratio([1] * 80, usual).lower > 1


def test_a_ratio_turned_round_is_its_inverse() -> None:
    one, other = rate_ratio([2, 5], [7, 1, 1]), rate_ratio([7, 1, 1], [2, 5])
    assert one.value == pytest.approx(1 / other.value)
    assert (one.lower, one.upper) == pytest.approx((1 / other.upper, 1 / other.lower))


@pytest.mark.parametrize(
    ("tolls", "code"), [([3, -1], "toll-negative"), ([], "no-incident"), ([0, 0], "no-incident")]
)
def test_what_cannot_be_is_refused(tolls: list[int], code: str) -> None:
    with pytest.raises(CaudalError) as caught:
        interval(tolls)
    assert [p.code for p in caught.value.problems] == [code]


@pytest.mark.parametrize(("incidents", "level"), [(8, 0.89), (40, 0.925)])
def test_the_interval_holds_the_expected_deaths_better_than_that_of_single_deaths(
    incidents: int, level: float
) -> None:
    """Tolls as in boats: mostly one or two, sometimes ten. The naive interval takes deaths as independent.
    With few incidents the largest toll has often not been seen, and some coverage is lost."""
    draws = np.random.default_rng(20261122)
    tolls, share = np.array([1, 2, 4, 10]), np.array([0.6, 0.2, 0.12, 0.08])
    expected = incidents * float(tolls @ share)
    held = naive = runs = 0
    for _ in range(600):
        drawn = draws.choice(tolls, draws.poisson(incidents), p=share).tolist()
        if not drawn:
            continue
        runs += 1
        ours, theirs = interval(drawn), interval([1] * sum(drawn))
        held += ours.lower <= expected <= ours.upper
        naive += theirs.lower <= expected <= theirs.upper
    assert held / runs > level
    assert naive / runs < 0.85
