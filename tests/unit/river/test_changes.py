"""What changed since the release before: counted by kind, told on home and on the page of an indicator."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from caudal.model.release import Changes
from caudal.publish import changes
from caudal.publish.release import read_release
from caudal.publish.site import site_files
from caudal.publish.voice import Voice, voice_of
from caudal.river.changes import changes_since
from tests.unit.publish.fixture import VINTAGE, cell, observations, write_release

RATE = "unemployment_rate"
Row = dict[str, Any]


def with_changes(folder: Path, change: Callable[[list[Row]], list[Row]]) -> Changes:
    """The changes from the fixture's release to one whose rows ``change`` makes of the fixture's."""
    before = write_release(folder / "before")
    now = write_release(folder / "now", change(observations()))
    return changes_since(before, pq.read_table(now / "observations.parquet"), VINTAGE)


def voice_with(folder: Path, found: Changes, tag: str) -> Voice:
    return voice_of(read_release(write_release(folder / tag, changes=found.model_dump(mode="json"))), tag)


def test_nothing_changed_is_said_so(tmp_path: Path) -> None:
    found = with_changes(tmp_path, lambda rows: rows)
    assert found == Changes(since=VINTAGE)
    told = changes.whole(voice_with(tmp_path, found, "en"))
    assert told is not None and told.sentence.endswith("no figure changed.") and not told.lines


def altered(rows: list[Row]) -> list[Row]:
    """One revised, one newly withheld, one gone, one new, one broken."""
    women = next(r for r in rows if r["indicator_code"] == RATE and r.get("sex_code") == "F")
    men = next(r for r in rows if r["indicator_code"] == RATE and r.get("sex_code") == "M")
    young = next(r for r in rows if r.get("age_code") == "Y15T24")
    rows = [r for r in rows if r is not young]
    rows[rows.index(women)] = women | {"value": women["value"] + 1.0}
    rows[rows.index(men)] = cell(RATE, None, sex_code="M")
    broken = next(r for r in rows if r["indicator_code"] == "residence_permits")
    rows[rows.index(broken)] = broken | {"obs_status_code": "B"}
    return [*rows, cell(RATE, 3.0, 0.2, reference_area_code="XI-S", sex_code="F")]


def test_each_kind_of_change_is_counted_where_it_belongs(tmp_path: Path) -> None:
    found = {c.indicator: c for c in with_changes(tmp_path, altered).indicators}
    rate, permits = found[RATE], found["residence_permits"]
    assert (rate.new, rate.revised, rate.gone, rate.withheld, rate.shown) == (1, 1, 1, 1, 0)
    assert [(f.before, f.after) for f in rate.largest] == [(9.4, 10.4)]
    assert permits.broken == 1 and permits.revised == 1
    assert set(found) == {RATE, "residence_permits"}


def test_no_value_of_a_withheld_cell_is_told(tmp_path: Path) -> None:
    """A figure that the release before showed and this one withholds is counted, its value is nowhere."""
    found = with_changes(
        tmp_path,
        lambda rows: [
            cell(RATE, None, age_code="Y25T64") if r.get("age_code") == "Y25T64" else r for r in rows
        ],
    )
    entry = next(c for c in found.indicators if c.indicator == RATE)
    assert entry.withheld == 1 and entry.largest == ()


@pytest.mark.parametrize(
    ("tag", "words"),
    [("es", "una serie se corta"), ("pt", "uma série se interrompe"), ("en", "one series breaks")],
)
def test_the_pages_tell_it_in_their_language(tmp_path: Path, tag: str, words: str) -> None:
    found = with_changes(tmp_path, altered)
    folder = write_release(tmp_path / "site", altered(observations()), changes=found.model_dump(mode="json"))
    site = site_files(read_release(folder))
    home = site[f"{tag}/index.html"].decode()
    assert words in home and f"indicator/{RATE}.html#revisions" in home
    page = site[f"{tag}/indicator/{RATE}.html"].decode()
    own = page[page.index('<h2 id="revisions">') : page.index('<section aria-labelledby="get">')]
    before, after = ("9.4", "10.4") if tag == "en" else ("9,4", "10,4")
    assert before in own and after in own


def test_a_first_edition_says_that_it_is(tmp_path: Path) -> None:
    voice = voice_of(read_release(write_release(tmp_path)), "es")
    assert changes.whole(voice) is None and changes.own(voice, RATE) is None
