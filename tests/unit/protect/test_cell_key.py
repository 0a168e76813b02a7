"""Perturbation tables of cell keys."""

import numpy as np
import pytest

from caudal.errors import CaudalError
from caudal.protect.methods.cell_key import perturb, record_keys, transition, variance_of


@pytest.mark.parametrize("n", range(1, 20))
def test_the_noise_of_every_count_has_mean_zero_and_stays_within_its_limit(n: int) -> None:
    deviations, cumulative = transition(n, 2.0, 5, 5)
    p = np.diff(cumulative, prepend=0.0)
    assert abs(p @ deviations) < 1e-9
    assert abs(p.sum() - 1) < 1e-12 and (p >= 0).all()
    assert np.abs(deviations).max() <= 5
    assert not (((deviations + n) > 0) & ((deviations + n) < 5)).any()


def test_large_counts_have_the_variance_that_is_stated() -> None:
    assert variance_of(15, 2.0, 5, 5) == pytest.approx(2.0, abs=1e-3)


def test_zeros_stay_zeros() -> None:
    zero = np.zeros(100, np.int64)
    keys = np.arange(100)
    assert not perturb(zero, keys, variance=2.0, largest=5, least=5, secret=b"s").any()


def test_keys_come_from_the_secret_and_the_person() -> None:
    assert (record_keys(["a"], b"1") != record_keys(["a"], b"2")).all()
    with pytest.raises(CaudalError, match="secret"):
        record_keys(["a"], b"")


def test_a_limit_too_small_for_the_threshold_is_refused() -> None:
    with pytest.raises(CaudalError) as error:
        transition(2, 2.0, 1, 5)
    assert error.value.problems[0].code == "protect-no-transition"
