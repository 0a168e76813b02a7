"""A count of persons present in a register at a date, as its keeper tabulated it: one row a cell.

Public when its producer published it; otherwise it goes through the gate like a table of persons.
"""

from __future__ import annotations

from caudal.model.record import Column, Holds, Invariant, Leaves, RecordKind

KIND = RecordKind(
    name="stock_count",
    unit="person",
    leaves=Leaves.AS_PUBLISHED,
    count_column="count_n",
    columns=(
        Column("count_n", Holds.INTEGER, "persons in the cell", required=True),
        Column("area_code", Holds.CODE, "area of residence", "CL_AREA"),
        Column("sex_code", Holds.CODE, "sex", "CL_SEX"),
        Column("age_code", Holds.CODE, "age group as tabulated", "CL_AGE"),
        Column("birth_country_code", Holds.CODE, "country of birth", "CL_COUNTRY"),
        Column("citizenship_code", Holds.CODE, "country of citizenship", "CL_COUNTRY"),
        Column("origin_country_code", Holds.CODE, "country of origin as the register names it", "CL_COUNTRY"),
        Column("legal_status_code", Holds.CODE, "standard category of permit", "CL_PERMIT"),
    ),
    invariants=(Invariant("negative-count", "count_n >= 0"),),
)
