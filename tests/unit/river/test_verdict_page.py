"""The page that the custodian reads: its languages, the loss by size, what was tried; and no cell."""

from dataclasses import replace

from caudal.catalogue import load_catalogue
from caudal.model.observation import observation_schema
from caudal.model.protection import ProtectionPolicy
from caudal.protect.verdict import Note, PopulationVerdict, VerdictReport
from caudal.river.confidentiality import told
from caudal.river.verdict_page import verdict_page

POPULATION = PopulationVerdict(
    "XI/census/2023/2023-12", "suppression", 820, 27, 20, 19, 47, 47, 4, 1, 38, 12, False,
    notes=(Note("set_aside", {"source": "survey", "reason": "<b>note</b>"}),),
)  # fmt: skip
REPORT = VerdictReport(
    100, 60, 40, 0, 0, (POPULATION,),
    {"sex": {"F": (30, 40), "M": (10, 40), "_T": (0, 20)}, "age": {"_T": (0, 20)}},
    {"1-9": (30, 40), "500+": (10, 60)},
    (("arrival", "generation"),),
)  # fmt: skip


def page(*languages: str) -> str:
    catalogue, _ = load_catalogue()
    return verdict_page(REPORT, ProtectionPolicy(), catalogue, languages, "2023-12-abc")


def test_it_speaks_the_languages_of_the_country() -> None:
    text = page("es", "pt")
    assert "Veredicto de confidencialidad" in text and "Veredito de confidencialidade" in text
    assert "Verdict on" not in text and "Verdict on confidentiality" in page("fr")


def test_it_says_whether_the_smallest_groups_bear_the_loss() -> None:
    text = page("en")
    assert "75 % of what is withheld are figures with fewer than 20 persons" in text
    assert "these are 40 % of all" in text
    assert text.index("Women") < text.index("Men")  # the worst first
    assert "Age" not in text.split("What the auditor tried")[0]  # nothing was lost by age


def test_it_says_what_was_tried_and_what_was_not() -> None:
    text = page("en")
    assert "47 of 47 withheld cells were audited" in text and "20 (19)" in text
    assert "Time since arrival / Migrant generation" in text and "several contributors" in text
    assert "&lt;b&gt;note" in text and "<b>note" not in text


def test_the_public_is_told_in_its_own_names_and_numbers() -> None:
    catalogue, _ = load_catalogue()
    large = replace(REPORT, populations=(replace(POPULATION, suppressed_n=2245, proved_n=2245),))
    nothing = observation_schema(["sex"]).empty_table()
    found = told(large, nothing, ProtectionPolicy(), catalogue, ("es", "en"))
    assert "2.245 de 2.245" in found.audit["es"] and "2,245 of 2,245" in found.audit["en"]
    assert "Tiempo desde la llegada / Generación migratoria" in found.not_modelled[-1]["es"]
