"""Home, method and quality: what the country knows, how well, and what the gate did."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import groupby

from markupsafe import Markup

from caudal.model.indicator import IndicatorSpec
from caudal.model.observation import TOTAL
from caudal.model.release import ComparisonOfTruth
from caudal.publish.chart import Caption, Mark, rows_chart
from caudal.publish.indicator import lead
from caudal.publish.numbers import decimals_for, fill
from caudal.publish.voice import Shown, Voice

#: Rows of the chart of truths; the table holds all.
_TRUTH_ROWS = 30


@dataclass(frozen=True)
class Card:
    """An indicator on the home page."""

    spec: IndicatorSpec
    name: str
    headline: Markup
    shown: Shown | None


@dataclass(frozen=True)
class Truth:
    """An estimate beside the truth from which it was drawn, in words."""

    label: str
    source: str
    truth: str
    estimate: str
    interval: str
    inside: bool | None


@dataclass(frozen=True)
class TruthView:
    """All of them: how many intervals hold the truth, a chart of deviations, a table."""

    rows: tuple[Truth, ...]
    judged: int
    held: int
    svg: Markup
    charted: int


def cards(voice: Voice) -> Mapping[str, tuple[Card, ...]]:
    """Indicators of the home page by family, in the order of the release."""
    specs = voice.release.base_indicators()
    families = list(dict.fromkeys(s.family for s in specs))
    ordered = sorted(specs, key=lambda s: families.index(s.family))
    return {f: tuple(_card(voice, s) for s in own) for f, own in groupby(ordered, key=lambda s: s.family)}


def truth_view(voice: Voice) -> TruthView | None:
    """The estimates of a simulated country against its truth; None where there is none."""
    found = [t for t in voice.release.structure.truth if t.indicator in voice.release.indicators]
    if not found:
        return None
    rows = tuple(_truth(voice, t) for t in found)
    charted = [(t, r) for t, r in zip(found, rows, strict=True) if t.estimate is not None and t.truth]
    charted = charted[:_TRUTH_ROWS]
    text = voice.words.text
    judged = [r for r in rows if r.inside is not None]
    held = sum(bool(r.inside) for r in judged)
    summary = str(voice.say("truth_summary", held=held, judged=len(judged)))
    svg = rows_chart(
        [_deviation(voice, t, r) for t, r in charted],
        Caption("truth", text["truth_chart"], summary),
        lambda value, decimals: voice.amount(value, decimals, "PT"),
        reference=(0.0, text["truth_line"]),
    )
    return TruthView(rows, len(judged), held, svg, len(charted))


def _card(voice: Voice, spec: IndicatorSpec) -> Card:
    cell = lead(voice, spec)
    if cell is None:
        sentence = voice.say("headline_withheld", indicator=voice.name(spec), area=voice.area_name())
        return Card(spec, voice.name(spec), sentence, None)
    return Card(spec, voice.name(spec), voice.headline(cell), voice.shown(cell))


def _truth(voice: Voice, t: ComparisonOfTruth) -> Truth:
    spec = voice.release.indicators[t.indicator]
    labels = [voice.name(spec)] + [voice.code(d, c) for d, c in t.categories.items() if c != TOTAL]
    width = (t.upper - t.lower) / 4 if t.lower is not None and t.upper is not None else None
    decimals = decimals_for(width, spec.decimals)

    def show(value: float | None) -> str:
        return voice.words.text["no_figure"] if value is None else voice.amount(value, decimals, spec.unit)

    interval, inside = "", None
    if t.lower is not None and t.upper is not None and t.estimate is not None:
        interval = fill(voice.words.text["interval"], {"lower": show(t.lower), "upper": show(t.upper)})
        inside = t.lower <= t.truth <= t.upper
    source = voice.source(t.source) if t.source in voice.release.sources else t.source
    return Truth(" · ".join(labels), source, show(t.truth), show(t.estimate), interval, inside)


def _deviation(voice: Voice, t: ComparisonOfTruth, row: Truth) -> Mark:
    """The estimate and its interval in percent of the truth."""

    def relative(value: float | None) -> float | None:
        return None if value is None else 100 * (value - t.truth) / abs(t.truth)

    value = relative(t.estimate)
    text = "" if value is None else voice.amount(value, 1, "PT")
    weak = row.inside is False
    return Mark(f"{row.label} · {row.source}", text, value, relative(t.lower), relative(t.upper), weak)
