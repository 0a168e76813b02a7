"""A release made by hand: a fictional country with a survey, a register and a published table.

Three indicators (a stock that three sources count, an unemployment rate with its gap, arrivals that come
without an error), withheld cells, a correction, truths, missing files, names with markup in them.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from caudal.model.observation import conform

DIMENSIONS = ("sex", "age", "migratory_status", "birth_country")
VINTAGE = "2026-11"


def text(es: str, pt: str, en: str) -> dict[str, str]:
    """A text in the three languages."""
    return {"es": es, "pt": pt, "en": en}


def code(ident: str, es: str, pt: str, en: str, parent: str = "") -> dict[str, Any]:
    """A code with its labels."""
    return {"id": ident, "labels": text(es, pt, en), "parent": parent}


CODE_LISTS: dict[str, list[dict[str, Any]]] = {
    "CL_SEX": [code("F", "Mujeres", "Mulheres", "Women"), code("M", "Varones", "Homens", "Men")],
    "CL_AGE": [
        code("Y15T24", "15 a 24 años", "15 a 24 anos", "15 to 24 years"),
        code("Y25T64", "25 a 64 años", "25 a 64 anos", "25 to 64 years"),
        code("Y_GE65", "65 años y más", "65 anos ou mais", "65 years and over"),
    ],
    "CL_MIGRATORY_STATUS": [
        code("NB", "Personas nacidas en el país", "Pessoas nascidas no país", "Native-born"),
        code("FB", "Personas nacidas en el extranjero", "Pessoas nascidas no exterior", "Foreign-born"),
    ],
    "CL_COUNTRY": [
        code("AR", "Argentina", "Argentina", "Argentina"),
        code(
            "BO",
            "Estado Plurinacional de Bolivia",
            "Estado Plurinacional da Bolívia",
            "Plurinational State of Bolivia",
        ),
        code("CO", "Colombia", "Colômbia", "Colombia"),
        code("HT", "Haití", "Haiti", "Haiti"),
        code("PE", "Perú", "Peru", "Peru"),
        code("PY", "Paraguay (Paraguái) <b>", "Paraguai <b>", "Paraguay <b>"),
        code("VE", "Venezuela", "Venezuela", "Venezuela"),
        code("ZZ", '=HYPERLINK("x")', '=HYPERLINK("x")', '=HYPERLINK("x")'),
    ],
    "CL_AREA": [
        code("XI", "Istmo", "Istmo", "Istmo"),
        code("XI-N", "Norte", "Norte", "North", "XI"),
        code("XI-S", "Sur", "Sul", "South", "XI"),
    ],
}

DIMENSION_ENTRIES = [
    {"name": "sex", "text": text("Sexo", "Sexo", "Sex"), "code_list": "CL_SEX"},
    {"name": "age", "text": text("Edad", "Idade", "Age"), "code_list": "CL_AGE", "ordered": True},
    {
        "name": "migratory_status",
        "text": text("Condición migratoria", "Condição migratória", "Migratory status"),
        "code_list": "CL_MIGRATORY_STATUS",
    },
    {
        "name": "birth_country",
        "text": text("País de nacimiento", "País de nascimento", "Country of birth"),
        "code_list": "CL_COUNTRY",
    },
]

AXES = [
    {
        "axis": "basis",
        "text": text("Criterio", "Critério", "Basis"),
        "values": {
            "birth": text("país de nacimiento", "país de nascimento", "country of birth"),
            "citizenship": text("nacionalidad", "nacionalidade", "citizenship"),
        },
        "difference": text(
            "Una cuenta por {first} y la otra por {second}: quien se naturalizó está en una y no en la otra.",
            "Uma conta por {first} e a outra por {second}: quem se naturalizou está em uma e não na outra.",
            "One counts by {first}, the other by {second}: the naturalised are in one and not in the other.",
        ),
    },
    {
        "axis": "measure",
        "text": text("Medida", "Medida", "Measure"),
        "values": {"stock": text("residentes en una fecha", "residentes em uma data", "residents at a date")},
        "difference": text("{first} / {second}", "{first} / {second}", "{first} / {second}"),
    },
    {
        "axis": "stay",
        "text": text("Duración de la estadía", "Duração da estada", "Length of stay"),
        "values": {
            "12m": text("doce meses o más", "doze meses ou mais", "twelve months or more"),
            "permit": text("con residencia vigente", "com residência vigente", "with a valid permit"),
        },
        "difference": text(
            "Una cuenta a quienes llevan {first}; la otra, a quienes están {second}.",
            "Uma conta quem está há {first}; a outra, quem está {second}.",
            "One counts persons who stay {first}, the other persons {second}.",
        ),
    },
]


def indicator(name: str, unit: str, family: str, population: str, **more: Any) -> dict[str, Any]:
    """An indicator of the structure."""
    formula: dict[str, Any] = {"kind": "person", "total": "birth_country_code <> 'XI'"}
    if unit in ("PT", "PP"):
        formula = {"kind": "person", "numerator": "unemployed", "denominator": "active"}
    return {
        "indicator": name,
        "version": "1.0.0",
        "family": family,
        "unit": unit,
        "population": population,
        "formulas": [formula],
        **more,
    }


INDICATORS = [
    indicator(
        "foreign_born",
        "PS",
        "stocks",
        "migrants",
        decimals=0,
        text={
            "name": text(
                "Personas nacidas en el extranjero", "Pessoas nascidas no exterior", "Foreign-born persons"
            ),
            "definition": text(
                "Residentes habituales que nacieron fuera del país, cualquiera que sea su nacionalidad.",
                "Residentes habituais que nasceram fora do país, qualquer que seja sua nacionalidade.",
                "Usual residents born outside the country, whatever their citizenship.",
            ),
            "headline": text(
                "{area}, {time}: {value} personas nacidas en el extranjero ({interval}). Fuente: {source}.",
                "{area}, {time}: {value} pessoas nascidas no exterior ({interval}). Fonte: {source}.",
                "{area}, {time}: {value} persons born abroad ({interval}). Source: {source}.",
            ),
            "reading": text(
                "No es el número de extranjeros: muchas de estas personas tienen la nacionalidad del país.",
                "Não é o número de estrangeiros: muitas destas pessoas têm a nacionalidade do país.",
                "This is not the number of foreigners: many of these persons are citizens of the country.",
            ),
        },
        codes={"sdg": ["10.7.2"], "gcm_objectives": [1], "montevideo_measures": [66]},
    ),
    indicator(
        "unemployment_rate",
        "PT",
        "labour",
        "labour_force",
        scale=100,
        decimals=1,
        proportion=True,
        gap={"dimension": "migratory_status", "group": "FB", "reference": "NB"},
        text={
            "name": text("Tasa de desocupación", "Taxa de desocupação", "Unemployment rate"),
            "definition": text(
                "Personas desocupadas por cada cien personas activas.",
                "Pessoas desocupadas para cada cem pessoas na força de trabalho.",
                "Unemployed persons for each hundred persons in the labour force.",
            ),
            "headline": text(
                "{area}, {time}: {value} de los activos no tiene trabajo ({interval}). Fuente: {source}.",
                "{area}, {time}: {value} dos ativos não tem trabalho ({interval}). Fonte: {source}.",
                "{area}, {time}: {value} of the labour force have no work ({interval}). Source: {source}.",
            ),
        },
        codes={"sdg": ["8.5.2"]},
    ),
    indicator(
        "unemployment_rate_gap",
        "PP",
        "labour",
        "labour_force",
        decimals=1,
        text={
            "name": text("Brecha: desocupación", "Diferença: desocupação", "Gap: unemployment rate"),
            "definition": text("Diferencia.", "Diferença.", "Difference."),
            "headline": text("{value}", "{value}", "{value}"),
        },
    ),
    indicator(
        "residence_permits",
        "DECISION",
        "arrivals",
        "permits",
        decimals=0,
        text={
            "name": text("Residencias otorgadas", "Residências concedidas", "Residence permits granted"),
            "definition": text(
                "Resoluciones que otorgan residencia. Una persona puede tener más de una.",
                "Decisões que concedem residência. Uma pessoa pode ter mais de uma.",
                "Decisions that grant residence. A person may have more than one.",
            ),
            "headline": text(
                "{area}, {time}: {value} residencias otorgadas. Fuente: {source}.",
                "{area}, {time}: {value} residências concedidas. Fonte: {source}.",
                "{area}, {time}: {value} residence permits granted. Source: {source}.",
            ),
        },
    ),
]

BIRTH = "basis=birth;measure=stock;stay=12m"
CITIZENSHIP = "basis=citizenship;measure=stock;stay=permit"
DIGEST = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"


def source(name: str, concept: str, names: Mapping[str, str], **more: Any) -> dict[str, Any]:
    """A source of the structure."""
    pairs = dict(p.split("=") for p in concept.split(";"))
    return {
        "source": name,
        "title": names,
        "producer": "Instituto de Estadística & Censos",
        "origin": "https://example.org/" + name + "/an_address_without_a_single_place_to_break" * 3,
        "licence": "CC-BY-4.0",
        "simulated": True,
        "kind": "person",
        "concept": pairs,
        "periods": ["2026-Q1", "2026-Q2"],
        "inputs": [{"name": f"{name}_2026.csv", "sha256": DIGEST, "bytes": 4312345, "period": "2026-Q2"}],
        **more,
    }


SOURCES = [
    source(
        "survey",
        BIRTH,
        text("Encuesta de hogares", "Pesquisa de domicílios", "Household survey"),
        design=text(
            "Muestra en dos etapas, por segmentos y viviendas. El error no incluye la falta de respuesta.",
            "Amostra em duas etapas, por segmentos e domicílios. O erro não inclui a falta de resposta.",
            "Two-stage sample of segments and dwellings. The error leaves out nonresponse.",
        ),
        missing=[{"name": "survey_2025.csv", "period": "2025", "origin": "Instituto de Estadística"}],
        reconciliation={
            "rows_in": 48211,
            "records": 48199,
            "quarantined": 12,
            "quarantined_by_reason": {"age-impossible": 9, "weight-negative": 3},
            "recoded_to_unknown": {"birth_country": 41},
        },
    ),
    source(
        "register",
        CITIZENSHIP,
        text("Registro de extranjeros", "Registro de estrangeiros", "Register of foreigners"),
        reconciliation={"rows_in": 91022, "records": 91022, "quarantined": 0},
    ),
    source(
        "un",
        BIRTH,
        text(
            "Naciones Unidas, población migrante",
            "Nações Unidas, população migrante",
            "United Nations, migrant stock",
        ),
        published_by_producer=True,
        producer="UN DESA",
    ),
]

STRUCTURE: dict[str, Any] = {
    "territory": "XI",
    "title": text("Migración en Istmo", "Migração no Istmo", "Migration in Istmo"),
    "producer": text(
        "Oficina de Migración de Istmo", "Escritório de Migração do Istmo", "Migration Office of Istmo"
    ),
    "contact": "datos@example.org",
    "population_concept": text(
        "quienes viven en el país doce meses o más.",
        "quem vive no país há doze meses ou mais.",
        "persons who live in the country for twelve months or more.",
    ),
    "languages": ["es", "pt", "en"],
    "simulated": True,
    "vintage": VINTAGE,
    "licence": "CC-BY-4.0",
    "notices": [
        {
            "kind": "correction",
            "indicator": "unemployment_rate",
            "where": {"time_period": "2026-Q1"},
            "text": text(
                "La edición anterior usó pesos sin calibrar.",
                "A edição anterior usou pesos sem calibrar.",
                "The previous edition used weights before calibration.",
            ),
        }
    ],
    "dimensions": DIMENSION_ENTRIES,
    "code_lists": CODE_LISTS,
    "indicators": INDICATORS,
    "units": {
        "PS": text("Personas", "Pessoas", "Persons"),
        "PT": text("Porcentaje", "Percentagem", "Percent"),
        "PP": text("Puntos porcentuales", "Pontos percentuais", "Percentage points"),
        "DECISION": text("Decisiones", "Decisões", "Decisions"),
    },
    "sources": SOURCES,
    "axes": AXES,
    "confidentiality": {
        "policy": {"minimum_records": "10"},
        "cells": 44,
        "published": 40,
        "suppressed": 4,
        "suppressed_by_dimension": {"birth_country": 3, "age": 1},
        "audited": 6,
    },
    "truth": [
        {
            "address": "foreign_born/XI/2026-Q2/all/survey@2026-11",
            "indicator": "foreign_born",
            "source": "survey",
            "truth": 120111,
            "estimate": 118340,
            "lower": 112010,
            "upper": 124670,
        },
        {
            "address": "unemployment_rate/XI/2026-Q2/sex=F/survey@2026-11",
            "indicator": "unemployment_rate",
            "categories": {"sex": "F"},
            "source": "survey",
            "truth": 12.4,
            "estimate": 10.1,
            "lower": 8.9,
            "upper": 11.4,
        },
    ],
    "expectations": [
        {
            "indicator": "unemployment_rate",
            "source": "survey",
            "time_period": "2026-Q1",
            "published": 9.3,
            "published_in": "Informe técnico 3",
            "ours": 9.3,
            "reproduced": True,
        }
    ],
    "not_computable": [
        {"indicator": "unemployment_rate", "source": "register", "missing": ["activity_code"]}
    ],
}


def cell(name: str, value: float | None, se: float | None = None, **more: Any) -> dict[str, Any]:
    """An observation. ``value`` None with no other word is withheld."""
    spec = next(i for i in INDICATORS if i["indicator"] == name)
    withheld = value is None
    known = {} if se is None or value is None else {"lower": value - 1.96 * se, "upper": value + 1.96 * se}
    row: dict[str, Any] = {
        "indicator_code": name,
        "indicator_version": "1.0.0",
        "reporter_code": "XI",
        "reference_area_code": "XI",
        "time_period": "2026-Q2",
        "source_code": "survey",
        "concept_vector": BIRTH,
        "vintage": VINTAGE,
        "value": value,
        "sampling_se": None if withheld else se,
        **known,
        "interval_type": "t-95" if known else None,
        "unit_code": spec["unit"],
        "obs_status_code": "Q" if withheld else "A",
        "conf_status_code": "C" if withheld else "F",
        "verdict": "suppress" if withheld else "publish",
    }
    return row | more


def observations() -> list[dict[str, Any]]:
    """All observations of the release."""
    stock, rate = "foreign_born", "unemployment_rate"
    countries = {
        "AR": 8123.0,
        "BO": 15400.0,
        "CO": 31240.0,
        "HT": None,
        "PE": 12950.0,
        "PY": 2210.0,
        "VE": 44870.0,
        "ZZ": None,
    }
    return [
        cell(stock, 118340.0, 3230.0),
        cell(stock, 60120.0, 2100.0, sex_code="F"),
        cell(stock, 58220.0, 2050.0, sex_code="M"),
        *(cell(stock, v, v and 0.08 * v + 300, birth_country_code=c) for c, v in countries.items()),
        cell(stock, 91022.0, source_code="register", concept_vector=CITIZENSHIP),
        *(
            cell(stock, v, source_code="register", concept_vector=CITIZENSHIP, birth_country_code=c)
            for c, v in {"AR": 7011.0, "VE": 52340.0, "HT": None, "CO": 24100.0}.items()
        ),
        cell(stock, 126500.0, source_code="un", time_period="2024"),
        cell(rate, 9.71, 0.41),
        cell(rate, 9.34, 0.40, time_period="2026-Q1"),
        cell(rate, 10.55, 0.44, time_period="2025-Q4"),
        cell(rate, 9.4, 0.5, time_period="2026-Q1", sex_code="F"),
        cell(rate, 10.1, 0.6, sex_code="F"),
        cell(rate, 9.4, 0.55, sex_code="M"),
        cell(rate, 21.9, 1.9, age_code="Y15T24", reliability="caution"),
        cell(rate, 7.2, 0.4, age_code="Y25T64"),
        cell(rate, None, age_code="Y_GE65"),
        cell(rate, 9.5, 0.42, migratory_status_code="NB"),
        cell(rate, 12.3, 1.4, migratory_status_code="FB"),
        *(
            cell(rate, v, s, sex_code=x, migratory_status_code=m)
            for x, m, v, s in [
                ("F", "NB", 9.8, 0.6),
                ("F", "FB", 14.9, 2.2),
                ("M", "NB", 9.2, 0.6),
                ("M", "FB", 10.0, 1.9),
            ]
        ),
        *(cell(rate, v, s, reference_area_code=a) for a, v, s in [("XI-N", 11.2, 0.8), ("XI-S", 8.6, 0.5)]),
        cell(rate + "_gap", 2.8, 1.46),
        cell(rate + "_gap", 5.1, 2.3, sex_code="F"),
        cell(rate + "_gap", 0.8, 2.0, sex_code="M"),
        *(
            cell("residence_permits", v, time_period=t, source_code="register", concept_vector=CITIZENSHIP)
            for t, v in [("2025-Q3", 8120.0), ("2025-Q4", 7544.0), ("2026-Q1", 9101.0), ("2026-Q2", 8873.0)]
        ),
    ]


def every_kind() -> list[dict[str, Any]]:
    """A cell of each kind that real releases have: flags, frequencies, kinds of error, corridors, notes."""
    stock, rate = "foreign_born", "unemployment_rate"
    empty: dict[str, Any] = {"obs_status_code": "M", "conf_status_code": "F", "verdict": "missing"}
    flagged = [cell(stock, 500.0 + n, time_period=f"20{n:02d}", obs_status_code=flag)
               for n, flag in enumerate("BDEFPU", 10)]  # fmt: skip
    periods = ("2026-S1", "2026-05", "2026-05-17")
    frequent = [cell("residence_permits", 7.0, time_period=t, source_code="register") for t in periods]
    errors = ("perturbation_se", "model_se", "provisional_se")
    erring = [
        cell(
            stock, 90.0, 4.0, time_period=f"20{n}", error_note="meant-for-final; covariance-bound", **{e: 3.0}
        )
        for n, e in enumerate(errors, 17)
    ]
    odd = [
        cell(rate, 0.0, time_period="2021", error_note="no-variance"),
        cell(rate + "_gap", -1e-9, 1e-12, time_period="2021"),
        cell(stock, 1e15, 1e9, time_period="2021", reliability="non-reliable"),
        cell(stock, 12.0, time_period="2021", counterpart_area_code="VE"),
        cell(stock, None, time_period="2022", counterpart_area_code="VE"),
        cell(stock, None, time_period="2022", **empty),
        cell(stock, 3.0, time_period="2022", birth_country_code="_O", concept_vector=CITIZENSHIP),
    ]
    return [*flagged, *frequent, *erring, *odd]


def write_release(folder: Path, rows: list[dict[str, Any]] | None = None, **changes: Any) -> Path:
    """A release in ``folder``; ``changes`` replace parts of the structure."""
    folder.mkdir(parents=True, exist_ok=True)
    chosen = observations() if rows is None else rows
    names = list(dict.fromkeys(n for row in chosen for n in row))
    table = conform(pa.table({n: [row.get(n) for row in chosen] for n in names}), DIMENSIONS)
    for name in (f"{d}_code" for d in DIMENSIONS):
        column = table.column(name).fill_null("_T")
        table = table.set_column(table.column_names.index(name), table.schema.field(name), column)
    pq.write_table(table, folder / "observations.parquet")
    (folder / "structure.json").write_text(json.dumps(STRUCTURE | changes), encoding="utf-8")
    return folder
