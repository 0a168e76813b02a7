"""From observations to cells: which units each figure rests on, and what that lets a reader add up.

A *set* is the units behind a figure: its denominator (``sample_n``), its cases (``cases_n``), what is left.
Two figures of one source and period whose counts agree wherever both have one rest on the same set, so
their tables are tables of one population.

It refuses observations without a count behind them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from caudal.errors import CaudalError, Problem, problem
from caudal.model.indicator import GapSpec
from caudal.model.observation import NOT_APPLICABLE, TOTAL, address, key_columns
from caudal.model.protection import ProtectionPolicy
from caudal.protect.cells import CellSystem, Hierarchy, Link
from caudal.protect.ledger import Ledger, ledger_key, small_change
from caudal.protect.nested import Nested, nested_sets
from caudal.protect.periods import additive_series, quarter_of, series_of, year_of

Key = tuple[str, ...]
Row = Mapping[str, object]
#: Units whose observations are counts.
COUNT_UNITS = ("PS", "HH", "EVENT", "DECISION")


@dataclass(frozen=True)
class Population:
    """The cells of one base population, and the cells that each observation shows."""

    name: str
    dimensions: tuple[str, ...]
    cells: Mapping[Key, int]
    hierarchies: Mapping[str, Hierarchy]
    links: tuple[Link, ...]
    rows: Mapping[int, tuple[Key, ...]]
    counts_rows: frozenset[int]
    share_rows: frozenset[int]
    withheld: frozenset[Key]
    once_withheld: frozenset[Key]
    once_published: frozenset[Key]
    changed: frozenset[Key]
    survey: bool
    denominators: frozenset[str]
    policy: ProtectionPolicy
    notes: tuple[str, ...] = ()
    nested: tuple[tuple[str, str], ...] = ()

    @property
    def base(self) -> str:
        """The base population: reporter, source and period, whatever the vintage."""
        return self.name.rsplit("/", 1)[0]

    def threshold(self, key: Key) -> int:
        """The count below which a cell is primary."""
        policy = self.policy
        if self.survey:
            least = policy.survey_threshold if key[0] in self.denominators else policy.cases_threshold
        else:
            least = policy.count_threshold
        named = [policy.sensitive.get(d, 0) for d, c in zip(self.dimensions, key, strict=True) if c != TOTAL]
        return max([least, *named])

    def says_nothing(self, key: Key) -> bool:
        """Whether the cell counts only non-response."""
        return any(c in self.policy.unknown_codes for c in key[1:])

    def readable(self, system: CellSystem, cell: int) -> str:
        """The cell in words, with the indicator that its set was first seen in."""
        return system.name(cell)


def read_populations(
    rows: Mapping[int, Row],
    dimensions: tuple[str, ...],
    policy: ProtectionPolicy,
    hierarchies: Mapping[str, Hierarchy],
    aliases: Mapping[str, str],
    gaps: Mapping[str, GapSpec],
    ledger: Ledger,
    nested: Nested = frozenset(),
) -> list[Population]:
    """One population for each reporter, source, period and vintage; the months and quarters of a year are
    one population where they add up. Raises :class:`CaudalError`."""
    groups: dict[tuple[str, ...], dict[int, Row]] = {}
    whole = additive_series(rows.values())
    for i, row in rows.items():
        period = year_of(row) if series_of(row) in whole else str(row["time_period"])
        name = (str(row["reporter_code"]), str(row["source_code"]), period, str(row["vintage"]))
        groups.setdefault(name, {})[i] = row
    readers = [
        _Reader("/".join(name), part, dimensions, policy, hierarchies, aliases, gaps, ledger, nested)
        for name, part in sorted(groups.items())
    ]
    populations = [r.read() for r in readers]
    problems = [p for r in readers for p in r.problems]
    if problems:
        raise CaudalError(*problems)
    return populations


class _Reader:
    """Reads one population."""

    def __init__(
        self,
        name: str,
        rows: Mapping[int, Row],
        dimensions: tuple[str, ...],
        policy: ProtectionPolicy,
        hierarchies: Mapping[str, Hierarchy],
        aliases: Mapping[str, str],
        gaps: Mapping[str, GapSpec],
        ledger: Ledger,
        nested: Nested,
    ) -> None:
        self.name, self.rows, self.policy, self.aliases, self.gaps = name, rows, policy, aliases, gaps
        self.ledger, self.nested = ledger, nested
        self.columns = key_columns(dimensions)
        self.given = dimensions
        kept = [d for d in dimensions if aliases.get(d, d) == d]
        self.axes = ("set", "reference_area", "counterpart_area", "time_period", *kept)
        self.source, self.period = name.split("/")[1:3]
        self.hierarchies = {d: dict(h) for d, h in hierarchies.items()}
        self.problems: list[Problem] = []
        self.survey = self._is_survey()
        self.root = self._area_root()

    def _is_survey(self) -> bool:
        sources = {str(r["source_code"]) for r in self.rows.values()}
        if sources & set(self.policy.full_counts):
            return False
        return any(r["sampling_se"] is not None or r["psu_n"] is not None for r in self.rows.values())

    def _area_root(self) -> str:
        """The area that is the total: the reporter's own, unless a hierarchy puts others above it."""
        areas = {str(r["reference_area_code"]) for r in self.rows.values()}
        tree = self.hierarchies.get("reference_area", {})
        tops = sorted({a for a in areas if tree.get(a, TOTAL) == TOTAL})
        reporter = str(next(iter(self.rows.values()))["reporter_code"])
        return reporter if reporter in tops else tops[0] if len(tops) == 1 else TOTAL

    def read(self) -> Population:
        """The population; what is wrong with it is left in ``problems``."""
        counts: dict[str, dict[Key, int]] = {}
        pairs: dict[tuple[str, str], set[str]] = {}
        shown: dict[int, list[tuple[str, Key]]] = {}
        for i, row in self.rows.items():
            if self._is_gap(row):
                continue
            series = f"{row['indicator_code']}|{row['concept_vector']}"
            for part, n in self._counts(row):
                counts.setdefault(f"{series}|{part}", {})[self._key(row)] = n
                shown.setdefault(i, []).append((f"{series}|{part}", self._key(row)))
            if len(shown.get(i, ())) == 2:
                pairs.setdefault((f"{series}|n", f"{series}|cases"), set()).add(series)
        same = _readable_names(_same_sets(counts))
        cells = {(same[s], *k): n for s, keys in counts.items() for k, n in keys.items()}
        links = self._links(pairs, same, counts)
        rows = {i: tuple(dict.fromkeys((same[s], *k) for s, k in parts)) for i, parts in shown.items()}
        rows |= {i: cells_ + self._rests(cells_, links) for i, cells_ in rows.items()}
        rows |= self._gap_rows(rows)
        return Population(
            self.name,
            self.axes,
            cells,
            self._trees(),
            links,
            rows,
            frozenset(i for i in shown if self.rows[i]["unit_code"] in COUNT_UNITS),
            frozenset(i for i, parts in shown.items() if len(parts) == 2),
            frozenset(k for i, ks in rows.items() if self._withheld(self.rows[i]) for k in ks if k in cells),
            *self._history(rows, cells),
            self.survey,
            frozenset(same[s] for s in counts if s.endswith("|n")),
            self.policy,
            self._notes(),
            self._nested(same, cells, links),
        )

    def _nested(
        self, same: Mapping[str, str], cells: Mapping[Key, int], links: tuple[Link, ...]
    ) -> tuple[tuple[str, str], ...]:
        """Sets that lie in another, in a complete count. The records behind the figures of a survey are not
        published, and a few more or fewer cannot be told from weighted shares."""
        if self.survey:
            return ()
        tied = [(part, link.whole) for link in links for part in (link.part, link.rest)]
        return nested_sets(self.nested, same, cells, tied)

    def _notes(self) -> tuple[str, ...]:
        if not (self.ledger.published or self.ledger.withheld):
            return ()
        reason = self.policy.set_aside.get(self.source)
        if reason is not None:
            return (f"earlier releases of {self.source} are set aside by the custodian: {reason}",)
        if self.policy.unchanged_figures == "open":
            return ("no reader is taken to know which withheld figures an earlier edition shows unchanged",)
        return ()

    def _is_gap(self, row: Row) -> bool:
        return str(row["indicator_code"]) in self.gaps or str(row["indicator_code"]).endswith("_gap")

    def _counts(self, row: Row) -> list[tuple[str, int]]:
        """The counts behind a figure; a complete count may have only its value."""
        n, cases = row["sample_n"], row["cases_n"]
        if n is None and row["unit_code"] in COUNT_UNITS and not self.survey:
            n = row["value"]
        if n is None or not isinstance(n, (int, float)) or n < 0 or n != int(n):
            self.problems.append(problem("protect-no-count", where=address(row)))
            return []
        if not isinstance(cases, int) or (cases == n and row["unit_code"] in COUNT_UNITS):
            return [("n", int(n))]
        return [("n", int(n)), ("cases", cases)]

    def _key(self, row: Row) -> Key:
        found = dict.fromkeys(self.axes[1:], TOTAL)
        area = str(row["reference_area_code"])
        found["reference_area"] = TOTAL if area == self.root else area
        counterpart = str(row["counterpart_area_code"])
        found["counterpart_area"] = TOTAL if counterpart == NOT_APPLICABLE else counterpart
        if str(row["time_period"]) != self.period:
            found["time_period"] = str(row["time_period"])
        for d in self.given:
            code = str(row[f"{d}_code"])
            if code != TOTAL:
                found[self.aliases.get(d, d)] = code
        return tuple(found.values())

    def _trees(self) -> dict[str, dict[str, str]]:
        trees = {d: dict(self.hierarchies.get(d, {})) for d in self.axes}
        area = trees["reference_area"]
        trees["reference_area"] = {
            c: TOTAL if p == self.root else p for c, p in area.items() if c != self.root
        }
        periods = {str(r["time_period"]) for r in self.rows.values()}
        trees["time_period"] = {p: q for p in periods if (q := quarter_of(p)) in periods and q != p}
        return trees

    def _links(
        self,
        pairs: Mapping[tuple[str, str], set[str]],
        same: Mapping[str, str],
        counts: Mapping[str, Mapping[Key, int]],
    ) -> tuple[Link, ...]:
        """Whole = cases + others, where a figure has both; others may be a set that is known already."""
        links: dict[tuple[str, str], Link] = {}
        for whole, part in pairs:
            w, p = same[whole], same[part]
            if w == p or (w, p) in links:
                continue
            left = {k: counts[whole][k] - counts[part][k] for k in counts[part] if k in counts[whole]}
            links[(w, p)] = Link(w, p, _known_set(left, counts, same) or f"{w} except {p}")
        return tuple(links.values())

    def _rests(self, cells: tuple[Key, ...], links: tuple[Link, ...]) -> tuple[Key, ...]:
        held = {k[0]: k for k in cells}
        return tuple(
            (link.rest, *held[link.whole][1:]) for link in links if link.whole in held and link.part in held
        )

    def _gap_rows(self, rows: Mapping[int, tuple[Key, ...]]) -> dict[int, tuple[Key, ...]]:
        """A gap shows what its two figures show."""
        by: dict[tuple[str, Key], tuple[Key, ...]] = {}
        for i, cells in rows.items():
            by[(str(self.rows[i]["indicator_code"]), self._key(self.rows[i]))] = cells
        found: dict[int, tuple[Key, ...]] = {}
        for i, row in self.rows.items():
            if not self._is_gap(row):
                continue
            base = str(row["indicator_code"]).removesuffix("_gap")
            gap = self.gaps.get(str(row["indicator_code"]))
            keys = self._gap_inputs(self._key(row), gap, [k for name, k in by if name == base])
            inputs = [by[(base, k)] for k in keys if (base, k) in by]
            if len(inputs) < 2:
                self.problems.append(problem("protect-gap-without-inputs", where=address(row)))
            found[i] = tuple(dict.fromkeys(c for cells in inputs for c in cells))
        return found

    def _gap_inputs(self, key: Key, gap: GapSpec | None, known: list[Key]) -> list[Key]:
        if gap is not None:
            at = self.axes.index(self.aliases.get(gap.dimension, gap.dimension)) - 1
            return [(*key[:at], code, *key[at + 1 :]) for code in (gap.group, gap.reference)]
        return [k for k in known if sum(a != b for a, b in zip(k, key, strict=True)) == 1 and _finer(k, key)]

    def _withheld(self, row: Row) -> bool:
        """Blank already, or in a crossing that the custodian never shows."""
        crossed = {d for d in self.given if str(row[f"{d}_code"]) != TOTAL}
        if str(row["reference_area_code"]) != self.root:
            crossed.add("reference_area")
        if str(row["counterpart_area_code"]) not in (NOT_APPLICABLE, TOTAL):
            crossed.add("counterpart_area")
        return row["value"] is None or any(set(c) <= crossed for c in self.policy.never_crossed)

    def _says_nothing(self, key: Key) -> bool:
        """Whether a cell counts only non-response: withheld for the sake of others, it asks for nothing."""
        return any(c in self.policy.unknown_codes for c in key[1:])

    def _history(
        self, rows: Mapping[int, tuple[Key, ...]], cells: Mapping[Key, int]
    ) -> tuple[frozenset[Key], frozenset[Key], frozenset[Key]]:
        """Cells that earlier releases withheld, those that they published unchanged, those that changed
        by a small count. The cells of a share are out only together, so only whole figures count. A figure
        that has changed since tells of records that are no longer the same: it can be withheld now."""
        withheld: set[Key] = set()
        published: set[Key] = set()
        changed: set[Key] = set()
        for i, parts in rows.items() if self.source not in self.policy.set_aside else ():
            row = self.rows[i]
            at = ledger_key(row, self.columns)
            if at in self.ledger.withheld:
                withheld.update(k for k in parts if k in cells and not self._says_nothing(k))
            figures = self.ledger.published.get(at, ())
            if row["value"] in figures:
                if self.policy.unchanged_figures == "known":
                    published.update(k for k in parts if k in cells)
            elif self.survey or row["unit_code"] not in COUNT_UNITS:
                continue  # what was shown was of other records
            elif small_change(row, figures, self.policy) and any(c != TOTAL for c in parts[0][1:]):
                changed.update(k for k in parts if k in cells)
        # a figure is withheld as soon as one of its cells is: a cell that another figure shows is out
        return frozenset(withheld - published), frozenset(published), frozenset(changed - published)


def _finer(key: Key, than: Key) -> bool:
    return all(b == TOTAL or a == b for a, b in zip(key, than, strict=True))


def _same_sets(counts: Mapping[str, Mapping[Key, int]]) -> dict[str, str]:
    """One name for all series whose counts agree wherever both stand."""
    names: dict[str, str] = {}
    merged: dict[str, dict[Key, int]] = {}
    for series in sorted(counts, key=lambda s: (-len(counts[s]), s)):
        own = counts[series]
        home = next((m for m, known in merged.items() if _agree(own, known)), None)
        if home is None:
            home = series
            merged[home] = {}
        names[series] = home
        merged[home].update(own)
    return names


def _readable_names(homes: Mapping[str, str]) -> dict[str, str]:
    """The sets by the indicator that each was first seen in, with a number where two have one name.

    >>> _readable_names({"rate|v|n": "rate|v|n", "rate|v|cases": "rate|v|cases", "rate|w|n": "rate|w|n"})
    {'rate|v|n': 'rate', 'rate|v|cases': 'rate (cases)', 'rate|w|n': 'rate #2'}
    """
    found: dict[str, str] = {}
    used: dict[str, int] = {}
    for home in dict.fromkeys(homes.values()):
        name = home.split("|", 1)[0] + (" (cases)" if home.endswith("|cases") else "")
        used[name] = used.get(name, 0) + 1
        found[home] = name if used[name] == 1 else f"{name} #{used[name]}"
    return {series: found[home] for series, home in homes.items()}


def _agree(own: Mapping[Key, int], known: Mapping[Key, int]) -> bool:
    common = [k for k in own if k in known]
    return any(own[k] for k in common) and all(own[k] == known[k] for k in common)


def _known_set(
    left: Mapping[Key, int], counts: Mapping[str, Mapping[Key, int]], same: Mapping[str, str]
) -> str:
    """The set whose counts are what is left, or nothing."""
    return next((same[s] for s, known in counts.items() if _agree(left, known)), "")
