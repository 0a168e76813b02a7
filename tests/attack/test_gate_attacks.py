"""Attacks on releases: two vintages, many noisy tables, what a withheld row might still say."""

import numpy as np
import pyarrow as pa
import pytest

from caudal.errors import CaudalError
from caudal.model.observation import conform
from caudal.model.protection import CellKeyRule, Family, ProtectionPolicy
from caudal.protect import protect_release
from caudal.protect.ledger import EarlierRelease
from caudal.protect.methods.cell_key import perturb, record_keys

POLICY = ProtectionPolicy(never_crossed=())


def census(counts: np.ndarray, vintage: str = "2026-01") -> pa.Table:
    """A complete count by area and sex, with both margins."""
    rows = []
    padded = np.pad(counts, ((0, 1), (0, 1)))
    padded[-1, :-1] = counts.sum(axis=0)
    padded[:-1, -1] = counts.sum(axis=1)
    padded[-1, -1] = counts.sum()
    for (i, j), n in np.ndenumerate(padded):
        rows.append(
            {
                "indicator_code": "migrant_stock",
                "indicator_version": "1",
                "reporter_code": "XX",
                "reference_area_code": "XX" if i == len(counts) else f"XX-{i}",
                "time_period": "2024",
                "sex_code": "_T" if j == counts.shape[1] else "FMX"[j],
                "source_code": "census",
                "concept_vector": "",
                "vintage": vintage,
                "value": float(n),
                "sample_n": int(n),
                "cases_n": int(n),
                "unit_code": "PS",
            }
        )
    return conform(pa.Table.from_pylist(rows), ["sex"])


def shown(table: pa.Table) -> dict[tuple[str, str], float | None]:
    return {(r["reference_area_code"], r["sex_code"]): r["value"] for r in table.to_pylist()}


FIRST = np.array([[3, 40, 30], [25, 31, 44], [50, 22, 12], [33, 18, 27]])


def test_differencing_two_vintages_gives_no_small_change() -> None:
    """One person moved in between: the second release must not show in which cell."""
    first, report = protect_release(census(FIRST), POLICY)
    second = FIRST.copy()
    second[2, 1] += 1
    released, _ = protect_release(
        census(second, "2026-02"), POLICY, earlier=[EarlierRelease(first, report.methods)]
    )
    before, after = shown(first), shown(released)
    for cell in before:
        a, b = before[cell], after[cell]
        if a is not None and b is not None and cell != ("XX", "_T"):
            assert abs(a - b) == 0 or abs(a - b) >= 5, cell


def test_what_was_withheld_once_is_withheld_for_ever() -> None:
    first, report = protect_release(census(FIRST), POLICY)
    grown = FIRST.copy()
    grown[0, 0] += 30
    released, _ = protect_release(
        census(grown, "2026-02"), POLICY, earlier=[EarlierRelease(first, report.methods)]
    )
    assert shown(first)[("XX-0", "F")] is None
    assert shown(released)[("XX-0", "F")] is None


def test_what_is_out_cannot_hide_anything() -> None:
    """A cell published before is no cover: the second release withholds others, or refuses."""
    plain, _ = protect_release(census(FIRST + 10), POLICY)
    assert "suppressed" not in plain.column("verdict").to_pylist()
    unchanged, _ = protect_release(
        census(FIRST + 10, "2026-02"),
        POLICY,
        earlier=[EarlierRelease(plain, {"XX/census/2024": ("suppression", "")})],
    )
    assert "suppressed" not in unchanged.column("verdict").to_pylist()


def test_a_population_keeps_its_method_and_its_secret() -> None:
    first, report = protect_release(census(FIRST), POLICY)
    keyed = ProtectionPolicy(
        never_crossed=(), families=(Family(sources=("census",), method="cell_key"),), secret="env:NOISE"
    )
    sums = {i: (17 * i,) for i in range(first.num_rows)}
    with pytest.raises(CaudalError) as error:
        protect_release(
            census(FIRST), keyed, earlier=[EarlierRelease(first, report.methods)], secret=b"s", key_sums=sums
        )
    assert [p.code for p in error.value.problems] == ["protect-methods-mixed"]
    noisy, noise_report = protect_release(census(FIRST), keyed, secret=b"s", key_sums=sums)
    other = keyed.model_copy(update={"secret_version": "2"})
    with pytest.raises(CaudalError) as error:
        protect_release(
            census(FIRST),
            other,
            earlier=[EarlierRelease(noisy, noise_report.methods)],
            secret=b"t",
            key_sums=sums,
        )
    assert [p.code for p in error.value.problems] == ["protect-secret-reused"]


def test_averaging_over_perturbed_tables_gains_nothing() -> None:
    """The same people in a hundred tables carry one noise: the average is one table."""
    keys = record_keys([f"person{i}" for i in range(7)], b"secret")
    total = np.array([int(keys.sum()) % 2**32])
    rule = CellKeyRule()
    tables = {
        int(
            perturb(
                np.array([7]), total, variance=rule.variance, largest=rule.largest, least=5, secret=b"secret"
            )[0]
        )
        for _ in range(100)
    }
    assert len(tables) == 1


def test_averaging_over_disjoint_cells_gains_nothing_but_the_truth_of_the_sum() -> None:
    """Over many different cells of the same count the noise has mean zero and the stated variance."""
    rng = np.random.default_rng(0)
    sums = rng.integers(0, 2**32, 40_000)
    counts = np.full(40_000, 12)
    noise = perturb(counts, sums, variance=2.0, largest=5, least=5, secret=b"secret") - counts
    assert abs(noise.mean()) < 0.03
    assert abs(noise.var() - 2.0) < 0.06
    assert np.abs(noise).max() <= 5


def test_a_withheld_row_is_blank_and_all_withheld_rows_look_alike() -> None:
    released, report = protect_release(census(FIRST), POLICY)
    withheld = [r for r in released.to_pylist() if r["verdict"] == "suppressed"]
    assert report.populations[0].secondary_n > 0 and len(withheld) > 1
    key = {"reference_area_code", "sex_code"}
    looks = {tuple((n, v) for n, v in r.items() if n not in key) for r in withheld}
    assert len(looks) == 1
    said = {n for n, v in next(iter(looks)) if v is not None}
    measures = {"value", "sampling_se", "lower", "upper", "sample_n", "cases_n", "psu_n", "df", "reliability"}
    assert not said & (measures | {"error_note", "method_code", "derived_from", "interval_type"})


def test_counts_of_the_builder_stay_with_the_builder() -> None:
    released, _ = protect_release(census(FIRST), POLICY)
    for name in ("sample_n", "cases_n", "psu_n", "df"):
        assert released.column(name).null_count == released.num_rows


def test_a_month_is_not_the_year_less_the_other_months() -> None:
    """One month is small; the year and the eleven others would give it away."""
    months = {f"2024-{m:02}": 40 + m for m in range(1, 13)} | {"2024-07": 3}
    vector = "measure=flow;unit=event"

    def row(period: str, n: int) -> dict[str, object]:
        key = {"indicator_code": "arrivals", "indicator_version": "1", "reporter_code": "XX"}
        place = {"reference_area_code": "XX", "time_period": period, "source_code": "posts"}
        rest = {"concept_vector": vector, "vintage": "2025", "unit_code": "EVENT"}
        return {**key, **place, **rest, "value": float(n), "sample_n": n, "cases_n": n}

    rows = [row(p, n) for p, n in months.items()] + [row("2024", sum(months.values()))]
    released, _ = protect_release(conform(pa.Table.from_pylist(rows), []), POLICY)
    withheld = {r["time_period"] for r in released.to_pylist() if r["verdict"] == "suppressed"}
    assert "2024-07" in withheld and len(withheld) >= 2


@pytest.mark.parametrize("seed", range(8))
def test_a_second_edition_of_changed_people_is_released_and_gives_no_small_change(seed: int) -> None:
    """Births, deaths and corrections here and there: the office can publish, and whoever has both editions
    finds no difference of one to four persons, and nothing that the first one withheld."""
    rng = np.random.default_rng(seed)
    counts = rng.poisson(rng.choice([4, 30, 90], (5, 3)))
    first, report = protect_release(census(counts), POLICY)
    second = np.maximum(counts + rng.integers(-3, 4, counts.shape) * (rng.random(counts.shape) < 0.4), 0)
    earlier = [EarlierRelease(first, report.methods)]
    try:
        released, after = protect_release(census(second, "2026-02"), POLICY, earlier=earlier)
    except CaudalError as error:  # what is out reveals it: the message says what the custodian can decide
        assert {p.code for p in error.problems} == {"protect-hopeless-history"}
        assert "unchanged_figures" in error.text("es")
        policy = POLICY.model_copy(update={"unchanged_figures": "open"})
        released, after = protect_release(census(second, "2026-02"), policy, earlier=earlier)
        assert any("unchanged" in line for line in after.lines())
    assert after.certified
    then, now = shown(first), shown(released)
    for cell in then:
        a, b = then[cell], now[cell]
        assert a is not None or not b, cell
        if a is not None and b is not None and cell != ("XX", "_T"):
            assert a == b or abs(a - b) >= 5, cell


def test_a_collection_that_was_done_again_is_set_aside_with_its_reason() -> None:
    first, report = protect_release(census(FIRST), POLICY)
    grown = FIRST + 30
    policy = POLICY.model_copy(update={"set_aside": {"census": "collected anew in June"}})
    released, after = protect_release(
        census(grown, "2026-02"), policy, earlier=[EarlierRelease(first, report.methods)]
    )
    assert "suppressed" not in released.column("verdict").to_pylist()
    assert any("collected anew in June" in line for line in after.lines())
