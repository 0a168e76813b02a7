"""Crosswalks that the catalogue ships: from codes in common use to its lists, with switches where practice
differs. A source chooses, or ``caudal.yaml`` for all; what was chosen is said on the source's page.

``standard:country_names`` is made from the list of countries: their names in every language, their numeric
and their two- and three-letter codes. Texts are matched without accents and capitals.
"""

from __future__ import annotations

import csv
import unicodedata
from collections.abc import Iterator, Mapping
from functools import cache
from importlib.resources import files
from typing import Any, TypeVar

from ruamel.yaml import YAML

from caudal.engine.files import canonical_json, sha256_bytes
from caudal.engine.specs import Document
from caudal.errors import CaudalError, Problem, problem, unknown
from caudal.model.source import Mapped, SourceSpec, Variant
from caudal.model.spec import Text

P = TypeVar("P", SourceSpec, Variant)
PREFIX = "standard:"
COUNTRY_NAMES = "country_names"


def is_standard(name: str) -> bool:
    """Whether ``name`` is a crosswalk of the catalogue, not a file of the country folder."""
    return name.startswith(PREFIX)


def standard_codes(name: str) -> tuple[Mapping[str, str], str]:
    """The codes (folded) of a crosswalk as :attr:`Mapped.table` names it, and their checksum.

    >>> codes, _ = standard_codes("standard:ethnicity_br?parda=afro")
    >>> codes["4"], codes["preta"], standard_codes("standard:country_names")[0]["peru"]
    ('AFR', 'AFR', 'PE')

    Raises :class:`CaudalError`: no such crosswalk, a switch that nobody chose, a choice that it has not.
    """
    plain, _, said = name.removeprefix(PREFIX).partition("?")
    chosen = dict(part.split("=", 1) for part in said.split("&") if part)
    codes = _country_names() if plain == COUNTRY_NAMES and not chosen else dict(_chosen(plain, chosen))
    return codes, sha256_bytes(canonical_json(dict(codes)))


def with_choices(source: SourceSpec, choices: Mapping[str, Mapping[str, str]]) -> SourceSpec:
    """``source`` with the switches that its country folder chose for all sources (crosswalk -> switch ->
    choice), wherever it chooses nothing itself."""
    if not choices:
        return source

    def chosen(made: Mapping[str, Mapped]) -> dict[str, Mapped]:
        found = {}
        for name, mapped in made.items():
            usual = (
                choices.get(mapped.crosswalk.removeprefix(PREFIX), {})
                if is_standard(mapped.crosswalk)
                else {}
            )
            found[name] = (
                mapped.model_copy(update={"choose": {**usual, **mapped.choose}}) if usual else mapped
            )
        return found

    def whole(part: P) -> P:
        return part.model_copy(update={"columns": chosen(part.columns), "helpers": chosen(part.helpers)})

    return whole(source).model_copy(update={"variants": tuple(whole(v) for v in source.variants)})


def check_choices(choices: Mapping[str, Mapping[str, str]], document: Document) -> list[Problem]:
    """Crosswalks, switches and choices of a country folder that nothing bears, each with its line."""
    found = []
    for name, switches in choices.items():
        where = document.where("crosswalks", name)
        entry = _file().get(name)
        if entry is None:
            found.append(unknown("crosswalk", name, [*_file()], where=where))
            continue
        known: Mapping[str, Any] = entry.get("switches", {})
        for switch, choice in switches.items():
            place = document.where("crosswalks", name, switch)
            if switch not in known:
                found.append(unknown("switch", switch, known, where=place))
            elif choice not in known[switch]:
                found.append(unknown("choice", choice, known[switch], where=place))
    return found


def statements(source: SourceSpec) -> list[Text]:
    """What the switches that ``source`` chose mean, for its page; each once."""
    every = [source.columns, source.helpers]
    every += [part for v in source.variants for part in (v.columns, v.helpers)]
    found: list[Text] = []
    for mapped in (m for part in every for m in part.values()):
        for switch, choice in mapped.choose.items():
            text = _entry(mapped.crosswalk.removeprefix(PREFIX))["switches"][switch][choice]["text"]
            if text not in found:
                found.append(text)
    return found


def folded(text: str) -> str:
    """``text`` without accents and capitals, as the engine's ``lower(strip_accents(...))``.

    >>> folded(" Perú ")
    'peru'
    """
    apart = unicodedata.normalize("NFD", text.strip())
    return "".join(c for c in apart if not unicodedata.combining(c)).lower()


def standard_names() -> list[str]:
    """The names of all crosswalks of the catalogue."""
    return [f"{PREFIX}{n}" for n in (COUNTRY_NAMES, *_file())]


def _chosen(name: str, chosen: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    entry = _entry(name)
    switches: Mapping[str, Any] = entry.get("switches", {})
    for switch in chosen:
        if switch not in switches:
            raise CaudalError(unknown("switch", switch, switches))
    yield from ((folded(str(k)), str(v)) for k, v in entry["codes"].items())
    for switch, choices in switches.items():
        if switch not in chosen:
            raise CaudalError(problem("switch-unchosen", crosswalk=name, found=switch, allowed=list(choices)))
        if chosen[switch] not in choices:
            raise CaudalError(unknown("choice", chosen[switch], choices))
        codes = choices[chosen[switch]]["codes"]
        yield from ((folded(str(k)), str(v)) for k, v in codes.items())


def _entry(name: str) -> Mapping[str, Any]:
    known = _file()
    if name not in known:
        raise CaudalError(unknown("crosswalk", f"{PREFIX}{name}", standard_names()))
    found: Mapping[str, Any] = known[name]
    return found


@cache
def _file() -> Mapping[str, Any]:
    text = files("caudal.catalogue").joinpath("crosswalks.yaml").read_text(encoding="utf-8")
    read: Mapping[str, Any] = YAML(typ="safe", pure=True).load(text)["crosswalks"]
    return read


@cache
def _country_names() -> Mapping[str, str]:
    text = files("caudal.catalogue").joinpath("codes", "CL_COUNTRY.csv").read_text(encoding="utf-8")
    found: dict[str, str] = {}
    for row in csv.DictReader(text.splitlines()):
        if len(row["code"]) != 2 or not row["iso3"]:
            continue
        names = [row["code"], row["iso3"], row["m49"], row["m49"].lstrip("0")]
        names += [v for k, v in row.items() if k.startswith("label_")]
        for name in names:
            found.setdefault(folded(name), row["code"])
    return {k: v for k, v in found.items() if k}
