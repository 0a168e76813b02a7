"""Dimensions that divide the same people without nesting: what each category of one leaves to the other.

Time since arrival and migratory status are two divisions of one population: whoever arrived was born
abroad, whoever has no arrival was born here. A reader who is shown both knows their common refinement: a
table of non-negative counts over the pairs of categories that can hold anybody, with the two divisions as
its margins. That refinement is one of the joint tables behind a release, and here is said which of its
cells are empty. Counts that no such table has are refused there: the declared relation is then wrong.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import product
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from caudal.protect.ring import Tables

Key = tuple[str, ...]
TOTAL = "_T"


@dataclass(frozen=True)
class Overlap:
    """Two dimensions and the pairs of their codes that can hold somebody. A code that stands in no pair is
    as the nearest code above it that does; the total goes with everything."""

    first: str
    second: str
    pairs: frozenset[tuple[str, str]]


def related_leaves(
    overlap: Overlap, tables: Tables, tree: Mapping[int, Mapping[str, frozenset[str]]]
) -> tuple[tuple[int, ...], set[Key]]:
    """The axes of an overlap, in order, and the pairs of leaves of a joint table that are empty."""
    a, b = (tables.dimensions.index(d) for d in (overlap.first, overlap.second))
    if a not in tree or b not in tree:
        return (), set()
    can = _can(overlap, tables)
    leaves = [sorted(set().union(*tree[axis].values())) for axis in (a, b)]
    empty: set[Key] = {(x, y) for x, y in product(*leaves) if not can(x, y)}
    return ((a, b), empty) if a < b else ((b, a), {(y, x) for x, y in empty})


def _can(overlap: Overlap, tables: Tables) -> Callable[[str, str], bool]:
    """Whether a category (or leaf) of the first dimension and one of the second can hold somebody."""
    known = {p[0] for p in overlap.pairs}, {p[1] for p in overlap.pairs}
    parents = tables.parents[overlap.first], tables.parents[overlap.second]

    def nearest_known(side: int, node: str) -> str:
        code = node.split("/", 1)[0]
        while code not in known[side] and code != TOTAL:
            code = parents[side].get(code, TOTAL)
        return code

    def can(one: str, other: str) -> bool:
        a, b = nearest_known(0, one), nearest_known(1, other)
        return TOTAL in (a, b) or (a, b) in overlap.pairs

    return can
