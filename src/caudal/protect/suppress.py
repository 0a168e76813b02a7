"""Secondary suppression: the fewest further cells so that every suppressed one stays open.

Rounds of four steps: the relaxation of the covering problem (:mod:`master`), a pattern from its fractions
(:mod:`rounding`), the attacker on that pattern (:mod:`audit`), and a cut for each cell that he narrows
too far. A pattern in which few cells fail is repaired beside, by adding cells only; the rounds then go on
from the best that is whole, and ask for a cheaper one. Where no pattern becomes whole, the last one grows.

Where the search ends without a proof, by its time or for lack of whole numbers, the pattern is made of cubes,
which are their own proof (:mod:`products`). It never calls a pattern certified that the attacker beats: when
nothing can be enough, or no time is left, it says which cells stay open and the gate refuses.

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
from caudal.protect.certificates import Certificate, certify, confirmed
from caudal.protect.master import Master, cut_row, first_rows
from caudal.protect.products import cube_pattern
from caudal.protect.rounding import Cover, round_pattern

#: Steps of rounding for each cell, while the search explores and while the pattern only grows.
STEPS_A_CELL = 5
GROWING_STEPS = 1000
#: Where more classes than this still fail after these many rounds, exploring on is slow.
MANY_FAILURES, PATIENCE = 150, 8
#: Programmes solved to take cells back, times the cells of the system: a number, not seconds, so that
#: the same table gives the same pattern.
PRUNING = 8_000_000
#: Times that wider intervals are asked for because integers are lacking; then it refuses.
MOST_ASKED = 8
#: Classes that fail and are looked at in one round: their cuts mend many others.
FAILURES_A_ROUND = 250
#: Classes that may fail in a pattern that is repaired beside the search, and rounds of such a repair.
FEW_FAILURES, REPAIRS = 4, 6
#: Rounds of exploring without a cheaper whole pattern, once there is one.
NO_BETTER = 6
#: Rounds that look near a whole pattern for a cheaper one, and their steps of rounding, times those before.
DEEPER_ROUNDS, DEEPER = 4, 2
#: A pattern within this of the bound is cheap enough.
NEAR = 1.03
#: Shares of the time limit after which the pattern only grows, which ends for certain, after which nothing
#: is taken back, and after which no proof is sought; the rest is for cubes.
EXPLORING_SHARE, PRUNING_SHARE, PROVING_SHARE = 0.3, 0.6, 0.8


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

    ``open_cells`` are those that could not be protected: such a pattern is never published. ``cut``: the time
    limit ended a step of the search; ``of_cubes`` and ``in_blocks``: the search of the whole ended without a
    proof, so the pattern is made of cubes, or of those of blocks.
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
    cut: bool = False
    of_cubes: bool = False
    in_blocks: bool = False

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
    rounds: int = 0
    failures: tuple[Failure, ...] = ()
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
        """Explore, let the pattern grow where that found none, prove; where the proof lacks integers, ask for
        wider intervals and grow again; at last, cubes."""
        clock = _Clock(time.process_time(), limit_s)
        pattern, whole = self._explore(seed, rounds, effort, clock)
        if self.rounds and not len(self.hopeless):
            self._bound(True)
        if not whole and self._fails_widely() and (made := self._of_cubes(seed, clock)) is not None:
            return made  # to let it grow takes minutes, and whole-number proofs are lacking then
        if not whole:
            pattern, whole = self._grow(pattern, seed, effort, clock)
        proof: Certificate | None = None
        while whole:
            proof = self._prove(pattern, seed + self.rounds, clock.at(PROVING_SHARE))
            if not proof.unproved or self.asked_more == MOST_ASKED or clock.is_past(PROVING_SHARE):
                break
            self._ask_more(proof)
            pattern, whole = self._grow(pattern, seed, effort, clock)
        found = self._result(pattern, proof if whole else None, clock)
        return found if found.certified or len(self.hopeless) else self._of_cubes(seed, clock) or found

    def _explore(self, seed: int, rounds: int, effort: int, clock: _Clock) -> tuple[Bools, bool]:
        """The cheapest pattern that the attacker does not beat, else the last one; whether it is whole."""
        pattern, best, since = self.always.copy(), None, 0
        while self.rounds < rounds and since < NO_BETTER and not clock.is_past(EXPLORING_SHARE):
            if self.rounds >= PATIENCE and self._fails_widely():
                break
            self._bound(False)
            self.rounds += 1
            start = self.always | (self.fractions > 0.5) if self.rounds == 1 else pattern
            pattern = self._next(start, seed, effort)
            failures = self._audit(pattern, seed + 1000 * self.rounds, growing=False)
            if len(self.hopeless):
                return pattern, False
            if not failures:
                best = pattern if best is None or self._is_cheaper(pattern, best) else best
                break
            last, best = best, self._repaired(pattern, failures, best, seed)
            since = 0 if best is None or best is not last else since + 1
        return (pattern, False) if best is None else (self._deeper(best, seed, effort, clock), True)

    def _fails_widely(self) -> bool:
        """Whether most of what was looked at last fails."""
        return len({f.number for f in self.failures}) > MANY_FAILURES

    def _deeper(self, best: Bools, seed: int, effort: int, clock: _Clock) -> Bools:
        """A cheaper pattern around ``best``, as long as the bound leaves room that is worth the time."""
        for _ in range(DEEPER_ROUNDS):
            self._bound(False)
            enough = max(self.least + self._cheapest(), NEAR * self.least)
            if self._price(best) < enough or clock.is_past(EXPLORING_SHARE):
                break
            self.rounds += 1
            pattern = self._next(best, seed, DEEPER * effort)
            if self._is_cheaper(pattern, best):
                failures = self._audit(pattern, seed + 1000 * self.rounds, growing=False)
                found = self._repaired(pattern, failures, best, seed, learn=True)
                best = best if found is None else found
        return best

    def _repaired(
        self, pattern: Bools, failures: list[Failure], best: Bools | None, seed: int, *, learn: bool = False
    ) -> Bools | None:
        """The pattern with a few more cells, if so it is whole and cheaper than ``best``; or ``best``.

        Without ``learn``, the cuts met on the way are forgotten: they would turn the search aside.
        """
        if len({f.number for f in failures}) > FEW_FAILURES:
            return best
        known = len(self.master.rows)
        for turn in range(REPAIRS):
            if not failures or (best is not None and not self._is_cheaper(pattern, best)):
                break
            self.grown |= pattern & self.candidate
            pattern = self._round(pattern, GROWING_STEPS, seed + 50 * self.rounds + turn, sideways=False)
            self.grown &= not learn
            failures = self._audit(pattern, seed + 77 * self.rounds + turn, growing=not learn)
            self.grown[:] = False
        if not learn:
            del self.master.rows[known:]
        return best if failures or (best is not None and not self._is_cheaper(pattern, best)) else pattern

    def _grow(self, pattern: Bools, seed: int, effort: int, clock: _Clock) -> tuple[Bools, bool]:
        """More cells until the attacker finds nothing, which ends for certain, and back what is too much."""
        while not (clock.is_past(PROVING_SHARE) or len(self.hopeless)):
            self.rounds += 1
            self.grown |= pattern & self.candidate
            pattern = self._round(pattern, GROWING_STEPS * effort, seed + self.rounds, sideways=False)
            if not self._audit(pattern, seed + 1000 * self.rounds, growing=True) and not len(self.hopeless):
                pattern = self._prune(pattern, clock)
                self.grown[:] = False
                return pattern, True
        return pattern, False

    def _is_cheaper(self, pattern: Bools, best: Bools) -> bool:
        return self._price(pattern) < self._price(best) - 1e-9

    def _cheapest(self) -> float:
        return float(self.cost[self.candidate].min(initial=np.inf))

    def _bound(self, last: bool) -> None:
        """The relaxation of what is known so far, and its value as a bound."""
        self.fractions, self.least = self.master.solve()
        if last:
            self.least_n = self.master.least_number()

    def _next(self, start: Bools, seed: int, effort: int) -> Bools:
        """The pattern of the next round."""
        steps = STEPS_A_CELL * self.system.size * effort
        return self._round(start, steps, seed + self.rounds, sideways=True)

    def _price(self, pattern: Bools) -> float:
        return float(self.cost[pattern & ~self.always].sum())

    def _prune(self, pattern: Bools, clock: _Clock) -> Bools:
        """Publish again, one by one, what a pattern does not need; least wanted first."""
        pruner = Pruner(self.matrix, self.know, pattern, self.pool)
        rank = self.fractions - self.cost / self.cost.max()
        groups = sorted(pruner.classes(self.candidate), key=lambda c: (float(rank[c].mean()), int(c[0])))
        for cells in groups:
            if pruner.solved > PRUNING // self.system.size or clock.is_past(PRUNING_SHARE):
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
        start = start & (self.always | self.candidate)
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
        self.failures = tuple(f for f in found.failures if f.cell not in self.hopeless)
        return list(self.failures)

    def _result(self, pattern: Bools, proof: Certificate | None, clock: _Clock) -> Pattern:
        open_cells = {f.cell for f in self.failures}
        if proof is None and not open_cells:  # time ran out before anything was proved
            open_cells |= set(np.flatnonzero(pattern & (self.know.demand > 0)).tolist())
        return self._pattern(pattern, tuple(sorted(open_cells)) if proof is None else (), proof, clock)

    def _of_cubes(self, seed: int, clock: _Clock) -> Pattern | None:
        """A pattern of cubes, if there is one and its proof holds."""
        know = self.counts_layer
        found = cube_pattern(
            self.system, know, self.always, self.candidate, self.cost, seed=seed, deadline=clock.at(1.0)
        )
        if found is None:
            return None
        pattern, moves = found
        proof = confirmed(self.matrix, know, pattern, moves, int(self.asked.values))
        made = replace(self._pattern(pattern, (), proof, clock), of_cubes=True)
        return made if made.certified else None

    def _pattern(
        self, pattern: Bools, open_cells: tuple[int, ...], proof: Certificate | None, clock: _Clock
    ) -> Pattern:
        secondary = pattern & ~self.always
        return Pattern(
            pattern,
            self.primary,
            int(secondary.sum()),
            int(np.ceil(self.least_n - 1e-6)),
            self._price(pattern),
            self.least,
            self.rounds,
            open_cells,
            tuple(int(c) for c in self.hopeless),
            proof,
            clock.cut,
        )


@dataclass
class _Clock:
    """Processor seconds since the search began, and whether they ever ended a step of it."""

    started: float
    limit_s: float
    cut: bool = False

    def at(self, share: float) -> float:
        """The processor time at which a share of the limit is over."""
        return self.started + share * self.limit_s

    def is_past(self, share: float) -> bool:
        """Whether it is over; whoever asks ends what he does."""
        past = time.process_time() >= self.at(share)
        self.cut = self.cut or past
        return past


def default_cost(system: CellSystem) -> Floats:
    """One for each cell, and a little for its size: fewest cells first, small ones among them."""
    size = np.log1p(system.counts.clip(0).astype(float))
    return np.asarray(1.0 + 0.001 * size / max(float(size.max(initial=0.0)), 1.0), float)


def _without(matrix: sparse.csr_array, dropped: Bools) -> sparse.csr_array:
    keep = sparse.diags_array(np.where(dropped, 0, 1), dtype=np.int64)
    slim = (matrix @ keep).tocsr()
    slim.eliminate_zeros()
    return slim
