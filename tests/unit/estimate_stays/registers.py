"""Small registers by hand: rows of person, instant, direction and further columns."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import pyarrow as pa

from caudal.estimate.stays.reading import PackedRegister, Reading, read_register


def crossings(rows: Sequence[tuple[int, str, str]], **columns: Sequence[Any]) -> pa.Table:
    """A table of crossings from (person, instant, direction) and columns of the same length."""
    return pa.table(
        {
            "person_id": pa.array([r[0] for r in rows], pa.int64()),
            "crossing_at": pa.array([datetime.fromisoformat(r[1]) for r in rows], pa.timestamp("s")),
            "direction_code": pa.array([r[2] for r in rows], pa.string()),
            **{name: pa.array(values) for name, values in columns.items()},
        }
    )


def register(rows: Sequence[tuple[int, str, str]], **columns: Sequence[Any]) -> PackedRegister:
    """The same, read with all its columns."""
    return read_register(crossings(rows, **columns), Reading(with_columns=tuple(columns)))
