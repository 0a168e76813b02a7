"""A sample in memory, row by row: for what a cube of totals cannot give.

Quantiles, calibration, contrasts between any domains, tests and replicate weights work on the influence of
each row on an estimate: for an estimate linearised as sum_k u_k, the variance is that of the PSU totals of
u in the design (Deville 1999, *Survey Methodology* 25:193; Lumley 2010, appendix C). Calibration replaces u
by its residuals on the calibration variables (Deville & Särndal 1992, *JASA* 87:376). A second stage adds

    sum over PSUs of f_1h times the variance within the PSU        (Särndal et al. 1992, ch. 4)

The whole sample must fit in memory; cubes of large files are the business of :func:`.estimate_cube`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from caudal.errors import CaudalError, problem
from caudal.estimate.survey.coding import Key, codings, plain
from caudal.estimate.survey.design import Design
from caudal.estimate.survey.expressions import checked_all
from caudal.estimate.survey.frame import DesignSql, Floats, Ints, read_frame
from caudal.estimate.survey.profile import read_profile
from caudal.estimate.survey.source import Source, opened

Mask = npt.NDArray[np.bool_]
#: Replaces the influences of rows by their residuals on what the weights were calibrated to.
Residuals = Callable[[Floats], Floats]


@dataclass(frozen=True)
class Stage:
    """Units of one stage: ``unit`` of each row, ``group`` (stratum) of each unit, and by group the number
    sampled, the number in the population (inf without a correction), the share of the stage before and, at
    the second stage, the PSU (``parent``)."""

    unit: Ints
    group: Ints
    sampled: Floats
    population: Floats
    share: Floats
    parent: Ints | None = None

    @property
    def unsampled(self) -> Floats:
        """1 - f by group."""
        with np.errstate(invalid="ignore"):
            share = (self.population - self.sampled) / self.population
        return np.where(np.isinf(self.population), 1.0, share)

    @property
    def lonely(self) -> Mask:
        """Groups of one unit that was not taken with certainty."""
        found: Mask = (self.sampled == 1) & (self.unsampled >= 1e-7)
        return found


@dataclass(frozen=True)
class Sample:
    """Rows with their weights and stages; ``columns`` are the values that were asked for (NaN: missing)."""

    weight: Floats
    stages: tuple[Stage, ...]
    columns: Mapping[str, npt.NDArray[Any]]
    lonely_psu: str
    calibrations: tuple[Residuals, ...] = field(default=(), compare=False)

    @property
    def rows_n(self) -> int:
        """Number of rows."""
        return self.weight.size

    def everything(self) -> Mask:
        """The domain of all rows."""
        return np.ones(self.rows_n, dtype=bool)

    def df(self, domain: Mask) -> float:
        """Degrees of freedom: PSUs less strata that hold rows of the domain."""
        first = self.stages[0]
        units = np.unique(first.unit[domain & (self.weight != 0)])
        return float(units.size - np.unique(first.group[units]).size)


def read_sample(data: Any, design: Design, columns: Sequence[str] = (), *, connection: Any = None) -> Sample:
    """All rows of ``data`` with their design, and ``columns`` (SQL expressions; numbers, text or truth).

    >>> import pyarrow as pa
    >>> people = pa.table({"h": [1, 1, 2, 2], "w": [10.0] * 4, "y": [1.0, 2.0, 3.0, 5.0]})
    >>> read_sample(people, Design(weight="w", strata="h"), ["y", "y > 1"]).columns["y > 1"].tolist()
    [0.0, 1.0, 1.0, 1.0]
    """
    with opened(data, connection) as source:
        return sample_of(source, design, columns)


def sample_of(source: Source, design: Design, columns: Sequence[str]) -> Sample:
    """The sample of an open source: see :func:`read_sample`."""
    named = checked_all(list(columns), source.columns, "columns")
    sql = _design_sql(design, source)
    keys = [*sql.strata, *sql.psu]
    profile = read_profile(source, sql.weight, {}, frozenset(), "", keys)
    coded = codings(source, keys, profile.kinds, profile.ranges)
    frame = read_frame(source, design, sql, coded, ())
    stratum, psu = (Key(tuple(coded[c] for c in part)) for part in (sql.strata, sql.psu))
    select = [*stratum.select("h"), *psu.select("i"), f"CAST({sql.weight} AS DOUBLE) AS w"]
    select += [f"{expression} AS v{k}" for k, expression in enumerate(named.values())]
    table = source.connection.sql(f"SELECT {', '.join(select)} FROM {source.relation}").to_arrow_table()
    h = np.searchsorted(frame.stratum_codes, stratum.decoded([table[n] for n in stratum.names("h")]))
    unit, group = np.arange(h.size), h
    if frame.has_psu:
        code = psu.decoded([table[n] for n in psu.names("i")])
        key = frame.stratum_codes[h] * psu.size + code if design.nested else code
        unit, group = frame.psu_index(key), frame.stratum_of_psu
    first = Stage(unit, group, frame.n_h, frame.population_h, np.ones(frame.n_h.size))
    stages = (first, _second_stage(source, design, first)) if design.ssu else (first,)
    values = {name: _values(table[f"v{k}"]) for k, name in enumerate(named)}
    weight = np.array(plain(table["w"])) if design.weight else frame.equal_weight_h[first.group[unit]]
    sample = Sample(weight, stages, values, design.lonely_psu)
    _check_lonely(sample)
    return sample


def _design_sql(design: Design, source: Source) -> DesignSql:
    named = [design.weight, *design.stratum_columns, *design.psu_columns, design.fpc]
    sql = checked_all([n for n in named if n], source.columns, "design")
    return DesignSql(
        sql[design.weight] if design.weight else "1.0",
        tuple(sql[c] for c in design.stratum_columns),
        tuple(sql[c] for c in design.psu_columns),
        sql[design.fpc] if design.fpc else None,
    )


def _second_stage(source: Source, design: Design, first: Stage) -> Stage:
    """Units within PSUs: their groups are PSUs, or strata within PSUs."""
    named = [c for c in (design.ssu, design.ssu_strata, design.ssu_fpc) if c]
    sql = checked_all(named, source.columns, "design")
    shown = ", ".join(f"{s} AS c{k}" for k, s in enumerate(sql.values()))
    rows = source.connection.sql(f"SELECT {shown} FROM {source.relation}").fetchnumpy()
    found = {name: np.asarray(rows[f"c{k}"]) for k, name in enumerate(sql)}
    missing = [name for name in named if _is_missing(rows[f"c{list(sql).index(name)}"])]
    if missing:
        raise CaudalError(*(problem("survey-design-missing", count="some", column=m) for m in missing))
    within = (
        np.unique(found[design.ssu_strata].astype(str), return_inverse=True)[1] if design.ssu_strata else 0
    )
    group = np.unique(first.unit * (np.max(within) + 1) + within, return_inverse=True)[1]
    ssu = np.unique(found[str(design.ssu)].astype(str), return_inverse=True)[1]
    _, at, unit = np.unique(group * (ssu.max() + 1) + ssu, return_index=True, return_inverse=True)
    groups_n = int(group.max()) + 1
    group_of_unit = group[at]
    sampled = np.bincount(group_of_unit, minlength=groups_n).astype(np.float64)
    population = np.full(groups_n, np.inf)
    if design.ssu_fpc:
        given = np.zeros(groups_n)
        given[group] = found[design.ssu_fpc].astype(np.float64)
        population = sampled / given if np.all(given <= 1) else given
        if np.any(population < sampled):
            where = f"{int(np.sum(population < sampled))} PSUs"
            reason = "the second stage is below the number sampled"
            raise CaudalError(
                problem("survey-fpc", where="design.ssu_fpc", count=where, strata="", reason=reason)
            )
    share, parent = np.zeros(groups_n), np.zeros(groups_n, dtype=np.int64)
    share[group] = (1 - first.unsampled)[first.group[first.unit]]
    parent[group] = first.unit
    return Stage(unit, group_of_unit, sampled, population, share, parent)


def _is_missing(column: Any) -> bool:
    return bool(np.ma.is_masked(column))


def _values(column: Any) -> npt.NDArray[Any]:
    """Numbers and truth as doubles (NaN: missing), text as text."""
    kind = str(column.type)
    if kind in ("string", "large_string") or kind.startswith("dictionary"):
        return np.array(column.to_pylist(), dtype=object)
    return np.array(
        column.cast("float64").fill_null(float("nan")).combine_chunks().to_numpy(zero_copy_only=False)
    )


def _check_lonely(sample: Sample) -> None:
    lonely = sample.stages[0].lonely
    if sample.lonely_psu == "fail" and lonely.any():
        strata = [str(k) for k in np.flatnonzero(lonely)]
        raise CaudalError(
            problem("survey-lonely-psu", where="design.lonely_psu", count=len(strata), strata=strata)
        )


def covariance(sample: Sample, influence: Floats, domain: Mask | None = None) -> Floats:
    """Covariance of estimates whose influences are the columns of ``influence`` (rows, estimates).

    ``domain`` holds the rows on which the estimates rest: elsewhere the influences are zero. Without
    calibration only those rows are read.

    >>> stage = Stage(np.arange(3), np.zeros(3, dtype=int), np.array([3.0]), np.array([np.inf]), np.ones(1))
    >>> sample = Sample(np.ones(3), (stage,), {}, "fail")
    >>> covariance(sample, np.array([[1.0], [2.0], [3.0]])).tolist()
    [[3.0]]
    """
    values = influence
    for residuals in sample.calibrations:
        values = residuals(values)
    # calibrated influences do not vanish outside the domain
    within = None if sample.calibrations else domain
    present = np.flatnonzero((sample.weight != 0) if within is None else within & (sample.weight != 0))
    rows = present if within is not None else np.arange(sample.rows_n)
    total = np.zeros((values.shape[1], values.shape[1]))
    for stage in sample.stages:
        total += _stage_covariance(stage, values[rows], rows, present, sample.lonely_psu)
    return total


def _stage_covariance(stage: Stage, values: Floats, rows: Ints, present: Ints, lonely_choice: str) -> Floats:
    units = stage.group.size
    sums = np.stack([np.bincount(stage.unit[rows], column, units) for column in values.T], axis=1)
    groups = stage.sampled.size
    whole: Floats = np.stack([np.bincount(stage.group, c, groups) for c in sums.T], axis=1).astype(float)
    mean = whole / stage.sampled[:, None]
    more = stage.sampled > 1
    factor = stage.unsampled * np.where(more, stage.sampled / np.where(more, stage.sampled - 1, 1), 1.0)
    if lonely_choice in ("adjust", "average") and stage.lonely.any():
        here = np.zeros(groups, dtype=bool)
        here[stage.group[stage.unit[present]]] = True
        if lonely_choice == "adjust":
            mean[stage.lonely] = _centres(stage, whole, here)[stage.lonely]
            factor = np.where(stage.lonely & ~here, 0.0, factor)
        else:
            factor = factor * _averaged(stage, here)
    deviation = sums - mean[stage.group]
    weighted = deviation * (factor * stage.share)[stage.group][:, None]
    found: Floats = weighted.T @ deviation
    return found


def _parents(stage: Stage) -> Ints:
    return np.zeros(stage.sampled.size, dtype=np.int64) if stage.parent is None else stage.parent


def _centres(stage: Stage, whole: Floats, here: Mask) -> Floats:
    """The mean over all units, of the sample or of the parent, that a lonely unit is centred on."""
    parent = _parents(stage)
    count = np.bincount(parent, stage.sampled * here)
    totals = np.stack([np.bincount(parent, column) for column in whole.T], axis=1)
    found: Floats = (totals / np.maximum(count, 1.0)[:, None])[parent]
    return found


def _averaged(stage: Stage, here: Mask) -> Floats:
    """How much more the sound groups count for the lonely ones; NaN where there are none."""
    parent = _parents(stage)
    all_n, sound_n, lonely_n = (
        np.bincount(parent, m) for m in (here, here & ~stage.lonely, here & stage.lonely)
    )
    with np.errstate(invalid="ignore", divide="ignore"):
        ratio = np.where(lonely_n > 0, np.where(sound_n > 0, all_n / sound_n, np.nan), 1.0)
    return np.asarray(ratio[parent], dtype=np.float64)
