"""Estimates of any set of crossings in one pass over a survey: the door of this package.

The steps: open the data; check every expression; read the frame (strata, PSUs) of the whole sample; scan
the rows of the domain once; add cells to crossings; variances over PSUs; one long table.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
import pyarrow as pa

from caudal.errors import CaudalError, Problem, nearest, problem
from caudal.estimate.survey.calibrated_cube import (
    Calibration,
    Rows,
    by_row,
    calibrated_table,
    replace_calibrated,
    weighted,
)
from caudal.estimate.survey.calibrated_replicates import CalibratedReplicates
from caudal.estimate.survey.coding import Coding, Key, codings
from caudal.estimate.survey.crossing import Crossing, crossings_of
from caudal.estimate.survey.cube import CubeSums, add_stage, no_sums, variances
from caudal.estimate.survey.design import Design, second_stage
from caudal.estimate.survey.estimates import (
    Context,
    gap_cells,
    stacked_cells,
    statistic_cells,
)
from caudal.estimate.survey.expressions import checked, quoted, unknown_column
from caudal.estimate.survey.frame import DesignSql, Frame, read_frame
from caudal.estimate.survey.gaps import PlannedGap, check_gaps, planned_gaps
from caudal.estimate.survey.plan import ALL_ROWS, Asked, asked, needed
from caudal.estimate.survey.profile import Profile, read_profile
from caudal.estimate.survey.quantile_cube import category_codes, read_quantile_cube
from caudal.estimate.survey.replicate_cube import (
    ReplicateColumns,
    replace_variances,
    retotalled,
    spread_over,
)
from caudal.estimate.survey.replicates import Replicates
from caudal.estimate.survey.result import result_table
from caudal.estimate.survey.sample import Mask, Sample
from caudal.estimate.survey.scan import FineTable, Request, scan_psus, scan_rows
from caudal.estimate.survey.source import Source, opened
from caudal.estimate.survey.statistics import (
    PROPORTION_INTERVALS,
    Count,
    Gap,
    Proportion,
    Quantile,
    Statistic,
    expressions_of,
    parts,
)
from caudal.estimate.survey.taylor import Scales, scales

_PROBE_ROWS = 6_000
Missing = Literal["variable", "listwise"]


def estimate_cube(
    data: Any,
    design: Design,
    statistics: Sequence[Statistic],
    crossings: Sequence[Sequence[str]],
    *,
    where: str | None = None,
    gaps: Sequence[Gap] = (),
    missing: Missing = "variable",
    connection: Any = None,
    threads: int | None = None,
    replicates: Replicates | ReplicateColumns | None = None,
    calibration: Calibration | None = None,
    level: float = 0.95,
    max_cells: int = 2_000_000,
) -> pa.Table:
    """Every statistic in every cell of every crossing, with its sampling error.

    Parameters
    ----------
    data : a Parquet or CSV path, an Arrow table, an object with ``__arrow_c_stream__``; on a ``connection``
        also the name of a table or a SELECT.
    design : the sampling design. Strata and PSUs are counted on all of ``data``.
    statistics : what to estimate; ``gaps`` compare two categories of a breakdown for one of them.
    crossings : tuples of columns; ``()`` is the whole domain. Cells without rows are left out, the whole
        domain never.
    where : the domain, a SQL condition. A row for which it is unknown is outside, and is counted.
    missing : ``variable`` leaves a row out of the statistics whose variables it lacks; ``listwise`` out
        of all. Both are counted in ``flags``.
    replicates : replicate weights whose variance takes the place of linearisation: factors by PSU
        (:mod:`.replicates`), or columns of the data.
    calibration : known totals that the weights are made to meet; variances then rest on residuals, or with
        ``replicates`` on replicates that are calibrated to the same totals (:mod:`.calibrated_replicates`).
    level : of confidence.

    Returns
    -------
    One row a cell and statistic: a text column for each breakdown (``_T`` where the crossing does not
    hold it, ``_U`` where the record does not know it), then ``statistic, value, sampling_se, lower, upper,
    interval_type, sample_n, cases_n, psu_n, stratum_n, df, deff, deff_replace, ess, error_method, flags``.
    What cannot be estimated is null, with the reason in ``flags``.

    Raises
    ------
    CaudalError : with every fault of the request or of the design at once.

    Examples
    --------
    >>> from caudal.estimate.survey import Design, Mean
    >>> people = pa.table({"h": [1, 1, 1, 2, 2, 2], "w": [10.0] * 6, "sex": list("FMFMFM"),
    ...                    "income": [3.0, 5.0, 4.0, 8.0, 6.0, 7.0]})
    >>> found = estimate_cube(people, Design(weight="w", strata="h"), [Mean("income")], [(), ("sex",)])
    >>> [(r["sex"], round(r["value"], 2), round(r["sampling_se"], 3)) for r in found.to_pylist()]
    [('_T', 5.5, 0.408), ('F', 4.33, 0.685), ('M', 6.67, 0.685)]
    """
    if isinstance(replicates, ReplicateColumns):
        design = replace(design, strata=None, psu=None, fpc=None, ssu=None, nested=None)
    with opened(data, connection, threads) as source:
        prepared = _prepared(source, design, statistics, crossings, where, missing, gaps)
        _check_size(prepared, max_cells)
        if calibration is None:
            return _estimated(source, design, prepared, statistics, gaps, replicates, level)
        whole, sample, spread = _calibrated(source, design, prepared, calibration, replicates)
        # replicate weights are read from the data in blocks: it stays open
        with opened(whole, None, threads) as weighed:
            final = weighted(design)
            prepared = _prepared(weighed, final, statistics, crossings, where, missing, gaps)
            return _estimated(weighed, final, prepared, statistics, gaps, spread, level, sample)


def _calibrated(
    source: Source,
    design: Design,
    prepared: _Prepared,
    calibration: Calibration,
    replicates: Replicates | ReplicateColumns | None,
) -> tuple[pa.Table, Sample, CalibratedReplicates | None]:
    columns = [e for a in prepared.requests for e in a.parts.expressions]
    columns += [f"CAST({sql} AS VARCHAR)" for sql in prepared.dim_sql.values()]
    columns.append(prepared.request.where or "true")
    return calibrated_table(source, design, calibration, columns, replicates)


def _rows(prepared: _Prepared, sample: Sample) -> Rows:
    labels = {d: prepared.coded[sql].all_labels for d, sql in prepared.dim_sql.items()}
    shown = {d: f"CAST({sql} AS VARCHAR)" for d, sql in prepared.dim_sql.items()}
    codes = {d: category_codes(sample.columns[text], labels[d]) for d, text in shown.items()}
    inside = (sample.columns[prepared.request.where or "true"] == 1) & (sample.weight != 0)
    return Rows(sample, codes, labels, inside)


@dataclass(frozen=True)
class _Prepared:
    """A request whose expressions are checked and coded."""

    dims: tuple[str, ...]
    dim_sql: Mapping[str, str]
    crossings: tuple[tuple[str, ...], ...]
    design_sql: DesignSql
    coded: Mapping[str, Coding]
    requests: tuple[Asked, ...]
    request: Request
    profile: Profile


def _prepared(
    source: Source,
    design: Design,
    statistics: Sequence[Statistic],
    crossings: Sequence[Sequence[str]],
    where: str | None,
    missing: Missing,
    gaps: Sequence[Gap],
) -> _Prepared:
    linear = [parts(s) for s in statistics if not isinstance(s, Quantile)] or [parts(Count(label="_rows"))]
    expressions = tuple(dict.fromkeys(e for p in linear for e in p.expressions))
    all_expressions = tuple(
        dict.fromkeys([*expressions, *(e for s in statistics for e in expressions_of(s))])
    )
    checker = _Checker(source.columns)
    sql = {e: checker.sql(e, "statistics") for e in all_expressions}
    domain = checker.sql(where, "where") if where else ""
    design_sql = DesignSql(
        checker.sql(design.weight, "design.weight") if design.weight else "1.0",
        tuple(checker.sql(c, "design.strata") for c in design.stratum_columns),
        tuple(checker.sql(c, "design.psu") for c in design.psu_columns),
        checker.sql(design.fpc, "design.fpc") if design.fpc else None,
    )
    dims = tuple(dict.fromkeys(d for c in crossings for d in c))
    dim_sql = {d: checker.column(d, "crossings") for d in dims}
    checker.faults += _duplicates([*(s.name for s in statistics), *(g.name for g in gaps)])
    checker.faults += _intervals(statistics)
    checker.finish()
    conditions = frozenset(p.numerator for p in linear if p.is_condition and p.numerator)
    keys = [*dim_sql.values(), *design_sql.strata, *design_sql.psu]
    profile = read_profile(source, design_sql.weight, sql, conditions, domain, keys)
    coded = codings(source, keys, profile.kinds, profile.ranges)
    requests = tuple(asked(p, profile.binary, profile.missing) for p in linear)
    by_psu, by_cell = needed(requests)
    known = []
    if missing == "listwise":
        known = [f"isfinite(CAST({sql[e]} AS DOUBLE))" for e in all_expressions if profile.missing.get(e)]
        profile = replace(profile, listwise_n=_left_out(source, design_sql.weight, domain, known))
    condition = " AND ".join(f"({c})" for c in (domain, *known) if c)
    is_equal = design.weight is None and design.kind != "full_count"
    summed = {e: sql[e] for e in expressions}
    keeps = design.kind == "full_count" or not profile.zero_weights_n
    request = Request(design_sql.weight, condition, summed, profile.missing, is_equal, by_psu, by_cell, keeps)
    asked_for = tuple(tuple(c) for c in crossings)
    return _Prepared(dims, dim_sql, asked_for, design_sql, coded, requests, request, profile)


def _left_out(source: Source, weight: str, domain: str, known: Sequence[str]) -> int:
    """Rows of the domain that lack a value."""
    if not known:
        return 0
    inside = f"({domain or 'true'}) AND CAST({weight} AS DOUBLE) <> 0"
    lacks = f"NOT coalesce({' AND '.join(known)}, false)"
    return int(source.rows(f"SELECT count(*) FROM {source.relation} WHERE {inside} AND {lacks}")[0][0])


class _Checker:
    """Checks expressions and columns, and raises all faults at once."""

    def __init__(self, columns: Sequence[str]) -> None:
        self.columns = columns
        self.faults: list[Problem] = []

    def sql(self, expression: str, where: str) -> str:
        """The checked SQL of an expression."""
        found, faults = checked(expression, self.columns, where)
        self.faults += faults
        return found

    def column(self, name: str, where: str) -> str:
        """The quoted name of a column."""
        if name not in self.columns:
            self.faults.append(unknown_column(name, self.columns, where))
        return quoted(name)

    def finish(self) -> None:
        """Raise what was wrong."""
        if self.faults:
            raise CaudalError(*self.faults)


def _intervals(statistics: Sequence[Statistic]) -> list[Problem]:
    """Kinds of limits of proportions that do not exist."""
    kinds = [s.interval for s in statistics if isinstance(s, Proportion)]
    return [
        problem("unknown-name", where="statistics", kind="interval", found=k, allowed=PROPORTION_INTERVALS,
                nearest=nearest(k, PROPORTION_INTERVALS) or "logit")
        for k in dict.fromkeys(kinds) if k not in PROPORTION_INTERVALS
    ]  # fmt: skip


def _duplicates(names: Sequence[str]) -> list[Problem]:
    repeated = [n for n in dict.fromkeys(names) if list(names).count(n) > 1]
    return [problem("survey-duplicate-name", where="statistics", found=n) for n in repeated]


def _check_size(prepared: _Prepared, limit: int) -> None:
    sizes = {d: max(prepared.coded[sql].size, 1) for d, sql in prepared.dim_sql.items()}
    cells = 0
    for crossing in prepared.crossings:
        size = 1
        for dim in crossing:
            size *= sizes[dim]
        cells += size
    if cells * max(len(prepared.requests), 1) > limit:
        cells *= max(len(prepared.requests), 1)
        raise CaudalError(
            problem("survey-too-many", crossings=len(prepared.crossings), cells=cells, limit=limit)
        )


def _scanned(source: Source, design: Design, prepared: _Prepared) -> tuple[Frame, FineTable]:
    candidates = _candidates(source, prepared) if design.psu else ()
    frame = read_frame(source, design, prepared.design_sql, prepared.coded, candidates)
    _check_lonely(design, frame)
    return frame, _fine_table(source, design, prepared, frame)


def _fine_table(source: Source, design: Design, prepared: _Prepared, frame: Frame) -> FineTable:
    coded, sql = prepared.coded, prepared.design_sql
    if design.kind == "full_count":  # no variance between units is asked for: one PSU holds them all
        return scan_psus(source, _as_one_psu(frame), prepared.request, coded, prepared.dim_sql, Key(()))
    if frame.has_psu:
        columns = (*sql.strata, *sql.psu) if design.nested else sql.psu
        key = Key(tuple(coded[c] for c in columns))
        return scan_psus(source, frame, prepared.request, coded, prepared.dim_sql, key)
    key = Key(tuple(coded[c] for c in sql.strata))
    return scan_rows(source, frame, prepared.request, coded, prepared.dim_sql, key)


def _as_one_psu(frame: Frame) -> Frame:
    one = np.zeros(1, dtype=np.int64)
    return replace(frame, stratum_of_psu=one, keys=one, order=one, key_size=1, psu_categories={})


def _second_stage(
    source: Source, design: Design, prepared: _Prepared, first: Frame
) -> tuple[FineTable, Scales]:
    """The scan by units of the second stage: strata are PSUs, with the first stage's sampling fraction."""
    stage, sql = second_stage(design), prepared.design_sql
    checker = _Checker(source.columns)
    strata = (
        *sql.strata,
        *sql.psu,
        *(checker.sql(c, "design") for c in ([design.ssu_strata] if design.ssu_strata else [])),
    )
    units = (checker.sql(str(design.ssu), "design"),)
    fpc = checker.sql(design.ssu_fpc, "design") if design.ssu_fpc else None
    checker.finish()
    keys = [*strata, *units]
    profile = read_profile(source, sql.weight, {}, frozenset(), "", keys)
    coded = {**prepared.coded, **codings(source, keys, profile.kinds, profile.ranges)}
    within = replace(prepared, design_sql=DesignSql(sql.weight, strata, units, fpc), coded=coded)
    frame = read_frame(source, stage, within.design_sql, coded, ())
    outer = frame.stratum_codes
    for column in reversed(strata[len(sql.strata) + len(sql.psu) :]):
        outer = outer // max(coded[column].size, 1)
    parent = np.unique(outer, return_inverse=True)[1].reshape(-1)
    for column in reversed(sql.psu):
        outer = outer // max(coded[column].size, 1)
    position = np.searchsorted(first.stratum_codes, outer)
    share = (1 - first.unsampled_h)[position]
    return _fine_table(source, stage, within, frame), scales(frame, design.lonely_psu, share, parent)


def _candidates(source: Source, prepared: _Prepared) -> tuple[str, ...]:
    """Breakdowns that do not vary within the PSUs of the first rows."""
    asked_for = [
        sql for sql in dict.fromkeys(prepared.dim_sql.values()) if prepared.coded[sql].lookup is None
    ]
    if not asked_for:
        return ()
    key = ", ".join((*prepared.design_sql.strata, *prepared.design_sql.psu))
    ends = ", ".join(f"min({prepared.coded[s].select}) = max({prepared.coded[s].select})" for s in asked_for)
    first = f"(SELECT * FROM {source.relation} LIMIT {_PROBE_ROWS})"
    same = [f"bool_and(s{k})" for k in range(len(asked_for))]
    named = ", ".join(f"s{k}" for k in range(len(asked_for)))
    query = f"SELECT {', '.join(same)} FROM (SELECT {ends} FROM {first} GROUP BY {key}) AS g({named})"
    found = source.rows(query)[0]
    return tuple(s for s, is_constant in zip(asked_for, found, strict=True) if is_constant)


def _check_lonely(design: Design, frame: Frame) -> None:
    if design.lonely_psu != "fail" or not frame.lonely_h.any() or design.kind == "full_count":
        return
    strata = [name for name, lonely in zip(frame.stratum_labels, frame.lonely_h, strict=True) if lonely]
    raise CaudalError(
        problem("survey-lonely-psu", where="design.lonely_psu", count=len(strata), strata=strata)
    )


def _estimated(
    source: Source,
    design: Design,
    prepared: _Prepared,
    statistics: Sequence[Statistic],
    gaps: Sequence[Gap],
    replicates: Replicates | ReplicateColumns | None,
    level: float,
    calibrated: Sample | None = None,
) -> pa.Table:
    frame, fine = _scanned(source, design, prepared)
    labels = {d: prepared.coded[sql].all_labels for d, sql in prepared.dim_sql.items()}
    tables = crossings_of(fine, prepared.crossings)
    names = [s.name for s in statistics]
    check_gaps(gaps, prepared.crossings, names, labels)
    medians = {s.name for s in statistics if isinstance(s, Quantile)}
    linear_gaps = [g for g in gaps if g.statistic not in medians]
    planned = planned_gaps(linear_gaps, tables, prepared.requests, labels)
    sums = variances(fine, tables, prepared.requests, planned, scales(frame, design.lonely_psu), frame.rows_n)
    if design.ssu:
        within, scale = _second_stage(source, design, prepared, frame)
        inner = crossings_of(within, prepared.crossings)
        planned_inner = planned_gaps(linear_gaps, inner, prepared.requests, labels)
        inner_sums = variances(within, inner, prepared.requests, planned_inner, scale, frame.rows_n)
        sizes = {d: len(names) for d, names in labels.items()}
        add_stage(sums, inner_sums, (tables, planned), (inner, planned_inner), sizes)
    context = Context(design, level, (*prepared.profile.remarks(design), *_scale_remark(design, fine)))
    if calibrated is not None:
        context = replace(context, is_calibrated=True)
        if replicates is None:
            rows = _rows(prepared, calibrated)
            replace_calibrated(sums, tables, prepared.requests, planned, gaps, rows)
    if isinstance(replicates, CalibratedReplicates) and calibrated is not None:
        inside = calibrated.columns[prepared.request.where or "true"] == 1
        _spread_over_rows(source, design, prepared, linear_gaps, replicates, inside, (sums, tables, planned))
    elif replicates is not None:
        replace_variances(
            sums, fine, tables, prepared.requests, planned, replicates, source, prepared.request
        )
    if replicates is not None:
        degrees = replicates.degrees if isinstance(replicates, ReplicateColumns) else replicates.df
        context = replace(context, replicates=replicates.method, replicates_df=degrees)
    by_name = {a.parts.name: a for a in prepared.requests}
    stack = stacked_cells(tables, {d: len(names) for d, names in labels.items()})
    found = [
        statistic_cells(
            stack, request, [sums.statistics[k, request.parts.name] for k in range(len(tables))], context
        )
        for request in prepared.requests
        if request.parts.name != "_rows"
    ]
    found += [
        gap_cells(g, tables[g.crossing], by_name[g.statistic], sums.gaps[g.crossing, g.name], context)
        for g in planned
    ]
    quantiles = {s.name: s for s in statistics if isinstance(s, Quantile)}
    if quantiles:
        held = replicates.held() if isinstance(replicates, CalibratedReplicates) else replicates
        where, shown = prepared.request.where, prepared.dim_sql
        asked_for = list(quantiles.values())
        cube = read_quantile_cube(source, design, asked_for, where, shown, labels, held, calibrated)
        found += [cube.cells(q, stack, context) for q in asked_for]
        found += [
            cube.gap(g, quantiles[g.statistic], table, context)
            for g in gaps
            for table in tables
            if g.statistic in quantiles and g.dimension in table.dims
        ]
    return result_table(found, prepared.dims, labels)


def _spread_over_rows(
    source: Source,
    design: Design,
    prepared: _Prepared,
    gaps: Sequence[Gap],
    replicates: CalibratedReplicates,
    inside: Mask,
    outer: tuple[CubeSums, Sequence[Crossing], Sequence[PlannedGap]],
) -> None:
    """Put variances over calibrated replicates, whose factors vary from row to row, into the sums."""
    kept = inside & (replicates.base != 0)
    plain = by_row(design)
    base = quoted(str(plain.weight))
    request = replace(prepared.request, weight=base, is_equal=False, keeps_zeros=False)
    flat = replace(prepared, design_sql=DesignSql(base, (), (), None), request=request)
    labels = {d: prepared.coded[sql].all_labels for d, sql in prepared.dim_sql.items()}
    _, fine = _scanned(source, plain, flat)
    tables = retotalled(fine, crossings_of(fine, prepared.crossings), replicates.g[kept])
    planned = planned_gaps(gaps, tables, prepared.requests, labels)
    found = no_sums(tables, prepared.requests, planned)
    blocks, scale = replicates.factors(kept), (replicates.scale, replicates.mse)
    spread_over(found, fine, tables, prepared.requests, planned, blocks, scale)
    sums = outer[0]
    sums.clear()
    add_stage(sums, found, outer[1:], (tables, planned), {d: len(names) for d, names in labels.items()})


def _scale_remark(design: Design, fine: FineTable) -> tuple[str, ...]:
    """Weights that sum to no more than the rows are not expansion weights."""
    weights = [t for t in fine.by_psu if t.kind == "w" and not t.factors and not t.known]
    if design.kind != "sample" or design.weight is None or not weights:
        return ()
    size, rows = float(fine.by_psu[weights[0]].sum()), float(fine.by_cell[ALL_ROWS].sum())
    is_small = 0 < size <= rows * (1 + 1e-6)
    return ("weights sum to no more than the rows: check their scale",) if is_small else ()
