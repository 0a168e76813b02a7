"""The table that leaves: verdicts, one flag for what is withheld, nothing of the builder's side.

A suppressed observation keeps its key and unit; value, errors, limits, counts, method, reliability, notes
and origin go, and its status is the same whether it was primary or secondary. Rows are in the order of
their key, which says nothing of their size. A figure that is missing has the status of one that cannot
exist (nobody is in its cell) or has no value, never that of one that is withheld. Under a perturbing method
counts are shown as perturbed, shares are recomputed from perturbed counts, ``perturbation_se`` carries what
was added, and the interval is that of the noise; figures that cannot be recomputed from counts are withheld.
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
#: SDMX CL_OBS_STATUS of a figure without a value that nobody withholds: it cannot exist; or it is missing.
CANNOT_EXIST, NO_VALUE = "M", "O"
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

    def added_se(self, value: float) -> float | None:
        """The standard error that protection added (first order, for a share); None where nothing is left of
        the cases, and with them of the unit that the share is in."""
        if self.cases is None:
            return self.whole[2]
        top, bottom = self.cases, self.whole
        if not top[1]:
            return None
        return abs(value) * sqrt((top[2] / top[1]) ** 2 + (bottom[2] / max(bottom[1], 1)) ** 2)


#: What a share of one is in the units of shares.
ONE = {"PT": 100.0, "PER_THOUSAND": 1000.0}


def release_table(
    table: pa.Table, verdicts: list[str], perturbed: Mapping[int, Shown], policy: ProtectionPolicy
) -> pa.Table:
    """``table`` with its verdicts, as it may leave."""
    rows = table.to_pylist()
    new = {i: _perturbed(rows[i], shown) for i, shown in perturbed.items() if verdicts[i] == RELEASED}
    hide_n = () if policy.publish_n else BUILDER_SIDE
    gone = {i for i, r in new.items() if r["value"] is None}
    verdicts = [MISSING if i in gone else v for i, v in enumerate(verdicts)]
    new |= {i: _nothing(new.get(i, r)) for i, r in enumerate(rows) if verdicts[i] == MISSING}
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
    if value is None:  # as where there is nobody: that there are a few is what the noise hides
        return {**row, **hidden, "value": None, "perturbation_se": None, "sample_n": 0}
    added = shown.added_se(value)
    if added is None and (one := ONE.get(str(row["unit_code"]))) and shown.cases is not None:
        added = one * shown.cases[2] / shown.whole[1]  # of no cases: what noise alone could be
    told = {"perturbation_se": added, "interval_type": "perturbation-95", "error_note": notes}
    if added is None:
        return {**row, **hidden, **told, "value": value, "interval_type": None}
    limits = {"lower": max(value - NORMAL_95 * added, 0.0), "upper": value + NORMAL_95 * added}
    return {**row, **hidden, "value": value, **limits, **told}


def _nothing(row: Row) -> dict[str, object]:
    """A figure that is missing: it cannot exist where there is nobody to compute it from."""
    status = CANNOT_EXIST if row["sample_n"] == 0 else NO_VALUE
    return {**row, "obs_status_code": status, "interval_type": None, "conf_status_code": "F"}


def _shown(name: str, value: object, verdict: str, hide_n: tuple[str, ...]) -> object:
    if verdict == SUPPRESSED:
        kept = value if name == "unit_code" else None
        return {"obs_status_code": "Q", "conf_status_code": "C"}.get(name, kept)
    if name in hide_n and verdict != PUBLIC:
        return None
    if name == "conf_status_code" and verdict in (RELEASED, PUBLIC):
        return "F"
    return value
