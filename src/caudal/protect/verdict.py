"""The verdict: what was protected, how, what was lost and by whom, what the auditor tried.

A custodian reads and signs it. It stays on the builder's side: the public side sees only the verdict of
each observation.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any


@dataclass(frozen=True)
class PopulationVerdict:
    """One base population: all tables of one source and reference period."""

    population: str
    method: str
    cells_n: int
    primary_n: int
    secondary_n: int
    least_secondary_n: int
    suppressed_n: int
    proved_n: int
    values: int
    attacker_lower: int
    alternatives_n: int
    hidden_n: int
    survey: bool
    secret: str = ""
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class VerdictReport:
    """The verdict of a release."""

    observations_n: int
    released_n: int
    suppressed_n: int
    public_n: int
    missing_n: int
    populations: tuple[PopulationVerdict, ...]
    loss: Mapping[str, Mapping[str, tuple[int, int]]]
    inputs: tuple[str, ...] = field(default_factory=lambda: MODELLED)
    not_modelled: tuple[str, ...] = field(default_factory=lambda: NOT_MODELLED)

    @property
    def certified(self) -> bool:
        """Whether every suppressed cell has its certificate; a release without it does not leave."""
        return all(p.proved_n == p.suppressed_n for p in self.populations)

    @property
    def methods(self) -> dict[str, tuple[str, str]]:
        """Method and id of the secret by base population, for the ledger of the next release."""
        return {p.population.rsplit("/", 1)[0]: (p.method, p.secret) for p in self.populations}

    def as_dict(self) -> dict[str, Any]:
        """Everything, as plain values for JSON."""
        return asdict(self)

    def lines(self) -> list[str]:
        """The report as lines of text."""
        out = [
            f"observations {self.observations_n}: released {self.released_n}, "
            f"suppressed {self.suppressed_n}, public {self.public_n}, missing {self.missing_n}"
        ]
        for p in self.populations:
            if p.method != "suppression":
                out.append(f"{p.population}: {p.method}; {p.cells_n} cells; every count is perturbed")
                continue
            out.append(
                f"{p.population}: {p.method}; {p.cells_n} cells; primary {p.primary_n}, secondary "
                f"{p.secondary_n} (no sufficient pattern has fewer than {p.least_secondary_n}); "
                f"{p.proved_n} of {p.suppressed_n} suppressed cells proved to be any of {p.values} integers "
                f"or more, by {p.alternatives_n} alternative tables, against an attacker who knows "
                f"that they are at least {p.attacker_lower}"
            )
            out += [f"  {note}" for note in p.notes]
        for dimension, codes in self.loss.items():
            worst = sorted(codes.items(), key=lambda c: -c[1][0] / max(c[1][1], 1))[:5]
            shown = ", ".join(f"{c} {lost}/{all_}" for c, (lost, all_) in worst if lost)
            if shown:
                out.append(f"lost by {dimension}: {shown}")
        out.append("modelled: " + "; ".join(self.inputs))
        out.append("not modelled: " + "; ".join(self.not_modelled))
        return out


#: What the auditor holds against a pattern.
MODELLED: tuple[str, ...] = (
    "margins and hierarchies of all tables of the population, as one system",
    "months and quarters of a year, where they count events and add up",
    "margins that no table shows and two tables share",
    "dimensions that divide the same people without nesting, where their relation is declared",
    "remainders: what published categories leave over, and complements of shares",
    "joint cells behind tables that form a ring",
    "non-negativity and integrality",
    "shares, ratios and gaps: withheld with their numerator, denominator, complement and inputs",
    "errors, design effects, coefficients of variation, degrees of freedom and reliability of published "
    "cells: the attacker is taken to know the exact n of every published cell",
)

#: What it does not hold against it, for the custodian to weigh.
NOT_MODELLED: tuple[str, ...] = (
    "several contributors who pool what they know of one suppressed cell",
    "differences between populations of different sources, between stocks at different dates, and between "
    "two indicators of which one contains the other and no share ties them",
    "tables that leave out categories of a population and have no margin: only their total bounds them",
    "the weights of survey records: what is proved is proved of unweighted records",
    "tables outside the release that the attacker holds and the ledger does not list",
    "which of the sufficient patterns the search prefers, for an attacker who reruns it on each alternative",
)
