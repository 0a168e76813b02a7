"""Earlier releases of the same population: what is out cannot be taken back, and counts.

For a base population (reporter, source, period), whatever the vintage:

* published once with the same figure: known for ever, so it cannot be suppressed now;
* withheld once: withheld for ever, or the later release would open the earlier one;
* published then and changed since by 1 to threshold - 1 (complete counts): the difference is itself a
  small count, so the new figure is primary, except in the grand total; a share tells its numerator and its
  denominator, so these and what is left are compared, and where the office no longer knows what they were,
  a share that has changed is primary;
* one method and one secret for the whole chain.

It refuses a change of method or of secret.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

import pyarrow as pa

from caudal.errors import CaudalError, Problem, problem
from caudal.model.protection import ProtectionPolicy

Row = Mapping[str, object]


@dataclass(frozen=True)
class EarlierRelease:
    """A release that is out: its observations as published, and by population the method and the id of
    its secret (as in :attr:`VerdictReport.methods`). ``unprotected``: what the office holds of its rows, with
    the counts behind the shares; None where that is lost."""

    table: pa.Table
    methods: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    unprotected: pa.Table | None = None


@dataclass(frozen=True)
class Ledger:
    """What earlier releases say of each cell: row key without vintage -> figures published, or withheld;
    ``counts`` -> units and cases behind each published share; ``beside``: exact counts that another vintage
    shows in the same release."""

    published: Mapping[Key, tuple[float, ...]]
    withheld: frozenset[Key]
    methods: Mapping[str, tuple[str, str]]
    counts: Mapping[Key, tuple[Counts, ...]] = field(default_factory=dict)
    beside: Mapping[Key, tuple[float, ...]] = field(default_factory=dict)

    def with_vintage(self, rows: Mapping[int, Row], blanked: Collection[int], key: Sequence[str]) -> Ledger:
        """The ledger for an older vintage of the same population, given what the newer one shows."""
        hidden = {ledger_key(rows[i], key) for i in blanked if i in rows}
        shown: dict[Key, tuple[float, ...]] = dict(self.beside)
        for i, row in rows.items():
            if i not in blanked and is_exact(row):
                at = ledger_key(row, key)
                shown[at] = (*shown.get(at, ()), float(str(row["value"])))
        return replace(self, withheld=self.withheld | hidden, beside=shown)

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
#: Units and cases behind a share; None where nobody knows them any more.
Counts = tuple[int, int] | None


def read_ledger(earlier: Iterable[EarlierRelease], key: Sequence[str]) -> Ledger:
    """The ledger of ``earlier`` releases, oldest first; ``key`` names the key's columns."""
    published: dict[Key, tuple[float, ...]] = {}
    counts: dict[Key, tuple[Counts, ...]] = {}
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
        behind = _counts(release.unprotected, key)
        for row in release.table.to_pylist():
            at = ledger_key(row, key)
            if row["verdict"] == "suppressed":
                withheld.add(at)
            elif row["value"] is not None:
                published[at] = (*published.get(at, ()), float(row["value"]))
                counts[at] = (*counts.get(at, ()), behind.get((at, str(row["vintage"]))))
    return Ledger(published, frozenset(withheld), methods, counts)


def _counts(table: pa.Table | None, key: Sequence[str]) -> dict[tuple[Key, str], Counts]:
    """Units and cases of each row with its vintage."""
    rows = table.to_pylist() if table is not None else []
    return {
        (ledger_key(r, key), str(r["vintage"])): (int(r["sample_n"]), int(r["cases_n"]))
        for r in rows
        if r["sample_n"] is not None and r["cases_n"] is not None
    }


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


def is_exact(row: Row) -> bool:
    """Whether a figure is a count, not an estimate of one: a provisional figure has an error or limits."""
    beside = ("lower", "upper", "sampling_se", "model_se", "provisional_se")
    return row["value"] is not None and all(row.get(n) is None for n in beside)


def small_change(row: Row, figures: Sequence[float], policy: ProtectionPolicy) -> bool:
    """Whether the difference to an earlier figure of the same cell is a small count."""
    value = row["value"]
    if not isinstance(value, (int, float)):
        return False
    return any(0 < abs(value - f) < policy.count_threshold for f in figures)


def small_changes(now: tuple[int, int], then: Iterable[Counts], policy: ProtectionPolicy) -> list[bool]:
    """Whether the units, the cases and the others behind a share have changed by a small count since any of
    its earlier figures; one of which nobody knows the counts may have.

    >>> small_changes((50, 20), [(52, 20), (80, 40)], ProtectionPolicy())
    [True, False, True]
    """
    found = [False, False, False]
    for earlier in then:
        moved = (1, 1, 1) if earlier is None else (now[0] - earlier[0], now[1] - earlier[1])
        changes = moved if len(moved) == 3 else (*moved, moved[0] - moved[1])
        found = [f or 0 < abs(c) < policy.count_threshold for f, c in zip(found, changes, strict=True)]
    return found
