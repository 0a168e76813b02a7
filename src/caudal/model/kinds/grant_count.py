"""A count of administrative decisions in a period (residences, permits or visas granted): events, not
persons, as the agency tabulated them.

Public when its producer published it; otherwise it goes through the gate.
"""

from __future__ import annotations

from caudal.model.record import Column, Holds, Invariant, Leaves, RecordKind

KIND = RecordKind(
    name="grant_count",
    unit="decision",
    leaves=Leaves.AS_PUBLISHED,
    count_column="count_n",
    columns=(
        Column("count_n", Holds.INTEGER, "decisions in the cell", required=True),
        Column("area_code", Holds.CODE, "area of the decision", "CL_AREA"),
        Column("sex_code", Holds.CODE, "sex", "CL_SEX"),
        Column("age_code", Holds.CODE, "age group as tabulated", "CL_AGE"),
        Column("citizenship_code", Holds.CODE, "country of citizenship", "CL_COUNTRY"),
        Column("legal_status_code", Holds.CODE, "standard category of permit", "CL_PERMIT"),
    ),
    invariants=(Invariant("negative-count", "count_n >= 0"),),
)
