"""Corrected and provisional figures on generated registers: they find the truth and say how far off."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from caudal.errors import CaudalError
from caudal.estimate.stays import (
    TWELVE_OF_SIXTEEN,
    Basis,
    CubeSpec,
    InitialStatus,
    Losses,
    Nowcast,
    PackedRegister,
    Reading,
    ResidenceRule,
    Runs,
    Settings,
    corrected_cube,
    corrected_observations,
    count_repairs,
    estimated_losses,
    final_observations,
    flow_cube,
    policy_movement,
    provisional_figures,
    provisional_observations,
    read_register,
    revision_triangle,
)
from caudal.estimate.stays.provisional import open_months
from caudal.estimate.stays.snapshots import known_at_end_of, last_day_of_month, month_of_day
from caudal.simulate.crossings import Plan, RegisterErrors, simulate_crossings

SETTINGS = Settings(threads=1)
SPEC = CubeSpec(by=("month", "direction"))
FIRST, LAST = "2019-06", "2022-06"


@dataclass(frozen=True)
class Made:
    register: PackedRegister
    truth: PackedRegister
    at_start: InitialStatus


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Made:
    plan = Plan(months=84, errors=RegisterErrors(lost_share=0.01, late_share=0.02))
    place = tmp_path_factory.mktemp("register")
    simulated = simulate_crossings(place, events=80_000, seed=11, plan=plan)
    assert simulated.truth is not None
    columns = ("declared_reason_code", "known_at", "post_code")
    at_start = pq.read_table(simulated.persons)["resident_at_start"].to_numpy().astype(np.int8)
    return Made(
        read_register(simulated.deliveries, Reading(with_columns=columns)),
        read_register(simulated.truth, Reading(with_columns=())),
        InitialStatus(at_start),
    )


def _flows(table: pa.Table, column: str) -> Sequence[float]:
    flows = {"entry": 0.0, "exit": 0.0}
    for r in table.to_pylist():
        if FIRST <= r["month_code"] <= LAST:
            flows[r["direction_code"]] += r[column]
    return flows["entry"], flows["exit"]


def test_losses_are_measured_by_runs(made: Made) -> None:
    losses = estimated_losses(count_repairs(made.register, SETTINGS))
    assert losses.entry_share == pytest.approx(0.01, abs=4 * losses.entry_se)
    assert losses.exit_share == pytest.approx(0.01, abs=4 * losses.exit_se)
    assert losses.exit_se < 0.001


def test_the_bias_of_losses_is_removed(made: Made) -> None:
    true_flow = np.array(
        _flows(flow_cube(made.truth, Settings(initial=made.at_start, threads=1), SPEC), "crossings_n")
    )
    corrected = corrected_cube(made.register, SETTINGS, SPEC)
    recorded, value = (np.array(_flows(corrected, n)) for n in ("recorded_n", "value"))
    gross = true_flow.sum()
    assert (np.abs(recorded - true_flow) > 0.1 * gross).all()
    # Chance alone moves a register of this size by some percent; the bias is benchmarked over fifty.
    assert (np.abs(value - true_flow) < 0.08 * gross).all()
    variance = np.array(
        _flows(corrected.set_column(3, "var", pa.array(corrected["model_se"].to_numpy() ** 2)), "var")
    )
    assert (np.abs(value - true_flow) < 3 * np.sqrt(variance)).all()


def test_the_same_seed_corrects_alike(made: Made) -> None:
    once = corrected_cube(made.register, SETTINGS, SPEC)
    assert once.equals(corrected_cube(made.register, Settings(threads=2), SPEC))


def test_the_coverage_of_a_post_is_a_parameter_with_an_effect(made: Made) -> None:
    none_lost = Losses(0.0, 0.0)
    unmoved = corrected_cube(made.register, SETTINGS, SPEC, none_lost)
    assert unmoved["value"].to_pylist() == unmoved["recorded_n"].to_pylist()
    leaky = Losses(0.0, 0.0, coverage_by_post={"N1": 0.9})
    moved = corrected_cube(made.register, SETTINGS, SPEC, leaky)
    assert sum(_flows(moved, "value")) < 0.95 * sum(_flows(unmoved, "value"))


def test_losses_that_cannot_be_corrected_are_refused() -> None:
    with pytest.raises(CaudalError) as caught:
        Losses(0.3, -0.1, coverage_by_post={"N1": 0.5})
    assert len(caught.value.problems) == 3


def test_every_policy_has_its_column_and_bounds(made: Made) -> None:
    moved = policy_movement(made.register, SETTINGS, SPEC)
    assert moved["crossings_n"].to_pylist() == moved["midpoint_n"].to_pylist()
    for row in moved.to_pylist():
        assert row["least_n"] <= row["crossings_n"] <= row["most_n"]
    whole = {runs: sum(moved[f"{runs}_n"].to_pylist()) for runs in (Runs.HOLD, Runs.SWITCH, Runs.DROP)}
    assert len(set(whole.values())) == 3
    assert max(moved["movement_pct"].drop_null().to_pylist()) > 0


def test_a_snapshot_knows_nothing_of_later(made: Made) -> None:
    month = month_of_day(made.register.last_day) - 20
    then = known_at_end_of(made.register, month)
    assert then.last_day == last_day_of_month(month)
    minutes = then.layout.minute(then.part(0))
    assert int(minutes.max()) // 1440 <= then.last_day
    in_time = (made.register.layout.minute(made.register.part(0)) // 1440 <= then.last_day).sum()
    assert len(then.part(0)) < in_time


def test_provisional_figures_hold_the_final_ones(made: Made) -> None:
    final = {
        (r["month_code"], r["direction_code"]): r["crossings_n"]
        for r in flow_cube(made.register, SETTINGS, SPEC).to_pylist()
    }
    then = known_at_end_of(made.register, month_of_day(made.register.last_day) - 18)
    figures = provisional_figures(then, SETTINGS, Nowcast(traveller_type="declared_reason"))
    rows = figures.to_pylist()
    assert len(rows) == 2 * open_months(TWELVE_OF_SIXTEEN)
    covered = [r["lower"] <= final.get((r["month_code"], r["direction_code"]), 0) <= r["upper"] for r in rows]
    assert np.mean(covered) >= 0.85
    young = [r for r in rows if r["lag_months"] <= 1]
    truth = sum(final[r["month_code"], r["direction_code"]] for r in young)
    assert sum(r["presumed_n"] for r in young) > 2 * truth  # nobody-moves-any-more is no estimate
    assert sum(r["value"] for r in young) == pytest.approx(truth, rel=0.4)
    assert all(r["decided_n"] <= r["presumed_n"] for r in rows)
    assert [r["provisional_se"] > 0 for r in rows]


def test_longer_windows_stay_open_longer(made: Made) -> None:
    settings = Settings(ResidenceRule(24, 30, Basis.MONTHS), threads=1)
    then = known_at_end_of(made.register, month_of_day(made.register.last_day) - 1)
    rows = provisional_figures(then, settings, Nowcast(snapshots=8)).to_pylist()
    assert {r["lag_months"] for r in rows} == set(range(32))


def test_provisional_figures_by_group_add_up(made: Made) -> None:
    then = known_at_end_of(made.register, month_of_day(made.register.last_day) - 18)
    whole = provisional_figures(then, SETTINGS, Nowcast(snapshots=8))
    parts = provisional_figures(then, SETTINGS, Nowcast(("post",), snapshots=8))
    assert sum(parts["value"].to_pylist()) == pytest.approx(sum(whole["value"].to_pylist()))
    assert len(parts) == len(whole) * len(made.register.labels["post_code"])


def test_a_short_register_teaches_nothing(made: Made) -> None:
    early = known_at_end_of(made.register, month_of_day(made.register.first_day) + 24)
    with pytest.raises(CaudalError, match="stays-too-few-decided-months"):
        provisional_figures(early, SETTINGS)


def test_tables_become_observations(made: Made) -> None:
    then = known_at_end_of(made.register, month_of_day(made.register.last_day) - 18)
    figures = provisional_figures(then, SETTINGS, Nowcast(snapshots=8))
    made_of = {
        "A": final_observations(flow_cube(then, SETTINGS, SPEC), TWELVE_OF_SIXTEEN),
        "P": provisional_observations(figures, TWELVE_OF_SIXTEEN),
        "E": corrected_observations(corrected_cube(then, SETTINGS, SPEC), TWELVE_OF_SIXTEEN),
    }
    schemas = {t.schema for t in made_of.values()}
    assert len(schemas) == 1
    for status, table in made_of.items():
        assert set(table["obs_status_code"].to_pylist()) == {status}
        assert "month_code" not in table.column_names
        assert table["error_note"].null_count == 0
    # A figure without a known error carries no error; it does not carry a zero.
    assert made_of["A"]["provisional_se"].null_count == len(made_of["A"])
    assert made_of["P"]["provisional_se"].null_count == 0


def test_a_triangle_of_revisions(made: Made) -> None:
    last = month_of_day(made.register.last_day)
    vintages = {
        str(np.datetime64(m, "M")): provisional_figures(
            known_at_end_of(made.register, m), SETTINGS, Nowcast(snapshots=8)
        )
        for m in (last - 3, last - 2)
    }
    triangle = revision_triangle(vintages)
    month = str(np.datetime64(last - 4, "M"))
    entries = [r for r in triangle.to_pylist() if r["month_code"] == month and r["direction_code"] == "entry"]
    assert [r["lag_months"] for r in entries] == [1, 2]
    assert date.fromisoformat(entries[0]["vintage"] + "-01") < date.fromisoformat(
        entries[1]["vintage"] + "-01"
    )
