"""A country folder small enough to be built in a second: a survey of 360 persons and a table of permits.

Everything is made by arithmetic, so the expected figures can be worked out by hand.
"""

from __future__ import annotations

from pathlib import Path

CAUDAL = """\
territory: XI
simulated: true
languages: [es, pt, en]
title: {es: Prueba, pt: Prova, en: Trial}
producer: {es: Oficina, pt: Oficina, en: Office}
population_concept: {es: Residentes, pt: Residentes, en: Residents}
key: demo
"""
PUBLICATION = """\
vintage: 2024-05
indicators: [population, migrant_share, residences_granted]
"""
PROTECTION = """\
survey_threshold: 5
cases_threshold: 3
"""
SURVEY = """\
source: survey
title: {es: Encuesta, pt: Inquérito, en: Survey}
producer: Office
origin: https://office.example/survey
licence: CC-BY-4.0
simulated: true
kind: person
concept: {source_type: survey, scope: general_population, residence: usual_12_months, coverage: national}
data: data
tables:
  persons:
    format: {type: delimited, separator: ";"}
columns:
  person_key: {from: id}
  weight: {from: w}
  stratum: {from: h}
  psu: {from: i}
  sex_code: {from: sex, recode: {1: M, 2: F}}
  age_years: {from: age}
  birth_country_code: {from: born, recode: {1: XI, 2: BO, 3: PE}}
design: {type: sample, weight: weight, strata: stratum, psu: psu, nested: false}
deliveries:
  - {period: 2024-Q1, file: survey_2024Q1.csv}
"""
PERMITS = """\
source: permits
title: {es: Permisos, pt: Autorizações, en: Permits}
producer: Agency
origin: https://agency.example/permits
licence: CC-BY-4.0
simulated: true
kind: grant_count
published_by_producer: true
concept: {source_type: register, scope: foreign_citizens, coverage: national}
data: data
tables:
  permits:
    format: {type: delimited}
columns:
  count_n: {from: granted}
  sex_code: {from: sex, recode: {1: M, 2: F}}
  legal_status_code: {from: kind, recode: {t: TEMP, p: PERM}}
deliveries:
  - {period: 2024-Q1, file: permits_2024Q1.csv}
"""
COUNTRIES = """\
code,parent,valid_from,valid_to,label_es,label_pt,label_en
XI,013,,,Istmo,Istmo,Istmo
"""


def survey_rows(shift: int = 0) -> str:
    """Rows of the survey: 6 strata, 5 PSUs each, 12 persons each; one in four was born abroad."""
    lines = ["id;w;h;i;sex;age;born"]
    for k in range(360):
        h, i = k // 60, k // 12
        born = 1 if k % 4 else (2 if k % 8 else 3)
        lines.append(f"P{k};{100 + (k + shift) % 7};{h};{i};{1 + k // 3 % 2};{k % 90};{born}")
    return "\n".join(lines) + "\n"


def permit_rows(shift: int = 0) -> str:
    """Rows of the table of permits."""
    cells = [(s, k, 40 + 10 * s + n + shift) for s in (1, 2) for n, k in enumerate("tp")]
    return "sex,kind,granted\n" + "".join(f"{s},{k},{n}\n" for s, k, n in cells)


def write_country(folder: Path) -> Path:
    """The whole country folder, with its data."""
    files = {
        "caudal.yaml": CAUDAL,
        "publication.yaml": PUBLICATION,
        "protection.yaml": PROTECTION,
        "codes/CL_COUNTRY.csv": COUNTRIES,
        "sources/survey.yaml": SURVEY,
        "sources/permits.yaml": PERMITS,
        "data/survey_2024Q1.csv": survey_rows(),
        "data/permits_2024Q1.csv": permit_rows(),
    }
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return folder


def replace_in(path: Path, before: str, after: str) -> None:
    """Changes a text in a file; fails where it is not there."""
    text = path.read_text(encoding="utf-8")
    assert before in text, f"{path} has no {before!r}"
    path.write_text(text.replace(before, after), encoding="utf-8")
