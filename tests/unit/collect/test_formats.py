"""The formats in which offices hold their files: what is in the file is what the records say."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from caudal.collect.contract import RawFile
from caudal.collect.formats import open_table
from caudal.collect.labelled import _CELLS
from caudal.engine.cache import Cache
from caudal.engine.files import sha256_file
from caudal.engine.session import connect
from caudal.model.source import SpssFormat
from tests.raw_country import MadeCountry
from tests.support.census import CSPRO, DATA, SPEC

pyreadstat = pytest.importorskip("pyreadstat")

PEOPLE = pd.DataFrame(
    {
        "folio": [1.0, 2.0, 3.0, 4.0],
        "sexo": [1.0, 2.0, 9.0, 1.0],
        "yaut": [350000.5, 99.0, 999999.0, None],
        "pais": ["PE", "VE", "", "CL"],
        "comuna": [13101.0, 5109.0, 13101.0, 2101.0],
    }
)
LABELS = {
    "column_labels": {"sexo": "Sexo de la persona", "pais": "País de nacimiento"},
    "variable_value_labels": {
        "sexo": {1: "Hombre", 2: "Mujer", 9: "No responde"},
        "comuna": {13101: "Santiago", 5109: "Viña del Mar", 2101: "Antofagasta"},
    },
}
RANGES = {"sexo": [9], "yaut": [{"lo": 999990, "hi": 999999}]}
MAPPING = """
kind: person
tables: {persons: {format: {FORMAT}}}
columns:
  person_key: {from: folio}
  sex_code: {from: sexo, recode: {1: M, 2: F}, REFUSED}
  birth_country_code: {from: pais, unknown: [""]}
  monthly_earnings: {from: yaut}
  weekly_hours: {expression: CAST(yaut AS DOUBLE) / 1000000}
deliveries: [{period: 2022, file: FILE}]
"""


def mapped(tmp_path: Path, file: str, form: str, refused: str = "refused: [9]") -> dict[str, list[Any]]:
    spec = MAPPING.replace("FORMAT", form).replace("FILE", file).replace("REFUSED", refused)
    country = MadeCountry(tmp_path, spec)
    assert country.check() == []
    done = country.harmonise()
    assert done.reconciliation.recoded_to_unknown == {}
    return country.records()


@pytest.mark.parametrize("ending", [".sav", ".zsav"])
def test_spss_with_ranges_of_missing_values(tmp_path: Path, ending: str) -> None:
    path = tmp_path / "data" / f"people{ending}"
    path.parent.mkdir()
    pyreadstat.write_sav(PEOPLE, path, **LABELS, missing_ranges=RANGES, compress=ending == ".zsav")
    found = mapped(tmp_path, path.name, "type: spss")
    assert found["sex_code"] == ["M", "F", "_R", "M"]
    assert found["birth_country_code"] == ["PE", "VE", "_U", "CL"]
    assert found["monthly_earnings"] == [350000.5, 99.0, None, None]
    assert found["weekly_hours"][2] is None  # arithmetic never meets a value declared missing


def test_a_declared_missing_value_that_no_rule_names_is_unknown_and_no_mistake(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    pyreadstat.write_sav(PEOPLE, tmp_path / "data" / "p.sav", **LABELS, missing_ranges=RANGES)
    assert mapped(tmp_path, "p.sav", "type: spss", "otherwise: ''")["sex_code"] == ["M", "F", "_U", "M"]


def test_portable_spss(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    plain = PEOPLE.rename(columns=str.upper).drop(columns="COMUNA")
    pyreadstat.write_por(plain, tmp_path / "data" / "p.por")
    spec = MAPPING.replace("FORMAT", "type: spss").replace("FILE", "p.por").replace("REFUSED", "refused: [9]")
    for name in ("folio", "sexo", "pais", "yaut"):
        spec = spec.replace(f"from: {name}", f"from: {name.upper()}")
    spec = spec.replace("CAST(yaut", "CAST(YAUT")
    found = MadeCountry(tmp_path, spec).records()
    assert found["sex_code"] == ["M", "F", "_R", "M"]


@pytest.mark.parametrize("version", [8, 10, 12, 13, 15])
def test_stata_of_every_version_with_its_own_missing_values(tmp_path: Path, version: int) -> None:
    people = PEOPLE.astype({"sexo": object})
    people.loc[2, "sexo"] = "b"
    (tmp_path / "data").mkdir()
    pyreadstat.write_dta(
        people, tmp_path / "data" / "p.dta", version=version, missing_user_values={"sexo": ["b"]}
    )
    found = mapped(tmp_path, "p.dta", "type: stata", "refused: [.b]")
    assert found["sex_code"] == ["M", "F", "_R", "M"]
    assert found["monthly_earnings"] == [350000.5, 99.0, 999999.0, None]


def test_sas_transport(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    pyreadstat.write_xport(PEOPLE, tmp_path / "data" / "p.xpt", file_format_version=5, table_name="P")
    assert mapped(tmp_path, "p.xpt", "type: sas")["sex_code"] == ["M", "F", "_R", "M"]


def test_the_labels_of_a_file_are_its_dictionary(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    pyreadstat.write_sav(PEOPLE, tmp_path / "data" / "p.sav", **LABELS)
    spec = """
        kind: person
        tables: {persons: {format: {type: spss, labels: [comuna, sexo]}}}
        columns:
          person_key: {from: folio}
          sex_code: {from: sexo_label, recode: {Hombre: M, Mujer: F}, refused: [No responde]}
          stratum: {from: comuna_label}
        deliveries: [{period: 2022, file: p.sav}]
    """
    found = MadeCountry(tmp_path, spec).records()
    assert found["sex_code"] == ["M", "F", "_R", "M"]
    assert found["stratum"] == ["Santiago", "Viña del Mar", "Santiago", "Antofagasta"]


def test_a_file_in_a_zip(tmp_path: Path) -> None:
    import zipfile

    (tmp_path / "data").mkdir()
    pyreadstat.write_sav(PEOPLE, tmp_path / "p.sav", **LABELS, missing_ranges=RANGES)
    with zipfile.ZipFile(tmp_path / "data" / "p.zip", "w") as archive:
        archive.write(tmp_path / "p.sav", "p.sav")
    assert mapped(tmp_path, "p.zip", "type: spss")["sex_code"] == ["M", "F", "_R", "M"]


def test_blocks_join_without_a_seam(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("caudal.collect.labelled._CELLS", 10)
    monkeypatch.setattr("caudal.collect.labelled._FEWEST_ROWS", 7)
    assert _CELLS > 10
    many = pd.DataFrame({"n": [float(i) for i in range(50)], "late": [None] * 40 + [99.0] * 10})
    path = tmp_path / "m.sav"
    pyreadstat.write_sav(many, path, missing_ranges={"late": [99]})
    file = RawFile("m.sav", path, sha256_file(path), path.stat().st_size, "2020")
    table = open_table(file, SpssFormat(type="spss"), cache=Cache(tmp_path / "cache"))
    with connect(threads=1) as session:
        rows = session.execute(table.relation).fetchall()
    assert table.rows == len(rows) == 50
    assert [r[0] for r in rows] == [str(i) for i in range(50)]
    assert [r[2] for r in rows[38:42]] == [None, None, "99", "99"]
    assert [r[3] for r in rows] == list(range(1, 51))


def test_fixed_width_with_a_cspro_dictionary(tmp_path: Path) -> None:
    country = MadeCountry(tmp_path, SPEC, {"census.dcf": CSPRO, "census.dat": DATA})
    assert country.check() == []
    found = country.records()
    assert found["sex_code"] == ["M", "F", "_R", "M"]
    assert found["age_years"] == [34, None, 7, 0]
    assert found["weekly_hours"] == [3.0, 3.0, 1.0, 1.0]
    assert found["hourly_earnings"] == [13.5, 9.75, 0.75, 11.0]
    assert found["raw_row"] == [2, 3, 5, 6]  # the line of the file
    register = country.harmonise()
    assert register.reconciliation.rows_in == 4


def test_a_changed_dictionary_is_a_changed_table(tmp_path: Path) -> None:
    first = MadeCountry(tmp_path, SPEC, {"census.dcf": CSPRO, "census.dat": DATA}).records()
    swapped = CSPRO.replace("Value=1;Hombre", "Value=1;Hombre\nSpecial=MISSING")
    spec = SPEC.replace("recode: {1: M, 2: F}", "recode: {2: F}")
    second = MadeCountry(tmp_path, spec, {"census.dcf": swapped}).records()
    assert (first["sex_code"][0], second["sex_code"][0]) == ("M", "_U")


def test_fixed_width_with_a_table_of_columns(tmp_path: Path) -> None:
    spec = """
        kind: person
        tables: {persons: {format: {type: fixed_width, dictionary: layout.csv, encoding: latin-1}}}
        columns: {person_key: {from: id}, sex_code: {from: sexo, recode: {H: M, M: F}}}
        deliveries: [{period: 2020, file: p.txt}]
    """
    files = {"layout.csv": "name,start,end,label\nid,1,5,\nsexo,6,6,Sexo\n", "p.txt": b"Mu\xf1ozH\nLara M\n"}
    assert MadeCountry(tmp_path, spec, files).records()["sex_code"] == ["M", "F"]
    listed = spec.replace("dictionary: layout.csv", "columns: {id: [1, 5], sexo: [6, 1]}")
    assert MadeCountry(tmp_path / "b", listed, files).records()["sex_code"] == ["M", "F"]


DDI = """<?xml version="1.0" encoding="UTF-8"?>
<codeBook xmlns="ddi:codebook:2_5"><dataDscr>
  <var name="ID"><location StartPos="1" EndPos="4"/><labl>Folio</labl></var>
  <var name="SEXO"><location StartPos="5" width="1"/><labl>Sexo</labl>
    <catgry><catValu>1</catValu><labl>Hombre</labl></catgry>
    <catgry><catValu>2</catValu><labl>Mujer</labl></catgry>
    <catgry missing="Y"><catValu>9</catValu><labl>NR</labl></catgry></var>
</dataDscr></codeBook>"""
DDI_SPEC = """
kind: person
tables: {persons: {format: {type: fixed_width, dictionary: p.xml, labels: [SEXO]}}}
columns: {person_key: {from: ID}, sex_code: {from: SEXO, recode: {1: M, 2: F}}, stratum: {from: SEXO_label}}
deliveries: [{period: 2020, file: p.txt}]
"""


def test_fixed_width_with_a_ddi_codebook(tmp_path: Path) -> None:
    found = MadeCountry(tmp_path, DDI_SPEC, {"p.xml": DDI, "p.txt": "00011\n00022\n00039\n"}).records()
    assert found["sex_code"] == ["M", "F", "_U"]
    assert found["stratum"] == ["Hombre", "Mujer", "NR"]


def test_a_cspro_dictionary_of_version_8(tmp_path: Path) -> None:
    item = {"name": "ID", "contentType": "numeric", "start": 2, "length": 3}
    values = [{"labels": [{"text": t}], "pairs": [{"value": v}]} for v, t in ((1, "Hombre"), (2, "Mujer"))]
    sex = {
        "name": "SEXO",
        "contentType": "numeric",
        "start": 5,
        "length": 1,
        "valueSets": [{"values": values}],
    }
    record = {"name": "PERSON", "recordType": "P", "items": [sex]}
    said = {
        "software": "CSPro", "version": 8.0, "relativePositions": False,
        "recordType": {"start": 1, "length": 1},
        "levels": [{"name": "L", "ids": {"items": [item]}, "records": [record]}],
    }  # fmt: skip
    spec = DDI_SPEC.replace("p.xml, labels: [SEXO]", "p.dcf").replace(", stratum: {from: SEXO_label}", "")
    found = MadeCountry(tmp_path, spec, {"p.dcf": json.dumps(said), "p.txt": "P0011\nP0022\n"}).records()
    assert found["sex_code"] == ["M", "F"]


def test_json_lines(tmp_path: Path) -> None:
    lines = [
        '{"id": "007", "born": {"country": "PE", "year": 1990}, "sex": 1, "pay": 1250.10}',
        '{"id": "008", "sex": 2, "pay": null, "tags": ["a", "b"]}',
        "",
        '{"id": "009", "sex": 1, "born": {"country": "VE"}',
        '{"id": "010", "sex": true}',
    ]
    spec = """
        kind: person
        tables: {persons: {format: {type: json_lines}}}
        columns:
          person_key: {from: id}
          sex_code: {from: sex, recode: {1: M, 2: F}, otherwise: _O}
          birth_country_code: {from: born.country, unknown: [""]}
          monthly_earnings: {from: pay}
          stratum: {from: tags}
        deliveries: [{period: 2020, file: p.jsonl}]
    """
    country = MadeCountry(tmp_path, spec, {"p.jsonl": "\n".join(lines) + "\n"})
    found = country.records()
    assert found["sex_code"] == ["M", "F", "_O"]
    assert found["birth_country_code"] == ["PE", "_U", "_U"]
    assert found["monthly_earnings"] == [1250.1, None, None]
    assert found["stratum"] == [None, '["a", "b"]', None]
    assert found["raw_row"] == [1, 2, 5]
    assert country.harmonise().reconciliation.quarantined_by_reason == {"fields-differ-from-header": 1}
