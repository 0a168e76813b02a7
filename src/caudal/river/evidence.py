"""What the gate must know of the records behind a cell, besides their number.

*Key sums*, for cell keys: each record has a key (:func:`caudal.protect.methods.cell_key.record_keys`), the
same wherever the record is counted; a cell has the sum of the keys of its units modulo 2**32, and a share
one for its denominator and one for its cases. *Contributions*, for dominance and p %: the largest amounts
that units add to a total or a mean, weighted, and what is left.

Both are computed from the records by the formula and the derivations of the observation itself; nothing of
it leaves the builder's side. A source is looked at only if its method or its indicators ask for it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa

from caudal.engine.expressions import is_condition
from caudal.engine.session import quoted
from caudal.errors import CaudalError, problem
from caudal.estimate.families import BY_DESIGN, family_of
from caudal.estimate.indicators import Planned, Records, derivation, key_of
from caudal.model.catalogue import Catalogue
from caudal.model.indicator import Formula
from caudal.model.observation import TOTAL, dimensions_of, key_columns
from caudal.model.source import SourceSpec
from caudal.protect.methods import cell_key, registered
from caudal.river.official import is_public
from caudal.river.secrets import protection_secret
from caudal.river.stages import Stage

#: Amounts of a cell that are told one by one; the others are told as parts no larger than the last.
LARGEST = 12
#: A remainder of more parts than this is dominated by nobody.
MANY = 400
_ID, _KEY, _KEYS = "caudal_record_id", "caudal_record_key", "caudal_record_keys"

Row = Mapping[str, Any]
Address = tuple[str, ...]


@dataclass(frozen=True)
class Evidence:
    """By observation: the key sums of its units, its cases and the others; what units contribute."""

    keys: Mapping[Address, tuple[int, int, int]] = field(default_factory=dict)
    contributions: Mapping[Address, tuple[float, ...]] = field(default_factory=dict)

    def __add__(self, other: Evidence) -> Evidence:
        return Evidence({**self.keys, **other.keys}, {**self.contributions, **other.contributions})

    def by_row(self, table: pa.Table) -> tuple[dict[int, tuple[int, int, int]], dict[int, tuple[float, ...]]]:
        """Key sums and contributions by row number of an observation table."""
        if not self.keys and not self.contributions:
            return {}, {}
        places = {_address(r): i for i, r in enumerate(_keys_of(table))}
        return (
            {places[a]: k for a, k in self.keys.items() if a in places},
            {places[a]: c for a, c in self.contributions.items() if a in places},
        )


#: Nothing is known of the records.
NOTHING = Evidence()


def evidence_for(stage: Stage, source: SourceSpec, records: Records, vintage: str) -> Evidence:
    """The evidence for all observations of ``records``; none of it for a source that is public, or whose
    family of estimators makes columns of its own."""
    folder, kind = stage.folder, records.kind.name
    if is_public(folder, source) or family_of(kind) is not BY_DESIGN:
        return NOTHING
    planned, _ = family_of(kind).plan(
        records, folder.indicators(), folder.catalogue, folder.publication.breakdowns
    )
    keyed = registered()[folder.policy.method_of(source.source)].needs_secret
    secret = protection_secret(folder.country, folder.policy, folder.path) if keyed else None
    return evidence_of(records, planned, folder.catalogue, stage.session, vintage=vintage, secret=secret)


def evidence_of(
    records: Records,
    planned: Sequence[Planned],
    catalogue: Catalogue,
    session: Any,
    *,
    vintage: str,
    secret: bytes | None,
) -> Evidence:
    """The evidence for all ``planned`` indicators; key sums only where there is a ``secret``."""
    keys: dict[Address, tuple[int, int, int]] = {}
    amounts: dict[Address, tuple[float, ...]] = {}
    negative: set[str] = set()
    if secret is not None:
        _register_keys(records, session, secret)
    for plan in planned:
        units, cases, amount = _conditions(plan.formula, proportion=plan.indicator.proportion)
        fixed = {
            "indicator_code": plan.indicator.indicator,
            "indicator_version": plan.indicator.version,
            "reporter_code": records.reporter,
            "source_code": records.source,
            "concept_vector": str(catalogue.vector(records.concept, plan.formula.concept)),
            "vintage": vintage,
        }
        for crossing in plan.crossings:
            derived = {d: str(derivation(d, records, catalogue)) for d in crossing}
            if amount is None and secret is not None:
                for codes, n, part in _key_sums(records, derived, units, cases, session):
                    at = _address({**fixed, **key_of(codes, records, catalogue)})
                    keys[at] = (n, part, (n - part) % cell_key.MODULUS)
            elif amount is not None:
                told, bad = _contributions(records, derived, units, amount, session)
                negative |= {plan.indicator.indicator} if bad else set()
                amounts |= {_address({**fixed, **key_of(codes, records, catalogue)}): t for codes, t in told}
    if negative:
        where = records.source
        raise CaudalError(
            *(problem("protect-negative-contribution", where=where, indicator=n) for n in sorted(negative))
        )
    return Evidence(keys, amounts)


def _keys_of(table: pa.Table) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = table.select(key_columns(dimensions_of(table))).to_pylist()
    return found


def _address(row: Row) -> Address:
    """The parts of a key that are not totals: the same whatever dimensions a table has besides."""
    return tuple(f"{n}={row[n]}" for n in sorted(row) if row[n] != TOTAL)


def _conditions(formula: Formula, *, proportion: bool) -> tuple[str, str, str | None]:
    """Conditions for the units behind a figure and for its cases, and the amount that units contribute."""
    universe = f"({formula.universe})"
    if formula.total and is_condition(formula.total):
        units = f"{universe} AND ({formula.total})"
        return units, units, None
    if formula.total or formula.mean:
        return universe, universe, formula.total or formula.mean
    if proportion:
        units = f"{universe} AND ({formula.denominator}) AND ({formula.numerator}) IS NOT NULL"
        return units, f"{units} AND ({formula.numerator})", None
    return universe, universe, formula.numerator


def _register_keys(records: Records, session: Any, secret: bytes) -> None:
    """One key for each record, by the columns that identify it, whatever its delivery."""
    found = session.sql(f"SELECT DISTINCT {_identifier(records)} AS id FROM {records.relation}").arrow()
    ids = (found.read_all() if hasattr(found, "read_all") else found)["id"].to_pylist()
    values = cell_key.record_keys([f"{records.source}/{i}" for i in ids], secret)
    session.register(_KEYS, pa.table({_ID: ids, _KEY: values}))


def _identifier(records: Records) -> str:
    columns = [c for c in records.kind.key if c in records.columns]
    return (
        f"concat_ws('/', {', '.join(quoted(c) for c in columns)})" if columns else "CAST(raw_row AS VARCHAR)"
    )


def _key_sums(
    records: Records, derived: Mapping[str, str], units: str, cases: str, session: Any
) -> Iterator[tuple[Row, int, int]]:
    times = f" * {quoted(records.kind.count_column)}" if records.kind.count_column else ""
    part = f"CAST(coalesce(sum({_KEY}{times}) FILTER (WHERE {{}}), 0) % {cell_key.MODULUS} AS BIGINT)"
    chosen = [f"({sql}) AS {quoted(d)}" for d, sql in derived.items()]
    figures = [f"{part.format(units)} AS units_key", f"{part.format(cases)} AS cases_key"]
    grouped = f" GROUP BY {', '.join(str(n + 1) for n in range(len(chosen)))}" if chosen else ""
    rows = session.sql(
        f"SELECT {', '.join([*chosen, *figures])} FROM {records.relation} r "
        f"JOIN {_KEYS} k ON k.{_ID} = {_identifier(records)}{grouped}"
    ).fetchall()
    for row in rows:
        yield dict(zip(derived, row, strict=False)), int(row[-2]), int(row[-1])


def _contributions(
    records: Records, derived: Mapping[str, str], units: str, amount: str, session: Any
) -> tuple[list[tuple[Row, tuple[float, ...]]], bool]:
    """What units contribute to each cell that can be dominated; whether any of it is negative."""
    found, negative = [], False
    for codes, largest, rest, least in _amounts(records, derived, units, amount, session):
        negative = negative or least < 0
        if least >= 0 and (told := _told(largest, rest)) is not None:
            found.append((codes, told))
    return found, negative


def _amounts(
    records: Records, derived: Mapping[str, str], units: str, amount: str, session: Any
) -> Iterator[tuple[Row, list[float], float, float]]:
    weight = records.design.weight or "1"
    chosen = [f"({sql}) AS {quoted(d)}" for d, sql in derived.items()]
    names = [quoted(d) for d in derived]
    inner = f"SELECT {', '.join([*chosen, f'CAST(({amount}) AS DOUBLE) * ({weight}) AS amount'])} "
    inner += f"FROM {records.relation} WHERE {units}"
    grouped = f" GROUP BY {', '.join(names)}" if names else ""
    figures = [f"max(amount, {LARGEST})", "min(amount)", "sum(CAST(amount AS DECIMAL(30, 6)))"]
    rows = session.sql(
        f"SELECT {', '.join([*names, *figures])} FROM ({inner}) WHERE amount IS NOT NULL{grouped}"
    ).fetchall()
    for row in rows:
        largest = [float(x) for x in row[-3]]
        rest = max(float(row[-1]) - sum(largest), 0.0)
        yield dict(zip(derived, row, strict=False)), largest, rest, float(row[-2])


def _told(largest: Sequence[float], rest: float) -> tuple[float, ...] | None:
    """Contributions that dominate exactly as the true ones do; None where nobody can.

    >>> _told([5.0, 3.0], 4.0)
    (5.0, 3.0, 2.0, 2.0)
    """
    last = largest[-1] if largest else 0.0
    if last <= 0 or rest <= 0:
        return tuple(largest) or None
    parts = int(-(-rest // last))
    return None if parts > MANY else (*largest, *[rest / parts] * parts)
