"""A person of a census, a household survey or a register. Never leaves."""

from __future__ import annotations

from caudal.model.record import Column, Holds, Invariant, Leaves, RecordKind

CODE, INTEGER, DECIMAL, DATE, KEY = Holds.CODE, Holds.INTEGER, Holds.DECIMAL, Holds.DATE, Holds.KEY

KIND = RecordKind(
    name="person",
    unit="person",
    leaves=Leaves.NEVER,
    columns=(
        Column("person_key", KEY, "pseudonym of the person within its source", required=True),
        Column("household_key", KEY, "pseudonym of the household"),
        Column("dwelling_key", KEY, "pseudonym of the dwelling"),
        Column("weight", DECIMAL, "expansion factor of the design"),
        Column("stratum", Holds.TEXT, "sampling stratum"),
        Column("psu", Holds.TEXT, "primary sampling unit"),
        Column("area_code", CODE, "area of usual residence, finest that the source allows", "CL_AREA"),
        Column("urbanisation_code", CODE, "degree of urbanisation", "CL_URBANISATION"),
        Column("sex_code", CODE, "sex", "CL_SEX"),
        Column("age_years", INTEGER, "age in completed years"),
        Column("relationship_code", CODE, "relationship to the reference person", "CL_RELATIONSHIP"),
        Column("birth_country_code", CODE, "country of birth", "CL_COUNTRY"),
        Column("citizenship_code", CODE, "country of citizenship", "CL_COUNTRY"),
        Column("previous_residence_code", CODE, "country of residence five years before", "CL_COUNTRY"),
        Column("mother_birth_country_code", CODE, "country of birth of the mother", "CL_COUNTRY"),
        Column("father_birth_country_code", CODE, "country of birth of the father", "CL_COUNTRY"),
        Column("arrival_year", INTEGER, "year of first arrival to live in the country"),
        Column("migration_reason_code", CODE, "main reason of migration", "CL_MIGRATION_REASON"),
        Column("legal_status_code", CODE, "standard category of permit", "CL_PERMIT"),
        Column("ethnicity_code", CODE, "ethnicity, by self-identification", "CL_ETHNICITY"),
        Column("indigenous_code", CODE, "considers herself of an indigenous people", "CL_YES_NO"),
        Column("afrodescendant_code", CODE, "considers herself of African descent", "CL_YES_NO"),
        Column("wg_seeing_code", CODE, "difficulty seeing, Washington Group", "CL_WG_DIFFICULTY"),
        Column("wg_hearing_code", CODE, "difficulty hearing, Washington Group", "CL_WG_DIFFICULTY"),
        Column("wg_walking_code", CODE, "difficulty walking, Washington Group", "CL_WG_DIFFICULTY"),
        Column("wg_remembering_code", CODE, "difficulty remembering, Washington Group", "CL_WG_DIFFICULTY"),
        Column("wg_selfcare_code", CODE, "difficulty with self-care, Washington Group", "CL_WG_DIFFICULTY"),
        Column(
            "wg_communicating_code", CODE, "difficulty communicating, Washington Group", "CL_WG_DIFFICULTY"
        ),
        Column("disability_code", CODE, "disability status", "CL_DISABILITY"),
        Column("education_code", CODE, "highest level of education completed", "CL_EDUCATION"),
        Column("attendance_code", CODE, "attends education or training", "CL_YES_NO"),
        Column("civil_status_code", CODE, "civil status", "CL_CIVIL_STATUS"),
        Column("activity_status_code", CODE, "status in the labour force", "CL_ACTIVITY_STATUS"),
        Column("employment_status_code", CODE, "status in employment", "CL_EMPLOYMENT_STATUS"),
        Column("informal_code", CODE, "employment is informal", "CL_YES_NO"),
        Column("pension_contribution_code", CODE, "employer deducts pension contributions", "CL_YES_NO"),
        Column("occupation_code", CODE, "occupation, ISCO-08 major group", "CL_OCCUPATION"),
        Column("industry_code", CODE, "economic activity, ISIC Rev. 4 section", "CL_INDUSTRY"),
        Column("weekly_hours", DECIMAL, "hours worked in the reference week, all jobs"),
        Column("monthly_earnings", DECIMAL, "earnings of the main job in the month, national currency"),
        Column("hourly_earnings", DECIMAL, "earnings of the main job per hour, national currency"),
        Column("income_weight", DECIMAL, "expansion factor for earnings, corrected for nonresponse"),
        Column("overcrowded_code", CODE, "lives with three or more persons to a room", "CL_YES_NO"),
        Column("water_code", CODE, "piped water inside the dwelling", "CL_YES_NO"),
        Column("tenure_code", CODE, "tenure of the dwelling", "CL_TENURE"),
    ),
    invariants=(
        Invariant("age-out-of-range", "age_years BETWEEN 0 AND 120"),
        Invariant("negative-weight", "weight >= 0"),
        Invariant("negative-earnings", "monthly_earnings >= 0 AND hourly_earnings >= 0"),
        Invariant("hours-out-of-range", "weekly_hours BETWEEN 0 AND 168"),
        Invariant(
            "arrival-before-birth",
            "TRY_CAST(substr(valid_period, 1, 4) AS INTEGER) - arrival_year <= age_years + 1",
        ),
    ),
)
