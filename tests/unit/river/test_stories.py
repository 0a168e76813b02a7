"""Stories: figures are references, and a reference that no longer says what was reviewed is seen."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from caudal.errors import CaudalError
from caudal.publish.release import read_release
from caudal.publish.stories import Story, stories
from caudal.publish.voice import voice_of
from caudal.river.build import build
from caudal.river.folder import read_folder
from caudal.river.stories import half_unit
from tests.support.small_country import replace_in, survey_rows

CELL = "migrant_share/XI/2024-Q1/all/survey"
STORY = """\
story: how_many
title: {es: Cuántas son, pt: Quantas são, en: How many}
frame: NUMBERS
claim: {es: Son la mitad, pt: São a metade, en: They are half}
rating: 1
text:
  es: "Nacieron fuera {share} ({share_interval}), {share_time}."
  pt: "Nasceram fora {share} ({share_interval})."
  en: |
    {share} were born abroad ({share_interval}).

    Not half.
shows_not: {es: Quiénes son., pt: Quem são., en: Who they are.}
about: {source_type: survey}
figures:
  share: {cell: CELL, reviewed: SEEN}
cards:
  - card: share
    headline: {es: "{share} de fuera", pt: "{share} de fora", en: "{share} from abroad"}
    figure: share
    shows_not: {es: Quiénes son., pt: Quem são., en: Who they are.}
author: Ana Ruiz
date: 2026-05
"""


def write(country: Path, seen: str = "25.0", cell: str = CELL, **changes: str) -> Path:
    text = STORY.replace("SEEN", f'"{seen}"').replace("CELL", cell)
    for before, after in changes.items():
        assert before in text
        text = text.replace(before, after)
    path = country / "stories" / "how_many.yaml"
    path.parent.mkdir(exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


def told(country: Path, language: str = "en") -> Story:
    release = read_release(build(country).release)
    return stories(voice_of(release, language))[0]


def wrong(country: Path) -> list[str]:
    with pytest.raises(CaudalError) as caught:
        read_folder(country)
    return [p.code for p in caught.value.problems]


def test_a_figure_that_is_what_the_reviewer_saw_stands_with_its_interval_and_its_cell(country: Path) -> None:
    write(country)
    story = told(country)
    assert story.reasons == () and not story.entry.under_review
    first, second = story.paragraphs
    assert f'href="../indicator/migrant_share.html#{CELL}@2024-05"' in first and "25.0%" in first
    assert story.figures["share"].interval in first.striptags() and second == "Not half."
    site = build(country).release / "site" / "en" / "story"
    page = (site / "how_many.html").read_text(encoding="utf-8")
    assert "Under review" not in page and "They are half" in page
    review = json.loads((site / "how_many.share.jsonld").read_text(encoding="utf-8"))
    assert review["@type"] == "ClaimReview" and review["reviewRating"]["alternateName"] == "False"
    assert "25.0%" in (site / "how_many.share.svg").read_text(encoding="utf-8")


def test_a_revised_figure_marks_the_story_and_its_cards_and_changes_no_sentence(country: Path) -> None:
    write(country, seen="24.1")
    story = told(country)
    assert story.entry.cited["share"].state == "revised" and "25.0%" in story.reasons[0]
    assert "24.1%" in story.paragraphs[0] and "25.0%" not in story.paragraphs[0]
    site = build(country).release / "site" / "en" / "story"
    for page in ("how_many.html", "how_many.share.html", "how_many.share.svg", "index.html"):
        assert "Under review" in (site / page).read_text(encoding="utf-8"), page


def test_new_data_marks_the_story(country: Path) -> None:
    write(country)
    assert told(country).reasons == ()
    rows = survey_rows().splitlines()
    rows = [r[:-1] + "1" if r.endswith(";2") and i % 3 == 0 else r for i, r in enumerate(rows)]
    (country / "data" / "survey_2024Q1.csv").write_text("\n".join(rows) + "\n", encoding="utf-8")
    assert told(country).entry.cited["share"].state == "revised"


def test_nothing_is_told_of_a_figure_that_is_withdrawn(country: Path) -> None:
    write(country)
    notice = "notices:\n  - kind: withdrawal\n    indicator: migrant_share\n    text: {en: Wrong weights.}\n"
    publication = country / "publication.yaml"
    publication.write_text(publication.read_text("utf-8") + notice, encoding="utf-8")
    story = told(country)
    assert story.entry.cited["share"].state == "withheld" and story.reasons
    release = build(country).release
    for file in (f for f in release.rglob("*") if f.suffix in (".html", ".json", ".svg", ".jsonld", ".csv")):
        text = file.read_text(encoding="utf-8")
        assert "25.0%" not in text and '"25.0"' not in text, file


def test_a_story_expires_with_an_edition_and_not_with_the_clock(country: Path) -> None:
    write(country, **{"date: 2026-05": "date: 2026-05\nexpires: 2024-05"})
    assert told(country).entry.expired and told(country).entry.under_review
    write(country, **{"date: 2026-05": "date: 2026-05\nexpires: 2024-06"})
    assert not told(country).entry.under_review


def test_a_figure_that_nobody_reviewed_is_under_review(country: Path) -> None:
    write(country, seen="")
    assert told(country).entry.cited["share"].state == "unreviewed"


def test_a_cell_that_never_was_is_a_mistake_and_one_that_was_is_a_reason(country: Path) -> None:
    write(country, seen="", cell="migrant_share/XI/2024-Q2/all/survey")
    with pytest.raises(CaudalError) as caught:
        build(country)
    assert caught.value.problems[0].facts["nearest"] == CELL
    write(country, cell="migrant_share/XI/2023-Q1/all/survey")
    assert told(country).entry.cited["share"].state == "absent"


def test_a_break_of_the_series_is_a_reason(country: Path) -> None:
    from caudal.model.story import Cited
    from caudal.river.stories import _entry

    row = {
        "indicator_code": "i", "reference_area_code": "XI", "time_period": "2024", "source_code": "s",
        "vintage": "2024", "value": 5.0, "obs_status_code": "B",
    }  # fmt: skip
    assert _entry(Cited(cell="i/XI/2024/all/s", reviewed="5"), row).state == "break"


@pytest.mark.parametrize(
    ("before", "after", "code"),
    [
        ("{share_interval}), {share_time}", "{shares})", "unknown-name"),
        ("Not half.", "Not half but 25.1 %.", "story-number-typed"),
        ("Not half.", "Only 1.234 persons.", "story-number-typed"),
        ("pt: São a metade, ", "", "story-language-missing"),
        ("frame: NUMBERS", "frame: NUMBER", "unknown-name"),
        ("figure: share", "figure: shares", "unknown-name"),
        ("about: {source_type", "about: {source_typ", "unknown-name"),
        ("story: how_many", "story: how_much", "story-misnamed"),
    ],
)
def test_mistakes_are_told_before_anything_is_computed(
    country: Path, before: str, after: str, code: str
) -> None:
    write(country, **{before: after})
    assert wrong(country) == [code]


def test_a_story_about_another_concept_is_refused_unless_it_says_how_to_read_it(country: Path) -> None:
    write(country, **{"about: {source_type: survey}": "about: {source_type: census}"})
    with pytest.raises(CaudalError) as caught:
        build(country)
    assert [p.code for p in caught.value.problems] == ["story-other-concept"]
    bridge = "bridge: {es: Se parecen., pt: Parecem-se., en: They are alike.}"
    write(country, **{"about: {source_type: survey}": f"about: {{source_type: census}}\n{bridge}"})
    assert not told(country).entry.under_review


@pytest.mark.parametrize(
    ("figure", "half"), [("9.7", 0.05), ("25", 0.5), ("1290000", 5000.0), ("0", 0.5), ("-3.25", 0.005)]
)
def test_the_digits_that_are_written_are_those_that_count(figure: str, half: float) -> None:
    assert half_unit(figure) == pytest.approx(half)


def test_markup_in_a_story_is_text(country: Path) -> None:
    write(country, **{"Not half.": "<script>alert('x')</script>"})
    site = build(country).release / "site" / "en" / "story"
    assert "<script>alert" not in (site / "how_many.html").read_text(encoding="utf-8")


def test_a_folder_without_stories_has_no_page_of_stories(country: Path) -> None:
    release = build(country).release
    assert not (release / "site" / "en" / "story").exists()
    replace_in(country / "publication.yaml", "2024-05", "2024-06")
    write(country)
    assert (build(country).release / "site" / "es" / "story" / "index.html").is_file()


def test_what_a_figure_does_not_show_and_what_speaks_against_it_may_cite_figures_too(country: Path) -> None:
    odd = 'shows_not: {es: "No {share}.", pt: "Não {share}.", en: "Not {share}."}'
    write(country, **{"shows_not: {es: Quiénes son., pt: Quem são., en: Who they are.}": odd})
    site = build(country).release / "site" / "en" / "story"
    for name in ("how_many.html", "how_many.share.html", "how_many.share.jsonld"):
        text = (site / name).read_text(encoding="utf-8")
        assert "{share}" not in text and "Not " in text, name
    card = json.loads((site / "how_many.share.jsonld").read_bytes())
    assert [c["text"] for c in card["comment"]] == ["Not 25.0%."]


def test_a_story_about_a_suppressed_cell_tells_nothing_of_it_in_any_file(country: Path) -> None:
    replace_in(country / "protection.yaml", "survey_threshold: 5", "survey_threshold: 1000")
    write(country)
    story = told(country)
    assert story.entry.cited["share"].state == "withheld" and story.reasons
    folder = build(country).release
    for file in (f for f in folder.rglob("*") if f.suffix in (".html", ".json", ".svg", ".jsonld", ".csv")):
        text = file.read_text(encoding="utf-8")
        assert "25.0%" not in text and '"25.0"' not in text and "25,0" not in text, file
    card = json.loads((folder / "site/en/story/how_many.share.jsonld").read_bytes())
    assert card["creativeWorkStatus"] == "UnderReview" and "measuredValue" not in card["mentions"][0]


def test_long_words_and_combining_letters_stay_in_the_picture(country: Path) -> None:
    """A word longer than a line is cut into lines that fit; a combining tilde stays on its letter."""
    long, nasal = "Ñembohekovekuaaukapyrãmeguarãichagua" * 2, "g\u0303uarani"
    words = f'headline: {{es: "{{share}} {long} {nasal}", pt: "{{share}}", en: "{{share}} {long} {nasal}"}}'
    usual = 'headline: {es: "{share} de fuera", pt: "{share} de fora", en: "{share} from abroad"}'
    write(country, **{usual: words})
    site = build(country).release / "site" / "en" / "story"
    svg = (site / "how_many.share.svg").read_text(encoding="utf-8")
    lines = re.findall(r'<text x="64"[^>]*font-size="42"[^>]*>([^<]*)</text>', svg)
    assert len(lines) > 1 and max(map(len, lines)) <= 1950 // 42
    assert long in "".join(lines).replace(" ", "") and nasal in " ".join(lines)
    assert not any(line.startswith("\u0303") for line in lines)
    page = (site / "how_many.share.html").read_text(encoding="utf-8")
    assert long in page and nasal in page
