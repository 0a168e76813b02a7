"""The order of editions: which vintage of a figure is the newer one.

A vintage is the name that a producer gave an edition, most often a date ("2020", "2020-Q3", "2024-04-10"),
sometimes a number ("v9", "v10"). Letters do not order them: "v9" stands after "v10" in an alphabet, and a
quarter after every month. Numbers are compared as numbers, a quarter as the month in which it ends, and a
date after the year or month in which it lies. It refuses nothing: names without any number are ordered by
their letters.
"""

from __future__ import annotations

import re

_PART = re.compile(r"\d+|[^\d]+")
_QUARTER = re.compile(r"(\d{4})-?Q([1-4])", re.IGNORECASE)

#: What editions are compared by: numbers and letters in turn, and last the name itself.
EditionOrder = tuple[tuple[tuple[int, int, str], ...], str]


def edition_order(vintage: str) -> EditionOrder:
    """The key by which vintages are put in order, oldest first.

    >>> sorted(["v10", "2021", "v9", "2020-Q3", "2020-10", "2020-9", "2020"], key=edition_order)
    ['2020', '2020-9', '2020-Q3', '2020-10', '2021', 'v9', 'v10']
    """
    dated = _QUARTER.sub(lambda found: f"{found[1]}-{3 * int(found[2])}", vintage)
    parts = (p for p in _PART.findall(dated) if p.strip("-./ "))
    return tuple((0, int(p), "") if p.isdigit() else (1, 0, p.lower()) for p in parts), vintage
