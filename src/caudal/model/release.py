"""A release: observations that carry a verdict, and all that a reader needs to understand them.

``observations.parquet`` holds the cells; ``structure.json`` holds what this module declares: labels,
definitions, sources with their quality, the words of the concept vector. Publishing reads these two and
nothing else, so it has no path to records. ``manifest.json`` holds the hash of every input, spec and
output.
"""

from __future__ import annotations

from collections.abc import Mapping

from pydantic import Field

from caudal.model.boundaries import Boundaries, Disputed
from caudal.model.country import Notice
from caudal.model.indicator import IndicatorSpec
from caudal.model.official import OfficialCheck
from caudal.model.readiness import Readiness
from caudal.model.spec import Spec, Text
from caudal.model.story import StoryEntry

OBSERVATIONS = "observations.parquet"
STRUCTURE = "structure.json"
MANIFEST = "manifest.json"
SIGNATURE = "signature.json"


class CodeEntry(Spec):
    """One code with its labels and parent."""

    id: str
    labels: Text
    parent: str = ""


class DimensionEntry(Spec):
    """A dimension: its name for readers, its code list, and whether its codes have an order (age)."""

    name: str
    text: Text
    code_list: str
    ordered: bool = False


class PairEntry(Spec):
    """The sentence for two values of an axis that deserve a better one than the template of the axis."""

    first: str
    second: str
    text: Text


class AxisEntry(Spec):
    """An axis of the concept vector in words. ``difference`` is a sentence with {first} and {second}; the
    silent ones, with {value}, are for figures of which one says nothing on this axis."""

    axis: str
    text: Text
    values: Mapping[str, Text]
    difference: Text
    pairs: tuple[PairEntry, ...] = ()
    first_silent: Text = {}
    second_silent: Text = {}


class InputFile(Spec):
    """A raw file: name, checksum and size, never a path outside the country folder."""

    name: str
    sha256: str
    bytes: int
    period: str
    received: str = ""


class MissingFile(Spec):
    """A declared file that is not there, and from whom it can be had."""

    name: str
    period: str
    origin: str


class Reconciliation(Spec):
    """Rows of a source: in = records + quarantined + left out. Totals of the source, never of a cell; in a
    release, those of records about people in tens. A cell of a printed table counts as a row."""

    rows_in: int
    records: int
    quarantined: int
    left_out: int = Field(
        0, description="rows that the spec says are not of this source, or drops by correction"
    )
    quarantined_by_reason: Mapping[str, int] = {}
    recoded_to_unknown: Mapping[str, int] = Field({}, description="concept -> values that no rule named")
    warnings: Mapping[str, int] = {}
    corrections: Mapping[str, int] = {}


class BreakEntry(Spec):
    """Where the series of a source break, and why."""

    at: str
    reason: Text


class ResponseEntry(Spec):
    """How many units of a sample answered in a period."""

    period: str
    sampled: int
    responding: int
    unit: Text = {}


class RevisionEntry(Spec):
    """How the figures of an indicator differ from those of the release before; of figures that both show."""

    indicator: str
    figures: int = Field(description="that both releases show")
    revised: int = Field(description="of them, those whose value changed")
    median: float | None = Field(None, description="of the size of a revision, percent of the figure before")
    largest: float | None = Field(None, description="size of the largest revision, percent")


class RevisedFigure(Spec):
    """A figure that both releases show, before and after."""

    address: str
    before: float
    after: float


class ChangeEntry(Spec):
    """How many figures of an indicator changed since the release before, by kind of change."""

    indicator: str
    new: int = 0
    revised: int = Field(0, description="another value, error or status")
    gone: int = 0
    withheld: int = Field(0, description="no longer shown")
    shown: int = Field(0, description="shown that were withheld")
    broken: int = Field(0, description="periods at which a series breaks that did not before")
    largest: tuple[RevisedFigure, ...] = Field((), description="the revisions largest for their error")


class Changes(Spec):
    """What changed since the release before; of indicators of which something did."""

    since: str = Field(description="edition of the release before")
    indicators: tuple[ChangeEntry, ...] = ()


class SourceEntry(Spec):
    """A source as its page shows it."""

    source: str
    title: Text
    producer: str
    origin: str
    licence: str
    citation: str = ""
    simulated: bool = False
    kind: str
    unit: str = ""
    published_by_producer: bool = False
    concept: Mapping[str, str]
    design: Text = Field({}, description="the design and what the error leaves out, in words")
    notes: Text = {}
    breaks: tuple[BreakEntry, ...] = ()
    words: Mapping[str, Text] = Field({}, description="names of its checks and concepts -> what they mean")
    periods: tuple[str, ...] = ()
    inputs: tuple[InputFile, ...] = ()
    missing: tuple[MissingFile, ...] = ()
    reconciliation: Reconciliation | None = None
    official: tuple[OfficialCheck, ...] = Field((), description="categories beside the producer's counts")
    response: tuple[ResponseEntry, ...] = Field((), description="of a survey, where its office tells it")


class ComparisonOfTruth(Spec):
    """An estimate of a simulated country beside the true value from which it was drawn."""

    address: str
    indicator: str
    categories: Mapping[str, str] = {}
    source: str
    truth: float
    estimate: float | None
    lower: float | None = None
    upper: float | None = None


class Confidentiality(Spec):
    """What the gate did, in totals: no cell can be told from it."""

    policy: Mapping[str, str] = Field(
        {}, description="parameter of the policy -> value, as the public may know it"
    )
    cells: int = 0
    published: int = 0
    suppressed: int = 0
    suppressed_by_dimension: Mapping[str, int] = {}
    audited: int = 0
    audit: Text = Field({}, description="what the auditor assumed and tried, in words")
    not_modelled: tuple[Text, ...] = ()
    verdict_sha256: str = Field("", description="checksum of the report that the custodian read and signs")


class Expectation(Spec):
    """A figure that a producer published, and ours."""

    indicator: str
    source: str
    time_period: str
    published: float
    published_in: str
    ours: float | None
    reproduced: bool
    sample: bool = Field(False, description="ours is a sample of it: three standard errors apart agree")


class NotComputable(Spec):
    """An indicator that a source cannot carry, and why: the concepts that it lacks."""

    indicator: str
    source: str
    missing: tuple[str, ...] = Field(description="columns, and axes of the concept vector as axis=value")
    name: Text = Field({}, description="the name of the indicator")
    words: tuple[Text, ...] = Field((), description="what is missing, for readers")


class ReleaseStructure(Spec):
    """``structure.json``."""

    territory: str
    title: Text
    producer: Text
    contact: str = ""
    population_concept: Text = {}
    languages: tuple[str, ...]
    simulated: bool = False
    vintage: str
    previous: str = Field("", description="hash of the release before this one")
    revisions: tuple[RevisionEntry, ...] = Field((), description="against the release before this one")
    changes: Changes | None = Field(None, description="None in the first release")
    embargo: str = ""
    licence: str
    custodian: str = ""
    notices: tuple[Notice, ...] = ()
    dimensions: tuple[DimensionEntry, ...]
    code_lists: Mapping[str, tuple[CodeEntry, ...]]
    indicators: tuple[IndicatorSpec, ...]
    units: Mapping[str, Text] = {}
    sources: tuple[SourceEntry, ...]
    axes: tuple[AxisEntry, ...]
    confidentiality: Confidentiality = Confidentiality()
    truth: tuple[ComparisonOfTruth, ...] = ()
    expectations: tuple[Expectation, ...] = ()
    not_computable: tuple[NotComputable, ...] = ()
    readiness: Readiness | None = Field(None, description="how far disaggregation has come, and what lacks")
    stories: tuple[StoryEntry, ...] = ()
    boundaries: Boundaries | None = Field(None, description="outlines of the country's own areas")
    disputed: tuple[Disputed, ...] = Field((), description="what maps say of areas in dispute")
    page_texts: Mapping[str, Mapping[str, str]] = Field(
        {}, description="texts of the pages that the country adds or replaces: language -> key -> text"
    )


class OutputFile(Spec):
    """A file of the release."""

    path: str
    sha256: str
    bytes: int


class Manifest(Spec):
    """``manifest.json``: what went in, by what, and what came out."""

    caudal: str = Field(description="version of the code")
    code_sha256: str
    territory: str
    vintage: str
    previous: str = ""
    inputs: tuple[InputFile, ...]
    specs: tuple[OutputFile, ...]
    outputs: tuple[OutputFile, ...]


class Signatory(Spec):
    """The named custodian who lets a release out, as its pages show."""

    name: str
    role: str
    date: str
    public_key: str = Field(description="Ed25519 public key, hexadecimal")


class Signature(Signatory):
    """``signature.json``: Ed25519 over the canonical JSON of who signs and the manifest's hash."""

    manifest_sha256: str
    signature: str = Field(
        description="Ed25519 signature of the canonical JSON of the other fields, hexadecimal"
    )
