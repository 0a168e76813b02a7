"""What holds for every seed, size and design of the generator."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from caudal.simulate import SurveyDesign, make_frame
from caudal.simulate.documents import document_number
from caudal.simulate.draws import TABLE_SIZE, Purpose, cumulative, pick, pick_by, quantiles, stream
from caudal.simulate.geography import make_geography
from caudal.simulate.sampling import draw_households, part, respond

weights = st.lists(st.floats(0, 100), min_size=1, max_size=8).filter(lambda w: sum(w) > 0.01)


@given(weights, st.integers(0, 2**32))
def test_a_category_without_weight_is_never_picked(w: list[float], seed: int) -> None:
    u = stream(seed, Purpose.POPULATION).random(200)
    chosen = pick(u, cumulative(w))
    assert chosen.min() >= 0
    assert chosen.max() < len(w)
    assert all(w[i] > 0 for i in set(chosen.tolist()))
    assert np.array_equal(chosen, pick_by(u, cumulative([w]), np.zeros(200, dtype=np.int64)))


@given(
    st.lists(st.tuples(st.integers(0, 50), st.integers(0, 40), st.floats(0.5, 50)), min_size=1, max_size=6)
)
def test_quantile_tables_stay_within_their_bands(spans: list[tuple[int, int, float]]) -> None:
    bands = [(first, first + more, weight) for first, more, weight in spans]
    table = quantiles(bands)
    assert len(table) == TABLE_SIZE
    allowed = set().union(*(range(a, b + 1) for a, b, _ in bands))
    assert set(table.tolist()) <= allowed


@given(st.lists(st.integers(0, 99_000_000), min_size=2, max_size=300, unique=True))
def test_document_numbers_are_one_to_one(persons: list[int]) -> None:
    numbers = document_number(np.array(persons))
    assert len(set(numbers.tolist())) == len(persons)
    assert all(len(str(n)) == 9 for n in numbers.tolist())


@settings(max_examples=40, deadline=None)
@given(st.integers(10_000, 120_000), st.integers(0, 400), st.integers(2, 25), st.integers(0, 10_000))
def test_every_design_draws_distinct_psus_and_the_weights_add_up(
    persons: int, psus: int, households: int, seed: int
) -> None:
    geography = make_geography(persons, seed)
    frame = make_frame(geography, SurveyDesign(psus=psus, households_per_psu=households))
    sample = draw_households(frame, stream(seed, Purpose.SURVEY_SAMPLE))
    drawn = sample.psu[::households]
    assert len(set(drawn.tolist())) == len(drawn) == frame.allocation.sum()
    assert (sample.weight >= 1).all()
    answers, weight = respond(sample, np.zeros(len(sample.psu), dtype=np.bool_), frame)
    assert np.bincount(sample.psu, answers)[drawn].min() >= 1
    assert np.isclose((weight * answers).sum(), sample.weight.sum())
    pieces = [part(sample, geography.block(b)) for b in range(geography.blocks)]
    assert np.array_equal(np.sort(sample.household), np.sort(np.concatenate([p.household for p in pieces])))
