"""What is equal to the last site is taken over, what is not is made again, and the bytes are the same."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from caudal.model.release import Signatory
from caudal.publish.kept import NO_SITE, LastSite, read_last
from caudal.publish.reads import Noted, Once, Reads, digest_of
from caudal.publish.release import Release, read_release
from caudal.publish.site import Site, site_files, write_site
from caudal.publish.watched import WatchedRelease
from tests.unit.publish.fixture import (
    CODE_LISTS,
    INDICATORS,
    SOURCES,
    STRUCTURE,
    cell,
    observations,
    text,
    write_release,
)


def story(name: str, title: str, indicator: str) -> dict[str, Any]:
    """A story of one figure with one card."""
    said = text("Son {n} ({n_interval}).", "São {n} ({n_interval}).", "There are {n} ({n_interval}).")
    card = {"card": "one", "headline": said, "figure": "n", "shows_not": text("Nada.", "Nada.", "Nothing.")}
    return {
        "story": {
            "story": name,
            "title": text(title, title, title),
            "frame": "NUMBERS",
            "claim": text("Son muchos", "São muitos", "They are many"),
            "text": said,
            "shows_not": text("Nada.", "Nada.", "Nothing."),
            "figures": {"n": {"cell": f"{indicator}/XI/2026-Q2/all/survey"}},
            "cards": [card],
            "author": "A",
            "date": "2026-11",
        },
        "cited": {"n": {"address": f"{indicator}/XI/2026-Q2/all/survey@2026-11", "state": "current"}},
    }


STORIES = [story("how_many", "Cuántas", "foreign_born"), story("work", "Trabajo", "unemployment_rate")]
Change = Callable[[list[dict[str, Any]], dict[str, Any]], None]


def one_figure(rows: list[dict[str, Any]], structure: dict[str, Any]) -> None:
    own = next(r for r in rows if r["indicator_code"] == "residence_permits")
    own["value"] += 1


def a_figure_withheld(rows: list[dict[str, Any]], structure: dict[str, Any]) -> None:
    place = next(i for i, r in enumerate(rows) if r["indicator_code"] == "foreign_born" and "sex_code" in r)
    known = {k: v for k, v in rows[place].items() if k.endswith("_code") and k != "obs_status_code"}
    rows[place] = cell("foreign_born", None, **{k: v for k, v in known.items() if k != "conf_status_code"})


def a_new_area(rows: list[dict[str, Any]], structure: dict[str, Any]) -> None:
    rows.append(cell("residence_permits", 7.0, reference_area_code="XI-N"))


def another_source_first(rows: list[dict[str, Any]], structure: dict[str, Any]) -> None:
    structure["sources"] = list(reversed(SOURCES))


def a_story_reworded(rows: list[dict[str, Any]], structure: dict[str, Any]) -> None:
    structure["stories"] = [story("how_many", "Cuántas son", "foreign_born"), STORIES[1]]


def no_story(rows: list[dict[str, Any]], structure: dict[str, Any]) -> None:
    structure["stories"] = []


def a_checksum(rows: list[dict[str, Any]], structure: dict[str, Any]) -> None:
    structure["sources"] = [SOURCES[0], {**SOURCES[1], "producer": "Otra oficina"}, SOURCES[2]]


def a_label(rows: list[dict[str, Any]], structure: dict[str, Any]) -> None:
    lists = {**CODE_LISTS, "CL_SEX": list(reversed(CODE_LISTS["CL_SEX"]))}
    structure["code_lists"] = lists


def an_indicator_renamed(rows: list[dict[str, Any]], structure: dict[str, Any]) -> None:
    named = {**INDICATORS[0]["text"], "name": text("Inmigrantes", "Imigrantes", "Immigrants")}
    structure["indicators"] = [{**INDICATORS[0], "text": named}, *INDICATORS[1:]]


def no_truth(rows: list[dict[str, Any]], structure: dict[str, Any]) -> None:
    structure["truth"] = []


def a_notice(rows: list[dict[str, Any]], structure: dict[str, Any]) -> None:
    structure["notices"] = []


def another_title(rows: list[dict[str, Any]], structure: dict[str, Any]) -> None:
    structure["title"] = text("Istmo", "Istmo", "Istmo")


def one_language_less(rows: list[dict[str, Any]], structure: dict[str, Any]) -> None:
    structure["languages"] = ["es", "en"]


CHANGES = (
    one_figure, a_figure_withheld, a_new_area, another_source_first, a_story_reworded, no_story, a_checksum,
    a_label, an_indicator_renamed, no_truth, a_notice, another_title, one_language_less,
)  # fmt: skip


@dataclass(frozen=True)
class First:
    """A site that was made from nothing."""

    folder: Path
    release: Path
    site: Site
    last: LastSite


@pytest.fixture(scope="module")
def no_pdf() -> Iterator[None]:
    """Sheets as PDF take most of the time of these sites, and are files like others."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("caudal.publish.sheets.find_spec", lambda name: None)
        yield


@pytest.fixture(scope="module")
def first(tmp_path_factory: pytest.TempPathFactory, no_pdf: None) -> First:
    folder = tmp_path_factory.mktemp("first")
    release = write_release(folder / "release", stories=STORIES)
    site = write_site(release, folder / "site")
    site.remember(folder / "last.json", "site")
    return First(folder, release, site, read_last(folder / "last.json"))


def changed(folder: Path, change: Change) -> Path:
    rows, structure = observations(), {"stories": STORIES}
    change(rows, structure)
    return write_release(folder, rows, **structure)


def bytes_of(folder: Path, site: Site) -> dict[str, bytes]:
    return {p.as_posix(): (folder / p).read_bytes() for p in site.paths}


def test_the_first_site_is_made_whole(first: First) -> None:
    assert first.site.tally.kept.total() == 0 and first.site.tally.made["es"] > 20


def test_nothing_is_made_again_where_nothing_changed(first: First, tmp_path: Path) -> None:
    site = write_site(first.release, tmp_path / "site", last=first.last)
    assert site.tally.pieces == [] and site.tally.kept["es"] == first.site.tally.made["es"]
    assert bytes_of(tmp_path / "site", site) == bytes_of(first.folder / "site", first.site)


@pytest.mark.parametrize("change", CHANGES, ids=lambda c: c.__name__)
def test_a_changed_site_has_the_bytes_of_one_made_from_nothing(
    first: First, tmp_path: Path, change: Change
) -> None:
    release = changed(tmp_path / "release", change)
    site = write_site(release, tmp_path / "site", last=first.last)
    assert site.tally.pieces, "nothing was made"
    assert bytes_of(tmp_path / "site", site) == site_files(read_release(release))


def test_a_signed_site_has_the_bytes_of_one_made_from_nothing(first: First, tmp_path: Path) -> None:
    who = Signatory(name="A", role="B", date="2026-12-01", public_key="00")
    site = write_site(first.release, tmp_path / "site", signature=who, last=first.last)
    assert bytes_of(tmp_path / "site", site) == site_files(read_release(first.release), who)
    assert {"quality", "observations", "data foreign_born"}.isdisjoint(site.tally.pieces)


def test_one_figure_makes_the_pages_that_show_it_and_no_others(first: First, tmp_path: Path) -> None:
    site = write_site(changed(tmp_path / "r", one_figure), tmp_path / "site", last=first.last)
    made = {p.removeprefix("es/") for p in site.tally.pieces if p.startswith("es/")}
    assert "indicator residence_permits" in made
    kept = {"indicator foreign_born", "indicator unemployment_rate", "source un", "story work", "quality"}
    assert not made & kept
    assert not any(p.startswith("data ") and p != "data residence_permits" for p in site.tally.pieces)


def test_a_reworded_story_makes_itself_and_what_lists_it(first: First, tmp_path: Path) -> None:
    site = write_site(changed(tmp_path / "r", a_story_reworded), tmp_path / "site", last=first.last)
    made = {p.removeprefix("es/") for p in site.tally.pieces if p.startswith("es/")}
    assert made == {"home", "stories", "story how_many", "explore"}
    assert site.tally.kept["es"] > 2 * site.tally.made["es"]


def test_a_file_that_was_touched_is_made_again(first: First, tmp_path: Path) -> None:
    site = write_site(first.release, tmp_path / "one", last=first.last)
    site.remember(tmp_path / "one.json", "one")
    page = tmp_path / "one" / "es" / "quality.html"
    page.write_bytes(page.read_bytes().replace(b"html", b"htm!", 1))
    again = write_site(first.release, tmp_path / "two", last=read_last(tmp_path / "one.json"))
    assert again.tally.pieces == ["es/quality"]
    assert bytes_of(tmp_path / "two", again) == bytes_of(first.folder / "site", first.site)


@pytest.mark.parametrize("said", ["", "{", "[]", '{"code": "another"}', '{"code": 1, "pieces": 3}'])
def test_what_cannot_be_read_of_the_last_site_is_as_if_there_were_none(tmp_path: Path, said: str) -> None:
    (tmp_path / "last.json").write_text(said)
    assert read_last(tmp_path / "last.json") == read_last(tmp_path / "nothing.json") == NO_SITE


def test_other_code_keeps_nothing(first: First, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("caudal.publish.kept.code_sha256", lambda: "another")
    assert read_last(first.folder / "last.json") == NO_SITE


def test_every_part_of_a_release_is_watched() -> None:
    """A part that is read around the watch could change without its page being made again."""
    parts = {n for n in (*Release.__annotations__, *vars(Release)) if not n.startswith("_")}
    asked_through_others = {"base_indicators", "cell_at", "page_of", "reads"}
    assert parts - asked_through_others <= set(vars(WatchedRelease))


def test_a_watched_structure_gives_its_fields_alone(first: First) -> None:
    watched = WatchedRelease(read_release(first.release), Reads())
    assert watched.structure.vintage == STRUCTURE["vintage"]
    with pytest.raises(AttributeError, match="cannot be watched"):
        watched.structure.model_dump()


def test_who_asks_for_shared_work_has_read_what_it_read() -> None:
    reads = Reads()
    values = Noted("letter", {"a": 1, "b": 2}, reads)
    once = Once(reads)
    for _ in range(2):
        with reads.watching() as heard:
            assert once.get("sum", lambda: values["a"]) == 1
        assert heard == {"letter/a"}
    assert reads.digest("letter/a") == digest_of(1)
    assert reads.digest("letter/") == digest_of(("a", "b"))


def test_what_has_no_digest_is_refused() -> None:
    with pytest.raises(TypeError, match="no digest"):
        digest_of(object())
