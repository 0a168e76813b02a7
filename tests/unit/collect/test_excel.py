"""Workbooks: title blocks, stacked and merged headers, blocks of columns."""

from __future__ import annotations

import datetime
from pathlib import Path
from typing import Any

import openpyxl
import pytest

from caudal.collect import RawFile, open_table
from caudal.engine.cache import Cache
from caudal.engine.files import sha256_file
from caudal.engine.session import connect
from caudal.errors import CaudalError
from caudal.model.source import ExcelFormat

UN = Path("../shared/data/un-desa-stock-2020/undesa_pd_2020_ims_stock_by_sex_and_destination.xlsx")


def read(path: Path, tmp_path: Path, **options: Any) -> tuple[list[str], list[tuple[Any, ...]]]:
    file = RawFile(path.name, path, sha256_file(path), path.stat().st_size, "2020")
    table = open_table(file, ExcelFormat(type="excel", **options), cache=Cache(tmp_path / "cache"))
    with connect(threads=1) as session:
        return list(table.columns), session.execute(table.relation).fetchall()


@pytest.fixture
def workbook(tmp_path: Path) -> Path:
    book = openpyxl.Workbook()
    sheet = book.active
    assert sheet is not None
    sheet.title = "Tabla 1"
    table = [
        ["A title", None, None, None, None],
        [None, None, "Men", None, "Women"],
        [None, "Area", 2020, 2021, 2020],
        [None, "North", 10, 2.5, True],
        [None, "South", None, datetime.date(2020, 1, 2), " x "],
        [None, None, None, None, None],
        [None, "Source: us", None, None, None],
    ]
    for row in table:
        sheet.append(row)
    sheet.merge_cells("C2:D2")
    path = tmp_path / "book.xlsx"
    book.save(path)
    return path


def test_merged_headers_name_every_column_below(workbook: Path, tmp_path: Path) -> None:
    names, rows = read(workbook, tmp_path, header_rows=(2, 3), columns="B:E")
    assert names == ["Area", "Men | 2020", "Men | 2021", "Women | 2020"]
    assert rows == [("North", "10", "2.5", "TRUE", 1), ("South", None, "2020-01-02", "x", 2)]


def test_an_empty_row_ends_the_table_unless_its_last_row_is_declared(workbook: Path, tmp_path: Path) -> None:
    _, rows = read(workbook, tmp_path, header_rows=(2, 3), columns="B:E", last_row=7)
    assert [r[0] for r in rows] == ["North", "South", None, "Source: us"]


def test_a_sheet_that_is_not_there_names_the_nearest(workbook: Path, tmp_path: Path) -> None:
    with pytest.raises(CaudalError) as caught:
        read(workbook, tmp_path, sheet="Table 1", header_rows=(2, 3))
    assert caught.value.problems[0].facts["nearest"] == "Tabla 1"


def test_one_header_row_of_two_is_doubled(workbook: Path, tmp_path: Path) -> None:
    with pytest.raises(CaudalError) as caught:
        read(workbook, tmp_path, header_rows=(3,), columns="B:E")
    assert caught.value.problems[0].code == "header-doubled"
    assert caught.value.problems[0].facts["found"] == ["2020", "2020"]


def test_the_workbook_of_the_united_nations(tmp_path: Path) -> None:
    if not UN.is_file():
        pytest.skip(f"{UN} is missing")
    names, rows = read(UN, tmp_path, sheet="Table 1", header_rows=(8, 11))
    assert len(names) == 26
    assert len(rows) == 283
    place = names.index("International migrant stock at mid-year, both sexes combined | 2020")
    assert [r[place] for r in rows if r[names.index("Location code")] == "32"] == ["2281728"]
