from __future__ import annotations

import numpy as np
import pytest

from caudal.simulate import Population, SurveyDesign, draw_survey, make_frame, make_population
from caudal.simulate.draws import Purpose, stream
from caudal.simulate.geography import make_geography
from caudal.simulate.origins import ISTMO
from caudal.simulate.sampling import draw_households, respond


@pytest.fixture(scope="module")
def large() -> Population:
    return make_population(persons=200_000, seed=1)


def test_every_stratum_has_two_psus_or_more_and_none_twice() -> None:
    geography = make_geography(20_000, 1)
    frame = make_frame(geography, SurveyDesign(psus=60))
    for seed in range(50):
        sample = draw_households(frame, stream(seed, Purpose.SURVEY_SAMPLE))
        psus = sample.psu[:: frame.design.households_per_psu]
        assert len(set(psus.tolist())) == len(psus)
        assert len(set(sample.household.tolist())) == len(sample.household)
        strata, drawn = np.unique(geography.stratum[psus], return_counts=True)
        assert len(strata) == 16
        assert np.array_equal(drawn, frame.allocation)
        assert drawn.min() >= 2


def test_psus_are_drawn_with_probability_proportional_to_size() -> None:
    """Over many draws every PSU is drawn as often as its size says."""
    geography = make_geography(20_000, 1)
    frame = make_frame(geography, SurveyDesign(psus=60))
    draws = 3_000
    drawn = np.zeros(geography.psus)
    for seed in range(draws):
        drawn[np.unique(draw_households(frame, stream(seed, Purpose.SURVEY_SAMPLE)).psu)] += 1
    expected = frame.allocation[frame.of_stratum] * frame.sizes / frame.totals[frame.of_stratum]
    error = (drawn / draws - expected) / np.sqrt(expected * (1 - expected) / draws)
    assert np.abs(error).max() < 4.5
    assert 0.8 < error.std() < 1.2


def test_households_lie_in_their_psu() -> None:
    geography = make_geography(50_000, 2)
    frame = make_frame(geography, SurveyDesign(psus=100))
    sample = draw_households(frame, stream(1, Purpose.SURVEY_SAMPLE))
    inside = sample.household - geography.household_start[sample.psu]
    assert (inside >= 0).all()
    assert (inside < geography.households[sample.psu]).all()


def test_the_adjustment_keeps_the_weight_of_each_psu() -> None:
    geography = make_geography(50_000, 2)
    frame = make_frame(geography, SurveyDesign(psus=100, nonresponse_urban=0.6, nonresponse_rural=0.6))
    sample = draw_households(frame, stream(1, Purpose.SURVEY_SAMPLE))
    answers, weight = respond(sample, np.zeros(len(sample.psu), dtype=np.bool_), frame)
    assert 0.3 < answers.mean() < 0.5
    before = np.bincount(sample.psu, sample.weight)
    after = np.bincount(sample.psu, weight * answers)
    assert np.allclose(before, after)


def test_the_weights_are_unequal(large: Population) -> None:
    draw = draw_survey(large, seed=1)
    assert draw.weight.std() / draw.weight.mean() > 0.3


def test_the_same_seed_gives_the_same_survey(large: Population) -> None:
    first, second = draw_survey(large, seed=4), draw_survey(large, seed=4)
    assert np.array_equal(first.row, second.row)
    assert np.array_equal(first.weight, second.weight)
    assert not np.array_equal(first.row, draw_survey(large, seed=5).row)


def test_whole_households_are_interviewed(large: Population) -> None:
    draw = draw_survey(large, seed=4)
    _, members = np.unique(draw.household, return_counts=True)
    first = np.flatnonzero(np.diff(draw.household, prepend=-1))
    assert np.array_equal(np.sort(members), np.sort(large["household_size"][draw.row[first]]))
    assert np.array_equal(large["household_id"][draw.row] - 1, draw.household)


def test_estimates_are_unbiased_and_the_design_effect_is_above_two(large: Population) -> None:
    abroad = (large["birth_country"] != ISTMO).astype(float)
    frame = make_frame(large.geography, SurveyDesign(psus=240, nonresponse_migrants=0.0))
    shares, totals, n = [], [], []
    for seed in range(400):
        draw = draw_survey(large, seed, frame=frame)
        totals.append((draw.weight * abroad[draw.row]).sum())
        shares.append(totals[-1] / draw.weight.sum())
        n.append(len(draw.row))
    truth = abroad.mean()
    error = np.std(shares) / np.sqrt(len(shares))
    assert abs(np.mean(shares) - truth) < 3.5 * error
    assert abs(np.mean(totals) - abroad.sum()) < 3.5 * np.std(totals) / np.sqrt(len(totals))
    assert np.var(shares) / (truth * (1 - truth) / np.mean(n)) > 2


def test_nonresponse_of_migrants_biases_downwards(large: Population) -> None:
    abroad = large["birth_country"] != ISTMO
    frame = make_frame(large.geography, SurveyDesign(psus=240, nonresponse_migrants=0.3))
    totals = []
    for seed in range(60):
        draw = draw_survey(large, seed, frame=frame)
        totals.append((draw.weight * abroad[draw.row]).sum())
    assert np.mean(totals) < 0.9 * abroad.sum()
