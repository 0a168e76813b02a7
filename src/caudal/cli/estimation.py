"""``caudal estimate``: a survey file, a design, and what to estimate; no country folder is needed."""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any, Literal

from caudal.cli import show
from caudal.errors import CaudalError, problem

_SUMMARY = "Estimate from a survey file: every cell of any crossings with its sampling error."

_HELP = """\
Every statistic in every cell of the crossings asked for, with standard error, limits, design effect, degrees
of freedom and counts, equal to R's survey package. FILE is CSV, Parquet, SPSS, Stata, SAS, Excel or
JSON lines.

A design (leave out what the survey does not have):
  --weight factor --strata estrato --psu upm --nest    PSU codes start again in each stratum
  --fpc upms_n                                         PSUs in the population, or the fraction sampled
  --lonely adjust                                      what a stratum with one PSU contributes
  --full-count, --clusters                             a census; whole clusters without weights
  --replicates 'rep_*' --replicate-kind Fay --rho 0.3  replicate weights of the producer

examples:
  caudal estimate casen.parquet --weight expr --strata varstrat --psu varunit --nest \\
      --by sexo,region --upto 2 --mean ytotcorh --proportion 'pobreza <= 2' --reliability chile
  caudal estimate eph.csv --weight PONDERA --where 'CH06 >= 14' --by CH04 --quantile P47T@0.5
  caudal estimate casen.csv --weight expr --strata varstrat --psu varunit --nest --by migrante \\
      --mean yaut --gap 'mean(yaut):migrante:1-0' --test sexo,migrante --rank 'mean(yaut):region'
  caudal estimate casen.csv --weight expr --strata varstrat --psu varunit --nest --mean yaut \\
      --calibrate totals.csv --calibration raking --format csv --out cells.csv
  caudal estimate casen.csv --weight expr --strata varstrat --psu varunit --nest --mean yaut --by sexo \\
      --r-script 'sexo=1' --out cells.parquet        also writes cells.R, which repeats the cell in R

Conditions and expressions are SQL over the columns. The cell sizes of a result can identify people: keep it
on the builder's side.
"""

Add = Callable[[str, Callable[[argparse.Namespace], int], str, str], argparse.ArgumentParser]


def add_estimate(add: Add) -> None:
    """Adds the command to the parser."""
    sub = add("estimate", estimate, _SUMMARY, "caudal estimate survey.csv --weight factor --mean income")
    sub.description, sub.epilog = f"{_SUMMARY}\n\n{_HELP}", None
    sub.add_argument("file", type=Path, metavar="FILE")
    _add_design(sub.add_argument_group("design"))
    _add_statistics(sub.add_argument_group("what to estimate (each may be repeated)"))
    _add_options(sub.add_argument_group("how"))
    _add_output(sub.add_argument_group("result"))


def _add_design(group: Any) -> None:
    group.add_argument("--weight", "--weights", metavar="COLUMN", help="expansion weight of a row")
    group.add_argument("--strata", metavar="COLUMNS", help="one or several columns, with commas")
    group.add_argument("--psu", metavar="COLUMNS", help="primary sampling units")
    nested = group.add_mutually_exclusive_group()
    nested.add_argument("--nest", dest="nested", action="store_true", default=None,
                        help="PSU codes start again in each stratum")  # fmt: skip
    nested.add_argument("--no-nest", dest="nested", action="store_false", help="a code is one PSU everywhere")
    group.add_argument(
        "--fpc", metavar="COLUMN", help="PSUs in the population of the stratum, or the fraction"
    )
    group.add_argument("--lonely", default="fail", metavar="CHOICE",
                       help="stratum with one PSU: fail, remove, certainty, adjust, average")  # fmt: skip
    group.add_argument("--ssu", metavar="COLUMN", help="units of the second stage")
    group.add_argument("--ssu-fpc", metavar="COLUMN", help="their number in the PSU, or the fraction")
    group.add_argument("--full-count", action="store_true", help="a census or register: no sampling error")
    group.add_argument("--clusters", action="store_true", help="whole clusters (--psu) without weights")
    group.add_argument("--replicates", metavar="COLUMNS", help="replicate weights, as in 'rep_*'")
    group.add_argument("--replicate-kind", default="BRR", metavar="KIND",
                       help="BRR, Fay, JK1, JK2, bootstrap, SDR (default BRR)")  # fmt: skip
    group.add_argument("--rho", type=float, default=0.0, help="Fay's rho")
    group.add_argument(
        "--calibrate",
        type=Path,
        metavar="CSV",
        help="known totals: variable, category, total; each replicate meets them too",
    )
    group.add_argument("--calibration", default="linear", choices=("linear", "raking", "logit", "rake"))
    group.add_argument("--bounds", metavar="LOW,HIGH", help="of the ratio of new to old weights")


def _add_statistics(group: Any) -> None:
    group.add_argument(
        "--by", action="append", default=[], metavar="COLUMNS", help="a crossing, as in sex,region"
    )
    group.add_argument(
        "--upto", type=int, metavar="N", help="all crossings of at most N columns of each --by"
    )
    forms = (
        ("count", "CONDITION", "population, or units for which it holds"), ("total", "EXPRESSION", ""),
        ("mean", "EXPRESSION", ""), ("proportion", "CONDITION", ""), ("ratio", "A/B", "of two totals"),
        ("quantile", "EXPRESSION@P", "as in income@0.5"),
    )  # fmt: skip
    for name, metavar, text in forms:
        group.add_argument(f"--{name}", action=_Ordered, metavar=metavar, help=text or None,
                           nargs="?" if name == "count" else None)  # fmt: skip
    group.add_argument("--gap", action="append", default=[], metavar="STATISTIC:COLUMN:A-B",
                       help="difference (A/B: ratio) between categories, with their covariance")  # fmt: skip
    group.add_argument("--test", action="append", default=[], metavar="ROW,COLUMN[:KIND]",
                       help="independence: F, Chisq, Wald, adjWald, lincom, saddlepoint")  # fmt: skip
    group.add_argument("--rank", action="append", default=[], metavar="STATISTIC:COLUMN",
                       help="ranks of categories that the data allow")  # fmt: skip


class _Ordered(argparse.Action):
    """Keeps statistics of all kinds in the order in which they were written."""

    def __call__(self, parser: Any, namespace: Any, values: Any, option: str | None = None) -> None:
        asked = list(getattr(namespace, "statistics", None) or [])
        namespace.statistics = [*asked, (self.dest, values or "")]


def _add_options(group: Any) -> None:
    group.add_argument("--where", metavar="CONDITION", help="the domain; the design keeps the whole sample")
    group.add_argument("--missing", choices=("variable", "listwise"), default="variable",
                       help="rows that lack a value: out of that statistic, or out of all")  # fmt: skip
    group.add_argument(
        "--na", action="append", default=[], metavar="VALUES",
        help="values that mean no answer: labelled (all whose label says so), income=-99,-88, or kept",
    )  # fmt: skip
    group.add_argument("--level", type=float, default=0.95, help="of confidence")
    group.add_argument(
        "--interval",
        default="logit",
        metavar="KIND",
        help="of proportions: logit, xlogit, asin, beta, mean, wilson, likelihood",
    )
    group.add_argument(
        "--rule", default="math", metavar="RULE", help="of quantiles: math, school, hf1 to hf9 ..."
    )
    group.add_argument("--quantile-interval", default="mean", metavar="KIND",
                       help="mean, beta, xlogit, asin, score, francisco-fuller, quantile")  # fmt: skip
    group.add_argument("--reliability", metavar="RULE", help="chile, chile_economics, eclac_2020, eclac_2023")
    group.add_argument(
        "--max-cells", type=int, default=2_000_000, help="refuse to make more cells than these"
    )


def _add_output(group: Any) -> None:
    group.add_argument(
        "--format", choices=("table", "csv", "parquet", "json"), help="default: by --out, or table"
    )
    group.add_argument("--out", type=Path, metavar="FILE", help="instead of the screen")
    group.add_argument(
        "--r-script",
        metavar="CELL",
        nargs="?",
        const="",
        help="also the R script of a cell, as in sex=F (default: the total)",
    )
    group.add_argument("--quiet", action="store_true", help="no progress")


def estimate(given: argparse.Namespace) -> int:
    """``caudal estimate``."""
    from caudal.estimate.survey.asking import Request, answer

    request = Request(
        by=tuple(given.by), upto=given.upto, where=given.where,
        statistics=tuple(getattr(given, "statistics", None) or ()), gaps=tuple(given.gap),
        tests=tuple(given.test), ranks=tuple(given.rank), replicates=given.replicates,
        replicate_kind=given.replicate_kind, rho=given.rho, calibrate=given.calibrate,
        calibration=given.calibration, bounds=given.bounds, interval=given.interval, rule=given.rule,
        quantile_interval=given.quantile_interval, missing=given.missing, level=given.level,
        reliability=given.reliability, r_cell=given.r_script, max_cells=given.max_cells,
        na=tuple(given.na),
    )  # fmt: skip
    kind = given.format or _kind_of(given)
    faults = [problem("argument-missing", found="--out")] if kind == "parquet" and not given.out else []
    design = None
    try:
        design = _design(given)
    except CaudalError as error:
        faults += error.problems
    progress = show.Progress(given)
    found = answer(given.file, design, request, progress.step, faults)
    progress.end()
    _written(given, kind, found)
    return 0


def _kind_of(given: argparse.Namespace) -> str:
    if given.json:
        return "json"
    ending = given.out.suffix.lower().lstrip(".") if given.out else ""
    return ending if ending in ("csv", "parquet", "json") else "table"


def _design(given: argparse.Namespace) -> Any:
    from caudal.estimate.survey import Design

    def columns(text: str | None) -> tuple[str, ...] | None:
        return tuple(c.strip() for c in text.split(",")) if text else None

    kind: Literal["full_count", "clusters", "sample"] = "sample"
    if given.full_count or given.clusters:
        kind = "full_count" if given.full_count else "clusters"
    return Design(
        weight=given.weight, strata=columns(given.strata), psu=columns(given.psu), fpc=given.fpc,
        nested=given.nested, lonely_psu=given.lonely, ssu=given.ssu, ssu_fpc=given.ssu_fpc, kind=kind,
    )  # fmt: skip


def _written(given: argparse.Namespace, kind: str, found: Any) -> None:
    more = {
        "tests": {k: asdict(v) for k, v in found.tests.items()},
        "ranks": {k: asdict(v) for k, v in found.ranks.items()},
    }
    text = _text(kind, found.table, more)
    if given.out is None:
        print(text)
    elif kind == "parquet":
        import pyarrow.parquet as pq

        pq.write_table(found.table, given.out)
    else:
        given.out.write_text(text + "\n", encoding="utf-8")
    if kind in ("csv", "parquet") and (found.tests or found.ranks):
        print(_more_text(more))
    if found.r_script:
        script = given.out.with_suffix(".R") if given.out else None
        if script is None:
            print(found.r_script)
        else:
            script.write_text(found.r_script, encoding="utf-8")
    if given.out is not None:
        print(show.say(given, "estimated", rows=found.rows, path=given.out))


def _text(kind: str, table: Any, more: dict[str, Any]) -> str:
    if kind == "parquet":
        return ""
    if kind == "json":
        shown = {"cells": table.to_pylist(), **{k: v for k, v in more.items() if v}}
        return json.dumps(shown, ensure_ascii=False, indent=1)
    if kind == "csv":
        import io

        import pyarrow.csv as pc

        buffer = io.BytesIO()
        pc.write_csv(table, buffer)
        return buffer.getvalue().decode("utf-8").rstrip("\n")
    return "\n".join(t for t in (_aligned(table), _more_text(more)) if t)


_SHOWN = ("statistic", "value", "sampling_se", "lower", "upper", "sample_n", "psu_n", "df", "deff",
          "reliability", "flags")  # fmt: skip


def _aligned(table: Any) -> str:
    """The most asked-for columns in aligned text; the others are in csv, parquet and json."""
    before = table.column_names[: table.column_names.index("statistic")]
    columns = [*before, *(c for c in _SHOWN if c in table.column_names)]
    rows = [[_cell(v) for v in row.values()] for row in table.select(columns).to_pylist()]
    widths = [max(len(r[k]) for r in [columns, *rows]) for k in range(len(columns))]
    texts = {*before, "statistic", "reliability", "flags"}
    lines = [
        "  ".join(
            v.ljust(w) if c in texts else v.rjust(w) for v, w, c in zip(row, widths, columns, strict=True)
        )
        for row in [columns, *rows]
    ]
    return "\n".join(line.rstrip() for line in lines)


def _cell(value: Any) -> str:
    if value is None:
        return "."
    return f"{value:.6g}" if isinstance(value, float) else str(value)


def _more_text(more: dict[str, Any]) -> str:
    lines = [
        f"\ntest {name}: statistic {_cell(t['statistic'])}, p {_cell(t['p_value'])} ({t['method']})"
        for name, t in more["tests"].items()
    ]
    for name, r in more["ranks"].items():
        lines.append(f"\nranks {name} (rank, lowest, highest)")
        listed = sorted(zip(r["rank"], r["lowest"], r["highest"], r["names"], strict=True))
        lines += [f"  {rank:>4} {low:>4} {high:>4}  {label}" for rank, low, high, label in listed]
    return "\n".join(lines)
