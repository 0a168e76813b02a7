"""Files of offices that are not what they say, specs that do not fit them: through `check` and `build`."""

from __future__ import annotations

import re
from pathlib import Path

import pandas as pd
import pytest

from caudal.cli import main
from caudal.errors import error_catalogue
from tests.raw_country import HEAD
from tests.support.census import CSPRO, DATA, SPEC
from tests.support.small_country import CAUDAL, PROTECTION, replace_in, write_country

CONCEPT = "concept: {source_type: survey, scope: general_population, coverage: national}\n"


def country(folder: Path, spec: str, files: dict[str, str | bytes]) -> Path:
    """A country folder of one source, as a person would write it."""
    written = {
        "caudal.yaml": CAUDAL.replace("territory: XI", "territory: CL"),
        "publication.yaml": "vintage: 2024-05\nindicators: [population]\n",
        "protection.yaml": PROTECTION,
        "sources/made.yaml": HEAD + ("" if "concept:" in spec else CONCEPT) + spec,
        **{f"data/{name}": content for name, content in files.items()},
    }
    for name, content in written.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content.encode() if isinstance(content, str) else content)
    return folder


def said(folder: Path, capsys: pytest.CaptureFixture[str], command: str = "check") -> str:
    """What a command that fails says, which must be whole in three languages."""
    capsys.readouterr()
    texts = []
    for language in ("es", "pt", "en"):
        code = main([command, str(folder), "--language", language])
        printed = capsys.readouterr()
        assert code in (3, 4, 5, 7), printed
        assert not re.search(r"\{[a-z_]+\}|Traceback", printed.err)
        texts.append(printed.err)
    assert len(set(texts)) == 3
    return texts[-1]


def test_every_new_text_exists_in_three_languages() -> None:
    for entry in error_catalogue().values():
        assert set(entry["what"]) >= {"es", "pt", "en"} <= set(entry["fix"])


# --- labelled files --------------------------------------------------------------------------------------

LABELLED = """
kind: person
tables: {persons: {format: {type: spss}}}
columns: {person_key: {from: folio}, sex_code: {from: sexo, recode: {1: M, 2: F}}, stratum: {from: pais}}
deliveries: [{period: 2022, file: p.sav}]
"""


def sav(folder: Path, **options: object) -> bytes:
    pyreadstat = pytest.importorskip("pyreadstat")
    table = pd.DataFrame({"folio": [1.0, 2.0], "sexo": [1.0, 2.0], "pais": ["PeruX", "Chile"]})
    folder.mkdir(exist_ok=True)
    pyreadstat.write_sav(table, folder / "made.sav", **options)
    return (folder / "made.sav").read_bytes()


@pytest.mark.parametrize("where", ["label", "value", "end"])
def test_latin_1_inside_a_file_that_says_utf_8(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], where: str
) -> None:
    data = sav(tmp_path / "w", column_labels={"pais": "Pais de naciXmiento"})
    before, after = {
        "label": (b"naciX", b"naci\xfa"),
        "value": (b"PeruX", b"Per\xfaX"),
        "end": (b"PeruX", b"Peru\xfa"),  # a last letter that is cut in half is easily lost
    }[where]
    assert before in data
    broken = data.replace(before, after)
    found = said(country(tmp_path / "c", LABELLED, {"p.sav": broken}), capsys)
    assert "labels-encoding" in found and "windows-1252" in found
    replace_in(tmp_path / "c/sources/made.yaml", "type: spss", "type: spss, encoding: windows-1252")
    assert main(["check", str(tmp_path / "c")]) == 0


def test_utf_8_labels_in_a_file_that_says_otherwise(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data = sav(tmp_path / "w", variable_value_labels={"sexo": {1: "Varón", 2: "Mujer"}})
    spec = LABELLED.replace("type: spss", "type: spss, encoding: windows-1252")
    assert "`encoding: utf-8`" in said(country(tmp_path / "c", spec, {"p.sav": data}), capsys)


def test_a_labelled_file_that_is_cut_off(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    data = sav(tmp_path / "w")
    assert "labelled-unreadable" in said(country(tmp_path / "c", LABELLED, {"p.sav": data[:200]}), capsys)
    assert "file-empty" in said(country(tmp_path / "d", LABELLED, {"p.sav": b""}), capsys)


def test_a_column_that_the_file_has_not_is_told_with_those_that_it_has(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    spec = LABELLED.replace("from: sexo", "from: sexoo").replace("type: spss", "type: spss, labels: [paiz]")
    found = said(country(tmp_path / "c", spec, {"p.sav": sav(tmp_path / "w")}), capsys)
    assert '"paiz"' in found and 'nearest is "pais"' in found
    replace_in(tmp_path / "c/sources/made.yaml", "[paiz]", "[pais]")
    found = said(tmp_path / "c", capsys)
    assert "made.yaml:11" in found and "folio, sexo, pais" in found and 'nearest is "sexo"' in found


def test_without_the_reader_the_package_is_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = country(tmp_path / "c", LABELLED, {"p.sav": sav(tmp_path / "w")})
    monkeypatch.setitem(__import__("sys").modules, "pyreadstat", None)
    assert "caudal[formats]" in said(folder, capsys)


# --- fixed width ------------------------------------------------------------------------------------------


def census(folder: Path, dictionary: str = CSPRO, data: str = DATA) -> Path:
    return country(folder, SPEC, {"census.dcf": dictionary, "census.dat": data})


@pytest.mark.parametrize(
    ("before", "after", "told"),
    [
        ("Name=SEX\nStart=8", "Name=SEX\nStart=9", ["dictionary-overlap", "SEX", "AGE", "9-9"]),
        ("RecordLen=16", "RecordLen=12", ["dictionary-item", "WEIGHT", "12-16"]),
        ("Name=AGE\nStart=9", "Name=AGE\nStart=0", ["dictionary-item", "AGE"]),
        ("RecordTypeValue='H'", "RecordTypeValue='V'", ["record-types", "H", "P, V"]),
        ("Name=PERSON", "Name=PERSONA", ["unknown-name", "PERSONA"]),
        ("[Dictionary]", "[Diccionario]", ["dictionary-malformed"]),
        ("Start=2\nLen=4", "Start=2\nLen=four", ["dictionary-malformed", "four"]),
    ],
)
def test_a_cspro_dictionary_that_is_wrong(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], before: str, after: str, told: list[str]
) -> None:
    assert before in CSPRO
    found = said(census(tmp_path, CSPRO.replace(before, after)), capsys)
    assert [t for t in told if t not in found] == []


def test_data_of_another_edition_than_their_dictionary(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shifted = "".join(f"{line[0]}0{line[1:]}\n" for line in DATA.splitlines())
    found = said(census(tmp_path / "a", data=shifted), capsys)
    assert "lines-longer" in found and "expected" not in found
    moved = "".join(
        f"{line[:5]}{line[6:]} \n" if line[0] == "P" else line + "\n" for line in DATA.splitlines()
    )
    found = said(census(tmp_path / "b", data=moved), capsys)
    assert "dictionary-disagrees" in found and "SEX" in found


def test_single_lines_that_do_not_fit_are_quarantined(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    people = "".join(f"P{n:04}01{1 + n % 2}030 1000\n" for n in range(1, 400))
    homes = "".join(f"H{n:04}03\n" for n in range(1, 401))
    folder = census(tmp_path, data=homes + people + "P0400011030 1000 and more\n")
    assert main(["check", str(folder)]) == 0
    assert main(["build", str(folder), "--quiet"]) == 0
    assert (
        "1 of 400 rows quarantined (With another number of fields than the header: 1)"
        in capsys.readouterr().out
    )


def test_a_changed_dictionary_is_seen_by_the_next_build(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    people = "".join(f"P{n:04}01{1 + n % 2}030 1000\n" for n in range(1, 100))
    homes = "".join(f"H{n:04}03\n" for n in range(1, 100))
    folder = census(tmp_path, data=homes + people)
    assert main(["build", str(folder), "--quiet"]) == 0
    assert main(["build", str(folder), "--quiet", "--language", "en"]) == 0
    assert "Nothing changed" in capsys.readouterr().out
    replace_in(folder / "data/census.dcf", "Value=1;Hombre", "Value=8;Hombre")
    assert main(["build", str(folder), "--quiet", "--language", "en"]) == 0
    assert "Nothing changed" not in capsys.readouterr().out


def test_a_dictionary_that_is_not_there(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = census(tmp_path)
    (folder / "data/census.dcf").rename(folder / "data/censo.dcf")
    found = said(folder, capsys)
    assert "companion-missing" in found and '"censo.dcf"' in found


DDI = """<codeBook xmlns="ddi:codebook:2_5"><dataDscr>
<var name="ID"><location StartPos="1" EndPos="4"/></var>
<var name="SEXO"><location StartPos="5" width="1"/><labl>Sexo</labl>
<catgry><catValu>1</catValu><labl>Hombre</labl></catgry>
<catgry><catValu>2</catValu><labl>Mujer</labl></catgry></var></dataDscr></codeBook>"""
DDI_SPEC = """
kind: person
tables: {persons: {format: {type: fixed_width, dictionary: p.xml}}}
columns: {person_key: {from: ID}, sex_code: {from: SEXO, recode: {1: M, 2: F}}}
deliveries: [{period: 2020, file: p.txt}]
"""
ROWS = "00011x\n00022y\n00031z\n"


@pytest.mark.parametrize(
    ("dictionary", "told"),
    [
        (DDI.replace('StartPos="5"', 'StartPos="6"'), ["dictionary-disagrees", "SEXO", "6-6", "100%"]),
        (DDI.replace('StartPos="5"', 'StartPos="4"'), ["dictionary-overlap", "4-4"]),
        (DDI.replace('EndPos="4"', 'EndPos="0"'), ["dictionary-item", "ID"]),
        (DDI.replace("<location", "<place"), ["dictionary-malformed"]),
        (DDI[:200], ["dictionary-malformed"]),
    ],
)
def test_a_ddi_with_wrong_positions(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], dictionary: str, told: list[str]
) -> None:
    rows = ROWS if "6" in dictionary else ROWS.replace("x", "").replace("y", "").replace("z", "")
    found = said(country(tmp_path, DDI_SPEC, {"p.xml": dictionary, "p.txt": rows}), capsys)
    assert [t for t in told if t not in found] == []


def test_fixed_width_needs_a_dictionary_or_columns(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    spec = DDI_SPEC.replace(", dictionary: p.xml", "")
    assert "`dictionary` or `columns`" in said(country(tmp_path, spec, {"p.txt": ROWS}), capsys)


# --- lines and databases ------------------------------------------------------------------------------------


def test_a_list_instead_of_lines(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    spec = DDI_SPEC.replace("fixed_width, dictionary: p.xml", "json_lines")
    found = said(
        country(tmp_path, spec, {"p.txt": '[\n{"ID": 1, "SEXO": 1},\n{"ID": 2, "SEXO": 2}\n]\n'}), capsys
    )
    assert "lines-not-json" in found and "line 1" in found


def test_a_check_asks_no_database(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    form = '{type: database, connection: "env:CAUDAL_NOWHERE", table: t}'
    spec = DDI_SPEC.replace("{type: fixed_width, dictionary: p.xml}", form)
    assert main(["check", str(country(tmp_path, spec, {}))]) == 0
    assert "files were opened: 0" in capsys.readouterr().out
    assert "CAUDAL_NOWHERE" in said(tmp_path, capsys, "build")


# --- specs and files that do not fit each other --------------------------------------------------------


def test_a_wrong_column_of_a_join_is_told_by_check(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    spec = """
kind: person
tables:
  persons:
    format: {type: delimited}
    join: [{table: homes, "on": [house]}]
  homes: {format: {type: delimited}}
columns: {person_key: {from: id}, weekly_hours: {from: rooms}}
deliveries: [{period: 2020, files: {persons: p.csv, homes: h.csv}}]
"""
    folder = country(tmp_path, spec, {"p.csv": "id,home\n1,1\n", "h.csv": "home,rooms\n1,3\n"})
    found = said(folder, capsys)
    assert '"house"' in found and "home, rooms" in found and "made.yaml" in found


def test_an_expression_of_the_wrong_type_is_told_by_check(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    spec = """
kind: person
tables: {persons: {format: {type: delimited}}}
columns: {person_key: {from: id}, weekly_hours: {expression: "hours + DATE '2020-01-01' * 2"}}
deliveries: [{period: 2020, file: p.csv}]
"""
    assert "mapping-fails" in said(country(tmp_path, spec, {"p.csv": "id,hours\n1,1\n"}), capsys)


MANY = "id,sex,pay\n" + "".join(f"{i},{1 + i % 3},{100 + i},{i % 100:02}\n" for i in range(200))
AMOUNTS = """
kind: person
tables: {persons: {format: {type: delimited, separator: ";"}}}
columns:
  person_key: {from: id}
  sex_code: {from: sex, recode: {1: M, 2: F}, unknown: [3]}
  monthly_earnings: {from: pay, unknown: [-9]}
deliveries: [{period: 2020, file: p.csv}]
"""


def test_a_decimal_comma_that_nobody_declared(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rows = "id;sex;pay\n" + "".join(f"{i};{1 + i % 2};{100 + i},50\n" for i in range(200))
    found = said(country(tmp_path, AMOUNTS, {"p.csv": rows}), capsys, "build")
    assert "decimal-mark" in found and '`decimal: ","`' in found and "100,50" in found


def test_the_most_frequent_value_that_nobody_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = "id;sex;pay\n" + "".join(f"{i};{(1, 2, 7)[i % 3]};-9.00\n" for i in range(200))
    found = said(country(tmp_path, AMOUNTS, {"p.csv": rows}), capsys, "build")
    assert "too-many-unknown" in found and "7 (66)" in found
    assert "monthly_earnings" not in found  # -9.00 is the -9 of the codebook


def test_notes_under_the_data(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rows = "id;sex;pay\n" + "".join(f"{i};{1 + i % 2};{100 + i}\n" for i in range(200))
    folder = country(tmp_path / "a", AMOUNTS, {"p.csv": rows + "Source: the office\n(p) provisional\n"})
    assert main(["build", str(folder), "--quiet"]) == 0
    assert "The last 2 rows of the file are among them" in capsys.readouterr().out
    many = rows + "".join(f"note {i}\n" for i in range(20))
    found = said(country(tmp_path / "b", AMOUNTS, {"p.csv": many}), capsys, "build")
    assert "footer-undeclared" in found and "`footer: 20`" in found


def test_a_forgotten_scope_and_codes_that_merge_are_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = write_country(tmp_path)
    assert main(["check", str(folder), "--language", "en"]) == 0
    assert "To look at" not in capsys.readouterr().out
    replace_in(folder / "sources/survey.yaml", "scope: general_population, ", "")
    replace_in(folder / "sources/survey.yaml", "{1: XI, 2: BO, 3: PE}", "{1: XI, 2: BO, 3: BO}")
    assert main(["check", str(folder), "--language", "en"]) == 0
    found = capsys.readouterr().out
    assert "axis-unsaid" in found and "`scope: general_population`" in found and "migrant_share" in found
    assert "codes-merged" in found and "2 + 3 → BO" in found
    replace_in(folder / "sources/survey.yaml", "3: BO}", "3: BO}, merge: [BO]")
    main(["check", str(folder), "--language", "en"])
    assert "codes-merged" not in capsys.readouterr().out


@pytest.mark.parametrize("date", ["31/05/2024", "2024-02-30", "May"])
def test_a_date_of_receipt_that_is_none(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], date: str
) -> None:
    folder = write_country(tmp_path)
    line = "{period: 2024-Q1, file: survey_2024Q1.csv}"
    replace_in(folder / "sources/survey.yaml", line, line[:-1] + f', received: "{date}"}}')
    assert "received" in said(folder, capsys)


def test_what_lay_in_the_cache_is_not_said_to_be_made(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = write_country(tmp_path)
    main(["build", str(folder), "--language", "en"])
    assert "survey/2024-Q1  made" in capsys.readouterr().err
    replace_in(folder / "publication.yaml", "2024-05", "2024-06")
    main(["build", str(folder), "--language", "en"])
    lines = [line for line in capsys.readouterr().err.splitlines() if "harmonise" in line]
    assert lines and all("unchanged" in line for line in lines)
