"""How a source of border crossings decides who is a resident: the rule and its policies, as parameters.

Stands in the file of the source, under ``residence:``. Citizenship and visas are irrelevant to the rule; they
may only say who was a resident before the register began.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from pydantic import Field, model_validator

from caudal.model.spec import Spec

Policy = Literal["midpoint", "declared", "hold", "switch", "inside", "outside", "drop"]


class MovementLimits(Spec):
    """What kind of movement a crossing is that changes nobody's residence."""

    transit_hours: int = Field(24, ge=0, description="a stay of up to so many hours is transit")
    commuter_stay_days: int = Field(1, ge=0, description="longest stay of a border commuter")
    commuter_entries: int = Field(12, ge=1, description="such stays that make a commuter ...")
    commuter_window_days: int = Field(45, ge=1, description="... within so many days around")
    circular_entries: int = Field(4, ge=1, description="entries in a year that make circulation")
    long_stay_days: int = Field(90, ge=1, description="a stay of so many days and more is long")


class VitalSpec(Spec):
    """Births and deaths of residents in a year, by citizenship, and residents who never crossed a border."""

    births: Mapping[str, int] = {}
    deaths: Mapping[str, int] = {}
    residents_unseen: Mapping[str, int] = Field(
        {}, description="at the start of the year; without it, what the vital events of the year before leave"
    )


class ResidenceSpec(Spec):
    """Residence after `threshold` of the following `window`: 365 of 487 days is the rule of 12 months in 16;
    12 of 12 months the one of the United Nations, without a break."""

    threshold: int = Field(365, gt=0, description="time on one side that makes it the place of residence")
    window: int = Field(487, gt=0, description="time within which it is reckoned, from the crossing on")
    unit: Literal["days", "months"] = Field(
        "days", description="months are calendar months: the same day of a later month, or its last"
    )
    resident_documents: Mapping[str, tuple[str, ...]] = Field(
        {}, description="column -> codes: whoever first crosses with one was a resident, anyone else not"
    )
    gaps: Policy = Field(
        "midpoint", description="when the crossing happened that is missing between two in one direction"
    )
    duplicate_minutes: int = Field(0, ge=0, description="records in one direction this near are one")
    burn_in: bool = Field(
        True, description="nothing is published of the first window, whose past nobody knows"
    )
    coverage_by_post: Mapping[str, float] = Field(
        {}, description="post -> share of its crossings that are recorded, where somebody measured it"
    )
    movements: MovementLimits = MovementLimits()
    vital: Mapping[str, VitalSpec] = Field(
        {}, description="year -> vital events; without them the account of the year is unadjusted"
    )
    vintages: int = Field(6, ge=0, description="earlier deliveries whose provisional figures are kept")

    @model_validator(mode="after")
    def _within(self) -> ResidenceSpec:
        if self.threshold > self.window:
            raise ValueError("`threshold` is at most `window`: nobody spends 16 of 12 months anywhere")
        if any(not 0 < share <= 1 for share in self.coverage_by_post.values()):
            raise ValueError("a coverage is above 0 and at most 1")
        return self

    @property
    def concept(self) -> str:
        """The value of the axis `residence` of the concept vector."""
        known = {
            (365, 487, "days"): "present_12_of_16",
            (12, 16, "months"): "present_12_of_16",
            (365, 365, "days"): "present_12_of_12",
            (12, 12, "months"): "present_12_of_12",
            (275, 365, "days"): "present_9_of_12",
            (9, 12, "months"): "present_9_of_12",
            (183, 365, "days"): "present_6_of_12",
            (6, 12, "months"): "present_6_of_12",
        }
        return known.get((self.threshold, self.window, self.unit), "present_by_rule")
