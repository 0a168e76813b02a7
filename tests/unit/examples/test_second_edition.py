"""A second edition of a table of others is a delivery: a new vintage, whose revisions `diff` shows."""

from __future__ import annotations

from pathlib import Path

import openpyxl
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from caudal.cli import main
from caudal.river.state import current_release
from tests.support.americas import ROOT, copy_of

WORKBOOK = ROOT.parent / "shared" / "data" / "un-desa-stock-2020" / (
    "undesa_pd_2020_ims_stock_by_sex_and_destination.xlsx"
)  # fmt: skip
FIRST, SECOND = (
    '{period: 2020, vintage: "2020", file: one.xlsx}',
    '{period: 2024, vintage: "2024", file: two.xlsx}',
)


def made(path: Path, stocks: dict[int, int | str]) -> None:
    """A workbook in the layout of the United Nations' with one year and three sexes."""
    book = openpyxl.Workbook()
    sheet = book.active
    sheet.title = "Table 1"
    sheet.cell(1, 1, "International Migrant Stock")
    for i, sex in enumerate(("both sexes combined", "males", "females")):
        sheet.cell(8, 4 + i, f"International migrant stock at mid-year, {sex}")
        sheet.cell(11, 4 + i, 2020)
    for column, name in enumerate(
        ("Region, development group, country or area", "Location code", "Notes"), 1
    ):
        sheet.cell(11, column, name)
    for row, (code, stock) in enumerate(stocks.items(), 12):
        sheet.cell(row, 1, "somewhere")
        sheet.cell(row, 2, code)
        for i in range(3):
            sheet.cell(row, 4 + i, stock)
    book.save(path)


def two_editions(folder: Path, capsys: pytest.CaptureFixture[str]) -> tuple[str, Path]:
    """Builds with the first edition, then with both; what ``caudal diff`` says, and the folder."""
    assert main(["build", str(folder), "--quiet"]) == 0
    first = current_release(folder)
    source = folder / "sources" / "un_stock.yaml"
    source.write_text(source.read_text("utf-8") + f"  - {SECOND}\n", "utf-8")
    assert main(["build", str(folder), "--quiet"]) == 0
    capsys.readouterr()
    assert main(["diff", str(first), str(current_release(folder)), "--language", "en"]) == 0
    return capsys.readouterr().out, folder


def test_the_revisions_of_a_made_up_table(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = copy_of(tmp_path / "americas", {"un_stock": [FIRST]}, ["migrant_stock"])
    made(folder / "data" / "one.xlsx", {32: 2_281_728, 858: 108_267, 152: ".."})
    made(folder / "data" / "two.xlsx", {32: 2_300_000, 858: 108_267, 604: 1_000_000})
    source = folder / "sources" / "un_stock.yaml"
    text = source.read_text("utf-8").replace("{quarantined: 0.05}", "{quarantined: 0.5}")
    source.write_text(text, "utf-8")
    told, folder = two_editions(folder, capsys)
    assert "3 revised cells" in told and "3 new cells" in told and "gone" not in told
    assert "2,281,728 → 2,300,000" in told and "un_stock@2024  (edition before: 2020)" in told
    table = pq.read_table(current_release(folder) / "observations.parquet")
    assert sorted(set(table["vintage"].to_pylist())) == ["2020", "2024"]
    page = (current_release(folder) / "site" / "en" / "indicator" / "migrant_stock.html").read_text("utf-8")
    assert "2,300,000" in page and "2,281,728" not in page


@pytest.mark.long
def test_the_revisions_of_the_real_workbook(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    if not WORKBOOK.is_file():
        pytest.skip(f"{WORKBOOK.name} is missing")
    folder = copy_of(tmp_path / "americas", {"un_stock": [FIRST]}, ["migrant_stock"])
    (folder / "data" / "one.xlsx").write_bytes(WORKBOOK.read_bytes())
    book = openpyxl.load_workbook(WORKBOOK)
    sheet = book["Table 1"]
    for row in sheet.iter_rows(min_row=12):
        if row[3].value == 32:
            row[11].value = 2_300_000
    book.save(folder / "data" / "two.xlsx")
    told, folder = two_editions(folder, capsys)
    assert "1 revised cells" in told
    assert "2,281,728 → 2,300,000" in told
    assert "migrant_stock/AR/2020/all/un_stock@2024  (edition before: 2020)" in told
    table = pq.read_table(current_release(folder) / "observations.parquet")
    both = table.filter(pc.equal(table["reference_area_code"], "AR"))
    ours = [r for r in both.to_pylist() if r["time_period"] == "2020" and r["sex_code"] == "_T"]
    assert {r["vintage"]: r["value"] for r in ours} == {"2020": 2_281_728.0, "2024": 2_300_000.0}
