"""The two tables, as declared: what is in the key, what an address says, what a kind must have."""

from __future__ import annotations

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from caudal.errors import CaudalError
from caudal.model.concept import ConceptVector, differences
from caudal.model.observation import (
    address,
    conform,
    dimensions_of,
    in_key_order,
    key_columns,
    observation_schema,
    parse_address,
)
from caudal.model.record import PROVENANCE_COLUMNS, Holds, Leaves, record_kinds

CODES = st.from_regex(r"[A-Z][A-Z0-9_]{0,6}", fullmatch=True).filter(lambda c: c != "_T")
NAMES = st.from_regex(r"[a-z][a-z0-9_]{0,8}", fullmatch=True)
ROW = {
    "indicator_code": "migrant_share",
    "indicator_version": "1",
    "reporter_code": "AR",
    "reference_area_code": "AR",
    "counterpart_area_code": "_Z",
    "time_period": "2019-Q3",
    "source_code": "eph",
    "concept_vector": "",
    "vintage": "2026-11",
}


def test_the_key_of_an_observation_is_that_of_the_design() -> None:
    assert key_columns(["sex"]) == (
        "indicator_code",
        "indicator_version",
        "reporter_code",
        "reference_area_code",
        "counterpart_area_code",
        "time_period",
        "sex_code",
        "source_code",
        "concept_vector",
        "vintage",
    )


@given(st.dictionaries(NAMES, CODES, max_size=4), st.sampled_from(["_Z", "BO"]), NAMES)
def test_an_address_names_its_cell_and_no_other(
    categories: dict[str, str], counterpart: str, source: str
) -> None:
    row = ROW | {"counterpart_area_code": counterpart, "source_code": source}
    row |= {f"{d}_code": c for d, c in categories.items() if f"{d}_code" not in row}
    found = parse_address(address(row))
    assert all(row[name] == code for name, code in found.items())
    assert address(row | found) == address(row)


@pytest.mark.parametrize("text", ["", "a/b", "a/b/c/d/e", "a/b/c/sex/e@f", "a/b/c/d/e/f@g"])
def test_what_is_no_address_is_refused(text: str) -> None:
    with pytest.raises(CaudalError):
        parse_address(text)


def test_absent_dimensions_are_totals_and_unknown_columns_are_refused() -> None:
    table = pa.table({name: [value] for name, value in ROW.items() if name != "counterpart_area_code"})
    found = conform(table, ["sex", "age"]).to_pylist()[0]
    assert (found["sex_code"], found["age_code"], found["counterpart_area_code"]) == ("_T", "_T", "_Z")
    assert found["value"] is None and found["verdict"] is None
    with pytest.raises(CaudalError) as caught:
        conform(table.append_column("sexo_code", pa.array(["F"])), ["sex"])
    assert caught.value.problems[0].facts["nearest"] == "sex_code"


def test_dimensions_are_read_off_the_key_and_rows_sort_by_it() -> None:
    table = conform(pa.table({n: [v, v] for n, v in ROW.items()} | {"sex_code": ["M", "F"]}), ["sex"])
    assert dimensions_of(table) == ("sex",)
    assert in_key_order(table)["sex_code"].to_pylist() == ["F", "M"]
    assert table.schema.equals(observation_schema(["sex"]))


def test_differences_of_concepts_are_named_axis_by_axis() -> None:
    survey = ConceptVector.parse("source_type=survey;basis=birth;unit=person")
    register = ConceptVector.parse(
        "source_type=register;basis=citizenship;unit=person;scope=foreign_citizens"
    )
    assert [(d.axis, d.first, d.second) for d in differences(survey, register)] == [
        ("source_type", "survey", "register"),
        ("basis", "birth", "citizenship"),
        ("scope", None, "foreign_citizens"),
    ]


@pytest.mark.parametrize("name", sorted(record_kinds()))
def test_a_kind_says_its_unit_its_columns_and_what_may_leave(name: str) -> None:
    kind = record_kinds()[name]
    names = [c.name for c in kind.columns]
    assert kind.unit and len(names) == len(set(names))
    assert all(c.meaning for c in kind.columns)
    assert all(c.code_list for c in kind.columns if c.holds is Holds.CODE)
    assert all(c.name.endswith("_code") for c in kind.columns if c.holds is Holds.CODE)
    assert not kind.count_column or kind.column(kind.count_column) is not None


def test_records_about_people_never_leave() -> None:
    about_people = [k for k in record_kinds().values() if any(c.name == "person_key" for c in k.columns)]
    assert about_people and all(k.leaves is Leaves.NEVER for k in about_people)


def test_the_two_tables_are_frozen() -> None:
    """What a column is called and where it stands; a change here breaks every release (decision 10)."""
    key = (
        "indicator_code indicator_version reporter_code reference_area_code counterpart_area_code time_period"
    )
    after = "source_code concept_vector vintage"
    errors = "sampling_se perturbation_se model_se provisional_se lower upper interval_type"
    counts = "sample_n cases_n psu_n df"
    attributes = (
        "unit_code obs_status_code conf_status_code method_code error_note reliability verdict derived_from"
    )
    frozen = [*key.split(), "sex_code", *after.split(), "value", *errors.split(), *counts.split()]
    assert observation_schema(["sex"]).names == [*frozen, *attributes.split()]
    provenance = ["valid_period", "known_at", "delivery_code", "raw_row"]
    assert [c.name for c in PROVENANCE_COLUMNS] == provenance
