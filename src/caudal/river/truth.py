"""Estimates of a simulated country beside the truth from which its sources were drawn.

Only a simulated country has a truth. The comparison is made on released cells, so that nothing that the
gate withheld comes back through it.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from caudal.estimate.indicators import key_dimensions
from caudal.model.observation import TOTAL, address
from caudal.model.release import ComparisonOfTruth
from caudal.river.folder import CountryFolder

TRUTH = "data/truth.parquet"
#: Dimensions that a compared cell is broken down by, at the most.
_MOST = 1


def compare_with_truth(folder: CountryFolder, released: pa.Table) -> list[ComparisonOfTruth]:
    """Every released cell of at most one breakdown whose true value is known, in order of address."""
    path = folder.path / TRUTH
    if not folder.country.simulated or not path.is_file():
        return []
    dimensions = key_dimensions(folder.catalogue)
    table = pq.read_table(path, filters=[("breakdown_n", "<=", _MOST)])
    known = [d for d in dimensions if f"{d}_code" in table.column_names]
    rows = table.to_pylist()
    dated = _dated(rows)
    truth = {_key(row, known, dated): row["value"] for row in rows}
    found = (_compared(row, truth, known, dimensions, dated) for row in released.to_pylist())
    return sorted((c for c in found if c is not None), key=lambda c: c.address)


def _compared(
    row: dict[str, Any],
    truth: dict[tuple[str, ...], float],
    known: list[str],
    dimensions: tuple[str, ...],
    dated: set[str],
) -> ComparisonOfTruth | None:
    chosen = {d: row[f"{d}_code"] for d in dimensions if row[f"{d}_code"] != TOTAL}
    if row["reference_area_code"] != row["reporter_code"]:
        chosen["region"] = row["reference_area_code"]
    value = truth.get(_key(row, known, dated))
    if (
        value is None
        or row["value"] is None
        or len(chosen) > _MOST
        or any(d not in (*known, "region") for d in chosen)
    ):
        return None
    return ComparisonOfTruth(
        address=address(row),
        indicator=row["indicator_code"],
        categories=chosen,
        source=row["source_code"],
        truth=value,
        estimate=row["value"],
        lower=row["lower"],
        upper=row["upper"],
    )


def _dated(rows: list[dict[str, Any]]) -> set[str]:
    """Indicators whose truth is known for several periods: theirs must be the same, others' the year."""
    periods: dict[str, set[str]] = {}
    for row in rows:
        periods.setdefault(row["indicator_code"], set()).add(str(row["time_period"]))
    return {name for name, found in periods.items() if len(found) > 1}


def _key(row: dict[str, Any], known: list[str], dated: set[str]) -> tuple[str, ...]:
    """Indicator, area, period and the categories of the dimensions that the truth knows."""
    return tuple(_parts(row, known, dated))


def _parts(row: dict[str, Any], known: list[str], dated: set[str]) -> Iterator[str]:
    period = str(row["time_period"])
    yield row["indicator_code"]
    yield row["reference_area_code"]
    yield period if row["indicator_code"] in dated else period[:4]
    for name in known:
        yield row[f"{name}_code"]
