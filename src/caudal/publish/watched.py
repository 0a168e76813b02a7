"""A release that tells what is read of it, so that a page is made again only where that has changed.

The parts have names: ``structure/title``, ``cells/population``, ``source/census``, ``voice-es/area``. Reading
through a :class:`WatchedRelease` gives what the release gives; it refuses nothing and changes nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

from caudal.model.indicator import IndicatorSpec
from caudal.model.release import (
    ChangeEntry,
    ComparisonOfTruth,
    Expectation,
    Manifest,
    ReleaseStructure,
    SourceEntry,
)
from caudal.model.story import StoryEntry
from caudal.publish.reads import Noted, Reads
from caudal.publish.release import Cell, Release, country_of


class WatchedRelease(Release):
    """``release``, with every part that is read noted in ``reads``."""

    _own: Release
    _structure: _WatchedStructure
    _cells_of: Noted[tuple[Cell, ...]]
    _cells_within: Noted[tuple[Cell, ...]]
    _countries_of: Noted[tuple[str, ...]]
    _indicators: Noted[IndicatorSpec]
    _sources: Noted[SourceEntry]
    _stories: Noted[StoryEntry]
    _changes: Noted[ChangeEntry]

    def __init__(self, release: Release, reads: Reads) -> None:
        own = {
            "_own": release,
            "reads": reads,
            "_structure": _WatchedStructure(release.structure, reads),
            "_cells_of": Noted("cells", release.cells_of, reads),
            "_cells_within": Noted("cells-within", release.cells_within, reads),
            "_countries_of": Noted("countries", release.countries_of, reads),
            "_indicators": Noted("indicator", release.indicators, reads),
            "_sources": Noted("source", release.sources, reads),
            "_stories": Noted("story", release.stories, reads),
            "_changes": Noted("change", release.changes, reads),
        }
        for name, value in own.items():
            object.__setattr__(self, name, value)
        reads.knows("structure", lambda name: getattr(release.structure, name))
        reads.knows("release", self._look_up)
        reads.knows("cells", self._cells_by_country)

    def _cells_by_country(self, indicator: str) -> object:
        """Digests of the cells of an indicator, country by country, so that each is read once; the order of
        cells is that of their addresses."""
        own = self._own
        if not indicator:
            return tuple(own.cells_of)
        countries = sorted({country_of(c.area) for c in own.cells_of.get(indicator, ())})
        return [(c, self.reads.digest(f"cells-within/{indicator}/{c}")) for c in countries]

    def _look_up(self, name: str) -> object:
        if name == "cells":
            return [self.reads.digest(f"cells/{indicator}") for indicator in self._own.cells_of]
        return getattr(self._own, name)

    def _noted(self, name: str) -> Any:
        self.reads.note(f"release/{name}")
        return getattr(self._own, name)

    @property
    def structure(self) -> ReleaseStructure:
        """What the release says of itself, watched field by field."""
        return cast(ReleaseStructure, self._structure)

    @property
    def cells(self) -> tuple[Cell, ...]:
        """All cells."""
        return cast("tuple[Cell, ...]", self._noted("cells"))

    @property
    def dimensions(self) -> tuple[str, ...]:
        """The dimensions of its cells."""
        return cast("tuple[str, ...]", self._noted("dimensions"))

    @property
    def manifest(self) -> Manifest | None:
        """The manifest."""
        return cast("Manifest | None", self._noted("manifest"))

    @property
    def manifest_sha256(self) -> str:
        """The digest of the manifest."""
        return cast(str, self._noted("manifest_sha256"))

    @property
    def cells_of(self) -> Mapping[str, tuple[Cell, ...]]:
        """Cells by indicator, watched indicator by indicator."""
        return self._cells_of

    @property
    def cells_within(self) -> Mapping[str, tuple[Cell, ...]]:
        """Cells by indicator and country, watched one by one."""
        return self._cells_within

    @property
    def countries_of(self) -> Mapping[str, tuple[str, ...]]:
        """Countries with a page of their own, watched indicator by indicator."""
        return self._countries_of

    @property
    def indicators(self) -> Mapping[str, IndicatorSpec]:
        """Indicators by name, watched one by one."""
        return self._indicators

    @property
    def sources(self) -> Mapping[str, SourceEntry]:
        """Sources by name, watched one by one."""
        return self._sources

    @property
    def stories(self) -> Mapping[str, StoryEntry]:
        """Stories by name, watched one by one."""
        return self._stories

    @property
    def changes(self) -> Mapping[str, ChangeEntry]:
        """What changed, watched indicator by indicator."""
        return self._changes

    @property
    def changes_since(self) -> str:
        """The edition of the release before."""
        return cast(str, self._noted("changes_since"))

    @property
    def source_order(self) -> Mapping[str, int]:
        """The place of each source."""
        return cast("Mapping[str, int]", self._noted("source_order"))

    @property
    def has_stories(self) -> bool:
        """Whether a story is told."""
        return cast(bool, self._noted("has_stories"))

    @property
    def truths(self) -> tuple[ComparisonOfTruth, ...]:
        """Estimates beside the truth."""
        return cast("tuple[ComparisonOfTruth, ...]", self._noted("truths"))

    @property
    def expectations(self) -> tuple[Expectation, ...]:
        """Figures of producers beside ours."""
        return cast("tuple[Expectation, ...]", self._noted("expectations"))


class _WatchedStructure:
    """The structure, with every field that is read noted."""

    def __init__(self, whole: ReleaseStructure, reads: Reads) -> None:
        self._whole, self._reads = whole, reads

    def __getattr__(self, name: str) -> Any:
        if name not in ReleaseStructure.model_fields:
            raise AttributeError(f"{name} is no field of the structure: it cannot be watched")
        self._reads.note(f"structure/{name}")
        return getattr(self._whole, name)
