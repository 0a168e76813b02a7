from __future__ import annotations

import pytest

from caudal.errors import CaudalError
from caudal.simulate import CensusErrors, IstmoParameters, SurveyDesign


def test_all_parameters_out_of_range_are_reported_at_once() -> None:
    with pytest.raises(CaudalError) as caught:
        IstmoParameters(
            persons=500,
            seed=-1,
            census=CensusErrors(missed_natives=1.5),
            survey=SurveyDesign(households_per_psu=80),
        )
    names = [p.facts["name"] for p in caught.value.problems]
    assert names == ["persons", "seed", "survey.households_per_psu", "census.missed_natives"]
    assert "10000" in caught.value.text("es")
    assert caught.value.exit_code == 2


@pytest.mark.parametrize("persons", [9_999, 10_000_001, 20_000.0])
def test_the_population_is_between_ten_thousand_and_ten_million(persons: float) -> None:
    with pytest.raises(CaudalError):
        IstmoParameters(persons=persons)  # type: ignore[arg-type]


def test_the_parameters_are_plain_values_for_the_declaration() -> None:
    record = IstmoParameters().as_record()
    assert record["register"]["coverage"] == 0.93
    assert record["persons"] == 60_000
