"""Crossings that the register never saw: how many, and what they do to the tables.

A lost crossing between two others leaves a run, so runs measure the loss: of the pairs of successive
recorded entries of a person, the share without an exit between them is the share of exits lost (and the
other way round). A crossing lost at the *end* of a history leaves nothing: a visitor whose exit was lost
looks like an immigrant. No repair of single histories can know better, but a table can be corrected:

    T(register) - T(truth)  is about  s (T(register thinned once more by the same loss) - T(register)),

with the mean over ``replicates`` thinnings (simulation and extrapolation: Cook and Stefanski, JASA 1994).
With r the share of crossings kept, a stay of which one end is seen and the other is not is made with chance
r (1 - r), which between retentions 1, r and r^2 gives s = 1 / (r + r^2 - 1). The standard error of the
corrected table holds the chance of the losses (the spread over thinnings), the few replicates, and the
doubt about the estimated shares. ``coverage_by_post`` states what share of the crossings a post records,
where a survey at the border has measured it: unrecorded land crossings are a parameter, never inferred from
silence.

The correction assumes that losses do not depend on who crosses. It refuses losses above a quarter.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from scipy import stats

from caudal.errors import CaudalError, problem
from caudal.estimate.stays import columns as c
from caudal.estimate.stays.classify import Settings, count_repairs, map_pieces
from caudal.estimate.stays.cube import CellCounter, Cells, CubeSpec
from caudal.estimate.stays.keys import Keys
from caudal.estimate.stays.reading import PackedRegister
from caudal.estimate.stays.repair import Repairs
from caudal.estimate.stays.snapshots import filtered

MOST_LOSS = 0.25


@dataclass(frozen=True)
class Losses:
    """Shares of crossings that were lost, by direction, with their standard errors; and the share that a
    post records, where it is known, by post."""

    entry_share: float
    exit_share: float
    entry_se: float = 0.0
    exit_se: float = 0.0
    coverage_by_post: Mapping[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        shares = {"entry": self.entry_share, "exit": self.exit_share}
        shares |= {post: 1 - coverage for post, coverage in self.coverage_by_post.items()}
        wrong = [
            problem("stays-loss-out-of-range", name=name, found=share, most=MOST_LOSS)
            for name, share in shares.items()
            if not 0 <= share <= MOST_LOSS
        ]
        if wrong:
            raise CaudalError(*wrong)


def estimated_losses(repairs: Repairs) -> Losses:
    """Losses from runs: a run of entries is a lost exit, a run of exits a lost entry.

    >>> repairs = Repairs(runs_of_entries_n=10, entry_successions_n=1000, exit_successions_n=1000)
    >>> losses = estimated_losses(repairs)
    >>> losses.exit_share, losses.entry_share
    (0.01, 0.0)
    """
    exit_share, exit_se = _share(repairs.runs_of_entries_n, repairs.entry_successions_n)
    entry_share, entry_se = _share(repairs.runs_of_exits_n, repairs.exit_successions_n)
    return Losses(entry_share, exit_share, entry_se, exit_se)


def _share(runs: int, pairs: int) -> tuple[float, float]:
    share = runs / pairs if pairs else 0.0
    return share, (share * (1 - share) / pairs) ** 0.5 if pairs else 0.0


@dataclass(frozen=True)
class Correction:
    """How to correct: how many thinnings, from which seed, and the level of the limits."""

    replicates: int = 12
    seed: int = 1
    level: float = 0.95


def corrected_cube(
    register: PackedRegister,
    settings: Settings | None = None,
    spec: CubeSpec | None = None,
    losses: Losses | None = None,
    correction: Correction | None = None,
) -> pa.Table:
    """A cube corrected for lost crossings.

    Columns: the dimensions, ``recorded_n``, ``value``, ``model_se``, ``lower``, ``upper``.

    ``losses``: by default estimated from the runs of the register itself.
    """
    settings, spec, correction = settings or Settings(), spec or CubeSpec(), correction or Correction()
    losses = losses or estimated_losses(count_repairs(register, settings))
    observed = _cells(register, settings, spec)
    thinned = [
        _cells(
            thinned_register(register, losses, np.random.default_rng([correction.seed, r])), settings, spec
        )
        for r in range(correction.replicates)
    ]
    codes = np.unique(np.concatenate([observed.code, *(t.code for t in thinned)]))
    recorded = _aligned(observed, codes)
    replicates = np.array([_aligned(t, codes) for t in thinned])
    value, se = _extrapolated(recorded, replicates, losses, _mean_loss(register, losses))
    reach = float(stats.norm.ppf(0.5 + correction.level / 2)) * se
    counter = CellCounter.of(register, spec)
    table = counter.table(Cells(codes, recorded.astype(np.int64))).rename_columns(
        {"crossings_n": "recorded_n"}
    )
    columns = {"value": value, "model_se": se, "lower": value - reach, "upper": value + reach}
    for name, column in columns.items():
        table = table.append_column(name, pa.array(column))
    return table


def _cells(register: PackedRegister, settings: Settings, spec: CubeSpec) -> Cells:
    return Cells.none().plus(map_pieces(register, settings, CellCounter.of(register, spec).cells))


def _aligned(cells: Cells, codes: npt.NDArray[np.int64]) -> npt.NDArray[np.float64]:
    counts = np.zeros(len(codes))
    counts[np.searchsorted(codes, cells.code)] = cells.count
    return counts


def _extrapolated(
    recorded: npt.NDArray[np.float64], replicates: npt.NDArray[np.float64], losses: Losses, mean_loss: float
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Corrected values and their standard errors.

    Every migration made or unmade by a loss is a rare event of its own, so that the variance of a cell is at
    least the size of its drift; this steadies the spread of a few replicates.
    """
    kept = 1 - mean_loss
    drift = (replicates.mean(axis=0) - recorded) / (kept + kept**2 - 1)
    count = len(replicates)
    spread = replicates.var(axis=0, ddof=1) if count > 1 else np.zeros_like(recorded)
    chance = np.maximum(spread, np.abs(drift)) * (1 + 1 / count)
    share = max(losses.entry_share, losses.exit_share, 1e-12)
    doubt = max(losses.entry_se, losses.exit_se) / share
    return recorded - drift, np.sqrt(chance + (doubt * drift) ** 2)


def thinned_register(register: PackedRegister, losses: Losses, random: np.random.Generator) -> PackedRegister:
    """The register with a random part of its crossings taken away, by direction and post.

    The draws follow the order of the sorted keys, so that the same seed takes the same crossings.
    """
    chance = _chance_of_loss(register, losses)
    return filtered(register, lambda _, keys: np.asarray(random.random(len(keys)) >= chance(keys)))


def _mean_loss(register: PackedRegister, losses: Losses) -> float:
    chance = _chance_of_loss(register, losses)
    lost, n = 0.0, 0
    for number in range(len(register.parts)):
        keys = register.part(number)
        lost, n = lost + float(chance(keys).sum()), n + len(keys)
    return lost / max(n, 1)


def _chance_of_loss(register: PackedRegister, losses: Losses) -> Callable[[Keys], npt.NDArray[np.float64]]:
    """The share lost among crossings like each one, by its direction and post."""
    layout = register.layout
    by_direction = np.array([losses.entry_share if d else losses.exit_share for d in (0, 1)])
    posts = register.labels.get(c.POST)
    if losses.coverage_by_post and posts is None:
        raise CaudalError(problem("stays-not-read", found=c.POST))
    by_post = np.array([1 - losses.coverage_by_post.get(p, 1.0) for p in posts or ()])

    def chance(keys: Keys) -> npt.NDArray[np.float64]:
        lost = by_direction[layout.inside(keys)]
        if losses.coverage_by_post:
            lost = 1 - (1 - lost) * (1 - by_post[layout.field(keys, c.POST)])
        return np.asarray(lost)

    return chance
