"""What changed between two releases: editions of a source against each other, in any order of their names."""

from __future__ import annotations

from typing import Any

import pyarrow as pa

from caudal.model.observation import conform
from caudal.river.diff import CellChange, compare


def cell(area: str, value: float | None, vintage: str, **more: Any) -> dict[str, Any]:
    usual = {
        "indicator_code": "migrant_stock",
        "indicator_version": "1",
        "reporter_code": "019",
        "reference_area_code": area,
        "counterpart_area_code": "_Z",
        "time_period": "2020",
        "sex_code": "_T",
        "source_code": "un_stock",
        "concept_vector": "basis=birth",
        "vintage": vintage,
        "value": value,
        "obs_status_code": "A",
    }
    return usual | more


def changes(before: list[dict[str, Any]], after: list[dict[str, Any]]) -> dict[str, CellChange]:
    tables = (conform(pa.Table.from_pylist(rows), ("sex",)) for rows in (before, after))
    found = compare(*tables, own=("2026-11", "2026-12"))
    return {c.address: c for c in found.cells}


def test_a_second_edition_shows_as_its_revisions_with_both_editions_named() -> None:
    before = [cell("AR", 2_200_000.0, "2020"), cell("CL", 1_600_000.0, "2020"), cell("UY", 100.0, "2020")]
    after = [cell("AR", 2_300_000.0, "2024"), cell("CL", 1_600_000.0, "2024"), cell("PE", 5.0, "2024")]
    found = changes(before, after)
    revised = found["migrant_stock/AR/2020/all/un_stock@2024"]
    assert (revised.change, revised.before, revised.after) == ("revised", 2_200_000.0, 2_300_000.0)
    assert revised.edition_before == "2020"
    assert found["migrant_stock/UY/2020/all/un_stock@2020"].change == "gone"
    assert found["migrant_stock/PE/2020/all/un_stock@2024"].change == "new"
    assert len(found) == 3


def test_an_edition_that_stays_beside_the_new_one_is_compared_with_itself_too() -> None:
    old = cell("AR", 100.0, "v9")
    found = changes([old], [old, cell("AR", 120.0, "v10")])
    (only,) = found.values()
    assert (only.address, only.change, only.before, only.after, only.edition_before) == (
        "migrant_stock/AR/2020/all/un_stock@v10", "revised", 100.0, 120.0, "v9",
    )  # fmt: skip
    again = changes([old], [cell("AR", 101.0, "v9"), cell("AR", 120.0, "v10")])
    pairs = {(c.before, c.after, c.edition_before) for c in again.values()}
    assert pairs == {(100.0, 101.0, ""), (100.0, 120.0, "v9")}


def test_the_edition_of_the_release_itself_is_no_revision() -> None:
    assert changes([cell("AR", 1.0, "2026-11")], [cell("AR", 1.0, "2026-12")]) == {}
    (only,) = changes([cell("AR", 1.0, "2026-11")], [cell("AR", 2.0, "2026-12")]).values()
    assert (only.change, only.edition_before) == ("revised", "")
