"""A country folder: territory, languages, population concept, engine, release calendar."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from pydantic import Field

from caudal.model.spec import Name, Period, Spec, Text


class EngineSpec(Spec):
    """What the machine may use."""

    name: Literal["duckdb"] = "duckdb"
    memory: str = Field("", description="as in 3GB; three quarters of the machine where empty")
    threads: int = Field(0, ge=0, description="all cores where 0")


class CountrySpec(Spec):
    """``caudal.yaml``."""

    territory: str = Field(description="code of CL_AREA for the territory that reports")
    title: Text
    languages: tuple[str, ...] = Field(min_length=1, description="language tags; the first leads")
    simulated: bool = Field(False, description="a fictional country")
    population_concept: Text = Field(description="whom its figures call resident")
    producer: Text = Field(description="the office that publishes")
    contact: str = ""
    engine: EngineSpec = EngineSpec()
    key: str = Field(
        "", description="id of the key that replaces identifiers, as in `demo` or `env:CAUDAL_KEY`"
    )
    key_version: str = "1"
    crosswalks: Mapping[str, Mapping[str, str]] = Field(
        {},
        description="crosswalk of the catalogue -> switch -> choice, for sources that do not choose",
    )
    calendar: Mapping[str, Text] = Field({}, description="date -> what is released on it")


class Notice(Spec):
    """A correction or withdrawal that readers of the previous edition must know."""

    kind: Literal["correction", "withdrawal"]
    indicator: Name
    where: Mapping[str, str] = Field(
        {}, description="key column -> value; all cells of the indicator where empty"
    )
    text: Text


class PublicationSpec(Spec):
    """``publication.yaml``: what is released."""

    vintage: Period = Field(description="edition of this release")
    indicators: tuple[Name, ...] = Field((), description="all that the sources can carry, where empty")
    leave_out: tuple[Name, ...] = ()
    breakdowns: tuple[tuple[Name, ...], ...] = Field(
        (), description="combinations for every indicator, besides its own"
    )
    reliability: str = Field(
        "chile", description="rule that labels estimates of samples, from catalogue/reliability"
    )
    purpose: str = Field("official_statistics", description="what the release is for; sources must allow it")
    recipients: tuple[str, ...] = Field(("public",), description="who receives it; sources must allow them")
    embargo: str = Field("", description="ISO date and time before which it must not be shown")
    custodian: str = Field("", description="who signs")
    notices: tuple[Notice, ...] = ()
    licence: str = "CC-BY-4.0"
    disputed_names: str = Field(
        "united_nations", description="usage of names in dispute, of catalogue/boundaries/disputed.yaml"
    )
