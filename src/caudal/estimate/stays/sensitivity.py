"""How far each table moves if the policy for dirty histories changes.

The same cube under several policies, side by side: the chosen one is the value, the smallest and the
largest are its bounds (``inside`` and ``outside`` give all unknown time to one side, so that what is
unknown lies between them, cell by cell as a rule and for the whole in practice).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pyarrow as pa

from caudal.estimate.stays.classify import Settings, map_pieces
from caudal.estimate.stays.cube import CellCounter, Cells, CubeSpec
from caudal.estimate.stays.keys import Ints
from caudal.estimate.stays.reading import PackedRegister
from caudal.estimate.stays.repair import Runs

ALTERNATIVES = (Runs.MIDPOINT, Runs.HOLD, Runs.SWITCH, Runs.INSIDE, Runs.OUTSIDE, Runs.DROP)


def policy_movement(
    register: PackedRegister,
    settings: Settings | None = None,
    spec: CubeSpec | None = None,
    policies: Sequence[Runs] = ALTERNATIVES,
) -> pa.Table:
    """The cube of ``spec`` under each policy for runs.

    Columns: the dimensions, ``crossings_n`` (the policy of ``settings``), one ``<policy>_n`` a policy,
    ``least_n``, ``most_n`` and ``movement_pct``: the width of the bounds as a share of the value.
    """
    settings, spec = settings or Settings(), spec or CubeSpec()
    counter = CellCounter.of(register, spec)
    by_policy: dict[Runs, Cells] = {}
    for runs in dict.fromkeys([settings.repair.runs, *policies]):
        chosen = replace(settings, repair=replace(settings.repair, runs=runs))
        by_policy[runs] = Cells.none().plus(map_pieces(register, chosen, counter.cells))
    codes = np.unique(np.concatenate([cells.code for cells in by_policy.values()]))
    counts = {runs: _aligned(cells, codes) for runs, cells in by_policy.items()}
    value = counts[settings.repair.runs]
    every = np.array(list(counts.values()))
    table = counter.table(Cells(codes, value))
    for runs in policies:
        table = table.append_column(f"{runs}_n", pa.array(counts[runs]))
    least, most = every.min(axis=0), every.max(axis=0)
    movement = np.where(value > 0, 100 * (most - least) / np.maximum(value, 1), np.nan)
    for name, column in {"least_n": least, "most_n": most}.items():
        table = table.append_column(name, pa.array(column))
    return table.append_column("movement_pct", pa.array(movement, from_pandas=True))


def _aligned(cells: Cells, codes: Ints) -> Ints:
    counts = np.zeros(len(codes), np.int64)
    counts[np.searchsorted(codes, cells.code)] = cells.count
    return counts
