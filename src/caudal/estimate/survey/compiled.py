"""The variances of a cube over its PSUs, compiled (optional: numba).

The sums of :mod:`.cube` without intermediate arrays: for each block of PSUs the margins of the finest cells,
then for each run of PSUs (one stratum, one group of zones) the sums of squares of all statistics about the
value of the run's first PSU, corrected for its distance from the mean. Equal to the array form up to
rounding (1e-12 relative); without numba the array form gives the answer.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from typing import Any

import numpy as np

from caudal.estimate.survey.frame import Ints

#: PSUs whose margins are made side by side.
LANES = 8
#: Below this number of rows, loading the compiled form costs more than it saves.
WORTHWHILE_ROWS = 200_000


@dataclass(frozen=True)
class Kernels:
    """The compiled passes."""

    add_rows: Callable[..., None]
    fill_margins: Callable[..., None]
    scatter_margins: Callable[..., None]
    add_family: Callable[..., None]


@cache
def kernels() -> Kernels | None:
    """The compiled passes, or None where numba is not installed."""
    if find_spec("numba") is None:
        return None
    import numba

    compiled = numba.njit(cache=True, nogil=True)
    return Kernels(
        compiled(_add_rows), compiled(_fill_margins), compiled(_scatter_margins), compiled(_add_family)
    )


def margin_steps(sizes: Sequence[int], wanted: Sequence[tuple[int, ...]]) -> tuple[Ints, int, dict[Any, int]]:
    """How all ``wanted`` margins of an array of ``sizes`` are made, one axis dropped at a time.

    Returns the steps (source, target, outer, dropped, inner: target[o, i] = sum over m of source[o, m, i]),
    the length of the scratch vector, and the place of each set of axes in it.

    >>> steps, length, places = margin_steps((2, 3), [(0,), ()])
    >>> steps.tolist(), length, places[()]
    ([[0, 6, 2, 3, 1], [6, 8, 1, 2, 1]], 9, 8)
    """
    everything = tuple(range(len(sizes)))
    places, length = {everything: 0}, int(np.prod(sizes, dtype=np.int64))
    steps: list[tuple[int, int, int, int, int]] = []

    def size(axes: tuple[int, ...]) -> int:
        return int(np.prod([sizes[a] for a in axes], dtype=np.int64))

    for axes in sorted(set(wanted), key=lambda a: (-len(a), a)):
        if axes in places:
            continue
        source = min((a for a in places if set(axes) <= set(a)), key=size)
        while source != axes:
            extra = max((a for a in source if a not in axes), key=lambda a: sizes[a])
            position = source.index(extra)
            target = source[:position] + source[position + 1 :]
            steps.append(
                (places[source], length, size(source[:position]), sizes[extra], size(source[position + 1 :]))
            )
            places[target] = length
            length += size(target)
            source = target
    return np.asarray(steps, dtype=np.int64).reshape(-1, 5), length, places


def _add_rows(  # noqa: C901 - plain loops are what compiles
    by_psu: Any, by_cell: Any, psu: Any, zone: Any, cell: Any, weight: Any, values: Any, spec: Any
) -> None:
    """Add each row's terms to ``by_psu`` (terms, PSUs, cells) and ``by_cell`` (zones x cells, terms).

    ``values`` (expressions, rows); a row of ``spec`` is a term: its kind (0 weighted, 1 count, 2 cases), two
    factors and two expressions that must be known (-1: none). Term by term, so that what a term is made of is
    decided once; the rows of each are added in their order.
    """
    psu_terms, cells = by_psu.shape[0], by_psu.shape[2]
    summand = np.empty(cell.size)
    # unsigned: an index that cannot be negative needs no look
    fine, coarse = np.empty(cell.size, np.uint64), np.empty(cell.size, np.uint64)
    for i in range(cell.size):
        fine[i] = psu[i] * cells + cell[i]
        coarse[i] = zone[psu[i]] * cells + cell[i]
    for t in range(spec.shape[0]):
        kind = spec[t, 0]
        for i in range(cell.size):
            summand[i] = weight[i] if kind == 0 else 1.0
        for k in range(1, 3):
            if spec[t, k] >= 0:
                factor = values[spec[t, k]]
                if kind == 2:
                    for i in range(cell.size):
                        summand[i] = 1.0 if factor[i] != 0 else 0.0
                else:
                    for i in range(cell.size):
                        summand[i] *= factor[i]
        for k in range(3, 5):
            if spec[t, k] >= 0:
                known = values[spec[t, k]]
                for i in range(cell.size):
                    if np.isnan(known[i]):
                        summand[i] = 0.0
        if t < psu_terms:
            into = by_psu[t].reshape(-1)
            for i in range(cell.size):
                into[fine[i]] += summand[i]
        else:
            column = by_cell[:, t - psu_terms]
            for i in range(cell.size):
                column[coarse[i]] += summand[i]


def _fill_margins(  # noqa: C901
    fine: Any, start: Any, end: Any, steps: Any, scratch: Any, chosen: Any, arena: Any
) -> None:
    """Margins of some PSUs of ``fine`` (terms, PSUs, cells) into ``arena`` (terms, PSUs, stacked cells).

    ``scratch`` (cells of all steps, lanes) holds so many PSUs side by side.
    """
    cells_n, lanes = fine.shape[2], scratch.shape[1]
    for t in range(fine.shape[0]):
        for p in range(start, end, lanes):
            width = min(lanes, end - p)
            for q in range(width):
                row = fine[t, p + q]
                for c in range(cells_n):
                    scratch[c, q] = row[c]
            for s in range(steps.shape[0]):
                source, target, outer, dropped, inner = steps[s]
                for o in range(outer):
                    base, into = source + o * dropped * inner, target + o * inner
                    for i in range(inner):
                        for q in range(lanes):
                            scratch[into + i, q] = scratch[base + i, q]
                    for m in range(1, dropped):
                        for i in range(inner):
                            for q in range(lanes):
                                scratch[into + i, q] += scratch[base + m * inner + i, q]
            for q in range(width):
                row = arena[t, p + q - start]
                for c in range(chosen.size):
                    row[c] = scratch[chosen[c], q]


def _scatter_margins(
    starts: Any, cell: Any, values: Any, start: Any, end: Any, places: Any, arena: Any
) -> None:
    """Margins of some PSUs from sorted entries.

    ``starts`` delimits the entries of PSUs, ``values`` (terms, entries) are their sums, ``places`` (margins,
    finest cells) the stacked cell of each finest cell in each margin.
    """
    for t in range(values.shape[0]):
        for p in range(start, end):
            row = arena[t, p - start]
            row[:] = 0.0
            for e in range(starts[p], starts[p + 1]):
                value, c = values[t, e], cell[e]
                for m in range(places.shape[0]):
                    row[places[m, c]] += value


def _add_family(  # noqa: C901
    variance: Any, members: Any, arena: Any, y: Any, x: Any, weights: Any, ratio: Any, inverse: Any,
    order: Any, starts: Any, ends: Any, groups: Any, n_h: Any, factor: Any, is_lonely: Any, is_adjusted: Any,
) -> None:  # fmt: skip
    """Add what the runs of a block contribute.

    ``variance`` (statistics, groups, cells); ``members`` (weights, 4, groups, cells): PSUs, strata and lonely
    strata with rows of the domain, and all PSUs of those strata. ``y``, ``x`` (-1: none) name the terms of
    each statistic, ``weights`` the terms that are positive where there are rows; ``ratio``, ``inverse``
    (statistics, groups, cells); the rest goes by run.
    """
    cells = arena.shape[2]
    first, total, square = np.zeros(cells), np.zeros(cells), np.zeros(cells)
    for run in range(starts.size):
        g, n = groups[run], ends[run] - starts[run]
        zeros = 1.0 / n - 1.0 / n_h[run]
        for j in range(weights.size):
            total[:] = 0.0
            for p in range(starts[run], ends[run]):
                row = arena[weights[j], order[p]]
                for c in range(cells):
                    total[c] += 1.0 if row[c] > 0 else 0.0
            for c in range(cells):
                present = 1.0 if total[c] > 0 else 0.0
                members[j, 0, g, c] += total[c]
                members[j, 1, g, c] += present
                members[j, 2, g, c] += present * is_lonely[run]
                members[j, 3, g, c] += present * n_h[run]
        for k in range(y.size):
            r, scale = ratio[k, g], inverse[k, g]
            total[:] = 0.0
            square[:] = 0.0
            for p in range(starts[run], ends[run]):
                row = arena[y[k], order[p]]
                other = arena[x[k], order[p]] if x[k] >= 0 else row
                weight = 1.0 if x[k] >= 0 else 0.0
                if p == starts[run]:
                    for c in range(cells):
                        first[c] = (row[c] - weight * r[c] * other[c]) * scale[c]
                else:
                    for c in range(cells):
                        e = (row[c] - weight * r[c] * other[c]) * scale[c] - first[c]
                        total[c] += e
                        square[c] += e * e
            out = variance[k, g]
            for c in range(cells):
                whole = total[c] + n * first[c]
                about_mean = square[c] - total[c] * total[c] / n + whole * whole * zeros
                out[c] += (whole * whole if is_adjusted[run] else about_mean) * factor[run]
