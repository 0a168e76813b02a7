"""Parquet: the cells of an indicator by code, for researchers and for cross-tabulation in a browser.

Columns as in the CSV of all cells, types kept, rows in the order of their addresses. Snappy, one row group,
dictionary encoding: what every reader knows, a small one in JavaScript included.
"""

from __future__ import annotations

import io

import pyarrow as pa
import pyarrow.parquet as pq

from caudal.model.indicator import IndicatorSpec
from caudal.publish.files import (
    ATTRIBUTE_COLUMNS,
    KEY_COLUMNS,
    LAST_KEY_COLUMNS,
    MEASURE_COLUMNS,
    coded,
    used_dimensions,
)
from caudal.publish.release import GAP, Release


def parquet(release: Release, spec: IndicatorSpec) -> bytes:
    """The cells of an indicator and of its gap."""
    own = release.cells_of
    cells = [*own.get(spec.indicator, ()), *own.get(spec.indicator + GAP, ())]
    rows = [coded(release, c) for c in cells]
    used = used_dimensions(release, cells)
    middle = ("time_period", *(f"{d}_code" for d in used))
    texts = ("address", *KEY_COLUMNS, *middle, *LAST_KEY_COLUMNS)
    fields = [(n, pa.string()) for n in texts]
    numbers = [n for n in MEASURE_COLUMNS if n != "interval_type"]
    fields += [(n, pa.float64()) for n in numbers]
    fields += [(n, pa.string()) for n in ("interval_type", *ATTRIBUTE_COLUMNS)]
    table = pa.table({n: pa.array([r.get(n) for r in rows], t) for n, t in fields})
    stream = io.BytesIO()
    pq.write_table(table, stream, compression="snappy", row_group_size=max(1, table.num_rows))
    return stream.getvalue()
