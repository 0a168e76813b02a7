"""What the built-in catalogue covers: families, numerators, gaps and the words that go with them."""

from __future__ import annotations

from caudal.catalogue import load_catalogue
from caudal.catalogue.interface import interface_texts

CATALOGUE = load_catalogue()[0]
INDICATORS = CATALOGUE.indicators.values()


def test_families_and_numerators() -> None:
    assert len(CATALOGUE.indicators) >= 40
    assert len({i.family for i in INDICATORS}) >= 8
    counted = {f.numerator or f.mean or f.total for i in INDICATORS for f in i.formulas}
    assert len(counted) >= 40


def test_every_rate_of_people_has_its_gap() -> None:
    rates = [i for i in INDICATORS if any(f.kind == "person" and (f.numerator or f.mean) for f in i.formulas)]
    without = {i.indicator for i in rates if i.gap is None}
    assert len(rates) >= 40
    assert not without


def test_a_gap_is_tabulated_by_what_it_compares() -> None:
    for indicator in INDICATORS:
        if indicator.gap and indicator.formulas:
            assert (indicator.gap.dimension,) in indicator.breakdowns, indicator.indicator


def test_every_family_has_a_name_on_the_pages() -> None:
    for language in ("es", "pt", "en"):
        texts = interface_texts(language)
        assert {f"lists/families/{i.family}" for i in INDICATORS} <= set(texts)
