"""Joint cells behind tables whose dimensions form a ring.

If A x B, B x C and C x A are published and A x B x C is not, a reader still knows that a table A x B x C
of non-negative numbers exists, which narrows what suppressed cells can be. Where the sets of crossed
dimensions can be reduced to nothing by dropping a dimension that only one set has and a set that lies in
another (Graham's reduction), consistent margins always extend to a joint table and nothing is added.
Otherwise the finest cells of what remains enter the system as hidden cells, with one equation for each
published cell that is not itself the sum of other published cells, and one for each set of units that
falls into two others (all = cases + others), cell by cell. The same is done wherever two tables show
dimensions that divide the same people without nesting: their pairs that can hold nobody are empty.

A leaf of the joint table is a category that the release does not divide, or what lies *beyond* the
divided parts of one: whoever is in no named part is somewhere. What an equation leaves no room for is
empty and is left out. So the people who were counted are themselves such a table, whatever the tables
cross, and a refusal means that the tables are not about the same people.

The true joint counts need not be known: one non-negative integer table with the published margins stands
for them, since the set of alternatives does not depend on it.

It refuses a ring with more joint cells than the limit.

Reference: Vorob'ev (1962), Theory of Probability and its Applications 7, 147-163; Beeri, Fagin, Maier
and Yannakakis (1983), Journal of the ACM 30, 479-513.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from math import prod

import numpy as np
import numpy.typing as npt
from scipy import sparse

from caudal.errors import CaudalError, problem
from caudal.protect.overlap import Overlap, related_leaves
from caudal.protect.programme import equalities, is_optimal, make_integer

TOTAL = "_T"
REST = "_REST"
BEYOND = "/beyond"
Key = tuple[str, ...]
Edge = frozenset[tuple[int, int]]
#: Leaf combinations that are looked at, for each joint cell that may remain.
LOOKED_AT = 10


@dataclass(frozen=True)
class Tables:
    """What is read: counts by cell, the tree of each dimension, ``families`` ((axis, whole) -> parts;
    axes below 0 are sets), ``links`` (whole, part, rest) between sets, and related dimensions."""

    counts: Mapping[Key, int]
    dimensions: Sequence[str]
    parents: Mapping[str, Mapping[str, str]]
    families: Mapping[tuple[int, Key], Sequence[Key]]
    links: Sequence[tuple[str, str, str]] = ()
    overlaps: Sequence[Overlap] = ()


def ring_core(edges: Iterable[Edge]) -> list[Edge]:
    """What Graham's reduction leaves: empty when the sets of dimensions form no ring.

    >>> a, b, c = (0, 1), (1, 1), (2, 1)  # dimension and depth
    >>> ring_core([frozenset({a, b}), frozenset({b, c})])
    []
    >>> len(ring_core([frozenset({a, b}), frozenset({b, c}), frozenset({a, c})]))
    3
    """
    left = set(edges)
    while True:
        count: dict[tuple[int, int], int] = {}
        for e in left:
            for v in e:
                count[v] = count.get(v, 0) + 1
        cut = {frozenset(v for v in e if count[v] > 1) for e in left}
        kept = {e for e in cut if e and not any(e < o for o in cut)}
        if kept == left:
            return sorted(left, key=sorted)
        left = kept


def joint_equations(tables: Tables, limit: int) -> list[list[Key]]:
    """Equations [cell, *joint cells] of the rings among the grids of ``tables``.

    A grid is the set of dimensions that it crosses, each with its depth in the hierarchy: a table by
    region and one by commune are different grids of one dimension. Sets of units that contain each other
    are looked at together.
    """
    found: list[list[Key]] = []
    for grids in _grids(tables):
        related = _related_edges(tables, grids)
        core = [*ring_core([*grids, *related]), *related]
        if core:
            found += _ring(tables, grids, core, limit)
    return found


def _ring(
    tables: Tables, grids: Mapping[Edge, list[Key]], core: Sequence[Edge], limit: int
) -> list[list[Key]]:
    """The equations of one ring: a joint table for each clique of dimensions, equal where they meet."""
    depth = _reach(core, grids)
    inside = sorted((g for g in grids if g and _shallow(g, depth)), key=sorted)
    depths = [_Depths(t) for t in _trees(tables)]
    inner = {up for axis, up in tables.families if axis in depth and depths[axis].of(up[axis]) < depth[axis]}
    cells = [k for g in inside for k in grids[g] if k not in inner]
    edges = [*inside, *(e for e in _related_edges(tables, grids) if _shallow(e, depth))]
    tree = {a: _leaves_of(tables, cells, a) for a in sorted(depth)}
    sizes = {a: len(set().union(*t.values())) for a, t in tree.items()}
    parts = cliques([frozenset(i for i, _ in e) for e in edges], sizes)
    joints = [_Joint(tables, cells, {a: tree[a] for a in part.axes}, limit) for part in parts]
    left = set(cells)
    found = []
    for part, joint in zip(parts, joints, strict=True):
        own = [k for k in joint.cells if k in left]
        left -= set(own)
        found += joint.equations(own)
        if part.parent is not None:
            found += joint.meets(joints[part.parent], part.separator)
    return found


def _reach(core: Sequence[Edge], grids: Iterable[Edge]) -> dict[int, int]:
    """How deep the joint table goes in each dimension: as the ring does, and further where a crossing of
    the ring stands only in a finer table."""
    depth: dict[int, int] = {}

    def reach(edge: Edge) -> None:
        for i, level in edge:
            depth[i] = max(depth.get(i, 0), level)

    for edge in core:
        reach(edge)
    given = sorted(grids, key=lambda g: (len(g), sorted(g)))
    for edge in core:
        holding = [g for g in given if edge <= g]
        if holding and not any(_shallow(g, depth) for g in holding):
            reach(holding[0])
    return depth


def _shallow(grid: Edge, depth: Mapping[int, int]) -> bool:
    return all(level <= depth.get(i, -1) for i, level in grid)


@dataclass(frozen=True)
class Clique:
    """Dimensions whose joint table is kept, and where it meets another one."""

    axes: tuple[int, ...]
    separator: tuple[int, ...] = ()
    parent: int | None = None


def cliques(crossings: Iterable[frozenset[int]], sizes: Mapping[int, int]) -> list[Clique]:
    """The cliques of a chordal graph over the dimensions that holds every crossing, and how they hang
    together: tables over them that agree where they meet always extend to one joint table.

    >>> square = [frozenset(p) for p in ((0, 1), (1, 2), (2, 3), (3, 0))]
    >>> [(c.axes, c.separator) for c in cliques(square, dict.fromkeys(range(4), 2))]
    [((0, 1, 3), ()), ((1, 2, 3), (1, 3))]
    """
    near: dict[int, set[int]] = {a: set() for a in sizes}
    for crossing in crossings:
        for a in crossing:
            near[a] |= crossing - {a}
    found: list[frozenset[int]] = []
    while near:
        gone = min(near, key=lambda a: (prod(sizes[b] for b in (*near[a], a)), a))
        around = frozenset(near.pop(gone))
        for a in around:
            near[a] = (near[a] | around) - {a, gone}
        if not any(around | {gone} <= f for f in found):
            found.append(around | {gone})
    tree = [Clique(tuple(sorted(found[0])))]
    placed = [found[0]]
    left = found[1:]
    while left:  # a spanning tree of largest intersections holds every dimension together
        n, m = max(
            ((n, m) for n in range(len(left)) for m in range(len(placed))),
            key=lambda p: (len(left[p[0]] & placed[p[1]]), -p[0], -p[1]),
        )
        new = left.pop(n)
        tree.append(Clique(tuple(sorted(new)), tuple(sorted(new & placed[m])), m))
        placed.append(new)
    return tree


def _trees(tables: Tables) -> list[dict[str, str]]:
    """The tree of each dimension; that of the first says which set of units lies in which."""
    sets = dict[str, str]()
    for whole, part, rest in tables.links:
        sets.setdefault(part, whole)
        sets.setdefault(rest, whole)
    trees = [dict(tables.parents[d]) for d in tables.dimensions]
    return [{**trees[0], **sets}, *trees[1:]]


def _grids(tables: Tables) -> list[dict[Edge, list[Key]]]:
    """The grids of each family of sets that contain each other."""
    trees = _trees(tables)
    depths = [_Depths(tree) for tree in trees]
    found: dict[str, dict[Edge, list[Key]]] = {}
    together = any(k[0] == TOTAL for k in tables.counts)  # an ordinary first dimension
    for key in tables.counts:
        levels = (range(depths[i].of(c)) for i, c in enumerate(key))
        edge = frozenset((i, level) for i, part in enumerate(levels) for level in part)
        top = TOTAL if together else key[0]
        while top in trees[0] and trees[0][top] != TOTAL:
            top = trees[0][top]
        found.setdefault(top, {}).setdefault(edge, []).append(key)
    return list(found.values())


def _related_edges(tables: Tables, grids: Iterable[Edge]) -> list[Edge]:
    """Dimensions that divide the same people are known crossed, wherever two grids have one of each and
    neither shows the crossing; in all the sets of units that either is about."""
    sets = not any(k[0] == TOTAL for k in tables.counts)
    found = set()
    for overlap in tables.overlaps:
        a, b = (tables.dimensions.index(d) for d in (overlap.first, overlap.second))
        for g, h in product([g for g in grids if _at(g, a)], [g for g in grids if _at(g, b)]):
            units = _at(g, 0) | _at(h, 0) if sets else frozenset()
            edge = (g & h) | _at(g, a) | _at(h, b) | units
            if not (edge <= g or edge <= h):
                found.add(edge)
    return [e for e in found if not any(e < o for o in found)]


def _at(edge: Edge, axis: int) -> Edge:
    return frozenset(v for v in edge if v[0] == axis)


class _Depths:
    """Depth of each node below the total."""

    def __init__(self, parents: Mapping[str, str]) -> None:
        self.parents = parents
        self.known: dict[str, int] = {TOTAL: 0}

    def of(self, node: str) -> int:
        """0 for the total, 1 for its children ..."""
        if node not in self.known:
            self.known[node] = 1 + self.of(self.parents.get(node, TOTAL))
        return self.known[node]


def _leaves(nodes: set[str], parents: Mapping[str, str]) -> dict[str, frozenset[str]]:
    """The leaves under each node; a remainder takes what its named siblings leave."""
    above = {n: _ancestors(n, parents) for n in nodes}
    rests = {n for n in nodes if n.startswith(REST)}
    tops = {parents.get(r, TOTAL) for r in rests}
    inner = (set().union(*above.values()) | tops) - {TOTAL}
    whole = nodes - rests | inner
    above |= {n: _ancestors(n, parents) for n in inner}
    leaves = {n: n for n in whole - inner} | {f"{n}{BEYOND}": n for n in inner}
    under = {n: {leaf for leaf, at in leaves.items() if n == at or n in above[at]} for n in whole}
    everything = {*leaves, f"{TOTAL}{BEYOND}"}
    for r in rests:
        named = r.split(" - ", 1)[1].rstrip(")").split("|")
        taken = set().union(*(under.get(n, set()) for n in named))
        under[r] = under.get(parents.get(r, TOTAL), everything) - taken
    return {n: frozenset(v) for n, v in under.items()} | {TOTAL: frozenset(everything)}


def _ancestors(node: str, parents: Mapping[str, str]) -> set[str]:
    found: set[str] = set()
    while node in parents and parents[node] != TOTAL:
        node = parents[node]
        found.add(node)
    return found


def _leaves_of(tables: Tables, cells: Sequence[Key], axis: int) -> dict[str, frozenset[str]]:
    """Node -> the leaves under it; sets of units are leaves, each with its own joint table."""
    nodes = {k[axis] for k in cells if k[axis] != TOTAL}
    if axis == 0 and not any(k[0] == TOTAL for k in tables.counts):
        return {s: frozenset({s}) for s in nodes}
    return _leaves(nodes, tables.parents[tables.dimensions[axis]])


class _Joint:
    """The joint table over the axes of ``tree`` behind those ``cells`` that cross no others."""

    def __init__(
        self,
        tables: Tables,
        cells: Sequence[Key],
        tree: Mapping[int, Mapping[str, frozenset[str]]],
        limit: int,
    ) -> None:
        self.tables, self.tree, self.limit = tables, tree, limit
        self.axes = tuple(sorted(tree))
        self.cells = [k for k in cells if self._inside(k)]
        self.sets = sorted(tree[0]) if 0 in tree and TOTAL not in tree[0] else []
        self.zero = self._zeros()
        self.kept = self._combinations()

    def _box(self, key: Key) -> dict[int, list[str]]:
        return {a: sorted(self.tree[a][key[a]]) for a in self.axes if key[a] != TOTAL}

    def _zeros(self) -> dict[tuple[int, ...], set[Key]]:
        """Combinations that are empty: under a count of zero, or where an equation leaves no room."""
        zero: dict[tuple[int, ...], set[Key]] = {}
        for key in self.cells:
            if not self.tables.counts[key]:
                box = self._box(key)
                zero.setdefault(tuple(box), set()).update(product(*box.values()))
        for (axis, up), parts in self.tables.families.items():
            if axis in self.axes and self._inside(up) and all(p[axis] in self.tree[axis] for p in parts):
                box = self._box(up)
                held = set().union(*(self.tree[axis].get(p[axis], frozenset()) for p in parts))
                box[axis] = sorted(self.tree[axis].get(up[axis], frozenset()) - held)
                box = dict(sorted(box.items()))
                zero.setdefault(tuple(box), set()).update(product(*box.values()))
            elif axis < 0 and len(parts) == 1:
                rest = (self.tables.links[-1 - axis][2], *up[1:])
                if rest[0] in self.sets and self._inside(rest):
                    box = self._box(rest)
                    zero.setdefault(tuple(box), set()).update(product(*box.values()))
        for overlap in self.tables.overlaps:
            shape, pairs = related_leaves(overlap, self.tables, self.tree)
            zero.setdefault(shape, set()).update(pairs)
        return {shape: combos for shape, combos in zero.items() if combos}

    def _inside(self, key: Key) -> bool:
        return all(c == TOTAL or (i in self.axes and c in self.tree[i]) for i, c in enumerate(key))

    def _every(self, axis: int) -> list[str]:
        """The leaves of an axis, without those that are empty in every set."""
        leaves = sorted(set().union(*self.tree[axis].values()))
        if axis == 0 or not self.sets:
            return [leaf for leaf in leaves if (leaf,) not in self.zero.get((axis,), ())]
        gone = self.zero.get((0, axis), set())
        return [leaf for leaf in leaves if any((s, leaf) not in gone for s in self.sets)]

    def _combinations(self) -> dict[Key, Key]:
        """The combinations of leaves that are not empty, with the names of their cells."""
        every = [self._every(a) for a in self.axes]
        self._refuse_above(prod(len(v) for v in every), self.limit * LOOKED_AT)
        kept = {combo: self._name(combo) for combo in product(*every) if not self._empty(combo)}
        self._refuse_above(len(kept), self.limit)
        return kept

    def _added_up(self, shape: Sequence[int]) -> dict[Key, list[Key]]:
        """The cells over each combination of the leaves of ``shape``."""
        places = [self.axes.index(a) for a in shape]
        found: dict[Key, list[Key]] = {}
        for combo, name in self.kept.items():
            found.setdefault(tuple(combo[i] for i in places), []).append(name)
        return found

    def equations(self, own: Sequence[Key]) -> list[list[Key]]:
        """Each of the published cells ``own`` as a sum, and each set of units as the sum of its parts."""
        boxes = {k: self._box(k) for k in own if self.tables.counts[k]}
        covering = {shape: self._added_up(shape) for shape in {tuple(b) for b in boxes.values()}}
        found = [
            [key, *(n for combo in product(*box.values()) for n in covering[tuple(box)].get(combo, ()))]
            for key, box in boxes.items()
        ]
        return found + self._links()

    def meets(self, other: _Joint, separator: Sequence[int]) -> list[list[Key]]:
        """What this joint table and another one add up to where they meet is the same."""
        found = []
        one, two = self._added_up(separator), other._added_up(separator)
        for combo in sorted({*one, *two}):
            at = dict(zip(separator, combo, strict=True))
            name = tuple(f"meet:{at[i]}" if i in at else TOTAL for i in range(len(self.tables.dimensions)))
            found += [[name, *one.get(combo, ())], [name, *two.get(combo, ())]]
        return found

    def _empty(self, combo: Key) -> bool:
        at = dict(zip(self.axes, combo, strict=True))
        return any(tuple(at[a] for a in shape) in combos for shape, combos in self.zero.items())

    def _links(self) -> list[list[Key]]:
        """Each joint cell of all units is that of the cases and that of the others."""
        found = []
        for whole, *parts in self.tables.links:
            if whole not in self.sets or not set(parts) <= set(self.sets):
                continue
            for combo, name in self.kept.items():
                if combo[0] == whole:
                    held = [(p, *combo[1:]) for p in parts]
                    found.append([name, *(self.kept[c] for c in held if c in self.kept)])
        return found

    def _name(self, combo: Key) -> Key:
        at = dict(zip(self.axes, combo, strict=True))
        return tuple(f"joint:{at[i]}" if i in at else TOTAL for i in range(len(self.tables.dimensions)))

    def _refuse_above(self, size: int, limit: int) -> None:
        if size > limit:
            named = [self.tables.dimensions[a] for a in self.axes if a]
            raise CaudalError(
                problem("protect-ring-too-large", dimensions=named, cells=size, limit=self.limit)
            )


def fill(
    matrix: sparse.csr_array, counts: npt.NDArray[np.int64], known: npt.NDArray[np.bool_]
) -> npt.NDArray[np.int64]:
    """``counts`` with a non-negative integer solution in the places that are not ``known``.

    Raises :class:`CaudalError` where no such table exists: the margins contradict each other.
    """
    free = np.flatnonzero(~known)
    right = -(matrix @ np.where(known, counts, 0))
    sub = matrix[:, free].tocsr()
    is_open = np.diff(sub.indptr) > 0
    if right[~is_open].any():  # what is known must add up by itself
        raise CaudalError(problem("protect-no-joint-table", cells=len(free)))
    if known.all():
        return counts
    found = solve_integers(sub[is_open], right[is_open].astype(float), float(counts.max(initial=0)))
    if found is None:
        raise CaudalError(problem("protect-no-joint-table", cells=len(free)))
    out = counts.copy()
    out[free] = found
    return out


def solve_integers(
    matrix: sparse.csr_array, right: npt.NDArray[np.float64], cap: float
) -> npt.NDArray[np.int64] | None:
    """Non-negative integers z <= cap with ``matrix @ z == right``, or None."""
    cols = matrix.shape[1]
    solver = equalities(matrix, right, np.zeros(cols), np.full(cols, cap))
    for whole_numbers in (False, True):
        if whole_numbers:
            make_integer(solver, cols)
        solver.run()
        if not is_optimal(solver):
            return None
        found: npt.NDArray[np.int64] = np.rint(solver.getSolution().col_value).astype(np.int64)
        if np.array_equal(matrix @ found, right.astype(np.int64)) and found.min(initial=0) >= 0:
            return found
    return None
