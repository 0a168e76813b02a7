"""The site of a release: static pages that are complete without JavaScript and open from a folder.

``build_site`` reads a release and writes one folder of pages for each language beside the files for
machines. Links are relative, nothing is asked of another host, equal releases give equal bytes. Until a
signature is given every page is visibly a draft. The folder appears whole or not at all.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from importlib.resources import files
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from caudal.engine.files import writing_folder
from caudal.model.indicator import IndicatorSpec
from caudal.model.release import Signatory
from caudal.publish import (
    cards,
    comparison,
    downloads,
    explore,
    flows,
    indicator,
    matrices,
    offline,
    overview,
    profiles,
    routes,
    sheets,
    stories,
)
from caudal.publish.exchange.writing import exchange_files
from caudal.publish.files import release_files
from caudal.publish.page import Page
from caudal.publish.release import Release, read_release
from caudal.publish.voice import Voice, voice_of


def build_site(release_folder: Path, out: Path, *, signature: Signatory | None = None) -> tuple[Path, ...]:
    """Writes the site of the release in ``release_folder`` to the folder ``out``, replacing what is there.

    Returns the relative paths of its files. Raises :class:`CaudalError` for a release that is not whole,
    not judged by the gate, or in a language without texts.
    """
    made = site_files(read_release(release_folder), signature)
    aside, new = out.with_name(out.name + ".old"), out.with_name(out.name + ".new")
    if aside.exists() and not out.exists():  # a process died between the two renames below
        aside.rename(out)
    for left in (aside, new):
        shutil.rmtree(left, ignore_errors=True)
    with writing_folder(new) as part:
        for path, data in made.items():
            (part / path).parent.mkdir(parents=True, exist_ok=True)
            (part / path).write_bytes(data)
    if out.exists():
        out.rename(aside)
    new.rename(out)
    shutil.rmtree(aside, ignore_errors=True)
    return tuple(Path(p) for p in made)


def site_files(release: Release, signature: Signatory | None = None) -> dict[str, bytes]:
    """The bytes of every file of the site by its path."""
    made = release_files(release)
    static = files("caudal.publish").joinpath("static")
    made["caudal.css"] = static.joinpath("caudal.css").read_bytes()
    press = Press(release, made, signature)
    made.update(exchange_files(release, press.voices, made, signature))
    made["index.html"] = press.door()
    made |= press.pictures
    for name in offline.SCRIPTS:
        made[name] = static.joinpath(*name.split("/")).read_bytes()
    for tag, voice in press.voices.items():
        made[f"{tag}/explore.json"] = explore.vocabulary(voice)
    for tag in release.structure.languages:
        for page in press.pages(press.voices[tag]):
            made[f"{tag}/{page.path}"] = press.printed(page)
    made["offline.json"] = offline.keeping(made, release.structure.languages)
    return dict(sorted(made.items()))


@dataclass(frozen=True)
class Press:
    """Templates and what all pages share."""

    release: Release
    files: Mapping[str, bytes]
    signature: Signatory | None

    @cached_property
    def voices(self) -> Mapping[str, Voice]:
        """The release in each of its languages."""
        return {tag: voice_of(self.release, tag) for tag in self.release.structure.languages}

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

    @cached_property
    def pictures(self) -> Mapping[str, bytes]:
        """Pictures of evidence cards, what machines read of them, and fact sheets as PDF, by path."""
        draft = self.signature is None
        return cards.pictures(self.voices, draft=draft) | sheets.printed(self.voices, draft=draft)

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

    def pages(self, voice: Voice) -> Iterator[Page]:
        """All pages of one language."""
        text = voice.words.text
        compared = comparison.populations(voice)
        yield Page(
            "index.html",
            "home.html",
            text["home"],
            voice,
            {
                "families": overview.cards(voice),
                "compared": _named(voice, compared),
                "stories": stories.stories(voice),
                "matrices": [(p.path, p.title) for p in matrices.matrix_pages(voice)],
                **self._journeys(voice),
            },
        )
        yield from self._indicators(voice, compared)
        for source in self.release.structure.sources:
            cells = self.release.cells_of
            used = [
                s
                for s in self.release.base_indicators()
                if any(c.source == source.source for c in cells.get(s.indicator, ()))
            ]
            facts = {"source": source, "axes": voice.axes(source.concept), "used": used}
            yield Page(f"source/{source.source}.html", "source.html", voice.plain(source.title), voice, facts)
        yield from self._journey_pages(voice)
        yield from cards.pages(voice, frozenset(self.pictures))
        yield from sheets.pages(voice, draft=self.signature is None, drawn=self.pictures)
        yield from explore.pages(voice)
        for name, specs in compared.items():
            title = str(voice.say("compare_title", population=_names(voice, specs)))
            facts = {"sides": comparison.sides(voice, specs), "specs": specs}
            yield Page(f"compare/{name}.html", "compare.html", title, voice, facts)
        yield Page(
            "method.html", "method.html", text["method"], voice, {"truths": overview.truth_view(voice)}
        )
        yield from matrices.matrix_pages(voice)
        yield Page("quality.html", "quality.html", text["quality"], voice, {})
        yield Page("data.html", "data.html", text["data"], voice, downloads.listing(voice, self.files))

    def _journeys(self, voice: Voice) -> dict[str, Any]:
        """Routes, countries and flows that have pages of their own."""
        return {
            "routes": routes.routes(voice),
            "profiles": profiles.profiles(voice),
            "flow": flows.flows(voice),
        }

    def _journey_pages(self, voice: Voice) -> Iterator[Page]:
        """A page for each route, one for all, and a profile for each country of a region."""
        text, found = voice.words.text, self._journeys(voice)
        for route in found["routes"]:
            yield Page(f"route/{route.code}.html", "route.html", route.title, voice, {"route": route})
        if found["routes"]:
            facts = {"routes": found["routes"], "corridor": routes.corridor(voice)}
            yield Page("route/index.html", "routes.html", text["routes"], voice, facts)
        if found["flow"]:
            yield Page("flow/index.html", "flow.html", text["flow_title"], voice, {"flow": found["flow"]})
        views = {view.code: view for view in matrices.readiness_views(voice)}
        for profile in found["profiles"]:
            facts = {"profile": profile, **matrices.of_country(voice, views.get(profile.code))}
            yield Page(f"profile/{profile.code}.html", "profile.html", profile.title, voice, facts)

    def _indicators(self, voice: Voice, compared: Mapping[str, Any]) -> Iterator[Page]:
        for spec in self.release.base_indicators():
            name, title = spec.indicator, voice.name(spec)
            cell = indicator.lead(voice, spec)
            sections = indicator.sections(voice, spec)
            facts = {
                "spec": spec,
                "headline": voice.headline(cell) if cell else None,
                "lead": voice.shown(cell) if cell else None,
                "instead": "" if cell else indicator.without_total(voice, spec),
                "no_headline": None if cell else indicator.no_headline(voice, spec),
                "sections": sections,
                "events": indicator.counts_events(voice, spec),
                "lead_here": cell and any(s.total and s.total.address == cell.address for s in sections),
                "notices": indicator.notices_of(voice, name),
                "absent": [n for n in self.release.structure.not_computable if n.indicator == name],
                "compared": spec.population if spec.population in compared else "",
                "offer": downloads.offer(voice, spec, cell, self.files),
                "dataset": downloads.dataset(voice, spec, voice.cite(title), self.files),
            }
            yield Page(f"indicator/{name}.html", "indicator.html", title, voice, facts)
            for time, tables in indicator.earlier_pages(voice, spec).items():
                subtitle = f"{title}, {voice.when(time)}"
                shown = {"spec": spec, "tables": tables, "time": voice.when(time)}
                yield Page(f"indicator/{name}.{time}.html", "period.html", subtitle, voice, shown)


def json_ld(value: Any) -> Markup:
    """JSON that cannot end the element in which it stands.

    >>> json_ld({"name": "</script>"})
    Markup('{"name":"\\\\u003c/script\\\\u003e"}')
    """
    text = json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    return Markup(text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026"))


def _named(voice: Voice, names: Mapping[str, Any]) -> list[tuple[str, str]]:
    return [(name, _names(voice, specs)) for name, specs in names.items()]


def _names(voice: Voice, specs: Iterable[IndicatorSpec]) -> str:
    return " / ".join(dict.fromkeys(voice.name(s) for s in specs))
