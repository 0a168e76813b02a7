"""Home, method and quality: what the country knows, how well, and what the gate did."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache, partial
from importlib.resources import files

from markupsafe import Markup
from ruamel.yaml import YAML

from caudal.model.indicator import IndicatorSpec
from caudal.model.observation import TOTAL
from caudal.model.release import ComparisonOfTruth
from caudal.publish.chart import Caption, Mark, rows_chart, strips
from caudal.publish.indicator import (
    cells_of_indicator,
    has_no_total,
    lead,
    no_headline,
    subject,
    without_total,
)
from caudal.publish.numbers import decimals_for, fill
from caudal.publish.release import Cell, is_country
from caudal.publish.tables import mark_of
from caudal.publish.voice import Shown, Voice


@dataclass(frozen=True)
class Card:
    """An indicator on the home page."""

    spec: IndicatorSpec
    name: str
    headline: Markup
    shown: Shown | None
    groups: tuple[Shown, ...] = ()
    strips: tuple[Markup, ...] = ()
    """Of each of the groups, on one scale; none where there is nothing to compare."""
    instead: str = ""
    parts_only: bool = False
    """Whether it has figures of countries or corridors and none of the whole: told in a line, not a card."""
    coverage: str = ""
    """Of a figure about a region: how many of its countries have one of their own."""
    country: str = ""
    """The one country of which there are figures, in a release about many."""


@dataclass(frozen=True)
class Truth:
    """An estimate beside the truth from which it was drawn, in words."""

    label: str
    source: str
    truth: str
    estimate: str
    interval: str
    inside: bool | None
    address: str


@dataclass(frozen=True)
class TruthView:
    """How many intervals hold the truth, by source; a chart of the totals' deviations; their table."""

    shares: tuple[tuple[str, int, int], ...]
    judged: int
    held: int
    rows: tuple[Truth, ...]
    svg: Markup


def cards(voice: Voice) -> Mapping[str, tuple[Card, ...]]:
    """Indicators of the home page by family, in the order in which the texts name the families. What is asked
    first comes first; what cannot be shown, and what only one of many countries has, comes last; and so do
    families that say nothing of the whole, or nothing of several countries."""
    made = {f: of_family(voice, f) for f in families(voice)}
    return dict(sorted(made.items(), key=lambda item: _reach(item[1])))


def families(voice: Voice) -> tuple[str, ...]:
    """The families of indicators in the order in which the texts name them."""
    known = list(voice.words.lists.get("families", {}))
    own = [s.family for s in voice.release.base_indicators()]
    return tuple(sorted(dict.fromkeys(own), key=[*known, *own].index))


def of_family(voice: Voice, family: str) -> tuple[Card, ...]:
    """The cards of a family in the order in which they stand."""
    specs = [s for s in voice.release.base_indicators() if s.family == family]
    made = [voice.once.get((_card, s.indicator), partial(_card, voice, s)) for s in specs]
    return tuple(sorted(made, key=_place))


def _place(card: Card) -> tuple[bool, bool, int]:
    """What many countries have before what one has, figures before their want, what is asked first first."""
    name, asked = card.spec.indicator, asked_first()
    return bool(card.country), card.shown is None, asked.index(name) if name in asked else len(asked)


@cache
def asked_first() -> tuple[str, ...]:
    """Indicators that readers ask for first, in their order: ``catalogue/asked_first.yaml``."""
    text = files("caudal.catalogue").joinpath("asked_first.yaml").read_text(encoding="utf-8")
    return tuple(YAML(typ="safe", pure=True).load(text))


def _reach(own: Sequence[Card]) -> tuple[bool, bool]:
    """Sorts families that tell of one country alone, or only of parts, behind others."""
    split = any(c.country for c in own)
    return all(c.country for c in own), not split and all(c.parts_only for c in own)


def truth_view(voice: Voice) -> TruthView | None:
    """The estimates of a simulated country against its truth; None where there is none."""
    found = voice.release.truths
    if not found:
        return None
    judged = [t for t in found if _holds(t) is not None]
    totals = [t for t in found if all(c == TOTAL for c in t.categories.values()) and "/all/" in t.address]
    rows = tuple(_truth(voice, t) for t in totals)
    charted = [(t, r) for t, r in zip(totals, rows, strict=True) if t.truth]
    held = sum(bool(_holds(t)) for t in judged)
    svg = rows_chart(
        [_deviation(voice, t, r) for t, r in charted],
        Caption(
            "truths",
            voice.words.text["truth_chart"],
            str(voice.say("truth_summary", held=held, judged=len(judged))),
        ),
        lambda value, decimals: voice.amount(value, decimals, "PT"),
        reference=(0.0, voice.words.text["truth_line"]),
    )
    return TruthView(_shares(voice, judged), len(judged), held, rows, svg)


def _shares(voice: Voice, judged: Sequence[ComparisonOfTruth]) -> tuple[tuple[str, int, int], ...]:
    """Intervals and how many hold the truth, by source."""
    sources = dict.fromkeys(t.source for t in judged)
    own = {s: [t for t in judged if t.source == s] for s in sources}
    return tuple((voice.source(s), len(ts), sum(bool(_holds(t)) for t in ts)) for s, ts in own.items())


def _holds(t: ComparisonOfTruth) -> bool | None:
    """Whether the interval holds the truth; None where there is no interval."""
    return None if t.lower is None or t.upper is None else t.lower <= t.truth <= t.upper


def _card(whole: Voice, spec: IndicatorSpec) -> Card:
    voice = subject(whole, spec.indicator)
    country = voice.area_name() if voice.country != whole.country else ""
    cell = lead(voice, spec)
    if cell is None:
        return Card(
            spec,
            voice.name(spec),
            no_headline(voice, spec),
            None,
            instead=without_total(voice, spec, brief=has_no_total(voice, spec)),
            parts_only=has_no_total(voice, spec),
            country=country,
        )
    groups, coverage = _groups(voice, spec, cell), _coverage(voice, spec, cell)
    drawn = _strips(voice, spec, groups, cell)
    shown, headline = voice.shown(cell), voice.headline(cell)
    return Card(spec, voice.name(spec), headline, shown, groups, drawn, coverage=coverage, country=country)


def _coverage(voice: Voice, spec: IndicatorSpec, total: Cell) -> str:
    """How many countries have a figure of their own beside the total of their region; empty for a country."""
    if is_country(total.area):
        return ""
    same = (total.source, total.concept, total.time)
    countries = {
        c.area
        for c in cells_of_indicator(voice, spec)
        if c.value is not None
        and not c.categories
        and is_country(c.area)
        and (c.source, c.concept, c.time) == same
    }
    if not countries:
        return ""
    return fill(voice.words.text["card_coverage"], {"n": voice.number(len(countries), 0)})


def key_of_strips(voice: Voice) -> str:
    """The words that explain the strips of the cards."""
    return " ".join(voice.words.text[k] for k in ("key_dot", "key_interval", "key_line"))


def _groups(voice: Voice, spec: IndicatorSpec, total: Cell) -> tuple[Shown, ...]:
    """The figures of the two groups that the gap of an indicator compares, beside their total."""
    if spec.gap is None:
        return ()
    wanted = [((spec.gap.dimension, code),) for code in (spec.gap.group, spec.gap.reference)]
    same = (total.source, total.concept, total.time, total.area)
    found = {
        c.categories: c
        for c in cells_of_indicator(voice, spec)
        if c.categories in wanted and (c.source, c.concept, c.time, c.area) == same
    }
    return tuple(replace(voice.shown(found[w]), labels=(voice.code(*w[0]),)) for w in wanted if w in found)


def _strips(voice: Voice, spec: IndicatorSpec, groups: Sequence[Shown], total: Cell) -> tuple[Markup, ...]:
    """The figures of the groups as strips beside the line of their total, where there are two."""
    if not spec.is_rate or sum(g.cell.value is not None for g in groups) < 2:
        return ()
    return strips([mark_of(voice, g) for g in groups], total.value)


def _truth(voice: Voice, t: ComparisonOfTruth) -> Truth:
    spec = voice.release.indicators[t.indicator]
    labels = [voice.name(spec)] + [voice.code(d, c) for d, c in t.categories.items() if c != TOTAL]
    width = (t.upper - t.lower) / 4 if t.lower is not None and t.upper is not None else None
    decimals = decimals_for(width, spec.decimals)

    def show(value: float | None) -> str:
        return voice.words.text["no_figure"] if value is None else voice.amount(value, decimals, spec.unit)

    interval = ""
    if t.lower is not None and t.upper is not None:
        low = voice.number(t.lower, decimals)
        interval = fill(voice.words.text["interval"], {"lower": low, "upper": show(t.upper)})
    source = voice.source(t.source) if t.source in voice.release.sources else t.source
    return Truth(" · ".join(labels), source, show(t.truth), show(t.estimate), interval, _holds(t), t.address)


def _deviation(voice: Voice, t: ComparisonOfTruth, row: Truth) -> Mark:
    """The estimate and its interval in percent of the truth."""

    def relative(value: float | None) -> float | None:
        return None if value is None else 100 * (value - t.truth) / abs(t.truth)

    value = relative(t.estimate)
    text = "" if value is None else voice.amount(value, 1, "PT")
    weak = row.inside is False
    return Mark(f"{row.label} · {row.source}", text, value, relative(t.lower), relative(t.upper), weak)
