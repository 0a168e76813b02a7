"""Which raw values went wrong, so that a message can name them: for the builder's side, never published."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from caudal.collect import RawTable
from caudal.engine.session import quoted
from caudal.harmonise.pipeline import REASON, Judged

#: Values with the number of rows that have them, most frequent first.
Samples = tuple[tuple[str, int], ...]
_SHOWN = 3


def frequent(
    judged: Judged, concepts: Iterable[str], rows: Callable[[str], list[tuple[Any, ...]]]
) -> Mapping[str, Samples]:
    """For each of ``concepts``, the most frequent values that no rule named."""
    found: dict[str, Samples] = {}
    for name in concepts:
        if name not in judged.values or name not in judged.unnamed:
            continue
        value = f"coalesce(CAST({judged.values[name]} AS VARCHAR), '')"
        sql = (
            f"SELECT {value}, count(*) FROM {judged.pipeline.last} "
            f"WHERE {quoted(judged.unnamed[name])} AND {REASON} IS NULL "
            f"GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT {_SHOWN}"
        )
        found[name] = tuple((str(v), int(n)) for v, n in rows(judged.pipeline.select(sql)))
    return found


def last_rows(table: RawTable, held_back: set[int]) -> int:
    """How many rows at the end of a table are all in ``held_back``; 0 where that is the whole table, and
    where they are the smaller part of what is held back: what fails everywhere is no footer."""
    total = table.rows + len(table.rejected)
    last = total
    while last and last in held_back:
        last -= 1
    footer = total - last
    return footer if last and 2 * footer >= len(held_back) else 0


def other_mark(samples: Samples, declared: str) -> str:
    """The decimal mark in which these values are numbers, where it is not the ``declared`` one.

    >>> other_mark((("1250,50", 9), ("80,25", 3)), "."), other_mark((("Lima", 9),), ".")
    (',', '')
    """
    mark = "," if declared == "." else "."
    shape = rf"[+-]?[0-9]+{re.escape(mark)}[0-9]+"
    return mark if samples and all(re.fullmatch(shape, value) for value, _ in samples) else ""
