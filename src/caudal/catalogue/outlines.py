"""Boundaries of areas, from GeoJSON to outlines that are light enough for a page.

A country folder may hold ``boundaries.geojson``: a FeatureCollection in longitude and latitude (RFC 7946)
whose features carry the ``code`` of an area, and which says at its top, in ``source``, whose boundaries they
are. Vertices are moved to a grid, and borders that two areas share are simplified once, so that no gap and no
overlap appears between neighbours. Of each line the vertices with the smallest triangles go first, until all
lines together have :data:`MOST_VERTICES`; an area keeps at least a triangle however small it is.

It refuses what is not GeoJSON, coordinates that are not degrees, a code that no list of areas has, and
boundaries of which nobody says whose they are. It neither mends nor judges a boundary.

Reference: Visvalingam and Whyatt (1993), Line generalisation by repeated elimination of points, The
Cartographic Journal 30(1).
"""

from __future__ import annotations

import heapq
import json
import math
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from functools import cache
from importlib.resources import files
from itertools import pairwise
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

from caudal.errors import CaudalError, nearest, problem
from caudal.model.boundaries import Boundaries, Disputed, Outline

#: Where a country folder may hold them; the second is where the simulated country delivers its own.
BOUNDARIES = ("boundaries.geojson", "data/boundaries.geojson")
#: Vertices of all lines together that a page can carry.
MOST_VERTICES = 2600
#: At least so many whole steps across the longer side of what is drawn.
_STEPS = 3000
_RINGS = {"Polygon": 1, "MultiPolygon": 2, "Point": 0}

Vertex = tuple[int, int]
Line = tuple[Vertex, ...]


def read_boundaries(path: Path, known: Collection[str]) -> Boundaries:
    """The outlines in a GeoJSON file, of areas that are ``known``.

    Raises :class:`CaudalError` (spec) with all that is wrong with the file.
    """
    where = str(path)
    try:
        document = json.loads(path.read_bytes())
        features = [(f["properties"].get("code"), f["geometry"]) for f in document["features"]]
        shapes = {str(code): _rings_of(geometry) for code, geometry in features if geometry}
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise CaudalError(
            problem("boundaries-unreadable", where=where, file=path.name, reason=error)
        ) from error
    problems = [
        problem("boundaries-unknown-area", where=where, file=path.name, found=c, nearest=nearest(c, known))
        for c in shapes
        if c not in known
    ]
    if not str(document.get("source") or "").strip():
        problems.append(problem("boundaries-no-source", where=where, file=path.name))
    strange = [c for c, rings in shapes.items() if not all(_is_degree(p) for ring in rings for p in ring)]
    problems += [problem("boundaries-not-degrees", where=where, file=path.name, found=c) for c in strange]
    if problems or not shapes:
        raise CaudalError(*(problems or [problem("boundaries-empty", where=where, file=path.name)]))
    return outlined(shapes, str(document["source"]).strip())


def outlined(
    shapes: Mapping[str, Sequence[Sequence[Sequence[float]]]], source: str, most: int = MOST_VERTICES
) -> Boundaries:
    """Outlines of ``shapes``, code -> rings of longitude and latitude, of at most about ``most`` vertices.

    >>> west, east = [(0, 0), (1, 0), (1, 1), (0, 1)], [(1, 0), (2, 0), (2, 1), (1, 1)]
    >>> made = outlined({"A": [west], "B": [east]}, "us")
    >>> made.per_degree, made.outlines[0].rings
    (10000, ((10000, 0, 0, 10000, -10000, 0, 0, -10000),))
    """
    per_degree = _grid([p for rings in shapes.values() for ring in rings for p in ring])
    whole = {code: [_on_grid(ring, per_degree) for ring in rings] for code, rings in shapes.items()}
    corners = _corners(whole.values())
    cut = {code: [_lines(ring, corners) for ring in rings] for code, rings in whole.items()}
    light = _simplified(
        {_canonical(line) for rings in cut.values() for lines in rings for line in lines}, most
    )
    outlines = tuple(Outline(code=c, rings=_joined(rings, light)) for c, rings in sorted(cut.items()))
    return Boundaries(source=source, per_degree=per_degree, outlines=outlines)


@cache
def packaged() -> Boundaries:
    """The countries and territories of the Americas, by code of ISO 3166."""
    text = files("caudal.catalogue").joinpath("boundaries", "americas.json").read_text(encoding="utf-8")
    return Boundaries.model_validate_json(text)


@cache
def disputes() -> Mapping[str, tuple[Disputed, ...]]:
    """Usage of names -> what maps say of areas in dispute."""
    text = files("caudal.catalogue").joinpath("boundaries", "disputed.yaml").read_text(encoding="utf-8")
    entries: list[dict[str, Any]] = YAML(typ="safe", pure=True).load(text)["disputed"]
    usages = dict.fromkeys(u for e in entries for u in e.get("names", {}))
    return {
        usage: tuple(
            Disputed(areas=e["areas"], name=e.get("names", {}).get(usage, {}), note=e["note"])
            for e in entries
        )
        for usage in usages
    }


def _rings_of(geometry: Mapping[str, Any]) -> list[list[tuple[float, float]]]:
    """All rings of a geometry, islands and holes alike; a point is a ring of one vertex."""
    depth, found = _RINGS[geometry["type"]], geometry["coordinates"]
    if depth == 0:
        return [[(float(found[0]), float(found[1]))]]
    rings = found if depth == 1 else [ring for polygon in found for ring in polygon]
    return [[(float(p[0]), float(p[1])) for p in ring] for ring in rings if ring]


def _is_degree(point: Sequence[float]) -> bool:
    return abs(point[0]) <= 180 and abs(point[1]) <= 90


def _grid(points: Sequence[Sequence[float]]) -> int:
    """Steps of a degree: a power of ten that gives the whole at least :data:`_STEPS`."""
    spans = [max(p[i] for p in points) - min(p[i] for p in points) for i in (0, 1)]
    return int(10 ** max(0, math.ceil(math.log10(_STEPS / max(*spans, 0.01)))))


def _on_grid(ring: Iterable[Sequence[float]], per_degree: int) -> Line:
    """A ring without repeated vertices; its end is not its beginning."""
    points: list[Vertex] = []
    for lon, lat in ring:
        point = (round(lon * per_degree), round(lat * per_degree))
        if not points or points[-1] != point:
            points.append(point)
    if len(points) > 1 and points[0] == points[-1]:
        points.pop()
    return tuple(points)


def _corners(shapes: Iterable[Sequence[Line]]) -> frozenset[Vertex]:
    """Vertices at which lines of several areas part: those with more than two different neighbours."""
    beside: dict[Vertex, set[Vertex]] = defaultdict(set)
    for rings in shapes:
        for ring in rings:
            for a, b in zip(ring, (*ring[1:], ring[0]), strict=True):
                beside[a].add(b)
                beside[b].add(a)
    return frozenset(v for v, near in beside.items() if len(near) > 2)


def _lines(ring: Line, corners: frozenset[Vertex]) -> tuple[Line, ...]:
    """A ring cut at its corners; one without is a single line that begins at its least vertex."""
    cuts = [i for i, v in enumerate(ring) if v in corners] or [ring.index(min(ring))]
    turned = (*ring[cuts[0] :], *ring[: cuts[0]], ring[cuts[0]])
    places = [*(i - cuts[0] for i in cuts), len(ring)]
    return tuple(turned[a : b + 1] for a, b in pairwise(places))


def _canonical(line: Line) -> Line:
    """A line in the direction in which both its sides know it."""
    return min(line, line[::-1])


def _simplified(lines: Iterable[Line], most: int) -> Mapping[Line, Line]:
    """Each line with the vertices it keeps; ends stay, and of a closed line two more, far apart."""
    weighed = {line: _weights(line) for line in sorted(lines)}
    inner = sorted((w for ws in weighed.values() for w in ws if math.isfinite(w)), reverse=True)
    least = inner[most] if len(inner) > most else 0.0
    return {
        line: tuple(v for v, w in zip(line, weights, strict=True) if w > least or math.isinf(w))
        for line, weights in weighed.items()
    }


def _weights(line: Line) -> list[float]:
    """The area of the triangle that goes with each vertex when the smallest goes first, never falling."""
    weights = [math.inf] * len(line)
    fixed = {0, len(line) - 1, *_spread(line)}
    before, after = list(range(-1, len(line) - 1)), list(range(1, len(line) + 1))
    heap = [(_area(line[i - 1], line[i], line[i + 1]), i) for i in range(1, len(line) - 1) if i not in fixed]
    heapq.heapify(heap)
    current = dict((i, a) for a, i in heap)
    reached = 0.0
    while heap:
        area, i = heapq.heappop(heap)
        if current.get(i) != area:
            continue
        reached = max(reached, area)
        weights[i] = reached
        del current[i]
        a, b = before[i], after[i]
        after[a], before[b] = b, a
        for j in (a, b):
            if j in current:
                current[j] = _area(line[before[j]], line[j], line[after[j]])
                heapq.heappush(heap, (current[j], j))
    return weights


def _spread(line: Line) -> tuple[int, ...]:
    """Of a closed line, the vertex farthest from its beginning and the one farthest from both."""
    if line[0] != line[-1] or len(line) < 4:
        return ()
    (x, y), inner = line[0], range(1, len(line) - 1)
    far = max(inner, key=lambda i: (line[i][0] - x) ** 2 + (line[i][1] - y) ** 2)
    third = max(inner, key=lambda i: _area(line[0], line[i], line[far]))
    return far, third


def _area(a: Vertex, b: Vertex, c: Vertex) -> float:
    return abs((b[0] - a[0]) * (c[1] - a[1]) - (c[0] - a[0]) * (b[1] - a[1])) / 2


def _joined(rings: Sequence[Sequence[Line]], light: Mapping[Line, Line]) -> tuple[tuple[int, ...], ...]:
    """Rings of steps from lines that were simplified. Of small islands beside a larger ring, those that a
    page could not show are left out."""
    made = [_ring(lines, light) for lines in rings]
    sizes = [abs(_signed(ring)) for ring in made]
    least = max(sizes, default=0.0) / 4000
    kept = [r for r, s in zip(made, sizes, strict=True) if s > least or s == max(sizes)]
    return tuple(_steps(ring) for ring in kept)


def _ring(lines: Sequence[Line], light: Mapping[Line, Line]) -> Line:
    points: list[Vertex] = []
    for line in lines:
        kept = light[_canonical(line)]
        points += (kept if line == _canonical(line) else kept[::-1])[:-1] if len(line) > 1 else kept
    return tuple(points)


def _signed(ring: Line) -> float:
    pairs = zip(ring, (*ring[1:], ring[0]), strict=True)
    return sum(a[0] * b[1] - b[0] * a[1] for a, b in pairs) / 2


def _steps(ring: Line) -> tuple[int, ...]:
    flat = [*ring[0]]
    for a, b in pairwise(ring):
        flat += [b[0] - a[0], b[1] - a[1]]
    return tuple(flat)
