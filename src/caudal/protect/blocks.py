"""Large systems of cells: a pattern block by block, from the top of the largest tree down.

A block is the children of one node of the dimension with most categories (the communes of a region, the
regions of the country) with all that they cross; every other cell stays as it is. What moves inside a block
moves no cell outside it, so a table that is an alternative in its block is one of the whole system: the
proofs of the blocks are proofs of the whole, and are held against all its equations again at the end.
A block that is too wide is taken in pairs, each child with its largest sibling, which takes up what the
others move. Cells that are proved already move freely in later blocks, and ask for nothing.

A cell that its block cannot protect is tried with other siblings, then with the nodes above; what is left
is named, and the gate refuses.

Blocks see fewer candidates than the whole, so the pattern is not the least one. The proven minimum is that
of equations with one primary cell and no candidate in common: each needs a candidate of its own.

It refuses nothing by itself; see :mod:`suppress`.

Reference: de Wolf (2002), HiTaS: a heuristic approach to cell suppression in hierarchical tables, LNCS 2316,
which goes down the tree too, and proves nothing.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from scipy import sparse

from caudal.protect.cells import TOTAL, Bools, CellSystem, Floats, Ints
from caudal.protect.certificates import Certificate, Move
from caudal.protect.cubes import Cubes, Rules, moves_of
from caudal.protect.suppress import Demand, Pattern, default_cost, suppress

#: Cells of a block; a wider family is taken in pairs.
BLOCK = 4000
#: Rounds in which the search of a block explores before its pattern only grows.
ROUNDS = 12
#: Seconds for one block, and how often it is tried without the cells that nothing in it protects.
BLOCK_S, TRIES = 30.0, 4
#: Siblings that are tried in turn to take up what a child moves.
SIBLINGS = 1
#: Share of the time limit for blocks; the rest is for cubes.
BLOCKS_SHARE = 0.8
#: Cubes that are tried through a cell that no block protects.
CUBES = 2000


@dataclass(frozen=True)
class Family:
    """The children of one node along the largest dimension."""

    parent: str
    children: tuple[str, ...]


def suppress_in_blocks(
    system: CellSystem,
    primary: Bools,
    *,
    demand: Demand | None = None,
    cost: Floats | None = None,
    forced: Bools | None = None,
    fixed: Bools | None = None,
    zeros: bool = False,
    seed: int = 0,
    time_limit_s: float = 300.0,
) -> Pattern:
    """A pattern as :func:`caudal.protect.suppress.suppress` gives one, for systems too large for it."""
    nothing = np.zeros(system.size, bool)
    run = _Run(
        system,
        primary,
        demand or Demand(),
        default_cost(system) if cost is None else cost,
        nothing if forced is None else forced,
        nothing if fixed is None else fixed,
        zeros,
        seed,
        time.process_time() + BLOCKS_SHARE * time_limit_s,
        time.process_time() + time_limit_s,
    )
    run.all_families()
    return run.result()


@dataclass
class _Run:
    """What is suppressed and proved so far."""

    system: CellSystem
    primary: Bools
    demand: Demand
    cost: Floats
    forced: Bools
    fixed: Bools
    zeros: bool
    seed: int
    deadline: float
    end: float
    moves: Sequence[Move] = ()
    blocks_n: int = 0
    cut: bool = False

    def __post_init__(self) -> None:
        self.by_column = self.system.matrix.tocsc()
        self.suppressed: Bools = self.primary | self.forced | self.system.hidden
        self.wanted: Bools = ~self.system.hidden | (self.system.remainder & self.primary)
        self.proved = np.zeros(self.system.size, bool)
        lower = np.where(self.system.hidden, 0, self.demand.lower)
        self.lower: Ints = np.minimum(lower, self.system.counts) if self.zeros else lower
        self.axis, self.families = families(self.system)
        codes = [k[self.axis] for k in self.system.keys]
        names, at = np.unique(codes, return_inverse=True)
        order = np.argsort(at, kind="stable")
        ends = np.searchsorted(at[order], np.arange(len(names) + 1))
        self.cells_of = {str(n): order[ends[i] : ends[i + 1]] for i, n in enumerate(names)}

    def open(self, cells: Ints) -> Ints:
        """Those of ``cells`` that are withheld and not proved."""
        return cells[self.suppressed[cells] & self.wanted[cells] & ~self.proved[cells]]

    def all_families(self) -> None:
        """Top down; what is left goes to wider blocks, the nodes above included."""
        for family in self.families:
            self.family(family)
        self.by_cubes()

    def by_cubes(self) -> None:
        """The cheapest cube through each cell that is still open."""
        cubes = Cubes(self.system)
        rng = np.random.default_rng(self.seed)
        empty = (self.system.counts == 0) & (not self.zeros)
        rules = Rules(self.lower, self.fixed | empty, self.cost, self.demand.values)
        for cell in self.open(np.arange(self.system.size)):
            if self.proved[cell]:
                continue
            if time.process_time() > self.end:
                self.cut = True
                return
            found = cubes.cheapest(int(cell), self.suppressed, rules, rng, CUBES)
            if found is not None:
                (cells, moved), steps = found
                self.suppressed[cells] = True
                self.proved[cells] = True
                self.moves = [*self.moves, *moves_of((cells, moved), steps)]

    def columns(self, codes: Iterable[str]) -> Ints:
        """The cells under some codes."""
        found = [self.cells_of[c] for c in dict.fromkeys(codes) if c in self.cells_of]
        return np.sort(np.concatenate(found)) if found else np.zeros(0, np.int64)

    def family(self, family: Family) -> None:
        """One family at once, or in pairs with each of the largest siblings in turn."""
        cells = self.columns(family.children)
        if len(cells) <= BLOCK:
            self.block(cells)
            return
        size = {c: int(self.system.counts[self.cells_of[c]].max()) for c in family.children}
        largest = sorted(family.children, key=lambda c: (-size[c], c))
        for sibling in largest[:SIBLINGS]:
            for child in largest:
                if child != sibling:
                    self.block(self.columns([child, sibling]))

    def block(self, cells: Ints) -> None:
        """Protect the open cells of a block; those that nothing in it protects are left out and stay open."""
        for attempt in range(TRIES):
            left = self.deadline - time.process_time()
            if not len(self.open(cells)) or left <= 0:
                return
            found = self.search(cells, min(left, BLOCK_S), attempt)
            self.blocks_n += 1
            self.cut = self.cut or found.cut
            if found.certified:
                self.accept(cells, found)
                return
            proof = found.certificate
            lacking = {*found.hopeless, *(found.open_cells if not found.hopeless else ())}
            lacking |= set(proof.unproved if proof and not found.hopeless else ())
            if not lacking:
                return
            cells = np.delete(cells, sorted(lacking & set(range(len(cells)))))

    def search(self, cells: Ints, limit_s: float, attempt: int) -> Pattern:
        """The search within one block. Proved cells move freely down to what the attacker knows of them."""
        matrix = self.by_column[:, cells].tocsr()
        matrix = matrix[np.flatnonzero(np.diff(matrix.indptr))]
        done = self.proved[cells]
        floor = np.where(self.system.hidden[cells] | ~done, 0, self.demand.lower)
        block = CellSystem(
            self.system.dimensions,
            tuple(self.system.keys[c] for c in cells),
            self.system.counts[cells] - floor,
            matrix,
            self.system.hidden[cells] | done,
            self.system.remainder[cells] & ~done,
            {},
        )
        open_ = self.suppressed[cells] & self.wanted[cells] & ~done
        return suppress(
            block,
            open_,
            demand=self.demand,
            cost=self.cost[cells],
            forced=self.suppressed[cells],
            fixed=self.fixed[cells],
            zeros=self.zeros,
            seed=self.seed + attempt,
            rounds=ROUNDS,
            time_limit_s=limit_s,
        )

    def accept(self, cells: Ints, found: Pattern) -> None:
        """Take over a certified pattern with its proof."""
        new = cells[found.suppressed]
        self.suppressed[new] = True
        self.proved[new] = True
        if found.certificate is not None:
            self.moves = [*self.moves, *((cells[at], moved) for at, moved in found.certificate.moves)]

    def result(self) -> Pattern:
        """The pattern of the whole, with what its proofs show of every cell."""
        moves, shown = confirmed(self.system, self.suppressed, self.lower, self.moves)
        wanted = self.suppressed & self.wanted
        lacking = np.flatnonzero(wanted & (shown < self.demand.values))
        always = self.primary | self.forced | self.system.hidden
        secondary = self.suppressed & ~always
        unproved = tuple(int(c) for c in lacking)
        proof = Certificate(self.demand.values, moves, unproved, int(wanted.sum()) - len(unproved))
        least = packed_minimum(self.system, always, self.fixed, zeros=self.zeros)
        return Pattern(
            self.suppressed,
            self.primary,
            int(secondary.sum()),
            least,
            float(self.cost[secondary].sum()),
            0.0,
            self.blocks_n,
            unproved,
            (),
            proof,
            self.cut,
        )


def families(system: CellSystem) -> tuple[int, tuple[Family, ...]]:
    """The dimension with most categories, and the children of each of its nodes, from the top down.

    >>> from caudal.protect.cells import build_system
    >>> cells = {("_T",): 6, ("N",): 6, ("a",): 2, ("b",): 4}
    >>> families(build_system(["area"], cells, {"area": {"a": "N", "b": "N"}}))
    (0, (Family(parent='_T', children=('N',)), Family(parent='N', children=('a', 'b'))))
    """
    sizes = [len({k[i] for k in system.keys}) for i in range(len(system.dimensions))]
    axis = max(range(len(sizes)), key=lambda i: (sizes[i], -i))
    children: dict[str, dict[str, None]] = {}
    starts, columns, signs = system.matrix.indptr, system.matrix.indices, system.matrix.data
    for e in range(system.matrix.shape[0]):
        row, sign = columns[starts[e] : starts[e + 1]], signs[starts[e] : starts[e + 1]]
        up = {system.keys[c][axis] for c in row[sign < 0]}
        down = {system.keys[c][axis] for c in row[sign > 0]}
        if len(up) == 1 and not up & down:
            children.setdefault(up.pop(), {}).update(dict.fromkeys(sorted(down)))
    found, level = [], [TOTAL]
    while level:
        found += [Family(p, tuple(children[p])) for p in level if p in children]
        level = [c for p in level for c in children.pop(p, ())]
    return axis, tuple(found)


def confirmed(
    system: CellSystem, suppressed: Bools, lower: Ints, moves: Sequence[Move]
) -> tuple[tuple[Move, ...], Ints]:
    """The moves that are alternatives of the whole system, in whole numbers, and how many different values
    each cell takes in them and in the truth."""
    shape = (system.size, len(moves))
    if not moves:
        return (), np.ones(system.size, np.int64)
    rows = np.concatenate([m[0] for m in moves])
    values = np.concatenate([m[1] for m in moves])
    at = np.repeat(np.arange(len(moves)), [len(m[0]) for m in moves])
    broken = np.zeros(len(moves), bool)
    broken[at[~suppressed[rows] | (system.counts[rows] + values < lower[rows])]] = True
    moved = sparse.csc_array((values, (rows, at)), shape=shape)
    broken |= abs(system.matrix @ moved).sum(axis=0) > 0
    kept = ~broken[at] & (values != 0)
    pairs = np.unique(np.stack([rows[kept], values[kept]]), axis=1)
    shown = 1 + np.bincount(pairs[0], minlength=system.size)
    return tuple(m for m, bad in zip(moves, broken, strict=True) if not bad), shown


def packed_minimum(system: CellSystem, always: Bools, fixed: Bools, *, zeros: bool) -> int:
    """Equations with one withheld cell that have no candidate in common: each needs one of its own."""
    candidate = ~always & ~fixed & ((system.counts > 0) | zeros)
    alone = np.flatnonzero(abs(system.matrix) @ always.astype(np.int64) == 1)
    starts, columns = system.matrix.indptr, system.matrix.indices
    rows = [columns[starts[e] : starts[e + 1]] for e in alone]
    rows = sorted((r[candidate[r]] for r in rows), key=len)
    taken = np.zeros(system.size, bool)
    found = 0
    for row in rows:
        if len(row) and not taken[row].any():
            taken[row] = True
            found += 1
    return found
