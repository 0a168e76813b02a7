"""The readiness matrix: derived from the concepts of sources and the verdicts of cells, never typed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from caudal.catalogue import load_catalogue
from caudal.catalogue.readiness import matrix_spec
from caudal.estimate.indicators import key_dimensions
from caudal.model.observation import conform
from caudal.model.readiness import ReadinessCell
from caudal.model.record import record_kinds
from caudal.model.release import ReleaseStructure
from caudal.model.source import SourceSpec
from caudal.river.readiness import Held, readiness

ROOT = Path(__file__).resolve().parents[3]
CATALOGUE = load_catalogue(ROOT / "examples" / "argentina", ("es", "pt", "en"))[0]
DIMENSIONS = key_dimensions(CATALOGUE)
RATE = "unemployment_rate"
COLUMNS = frozenset(
    {"age_years", "sex_code", "activity_status_code", "birth_country_code", "area_code", "ethnicity_code"}
)
SURVEY = SourceSpec.model_validate(
    {
        "source": "survey",
        "title": {"en": "Survey"},
        "producer": "Office",
        "origin": "office",
        "licence": "-",
        "kind": "person",
        "concept": {"scope": "general_population"},
        "tables": {"persons": {"format": {"type": "parquet"}}},
        "deliveries": [{"period": "2024", "file": "a.parquet"}],
    }
)


def cell(
    status: str, reliability: str = "reliable", verdict: str = "released", **codes: str
) -> dict[str, Any]:
    out = verdict == "released"
    area = codes.pop("area", "AR")
    return {
        "indicator_code": RATE,
        "indicator_version": "1",
        "reporter_code": "AR",
        "reference_area_code": area,
        "counterpart_area_code": "_Z",
        "time_period": "2024",
        "migratory_status_code": status,
        **{f"{d}_code": c for d, c in codes.items()},
        "source_code": "survey",
        "concept_vector": "",
        "vintage": "2024",
        "value": 10.0 if out else None,
        "sampling_se": 4.0 if out else None,
        "sample_n": 60,
        "cases_n": 6,
        "df": 30.0,
        "unit_code": "PT",
        "reliability": reliability if out else None,
        "verdict": verdict,
    }


def table(rows: list[dict[str, Any]]) -> pa.Table:
    found = [{n: r.get(n) for r_ in rows for n in r_} for r in rows]
    for row in found:
        row.update({f"{d}_code": row.get(f"{d}_code") or "_T" for d in DIMENSIONS})
    return conform(pa.Table.from_pylist(found) if found else pa.table({}), DIMENSIONS)


def scores(
    rows: list[dict[str, Any]],
    columns: frozenset[str] = COLUMNS,
    here: bool = True,
    before: list[dict[str, Any]] | None = None,
) -> dict[str, ReadinessCell]:
    made = readiness(
        CATALOGUE,
        "AR",
        "chile",
        [Held(SURVEY, columns, here)],
        table(rows),
        table(rows if before is None else before),
    )
    return {c.axis: c for c in made.cells if c.indicator == RATE}


GROUPS = [cell("FB"), cell("NB")]
BY_SEX = [cell(s, sex=x) for s in ("FB", "NB") for x in ("F", "M")]
FULL = [cell("FB", sex=x, age=a) for x in ("F", "M") for a in ("Y15T24", "Y25T34")]


def test_nothing_of_it_is_here() -> None:
    found = scores([], frozenset({"age_years"}))[""]
    assert (found.score, found.why, found.lacks) == (0, "lacks", ("activity_status_code",))
    assert (scores([], here=False)[""].score, scores([], here=False)[""].why) == (0, "no_delivery")


def test_a_column_less_and_the_score_falls() -> None:
    rows = [*GROUPS, *BY_SEX, *FULL]
    assert scores(rows)[""].score == 5
    without = scores([], COLUMNS - {"birth_country_code"})
    assert (without[""].score, without[""].why) == (1, "lacks_status")
    assert without[""].lacks == ("birth_country_code",)
    assert scores(rows)["sex"].score == 5
    assert scores(rows, COLUMNS - {"sex_code"})["sex"].score == 1
    assert scores(rows, COLUMNS - {"sex_code"})["sex"].lacks == ("sex_code",)


def test_asked_and_not_tabulated() -> None:
    assert (scores([])[""].score, scores([])[""].why) == (2, "not_tabulated")
    assert (scores(GROUPS)["ethnicity"].score, scores(GROUPS)["ethnicity"].why) == (2, "not_tabulated")


def test_tabulated_and_not_to_be_trusted_or_shown() -> None:
    weak = scores([cell("FB", "non-reliable"), cell("NB")])[""]
    assert (weak.score, weak.why) == (3, "unreliable")
    assert weak.enough_n is not None and weak.enough_n > 60
    withheld = scores([cell("FB", verdict="suppressed"), cell("NB")])[""]
    assert (withheld.score, withheld.why) == (3, "withheld")


def test_of_a_withheld_cell_no_number_is_told() -> None:
    """Whatever lies behind a withheld cell, what the matrix says of it is the same."""
    told = []
    for n in (3, 60, 4000):
        hidden = [cell("FB", verdict="suppressed"), cell("NB")]
        before = [cell("FB") | {"sample_n": n, "cases_n": n}, cell("NB")]
        told.append(scores(hidden, before=before)[""])
    assert told[0] == told[1] == told[2]
    assert told[0].enough_n is None


def test_published_in_part_and_fully() -> None:
    part = [*GROUPS, cell("FB", sex="F"), cell("FB", "non-reliable", sex="M"), cell("NB", sex="F")]
    assert (scores(part)["sex"].score, scores(part)["sex"].why) == (4, "some")
    assert scores([*GROUPS, *BY_SEX])["sex"].score == 5
    assert scores([*GROUPS, *BY_SEX])[""].score == 4  # not by sex and age
    hidden = [*FULL[:3], cell("FB", verdict="suppressed", sex="M", age="Y25T34")]
    assert scores([*GROUPS, *hidden])[""].score == 4


def test_a_category_that_the_indicator_is_not_about_takes_nothing_away() -> None:
    nobody = [cell(s, "", verdict="missing", sex="X") for s in ("FB", "NB")]
    assert scores([*GROUPS, *BY_SEX, *nobody])["sex"].score == 5


def test_a_region_counts_as_territory() -> None:
    rows = [*GROUPS, *(cell(s, area=a) for s in ("FB", "NB") for a in ("AR-B", "AR-C"))]
    assert scores(rows)["territory"].score == 5


def test_a_region_holds_the_scores_of_its_members_as_they_are() -> None:
    made = readiness(CATALOGUE, "AR", "chile", [Held(SURVEY, COLUMNS, True)], table(GROUPS), table(GROUPS))
    member = ReleaseStructure.model_construct(readiness=made)
    region = readiness(CATALOGUE, "005", "chile", [], table([]), table([]), [member, member])
    assert region.cells == made.cells * 2
    assert {i.indicator for i in region.indicators} == {c.indicator for c in made.cells}
    assert set(region.questions) == set(made.questions)


def test_every_concept_that_an_indicator_may_lack_has_a_question() -> None:
    questions = matrix_spec().questions
    made = readiness(CATALOGUE, "AR", "chile", [Held(SURVEY, frozenset(), True)], table([]), table([]))
    lacking = {c for x in made.cells for c in x.lacks if "=" not in c}
    assert lacking - set(questions) == set()
    assert set(questions) <= {c.name for k in record_kinds().values() for c in k.columns}
    assert all({"es", "pt", "en"} <= set(q.text) for q in questions.values())


@pytest.mark.parametrize("axis", [a.axis for a in matrix_spec().axes])
def test_the_axes_are_dimensions_of_the_catalogue(axis: str) -> None:
    found = next(a for a in matrix_spec().axes if a.axis == axis)
    assert set(found.dimensions) <= set(CATALOGUE.dimensions)
