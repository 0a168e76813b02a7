"""Countries of origin: how many come from each, by region of Istmo, and how they differ.

Real countries of the region are named so that labels and groups exist; the numbers are invented.
"""

from __future__ import annotations

import numpy as np

from caudal.simulate.draws import cumulative

ISTMO, OTHER_COUNTRY, STATELESS = 100, 900, 950

#: National codes of the origins; the position is the origin's number in the tables of this package.
ORIGINS = np.array(
    [201, 202, 203, 204, 205, 206, 207, 208, 209, 210, 211, 212, 213, 301, 302, 303, OTHER_COUNTRY],
    dtype=np.int64,
)

_NATIONAL = (22, 16, 11, 9, 8, 7, 5, 4, 4, 3, 3, 2, 2, 1.5, 1, 1, 2)
#: What a region adds to the national pattern: region number, origin number, weight.
_REGIONAL = ((1, 0, 8), (1, 2, 6), (3, 8, 6), (3, 3, 6), (4, 4, 10), (6, 1, 25), (6, 5, 14), (7, 13, 8))


def _shares_by_region() -> np.ndarray[tuple[int, int], np.dtype[np.float64]]:
    weights = np.tile(np.array(_NATIONAL, dtype=np.float64), (8, 1))
    for region, origin, weight in _REGIONAL:
        weights[region - 1, origin] += weight
    return cumulative(weights)


#: Cumulated shares of the origins: a row for each region, a column for each origin.
ORIGIN_SHARES_BY_REGION = _shares_by_region()
ORIGIN_SHARES = cumulative(_NATIONAL)

#: Origins whose people mostly fled; origins with free residence by regional agreement.
FLEEING = np.isin(ORIGINS, (201, 204, 206, 208, 210))
FREE_RESIDENCE = np.isin(ORIGINS, (202, 203, 205, 207, 211, 212, 213))
#: Origins that came long ago.
LONG_AGO = np.isin(ORIGINS, (211, 212, 213, 302, 303))
#: Origins whose people have more schooling than natives, and less.
MORE_SCHOOLING = np.isin(ORIGINS, (201, 208, 211, 301, 302))
LESS_SCHOOLING = np.isin(ORIGINS, (204, 205, 206, 210))
