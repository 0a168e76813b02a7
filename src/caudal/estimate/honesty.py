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
Key = tuple[tuple[str, str], ...]

_UNKNOWN: dict[str, Any] = {"sampling_se": None, "lower": None, "upper": None, "interval_type": None}
NOTE = "error_note"
#: Labels of the published rules, from good to bad: a gap is as reliable as the worse of its groups.
_RANK = {"reliable": 0, "publish": 0, "weakly-reliable": 1, "review": 1, "non-reliable": 2, "suppress": 2}


def honest(rows: Sequence[Row], name: str, gap: GapSpec | None, dimension: str) -> list[dict[str, Any]]:
    """The ``rows`` of an indicator called ``name`` and of its gap, with errors only where they are known.

    ``dimension`` is the column by which a gap compares. Adds ``error_note``.

    >>> row = {"statistic": "share", "error_method": "taylor", "value": 0.0, "sample_n": 9, "cases_n": 0,
    ...        "sampling_se": 0.0, "lower": 0.0, "upper": 0.0, "interval_type": "logit-95"}
    >>> [(r["sampling_se"], r["error_note"]) for r in honest([row], "share", None, "")]
    [(None, 'no-variance')]
    """
    levels = {_key(r): r for r in rows if r["statistic"] == name}
    return [
        _told(dict(r), None if r["statistic"] == name else _groups(r, levels, gap, dimension)) for r in rows
    ]


def _groups(row: Row, levels: Mapping[Key, Row], gap: GapSpec | None, dimension: str) -> list[Row]:
    """The two figures that a gap compares, as far as they are there."""
    codes = (gap.group, gap.reference) if gap else ()
    keys = [_key({**row, dimension: code}) for code in codes]
    return [levels[k] for k in keys if k in levels]


def _told(row: dict[str, Any], groups: Sequence[Row] | None) -> dict[str, Any]:
    """A row with its errors as far as they are known; ``groups`` are those of a gap."""
    if groups is not None and "reliability" in row:
        row["reliability"] = max((g["reliability"] for g in groups), key=_RANK.__getitem__, default=None)
    if row["error_method"] == "none":
        return row | _UNKNOWN | {"psu_n": None, "df": None, NOTE: "full-count"}
    if any(_shows_no_variance(r) for r in (groups if groups is not None else [row])):
        return row | _UNKNOWN | {NOTE: "no-variance"}
    if row["sampling_se"] is None:
        return row | {NOTE: "not-estimated"}
    method = str(row["error_method"])
    return row | {NOTE: None if method == "taylor" else method.replace(" ", "-")}


def _shows_no_variance(row: Row) -> bool:
    return row["sampling_se"] == 0 and row["value"] is not None


def _key(row: Row) -> Key:
    """The categories of a row, in the columns of its dimensions."""
    return tuple(sorted((n, str(v)) for n, v in row.items() if n.startswith("dimension_")))
