"""The gate: observations in, a release out, with a verdict on every observation.

1. Observations of producers that already published them pass, marked so.
2. The rest is grouped by base population (reporter, source, period, vintage). Within one, every set of
   units that figures rest on (all records, the labour force, the unemployed ...) is one category of a
   first dimension; sets with the same counts are the same set, and a share ties its numerator and the
   complement to its denominator. All tables of all indicators form one system of cells.
3. Cells are judged on unweighted records, against earlier releases too, protected by the one method of
   the population, and proved.
4. A suppressed observation shows one flag and nothing else, whether primary or secondary.

It refuses, with the cell and the reason, whatever it cannot certify: contradictory margins, figures
without n, cells that no pattern protects, a search out of time, a change of method or secret.

Reference: Hundepool et al. (2012), Statistical Disclosure Control; SDMX CL_OBS_STATUS (Q) and
CL_CONF_STATUS (C).
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from caudal.errors import CaudalError, Problem, problem
from caudal.model.indicator import IndicatorSpec
from caudal.model.observation import TOTAL, dimensions_of, key_columns
from caudal.model.protection import ProtectionPolicy
from caudal.protect.cells import Bools, CellSystem, Floats, Hierarchy, Ints, build_system
from caudal.protect.contract import Method, Protected, Task
from caudal.protect.domains import Definitions
from caudal.protect.ledger import EarlierRelease, Ledger, read_ledger
from caudal.protect.methods import method
from caudal.protect.nested import nested_parts, with_nested, with_sums
from caudal.protect.overlap import Overlap
from caudal.protect.population import Context, Key, Population, grouped, read_population
from caudal.protect.primary import dominant, p_percent_risk, small_counts
from caudal.protect.recoding import MUCH, Recoding, recodings
from caudal.protect.release import MISSING, PUBLIC, RELEASED, SUPPRESSED, Shown, release_table
from caudal.protect.verdict import PopulationVerdict, VerdictReport, size_class


@dataclass(frozen=True)
class Judged:
    """A population with its pattern proved: observations withheld, observations perturbed, the verdict."""

    blanked: frozenset[int]
    perturbed: Mapping[int, Shown]
    verdict: PopulationVerdict


@dataclass(frozen=True)
class Given:
    """What the desk hands over besides the observations."""

    secret: bytes = b""
    key_sums: Mapping[int, Sequence[int]] | None = None
    dominated: frozenset[int] = frozenset()
    overlaps: tuple[Overlap, ...] = ()
    seed: int = 0


def protect_release(
    observations: pa.Table,
    policy: ProtectionPolicy,
    *,
    hierarchies: Mapping[str, Hierarchy] | None = None,
    aliases: Mapping[str, str] | None = None,
    indicators: Iterable[IndicatorSpec] = (),
    earlier: Sequence[EarlierRelease] = (),
    secret: bytes = b"",
    key_sums: Mapping[int, Sequence[int]] | None = None,
    contributions: Mapping[int, Sequence[float]] | None = None,
    overlaps: Sequence[Overlap] = (),
    definitions: Definitions | None = None,
    seed: int = 0,
) -> tuple[pa.Table, VerdictReport]:
    """The release of ``observations`` under ``policy``, and its verdict report.

    ``hierarchies``: dimension (``reference_area``, ``age`` ...) -> child code -> parent code; codes
    without a parent are children of the total. ``aliases``: dimension -> the dimension of which it is
    a finer or coarser form, as ``{"age_5": "age"}``. ``indicators`` tell which categories a gap
    compares. ``earlier``: the releases of the same populations, oldest first. ``secret`` and ``key_sums``
    (row number -> sums of the record keys of its units, its cases and the others) serve the methods that
    perturb. ``contributions`` (row number -> what each unit adds to the amount) are judged by dominance and
    p %. ``overlaps`` relate dimensions that divide the same units without nesting, ``definitions`` say what
    each indicator counts in the terms of the dimensions. Raises
    :class:`CaudalError` (category gate) with everything that cannot be certified.
    """
    rows = observations.to_pylist()
    dimensions = dimensions_of(observations)
    public = {i for i, r in enumerate(rows) if r["source_code"] in policy.public_sources}
    missing = {i for i, r in enumerate(rows) if i not in public and _is_missing(r)}
    ledger = read_ledger(earlier, key_columns(dimensions))
    dominated = _dominated(contributions or {}, policy)
    indicators = tuple(indicators)
    context = Context(
        dimensions,
        policy,
        hierarchies or {},
        aliases or {},
        {s.indicator + "_gap": s.gap for s in indicators if s.gap},
        nested_parts(indicators),
        definitions or Definitions(),
    )
    done: list[Judged] = []
    problems: list[Problem] = []
    given = Given(secret, key_sums, dominated, tuple(overlaps), seed)
    ledgers: dict[str, Ledger] = {}
    for name, part in grouped({i: r for i, r in enumerate(rows) if i not in public | missing}):
        try:
            source = name.rsplit("/", 2)[0]
            known = ledgers.get(source, ledger)
            population = read_population(name, part, context, known)
            chosen = _method_name(population, policy)
            problems += ledger.check_method(population.base, chosen, _secret_id(chosen, policy, secret))
            done.append(_judge(population, policy, chosen, given))
            ledgers[source] = known.with_vintage(part, done[-1].blanked, key_columns(dimensions))
        except CaudalError as error:
            problems += error.problems
    if problems:
        raise CaudalError(*problems)
    verdicts = _verdicts(len(rows), public, missing, frozenset[int]().union(*(d.blanked for d in done)))
    perturbed = {i: s for d in done for i, s in d.perturbed.items()}
    table = release_table(observations, verdicts, perturbed, policy)
    return table, _report(rows, dimensions, verdicts, done)


def _is_missing(row: Mapping[str, object]) -> bool:
    return row["value"] is None and not row["sample_n"]


def _verdicts(n: int, public: set[int], missing: set[int], blanked: frozenset[int]) -> list[str]:
    given = (
        dict.fromkeys(blanked, SUPPRESSED) | dict.fromkeys(missing, MISSING) | dict.fromkeys(public, PUBLIC)
    )
    return [given.get(i, RELEASED) for i in range(n)]


def _method_name(population: Population, policy: ProtectionPolicy) -> str:
    return policy.method_of(population.name.split("/")[1])


def _secret_id(chosen: str, policy: ProtectionPolicy, secret: bytes) -> str:
    """The name and version of the secret, and a mark that changes when it does and tells nothing of it."""
    if not method(chosen).needs_secret:
        return ""
    mark = hashlib.sha256(b"caudal protection secret " + hashlib.sha256(secret).digest()).hexdigest()[:12]
    return f"{policy.secret}#{policy.secret_version}#{mark}"


def _judge(population: Population, policy: ProtectionPolicy, chosen: str, given: Given) -> Judged:
    system = build_system(
        population.dimensions,
        population.cells,
        population.hierarchies,
        links=population.links,
        overlaps=[o for o in (_among(population, o) for o in given.overlaps) if o],
        optional=[n for nodes in population.places.unions.values() for n in nodes],
    )
    system = with_sums(with_nested(system, population.nested, population.meet), population.sums)
    rule = method(chosen)
    if rule.needs_secret and not given.secret:
        raise CaudalError(problem("protect-no-secret", where=population.name, method=chosen))
    if rule.perturbs and population.survey:
        raise CaudalError(problem("protect-survey-perturbed", where=population.name, method=chosen))
    task = Task(
        population.name,
        system,
        _primary(system, population, policy, given.dominated),
        _kept(system, population, policy),
        _marked(system, population.withheld),
        _cost(system, population, policy),
        policy,
        given.secret,
        _keys(system, population, given.key_sums),
        given.seed,
    )
    result = rule.protect(task)
    _refuse_if_open(task, population, result, rule)
    if rule.perturbs:
        return _perturbed(task, population, result, given)
    wanted = ~system.hidden | (system.remainder & task.primary)
    lost = {system.keys[c] for c in np.flatnonzero(~result.shown & wanted)}
    blanked = frozenset(i for i, cells in population.rows.items() if lost.intersection(cells))
    return Judged(blanked, {}, _verdict(task, population, result, len(lost), given))


def _among(population: Population, overlap: Overlap) -> Overlap | None:
    """An overlap in the nodes of a population; None where one dimension is written in terms of others."""
    if {overlap.first, overlap.second} & set(population.places.products):
        return None
    unions = population.places.unions
    one, two = (unions.get(d, {}) for d in (overlap.first, overlap.second))
    pairs = {(a, n) for a, b in overlap.pairs for n, codes in two.items() if b in codes} | overlap.pairs
    pairs |= {(n, b) for a, b in pairs for n, codes in one.items() if a in codes}
    return Overlap(overlap.first, overlap.second, frozenset(pairs))


def _marked(system: CellSystem, keys: Iterable[Key]) -> Bools:
    found = np.zeros(system.size, bool)
    found[[system.index[k] for k in keys if k in system.index]] = True
    return found


def _dominated(contributions: Mapping[int, Sequence[float]], policy: ProtectionPolicy) -> frozenset[int]:
    """Rows whose amount one or few units dominate."""
    rows = sorted(contributions)
    amounts = [contributions[i] for i in rows]
    risky = dominant(amounts, policy.dominance_n, policy.dominance_k)
    risky |= p_percent_risk(amounts, policy.p_percent)
    return frozenset(i for i, risk in zip(rows, risky, strict=True) if risk)


def _primary(
    system: CellSystem, population: Population, policy: ProtectionPolicy, dominated: frozenset[int]
) -> Bools:
    """Small cells that are not out already, dominated ones, cells withheld once, small changes since."""
    threshold = np.array([population.threshold(k) for k in system.keys])
    small = small_counts(system.counts, threshold, zeros=policy.zeros == "primary")
    unknown = np.array([population.says_nothing(k) for k in system.keys], bool)
    visible = ~system.hidden | system.remainder
    amounts = frozenset(k for i, cells in population.rows.items() if i in dominated for k in cells)
    once = _marked(system, population.once_withheld | population.changed | amounts) & (system.counts > 0)
    once |= _marked(system, population.small) & ~unknown & ~_marked(system, population.once_published)
    return np.asarray((small & ~unknown & visible & ~_marked(system, population.once_published)) | once, bool)


def _cost(system: CellSystem, population: Population, policy: ProtectionPolicy) -> Floats:
    """Observations that go with a cell, times the custodian's factors, plus a little for its size.

    Each dimension that a cell leaves at its total makes it dearer: more people read a total than a detail.
    """
    used: dict[Key, int] = {}
    for cells in population.rows.values():
        for key in cells:
            used[key] = used.get(key, 0) + 1
    factor = [
        np.prod([policy.cost.get(d, 1.0) for d, c in zip(system.dimensions, k, strict=True) if c != TOTAL])
        for k in system.keys
    ]
    depth = np.array([population.depth(k) for k in system.keys])
    margin = policy.margin_cost ** (depth.max(initial=0) - depth)
    size = np.log1p(system.counts.clip(0)) / 1000
    rows = np.array([used.get(k, 1) for k in system.keys], float)
    return np.asarray(rows * margin * np.array(factor, float) + size, float)


def _kept(system: CellSystem, population: Population, policy: ProtectionPolicy) -> Bools:
    """Cells that must stay published: by the custodian's word, or because they are out."""

    def kept(key: Key) -> bool:
        named = dict(zip(system.dimensions, key, strict=True))
        return any(all(named.get(d, TOTAL) == c for d, c in cell.items()) for cell in policy.keep)

    asked = np.array([kept(k) for k in system.keys], bool)
    return asked | _marked(system, population.once_published)


def _keys(
    system: CellSystem, population: Population, key_sums: Mapping[int, Sequence[int]] | None
) -> Ints | None:
    """The key sum of each cell that a figure shows: its units, its cases, the others."""
    if key_sums is None:
        return None
    found = np.zeros(system.size, np.int64)
    for i, cells in population.rows.items():
        if i in key_sums:
            places = [system.index[k] for k in cells if k in system.index]
            found[places] = [s for _, s in zip(places, key_sums[i], strict=False)]
        elif i in population.counts_rows | population.share_rows:
            raise CaudalError(problem("protect-no-keys", where=population.name))
    return found


def _refuse_if_open(task: Task, population: Population, result: Protected, rule: Method) -> None:
    kept = np.flatnonzero(task.primary & task.keep)
    problems = [
        problem("protect-must-stay", where=task.name, cell=population.readable(task.system, int(c)))
        for c in kept
    ]
    unproved = result.certificate.unproved if result.certificate else ()
    out = bool(population.once_published or population.once_withheld)
    code = (
        ("protect-hopeless-history" if out else "protect-hopeless")
        if result.hopeless
        else "protect-uncertified"
        if unproved
        else "protect-out-of-time"
    )
    problems += [
        problem(
            code,
            where=task.name,
            cell=population.readable(task.system, c),
            path=_path(task.system, result.shown, c),
            recoding=_recoding(task.system, c, population.threshold(task.system.keys[c])),
        )
        for c in result.open_cells[:20]
    ]
    if not problems and result.certificate is None and not rule.perturbs:
        problems = [problem("protect-uncertified", where=task.name, cell="-")]
    if problems:
        found = _recodings(task.system, population)
        raise CaudalError(
            *problems, *(problem(f"protect-propose-{r.kind}", where=task.name, **r.facts()) for r in found)
        )


def _recodings(system: CellSystem, population: Population) -> tuple[Recoding, ...]:
    """Recodings of all tables of a population that would leave fewer small cells."""
    seen = {system.keys[c]: int(system.counts[c]) for c in np.flatnonzero(~system.hidden)}

    def threshold(key: Key) -> int:
        return 0 if population.says_nothing(key) else population.threshold(key)

    return recodings(system.dimensions, seen, population.hierarchies, threshold)


def _path(system: CellSystem, shown: Bools, cell: int) -> str:
    """The equation in which the cell stands with the fewest other suppressed cells."""
    rows = system.matrix[:, [cell]].nonzero()[0]
    if not len(rows):
        return "-"

    def others(row: int) -> int:
        members = system.matrix.indices[system.matrix.indptr[row] : system.matrix.indptr[row + 1]]
        return int((~shown[members]).sum())

    return system.equation(int(min(rows, key=others)))


def _recoding(system: CellSystem, cell: int, threshold: int) -> str:
    """The dimension with most categories among those that the cell shows, and the smallest of its
    categories that together reach the threshold: merging there helps most."""
    key = system.keys[cell]
    shown = [i for i, c in enumerate(key) if c != TOTAL and i > 0]
    if not shown:
        return "-"
    axis = max(shown, key=lambda i: (len({k[i] for k in system.keys}), -i))
    row = (*key[:axis], *key[axis + 1 :])
    beside = [
        c
        for c in np.flatnonzero(~system.hidden)
        if (*system.keys[c][:axis], *system.keys[c][axis + 1 :]) == row and system.keys[c][axis] != TOTAL
    ]
    merged, total = [key[axis]], int(system.counts[cell])
    for c in sorted((c for c in beside if c != cell and system.counts[c]), key=lambda c: system.counts[c]):
        if total >= threshold and len(merged) > 1:
            break
        merged.append(system.keys[c][axis])
        total += int(system.counts[c])
    return f"{system.dimensions[axis]} ({' + '.join(merged)})" if len(merged) > 1 else system.dimensions[axis]


def _perturbed(task: Task, population: Population, result: Protected, given: Given) -> Judged:
    """Counts and shares of a population under a perturbing method; other figures are withheld."""
    system = task.system

    def cell(key: Key) -> tuple[int, int, float]:
        at = system.index[key]
        return int(system.counts[at]), int(result.counts[at]), float(result.added_se[at])

    shown: dict[int, Shown] = {}
    blanked: set[int] = set()
    for i, cells in population.rows.items():
        known = [k for k in cells if k in population.cells]
        if i in population.counts_rows and known:
            shown[i] = Shown(cell(known[0]))
        elif i in population.share_rows and len(known) >= 2:
            shown[i] = Shown(cell(known[0]), cell(known[1]))
        else:
            blanked.add(i)
    return Judged(frozenset(blanked), shown, _verdict(task, population, result, 0, given))


def _verdict(
    task: Task, population: Population, result: Protected, suppressed_n: int, given: Given
) -> PopulationVerdict:
    system, policy = task.system, task.policy
    chosen = _method_name(population, policy)
    proof = result.certificate
    cells_n = int((~system.hidden).sum())
    return PopulationVerdict(
        population=population.name,
        method=chosen,
        secret=_secret_id(chosen, policy, given.secret),
        cells_n=cells_n,
        primary_n=int(task.primary.sum()),
        secondary_n=result.secondary_n,
        least_secondary_n=result.least_secondary_n,
        suppressed_n=suppressed_n,
        proved_n=proof.proved_n if proof else 0,
        values=policy.values,
        attacker_lower=policy.lower(),
        alternatives_n=len(proof.moves) if proof else 0,
        hidden_n=int(system.hidden.sum()),
        survey=population.survey,
        notes=(*population.notes, *result.notes),
        recodings=_recodings(system, population) if suppressed_n > MUCH * cells_n else (),
    )


def _report(
    rows: list[dict[str, object]], dimensions: tuple[str, ...], verdicts: list[str], done: list[Judged]
) -> VerdictReport:
    loss: dict[str, dict[str, tuple[int, int]]] = {}
    judged = [i for i, v in enumerate(verdicts) if v in (RELEASED, SUPPRESSED)]
    for name in ("reference_area_code", "counterpart_area_code", *(f"{d}_code" for d in dimensions)):
        by: dict[str, tuple[int, int]] = {}
        for i in judged:
            lost, all_ = by.get(str(rows[i][name]), (0, 0))
            by[str(rows[i][name])] = (lost + (verdicts[i] == SUPPRESSED), all_ + 1)
        loss[name.removesuffix("_code")] = dict(sorted(by.items()))
    return VerdictReport(
        len(rows),
        verdicts.count(RELEASED),
        verdicts.count(SUPPRESSED),
        verdicts.count(PUBLIC),
        verdicts.count(MISSING),
        tuple(d.verdict for d in done),
        loss,
        _by_size(rows, verdicts, judged),
    )


def _by_size(
    rows: list[dict[str, object]], verdicts: list[str], judged: list[int]
) -> dict[str, tuple[int, int]]:
    """Figures withheld and all, by the units behind them."""
    found: dict[str, tuple[int, int]] = {}
    for i in judged:
        n = rows[i]["sample_n"] if rows[i]["sample_n"] is not None else rows[i]["value"]
        if isinstance(n, (int, float)) and n >= 0:
            lost, all_ = found.get(size_class(int(n)), (0, 0))
            found[size_class(int(n))] = (lost + (verdicts[i] == SUPPRESSED), all_ + 1)
    return dict(sorted(found.items(), key=lambda f: int(f[0].split("-")[0].rstrip("+"))))
