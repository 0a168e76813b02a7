"""An incident in which people died or disappeared on the way: one row as its observer recorded it.

Rows of one event (a shipwreck told part by part) share ``event_id``: the event, not the row and not the
death, is what happens at random. Leaves at the precision that the custodian allows; pages show cells of a
grid, never a place.
"""

from __future__ import annotations

from caudal.model.record import Column, Holds, Invariant, Leaves, RecordKind

CODE, INTEGER, DECIMAL, DATE, TEXT = Holds.CODE, Holds.INTEGER, Holds.DECIMAL, Holds.DATE, Holds.TEXT

KIND = RecordKind(
    name="incident",
    unit="incident",
    leaves=Leaves.AT_PRECISION,
    columns=(
        Column("incident_id", TEXT, "identifier that its observer gave the row"),
        Column("event_id", TEXT, "identifier of the event of which the row is the whole or a part"),
        Column("incident_type_code", CODE, "whole, part of a split event, or cumulative", "CL_INCIDENT_TYPE"),
        Column("occurred_on", DATE, "day of the incident, or on which it was found or told", required=True),
        Column("dead_missing_n", INTEGER, "people dead or missing, at least", required=True),
        Column("dead_n", INTEGER, "people dead, at least"),
        Column("missing_n", INTEGER, "people missing and presumed dead, at least"),
        Column("survivors_n", INTEGER, "people who survived"),
        Column("females_n", INTEGER, "women and girls among the dead and missing"),
        Column("males_n", INTEGER, "men and boys among the dead and missing"),
        Column("children_n", INTEGER, "children among the dead and missing"),
        Column("route_code", CODE, "migration route", "CL_ROUTE"),
        Column("incident_region_code", CODE, "region of the incident as observed", "CL_INCIDENT_REGION"),
        Column("area_code", CODE, "country of the incident", "CL_AREA"),
        Column("cause_code", CODE, "cause of death, in broad groups", "CL_DEATH_CAUSE"),
        Column("origin_country_code", CODE, "country of origin where there is only one", "CL_COUNTRY"),
        Column("latitude", DECIMAL, "degrees north"),
        Column("longitude", DECIMAL, "degrees east"),
        Column("source_quality", INTEGER, "1 a single report to 5 official or forensic"),
    ),
    invariants=(
        Invariant("negative-toll", "dead_missing_n >= 0 AND dead_n >= 0 AND missing_n >= 0"),
        Invariant("total-differs", "COALESCE(dead_n, 0) + COALESCE(missing_n, 0) <= dead_missing_n"),
        Invariant("latitude-outside", "latitude BETWEEN -90 AND 90"),
        Invariant("longitude-outside", "longitude BETWEEN -180 AND 180"),
        Invariant("negative-survivors", "survivors_n >= 0"),
    ),
)
