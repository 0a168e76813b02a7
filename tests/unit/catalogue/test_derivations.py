"""Dimensions as the engine computes them, on persons made for the purpose."""

from __future__ import annotations

from typing import Any

import duckdb
import pytest

from caudal.catalogue import load_catalogue
from caudal.engine.expressions import columns_of
from caudal.model.catalogue import Catalogue, DimensionSpec, ancestors, rolled_up_sql
from caudal.model.codelist import Code, CodeList
from caudal.model.record import PROVENANCE_COLUMNS, Holds, record_kinds

CATALOGUE: Catalogue = load_catalogue()[0]
SESSION = duckdb.connect()
SQL_TYPE = {Holds.INTEGER: "BIGINT", Holds.DECIMAL: "DOUBLE", Holds.DATE: "DATE"}
WG = ("seeing", "hearing", "walking", "remembering", "selfcare", "communicating")


def derived(dimension: str, kind: str = "person", which: int = 0, **record: Any) -> str:
    """The code that a record gets; columns that it does not name are null."""
    columns = [*record_kinds()[kind].columns, *PROVENANCE_COLUMNS]
    values = {f.name: (record.get(f.name), SQL_TYPE.get(f.holds, "VARCHAR")) for f in columns}
    assert set(record) <= set(values)
    row = ", ".join(f"CAST(? AS {sql}) AS {name}" for name, (_, sql) in values.items())
    sql = CATALOGUE.derivations(dimension, kind, "AR")[which]
    query = f"SELECT ({sql}) FROM (SELECT {row})"
    found = SESSION.execute(query, [v for v, _ in values.values()]).fetchone()
    assert found is not None
    return str(found[0])


@pytest.mark.parametrize(
    ("years", "broad", "five", "minority"),
    [
        (0, "Y_LT15", "Y0T4", "Y_LT18"),
        (4, "Y_LT15", "Y0T4", "Y_LT18"),
        (14, "Y_LT15", "Y10T14", "Y_LT18"),
        (15, "Y15T24", "Y15T19", "Y_LT18"),
        (17, "Y15T24", "Y15T19", "Y_LT18"),
        (18, "Y15T24", "Y15T19", "Y_GE18"),
        (64, "Y55T64", "Y60T64", "Y_GE18"),
        (65, "Y_GE65", "Y65T69", "Y_GE18"),
        (75, "Y_GE65", "Y_GE75", "Y_GE18"),
        (101, "Y_GE65", "Y_GE75", "Y_GE18"),
        (None, "_U", "_U", "_U"),
        (-1, "_U", "_U", "_U"),
    ],
)
def test_ages(years: int | None, broad: str, five: str, minority: str) -> None:
    assert derived("age", age_years=years) == broad
    assert derived("age_5", age_years=years) == five
    assert derived("minority", age_years=years) == minority


def test_the_five_year_groups_lie_inside_the_broad_ones() -> None:
    codes = CATALOGUE.code_lists["CL_AGE"]
    for years in range(0, 110):
        broad, five = derived("age", age_years=years), derived("age_5", age_years=years)
        assert broad in ancestors(codes, five)


@pytest.mark.parametrize(
    ("tabulated", "broad"),
    [
        ("Y0T4", "Y_LT15"),
        ("Y20T24", "Y15T24"),
        ("Y_GE95", "Y_GE65"),
        ("Y_GE18", "_U"),
        ("_Z", "_Z"),
        (None, "_U"),
    ],
)
def test_ages_of_a_table_are_rolled_up(tabulated: str | None, broad: str) -> None:
    assert derived("age", "stock_count", age_code=tabulated) == broad


@pytest.mark.parametrize(
    ("birth", "citizenship", "status", "both", "citizen"),
    [
        ("AR", "AR", "NB", "NB_C", "CIT"),
        ("AR", "BO", "NB", "NB_F", "FOR"),
        ("BO", "AR", "FB", "FB_C", "CIT"),
        ("BO", "BO", "FB", "FB_F", "FOR"),
        ("_O", "STL", "FB", "FB_F", "STL"),
        ("_R", "AR", "_U", "_U", "CIT"),
        (None, None, "_U", "_U", "_U"),
    ],
)
def test_status_by_birth_and_by_citizenship(
    birth: str | None, citizenship: str | None, status: str, both: str, citizen: str
) -> None:
    record: dict[str, Any] = {"birth_country_code": birth, "citizenship_code": citizenship}
    for kind in ("person", "stock_count"):
        assert derived("migratory_status", kind, **record) == status
        assert derived("birth_and_citizenship", kind, **record) == both
        assert derived("citizenship_status", kind, **record) == citizen


@pytest.mark.parametrize(
    ("birth", "year", "code"),
    [
        ("AR", 2018, "_Z"),
        ("BO", 2019, "REC"),
        ("BO", 2015, "REC"),
        ("BO", 2014, "EST"),
        ("BO", None, "_U"),
        ("BO", 2020, "_U"),
        (None, 2018, "_U"),
    ],
)
def test_time_since_arrival(birth: str | None, year: int | None, code: str) -> None:
    assert derived("arrival", birth_country_code=birth, arrival_year=year, valid_period="2019-Q3") == code


@pytest.mark.parametrize(
    ("birth", "before", "residence", "returned"),
    [
        ("AR", "AR", "HERE", "NRET"),
        ("AR", "ES", "ABROAD", "RET"),
        ("AR", "_Z", "_Z", "NRET"),
        ("AR", "_R", "_U", "_U"),
        ("BO", "BO", "ABROAD", "FB"),
        (None, "BO", "ABROAD", "_U"),
    ],
)
def test_previous_residence_and_return(birth: str | None, before: str, residence: str, returned: str) -> None:
    record: dict[str, Any] = {"birth_country_code": birth, "previous_residence_code": before}
    assert derived("previous_residence", **record) == residence
    assert derived("return_migration", **record) == returned


@pytest.mark.parametrize(
    ("birth", "mother", "father", "code"),
    [
        ("BO", "AR", "AR", "GEN1"),
        ("AR", "BO", "AR", "GEN2"),
        ("AR", "_U", "PY", "GEN2"),
        ("AR", "AR", "AR", "GEN0"),
        ("AR", "AR", "_U", "_U"),
        ("AR", None, None, "_U"),
        ("_U", "BO", "BO", "_U"),
    ],
)
def test_generations(birth: str, mother: str | None, father: str | None, code: str) -> None:
    record: dict[str, Any] = {"mother_birth_country_code": mother, "father_birth_country_code": father}
    assert derived("generation", birth_country_code=birth, **record) == code


@pytest.mark.parametrize(
    ("answers", "code"),
    [
        ("111111", "NODIS"),
        ("222222", "NODIS"),
        ("131111", "DIS"),
        ("___114", "DIS"),
        ("______", "_U"),
        ("1_____", "NODIS"),
    ],
)
def test_disability_by_the_washington_group(answers: str, code: str) -> None:
    given: dict[str, Any] = {
        f"wg_{d}_code": None if a == "_" else a for d, a in zip(WG, answers, strict=True)
    }
    assert derived("disability", **given) == code


def test_disability_where_the_source_has_only_the_result() -> None:
    assert derived("disability", which=1, disability_code="DIS") == "DIS"
    assert derived("disability", which=1, disability_code="_R") == "_U"
    not_asked: dict[str, Any] = {f"wg_{d}_code": "_Z" for d in WG}
    assert derived("disability", **not_asked) == "_Z"


def test_world_regions_keep_the_country_itself_apart() -> None:
    assert derived("region_of_birth", birth_country_code="AR") == "AR"
    assert derived("region_of_birth", birth_country_code="BO") == "005"
    assert derived("region_of_birth", birth_country_code="CN") == "142"
    assert derived("region_of_birth", birth_country_code="_O") == "_O"
    assert derived("region_of_birth", birth_country_code="AQ") == "_U"


def test_a_country_without_regions_has_no_region() -> None:
    assert CATALOGUE.derivations("region", "person", "AR") == ()


def test_every_derivation_runs_for_every_kind_that_has_its_columns() -> None:
    ran = 0
    for name, spec in CATALOGUE.dimensions.items():
        for kind in record_kinds():
            names = {c.name for c in (*record_kinds()[kind].columns, *PROVENANCE_COLUMNS)}
            for i, sql in enumerate(CATALOGUE.derivations(name, kind, "AR")):
                if set(columns_of(sql)) <= names:
                    ran += 1
                    assert derived(name, kind, i) == "_U", (spec.dimension, kind)
    assert ran > 40


def test_a_roll_up_takes_the_nearest_code_above() -> None:
    codes = CodeList("CL_X", {c: Code(c, {}, p) for c, p in (("a", ""), ("b", "a"), ("c", "b"), ("d'", "c"))})
    sql = rolled_up_sql("x", codes, ["a", "c"])
    rows = SESSION.execute(f"SELECT x, ({sql}) FROM (VALUES ('a'), ('b'), ('c'), ('d''')) AS t(x)").fetchall()
    assert dict(rows) == {"a": "a", "b": "a", "c": "c", "d'": "c"}


def test_ancestors_of_a_loop_end() -> None:
    codes = CodeList("CL_X", {"a": Code("a", {}, "b"), "b": Code("b", {}, "a")})
    assert ancestors(codes, "a") == ("a", "b")


def test_a_dimension_undeclared_for_a_kind_has_no_derivation() -> None:
    spec = DimensionSpec(
        dimension="d", text={}, code_list="CL_SEX", derive={"person": {"column": "sex_code"}}
    )
    catalogue = Catalogue(dimensions={"d": spec}, code_lists=CATALOGUE.code_lists)
    assert catalogue.derivations("d", "household", "AR") == ()
    assert len(catalogue.derivations("d", "person", "AR")) == 1
