"""Stories and evidence cards: texts whose figures are references to cells.

A story is one file of ``stories/``. It cites cells by their address without the edition, and keeps beside
each the figure that its reviewer saw; when the cell says something else, the story is under review. What a
card holds follows ``domain/discourse.md``, section 7, of the project's design.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from pydantic import Field

from caudal.model.spec import Name, Period, Spec, Text

#: Why a figure of a story is no longer what its reviewer saw; ``current`` where it still is.
CitedState = Literal["current", "unreviewed", "revised", "withheld", "absent", "break"]


class Cited(Spec):
    """A figure of a story: the cell that it cites, and what the reviewer saw there."""

    cell: str = Field(description="address without its edition, as in migrant_share/AR/2022/all/census")
    reviewed: str = Field(
        "",
        pattern=r"^-?\d*\.?\d*$",
        coerce_numbers_to_str=True,
        description="the figure that was reviewed, with the digits that count, as in 9.7",
    )


class CardSpec(Spec):
    """An evidence card: one sentence with its figure, and what it does not show."""

    card: Name
    headline: Text = Field(description="one sentence; {name} is a figure, {name_interval} its limits")
    figure: Name = Field(description="the figure that the card is about")
    beside: tuple[Name, ...] = Field((), description="figures to compare it with")
    shows_not: Text = Field(description="what the figure does not show")
    counter: Text = Field({}, description="evidence that points the other way")


class StorySpec(Spec):
    """``stories/<name>.yaml``."""

    story: Name
    title: Text
    frame: str = Field(description="code of CL_FRAME: what kind of claim it answers")
    claim: Text = Field(description="the claim as it goes round, said once")
    rating: int | None = Field(None, ge=1, le=5, description="1 false to 5 true; none where not checkable")
    text: Text = Field(
        description="paragraphs; {name} is a figure, {name_interval} its limits, {name_time} its period"
    )
    shows_not: Text = Field(description="what these figures do not show")
    about: Mapping[str, str] = Field(
        {}, description="axis -> value that the concept of every figure must have"
    )
    bridge: Text = Field({}, description="how figures of another concept may be read all the same")
    figures: Mapping[Name, Cited] = Field(min_length=1)
    cards: tuple[CardSpec, ...] = ()
    author: str
    reviewer: str = ""
    date: Period = Field(description="when it was reviewed")
    expires: Period | Literal[""] = Field("", description="first edition for which it must be read again")


class CitedEntry(Spec):
    """What a release says of a figure of a story. ``reviewed`` is null where no figure is shown now."""

    address: str = Field(description="of the cell in this release; without its edition where it has none")
    state: CitedState
    reviewed: float | None = None
    decimals: int = 0


class StoryEntry(Spec):
    """A story as a release carries it: its texts, and what became of its figures."""

    story: StorySpec
    cited: Mapping[str, CitedEntry]
    expired: bool = False

    @property
    def under_review(self) -> bool:
        """Whether some figure is no longer what the reviewer saw, or the story has expired."""
        return self.expired or any(c.state != "current" for c in self.cited.values())
