"""Observations from observations: a sum of cells, or a sum over a sum, with its error, verdict and origin.

For each area, counterpart and time that all parts have, with cells a_i of the numerator and b_j of the
denominator (times the factors of accepted adjustments):

    r = scale * sum(a_i) / sum(b_j),    var(r) = sum over cells c of (dr/dc)^2 var(c), by kind of error,

so that a cell that stands above and below (the dead among the attempts) counts once, with its true share.
Where one cell alone has limits, those of the result are its limits put through the formula; otherwise, of
a ratio, r * exp(+-1.96 se/r), and of a sum, the normal ones. Cells are taken as independent otherwise: an
assumption, told in the method pages. The result carries the addresses of all its cells.

It refuses figures whose concept vectors differ on an axis that no named adjustment covers, an operand that
several sources have, and to compute anything from a cell that is withheld: then the result is withheld too.

Reference: Särndal, Swensson and Wretman (1992), Model Assisted Survey Sampling, section 5.5, for the
linearised variance of a ratio.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from caudal.errors import CaudalError, Problem, problem
from caudal.model.catalogue import Catalogue
from caudal.model.concept import ConceptVector, differences
from caudal.model.indicator import DerivedSpec, IndicatorSpec, Operand
from caudal.model.observation import (
    NOT_APPLICABLE,
    TOTAL,
    address,
    dimensions_of,
    in_key_order,
    observation_schema,
)

ERRORS = ("sampling_se", "perturbation_se", "model_se", "provisional_se")
METHOD = "derived"
Z = 1.959963984540054

#: Reference area, counterpart area and time of a result.
Key = tuple[str, str, str]
Row = Mapping[str, Any]
_AREAS = ("reference_area", "counterpart_area")
_VERDICTS = ("suppressed", "withdrawn", "missing", "released", "public")
_NOTHING: Mapping[str, Any] = dict.fromkeys(("value", *ERRORS, "lower", "upper", "interval_type"))


@dataclass(frozen=True)
class _Part:
    """The cells of one operand by the key of the result; ``anywhere`` where the operand names its area."""

    cells: Mapping[Key, Sequence[Row]]
    anywhere: bool

    def at(self, key: Key) -> Sequence[Row]:
        """The cells that enter at ``key``."""
        return self.cells.get(("", key[1], key[2]) if self.anywhere else key, ())


def derive(table: pa.Table, indicators: Iterable[IndicatorSpec], catalogue: Catalogue) -> pa.Table:
    """The observations of all derived ``indicators`` that the cells of ``table`` allow, in key order.

    An indicator of which a part has no cells at all gives none. Raises :class:`CaudalError` (spec) with
    every pair of concept vectors that may not be put together, and every operand that is not one series.
    """
    dimensions = dimensions_of(table)
    by_indicator = _by_indicator(table, indicators)
    rows: list[dict[str, Any]] = []
    problems: list[Problem] = []
    for spec in indicators:
        if spec.derived is None:
            continue
        try:
            rows += _rows_of(spec, spec.derived, by_indicator, dimensions, catalogue)
        except CaudalError as error:
            problems += error.problems
    if problems:
        raise CaudalError(*problems)
    totals = {f"{d}_code": TOTAL for d in dimensions}
    schema = observation_schema(dimensions)
    return in_key_order(pa.Table.from_pylist([totals | r for r in rows], schema=schema))


def with_derived(table: pa.Table, indicators: Iterable[IndicatorSpec], catalogue: Catalogue) -> pa.Table:
    """``table`` and what is derived from it."""
    made = derive(table, tuple(indicators), catalogue)
    return in_key_order(pa.concat_tables([table, made])) if made.num_rows else table


def _by_indicator(table: pa.Table, indicators: Iterable[IndicatorSpec]) -> dict[str, list[dict[str, Any]]]:
    """The rows that some derived indicator reads, by indicator."""
    named = {o.indicator for s in indicators if s.derived for o in _operands(s.derived)}
    found: dict[str, list[dict[str, Any]]] = defaultdict(list)
    wanted = pc.is_in(table["indicator_code"], pa.array(sorted(named), pa.string()))
    for row in table.filter(wanted).to_pylist():
        found[row["indicator_code"]].append(row)
    return found


def _operands(derived: DerivedSpec) -> tuple[Operand, ...]:
    return (derived.numerator, *derived.denominator)


def _rows_of(
    spec: IndicatorSpec,
    derived: DerivedSpec,
    rows: Mapping[str, Sequence[Row]],
    dimensions: Sequence[str],
    catalogue: Catalogue,
) -> list[dict[str, Any]]:
    parts = [_part(spec, o, rows.get(o.indicator, ()), dimensions) for o in _operands(derived)]
    _check_concepts(spec, derived, parts)
    first, *others = parts
    located = next((p for p in parts if not p.anywhere), first)
    found = []
    for key in sorted(located.cells):
        above, below = first.at(key), [c for p in others for c in p.at(key)]
        if above and all(p.at(key) for p in others):
            found.append(_row(spec, derived, key, above, below, catalogue))
    return found


def _part(spec: IndicatorSpec, operand: Operand, rows: Sequence[Row], dimensions: Sequence[str]) -> _Part:
    """The cells of ``operand``: totals in what it does not name, the latest vintage of each."""
    chosen = [r for r in rows if operand.source in ("", r["source_code"]) and _enters(r, operand, dimensions)]
    sources = sorted({r["source_code"] for r in chosen})
    if len(sources) > 1:
        raise CaudalError(
            problem("rates-several-sources", where=spec.indicator, found=operand.indicator, allowed=sources)
        )
    newest: dict[str, Row] = {}
    for row in chosen:
        place = address({**row, "vintage": ""})
        if place not in newest or newest[place]["vintage"] < row["vintage"]:
            newest[place] = row
    anywhere = "reference_area" in operand.where
    cells: dict[Key, list[Row]] = defaultdict(list)
    for place in sorted(newest):
        cells[_key(newest[place], operand, anywhere)].append(newest[place])
    return _Part(cells, anywhere)


def _enters(row: Row, operand: Operand, dimensions: Sequence[str]) -> bool:
    """Whether a cell is one of those that ``operand`` names."""
    if any(row[f"{name}_code"] != code for name, code in operand.where.items()):
        return False
    broken_down = {d for d in dimensions if row[f"{d}_code"] != TOTAL}
    return broken_down == (set(operand.where) | set(operand.over)) - set(_AREAS)


def _key(row: Row, operand: Operand, anywhere: bool) -> Key:
    """The key of the result to which a cell belongs: its area moves where ``operand`` says so."""
    area = "" if anywhere else str(row[f"{operand.area}_code"])
    moved = operand.area == "counterpart_area" or "counterpart_area" in operand.over
    return area, NOT_APPLICABLE if moved else str(row["counterpart_area_code"]), str(row["time_period"])


def _check_concepts(spec: IndicatorSpec, derived: DerivedSpec, parts: Sequence[_Part]) -> None:
    """Raises where two vectors among the parts differ on an axis that no adjustment names."""
    accepted = {axis for a in derived.adjustments for axis in a.axes}
    vectors = sorted({str(r["concept_vector"]) for p in parts for rows in p.cells.values() for r in rows})
    refused = {
        d.axis: d
        for one, other in combinations(vectors, 2)
        for d in differences(ConceptVector.parse(one), ConceptVector.parse(other))
        if d.axis not in accepted
    }
    if refused:
        raise CaudalError(
            *(
                problem(
                    "rates-concepts-differ",
                    where=spec.indicator,
                    axis=d.axis,
                    first=d.first or "—",
                    second=d.second or "—",
                )
                for d in refused.values()
            )
        )


def _row(
    spec: IndicatorSpec,
    derived: DerivedSpec,
    key: Key,
    above: Sequence[Row],
    below: Sequence[Row],
    catalogue: Catalogue,
) -> dict[str, Any]:
    """One observation from its cells."""
    area, counterpart, time = key
    first = above[0]
    found: dict[str, Any] = {
        "indicator_code": spec.indicator,
        "indicator_version": spec.version,
        "reporter_code": first["reporter_code"],
        "reference_area_code": area,
        "counterpart_area_code": counterpart,
        "time_period": time,
        "source_code": first["source_code"],
        "concept_vector": _vector(derived, first, catalogue),
        "vintage": max(str(r["vintage"]) for r in (*above, *below)),
        "unit_code": spec.unit,
        "method_code": METHOD,
        "derived_from": " ".join(dict.fromkeys(address(r) for r in (*above, *below))),
        **{f"{name}_code": code for name, code in derived.result.items()},
    }
    verdict = _verdict((*above, *below))
    if verdict == "suppressed":
        return found | {"verdict": verdict, "obs_status_code": "Q", "conf_status_code": "C"}
    measured = _measured(spec, derived, above, below)
    notes = dict.fromkeys(str(r["error_note"]) for r in (*above, *below) if r["error_note"])
    return (
        found
        | measured
        | {
            "verdict": verdict,
            "obs_status_code": "A" if measured["value"] is not None else "O",
            "conf_status_code": "F" if verdict else None,
            "error_note": next(iter(notes), None),
        }
    )


def _vector(derived: DerivedSpec, row: Row, catalogue: Catalogue) -> str:
    own = dict(ConceptVector.parse(str(row["concept_vector"])).pairs)
    return str(catalogue.vector(own, derived.concept))


def _verdict(cells: Iterable[Row]) -> str | None:
    """The strictest verdict of the cells; None before the gate."""
    given = {r["verdict"] for r in cells}
    return next((v for v in _VERDICTS if v in given), None)


def _measured(
    spec: IndicatorSpec, derived: DerivedSpec, above: Sequence[Row], below: Sequence[Row]
) -> dict[str, Any]:
    cells = {address(r): r for r in (*above, *below)}
    if any(r["value"] is None for r in cells.values()):
        return dict(_NOTHING)
    formula = _Formula(spec.scale, derived, [address(r) for r in above], [address(r) for r in below])
    values = {a: float(r["value"]) for a, r in cells.items()}
    result = formula.at(values)
    if result is None:
        return dict(_NOTHING)
    slopes = formula.slopes(values)
    errors = {n: _propagated(n, cells, slopes) for n in ERRORS}
    return {"value": result, **errors, **_limits(formula, values, cells, result, errors)}


@dataclass(frozen=True)
class _Formula:
    """The statistic as a function of the values of its cells, by address."""

    scale: float
    derived: DerivedSpec
    above: Sequence[str]
    below: Sequence[str]

    @property
    def factor(self) -> float:
        """By what accepted adjustments multiply the denominator."""
        return math.prod(a.factor for a in self.derived.adjustments)

    def at(self, values: Mapping[str, float]) -> float | None:
        """The statistic; None over nothing."""
        top = math.fsum(values[a] for a in self.above)
        if not self.below:
            return self.scale * top
        bottom = self.factor * math.fsum(values[a] for a in self.below)
        return self.scale * top / bottom if bottom else None

    def slopes(self, values: Mapping[str, float]) -> dict[str, float]:
        """The derivative by each cell."""
        top = math.fsum(values[a] for a in self.above)
        bottom = self.factor * math.fsum(values[a] for a in self.below) if self.below else 1.0
        found = {}
        for a in values:
            up, down = self.above.count(a), self.factor * self.below.count(a)
            found[a] = self.scale * (up * bottom - top * down) / bottom**2
        return found


def _propagated(name: str, cells: Mapping[str, Row], slopes: Mapping[str, float]) -> float | None:
    """The error of one kind; None where no cell has it."""
    known = [slopes[a] * float(r[name]) for a, r in cells.items() if r[name] is not None]
    return math.hypot(*known) if known else None


def _limits(
    formula: _Formula,
    values: Mapping[str, float],
    cells: Mapping[str, Row],
    result: float,
    errors: Mapping[str, float | None],
) -> dict[str, Any]:
    uncertain = [a for a, r in cells.items() if r["lower"] is not None or any(r[n] for n in ERRORS)]
    if not uncertain:
        return {"lower": None, "upper": None, "interval_type": None}
    one = cells[uncertain[0]]
    if len(uncertain) == 1 and one["lower"] is not None and one["upper"] is not None:
        ends = [formula.at({**values, uncertain[0]: float(one[n])}) for n in ("lower", "upper")]
        if None not in ends:
            low, high = sorted(e for e in ends if e is not None)
            return {"lower": low, "upper": high, "interval_type": one["interval_type"]}
    se = math.hypot(*(e for e in errors.values() if e is not None))
    if formula.below and result > 0:
        reach = math.exp(Z * se / result)
        return {"lower": result / reach, "upper": result * reach, "interval_type": "log-normal-95"}
    return {"lower": result - Z * se, "upper": result + Z * se, "interval_type": "normal-95"}


def inputs_of(row: Row) -> Iterator[str]:
    """The addresses of the cells from which an observation was derived; none for one from records.

    >>> list(inputs_of({"method_code": "derived", "derived_from": "a/PA/2021/all/x@1 b/PA/2021/all/y@1"}))
    ['a/PA/2021/all/x@1', 'b/PA/2021/all/y@1']
    """
    if row["method_code"] == METHOD:
        yield from str(row["derived_from"] or "").split()
