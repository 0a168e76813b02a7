"""The gate: observations in, a release out, with a verdict on every observation.

1. Observations of producers that already published them pass, marked so.
2. The rest is grouped by base population (reporter, source, period, vintage). Within one, every set of
   units that figures rest on (all records, the labour force, the unemployed ...) is one category of a
   first dimension; sets with the same counts are the same set, and a share ties its numerator and the
   complement to its denominator. All tables of all indicators form one system of cells.
3. Cells are judged on unweighted records, protected by the method of the population, and proved.
4. A suppressed observation shows one flag and nothing else, whether primary or secondary.

It refuses, with the cell and the reason, whatever it cannot certify: contradictory margins, figures
without n, cells that no pattern protects, a search out of time.

Reference: Hundepool et al. (2012), Statistical Disclosure Control; SDMX CL_OBS_STATUS (Q) and
CL_CONF_STATUS (C).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from caudal.errors import CaudalError, Problem, problem
from caudal.model.indicator import IndicatorSpec
from caudal.model.observation import (
    ATTRIBUTES,
    MEASURES,
    TOTAL,
    dimensions_of,
    in_key_order,
)
from caudal.model.protection import ProtectionPolicy
from caudal.protect.cells import Bools, CellSystem, Floats, Hierarchy, build_system
from caudal.protect.certificates import Certificate
from caudal.protect.population import Population, read_populations
from caudal.protect.primary import small_counts
from caudal.protect.suppress import Demand, Pattern, suppress
from caudal.protect.verdict import PopulationVerdict, VerdictReport

RELEASED, SUPPRESSED, PUBLIC, MISSING = "released", "suppressed", "public", "missing"
BUILDER_SIDE = ("sample_n", "cases_n", "psu_n", "df")


@dataclass(frozen=True)
class Certified:
    """A population with its pattern proved."""

    blanked: frozenset[int]
    verdict: PopulationVerdict


def protect_release(
    observations: pa.Table,
    policy: ProtectionPolicy,
    *,
    hierarchies: Mapping[str, Hierarchy] | None = None,
    aliases: Mapping[str, str] | None = None,
    indicators: Iterable[IndicatorSpec] = (),
    seed: int = 0,
) -> tuple[pa.Table, VerdictReport]:
    """The release of ``observations`` under ``policy``, and its verdict report.

    ``hierarchies``: dimension (``reference_area``, ``age`` ...) -> child code -> parent code; codes
    without a parent are children of the total. ``aliases``: dimension -> the dimension of which it is
    a finer or coarser form, as ``{"age_5": "age"}``. ``indicators`` tell which categories a gap
    compares. Raises :class:`CaudalError` (category gate) with everything that cannot be certified.
    """
    rows = observations.to_pylist()
    public = {i for i, r in enumerate(rows) if r["source_code"] in policy.public_sources}
    missing = {i for i, r in enumerate(rows) if i not in public and _is_missing(r)}
    gaps = {s.indicator + "_gap": s.gap for s in indicators if s.gap}
    populations = read_populations(
        {i: r for i, r in enumerate(rows) if i not in public | missing},
        dimensions_of(observations),
        policy,
        hierarchies or {},
        aliases or {},
        gaps,
    )
    done: list[Certified] = []
    problems: list[Problem] = []
    for population in populations:
        try:
            done.append(_certified(population, policy, seed))
        except CaudalError as error:
            problems += error.problems
    if problems:
        raise CaudalError(*problems)
    blanked = frozenset[int]().union(*(d.blanked for d in done))
    table = _released(observations, rows, blanked, public, missing, policy)
    return table, _report(rows, dimensions_of(observations), blanked, public, missing, done)


def _is_missing(row: Mapping[str, object]) -> bool:
    return row["value"] is None and not row["sample_n"]


def _certified(population: Population, policy: ProtectionPolicy, seed: int) -> Certified:
    system = build_system(
        population.dimensions, population.cells, population.hierarchies, links=population.links
    )
    demand = Demand(policy.values, policy.lower())
    primary = _primary(system, population, policy)
    forced = np.array([k in population.withheld for k in system.keys], bool)
    zeros = policy.zeros != "published"
    pattern = suppress(
        system,
        primary,
        demand=demand,
        cost=_cost(system, population, policy),
        forced=forced,
        fixed=_kept(system, population, policy),
        zeros=zeros,
        seed=seed,
        time_limit_s=policy.time_limit_s,
    )
    _refuse_if_open(system, pattern, population)
    wanted = ~system.hidden | (system.remainder & primary)
    suppressed = {system.keys[c] for c in np.flatnonzero(pattern.suppressed & wanted)}
    return Certified(
        frozenset(i for i, cells in population.rows.items() if suppressed.intersection(cells)),
        _verdict(system, population, policy, pattern, len(suppressed)),
    )


def _primary(system: CellSystem, population: Population, policy: ProtectionPolicy) -> Bools:
    threshold = np.array([population.threshold(k) for k in system.keys])
    small = small_counts(system.counts, threshold, zeros=policy.zeros == "primary")
    unknown = np.array([population.says_nothing(k) for k in system.keys], bool)
    return np.asarray(small & ~unknown & (~system.hidden | system.remainder), bool)


def _cost(system: CellSystem, population: Population, policy: ProtectionPolicy) -> Floats:
    used: dict[tuple[str, ...], int] = {}
    for cells in population.rows.values():
        for key in cells:
            used[key] = used.get(key, 0) + 1
    factor = [
        np.prod([policy.cost.get(d, 1.0) for d, c in zip(system.dimensions, k, strict=True) if c != TOTAL])
        for k in system.keys
    ]
    size = np.log1p(system.counts.clip(0)) / 1000
    rows = np.array([used.get(k, 1) for k in system.keys], float)
    return np.asarray(rows * np.array(factor, float) + size, float)


def _kept(system: CellSystem, population: Population, policy: ProtectionPolicy) -> Bools:
    def kept(key: tuple[str, ...]) -> bool:
        named = dict(zip(system.dimensions, key, strict=True))
        return any(all(named.get(d, TOTAL) == c for d, c in cell.items()) for cell in policy.keep)

    return np.array([kept(k) for k in system.keys], bool)


def _refuse_if_open(system: CellSystem, pattern: Pattern, population: Population) -> None:
    if pattern.certified:
        return
    unproved = pattern.certificate.unproved if pattern.certificate else ()
    lost = sorted({*pattern.hopeless, *pattern.open_cells, *unproved})
    code = (
        "protect-hopeless"
        if pattern.hopeless
        else "protect-uncertified"
        if unproved
        else "protect-out-of-time"
    )
    raise CaudalError(
        *(
            problem(
                code,
                where=population.name,
                cell=population.readable(system, c),
                path=_path(system, pattern, c),
                recoding=_recoding(system, c),
            )
            for c in lost[:20]
        )
    )


def _path(system: CellSystem, pattern: Pattern, cell: int) -> str:
    """The equation in which the cell stands with the fewest other suppressed cells."""
    rows = system.matrix[:, [cell]].nonzero()[0]
    if not len(rows):
        return "-"

    def others(row: int) -> int:
        members = system.matrix.indices[system.matrix.indptr[row] : system.matrix.indptr[row + 1]]
        return int(pattern.suppressed[members].sum())

    return system.equation(int(min(rows, key=others)))


def _recoding(system: CellSystem, cell: int) -> str:
    """The dimension with most categories among those that the cell shows: merging there helps most."""
    shown = [i for i, c in enumerate(system.keys[cell]) if c != TOTAL and i > 0]
    if not shown:
        return "-"
    return system.dimensions[max(shown, key=lambda i: len({k[i] for k in system.keys}))]


def _verdict(
    system: CellSystem,
    population: Population,
    policy: ProtectionPolicy,
    pattern: Pattern,
    suppressed_n: int,
) -> PopulationVerdict:
    proof = pattern.certificate or Certificate(policy.values, (), (), 0)
    return PopulationVerdict(
        population.name,
        "suppression",
        int((~system.hidden).sum()),
        int((pattern.primary & (~system.hidden | system.remainder)).sum()),
        pattern.secondary_n,
        pattern.least_secondary_n,
        suppressed_n,
        proof.proved_n,
        policy.values,
        policy.lower(),
        len(proof.moves),
        int(system.hidden.sum()),
        population.survey,
    )


def _released(
    table: pa.Table,
    rows: list[dict[str, object]],
    blanked: frozenset[int],
    public: set[int],
    missing: set[int],
    policy: ProtectionPolicy,
) -> pa.Table:
    """The table with verdicts; suppressed rows keep key and unit and nothing else."""
    verdicts = [
        PUBLIC if i in public else MISSING if i in missing else SUPPRESSED if i in blanked else RELEASED
        for i in range(len(rows))
    ]
    hide_n = () if policy.publish_n else BUILDER_SIDE
    columns = []
    for field in table.schema:
        values = [r[field.name] for r in rows]
        if field.name == "verdict":
            values = list(verdicts)
        elif field.name in MEASURES or field.name in ATTRIBUTES:
            values = [_shown(field.name, v, verdicts[i], hide_n) for i, v in enumerate(values)]
        columns.append(pa.array(values, field.type))
    return in_key_order(pa.table(columns, schema=table.schema))


def _shown(name: str, value: object, verdict: str, hide_n: tuple[str, ...]) -> object:
    if verdict == SUPPRESSED:
        return {"obs_status_code": "Q", "conf_status_code": "C"}.get(
            name, value if name == "unit_code" else None
        )
    if name in hide_n and verdict != PUBLIC:
        return None
    if name == "conf_status_code" and verdict in (RELEASED, PUBLIC):
        return "F"
    return value


def _report(
    rows: list[dict[str, object]],
    dimensions: tuple[str, ...],
    blanked: frozenset[int],
    public: set[int],
    missing: set[int],
    done: list[Certified],
) -> VerdictReport:
    loss: dict[str, dict[str, tuple[int, int]]] = {}
    judged = [i for i in range(len(rows)) if i not in public | missing]
    for name in ("reference_area_code", "counterpart_area_code", *(f"{d}_code" for d in dimensions)):
        by: dict[str, tuple[int, int]] = {}
        for i in judged:
            lost, all_ = by.get(str(rows[i][name]), (0, 0))
            by[str(rows[i][name])] = (lost + (i in blanked), all_ + 1)
        loss[name.removesuffix("_code")] = dict(sorted(by.items()))
    return VerdictReport(
        len(rows),
        len(judged) - len(blanked),
        len(blanked),
        len(public),
        len(missing),
        tuple(d.verdict for d in done),
        loss,
    )
