"""The SQL crosses to Spark unchanged in meaning: it parses there, with every window and frame intact."""

from __future__ import annotations

import pytest
import sqlglot
from sqlglot import exp

from caudal.estimate.stays.repair import RepairPolicy, Runs
from caudal.estimate.stays.specification import cube_sql, movements_sql

WHOLE = cube_sql(movements_sql(), ["month_code", "citizenship_code", "population_code"])


@pytest.mark.parametrize("runs", list(Runs))
def test_spark_reads_what_duckdb_reads(runs: Runs) -> None:
    written = movements_sql(RepairPolicy(runs))
    spark = sqlglot.transpile(
        written, read="duckdb", write="spark", unsupported_level=sqlglot.ErrorLevel.RAISE
    )
    back = sqlglot.parse_one(spark[0], read="spark")
    here = sqlglot.parse_one(written, read="duckdb")
    for node in (exp.Window, exp.WindowSpec, exp.IgnoreNulls, exp.CTE, exp.Union):
        assert len(list(back.find_all(node))) == len(list(here.find_all(node))), node.__name__
    assert len(list(here.find_all(exp.IgnoreNulls))) >= 7


def test_every_step_has_a_name_and_is_used() -> None:
    tree = sqlglot.parse_one(WHOLE, read="duckdb")
    names = {cte.alias for cte in tree.find_all(exp.CTE)}
    used = {t.name for t in tree.find_all(exp.Table)}
    assert len(names) > 20
    assert names <= used
    assert used - names == {"crossings", "initial_status", "calendar"}
