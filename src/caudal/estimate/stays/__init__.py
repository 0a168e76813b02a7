"""Stays: from border crossings to who lives where, who came to stay, and who only passed.

The door of the package, usable alone on Parquet files of crossings:

>>> import pyarrow as pa
>>> from datetime import datetime
>>> crossings = pa.table({
...     "person_id": [1, 1, 2],
...     "crossing_at": [datetime(2020, 1, 5), datetime(2020, 1, 12), datetime(2020, 1, 9)],
...     "direction_code": ["entry", "exit", "entry"],
...     "citizenship_code": ["COL", "COL", "VEN"],
... })
>>> flow_cube(read_register(crossings), Settings(TWELVE_OF_SIXTEEN)).to_pylist()
[{'month_code': '2020-01', 'citizenship_code': 'VEN', 'direction_code': 'entry', 'crossings_n': 1}]

The rule is in :mod:`~caudal.estimate.stays.rule` and :mod:`~caudal.estimate.stays.decide`, its specification
in SQL in :mod:`~caudal.estimate.stays.specification`, the whole in ``docs/methods/stays.md``.
"""

from caudal.estimate.stays.classify import Settings, classify_crossings, count_repairs, write_classified
from caudal.estimate.stays.cube import CubeSpec, flow_cube, totals
from caudal.estimate.stays.dimensions import DIMENSIONS, Grouping
from caudal.estimate.stays.identities import PersonDictionary, pseudonymise_file, pseudonymised
from caudal.estimate.stays.initial import InitialStatus, burn_in_ends
from caudal.estimate.stays.loads import StoredRegister, build_register, load_delivery, open_register
from caudal.estimate.stays.losses import Correction, Losses, corrected_cube, estimated_losses
from caudal.estimate.stays.observations import (
    corrected_observations,
    final_observations,
    provisional_observations,
)
from caudal.estimate.stays.populations import POPULATIONS, MovementClasses
from caudal.estimate.stays.provisional import Nowcast, provisional_figures, revision_triangle
from caudal.estimate.stays.reading import PackedRegister, Reading, read_register
from caudal.estimate.stays.repair import RepairPolicy, Repairs, Runs
from caudal.estimate.stays.rule import TWELVE_OF_SIXTEEN, UN_TWELVE_MONTHS, Basis, ResidenceRule
from caudal.estimate.stays.sensitivity import policy_movement
from caudal.estimate.stays.specification import classification_sql, cube_sql, movements_sql
from caudal.estimate.stays.stocks import Vital, population_account, stocks

__all__ = [
    "DIMENSIONS",
    "POPULATIONS",
    "TWELVE_OF_SIXTEEN",
    "UN_TWELVE_MONTHS",
    "Basis",
    "Correction",
    "CubeSpec",
    "Grouping",
    "InitialStatus",
    "Losses",
    "MovementClasses",
    "Nowcast",
    "PackedRegister",
    "PersonDictionary",
    "Reading",
    "RepairPolicy",
    "Repairs",
    "ResidenceRule",
    "Runs",
    "Settings",
    "StoredRegister",
    "Vital",
    "build_register",
    "burn_in_ends",
    "classification_sql",
    "classify_crossings",
    "corrected_cube",
    "corrected_observations",
    "count_repairs",
    "cube_sql",
    "estimated_losses",
    "final_observations",
    "flow_cube",
    "load_delivery",
    "movements_sql",
    "open_register",
    "policy_movement",
    "population_account",
    "provisional_figures",
    "provisional_observations",
    "pseudonymise_file",
    "pseudonymised",
    "read_register",
    "revision_triangle",
    "stocks",
    "totals",
    "write_classified",
]
