"""The table that leaves: verdicts, one flag for what is withheld, nothing of the builder's side.

A suppressed observation keeps its key and unit; value, errors, limits, counts, method, reliability, notes
and origin go, and its status is the same whether it was primary or secondary. Rows are in the order of
their key, which says nothing of their size. Under a perturbing method counts are shown as perturbed,
shares are recomputed from perturbed counts, ``perturbation_se`` carries what was added, and the interval is
that of the noise; figures that cannot be recomputed from counts are withheld.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import sqrt

import pyarrow as pa

from caudal.model.observation import ATTRIBUTES, MEASURES, in_key_order
from caudal.model.protection import ProtectionPolicy

RELEASED, SUPPRESSED, PUBLIC, MISSING = "released", "suppressed", "public", "missing"
BUILDER_SIDE = ("sample_n", "cases_n", "psu_n", "df")
#: The note of a figure that carries noise, and the half-width of its interval in standard errors.
NOISE, NORMAL_95 = "protected-by-noise", 1.96
Row = Mapping[str, object]


@dataclass(frozen=True)
class Shown:
    """A perturbed figure: the true and the shown count with the added standard error, for the cell (and
    its cases, for a share)."""

    whole: tuple[int, int, float]
    cases: tuple[int, int, float] | None = None

    def value(self, true: float) -> float | None:
        """The figure as shown; None where its denominator vanished."""
        if self.cases is None:
            return float(self.whole[1])
        if not self.whole[1] or not self.cases[0]:
            return 0.0 if self.whole[1] and not self.cases[1] else None
        return true * (self.cases[1] / self.whole[1]) / (self.cases[0] / self.whole[0])

    def added_se(self, value: float) -> float:
        """The standard error that protection added (first order, for a share)."""
        if self.cases is None:
            return self.whole[2]
        top, bottom = self.cases, self.whole
        relative = (top[2] / max(top[1], 1)) ** 2 + (bottom[2] / max(bottom[1], 1)) ** 2
        return abs(value) * sqrt(relative)


def release_table(
    table: pa.Table, verdicts: list[str], perturbed: Mapping[int, Shown], policy: ProtectionPolicy
) -> pa.Table:
    """``table`` with its verdicts, as it may leave."""
    rows = table.to_pylist()
    new = {i: _perturbed(rows[i], shown) for i, shown in perturbed.items() if verdicts[i] == RELEASED}
    hide_n = () if policy.publish_n else BUILDER_SIDE
    columns = []
    for field in table.schema:
        values = [new.get(i, r)[field.name] for i, r in enumerate(rows)]
        if field.name == "verdict":
            values = list(verdicts)
        elif field.name in MEASURES or field.name in ATTRIBUTES:
            values = [_shown(field.name, v, verdicts[i], hide_n) for i, v in enumerate(values)]
        columns.append(pa.array(values, field.type))
    return in_key_order(pa.table(columns, schema=table.schema))


def _perturbed(row: Row, shown: Shown) -> dict[str, object]:
    true = row["value"]
    value = shown.value(float(true)) if isinstance(true, (int, float)) else None
    hidden = dict.fromkeys((*BUILDER_SIDE, "lower", "upper", "interval_type"))
    notes = "; ".join(n for n in (str(row["error_note"] or ""), NOISE) if n)
    if value is None:
        return {**row, **hidden, "value": None, "perturbation_se": None}
    added = shown.added_se(value)
    limits = {"lower": max(value - NORMAL_95 * added, 0.0), "upper": value + NORMAL_95 * added}
    told = {"perturbation_se": added, "interval_type": "perturbation-95", "error_note": notes}
    return {**row, **hidden, "value": value, **limits, **told}


def _shown(name: str, value: object, verdict: str, hide_n: tuple[str, ...]) -> object:
    if verdict == SUPPRESSED:
        kept = value if name == "unit_code" else None
        return {"obs_status_code": "Q", "conf_status_code": "C"}.get(name, kept)
    if name in hide_n and verdict != PUBLIC:
        return None
    if name == "conf_status_code" and verdict in (RELEASED, PUBLIC):
        return "F"
    return value
