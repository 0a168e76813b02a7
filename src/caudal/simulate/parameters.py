"""What can be chosen about Istmo: its size, and the declared errors of its sources.

The defaults are those of the demo country. Every rate is a probability. What it refuses to do: a
parameter outside its range; all that are wrong are reported at once.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields, is_dataclass
from typing import Any

from caudal.errors import CaudalError, Problem, problem

#: The day to which all sources refer.
REFERENCE_DATE = "2023-06-30"
REFERENCE_YEAR = 2023
SURVEY_QUARTER = 2

SMALLEST, LARGEST = 10_000, 10_000_000


@dataclass(frozen=True)
class CensusErrors:
    """What goes wrong in the census.

    ``missed_natives`` and ``missed_migrants`` are rates of households that are not counted; ``missed_rural``
    is added in rural areas. The ``unknown_*`` rates blank an answer; ``birth_hidden`` and
    ``citizenship_hidden`` are the rates at which migrants are recorded as born here, or as citizens;
    ``age_heaping`` that of adults whose age is rounded to a multiple of five.
    """

    missed_natives: float = 0.012
    missed_migrants: float = 0.05
    missed_rural: float = 0.01
    refused_sensitive: float = 0.01
    unknown_answer: float = 0.004
    unknown_arrival: float = 0.05
    birth_hidden: float = 0.01
    citizenship_hidden: float = 0.02
    age_heaping: float = 0.03


@dataclass(frozen=True)
class SurveyDesign:
    """The two-stage survey and what goes wrong in it.

    ``psus`` is the size of the sample of PSUs; 0 chooses by the population. ``households_per_psu`` are drawn
    in each. ``nonresponse_urban`` and ``nonresponse_rural`` are rates of households; ``nonresponse_migrants``
    is added for migrant households and is not repaired by the adjustment, which works within PSUs.
    """

    psus: int = 0
    households_per_psu: int = 12
    nonresponse_urban: float = 0.16
    nonresponse_rural: float = 0.07
    nonresponse_migrants: float = 0.03
    refused_sensitive: float = 0.015
    refused_legal_status: float = 0.05
    refused_earnings: float = 0.08
    unknown_answer: float = 0.005
    unknown_earnings: float = 0.03


@dataclass(frozen=True)
class RegisterErrors:
    """What goes wrong in the register of foreign residents.

    ``coverage`` is the rate at which residents with a document are in it (those in an irregular situation
    never are); ``departed`` and ``dead`` count persons still in it, per resident in it; ``closed`` is the
    share of those that the office knows about; ``duplicated`` rows repeat a key.
    """

    coverage: float = 0.93
    coverage_pending: float = 0.4
    departed: float = 0.09
    dead: float = 0.012
    closed: float = 0.25
    duplicated: float = 0.012
    unknown_nationality: float = 0.004
    uncoded_nationality: float = 0.002
    unknown_sex: float = 0.008
    impossible_date: float = 0.003
    region_outdated: float = 0.07


@dataclass(frozen=True)
class IstmoParameters:
    """Istmo as it is to be made. ``persons`` is the population aimed at (10 thousand to 10 million).

    >>> IstmoParameters(persons=20_000).persons
    20000
    """

    persons: int = 60_000
    seed: int = 1
    census: CensusErrors = CensusErrors()
    survey: SurveyDesign = SurveyDesign()
    register: RegisterErrors = RegisterErrors()

    def __post_init__(self) -> None:
        problems = [*_size_problems(self), *_rate_problems(self)]
        if problems:
            raise CaudalError(*problems)

    def as_record(self) -> dict[str, Any]:
        """All parameters as plain values, for ``simulation.json``."""
        return asdict(self)


def _size_problems(p: IstmoParameters) -> list[Problem]:
    limits = (
        ("persons", p.persons, SMALLEST, LARGEST),
        ("seed", p.seed, 0, 2**63 - 1),
        ("survey.psus", p.survey.psus, 0, LARGEST),
        ("survey.households_per_psu", p.survey.households_per_psu, 2, 25),
    )
    return [
        problem("simulation-parameter-out-of-range", name=name, found=value, smallest=low, largest=high)
        for name, value, low, high in limits
        if not (isinstance(value, int) and low <= value <= high)
    ]


def _rate_problems(p: IstmoParameters) -> list[Problem]:
    found = []
    for part in fields(p):
        group = getattr(p, part.name)
        if not is_dataclass(group):
            continue
        for rate in fields(group):
            value = getattr(group, rate.name)
            if isinstance(value, float) and not 0.0 <= value <= 1.0:
                found.append(
                    problem(
                        "simulation-parameter-out-of-range",
                        name=f"{part.name}.{rate.name}",
                        found=value,
                        smallest=0,
                        largest=1,
                    )
                )
    return found
