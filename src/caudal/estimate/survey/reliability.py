"""Published rules on the reliability of an estimate, read from the catalogue and applied cell by cell.

A rule (``catalogue/reliability/*.yaml``) is a list of steps for means, totals and counts, and one for
proportions; the first step whose conditions all hold gives the verdict and the reason. Where the source of a
rule leaves a cell without a label, the step is ours, is marked so, and says why.

The logarithmic coefficient of variation of a proportion is cv / (-ln p) for p < 0.5; above, the scheme
``calidad`` uses cv / (-ln(1 - p)) (as the package of INE Chile does) and ``delta`` the delta method's
se / ((1 - p) (-ln(1 - p))).

For what is not reliable, the sample size that would have been enough is found with the rule itself: n, cases,
degrees of freedom and effective size grow with m, errors shrink with its square root.

The reasons can reveal how many were asked: they stay with the builder until the gate decides.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from ruamel.yaml import YAML

from caudal.errors import CaudalError, problem, unknown
from caudal.estimate.survey.coding import plain
from caudal.estimate.survey.frame import Floats
from caudal.estimate.survey.statistics import Proportion, Ratio, Statistic

_CONDITION = re.compile(r"^(\w+) (?:(unknown)|(<=|>=|<|>|=) (\S+))$")
_MOST = 1e7
Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Step:
    """Conditions (measure, operator, measure or number), the verdict, and why where the step is ours."""

    when: tuple[tuple[str, str, str], ...]
    verdict: str
    own: str | None


@dataclass(frozen=True)
class Rule:
    """A published rule; ``parameters`` stand for the names in braces of its conditions."""

    id: str
    title: Mapping[str, str]
    source: str
    parameters: Mapping[str, float]
    good: str
    bad: str
    publish_table_share: float | None
    mean: tuple[Step, ...]
    proportion: tuple[Step, ...]


@dataclass(frozen=True)
class Circumstances:
    """What the cell itself does not say: planned domains, their planned sizes, and justified low df."""

    domain_info: bool = False
    low_df_justified: bool = False
    planned_n: float | None = None
    log_cv: Literal["calidad", "delta"] = "calidad"
    ratios_are_shares: bool = True
    parameters: Mapping[str, float] = field(default_factory=dict)


@cache
def reliability_rules() -> dict[str, Rule]:
    """All rules of the catalogue, by id.

    >>> sorted(reliability_rules())
    ['chile', 'chile_economics', 'eclac_2020', 'eclac_2023']
    """
    pages = files("caudal.catalogue").joinpath("reliability").iterdir()
    read = [
        YAML(typ="safe", pure=True).load(p.read_text("utf-8")) for p in sorted(pages, key=lambda p: p.name)
    ]
    return {page["id"]: _rule(page) for page in read}


def assess(
    table: pa.Table,
    statistics: Sequence[Statistic],
    rule: str = "chile",
    circumstances: Circumstances | None = None,
) -> pa.Table:
    """``table`` (of :func:`.estimate_cube`) with ``reliability``, ``reliability_reason``, ``reliability_own``
    (whether the step is ours) and ``enough_n``, the sample size that would have been enough (null where it
    is, or where no size within ten million times would do).

    ``statistics`` tells which rows are proportions; gaps and other rows are judged as means.

    >>> columns = {"statistic": ["mean(y)"], "value": [10.0], "sampling_se": [2.0], "sample_n": [80],
    ...            "cases_n": [80], "df": [20.0], "deff": [1.5], "ess": [53.3]}
    >>> found = assess(pa.table(columns), []).to_pylist()[0]
    >>> found["reliability"], found["reliability_reason"], found["enough_n"]
    ('weakly-reliable', 'cv 0.2 > 0.15', 143)
    """
    rules = reliability_rules()
    if rule not in rules:
        raise CaudalError(unknown("reliability rule", rule, sorted(rules)))
    chosen, around = rules[rule], circumstances or Circumstances()
    measures = _measures(table, around)
    is_share = _shares(table, statistics, around)
    verdict, reason, own = (np.full(table.num_rows, fill, dtype=object) for fill in ("", "", False))
    enough = np.full(table.num_rows, np.nan)
    for branch, rows in ((chosen.proportion, is_share), (chosen.mean, ~is_share)):
        here = np.flatnonzero(rows)
        part = {k: v[here] for k, v in measures.items()}
        steps = _first_steps(branch, part, chosen, around)
        for place, step in zip(here.tolist(), steps.tolist(), strict=True):
            verdict[place], own[place] = branch[step].verdict, branch[step].own is not None
        reason[here] = _reasons(branch, steps, part, chosen, around)
        enough[here] = _enough(branch, part, chosen, around)
    return (
        table.append_column("reliability", pa.array(verdict.tolist(), pa.string()))
        .append_column("reliability_reason", pa.array(reason.tolist(), pa.string()))
        .append_column("reliability_own", pa.array(own.tolist(), pa.bool_()))
        .append_column("enough_n", pa.array([None if np.isnan(v) else round(v) for v in enough], pa.int64()))
    )


def table_is_publishable(verdicts: Sequence[str], rule: str) -> bool | None:
    """Whether enough of a table's estimates are good; None for a rule without a rule on tables.

    >>> table_is_publishable(["reliable", "non-reliable"], "chile")
    True
    """
    chosen = reliability_rules()[rule]
    if chosen.publish_table_share is None or not verdicts:
        return None
    return sum(v == chosen.good for v in verdicts) / len(verdicts) >= chosen.publish_table_share


def _rule(page: Mapping[str, Any]) -> Rule:
    def steps(branch: str) -> tuple[Step, ...]:
        return tuple(
            Step(tuple(_condition(c) for c in step["when"]), step["verdict"], step.get("own"))
            for step in page[branch]
        )

    return Rule(
        page["id"], page["title"], page["source"], page["parameters"], page["good"], page["bad"],
        page.get("publish_table_share"), steps("mean"), steps("proportion"),
    )  # fmt: skip


def _condition(text: str) -> tuple[str, str, str]:
    found = _CONDITION.match(text)
    if found is None:
        raise CaudalError(problem("survey-rule", found=text))
    measure, unknown, operator, value = found.groups()
    return (measure, "unknown", "") if unknown else (measure, operator, value)


def _measures(table: pa.Table, around: Circumstances) -> dict[str, Floats]:
    value, se = _doubles(table, "value"), _doubles(table, "sampling_se")
    n, ess = _doubles(table, "sample_n"), _doubles(table, "ess")
    with np.errstate(invalid="ignore", divide="ignore"):
        cv = np.abs(se / value)
        small = cv / -np.log(value)
        is_calidad = around.log_cv == "calidad"
        large = (cv if is_calidad else se / (1 - value)) / -np.log(1 - value)
        q = np.where(value <= 0.5, np.abs(value) ** (2 / 3), np.abs(1 - value) ** (2 / 3)) / 9
    log_cv = np.where(value < 0.5, small, large)
    planned = np.nan if around.planned_n is None else around.planned_n
    constant = {"domain_info": around.domain_info, "low_df_justified": around.low_df_justified}
    return {
        "n": n, "df": _doubles(table, "df"), "cv": np.where(np.isfinite(cv), cv, np.nan), "se": se,
        "p": value, "q": q, "ess": ess, "deff": _doubles(table, "deff"), "cases": _doubles(table, "cases_n"),
        "log_cv": np.where(np.isfinite(log_cv), log_cv, np.nan), "n_share": n / planned,
        **{k: np.full(n.shape, float(v)) for k, v in constant.items()},
    }  # fmt: skip


def _doubles(table: pa.Table, name: str) -> Floats:
    column = table[name].cast(pa.float64())
    return np.array(plain(column.fill_null(float("nan"))), dtype=np.float64)


def _shares(table: pa.Table, statistics: Sequence[Statistic], around: Circumstances) -> Mask:
    names = np.array(table["statistic"].to_pylist(), dtype=object)
    value = _doubles(table, "value")
    found = np.zeros(names.shape, dtype=bool)
    for statistic in statistics:
        here = names == statistic.name
        within = not np.any(value[here] > 1)
        if isinstance(statistic, Proportion) or (
            isinstance(statistic, Ratio) and around.ratios_are_shares and within
        ):
            found |= here
    return found


def _first_steps(
    branch: Sequence[Step], measures: Mapping[str, Floats], rule: Rule, around: Circumstances
) -> npt.NDArray[np.int64]:
    """The position of the first step whose conditions all hold."""
    size = next(iter(measures.values())).size
    found = np.full(size, len(branch) - 1, dtype=np.int64)
    for position in range(len(branch) - 1, -1, -1):
        holds = np.ones(size, dtype=bool)
        for condition in branch[position].when:
            holds &= _holds(condition, measures, rule, around)
        found[holds] = position
    return found


def _holds(
    condition: tuple[str, str, str], measures: Mapping[str, Floats], rule: Rule, around: Circumstances
) -> Mask:
    measure, operator, value = condition
    left = measures[measure]
    if operator == "unknown":
        return np.isnan(left)
    right = _value(value, measures, rule, around)
    compare = {"<": np.less, ">": np.greater, "<=": np.less_equal, ">=": np.greater_equal, "=": np.equal}
    with np.errstate(invalid="ignore"):
        return np.asarray(compare[operator](left, right), dtype=np.bool_)


def _value(text: str, measures: Mapping[str, Floats], rule: Rule, around: Circumstances) -> Floats | float:
    if text.startswith("{"):
        name = text.strip("{}")
        return float(around.parameters.get(name, rule.parameters[name]))
    return measures[text] if text in measures else float(text)


def _reasons(
    branch: Sequence[Step],
    steps: npt.NDArray[np.int64],
    measures: Mapping[str, Floats],
    rule: Rule,
    around: Circumstances,
) -> list[str]:
    found = []
    for row, position in enumerate(steps.tolist()):
        step, texts = branch[position], []
        for measure, operator, value in step.when:
            right = _value(value, measures, rule, around) if value else ""
            shown = right if isinstance(right, (str, float)) else float(right[row])
            shown = f"{shown:.4g}" if isinstance(shown, float) else shown
            at = "" if operator == "unknown" else f"{measures[measure][row]:.4g} "
            texts.append(f"{measure} {at}{operator} {shown}".strip())
        own = [f"own decision: {step.own}"] if step.own else []
        found.append("; ".join([*texts, *own]) or "all conditions met")
    return found


def _enough(
    branch: Sequence[Step], measures: Mapping[str, Floats], rule: Rule, around: Circumstances
) -> Floats:
    """The smallest n at which the rule would give its best verdict, other things equal; NaN where it does."""
    good = np.array([s.verdict == rule.good for s in branch])

    def is_good(m: Floats) -> Mask:
        grown = {k: v * m if k in ("n", "df", "ess", "cases", "n_share") else v for k, v in measures.items()}
        grown = {k: v / np.sqrt(m) if k in ("cv", "se", "log_cv") else v for k, v in grown.items()}
        return np.asarray(good[_first_steps(branch, grown, rule, around)])

    ones = np.ones(measures["n"].shape)
    if not ones.size:
        return ones
    low, high = ones, ones * _MOST
    reachable = is_good(high) & ~is_good(ones)
    for _ in range(80):
        middle = np.sqrt(low * high)
        fine = is_good(middle)
        low, high = np.where(fine, low, middle), np.where(fine, middle, high)
    return np.where(reachable, np.ceil(measures["n"] * high * (1 - 1e-9)), np.nan)
