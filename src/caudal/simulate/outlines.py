"""The outlines of the regions: a coast and borders of its own for a country that lies nowhere.

Regions are cycles of lines between a few fixed corners. Each line is drawn once and bent by midpoints that
are moved sideways at random, half as far at each halving, so that two regions share their border vertex by
vertex and another seed gives another coast. The western islands have no neighbours. The country lies in the
open Pacific, where no map has land.

Reference: Fournier, Fussell and Carpenter (1982), Computer rendering of stochastic models, Communications of
the ACM 25(6), on midpoint displacement.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from itertools import pairwise

from caudal.simulate.draws import Purpose, stream

OUTLINES = "boundaries.geojson"
#: Corners in degrees east and north of the country's south-western end.
_CORNERS: Mapping[str, tuple[float, float]] = {
    "north-west": (2.0, 6.6),
    "north": (4.4, 7.2),
    "north-east": (6.8, 6.4),
    "east": (7.6, 3.8),
    "south-east": (6.2, 1.2),
    "south": (4.2, 0.4),
    "south-west": (2.2, 1.6),
    "west": (1.6, 3.6),
    "bay": (1.9, 5.0),
    "inner-north": (4.3, 5.3),
    "inner-east": (6.0, 4.3),
    "inner-south": (4.6, 2.3),
    "capital-north": (3.3, 4.6),
    "capital-east": (4.6, 4.0),
    "capital-south": (3.4, 3.1),
    "neck-north": (6.9, 2.6),
    "cape": (9.6, 1.6),
}
#: The cycle of corners of each region.
_REGIONS: Mapping[str, tuple[str, ...]] = {
    "XI-01": ("capital-north", "capital-east", "capital-south"),
    "XI-02": ("capital-north", "inner-north", "inner-east", "inner-south", "capital-south", "capital-east"),
    "XI-03": ("bay", "inner-north", "capital-north", "capital-south", "west"),
    "XI-04": ("north-west", "north", "north-east", "inner-east", "inner-north", "bay"),
    "XI-05": ("north-east", "east", "neck-north", "south-east", "inner-south", "inner-east"),
    "XI-06": ("west", "capital-south", "inner-south", "south-east", "south", "south-west"),
    "XI-07": ("neck-north", "cape", "south-east"),
}
_ISLANDS, _ISLAND_REGION = ((0.5, 5.4, 0.34), (0.3, 4.2, 0.24), (0.75, 3.3, 0.18)), "XI-08"
_WEST, _SOUTH = -132.0, 3.0
_HALVINGS, _BEND = 5, 0.16

Point = tuple[float, float]


def region_outlines(seed: int) -> bytes:
    """The regions as GeoJSON, in degrees; the same bytes for the same seed.

    >>> made = json.loads(region_outlines(1))
    >>> [f["properties"]["code"] for f in made["features"]][:2], len(made["features"])
    (['XI-01', 'XI-02'], 8)
    """
    lines = _lines(seed)
    rings = {code: [_ring(cycle, lines)] for code, cycle in _REGIONS.items()}
    rings[_ISLAND_REGION] = [_island(seed, i) for i in range(len(_ISLANDS))]
    features = [
        {
            "type": "Feature",
            "properties": {"code": code},
            "geometry": {"type": "MultiPolygon", "coordinates": [[_placed(ring)] for ring in own]},
        }
        for code, own in sorted(rings.items())
    ]
    document = {"type": "FeatureCollection", "source": f"caudal simulate, seed {seed}", "features": features}
    return (json.dumps(document, separators=(",", ":")) + "\n").encode()


def _lines(seed: int) -> Mapping[tuple[str, str], list[Point]]:
    """Each line between two corners once, in the order of their names."""
    pairs = {tuple(sorted(pair)) for cycle in _REGIONS.values() for pair in pairwise((*cycle, cycle[0]))}
    return {(a, b): _bent(_CORNERS[a], _CORNERS[b], seed, i) for i, (a, b) in enumerate(sorted(pairs))}


def _bent(start: Point, end: Point, seed: int, number: int) -> list[Point]:
    """A line whose midpoints are moved sideways."""
    rng = stream(seed, Purpose.OUTLINES, number)
    points, bend = [start, end], _BEND
    for _ in range(_HALVINGS):
        halved = [points[0]]
        for (ax, ay), (bx, by) in pairwise(points):
            move = bend * (2.0 * float(rng.random()) - 1.0)
            halved += [((ax + bx) / 2 - move * (by - ay), (ay + by) / 2 + move * (bx - ax)), (bx, by)]
        points = halved
    return points


def _ring(cycle: tuple[str, ...], lines: Mapping[tuple[str, str], list[Point]]) -> list[Point]:
    ring: list[Point] = []
    for a, b in pairwise((*cycle, cycle[0])):
        line = lines[min(a, b), max(a, b)]
        ring += (line if a < b else line[::-1])[:-1]
    return [*ring, ring[0]]


def _island(seed: int, number: int) -> list[Point]:
    """A small closed coast around its middle."""
    rng = stream(seed, Purpose.OUTLINES, 1000 + number)
    x, y, radius = _ISLANDS[number]
    turns = 18
    spread = [radius * (0.75 + 0.5 * float(rng.random())) for _ in range(turns)]
    angles = [2 * math.pi * i / turns for i in range(turns)]
    ring = [(x + 0.7 * r * math.cos(a), y + r * math.sin(a)) for r, a in zip(spread, angles, strict=True)]
    return [*ring, ring[0]]


def _placed(ring: list[Point]) -> list[tuple[float, float]]:
    return [(round(_WEST + x, 4), round(_SOUTH + y, 4)) for x, y in ring]
