"""The territory: regions, strata, municipalities and enumeration areas (the PSUs of the survey).

Migrants live close to each other: the share of migrant households in a PSU is its region's rate times a
multiplier that is small in most PSUs and large in a few; the multipliers average one. Each PSU also has a
leading country of origin, a wealth level and a labour market of its own, so that answers within a PSU are
alike and the design effect is well above one.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from caudal.simulate.draws import Purpose, cumulative, pick, pick_by, quantiles, read_quantiles, stream
from caudal.simulate.origins import ORIGIN_SHARES_BY_REGION

#: Households in a PSU: a census taker's load, and the spread around it.
SMALLEST_PSU, LARGEST_PSU = 28, 52
#: Persons in a household, on average, over the whole population; sets how many PSUs a country needs.
PERSONS_PER_HOUSEHOLD = 3.11
#: A stratum has at least this many PSUs, so that two can be drawn.
SMALLEST_STRATUM = 4
#: PSUs that are generated together: bounds the memory, and names the random streams.
PSUS_PER_BLOCK = 256

URBAN, RURAL = 1, 2


@dataclass(frozen=True)
class Region:
    """A region: its share of the population, of it the urban share, and the share of migrant households."""

    code: int
    population_share: float
    urban_share: float
    migrant_rate: float


REGIONS = (
    Region(1, 0.34, 0.98, 0.140),
    Region(2, 0.18, 0.70, 0.060),
    Region(3, 0.14, 0.85, 0.110),
    Region(4, 0.10, 0.40, 0.028),
    Region(5, 0.08, 0.55, 0.050),
    Region(6, 0.07, 0.60, 0.190),
    Region(7, 0.06, 0.65, 0.080),
    Region(8, 0.03, 0.50, 0.045),
)
MUNICIPALITIES_PER_REGION = 9

#: Multiplier of the migrant rate in hundredths: ranges and shares of PSUs. The mean is about 1.
_MIGRANT_MULTIPLIER = quantiles([(20, 70, 44.0), (71, 130, 33.0), (131, 220, 18.0), (221, 340, 5.0)])
#: Wealth of a PSU (0 poorest to 4), by area.
_WEALTH = cumulative([[0.16, 0.19, 0.21, 0.22, 0.22], [0.34, 0.26, 0.2, 0.13, 0.07]])
#: Multiplier of unemployment and informality in hundredths.
_HARDSHIP = quantiles([(55, 85, 30.0), (86, 115, 40.0), (116, 165, 30.0)])
#: Size of the PSU in the survey's frame, in hundredths of the true one: the frame is old.
_FRAME_AGE = quantiles([(70, 90, 25.0), (91, 110, 50.0), (111, 150, 25.0)])


@dataclass(frozen=True)
class Geography:
    """The PSUs of the country, one element each, ordered by region and area.

    ``household_start[i]`` is the number of the first household of PSU ``i``; PSU codes are ``i + 1``.
    ``migrant_share`` is the probability that a household is a migrant one.
    """

    region: NDArray[np.int64]
    area: NDArray[np.int64]
    municipality: NDArray[np.int64]
    stratum: NDArray[np.int64]
    households: NDArray[np.int64]
    household_start: NDArray[np.int64]
    frame_size: NDArray[np.int64]
    migrant_share: NDArray[np.float64]
    leading_origin: NDArray[np.int64]
    wealth: NDArray[np.int64]
    hardship: NDArray[np.float64]

    @property
    def psus(self) -> int:
        """The number of PSUs."""
        return len(self.region)

    @property
    def blocks(self) -> int:
        """The number of blocks of PSUs that are generated together."""
        return -(-self.psus // PSUS_PER_BLOCK)

    def block(self, number: int) -> range:
        """The PSUs of a block."""
        first = number * PSUS_PER_BLOCK
        return range(first, min(first + PSUS_PER_BLOCK, self.psus))


def make_geography(persons: int, seed: int) -> Geography:
    """The PSUs of a country of about ``persons``.

    >>> g = make_geography(persons=10_000, seed=1)
    >>> len(set(g.stratum.tolist())), int(g.psus)
    (16, 83)
    """
    region, area = _strata(persons)
    n = len(region)
    rng = stream(seed, Purpose.GEOGRAPHY)
    span = LARGEST_PSU - SMALLEST_PSU + 1
    households = SMALLEST_PSU + (rng.random(n) * span).astype(np.int64)
    start = np.concatenate([[0], np.cumsum(households)[:-1]])
    rate = np.array([0.0] + [r.migrant_rate for r in REGIONS])[region]
    return Geography(
        region=region,
        area=area,
        municipality=_municipality(region),
        stratum=region * 10 + area,
        households=households,
        household_start=start,
        frame_size=np.maximum(1, households * read_quantiles(rng.random(n), _FRAME_AGE) // 100),
        migrant_share=np.minimum(0.9, rate * read_quantiles(rng.random(n), _MIGRANT_MULTIPLIER) / 100.0),
        leading_origin=pick_by(rng.random(n), ORIGIN_SHARES_BY_REGION, region - 1),
        wealth=pick(rng.random(n), _WEALTH[area - 1]),
        hardship=read_quantiles(rng.random(n), _HARDSHIP) / 100.0,
    )


def _strata(persons: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Region and area of every PSU. Where small strata get the least number, the others give it up."""
    share = np.array([r.population_share * s for r in REGIONS for s in (r.urban_share, 1.0 - r.urban_share)])
    wanted = persons / ((SMALLEST_PSU + LARGEST_PSU) / 2 * PERSONS_PER_HOUSEHOLD)
    small = share * wanted < SMALLEST_STRATUM
    left = wanted - SMALLEST_STRATUM * int(small.sum())
    even = np.floor(left * share / share[~small].sum() + 0.5).astype(np.int64)
    counts = np.where(small, SMALLEST_STRATUM, np.maximum(SMALLEST_STRATUM, even))
    region = np.repeat(np.array([r.code for r in REGIONS]), 2)
    area = np.tile(np.array([URBAN, RURAL]), len(REGIONS))
    return np.repeat(region, counts), np.repeat(area, counts)


def _municipality(region: NDArray[np.int64]) -> NDArray[np.int64]:
    """Municipality of every PSU: region times a hundred and a number; neighbours share it."""
    code = np.empty_like(region)
    for r in REGIONS:
        places = np.flatnonzero(region == r.code)
        rank = np.arange(len(places))
        code[places] = r.code * 100 + 1 + rank * MUNICIPALITIES_PER_REGION // max(1, len(places))
    return code
