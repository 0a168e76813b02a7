"""Design-based estimation of whole cubes: every cell with its sampling error, in one pass."""

from caudal.estimate.survey.calibrated_cube import Calibration
from caudal.estimate.survey.crossing import crossings_up_to
from caudal.estimate.survey.design import Design
from caudal.estimate.survey.estimation import estimate_cube
from caudal.estimate.survey.gvf import VarianceTable
from caudal.estimate.survey.reliability import Circumstances, assess
from caudal.estimate.survey.replicate_cube import ReplicateColumns
from caudal.estimate.survey.sample import read_sample
from caudal.estimate.survey.statistics import Count, Gap, Mean, Proportion, Quantile, Ratio, Statistic, Total

__all__ = [
    "Calibration",
    "Circumstances",
    "Count",
    "Design",
    "Gap",
    "Mean",
    "Proportion",
    "Quantile",
    "Ratio",
    "ReplicateColumns",
    "Statistic",
    "Total",
    "VarianceTable",
    "assess",
    "crossings_up_to",
    "estimate_cube",
    "read_sample",
]
