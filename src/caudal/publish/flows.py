"""The page of flows: from movements to migrants, gross flows and their balance, what is still provisional,
how it was revised, the account of the population, and what would change under another policy.

Made of released cells alone; which indicators they are stands in ``catalogue/flows.yaml``. A part whose
cells were withheld, or that a release does not have, is left out. It adds nothing up but the crossings of
people who live elsewhere, which are the total less the other kinds that are shown.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

from markupsafe import Markup
from ruamel.yaml import YAML

from caudal.model.editions import edition_order
from caudal.publish.chart import Caption
from caudal.publish.fan import Point, fan_chart, squares
from caudal.publish.numbers import moment
from caudal.publish.release import Cell
from caudal.publish.tables import newest
from caudal.publish.voice import Shown, Voice

MOVEMENT, ACCOUNT, POLICY = "movement", "account_item", "history_policy"
REPAIR, TABLE = "history_repair", "flow_table"
PROVISIONAL = "P"
#: Lines beside the policies that are estimates, whatever their figures.
CORRECTED = ("corrected", "covered")
#: Months of the fans and of the revision triangle.
FAN_MONTHS, TRIANGLE_MONTHS = 36, 12
#: Items of the account in the order of its sum, with their signs.
SIGNS = {
    "opening": "",
    "births": "+",
    "deaths": "−",
    "arrivals": "+",
    "departures": "−",
    "naturalised_in": "+",
    "naturalised_out": "−",
    "closing": "=",
}


@dataclass(frozen=True)
class Part:
    """One kind of crossing: its class in the chart, words, figure, and its share in percent."""

    mark: str
    words: str
    value: str
    share: str


@dataclass(frozen=True)
class Bridge:
    """From movements to migrants in one year."""

    year: str
    sentence: Markup
    svg: Markup
    parts: tuple[Part, ...]


@dataclass(frozen=True)
class Fan:
    """A series by month with its band."""

    ident: str
    title: str
    link: str
    svg: Markup
    triangle: Triangle | None


@dataclass(frozen=True)
class Triangle:
    """What each edition said of each month: editions, and rows of a month with its figures by edition."""

    editions: tuple[str, ...]
    rows: tuple[tuple[str, tuple[Shown | None, ...]], ...]


@dataclass(frozen=True)
class Grid:
    """A table of figures: heads of the columns, rows with a name and a figure a column."""

    heads: tuple[str, ...]
    rows: tuple[tuple[str, tuple[Shown | None, ...]], ...]


@dataclass(frozen=True)
class Policies:
    """Figures of one year under each policy, with the distance to the one that is used, in percent."""

    year: str
    heads: tuple[str, ...]
    rows: tuple[tuple[str, bool, tuple[tuple[Shown, str] | None, ...]], ...]


@dataclass(frozen=True)
class Flows:
    """All that the page shows."""

    source: str
    rule: str
    bridge: Bridge | None
    years: Grid
    fans: tuple[Fan, ...]
    account: Grid | None
    unadjusted: bool
    policies: Policies | None
    tables: Grid | None
    repairs: Grid | None


def flows(voice: Voice) -> Flows | None:
    """The page of flows; None where the release has no migrations by the residence rule."""
    desk = _Desk(voice, _roles())
    if not desk.totals("immigration"):
        return None
    first = desk.totals("immigration")[0]
    account = desk.account()
    return Flows(
        first.source,
        desk.rule(first),
        desk.bridge(),
        desk.years(),
        tuple(f for role in ("immigration", "emigration", "net") if (f := desk.fan(role)) is not None),
        account,
        account is not None and desk.unadjusted(),
        desk.policies(),
        desk.tables(),
        desk.repairs(),
    )


@cache
def _roles() -> Mapping[str, Any]:
    text = files("caudal.catalogue").joinpath("flows.yaml").read_text(encoding="utf-8")
    roles: Mapping[str, Any] = YAML(typ="safe", pure=True).load(text)
    return roles


@dataclass(frozen=True)
class _Desk:
    """Finds the cells of the page."""

    voice: Voice
    roles: Mapping[str, Any]

    def cells(self, indicator: str, dimensions: Iterable[str] = (), *, latest: bool = True) -> list[Cell]:
        """Cells of an indicator about the whole area that are broken down by exactly ``dimensions``."""
        wanted = set(dimensions)
        found = self.voice.release.cells_of.get(indicator, ())
        found = newest(found) if latest else found
        return [c for c in found if {d for d, _ in c.categories} == wanted and c.area == self.voice.area]

    def totals(self, role: str, *, months: bool = False, latest: bool = True) -> list[Cell]:
        """Totals of the indicator with ``role``, by year or by month, in order of time."""
        found = self.cells((self.roles["months"] if months else self.roles)[role], latest=latest)
        return sorted((c for c in found if c.value is not None), key=lambda c: c.time)

    def rule(self, cell: Cell) -> str:
        """The residence rule in words."""
        pairs = dict(p.partition("=")[::2] for p in cell.concept.split(";"))
        return next((w for _, _, w in self.voice.axes({"residence": pairs.get("residence", "")})), "")

    def bridge(self) -> Bridge | None:
        """The last final year whose kinds of movement are shown."""
        whole = {c.time: c for c in self.totals("movements") if c.status != PROVISIONAL}
        for year in sorted(whole, reverse=True):
            kinds = {
                dict(c.categories)[MOVEMENT]: c.value
                for c in self.cells(self.roles["movements"], [MOVEMENT])
                if c.time == year and c.value is not None
            }
            named = [*self.roles["trips"], *self.roles["migrations"]]
            if all(k in kinds for k in named):
                return self._bridge(year, whole[year], kinds)
        return None

    def _bridge(self, year: str, whole: Cell, kinds: Mapping[str, float]) -> Bridge:
        voice, total = self.voice, whole.value or 1.0
        trips = sum(kinds[k] for k in self.roles["trips"])
        found = (self._used(role, year) for role in ("immigration", "emigration"))
        came, left = (n or kinds[k] for n, k in zip(found, self.roles["migrations"], strict=True))
        others = total - trips - came - left
        amounts = {"others": others, "trips": trips, "came": came, "left": left}
        parts = tuple(self._part(name, n, total) for name, n in amounts.items())
        changed = voice.number(100 * (came + left) / total, 1)
        facts = {
            "year": voice.when(year),
            "total": voice.number(total, 0),
            "came": voice.number(came, 0),
            "left": voice.number(left, 0),
            "share": changed,
        }
        words = voice.say("flow_bridge", **facts)
        shares = [(f"sq {n}", amount / total) for n, amount in amounts.items()]
        caption = Caption("bridge", str(voice.say("flow_bridge_title", year=voice.when(year))), str(words))
        return Bridge(voice.when(year), words, squares(shares, caption), parts)

    def _part(self, name: str, amount: float, total: float) -> Part:
        voice = self.voice
        share = voice.amount(100 * amount / total, 1, "PT")
        return Part(name, voice.words.text[f"flow_{name}"], voice.number(amount, 0), share)

    def years(self) -> Grid:
        """Gross flows and balance of each year."""
        columns = [{c.time: c for c in self.totals(r)} for r in ("immigration", "emigration", "net")]
        years = sorted({t for column in columns for t in column}, reverse=True)
        text = self.voice.words.text
        heads = (text["flow_came"], text["flow_left"], text["flow_net"])
        return Grid(heads, tuple((self.voice.when(y), self._row(columns, y)) for y in years))

    def _row(self, columns: Sequence[Mapping[str, Cell]], key: str) -> tuple[Shown | None, ...]:
        return tuple(self.voice.shown(column[key]) if key in column else None for column in columns)

    def fan(self, role: str) -> Fan | None:
        """The last months of one flow."""
        voice = self.voice
        months = self.totals(role, months=True)[-FAN_MONTHS:]
        if len(months) < 2:
            return None
        points = [
            Point(
                moment(c.time),
                voice.when_short(c.time),
                c.value or 0.0,
                c.lower,
                c.upper,
                c.status != PROVISIONAL,
            )
            for c in months
        ]
        title = voice.words.text[_TITLES[role]]
        last = voice.shown(months[-1])
        told = f"{voice.when(months[-1].time)}: {last.value} {last.interval}".strip()
        svg = fan_chart(
            points,
            Caption(f"fan-{role}", title, told),
            lambda value, decimals: voice.number(value, decimals),
            voice.words.text["flow_boundary"],
        )
        link = f"../indicator/{self.roles['months'][role]}.html"
        return Fan(f"flow-{role}", title, link, svg, self.triangle(role))

    def triangle(self, role: str) -> Triangle | None:
        """What the editions said of the last months; None where there is one edition alone."""
        cells = self.totals(role, months=True, latest=False)
        months = sorted({c.time for c in cells})[-TRIANGLE_MONTHS:]
        by_place = {(c.time, c.vintage): c for c in cells}
        editions = sorted({c.vintage for c in cells if c.time in months}, key=edition_order)
        if len(editions) < 2:
            return None
        rows = []
        for month in reversed(months):
            found = (by_place.get((month, e)) for e in editions)
            row = tuple(self.voice.shown(c) if c is not None else None for c in found)
            rows.append((self.voice.when(month), row))
        return Triangle(tuple(self.voice.when_short(e) for e in editions), tuple(rows))

    def account(self) -> Grid | None:
        """The account of the last final years: an item a row, a year a column."""
        cells = [c for c in self.cells(self.roles["account"], [ACCOUNT]) if c.value is not None]
        years = sorted({c.time for c in cells})[-4:]
        if not years:
            return None
        columns = [{dict(c.categories)[ACCOUNT]: c for c in cells if c.time == y} for y in years]
        items = [i for i in SIGNS if any((c[i].value or 0) > 0 for c in columns if i in c)]
        heads = tuple(self.voice.when(y) for y in years)
        named = ((f"{SIGNS[i]} {self.voice.code(ACCOUNT, i)}".strip(), self._row(columns, i)) for i in items)
        return Grid(heads, tuple(named))

    def unadjusted(self) -> bool:
        """Whether some account stands without vital events."""
        return any("unadjusted" in c.error_note for c in self.cells(self.roles["account"], [ACCOUNT]))

    def policies(self) -> Policies | None:
        """The last final year under each policy for gaps."""
        found = [
            {
                (c.time, dict(c.categories)[POLICY]): c
                for c in self.cells(name, [POLICY])
                if c.value is not None
            }
            for name in self.roles["policies"]
        ]
        years = sorted({year for column in found for year, _ in column})
        if not years or not all(found):
            return None
        year = years[-1]
        used = [self._used(role, year) for role in ("immigration", "emigration")]
        codes = sorted(
            {p for c in found for t, p in c if t == year}, key=lambda p: self.voice.place(POLICY, p)
        )
        rows = []
        for code in codes:
            cells = [column.get((year, code)) for column in found]
            pairs = tuple(
                self._moved(c, u) if c is not None else None for c, u in zip(cells, used, strict=True)
            )
            chosen = code not in CORRECTED and [c and c.value for c in cells] == used
            rows.append((self.voice.code(POLICY, code), chosen, pairs))
        text = self.voice.words.text
        return Policies(self.voice.when(year), (text["flow_came"], text["flow_left"]), tuple(rows))

    def _used(self, role: str, year: str) -> float | None:
        return next((c.value for c in self.totals(role) if c.time == year), None)

    def _moved(self, cell: Cell, used: float | None) -> tuple[Shown, str]:
        if not used:
            return self.voice.shown(cell), ""
        moved = 100 * ((cell.value or 0.0) - used) / used
        sign = "+" if round(moved, 1) > 0 else ""
        return self.voice.shown(cell), sign + self.voice.amount(moved, 1, "PT")

    def tables(self) -> Grid | None:
        """How far each table of the last final year moves between the policies."""
        found = [
            {(c.time, dict(c.categories)[TABLE]): c for c in self.cells(name, [TABLE]) if c.value is not None}
            for name in self.roles["tables"]
        ]
        if not all(found):
            return None
        year = max(time for column in found for time, _ in column)
        codes = {code for column in found for time, code in column if time == year}
        rows = (
            (self.voice.code(TABLE, code), tuple(self._shown_at(column, (year, code)) for column in found))
            for code in sorted(codes, key=lambda code: self.voice.place(TABLE, code))
        )
        text = self.voice.words.text
        return Grid((text["flow_came"], text["flow_left"]), tuple(rows))

    def _shown_at(self, column: Mapping[tuple[str, str], Cell], key: tuple[str, str]) -> Shown | None:
        return self.voice.shown(column[key]) if key in column else None

    def repairs(self) -> Grid | None:
        """What was put right, in the whole register."""
        cells = [c for c in self.cells(self.roles["repairs"], [REPAIR]) if c.value]
        if not cells:
            return None
        last = max(c.time for c in cells)
        ordered = sorted(
            (c for c in cells if c.time == last),
            key=lambda c: self.voice.place(REPAIR, dict(c.categories)[REPAIR]),
        )
        rows = (
            (self.voice.code(REPAIR, dict(c.categories)[REPAIR]), (self.voice.shown(c),)) for c in ordered
        )
        return Grid((self.voice.words.text["figure"],), tuple(rows))


_TITLES = {"immigration": "flow_came", "emigration": "flow_left", "net": "flow_net"}
