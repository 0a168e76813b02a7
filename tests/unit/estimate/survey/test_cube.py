"""The cube: what an estimate says of itself, on small surveys whose answers can be worked out by hand."""

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from caudal.errors import CaudalError
from caudal.estimate.survey import Count, Design, Gap, Mean, Proportion, Ratio, Total, estimate_cube


def survey(rows_n=4000, seed=3, strata_n=10, psus_n=6):
    """A clustered sample with two person-level breakdowns and one that is constant within strata."""
    draw = np.random.default_rng(seed)
    stratum = draw.integers(0, strata_n, rows_n)
    return pa.table(
        {
            "stratum": stratum,
            "psu": draw.integers(0, psus_n, rows_n),
            "region": [f"R{h % 3}" for h in stratum],
            "sex": draw.choice(["F", "M"], rows_n),
            "status": draw.choice(["FB", "NB"], rows_n, p=[0.2, 0.8]),
            "weight": draw.lognormal(3, 0.6, rows_n),
            "income": draw.lognormal(1, 1, rows_n),
            "hours": draw.integers(1, 60, rows_n).astype(float),
            "employed": draw.integers(0, 2, rows_n),
        }
    )


DESIGN = Design(weight="weight", strata="stratum", psu="psu", nested=True)
STATISTICS = [Count(), Total("income"), Mean("income"), Ratio("income", "hours"), Proportion("employed = 1")]
CROSSINGS = [(), ("sex",), ("region", "sex"), ("region", "sex", "status")]


def cell(table, statistic, **codes):
    wanted = {"statistic": statistic, **codes}
    rows = [r for r in table.to_pylist() if all(r[k] == v for k, v in wanted.items())]
    assert len(rows) == 1
    return rows[0]


def by_hand(data, member, y, x=None):
    """Total or ratio and its standard error, by loops."""
    rows = data.to_pylist()
    keep = [r for r in rows if member(r)]
    total_y = sum(r["weight"] * y(r) for r in keep)
    total_x = sum(r["weight"] * x(r) for r in keep) if x else 1.0
    estimate = total_y / total_x
    value = {}
    for r in rows:
        key = (r["stratum"], r["psu"])
        u = r["weight"] * (y(r) - (estimate * x(r) if x else 0.0)) / total_x
        value[key] = value.get(key, 0.0) + (u if member(r) else 0.0)
    variance = 0.0
    for h in {k[0] for k in value}:
        z = [v for k, v in value.items() if k[0] == h]
        variance += len(z) / (len(z) - 1) * sum((v - sum(z) / len(z)) ** 2 for v in z)
    return estimate, variance**0.5


def test_every_statistic_equals_the_formula_worked_out_by_loops():
    data = survey()
    found = estimate_cube(data, DESIGN, STATISTICS, CROSSINGS)

    def member(r):
        return r["sex"] == "F" and r["region"] == "R1" and r["status"] == "FB"

    for statistic, y, x in (
        ("count", lambda r: 1.0, None),
        ("total(income)", lambda r: r["income"], None),
        ("mean(income)", lambda r: r["income"], lambda r: 1.0),
        ("ratio(income / hours)", lambda r: r["income"], lambda r: r["hours"]),
        ("proportion(employed = 1)", lambda r: r["employed"], lambda r: 1.0),
    ):
        row = cell(found, statistic, sex="F", region="R1", status="FB")
        value, se = by_hand(data, member, y, x)
        assert row["value"] == pytest.approx(value, rel=1e-12)
        assert row["sampling_se"] == pytest.approx(se, rel=1e-10)


def test_one_thread_and_two_give_the_same_bytes(tmp_path):
    path = tmp_path / "survey.parquet"
    pq.write_table(survey(300_000), path, row_group_size=20_000)
    one, two = (estimate_cube(path, DESIGN, STATISTICS, CROSSINGS, threads=k) for k in (1, 2))
    assert one.equals(two)


def test_a_query_whose_rows_come_in_any_order_gives_the_same_bytes_too():
    import duckdb

    connection = duckdb.connect(config={"threads": 4})
    connection.register("view_of_people", survey(60_000))
    connection.execute("CREATE TABLE people AS SELECT * FROM view_of_people")
    query = "SELECT DISTINCT * FROM people"
    found = [estimate_cube(query, DESIGN, STATISTICS, CROSSINGS, connection=connection) for _ in range(3)]
    assert found[0].equals(found[1]) and found[1].equals(found[2])
    assert connection.sql("SELECT current_setting('threads')").fetchall()[0][0] == 4


def test_path_table_and_relation_give_the_same_answer(tmp_path):
    import duckdb
    import polars as pl

    data = survey()
    path = tmp_path / "survey.parquet"
    pq.write_table(data, path)
    connection = duckdb.connect()
    connection.register("people", data)
    expected = estimate_cube(data, DESIGN, STATISTICS, CROSSINGS)
    assert estimate_cube(path, DESIGN, STATISTICS, CROSSINGS).equals(expected)
    assert estimate_cube(pl.from_arrow(data), DESIGN, STATISTICS, CROSSINGS).equals(expected)
    assert estimate_cube("people", DESIGN, STATISTICS, CROSSINGS, connection=connection).equals(expected)
    query = "SELECT * FROM people"
    assert estimate_cube(query, DESIGN, STATISTICS, CROSSINGS, connection=connection).equals(expected)


def test_a_domain_keeps_the_design():
    data = survey()
    whole = estimate_cube(data, DESIGN, [Mean("income")], [("sex",)])
    part = estimate_cube(data, DESIGN, [Mean("income")], [()], where="sex = 'F'")
    one, other = cell(whole, "mean(income)", sex="F"), cell(part, "mean(income)")
    assert (one["value"], one["df"]) == (other["value"], other["df"])
    assert one["sampling_se"] == pytest.approx(other["sampling_se"], rel=1e-12)


def test_a_gap_has_the_covariance_of_its_domains():
    data = survey()
    found = estimate_cube(
        data, DESIGN, [Mean("income")], [("status",), ("sex", "status")],
        gaps=[Gap("mean(income)", "status", "FB", "NB")],
    )  # fmt: skip
    gap = cell(found, "mean(income): FB - NB", sex="_T")
    means = {s: cell(found, "mean(income)", sex="_T", status=s) for s in ("FB", "NB")}
    assert gap["value"] == pytest.approx(means["FB"]["value"] - means["NB"]["value"])
    independent = (means["FB"]["sampling_se"] ** 2 + means["NB"]["sampling_se"] ** 2) ** 0.5
    assert gap["sampling_se"] != pytest.approx(independent, rel=1e-6)
    assert {r["sex"] for r in found.to_pylist() if "FB - NB" in r["statistic"]} == {"_T", "F", "M"}


def test_in_a_full_count_nobody_is_a_figure():
    counts = pa.table({"month": ["2020-03", "2020-04", "2020-05"], "persons_n": [12, 0, 7]})
    found = estimate_cube(counts, Design.full_count("persons_n"), [Count()], [("month",)])
    assert {r["month"]: r["value"] for r in found.to_pylist()} == {
        "2020-03": 12.0, "2020-04": 0.0, "2020-05": 7.0
    }  # fmt: skip


def test_a_full_count_says_that_it_has_no_sampling_error():
    counts = pa.table({"sex": ["F", "M"], "persons_n": [120, 100]})
    found = estimate_cube(counts, Design.full_count("persons_n"), [Count()], [(), ("sex",)])
    row = cell(found, "count", sex="F")
    assert (row["value"], row["sampling_se"], row["interval_type"]) == (120.0, 0.0, "full_count")
    assert "no sampling error" in row["flags"]


def test_missing_values_are_counted_not_dropped_in_silence():
    data = survey().to_pandas()
    data.loc[:99, "income"] = None
    found = estimate_cube(data, DESIGN, [Mean("income"), Mean("hours")], [()])
    assert "missing values: 100 of 4000 rows" in cell(found, "mean(income)")["flags"]
    assert cell(found, "mean(hours)")["sample_n"] == 4000
    together = estimate_cube(data, DESIGN, [Mean("income"), Mean("hours")], [()], missing="listwise")
    assert cell(together, "mean(hours)")["sample_n"] == 3900


def test_a_breakdown_with_missing_values_has_a_category_for_them():
    data = survey().to_pandas()
    data.loc[:9, "sex"] = None
    found = estimate_cube(data, DESIGN, [Count()], [("sex",)])
    assert sorted(r["sex"] for r in found.to_pylist()) == ["F", "M", "_U"]


def test_an_unknown_column_is_reported_with_the_nearest_name():
    with pytest.raises(CaudalError, match="income"):
        estimate_cube(survey(), DESIGN, [Mean("incom")], [()])


def test_all_faults_are_reported_at_once():
    with pytest.raises(CaudalError) as caught:
        estimate_cube(survey(), DESIGN, [Mean("incom"), Mean("hour")], [("sexx",)])
    assert len(caught.value.problems) == 3
