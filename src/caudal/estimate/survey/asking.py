"""A survey estimation asked for in words: what the command line hands over.

Everything is text: columns, SQL expressions, and small forms such as ``income@0.5`` (a quantile),
``remittances/income`` (a ratio), ``mean(income):status:FB-NB`` (a gap). :func:`answer` reads the file, by its
name in any format that the collection room knows, estimates, and hands back the table, the tests and the
ranks that were asked for, with the script that repeats a cell in R.

Refused: a request that names no statistic; forms that cannot be read, all at once.
"""

from __future__ import annotations

import csv
import hashlib
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Literal

import duckdb
import numpy as np
import pyarrow as pa

from caudal.errors import CaudalError, Problem, nearest, problem, unknown
from caudal.estimate.survey.amounts import (
    LABELLED,
    columns_in,
    held_against_labels,
    labelled_missing,
    read_forms,
    without,
)
from caudal.estimate.survey.association import TableTest, rao_scott
from caudal.estimate.survey.calibrated_cube import Calibration
from caudal.estimate.survey.comparisons import Ranks, estimate_domains, named_domains, ranks
from caudal.estimate.survey.crossing import crossings_up_to
from caudal.estimate.survey.design import Design
from caudal.estimate.survey.estimation import estimate_cube
from caudal.estimate.survey.expressions import checked, quoted, unknown_column
from caudal.estimate.survey.r_script import r_script
from caudal.estimate.survey.reliability import assess, reliability_rules
from caudal.estimate.survey.replicate_cube import ReplicateColumns
from caudal.estimate.survey.replicates import producer_scale
from caudal.estimate.survey.sample import read_sample
from caudal.estimate.survey.source import opened
from caudal.estimate.survey.statistics import (
    Count,
    Gap,
    Mean,
    Proportion,
    Quantile,
    Ratio,
    Statistic,
    Total,
    expressions_of,
)

_GAP = re.compile(
    r"^(?P<statistic>.+):(?P<dimension>[^:]+):(?P<first>[^:]+?)(?P<sign>[-/])(?P<second>[^:-]+)$"
)
_DIRECT = (".parquet", ".csv", ".csv.gz", ".tsv", ".txt")
#: Where the formats of the collection room are read by the ending of a name.
_COLLECTED = {
    ".sav": "spss", ".zsav": "spss", ".dta": "stata", ".sas7bdat": "sas", ".xpt": "sas", ".xlsx": "excel",
    ".jsonl": "json_lines", ".ndjson": "json_lines",
}  # fmt: skip
Step = Callable[[int, int, str], None]


@dataclass(frozen=True)
class Request:
    """What was asked, as text; see ``caudal estimate --help`` for the forms."""

    by: tuple[str, ...] = ()
    upto: int | None = None
    where: str | None = None
    statistics: tuple[tuple[str, str], ...] = ()
    gaps: tuple[str, ...] = ()
    tests: tuple[str, ...] = ()
    ranks: tuple[str, ...] = ()
    replicates: str | None = None
    replicate_kind: str = "BRR"
    rho: float = 0.0
    calibrate: Path | None = None
    calibration: str = "linear"
    bounds: str | None = None
    interval: str = "logit"
    rule: str = "math"
    quantile_interval: str = "mean"
    missing: Literal["variable", "listwise"] = "variable"
    level: float = 0.95
    reliability: str | None = None
    r_cell: str | None = None
    max_cells: int = 2_000_000
    na: tuple[str, ...] = ()


@dataclass(frozen=True)
class Answer:
    """The table of estimates, and the rest that was asked for."""

    table: pa.Table
    tests: Mapping[str, TableTest] = field(default_factory=dict)
    ranks: Mapping[str, Ranks] = field(default_factory=dict)
    r_script: str = ""
    rows: int = 0


@dataclass(frozen=True)
class _Opened:
    """A file as a relation: what :func:`.estimate_cube` reads, its session (None: its own), its columns, and
    the values of its columns that are left out as no answer."""

    data: Any
    connection: Any
    columns: Sequence[str]
    missing: Mapping[str, Sequence[str]]


def answer(
    path: Path,
    design: Design | None,
    request: Request,
    step: Step = lambda done, of, what: None,
    also: Sequence[Problem] = (),
) -> Answer:
    """The answer to a request on a file; ``step`` hears how far it is. ``also`` is what was already found to
    be wrong (``design`` is then None where it could not be made); all of it is told together."""
    statistics, gaps, faults = _read(request)
    faults = [*also, *faults, *_faults(request, statistics)]
    steps = 2 + len(request.tests) + len(request.ranks)
    step(0, steps, str(path))
    with ExitStack() as stack:
        try:
            file = stack.enter_context(_relation(path, request, statistics))
        except CaudalError as error:
            raise CaudalError(*faults, *error.problems) from error
        faults += _unknown_columns(file.columns, design, statistics, request)
        if faults or design is None:
            raise CaudalError(*faults)
        return _answered(path, design, request, statistics, gaps, file, step)


def _answered(
    path: Path,
    design: Design,
    request: Request,
    statistics: Sequence[Statistic],
    gaps: Sequence[Gap],
    file: _Opened,
    step: Step,
) -> Answer:
    data, connection = file.data, file.connection
    steps = 2 + len(request.tests) + len(request.ranks)
    table = estimate_cube(
        data, design, statistics, _crossings(request), where=request.where, gaps=gaps,
        missing=request.missing, connection=connection, level=request.level,
        replicates=_replicates(request, file.columns),
        max_cells=request.max_cells, calibration=_calibration(request),
    )  # fmt: skip
    step(1, steps, f"{table.num_rows} rows")
    tests, found = {}, {}
    for k, text in enumerate(request.tests):
        tests[text] = _tested(data, connection, design, text, request)
        step(2 + k, steps, text)
    for k, text in enumerate(request.ranks):
        found[text] = _ranked(data, connection, design, text, statistics, request)
        step(2 + len(tests) + k, steps, text)
    if request.reliability:
        table = assess(table, statistics, request.reliability)
    script = (
        _script(path, design, table, statistics, request, file.missing) if request.r_cell is not None else ""
    )
    step(steps, steps, "")
    return Answer(table, tests, found, script, table.num_rows)


def _faults(request: Request, statistics: Sequence[Statistic]) -> list[Problem]:
    """What is wrong with the rest of a request, before any file is read."""
    faults = read_forms(request.na)[2]
    try:
        _calibration(request)
    except CaudalError as error:
        faults += error.problems
    if request.reliability and request.reliability not in reliability_rules():
        faults.append(unknown("reliability rule", request.reliability, sorted(reliability_rules())))
    names = [s.name for s in statistics]
    faults += [_no_test(t) for t in request.tests if len(t.partition(":")[0].split(",")) != 2]
    faults += [
        _no_rank(t, names) for t in request.ranks if t.rpartition(":")[0] not in names or t.endswith(":")
    ]
    return faults


def _unknown_columns(
    columns: Sequence[str], design: Design | None, statistics: Sequence[Statistic], request: Request
) -> list[Problem]:
    """Every column that is named anywhere in a request and that the file does not have."""
    named: list[tuple[str, str]] = []
    if design is not None:
        single = (("--weight", design.weight), ("--fpc", design.fpc), ("--ssu", design.ssu))
        named += [(option, c) for option, c in (*single, ("--ssu-fpc", design.ssu_fpc)) if c]
        named += [("--strata", c) for c in design.stratum_columns]
        named += [("--psu", c) for c in design.psu_columns]
    named += [("statistics", e) for s in statistics for e in expressions_of(s)]
    named += [("--where", request.where)] if request.where else []
    faults = [f for place, text in dict.fromkeys(named) for f in checked(text, columns, place)[1]]
    plain = [("--by", c) for crossing in _crossings(request) for c in crossing]
    plain += [("--test", c.strip()) for t in request.tests for c in t.partition(":")[0].split(",")]
    plain += [("--rank", t.rpartition(":")[2]) for t in request.ranks if ":" in t and not t.endswith(":")]
    plain += [("--na", c) for c in read_forms(request.na)[1]]
    small = {c.casefold() for c in columns}
    faults += [
        unknown_column(c, columns, place)
        for place, c in dict.fromkeys(plain)
        if c and (c not in columns if place == "--by" else c.casefold() not in small)
    ]
    return faults


def _read(request: Request) -> tuple[list[Statistic], list[Gap], list[Problem]]:
    faults: list[Problem] = []
    statistics: list[Statistic] = []
    for kind, text in request.statistics:
        try:
            statistics.append(_statistic(kind, text, request))
        except ValueError:
            faults.append(problem("survey-form", where=f"--{kind}", found=text, form=_FORMS[kind]))
    gaps = []
    for text in request.gaps:
        match = _GAP.match(text)
        if match is None:
            faults.append(problem("survey-form", where="--gap", found=text, form=_FORMS["gap"]))
            continue
        how: Literal["difference", "ratio"] = "ratio" if match["sign"] == "/" else "difference"
        gaps.append(Gap(match["statistic"], match["dimension"], match["first"], match["second"], how))
    if not (statistics or faults or request.tests):
        faults.append(
            problem("survey-nothing-asked", found=", ".join(f"--{k}" for k in _FORMS if k != "gap"))
        )
    return statistics or [Count()], gaps, faults


_FORMS = {
    "count": "CONDITION, or nothing for the population",
    "total": "EXPRESSION",
    "mean": "EXPRESSION",
    "proportion": "CONDITION",
    "ratio": "NUMERATOR/DENOMINATOR",
    "quantile": "EXPRESSION@P, as in income@0.5",
    "gap": "STATISTIC:COLUMN:CATEGORY-REFERENCE (or CATEGORY/REFERENCE), as in mean(income):status:FB-NB",
}


def _statistic(kind: str, text: str, request: Request) -> Statistic:
    match kind:
        case "count":
            return Count(text or None)
        case "total":
            return Total(text)
        case "mean":
            return Mean(text)
        case "proportion":
            return Proportion(text, interval=request.interval)  # type: ignore[arg-type]
        case "ratio":
            numerator, denominator = text.split("/")
            return Ratio(numerator.strip(), denominator.strip())
        case _:
            variable, _, p = text.rpartition("@")
            if not variable:
                raise ValueError(text)
            rule, interval = request.rule, request.quantile_interval
            return Quantile(variable, float(p), rule=rule, interval=interval)  # type: ignore[arg-type]


def _crossings(request: Request) -> list[tuple[str, ...]]:
    """Each ``--by`` is a crossing; with ``upto`` all crossings of so many of its columns."""
    found: list[tuple[str, ...]] = [()]
    for text in request.by:
        columns = tuple(c.strip() for c in text.split(",") if c.strip())
        found += crossings_up_to(columns, request.upto) if request.upto is not None else [columns]
    return list(dict.fromkeys(found))


@contextmanager
def _relation(path: Path, request: Request, statistics: Sequence[Statistic]) -> Iterator[_Opened]:
    """The file of a request, with what means no answer set to null."""
    rule, named, _ = read_forms(request.na)
    name = path.name.lower()
    ending = next((e for e in _COLLECTED if name.endswith(e)), None)
    if ending is None or name.endswith(_DIRECT):
        with opened(path) as source:
            there = source.columns
            if not named:
                yield _Opened(path, None, there, {})
                return
            source.connection.execute(
                f"CREATE TABLE survey AS SELECT {without(there, named)} FROM {source.relation}"
            )
            yield _Opened("survey", source.connection, there, named)
        return
    if not path.is_file():
        raise CaudalError(problem("survey-no-file", found=str(path)))
    with TemporaryDirectory() as folder, duckdb.connect() as session:
        columns, labels = _collected(path, _COLLECTED[ending], Path(folder), session)
        suspicious = labelled_missing(labels, columns_in(e for s in statistics for e in expressions_of(s)))
        if not rule:
            faults = held_against_labels(session, "raw", suspicious, named)
            if faults:
                raise CaudalError(*faults)
        if rule == LABELLED:
            named = {**{c: tuple(v) for c, v in suspicious.items()}, **named}
        session.execute(f"CREATE VIEW answered AS SELECT {without(list(columns), named)} FROM raw")
        session.execute(f"CREATE TABLE survey AS SELECT {_typed(session, 'answered', columns)} FROM answered")
        yield _Opened("survey", session, list(columns), named)


def _collected(
    path: Path, kind: str, folder: Path, session: Any
) -> tuple[Mapping[str, str], Mapping[str, Mapping[str, str]]]:
    """A file that a format of the collection room reads, as the table ``raw``: its columns with their types,
    and the labels of their values."""
    from importlib import import_module

    from pydantic import TypeAdapter

    from caudal.collect import RawFile, open_table
    from caudal.engine.cache import Cache
    from caudal.model.source import Format

    spec: Format = TypeAdapter(Format).validate_python({"type": kind})
    content = path.read_bytes()
    file = RawFile(path.name, path, hashlib.sha256(content).hexdigest(), len(content), "")
    raw = open_table(file, spec, cache=Cache(folder))
    session.execute(f"CREATE TABLE raw AS {raw.relation}")
    module = import_module(f"caudal.collect.formats.{kind}")
    described = module.describe(file, spec, folder) if hasattr(module, "describe") else ()
    return raw.columns, {v.name: v.values for v in described}


def _typed(session: Any, relation: str, columns: Mapping[str, str]) -> str:
    """Columns of text as numbers where every value is one; codes with leading zeros stay text."""
    found = []
    for name, kind in columns.items():
        column, shown = quoted(name), quoted(name)
        if kind == "VARCHAR":
            whole = f"count(*) FILTER (NOT regexp_full_match({column}, '-?(0|[1-9][0-9]{{0,17}})(\\.0+)?'))"
            number = (
                f"count(*) FILTER (TRY_CAST({column} AS DOUBLE) IS NULL OR {column} SIMILAR TO '0[0-9]+')"
            )
            known = f"FROM {relation} WHERE {column} IS NOT NULL"
            query = f"SELECT {whole}, {number}, count(*) {known}"
            not_whole, not_number, rows = session.sql(query).fetchall()[0]
            if rows and not not_whole:
                shown = f"CAST(CAST({column} AS DOUBLE) AS BIGINT) AS {column}"
            elif rows and not not_number:
                shown = f"CAST({column} AS DOUBLE) AS {column}"
        found.append(shown)
    return ", ".join(found)


def _replicates(request: Request, columns: Sequence[str]) -> ReplicateColumns | None:
    """``brr_*`` names all columns that begin so; otherwise the columns themselves."""
    if request.replicates is None:
        return None
    named: list[str] = []
    for part in request.replicates.split(","):
        pattern = re.escape(part.strip()).replace(r"\*", ".*")
        named += [c for c in columns if re.fullmatch(pattern, c, re.IGNORECASE)]
    if len(named) < 2:
        raise CaudalError(
            problem("survey-replicates", reason=f"{request.replicates} names {len(named)} columns",
                    allowed="2 or more columns, as in rep_*")
        )  # fmt: skip
    scale = producer_scale(request.replicate_kind, len(named), request.rho)
    return ReplicateColumns(tuple(named), scale=scale, mse=request.replicate_kind == "SDR")


def _calibration(request: Request) -> Calibration | None:
    """Known totals from a CSV file with the columns variable, category (empty for a number) and total."""
    if request.calibrate is None:
        return None
    if not request.calibrate.is_file():
        raise CaudalError(problem("survey-no-file", found=str(request.calibrate)))
    totals: dict[str, Any] = {}
    try:
        with request.calibrate.open(newline="", encoding="utf-8-sig") as file:
            for row in csv.DictReader(file):
                name, category, total = row["variable"], row["category"], float(row["total"])
                if category:
                    totals.setdefault(f"CAST({quoted(name)} AS VARCHAR)", {})[category] = total
                else:
                    totals[name] = total
    except (KeyError, ValueError, TypeError) as error:
        form = "a CSV file with the columns variable, category, total"
        found = f"{request.calibrate.name} ({error})"
        raise CaudalError(problem("survey-form", where="--calibrate", found=found, form=form)) from error
    return Calibration(totals, request.calibration, _bounds(request.bounds))


def _bounds(text: str | None) -> tuple[float, float]:
    if text is None:
        return -np.inf, np.inf
    try:
        low, high = (float(v) for v in text.split(","))
    except ValueError as error:
        form = "LOW,HIGH, as in 0.5,2"
        raise CaudalError(problem("survey-form", where="--bounds", found=text, form=form)) from error
    return low, high


def _no_test(text: str) -> Problem:
    return problem("survey-form", where="--test", found=text, form="ROW,COLUMN or ROW,COLUMN:KIND")


def _no_rank(text: str, names: Sequence[str]) -> Problem:
    form = "STATISTIC:COLUMN, a statistic that is asked for: " + ", ".join(names)
    return problem("survey-form", where="--rank", found=text, form=form)


def _tested(data: Any, connection: Any, design: Design, text: str, request: Request) -> TableTest:
    """``sex,status`` or ``sex,status:Wald``."""
    columns, _, kind = text.partition(":")
    pair = [c.strip() for c in columns.split(",")]
    where = request.where or "true"
    shown = [f"CAST({quoted(c)} AS VARCHAR)" for c in pair]
    sample = read_sample(data, design, [*shown, where], connection=connection)
    return rao_scott(sample, shown[0], shown[1], sample.columns[where] == 1, kind or "F")  # type: ignore[arg-type]


def _ranked(
    data: Any, connection: Any, design: Design, text: str, statistics: Sequence[Statistic], request: Request
) -> Ranks:
    """``STATISTIC:COLUMN``: the categories of a column ranked by a statistic."""
    name, _, column = text.rpartition(":")
    by_name = {s.name: s for s in statistics}
    where, shown = request.where or "true", f"CAST({quoted(column)} AS VARCHAR)"
    columns = [*expressions_of(by_name[name]), shown, where]
    sample = read_sample(data, design, list(dict.fromkeys(columns)), connection=connection)
    inside = sample.columns[where] == 1
    domains = {k: m & inside for k, m in named_domains(sample, shown).items()}
    kept = {k: m for k, m in domains.items() if bool(np.any(m))}
    return ranks(estimate_domains(sample, by_name[name], kept), request.level)


def _script(
    path: Path,
    design: Design,
    table: pa.Table,
    statistics: Sequence[Statistic],
    request: Request,
    missing: Mapping[str, Sequence[str]],
) -> str:
    """The R script of the cell ``column=category,...`` (nothing: the whole domain) of the first statistic."""
    wanted = dict(part.split("=", 1) for part in (request.r_cell or "").split(",") if "=" in part)
    dims = [c for c in table.column_names[: table.column_names.index("statistic")]]
    unknown = [c for c in wanted if c not in dims]
    if unknown:
        raise CaudalError(
            *(problem("unknown-name", where="--r-script", kind="breakdown", found=c, allowed=dims,
                      nearest=nearest(c, dims) or "") for c in unknown)
        )  # fmt: skip
    linear = [s for s in statistics if not isinstance(s, Quantile)]
    for row in table.to_pylist():
        if linear and row["statistic"] == linear[0].name and all(row[d] == wanted.get(d, "_T") for d in dims):
            return r_script(str(path), design, linear[0], row, where=request.where, missing=missing)
    raise CaudalError(problem("survey-form", where="--r-script", found=request.r_cell or "",
                              form="column=category,... of a cell of the result"))  # fmt: skip
