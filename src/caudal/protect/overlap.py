"""Dimensions that divide the same people without nesting: what each category of one leaves to the other.

Time since arrival and migratory status are two divisions of one population: whoever arrived was born
abroad, whoever has no arrival was born here. A reader who is shown both knows their common refinement: a
table of non-negative counts over the pairs of categories that can hold anybody, with the two divisions as
its margins. Its cells are hidden, never published, and enter the system of cells.

It refuses counts that no such table has: the declared relation is then wrong.
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


def pair_equations(tables: Tables) -> list[list[Key]]:
    """Equations [cell, *pairs] wherever both dimensions of an overlap divide the same units."""
    found: list[list[Key]] = []
    for overlap in tables.overlaps:
        pairs: dict[Key, set[Key]] = {}
        a, b = (tables.dimensions.index(d) for d in (overlap.first, overlap.second))
        ones, others = _finest(tables, a, b), _finest(tables, b, a)
        can = _can(overlap, tables)
        for context in [c for c in ones if c in others]:
            rows, columns = ones[context], others[context]
            if sum(tables.counts[k] for k in rows) != sum(tables.counts[k] for k in columns):
                continue  # one of them does not divide everybody
            rows, columns = ([k for k in keys if tables.counts[k]] for keys in (rows, columns))
            found += [[r, *(_pair(r, c, b) for c in columns if can(r[a], c[b]))] for r in rows]
            found += [[c, *(_pair(r, c, b) for r in rows if can(r[a], c[b]))] for c in columns]
            pairs[context] = {_pair(r, c, b) for r in rows for c in columns if can(r[a], c[b])}
        found += _links(tables, pairs)
    return found


def _links(tables: Tables, pairs: Mapping[Key, set[Key]]) -> list[list[Key]]:
    """Each pair among all units is that among the cases and that among the others."""
    found = []
    for whole, *parts in tables.links:
        for context in (c for c in pairs if c[0] == whole):
            if all((p, *context[1:]) in pairs for p in parts):
                for pair in sorted(pairs[context]):
                    held = [(p, *pair[1:]) for p in parts]
                    found.append([pair, *(k for k in held if k in pairs[(k[0], *context[1:])])])
    return found


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


def _finest(tables: Tables, axis: int, other: int) -> dict[Key, list[Key]]:
    """Cells that ``axis`` divides and ``other`` does not, no finer ones below them, by what they divide."""
    found: dict[Key, list[Key]] = {}
    for key in tables.counts:
        if key[axis] != TOTAL and key[other] == TOTAL and (axis, key) not in tables.families:
            found.setdefault((*key[:axis], TOTAL, *key[axis + 1 :]), []).append(key)
    return found


def _pair(row: Key, column: Key, axis: int) -> Key:
    return (*row[:axis], f"with:{column[axis]}", *row[axis + 1 :])


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
