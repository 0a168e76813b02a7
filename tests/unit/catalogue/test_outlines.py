"""Boundaries: shared borders stay shared, small areas stay, and a file that is no map is refused by name."""

from __future__ import annotations

import json
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from caudal.catalogue.outlines import disputes, outlined, packaged, read_boundaries
from caudal.errors import CaudalError
from caudal.model.boundaries import Boundaries, vertices


def grid_country(across: int, down: int, wiggle: list[float]) -> dict[str, list[list[tuple[float, float]]]]:
    """Squares of one degree that share bent sides."""

    def corner(i: int, j: int) -> tuple[float, float]:
        return float(i), float(j)

    def side(a: tuple[float, float], b: tuple[float, float]) -> list[tuple[float, float]]:
        (ax, ay), (bx, by) = min(a, b), max(a, b)
        inner = [
            (ax + (bx - ax) * t + w * (by - ay), ay + (by - ay) * t + w * (bx - ax))
            for t, w in zip((0.2, 0.4, 0.6, 0.8), wiggle, strict=True)
        ]
        line = [(ax, ay), *inner, (bx, by)]
        return line if a < b else line[::-1]

    shapes = {}
    for i in range(across):
        for j in range(down):
            corners = [corner(i, j), corner(i + 1, j), corner(i + 1, j + 1), corner(i, j + 1), corner(i, j)]
            ring = [p for a, b in pairwise(corners) for p in side(a, b)[:-1]]
            shapes[f"X{i}{j}"] = [ring]
    return shapes


def sides_of(boundaries: Boundaries) -> list[frozenset[tuple[float, float]]]:
    """Every straight piece of every ring, without its direction."""
    found = []
    for outline in boundaries.outlines:
        for ring in outline.rings:
            points = list(vertices(ring, boundaries.per_degree))
            found += [frozenset(pair) for pair in zip(points, [*points[1:], points[0]], strict=True)]
    return found


@given(st.lists(st.floats(-0.15, 0.15), min_size=4, max_size=4), st.integers(0, 60))
def test_neighbours_keep_one_border_however_much_is_simplified(wiggle: list[float], most: int) -> None:
    made = outlined(grid_country(3, 2, wiggle), "test", most=most)
    times = {side: sides_of(made).count(side) for side in sides_of(made)}
    assert set(times.values()) <= {1, 2}
    outer = sum(n == 1 for n in times.values())
    inner = sum(n == 2 for n in times.values())
    assert outer and inner
    assert len(made.outlines) == 6 and all(len(o.rings[0]) >= 6 for o in made.outlines)


def test_fewer_vertices_are_kept_where_fewer_are_asked_for() -> None:
    wiggle = [0.1, -0.1, 0.12, -0.05]
    whole, light = (outlined(grid_country(4, 4, wiggle), "test", most=n) for n in (10_000, 20))
    assert len(sides_of(light)) < len(sides_of(whole)) / 2


def test_a_small_island_stays_when_it_is_all_there_is() -> None:
    speck = [(5.0, 5.0), (5.01, 5.0), (5.01, 5.01)]
    made = outlined({"A": [[(0, 0), (9, 0), (9, 9), (0, 9)], speck], "B": [speck]}, "test")
    assert [len(o.rings) for o in made.outlines] == [1, 1]


def collection(*features: tuple[str, Any], source: str = "an office") -> dict[str, Any]:
    shapes = [{"properties": {"code": c}, "geometry": g} for c, g in features]
    return {"type": "FeatureCollection", "source": source, "features": shapes}


SQUARE = {"type": "Polygon", "coordinates": [[[0, 0], [1, 0], [1, 1], [0, 1], [0, 0]]]}
TOWN = {"type": "Point", "coordinates": [0.5, 0.5]}


def written(folder: Path, document: object) -> Path:
    path = folder / "boundaries.geojson"
    path.write_text(document if isinstance(document, str) else json.dumps(document), encoding="utf-8")
    return path


def test_polygons_and_places_are_read(tmp_path: Path) -> None:
    made = read_boundaries(written(tmp_path, collection(("XI-N", SQUARE), ("XI-T", TOWN))), ["XI-N", "XI-T"])
    assert made.source == "an office" and [o.code for o in made.outlines] == ["XI-N", "XI-T"]
    assert len(made.outlines[1].rings[0]) == 2


@pytest.mark.parametrize(
    ("document", "problems"),
    [
        ("not json", ["boundaries-unreadable"]),
        ({"features": [{"properties": {}}]}, ["boundaries-unreadable"]),
        (collection(("XI-N", {"type": "LineString", "coordinates": []})), ["boundaries-unreadable"]),
        (collection(), ["boundaries-empty"]),
        (collection(("XI-M", SQUARE)), ["boundaries-unknown-area"]),
        (collection(("XI-N", SQUARE), source=" "), ["boundaries-no-source"]),
        (
            collection(("XI-N", {"type": "Point", "coordinates": [500_000, 4_600_000]})),
            ["boundaries-not-degrees"],
        ),
        (
            collection(("XI-M", SQUARE), source=""),
            ["boundaries-unknown-area", "boundaries-no-source"],
        ),
    ],
)
def test_what_is_wrong_is_named(tmp_path: Path, document: object, problems: list[str]) -> None:
    with pytest.raises(CaudalError) as told:
        read_boundaries(written(tmp_path, document), ["XI-N"])
    assert [p.code for p in told.value.problems] == problems


def test_the_americas_are_drawn_and_light() -> None:
    made = packaged()
    codes = {o.code for o in made.outlines}
    assert {"AR", "BR", "MX", "HT", "KN", "MS", "BQ", "GF", "FK"} <= codes
    assert sum(len(r) for o in made.outlines for r in o.rings) < 12_000


def test_every_usage_names_what_is_in_dispute_in_three_languages() -> None:
    assert {"united_nations", "latin_american"} == set(disputes())
    for usage in disputes().values():
        for entry in usage:
            assert set(entry.note) == {"es", "pt", "en"} and (set(entry.name) in (set(), {"es", "pt", "en"}))
