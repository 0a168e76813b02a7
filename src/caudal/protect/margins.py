"""Margins that nobody publishes, and that a reader obtains by adding up.

Sex by age and age by area, without a table by age: the reader adds up both and knows that they agree. So
do two tables of which one shows dimensions that the other leaves out, as a total and a table by sex and
age. For every two crossings that are published (of one set of units, or of sets that contain each other)
the margins that they share, and one chain of margins down to them, are cells of the system.

A table that does not add up to the total of its set leaves somebody out; it gives no margin, and where it
has none of its own, the total bounds it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence

TOTAL = "_T"
Key = tuple[str, ...]
Crossing = frozenset[int]
#: A set of units and the dimensions that are crossed.
Table = tuple[str, Crossing]
#: The cells with the categories above that of a key, along an axis.
Above = Callable[[int, Key], Iterable[Key]]


def unpublished(
    counts: Mapping[Key, int],
    links: Iterable[Sequence[str]],
    above: Above,
    related: Iterable[tuple[int, int]] = (),
) -> dict[Key, int]:
    """The margins of ``counts`` that are shared and not there. ``links`` name sets that contain each other,
    ``related`` dimensions that are known to be crossed.

    >>> cells = {("_T", "_T"): 7, ("F", "A"): 3, ("M", "A"): 0, ("F", "B"): 2, ("M", "B"): 2}
    >>> unpublished(cells, [], lambda axis, key: ())
    {('F', '_T'): 5, ('M', '_T'): 2}
    """
    tables = _tables(counts)
    whole = whole_tables(counts, above, finest=False)
    pairs = list(related)
    found: dict[Key, int] = {}
    for family in _families(tables, links):
        given = {c for name in family for c in tables[name]}
        wanted = _closed(given | _crossed(given, pairs))
        for name in family:
            known = {c: set(keys) for c, keys in tables[name].items() if (name, c) in whole}
            for crossing in _lacking(set(known), wanted):
                sums = _sums({**counts, **found}, known, crossing, above)
                fresh = {k: n for k, n in sums.items() if k not in counts}
                known.setdefault(crossing, set()).update(sums)
                found.update(fresh)
    return found


def whole_tables(counts: Mapping[Key, int], above: Above, *, finest: bool) -> set[Table]:
    """The tables that add up to the total of their set (or to the most that any gives), by their finest
    categories or by those that nothing stands above."""
    found: set[Table] = set()
    for name, by in _tables(counts).items():
        sums: dict[Crossing, int] = {}
        for crossing, keys in by.items():
            held = set(keys)
            higher = {k: [a for axis in crossing for a in above(axis, k) if a in held] for k in keys}
            inner = {a for many in higher.values() for a in many}
            sums[crossing] = sum(counts[k] for k in keys if (k not in inner if finest else not higher[k]))
        total = sums.get(frozenset(), max(sums.values()))
        found |= {(name, c) for c, n in sums.items() if n == total}
    return found


def open_tables(counts: Mapping[Key, int], above: Above) -> list[list[Key]]:
    """Equations [total, *cells, what is left] of tables that leave somebody out and have no margin of their
    own: the total bounds what they hold."""
    whole = whole_tables(counts, above, finest=False)
    found = []
    for name, by in _tables(counts).items():
        for crossing, keys in by.items():
            if (name, crossing) in whole or any(len(crossing - c) == 1 and c < crossing for c in by):
                continue
            for at in by.get(frozenset(), ()):
                held = set(keys)
                top = [k for k in keys if not any(a in held for i in crossing for a in above(i, k))]
                left = tuple("left:" + c if i in crossing else c for i, c in enumerate(at))
                found.append([at, *top, left])
    return found


def table_of(counts: Mapping[Key, int], key: Key) -> Table:
    """The table that a cell stands in."""
    sets = _has_sets(counts)
    return (key[0] if sets else "", _crossing(key, sets))


def _has_sets(counts: Mapping[Key, int]) -> bool:
    return not any(k[0] == TOTAL for k in counts)


def _crossing(key: Key, sets: bool) -> Crossing:
    return frozenset(i for i, c in enumerate(key) if c != TOTAL and (i or not sets))


def _tables(counts: Mapping[Key, int]) -> dict[str, dict[Crossing, list[Key]]]:
    """Set -> crossing -> cells; one nameless set where the first dimension has a total."""
    sets = _has_sets(counts)
    tables: dict[str, dict[Crossing, list[Key]]] = {}
    for key in counts:
        tables.setdefault(key[0] if sets else "", {}).setdefault(_crossing(key, sets), []).append(key)
    return tables


def _families(tables: Mapping[str, object], links: Iterable[Sequence[str]]) -> list[list[str]]:
    """Sets that contain each other, together."""
    home = {name: name for name in tables}

    def find(name: str) -> str:
        while home[name] != name:
            name = home[name]
        return name

    for link in links:
        held = [find(name) for name in link if name in home]
        for name in held[1:]:
            home[find(name)] = find(held[0])
    found: dict[str, list[str]] = {}
    for name in tables:
        found.setdefault(find(name), []).append(name)
    return list(found.values())


def _crossed(given: set[Crossing], pairs: Iterable[tuple[int, int]]) -> set[Crossing]:
    """Two related dimensions and what the tables by one and by the other share."""
    return {(c & d) | {a, b} for a, b in pairs for c in given if a in c for d in given if b in d}


def _closed(crossings: set[Crossing]) -> set[Crossing]:
    """With every intersection."""
    closed = set(crossings)
    fresh = closed
    while fresh:
        fresh = {a & b for a in fresh for b in closed} - closed
        closed |= fresh
    return closed


def _lacking(known: set[Crossing], wanted: set[Crossing]) -> list[Crossing]:
    """Crossings to add, largest first: the wanted ones that lie in a known one (it may divide them further
    than their own table does), each with a chain of crossings that drop one dimension at a time."""
    have, deeper = set(known), set()
    for crossing in sorted(wanted, key=lambda c: (-len(c), sorted(c))):
        above = [g for g in have if crossing < g]
        for g in [g for g in above if not any(crossing < o < g for o in above)]:
            for axis in sorted(g - crossing, reverse=True)[:-1]:
                g -= {axis}
                have.add(g)
        if above:
            deeper.add(crossing)
            have.add(crossing)
    return sorted(have - known | deeper, key=lambda c: (-len(c), sorted(c)))


def _sums(
    counts: Mapping[Key, int], known: Mapping[Crossing, set[Key]], crossing: Crossing, above: Above
) -> dict[Key, int]:
    """The cells of ``crossing``, added up from a table with one dimension more."""
    best: dict[Key, int] = {}
    for more in sorted((c for c in known if crossing < c and len(c) == len(crossing) + 1), key=sorted):
        (axis,) = more - crossing
        sums: dict[Key, int] = {}
        for key in sorted(known[more]):
            if not any(k in known[more] for k in above(axis, key)):
                at = (*key[:axis], TOTAL, *key[axis + 1 :])
                sums[at] = sums.get(at, 0) + counts[key]
        for at, n in sums.items():
            best[at] = max(best.get(at, 0), n)
    return best
