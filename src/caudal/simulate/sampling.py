"""The design of the survey: strata, PSUs with probability proportional to size, households, response.

Stage 1: in each stratum (region by area) PSUs are drawn by systematic sampling with probability
proportional to the frame's size, in random order: :math:`\\pi_i = n_h M_i / M_h`. The frame is old, so its
sizes are not the true ones. Stage 2: a fixed number of households in each PSU, simple random. The sample is
spread over strata by the square root of their size, so that small regions are over-represented and weights
are unequal. Weight of a household: :math:`\\frac{1}{\\pi_i}\\frac{N_i}{m_i}\\frac{m_i}{r_i}` with
:math:`r_i` of the :math:`m_i` households answering.

Reference: W. G. Madow, On the theory of systematic sampling II, Ann. Math. Statist. 20 (1949); C.-E.
Särndal, B. Swensson, J. Wretman, Model Assisted Survey Sampling (1992), sections 3.6 and 4.3.
What it refuses to do: fewer than two PSUs in a stratum, or the same PSU twice.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from caudal.simulate.geography import LARGEST_PSU, RURAL, Geography
from caudal.simulate.parameters import SurveyDesign

#: PSUs in the sample where the design leaves it open: a third of them, within these limits.
FEWEST_PSUS, MOST_PSUS = 32, 1_200


@dataclass(frozen=True)
class Frame:
    """A frame prepared for drawing: strata in order, sizes capped so that no PSU is certain.

    ``sizes`` is by PSU; ``strata``, ``allocation`` and ``totals`` by stratum; ``of_stratum`` gives the
    position of each PSU's stratum.
    """

    geography: Geography
    design: SurveyDesign
    strata: NDArray[np.int64]
    of_stratum: NDArray[np.int64]
    sizes: NDArray[np.int64]
    allocation: NDArray[np.int64]
    totals: NDArray[np.int64]


@dataclass(frozen=True)
class HouseholdSample:
    """The households that were drawn, one element each, PSU by PSU.

    ``household`` is the number of the household, from 0; ``psu`` the position of its PSU; ``weight`` the
    inverse of its probability; ``response`` the uniform number that decides whether it answers.
    ``taken`` is, by sampled PSU, the number of households drawn.
    """

    household: NDArray[np.int64]
    psu: NDArray[np.int64]
    weight: NDArray[np.float64]
    response: NDArray[np.float64]
    taken: NDArray[np.int64]


def make_frame(geography: Geography, design: SurveyDesign) -> Frame:
    """The frame of a design: allocation over strata and capped sizes."""
    strata, of_stratum = np.unique(geography.stratum, return_inverse=True)
    psus = np.bincount(of_stratum)
    households = np.bincount(of_stratum, geography.frame_size)
    wanted = design.psus or min(MOST_PSUS, max(FEWEST_PSUS, geography.psus // 3))
    root = np.sqrt(households)
    allocation = np.floor(wanted * root / root.sum() + 0.5).astype(np.int64)
    allocation = np.clip(allocation, 2, np.maximum(2, psus // 2))
    sizes = geography.frame_size.copy()
    totals = np.bincount(of_stratum, sizes).astype(np.int64)
    while (sizes > totals[of_stratum] // allocation[of_stratum]).any():
        sizes = np.minimum(sizes, totals[of_stratum] // allocation[of_stratum])
        totals = np.bincount(of_stratum, sizes).astype(np.int64)
    return Frame(geography, design, strata, of_stratum, sizes, allocation, totals)


def draw_households(frame: Frame, rng: np.random.Generator) -> HouseholdSample:
    """One sample of households, both stages."""
    psu, probability = _draw_psus(frame, rng)
    present = frame.geography.households[psu]
    take = frame.design.households_per_psu
    # a random key for every household of the sampled PSUs; the smallest are taken
    keys = rng.random((len(psu), LARGEST_PSU))
    keys[np.arange(LARGEST_PSU) >= present[:, None]] = 2.0
    chosen = np.sort(np.argpartition(keys, take, axis=1)[:, :take], axis=1)
    household = frame.geography.household_start[psu][:, None] + chosen
    return HouseholdSample(
        household=household.ravel(),
        psu=np.repeat(psu, take),
        weight=np.repeat(present / (probability * take), take),
        response=rng.random(len(psu) * take),
        taken=np.full(len(psu), take),
    )


def respond(
    sample: HouseholdSample, migrant: NDArray[np.bool_], frame: Frame
) -> tuple[NDArray[np.bool_], NDArray[np.float64]]:
    """Which sampled households answer, and the weights adjusted within PSUs.

    ``migrant`` says of each sampled household whether it is a migrant one. In a PSU where nobody would
    answer, the first household does.
    """
    design = frame.design
    rural = frame.geography.area[sample.psu] == RURAL
    rate = np.where(rural, design.nonresponse_rural, design.nonresponse_urban)
    answers = sample.response >= rate + np.where(migrant, design.nonresponse_migrants, 0.0)
    first = np.cumsum(sample.taken) - sample.taken
    place = np.repeat(np.arange(len(first)), sample.taken)
    answered = np.bincount(place, answers, minlength=len(first))
    answers[first[answered == 0]] = True
    answered = np.maximum(answered, 1)
    return answers, sample.weight * (sample.taken / answered)[place]


def part(sample: HouseholdSample, psus: range) -> HouseholdSample:
    """The sampled households of a run of PSUs, in order of the PSUs."""
    inside = (sample.psu >= psus.start) & (sample.psu < psus.stop)
    order = np.argsort(sample.psu[inside], kind="stable")
    _, taken = np.unique(sample.psu[inside], return_counts=True)
    return HouseholdSample(
        sample.household[inside][order],
        sample.psu[inside][order],
        sample.weight[inside][order],
        sample.response[inside][order],
        taken,
    )


def _draw_psus(frame: Frame, rng: np.random.Generator) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Systematic sampling with probability proportional to size, all strata at once."""
    order = np.argsort(frame.of_stratum + rng.random(len(frame.sizes)))
    upto = np.cumsum(frame.sizes[order])
    before = np.cumsum(frame.totals) - frame.totals
    interval = frame.totals / frame.allocation
    stratum = np.repeat(np.arange(len(frame.strata)), frame.allocation)
    step = np.arange(len(stratum)) - np.repeat(
        np.cumsum(frame.allocation) - frame.allocation, frame.allocation
    )
    start = rng.random(len(frame.strata))
    points = before[stratum] + (start[stratum] + step) * interval[stratum]
    psu = order[np.searchsorted(upto, points, side="right")]
    return psu, frame.allocation[stratum] * frame.sizes[psu] / frame.totals[stratum]
