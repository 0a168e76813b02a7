"""From observations to cells: which units each figure rests on, and what that lets a reader add up.

A *set* is the units behind a figure: its denominator (``sample_n``), its cases (``cases_n``), what is left.
Two figures of one source and period rest on the same set where their definitions say so (:mod:`domains`), or
where their counts agree wherever both have one; their tables are then tables of one population, each in the
categories that its definition names.

It refuses observations without a count behind them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from caudal.errors import CaudalError, Problem, problem
from caudal.model.editions import edition_order
from caudal.model.indicator import GapSpec
from caudal.model.observation import NOT_APPLICABLE, TOTAL, address, key_columns
from caudal.model.protection import ProtectionPolicy
from caudal.protect.cells import CellSystem, Hierarchy, Link
from caudal.protect.domains import Definitions, Domain
from caudal.protect.ledger import Ledger, is_exact, ledger_key, small_change, small_changes
from caudal.protect.nested import Nested, Nodes, Pair, nested_sets
from caudal.protect.periods import additive_series, quarter_of, series_of, year_of
from caudal.protect.places import Places, find_places
from caudal.protect.verdict import Note

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
    small: frozenset[Key]
    once_withheld: frozenset[Key]
    once_published: frozenset[Key]
    changed: frozenset[Key]
    survey: bool
    denominators: frozenset[str]
    policy: ProtectionPolicy
    notes: tuple[Note, ...] = ()
    nested: tuple[Pair, ...] = ()
    sums: tuple[tuple[Key, ...], ...] = ()
    depths: Mapping[Key, int] = field(default_factory=dict)
    places: Places = field(default_factory=Places)

    @property
    def base(self) -> str:
        """The base population: reporter, source and period, whatever the vintage."""
        return base_of(self.name)

    def meet(self, key: Key, nodes: Nodes) -> Key | None:
        """The cell of the larger set ``nodes`` over a cell of the smaller one."""
        found = self.places.meet(dict(zip(self.dimensions[1:], key, strict=True)), dict(nodes))
        return None if found is None else tuple(found.values())

    def threshold(self, key: Key) -> int:
        """The count below which a cell is primary."""
        policy = self.policy
        if self.survey:
            least = policy.survey_threshold if key[0] in self.denominators else policy.cases_threshold
        else:
            least = policy.count_threshold
        named = [policy.sensitive.get(d, 0) for d, c in zip(self.dimensions, key, strict=True) if c != TOTAL]
        return max([least, *named])

    def depth(self, key: Key) -> int:
        """How many dimensions a reader sees crossed where the cell is shown plainest."""
        return self.depths.get(key, sum(c != TOTAL for c in key[1:]))

    def says_nothing(self, key: Key) -> bool:
        """Whether the custodian asks for no threshold, because a category of the cell is non-response."""
        return any(c in self.policy.unknown_codes for c in key[1:])

    def readable(self, system: CellSystem, cell: int) -> str:
        """The cell in words, with the indicator that its set was first seen in."""
        return system.name(cell)


def base_of(name: str) -> str:
    """The base population of a name: reporter, source and period, whatever the vintage.

    >>> base_of("PA/census/2023/2023-12")
    'PA/census/2023'
    """
    return name.rsplit("/", 1)[0]


def grouped(rows: Mapping[int, Row]) -> list[tuple[str, dict[int, Row]]]:
    """Name and rows of each population: one for each reporter, source, period and vintage, of which the
    newest comes first; the months and quarters of a year are one population where they add up."""
    groups: dict[tuple[str, ...], dict[int, Row]] = {}
    whole = additive_series(rows.values())
    for i, row in rows.items():
        period = year_of(row) if series_of(row) in whole else str(row["time_period"])
        name = (str(row["reporter_code"]), str(row["source_code"]), period, str(row["vintage"]))
        groups.setdefault(name, {})[i] = row
    ordered = sorted(sorted(groups), key=lambda g: edition_order(g[3]), reverse=True)
    return [("/".join(name), groups[name]) for name in sorted(ordered, key=lambda g: g[:2])]


@dataclass(frozen=True)
class Context:
    """What all populations of a release share."""

    dimensions: tuple[str, ...]
    policy: ProtectionPolicy
    hierarchies: Mapping[str, Hierarchy]
    aliases: Mapping[str, str]
    gaps: Mapping[str, GapSpec]
    nested: Nested
    definitions: Definitions


def read_population(name: str, rows: Mapping[int, Row], context: Context, ledger: Ledger) -> Population:
    """The population ``name``, after what ``ledger`` says is out. Raises :class:`CaudalError`."""
    reader = _Reader(name, rows, context, ledger)
    population = reader.read()
    if reader.problems:
        raise CaudalError(*reader.problems)
    return population


class _Reader:
    """Reads one population."""

    def __init__(self, name: str, rows: Mapping[int, Row], context: Context, ledger: Ledger) -> None:
        self.name, self.rows, self.ledger = name, rows, ledger
        self.policy, self.aliases, self.gaps = context.policy, context.aliases, context.gaps
        self.nested = context.nested
        dimensions, aliases = context.dimensions, context.aliases
        self.columns = key_columns(dimensions)
        self.given = dimensions
        kept = [d for d in dimensions if aliases.get(d, d) == d]
        self.axes = ("set", "reference_area", "counterpart_area", "time_period", *kept)
        self.source, self.period = name.split("/")[1:3]
        self.hierarchies = {d: dict(h) for d, h in context.hierarchies.items()}
        self.problems: list[Problem] = []
        self.survey = self._is_survey()
        self.root = self._area_root()
        self.places = self._places(context.definitions)

    def _places(self, definitions: Definitions) -> Places:
        """Where each series stands by definition, as far as its own counts bear it out."""
        shown = frozenset(
            self.aliases.get(d, d)
            for d in self.given
            if any(r[f"{d}_code"] != TOTAL for r in self.rows.values())
        )
        domains, fuller = dict[str, Domain](), dict[str, Domain]()
        for indicator, vector in sorted({_figure(r) for r in self.rows.values() if not self._is_gap(r)}):
            for part in ("n", "cases"):
                for plain, held in ((True, domains), (False, fuller)):
                    found = definitions.domain(self.source, indicator, vector, part, shown, plain=plain)
                    if found is not None:
                        held[f"{indicator}|{vector}|{part}"] = found
        return find_places(domains, fuller, definitions.products(self.source, shown), self._trees())

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
            series = "|".join(_figure(row))
            for part, n in self._counts(row):
                key = self._placed(f"{series}|{part}", self._key(row))
                if key is None and not n:
                    continue  # nobody can be counted there, and everybody knows
                key = key or self._key(row)
                counts.setdefault(f"{series}|{part}", {})[key] = n
                shown.setdefault(i, []).append((f"{series}|{part}", key))
            if len(shown.get(i, ())) == 2:
                pairs.setdefault((f"{series}|n", f"{series}|cases"), set()).add(series)
        same = _readable_names(_same_sets(counts, self.places.sets))
        cells = {(same[s], *k): n for s, keys in counts.items() for k, n in keys.items()}
        links = self._links(pairs, same, counts)
        rows = {i: tuple(dict.fromkeys((same[s], *k) for s, k in parts)) for i, parts in shown.items()}
        rows |= {i: cells_ + self._rests(cells_, links) for i, cells_ in rows.items()}
        rows |= self._gap_rows(rows)
        return Population(
            self.name,
            self.axes,
            cells,
            self.places.trees,
            links,
            rows,
            frozenset(i for i in shown if self.rows[i]["unit_code"] in COUNT_UNITS),
            frozenset(i for i, parts in shown.items() if len(parts) == 2),
            frozenset(k for i, ks in rows.items() if self._withheld(self.rows[i]) for k in ks if k in cells),
            frozenset(k for i, ks in rows.items() if self._is_small(self.rows[i]) for k in ks if k in cells),
            *self._history(rows, cells),
            self.survey,
            frozenset(same[s] for s in counts if s.endswith("|n")),
            self.policy,
            self._notes(),
            self._nested(same, cells, links),
            self._sums(same, cells),
            self._depths(rows),
            self.places,
        )

    def _nested(
        self, same: Mapping[str, str], cells: Mapping[Key, int], links: tuple[Link, ...]
    ) -> tuple[Pair, ...]:
        """Sets that lie in another, in a complete count. The records behind the figures of a survey are not
        published, and a few more or fewer cannot be told from weighted shares."""
        if self.survey:
            return ()
        tied = [(part, link.whole) for link in links for part in (link.part, link.rest)]
        sets = {s: (home, tuple(self.places.nodes.get(s, {}).items())) for s, home in same.items()}
        return nested_sets(self.nested, sets, cells, tied, self._meet)

    def _meet(self, key: Key, nodes: Nodes) -> Key | None:
        found = self.places.meet(dict(zip(self.axes[1:], key, strict=True)), dict(nodes))
        return None if found is None else tuple(found.values())

    def _changed(self, i: int, at: Key, parts: tuple[Key, ...]) -> Iterable[Key]:
        """The cells of a figure that differ by a small count from what is out."""
        row = self.rows[i]
        if row["unit_code"] in COUNT_UNITS:
            figures = (
                *self.ledger.published.get(at, ()),
                *(self.ledger.beside.get(at, ()) if is_exact(row) else ()),
            )
            return parts if small_change(row, figures, self.policy) else ()
        n, cases = row["sample_n"], row["cases_n"]
        if self._is_gap(row) or not isinstance(n, int) or not isinstance(cases, int):
            return ()
        small = small_changes((n, cases), self.ledger.counts.get(at, ()), self.policy)
        found = [k for k, is_small in zip(parts, small, strict=False) if is_small]
        return found or (parts if any(small) else ())

    def _sums(self, same: Mapping[str, str], cells: Mapping[Key, int]) -> tuple[tuple[Key, ...], ...]:
        """[whole, *parts] where no dimension says so: the categories that are products of other dimensions,
        and cases that are a cell of the set that their definition names."""
        known: dict[Key, Key] = {}
        families: dict[tuple[str, Key], set[Key]] = {}
        homes = {named: same[s] for s, named in self.places.sets.items() if s in same}
        for row in self.rows.values():
            for s in [s for part in ("n", "cases") if (s := "|".join((*_figure(row), part))) in same]:
                raw = self._key(row)
                cell = (same[s], *(self._placed(s, raw) or raw))
                for d in [d for d in self.places.products if cell in cells]:
                    at = self.axes.index(d) - 1
                    above = self._placed(s, (*raw[:at], TOTAL, *raw[at + 1 :]))
                    if raw[at] != TOTAL and above is not None:
                        families.setdefault((d, (same[s], *above)), set()).add(cell)
                if s in self.places.beside and cell in cells:
                    other = self.places.by_definition(s, dict(zip(self.axes[1:], raw, strict=True)))
                    known[cell] = (homes.get(self.places.beside[s][0], ""), *(other or {}).values())
        sums = [
            (whole, *sorted(parts))
            for (_, whole), parts in sorted(families.items())
            if whole in cells and sum(cells[p] for p in parts) == cells[whole]
        ]
        return (*sums, *((own, cell) for cell, own in known.items() if cells.get(own) == cells[cell]))

    def _depths(self, rows: Mapping[int, tuple[Key, ...]]) -> dict[Key, int]:
        """How many dimensions the plainest figure crosses that shows a cell."""
        found: dict[Key, int] = {}
        for i, parts in rows.items():
            depth = sum(c != TOTAL for c in self._key(self.rows[i]))
            found |= {k: min(depth, found.get(k, depth)) for k in parts}
        return found

    def _notes(self) -> tuple[Note, ...]:
        if not (self.ledger.published or self.ledger.withheld):
            return ()
        reason = self.policy.set_aside.get(self.source)
        if reason is not None:
            return (Note("set_aside", {"source": self.source, "reason": reason}),)
        if self.policy.unchanged_figures == "open":
            return (Note("unchanged_open"),)
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

    def _placed(self, series: str, key: Key) -> Key | None:
        found = self.places.placed(series, dict(zip(self.axes[1:], key, strict=True)))
        return None if found is None else tuple(found.values())

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

    def _is_small(self, row: Row) -> bool:
        """Whether a full count, or an estimate of one, is below the threshold, whatever stands behind it."""
        value = row["value"]
        counted = row["unit_code"] in COUNT_UNITS and not self.survey and isinstance(value, (int, float))
        return counted and 0 < float(str(value)) < self.policy.count_threshold

    def _says_nothing(self, key: Key) -> bool:
        """Whether a category of a cell is non-response: withheld for others' sake, it asks for nothing."""
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
        totals = set[Key]()
        for i, parts in rows.items() if self.source not in self.policy.set_aside else ():
            row = self.rows[i]
            at = ledger_key(row, self.columns)
            if all(c == TOTAL for c in self._key(row)):
                totals.update(parts)
            if at in self.ledger.withheld:
                withheld.update(k for k in parts if k in cells and not self._says_nothing(k))
            if row["value"] in self.ledger.published.get(at, ()):
                if self.policy.unchanged_figures == "known":
                    published.update(k for k in parts if k in cells)
            elif not self.survey:  # what a survey showed was of other records
                changed.update(self._changed(i, at, parts))
        changed -= totals
        # a figure is withheld as soon as one of its cells is: a cell that another figure shows is out
        return frozenset(withheld - published), frozenset(published), frozenset(changed - published)


def _figure(row: Row) -> tuple[str, str]:
    return str(row["indicator_code"]), str(row["concept_vector"])


def _finer(key: Key, than: Key) -> bool:
    return all(b == TOTAL or a == b for a, b in zip(key, than, strict=True))


def _same_sets(counts: Mapping[str, Mapping[Key, int]], named: Mapping[str, str]) -> dict[str, str]:
    """One name for all series whose counts agree wherever both stand, and for those that are ``named`` the
    same by definition unless their counts say otherwise."""
    names: dict[str, str] = {}
    merged: dict[str, dict[Key, int]] = {}
    kin: dict[str, str] = {}
    for series in sorted(counts, key=lambda s: (-len(counts[s]), s)):
        own = counts[series]
        home = kin.get(named.get(series, ""))
        if home is None or any(merged[home].get(k, n) != n for k, n in own.items()):
            home = next((m for m, known in merged.items() if _agree(own, known)), None)
        if home is None:
            home = series
            merged[home] = {}
        names[series] = home
        merged[home].update(own)
        if series in named:
            kin.setdefault(named[series], home)
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
