"""A household of a census or a survey. Never leaves."""

from __future__ import annotations

from caudal.model.record import Column, Holds, Invariant, Leaves, RecordKind

KIND = RecordKind(
    name="household",
    unit="household",
    leaves=Leaves.NEVER,
    columns=(
        Column("household_key", Holds.KEY, "pseudonym of the household within its source", required=True),
        Column("dwelling_key", Holds.KEY, "pseudonym of the dwelling"),
        Column("weight", Holds.DECIMAL, "expansion factor of the design"),
        Column("stratum", Holds.TEXT, "sampling stratum"),
        Column("psu", Holds.TEXT, "primary sampling unit"),
        Column("area_code", Holds.CODE, "area of the dwelling", "CL_AREA"),
        Column("urbanisation_code", Holds.CODE, "degree of urbanisation", "CL_URBANISATION"),
        Column("household_type_code", Holds.CODE, "who lives together", "CL_HOUSEHOLD_TYPE"),
        Column("household_size", Holds.INTEGER, "members of the household"),
        Column("rooms", Holds.INTEGER, "rooms of the dwelling"),
        Column("water_code", Holds.CODE, "piped water inside the dwelling", "CL_YES_NO"),
        Column("tenure_code", Holds.CODE, "tenure of the dwelling", "CL_TENURE"),
        Column("internet_code", Holds.CODE, "access to the internet at home, of any kind", "CL_YES_NO"),
        Column(
            "head_birth_country_code", Holds.CODE, "country of birth of the reference person", "CL_COUNTRY"
        ),
    ),
    invariants=(
        Invariant("negative-weight", "weight >= 0"),
        Invariant("household-without-members", "household_size >= 1"),
    ),
)
