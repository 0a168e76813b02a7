"""The fast path equals its specification in SQL on random designs, whatever the order of crossings."""

from dataclasses import replace

import duckdb
import numpy as np
import pyarrow as pa
import pytest
import sqlglot
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from caudal.estimate.survey import Count, Design, Mean, Proportion, Quantile, Ratio, Total, estimate_cube
from caudal.estimate.survey import cube as cube_module
from caudal.estimate.survey.sql_form import cube_sql, spark_sql
from caudal.estimate.survey.sql_quantiles import quantile_sql

STATISTICS = [
    Count(label="count"),
    Total("y", label="total"),
    Mean("y", label="mean"),
    Ratio("y", "x", label="ratio"),
    Proportion("b = 1", label="share"),
]
CROSSINGS = [("a",), (), ("c", "a"), ("region",), ("a", "region"), ("c", "region", "a")]


@st.composite
def surveys(draw):
    """A random survey: ragged strata, missing values, regions above or across strata, with or without fpc."""
    seed = draw(st.integers(0, 2**32 - 1))
    strata = draw(st.integers(1, 6))
    rows_n = draw(st.integers(30, 400))
    crosses = draw(st.booleans())
    random = np.random.default_rng(seed)
    psus = random.integers(2, 7, strata)
    stratum = np.concatenate([np.repeat(np.arange(strata), psus), random.integers(0, strata, rows_n)])
    psu = np.concatenate([np.arange(p) for p in psus] + [random.integers(0, psus[stratum[psus.sum() :]])])
    size = stratum.size
    y = random.normal(50, 20, size)
    return pa.table(
        {
            "stratum": stratum,
            "psu": psu,
            "w": random.lognormal(2, 0.7, size),
            "region": random.integers(0, 3, size) if crosses else stratum % 2,
            "a": random.choice(["p", "q", "r"], size),
            "c": pa.array(random.choice(["u", "v"], size), mask=random.random(size) < 0.05),
            "y": pa.array(y, mask=random.random(size) < draw(st.sampled_from([0.0, 0.1]))),
            "x": random.lognormal(1, 0.5, size),
            "b": random.integers(0, 2, size),
            "population": 20.0 + stratum,
        }
    )


designs = st.sampled_from(
    [
        Design(weight="w", strata="stratum", psu="psu", nested=True),
        Design(weight="w", strata="stratum", psu="psu", nested=True, fpc="population"),
        Design(weight="w", strata="stratum"),
        Design(weight="w"),
    ]
)
where = st.sampled_from([None, "x > 2", "a <> 'p' AND y > 40"])
calm = settings(
    max_examples=20,
    deadline=None,
    phases=[Phase.explicit, Phase.reuse, Phase.generate],
    derandomize=True,
    suppress_health_check=list(HealthCheck),
)


def number(value):
    return float("nan") if value is None else value


def as_cells(table, dims):
    return {(*(r[d] for d in dims), r["statistic"]): r for r in table.to_pylist()}


@calm
@given(surveys(), designs, where)
def test_the_fast_path_equals_the_sql_form(data, design, condition):
    dims = ["a", "c", "region"]
    fast = as_cells(estimate_cube(data, design, STATISTICS, CROSSINGS, where=condition), dims)
    connection = duckdb.connect()
    connection.register("people", data)
    query = cube_sql("people", data.column_names, design, STATISTICS, CROSSINGS, where=condition)
    rows = connection.sql(query).to_arrow_table().to_pylist()
    assert len(rows) * len(STATISTICS) == len(fast) or not rows
    scale = {
        k: max(abs(r["value"] or 0) for key, r in fast.items() if key[-1] == k) for k in ("count", "total")
    }
    for row in rows:
        for k, statistic in enumerate(STATISTICS):
            cell = fast[(*(row[d] for d in dims), statistic.name)]
            expected = row[f"value_{k}"]
            if expected is None:
                assert cell["value"] is None
                continue
            assert cell["value"] == pytest.approx(expected, rel=1e-9)
            noise = 1e-7 * max(abs(expected), scale.get(statistic.name, 0))
            assert cell["sampling_se"] is None or cell["sampling_se"] == pytest.approx(
                row[f"se_{k}"], rel=1e-9, abs=noise
            )
            assert (cell["sample_n"], cell["psu_n"], cell["stratum_n"]) == (
                row[f"n_{k}"],
                row[f"psu_{k}"],
                row[f"strata_{k}"],
            )


@calm
@given(surveys(), designs)
def test_the_compiled_form_equals_the_array_form(data, design):
    pytest.importorskip("numba")
    array = estimate_cube(data, design, STATISTICS, CROSSINGS)
    before = cube_module.WORTHWHILE_ROWS
    cube_module.WORTHWHILE_ROWS = 0
    try:
        compiled = estimate_cube(data, design, STATISTICS, CROSSINGS)
    finally:
        cube_module.WORTHWHILE_ROWS = before
    for name in array.column_names:
        first, second = array[name], compiled[name]
        if pa.types.is_floating(first.type):
            pair = [np.array(c.fill_null(np.nan).to_pylist()) for c in (first, second)]
            assert pair[0] == pytest.approx(pair[1], rel=1e-10, abs=1e-10, nan_ok=True)
        else:
            assert first.to_pylist() == second.to_pylist()


@calm
@given(surveys(), designs)
def test_margins_add_up_and_the_order_of_crossings_does_not_matter(data, design):
    dims = ["a", "c", "region"]
    first = as_cells(estimate_cube(data, design, STATISTICS, CROSSINGS), dims)
    second = as_cells(estimate_cube(data, design, STATISTICS, CROSSINGS[::-1]), dims)
    assert first.keys() == second.keys()
    for key, row in first.items():
        assert number(row["value"]) == pytest.approx(number(second[key]["value"]), rel=1e-12, nan_ok=True)
        errors = [number(r["sampling_se"]) for r in (row, second[key])]
        assert errors[0] == pytest.approx(errors[1], rel=1e-9, abs=1e-9, nan_ok=True)
    whole = first["_T", "_T", "_T", "count"]["value"]
    parts = [
        r["value"] for k, r in first.items() if k[3] == "count" and k[0] != "_T" and k[1:3] == ("_T", "_T")
    ]
    assert sum(parts) == pytest.approx(whole, rel=1e-12)


@pytest.mark.parametrize("lonely", ["fail", "remove", "certainty", "adjust", "average"])
@pytest.mark.parametrize("fpc", [None, "population"])
def test_every_query_reaches_spark(lonely, fpc):
    design = Design(
        weight="w", strata=("stratum", "region"), psu="psu", nested=True, fpc=fpc, lonely_psu=lonely
    )
    columns = ["stratum", "region", "psu", "w", "population", "y", "x", "a", "b", "c"]
    query = cube_sql("people", columns, design, STATISTICS, CROSSINGS, where="x > 2")
    spark = spark_sql(query)
    tree = sqlglot.parse_one(spark, read="spark")
    assert tree.sql("spark") == spark
    assert {cte.alias for cte in tree.find_all(sqlglot.exp.CTE)} == {
        "survey_rows", "strata_frame", "psu_cells", "cells", "linearised", "strata_cells", "centres",
        "variances",
    }  # fmt: skip
    assert "GROUPING SETS" in spark and "`w`" in spark


@calm
@given(table=surveys(), condition=where, p=st.sampled_from([0.1, 0.5, 0.75]))
def test_quantiles_equal_their_sql(table, condition, p):
    dims = ["a", "region"]
    crossings = [(), ("a",), ("a", "region")]
    design = Design(weight="w", strata="stratum")
    quantile = Quantile("y", p, label="quantile")
    query = quantile_sql("survey", table.column_names, design, quantile, crossings, where=condition)
    with duckdb.connect() as connection:
        connection.register("survey", table)
        names = [*dims, "value", "n"]
        rows = [dict(zip(names, row, strict=True)) for row in connection.sql(query).fetchall()]
    fast = estimate_cube(table, replace(design, lonely_psu="adjust"), [quantile], crossings, where=condition)
    expected = {(r["a"], r["region"]): r for r in fast.to_pylist() if r["value"] is not None}
    assert {(r["a"], r["region"]) for r in rows if r["n"]} == set(expected)
    for row in rows:
        if row["n"]:
            cell = expected[row["a"], row["region"]]
            assert (row["value"], row["n"]) == (cell["value"], cell["sample_n"])


def test_the_query_of_quantiles_reaches_spark():
    query = quantile_sql(
        "people", ["w", "y", "a", "b"], Design(weight="w"), Quantile("y", 0.9), [("a", "b"), ()]
    )
    spark = spark_sql(query)
    tree = sqlglot.parse_one(spark, read="spark")
    assert tree.sql("spark") == spark
    assert [cte.alias for cte in tree.find_all(sqlglot.exp.CTE)] == ["survey_rows", "cell_rows", "cumulated"]
