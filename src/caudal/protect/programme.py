"""One way to make a linear or integer programme: equalities ``A z = b`` with bounds, one thread, silent."""

from __future__ import annotations

from typing import Any

import highspy
import numpy as np
import numpy.typing as npt
from scipy import sparse


def quiet_solver(**options: Any) -> Any:
    """A solver with ``options`` that says nothing and uses one thread, so that it gives the same answer."""
    solver: Any = highspy.Highs()  # type: ignore[no-untyped-call]
    for option, value in ({"output_flag": False, "threads": 1} | options).items():
        solver.setOptionValue(option, value)
    return solver


def equalities(
    matrix: sparse.csr_array,
    right: npt.NDArray[np.float64],
    lower: npt.NDArray[np.float64],
    upper: npt.NDArray[np.float64],
    **options: Any,
) -> Any:
    """A solver that holds ``matrix @ z == right``, ``lower <= z <= upper``, without costs."""
    solver = quiet_solver(**options)
    rows, cols = matrix.shape
    model = highspy.HighsLp()
    model.num_col_, model.num_row_ = cols, rows
    model.col_cost_ = np.zeros(cols)
    model.col_lower_, model.col_upper_ = lower, upper
    model.row_lower_ = model.row_upper_ = right
    model.a_matrix_.format_ = highspy.MatrixFormat.kRowwise
    model.a_matrix_.start_, model.a_matrix_.index_ = matrix.indptr, matrix.indices
    model.a_matrix_.value_ = matrix.data.astype(float)
    solver.passModel(model)
    return solver


def make_integer(solver: Any, columns: int) -> None:
    """All columns become integers."""
    kinds = np.array([highspy.HighsVarType.kInteger] * columns)
    solver.changeColsIntegrality(columns, np.arange(columns, dtype=np.int32), kinds)


def is_optimal(solver: Any) -> bool:
    """Whether the last run ended at an optimum."""
    return bool(solver.getModelStatus() == highspy.HighsModelStatus.kOptimal)
