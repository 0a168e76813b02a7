"""Tables of stays with the columns of observations: a key's parts, a value, its errors, its status.

Adds nothing to the numbers: it names them. ``time_period`` is the month; every dimension keeps its
``<dimension>_code``, with ``counterpart_area_code`` ``_Z``; ``obs_status_code`` is ``A`` for a final figure,
``P`` for a provisional one, ``E`` for one corrected for losses; ``error_note`` says which error is known and
which is not. The indicator, the reporter and the vintage are the release's to add.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from caudal.estimate.stays.cube import COUNT
from caudal.estimate.stays.rule import ResidenceRule

FINAL, PROVISIONAL, ESTIMATED = "A", "P", "E"
INTERVAL_TYPE = "t-95"
MEASURES = ("value", "model_se", "provisional_se", "lower", "upper")


def final_observations(cube: pa.Table, rule: ResidenceRule) -> pa.Table:
    """Observations of a cube of final counts. Needs ``month_code`` and ``crossings_n``.

    >>> from caudal.estimate.stays.rule import TWELVE_OF_SIXTEEN
    >>> cube = pa.table({"month_code": ["2020-01"], "direction_code": ["entry"], "crossings_n": [7]})
    >>> row = final_observations(cube, TWELVE_OF_SIXTEEN).to_pylist()[0]
    >>> row["time_period"], row["direction_code"], row["value"], row["obs_status_code"], row["method_code"]
    ('2020-01', 'entry', 7.0, 'A', 'residence-365_of_487_days')
    """
    value = np.asarray(cube[COUNT].to_numpy(), np.float64)
    note = "counted; crossings that were never recorded are not in the figure"
    return _observations(cube, [COUNT], {"value": value}, [FINAL] * len(cube), note, rule)


def provisional_observations(figures: pa.Table, rule: ResidenceRule) -> pa.Table:
    """Observations of :func:`~caudal.estimate.stays.provisional.provisional_figures`."""
    measures = {n: np.asarray(figures[n].to_numpy()) for n in ("value", "provisional_se", "lower", "upper")}
    others = ["lag_months", "presumed_n", "decided_n", *measures]
    note = "provisional: the interval is meant to contain the final figure"
    return _observations(figures, others, measures, [PROVISIONAL] * len(figures), note, rule)


def corrected_observations(cube: pa.Table, rule: ResidenceRule) -> pa.Table:
    """Observations of :func:`~caudal.estimate.stays.losses.corrected_cube`."""
    measures = {n: np.asarray(cube[n].to_numpy()) for n in ("value", "model_se", "lower", "upper")}
    note = "corrected for crossings that were never recorded; the interval holds that correction"
    return _observations(cube, ["recorded_n", *measures], measures, [ESTIMATED] * len(cube), note, rule)


def _observations(
    table: pa.Table,
    not_dimensions: Sequence[str],
    measures: dict[str, npt.NDArray[np.float64]],
    status: list[str],
    note: str,
    rule: ResidenceRule,
) -> pa.Table:
    n = len(table)
    columns: dict[str, pa.Array] = {
        "time_period": pc.cast(table["month_code"], pa.string()),
        "counterpart_area_code": pa.array(["_Z"] * n, pa.string()),
    }
    for name in table.column_names:
        if name != "month_code" and name not in not_dimensions:
            columns[name] = pc.cast(table[name], pa.string())
    for name in MEASURES:
        columns[name] = pa.array(measures[name]) if name in measures else pa.nulls(n, pa.float64())
    has_interval = "lower" in measures
    columns["interval_type"] = pa.array([INTERVAL_TYPE if has_interval else None] * n, pa.string())
    columns["unit_code"] = pa.array(["EVENT"] * n, pa.string())
    columns["obs_status_code"] = pa.array(status, pa.string())
    columns["method_code"] = pa.array([f"residence-{rule.name}"] * n, pa.string())
    columns["error_note"] = pa.array([note] * n, pa.string())
    return pa.table(columns)
