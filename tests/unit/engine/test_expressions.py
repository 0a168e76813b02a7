"""Expressions of specs are parsed and checked, never trusted."""

from __future__ import annotations

import pytest

from caudal.engine.expressions import check_expression, columns_of, is_condition

COLUMNS = ("sex_code", "age_years", "weight")


@pytest.mark.parametrize(
    "sql",
    [
        "(SELECT max(weight) FROM other)",
        "EXISTS (SELECT 1)",
        "sum(weight) > 3",
        "row_number() OVER () = 1",
        "1; DROP TABLE records",
        "read_text('/etc/passwd') = ''",
        "getvariable('key') = ''",
        "sex_code = 'F') FROM t --",
    ],
)
def test_whatever_is_not_an_expression_over_one_record_is_refused(sql: str) -> None:
    assert check_expression(sql, COLUMNS)


@pytest.mark.parametrize(
    "sql",
    [
        "sex_code = 'F' AND age_years >= 15",
        "CASE WHEN age_years < 15 THEN 'Y_LT15' ELSE 'Y_GE15' END",
        "weight * 2 / 3",
        "sex_code IN ('F', 'M') OR age_years IS NULL",
        "TRY_CAST(substr(sex_code, 1, 4) AS INTEGER)",
        "TRUE",
    ],
)
def test_conditions_and_quantities_pass(sql: str) -> None:
    assert check_expression(sql, COLUMNS) == []


def test_an_unknown_column_comes_with_the_nearest() -> None:
    found = check_expression("sexo_code = 'F' AND age_year > 3", COLUMNS, where="x.yaml:4")
    near = {p.facts["nearest"] for p in found}
    assert near == {"age_years", "sex_code"} and all(p.where == "x.yaml:4" for p in found)


def test_columns_and_kinds_of_expressions() -> None:
    assert columns_of("CASE WHEN weight > 0 THEN sex_code END") == ("sex_code", "weight")
    assert is_condition("NOT (sex_code = 'F')")
    assert not is_condition("CASE WHEN sex_code = 'F' THEN 1 ELSE 0 END")
