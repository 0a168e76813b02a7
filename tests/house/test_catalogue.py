"""The built-in catalogue is whole: every text in every shipped language, every name known, all SQL sound."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from caudal.catalogue import load_catalogue, schemas
from caudal.catalogue.checks import check_axis, check_dimension, check_indicator, check_vector
from caudal.catalogue.draft import VECTOR_WORDS
from caudal.catalogue.labels import texts_of
from caudal.catalogue.lists import check_parents, list_files, read_list
from caudal.catalogue.loading import BUILT_IN, built_in
from caudal.catalogue.schemas import schema_text
from caudal.engine.specs import read_document
from caudal.model.catalogue import Catalogue
from caudal.model.codelist import SPECIAL_CODES
from caudal.model.protection import ProtectionPolicy
from caudal.model.record import record_kinds
from caudal.protect import gate

LANGUAGES = ("es", "pt", "en")
ROOT = Path(__file__).resolve().parents[2]
DRAFT, PROBLEMS = built_in()
CATALOGUE: Catalogue = load_catalogue()[0]
INDICATOR_FILES = sorted((BUILT_IN / "indicators").glob("*.yaml"))
PLACEHOLDER = re.compile(r"\{[a-z]+\}")


def test_every_file_is_well_formed() -> None:
    assert not PROBLEMS, "\n".join(p.text() for p in PROBLEMS)


def test_every_text_is_said_in_every_shipped_language() -> None:
    said = [(key, set(text)) for key, text, needed in texts_of(DRAFT) if needed or text]
    assert [(key, set(LANGUAGES) - has) for key, has in said if not set(LANGUAGES) <= has] == []
    assert not load_catalogue(languages=LANGUAGES)[1]


def test_placeholders_are_the_same_in_every_language() -> None:
    for key, text, _ in texts_of(DRAFT):
        marks = {lang: frozenset(PLACEHOLDER.findall(t)) for lang, t in text.items()}
        assert len(set(marks.values())) <= 1, key


@pytest.mark.parametrize("name", sorted(DRAFT.lists))
def test_a_code_list_says_where_it_comes_from_and_its_parents_exist(name: str) -> None:
    assert name in DRAFT.notes, f"codes/lists.yaml does not say where {name} comes from"
    assert set(LANGUAGES) <= set(DRAFT.notes[name].text)
    assert not check_parents(DRAFT.lists[name], {})
    if name != "CL_SPECIAL":
        assert not set(SPECIAL_CODES) & set(DRAFT.lists[name].codes)


def test_labels_within_a_list_differ() -> None:
    for code_list in DRAFT.lists.values():
        for language in LANGUAGES:
            labels = [c.labels[language] for c in code_list.codes.values()]
            assert len(labels) == len(set(labels)), (code_list.id, language)


def test_every_list_that_a_record_names_is_shipped() -> None:
    named = {c.code_list for kind in record_kinds().values() for c in kind.columns if c.code_list}
    assert named <= set(DRAFT.lists)


def test_every_note_is_about_a_list_and_no_file_repeats_a_code() -> None:
    assert set(DRAFT.notes) == set(DRAFT.lists)
    for _, path in list_files(BUILT_IN / "codes"):
        assert not read_list(path)[1]


def test_countries_are_those_of_the_standard() -> None:
    codes = DRAFT.lists["CL_COUNTRY"].codes
    countries = [c for c in codes if re.fullmatch("[A-Z]{2}", c)]
    assert len(countries) == 249
    in_latin_america = {c for g in ("005", "013", "029") for c in CATALOGUE.code_lists["CL_AREA"].children(g)}
    assert {"AR", "BO", "BR", "CU", "HT", "JM", "MX", "PA", "PE", "VE"} <= in_latin_america
    assert not {"US", "CA", "ES"} & in_latin_america
    assert set(codes) <= set(CATALOGUE.code_lists["CL_AREA"].codes)


@pytest.mark.parametrize("name", sorted(DRAFT.dimensions))
def test_a_dimension_is_sound(name: str) -> None:
    assert not check_dimension(DRAFT.dimensions[name], DRAFT, "dimensions.yaml")


@pytest.mark.parametrize("name", sorted(DRAFT.axes))
def test_an_axis_is_sound(name: str) -> None:
    assert not check_axis(DRAFT.axes[name], "concept_vector.yaml")
    assert len(DRAFT.axes[name].values) > 1


def test_the_words_of_the_vector_are_whole() -> None:
    assert set(DRAFT.vector) == set(VECTOR_WORDS)
    assert not check_vector(DRAFT.vector, "")


@pytest.mark.parametrize("path", INDICATOR_FILES, ids=lambda p: p.stem)
def test_an_indicator_is_sound(path: Path) -> None:
    spec = DRAFT.indicators[path.stem]
    assert not check_indicator(spec, DRAFT, read_document(path))
    assert spec.breakdowns and len(set(spec.breakdowns)) == len(spec.breakdowns)
    assert (spec.gap is not None) == spec.is_rate, "every rate has a gap, and only a rate"
    assert (spec.unit == "PT") == (spec.scale == 100) == spec.proportion
    for formula in spec.formulas:
        assert {"measure", "unit", "basis", "age_scope"} <= set(formula.concept)
        assert formula.needs or spec.family != "labour", "a rate of the population needs all of it"


def test_the_families_hold_what_was_promised() -> None:
    families = {s.family for s in DRAFT.indicators.values()}
    assert families >= {"stocks", "arrivals", "labour", "movements"}
    assert len(DRAFT.indicators) >= 12


def test_no_text_calls_a_person_illegal() -> None:
    for key, text, _ in texts_of(DRAFT):
        for sentence in text.values():
            assert not re.search(r"\bileg|\billeg", sentence, re.IGNORECASE), key


def test_the_default_policy_names_dimensions_that_exist() -> None:
    policy = ProtectionPolicy()
    named = {*policy.sensitive, *(d for group in policy.never_crossed for d in group)}
    assert named <= {*DRAFT.dimensions, "reference_area"}


def test_the_verdicts_are_those_of_the_gate() -> None:
    verdicts = {gate.RELEASED, gate.SUPPRESSED, gate.PUBLIC, gate.MISSING}
    assert set(DRAFT.lists["CL_VERDICT"].codes) == verdicts


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_pages_have_words_for_what_the_catalogue_names(language: str) -> None:
    lists = read_document(BUILT_IN / "pages" / f"{language}.yaml").data["lists"]
    assert {s.family for s in DRAFT.indicators.values()} <= set(lists["families"])
    assert set(DRAFT.lists["CL_RELIABILITY"].codes) == set(lists["reliability"])


def test_the_schemas_in_the_docs_are_current() -> None:
    folder = ROOT / "docs" / "schemas"
    stored = {p.stem: p.read_text(encoding="utf-8") for p in folder.glob("*.json")}
    made = {name: schema_text(schema) for name, schema in schemas().items()}
    assert stored == made, "caudal.catalogue.write_schemas(Path('docs/schemas')) makes them"
