"""The size of revisions, and the response of a sample, from the run to the reference metadata."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from caudal.errors import CaudalError
from caudal.river.build import build
from caudal.river.folder import read_folder
from caudal.river.log import silent
from caudal.river.publishing import sign_release
from caudal.river.revisions import revisions
from caudal.river.signing import signatory
from tests.support.small_country import replace_in


def table(*rows: tuple[str, str, float | None, str]) -> pa.Table:
    """Observations of an indicator, a period, a value and an edition."""
    return pa.Table.from_pylist(
        [
            {"indicator_code": i, "reference_area_code": "XI", "time_period": t, "source_code": "s",
             "vintage": v, "value": value}
            for i, t, value, v in rows
        ]
    )  # fmt: skip


def test_figures_that_both_show_are_compared_whatever_their_edition() -> None:
    before = table(("a", "2023", 100.0, "1"), ("a", "2024", 50.0, "1"), ("b", "2024", 7.0, "1"))
    now = table(("a", "2023", 110.0, "2"), ("a", "2024", 50.0, "2"), ("b", "2024", 7.0, "2"))
    first, second = revisions(before, now)
    assert (first.indicator, first.figures, first.revised) == ("a", 2, 1)
    assert first.median == first.largest == pytest.approx(10.0)
    assert (second.figures, second.revised, second.median) == (1, 0, None)


def test_a_figure_that_one_withholds_tells_nothing() -> None:
    shown, hidden = table(("a", "2024", 3.0, "1")), table(("a", "2024", None, "2"))
    assert revisions(shown, hidden) == revisions(hidden, shown) == ()


def test_a_figure_that_was_zero_has_no_size_and_noise_of_doubles_is_none() -> None:
    (entry,) = revisions(table(("a", "2024", 0.0, "1")), table(("a", "2024", 2.0, "2")))
    assert (entry.revised, entry.median, entry.largest) == (1, None, None)
    (entry,) = revisions(table(("a", "2024", 0.3, "1")), table(("a", "2024", 0.1 + 0.2, "2")))
    assert entry.revised == 0


def test_the_newest_edition_of_a_figure_counts() -> None:
    before = table(("a", "2024", 1.0, "1"), ("a", "2024", 2.0, "2"))
    (entry,) = revisions(before, table(("a", "2024", 3.0, "3")))
    assert entry.largest == pytest.approx(50.0)


def metadata(release: Path, theme: str) -> str:
    """The reference metadata of a theme as text."""
    sets = json.loads((release / "site" / "sdmx" / "metadata-2.0.json").read_bytes())["data"]["metadataSets"]
    found: Any = next(s for s in sets if s["id"] == f"MDS_{theme.upper()}")
    return json.dumps(found, ensure_ascii=False)


def test_a_survey_tells_how_many_answered_or_that_nobody_says(country: Path) -> None:
    assert "its office does not tell it" in metadata(build(country).release, "stocks")
    told = "response: {sampled: 450, responding: 360, unit: {es: hogares, pt: domicílios, en: households}}"
    replace_in(
        country / "sources" / "survey.yaml", "file: survey_2024Q1.csv}", f"file: survey_2024Q1.csv, {told}}}"
    )
    found = metadata(build(country).release, "stocks")
    assert "of 450 households drawn, 360 answered (80.0%)" in found and "does not tell it" not in found
    assert "de 450 hogares de la muestra respondieron 360 (80,0 %)" in found


def test_more_answers_than_units_are_refused(country: Path) -> None:
    told = "response: {sampled: 360, responding: 361}"
    replace_in(
        country / "sources" / "survey.yaml", "file: survey_2024Q1.csv}", f"file: survey_2024Q1.csv, {told}}}"
    )
    with pytest.raises(CaudalError, match="more units answered than were drawn"):
        read_folder(country)


STORY = """\
story: how_many
title: {es: Cuántas son, pt: Quantas são, en: How many}
frame: NUMBERS
claim: {es: Son la mitad, pt: São a metade, en: They are half}
text: {es: "{share} de fuera", pt: "{share} de fora", en: "{share} from abroad"}
shows_not: {es: Quiénes son., pt: Quem são., en: Who they are.}
figures:
  share: {cell: migrant_share/XI/2024-Q1/all/survey, reviewed: "25.0"}
cards:
  - card: share
    headline: {es: "{share} de fuera", pt: "{share} de fora", en: "{share} from abroad"}
    figure: share
    shows_not: {es: Quiénes son., pt: Quem são., en: Who they are.}
author: Ana Ruiz
date: 2024-05
"""


def test_a_second_edition_tells_the_size_of_its_revisions_and_puts_the_story_under_review(
    country: Path,
) -> None:
    (country / "stories").mkdir()
    (country / "stories" / "how_many.yaml").write_text(STORY, encoding="utf-8")
    first = build(country).release
    assert "First release: nothing was revised." in metadata(first, "stocks")
    assert "Under review" not in (first / "site/en/story/how_many.html").read_text("utf-8")
    key = Ed25519PrivateKey.generate()
    sign_release(country, key, signatory(key, name="Ana Ruiz", role="", date="2024-05-30"), silent)
    replace_in(country / "publication.yaml", "2024-05", "2024-06")
    policy = country / "protection.yaml"
    policy.write_text(policy.read_text("utf-8") + "unchanged_figures: open\n", encoding="utf-8")
    path = country / "data" / "survey_2024Q1.csv"
    rows = [r[:-1] + "1" if r.endswith(";2") and i % 3 == 0 else r
            for i, r in enumerate(path.read_text("utf-8").splitlines())]  # fmt: skip
    path.write_text("\n".join(rows) + "\n", encoding="utf-8")
    second = build(country).release
    told = metadata(second, "stocks")
    entries = json.loads((second / "structure.json").read_bytes())["revisions"]
    share = next(e for e in entries if e["indicator"] == "migrant_share")
    assert share["revised"] > 0 and share["largest"] > share["median"] > 0
    assert f"{share['figures']} figures that were also in the release before, {share['revised']}" in told
    story = second / "site" / "en" / "story"
    for name in ("how_many.html", "how_many.share.html", "how_many.share.svg", "index.html"):
        assert "Under review" in (story / name).read_text("utf-8"), name
    page = (story / "how_many.html").read_text("utf-8")
    assert "25.0%" in page and '<p class="lede">' in page
    card = json.loads((story / "how_many.share.jsonld").read_bytes())
    assert card["creativeWorkStatus"] == "UnderReview" and "measuredValue" not in card["mentions"][0]
