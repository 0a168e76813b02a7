"""Incident records to observations: people dead or missing, by route, cause, time, place, sex and age.

For each crossing that an indicator asks for, the tolls of the rows of one event are added up first, so
that an event told in parts is one; then y = sum(x), v = sum(x^2) and the largest toll give the count, its
error and its limits (:mod:`caudal.estimate.incidents.intervals`). Sex and age are known for a part of the
dead only: the file counts women, men and children, and whoever it does not count is ``_U``, so that the
share unknown is a cell like any other. All sums are of whole numbers, exact in any order.

It refuses formulas other than a total, and a crossing of sex with age: no file counts both at once.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from caudal.engine.expressions import columns_of, is_condition
from caudal.engine.session import quoted
from caudal.estimate import indicators as general
from caudal.estimate.incidents.intervals import INTERVAL_TYPE, limits
from caudal.estimate.indicators import Crossing, Impossible, Planned, Records, key_dimensions, key_of
from caudal.model.catalogue import Catalogue
from caudal.model.codelist import SPECIAL_CODES
from caudal.model.indicator import IndicatorSpec
from caudal.model.observation import NOT_APPLICABLE, UNKNOWN, conform

#: Whom a row counts apart: column that the parts make -> code -> the column that counts them.
PARTS: Mapping[str, Mapping[str, str]] = {
    "sex_code": {"F": "females_n", "M": "males_n"},
    "age_code": {"Y_LT18": "children_n"},
}
TOLL = "dead_missing_n"
METHOD = "compound-poisson"
NOTE = "minimum"
#: Below so many effective incidents, y^2/v, the limits hold the truth less often than they say: the figure
#: is marked as of low reliability (SDMX U).
FEWEST = 10


def plan(
    records: Records,
    indicators: Iterable[IndicatorSpec],
    catalogue: Catalogue,
    extra: Sequence[Crossing] = (),
) -> tuple[tuple[Planned, ...], tuple[Impossible, ...]]:
    """Which indicators incident records can carry, and in which crossings; by sex or age only the toll."""
    made = [c for c, parts in PARTS.items() if set(parts.values()) <= records.columns]
    can, cannot = general.plan(_with_columns(records, made), indicators, catalogue, extra)
    kept = [replace(p, crossings=tuple(c for c in p.crossings if _possible(c, p, catalogue))) for p in can]
    return tuple(p for p in kept if p.formula.total), cannot


def estimate(
    records: Records, planned: Sequence[Planned], catalogue: Catalogue, session: Any, scratch: Path
) -> pa.Table:
    """The observations of all ``planned`` indicators, without verdict. ``scratch`` is not needed: a file of
    incidents is small."""
    del scratch
    dimensions = key_dimensions(catalogue)
    tables = [conform(pa.table({}), dimensions)]
    for p in planned:
        for crossing in p.crossings:
            cells = session.sql(cells_sql(records, p, crossing, catalogue)).to_arrow_table()
            rows = _observations(cells, p, crossing, records, catalogue)
            tables += [conform(pa.Table.from_pylist(rows), dimensions)] if rows else []
    return pa.concat_tables(tables)


def explain(records: Records, planned: Planned, catalogue: Catalogue) -> str:
    """What is summed for an indicator in each of its crossings, as SQL that an auditor can read and run."""
    return ";\n".join(cells_sql(records, planned, c, catalogue) for c in planned.crossings)


def cells_sql(records: Records, planned: Planned, crossing: Crossing, catalogue: Catalogue) -> str:
    """What is summed for one crossing, as SQL that an auditor can read and run over the records."""
    column = next(iter(_parted(crossing, catalogue)), "")
    source = _with_columns(records, [column] if column else [])
    total = planned.formula.total
    counted = (
        f"CAST(({total}) AS BIGINT)" if not is_condition(total) else f"CASE WHEN {total} THEN 1 ELSE 0 END"
    )
    toll = "part_n" if column else counted
    relation = _by_part(records.relation, column) if column else f"SELECT * FROM {records.relation}"
    names = [quoted(d) for d in crossing]
    derived = [f"({general.derivation(d, source, catalogue)}) AS {quoted(d)}" for d in crossing]
    event = "event_id" if "event_id" in records.columns else "NULL"
    picked = ", ".join([*derived, f"coalesce({event}, 'row ' || raw_row) AS event", f"{toll} AS toll"])
    grouped = ", ".join([*names, "event"])
    # Parts of one event: their tolls add up; a condition counts the event once.
    once = "max" if is_condition(total) and not column else "sum"
    events = (
        f"SELECT {', '.join([*names, f'{once}(toll) AS toll'])} FROM (SELECT {picked} FROM ({relation}) "
        f"WHERE ({planned.formula.universe})) GROUP BY {grouped} HAVING sum(toll) > 0"
    )
    measures = "count(*) AS events_n, sum(toll) AS total, sum(toll * toll) AS squares, max(toll) AS largest"
    last = f" GROUP BY {', '.join(names)} ORDER BY {', '.join(names)}" if names else ""
    return f"SELECT {', '.join([*names, measures])} FROM ({events}){last}"


def _with_columns(records: Records, made: Iterable[str]) -> Records:
    return replace(records, columns=records.columns | set(made))


def _parted(crossing: Crossing, catalogue: Catalogue) -> tuple[str, ...]:
    """The columns of :data:`PARTS` that a crossing needs."""
    derived = (sql for d in crossing for sql in catalogue.derivations(d, "incident", ""))
    named = {c for sql in derived for c in columns_of(sql)}
    return tuple(c for c in PARTS if c in named)


def _possible(crossing: Crossing, planned: Planned, catalogue: Catalogue) -> bool:
    parted = _parted(crossing, catalogue)
    return not parted or (len(parted) == 1 and planned.formula.total.strip() == TOLL)


def _by_part(relation: str, column: str) -> str:
    """One row for each part of the toll of a row, and one for whoever it does not tell apart."""
    counts = {code: f"coalesce({name}, 0)" for code, name in PARTS[column].items()}
    counts[UNKNOWN] = f"{TOLL} - {' - '.join(counts.values())}"
    selects = [
        f"SELECT *, '{code}' AS {column}, CAST({count} AS BIGINT) AS part_n FROM {relation}"
        for code, count in counts.items()
    ]
    return " UNION ALL ".join(selects)


def _observations(
    cells: pa.Table, planned: Planned, crossing: Crossing, records: Records, catalogue: Catalogue
) -> list[dict[str, Any]]:
    values = {
        n: np.array([float(v or 0) for v in cells[n].to_pylist()]) for n in ("total", "squares", "largest")
    }
    lower, upper = limits(values["total"], values["squares"], values["largest"])
    found = []
    for i, row in enumerate(cells.to_pylist()):
        key = key_of({d: row[d] for d in crossing}, records, catalogue)
        if not row["events_n"] or _nowhere(key):
            continue
        measures = (values["total"][i], float(np.sqrt(values["squares"][i])), lower[i], upper[i])
        found.append(_observation(key, measures, row["events_n"], planned, records, catalogue))
    return found


def _nowhere(key: Mapping[str, str]) -> bool:
    """Whether a cell has no time or no area, as who died between two continents."""
    return key["time_period"] in SPECIAL_CODES or key["reference_area_code"] == NOT_APPLICABLE


def _says_enough(total: float, error: float) -> bool:
    """Whether a count rests on as much chance as at least :data:`FEWEST` single deaths would."""
    return total**2 >= FEWEST * error**2


def _observation(
    key: Mapping[str, str],
    measures: Sequence[float],
    events_n: int,
    planned: Planned,
    records: Records,
    catalogue: Catalogue,
) -> dict[str, Any]:
    names = ("value", "model_se", "lower", "upper")
    scaled = {n: float(m) * planned.indicator.scale for n, m in zip(names, measures, strict=True)}
    return {
        "indicator_code": planned.indicator.indicator,
        "indicator_version": planned.indicator.version,
        "reporter_code": records.reporter,
        **key,
        "source_code": records.source,
        "concept_vector": str(catalogue.vector(records.concept, planned.formula.concept)),
        "vintage": records.vintage,
        **scaled,
        "interval_type": INTERVAL_TYPE,
        "sample_n": events_n,
        "cases_n": events_n,
        "unit_code": planned.indicator.unit,
        "obs_status_code": "A" if _says_enough(*measures[:2]) else "U",
        "method_code": METHOD,
        "error_note": NOTE,
        "derived_from": f"records:{records.source}/{records.period}",
    }
