"""Gaps: the difference or ratio of a statistic between two categories of a breakdown.

With a and b the two domains, the linearised value of the difference is u_a - u_b and that of the ratio
(u_a - Q u_b) / theta_b, Q = theta_a / theta_b; the covariance of the two domains is in their common PSUs
and strata.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from caudal.errors import CaudalError, Problem, problem
from caudal.estimate.survey.crossing import Crossing
from caudal.estimate.survey.frame import Floats, Ints
from caudal.estimate.survey.plan import Asked
from caudal.estimate.survey.statistics import Gap


@dataclass(frozen=True)
class PlannedGap:
    """A gap in one crossing: its value by (cell, group) and how values of PSUs are contrasted.

    ``axis`` is the position of the breakdown among the crossing's row breakdowns, with ``pair`` the codes
    of category and reference; None where the breakdown is a property of the PSU, and then
    ``group_of_group`` maps the crossing's groups to those of the gap.
    """

    crossing: int
    name: str
    statistic: str
    dims: tuple[str, ...]
    codes: Mapping[str, Ints]
    value: Floats
    coefficients: tuple[Floats, Floats]
    membership: tuple[Floats, Floats]
    sizes: tuple[int, ...]
    axis: int | None
    pair: tuple[int, int]
    groups_of_pair: tuple[Ints, Ints]
    group_of_group: Ints | None
    centre: Floats | None

    @property
    def shape(self) -> tuple[int, int]:
        """(cells, groups) of the gap."""
        return self.value.shape[0], self.value.shape[1]

    def contrasted(self, values: Floats, group: Ints, coefficients: tuple[Floats, Floats]) -> Floats:
        """``values`` (cells, PSUs) of the crossing as values of the gap."""
        if self.axis is not None:
            first, second = (_taken(values, self.sizes, self.axis, code) for code in self.pair)
            by_psu = [c if c.shape[1] == 1 else c[:, group] for c in coefficients]
            return by_psu[0] * first + by_psu[1] * second
        assert self.group_of_group is not None
        signed = np.zeros((values.shape[0], self.group_of_group.size))
        for groups, coefficient in zip(self.groups_of_pair, coefficients, strict=True):
            signed[:, groups] = coefficient[:, self.group_of_group[groups]]
        return values * signed[:, group]


def planned_gaps(
    gaps: Sequence[Gap],
    crossings: Sequence[Crossing],
    requests: Sequence[Asked],
    labels: Mapping[str, Sequence[str]],
) -> list[PlannedGap]:
    """Every gap of a linear statistic in every crossing that holds its breakdown."""
    by_name = {a.parts.name: a for a in requests}
    return [
        _planned(gap, position, crossing, by_name[gap.statistic], labels[gap.dimension])
        for gap in gaps
        for position, crossing in enumerate(crossings)
        if gap.dimension in crossing.dims
    ]


def check_gaps(
    gaps: Sequence[Gap],
    crossings: Sequence[Sequence[str]],
    statistics: Sequence[str],
    labels: Mapping[str, Sequence[str]],
) -> None:
    """Raises one error with every fault of every gap."""
    faults = [fault for gap in gaps for fault in _faults(gap, crossings, statistics, labels)]
    if faults:
        raise CaudalError(*faults)


def _faults(
    gap: Gap,
    crossings: Sequence[Sequence[str]],
    statistics: Sequence[str],
    labels: Mapping[str, Sequence[str]],
) -> list[Problem]:
    found = []
    if gap.statistic not in statistics:
        reason = f"no statistic is called {gap.statistic}"
        found.append(problem("survey-gap", found=gap.name, reason=reason, allowed=sorted(statistics)))
    if not any(gap.dimension in c for c in crossings):
        reason = f"no crossing holds {gap.dimension}"
        found.append(problem("survey-gap", found=gap.name, reason=reason, allowed=sorted(labels)))
    known = list(labels.get(gap.dimension, ()))
    for category in (gap.category, gap.reference):
        if known and category not in known:
            reason = f"{gap.dimension} has no category {category}"
            found.append(problem("survey-gap", found=gap.name, reason=reason, allowed=known))
    return found


def _planned(
    gap: Gap, position: int, crossing: Crossing, request: Asked, labels: Sequence[str]
) -> PlannedGap:
    pair = (list(labels).index(gap.category), list(labels).index(gap.reference))
    estimate = _estimate(crossing, request)
    axis = crossing.row_dims.index(gap.dimension) if gap.dimension in crossing.row_dims else None
    if axis is not None:
        first, second = (_taken(estimate, crossing.row_sizes, axis, code) for code in pair)
        sizes, group_of_group = crossing.row_sizes, None
        groups = [np.zeros(0, dtype=np.int64)] * 2
        rest = _without(crossing, gap.dimension, crossing.group_codes)
    else:
        at = crossing.zone_dims.index(gap.dimension)
        group_of_group, others = _merged(crossing, at)
        groups = [np.flatnonzero(crossing.group_codes[at] == code) for code in pair]
        first, second = (_placed(estimate, g, group_of_group) for g in groups)
        sizes = crossing.row_sizes
        rest = _without(crossing, gap.dimension, others)
    value, coefficients = _contrast(first, second, gap.kind)
    ones = (np.ones_like(first), np.ones_like(first))
    # the values of a difference of totals add up to it; those of all other gaps to zero
    centre = value if gap.kind == "difference" and not request.parts.is_ratio else None
    return PlannedGap(
        position, gap.name, gap.statistic, tuple(d for d in crossing.dims if d != gap.dimension), rest, value,
        coefficients, ones, sizes, axis, pair, (groups[0], groups[1]), group_of_group, centre,
    )  # fmt: skip


def _estimate(crossing: Crossing, request: Asked) -> Floats:
    total = crossing.totals[request.y]
    if not request.parts.is_ratio:
        return total
    x = crossing.totals[request.x]
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray(total / x)


def _contrast(first: Floats, second: Floats, kind: str) -> tuple[Floats, tuple[Floats, Floats]]:
    if kind == "difference":
        return first - second, (np.ones_like(first), -np.ones_like(first))
    with np.errstate(invalid="ignore", divide="ignore"):
        ratio = first / second
        return ratio, (1.0 / second, -ratio / second)


def _taken(values: Floats, sizes: tuple[int, ...], axis: int, code: int) -> Floats:
    shaped = values.reshape(*sizes, values.shape[-1])
    taken: Floats = np.take(shaped, code, axis=axis).reshape(-1, values.shape[-1])
    return taken


def _placed(estimate: Floats, groups: Ints, group_of_group: Ints) -> Floats:
    placed = np.full((estimate.shape[0], int(group_of_group.max(initial=0)) + 1), np.nan)
    placed[:, group_of_group[groups]] = estimate[:, groups]
    return placed


def _merged(crossing: Crossing, at: int) -> tuple[Ints, tuple[Ints, ...]]:
    """Groups of the crossing without one of its zone breakdowns."""
    others = [codes for k, codes in enumerate(crossing.group_codes) if k != at]
    if not others:
        return np.zeros(crossing.shape[1], dtype=np.int64), ()
    distinct, merged = np.unique(np.stack(others), axis=1, return_inverse=True)
    return merged.reshape(-1), tuple(distinct)


def _without(crossing: Crossing, dimension: str, group_codes: tuple[Ints, ...]) -> dict[str, Ints]:
    """The categories of the gap's cells in the remaining breakdowns."""
    sizes = tuple(s for d, s in zip(crossing.row_dims, crossing.row_sizes, strict=True) if d != dimension)
    rows = tuple(d for d in crossing.row_dims if d != dimension)
    zones = tuple(d for d in crossing.zone_dims if d != dimension)
    groups = len(group_codes[0]) if group_codes else 1
    cells = int(np.prod(sizes, dtype=np.int64))
    by_cell = np.unravel_index(np.arange(cells), sizes) if sizes else ()
    found = {d: np.repeat(code, groups) for d, code in zip(rows, by_cell, strict=True)}
    return {**found, **{d: np.tile(c, cells) for d, c in zip(zones, group_codes, strict=True)}}
