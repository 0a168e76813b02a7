"""Breaks in series and incomplete periods: marked, and nothing else changed."""

from __future__ import annotations

from typing import Any

import pyarrow as pa
import pytest

from caudal.estimate.series import marked
from caudal.model.observation import conform
from caudal.model.source import Break, Delivery

WHY = {"en": "Another table."}


def table(*times: str, **more: Any) -> pa.Table:
    usual = {
        "indicator_code": "encounters",
        "indicator_version": "1",
        "reporter_code": "US",
        "reference_area_code": "US",
        "source_code": "s",
        "concept_vector": "",
        "vintage": "2024",
        "value": 7.0,
        "obs_status_code": "A",
        "error_note": "full-count",
    }
    return conform(pa.Table.from_pylist([usual | {"time_period": t} | more for t in times]), ("sex",))


def statuses(found: pa.Table) -> dict[str, str]:
    return dict(zip(found["time_period"].to_pylist(), found["obs_status_code"].to_pylist(), strict=True))


WHOLE = Delivery(period="2023", file="f.csv")


@pytest.mark.parametrize(
    ("times", "broken"),
    [
        (("2019-08", "2019-09", "2019-10", "2019-11"), ["2019-10"]),
        (("2019-09", "2019-12"), ["2019-12"]),
        (("2018", "2019", "2020", "2021"), ["2019", "2020"]),
        (("2019-10", "2019-11"), []),
        (("2018-01", "2018-02"), []),
    ],
)
def test_the_first_figure_counted_in_the_new_way_is_marked(times: tuple[str, ...], broken: list[str]) -> None:
    found = statuses(marked(table(*times), [Break(at="2019-10", reason=WHY)], WHOLE))
    assert [t for t, s in found.items() if s == "B"] == broken
    assert all(s == "A" for t, s in found.items() if t not in broken)


def test_a_break_of_some_dimensions_leaves_the_others() -> None:
    breaks = [Break(at="2023", dimensions=["sex"], reason=WHY)]
    assert statuses(marked(table("2022", "2023"), breaks, WHOLE))["2023"] == "A"
    assert statuses(marked(table("2022", "2023", sex_code="F"), breaks, WHOLE))["2023"] == "B"


def test_each_series_breaks_by_itself() -> None:
    both = pa.concat_tables([table("2019-09", "2019-10"), table("2019-10", "2019-11", sex_code="F")])
    found = marked(both, [Break(at="2019-10", reason=WHY)], WHOLE)
    assert found["obs_status_code"].to_pylist() == ["A", "B", "A", "A"]


def test_what_is_not_whole_is_marked_and_keeps_its_value() -> None:
    delivery = Delivery(period="2020-01", file="f.csv", whole_from="2017-10", whole_to="2019-12")
    before = table("2017", "2017-10", "2019", "2020", "2020-01", obs_status_code="U")
    found = marked(before, [], delivery)
    assert [t for t, s in statuses(found).items() if s == "P"] == ["2017", "2020", "2020-01"]
    notes = dict(zip(found["time_period"].to_pylist(), found["error_note"].to_pylist(), strict=True))
    assert notes["2020"] == "full-count; incomplete-period" and notes["2019"] == "full-count"
    assert found["value"].to_pylist() == before["value"].to_pylist()


def test_what_its_producer_says_of_a_figure_stays() -> None:
    delivery = Delivery(period="2020", file="f.csv", whole_to="2019-12")
    assert statuses(marked(table("2020", obs_status_code="E"), [], delivery)) == {"2020": "E"}


def test_without_declarations_the_table_is_the_same() -> None:
    before = table("2019", "2020")
    assert marked(before, [], WHOLE) is before
