"""A census under noise, from its country folder to the pages; and amounts that one unit dominates."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from caudal.errors import CaudalError
from caudal.river.build import build
from caudal.river.log import silent
from caudal.river.publishing import sign_release
from caudal.river.signing import signatory
from caudal.river.state import current_release
from tests.support.census_country import Earnings, one_in_four, write_census
from tests.support.small_country import replace_in

NOISE = "families:\n  - {{sources: [census], method: {}}}\nsecret: demo\n"


def figures(release: Path, indicator: str) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = pq.read_table(release / "observations.parquet").to_pylist()
    return [r for r in rows if r["indicator_code"] == indicator]


@pytest.fixture(scope="module")
def rounded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = write_census(tmp_path_factory.mktemp("rounding") / "pais", NOISE.format("rounding"))
    build(folder)
    return folder


def test_rounded_counts_are_multiples_and_add_up(rounded: Path) -> None:
    rows = figures(current_release(rounded), "population")
    assert rows and all(r["value"] % 5 == 0 and r["verdict"] == "released" for r in rows)
    by = {(r["sex_code"], r["age_code"]): r["value"] for r in rows if r["age_code"][:4] != "Y_5"}
    assert by[("_T", "_T")] == by[("F", "_T")] + by[("M", "_T")]


def test_the_added_error_is_told_and_tells_no_count(rounded: Path) -> None:
    """The same for every count: an error of its own for empty cells would tell which are empty."""
    rows = figures(current_release(rounded), "population")
    assert {round(r["perturbation_se"], 9) for r in rows} == {round(5 / 3**0.5, 9)}
    assert {r["interval_type"] for r in rows} == {"perturbation-95"}
    assert all(r["sample_n"] is None and r["cases_n"] is None for r in rows)
    shares = figures(current_release(rounded), "migrant_share")
    assert all(r["perturbation_se"] > 0 and r["lower"] <= r["value"] <= r["upper"] for r in shares)


def test_pages_and_verdict_tell_the_method(rounded: Path) -> None:
    release = current_release(rounded)
    pages = [p.read_text("utf-8") for p in (release / "site" / "es").rglob("*.html")]
    assert any("ruido" in p.lower() or "protec" in p.lower() for p in pages)
    [verdict] = (rounded / ".caudal" / "builder").glob("*.verdict.html")
    assert "rounding" in verdict.read_text("utf-8")


@pytest.mark.parametrize("other", ["cell_key", pytest.param("suppression", marks=pytest.mark.long)])
def test_a_chain_of_releases_keeps_its_method(rounded: Path, other: str, tmp_path: Path) -> None:
    folder = write_census(tmp_path / "pais", NOISE.format("rounding"))
    build(folder)
    key = Ed25519PrivateKey.generate()
    sign_release(folder, key, signatory(key, name="Ana Ruiz", role="", date="2024-05-30"), silent)
    replace_in(folder / "publication.yaml", "2024-05", "2024-06")
    assert build(folder).release.name.startswith("2024-06")
    replace_in(folder / "protection.yaml", "rounding", other)
    with pytest.raises(CaudalError) as error:
        build(folder)
    assert "protect-methods-mixed" in {p.code for p in error.value.problems}


@pytest.mark.long
@pytest.mark.parametrize("method", ["rounding", "cell_key"])
def test_a_few_and_nobody_look_the_same(method: str, tmp_path: Path) -> None:
    """Nobody, one or two of one cell born abroad: where a zero is shown, all else of it is the same."""
    cell = [k for k in range(400) if k % 90 in range(35, 45) and k // 3 % 2]  # women of 35 to 44
    seen = []
    for few in (0, 1, 2):
        folder = write_census(
            tmp_path / f"pais{few}",
            NOISE.format(method),
            born=lambda k, few=few: (1 if k not in cell[:few] else 2) if k in cell else one_in_four(k),
        )
        rows = figures(build(folder).release, "migrant_share")
        [row] = [r for r in rows if (r["sex_code"], r["age_code"]) == ("F", "Y35T44")]
        if row["value"] == 0:
            seen.append(row)
    assert len(seen) > 1 and all(s == seen[0] for s in seen)


def test_a_secret_that_changes_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = write_census(tmp_path / "pais", NOISE.format("cell_key").replace("demo", "env:CAUDAL_NOISE"))
    monkeypatch.setenv("CAUDAL_NOISE", "0123456789abcdef")
    build(folder)
    key = Ed25519PrivateKey.generate()
    sign_release(folder, key, signatory(key, name="Ana Ruiz", role="", date="2024-05-30"), silent)
    replace_in(folder / "publication.yaml", "2024-05", "2024-06")
    monkeypatch.setenv("CAUDAL_NOISE", "another secret that is long")
    with pytest.raises(CaudalError) as error:
        build(folder)
    assert "protect-secret-reused" in {p.code for p in error.value.problems}
    monkeypatch.delenv("CAUDAL_NOISE")
    with pytest.raises(CaudalError) as error:
        build(folder)
    assert {p.code for p in error.value.problems} == {"protect-no-secret"}


def earnings_country(folder: Path, rule: str, earned: Earnings) -> Path:
    """A census with what people earn, by sex alone; thresholds in protection.yaml."""
    write_census(folder, rule, earned, indicators="hourly_earnings")
    text = files("caudal.catalogue").joinpath("indicators", "hourly_earnings.yaml").read_text("utf-8")
    path = folder / "indicators" / "hourly_earnings.yaml"
    path.parent.mkdir()
    path.write_text(text.split("breakdowns:")[0] + "breakdowns:\n  - [sex]\n", "utf-8")
    return folder


def rich(k: int) -> float:
    """One woman earns as much as hundreds of others."""
    return 5000.0 if k == 30 else 10.0


def two(k: int) -> float:
    """Two women earn more than all others together."""
    return {30: 900000.0, 33: 500000.0}.get(k, 1.0)


@pytest.mark.parametrize(
    ("rule", "earned", "withheld"),
    [
        ("dominance_n: 1\ndominance_k: 60\np_percent: 0\n", rich, True),
        ("dominance_n: 1\ndominance_k: 90\np_percent: 0\n", rich, False),
        pytest.param("dominance_n: 2\ndominance_k: 90\np_percent: 0\n", two, True, marks=pytest.mark.long),
        ("dominance_k: 100\np_percent: 10\n", two, True),
    ],
)
def test_amounts_that_few_persons_dominate_are_withheld(
    rule: str, earned: Earnings, withheld: bool, tmp_path: Path
) -> None:
    """(n,k) and p %: the thresholds stand in protection.yaml, what units contribute comes from the desk."""
    folder = earnings_country(tmp_path / "pais", rule, earned)
    rows = figures(build(folder).release, "hourly_earnings")
    by = {r["sex_code"]: r for r in rows}
    assert (by[sex_of(30)]["verdict"] == "suppressed") is withheld
    assert (by[sex_of(30)]["value"] is None) is withheld


def sex_of(k: int) -> str:
    return "F" if k // 3 % 2 else "M"


def test_negative_contributions_are_refused(tmp_path: Path) -> None:
    """A negative amount is quarantined as it comes in; a formula can still make one."""
    folder = earnings_country(tmp_path / "pais", "dominance_k: 75\n", rich)
    replace_in(
        folder / "indicators" / "hourly_earnings.yaml", "mean: hourly_earnings", "mean: hourly_earnings - 12"
    )
    with pytest.raises(CaudalError) as error:
        build(folder)
    assert {p.code for p in error.value.problems} == {"protect-negative-contribution"}
    for language in ("en", "es", "pt"):
        assert "hourly_earnings" in error.value.problems[0].text(language)
