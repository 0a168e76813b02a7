"""Proposals to the custodian: what they gain and cost is what becomes of the table when they are made."""

import numpy as np
import pyarrow as pa
import pytest

from benchmarks.protect_tables import random_counts, with_margins
from caudal.catalogue import load_catalogue
from caudal.errors import CaudalError
from caudal.model.observation import conform
from caudal.model.protection import ProtectionPolicy
from caudal.protect import protect_release
from caudal.protect.recoding import Recoding, recodings
from caudal.river.verdict_page import verdict_page

NAMES = ["origin", "age"]


def five(key: tuple[str, ...]) -> int:
    return 5


def by_kind(found: tuple[Recoding, ...]) -> dict[str, Recoding]:
    return {r.kind: r for r in found}


def test_wider_classes_count_what_the_wider_table_counts() -> None:
    counts = random_counts((6, 8), 400, (1.2, 0.6), 3)
    found = by_kind(recodings(NAMES, with_margins(counts, NAMES), {}, five))["wider"]
    wide = with_margins(counts.reshape(6, 4, 2).sum(axis=2), NAMES)
    shown = {k: n for k, n in wide.items() if n}
    assert (found.dimension, found.small_after) == ("age", sum(n < 5 for n in shown.values()))
    assert found.cells_after == len(shown)


def test_merging_counts_what_the_merged_table_counts() -> None:
    counts = random_counts((6, 8), 400, (1.2, 0.6), 3)
    found = by_kind(recodings(NAMES, with_margins(counts, NAMES), {}, five))["merge"]
    axis = NAMES.index(found.dimension)
    at = [int(c.removeprefix(found.dimension)) for c in found.categories]
    rest = [i for i in range(counts.shape[axis]) if i not in at]
    merged = np.concatenate(
        [np.take(counts, rest, axis), np.take(counts, at, axis).sum(axis=axis, keepdims=True)], axis=axis
    )
    shown = [n for n in with_margins(merged, NAMES).values() if n]
    assert (found.small_after, found.cells_after) == (sum(n < 5 for n in shown), len(shown))
    assert found.small_after < found.small_before


def test_a_tree_is_shown_by_its_upper_level_and_a_crossing_is_left_out() -> None:
    cells = {("_T", "_T"): 60, ("N", "_T"): 60, ("_T", "a"): 34, ("_T", "b"): 26}
    cells |= {("N", "a"): 34, ("N", "b"): 26, ("x", "_T"): 56, ("y", "_T"): 4}
    cells |= {("x", "a"): 32, ("x", "b"): 24, ("y", "a"): 2, ("y", "b"): 2}
    found = by_kind(recodings(["area", "sex"], cells, {"area": {"x": "N", "y": "N"}}, five))
    assert (found["coarser"].dimension, found["coarser"].small_after, found["coarser"].lost) == ("area", 0, 6)
    assert (found["drop"].dimension, found["drop"].small_after, found["drop"].lost) == ("area x sex", 1, 6)


def test_a_level_that_is_not_shown_is_added_up() -> None:
    tree = {"area": {"x": "N", "y": "N", "z": "S"}}
    found = by_kind(recodings(["area"], {("x",): 30, ("y",): 3, ("z",): 20}, tree, five))["coarser"]
    assert (found.small_after, found.cells_after) == (0, 2)


def test_nothing_is_proposed_that_helps_nobody() -> None:
    assert recodings(NAMES, {("_T", "_T"): 50, ("o", "_T"): 20, ("p", "_T"): 30}, {}, five) == ()


def _stock(area: str, sex: str, n: int) -> dict[str, object]:
    return {
        "indicator_code": "stock",
        "indicator_version": "1",
        "reporter_code": "XX",
        "reference_area_code": area,
        "time_period": "2024",
        "sex_code": sex,
        "source_code": "census",
        "concept_vector": "",
        "vintage": "2026",
        "value": float(n),
        "sample_n": n,
        "unit_code": "PS",
        "obs_status_code": "A",
    }


def _small_country(*counts: int) -> pa.Table:
    """One area by sex: a total, and categories with these counts."""
    rows = [_stock("XX", "_T", sum(counts))]
    rows += [_stock("XX", code, n) for code, n in zip("FMXYZ", counts, strict=False)]
    return conform(pa.Table.from_pylist(rows), ["sex"])


@pytest.mark.parametrize("language", ["en", "es", "pt"])
def test_a_table_that_nothing_protects_is_refused_with_recodings(language: str) -> None:
    """A single small cell beside one that must stay: the refusal says what would help, and what it costs."""
    policy = ProtectionPolicy(never_crossed=(), keep=({"sex": "M"}, {"sex": "_T"}))
    with pytest.raises(CaudalError) as error:
        protect_release(_small_country(3, 30), policy)
    proposed = [p for p in error.value.problems if p.code == "protect-propose-merge"]
    assert proposed, error.value.text()
    assert (proposed[0].facts["left"], proposed[0].facts["lost"]) == (0, 1)
    assert "F + M" in proposed[0].text(language)


def test_where_much_is_withheld_the_verdict_proposes_recodings() -> None:
    _, report = protect_release(_small_country(3, 2, 20, 4), ProtectionPolicy(never_crossed=()))
    [population] = report.populations
    assert population.suppressed_n > population.cells_n / 3
    assert population.recodings and any("Merge the categories" in line for line in report.lines())
    catalogue, _ = load_catalogue()
    page = verdict_page(report, ProtectionPolicy(), catalogue, ("es", "pt", "en"), "XX-2026")
    for words in ("Unir las categorías", "Unir as categorias", "Merge the categories"):
        assert words in page


def test_where_little_is_withheld_nothing_is_proposed() -> None:
    _, report = protect_release(_small_country(30, 20, 40), ProtectionPolicy(never_crossed=()))
    assert report.populations[0].recodings == ()
