"""From raw values to concepts."""

from __future__ import annotations

import datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from caudal.engine.session import connect
from caudal.errors import CaudalError
from caudal.harmonise.crosswalk import Crosswalk, Entry
from caudal.harmonise.mapping import Context, RawColumn, Target, compile_target, layers
from caudal.model.codelist import Code, CodeList
from caudal.model.record import Holds
from caudal.model.source import Mapped
from tests.raw_country import PERSONS, MadeCountry, rows

SEX = CodeList("CL_SEX", {c: Code(c, {}) for c in ("F", "M")})


def made(
    values: list[Any],
    holds: Holds,
    *,
    raw: RawColumn | None = None,
    codes: CodeList | None = None,
    **mapped: Any,
) -> tuple[list[Any], list[bool]]:
    """What a mapping of column ``x`` makes of ``values``, and which of them no rule named."""
    target = Target("y", Mapped.model_validate({"from": "x"} | mapped), holds, codes)
    context = Context(
        {"x": raw or RawColumn()}, "2020", {"c.csv": Crosswalk("c.csv", (Entry("7", "F", "", "2019-12-31", 2),
        Entry("7", "M", "2020-01-01", "", 3)), "")},
    )  # fmt: skip
    compiled = compile_target(target, context)
    value = f', {compiled.value} AS "{compiled.value_name}"' if compiled.value else ""
    with connect(threads=1) as session:
        session.register("t", pa.table({"x": values, "n": range(len(values))}))
        found = session.execute(
            f"SELECT y, {compiled.unnamed or 'FALSE'} FROM (SELECT *, {compiled.read} AS y "
            f"FROM (SELECT *{value} FROM t)) ORDER BY n"
        ).fetchall()
    return [r[0] for r in found], [bool(r[1]) for r in found]


def test_unknown_refused_and_not_applicable_stay_apart() -> None:
    found, unnamed = made(
        ["1", "2", "7", "8", "9", "5", None], Holds.CODE, codes=SEX, recode={"1": "M", "2": "F"},
        refused=[7], not_applicable=[8], unknown=[9],
    )  # fmt: skip
    assert found == ["M", "F", "_R", "_Z", "_U", "?", "?"]
    assert unnamed == [False] * 5 + [True, True]


def test_a_blank_that_a_rule_names_is_not_counted() -> None:
    found, unnamed = made([None], Holds.CODE, codes=SEX, recode={"1": "M"}, unknown=[""])
    assert (found, unnamed) == (["_U"], [False])


def test_otherwise() -> None:
    found, unnamed = made(["4", None], Holds.CODE, codes=SEX, recode={"1": "M"}, otherwise="F")
    assert (found, unnamed) == (["F", "F"], [False, False])


def test_codes_as_they_are_must_stand_in_the_list() -> None:
    assert made(["F", "X"], Holds.CODE, codes=SEX)[0] == ["F", "?"]


def test_a_crosswalk_holds_by_date() -> None:
    assert made(["7", "8"], Holds.CODE, codes=SEX, crosswalk="c.csv")[0] == ["M", "?"]


@pytest.mark.parametrize(
    ("text", "number", "named"),
    [("3", 3, True), ("-3", -3, True), ("3,0", 3, True), ("3,7", None, False), ("1e3", None, False),
     ("tres", None, False), (None, None, True), ("1.000", 1000, True), ("10.00", None, False)],
)  # fmt: skip
def test_whole_numbers(text: str | None, number: int | None, named: bool) -> None:
    found, unnamed = made([text], Holds.INTEGER, raw=RawColumn("VARCHAR", ",", "."))
    assert (found, unnamed) == ([number], [not named])


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("3,25", 3.25),
        ("1.234,5", 1234.5),
        ("3.25", None),
        ("nan", None),
        ("inf", None),
        ("1_0", None),
        (",5", 0.5),
    ],
)
def test_decimals_in_the_declared_mark_only(text: str, number: float | None) -> None:
    found, unnamed = made([text], Holds.DECIMAL, raw=RawColumn("VARCHAR", ",", "."))
    assert (found, unnamed) == ([number], [number is None])


def test_missing_codes_of_a_number_are_null_and_named() -> None:
    found, unnamed = made(["999", "7", "40"], Holds.DECIMAL, unknown=[999], refused=[7])
    assert (found, unnamed) == ([None, None, 40.0], [False] * 3)


def test_one_value_of_a_number_is_another() -> None:
    assert made(["-1", "30"], Holds.INTEGER, recode={"-1": 0})[0] == [0, 30]


def test_typed_columns_need_no_text() -> None:
    found, _ = made(
        [1, 2, 9], Holds.CODE, raw=RawColumn("BIGINT"), codes=SEX, recode={"1": "M", "2": "F"}, unknown=[9]
    )
    assert found == ["M", "F", "_U"]


def test_dates() -> None:
    found, unnamed = made(
        ["28/02/2019", "29/02/2019", "31/04/2019", "12/04/63", "2019-02-28", "00/00/0000", None],
        Holds.DATE, date_format="%d/%m/%Y",
    )  # fmt: skip
    assert found == [datetime.date(2019, 2, 28), None, None, None, None, None, None]
    assert unnamed == [False, True, True, True, True, True, False]


def test_dates_of_two_digits_lie_in_the_declared_hundred_years() -> None:
    found, unnamed = made(
        ["12/04/63", "12/04/24", "12/04/25", "29/02/00", "31/02/63"], Holds.DATE,
        date_format="%d/%m/%y", century=1925,
    )  # fmt: skip
    years = [d.year if d else None for d in found]
    assert years == [1963, 2024, 1925, 2000, None]
    assert unnamed == [False] * 4 + [True]


def test_layers_follow_needs() -> None:
    def target(name: str, **mapped: Any) -> Target:
        return Target(name, Mapped.model_validate(mapped), Holds.TEXT)

    found = layers(
        [
            target("c", expression="a || b"),
            target("b", expression="a || 'x'"),
            target("a", **{"from": "raw"}),
        ],
        ["raw"],
    )
    assert [[t.name for t in layer] for layer in found] == [["a"], ["b"], ["c"]]
    with pytest.raises(CaudalError) as caught:
        layers(
            [target("a", expression="b"), target("b", expression="a"), target("c", expression="raw")], ["raw"]
        )
    assert caught.value.problems[0].facts["found"] == ["a", "b"]


def test_a_raw_column_may_have_the_name_of_a_concept(tmp_path: Path) -> None:
    spec = PERSONS.replace("{from: sex,", "{from: sex_code,") + ""
    country = MadeCountry(tmp_path, spec, {"persons.csv": "id,sex_code\na,1\nb,2\n"})
    assert country.records()["sex_code"] == ["M", "F"]


def test_typed_parquet_and_text_give_the_same_records(tmp_path: Path) -> None:
    table = pa.table({"id": [1, 2, 3], "sex": [1, 2, 9], "age": [40, 999, 7]})
    spec = """
        kind: person
        tables: {persons: {format: {type: FORMAT}}}
        columns:
          person_key: {from: id}
          sex_code: {from: sex, recode: {1: M, 2: F}, unknown: [9]}
          age_years: {from: age, unknown: [999]}
        deliveries: [{period: 2020, file: persons.FORMAT}]
    """
    pq.write_table(table, tmp_path / "typed.parquet")
    text = "id,sex,age\n1,1,40\n2,2,999\n3,9,7\n"
    typed = MadeCountry(
        tmp_path / "a", spec.replace("FORMAT", "parquet"),
        {"persons.parquet": (tmp_path / "typed.parquet").read_bytes()},
    )  # fmt: skip
    written = MadeCountry(tmp_path / "b", spec.replace("FORMAT", "delimited"), {"persons.delimited": text})
    assert rows(typed.harmonise().records) == rows(written.harmonise().records)


def test_codes_written_with_a_decimal_are_those_of_the_codebook(tmp_path: Path) -> None:
    spec = """
        kind: person
        tables: {persons: {format: {type: delimited}}}
        columns:
          person_key: {from: id}
          sex_code: {from: sex, recode: {1: M, 2: F}, refused: [9]}
          wg_seeing_code: {from: see, crosswalk: "standard:washington_group"}
        deliveries: [{period: 2020, file: p.csv}]
    """
    rows = "id,sex,see\n1,1.0,1.0\n2,2,9.0\n3,9.0,3\n"
    found = MadeCountry(tmp_path, spec, {"p.csv": rows}).records()
    assert found["sex_code"] == ["M", "F", "_R"]
    assert found["wg_seeing_code"] == ["1", "_U", "3"]
