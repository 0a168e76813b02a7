"""Which family of estimators turns records of a kind into observations: one line a family.

A family has three functions: ``plan`` says which indicators such records can carry, in which crossings,
``estimate`` computes them, and ``explain`` writes what was summed as SQL that an auditor can run. A kind
that no line names is estimated by design, as persons and tables of counts are.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from caudal.estimate import incidents, indicators


@dataclass(frozen=True)
class Family:
    """The functions of a family of estimators."""

    plan: Callable[..., tuple[tuple[indicators.Planned, ...], tuple[indicators.Impossible, ...]]]
    estimate: Callable[..., Any]
    explain: Callable[..., str]


BY_DESIGN = Family(indicators.plan, indicators.estimate, indicators.explain)
FAMILIES: Mapping[str, Family] = {"incident": Family(incidents.plan, incidents.estimate, incidents.explain)}


def family_of(kind: str) -> Family:
    """The family for records of ``kind``.

    >>> family_of("person") is BY_DESIGN, family_of("incident") is BY_DESIGN
    (True, False)
    """
    return FAMILIES.get(kind, BY_DESIGN)
