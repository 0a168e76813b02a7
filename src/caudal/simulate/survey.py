"""The labour force survey: as a file with its errors, and as thousands of draws from one population.

The design is that of :mod:`caudal.simulate.sampling`. A file holds what people answered, with refusals and
unknown answers; a draw (:func:`draw_survey`) holds which persons were interviewed, with their weights, so
that a simulation of coverage computes any estimate from the true values of the interviewed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from caudal.simulate.answers import SENSITIVE, recorded_answers
from caudal.simulate.draws import Purpose, stream
from caudal.simulate.layouts import SURVEY_HOUSEHOLDS, SURVEY_PERSONS, Layout, RawColumn
from caudal.simulate.parameters import REFERENCE_YEAR, SURVEY_QUARTER, SurveyDesign
from caudal.simulate.population import OUTSIDE, Column, Population
from caudal.simulate.sampling import Frame, HouseholdSample, draw_households, make_frame, part, respond

#: Nonresponse that the adjustment repairs: estimates are unbiased but for the ratio bias.
IGNORABLE_NONRESPONSE = SurveyDesign(psus=480, nonresponse_migrants=0.0)


@dataclass(frozen=True)
class SurveyDraw:
    """The persons interviewed in one survey, one element each, PSU by PSU.

    ``row`` is the position of the person in the population, ``weight`` the expansion factor (persons),
    ``stratum`` and ``psu`` the design, ``household`` the number of the household.
    """

    row: NDArray[np.int64]
    weight: NDArray[np.float64]
    stratum: NDArray[np.int64]
    psu: NDArray[np.int64]
    household: NDArray[np.int64]


@dataclass(frozen=True)
class SurveyRows:
    """The rows of the two files that come from one block, by raw column; weights in ten-thousandths."""

    persons: Mapping[str, NDArray[np.int64]]
    households: Mapping[str, NDArray[np.int64]]


def draw_survey(
    population: Population,
    seed: int,
    design: SurveyDesign = IGNORABLE_NONRESPONSE,
    *,
    frame: Frame | None = None,
) -> SurveyDraw:
    """One survey of a population in memory, some milliseconds each.

    Pass ``frame=make_frame(population.geography, design)`` to prepare the frame once for many draws; it then
    decides the design. The same seed gives the same survey.

    >>> from caudal.simulate.population import make_population
    >>> people = make_population(persons=20_000, seed=1)
    >>> draw = draw_survey(people, seed=7, design=SurveyDesign(psus=60))
    >>> bool(0.85 < draw.weight.sum() / people.persons < 1.15)
    True
    """
    frame = frame or make_frame(population.geography, design)
    sample = draw_households(frame, stream(seed, Purpose.SURVEY_SAMPLE))
    first = population.household_row[sample.household]
    answers, weight = respond(sample, population["migrant_household"][first] == 1, frame)
    size = population["household_size"][first[answers]].astype(np.int64)
    row = _persons_of(first[answers], size)
    return SurveyDraw(
        row=row,
        weight=np.repeat(weight[answers], size),
        stratum=population["stratum"][row].astype(np.int64),
        psu=population["psu"][row].astype(np.int64),
        household=np.repeat(sample.household[answers], size),
    )


def survey_rows(
    block: Population, psus: range, sample: HouseholdSample, frame: Frame, rng: np.random.Generator
) -> SurveyRows:
    """What the survey records in a block of PSUs."""
    here = part(sample, psus)
    first = block.household_row[here.household - block.first_household]
    answers, weight = respond(here, block["migrant_household"][first] == 1, frame)
    first = first[answers]
    size = block["household_size"][first].astype(np.int64)
    row = _persons_of(first, size)
    # weights are delivered with four decimals
    factor = np.floor(weight[answers] * 10_000 + 0.5).astype(np.int64)
    truth = {name: values[row] for name, values in block.columns.items()}
    persons = _recorded(SURVEY_PERSONS, truth, np.repeat(factor, size), frame.design, rng)
    homes = {name: values[first] for name, values in block.columns.items()}
    homes["household_earnings"] = _household_earnings(persons["ING_MES"], size)
    return SurveyRows(persons, _recorded(SURVEY_HOUSEHOLDS, homes, factor, frame.design, rng))


def _persons_of(first: NDArray[np.int64], size: NDArray[np.int64]) -> NDArray[np.int64]:
    """Positions of all members of households that begin at ``first``."""
    start = np.cumsum(size) - size
    return np.arange(int(size.sum())) - np.repeat(start, size) + np.repeat(first, size)


def _recorded(
    layout: Layout,
    truth: dict[str, Column],
    factor: NDArray[np.int64],
    design: SurveyDesign,
    rng: np.random.Generator,
) -> dict[str, NDArray[np.int64]]:
    n = len(factor)
    constants = {"year": np.full(n, REFERENCE_YEAR), "quarter": np.full(n, SURVEY_QUARTER), "weight": factor}
    known = {"household_id", "member_no", "region", "area", "stratum", "psu", *constants}
    concepts = [c.concept for c in layout.columns if c.concept not in known]
    unknown = dict.fromkeys(concepts, design.unknown_answer) | {"earnings": design.unknown_earnings}
    refused = {c: design.refused_sensitive for c in concepts if c in SENSITIVE}
    refused |= {"legal_status": design.refused_legal_status, "earnings": design.refused_earnings}
    given = truth | constants | {"region_name": truth["region"], "earnings": truth["earnings_cents"]}
    return recorded_answers(layout.columns, given, refused, unknown, rng)


def _household_earnings(earnings: NDArray[np.int64], size: NDArray[np.int64]) -> NDArray[np.int64]:
    """The sum of what members earn in cents; not known where a member's earnings are not."""
    member, home = _column(SURVEY_PERSONS, "ING_MES"), _column(SURVEY_HOUSEHOLDS, "ING_TOT")
    missing = (earnings == _code(member, member.refused)) | (earnings == _code(member, member.unknown))
    paid = np.where(missing | (earnings == _code(member, member.not_applicable)), 0, earnings)
    upto = np.concatenate([[0], np.cumsum(paid)])
    gaps = np.concatenate([[0], np.cumsum(missing)])
    end = np.cumsum(size)
    total = upto[end] - upto[end - size]
    return np.where(gaps[end] > gaps[end - size], _code(home, home.unknown), total)


def _column(layout: Layout, name: str) -> RawColumn:
    return next(c for c in layout.columns if c.name == name)


def _code(column: RawColumn, code: int | None) -> int:
    """A missing code of ``column`` as it is held; one that no value can equal where there is none."""
    return OUTSIDE if code is None else column.stored(code)
