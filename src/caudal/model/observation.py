"""Observations: statistics in the shape of SDMX, one row a cell. One of the two tables that cross the walls.

Declared once, here: the **key** (what makes two figures different figures), the **measures** (the value
and its errors by kind) and the **attributes** (status, method, origin). The dimensions of a release (sex,
age, migratory status ...) stand between the fixed parts of the key, one ``<dimension>_code`` column each,
``_T`` where a cell is the total over that dimension. A figure without a known error carries a null error
and an ``error_note``; it never carries a zero.

Reference: SDMX information model (key, measure, attribute); code lists CL_OBS_STATUS and CL_CONF_STATUS.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from types import MappingProxyType

import pyarrow as pa

from caudal.errors import CaudalError, problem, unknown

TOTAL = "_T"
NOT_APPLICABLE = "_Z"
UNKNOWN = "_U"
REFUSED = "_R"

#: The parts of the key that every observation has, before its dimensions. All text.
KEY_BEFORE_DIMENSIONS: Mapping[str, str] = MappingProxyType(
    {
        "indicator_code": "what is measured; a file of the catalogue or of the country folder",
        "indicator_version": "version of its definition",
        "reporter_code": "who reports: the territory whose system made or passed on the figure",
        "reference_area_code": "the area that the figure is about",
        "counterpart_area_code": "the other end of a corridor; _Z where there is none",
        "time_period": "2024, 2024-Q3, 2024-05 or 2024-05-31",
    }
)

#: The parts of the key after its dimensions. All text.
KEY_AFTER_DIMENSIONS: Mapping[str, str] = MappingProxyType(
    {
        "source_code": "the source file that it rests on",
        "concept_vector": "what exactly was counted, axis by axis",
        "vintage": "edition of the figure: the release that made it, or its producer's edition",
    }
)

#: Statistic that one row holds: the level itself, or a comparison of two categories of one dimension.
MEASURES: Mapping[str, tuple[pa.DataType, str]] = MappingProxyType(
    {
        "value": (pa.float64(), "the figure, in its unit; null where it is withheld or missing"),
        "sampling_se": (pa.float64(), "standard error of sampling"),
        "perturbation_se": (pa.float64(), "standard error added by disclosure control"),
        "model_se": (pa.float64(), "standard error of a model"),
        "provisional_se": (pa.float64(), "standard error of what is not yet observed"),
        "lower": (pa.float64(), "lower limit of the interval"),
        "upper": (pa.float64(), "upper limit of the interval"),
        "interval_type": (pa.string(), "how the limits were made and at which level, as in t-95"),
        "sample_n": (pa.int64(), "unweighted records in the cell (its denominator, for a ratio)"),
        "cases_n": (pa.int64(), "unweighted records in the numerator"),
        "psu_n": (pa.int64(), "primary sampling units with records of the cell"),
        "df": (pa.float64(), "degrees of freedom"),
    }
)

ATTRIBUTES: Mapping[str, tuple[pa.DataType, str]] = MappingProxyType(
    {
        "unit_code": (pa.string(), "unit of the value: persons, percent, events ..."),
        "obs_status_code": (pa.string(), "SDMX CL_OBS_STATUS"),
        "conf_status_code": (pa.string(), "SDMX CL_CONF_STATUS; F free, C confidential"),
        "method_code": (pa.string(), "estimator"),
        "error_note": (pa.string(), "why an error is missing, or what it leaves out"),
        "reliability": (pa.string(), "label of the reliability rule"),
        "verdict": (pa.string(), "what the gate decided; null until it has"),
        "derived_from": (pa.string(), "the records or observations that it came from, by their address"),
    }
)

#: Columns that are no dimension, whatever their name ends with.
_NO_DIMENSIONS = frozenset({*KEY_BEFORE_DIMENSIONS, *KEY_AFTER_DIMENSIONS, *ATTRIBUTES})


def observation_schema(dimensions: Iterable[str]) -> pa.Schema:
    """The schema of an observation table with these ``dimensions`` (names without ``_code``).

    >>> observation_schema(["sex"]).names[6:8]
    ['sex_code', 'source_code']
    """
    key = [pa.field(n, pa.string(), nullable=False) for n in key_columns(dimensions)]
    rest = [pa.field(n, t) for part in (MEASURES, ATTRIBUTES) for n, (t, _) in part.items()]
    return pa.schema(key + rest)


def key_columns(dimensions: Iterable[str]) -> tuple[str, ...]:
    """Names of the key's columns, in order."""
    middle = tuple(f"{d}_code" for d in dimensions)
    return (*KEY_BEFORE_DIMENSIONS, *middle, *KEY_AFTER_DIMENSIONS)


def dimensions_of(table: pa.Table) -> tuple[str, ...]:
    """The dimensions of an observation table, read off its key.

    >>> dimensions_of(observation_schema(["sex", "age"]).empty_table())
    ('sex', 'age')
    """
    names = list(table.column_names)
    first, last = names.index("time_period") + 1, names.index("source_code")
    return tuple(n.removesuffix("_code") for n in names[first:last])


def conform(table: pa.Table, dimensions: Sequence[str]) -> pa.Table:
    """``table`` with all columns of the declaration in their order: absent dimensions become ``_T``,
    absent measures and attributes null, an absent counterpart ``_Z``.

    Raises :class:`CaudalError` for a column that is not declared.
    """
    schema = observation_schema(dimensions)
    strange = [n for n in table.column_names if n not in schema.names]
    if strange:
        raise CaudalError(*(unknown("column of an observation", n, schema.names) for n in strange))
    defaults = {f"{d}_code": TOTAL for d in dimensions} | {"counterpart_area_code": NOT_APPLICABLE}
    columns = []
    for field in schema:
        if field.name in table.column_names:
            columns.append(table.column(field.name).cast(field.type))
        else:
            columns.append(pa.array([defaults.get(field.name)] * table.num_rows, field.type))
    return pa.table(columns, schema=schema)


def declared(table: pa.Table) -> pa.Table:
    """``table``, as it was read from a file, with the columns and types of the declaration.

    Raises ``KeyError``, ``ValueError`` or ``pa.ArrowException`` where a column lacks, a key is null, or a
    text stands where a number belongs: it is no table of observations.

    >>> declared(observation_schema(["sex"]).empty_table().drop_columns(["value"]))
    Traceback (most recent call last):
    ...
    KeyError: 'Field "value" does not exist in schema'
    """
    schema = observation_schema(dimensions_of(table))
    return table.select(schema.names).cast(schema)


def in_key_order(table: pa.Table) -> pa.Table:
    """``table`` sorted by its key, so that the same figures give the same bytes."""
    return table.sort_by([(n, "ascending") for n in key_columns(dimensions_of(table))])


def address(row: Mapping[str, object]) -> str:
    """The readable, permanent address of a cell: indicator, area, time, the categories that are not
    totals, source and vintage.

    >>> address({"indicator_code": "foreign_born", "indicator_version": "1", "reporter_code": "XX",
    ...     "reference_area_code": "XX", "counterpart_area_code": "_Z", "time_period": "2024",
    ...     "sex_code": "F", "age_code": "_T", "source_code": "census", "concept_vector": "",
    ...     "vintage": "2026-01"})
    'foreign_born/XX/2024/sex=F/census@2026-01'
    """
    chosen = [
        f"{n.removesuffix('_code')}={row[n]}"
        for n in row
        if n not in _NO_DIMENSIONS and n.endswith("_code") and row[n] not in (None, TOTAL)
    ]
    area, other = row["reference_area_code"], row.get("counterpart_area_code")
    place = area if other in (None, NOT_APPLICABLE) else f"{area}~{other}"
    where = f"{row['indicator_code']}/{place}/{row['time_period']}/{','.join(chosen) or 'all'}"
    return f"{where}/{row['source_code']}@{row['vintage']}"


def parse_address(text: str) -> dict[str, str]:
    """The key columns that an address names; dimensions that it does not name are totals.

    >>> parse_address("foreign_born/XX/2024/sex=F/census@2026-01")["sex_code"]
    'F'
    """
    parts = text.strip().split("/")
    if len(parts) != 5 or "@" not in parts[4]:
        raise CaudalError(problem("address-malformed", found=text))
    area, _, counterpart = parts[1].partition("~")
    source, _, vintage = parts[4].rpartition("@")
    found = {
        "indicator_code": parts[0],
        "reference_area_code": area,
        "counterpart_area_code": counterpart or NOT_APPLICABLE,
        "time_period": parts[2],
        "source_code": source,
        "vintage": vintage,
    }
    if parts[3] != "all":
        for pair in parts[3].split(","):
            dimension, sign, code = pair.partition("=")
            if not sign:
                raise CaudalError(problem("address-malformed", found=text))
            found[f"{dimension}_code"] = code
    return found
