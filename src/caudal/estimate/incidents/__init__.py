"""Deaths and disappearances: incidents are the random event, not deaths.

:func:`estimate` turns incident records into observations with intervals of a compound Poisson process,
:func:`interval` is that interval, :func:`rate_ratio` compares two counts, and
:func:`~caudal.estimate.incidents.duplicates.propose` names pairs of rows that may be one incident.
"""

from caudal.estimate.incidents.cube import estimate, explain, plan
from caudal.estimate.incidents.duplicates import DECIDED, Proposal, propose, row_condition, written
from caudal.estimate.incidents.intervals import Interval, interval, rate_ratio

__all__ = [
    "DECIDED",
    "Interval",
    "Proposal",
    "estimate",
    "explain",
    "interval",
    "plan",
    "propose",
    "rate_ratio",
    "row_condition",
    "written",
]
