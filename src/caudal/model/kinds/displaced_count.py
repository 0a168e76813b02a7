"""A count of people who were displaced or claim asylum, at a date, as the agency that protects them tabulated
it: one row a cell of country of asylum, country of origin, sex and age.

Rows of one cell (its camps and cities) add up, as the agency itself adds them. Public when its producer
published it.
"""

from __future__ import annotations

from caudal.model.record import Column, Holds, Invariant, Leaves, RecordKind

KIND = RecordKind(
    name="displaced_count",
    unit="person",
    leaves=Leaves.AS_PUBLISHED,
    count_column="count_n",
    columns=(
        Column("count_n", Holds.INTEGER, "persons in the cell", required=True),
        Column("displacement_code", Holds.CODE, "in which capacity they are protected", "CL_DISPLACEMENT"),
        Column("area_code", Holds.CODE, "country of asylum", "CL_AREA"),
        Column("origin_country_code", Holds.CODE, "country of origin as declared", "CL_COUNTRY"),
        Column("sex_code", Holds.CODE, "sex", "CL_SEX"),
        Column("age_code", Holds.CODE, "age group as tabulated", "CL_AGE"),
    ),
    invariants=(Invariant("negative-count", "count_n >= 0"),),
)
