"""Replicate weights that meet known totals: every replicate is calibrated anew.

With w_r the weights of replicate r, as made or as the producer gives them, g_r solves the calibration of
:mod:`.calibration` with w_r in the place of w, to the same totals T::

    sum_k w_rk g_rk x_k = T        theta_r from w_r g_r        theta from w g
    V = scale * sum_r rscales_r (theta_r - c)^2

so that the variance holds what calibration earned without residuals (Valliant 1993, *JASA* 88:89, for
post-strata; Rust & Rao 1996, *Statistical Methods in Medical Research* 5:283; Kolenikov 2010, *Stata Journal*
10:165). Scales, centre and degrees of freedom remain those of the replicates. Weights are made and calibrated
a block of replicates at a time, so memory is bounded by the block. A row of zero weight has none in any
replicate.

Refused: a replicate whose weights cannot meet the totals, by its name; it is never left out in silence.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from caudal.errors import CaudalError, problem
from caudal.estimate.survey.calibration import Calibrated, Solver
from caudal.estimate.survey.frame import Floats
from caudal.estimate.survey.replicates import Replicates, given_replicates
from caudal.estimate.survey.sample import Mask, Sample

#: Values of a block of replicates: 32 MB an array.
_VALUES = 1 << 22


@dataclass(frozen=True, kw_only=True)
class CalibratedReplicates(Replicates):
    """Replicates that are calibrated when they are read; ``read`` gives their weights (rows, replicates)
    before calibration, ``base`` is the weight of each row, ``g`` that of the whole sample's calibration."""

    read: Callable[[slice], Floats]
    base: Floats
    g: Floats
    solver: Solver
    names: tuple[str, ...]

    @property
    def block(self) -> int:
        """Replicates at a time."""
        return max(1, min(50, _VALUES // max(self.base.size, 1)))

    def row_weights(self, sample: Sample, columns: slice) -> Floats:
        """Calibrated weights (rows, replicates) of some replicates; ``sample`` is that of the calibration."""
        return self.weights_of(columns)

    def weights_of(self, columns: slice) -> Floats:
        """Calibrated weights (rows, replicates) of some replicates."""
        weights = np.where(self.base[:, None] != 0, self.read(columns), 0.0)
        failed: list[tuple[str, CaudalError]] = []
        for k, g in enumerate(self.solver.g(weights)):
            if isinstance(g, CaudalError):
                failed.append((self.names[columns][k], g))
            else:
                weights[:, k] *= g
        if failed:
            reason = str(failed[0][1].problems[0].facts["reason"])
            names = [name for name, _ in failed]
            raise CaudalError(
                problem("survey-calibration-replicate", replicates=names, found=list(self.solver.names),
                        reason=f"{reason} ({names[0]})")
            )  # fmt: skip
        return weights

    def factors(self, kept: Mask) -> Iterator[tuple[Floats, Floats]]:
        """Factors on the base weights (kept rows, replicates of a block), and the scales of the block."""
        for start in range(0, self.count, self.block):
            part = slice(start, start + self.block)
            yield self.weights_of(part)[kept] / self.base[kept, None], self.rscales[part]

    def held(self) -> Replicates:
        """All calibrated weights in memory, by row."""
        blocks = [self.weights_of(slice(k, k + self.block)) for k in range(0, self.count, self.block)]
        whole = given_replicates(
            np.concatenate(blocks, axis=1), scale=self.scale, rscales=self.rscales, mse=self.mse, df=self.df
        )
        return replace(whole, method=self.method)


def calibrated_replicates(
    sample: Sample,
    replicates: Replicates,
    calibrated: Calibrated,
    *,
    read: Callable[[slice], Floats] | None = None,
    names: Sequence[str] = (),
) -> CalibratedReplicates:
    """The replicates of ``sample`` calibrated as ``calibrated`` is; for estimates on ``calibrated.sample``.

    ``read`` gives weights before calibration (rows, replicates) where ``replicates`` does not hold them;
    ``names`` are those of the replicates in an error, by default their numbers. Degrees of freedom are those
    of ``replicates``.

    >>> from caudal.estimate.survey.calibration import post_stratify
    >>> from caudal.estimate.survey.replicates import estimate_replicated, jackknife_1
    >>> from caudal.estimate.survey.sample import Stage
    >>> from caudal.estimate.survey.statistics import Count
    >>> stage = Stage(np.arange(4), np.zeros(4, dtype=int), np.array([4.0]), np.array([np.inf]), np.ones(1))
    >>> sample = Sample(np.ones(4), (stage,), {"sex": np.array(["F", "F", "M", "M"], dtype=object)}, "fail")
    >>> made = post_stratify(sample, "sex", {"F": 6, "M": 4})
    >>> spread = calibrated_replicates(sample, jackknife_1(sample), made)
    >>> found = estimate_replicated(made.sample, spread, Count(), {"F": sample.columns["sex"] == "F"})
    >>> (float(found.value[0]), float(found.se[0]))
    (6.0, 0.0)
    """
    units = sample.stages[0].group.size if replicates.is_by_psu else sample.rows_n
    if read is None and replicates.weights.shape[0] != units:
        reason = f"{replicates.weights.shape[0]} rows of factors for {units} PSUs or rows"
        raise CaudalError(
            problem("survey-replicates", reason=reason, allowed="factors by PSU of this design")
        )
    return CalibratedReplicates(
        replicates.weights,
        replicates.scale,
        replicates.rscales,
        replicates.is_by_psu,
        replicates.df,
        replicates.mse,
        replicates.method,
        replicates.is_df_given,
        read=read or (lambda part: replicates.row_weights(sample, part)),
        base=sample.weight,
        g=calibrated.g,
        solver=calibrated.solver,
        names=tuple(names) or tuple(str(k + 1) for k in range(replicates.count)),
    )
