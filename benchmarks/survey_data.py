"""The survey of the benchmarks: 200 strata of 20 PSUs, lognormal weights, six breakdowns, two variables.

``ragged`` gives strata of 2 to 400 PSUs, ``many`` 100,000 PSUs in 5,000 strata, ``crossed`` regions that
cross strata and vary within PSUs.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

DIMS = ("region", "sex", "age", "ethnicity", "disability", "status")
_SIZES = (24, 2, 8, 5, 2, 4)


def survey(rows_n: int, kind: str = "plain", seed: int = 1) -> pa.Table:
    """A table of ``rows_n`` persons."""
    draw = np.random.default_rng(seed)
    psu, stratum = _clusters(rows_n, kind, draw)
    region = stratum % 24 if kind != "crossed" else draw.integers(0, 24, rows_n)
    columns = {"stratum": stratum.astype(np.int32), "psu": psu.astype(np.int32)}
    columns["region"] = region.astype(np.int8)
    for name, size in zip(DIMS[1:], _SIZES[1:], strict=True):
        columns[name] = draw.integers(0, size, rows_n).astype(np.int8)
    columns["weight"] = draw.lognormal(4, 0.6, rows_n)
    columns["y01"] = (draw.random(rows_n) < 0.2).astype(np.int8)
    columns["income"] = np.round(draw.lognormal(6, 0.8, rows_n), 2)
    return pa.table(columns)


def _clusters(rows_n: int, kind: str, draw: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    if kind == "ragged":
        sizes = draw.integers(2, 401, 200)
        stratum_of_psu = np.repeat(np.arange(200), sizes)
    elif kind == "many":
        stratum_of_psu = np.repeat(np.arange(5000), 20)
    else:
        stratum_of_psu = np.repeat(np.arange(200), 20)
    psu = np.sort(draw.integers(0, stratum_of_psu.size, rows_n))
    return psu, stratum_of_psu[psu]


def stored(rows_n: int, kind: str = "plain", folder: Path | None = None) -> Path:
    """The survey as a Parquet file, made once."""
    folder = folder or Path("/tmp/caudal-benchmarks")
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"survey_{kind}_{rows_n}.parquet"
    if not path.exists():
        pq.write_table(survey(rows_n, kind), path, row_group_size=122_880)
    return path


if __name__ == "__main__":
    print(stored(int(sys.argv[1]), sys.argv[2] if len(sys.argv) > 2 else "plain"))
