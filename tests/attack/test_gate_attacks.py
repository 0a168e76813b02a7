"""Attacks on releases: two vintages, many noisy tables, what a withheld row might still say."""

from fractions import Fraction

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
        refused = {p.code for p in error.problems if not p.code.startswith("protect-propose")}
        assert refused == {"protect-hopeless-history"}
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


def labour(active: np.ndarray, persons: np.ndarray, vintage: str = "2026-01") -> pa.Table:
    """Persons and the share of them who are active, by area and in all, of a complete count."""
    rows = []
    for i, (some, all_) in enumerate(zip([*active, active.sum()], [*persons, persons.sum()], strict=True)):
        for indicator, unit in (("population", "PS"), ("activity_rate", "PT")):
            cell = {"reference_area_code": "XX" if i == len(active) else f"XX-{i}", "time_period": "2024"}
            name = {"indicator_code": indicator, "indicator_version": "1", "reporter_code": "XX"}
            said = {"source_code": "census", "concept_vector": "", "vintage": vintage, "unit_code": unit}
            value = float(all_) if unit == "PS" else 100.0 * some / all_
            n = {"value": value, "sample_n": int(all_), "cases_n": int(all_ if unit == "PS" else some)}
            rows.append({**name, **cell, **said, **n})
    return conform(pa.Table.from_pylist(rows), [])


def fractions(table: pa.Table) -> dict[str, Fraction]:
    """The shares of a release, as fractions in lowest terms: that is what twelve digits tell."""
    return {
        r["reference_area_code"]: Fraction(r["value"] / 100).limit_denominator(10_000)
        for r in table.to_pylist()
        if r["indicator_code"] == "activity_rate" and r["value"] is not None
    }


@pytest.mark.parametrize("kept", [True, False], ids=["counts kept", "counts lost"])
@pytest.mark.parametrize(("active", "persons"), [(2, 0), (0, 3), (1, 4), (-1, 0)])
def test_shares_of_two_editions_differ_by_no_few_persons(active: int, persons: int, kept: bool) -> None:
    """Whoever has both editions has both fractions, and so the persons who came in between."""
    some, all_ = np.array([101, 211, 307, 97]), np.array([199, 401, 601, 211])
    given = labour(some, all_)
    first, report = protect_release(given, POLICY)
    some[1], all_[1] = some[1] + active, all_[1] + persons
    later = labour(some, all_, "2026-02")
    earlier = [EarlierRelease(first, report.methods, given if kept else None)]
    policy = POLICY.model_copy(update={"unchanged_figures": "open"})
    released, _ = protect_release(later, policy, earlier=earlier)
    before, after = fractions(first), fractions(released)
    assert set(before) == {"XX", "XX-0", "XX-1", "XX-2", "XX-3"}
    for area in set(before) & set(after) - {"XX"}:
        a, b = before[area], after[area]
        moved = a.denominator - b.denominator, a.numerator - b.numerator
        assert not any(0 < abs(m) < 5 for m in (*moved, moved[0] - moved[1])), area


def monthly(counts: dict[str, tuple[float, int]], vintage: str, estimated: bool) -> list[dict[str, object]]:
    """Arrivals by month: value and persons behind it, final or estimated for the final one."""
    name = {"indicator_code": "arrivals", "indicator_version": "1", "reporter_code": "XX"}
    said = {"reference_area_code": "XX", "source_code": "posts", "concept_vector": "measure=flow;unit=event"}
    error = {"lower": 0.0, "upper": 99.0, "provisional_se": 1.0} if estimated else {}
    return [
        {**name, **said, "vintage": vintage, "unit_code": "EVENT", "time_period": month, "value": value}
        | {"sample_n": n, "cases_n": n, "lower": None, "upper": None, "provisional_se": None, **error}
        for month, (value, n) in counts.items()
    ]


def arrivals(*rows: dict[str, object]) -> dict[tuple[str, str], float | None]:
    released, _ = protect_release(conform(pa.Table.from_pylist(list(rows)), []), POLICY)
    return {(r["vintage"], r["time_period"]): r["value"] for r in released.to_pylist()}


MONTHS = {f"2024-{m:02}": (40.0 + 7 * m, 40 + 7 * m) for m in range(1, 13)}


def test_a_provisional_month_of_few_is_withheld_whatever_stands_behind_it() -> None:
    """Of nine who crossed, three are expected to stay: the three are not shown."""
    shown = arrivals(*monthly(MONTHS | {"2024-05": (3.0, 9)}, "2024-06", estimated=True))
    assert shown["2024-06", "2024-05"] is None


def test_two_vintages_of_one_release_differ_by_no_few_events() -> None:
    """A month counted twice, with two more arrivals the second time: both counts are not shown."""
    now = MONTHS | {"2024-05": (77.0, 77)}
    rows = monthly(MONTHS, "2025-01", estimated=False) + monthly(now, "2025-02", estimated=False)
    shown = arrivals(*rows)
    assert shown["2025-02", "2024-05"] == 77.0 and shown["2025-01", "2024-05"] is None


def test_what_one_vintage_withholds_no_other_vintage_shows() -> None:
    months = MONTHS | {"2024-05": (3.0, 3)}
    year = sum(n for _, n in months.values())
    few = months | {"2024": (float(year), year)}
    then = {m: (v + 30, n + 30) for m, (v, n) in few.items() if m != "2024-12"}
    shown = arrivals(*monthly(then, "2024-12", estimated=True), *monthly(few, "2025-02", estimated=False))
    hidden = {month for (vintage, month), v in shown.items() if vintage == "2025-02" and v is None}
    assert "2024-05" in hidden and len(hidden) > 1
    assert all(shown.get(("2024-12", month)) is None for month in hidden)


def test_nothing_to_compute_from_has_another_status_than_withheld() -> None:
    table = labour(np.array([101, 2]), np.array([199, 60]))
    empty = [
        r | {"reference_area_code": "XX-9", "value": None, "sample_n": 0, "cases_n": 0}
        for r in table.to_pylist()[1:2]
    ]
    released, _ = protect_release(
        conform(pa.concat_tables([table, pa.Table.from_pylist(empty, table.schema)]), []), POLICY
    )
    found = {r["verdict"]: (r["obs_status_code"], r["conf_status_code"]) for r in released.to_pylist()}
    assert found["missing"] == ("M", "F") and found["suppressed"] == ("Q", "C")
