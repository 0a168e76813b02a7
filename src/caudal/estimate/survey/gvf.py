"""Generalised variance tables: the errors that a producer publishes when the design is not.

A table gives the standard error of an estimated count by its size. Between its points the standard
error is interpolated linearly (as the producers' instructions say), or on logarithms. For a proportion
p = Y / X of a count in a count, CV(p)^2 = CV(Y)^2 - CV(X)^2 (Wolter 2007, *Introduction to Variance
Estimation*, ch. 7).

Refused: extrapolation below the first or above the last point, and means of variables: there the table
says nothing, and the result says so.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from caudal.errors import CaudalError, problem
from caudal.estimate.survey.frame import Floats


@dataclass(frozen=True)
class VarianceTable:
    """Standard errors ``se`` of estimated counts ``estimate`` (ascending), as published by ``source``.

    >>> table = VarianceTable((10_000, 20_000), (2_000, 2_800))
    >>> float(table.se_of_count(np.array([15_000.0]))[0])
    2400.0
    """

    estimate: tuple[float, ...]
    se: tuple[float, ...]
    source: str = ""
    scale: Literal["linear", "log"] = "linear"

    def __post_init__(self) -> None:
        points = np.asarray(self.estimate, dtype=np.float64)
        errors = np.asarray(self.se, dtype=np.float64)
        is_good = points.size == errors.size >= 2 and np.all(np.diff(points) > 0) and np.all(errors > 0)
        if not (is_good and points[0] > 0):
            raise CaudalError(problem("survey-gvf", where="gvf", found=f"{self.estimate}: {self.se}"))

    def se_of_count(self, count: Floats) -> Floats:
        """The standard error of each estimated count; NaN outside the table."""
        points, errors = np.asarray(self.estimate, float), np.asarray(self.se, float)
        if self.scale == "log":
            with np.errstate(invalid="ignore", divide="ignore"):
                found = np.exp(np.interp(np.log(count), np.log(points), np.log(errors)))
        else:
            found = np.interp(count, points, errors)
        return np.where((count >= points[0]) & (count <= points[-1]), found, np.nan)

    def se_of_share(self, part: Floats, whole: Floats) -> Floats:
        """The standard error of ``part / whole``, a count in a count; NaN outside the table."""
        with np.errstate(invalid="ignore", divide="ignore"):
            square = (self.se_of_count(part) / part) ** 2 - (self.se_of_count(whole) / whole) ** 2
            found: Floats = (part / whole) * np.sqrt(np.maximum(square, 0.0))
        return found
