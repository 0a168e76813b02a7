"""Secondary suppression: the fewest further cells so that every suppressed one stays open.

Rounds of four steps: the relaxation of the covering problem (:mod:`master`), a pattern from its fractions
(:mod:`rounding`), the attacker on that pattern (:mod:`audit`), and a cut for each cell that he narrows
too far. The first rounds explore; later ones start from the last pattern and only repair it.

It never returns a pattern that the attacker beats: when nothing can be enough, or time runs out, it says
which cells stay open and the gate refuses.

Reference: Fischetti and Salazar (2001), Management Science 47, 1008-1027.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field, replace

import numpy as np
from scipy import sparse

from caudal.protect.attacker import Knowledge
from caudal.protect.audit import Failure, Pool, Pruner, audit_widths
from caudal.protect.cells import Bools, CellSystem, Floats, Ints
from caudal.protect.certificates import Certificate, certify
from caudal.protect.master import Master, cut_row, first_rows
from caudal.protect.rounding import Cover, round_pattern

#: Steps of rounding for each cell, while the search explores and while the pattern only grows.
STEPS_A_CELL = 5
GROWING_STEPS = 1000
#: Where more classes than this still fail after these many rounds, exploring on is slow: it grows at once.
MANY_FAILURES, PATIENCE = 150, 8
#: Programmes solved to take cells back, times the cells of the system: a number, not seconds, so that
#: the same table gives the same pattern.
PRUNING = 8_000_000
#: Times that wider intervals are asked for because integers are lacking; then it refuses.
MOST_ASKED = 8
#: Classes that fail and are looked at in one round: their cuts mend many others.
FAILURES_A_ROUND = 250
#: Shares of the time limit after which the pattern only grows, which ends for certain, and after which
#: nothing is taken back; the rest is for the proof.
EXPLORING_SHARE, PRUNING_SHARE = 0.3, 0.6


@dataclass(frozen=True)
class Demand:
    """The protection level of counts.

    ``values``: how many different integers a suppressed cell must be able to be; ``lower``: what the
    attacker knows of it: 1 where zeros are always published, 0 where zeros may be suppressed too;
    ``interval_pct``: besides, the width of its real interval in percent of the count.
    """

    values: int = 4
    lower: int = 1
    interval_pct: float = 0.0


@dataclass(frozen=True)
class Pattern:
    """Which cells are suppressed, and the least that any sufficient pattern would need (proven).

    ``open_cells`` are those that could not be protected: such a pattern is never published.
    """

    suppressed: Bools
    primary: Bools
    secondary_n: int
    least_secondary_n: int
    cost: float
    least_cost: float
    rounds: int
    open_cells: tuple[int, ...]
    hopeless: tuple[int, ...] = ()
    certificate: Certificate | None = field(default=None, repr=False)

    @property
    def certified(self) -> bool:
        """Whether every suppressed cell passed the audit and is proved by alternative tables."""
        proved = self.certificate is not None and not self.certificate.unproved
        return proved and not self.open_cells and not self.hopeless


def knowledge(system: CellSystem, primary: Bools, demand: Demand, *, zeros: bool = False) -> Knowledge:
    """What the attacker of the release level knows: a suppressed count is at least ``demand.lower``;
    nothing is known of hidden cells but that they are not negative. Every published cell that is
    suppressed must stay open, and every remainder that is primary."""
    lower = np.where(system.hidden, 0, demand.lower).astype(float)
    wanted = ~system.hidden | (system.remainder & primary)
    values = system.counts.astype(float)
    lower = np.minimum(lower, values) if zeros else lower
    width = np.maximum(demand.values - 1.0, demand.interval_pct / 100 * values)
    return Knowledge(values, lower, np.where(wanted, width, 0.0))


def suppress(
    system: CellSystem,
    primary: Bools,
    *,
    demand: Demand | None = None,
    cost: Floats | None = None,
    forced: Bools | None = None,
    fixed: Bools | None = None,
    zeros: bool = False,
    seed: int = 0,
    rounds: int = 24,
    time_limit_s: float = 300.0,
    effort: int = 1,
) -> Pattern:
    """A pattern that holds under every layer of knowledge, at little cost.

    ``primary`` must be protected; ``forced`` cells are blank anyway (cost nothing); ``fixed`` must stay
    published; ``zeros`` lets empty cells be suppressed. The result is certified only if
    :attr:`Pattern.certified`.
    """
    search = _Search.start(system, primary, demand or Demand(), cost, forced, fixed, zeros)
    return search.run(seed, rounds, time_limit_s, effort)


@dataclass
class _Search:
    """State of the rounds."""

    system: CellSystem
    asked: Demand
    counts_layer: Knowledge
    matrix: sparse.csr_array
    matrix_t: sparse.csr_array
    know: Knowledge
    primary: Bools
    always: Bools
    candidate: Bools
    cost: Floats
    master: Master
    hopeless: Ints
    grown: Bools
    pool: Pool
    fractions: Floats
    asked_more: int = 0
    least: float = 0.0
    least_n: float = 0.0

    @classmethod
    def start(
        cls,
        system: CellSystem,
        primary: Bools,
        demand: Demand,
        cost: Floats | None,
        forced: Bools | None,
        fixed: Bools | None,
        zeros: bool,
    ) -> _Search:
        nothing = np.zeros(system.size, bool)
        know = knowledge(system, primary, demand, zeros=zeros)
        always = primary | system.hidden | (forced if forced is not None else nothing)
        allowed = ~always & ~(fixed if fixed is not None else nothing)
        candidate = allowed & ((system.counts > 0) | zeros)
        cost = default_cost(system) if cost is None else cost
        # a published zero moves nowhere and binds nothing
        matrix = _without(system.matrix, ~(candidate | always | (system.counts > 0)))
        rows, hopeless = first_rows(matrix, know, always, candidate)
        return cls(
            system,
            demand,
            know,
            matrix,
            matrix.T.tocsr(),
            know,
            primary,
            always,
            candidate,
            cost,
            Master(np.flatnonzero(candidate), cost, matrix, always, rows),
            hopeless,
            nothing.copy(),
            Pool(system.size),
            np.zeros(system.size),
        )

    def run(self, seed: int, rounds: int, limit_s: float, effort: int) -> Pattern:
        """Rounds until the attacker finds nothing and every cell is proved, or time runs out.

        At first the pattern is free to change; after ``rounds`` it only grows, which ends for certain, and
        what it holds too much is taken back. Where the proof lacks integers, wider intervals are asked for.
        """
        started = time.process_time()
        pattern, done, growing = self.always.copy(), 0, False
        failures: list[Failure] = []
        certificate: Certificate | None = None
        while time.process_time() - started < limit_s:
            done += 1
            if not growing:
                late = time.process_time() - started > EXPLORING_SHARE * limit_s
                stuck = done > PATIENCE and len({f.number for f in failures}) > MANY_FAILURES
                growing = late or stuck or done > rounds
                self._bound(growing)
            pattern = self._next(pattern, done, seed, effort, growing)
            failures = self._audit(pattern, seed + 1000 * done, growing)
            if len(self.hopeless):  # no pattern is enough: say so at once
                break
            if failures:
                continue
            if growing:
                pattern = self._prune(pattern, started + PRUNING_SHARE * limit_s)
                self.grown[:] = False
            elif not self.asked_more:
                self._bound(True)
            certificate = self._prove(pattern, seed + done, started + limit_s)
            if not certificate.unproved or self.asked_more == MOST_ASKED:
                break
            growing = True
            self._ask_more(certificate)
        return self._result(pattern, failures, done, certificate)

    def _bound(self, last: bool) -> None:
        """The relaxation of what is known so far, and its value as a bound."""
        self.fractions, self.least = self.master.solve()
        if last:
            self.least_n = self.master.least_number()

    def _next(self, pattern: Bools, done: int, seed: int, effort: int, growing: bool) -> Bools:
        """The pattern of the next round."""
        if growing:
            self.grown |= pattern & self.candidate
            return self._round(pattern, GROWING_STEPS * effort, seed + done, sideways=False)
        start = self.always | (self.fractions > 0.5) if done == 1 else pattern
        return self._round(start, STEPS_A_CELL * self.system.size * effort, seed + done, sideways=True)

    def _price(self, pattern: Bools) -> float:
        return float(self.cost[pattern & ~self.always].sum())

    def _prune(self, pattern: Bools, deadline: float) -> Bools:
        """Publish again, one by one, what a pattern does not need; least wanted first."""
        pruner = Pruner(self.matrix, self.know, pattern, self.pool)
        rank = self.fractions - self.cost / self.cost.max()
        groups = sorted(pruner.classes(self.candidate), key=lambda c: (float(rank[c].mean()), int(c[0])))
        for cells in groups:
            if time.process_time() > deadline or pruner.solved > PRUNING // self.system.size:
                break
            pruner.spares(int(cells[0]))
        return pruner.suppressed

    def _prove(self, pattern: Bools, seed: int, deadline: float) -> Certificate:
        """Integer alternatives for the first layer, the counts."""
        self.pool.keep(pattern)
        values = int(self.asked.values)
        return certify(
            self.matrix,
            self.counts_layer,
            pattern,
            values=values,
            seed=seed,
            points=self.pool.points,
            deadline=deadline,
        )

    def _ask_more(self, certificate: Certificate) -> None:
        """A real interval that is wide enough may hold too few integers: ask a wider one of those cells."""
        demand = self.know.demand.copy()
        demand[list(certificate.unproved)] += 1.0
        self.know = replace(self.know, demand=demand)
        self.asked_more += 1

    def _round(self, start: Bools, steps: int, seed: int, *, sideways: bool) -> Bools:
        cuts, rights = self.master.cuts()
        free_of_demand = self.system.hidden & ~self.primary
        shield = abs(self.matrix) @ (2 * free_of_demand.astype(np.int64))
        cover = Cover(self.matrix, cuts, rights, shield, self.cost, self.candidate & ~self.grown)
        return round_pattern(cover, start, self.fractions, steps=steps, seed=seed, sideways=sideways)

    def _audit(self, pattern: Bools, seed: int, growing: bool) -> list[Failure]:
        found = audit_widths(
            self.matrix,
            self.matrix_t,
            self.know,
            pattern,
            pool=self.pool,
            seed=seed,
            most_failures=FAILURES_A_ROUND,
            all_cells=False,
        )
        rows = []
        given, free = self.always | self.grown, self.candidate & ~self.grown
        for f in found.failures:
            row, enough = cut_row(f.reach, f.cell, self.know.demand[f.cell], given, free)
            if enough:
                rows.append(row)
            elif self.always[f.cell]:
                self.hopeless = np.union1d(self.hopeless, [f.cell])
            else:  # a secondary cell that nothing could keep open is better published
                self.candidate[f.cell] = self.grown[f.cell] = False
                self.master.publish(f.cell)
        # rows that lean on cells that merely grew, or on wider intervals, bound nothing
        self.master.add(rows, bounding=not growing and not self.asked_more)
        return [f for f in found.failures if f.cell not in self.hopeless]

    def _result(
        self, pattern: Bools, failures: list[Failure], rounds: int, proof: Certificate | None
    ) -> Pattern:
        open_cells = {f.cell for f in failures}
        if proof is None and not failures:  # time ran out before anything was proved
            open_cells |= set(np.flatnonzero(pattern & (self.know.demand > 0)).tolist())
        secondary = pattern & ~self.always
        return Pattern(
            pattern,
            self.primary,
            int(secondary.sum()),
            int(np.ceil(self.least_n - 1e-6)),
            self._price(pattern),
            self.least,
            rounds,
            tuple(sorted(open_cells)),
            tuple(int(c) for c in self.hopeless),
            None if failures else proof,
        )


def default_cost(system: CellSystem) -> Floats:
    """One for each cell, and a little for its size: fewest cells first, small ones among them."""
    size = np.log1p(system.counts.clip(0).astype(float))
    return np.asarray(1.0 + 0.001 * size / max(float(size.max(initial=0.0)), 1.0), float)


def _without(matrix: sparse.csr_array, dropped: Bools) -> sparse.csr_array:
    keep = sparse.diags_array(np.where(dropped, 0, 1), dtype=np.int64)
    slim = (matrix @ keep).tocsr()
    slim.eliminate_zeros()
    return slim
