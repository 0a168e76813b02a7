"""Accuracy on generated registers: the bias of lost crossings, and the coverage of provisional intervals.

    python benchmarks/stays_accuracy.py --registers 50 --events 100000

Losses: 1 % of the crossings lost; immigration, emigration and net against the truth (the rule on every true
crossing with the known status at the start), each error as a share of the gross true flow. Provisional: each
register is taken as it stood 18 months before its end, and the figures of that day are compared with those
of the end, by lag. Registers with a border closure are reported apart.
"""

from __future__ import annotations

import argparse
import json
from datetime import date
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from caudal.estimate.stays import columns as c
from caudal.estimate.stays.classify import Settings
from caudal.estimate.stays.cube import CubeSpec, flow_cube
from caudal.estimate.stays.initial import InitialStatus
from caudal.estimate.stays.losses import corrected_cube
from caudal.estimate.stays.provisional import Nowcast, provisional_figures
from caudal.estimate.stays.reading import Reading, read_register
from caudal.estimate.stays.snapshots import known_at_end_of, month_of_day
from caudal.simulate.crossings import Plan, RegisterErrors, simulate_crossings

SPEC = CubeSpec(by=("month", "direction"))
STUDIED = ("2019-06", "2023-06")
CLOSURE = (date(2022, 3, 15), date(2022, 9, 1))


def _by_cell(table: pa.Table, column: str) -> dict[tuple[str, str], float]:
    names = ("month_code", "direction_code")
    return {(r[names[0]], r[names[1]]): float(r[column]) for r in table.to_pylist()}


def _flows(cells: dict[tuple[str, str], float]) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    """Immigration, emigration and net of the studied months."""
    entry, leave = (
        sum(v for (m, d), v in cells.items() if d == side and STUDIED[0] <= m <= STUDIED[1])
        for side in (c.ENTRY, c.EXIT)
    )
    return np.array([entry, leave, entry - leave])


def losses(seed: int, events: int) -> dict[str, object]:
    """Errors of one register, in percent of the gross true flow, as recorded and as corrected."""
    plan = Plan(months=84, errors=RegisterErrors(lost_share=0.01))
    with TemporaryDirectory() as place:
        made = simulate_crossings(Path(place), events=events, seed=seed, plan=plan)
        reading = Reading(with_columns=())
        register = read_register(made.deliveries, reading)
        assert made.truth is not None
        truth = read_register(made.truth, reading)
        at_start = pq.read_table(made.persons)["resident_at_start"].to_numpy().astype(np.int8)
    settings = Settings()
    true_cells = _by_cell(flow_cube(truth, Settings(initial=InitialStatus(at_start)), SPEC), "crossings_n")
    corrected = corrected_cube(register, settings, SPEC)
    true_flow = _flows(true_cells)
    gross = true_flow[:2].sum()
    inside = [
        r["lower"] <= true_cells.get((r["month_code"], r["direction_code"]), 0) <= r["upper"]
        for r in corrected.to_pylist()
        if STUDIED[0] <= r["month_code"] <= STUDIED[1]
    ]
    return {
        "recorded_pct": (100 * (_flows(_by_cell(corrected, "recorded_n")) - true_flow) / gross).tolist(),
        "corrected_pct": (100 * (_flows(_by_cell(corrected, "value")) - true_flow) / gross).tolist(),
        "covered": float(np.mean(inside)),
        "gross": float(gross),
    }


def provisional(seed: int, events: int, closed: bool) -> list[tuple[int, str, bool, float, float]]:
    """Lag, direction, covered, error and width (as shares of the final figure) of every figure."""
    errors = RegisterErrors(lost_share=0.01, late_share=0.02)
    plan = Plan(months=96, errors=errors, closure=CLOSURE if closed else None)
    with TemporaryDirectory() as place:
        made = simulate_crossings(Path(place), events=events, seed=seed, plan=plan, truth=False)
        register = read_register(made.deliveries, Reading(with_columns=(c.REASON, c.KNOWN_AT)))
    final = _by_cell(flow_cube(register, Settings(), SPEC), "crossings_n")
    then = known_at_end_of(register, month_of_day(register.last_day) - 18)
    figures = provisional_figures(then, Settings(), Nowcast(traveller_type="declared_reason"))
    rows = []
    for r in figures.to_pylist():
        truth = final.get((r["month_code"], r["direction_code"]), 0.0)
        error, width = (r["value"] - truth) / max(truth, 1), (r["upper"] - r["lower"]) / max(truth, 1)
        rows.append((r["lag_months"], r["direction_code"], r["lower"] <= truth <= r["upper"], error, width))
    return rows


def main() -> None:
    """Print one JSON line for the losses, and one for each lag of the provisional figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--registers", type=int, default=50)
    parser.add_argument("--events", type=int, default=100_000)
    options = parser.parse_args()
    found = [losses(seed, options.events) for seed in range(options.registers)]
    recorded, corrected = (np.array([f[n] for f in found]) for n in ("recorded_pct", "corrected_pct"))
    summary = {
        "gross": np.mean([f["gross"] for f in found]),
        "recorded_bias_pct": recorded.mean(axis=0).round(2).tolist(),
        "corrected_bias_pct": corrected.mean(axis=0).round(2).tolist(),
        "corrected_worst_pct": np.abs(corrected).max(axis=0).round(2).tolist(),
        "months_covered": round(float(np.mean([f["covered"] for f in found])), 3),
    }
    print(json.dumps({"losses": summary}), flush=True)
    for closed in (False, True):
        rows = [row for seed in range(options.registers) for row in provisional(seed, options.events, closed)]
        for lag in range(17):
            here = [r for r in rows if r[0] == lag]
            line = {
                "closure": closed,
                "lag": lag,
                "covered": round(float(np.mean([r[2] for r in here])), 3),
                "mean_error_pct": round(100 * float(np.mean([r[3] for r in here])), 1),
                "mean_width_pct": round(100 * float(np.mean([r[4] for r in here])), 1),
            }
            print(json.dumps(line), flush=True)


if __name__ == "__main__":
    main()
