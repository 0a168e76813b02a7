"""What is equal to the last site is taken over, what is not is made again, and the bytes are the same."""

from __future__ import annotations

import errno
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from caudal.errors import CaudalError
from caudal.model.release import Signatory
from caudal.publish.kept import NO_SITE, LastSite, read_last
from caudal.publish.reads import Known, Made, Noted, Once, Reads, digest_of
from caudal.publish.release import Release, read_release
from caudal.publish.shelf import Data, Shelf
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


def files_made(site: Site) -> set[str]:
    """The pieces of files that were made, without pages."""
    return {p for p in site.tally.pieces if "/" not in p}


def test_one_figure_makes_the_files_of_its_theme_and_of_its_indicator_and_no_others(
    first: First, tmp_path: Path
) -> None:
    before = {p: (first.folder / "site" / p).stat() for p in first.site.paths}
    site = write_site(changed(tmp_path / "r", one_figure), tmp_path / "site", last=first.last)
    sheets = {f"sheets {tag} arrivals" for tag in STRUCTURE["languages"]}
    whole = {"observations", "concepts", "codes", "structures", "catalogue"}
    whole |= {f"vocabulary {tag}" for tag in STRUCTURE["languages"]}
    own = {"data residence_permits", "messages arrivals", "forms residence_permits"}
    assert files_made(site) == own | whole | sheets
    pages = {p for p in site.tally.pieces if p.startswith("es/sheet ")}
    assert pages == {"es/sheet arrivals"}
    after = {p: (first.folder / "site" / p).stat() for p in first.site.paths}
    assert after == before, "the last site is read and never touched"


def test_what_names_all_themes_has_the_bytes_that_it_had_where_no_code_is_new(
    first: First, tmp_path: Path
) -> None:
    """The structures are written again, as they tell of errors; their bytes are what they were."""
    site = write_site(changed(tmp_path / "r", one_figure), tmp_path / "site", last=first.last)
    now, before = bytes_of(tmp_path / "site", site), bytes_of(first.folder / "site", first.site)
    same = {p for p in now if before.get(p) == now[p]}
    messages = {p for p in now if p.startswith("sdmx/")}
    assert messages - same == {f"sdmx/arrivals-{e}" for e in ("2.1.xml", "3.0.xml", "2.0.json", "2.0.csv")}


def test_a_site_of_nothing_new_asks_nothing_of_the_cells(
    first: First, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What all themes use is not worked out again for its digest alone."""

    def refuse(*given: object) -> None:
        raise AssertionError("something was made or looked for")

    monkeypatch.setattr("caudal.publish.exchange.writing.dataflow", refuse)
    monkeypatch.setattr("caudal.publish.press.Press.groups", refuse)
    site = write_site(first.release, tmp_path / "site", last=first.last)
    site.remember(tmp_path / "last.json", "site")
    assert site.tally.pieces == []
    again = read_last(tmp_path / "last.json")
    assert (again.known, again.pieces, again.sections) == (
        first.last.known,
        first.last.pieces,
        first.last.sections,
    )


def test_three_sites_in_a_row_have_the_bytes_of_one_made_from_nothing(first: First, tmp_path: Path) -> None:
    """A part that was taken over unmade, and then changes, is seen to change."""
    last = first.last
    steps: tuple[Change, ...] = (a_story_reworded, a_new_area, one_figure)
    for n, step in enumerate(steps):
        release = changed(tmp_path / f"r{n}", step)
        site = write_site(release, tmp_path / f"s{n}", last=last)
        site.remember(tmp_path / f"{n}.json", f"s{n}")
        last = read_last(tmp_path / f"{n}.json")
        assert bytes_of(tmp_path / f"s{n}", site) == site_files(read_release(release)), step.__name__


def test_a_theme_that_gets_its_first_figures_is_named_by_all(tmp_path: Path, no_pdf: None) -> None:
    rows = [r for r in observations() if r["indicator_code"] != "residence_permits"]
    one = write_site(write_release(tmp_path / "one", rows, stories=STORIES), tmp_path / "site")
    one.remember(tmp_path / "last.json", "site")
    release = write_release(tmp_path / "two", stories=STORIES)
    two = write_site(release, tmp_path / "new", last=read_last(tmp_path / "last.json"))
    assert {"messages arrivals", "structures", "catalogue"} <= set(two.tally.pieces)
    assert "messages labour" in one.pieces and "messages labour" not in two.tally.pieces
    assert bytes_of(tmp_path / "new", two) == site_files(read_release(release))


@pytest.mark.parametrize("path", ["sdmx/arrivals-2.1.xml", "es/data/foreign_born.xlsx"])
def test_a_file_for_machines_that_was_touched_or_is_gone_is_made_again(
    first: First, tmp_path: Path, path: str
) -> None:
    site = write_site(first.release, tmp_path / "one", last=first.last)
    site.remember(tmp_path / "one.json", "one")
    touched = tmp_path / "one" / path
    piece = {n for n, p in site.pieces.items() if path in p.files}
    for change in (lambda: touched.write_bytes(b"?"), touched.unlink, touched.mkdir):
        change()
        again = write_site(first.release, tmp_path / "two", last=read_last(tmp_path / "one.json"))
        assert set(again.tally.pieces) == piece
        assert bytes_of(tmp_path / "two", again) == bytes_of(first.folder / "site", first.site)
        on_disk = {f.relative_to(tmp_path / "two") for f in (tmp_path / "two").rglob("*") if f.is_file()}
        assert on_disk == set(again.paths)


class Full:
    """A file on a disk that has room for some writes more."""

    left = 0

    def __init__(self, stream: Any) -> None:
        self.stream = stream

    def write(self, block: bytes) -> None:
        Full.left -= 1
        if Full.left < 0:
            raise OSError(errno.ENOSPC, "No space left on device")
        self.stream.write(block)

    def __enter__(self) -> Full:
        return self

    def __exit__(self, *given: object) -> None:
        self.stream.close()


@pytest.mark.parametrize(("share", "kept"), [(0.02, True), (0.3, False), (0.6, True), (0.95, False)])
def test_a_disk_that_fills_in_the_middle_of_a_file_leaves_the_last_site_whole(
    first: First, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, share: float, kept: bool
) -> None:
    last = first.last if kept else NO_SITE
    out = tmp_path / "site"
    whole = write_site(first.release, out, last=first.last)
    release = changed(tmp_path / "r", one_figure)
    opened = Shelf._opened
    monkeypatch.setattr(Shelf, "_opened", lambda shelf, path: Full(opened(shelf, path)))
    Full.left = int(share * len(whole.paths))
    with pytest.raises(CaudalError) as refused:
        write_site(release, out, last=last)
    assert refused.value.problems[0].code == "disk-full"
    assert bytes_of(out, whole) == bytes_of(first.folder / "site", first.site)
    assert [p for p in tmp_path.iterdir() if p.name.startswith("site.")] == []
    monkeypatch.undo()
    monkeypatch.setattr("caudal.publish.sheets.find_spec", lambda name: None)
    again = write_site(release, out, last=last)
    assert bytes_of(out, again) == site_files(read_release(release))


def test_a_large_message_is_written_block_by_block(first: First, monkeypatch: pytest.MonkeyPatch) -> None:
    """In memory there is never more than one block of it."""
    blocks: dict[str, int] = {}
    put = Shelf.put

    def counted(shelf: Shelf, path: str, data: Data) -> str:
        if isinstance(data, bytes):
            return put(shelf, path, data)
        parts = list(data)
        blocks[path] = len(parts)
        return put(shelf, path, iter(parts))

    monkeypatch.setattr(Shelf, "put", counted)
    site_files(read_release(first.release))
    assert {p for p in blocks if p.startswith("sdmx/")} == {
        f"sdmx/{t}-{v}.xml" for t in ("arrivals", "labour", "stocks") for v in ("2.1", "3.0")
    }
    assert min(blocks.values()) >= 3


def test_every_piece_is_heard_when_it_is_done(first: First, tmp_path: Path) -> None:
    heard: list[tuple[str, int]] = []
    hear = lambda piece, tally: heard.append((piece, tally.files))  # noqa: E731
    site = write_site(first.release, tmp_path / "site", last=first.last, hear=hear)
    assert [name for name, _ in heard] == list(site.pieces)
    assert heard[-1][1] == sum(len(p.files) for p in site.pieces.values())


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


def test_a_part_that_is_made_is_not_made_again_where_its_parts_are_as_they_were() -> None:
    made: list[str] = []

    def build(letters: dict[str, int], known: Known | None) -> tuple[Reads, Made[int]]:
        reads = Reads(("letter/a",), known)
        values = Noted("letter", letters, reads)

        def double(key: str) -> int:
            made.append(key)
            return 2 * values[key]

        return reads, Made("double", ("b", "c"), double, reads)

    reads, doubles = build({"a": 0, "b": 1, "c": 2}, None)
    with reads.watching() as heard:
        assert doubles["b"] == 2
    assert heard == {"double/b"}, "who reads it does not depend on what it is made of"
    known = reads.known(heard)
    assert dict(known.made_of) == {"double/b": ("letter/a", "letter/b")}
    assert set(known.digests) == {"double/b", "letter/a", "letter/b"} and made == ["b"]

    reads, _ = build({"a": 0, "b": 1, "c": 9}, known)
    assert reads.digest("double/b") == known.digests["double/b"] and made == ["b"]
    assert reads.known({"double/b"}) == known, "the next build knows as much"
    for letters in ({"a": 0, "b": 5, "c": 2}, {"a": 7, "b": 1, "c": 2}):
        reads, _ = build(letters, known)
        same = reads.digest("double/b") == known.digests["double/b"]
        assert same == (letters["b"] == 1)
    assert made == ["b", "b", "b"]


def test_a_part_that_is_made_in_two_ways_is_made_of_what_both_read() -> None:
    """As the area that is spoken of: that of the release in one voice, a country in another."""
    reads = Reads()
    values = Noted("letter", {"a": 1, "b": 2}, reads)
    for key in ("a", "b"):
        with reads.making("voice-es/area"):
            assert values[key]
    assert reads.made_of["voice-es/area"] == ("letter/a", "letter/b")


def test_what_has_no_digest_is_refused() -> None:
    with pytest.raises(TypeError, match="no digest"):
        digest_of(object())
