"""Design-based estimation of whole cubes: every cell with its sampling error, in one pass."""

from caudal.estimate.survey.crossing import crossings_up_to
from caudal.estimate.survey.design import Design
from caudal.estimate.survey.estimation import estimate_cube
from caudal.estimate.survey.gvf import VarianceTable
from caudal.estimate.survey.statistics import Count, Gap, Mean, Proportion, Quantile, Ratio, Statistic, Total

__all__ = [
    "Count",
    "Design",
    "Gap",
    "Mean",
    "Proportion",
    "Quantile",
    "Ratio",
    "Statistic",
    "Total",
    "VarianceTable",
    "crossings_up_to",
    "estimate_cube",
]
