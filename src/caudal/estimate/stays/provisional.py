"""Provisional figures: what cannot be decided yet, estimated from histories that were decided.

The register is looked at as it stood at the end of earlier months (*snapshots*) whose outcomes are known by
now. In a snapshot every crossing of the open window has a *state*: direction, months since the crossing
(the lag), whether it is presumed a migration if nobody moves any more, whether that is final, whether the
person is still on that side, days spent back so far, type of traveller. The share of crossings in a state
that became migrations,

    p(state) = (y + k p(parent)) / (n + k),      parents: without the quarter; without the type,

applies to the crossings of the same state today. The estimate of a month and group is the sum of p over its
crossings, times the ratio of final to predicted figures at that lag (which holds the late records).

Its variance is sum p (1 - p) + (phi estimate)^2, phi measured at each lag and direction by predicting each
snapshot from the others: the spread of whole months around their prediction, which no count of persons
explains. Limits use Student's t with one degree of freedom less than there are snapshots.

The interval is meant to contain the final figure, not only the model's own uncertainty; nothing in the past
of a register foretells the closing of a border, and the interval does not claim to.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from scipy import stats

from caudal.errors import CaudalError, problem
from caudal.estimate.stays import columns as c
from caudal.estimate.stays.classify import Piece, Settings, map_pieces
from caudal.estimate.stays.cube import Cells
from caudal.estimate.stays.dimensions import Dimension, Grouping, dimension
from caudal.estimate.stays.keys import Ints
from caudal.estimate.stays.reading import PackedRegister
from caudal.estimate.stays.rule import ResidenceRule
from caudal.estimate.stays.snapshots import known_at_end_of, last_day_of_month, month_of_day

Floats = npt.NDArray[np.float64]

BACK_LIMITS = np.array([1, 8, 31, 61, 92, 123])
#: Values of the parts of a state after the lag: presumed, final, still on that side, days back.
_STATE_SIZES = (2, 2, 2, len(BACK_LIMITS) + 1)
SHRINKAGE = 20.0
FEWEST_SNAPSHOTS = 6


@dataclass(frozen=True)
class Nowcast:
    """How to estimate what is open. ``group_by``: dimensions of the table besides month and direction;
    ``traveller_type``: dimension that tells travellers apart; ``snapshots``: earlier months to learn from;
    ``level``: coverage of the intervals; ``burn_in_months``: months at the start that teach nothing."""

    group_by: tuple[str, ...] = ()
    traveller_type: str = ""
    snapshots: int = 30
    level: float = 0.95
    burn_in_months: int = 16


@dataclass(frozen=True)
class _Counts:
    """Crossings of one snapshot by group and state: how many, and how many became migrations.

    ``final``: migrations of the open months by group, direction and lag, as known now (training only).
    """

    group: Ints
    state: Ints
    traveller: Ints
    quarter: Ints
    n: Ints
    y: Ints


def provisional_figures(
    register: PackedRegister, settings: Settings | None = None, nowcast: Nowcast | None = None
) -> pa.Table:
    """Migrations of the open months with intervals: one row a month, direction and group.

    Columns: ``month_code``, ``direction_code``, the groups, ``lag_months``, ``presumed_n`` (if nobody moved
    any more), ``decided_n``, ``value``, ``provisional_se``, ``lower``, ``upper``. The last month is that of
    the last crossing. Raises :class:`~caudal.errors.CaudalError` where fewer than six earlier months are
    decided.
    """
    settings, nowcast = settings or Settings(), nowcast or Nowcast()
    groups = tuple(dimension(n, register, Grouping()) for n in nowcast.group_by)
    kind = dimension(nowcast.traveller_type, register, Grouping()) if nowcast.traveller_type else None
    now = month_of_day(register.last_day)
    months = _training_months(register, settings, nowcast, now)
    keys = _migration_keys(register, settings, groups)
    known = [_snapshot(register, settings, m, groups, kind, keys) for m in months]
    lags, groups_n = open_months(settings.rule), prod(len(g.labels) for g in groups)
    actual = np.array([keys.final(m, groups_n, lags) for m in months])
    today = _snapshot(register, settings, now, groups, kind, None)
    table = _Model(known, actual).estimate(today, nowcast.level)
    return _spelled_out(table, groups, now)


def open_months(rule: ResidenceRule) -> int:
    """Months, that of the crossing included, in which a crossing may still be open.

    >>> from caudal.estimate.stays.rule import TWELVE_OF_SIXTEEN
    >>> open_months(TWELVE_OF_SIXTEEN)
    18
    """
    return rule.longest_days // 30 + 2


def revision_triangle(vintages: Mapping[str, pa.Table]) -> pa.Table:
    """Every vintage of every month in one table, sorted by month, direction and vintage.

    >>> one = pa.table({"month_code": ["2020-01"], "direction_code": ["entry"], "value": [10.0]})
    >>> revision_triangle({"2020-02": one, "2020-03": one})["vintage"].to_pylist()
    ['2020-02', '2020-03']
    """
    tables = [t.append_column("vintage", pa.array([v] * len(t), pa.string())) for v, t in vintages.items()]
    merged = pa.concat_tables(tables)
    return merged.sort_by([(n, "ascending") for n in ("month_code", "direction_code", "vintage")])


def _training_months(register: PackedRegister, settings: Settings, nowcast: Nowcast, now: int) -> list[int]:
    """Earlier months after whose end a whole window has passed."""
    first = month_of_day(register.first_day) + nowcast.burn_in_months
    until = last_day_of_month(now) - settings.rule.longest_days
    last = max(month_of_day(until + 1) - 1, first - 1)
    months = list(range(max(first, last - nowcast.snapshots + 1), last + 1))
    if len(months) < FEWEST_SNAPSHOTS:
        raise CaudalError(problem("stays-too-few-decided-months", found=len(months), needed=FEWEST_SNAPSHOTS))
    return months


@dataclass(frozen=True)
class _Migrations:
    """The migrations as known now: sorted keys, and their month, group and direction."""

    key: Ints
    month: Ints
    group: Ints
    inside: Ints

    def final(self, month: int, groups_n: int, lags: int) -> Ints:
        """Final migrations by group, direction and lag of a snapshot at the end of ``month``."""
        lag = month - self.month
        near = (lag >= 0) & (lag < lags)
        code = (self.group[near] * 2 + self.inside[near]) * lags + lag[near]
        return np.bincount(code, minlength=groups_n * 2 * lags).reshape(groups_n, 2, lags)


def _migration_keys(
    register: PackedRegister, settings: Settings, groups: tuple[Dimension, ...]
) -> _Migrations:
    def found(piece: Piece) -> tuple[Ints, Ints, Ints, Ints]:
        rows = piece.statuses.migration == 1
        month = _months(piece.day[rows])
        return (
            _row_keys(piece)[rows],
            month,
            _group(piece, groups)[rows],
            piece.crossings.inside[rows].astype(np.int64),
        )

    parts = list(map_pieces(register, settings, found)) or [(np.empty(0, np.int64),) * 4]
    key, month, group, inside = (np.concatenate(columns) for columns in zip(*parts, strict=True))
    order = np.argsort(key, kind="stable")
    return _Migrations(key[order], month[order], group[order], inside[order])


def _months(day: npt.NDArray[np.int32]) -> Ints:
    return day.astype("datetime64[D]").astype("datetime64[M]").astype(np.int64)


def _row_keys(piece: Piece) -> Ints:
    x = piece.crossings
    return ((x.person << 28) + x.minute) * 2 + x.inside


def _group(piece: Piece, groups: tuple[Dimension, ...]) -> Ints:
    code = np.zeros(len(piece.day), np.int64)
    for g in groups:
        code = code * len(g.labels) + g.codes(piece)
    return code


def _snapshot(
    register: PackedRegister,
    settings: Settings,
    month: int,
    groups: tuple[Dimension, ...],
    kind: Dimension | None,
    outcome: _Migrations | None,
) -> _Counts:
    """Open crossings at the end of ``month`` by group and state, with their outcome where it is known."""
    lags = open_months(settings.rule)
    then = known_at_end_of(register, month, active_since=month - lags + 1)
    groups_n = prod(len(g.labels) for g in groups)
    as_of = last_day_of_month(month)
    sizes = (groups_n, 2 * lags * prod(_STATE_SIZES), len(kind.labels) if kind else 1, 4, 2)

    def count(piece: Piece) -> Ints:
        open_rows = np.flatnonzero(month - _months(piece.day) < lags)
        state = _states(piece, open_rows, as_of, month, lags)
        traveller = (
            kind.codes(piece)[open_rows].astype(np.int64) if kind else np.zeros(len(open_rows), np.int64)
        )
        quarter = (_months(piece.day[open_rows]) % 12) // 3
        became = np.zeros(len(open_rows), np.int64)
        if outcome is not None and len(outcome.key):
            keys = _row_keys(piece)[open_rows]
            place = np.minimum(np.searchsorted(outcome.key, keys), len(outcome.key) - 1)
            became = (outcome.key[place] == keys).astype(np.int64)
        group = _group(piece, groups)[open_rows]
        return _packed((group, state, traveller, quarter, became), sizes)

    pieces = [Cells(*np.unique(p, return_counts=True)) for p in map_pieces(then, settings, count)]
    cells = Cells.none().plus(pieces)
    became = cells.code % 2
    kinds, place = np.unique(cells.code // 2, return_inverse=True)
    n = np.bincount(place, weights=cells.count, minlength=len(kinds)).astype(np.int64)
    y = np.bincount(place, weights=cells.count * became, minlength=len(kinds)).astype(np.int64)
    group, state, traveller, quarter, _ = _unpacked(kinds * 2, sizes)
    return _Counts(group, state, traveller, quarter, n, y)


def _packed(parts: Sequence[npt.NDArray[Any]], sizes: Sequence[int]) -> Ints:
    code = np.zeros(len(parts[0]), np.int64)
    for part, size in zip(parts, sizes, strict=True):
        code = code * size + np.minimum(part.astype(np.int64), size - 1)
    return code


def _unpacked(code: Ints, sizes: Sequence[int]) -> list[Ints]:
    parts: list[Ints] = []
    for size in reversed(sizes):
        parts.append(code % size)
        code = code // size
    return parts[::-1]


def _states(piece: Piece, rows: Ints, as_of: int, month: int, lags: int) -> Ints:
    """The state of each open crossing, packed."""
    counts = np.diff(piece.offsets)
    last = np.repeat(piece.offsets[1:] - 1, counts)
    day, inside = piece.day.astype(np.int64), piece.crossings.inside.astype(np.int64)
    step = np.diff(day, append=day[-1:])
    step[last] = as_of - day[last]
    indoors = np.concatenate([[0], np.cumsum(step * inside)])
    inside_since = indoors[last[rows] + 1] - indoors[rows]
    elapsed = as_of - day[rows]
    back = np.where(inside[rows] == 1, elapsed - inside_since, inside_since)
    final = piece.final().migration[rows] <= as_of
    parts = (
        inside[rows],
        month - _months(piece.day[rows]),
        piece.statuses.migration[rows],
        final,
        inside[last[rows]] == inside[rows],
        np.searchsorted(BACK_LIMITS, back, side="right"),
    )
    return _packed(parts, (2, lags, *_STATE_SIZES))


class _Shares:
    """Shares of crossings that became migrations, by state, shrunk towards coarser states."""

    def __init__(self, counts: list[_Counts]) -> None:
        by_level = zip(*(_level_keys(k) for k in counts), strict=True)
        self._levels = [_summed(list(keys), counts) for keys in by_level]

    def of(self, counts: _Counts, without: _Counts | None = None) -> Floats:
        """The share for each row of ``counts``; ``without`` is taken out of what is known."""
        share = np.zeros(len(counts.n))
        own_keys = _level_keys(without) if without is not None else (np.empty(0, np.int64),) * 3
        for wanted, own_key, (code, n, y) in zip(_level_keys(counts), own_keys, self._levels, strict=True):
            here_n, here_y = _looked_up(code, n, wanted), _looked_up(code, y, wanted)
            if without is not None:
                own, own_n, own_y = _summed([own_key], [without])
                here_n, here_y = (
                    here_n - _looked_up(own, own_n, wanted),
                    here_y - _looked_up(own, own_y, wanted),
                )
            share = (here_y + SHRINKAGE * share) / (here_n + SHRINKAGE)
        return share


def _level_keys(counts: _Counts) -> tuple[Ints, Ints, Ints]:
    """States from coarse to fine: all travellers, by type, by type and quarter of the year."""
    by_type = counts.state * 4096 + counts.traveller
    return counts.state, by_type, by_type * 4 + counts.quarter


def _summed(keys: list[Ints], counts: list[_Counts]) -> tuple[Ints, Floats, Floats]:
    code, place = np.unique(np.concatenate(keys), return_inverse=True)
    n = np.bincount(place, weights=np.concatenate([k.n for k in counts]), minlength=len(code))
    y = np.bincount(place, weights=np.concatenate([k.y for k in counts]), minlength=len(code))
    return code, n.astype(np.float64), y.astype(np.float64)


def _looked_up(code: Ints, value: Floats, wanted: Ints) -> Floats:
    if not len(code):
        return np.zeros(len(wanted))
    place = np.minimum(np.searchsorted(code, wanted), len(code) - 1)
    return np.where(code[place] == wanted, value[place], 0.0)


class _Model:
    """Shares, the ratio of final to predicted, and the spread of months, from snapshots.

    ``actual``: final migrations, shape (snapshots, groups, directions, lags).
    """

    def __init__(self, known: list[_Counts], actual: Ints) -> None:
        self._snapshots, self._groups_n, _, self._lags = actual.shape
        self._shares = _Shares(known)
        predicted, binomial = (
            np.array(x) for x in zip(*(self._sums(k, self._shares.of(k, k)) for k in known), strict=True)
        )
        whole_actual, whole_predicted = actual.sum(axis=(0, 1)), predicted.sum(axis=(0, 1))
        self._ratio = np.where(whole_predicted > 0, whole_actual / np.maximum(whole_predicted, 1e-9), 1.0)
        expected = predicted * self._ratio
        # Of all groups together: a month that is unlike the others is so for every group.
        residual = (actual - expected).sum(axis=1)
        chance = (binomial * self._ratio**2).sum(axis=1)
        excess = np.maximum((residual**2 - chance).sum(axis=0), 0.0)
        self._spread2 = excess / np.maximum((expected.sum(axis=1) ** 2).sum(axis=0), 1e-9)

    def _sums(self, counts: _Counts, share: Floats) -> tuple[Floats, Floats]:
        """Expected migrations and their binomial variance, shape (groups, directions, lags)."""
        shape = (self._groups_n, 2, self._lags)
        state = counts.state // prod(_STATE_SIZES)
        cell = counts.group * (2 * self._lags) + state
        expected = np.bincount(cell, weights=counts.n * share, minlength=prod(shape))
        variance = np.bincount(cell, weights=counts.n * share * (1 - share), minlength=prod(shape))
        return expected.astype(np.float64).reshape(shape), variance.astype(np.float64).reshape(shape)

    def estimate(self, today: _Counts, level: float) -> dict[str, Floats]:
        """Estimates by group, direction and lag."""
        expected, variance = self._sums(today, self._shares.of(today))
        value = expected * self._ratio
        se = np.sqrt((variance * self._ratio**2 + self._spread2 * value**2) * (1 + 1 / self._snapshots))
        reach = float(stats.t.ppf(0.5 + level / 2, self._snapshots - 1)) * se
        presumed, decided = self._presumed(today)
        # Half a person: the figure is a count, and its estimate is not.
        return {
            "presumed_n": presumed,
            "decided_n": decided,
            "value": value,
            "provisional_se": se,
            "lower": np.maximum(value - reach - 0.5, 0.0),
            "upper": value + reach + 0.5,
        }

    def _presumed(self, today: _Counts) -> tuple[Floats, Floats]:
        last = prod(_STATE_SIZES[2:])
        migration = (today.state // (last * 2)) % 2
        final = (today.state // last) % 2
        return self._sums(today, migration.astype(np.float64))[0], self._sums(
            today, (migration * final).astype(np.float64)
        )[0]


def _spelled_out(table: dict[str, Floats], groups: tuple[Dimension, ...], now: int) -> pa.Table:
    shape = table["value"].shape
    group, direction, lag = (i.ravel() for i in np.indices(shape))
    months = (now - lag).astype("datetime64[M]")
    columns: dict[str, pa.Array] = {
        "month_code": pa.array([str(m) for m in months]),
        "direction_code": pa.array([(c.EXIT, c.ENTRY)[d] for d in direction]),
    }
    rest = group
    for g in reversed(groups):
        columns[f"{g.name}_code"] = pa.array([g.labels[i] for i in rest % len(g.labels)])
        rest = rest // len(g.labels)
    columns["lag_months"] = pa.array(lag)
    for name in ("presumed_n", "decided_n"):
        columns[name] = pa.array(np.rint(table[name].ravel()).astype(np.int64))
    columns |= {n: pa.array(table[n].ravel()) for n in ("value", "provisional_se", "lower", "upper")}
    return pa.table(columns).sort_by([(n, "ascending") for n in columns if n.endswith("_code")])
