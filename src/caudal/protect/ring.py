"""Joint cells behind tables whose dimensions form a ring.

If A x B, B x C and C x A are published and A x B x C is not, a reader still knows that a table A x B x C
of non-negative numbers exists, which narrows what suppressed cells can be. Where the sets of crossed
dimensions can be reduced to nothing by dropping a dimension that only one set has and a set that lies in
another (Graham's reduction), consistent margins always extend to a joint table and nothing is added.
Otherwise the finest cells of what remains enter the system as hidden cells, with one equation for each
published cell that they add up to. Their true counts need not be known: one non-negative integer table
with the published margins stands for them, since the set of alternatives does not depend on it.

It refuses a ring with more joint cells than the limit.

Reference: Vorob'ev (1962), Theory of Probability and its Applications 7, 147-163; Beeri, Fagin, Maier
and Yannakakis (1983), Journal of the ACM 30, 479-513.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import product

import numpy as np
import numpy.typing as npt
from scipy import sparse

from caudal.errors import CaudalError, problem
from caudal.protect.programme import equalities, is_optimal, make_integer

TOTAL = "_T"
Key = tuple[str, ...]
Edge = frozenset[tuple[int, int]]


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


def joint_equations(
    counts: Mapping[Key, int], dimensions: Sequence[str], parents: Mapping[str, Mapping[str, str]], limit: int
) -> list[list[Key]]:
    """Equations [published cell, *joint cells] of the rings among the grids of ``counts``.

    A grid is the set of dimensions that it crosses, each with its depth in the hierarchy: a table by
    region and one by commune are different grids of one dimension.
    """
    grids: dict[Edge, list[Key]] = {}
    depths = [_Depths(parents[d]) for d in dimensions]
    for key in counts:
        levels = (range(depths[i].of(c)) for i, c in enumerate(key))
        edge = frozenset((i, level) for i, part in enumerate(levels) for level in part)
        grids.setdefault(edge, []).append(key)
    core = ring_core(grids)
    if not core:
        return []
    axes = sorted({i for e in core for i, _ in e})
    inside = [g for g in grids if g and {i for i, _ in g} <= set(axes)]
    maximal = [g for g in inside if not any(g < o for o in inside)]
    cells = [k for g in sorted(maximal, key=sorted) for k in grids[g]]
    tree = {a: _leaves({k[a] for k in cells if k[a] != TOTAL}, parents[dimensions[a]]) for a in axes}
    size = int(np.prod([float(len(set().union(*t.values()))) for t in tree.values()]))
    if size > limit:
        raise CaudalError(
            problem(
                "protect-ring-too-large", dimensions=[dimensions[a] for a in axes], cells=size, limit=limit
            )
        )
    return _joint(counts, cells, axes, tree, len(dimensions))


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
    """The finest nodes under each node that a grid uses; a remainder takes what its siblings leave."""
    above = {n: _ancestors(n, parents) for n in nodes}
    inner = set().union(*above.values()) if above else set()
    rests = {n for n in nodes if n.startswith("_REST")}
    leaves = nodes - inner - rests
    beyond = {f"{parents.get(r, TOTAL)}/beyond": parents.get(r, TOTAL) for r in rests}
    under = {n: {leaf for leaf in leaves if n == leaf or n in above[leaf]} for n in nodes - rests}
    for extra, top in beyond.items():
        for n in {top, *_ancestors(top, parents)} & set(under):
            under[n].add(extra)
    for r in rests:
        top = parents.get(r, TOTAL)
        named = set(r.split(" - ", 1)[1].rstrip(")").split("|"))
        whole = under.get(top) or (leaves | set(beyond))
        taken = set().union(*(under.get(n, set()) for n in named))
        under[r] = set(whole) - taken
    return {n: frozenset(v) for n, v in under.items()}


def _ancestors(node: str, parents: Mapping[str, str]) -> set[str]:
    found: set[str] = set()
    while node in parents and parents[node] != TOTAL:
        node = parents[node]
        found.add(node)
    return found


def _joint(
    counts: Mapping[Key, int],
    cells: Sequence[Key],
    axes: Sequence[int],
    tree: Mapping[int, Mapping[str, frozenset[str]]],
    width: int,
) -> list[list[Key]]:
    """One equation for each cell of the largest grids; joint cells under a zero are zero and left out."""
    every = {a: sorted(set().union(*tree[a].values())) for a in axes}
    boxes = {k: {a: sorted(tree[a][k[a]]) for a in axes if k[a] != TOTAL} for k in cells}
    zero: dict[tuple[int, ...], set[tuple[str, ...]]] = {}
    for key, box in boxes.items():
        if not counts[key]:
            zero.setdefault(tuple(box), set()).update(product(*box.values()))
    covering: dict[tuple[int, ...], dict[tuple[str, ...], list[Key]]] = {tuple(b): {} for b in boxes.values()}
    for combo in product(*(every[a] for a in axes)):
        at = dict(zip(axes, combo, strict=True))
        if any(tuple(at[a] for a in shape) in combos for shape, combos in zero.items()):
            continue
        name = _joint_key(at, width)
        for shape, members in covering.items():
            members.setdefault(tuple(at[a] for a in shape), []).append(name)
    return [
        [key, *(n for combo in product(*box.values()) for n in covering[tuple(box)].get(combo, ()))]
        for key, box in boxes.items()
        if counts[key]
    ]


def _joint_key(at: Mapping[int, str], width: int) -> Key:
    return tuple(f"joint:{at[i]}" if i in at else TOTAL for i in range(width))


def fill(
    matrix: sparse.csr_array, counts: npt.NDArray[np.int64], known: npt.NDArray[np.bool_]
) -> npt.NDArray[np.int64]:
    """``counts`` with a non-negative integer solution in the places that are not ``known``.

    Raises :class:`CaudalError` where no such table exists: the margins contradict each other.
    """
    if known.all():
        return counts
    free = np.flatnonzero(~known)
    right = -(matrix @ np.where(known, counts, 0))
    sub = matrix[:, free].tocsr()
    rows = np.flatnonzero(np.diff(sub.indptr))
    found = solve_integers(sub[rows], right[rows].astype(float), float(counts.max(initial=0)))
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
