"""Errors that are not known say so: they never read zero.

A full count has no sampling error, but errors of coverage and response that nobody measured. A share that
is 0 or 100 % in the sample shows no variance, which is not the same as having none; so does every gap that
rests on such a share. In all three cases the error and its limits are left empty, with a note.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from caudal.model.indicator import GapSpec

Row = Mapping[str, Any]

_UNKNOWN: dict[str, Any] = {"sampling_se": None, "lower": None, "upper": None, "interval_type": None}
NOTE = "error_note"


def honest(rows: Sequence[Row], name: str, gap: GapSpec | None, dimension: str) -> list[dict[str, Any]]:
    """The ``rows`` of an indicator called ``name`` and of its gap, with errors only where they are known.

    ``dimension`` is the column by which a gap compares. Adds ``error_note``.

    >>> row = {"statistic": "share", "error_method": "taylor", "value": 0.0, "sample_n": 9, "cases_n": 0,
    ...        "sampling_se": 0.0, "lower": 0.0, "upper": 0.0, "interval_type": "logit-95"}
    >>> [(r["sampling_se"], r["error_note"]) for r in honest([row], "share", None, "")]
    [(None, 'no-variance')]
    """
    flat = {_key(r) for r in rows if r["statistic"] == name and _shows_no_variance(r)}
    return [_told(dict(r), r["statistic"] == name, flat, gap, dimension) for r in rows]


def _told(
    row: dict[str, Any], is_level: bool, flat: set[Any], gap: GapSpec | None, dimension: str
) -> dict[str, Any]:
    if row["error_method"] == "none":
        return row | _UNKNOWN | {"psu_n": None, "df": None, NOTE: "full-count"}
    if is_level:
        without = _shows_no_variance(row)
    else:
        parts = (gap.group, gap.reference) if gap else ()
        without = any(_key(row | {dimension: part}) in flat for part in parts)
    if without:
        return row | _UNKNOWN | {NOTE: "no-variance"}
    if row["sampling_se"] is None:
        return row | {NOTE: "not-estimated"}
    method = str(row["error_method"])
    return row | {NOTE: None if method == "taylor" else method.replace(" ", "-")}


def _shows_no_variance(row: Row) -> bool:
    return row["sampling_se"] == 0 and row["value"] is not None


def _key(row: Row) -> tuple[tuple[str, str], ...]:
    """The categories of a row, in the columns of its dimensions."""
    return tuple(sorted((n, str(v)) for n, v in row.items() if n.startswith("dimension_")))
