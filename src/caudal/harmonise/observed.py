"""Published statistics of others: raw tables whose rows are observations already.

The columns that a mapping may make are those of the observation table: the key with the dimensions of the
catalogue, the measures, the attributes. What a mapping leaves out follows from the source: the territory
that reports, the period and edition of the delivery, the concept vector; a figure without a known error
says so.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise

import pyarrow as pa

from caudal.errors import CaudalError, problem
from caudal.model.catalogue import Catalogue
from caudal.model.codelist import Code, CodeList
from caudal.model.observation import (
    ATTRIBUTES,
    KEY_AFTER_DIMENSIONS,
    KEY_BEFORE_DIMENSIONS,
    MEASURES,
    NOT_APPLICABLE,
    TOTAL,
    UNKNOWN,
    address,
    conform,
    in_key_order,
    key_columns,
)
from caudal.model.record import Column, Holds, Invariant, Leaves, RecordKind
from caudal.model.source import Delivery, SourceSpec

NAME = "observation"
_LISTS = {
    "reporter_code": "CL_AREA",
    "reference_area_code": "CL_AREA",
    "counterpart_area_code": "CL_AREA",
    "unit_code": "CL_UNIT",
    "obs_status_code": "CL_OBS_STATUS",
    "conf_status_code": "CL_CONF_STATUS",
    "indicator_code": "CL_INDICATOR",
}
_HOLDS = {pa.float64(): Holds.DECIMAL, pa.int64(): Holds.INTEGER, pa.string(): Holds.TEXT}
_INVARIANTS = (
    Invariant("unknown-indicator", f"indicator_code <> '{UNKNOWN}'"),
    Invariant("unknown-area", f"reference_area_code <> '{UNKNOWN}'"),
)
NO_ERROR = "its producer publishes no error"


def observation_kind(catalogue: Catalogue) -> RecordKind:
    """The observation table in the shape of a record kind, with the dimensions of ``catalogue``."""
    columns = [_column(n, meaning, Holds.TEXT) for n, meaning in KEY_BEFORE_DIMENSIONS.items()]
    columns += [
        Column(f"{d.dimension}_code", Holds.CODE, d.dimension, d.code_list)
        for d in catalogue.dimensions.values()
        if d.role == "breakdown"
    ]
    columns += [_column(n, meaning, Holds.TEXT) for n, meaning in KEY_AFTER_DIMENSIONS.items()]
    columns += [
        _column(n, meaning, _HOLDS[t], required=n == "value")
        for part in (MEASURES, ATTRIBUTES)
        for n, (t, meaning) in part.items()
    ]
    return RecordKind(NAME, "observation", tuple(columns), Leaves.AS_PUBLISHED, _INVARIANTS)


def _column(name: str, meaning: str, holds: Holds, *, required: bool = False) -> Column:
    code_list = _LISTS.get(name, "")
    required = required or name == "indicator_code"
    return Column(name, Holds.CODE if code_list else holds, meaning, code_list, required)


def indicator_list(catalogue: Catalogue) -> CodeList:
    """The indicators of the catalogue as a code list, so that a mapping to another is an error."""
    return CodeList("CL_INDICATOR", {n: Code(n, {}) for n in catalogue.indicators})


def as_observations(
    rows: pa.Table, source: SourceSpec, delivery: Delivery, catalogue: Catalogue, territory: str
) -> pa.Table:
    """``rows`` (the mapped columns) as an observation table in key order, what is not mapped filled in.

    Raises :class:`CaudalError` where two rows are one figure.
    """
    dimensions = [d for d in catalogue.dimensions if f"{d}_code" in rows.column_names]
    vector = str(catalogue.vector(source.concept, delivery.concept))
    reporter = source.reporter or territory
    filled: Mapping[str, str] = {
        "reporter_code": reporter,
        "reference_area_code": territory,
        "counterpart_area_code": NOT_APPLICABLE,
        "time_period": delivery.period,
        "source_code": source.source,
        "concept_vector": vector,
        "vintage": delivery.vintage or delivery.period,
        "obs_status_code": "A",
        "conf_status_code": "F",
        "method_code": "published",
        "error_note": NO_ERROR,
    }
    for name, value in filled.items():
        if name not in rows.column_names:
            rows = rows.append_column(name, pa.array([value] * rows.num_rows, pa.string()))
    for name, attribute in (("indicator_version", "version"), ("unit_code", "unit")):
        if name not in rows.column_names:
            codes = rows.column("indicator_code").to_pylist()
            values = [str(getattr(catalogue.indicators[c], attribute)) for c in codes]
            rows = rows.append_column(name, pa.array(values, pa.string()))
    for name in (f"{d}_code" for d in dimensions):
        place = rows.column_names.index(name)
        rows = rows.set_column(place, name, rows.column(name).fill_null(TOTAL))
    return _once(in_key_order(conform(rows, dimensions)), dimensions)


def _once(table: pa.Table, dimensions: Sequence[str]) -> pa.Table:
    """``table``, in which no figure stands twice. Raises :class:`CaudalError` naming those that do."""
    keys = table.select(key_columns(dimensions)).to_pylist()
    twice = [address(a) for a, b in pairwise(keys) if a == b]
    if twice:
        raise CaudalError(problem("observation-twice", where=str(keys[0]["source_code"]), found=twice))
    return table
