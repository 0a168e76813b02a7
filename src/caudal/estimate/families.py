"""Which family of estimators turns records of a kind into observations: one line a family.

A family has three functions: ``plan`` says which indicators such records can carry, in which crossings,
``estimate`` computes them, and ``explain`` writes what was summed as SQL that an auditor can run. A kind
that no line names is estimated by design, as persons and tables of counts are. A family that ``pools`` takes
all deliveries of a source at once.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from caudal.estimate import incidents, indicators
from caudal.estimate.stays import family as crossings


@dataclass(frozen=True)
class Family:
    """The functions of a family of estimators."""

    plan: Callable[..., tuple[tuple[indicators.Planned, ...], tuple[indicators.Impossible, ...]]]
    estimate: Callable[..., Any]
    explain: Callable[..., str]
    pools: bool = False
    """Whether all deliveries of a source are one body of records, as the months of a register are."""


BY_DESIGN = Family(indicators.plan, indicators.estimate, indicators.explain)
FAMILIES: Mapping[str, Family] = {
    "incident": Family(incidents.plan, incidents.estimate, incidents.explain),
    "crossing": Family(crossings.plan, crossings.estimate, crossings.explain, pools=True),
}


def family_of(kind: str) -> Family:
    """The family for records of ``kind``.

    >>> family_of("person") is BY_DESIGN, family_of("incident") is BY_DESIGN
    (True, False)
    """
    return FAMILIES.get(kind, BY_DESIGN)
