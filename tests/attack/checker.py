"""The third party: checks a certificate from the margins alone, with additions and nothing else.

It imports nothing of the project. ``equations`` are (parent, children) by name of the cell; ``published`` are
the printed counts; ``suppressed`` the names without a count; ``alternatives`` complete tables of the
suppressed cells, the true one among them or not.
"""

from collections.abc import Iterable, Mapping, Sequence

Equation = tuple[str, Sequence[str]]


def possible_values(
    equations: Sequence[Equation],
    published: Mapping[str, int],
    suppressed: Iterable[str],
    alternatives: Sequence[Mapping[str, int]],
    least: Mapping[str, int],
) -> dict[str, set[int]]:
    """The values that each suppressed cell takes over the alternatives; raises where one is no table."""
    values: dict[str, set[int]] = {cell: set() for cell in suppressed}
    for table in alternatives:
        whole = {**table, **published}
        for parent, children in equations:
            if whole[parent] != sum(whole[c] for c in children):
                raise AssertionError(f"{parent} is not the sum of {children}")
        for cell in values:
            if type(table[cell]) is not int or table[cell] < least[cell]:
                raise AssertionError(f"{cell} = {table[cell]} is known to be impossible")
            values[cell].add(table[cell])
    return values
