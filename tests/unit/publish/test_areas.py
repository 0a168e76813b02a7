"""Maps of areas: areas keep their proportions, small ones are seen, and nothing is told of a withheld one."""

from __future__ import annotations

import math
import re
import xml.etree.ElementTree as ET
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from caudal.catalogue.outlines import outlined, packaged
from caudal.model.boundaries import Boundaries
from caudal.publish.areas import Area, breaks_of, circle_map, shade, shade_map, shapes_of, sheet
from caudal.publish.chart import Caption
from caudal.publish.indicator import sections
from caudal.publish.regions import AreaMap
from caudal.publish.release import read_release
from caudal.publish.site import site_files
from caudal.publish.voice import voice_of
from tests.unit.publish.fixture import CODE_LISTS, cell, code, observations, write_release

CAPTION = Caption("m", "Title <b>", "Description")


def elements(svg: str, name: str) -> list[ET.Element]:
    """Elements by tag."""
    return [e for e in ET.fromstring(svg).iter() if e.tag == name]


def area_of(path: str) -> float:
    """The area within a path of relative steps."""
    total = 0.0
    for ring in path.split("M")[1:]:
        numbers = [float(n) for n in re.findall(r"-?\d*\.?\d+", ring)]
        x, y = numbers[:2]
        points = [(x, y)]
        for dx, dy in zip(numbers[2::2], numbers[3::2], strict=True):
            x, y = x + dx, y + dy
            points.append((x, y))
        pairs = zip(points, [*points[1:], points[0]], strict=True)
        total += abs(sum(a[0] * b[1] - b[0] * a[1] for a, b in pairs)) / 2
    return total


def square(lon: float, lat: float, size: float) -> list[tuple[float, float]]:
    """A square of degrees with vertices along its sides, so that its sides may bend."""
    steps = [i * size / 10 for i in range(10)]
    return [
        *((lon + s, lat) for s in steps),
        *((lon + size, lat + s) for s in steps),
        *((lon + size - s, lat + size) for s in steps),
        *((lon, lat + size - s) for s in steps),
    ]


def test_an_area_is_drawn_as_large_as_it_is_on_the_globe() -> None:
    shapes = {"north": [square(-100, 50, 10)], "south": [square(-70, 0, 10)]}
    page = sheet(outlined(shapes, "test", most=1000))
    drawn = {name: area_of(shape.path) for name, shape in page.shapes.items()}
    true = {
        n: math.sin(math.radians(t + 10)) - math.sin(math.radians(t))
        for n, t in (("north", 50), ("south", 0))
    }
    assert drawn["north"] / drawn["south"] == pytest.approx(true["north"] / true["south"], rel=0.01)


@given(
    st.lists(st.floats(0, 1e6, allow_subnormal=False), min_size=2, max_size=40),
    st.lists(st.floats(0.01, 1e5), max_size=10),
)
def test_shades_hold_every_figure_and_are_no_more_than_the_errors_bear(
    values: list[float], widths: list[float]
) -> None:
    breaks = breaks_of(values, widths)
    assert list(breaks) == sorted(set(breaks)) and len(breaks) <= 4
    assert all(min(values) < b <= max(values) for b in breaks)
    used = {shade(v, breaks) for v in values}
    assert used <= set(range(1, len(breaks) + 2))
    if len(values) == len(set(values)) and not widths and len(values) > 12:
        assert used == set(range(1, len(breaks) + 2))


def test_wide_intervals_leave_few_shades() -> None:
    values = [float(v) for v in range(20)]
    assert len(breaks_of(values, [])) == 4
    assert len(breaks_of(values, [10.0] * 20)) == 1


def shown(codes: list[str], **more: Any) -> list[Area]:
    return [Area(c, c, f"{c}: 1", 1.0, 3, **more) for c in codes]


def test_every_small_island_of_the_americas_has_a_mark_and_no_two_touch() -> None:
    islands = ["AG", "AI", "BB", "BL", "DM", "GD", "KN", "LC", "MF", "MS", "SX", "VC", "VG"]
    svg = shade_map(shown(islands), packaged(), "w", CAPTION)
    circles = [
        (float(str(c.get("cx"))), float(str(c.get("cy"))), float(str(c.get("r"))))
        for c in elements(svg, "circle")
    ]
    assert len(circles) == len(islands)
    for a, b in combinations(circles, 2):
        assert math.dist(a[:2], b[:2]) >= 1.9 * a[2]


def test_a_weak_area_is_striped_and_a_withheld_one_hatched_and_the_shapes_are_referred_to() -> None:
    areas = [
        Area("AR", "Argentina", "a <b>", 3.0, 1, weak=True),
        Area("BR", "Brasil", "withheld", None, withheld=True),
        Area("CL", "Chile", "Chile: 4", 4.0, 5),
    ]
    svg = shade_map(areas, packaged(), "w", CAPTION)
    uses = elements(svg, "use")
    assert {str(u.get("href"))[1:] for u in uses} <= set(
        re.findall(r'id="([^"]+)"', shapes_of(packaged(), "w"))
    )
    striped = [u for u in uses if u.get("fill") == "url(#stripe)"]
    hatched = [u for u in uses if u.get("fill") == "url(#hatch)"]
    assert [u.get("href") for u in striped] == ["#w-AR"] and [u.get("href") for u in hatched] == ["#w-BR"]
    assert [u.find("title").text for u in uses if u.find("title") is not None][:1] == ["a <b>"]  # type: ignore[union-attr]


def test_the_size_of_a_circle_is_the_figure() -> None:
    areas = [Area("AR", "A", "A", 100.0), Area("BR", "B", "B", 25.0)]
    radii = [float(str(c.get("r"))) for c in elements(circle_map(areas, packaged(), "w", CAPTION), "circle")]
    assert (radii[0] / radii[1]) ** 2 == pytest.approx(4, rel=0.01)


REGIONS = {"XI-N": 11.2, "XI-S": 8.6, "XI-E": 9.9, "XI-W": None}


@pytest.fixture
def boundaries() -> Boundaries:
    shapes = {name: [square(2.0 * i, 0, 2)] for i, name in enumerate(REGIONS)}
    return outlined(shapes, "an office")


def release_with(folder: Path, boundaries: Boundaries, rows: list[dict[str, Any]]) -> Path:
    areas = [
        *CODE_LISTS["CL_AREA"],
        code("XI-E", "Este", "Leste", "East"),
        code("XI-W", "Oeste", "Oeste", "West"),
    ]
    return write_release(
        folder,
        rows,
        code_lists=CODE_LISTS | {"CL_AREA": areas},
        boundaries=boundaries.model_dump(mode="json"),
        disputed=[{"areas": ["XI-N"], "note": {"es": "En disputa.", "pt": "Em disputa.", "en": "Disputed."}}],
    )


def by_region(weak: str = "") -> list[dict[str, Any]]:
    others = [o for o in observations() if not str(o.get("reference_area_code")).startswith("XI-")]
    own = [
        cell(
            "unemployment_rate",
            v,
            v and 0.5,
            reference_area_code=a,
            reliability="caution" if a == weak else "",
        )
        for a, v in REGIONS.items()
    ]
    return others + own


def drawn(folder: Path, tag: str = "es") -> AreaMap:
    release = read_release(folder)
    found = sections(voice_of(release, tag), release.indicators["unemployment_rate"])[0].areas
    assert found is not None
    return found


def test_the_map_tells_the_same_as_the_table_in_every_language(
    tmp_path: Path, boundaries: Boundaries
) -> None:
    folder = release_with(tmp_path, boundaries, by_region("XI-E"))
    for tag, north, kept in (
        ("es", "Norte", "no se muestra"),
        ("pt", "Norte", ""),
        ("en", "North", "not shown"),
    ):
        page = site_files(read_release(folder))[f"{tag}/indicator/unemployment_rate.html"].decode()
        told = re.findall(r"<title>([^<]*)", page)
        assert any(north in t and ("11,2" in t or "11.2" in t) for t in told)
        assert kept in page
    found = drawn(folder)
    looks = [k.look for k in found.legend]
    assert "weak" in looks and "kept" in looks
    assert found.borders == ("En disputa.", "Límites: an office.")


def test_nothing_of_the_map_moves_with_what_is_withheld(tmp_path: Path, boundaries: Boundaries) -> None:
    found = drawn(release_with(tmp_path, boundaries, by_region()))
    used = [u for u in elements(found.svg, "use") if u.get("href") == "#a-XI-W"]
    assert [u.get("fill") for u in used] == ["url(#hatch)"]
    assert "c1" not in str(used[0].get("class"))


def test_figures_that_read_alike_have_one_shade_and_limits_no_more_digits_than_they(
    tmp_path: Path, boundaries: Boundaries
) -> None:
    values = {"XI-N": 9.12, "XI-S": 8.726, "XI-E": 8.71, "XI-W": 8.74}
    rows = [o for o in observations() if not str(o.get("reference_area_code")).startswith("XI-")]
    rows += [cell("unemployment_rate", v, None, reference_area_code=a) for a, v in values.items()]
    found = drawn(release_with(tmp_path, boundaries, rows), "en")
    shades = {str(u.get("href"))[-1]: u.get("class") for u in elements(found.svg, "use")}
    assert shades["S"] == shades["E"] == shades["W"] != shades["N"]
    assert [k.words for k in found.legend][:2] == ["under 9%", "9% or more"]


def test_shades_that_the_intervals_cross_are_counted(tmp_path: Path, boundaries: Boundaries) -> None:
    found = drawn(release_with(tmp_path, boundaries, by_region()), "en")
    assert re.match(r"The interval of \d of 3 areas reaches another shade", found.notes[0])


def test_without_outlines_there_is_no_map(tmp_path: Path) -> None:
    release = read_release(write_release(tmp_path))
    assert sections(voice_of(release, "es"), release.indicators["unemployment_rate"])[0].areas is None
