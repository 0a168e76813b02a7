"""Outlines of areas for maps: rings of whole-number steps, light enough for a page.

A ring is a flat tuple: the first vertex, then steps from vertex to vertex, in units of ``1 / per_degree``
degrees of longitude and latitude, east and north positive. A ring closes by itself. An outline whose only
ring is one vertex is a place without extent, as a town.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

from pydantic import Field

from caudal.model.spec import Spec, Text


class Outline(Spec):
    """The outline of one area."""

    code: str
    rings: tuple[tuple[int, ...], ...]


class Inset(Spec):
    """A part of the map that is drawn again, larger: west, south, east, north in degrees."""

    window: tuple[float, float, float, float]
    times: float = Field(2.0, gt=1.0, description="how much larger than the map")
    corner: Literal["north-west", "north-east", "south-west", "south-east"] = "south-west"


class Boundaries(Spec):
    """Outlines that share their borders vertex by vertex."""

    source: str = Field(description="whose boundaries they are, and under which licence")
    per_degree: int = Field(gt=0)
    outlines: tuple[Outline, ...]
    window: tuple[float, float, float, float] | None = Field(
        None, description="west, south, east, north in degrees, where not all that is known is drawn"
    )
    insets: tuple[Inset, ...] = ()


class Disputed(Spec):
    """What a map says of an area, or of the border of two, that is in dispute: the name that the release
    uses, and the note under the map."""

    areas: tuple[str, ...] = Field(min_length=1, description="codes; the note stands where all are drawn")
    name: Text = Field({}, description="the name of the area, where its name is in dispute")
    note: Text


def vertices(ring: tuple[int, ...], per_degree: int) -> Iterator[tuple[float, float]]:
    """Longitude and latitude of each vertex of a ring.

    >>> list(vertices((10, 20, 5, 0, 0, -5), 10))
    [(1.0, 2.0), (1.5, 2.0), (1.5, 1.5)]
    """
    x = y = 0
    for dx, dy in zip(ring[::2], ring[1::2], strict=True):
        x, y = x + dx, y + dy
        yield x / per_degree, y / per_degree
