"""The producer's own count of every category of a file, to hold a sample of that file against.

Statistical offices that release a sample of a census often publish, beside it, a dictionary with the count of
every category in the whole. ``official_counts`` of a source says where that table lies and how it is read.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from pydantic import Field

from caudal.model.spec import Name, Spec, Text


class Reason(Spec):
    """Why categories of the sample cannot agree with the whole."""

    where: Mapping[Literal["variable", "value"], str] = Field(min_length=1, description="which categories")
    reason: Text


class OfficialCounts(Spec):
    """A comma-separated table with one row a category, about the columns of the source's first table. A value
    written ``low:high`` is a range."""

    file: str = Field(description="in the source's folder of data")
    variable: str = Field(description="its column with the name of the raw column")
    value: str = Field(description="its column with the raw value")
    count: str = Field(description="its column with the official count")
    label: str = Field("", description="its column with the words of the category")
    blank: str = Field("", description="how it writes a raw value that is empty")
    thousands: str = Field(",", description="mark between thousands in the counts")
    population: int = Field(gt=0, description="records of the whole from which the sample was drawn")
    cluster: tuple[str, ...] = Field(min_length=1, description="raw columns that name what was drawn")
    reasons: tuple[Reason, ...] = Field((), description="categories that cannot agree, and why")


class Published(Spec):
    """A figure that the producer of a source published, and that its data must reproduce."""

    indicator: Name
    time_period: str
    value: float
    decimals: int = Field(ge=0, description="decimals with which it was published")
    published_in: str
    categories: Mapping[str, str] = Field({}, description="dimension -> code, for a cell that is not a total")
    sample: bool = Field(
        False, description="the data are a sample of what was published: three standard errors apart agree"
    )


class OfficialCheck(Spec):
    """One category: the official count, what the sample says with its cluster error, and how many of these
    lie between the two."""

    variable: str
    value: str
    label: str = ""
    official: int
    estimate: float
    se: float
    z: float
    few: bool = Field(False, description="too few clusters hold it for z to be read as a normal value")
    reason: Text = {}

    @property
    def agrees(self) -> bool:
        """Whether the two are within three standard errors."""
        return abs(self.z) <= 3
