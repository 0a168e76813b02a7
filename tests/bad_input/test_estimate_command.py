"""Bad input to ``caudal estimate``: a clear error with its code, or a flag, never NaN in silence."""

import contextlib
import csv
import io
import json
from pathlib import Path

import pytest

from caudal.cli import main

HEADER = ["h", "i", "w", "sex", "y", "x", "n"]
ROWS = [
    [h, i, 10.0 + i, "FM"[k % 2], 10 * h + i + k, 1 + k, 9]
    for h in (1, 2)
    for i in (1, 2, 3)
    for k in range(4)
]
DESIGN = ["--weight", "w", "--strata", "h", "--psu", "i", "--nest"]


def run(*words: str) -> tuple[int, str, str]:
    said, complained = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(said), contextlib.redirect_stderr(complained):
        code = main(["estimate", *words, "--language", "en", "--json"])
    return code, said.getvalue(), complained.getvalue()


def survey(folder: Path, change=lambda row, k: row) -> str:
    path = folder / "survey.csv"
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(HEADER)
        for k, row in enumerate(ROWS):
            writer.writerow(change(dict(zip(HEADER, row, strict=True)), k).values())
    return str(path)


def refused(*words: str) -> set[str]:
    code, said, complained = run(*words)
    assert code in (2, 3, 4) and said == ""
    return {e["code"] for e in json.loads(complained)["errors"]}


def cells(*words: str) -> list[dict]:
    code, said, complained = run(*words)
    assert code == 0, complained
    assert "NaN" not in said and "Infinity" not in said
    return json.loads(said)["cells"]


@pytest.mark.parametrize(
    ("change", "words", "code"),
    [
        ({}, ["--weight", "w", "--strata", "h", "--psu", "i", "--count"], "survey-nested"),
        ({"w": -3}, [*DESIGN, "--count"], "survey-weight-negative"),
        ({"w": ""}, [*DESIGN, "--count"], "survey-weight-missing"),
        ({"i": ""}, [*DESIGN, "--count"], "survey-design-missing"),
        ({"n": 2}, [*DESIGN, "--fpc", "n", "--count"], "survey-fpc"),
        ({}, ["--psu", "i", "--count"], "survey-no-weight"),
        ({}, ["--full-count", "--strata", "h", "--count"], "survey-contradiction"),
        ({}, [*DESIGN, "--mean", "sex"], "survey-not-numeric"),
        ({}, [*DESIGN, "--mean", "sum(y)"], "survey-bad-expression"),
        ({}, [*DESIGN, "--proportion", "y"], "survey-not-binary"),
        ({}, [*DESIGN, "--mean", "z"], "unknown-name"),
        ({}, [*DESIGN, "--lonely", "adjsut", "--count"], "unknown-name"),
        ({}, DESIGN, "survey-nothing-asked"),
        ({}, [*DESIGN, "--ratio", "y"], "survey-form"),
        ({}, [*DESIGN, "--quantile", "y"], "survey-form"),
        ({}, [*DESIGN, "--quantile", "y@3"], "survey-quantile"),
        ({}, [*DESIGN, "--mean", "y", "--gap", "mean(y)"], "survey-form"),
        ({}, [*DESIGN, "--mean", "y", "--by", "sex", "--gap", "mean(y):sex:F-X"], "survey-gap"),
        ({}, [*DESIGN, "--test", "sex"], "survey-form"),
        ({}, [*DESIGN, "--test", "sex,n"], "survey-test"),
        (
            {},
            [*DESIGN, "--count", "--by", "h,i,sex,y,x,n", "--upto", "6", "--max-cells", "500"],
            "survey-too-many",
        ),
        ({}, [*DESIGN, "--count", "--replicates", "rep_*"], "survey-replicates"),
        ({}, [*DESIGN, "--count", "--reliability", "chili"], "unknown-name"),
        ({}, [*DESIGN, "--count", "--calibrate", "none.csv"], "survey-no-file"),
        ({}, [*DESIGN, "--count", "--format", "parquet"], "argument-missing"),
        ({}, [*DESIGN, "--proportion", "x = 1", "--interval", "wald"], "unknown-name"),
    ],
)
def test_what_is_refused(change, words, code, tmp_path):
    path = survey(tmp_path, lambda row, k: {**row, **change} if k == 5 or "n" in change else row)
    assert code in refused(path, *words)


def test_a_stratum_of_one_psu_stops_until_a_choice_is_made_and_shown(tmp_path):
    path = survey(tmp_path, lambda row, k: {**row, "h": 3} if row["h"] == 2 and row["i"] == 3 else row)
    assert refused(path, *DESIGN, "--count") == {"survey-lonely-psu"}
    for choice in ("remove", "certainty", "adjust", "average"):
        (row,) = cells(path, *DESIGN, "--lonely", choice, "--total", "y")
        assert f"lonely PSU: {choice} in 1 strata" in row["flags"]


def test_files_that_are_no_survey(tmp_path):
    assert refused(str(tmp_path / "none.csv"), "--weight", "w", "--count") == {"survey-no-file"}
    assert refused(str(tmp_path / "none.sav"), "--weight", "w", "--count") == {"survey-no-file"}
    (tmp_path / "notes.md").write_text("nothing")
    assert refused(str(tmp_path / "notes.md"), "--weight", "w", "--count") == {"survey-not-data"}


def test_flags_instead_of_silence(tmp_path):
    (row,) = cells(survey(tmp_path, lambda row, k: {**row, "w": 0} if k < 2 else row), *DESIGN, "--count")
    assert "zero weights: 2 rows left out" in row["flags"]
    (row,) = cells(survey(tmp_path, lambda row, k: {**row, "w": 0.01}), *DESIGN, "--mean", "y")
    assert "check their scale" in row["flags"]
    (row,) = cells(survey(tmp_path), *DESIGN, "--mean", "y", "--where", "y > 999")
    assert row["value"] is None and "empty domain" in row["flags"]
    (row,) = cells(survey(tmp_path, lambda row, k: {**row, "x": 0}), *DESIGN, "--ratio", "y/x")
    assert row["value"] is None and "zero denominator" in row["flags"]
    (row,) = cells(survey(tmp_path, lambda row, k: {**row, "y": 7}), *DESIGN, "--mean", "y")
    assert row["sampling_se"] == pytest.approx(0, abs=1e-12)
    (row,) = cells(
        survey(tmp_path, lambda row, k: {**row, "y": ""} if k % 2 else row), *DESIGN, "--mean", "y"
    )
    assert "missing values: 12 of 24 rows" in row["flags"]
    both = ["--mean", "y", "--count", "--missing", "listwise"]
    found = cells(survey(tmp_path, lambda row, k: {**row, "y": ""} if k % 2 else row), *DESIGN, *both)
    assert [row["sample_n"] for row in found] == [12, 12]
    assert all("listwise: 12 rows left out" in row["flags"] for row in found)


def test_a_full_count_has_no_psus_and_says_so(tmp_path):
    (row,) = cells(survey(tmp_path), "--full-count", "--total", "y")
    assert (row["psu_n"], row["stratum_n"], row["df"], row["lower"]) == (None, None, None, None)
    assert row["sampling_se"] == 0
    assert "full count: no sampling error" in row["flags"]


def test_a_workbook_is_read_with_its_numbers(tmp_path):
    openpyxl = pytest.importorskip("openpyxl")
    book = openpyxl.Workbook()
    for row in [HEADER, *ROWS]:
        book.active.append(row)
    book.save(tmp_path / "survey.xlsx")
    (theirs,) = cells(str(tmp_path / "survey.xlsx"), *DESIGN, "--mean", "y")
    (ours,) = cells(survey(tmp_path), *DESIGN, "--mean", "y")
    assert theirs == ours


def test_a_file_of_letters_in_latin_1_is_told_by_its_name(tmp_path) -> None:
    path = tmp_path / "latin.csv"
    path.write_bytes("w;año\n1;1\n".encode("latin-1"))
    code, said, complained = run(str(path), "--weight", "w", "--count")
    assert code != 0 and not said
    assert "survey-file-unreadable" in complained and "latin.csv" in complained


def labelled(folder: Path) -> str:
    """The survey as a file of SPSS: of y, 999 is labelled as no answer and 888 declared missing."""
    pyreadstat = pytest.importorskip("pyreadstat")
    import pandas as pd

    table = pd.DataFrame([dict(zip(HEADER, row, strict=True)) for row in ROWS])
    table.loc[0, "y"], table.loc[5, "y"], table.loc[7, "x"] = 999, 888, 99
    path = folder / "survey.sav"
    pyreadstat.write_sav(
        table,
        str(path),
        variable_value_labels={"y": {999: "No responde", 888: "No aplica"}, "x": {99: "NS/NR"}},
        missing_ranges={"y": [888]},
    )
    return str(path)


def test_values_labelled_as_no_answer_are_not_averaged_in_silence(tmp_path):
    path = labelled(tmp_path)
    code, said, complained = run(path, *DESIGN, "--mean", "y", "--total", "x")
    assert code == 4 and said == ""
    texts = [e["text"] for e in json.loads(complained)["errors"]]
    assert len(texts) == 2  # one of each column, together
    assert "999 = No responde (1)" in texts[0] and "`--na y=999`" in texts[0]
    (row,) = cells(path, *DESIGN, "--mean", "y", "--na", "labelled")
    assert row["sample_n"] == 22 and row["value"] < 50
    assert cells(path, *DESIGN, "--mean", "y", "--na", "y=999")[0]["value"] == row["value"]
    (kept,) = cells(path, *DESIGN, "--mean", "y", "--na", "kept")
    assert kept["sample_n"] == 23 and kept["value"] > row["value"]  # the declared one is missing all the same
    cells(path, *DESIGN, "--count", "--by", "x")  # a breakdown shows them as what they are


def test_codes_of_no_answer_in_a_file_without_labels(tmp_path):
    path = survey(tmp_path, lambda row, k: {**row, "y": -99} if k == 3 else row)
    (row,) = cells(path, *DESIGN, "--mean", "y", "--na", "y=-99")
    assert row["sample_n"] == 23 and "missing values: 1 of 24" in row["flags"]
    code, said, _ = run(path, *DESIGN, "--mean", "y", "--na", "y=-99", "--r-script", "--format", "csv")
    assert code == 0 and 'd$y[as.character(d$y) %in% c("-99")] <- NA' in said
    assert refused(path, *DESIGN, "--mean", "y", "--na", "y") == {"survey-form"}


def test_everything_wrong_with_a_request_is_told_at_once(tmp_path):
    path = survey(tmp_path)
    wrong = ["--strata", "hh", "--psu", "i", "--mean", "income", "--by", "sexo", "--where", "edad > 3",
             "--test", "sex", "--rank", "mean(z):", "--reliability", "chili", "--ratio", "y",
             "--calibrate", "none.csv", "--format", "parquet"]  # fmt: skip
    code, said, complained = run(path, "--weight", "ww", *wrong)
    errors = json.loads(complained)["errors"]
    assert code in (2, 3, 4) and said == "" and len(errors) >= 10
    told = "".join(e["text"] for e in errors)
    for name in (
        '"ww"',
        '"hh"',
        '"income"',
        '"sexo"',
        '"edad"',
        '"chili"',
        '"none.csv"',
        "--out",
        "--test",
        "--rank",
    ):
        assert name in told
    assert {"survey-no-weight", "survey-no-file"} <= refused("none.csv", "--mean", "y")
