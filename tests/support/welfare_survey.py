"""A survey of living conditions in the shape in which offices of the region publish theirs: one labelled
file of persons, with strata and sampling units, poverty as the producer classifies it and the lines, birth
and nationality by country, the Washington Group and indigenous peoples. Everything is made by arithmetic."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

N = 2400
COUNTRIES = {862: "Venezuela", 604: "Perú", 332: "Haití", 68: "Bolivia", 999: "No responde"}
LABELS = {
    "column_labels": {
        "folio": "Identificador del hogar",
        "id_persona": "Identificador de la persona en el hogar",
        "expr": "Factor de expansión regional",
        "varstrat": "Estrato de varianza",
        "varunit": "Conglomerado de varianza",
        "region": "Región",
        "area": "Zona urbano-rural",
        "sexo": "Sexo",
        "edad": "Edad",
        "pobreza": "Situación de pobreza por ingresos",
        "r1a": "¿Cuál es su nacionalidad?",
        "r1b": "Cuando usted nació, ¿dónde vivía su madre?",
        "r1b_pais": "País de nacimiento",
        "r3": "¿Pertenece usted a un pueblo indígena?",
        "ypc": "Ingreso total per cápita del hogar",
        "lp": "Línea de pobreza",
        "li": "Línea de pobreza extrema",
        "hh_ver": "¿Tiene dificultad para ver, incluso si usa lentes?",
    },
    "variable_value_labels": {
        "region": {13: "Metropolitana", 1: "Tarapacá", 9: "La Araucanía"},
        "area": {1: "Urbano", 2: "Rural"},
        "sexo": {1: "1. Hombre", 2: "2. Mujer"},
        "pobreza": {1: "Pobreza extrema", 2: "Pobreza no extrema", 3: "Fuera de la pobreza"},
        "r1a": {1: "Chilena exclusiva", 2: "Chilena y otra", 3: "Otra nacionalidad", -88: "No sabe"},
        "r1b": {1: "En esta comuna", 2: "En otra comuna", 3: "En otro país", -88: "No sabe"},
        "r1b_pais": COUNTRIES,
        "r3": {1: "Sí", 2: "No", -88: "No sabe"},
        "hh_ver": {
            1: "No, ninguna dificultad", 2: "Sí, alguna dificultad", 3: "Sí, mucha dificultad",
            4: "No puede hacerlo", -99: "No responde",
        },
    },
}  # fmt: skip
SPEC = """\
source: welfare
title: {es: Condiciones de vida, pt: Condições de vida, en: Living conditions}
producer: A ministry
origin: https://office.example/welfare
licence: CC-BY-4.0
kind: person
concept: {source_type: survey, scope: general_population, coverage: national}
data: data
tables:
  persons: {format: {FORMAT, labels: [r1b_pais]}}
helpers:
  abroad: {from: r1b_pais_label, crosswalk: "standard:country_names", otherwise: _U}
columns:
  person_key: {from: [folio, id_persona]}
  household_key: {from: folio}
  weight: {from: expr}
  stratum: {from: varstrat}
  psu: {from: varunit}
  urbanisation_code: {from: area, recode: {1: URB, 2: RUR}}
  sex_code: {from: sexo, recode: {1: M, 2: F}}
  age_years: {from: edad}
  birth_country_code:
    expression: CASE WHEN r1b IN ('1', '2') THEN 'CL' WHEN r1b = '3' THEN coalesce(abroad, '_U') ELSE '_U' END
  citizenship_code: {from: r1a, recode: {1: CL, 2: CL, 3: _O}, merge: [CL], unknown: [-88]}
  indigenous_code: {from: r3, recode: {1: Y, 2: N}, unknown: [-88]}
  wg_seeing_code: {from: hh_ver, crosswalk: "standard:washington_group", unknown: [-99, ""]}
POVERTY
design: {type: sample, weight: weight, strata: stratum, psu: psu, nested: false, lonely_psu: certainty}
deliveries:
  - {period: 2022, file: NAME}
"""
BY_PRODUCER = """\
  poverty_code:
    {from: pobreza, recode: {1: POOR, 2: POOR, 3: NOT_POOR}, merge: [POOR], not_applicable: [""]}
  extreme_poverty_code: {from: pobreza, recode: {1: Y, 2: N, 3: N}, merge: [N], not_applicable: [""]}"""
BY_LINE = """\
  income_per_person: {from: ypc}
  poverty_line: {from: lp}
  extreme_poverty_line: {from: li}"""


def people() -> pd.DataFrame:
    """The persons: 60 strata of two units; one in eight born abroad, poorer the farther from the capital."""
    k = np.arange(N)
    unit = k // 20
    abroad = k % 8 == 3
    income = 90_000 + (k * 7919) % 400_000 - 40_000 * abroad
    income = income.astype(float)
    line, extreme = (
        np.where(unit % 3 == 0, 205_000.0, 160_000.0),
        np.where(unit % 3 == 0, 137_000.0, 107_000.0),
    )
    poverty = np.where(income < extreme, 1.0, np.where(income < line, 2.0, 3.0))
    domestic = k % 301 == 7  # live-in domestic workers are left out of the measure, and have no income here
    poverty[domestic], income[domestic] = np.nan, np.nan
    return pd.DataFrame(
        {
            "folio": (k // 4).astype(float), "id_persona": (1 + k % 4).astype(float),
            "expr": (50 + k % 37).astype(float), "varstrat": (unit // 2).astype(float),
            "varunit": unit.astype(float), "region": np.array([13.0, 1.0, 9.0])[unit % 3],
            "area": (1 + unit % 4 // 3).astype(float), "sexo": (1 + k % 2).astype(float),
            "edad": ((k * 13) % 91).astype(float), "pobreza": poverty,
            "r1a": np.where(abroad, np.where(k % 3 == 0, 1.0, 3.0), 1.0),
            "r1b": np.where(abroad, 3.0, np.where(k % 50 == 0, -88.0, 1.0 + k % 2)),
            "r1b_pais": np.where(abroad, np.array([862.0, 604.0, 332.0, 68.0, 999.0])[k % 5], np.nan),
            "r3": np.where(k % 9 == 0, 1.0, 2.0), "ypc": income, "lp": line, "li": extreme,
            "hh_ver": np.where(np.arange(N) % 91 < 5, np.nan, 1.0 + (k % 11) // 4),
        }
    )  # fmt: skip


def write(path: Path) -> None:
    """The file, in the format that its ending names."""
    import pyreadstat

    if path.suffix == ".sav":
        pyreadstat.write_sav(people(), path, **LABELS, missing_ranges={"r1b_pais": [999]})
    else:
        pyreadstat.write_dta(people(), path, **LABELS, version=14)


def source(name: str, form: str, poverty: str = BY_PRODUCER) -> str:
    """Its source file: all that is written to add it."""
    return SPEC.replace("FORMAT", form).replace("NAME", name).replace("POVERTY", poverty)
