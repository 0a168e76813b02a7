"""Primary risk rules."""

import numpy as np
import pytest

from caudal.errors import CaudalError
from caudal.protect.primary import dominant, p_percent_risk, small_counts


def test_zeros_are_primary_only_where_the_custodian_says_so() -> None:
    counts = np.array([0, 1, 4, 5, 60])
    assert small_counts(counts, 5).tolist() == [False, True, True, False, False]
    assert small_counts(counts, 5, zeros=True).tolist() == [True, True, True, False, False]


def test_thresholds_may_differ_by_cell() -> None:
    assert small_counts(np.array([6, 6]), np.array([5, 10])).tolist() == [False, True]


def test_dominance_counts_the_largest_contributors_together() -> None:
    cells = [[50, 30, 20], [90, 5, 5]]
    assert dominant(cells, n=1, k=75).tolist() == [False, True]
    assert dominant(cells, n=2, k=75).tolist() == [True, True]


def test_p_percent_asks_what_the_second_contributor_can_infer() -> None:
    assert p_percent_risk([[100, 50, 9], [100, 50, 10], []], p=10).tolist() == [True, False, False]


@pytest.mark.parametrize("bad", [-1.0, float("nan")])
def test_negative_contributions_are_refused(bad: float) -> None:
    with pytest.raises(CaudalError) as error:
        dominant([[1.0, bad], [2.0, 3.0]], n=1, k=75)
    assert error.value.problems[0].code == "protect-not-a-count"
