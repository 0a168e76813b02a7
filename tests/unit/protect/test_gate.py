"""The gate on observations: linked figures, gaps, surveys, remainders, refusals."""

from typing import Any

import pyarrow as pa
import pytest

from caudal.errors import CaudalError
from caudal.model.observation import conform, key_columns
from caudal.model.protection import Family, ProtectionPolicy
from caudal.protect import protect_release

POLICY = ProtectionPolicy(never_crossed=())


def row(
    indicator: str, sex: str, n: int, cases: int | None = None, unit: str = "PS", **more: Any
) -> dict[str, Any]:
    value = float(n if cases is None else cases) if unit == "PS" else 100.0 * (cases or 0) / max(n, 1)
    return {
        "indicator_code": indicator,
        "indicator_version": "1",
        "reporter_code": "XX",
        "reference_area_code": "XX",
        "time_period": "2024",
        "sex_code": sex,
        "source_code": "census",
        "concept_vector": "",
        "vintage": "2026",
        "value": value,
        "sample_n": n,
        "cases_n": cases,
        "unit_code": unit,
        "obs_status_code": "A",
        **more,
    }


def table(*rows: dict[str, Any]) -> pa.Table:
    return conform(
        pa.Table.from_pylist([dict.fromkeys({k for r in rows for k in r}) | r for r in rows]), ["sex"]
    )


def verdicts(released: pa.Table) -> dict[tuple[str, ...], str]:
    return {
        (r["indicator_code"], r["sex_code"], r["reference_area_code"]): r["verdict"]
        for r in released.to_pylist()
    }


STOCK = [row("stock", "_T", 60), row("stock", "F", 20), row("stock", "M", 37), row("stock", "X", 3)]
HALF = [30, 10, 19, 1]


def test_a_small_count_takes_another_with_it() -> None:
    released, report = protect_release(table(*STOCK), POLICY)
    found = verdicts(released)
    assert found[("stock", "X", "XX")] == "suppressed"
    assert sorted(found.values()).count("suppressed") == 2
    assert report.certified


def test_the_remainder_of_the_categories_is_protected() -> None:
    """Nobody publishes the three, but total minus women minus men is three."""
    released, _ = protect_release(table(*STOCK[:3]), POLICY)
    assert "suppressed" in verdicts(released).values()
    unknown, _ = protect_release(table(*STOCK[:3], row("stock", "_U", 3)), POLICY)
    assert set(verdicts(unknown).values()) == {"released"}


def test_a_share_is_withheld_with_its_numerator_and_its_complement() -> None:
    shares = [row("rate", "_T", 60, 30, "PT"), row("rate", "F", 30, 2, "PT"), row("rate", "M", 30, 28, "PT")]
    released, _ = protect_release(table(*shares), POLICY)
    found = verdicts(released)
    assert found[("rate", "F", "XX")] == found[("rate", "M", "XX")] == "suppressed"


def test_a_share_cannot_open_what_a_count_hides() -> None:
    """The share's denominator is the withheld count: the share goes as well."""
    shares = [row("rate", s["sex_code"], s["sample_n"], c, "PT") for s, c in zip(STOCK, HALF, strict=True)]
    released, _ = protect_release(table(*STOCK, *shares), POLICY)
    found = verdicts(released)
    for sex in ("_T", "F", "M", "X"):
        if found[("stock", sex, "XX")] == "suppressed":
            assert found[("rate", sex, "XX")] == "suppressed"


def test_a_gap_is_withheld_with_its_figures() -> None:
    rows = [row("rate", "_T", 60, 30, "PT"), row("rate", "F", 30, 2, "PT"), row("rate", "M", 30, 28, "PT")]
    gap = row("rate_gap", "_T", 60, 30, "PP")
    released, _ = protect_release(table(*rows, gap), POLICY)
    assert verdicts(released)[("rate_gap", "_T", "XX")] == "suppressed"


def test_a_gap_without_its_figures_is_refused() -> None:
    with pytest.raises(CaudalError) as error:
        protect_release(table(row("rate_gap", "_T", 60, 30, "PP")), POLICY)
    assert [p.code for p in error.value.problems] == ["protect-gap-without-inputs"]


def test_surveys_are_judged_on_unweighted_records() -> None:
    rows = [
        row("stock", "_T", 100, value=90000.0, sampling_se=900.0),
        row("stock", "F", 91, value=81000.0, sampling_se=900.0),
        row("stock", "M", 9, value=9000.0, sampling_se=900.0),
    ]
    released, report = protect_release(table(*rows), POLICY)
    assert report.populations[0].survey
    assert verdicts(released)[("stock", "M", "XX")] == "suppressed"


def test_public_figures_pass_and_say_so() -> None:
    released, report = protect_release(
        table(*STOCK), POLICY.model_copy(update={"public_sources": ("census",)})
    )
    assert set(verdicts(released).values()) == {"public"}
    assert report.public_n == 4
    assert released.column("sample_n").null_count == 0


def test_a_figure_without_a_count_behind_it_is_refused() -> None:
    with pytest.raises(CaudalError) as error:
        protect_release(table(row("mean", "_T", 10, None, "CUR") | {"sample_n": None}), POLICY)
    assert [p.code for p in error.value.problems] == ["protect-no-count"]
    assert error.value.exit_code == 5


def test_weights_are_not_counts() -> None:
    with pytest.raises(CaudalError) as error:
        protect_release(table(row("stock", "_T", 10) | {"sample_n": None, "value": 10.5}), POLICY)
    assert [p.code for p in error.value.problems] == ["protect-no-count"]


def test_categories_that_exceed_their_total_are_refused() -> None:
    with pytest.raises(CaudalError) as error:
        protect_release(table(row("s", "_T", 50), row("s", "F", 40), row("s", "M", 20)), POLICY)
    assert {p.code for p in error.value.problems} == {"protect-contradictory-margins"}


def test_a_cell_that_must_stay_and_may_not_be_shown_is_refused() -> None:
    policy = POLICY.model_copy(update={"keep": ({"sex": "X"},)})
    with pytest.raises(CaudalError) as error:
        protect_release(table(*STOCK), policy)
    assert "protect-must-stay" in {p.code for p in error.value.problems}


def test_out_of_time_is_a_certified_pattern_that_says_so_and_never_less() -> None:
    _, report = protect_release(table(*STOCK), POLICY.model_copy(update={"time_limit_s": 1e-9}))
    assert report.certified
    for language in ("es", "pt", "en"):
        assert any("time_limit_s" in note.text(language) for p in report.populations for note in p.notes)


def test_crossings_that_are_never_shown_are_withheld_and_covered() -> None:
    policy = ProtectionPolicy(never_crossed=(("sex",),))
    released, _ = protect_release(table(row("s", "_T", 500), row("s", "F", 240), row("s", "M", 260)), policy)
    found = verdicts(released)
    assert found[("s", "F", "XX")] == found[("s", "M", "XX")] == "suppressed"
    assert found[("s", "_T", "XX")] == "released"


def test_sensitive_dimensions_have_their_own_threshold() -> None:
    policy = POLICY.model_copy(update={"sensitive": {"sex": 25}})
    released, _ = protect_release(table(*STOCK[:1], row("stock", "F", 20), row("stock", "M", 40)), policy)
    assert verdicts(released)[("stock", "F", "XX")] == "suppressed"


def test_a_perturbing_method_is_not_for_surveys() -> None:
    policy = POLICY.model_copy(update={"families": (Family(method="rounding"),)})
    with pytest.raises(CaudalError) as error:
        protect_release(table(row("s", "_T", 90, sampling_se=1.0)), policy, secret=b"s")
    assert [p.code for p in error.value.problems] == ["protect-survey-perturbed"]


def test_rounded_counts_carry_their_error_and_shares_follow_them() -> None:
    policy = POLICY.model_copy(update={"method": "rounding"})
    shares = [row("rate", s["sex_code"], s["sample_n"], c, "PT") for s, c in zip(STOCK, HALF, strict=True)]
    released, _ = protect_release(table(*STOCK, *shares), policy, secret=b"s")
    for r in released.to_pylist():
        assert r["verdict"] == "released"
        if r["unit_code"] == "PS":
            assert r["value"] % 5 == 0 and r["perturbation_se"] > 0
        elif r["value"] is not None:
            assert r["perturbation_se"] is not None


def test_the_gate_changes_nothing_that_it_is_given_and_keeps_the_key() -> None:
    given = table(*STOCK)
    released, _ = protect_release(given, POLICY)
    assert given.equals(table(*STOCK))
    keys = key_columns(["sex"])
    assert sorted(map(str, released.select(keys).to_pylist())) == sorted(
        map(str, given.select(keys).to_pylist())
    )


def test_the_same_observations_give_the_same_release() -> None:
    first, second = (protect_release(table(*STOCK), POLICY)[0] for _ in range(2))
    assert first.equals(second)


def test_the_report_says_what_was_tried_and_what_was_not() -> None:
    _, report = protect_release(table(*STOCK), POLICY)
    text = "\n".join(report.lines())
    assert "at least 1" in text and "not modelled" in text and "lost by sex" in text
    assert report.loss["sex"]["X"] == (1, 1)
    assert report.methods == {"XX/census/2024": ("suppression", "")}


def test_an_amount_that_one_unit_dominates_is_withheld() -> None:
    rows = [
        row("earnings", sex, n, None, "CUR", value=float(v))
        for sex, n, v in (("_T", 60, 900), ("F", 25, 500), ("M", 35, 400))
    ]
    given = {1: [450.0, *[2.0] * 24], 2: [400 / 35] * 35}
    released, _ = protect_release(table(*rows), POLICY, contributions=given)
    assert verdicts(released)[("earnings", "F", "XX")] == "suppressed"
    fair, _ = protect_release(table(*rows), POLICY, contributions={1: [20.0] * 25})
    assert set(verdicts(fair).values()) == {"released"}


def test_a_relative_interval_can_be_asked_besides() -> None:
    policy = POLICY.model_copy(update={"interval_pct": 50.0})
    released, report = protect_release(table(*STOCK), policy)
    assert report.certified
    assert verdicts(released)[("stock", "X", "XX")] == "suppressed"
