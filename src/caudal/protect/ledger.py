"""Earlier releases of the same population: what is out cannot be taken back, and counts.

For a base population (reporter, source, period), whatever the vintage:

* published once with the same figure: known for ever, so it cannot be suppressed now;
* withheld once: withheld for ever, or the later release would open the earlier one;
* published then and changed since by 1 to threshold - 1 (complete counts): the difference is itself a
  small count, so the new figure is primary, except in the grand total;
* one method and one secret for the whole chain.

It refuses a change of method or of secret.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import pyarrow as pa

from caudal.errors import CaudalError, Problem, problem
from caudal.model.protection import ProtectionPolicy

Row = Mapping[str, object]


@dataclass(frozen=True)
class EarlierRelease:
    """A release that is out: its observations as published, and by population the method and the id of
    its secret (as in :attr:`VerdictReport.methods`)."""

    table: pa.Table
    methods: Mapping[str, tuple[str, str]] = field(default_factory=dict)


@dataclass(frozen=True)
class Ledger:
    """What earlier releases say of each cell: row key without vintage -> figures published, or withheld."""

    published: Mapping[Key, tuple[float, ...]]
    withheld: frozenset[Key]
    methods: Mapping[str, tuple[str, str]]

    def check_method(self, population: str, method: str, secret: str) -> list[Problem]:
        """Nothing, or why this population may not be released so."""
        if population not in self.methods:
            return []
        earlier, earlier_secret = self.methods[population]
        if earlier != method:
            return [problem("protect-methods-mixed", population=population, earlier=earlier, method=method)]
        if earlier_secret != secret:
            return [problem("protect-secret-reused", population=population)]
        return []


Key = tuple[str, ...]


def read_ledger(earlier: Iterable[EarlierRelease], key: Sequence[str]) -> Ledger:
    """The ledger of ``earlier`` releases, oldest first; ``key`` names the key's columns."""
    published: dict[Key, tuple[float, ...]] = {}
    withheld: set[Key] = set()
    methods: dict[str, tuple[str, str]] = {}
    for release in earlier:
        for name, used in release.methods.items():
            if methods.setdefault(name, used) != used:
                raise CaudalError(
                    problem(
                        "protect-methods-mixed", population=name, earlier=methods[name][0], method=used[0]
                    )
                )
        for row in release.table.to_pylist():
            at = ledger_key(row, key)
            if row["verdict"] == "suppressed":
                withheld.add(at)
            elif row["value"] is not None:
                published[at] = (*published.get(at, ()), float(row["value"]))
    return Ledger(published, frozenset(withheld), methods)


def methods_shown(table: pa.Table) -> dict[str, tuple[str, str]]:
    """The methods of a release of which only the table is left: noise can be seen, its secret cannot.

    >>> row = {"reporter_code": "XX", "source_code": "census", "time_period": "2024", "verdict": "released"}
    >>> methods_shown(pa.Table.from_pylist([{**row, "perturbation_se": 1.4}]))
    {'XX/census/2024': ('noise', 'unknown')}
    """
    found: dict[str, tuple[str, str]] = {}
    names = ("reporter_code", "source_code", "time_period", "verdict", "perturbation_se")
    for row in table.select(names).to_pylist():
        if row["verdict"] in ("released", "suppressed"):
            base = "/".join(str(row[n]) for n in names[:3])
            noisy = row["perturbation_se"] is not None or found.get(base, ("",))[0] == "noise"
            found[base] = ("noise", "unknown") if noisy else ("suppression", "")
    return found


def ledger_key(row: Row, key: Sequence[str]) -> Key:
    """The key of a row without its vintage; a dimension that a release did not have is a total."""
    return tuple(str(row.get(n, "_T")) for n in key if n != "vintage")


def small_change(row: Row, figures: Sequence[float], policy: ProtectionPolicy) -> bool:
    """Whether the difference to an earlier figure of the same cell is a small count."""
    value = row["value"]
    if not isinstance(value, (int, float)):
        return False
    return any(0 < abs(value - f) < policy.count_threshold for f in figures)
