"""Noise from a country folder: the secret, the keys of the people in a cell, what units contribute."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from caudal.catalogue import load_catalogue
from caudal.engine.session import connect
from caudal.errors import CaudalError
from caudal.estimate.families import family_of
from caudal.estimate.indicators import Records
from caudal.estimate.survey import Design
from caudal.model.country import CountrySpec
from caudal.model.protection import Family, ProtectionPolicy
from caudal.model.record import record_kinds
from caudal.protect.methods import cell_key
from caudal.river.evidence import evidence_of
from caudal.river.secrets import protection_secret

KEYED = ProtectionPolicy(method="cell_key", secret="env:NOISE")
SECRET = "0123456789abcdef"


def country(**more: object) -> CountrySpec:
    text = {"es": "x", "en": "x"}
    return CountrySpec(
        territory="XI", title=text, languages=("es",), population_concept=text, producer=text, **more
    )


def code(policy: ProtectionPolicy, environment: dict[str, str], **more: object) -> str:
    with pytest.raises(CaudalError) as error:
        protection_secret(country(**more), policy, Path("/nowhere"), environment)
    return error.value.problems[0].code


def test_a_secret_is_asked_only_of_methods_that_need_one() -> None:
    assert protection_secret(country(), ProtectionPolicy(), Path(), {}) == b""
    assert protection_secret(country(), KEYED, Path(), {"NOISE": SECRET}) == SECRET.encode()


def test_a_secret_is_missing_short_or_shared() -> None:
    assert code(KEYED, {}) == "protect-no-secret"
    family = ProtectionPolicy(families=(Family(sources=("census",), method="rounding"),))
    assert code(family, {}) == "protect-no-secret"
    assert code(KEYED, {"NOISE": "short"}) == "protect-secret-short"
    assert code(KEYED, {"NOISE": SECRET}, key="env:NOISE") == "protect-secret-shared"
    assert code(KEYED.model_copy(update={"secret": "demo"}), {}) == "protect-no-secret"


def test_key_sums_are_those_of_the_people_in_the_cell() -> None:
    catalogue, _ = load_catalogue()
    people = pa.table(
        {
            "person_key": [f"p{i}" for i in range(40)],
            "sex_code": ["F", "M"] * 20,
            "birth_country_code": ["XI", "XI", "CO", "_U"] * 10,
            "raw_row": list(range(40)),
        }
    )
    with connect() as session:
        session.register("people", people)
        records = Records(
            relation="people",
            kind=record_kinds()["person"],
            columns=frozenset(people.column_names),
            source="census",
            period="2023",
            territory="XI",
            reporter="XI",
            vintage="",
            design=Design.full_count(),
            concept={"scope": "general_population", "source_type": "census"},
        )
        planned, _ = family_of("person").plan(records, [catalogue.indicators["migrant_share"]], catalogue)
        found = evidence_of(records, planned, catalogue, session, vintage="2023-12", secret=SECRET.encode())
    keys = cell_key.record_keys([f"census/p{i}" for i in range(40)], SECRET.encode())
    of_women = next(
        k for a, k in found.keys.items() if "sex_code=F" in a and not any("area_code=XI-" in x for x in a)
    )
    women = list(range(0, 40, 2))
    abroad = [i for i in women if i % 4 == 2]
    assert of_women[0] == int(np.sum(keys[women])) % cell_key.MODULUS
    assert of_women[1] == int(np.sum(keys[abroad])) % cell_key.MODULUS
    assert sum(of_women[1:]) % cell_key.MODULUS == of_women[0]
