"""How far disaggregation by migratory status has come: the readiness matrix of a release.

A score for each indicator, and for each of its axes:

=====  ==================================================================================================
0      not produced: no source that is here can carry the indicator
1      produced, but its sources do not ask for migratory status (or for the axis)
2      asked, but not tabulated
3      tabulated, but the figures of migrants are withheld or not reliable
4      published for migrants; of an axis, for some of its categories
5      published fully: for migrants by sex and age; of an axis, for all of its categories and both groups
=====  ==================================================================================================

The scale is a proposal of this project. The share of indicators with a score of 4 or more is what indicator
17.18.1 asked for in its wording of 2016.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from pydantic import Field

from caudal.model.spec import Name, Spec, Text

PUBLISHED = 4
FULLY = 5
Why = Literal[
    "",
    "no_source",
    "no_delivery",
    "lacks",
    "lacks_status",
    "lacks_axis",
    "not_tabulated",
    "withheld",
    "unreliable",
    "some",
]


class Status(Spec):
    """The dimension that tells migrants from natives, the group, and whom it is held against."""

    dimension: Name
    group: str
    reference: str


class Axis(Spec):
    """An axis of the matrices; of several dimensions the best counts."""

    axis: Name
    text: Text
    dimensions: tuple[Name, ...] = Field(min_length=1)


class Question(Spec):
    """What to ask where a concept lacks, in our own words, and whose recommendation it follows."""

    text: Text
    follows: str = ""


class MatrixSpec(Spec):
    """``readiness.yaml``."""

    status: Status
    fully: tuple[Name, ...]
    axes: tuple[Axis, ...]
    questions: Mapping[str, Question]


class ReadinessCell(Spec):
    """The score of an indicator (``axis`` empty) or of one of its axes, why it is not higher, and what that
    rests on. ``enough_n``: interviews with migrants that would be enough, told for published cells alone."""

    reporter: str
    indicator: Name
    axis: str = ""
    score: int = Field(ge=0, le=FULLY)
    why: Why = ""
    source: str = ""
    lacks: tuple[str, ...] = ()
    enough_n: int | None = None


class ReadinessIndicator(Spec):
    """An indicator of the matrix, whether it is produced or not."""

    indicator: Name
    family: Name
    text: Text
    sdg: tuple[str, ...] = ()


class Readiness(Spec):
    """The matrix of a release: its own cells, and those of its members."""

    axes: tuple[Axis, ...] = ()
    status: Status | None = None
    indicators: tuple[ReadinessIndicator, ...] = ()
    cells: tuple[ReadinessCell, ...] = ()
    questions: Mapping[str, Question] = {}
