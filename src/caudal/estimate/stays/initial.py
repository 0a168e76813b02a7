"""Where a person lived before the first crossing that the register saw.

Three policies, in this order for each person: a **table** of known statuses; the **first document** (whoever
first crosses with a document of ``resident_documents``, a citizenship or a type, was a resident, anyone
else was not); else the **opposite of the first direction** (who leaves first lived here). All three can be
combined with a **burn-in**: figures before the end of the first window are not published
(:func:`burn_in_ends`), because the rule asks for the time before the crossing as well.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from caudal.estimate.stays.decide import UNKNOWN_STATUS
from caudal.estimate.stays.keys import Ints
from caudal.estimate.stays.reading import PackedRegister, unpack
from caudal.estimate.stays.repair import Crossings
from caudal.estimate.stays.rule import ResidenceRule


@dataclass(frozen=True)
class InitialStatus:
    """How the status at the start is found.

    ``table``: status by person id (1 resident, 0 not, -1 unknown), may be shorter than the register.
    ``resident_documents``: codes by column, as ``{"citizenship_code": {"CRI"}}``.
    """

    table: npt.NDArray[np.int8] | None = None
    resident_documents: Mapping[str, frozenset[str]] = field(default_factory=dict)

    def by_person(self, register: PackedRegister) -> npt.NDArray[np.int8]:
        """Status at the start by person id, -1 for the opposite of the first direction.

        One value for all where no policy speaks of single persons; else at least two long.
        """
        if self.table is None and not self.resident_documents:
            return np.full(1, UNKNOWN_STATUS, np.int8)
        status = np.full(max(register.persons_n, 2), UNKNOWN_STATUS, np.int8)
        if self.resident_documents:
            for number in range(len(register.parts)):
                for keys in register.layout.chunks(register.part(number)):
                    crossings = unpack(register, number, keys)
                    person = crossings.person
                    first = np.flatnonzero(np.concatenate([[True], person[1:] != person[:-1]]))
                    status[person[first]] = first_document_status(self, crossings, first, register.labels)
        if self.table is not None:
            n = min(len(self.table), len(status))
            stated = self.table[:n] != UNKNOWN_STATUS
            status[:n][stated] = self.table[:n][stated]
        return status


def first_document_status(
    policy: InitialStatus, crossings: Crossings, first: Ints, labels: Mapping[str, tuple[str, ...]]
) -> npt.NDArray[np.int8]:
    """Status at the start of the histories that begin at the rows ``first``; -1 where no policy speaks."""
    person = crossings.person[first]
    status = np.full(len(first), UNKNOWN_STATUS, np.int8)
    if policy.resident_documents:
        resident = np.zeros(len(first), np.bool_)
        for name, codes in policy.resident_documents.items():
            is_resident = np.array([label in codes for label in labels[name]], np.bool_)
            resident |= is_resident[crossings.codes[name][first]]
        status = resident.astype(np.int8)
    if policy.table is not None and len(policy.table):
        stated = np.where(
            person < len(policy.table), policy.table[np.minimum(person, len(policy.table) - 1)], -1
        )
        status = np.where(stated != UNKNOWN_STATUS, stated, status).astype(np.int8)
    return status


def burn_in_ends(register: PackedRegister, rule: ResidenceRule) -> int:
    """The first day (since 1970-01-01) whose figures do not lean on time before the register."""
    return register.first_day + rule.longest_days
