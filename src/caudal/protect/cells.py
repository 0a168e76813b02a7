"""Cells of a release and the equations between them: all that a reader can add up.

A cell is known by its meaning, one node in each dimension (``_T`` where it is a total), not by the table
that it stands in; a cell that stands in five tables is one cell, so linked tables are one system. For a
dimension with nodes *c* under *p* and every combination of the other dimensions

    x(p, rest) = sum over the published children c of x(c, rest).

Five kinds of cell that nobody publishes belong to the system, because a reader reckons with them:
the *remainder* of a parent whose published children do not exhaust it (non-response, a category left
out), an *intermediate* node that a table skips, a *margin* that two tables share and neither shows, the
*joint* cells behind tables whose dimensions form
a ring (A x B, B x C, C x A), and the *pairs* of two dimensions that divide the same units without nesting;
all must exist as non-negative numbers.

It refuses children that add up to more than their parent, negative counts, a cell given twice with two
counts, and a hierarchy with a loop.

Reference: Hundepool et al. (2012), Statistical Disclosure Control, ch. 4 and 5; Fischetti and Salazar
(2001), Management Science 47, 1008-1027, for linked tables as one system.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
from scipy import sparse

from caudal.errors import CaudalError, Problem, problem
from caudal.protect import margins, ring
from caudal.protect.overlap import Overlap

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]

TOTAL = "_T"
REMAINDER = "_REST"

#: Child node -> parent node of one dimension; a node that is absent hangs under the total.
Hierarchy = Mapping[str, str]


@dataclass(frozen=True)
class Link:
    """``whole = part + rest`` between nodes of the first dimension, as all persons = cases + others.

    The cells of ``rest`` are hidden where nobody publishes them: a reader obtains them by subtraction.
    """

    whole: str
    part: str
    rest: str


@dataclass(frozen=True)
class CellSystem:
    """Cells, their counts and the equations ``matrix @ counts == 0`` (parent -1, children +1).

    ``hidden`` cells are reckoned with but never published; ``remainder`` marks those of them that a
    reader can obtain by subtraction.
    """

    dimensions: tuple[str, ...]
    keys: tuple[tuple[str, ...], ...]
    counts: Ints
    matrix: sparse.csr_array
    hidden: Bools
    remainder: Bools
    index: Mapping[tuple[str, ...], int] = field(repr=False)

    @property
    def size(self) -> int:
        """Number of cells."""
        return len(self.keys)

    def name(self, cell: int) -> str:
        """A readable name: the categories that are not totals."""
        return _named(self.dimensions, self.keys[cell])

    def equation(self, row: int, most: int = 8) -> str:
        """One equation in words, as in ``total = sex=F + sex=M``; of its terms the first ``most``."""
        start, stop = self.matrix.indptr[row : row + 2]
        cells = self.matrix.indices[start:stop]
        signs = self.matrix.data[start:stop]
        left, right = ([self.name(int(c)) for c in cells[signs * sign > 0]] for sign in (-1, 1))
        more = f" + … ({len(right) - most})" if len(right) > most else ""
        return f"{' + '.join(left)} = {' + '.join(f'[{r}]' if ',' in r else r for r in right[:most])}{more}"


def build_system(
    dimensions: Sequence[str],
    cells: Mapping[tuple[str, ...], int],
    hierarchies: Mapping[str, Hierarchy] | None = None,
    *,
    links: Sequence[Link] = (),
    overlaps: Sequence[Overlap] = (),
    optional: Iterable[str] = (),
    ring_limit: int = 60_000,
) -> CellSystem:
    """The system of published ``cells`` (key -> count).

    ``hierarchies`` gives, by dimension, the parent of each node; nodes without one are children of
    ``_T``. ``links`` are further sums between nodes of the first dimension, for every combination of the
    others in which both parts stand; ``overlaps`` relate dimensions that divide the same units without
    nesting. ``optional`` nodes are reckoned with where their categories add up to something.
    Raises :class:`CaudalError` with all contradictions at once.

    >>> s = build_system(["sex"], {("_T",): 7, ("F",): 4, ("M",): 3})
    >>> s.size, s.equation(0)
    (3, 'total = sex=F + sex=M')
    """
    hierarchies = hierarchies or {}
    faults = [*_bad_counts(dimensions, cells), *_loops(hierarchies)]
    if faults:
        raise CaudalError(*faults)
    trees = {d: dict(hierarchies.get(d, {})) for d in dimensions}
    draft = _Draft(tuple(dimensions), dict(cells), trees, frozenset(optional))
    related = [o for o in overlaps if {o.first, o.second} <= set(dimensions)]
    draft.complete(links, related)
    if draft.faults:
        raise CaudalError(*draft.faults)
    return draft.system(links, related, ring_limit)


def _bad_counts(dimensions: Sequence[str], cells: Mapping[tuple[str, ...], int]) -> list[Problem]:
    faults = []
    for key, count in cells.items():
        if len(key) != len(dimensions):
            faults.append(problem("protect-key-length", key=key, dimensions=dimensions))
        if count < 0 or count != int(count):
            faults.append(problem("protect-not-a-count", cell="/".join(key), count=count))
    return faults


def _loops(hierarchies: Mapping[str, Hierarchy]) -> list[Problem]:
    faults = []
    for dimension, parents in hierarchies.items():
        for node in parents:
            seen, at = {node}, parents[node]
            while at in parents and at not in seen:
                seen.add(at)
                at = parents[at]
            if at in seen:
                faults.append(problem("protect-hierarchy-loop", dimension=dimension, node=node))
                break
    return faults


class _Draft:
    """Cells while intermediate nodes and remainders are being added; one equation per family."""

    def __init__(
        self,
        dimensions: tuple[str, ...],
        counts: dict[tuple[str, ...], int],
        parents: dict[str, dict[str, str]],
        optional: frozenset[str],
    ) -> None:
        self.optional = optional
        self.dimensions = dimensions
        self.counts = counts
        self.published = set(counts)
        self.parents = parents
        self.remainder: set[tuple[str, ...]] = set()
        self.least: set[tuple[str, ...]] = set()
        self.skipped: set[tuple[str, ...]] = set()
        self.whole: set[margins.Table] = set()
        self.equations: dict[tuple[int, tuple[str, ...]], list[tuple[str, ...]]] = {}
        self.links: dict[tuple[int, tuple[str, ...]], list[tuple[str, ...]]] = {}
        self.faults: list[Problem] = []

    def parent(self, axis: int, node: str) -> str | None:
        if node == TOTAL:
            return None
        return self.parents[self.dimensions[axis]].get(node, TOTAL)

    def link(self, links: Sequence[Link]) -> None:
        """Equations between nodes of the first dimension, and the cells of what is left."""
        for position, link in enumerate(links):
            for key in [k for k in self.counts if k[0] == link.whole]:
                part, rest = (link.part, *key[1:]), (link.rest, *key[1:])
                if part not in self.counts or self.least & {key, part}:
                    continue
                left = self.counts[key] - self.counts[part]
                if left < 0 or self.counts.get(rest, left) != left:
                    self._contradiction(0, key, [part, rest])
                    continue
                if left and rest not in self.counts:
                    self.counts[rest] = left
                    self.remainder.add(rest)
                # an empty remainder is known to be empty: a share of 100 % says so
                self.links[(-1 - position, key)] = [part, rest] if left else [part]

    def complete(self, links: Sequence[Link], overlaps: Sequence[Overlap]) -> None:
        """Add hidden cells until nothing changes: a remainder may itself have a parent to balance."""
        before = -1
        while before != len(self.counts) and not self.faults:
            before = len(self.counts)
            self.link(links)
            self.whole = margins.whole_tables(self.counts, self._above, finest=True)
            for axis in range(len(self.dimensions)):
                self._intermediate(axis)
            self._margins(links, overlaps)
        self._agree()
        before = -1
        while before != len(self.counts) and not self.faults:
            before = len(self.counts)
            self.equations = dict(self.links)
            for axis in range(len(self.dimensions)):
                self._balance(axis)

    def _margins(self, links: Sequence[Link], overlaps: Sequence[Overlap]) -> None:
        """Margins that no table shows and that a reader adds up: those that two tables share."""
        sets = [(k.whole, k.part, k.rest) for k in links]
        related = [(self.dimensions.index(o.first), self.dimensions.index(o.second)) for o in overlaps]
        found = margins.unpublished(self.counts, sets, self._above, related)
        self.remainder |= set(found)
        self.counts.update(found)

    def _agree(self) -> None:
        """A node that some table adds up without all its parts counts at least what any table gives."""
        changed = True
        while changed:
            changed = False
            for axis in range(len(self.dimensions)):
                sums: dict[tuple[str, ...], int] = {}
                for key, n in self.counts.items():
                    node = self.parent(axis, key[axis])
                    if node is not None and (up := _with(key, axis, node)) in self.least:
                        sums[up] = sums.get(up, 0) + n
                for up, n in sums.items():
                    if n > self.counts[up]:
                        self.counts[up], changed = n, True

    def _above(self, axis: int, key: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
        """The cells with the categories above that of ``key`` along one dimension."""
        node = self.parent(axis, key[axis])
        while node is not None and node != TOTAL:
            yield _with(key, axis, node)
            node = self.parent(axis, node)

    def _intermediate(self, axis: int) -> None:
        """A table may give communes and the country without the regions between: add the regions."""
        parents = self.parents[self.dimensions[axis]]
        inner = {p for p in parents.values() if p != TOTAL}
        used = {k[axis] for k in self.published}
        while inner:
            missing: dict[tuple[str, ...], int] = {}
            for key in self._lowest(axis, inner, used):
                up = _with(key, axis, parents[key[axis]])
                missing[up] = missing.get(up, 0) + self.counts[key]
            if not missing:
                return
            # of what is left over, the other parts may have other names
            short = {
                up
                for up in missing
                if margins.table_of(self.counts, up) not in self.whole or any(map(_is_rest, up))
            }
            skipped = {up for up in short if up[axis] in self.optional}
            self.skipped |= skipped
            self.least |= short - skipped
            self.counts.update({up: n for up, n in missing.items() if up not in skipped})

    def _lowest(self, axis: int, inner: set[str], used: set[str]) -> list[tuple[str, ...]]:
        """Cells whose parent is absent while an ancestor is present, or the parent stands in another table;
        deepest nodes only."""
        found = []
        for key in self.counts:
            node = self.parent(axis, key[axis])
            if node is None or node == TOTAL or node not in inner:
                continue
            if _with(key, axis, node) in self.counts or _with(key, axis, node) in self.skipped:
                continue
            if self._is_reckoned_with(key, axis, node, used):
                found.append(key)
        depth = [self._depth(axis, k[axis]) for k in found]
        return [k for k, d in zip(found, depth, strict=True) if d == max(depth)]

    def _is_reckoned_with(self, key: tuple[str, ...], axis: int, node: str, used: set[str]) -> bool:
        up: str | None = node
        while up is not None:
            if up in used - {TOTAL} or _with(key, axis, up) in self.counts:
                return True
            up = self.parent(axis, up)
        return False

    def _depth(self, axis: int, node: str) -> int:
        depth, up = 0, self.parent(axis, node)
        while up is not None:
            depth, up = depth + 1, self.parent(axis, up)
        return depth

    def _balance(self, axis: int) -> None:
        """Families along one dimension; what the children leave over becomes a remainder cell."""
        families: dict[tuple[str, ...], list[tuple[str, ...]]] = {}
        for key in self.counts:
            node = self.parent(axis, key[axis])
            while node in self.optional and _with(key, axis, node) not in self.counts:
                node = self.parent(axis, node)
            if node is None or _is_rest(key[axis]):
                continue
            families.setdefault(_with(key, axis, node), []).append(key)
        for up, children in families.items():
            if up not in self.counts:
                continue
            rest = self.counts[up] - sum(self.counts[c] for c in children)
            if rest < 0:
                self._contradiction(axis, up, children)
                continue
            rest_key = _with(up, axis, _rest_node(up[axis], {c[axis] for c in children}))
            if rest > 0 and rest_key not in self.counts:
                self.parents[self.dimensions[axis]][rest_key[axis]] = up[axis]
                self.counts[rest_key] = rest
                self.remainder.add(rest_key)
            elif self.counts.get(rest_key, 0) != rest:
                self._contradiction(axis, up, [*children, rest_key])
                continue
            members = [*children, rest_key] if rest > 0 else children
            self.equations[(axis, up)] = members

    def _contradiction(self, axis: int, up: tuple[str, ...], children: list[tuple[str, ...]]) -> None:
        self.faults.append(
            problem(
                "protect-contradictory-margins",
                dimension=self.dimensions[axis],
                parent=_named(self.dimensions, up),
                parent_count=self.counts[up],
                children_sum=sum(self.counts.get(c, 0) for c in children),
                children=[c[axis] for c in children],
            )
        )

    def system(self, links: Sequence[Link], overlaps: Sequence[Overlap], ring_limit: int) -> CellSystem:
        tables = ring.Tables(
            self.counts,
            self.dimensions,
            self.parents,
            self.equations,
            [(k.whole, k.part, k.rest) for k in links],
            overlaps,
        )
        joint = ring.joint_equations(tables, ring_limit)
        joint += margins.open_tables(self.counts, self._above)
        equations = [[up, *children] for (_, up), children in self.equations.items()] + joint
        keys = list(self.counts)
        keys += sorted({k for e in joint for k in e} - set(keys))
        index = {k: i for i, k in enumerate(keys)}
        matrix = sparse.csr_array(
            (
                np.array([s for e in equations for s in (-1, *([1] * (len(e) - 1)))], np.int64),
                np.array([index[k] for e in equations for k in e], np.int64),
                np.cumsum([0, *(len(e) for e in equations)]),
            ),
            shape=(len(equations), len(keys)),
        )
        known = np.array([k in self.counts for k in keys], bool)
        counts = np.array([self.counts.get(k, 0) for k in keys], np.int64)
        return CellSystem(
            self.dimensions,
            tuple(keys),
            ring.fill(matrix, counts, known),
            matrix,
            np.array([k not in self.published for k in keys], bool),
            np.array([k in self.remainder for k in keys], bool),
            index,
        )


def _with(key: tuple[str, ...], axis: int, node: str) -> tuple[str, ...]:
    return (*key[:axis], node, *key[axis + 1 :])


def _is_rest(node: str) -> bool:
    return node.startswith(REMAINDER)


def _rest_node(parent: str, nodes: Iterable[str]) -> str:
    """One name for what a set of categories leaves over, so that tables with the same set share it."""
    return f"{REMAINDER}({parent} - {'|'.join(sorted(nodes))})"


def _named(dimensions: Sequence[str], key: tuple[str, ...]) -> str:
    """The categories that are not totals; sets of units by their own name, remainders as ``*``."""
    told = []
    for dimension, code in zip(dimensions, key, strict=True):
        if code != TOTAL:
            code = "*" if code.startswith(REMAINDER) else code
            told.append(code if dimension == "set" else f"{dimension}={code}")
    return ", ".join(told) or "total"
