"""Observations from observations: a sum of cells, or a sum over a sum, with its error, verdict and origin.

For each area, counterpart and time that all parts have, with cells a_i of the numerator and b_j of the
denominator (times the factors of accepted adjustments):

    r = scale * sum(a_i) / sum(b_j),    var(r) = sum over cells c of (dr/dc)^2 var(c), by kind of error,

so that a cell that stands above and below (the dead among the attempts) counts once, with its true share.
Different cells of one source about one area and one time may share units, and no observation carries their
covariance: for these the sum of |dr/dc| se(c) stands, the largest that any covariance allows, and the result
says that it is a bound. Cells of different sources, areas or times are taken as independent.

A full count has no error of chance. Any other cell without an error has an unknown one, and so has all that
is computed from it: no error, no limits, and a note that says which. Where one cell alone has limits, those
of the result are its limits put through the formula; otherwise, of a ratio, r * exp(+-1.96 se/r), and of a
sum, the normal ones. The result carries the strictest verdict and the least normal status of its cells, and
the addresses of all of them.

It refuses figures whose concept vectors differ on an axis that no named adjustment covers, an operand that
several sources have, and to compute anything from a cell that is withheld: then the result is withheld too.
Of several editions of a figure it takes the newest.

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
from caudal.model.editions import EditionOrder, edition_order
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
#: What ``error_note`` says of a cell: counted whole; of a result: an error that nobody knows, or a bound.
FULL_COUNT, PART_UNKNOWN, BOUND = "full-count", "part-without-error", "covariance-bound"
Z = 1.959963984540054

#: Reference area, counterpart area and time of a result.
Key = tuple[str, str, str]
Row = Mapping[str, Any]
_AREAS = ("reference_area", "counterpart_area")
_VERDICTS = ("suppressed", "withdrawn", "missing", "released", "public")
#: Statuses that a result takes over from any of its cells, the first first (SDMX CL_OBS_STATUS).
_STATUSES = ("P", "B", "U")
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
    named = {o.indicator for s in indicators if s.derived for o in s.derived.operands}
    found: dict[str, list[dict[str, Any]]] = defaultdict(list)
    wanted = pc.is_in(table["indicator_code"], pa.array(sorted(named), pa.string()))
    for row in table.filter(wanted).to_pylist():
        found[row["indicator_code"]].append(row)
    return found


def _rows_of(
    spec: IndicatorSpec,
    derived: DerivedSpec,
    rows: Mapping[str, Sequence[Row]],
    dimensions: Sequence[str],
    catalogue: Catalogue,
) -> list[dict[str, Any]]:
    parts = [_part(spec, o, rows.get(o.indicator, ()), dimensions) for o in derived.operands]
    _check_concepts(spec, derived, parts)
    first, *others = parts
    taken = len(derived.minus)
    located = next((p for p in parts if not p.anywhere), first)
    found = []
    for key in sorted(located.cells):
        less, below = ([c for p in part for c in p.at(key)] for part in (others[:taken], others[taken:]))
        if first.at(key) and all(p.at(key) for p in others):
            found.append(_row(spec, derived, key, (first.at(key), less), below, catalogue))
    return found


def _part(spec: IndicatorSpec, operand: Operand, rows: Sequence[Row], dimensions: Sequence[str]) -> _Part:
    """The cells of ``operand``: totals in what it does not name, the latest vintage of each."""
    chosen = [r for r in rows if operand.source in ("", r["source_code"]) and _enters(r, operand, dimensions)]
    sources = sorted({r["source_code"] for r in chosen})
    if len(sources) > 1:
        raise CaudalError(
            problem(
                "rates-several-sources",
                where=_file(spec),
                name=spec.indicator,
                found=operand.indicator,
                allowed=sources,
            )
        )
    newest: dict[str, Row] = {}
    for row in chosen:
        place = address({**row, "vintage": ""})
        if place not in newest or _edition(newest[place]) < _edition(row):
            newest[place] = row
    anywhere = "reference_area" in operand.where
    cells: dict[Key, list[Row]] = defaultdict(list)
    for place in sorted(newest):
        cells[_key(newest[place], operand, anywhere)].append(newest[place])
    return _Part(cells, anywhere)


def _file(spec: IndicatorSpec) -> str:
    return f"indicators/{spec.indicator}.yaml"


def _edition(row: Row) -> EditionOrder:
    return edition_order(str(row["vintage"]))


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
                    where=_file(spec),
                    name=spec.indicator,
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
    top: tuple[Sequence[Row], Sequence[Row]],
    below: Sequence[Row],
    catalogue: Catalogue,
) -> dict[str, Any]:
    """One observation from its cells; ``top`` are those added above and those taken from them."""
    area, counterpart, time = key
    above = (*top[0], *top[1])
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
        "vintage": max((str(r["vintage"]) for r in (*above, *below)), key=edition_order),
        "unit_code": spec.unit,
        "method_code": METHOD,
        "derived_from": " ".join(dict.fromkeys(address(r) for r in (*above, *below))),
        **{f"{name}_code": code for name, code in derived.result.items()},
    }
    verdict = _verdict((*above, *below))
    if verdict == "suppressed":  # it looks like any other that is withheld
        flag = {"verdict": verdict, "obs_status_code": "Q", "conf_status_code": "C"}
        return found | flag | {"method_code": None, "derived_from": None}
    measured = _measured(spec, derived, top, below)
    normal = "A" if measured["value"] is not None else "O"
    given = {r["obs_status_code"] for r in (*above, *below)}
    return (
        found
        | measured
        | {
            "verdict": verdict,
            "obs_status_code": next((s for s in _STATUSES if normal == "A" and s in given), normal),
            "conf_status_code": "F" if verdict else None,
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
    spec: IndicatorSpec,
    derived: DerivedSpec,
    top: tuple[Sequence[Row], Sequence[Row]],
    below: Sequence[Row],
) -> dict[str, Any]:
    """The value with its errors, its limits and what must be said of them."""
    cells = {address(r): r for r in (*top[0], *top[1], *below)}
    notes = notes_of(str(r["error_note"] or "") for r in cells.values())
    if any(r["value"] is None for r in cells.values()):
        return {**_NOTHING, "error_note": _told(notes)}
    above, less, under = ([address(r) for r in rows] for rows in (*top, below))
    formula = _Formula(spec.scale, derived, above, under, less)
    values = {a: float(r["value"]) for a, r in cells.items()}
    result = formula.at(values)
    if result is None:
        return {**_NOTHING, "error_note": _told(notes)}
    slopes = formula.slopes(values)
    unknown = [a for a, r in cells.items() if slopes[a] and not _error_known(r)]
    if unknown:
        known = [] if len(unknown) == len(cells) else [PART_UNKNOWN]
        return {**_NOTHING, "value": result, "error_note": _told([*notes, *known])}
    errors = {n: _propagated(n, cells, slopes) for n in ERRORS}
    bound = [BOUND] if any(_sharing(n, cells) for n in ERRORS) else []
    limits = _limits(formula, values, cells, result, errors)
    return {"value": result, **errors, **limits, "error_note": _told([*notes, *bound])}


def notes_of(texts: Iterable[str]) -> list[str]:
    """The single notes in ``error_note`` texts, each once; that of a full count only where nothing else is.

    >>> notes_of(["minimum", "full-count", "minimum; incomplete-period"])
    ['minimum', 'incomplete-period']
    """
    found = list(dict.fromkeys(n for text in texts for n in text.split("; ") if n))
    return [n for n in found if n != FULL_COUNT] or found


def _told(notes: Sequence[str]) -> str | None:
    return "; ".join(notes) or None


def _error_known(row: Row) -> bool:
    """Whether the error of a cell is known: by kind, by its limits, or none of chance in a full count."""
    counted = FULL_COUNT in str(row["error_note"] or "").split("; ")
    return counted or row["lower"] is not None or any(row[n] is not None for n in ERRORS)


@dataclass(frozen=True)
class _Formula:
    """The statistic as a function of the values of its cells, by address."""

    scale: float
    derived: DerivedSpec
    above: Sequence[str]
    below: Sequence[str]
    less: Sequence[str] = ()

    def top(self, values: Mapping[str, float]) -> float:
        """What is added above, less what is taken from it."""
        return math.fsum([*(values[a] for a in self.above), *(-values[a] for a in self.less)])

    @property
    def factor(self) -> float:
        """By what accepted adjustments multiply the denominator."""
        return math.prod(a.factor for a in self.derived.adjustments)

    def at(self, values: Mapping[str, float]) -> float | None:
        """The statistic; None over nothing."""
        top = self.top(values)
        if not self.below:
            return self.scale * top
        bottom = self.factor * math.fsum(values[a] for a in self.below)
        return self.scale * top / bottom if bottom else None

    def slopes(self, values: Mapping[str, float]) -> dict[str, float]:
        """The derivative by each cell."""
        top = self.top(values)
        bottom = self.factor * math.fsum(values[a] for a in self.below) if self.below else 1.0
        found = {}
        for a in values:
            up = self.above.count(a) - self.less.count(a)
            down = self.factor * self.below.count(a)
            found[a] = self.scale * (up * bottom - top * down) / bottom**2
        return found


def _propagated(name: str, cells: Mapping[str, Row], slopes: Mapping[str, float]) -> float | None:
    """The error of one kind; None where no cell has it. Cells that may share units add up in full."""
    groups: dict[tuple[str, ...], list[float]] = defaultdict(list)
    for a, row in cells.items():
        if row[name] is not None:
            groups[_shared(row)].append(abs(slopes[a]) * float(row[name]))
    return math.hypot(*(math.fsum(g) for g in groups.values())) if groups else None


def _shared(row: Row) -> tuple[str, ...]:
    """What cells have in common that may rest on the same units."""
    return tuple(str(row[n]) for n in ("source_code", "reference_area_code", "time_period"))


def _sharing(name: str, cells: Mapping[str, Row]) -> bool:
    """Whether two cells with an error of this kind may rest on the same units."""
    with_error = [_shared(r) for r in cells.values() if r[name]]
    return len(set(with_error)) < len(with_error)


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
    if any(not any(cells[a][n] for n in ERRORS) for a in uncertain):  # limits alone cannot be put together
        return {"lower": None, "upper": None, "interval_type": None}
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
