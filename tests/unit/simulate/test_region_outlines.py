"""The outlines of the fictional regions: the same for a seed, with borders in common, in the open ocean."""

from __future__ import annotations

import json
from typing import Any

from caudal.simulate.geography import REGIONS
from caudal.simulate.outlines import region_outlines


def rings(seed: int) -> dict[str, list[list[list[float]]]]:
    made: dict[str, Any] = json.loads(region_outlines(seed))
    return {
        f["properties"]["code"]: [polygon[0] for polygon in f["geometry"]["coordinates"]]
        for f in made["features"]
    }


def test_there_is_an_outline_for_every_region_and_it_closes() -> None:
    found = rings(1)
    assert set(found) == {f"XI-{r.code:02}" for r in REGIONS}
    assert all(ring[0] == ring[-1] for own in found.values() for ring in own)
    assert len(found["XI-08"]) == 3


def test_a_seed_gives_its_own_coast_and_gives_it_again() -> None:
    assert region_outlines(2) == region_outlines(2) != region_outlines(3)


def test_neighbours_share_their_border_vertex_by_vertex() -> None:
    found = {code: [tuple(p) for p in own[0]] for code, own in rings(4).items()}
    for a, b in (("XI-01", "XI-02"), ("XI-03", "XI-06"), ("XI-05", "XI-07")):
        common = set(found[a]) & set(found[b])
        assert len(common) >= 33, f"{a} and {b} share {len(common)} vertices"


def test_it_lies_where_no_land_is() -> None:
    points = [p for own in rings(1).values() for ring in own for p in ring]
    assert all(-135 < lon < -119 and 0 < lat < 12 for lon, lat in points)
