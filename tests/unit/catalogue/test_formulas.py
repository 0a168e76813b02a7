"""Which formula a source can carry."""

from __future__ import annotations

from caudal.catalogue import formula_for, load_catalogue
from caudal.catalogue.formulas import formula_columns

INDICATORS = load_catalogue()[0].indicators
EVERYONE = {"scope": "general_population"}


def test_the_first_formula_that_the_columns_allow() -> None:
    stock = INDICATORS["migrant_stock"]
    by_birth, _ = formula_for(
        stock, "stock_count", ["count_n", "birth_country_code", "origin_country_code"], {}
    )
    by_origin, _ = formula_for(stock, "stock_count", ["count_n", "origin_country_code"], {})
    assert by_birth and by_birth.concept["basis"] == "birth"
    assert by_origin and by_origin.concept["basis"] == "origin_declared"


def test_what_the_nearest_formula_lacks() -> None:
    assert formula_for(INDICATORS["migrant_stock"], "stock_count", ["count_n"], {}) == (
        None,
        ("birth_country_code",),
    )


def test_a_register_of_foreigners_has_no_unemployment_rate_of_the_population() -> None:
    columns = ["age_years", "activity_status_code"]
    rate = INDICATORS["unemployment_rate"]
    assert formula_for(rate, "person", columns, EVERYONE)[0] is not None
    assert formula_for(rate, "person", columns, {"scope": "foreign_citizens"}) == (
        None,
        ("scope=general_population",),
    )
    assert formula_for(rate, "person", columns, {})[0] is None, "a source that does not say is not trusted"


def test_an_indicator_that_is_not_about_such_records_lacks_nothing() -> None:
    assert formula_for(INDICATORS["unemployment_rate"], "grant_count", [], {}) == (None, ())


def test_every_record_says_its_period() -> None:
    columns = formula_columns(INDICATORS["recent_arrivals"].formulas[0])
    assert "valid_period" in columns
    found, _ = formula_for(
        INDICATORS["recent_arrivals"], "person", ["birth_country_code", "arrival_year"], {}
    )
    assert found is not None


def test_the_weight_is_a_column_too() -> None:
    assert "income_weight" in formula_columns(INDICATORS["hourly_earnings"].formulas[0])
