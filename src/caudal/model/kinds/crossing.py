"""A crossing of the border: one entry or exit of one person, as the officer at the post recorded it.

Crossings are movements, not migrants: a tourist makes two. Who came to stay follows from a person's whole
history by a residence rule (:mod:`caudal.estimate.stays`), which adds the columns under ``made``. The
instant is in the local time of its post, so that a night belongs to one date. Never leaves.
"""

from __future__ import annotations

from caudal.model.record import Column, Holds, Invariant, Leaves, RecordKind

CODE, INTEGER, DATE, INSTANT, KEY = Holds.CODE, Holds.INTEGER, Holds.DATE, Holds.INSTANT, Holds.KEY

KIND = RecordKind(
    name="crossing",
    unit="event",
    leaves=Leaves.NEVER,
    columns=(
        Column("person_key", KEY, "pseudonym of the person, the same in every delivery"),
        Column("crossing_at", INSTANT, "date and time of the crossing, local to its post", required=True),
        Column("direction_code", CODE, "entry or exit", "CL_DIRECTION", required=True),
        Column("post_code", CODE, "border post", "CL_POST"),
        Column("means_code", CODE, "means of transport", "CL_TRANSPORT"),
        Column("citizenship_code", CODE, "country of the document", "CL_COUNTRY"),
        Column("sex_code", CODE, "sex", "CL_SEX"),
        Column("birth_date", DATE, "date of birth"),
        Column("document_type_code", CODE, "type of the travel document", "CL_DOCUMENT_TYPE"),
        Column("declared_reason_code", CODE, "reason that the person stated", "CL_DECLARED_REASON"),
        Column("declared_stay_days", INTEGER, "days that the person said the stay would last"),
        Column("permitted_stay_days", INTEGER, "days for which the officer admitted the person"),
        Column("recorded_on", DATE, "day on which the register knew the crossing, where not its delivery's"),
    ),
    invariants=(
        Invariant("no-person", "person_key IS NOT NULL"),
        Invariant("unknown-direction", "direction_code IN ('entry', 'exit')"),
        Invariant("born-after", "CAST(crossing_at AS DATE) >= birth_date"),
        Invariant("impossible-date", "crossing_at >= TIMESTAMP '1970-01-02 00:00:00'"),
        Invariant("recorded-before", "recorded_on >= CAST(crossing_at AS DATE)"),
        Invariant("stay-out-of-range", "declared_stay_days >= 0 AND permitted_stay_days >= 0"),
    ),
    made=(
        Column("person_id", INTEGER, "dense number of the person, from the dictionary that persists"),
        Column("row_code", CODE, "a crossing, or one person on the date of a stock", "CL_STAY_ROW"),
        Column("moment", DATE, "date of the crossing or of the stock"),
        Column("movement_code", CODE, "what kind of movement the crossing is, by the rule", "CL_MOVEMENT"),
        Column("status_before_code", CODE, "residence before the crossing", "CL_RESIDENCE"),
        Column("status_after_code", CODE, "residence after the crossing, or at the date", "CL_RESIDENCE"),
        Column("presence_code", CODE, "inside or outside after the crossing, or at the date", "CL_PRESENCE"),
        Column("length_of_stay_code", CODE, "days until the person's next crossing", "CL_LENGTH_OF_STAY"),
        Column("overstay_code", CODE, "stay against the stay that was permitted", "CL_OVERSTAY"),
        Column("decided_code", CODE, "final at the date of the register, or provisional", "CL_DECIDED"),
        Column("imputed_code", CODE, "recorded, or put in where a crossing must be missing", "CL_IMPUTED"),
        Column("age_code", CODE, "age at the moment, in five-year groups", "CL_AGE"),
    ),
)
