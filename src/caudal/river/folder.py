"""The country folder, read whole: every spec, every mistake at once."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from caudal.catalogue import load_catalogue
from caudal.catalogue.outlines import BOUNDARIES, disputes, read_boundaries
from caudal.engine.files import sha256_file
from caudal.engine.specs import Document, read_document, validate
from caudal.errors import CaudalError, Problem, nearest, problem, unknown
from caudal.estimate.indicators import key_dimensions
from caudal.harmonise import check_choices, check_source, with_choices
from caudal.model.boundaries import Boundaries
from caudal.model.catalogue import Catalogue
from caudal.model.country import CountrySpec, PublicationSpec
from caudal.model.indicator import IndicatorSpec
from caudal.model.observation import key_columns
from caudal.model.protection import ProtectionPolicy
from caudal.model.source import SourceSpec
from caudal.model.spec import Spec
from caudal.model.story import StorySpec
from caudal.river.signing import SIGNED
from caudal.river.state import spec_files
from caudal.river.stories import check_story

S = TypeVar("S", bound=Spec)


@dataclass(frozen=True)
class CountryFolder:
    """A country as its folder declares it. ``documents`` holds each YAML spec with its line numbers."""

    path: Path
    country: CountrySpec
    publication: PublicationSpec
    policy: ProtectionPolicy
    sources: Mapping[str, SourceSpec]
    catalogue: Catalogue
    documents: Mapping[str, Document]
    stories: tuple[StorySpec, ...] = ()
    boundaries: Boundaries | None = None

    @property
    def work(self) -> Path:
        """The builder's own folder: cache, log and state. Never published."""
        return self.path / ".caudal"

    @property
    def releases(self) -> Path:
        """Where releases appear."""
        return self.path / "releases"

    def builder_side(self, release: str, ending: str = ".parquet") -> Path:
        """What the builder keeps of a release, signed or not: the table before the gate, or by its ending the
        verdict or the methods. Never published."""
        return self.work / "builder" / f"{release.removesuffix(SIGNED)}{ending}"

    def spec_files(self) -> dict[str, str]:
        """Each spec file of the folder -> its SHA-256."""
        return {f.relative_to(self.path).as_posix(): sha256_file(f) for f in spec_files(self.path)}

    def indicators(self) -> tuple[IndicatorSpec, ...]:
        """The indicators that ``publication.yaml`` asks for."""
        chosen = self.publication.indicators or tuple(self.catalogue.indicators)
        left_out = set(self.publication.leave_out)
        return tuple(self.catalogue.indicators[n] for n in chosen if n not in left_out)


def read_folder(path: Path) -> CountryFolder:
    """The country folder at ``path``.

    Raises :class:`CaudalError` with every mistake of every spec, each with file, line and the nearest
    right name.
    """
    if not (path / "caudal.yaml").is_file():
        raise CaudalError(
            problem("no-country-folder", where=str(path.absolute()), found=path.name or str(path))
        )
    reader = _Reader(path)
    country = reader.read("caudal.yaml", CountrySpec)
    publication = reader.read("publication.yaml", PublicationSpec)
    policy = reader.read("protection.yaml", ProtectionPolicy)
    sources = reader.read_sources()
    if country:
        reader.problems.extend(check_choices(country.crosswalks, reader.documents["caudal.yaml"]))
        sources = {n: with_choices(s, country.crosswalks) for n, s in sources.items()}
    catalogue, found = load_catalogue(path, country.languages if country else ())
    reader.problems.extend(found)
    if country:
        areas, place = (
            catalogue.code_lists["CL_AREA"].codes,
            reader.documents["caudal.yaml"].where("territory"),
        )
        reader.problems.extend(_unknown("territory", country.territory, areas, place))
    if publication:
        reader.problems.extend(
            _check_publication(publication, catalogue, reader.documents["publication.yaml"])
        )
    for name, source in sources.items():
        reader.problems.extend(check_source(source, reader.documents[name], catalogue, country))
    boundaries = reader.read_outlines(catalogue.code_lists["CL_AREA"].codes)
    stories = reader.read_stories()
    if country:
        for name, story in stories.items():
            reader.problems.extend(check_story(story, reader.documents[name], catalogue, country.languages))
    if reader.problems or not (country and publication and policy):
        raise CaudalError(*reader.problems)
    by_name = {s.source: s for s in sources.values()}
    told = tuple(stories.values())
    return CountryFolder(
        path, country, publication, policy, by_name, catalogue, reader.documents, told, boundaries
    )


class _Reader:
    """Reads the specs of one folder and keeps what is wrong with them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.documents: dict[str, Document] = {}
        self.problems: list[Problem] = []

    def read(self, name: str, model: type[S]) -> S | None:
        try:
            document = read_document(self.folder / name)
        except CaudalError as error:
            self.problems.extend(error.problems)
            return None
        self.documents[name] = document
        spec, found = validate(document, model)
        self.problems.extend(found)
        return spec

    def read_sources(self) -> dict[str, SourceSpec]:
        sources: dict[str, SourceSpec] = {}
        for file in self._files("sources"):
            name = f"sources/{file.name}"
            spec = self.read(name, SourceSpec)
            if spec and any(spec.source == s.source for s in sources.values()):
                self.problems.append(
                    problem("source-twice", where=self.documents[name].where("source"), found=spec.source)
                )
            elif spec:
                sources[name] = spec
        if not sources and not self.problems:
            self.problems.append(problem("no-sources", where=str(self.folder / "sources")))
        return sources

    def read_stories(self) -> dict[str, StorySpec]:
        read = {f: self.read(f"stories/{f.name}", StorySpec) for f in self._files("stories")}
        for file, story in read.items():
            if story and story.story != file.stem:
                where = self.documents[f"stories/{file.name}"].where("story")
                self.problems.append(
                    problem("story-misnamed", where=where, found=story.story, name=file.stem)
                )
        return {f"stories/{f.name}": s for f, s in read.items() if s}

    def read_outlines(self, areas: Collection[str]) -> Boundaries | None:
        """The boundaries of the folder, where it has any."""
        there = [self.folder / name for name in BOUNDARIES if (self.folder / name).is_file()]
        if not there:
            return None
        try:
            return read_boundaries(there[0], areas)
        except CaudalError as error:
            self.problems.extend(error.problems)
            return None

    def _files(self, part: str) -> list[Path]:
        return sorted((self.folder / part).glob("*.yaml"))


def _check_publication(
    publication: PublicationSpec, catalogue: Catalogue, document: Document
) -> list[Problem]:
    usage = publication.disputed_names
    found = _unknown("usage of names", usage, disputes(), document.where("disputed_names"))
    for part in ("indicators", "leave_out"):
        for i, name in enumerate(getattr(publication, part)):
            found.extend(_unknown("indicator", name, catalogue.indicators, document.where(part, i)))
    for i, names in enumerate(publication.breakdowns):
        for name in names:
            found.extend(_unknown("dimension", name, catalogue.dimensions, document.where("breakdowns", i)))
    for i, notice in enumerate(publication.notices):
        found.extend(
            _unknown(
                "indicator", notice.indicator, catalogue.indicators, document.where("notices", i, "indicator")
            )
        )
    return found + _check_notice_columns(publication, catalogue, document)


def _check_notice_columns(
    publication: PublicationSpec, catalogue: Catalogue, document: Document
) -> list[Problem]:
    """A column of a notice that no key has would withdraw nothing, silently."""
    columns = key_columns(key_dimensions(catalogue))
    return [
        problem(
            "notice-without-column",
            where=document.where("notices", i, "where", name),
            found=name,
            nearest=nearest(name, columns),
        )
        for i, notice in enumerate(publication.notices)
        for name in notice.where
        if name not in columns
    ]


def _unknown(kind: str, name: str, allowed: Iterable[str], where: str) -> list[Problem]:
    names = list(allowed)
    return [] if name in names else [unknown(kind, name, names, where=where)]
