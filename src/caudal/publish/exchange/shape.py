"""What every exchange format is written from: dataflows, code lists and series as frozen nouns. A dataflow
does not hold its series: they are made for the file that is written, and no longer kept.

One dataflow for each family of indicators. Its key is the address of a cell: frequency, indicator, area,
counterpart, the breakdowns that the family uses, source, edition, period. All that a cell carries besides
its value is an attribute of the observation, because a source may change any of it from one period to the
next. Names are texts by language tag; a writer that can carry one language only must say which.

Identifiers of SDMX admit letters, digits and ``_ @ $ -``. :func:`code_id` writes any code in them, and
:func:`code_of` reads it back.

Reference: SDMX information model 3.0, sections on structural metadata and data.
"""

from __future__ import annotations

import re
from calendar import monthrange
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from functools import cache

from caudal.engine.files import sha256_bytes
from caudal.model.spec import Text

#: Stems of the files of a whole release; a theme of such a name has another file.
_OF_THE_RELEASE = frozenset({"structure", "constraints", "metadata", "sdg"})
_UNFIT = re.compile(r"[^A-Za-z0-9_@-]")
_ESCAPED = re.compile(r"\$([0-9A-F]+)\$")


class Role(Enum):
    """The part that a component plays in a data structure."""

    DIMENSION = "dimension"
    TIME = "time"
    MEASURE = "measure"
    ATTRIBUTE = "attribute"


class Kind(Enum):
    """What an uncoded component holds."""

    TEXT = "String"
    NUMBER = "Double"
    PERIOD = "ObservationalTimePeriod"


@dataclass(frozen=True)
class ExchangeCode:
    """A code as it is exchanged. ``note`` is what stands behind a short code, as a concept vector."""

    id: str
    names: Text
    parent: str = ""
    note: str = ""


@dataclass(frozen=True)
class ExchangeList:
    """A code list; a parent is always a code of the list."""

    id: str
    names: Text
    codes: tuple[ExchangeCode, ...]


@dataclass(frozen=True)
class Component:
    """A dimension, the time, the measure or an attribute. Without a ``code_list`` it holds a ``kind``."""

    id: str
    role: Role
    code_list: str = ""
    kind: Kind = Kind.TEXT
    required: bool = False


@dataclass(frozen=True, slots=True)
class Observation:
    """One cell: its period, its value (None where it is withheld or missing), its attributes by
    component."""

    time: str
    value: float | None
    attributes: Mapping[str, str | float]


@dataclass(frozen=True, slots=True)
class Series:
    """The cells that share all of their key but the period, oldest first. ``key`` in the order of the
    dimensions."""

    key: tuple[str, ...]
    observations: tuple[Observation, ...]


@dataclass(frozen=True)
class Dataflow:
    """One theme: its structure, and what a reader must know of its series without having them. ``used``
    holds, by dimension, the codes that some series has: its constraint; ``coded`` the same by attribute.
    ``vectors`` are the concept vectors by their codes, ``times`` all periods in order."""

    theme: str
    names: Text
    descriptions: Text
    components: tuple[Component, ...]
    used: Mapping[str, tuple[str, ...]]
    coded: Mapping[str, tuple[str, ...]]
    vectors: Mapping[str, str]
    times: tuple[str, ...]
    series_n: int

    @property
    def id(self) -> str:
        """Identifier of the dataflow."""
        return f"DF_{theme_id(self.theme)}"

    @property
    def structure_id(self) -> str:
        """Identifier of its data structure definition."""
        return f"DSD_{theme_id(self.theme)}"

    @property
    def constraint_id(self) -> str:
        """Identifier of its constraint."""
        return f"CR_{theme_id(self.theme)}"

    @property
    def dimensions(self) -> tuple[Component, ...]:
        """Its dimensions without the time, in the order of the key."""
        return tuple(c for c in self.components if c.role is Role.DIMENSION)

    @property
    def attributes(self) -> tuple[Component, ...]:
        """Its attributes."""
        return tuple(c for c in self.components if c.role is Role.ATTRIBUTE)


@dataclass(frozen=True)
class Attribute:
    """A part of the reference metadata, in the languages of the release; parts may have parts."""

    id: str
    names: Text
    texts: Text = field(default_factory=dict)
    parts: tuple[Attribute, ...] = ()


@dataclass(frozen=True)
class Report:
    """Reference metadata of one dataflow."""

    theme: str
    names: Text
    attributes: tuple[Attribute, ...]

    @property
    def id(self) -> str:
        """Identifier of the metadata set."""
        return f"MDS_{theme_id(self.theme)}"


@dataclass(frozen=True)
class Exchange:
    """A release for machines. ``version`` is that of all its structures: the edition in three numbers."""

    agency: str
    producer: Text
    title: Text
    contact: str
    licence: str
    languages: tuple[str, ...]
    vintage: str
    version: str
    prepared: str
    draft: bool
    concepts: Mapping[str, Text]
    code_lists: Mapping[str, ExchangeList]
    dataflows: tuple[Dataflow, ...]
    reports: tuple[Report, ...] = ()


def theme_id(theme: str) -> str:
    """A theme in an identifier: upper case. A theme in which the letters URN would stand stays in lower case,
    because a reader in wide use takes any reference with these letters for one of another form.

    >>> theme_id("labour"), theme_id("return")
    ('LABOUR', 'return')
    """
    upper = theme.upper()
    return theme if "URN" in upper else upper


def file_stem(theme: str) -> str:
    """How the files of a theme begin: no theme takes the name of a file of the whole release.

    >>> file_stem("labour"), file_stem("sdg"), file_stem("sdg_")
    ('labour', 'sdg_', 'sdg__')
    """
    return f"{theme}_" if theme.rstrip("_") in _OF_THE_RELEASE else theme


@cache
def vector_id(concept: str) -> str:
    """The code of a concept vector.

    >>> vector_id("basis=birth;measure=stock")
    'V9121adef5f'
    """
    return f"V{sha256_bytes(concept.encode())[:10]}"


@cache
def code_id(code: str) -> str:
    """``code`` as an identifier; other characters become their number between dollar signs.

    >>> code_id("Y15T24"), code_id("2.1"), code_id("a b")
    ('Y15T24', '2$2E$1', 'a$20$b')
    """
    return _UNFIT.sub(lambda m: f"${ord(m[0]):X}$", code)


def code_of(ident: str) -> str:
    """The code that :func:`code_id` wrote.

    >>> code_of("2$2E$1")
    '2.1'
    """
    return _ESCAPED.sub(lambda m: chr(int(m[1], 16)), ident)


def number_text(value: float) -> str:
    """The shortest text from which the same number is read.

    >>> number_text(1200.0), number_text(0.1), number_text(1e22)
    ('1200', '0.1', '1e+22')
    """
    return str(int(value)) if value == int(value) and abs(value) < 1e15 else repr(value)


def semantic_version(vintage: str) -> str:
    """An edition as a version of three numbers: year, then month, quarter or half, then day.

    >>> semantic_version("2026-11"), semantic_version("2024-Q3"), semantic_version("2024")
    ('2026.11.0', '2024.3.0', '2024.0.0')
    """
    parts = [str(int(p)) for p in re.findall(r"\d+", vintage)][:3]
    return ".".join([*parts, "0", "0", "0"][:3])


def first_day(period: str) -> str:
    """The first day of a period, as an ISO date.

    >>> first_day("2024-Q3"), first_day("2024-05"), first_day("2024"), first_day("2024-S2")
    ('2024-07-01', '2024-05-01', '2024-01-01', '2024-07-01')
    """
    year, _, rest = period.partition("-")
    if rest[:1] == "Q":
        return f"{year}-{3 * int(rest[1]) - 2:02d}-01"
    if rest[:1] == "S":
        return f"{year}-{6 * int(rest[1]) - 5:02d}-01"
    return f"{year}-{rest or '01-01'}" + ("-01" if len(rest) == 2 else "")


def last_day(period: str) -> str:
    """The last day of a period, as an ISO date.

    >>> last_day("2024-Q1"), last_day("2024-02"), last_day("2024"), last_day("2024-05-17")
    ('2024-03-31', '2024-02-29', '2024-12-31', '2024-05-17')
    """
    if period.count("-") == 2:
        return period
    year, _, rest = period.partition("-")
    month = int(rest[1]) * (3 if rest[0] == "Q" else 6) if rest[:1] in ("Q", "S") else int(rest or 12)
    return f"{year}-{month:02d}-{monthrange(int(year), month)[1]}"


def frequency(period: str) -> str:
    """The code of CL_FREQ of a period.

    >>> [frequency(p) for p in ("2024", "2024-Q3", "2024-S1", "2024-05", "2024-05-31")]
    ['A', 'Q', 'S', 'M', 'D']
    """
    rest = period.partition("-")[2]
    if not rest:
        return "A"
    return rest[0] if rest[0] in "QS" else "M" if len(rest) == 2 else "D"
