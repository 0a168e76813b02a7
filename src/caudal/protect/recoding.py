"""Recodings to propose where a table cannot be protected, or too much of it would be withheld: computed, each
with what it gains and what it costs.

Four ways, tried on all cells of a population at once: merge the smallest categories of a dimension with each
other, make classes twice as wide (dimensions in order, as age), show only the upper level of a tree, leave a
crossing out. For each::

    small cells before and after;   cells shown before and after (the loss, whatever is withheld then)

It proposes at most one of each kind, those that leave fewest small cells for what they cost first. It
searches no pattern for a proposal: which other cells would go with the small ones is known when it is made.

Reference: Hundepool et al. (2012), Statistical Disclosure Control, section 5.3.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from caudal.protect.cells import TOTAL

Key = tuple[str, ...]
Kind = Literal["merge", "wider", "coarser", "drop"]
#: The share of withheld cells above which recodings are proposed.
MUCH = 1 / 3
#: How many of the smallest categories are merged, tried in turn.
MERGED = (2, 3, 4, 6, 10)
#: Dimensions whose categories stand in order.
IN_ORDER = ("age", "duration", "time_since_arrival", "household_size")


@dataclass(frozen=True)
class Recoding:
    """One proposal. ``dimension``: what it changes (``a x b`` for a crossing); ``categories``: merged."""

    kind: Kind
    dimension: str
    categories: tuple[str, ...]
    small_before: int
    small_after: int
    cells_before: int
    cells_after: int

    @property
    def lost(self) -> int:
        """Cells that would no longer be shown, nor withheld: they would not exist."""
        return self.cells_before - self.cells_after

    def facts(self) -> dict[str, object]:
        """What its words tell."""
        return {
            "dimension": self.dimension,
            "categories": " + ".join(self.categories),
            "small": self.small_before,
            "left": self.small_after,
            "lost": self.lost,
            "cells": self.cells_before,
        }


def recodings(
    dimensions: Sequence[str],
    cells: Mapping[Key, int],
    hierarchies: Mapping[str, Mapping[str, str]],
    threshold: Callable[[Key], int],
) -> tuple[Recoding, ...]:
    """The best proposal of each kind for the cells that readers see (key -> count).

    >>> cells = {("_T",): 30, ("a",): 14, ("b",): 12, ("c",): 3, ("d",): 1}
    >>> [found] = recodings(["origin"], cells, {}, lambda key: 5)
    >>> found.kind, found.categories, found.small_before, found.small_after, found.lost
    ('merge', ('d', 'c', 'b'), 2, 0, 2)
    """
    shown = {k: n for k, n in cells.items() if n > 0}
    before = _small(shown, threshold)
    best: dict[Kind, Recoding] = {}
    for kind, dimension, categories, after in _tried(dimensions, shown, hierarchies, threshold):
        left = _small(after, threshold)
        found = Recoding(kind, dimension, categories, before, left, len(shown), len(after))
        if left < before and (kind not in best or _rank(found) < _rank(best[kind])):
            best[kind] = found
    return tuple(sorted(best.values(), key=_rank))


def _rank(found: Recoding) -> tuple[float, int, str]:
    """Small cells that are left, and what is lost, both as shares."""
    left = found.small_after / max(found.small_before, 1)
    return (left + found.lost / max(found.cells_before, 1), found.lost, found.dimension)


def _small(cells: Mapping[Key, int], threshold: Callable[[Key], int]) -> int:
    return sum(1 for k, n in cells.items() if 0 < n < threshold(k))


def _tried(
    dimensions: Sequence[str],
    cells: Mapping[Key, int],
    hierarchies: Mapping[str, Mapping[str, str]],
    threshold: Callable[[Key], int],
) -> Iterator[tuple[Kind, str, tuple[str, ...], dict[Key, int]]]:
    """Every proposal with the cells that it leaves."""
    for axis, dimension in enumerate(dimensions):
        tree = hierarchies.get(dimension, {})
        families = _families(cells, axis, tree)
        if not families or dimension == "set":
            continue
        if any(parent != TOTAL for parent in families):
            low = {c for p, codes in families.items() if p != TOTAL for c in codes}
            yield "coarser", dimension, (), {k: n for k, n in cells.items() if k[axis] not in low}
        elif any(tree.get(c, TOTAL) != TOTAL for c in families[TOTAL]):  # the level above is not shown
            yield "coarser", dimension, (), _merged(cells, axis, tree)
        if dimension.startswith(IN_ORDER):
            yield "wider", dimension, (), _wider(cells, axis, families)
        for codes in families.values():
            for size in (s for s in MERGED if s <= len(codes)):
                merged = codes[:size]
                yield (
                    "merge",
                    dimension,
                    tuple(merged),
                    _merged(cells, axis, dict.fromkeys(merged, merged[0])),
                )
    crossings: dict[tuple[int, ...], int] = {}
    for key, n in cells.items():
        crossed = tuple(i for i, c in enumerate(key) if c != TOTAL and dimensions[i] != "set")
        crossings[crossed] = crossings.get(crossed, 0) + (n < threshold(key))
    for crossed in (c for c, small in crossings.items() if small and len(c) > 1):
        left = {k: n for k, n in cells.items() if not all(k[i] != TOTAL for i in crossed)}
        yield "drop", " x ".join(dimensions[i] for i in crossed), (), left


def _families(cells: Mapping[Key, int], axis: int, tree: Mapping[str, str]) -> dict[str, list[str]]:
    """The categories under each node, smallest first (by their largest cell)."""
    size: dict[str, int] = {}
    for key, n in cells.items():
        if key[axis] != TOTAL:
            size[key[axis]] = max(size.get(key[axis], 0), n)
    found: dict[str, list[str]] = {}
    for code in sorted(size, key=lambda c: (size[c], c)):
        parent = tree.get(code, TOTAL)
        found.setdefault(parent if parent in size else TOTAL, []).append(code)
    return found


def _wider(cells: Mapping[Key, int], axis: int, families: Mapping[str, Sequence[str]]) -> dict[Key, int]:
    """Neighbours merged two by two."""
    into: dict[str, str] = {}
    for codes in families.values():
        ordered = sorted(codes, key=_in_order)
        into |= {c: ordered[i - i % 2] for i, c in enumerate(ordered)}
    return _merged(cells, axis, into)


def _in_order(code: str) -> tuple[int, int, str]:
    """The place of a class among others: what is below a limit first, what is above one last.

    >>> sorted(["Y15T24", "Y5T14", "Y_GE65", "Y_LT5"], key=_in_order)
    ['Y_LT5', 'Y5T14', 'Y15T24', 'Y_GE65']
    """
    end = -1 if "_LT" in code else 1 if "_GE" in code else 0
    first = re.search(r"[0-9]+", code)
    return end, int(first.group()) if first else 0, code


def _merged(cells: Mapping[Key, int], axis: int, into: Mapping[str, str]) -> dict[Key, int]:
    found: dict[Key, int] = {}
    for key, n in cells.items():
        at = (*key[:axis], into.get(key[axis], key[axis]), *key[axis + 1 :])
        found[at] = found.get(at, 0) + n
    return found
