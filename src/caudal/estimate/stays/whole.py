"""What only the whole register can say: account, policies for gaps, repairs. By dimensions of their own.

``account_item``: the population account of each final year, in all and for nationals and foreigners, with
the vital events that the source states; without them it is unadjusted, and says so. ``history_policy``:
migrations of each final year under every policy for gaps, and corrected for crossings that nobody recorded
(losses measured on the runs, coverage of posts as stated; estimated once, from what was known when the year
became final, so that a new month draws no sample of the past again). ``flow_table``: how far each table
moves between the policies. ``history_repair``: repairs by kind.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import replace
from datetime import date
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from caudal.errors import CaudalError
from caudal.estimate.indicators import Crossing, Planned
from caudal.estimate.stays import columns as c
from caudal.estimate.stays.classify import count_repairs
from caudal.estimate.stays.cube import CubeSpec
from caudal.estimate.stays.losses import MOST_LOSS, Losses, corrected_cube, estimated_losses
from caudal.estimate.stays.migrations import direction_of
from caudal.estimate.stays.sensitivity import policy_movement
from caudal.estimate.stays.stocks import ITEMS, Vital, adjusted, recorded_account

if TYPE_CHECKING:
    from caudal.estimate.stays.register import Register

ACCOUNT, POLICY, REPAIR, TABLE = "account_item", "history_policy", "history_repair", "flow_table"
WHOLE = (ACCOUNT, POLICY, REPAIR, TABLE)
#: Breakdowns whose tables are held against each other under all policies.
TABLES = ("sex", "age", "citizenship", "post", "length_of_stay")
COLUMNS: Mapping[str, str] = {
    "opening": "opening_n",
    "births": "births_n",
    "deaths": "deaths_n",
    "arrivals": "immigration_n",
    "departures": "emigration_n",
    "naturalised_in": "naturalised_in_n",
    "naturalised_out": "naturalised_out_n",
    "closing": "closing_n",
}
_CORRECTED, _COVERED = "corrected", "covered"
_REPAIRS = ("duplicates", "ties", "runs_of_entries", "runs_of_exits")
REPAIRS = (*_REPAIRS, "dropped", "unusable")
#: Where the policy drops a person, figures of persons differ too much to be a policy's doing alone.
_BY_MONTH = CubeSpec(by=("month", "direction"))


def whole_rows(
    register: Register, planned: Planned, crossing: Crossing, territory: str
) -> list[dict[str, Any]]:
    """The cells of a crossing by one of :data:`WHOLE`."""
    if ACCOUNT in crossing:
        return _account(register, crossing, territory)
    if POLICY in crossing:
        return _policies(register, planned)
    if TABLE in crossing:
        return _tables(register, planned)
    return _repairs(register)


def _cell(value: float, status: str = "A", note: str = "full-count", **rest: Any) -> dict[str, Any]:
    return {"value": float(value), "n": round(abs(value)), "status": status, "note": note, **rest}


def _final_years(register: Register) -> list[int]:
    return [y for y in register.timing.years if register.timing.is_final(str(y))]


def _account(register: Register, crossing: Crossing, territory: str) -> list[dict[str, Any]]:
    groups = len(crossing) == 3
    found = []
    for year in _final_years(register):
        rows = _account_of(register, year).to_pylist()
        note = rows[0]["adjustment_code"] if rows else ""
        if not groups:
            found += _items(_summed(rows), year, note, _one_group)
            continue
        for code, part in _by_status(rows, territory).items():
            found += _items(_summed(part), year, note, lambda code=code: {"citizenship_status": code})
    return found


def _one_group() -> dict[str, str]:
    return {}


def _account_of(register: Register, year: int) -> pa.Table:
    """The account of a year by citizenship, with the vital events that the source states."""
    recorded = _recorded(register, year)
    stated = register.residence.vital.get(str(year))
    if stated is None:
        return adjusted(recorded, None)
    vital = Vital(stated.births, stated.deaths, _unseen(register, year))
    named = {*vital.births, *vital.deaths, *vital.residents_unseen}
    more = sorted(named - set(recorded["citizenship_code"].to_pylist()))
    unseen = pa.table({"citizenship_code": more, **{n: [0] * len(more) for n in ITEMS}}, recorded.schema)
    return adjusted(pa.concat_tables([recorded, unseen]), vital)


def _recorded(register: Register, year: int) -> pa.Table:
    start, end = date(year - 1, 12, 31), date(year, 12, 31)
    return register.count(f"account {year}", lambda r: recorded_account(r.packed, start, end, r.settings))


def _unseen(register: Register, year: int) -> Mapping[str, int]:
    """Residents at the start of a year whom the register does not show, less those whom it shows still: as
    stated, else as the vital events of the year before leave it, so that a year opens as the last closed."""
    vital = register.residence.vital
    stated, before = vital.get(str(year)), vital.get(str(year - 1))
    if before is None or (stated is not None and stated.residents_unseen):
        return stated.residents_unseen if stated else {}
    left = Counter(_unseen(register, year - 1))
    left.update(before.births)
    left.subtract(before.deaths)
    seen = _recorded(register, year - 1)
    births = zip(seen["citizenship_code"].to_pylist(), seen["births_n"].to_pylist(), strict=True)
    left.subtract({code: n for code, n in births if n})
    return left


def _by_status(rows: list[dict[str, Any]], territory: str) -> dict[str, list[dict[str, Any]]]:
    """Rows of single citizenships as nationals and foreigners; nothing without citizenship."""
    found: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for row in rows:
        code = row["citizenship_code"]
        if code != c.TOTAL:
            found["CIT" if code == territory else c.UNKNOWN if code == c.UNKNOWN else "FOR"].append(row)
    return found


def _summed(rows: list[dict[str, Any]]) -> dict[str, int]:
    """Items over citizenships; a change from one to another within the group is none."""
    single = [r for r in rows if r["citizenship_code"] != c.TOTAL] or rows
    total = {item: sum(r[column] for r in single) for item, column in COLUMNS.items()}
    within = min(total["naturalised_in"], total["naturalised_out"])
    return {**total, **{n: total[n] - within for n in ("naturalised_in", "naturalised_out")}}


def _items(items: Mapping[str, int], year: int, note: str, group: Any) -> list[dict[str, Any]]:
    unadjusted = note == "unadjusted"
    hidden = {"deaths", *(() if items["births"] else ("births",))} if unadjusted else set()
    told = "unadjusted" if unadjusted else "full-count"
    kept = {i: n for i, n in items.items() if i not in hidden}
    return [_cell(n, note=told, year=str(year), account_item=i, **group()) for i, n in kept.items()]


def _policies(register: Register, planned: Planned) -> list[dict[str, Any]]:
    direction = direction_of(planned.formula.universe)
    moved = register.count("policies", _under_policies)
    found = []
    for year in _final_years(register):
        rows = _of(moved, year, direction)
        for policy in _policies_of(moved):
            total = sum(r[f"{policy}_n"] for r in rows)
            found.append(_cell(total, year=str(year), history_policy=policy))
        then = register.when_final(year)
        if fixed := _of(then.kept("corrected", partial(_corrected, then)), year, direction):
            # Months err together, as far as the losses are not known well.
            found.append(_fixed(year, _CORRECTED, fixed, sum(r["model_se"] for r in fixed)))
        if covered := _of(then.kept("covered", partial(_covered, then)), year, direction):
            # The share of a post is taken as stated: what is left is chance, cell by cell.
            se = float(np.sqrt(sum(r["model_se"] ** 2 for r in covered)))
            found.append(_fixed(year, _COVERED, covered, se))
    return found


def _fixed(year: int, policy: str, rows: list[dict[str, Any]], se: float) -> dict[str, Any]:
    """A corrected figure of a year with its limits."""
    value = sum(r["value"] for r in rows)
    limits = {
        "lower": max(0.0, float(np.round(value - 1.96 * se))),
        "upper": float(np.round(value + 1.96 * se)),
    }
    told = {"model_se": float(se), **limits, "year": str(year), "history_policy": policy}
    return _cell(float(np.round(value)), "E", "corrected-for-losses", **told)


def _tables(register: Register, planned: Planned) -> list[dict[str, Any]]:
    """How far each table of a final year moves: the sum over its cells of the distance between the largest
    and the smallest figure under any policy, as a share of the total; and of what the coverage of posts adds
    to or takes from each cell."""
    direction = direction_of(planned.formula.universe)
    moved = register.count("policies", _under_policies)
    found = []
    for year in _final_years(register):
        rows = _of(moved, year, direction)
        total = sum(r["crossings_n"] for r in rows)
        for name in ("", *(d for d in TABLES if f"{d}_code" in moved.column_names)):
            width = _width(rows, f"{name}_code" if name else "", _policies_of(moved))
            if total:
                code = f"by_{name}" if name else "whole"
                share = {**_cell(width / total, year=str(year), flow_table=code), "n": total}
                found.append(share)
        found += _covered_tables(register, year, direction)
    return found


def _covered_tables(register: Register, year: int, direction: str | None) -> list[dict[str, Any]]:
    """How far the coverage of posts, as the source states it, moves each table of a year."""
    then = register.when_final(year)
    table = then.kept("covered", partial(_covered, then))
    rows = _of(table, year, direction)
    total = sum(r["recorded_n"] for r in rows)
    found = []
    for name in ("", *(d for d in TABLES if f"{d}_code" in table.column_names)):
        moved: dict[str, float] = defaultdict(float)
        for row in rows:
            moved[row[f"{name}_code"] if name else ""] += row["value"] - row["recorded_n"]
        if total:
            share = sum(abs(v) for v in moved.values()) / total
            code = f"covered_{name or 'whole'}"
            found.append({**_cell(share, "E", year=str(year), flow_table=code), "n": total})
    return found


def _width(rows: list[dict[str, Any]], by: str, policies: tuple[str, ...]) -> int:
    """The distances between the policies' extremes, summed over the codes of a column (none: the total)."""
    sums: dict[str, Counter[str]] = defaultdict(Counter)
    for row in rows:
        for policy in policies:
            sums[row[by] if by else ""][policy] += row[f"{policy}_n"]
    return sum(max(s.values()) - min(s.values()) for s in sums.values())


def _under_policies(register: Register) -> pa.Table:
    """Migrations by month, direction and every breakdown, under every policy."""
    table = policy_movement(register.packed, register.settings, _by_tables(register))
    return table.drop_columns(["least_n", "most_n", "movement_pct"])


def _by_tables(register: Register) -> CubeSpec:
    """By month, direction and every breakdown of :data:`TABLES` that the register has."""
    packed = register.packed
    there = {
        "sex": packed.sex is not None,
        "age": packed.birth_day is not None,
        "citizenship": c.CITIZENSHIP in packed.labels,
        "post": c.POST in packed.labels,
    }
    return CubeSpec(by=("month", "direction", *(d for d in TABLES if there.get(d, True))))


def _policies_of(moved: pa.Table) -> tuple[str, ...]:
    counts = (n.removesuffix("_n") for n in moved.column_names if n.endswith("_n"))
    return tuple(n for n in counts if n != "crossings")


def _of(table: pa.Table, year: int, direction: str | None) -> list[dict[str, Any]]:
    there = pc.equal(table["direction_code"], direction)
    kept = pc.and_(there, pc.starts_with(table["month_code"], str(year)))
    return list(table.filter(kept).to_pylist())


def _corrected(register: Register) -> pa.Table:
    """The cube corrected for losses; empty where more was lost than can be corrected."""
    coverage = _coverage(register)
    try:
        measured = estimated_losses(count_repairs(register.packed, register.settings))
        losses = replace(measured, coverage_by_post=coverage)
    except CaudalError as error:
        if any(p.code != "stays-loss-out-of-range" for p in error.problems):
            raise
        return _NOTHING
    return corrected_cube(register.packed, register.settings, _BY_MONTH, losses)


def _coverage(register: Register) -> dict[str, float]:
    return dict(register.residence.coverage_by_post) if c.POST in register.packed.labels else {}


def _covered(register: Register) -> pa.Table:
    """Migrations by every breakdown, corrected for the coverage of posts alone; empty without any."""
    coverage = _coverage(register)
    if not coverage or max(1 - share for share in coverage.values()) > MOST_LOSS:
        return _NOTHING
    losses = Losses(0.0, 0.0, coverage_by_post=coverage)
    return corrected_cube(register.packed, register.settings, _by_tables(register), losses)


_NOTHING = pa.table({n: pa.array([], pa.string()) for n in ("month_code", "direction_code")})


def _repairs(register: Register) -> list[dict[str, Any]]:
    counted = register.count("repairs", _repairs_table).to_pylist()
    year = str(register.timing.last.year)
    found = counted[0] if counted else dict.fromkeys((f"{kind}_n" for kind in REPAIRS), 0)
    return [_cell(found[f"{kind}_n"], year=year, history_repair=kind) for kind in REPAIRS]


def _repairs_table(register: Register) -> pa.Table:
    repairs = count_repairs(register.packed, register.settings)
    counts = [getattr(repairs, f"{name}_n") for name in _REPAIRS]
    counts += [repairs.dropped_crossings_n, sum(register.packed.rejected.values())]
    return pa.table({f"{kind}_n": [n] for kind, n in zip(REPAIRS, counts, strict=True)})
