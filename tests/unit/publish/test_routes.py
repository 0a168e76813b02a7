"""Pages of routes and countries, from a release made by hand."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

import pytest

from caudal.model.indicator import IndicatorSpec
from caudal.model.release import AxisEntry, CodeEntry, DimensionEntry, ReleaseStructure, SourceEntry
from caudal.publish.chart import Caption
from caudal.publish.map import Point, point_map
from caudal.publish.profiles import profiles
from caudal.publish.release import Cell, Release
from caudal.publish.routes import corridor, routes
from caudal.publish.voice import Voice, voice_of

EVENTS = "unit=event;event=transit"


def spec(name: str) -> IndicatorSpec:
    text = {"name": {"en": name}, "definition": {}, "headline": {}}
    return IndicatorSpec(
        indicator=name, version="1", family="journeys", unit="PS", decimals=0, population=name, text=text
    )


def cell(indicator: str, value: float | None, **more: Any) -> Cell:
    usual = {
        "version": "1",
        "reporter": "019",
        "area": "019",
        "counterpart": "_Z",
        "time": "2023",
        "categories": (),
        "source": "s",
        "concept": "unit=person",
        "vintage": "2024",
        "unit": "PS",
        "withheld": False,
    }
    address = "/".join([indicator, *(str(v) for v in more.values())])
    return Cell(indicator=indicator, address=address, value=value, **{**usual, **more})


def source(name: str) -> SourceEntry:
    return SourceEntry(
        source=name,
        title={"en": "long" if name == "short" else name},
        producer="p",
        origin="o",
        licence="l",
        kind="k",
        concept={},
    )


def voice(*cells: Cell) -> Voice:
    names = dict.fromkeys(c.indicator for c in cells)
    structure = ReleaseStructure(
        territory="019",
        title={"en": "The Americas"},
        producer={"en": "Made"},
        languages=("en",),
        vintage="2024",
        licence="CC0",
        dimensions=[
            DimensionEntry(name="route", text={"en": "Route"}, code_list="CL_ROUTE"),
            DimensionEntry(name="grid", text={"en": "Cell"}, code_list="CL_GRID"),
        ],
        code_lists={
            "CL_ROUTE": [CodeEntry(id=r, labels={"en": r.title()}) for r in ("JUNGLE", "SEA")],
            "CL_AREA": [CodeEntry(id=a, labels={"en": a}) for a in ("019", "PA", "HN")],
        },
        indicators=[spec(n) for n in names],
        sources=[source(s) for s in ("s", "short", "long")],
        axes=[AxisEntry(axis="unit", text={"en": "Unit"}, values={"event": {"en": "events"}}, difference={})],
    )
    return voice_of(Release(structure, cells, ("route", "grid")), "en")


def on_route(route: str, value: float, time: str, *more: tuple[str, str], **key: Any) -> Cell:
    return cell(
        "deaths", value, time=time, categories=(("route", route), *more), lower=1.0, upper=90.0, **key
    )


def test_a_route_gathers_its_years_and_its_places() -> None:
    found = routes(
        voice(
            on_route("SEA", 5, "2022"),
            on_route("SEA", 7, "2023"),
            on_route("JUNGLE", 9, "2022"),
            on_route("JUNGLE", 4, "2023"),
            on_route("JUNGLE", 3, "2023", ("grid", "N08W078"), area="001"),
            on_route("JUNGLE", 1, "2022", ("grid", "N06W078"), area="001"),
            on_route("_U", 99, "2023"),
        )
    )
    assert [r.code for r in found] == ["JUNGLE", "SEA"]
    jungle, sea = found
    assert [row.value for row in jungle.sections[0].history.table.rows] == ["9", "4"]
    assert sea.places is None and jungle.places is not None
    assert [(r.labels, r.value) for r in jungle.places.table.rows] == [(("N08W078",), "3")]


def test_the_history_of_a_route_is_that_of_the_latest_edition() -> None:
    old = [replace(on_route("SEA", 1, y), vintage="2020") for y in ("2019", "2020", "2021")]
    (found,) = routes(voice(*old, on_route("SEA", 5, "2022"), on_route("SEA", 7, "2023")))
    assert [r.value for r in found.sections[0].history.table.rows] == ["5", "7"]


def test_a_newer_edition_of_an_earlier_year_does_not_replace_the_series() -> None:
    series = [replace(on_route("SEA", 1, y), vintage="2020-01") for y in ("2018", "2019")]
    again = [replace(on_route("SEA", v, y), vintage="2024-04") for v, y in ((7, "2014"), (8, "2015"))]
    (found,) = routes(voice(*series, *again))
    assert [r.labels for r in found.sections[0].history.table.rows] == [("2018",), ("2019",)]


def test_a_period_of_which_a_part_was_counted_and_a_break_say_so() -> None:
    broken = replace(on_route("SEA", 5, "2022"), status="B")
    partial = replace(on_route("SEA", 7, "2023"), status="P", error_note="minimum; incomplete-period")
    (found,) = routes(voice(on_route("SEA", 4, "2021"), broken, partial))
    history = found.sections[0].history
    assert [r.status for r in history.table.rows] == ["", "break in the series", "only a part of the period"]
    assert str(history.svg).count('class="ref"') == 1 and str(history.svg).count("dot weak") == 1
    assert "Dashed upright: the series breaks." in history.key and "Hollow" in history.key


def test_a_release_without_routes_has_none() -> None:
    assert routes(voice(cell("stock", 3))) == ()
    assert corridor(voice(cell("stock", 3))) is None


def test_borders_stand_beside_each_other_and_are_never_added() -> None:
    events = {"concept": EVENTS, "unit": "EVENT"}
    found = corridor(
        voice(
            cell("transits", 100, area="PA", time="2022", source="short", **events),
            cell("transits", 100, area="PA", time="2022", source="long", **events),
            cell("transits", 300, area="PA", source="long", **events),
            cell("arrivals", 90, area="HN", **events),
            cell("arrivals", 8, area="HN", time="2023-05", **events),
            cell("decisions", 7, area="HN", concept=f"coverage=national;{EVENTS}", unit="EVENT"),
        )
    )
    assert found is not None
    assert [(name, area) for name, area, _ in found.heads] == [("transits", "PA"), ("arrivals", "HN")]
    values = [(when, [c.value if c else None for c in cells]) for when, cells in found.rows]
    assert values == [("2023", ["300", "90"]), ("2022", ["100", None])]


def test_a_profile_has_the_last_total_of_each_source() -> None:
    found = profiles(
        voice(
            cell("stock", 1, area="PA", time="2020"),
            cell("stock", 2, area="PA"),
            cell("stock", 3, area="PA", source="long"),
            cell("stock", 4, area="HN", concept=EVENTS),
            cell("stock", 5, area="HN", categories=(("route", "SEA"),)),
            cell("stock", 6, area="HN", counterpart="PA"),
            cell("stock", None, area="HN", source="short", withheld=True),
            cell("stock", 7),
        )
    )
    assert [p.code for p in found] == ["HN", "PA"]
    assert [[(x.source, x.shown.value) for x in p.lines] for p in found] == [
        [("s", "4")],
        [("s", "2"), ("long", "3")],
    ]
    assert found[0].lines[0].counted == "events"


def test_figures_of_one_population_stand_together_with_the_reasons_why_they_differ() -> None:
    found = profiles(
        voice(
            cell("stock", 1, area="PA"),
            cell("other", 8, area="PA"),
            cell("stock", 2, area="PA", source="long", concept=EVENTS),
            cell("stock", 2, area="PA", source="short", concept=EVENTS),
            cell("stock", 4, area="HN"),
        )
    )
    panama = found[1]
    ((_, (stock, other)),) = panama.families
    assert [(x.source, x.shown.value) for x in stock.lines] == [("s", "1"), ("long", "2")]
    assert [x.counted for x in stock.lines] == ["person", "events"]
    assert stock.why[0][0] == "s / long" and "person in one" in str(stock.why[0][1][0])
    assert [x.shown.value for x in other.lines] == ["8"] and other.why == ()


def test_a_profile_prefers_the_last_whole_period() -> None:
    partial = cell("stock", 1, area="PA", time="2024", error_note="minimum; incomplete-period")
    found = profiles(voice(partial, cell("stock", 9, area="PA"), cell("stock", 4, area="HN")))
    assert [x.time for x in found[1].lines] == ["2023"]
    (only,) = profiles(voice(partial, cell("stock", 4, area="HN")))[1].lines
    assert (only.time, only.shown.status) == ("2024", "only a part of the period")


def test_a_release_about_one_country_has_no_profiles() -> None:
    assert profiles(voice(cell("stock", 1, area="PA"))) == ()


def test_circles_have_areas_in_proportion_and_say_their_figure() -> None:
    caption = Caption("m", "Where <b>", "Most in the north")
    drawn = str(point_map([Point("N08W078", 40, "forty & more"), Point("S04W080", 10, "ten")], caption))
    large, small = (float(r) for r in re.findall(r' r="([\d.]+)"', drawn))
    assert large / small == pytest.approx(2.0)
    assert "forty &amp; more" in drawn and "Where &lt;b&gt;" in drawn
    north, south = (float(y) for y in re.findall(r' cy="([\d.]+)"', drawn))
    assert north < south


def test_a_map_of_nowhere_is_empty() -> None:
    assert point_map([Point("_U", 5, "five"), Point("N08W078", 0, "none")], Caption("m", "", "")) == ""


def test_the_dead_are_told_to_the_unit_whatever_chance_could_do() -> None:
    counted = on_route("SEA", 1412, "2023")
    counted = replace(
        counted, method="compound-poisson", errors=(("model_se", 120.0),), lower=1188.4, upper=1708.9
    )
    told = voice(counted, on_route("SEA", 5, "2022"))
    assert told.value(counted) == "1,412"
    assert told.interval(counted) == "1,188 to 1,709"
    assert told.value(replace(counted, method="taylor")) == "1,410"
