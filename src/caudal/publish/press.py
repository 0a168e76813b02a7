"""The pages of a release, group by group: what each shows, and how it is printed.

A group is a few pages that are made from the same parts, as an indicator and its earlier periods. All that a
group needs is read while it is made, so that what it was made of is known; naming the groups is not watched.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property, partial
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from caudal.model.indicator import IndicatorSpec
from caudal.model.release import Signatory
from caudal.publish import (
    cards,
    cautions,
    changes,
    comparison,
    countries,
    downloads,
    embed,
    explore,
    flows,
    indicator,
    matrices,
    overview,
    profiles,
    routes,
    sheets,
    stories,
)
from caudal.publish.page import Page
from caudal.publish.reads import ABSENT
from caudal.publish.release import Release
from caudal.publish.voice import Voice, keyed_kind, voice_of

#: A group of pages: its name, and how it is made.
Group = tuple[str, Callable[[], Iterable[Page]]]


@dataclass(frozen=True)
class Press:
    """Templates, and what all pages share. ``files`` are the files of the site that lie there already."""

    release: Release
    files: Mapping[str, bytes]
    signatory: Signatory | None

    def __post_init__(self) -> None:
        reads = self.release.reads
        reads.knows("signatory", lambda _: self.signatory)
        for tag, voice in self.voices.items():
            for make in (profiles.totals, _comparable, _carried):
                reads.knows(keyed_kind(make, tag), partial(_keyed, voice, make))
                reads.knows(f"{keyed_kind(make, tag)}?", partial(_has_key, voice, make))

    @cached_property
    def voices(self) -> Mapping[str, Voice]:
        """The release in each of its languages."""
        return {tag: voice_of(self.release, tag) for tag in self.release.structure.languages}

    @property
    def signature(self) -> Signatory | None:
        """Who signs; None where the release is a draft."""
        self.release.reads.note("signatory/")
        return self.signatory

    @property
    def draft(self) -> bool:
        """Whether nobody has signed."""
        return self.signature is None

    @cached_property
    def _languages(self) -> list[tuple[str, str]]:
        return [(tag, voice.words.name) for tag, voice in self.voices.items()]

    @cached_property
    def _templates(self) -> Environment:
        found = Environment(
            loader=PackageLoader("caudal.publish"),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
            cache_size=-1,
            auto_reload=False,
        )
        found.filters["json_ld"] = json_ld
        return found

    def door(self) -> bytes:
        """``index.html``: leads to the first language, and names the others."""
        first = next(iter(self.voices.values()))
        title = first.plain(self.release.structure.title)
        return (
            self._templates.get_template("door.html").render(title=title, languages=self._languages).encode()
        )

    def printed(self, page: Page) -> bytes:
        """A page as bytes."""
        structure = self.release.structure
        depth = 1 + page.path.count("/")
        shared = {
            "v": page.voice,
            "w": page.voice.words.text,
            "say": page.voice.say,
            "structure": structure,
            "release": self.release,
            "signature": self.signature,
            "languages": self._languages,
            "path": page.path,
            "title": page.title,
            "root": "../" * depth,
            "home": "../" * (depth - 1),
        }
        return self._templates.get_template(page.template).render(**shared, **page.facts).encode()

    def groups(self, voice: Voice) -> Iterator[Group]:
        """All pages of one language."""
        yield "home", lambda: self._home(voice)
        for spec in self.release.base_indicators():
            yield f"indicator {spec.indicator}", partial(self._indicator, voice, spec.indicator)
            for country in self.release.countries_of.get(spec.indicator, ()):
                making = partial(_country, voice.about(country), spec.indicator)
                yield f"indicator {spec.indicator} {country}", making
        for name in self.release.sources:
            yield f"source {name}", partial(self._source, voice, name)
        yield from _journeys(voice)
        yield from self._told(voice)
        yield "explore", lambda: explore.pages(voice)
        for name in _compared(voice):
            yield f"compare {name}", partial(_compare, voice, name)
        yield "method", lambda: [_titled(voice, "method", {"truths": overview.truth_view(voice)})]
        yield "matrices", lambda: _matrices(voice)
        yield "quality", lambda: [_titled(voice, "quality", {})]
        yield "data", lambda: [_titled(voice, "data", downloads.listing(voice, self.files))]

    def _told(self, voice: Voice) -> Iterator[Group]:
        """Stories with their cards, and fact sheets."""
        yield "stories", lambda: cards.list_page(voice)
        for name in self.release.stories:
            yield f"story {name}", partial(cards.pages, voice, name, self.files)
        for name in sheets.names(voice):
            yield f"sheet {name}", partial(self._sheet, voice, name)

    def _sheet(self, voice: Voice, name: str) -> Iterator[Page]:
        yield from sheets.pages(voice, name, draft=self.draft, drawn=self.files)

    def _home(self, voice: Voice) -> Iterator[Page]:
        facts = {
            "families": overview.cards(voice),
            "key_of_strips": overview.key_of_strips(voice),
            "changed": changes.whole(voice),
            "compared": [(name, _names(voice, _specs(voice, own))) for name, own in _compared(voice).items()],
            "stories": stories.stories(voice),
            "matrices": [(p.path, p.title) for p in _matrices(voice)],
            "routes": voice.once.get(routes.routes, lambda: routes.routes(voice)),
            "profiles": profiles.countries(voice),
            "flow": voice.once.get(flows.flows, lambda: flows.flows(voice)),
        }
        yield Page("index.html", "home.html", voice.words.text["home"], voice, facts)

    def _source(self, voice: Voice, name: str) -> Iterator[Page]:
        source = self.release.sources[name]
        used = _specs(voice, voice.keyed(_carried).get(name, ()))
        facts = {"source": source, "axes": voice.axes(source.concept), "used": used}
        yield Page(f"source/{name}.html", "source.html", voice.plain(source.title), voice, facts)

    def _indicator(self, all_voice: Voice, name: str) -> Iterator[Page]:
        spec = self.release.indicators[name]
        voice = indicator.subject(all_voice, name)
        title = _title(voice, spec)
        cell = indicator.lead(voice, spec)
        compared = countries.comparisons(voice, spec) if _is_split(voice, name) else ()
        told = countries.sentence(voice, spec, compared)
        shown = _shown(voice, spec, name)
        facts = shown | {
            "compared_countries": compared,
            "instead": shown["instead"] or ("" if cell else told),
            "notices": indicator.notices_of(voice, name),
            "changed": changes.own(voice, name),
            "absent": [n for n in self.release.structure.not_computable if n.indicator == name],
            "compared": spec.population if spec.population in _compared(all_voice) else "",
            "offer": downloads.offer(voice, spec, cell, self.files, told),
            "dataset": downloads.dataset(voice, spec, voice.cite(title), self.files),
        }
        light = embed.pages(voice, spec, name, title, facts)
        yield Page(f"indicator/{name}.html", "indicator.html", title, voice, facts | {"light": light})
        yield from light
        yield from _earlier(voice, spec, f"indicator/{name}", title)


def _is_split(voice: Voice, name: str) -> bool:
    """Whether each country has a page of an indicator."""
    return name in voice.release.countries_of


def _shown(voice: Voice, spec: IndicatorSpec, stem: str) -> dict[str, Any]:
    """What the page of an indicator and that of one of its countries show alike."""
    cell = indicator.lead(voice, spec)
    sections = indicator.sections(voice, spec)
    return {
        "spec": spec,
        "stem": stem,
        "headline": voice.headline(cell) if cell else None,
        "lead": voice.shown(cell) if cell else None,
        "instead": "" if cell or _is_split(voice, stem) else indicator.without_total(voice, spec),
        "no_headline": None if cell else indicator.no_headline(voice, spec),
        "sections": sections,
        "countries": () if voice.country else countries.headlines(voice, spec),
        "events": indicator.counts_events(voice, spec),
        "lead_here": cell and any(s.total and s.total.address == cell.address for s in sections),
        "cautions": cautions.cautions(voice, spec, cell),
    }


def _country(voice: Voice, name: str) -> Iterator[Page]:
    """The pages of an indicator about one country; ``voice`` is about it."""
    spec = voice.release.indicators[name]
    title = _title(voice, spec)
    cells = (*indicator.own_cells(voice, name), *indicator.gap_cells(voice, spec))
    facts = _shown(voice, spec, voice.country) | {"withheld": any(c.withheld for c in cells)}
    stem = f"indicator/{name}/{voice.country}"
    light = embed.pages(voice, spec, f"{name}/{voice.country}", title, facts)
    yield Page(f"{stem}.html", "country.html", title, voice, facts | {"light": light})
    yield from light
    yield from _earlier(voice, spec, stem, title)


def _title(voice: Voice, spec: IndicatorSpec) -> str:
    """The name of an indicator, with the country that a voice is about."""
    return f"{voice.name(spec)}, {voice.area_name()}" if voice.country else voice.name(spec)


def _earlier(voice: Voice, spec: IndicatorSpec, stem: str, title: str) -> Iterator[Page]:
    """A page of tables for each year before the latest."""
    for time, tables in indicator.earlier_pages(voice, spec).items():
        shown = {"spec": spec, "tables": tables, "time": voice.when(time), "stem": stem.rpartition("/")[2]}
        yield Page(f"{stem}.{time}.html", "period.html", f"{title}, {voice.when(time)}", voice, shown)


def _titled(voice: Voice, name: str, facts: Mapping[str, Any]) -> Page:
    """A page at the top, whose title is the word of its name."""
    return Page(f"{name}.html", f"{name}.html", voice.words.text[name], voice, facts)


def _journeys(voice: Voice) -> Iterator[Group]:
    """Routes, flows, and a profile for each country of a region."""
    found = voice.once.get(routes.routes, lambda: routes.routes(voice))
    if found:
        yield "routes", lambda: _routes(voice)
    if voice.once.get(flows.flows, lambda: flows.flows(voice)):
        yield "flow", lambda: _flow(voice)
    for country in profiles.countries(voice):
        yield f"profile {country.code}", partial(_profile, voice, country.code)


def _routes(voice: Voice) -> Iterator[Page]:
    """A page for each route, and one for all."""
    found = voice.once.get(routes.routes, lambda: routes.routes(voice))
    for route in found:
        yield Page(f"route/{route.code}.html", "route.html", route.title, voice, {"route": route})
    facts = {"routes": found, "corridor": routes.corridor(voice)}
    yield Page("route/index.html", "routes.html", voice.words.text["routes"], voice, facts)


def _flow(voice: Voice) -> Iterator[Page]:
    found = voice.once.get(flows.flows, lambda: flows.flows(voice))
    yield Page("flow/index.html", "flow.html", voice.words.text["flow_title"], voice, {"flow": found})


def _profile(voice: Voice, code: str) -> Iterator[Page]:
    views = voice.once.get(matrices.readiness_views, lambda: matrices.readiness_views(voice))
    own = next((v for v in views if v.code == code), None)
    profile = profiles.profile(voice, code)
    facts = {"profile": profile, **matrices.of_country(voice, own)}
    yield Page(f"profile/{code}.html", "profile.html", profile.title, voice, facts)


def _matrices(voice: Voice) -> tuple[Page, ...]:
    return voice.once.get(matrices.matrix_pages, lambda: tuple(matrices.matrix_pages(voice)))


def _compare(voice: Voice, name: str) -> Iterator[Page]:
    specs = _specs(voice, _compared(voice)[name])
    title = str(voice.say("compare_title", population=_names(voice, specs)))
    facts = {"sides": comparison.sides(voice, specs), "specs": specs}
    yield Page(f"compare/{name}.html", "compare.html", title, voice, facts)


def _compared(voice: Voice) -> Mapping[str, tuple[str, ...]]:
    """Populations that several sources measure, with the names of their indicators."""
    return voice.keyed(_comparable)


def _comparable(voice: Voice) -> Mapping[str, tuple[str, ...]]:
    found = comparison.populations(voice)
    return {name: tuple(s.indicator for s in specs) for name, specs in found.items()}


def _carried(voice: Voice) -> Mapping[str, tuple[str, ...]]:
    """The indicators of which each source has figures."""
    found: dict[str, list[str]] = {}
    for spec in voice.release.base_indicators():
        for source in {c.source for c in voice.release.cells_of.get(spec.indicator, ())}:
            found.setdefault(source, []).append(spec.indicator)
    return {source: tuple(names) for source, names in sorted(found.items())}


def _specs(voice: Voice, names: Iterable[str]) -> tuple[IndicatorSpec, ...]:
    return tuple(voice.release.indicators[n] for n in names)


def _names(voice: Voice, specs: Iterable[IndicatorSpec]) -> str:
    return " / ".join(dict.fromkeys(voice.name(s) for s in specs))


def _keyed(voice: Voice, make: Callable[[Voice], Mapping[str, Any]], key: str) -> object:
    found = voice.keyed(make)
    return tuple(found) if not key else found.get(key, ABSENT)


def _has_key(voice: Voice, make: Callable[[Voice], Mapping[str, Any]], key: str) -> object:
    return key in voice.keyed(make)


def json_ld(value: Any) -> Markup:
    """JSON that cannot end the element in which it stands.

    >>> json_ld({"name": "</script>"})
    Markup('{"name":"\\\\u003c/script\\\\u003e"}')
    """
    text = json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    return Markup(text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026"))
