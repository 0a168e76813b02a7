"""What a release says in one language: labels, figures with their intervals, sentences.

Everything that a page prints goes through here, so that a figure reads the same in a headline, a chart
and a table. Text of the release is escaped when it enters a sentence; a text that the language lacks is
shown in the first language that has it, marked with that language.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from html import unescape
from typing import Any, TypeVar

from markupsafe import Markup, escape

from caudal.model.concept import ConceptVector
from caudal.model.indicator import IndicatorSpec
from caudal.model.observation import TOTAL
from caudal.model.release import AxisEntry, DimensionEntry, NotComputable, SourceEntry
from caudal.model.spec import text_in
from caudal.publish.numbers import decimals_for, fill, number, period, rounded
from caudal.publish.reads import Noted, Once, part
from caudal.publish.release import Cell, Release, breakdown, main_area
from caudal.publish.words import Words, words

T = TypeVar("T")
_TAG = re.compile(r"<[^>]*>")
#: Code lists that may hold areas, in the order in which they are asked.
_AREA_LISTS = ("CL_AREA", "area", "region", "country")
#: A normal interval of 95 % is about four standard errors wide.
_WIDTH_IN_ERRORS = 4.0
#: Methods whose figures were counted one by one.
_COUNTED = frozenset({"compound-poisson"})


@dataclass(frozen=True)
class Shown:
    """A cell as a reader sees it. ``interval`` is empty where no error is known; ``status`` is the word for
    what is not normal about the figure, ``note`` what must be said of its error."""

    labels: tuple[str, ...]
    value: str
    interval: str
    mark: str
    reliability: str
    status: str
    note: str
    address: str
    withheld: bool
    cell: Cell


@dataclass(frozen=True)
class Voice:
    """One release in one language; with a ``country``, what it says of that one among many."""

    release: Release
    words: Words
    country: str = ""

    def about(self, country: str) -> Voice:
        """The same voice about one country: its figures are broken down within it."""
        return self.once.get(("about", country), lambda: Voice(self.release, self.words, country))

    @cached_property
    def once(self) -> Once:
        """Work that pages of this language share."""
        return Once(self.release.reads)

    def keyed(self, make: Callable[[Voice], Mapping[str, T]]) -> Mapping[str, T]:
        """What ``make`` gives for this language, made once; each of its keys is a part of its own."""
        kind = keyed_kind(make, self.words.language)

        def noted() -> Noted[T]:
            with self.release.reads.making(kind):
                return Noted(kind, make(self), self.release.reads)

        return self.once.get(kind, noted)

    @part
    def area(self) -> str:
        """The area that is spoken of: that of the release, or the country."""
        return self.country or main_area(self.release)

    @part
    def _dimensions(self) -> Mapping[str, DimensionEntry]:
        return {d.name: d for d in self.release.structure.dimensions}

    @part
    def _codes(self) -> Mapping[str, Mapping[str, tuple[int, str]]]:
        lists = self.release.structure.code_lists
        return {
            name: {c.id: (i, self.plain(c.labels)) for i, c in enumerate(codes)}
            for name, codes in lists.items()
        }

    def say(self, key: str, **facts: object) -> Markup:
        """A sentence of the interface; facts are escaped unless they are markup."""
        return filled(self.words.text[key], facts)

    def plain(self, text: Mapping[str, str]) -> str:
        """A text of the release, in the first language that has it."""
        if found := text_in(text, self.words.language):
            return found
        others = (text_in(text, tag) for tag in self.release.structure.languages)
        return next((t for t in others if t), "") or next(iter(text.values()), "")

    def text(self, text: Mapping[str, str]) -> Markup:
        """The same, marked with its language where that is not the page's."""
        found = text_in(text, self.words.language)
        if found or not text:
            return escape(found)
        shown = self.plain(text)
        tag = next((k for k, v in text.items() if v == shown), "")
        return Markup('<span lang="{}">{}</span>').format(tag, shown)

    def dimension(self, name: str) -> str:
        """The name of a dimension."""
        special = self.words.word("dimensions", name)
        if special and name not in self._dimensions:
            return special
        return self.plain(self._dimensions[name].text) if name in self._dimensions else name

    @part
    def _lists(self) -> Mapping[str, Mapping[str, tuple[int, str]]]:
        """Dimension -> code -> its place and its label; under the empty name, those of areas."""
        of = {name: self._codes.get(d.code_list, {}) for name, d in self._dimensions.items()}
        areas = [self._codes.get(name, {}) for name in reversed(_AREA_LISTS)]
        return {**of, "": {code: entry for own in areas for code, entry in own.items()}}

    def _entry(self, dimension: str, code: str) -> tuple[int, str] | None:
        lists = self._lists
        return (lists[dimension] if dimension in lists else lists[""]).get(code)

    def code(self, dimension: str, code: str) -> str:
        """The label of a code; the words of the interface for total, unknown and the like."""
        entry = self._entry(dimension, code)
        return (entry[1] if entry else "") or self.words.word("special", code) or code

    def label(self, code_list: str, code: str) -> str:
        """The label of a code of a list; the code where the release does not carry it."""
        return self._codes.get(code_list, {}).get(code, (0, ""))[1] or code

    def place(self, dimension: str, code: str) -> int:
        """The position of a code in its list; codes of no list come last."""
        entry = self._entry(dimension, code)
        return entry[0] if entry else 10**6

    @part
    def _ranks(self) -> Mapping[str, int]:
        gaps = [s.gap.dimension for s in self.release.structure.indicators if s.gap]
        names = [*gaps, "reference_area", *(d.name for d in self.release.structure.dimensions)]
        return {name: i for i, name in enumerate(dict.fromkeys(names))}

    def rank(self, dimension: str) -> int:
        """The place of a dimension on a page: those of gaps first, then areas, then as declared."""
        return self._ranks.get(dimension, len(self._ranks))

    def ordered(self, dimension: str) -> bool:
        """Whether the codes of a dimension have an order of their own."""
        return dimension in self._dimensions and self._dimensions[dimension].ordered

    def area_name(self, code: str = "") -> str:
        """The name of an area; the release's own without a code."""
        code = code or self.area
        found = self.code("reference_area", code)
        own = code == self.release.structure.territory and found == code
        return self.plain(self.release.structure.title) if own else found

    def area_in(self, code: str = "") -> str:
        """Where that is: the name of an area after its preposition, with an article where it takes one."""
        known = self.words.word("in_area", code or self.area)
        return known or fill(self.words.text["in_area"], {"area": self.area_name(code)})

    def producer(self, name: str) -> str:
        """The name of a producer of sources; of one that is known in several languages, in this one."""
        return self.words.word("producers", name) or name

    def when(self, time: str) -> str:
        """A period in words."""
        return period(time, self.words.times)

    def when_short(self, time: str) -> str:
        """A period in few letters, for the axis of a chart."""
        return period(time, self.words.times, "short_")

    def unit(self, code: str) -> str:
        """The name of a unit."""
        return self.plain(self.release.structure.units.get(code, {})) or code

    def number(self, value: float, decimals: int) -> str:
        """A number in the marks of the language."""
        return number(value, decimals, self.words.numbers)

    def amount(self, value: float, decimals: int, unit: str) -> str:
        """A number with the sign of its unit, where the unit has one, as in percent."""
        form = self.words.word("unit_forms", unit) or "{number}"
        return fill(form, {"number": self.number(value, decimals)})

    def decimals(self, cell: Cell) -> int:
        """Decimals of a cell: they follow its error and end at what its indicator declares. A count is told
        to the unit where its error is that of chance and not of counting."""
        if cell.method in _COUNTED:
            return 0
        error = cell.se
        if error is None and cell.lower is not None and cell.upper is not None:
            error = (cell.upper - cell.lower) / _WIDTH_IN_ERRORS
        return decimals_for(error, self.release.indicators[cell.indicator].decimals)

    def value(self, cell: Cell) -> str:
        """The figure of a cell, or the words that stand in its place."""
        if cell.withheld:
            return self.words.text["withheld"]
        if cell.value is None:
            return self.words.word("no_value", cell.verdict) or self.words.text["no_figure"]
        return self.amount(cell.value, self.decimals(cell), cell.unit)

    def as_read(self, cell: Cell) -> float | None:
        """The figure of a cell as a reader reads it: two that read alike are alike."""
        return None if cell.value is None else float(rounded(cell.value, self.decimals(cell)))

    def interval(self, cell: Cell, key: str = "interval") -> str:
        """The limits of a cell in the sentence ``key``; empty where they are not known."""
        if cell.withheld or cell.lower is None or cell.upper is None:
            return ""
        low = self.number(cell.lower, self.decimals(cell))
        high = self.amount(cell.upper, self.decimals(cell), cell.unit)
        if key == "interval_inline" and cell.method in _COUNTED:
            key = "interval_chance"  # beside "at least", limits are those of chance and not of the count
        return fill(self.words.text[key], {"lower": low, "upper": high})

    def level(self, cell: Cell) -> str:
        """The confidence level of a cell's interval, as in 95."""
        digits = cell.interval_type.rpartition("-")[2]
        return digits if digits.isdigit() else "95"

    def reliability(self, cell: Cell) -> tuple[str, str]:
        """Sign and words of a cell's reliability; both empty where the rule has nothing to say."""
        found = self.words.word("reliability", cell.reliability)
        sign = self.words.lists.get("reliability_signs", {}).get(cell.reliability, "")
        return sign, found if found is not None else cell.reliability

    @part
    def _reliabilities(self) -> frozenset[str]:
        return frozenset(c.reliability for c in self.release.cells if c.value is not None)

    def reliabilities(self) -> tuple[tuple[str, str, str], ...]:
        """The labels of reliability that the release uses: sign, words, what they mean."""
        used = self._reliabilities
        known = self.words.lists["reliability"]
        signs, meanings = self.words.lists["reliability_signs"], self.words.lists["reliability_meaning"]
        return tuple((signs.get(c, ""), known[c], meanings.get(c, "")) for c in known if c in used)

    def note(self, cell: Cell) -> str:
        """What a reader must know of the error of a cell: why it is missing, what it leaves out."""
        if cell.withheld or cell.value is None:
            return ""
        noted = " ".join(self.noted(cell.error_note))
        return noted if noted or cell.has_interval else self.words.text["no_known_error_note"]

    def noted(self, error_note: str) -> tuple[str, ...]:
        """The words of each note of an ``error_note``."""
        single = (n for n in error_note.split("; ") if n)
        return tuple(self.words.word("error_notes", n) or n for n in single)

    def status(self, cell: Cell) -> str:
        """The word for the status of a cell; empty for a normal value. A period of which only a part was
        counted is told as such."""
        if cell.withheld or cell.value is None:
            return ""
        code = "partial" if cell.partial else cell.status
        return self.words.word("obs_status", code) or ""

    def shown(self, cell: Cell) -> Shown:
        """A cell for a table, with a label for each thing it is broken down by."""
        sign, reliability = ("", "") if cell.withheld or cell.value is None else self.reliability(cell)
        parts = breakdown(cell, self.area)
        return Shown(
            labels=tuple(self.code(d, c) for d, c in parts),
            value=self.value(cell),
            interval=self.interval(cell),
            mark=sign,
            reliability=reliability,
            status=self.status(cell),
            note=self.note(cell),
            address=cell.address,
            withheld=cell.withheld,
            cell=cell,
        )

    def weak(self, cell: Cell) -> bool:
        """Whether a figure is drawn hollow: its reliability has a sign."""
        return bool(self.reliability(cell)[0])

    def source(self, name: str) -> str:
        """The title of a source."""
        return self.plain(self.release.sources[name].title)

    def counted_as(self, source: SourceEntry, name: str) -> str:
        """The words for what a count of rows is named by: a reason of the quarantine, a check, a concept or
        a correction. A concept that no list knows is one that only the mapping of the source knows."""
        if text := self.plain(source.words.get(name, {})):
            return text
        if source.reconciliation and name in source.reconciliation.recoded_to_unknown:
            return self.words.word("columns", name) or self.words.text["on_the_way"]
        reason, _, what = name.partition(":")
        if form := self.words.word("reasons", reason):
            own = self.plain(source.words.get(what, {})) or self.words.word("columns", what)
            return fill(form, {"what": own or what.replace("_", " ")})
        return name.replace("_", " ").replace("-", " ")

    def name(self, spec: IndicatorSpec) -> str:
        """The name of an indicator."""
        return self.plain(spec.text.name) or spec.indicator

    def family(self, name: str) -> str:
        """The name of a family of indicators."""
        return self.words.word("families", name) or name.replace("_", " ").capitalize()

    def headline(self, cell: Cell, place: str = "") -> Markup:
        """The headline sentence of a cell with its figure and interval; the figure stands out. ``place``
        stands for its area, where it is about something else."""
        spec = self.release.indicators[cell.indicator]
        template = self.plain(spec.text.headline)
        if not template or cell.value is None or cell.withheld:
            return self.say("headline_withheld", indicator=self.name(spec), area=self.area_name(cell.area))
        interval = self.interval(cell, "interval_inline") or self.words.text["no_known_error"]
        facts = {
            "value": Markup("<strong>{}</strong>").format(self.value(cell)),
            "interval": interval,
            "area": place or self.covered(cell),
            "time": self.when(cell.time),
            "source": self.source(cell.source),
        }
        return filled(template, facts)

    def covered(self, cell: Cell) -> str:
        """The area of a cell, with what its source covers of it where that is not the whole."""
        area, coverage = self.area_name(cell.area), ConceptVector.parse(cell.concept).get("coverage")
        if coverage in (None, "national"):
            return area
        words = next((w for _, _, w in self.axes({"coverage": str(coverage)})), "")
        return f"{area} ({words})" if words else area

    def axes(self, concept: Mapping[str, str]) -> tuple[tuple[str, str, str], ...]:
        """A concept vector in words: axis, its name, the words of its value."""
        known = self.release.structure.axes
        return tuple(
            (a.axis, self.plain(a.text), self.plain(a.values.get(concept[a.axis], {})) or concept[a.axis])
            for a in known
            if a.axis in concept
        )

    def axis_value(self, axis: AxisEntry, value: str | None) -> str:
        """The words of a value of an axis; a vector may be silent on it."""
        if value is None:
            return self.words.text["not_stated"]
        return self.plain(axis.values.get(value, {})) or value

    def category(self, dimension: str, code: str) -> str:
        """A label, or the total's words."""
        return self.words.lists.get("special", {})[TOTAL] if code == TOTAL else self.code(dimension, code)

    def cite(self, title: str) -> str:
        """How to cite a page."""
        structure = self.release.structure
        facts = {"title": title, "area": self.area_name(), "vintage": structure.vintage}
        return fill(self.words.text["cite"], facts | {"producer": self.plain(structure.producer)})

    def lacking(self, cannot: NotComputable) -> str:
        """What a source lacks for an indicator, in words: what a column holds, not the list of its codes."""
        texts = [self.plain(t) for t in cannot.words] or list(cannot.missing)
        named = (self.words.word("columns", m) or t for m, t in zip(cannot.missing, texts, strict=False))
        return "; ".join(dict.fromkeys(named))

    def own(self, source: SourceEntry) -> bool:
        """Whether the office counted itself (rather than passing on a published figure)."""
        return not source.published_by_producer


def keyed_kind(make: Callable[[Voice], Mapping[str, Any]], tag: str) -> str:
    """The kind of the parts of ``make`` in the language ``tag``."""
    return f"{make.__module__}.{make.__qualname__}-{tag}"


def voice_of(release: Release, tag: str) -> Voice:
    """The release in the language ``tag``, with the texts that the country adds."""
    voice = Voice(release, words(tag, release.structure.page_texts.get(tag, {})))
    release.reads.knows(f"voice-{tag}", lambda name: getattr(voice, name))
    return voice


def bare(text: Markup) -> str:
    """A sentence without its marks; its no-break spaces stay, which ``striptags`` would turn into blanks.

    >>> bare(Markup("a <b>5\N{NO-BREAK SPACE}%</b> &amp; b"))
    'a 5\xa0% & b'
    """
    return unescape(_TAG.sub("", text))


def filled(template: str, facts: Mapping[str, object]) -> Markup:
    """``template`` with its facts, both escaped; a fact that is markup already stays so."""
    return Markup(fill(str(escape(template)), {name: escape(fact) for name, fact in facts.items()}))
