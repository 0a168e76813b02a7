"""Withdrawals: cells that an earlier edition showed and this one takes back, with a notice.

A withdrawn cell keeps its key and loses everything else, so that whoever follows its address finds the
notice and not a figure.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pyarrow as pa

from caudal.model.country import Notice
from caudal.model.observation import MEASURES

#: SDMX CL_OBS_STATUS: missing value.
MISSING = "O"
WITHDRAWN = "withdrawn"


def without_withdrawn(table: pa.Table, notices: Sequence[Notice]) -> pa.Table:
    """``table`` with the cells blanked that a notice of kind ``withdrawal`` names.

    >>> from caudal.model.observation import conform
    >>> cells = conform(pa.table({"indicator_code": ["a", "b"], "indicator_version": ["1"] * 2,
    ...     "reporter_code": ["XX"] * 2, "reference_area_code": ["XX"] * 2, "time_period": ["2024"] * 2,
    ...     "source_code": ["s"] * 2, "concept_vector": [""] * 2, "vintage": ["2024"] * 2,
    ...     "value": [1.0, 2.0]}), ())
    >>> notice = Notice(kind="withdrawal", indicator="b", text={"en": "Wrong weights."})
    >>> without_withdrawn(cells, [notice])["value"].to_pylist()
    [1.0, None]
    """
    named = [n for n in notices if n.kind == "withdrawal"]
    if not named:
        return table
    rows = [_blank(row) if _withdrawn(row, named) else row for row in table.to_pylist()]
    return pa.Table.from_pylist(rows, schema=table.schema)


def _withdrawn(row: Mapping[str, Any], notices: Sequence[Notice]) -> bool:
    return any(
        row["indicator_code"] == n.indicator and all(row.get(c) == v for c, v in n.where.items())
        for n in notices
    )


def _blank(row: Mapping[str, Any]) -> dict[str, Any]:
    kept = {n: (None if n in MEASURES else v) for n, v in row.items()}
    empty = ("method_code", "error_note", "reliability", "derived_from")
    return kept | dict.fromkeys(empty) | {"obs_status_code": MISSING, "verdict": WITHDRAWN}
