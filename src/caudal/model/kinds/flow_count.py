"""A count of crossings, apprehensions, returns and the like in a month or a year, as its agency tabulated it.

Events, not persons: who crosses two borders, or one border twice, is counted twice. Public when its
producer published it.
"""

from __future__ import annotations

from caudal.model.record import Column, Holds, Invariant, Leaves, RecordKind

KIND = RecordKind(
    name="flow_count",
    unit="event",
    leaves=Leaves.AS_PUBLISHED,
    count_column="count_n",
    columns=(
        Column("count_n", Holds.INTEGER, "events in the cell", required=True),
        Column("event_period", Holds.TEXT, "month (2023-05) or year (2015) of the events", required=True),
        Column("flow_type_code", Holds.CODE, "what was counted", "CL_FLOW_TYPE"),
        Column("route_code", Holds.CODE, "migration route", "CL_ROUTE"),
        Column("area_code", Holds.CODE, "area in which it was counted", "CL_AREA"),
        Column("counterpart_country_code", Holds.CODE, "country from or to which they went", "CL_COUNTRY"),
        Column("sex_code", Holds.CODE, "sex", "CL_SEX"),
        Column("age_code", Holds.CODE, "age group as tabulated", "CL_AGE"),
        Column("citizenship_code", Holds.CODE, "nationality as tabulated", "CL_COUNTRY"),
    ),
    invariants=(Invariant("negative-count", "count_n >= 0"),),
)
