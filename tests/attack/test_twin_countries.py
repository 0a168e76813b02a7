"""Two countries that differ in nothing but what is withheld publish the same, from their raw files on.

One person in each of four withheld cells changes places with another: every margin stays. Whatever a release
tells of the records behind it (totals of sources, matrices, stories, revisions, pages, files) is then the
same, but for the checksums of the raw files, which differ because the files do.

The second half looks at what stands beside the figures: totals of a source of which everything is withheld.
"""

import json
import re
from collections.abc import Callable, Mapping
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from caudal.engine.files import sha256_bytes
from caudal.model.release import ReleaseStructure
from caudal.river import assemble, publishing
from caudal.river.build import build
from caudal.river.log import silent
from caudal.river.publishing import sign_release
from caudal.river.signing import signatory
from tests.support.census_country import write_census
from tests.support.small_country import replace_in
from tests.unit.publish.reading import texts

#: Persons by sex and country of birth (1 is here).
Cells = Mapping[tuple[int, int], int]
ONE: Cells = {(2, 1): 200, (2, 2): 3, (2, 3): 7, (1, 1): 150, (1, 2): 6, (1, 3): 4}
TWIN: Cells = {(2, 1): 200, (2, 2): 4, (2, 3): 6, (1, 1): 150, (1, 2): 5, (1, 3): 5}
#: The people of the first edition, when thirty women fewer lived there.
BEFORE = {(2, 1): 170}

CHECKSUM = re.compile(r"\b([0-9a-f]{64}|[0-9a-f]{16})\b")
STORY = """\
story: how_many
title: {es: Cuántas son, pt: Quantas são, en: How many}
frame: NUMBERS
claim: {es: Son muchas, pt: São muitas, en: They are many}
text: {es: "{all}, {few}", pt: "{all}, {few}", en: "{all}, {few}"}
shows_not: {es: Quiénes son., pt: Quem são., en: Who they are.}
figures:
  all: {cell: population/XI/2024-Q1/all/census, reviewed: "370"}
  few: {cell: "migrant_stock/XI/2024-Q1/sex=F,country_of_birth=BO/census", reviewed: "FEW"}
cards:
  - card: few
    headline: {es: "{few} de Bolivia", pt: "{few} da Bolívia", en: "{few} from Bolivia"}
    figure: few
    beside: [all]
    shows_not: {es: Quiénes son., pt: Quem são., en: Who they are.}
author: Ana Ruiz
date: 2024-05
"""


def rows(cells: Cells) -> str:
    """The census as a file; people have numbers in the order of their cells."""
    people = [cell for cell, n in cells.items() for _ in range(n)]
    lines = [f"P{k};{sex};30;{born};10" for k, (sex, born) in enumerate(people)]
    return "\n".join(["id;sex;age;born;earned", *lines]) + "\n"


def country(folder: Path, cells: Cells) -> Path:
    """A census with small cells, a story that cites one of them as somebody in the office knows it, and a
    figure of it that the producer has published."""
    made = write_census(folder, "count_threshold: 5\n", indicators="population, migrant_share, migrant_stock")
    (made / "data" / "survey_2024Q1.csv").write_text(rows(cells), "utf-8")
    (made / "stories").mkdir()
    (made / "stories" / "how_many.yaml").write_text(STORY.replace("FEW", str(cells[2, 2])), "utf-8")
    return made


def two_editions(folder: Path, cells: Cells) -> Path:
    """The release of a second edition, after the first was signed."""
    made = country(folder, {**cells, **BEFORE})
    build(made)
    key = Ed25519PrivateKey.from_private_bytes(bytes(32))
    sign_release(made, key, signatory(key, name="Ana Ruiz", role="", date="2024-05-30"), silent)
    replace_in(made / "publication.yaml", "2024-05", "2024-06")
    (made / "data" / "survey_2024Q1.csv").write_text(rows(cells), "utf-8")
    return build(made).release


def without_checksums(release: Path) -> dict[str, str]:
    """What each file of a release holds: its bytes, or its text with all checksums alike where it tells one
    (shortened ones and the name of the release too)."""
    found: dict[str, str] = {}
    for file in (f for f in release.rglob("*") if f.is_file()):
        data, path = file.read_bytes(), file.relative_to(release).as_posix()
        told = "\n".join(f"{place}\n{text}" for place, text in texts(path, data)).replace(release.name, "it")
        alike, checksums_n = CHECKSUM.subn("checksum", told)
        found[path] = alike if checksums_n else sha256_bytes(data)
    return found


def apart(one: Path, other: Path) -> list[str]:
    """The files of two releases that are not the same."""
    first, second = without_checksums(one), without_checksums(other)
    return sorted(p for p in first.keys() | second.keys() if first.get(p) != second.get(p))


def withheld(release: Path) -> set[str]:
    table = pq.read_table(release / "observations.parquet").to_pylist()
    return {f"{r['sex_code']} {r['country_of_birth_code']}" for r in table if r["verdict"] == "suppressed"}


@pytest.mark.parametrize("publish", [lambda f, c: build(country(f, c)).release, two_editions])
def test_two_countries_that_differ_in_what_is_withheld_publish_the_same(
    tmp_path: Path, publish: Callable[[Path, Cells], Path]
) -> None:
    one, other = publish(tmp_path / "one", ONE), publish(tmp_path / "other", TWIN)
    assert {"F BO", "F PE", "M BO", "M PE"} <= withheld(one)
    assert apart(one, other) == []
    assert "structure.json" in without_checksums(one) and len(without_checksums(one)) > 100


def test_the_test_of_twins_sees_one_number_of_a_withheld_cell(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same two countries, if the structure told one thing of the table before the gate."""
    honest = assemble.structure

    def telling(*given: object) -> ReleaseStructure:
        told = honest(*given)  # type: ignore[arg-type]
        table = given[3]
        assert isinstance(table, pa.Table)
        least = min(
            r["value"] for r in table.to_pylist() if r["value"] and r["country_of_birth_code"] == "BO"
        )
        return told.model_copy(update={"contact": f"{least:g} tables"})

    monkeypatch.setattr(publishing, "structure", telling)
    one, other = (build(country(tmp_path / n, c)).release for n, c in (("one", ONE), ("other", TWIN)))
    assert {"structure.json", "site/es/index.html"} <= set(apart(one, other))


def few_people(folder: Path, persons: int) -> Path:
    """The release of a source of so few people that nothing of it is shown."""
    return build(country(folder, {(2, 2): persons - 1, (1, 3): 1})).release


def numbers_beside(release: Path) -> dict[str, str]:
    """What a release tells of the rows of its census, on pages and in files, without sizes of raw files."""
    described = json.loads((release / "structure.json").read_bytes())
    census = next(s for s in described["sources"] if s["source"] == "census")
    found = {"structure.json": json.dumps(census["reconciliation"], sort_keys=True)}
    for page in sorted((release / "site").rglob("*.html")):
        lines = re.findall(r"[^<>]*\b(?:rows|filas|linhas)\b[^<>]*", page.read_text("utf-8"))
        found[page.relative_to(release).as_posix()] = "\n".join(lines)
    return found


def test_the_rows_of_a_source_do_not_tell_its_withheld_total(tmp_path: Path) -> None:
    one, other = few_people(tmp_path / "one", 2), few_people(tmp_path / "other", 4)
    for release in (one, other):
        table = pq.read_table(release / "observations.parquet")
        census = [r for r in table.to_pylist() if r["source_code"] == "census" and r["value"]]
        assert census == []
    assert numbers_beside(one) == numbers_beside(other)


def test_the_test_of_rows_sees_an_exact_count(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(assemble, "_public_counts", lambda counts, kind: counts)
    one, other = (numbers_beside(few_people(tmp_path / str(n), n)) for n in (2, 4))
    assert one["structure.json"] != other["structure.json"]
    assert one["site/en/source/census.html"] != other["site/en/source/census.html"]


def test_a_source_about_women_alone_is_released_without_a_gap_to_men(tmp_path: Path) -> None:
    """The register of a shelter has no man in it: what compares with men is left out, the rest is told."""
    release = build(country(tmp_path / "pais", {(2, 1): 60, (2, 2): 3, (2, 3): 40})).release
    rows = pq.read_table(release / "observations.parquet").to_pylist()
    census = [r for r in rows if r["source_code"] == "census"]
    assert {r["sex_code"] for r in census} == {"F", "_T"}
    assert any(r["value"] == 103 for r in census)
    assert not [r for r in census if r["indicator_code"].endswith("_gap")]
