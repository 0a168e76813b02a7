"""Populations that a new edition shows exactly as the last signed one did.

Where no figure of a source and period has changed and none is new, the new edition can show and withhold
exactly what the last one did: whoever has read that one learns nothing more. Such cells carry their verdict
over; all others are judged again, against what is out.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pyarrow as pa

from caudal.model.observation import dimensions_of, key_columns
from caudal.protect.periods import is_flow_of_events, year_of

#: Verdicts of cells that are out.
_SHOWN = ("released", "public")
_SAME = ("value", "sampling_se", "lower", "upper")
_POPULATION = ("reporter_code", "source_code")

Row = Mapping[str, Any]


def carried_over(table: pa.Table, last: pa.Table) -> tuple[pa.Table, pa.Table]:
    """The cells of ``table`` as ``last`` (in the same dimensions) let them out, where their whole population
    is unchanged, and the cells that are still to be judged."""
    names = [n for n in key_columns(dimensions_of(table)) if n != "vintage"]
    now, before = _by_population(table.to_pylist()), _by_population(last.to_pylist())
    carried: list[dict[str, Any]] = []
    judged: list[Row] = []
    for population, rows in now.items():
        earlier = {_key(r, names): r for r in before.get(population, ())}
        if _unchanged(rows, earlier, names):
            carried += [{**earlier[_key(r, names)], "vintage": r["vintage"]} for r in rows]
        else:
            judged += rows
    return pa.Table.from_pylist(carried, schema=table.schema), pa.Table.from_pylist(
        [dict(r) for r in judged], schema=table.schema
    )


def _by_population(rows: Sequence[Row]) -> dict[tuple[str, ...], list[Row]]:
    found: dict[tuple[str, ...], list[Row]] = {}
    for row in rows:
        period = year_of(row) if is_flow_of_events(row) else str(row["time_period"])
        found.setdefault((*(str(row[n]) for n in _POPULATION), period), []).append(row)
    return found


def _unchanged(rows: Sequence[Row], earlier: Mapping[tuple[str, ...], Row], names: Sequence[str]) -> bool:
    if {_key(r, names) for r in rows} != set(earlier):
        return False
    pairs = ((r, earlier[_key(r, names)]) for r in rows)
    return all(_same(now, then) for now, then in pairs)


def _same(now: Row, then: Row) -> bool:
    if then["verdict"] in _SHOWN:
        return all(now[m] == then[m] for m in _SAME)
    return bool(then["verdict"] == "suppressed" or (now["value"] is None and then["value"] is None))


def _key(row: Row, names: Sequence[str]) -> tuple[str, ...]:
    return tuple(str(row[n]) for n in names)
