"""Where the figures of a population stand in its tables, by definition.

Series whose domains have one rest are about one set of units; each stands there in the categories of its
box. A box of several categories of a dimension is a category above them, the sum of its own. What all
series of a set have in common says nothing of their order and is left out. Where the boxes of a dimension
overlap without nesting they are no tree: the later one keeps a set of its own, and so does a series whose
counts are not those of the set that its definition names (records of another kind, a figure of a part).

Reference: :mod:`domains` for what a domain is.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from caudal.protect.domains import Box, Domain

TOTAL, AND = "_T", "+"
#: Dimension -> node.
Nodes = Mapping[str, str]
Tree = Mapping[str, str]


@dataclass(frozen=True)
class Places:
    """``sets``: series -> the name of its set of units; ``nodes``: series -> where in it; ``unions``:
    dimension -> node of several codes -> these; ``trees``: the hierarchies with them; ``products``:
    dimension -> code -> the categories of other dimensions that it is; ``beside``: series that stand
    elsewhere -> the set and the nodes that their own definition names."""

    sets: Mapping[str, str] = field(default_factory=dict)
    nodes: Mapping[str, Nodes] = field(default_factory=dict)
    unions: Mapping[str, Mapping[str, frozenset[str]]] = field(default_factory=dict)
    trees: Mapping[str, Tree] = field(default_factory=dict)
    products: Mapping[str, Mapping[str, Nodes]] = field(default_factory=dict)
    beside: Mapping[str, tuple[str, Nodes]] = field(default_factory=dict)

    def by_definition(self, series: str, key: Mapping[str, str]) -> dict[str, str] | None:
        """The key that the definition of a series :attr:`beside` gives to one of its cells."""
        found = self.meet(key, self.beside[series][1])
        return None if found is None else self.placed("", found)

    def placed(self, series: str, key: Mapping[str, str]) -> dict[str, str] | None:
        """The key of a cell of ``series`` among those of its set, a category that is a product among its
        factors; None where by definition nobody can be counted."""
        found = self.meet(key, self.nodes.get(series, {}))
        for dimension, codes in self.products.items():
            if found is not None and found.get(dimension, TOTAL) in codes:
                found = self.meet({**found, dimension: TOTAL}, codes[found[dimension]])
        return found

    def meet(self, key: Mapping[str, str], nodes: Nodes) -> dict[str, str] | None:
        """The cell that a key and some nodes have in common; None where there is none."""
        found = dict(key)
        for dimension, node in nodes.items():
            own = found[dimension]
            if own == TOTAL or own in _above(node, self.trees.get(dimension, {})):
                found[dimension] = node
            elif node not in _above(own, self.trees.get(dimension, {})):
                return None
        return found


def find_places(
    domains: Mapping[str, Domain],
    fuller: Mapping[str, Domain],
    products: Mapping[str, Mapping[str, Box]],
    trees: Mapping[str, Tree],
) -> Places:
    """The places of series with ``domains``, in dimensions with ``trees``; ``fuller``: their domains where
    every dimension may tell them."""
    boxes = _without_what_is_common(domains)
    unions = _Unions(trees)
    told = {s: nodes for s in sorted(boxes) if (nodes := unions.nodes(boxes[s])) is not None}
    factors: dict[str, Mapping[str, Nodes]] = {}
    for dimension, codes in sorted(products.items()):
        written = {c: nodes for c, box in sorted(codes.items()) if (nodes := unions.nodes(box)) is not None}
        if len(written) == len(codes):
            factors[dimension] = written
    sets = {s: domains[s].rest for s in told}
    beside: dict[str, tuple[str, Nodes]] = {
        s: (domain.rest, {d: min(codes) for d, codes in domain.box.items()})
        for s, domain in sorted(fuller.items())
        if domain != domains[s] and all(len(codes) == 1 for codes in domain.box.values())
    }
    for cases in [f"{s.rsplit('|', 1)[0]}|cases" for s in domains if s.endswith("|n")]:
        n = f"{cases.removesuffix('cases')}n"
        if sets.get(n) != sets.get(cases) and told.get(n, {}) != told.get(cases, {}):
            if cases in told:
                beside.setdefault(cases, (sets.pop(cases), told[cases]))
            told[cases] = told.get(n, {})
    return Places(sets, told, unions.members(), unions.trees(), factors, beside)


def _without_what_is_common(domains: Mapping[str, Domain]) -> dict[str, Box]:
    """The box of each series, less what all series of its set share."""
    by: dict[str, list[Box]] = {}
    for domain in domains.values():
        by.setdefault(domain.rest, []).append(domain.box)
    common = {
        rest: {d for d in boxes[0] if all(b.get(d) == boxes[0][d] for b in boxes)}
        for rest, boxes in by.items()
    }
    return {
        s: {d: codes for d, codes in domain.box.items() if d not in common[domain.rest]}
        for s, domain in domains.items()
    }


class _Unions:
    """Nodes of several codes, as they are met."""

    def __init__(self, trees: Mapping[str, Tree]) -> None:
        self.given = trees
        self.found: dict[str, list[frozenset[str]]] = {}

    def nodes(self, box: Box) -> Nodes | None:
        """The node of each side of a box; None where one of them fits no tree."""
        fresh = {
            d: codes for d, codes in box.items() if codes not in self.found.get(d, ()) and len(codes) > 1
        }
        if not all(self._fits(d, codes) for d, codes in fresh.items()):
            return None
        for d, codes in fresh.items():
            self.found.setdefault(d, []).append(codes)
        return {d: AND.join(sorted(codes)) for d, codes in box.items()}

    def _fits(self, dimension: str, codes: frozenset[str]) -> bool:
        tree = self.given.get(dimension, {})
        nested = all(codes <= o or o <= codes or not codes & o for o in self.found.get(dimension, ()))
        return nested and len({tree.get(c, TOTAL) for c in codes}) == 1

    def members(self) -> dict[str, dict[str, frozenset[str]]]:
        """Dimension -> node -> codes."""
        return {d: {AND.join(sorted(c)): c for c in held} for d, held in self.found.items()}

    def trees(self) -> dict[str, dict[str, str]]:
        """The given hierarchies with the unions between a category and its parent."""
        trees = {d: dict(tree) for d, tree in self.given.items()}
        for dimension, held in self.found.items():
            tree = trees.setdefault(dimension, {})
            by_size = sorted(held, key=len, reverse=True)
            for codes in by_size:
                node, parent = AND.join(sorted(codes)), tree.get(min(codes), TOTAL)
                if parent != TOTAL:
                    tree[node] = parent
                tree.update(dict.fromkeys(codes, node))
        return trees


def _above(node: str, tree: Tree) -> set[str]:
    """A node and all above it but the total."""
    found = {node}
    while node in tree and tree[node] != TOTAL:
        node = tree[node]
        found.add(node)
    return found
