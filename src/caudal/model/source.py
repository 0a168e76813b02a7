"""A source: one file that says where bytes come from and how they become records or observations.

Origin, licence, custodian, agreement, purposes and retention; format of each table; columns to concepts,
with the variants of the mapping and the periods in which each holds; survey design; checks; corrections;
deliveries. Adding a period is adding a delivery.
"""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, model_validator

from caudal.model.official import OfficialCounts, Published
from caudal.model.residence import ResidenceSpec
from caudal.model.spec import Name, Period, Spec, Text

Scalar = str | int | float | bool


def _is_day(value: object) -> str:
    """An ISO date, or nothing."""
    text = "" if value is None else str(value)
    if text and datetime.date.fromisoformat(text).isoformat() != text:
        raise ValueError("a date is written as 2024-05-31")
    return text


def _as_texts(value: object) -> object:
    """Keys that YAML reads as truth values, as files write them."""
    return (
        {str(k).upper() if isinstance(k, bool) else k: v for k, v in value.items()}
        if isinstance(value, Mapping)
        else value
    )


Day = Annotated[str, BeforeValidator(_is_day)]


class FormatSpec(Spec):
    """What every format says of itself."""

    @property
    def companions(self) -> tuple[str, ...]:
        """Names of the files beside the data without which it cannot be read."""
        return ()

    @property
    def fetched(self) -> bool:
        """Whether its file is made by asking elsewhere, once."""
        return False

    @property
    def marks(self) -> tuple[str, str]:
        """Decimal mark and mark between thousands of its numbers."""
        return getattr(self, "decimal", "."), getattr(self, "thousands", "")


class DelimitedFormat(FormatSpec):
    """Delimited text, plain, gzip or zip."""

    type: Literal["delimited"]
    separator: str = Field(",", description="field separator; \\t for a tab")
    encoding: str = Field(
        "utf-8", description="utf-8, latin-1, windows-1252 ...; a byte-order mark is dropped"
    )
    decimal: Literal[".", ","] = Field(".", description="decimal mark of numbers")
    thousands: str = Field("", description="mark between thousands, if any")
    quote: str = Field('"', description="quotation mark; empty for none")
    header: bool = Field(True, description="the first row (after `skip`) names the columns")
    columns: tuple[str, ...] = Field((), description="names of the columns where the file has no header")
    skip: int = Field(0, ge=0, description="rows before the header")
    footer: int = Field(0, ge=0, description="rows after the data")
    member: str = Field("", description="file inside a zip, where it holds more than one")


class ExcelFormat(FormatSpec):
    """A sheet of an Excel workbook: title blocks, merged and stacked headers, blocks of columns."""

    type: Literal["excel"]
    sheet: str = Field("", description="name of the sheet; the first where empty")
    header_rows: tuple[int, ...] = Field((1,), description="rows (from 1) that together name the columns")
    first_row: int = Field(
        0, ge=0, description="first row of data (from 1); the row after the header where 0"
    )
    last_row: int = Field(0, ge=0, description="last row of data; up to the first empty row where 0")
    columns: str = Field("", description="range of columns, as in B:X; all where empty")


class ParquetFormat(FormatSpec):
    """Parquet."""

    type: Literal["parquet"]


class ReleaseFormat(FormatSpec):
    """A release of Caudal: its observations enter with their verdicts and vintages."""

    type: Literal["release"]


class LabelledFormat(FormatSpec):
    """What SPSS, Stata and SAS share: variables and values with labels, and values declared missing."""

    encoding: str = Field(
        "", description="encoding of the texts, where not the one that the file declares, as windows-1252"
    )
    labels: tuple[str, ...] = Field(
        (), description="columns beside which NAME_label is to stand, with the label of each value"
    )
    member: str = Field("", description="file inside a zip, where it holds more than one")


class SpssFormat(LabelledFormat):
    """SPSS: .sav, .zsav and .por. Values that the file declares missing need not be listed again."""

    type: Literal["spss"]


class StataFormat(LabelledFormat):
    """Stata: .dta of version 8 and later. The missing values .a to .z are named as `.a` in a mapping."""

    type: Literal["stata"]


class SasFormat(LabelledFormat):
    """SAS: .sas7bdat and .xpt. The missing values .A to .Z are named as `.A` in a mapping."""

    type: Literal["sas"]
    catalog: str = Field("", description="file beside it with the labels of values (.sas7bcat)")

    @property
    def companions(self) -> tuple[str, ...]:
        """The catalogue of value labels."""
        return (self.catalog,) if self.catalog else ()


class FixedWidthFormat(FormatSpec):
    """Text in columns of fixed width, as a dictionary or a list of columns describes it."""

    type: Literal["fixed_width"]
    encoding: str = Field(
        "utf-8", description="utf-8, latin-1, windows-1252 ...; a byte-order mark is dropped"
    )
    dictionary: str = Field(
        "", description="file beside it: CSPro (.dcf), DDI (.xml), or a table (.csv) of name, start, length"
    )
    record: str = Field("", description="record of the dictionary, where it describes several")
    columns: Mapping[str, tuple[int, int]] = Field(
        {}, description="without a dictionary: name -> [start (from 1), length]"
    )
    decimal: Literal[".", ","] = Field(".", description="decimal mark of numbers")
    labels: tuple[str, ...] = Field(
        (), description="columns beside which NAME_label is to stand, with the label of each value"
    )
    member: str = Field("", description="file inside a zip, where it holds more than one")

    @model_validator(mode="after")
    def _one_way(self) -> FixedWidthFormat:
        if bool(self.dictionary) == bool(self.columns):
            raise ValueError("text of fixed width has either a `dictionary` or `columns`")
        return self

    @property
    def companions(self) -> tuple[str, ...]:
        """The dictionary."""
        return (self.dictionary,) if self.dictionary else ()


class JsonLinesFormat(FormatSpec):
    """One JSON object a line; what lies inside another is named with a point, as in person.birth."""

    type: Literal["json_lines"]
    encoding: str = Field(
        "utf-8", description="utf-8, latin-1, windows-1252 ...; a byte-order mark is dropped"
    )
    member: str = Field("", description="file inside a zip, where it holds more than one")


class DatabaseFormat(FormatSpec):
    """A table or query of a database, read once, through ADBC, into the file that the delivery names."""

    type: Literal["database"]
    driver: Name = Field("postgresql", description="ADBC driver: adbc-driver-NAME must be installed")
    connection: str = Field(
        pattern=r"^(env|file):.+$",
        description="where its address stands, never the address itself: env:NAME or file:PATH",
    )
    table: str = Field("", description="table or view, read whole")
    query: str = Field(
        "", description="SQL instead of a table; {period}, {period_start} and {period_end} are filled in"
    )

    @model_validator(mode="after")
    def _one_way(self) -> DatabaseFormat:
        if bool(self.table) == bool(self.query):
            raise ValueError("a database has either a `table` or a `query`")
        return self

    @property
    def fetched(self) -> bool:
        """True: its file is what the database answered."""
        return True


Format = Annotated[
    DelimitedFormat
    | ExcelFormat
    | ParquetFormat
    | SpssFormat
    | StataFormat
    | SasFormat
    | FixedWidthFormat
    | JsonLinesFormat
    | DatabaseFormat
    | ReleaseFormat,
    Field(discriminator="type"),
]


class Join(Spec):
    """How a second table is brought to the first: many rows of the first to one of the second."""

    table: Name = Field(description="the table brought in")
    on: tuple[str, ...] = Field(min_length=1, description="raw columns that both tables carry")
    prefix: str = Field(
        "",
        description="put before the names of its columns; without it, the first table keeps its own",
    )
    required: bool = Field(
        True, description="a row without a match is quarantined; otherwise it stays, without"
    )


class Unpivot(Spec):
    """Columns that become rows: one row a cell of a printed table. Either `columns` or `pattern`."""

    columns: Mapping[str, Mapping[str, Scalar]] = Field(
        {}, description="raw column -> what its rows carry, as in TEMPORARIAS: {category: TEMP}"
    )
    pattern: str = Field(
        "", description="names of the columns, with * where they vary, as in *, both sexes | *"
    )
    names: tuple[str, ...] = Field((), description="columns that receive what each * stands for")
    value: str = Field("value", description="name of the column that receives the cell")

    @model_validator(mode="after")
    def _one_way(self) -> Unpivot:
        if bool(self.columns) == bool(self.pattern):
            raise ValueError("an unpivot has either `columns` or `pattern`")
        if self.pattern.count("*") != len(self.names):
            raise ValueError("`names` needs one name for each * of `pattern`")
        return self


class TableSpec(Spec):
    """One raw table of a delivery."""

    format: Format
    key: tuple[str, ...] = Field((), description="raw columns that identify a row, where no record key does")
    where: str = Field(
        "", description="SQL over raw columns: rows for which it is false are left out, and counted"
    )
    join: tuple[Join, ...] = Field((), description="tables joined to this one")
    unpivot: Unpivot | None = Field(None, description="columns that become rows")


class Clock(Spec):
    """What the clocks of an instant showed. Records hold the local time of the post: a night belongs to one
    date. An instant with a zone of its own is brought to that local time."""

    zone: str = Field(description="zone of the local time, as in America/Panama")
    by: str = Field("", description="raw column that tells the post")
    zones: Mapping[str, str] = Field({}, description="post -> zone of its local time, where not `zone`")
    shown: Mapping[str, str] = Field(
        {}, description="post -> zone that its clock showed, where not its local time, as in {PTO3: UTC}"
    )

    @model_validator(mode="after")
    def _told_by(self) -> Clock:
        if (self.zones or self.shown) and not self.by:
            raise ValueError("a clock that differs by post needs `by`, the raw column that tells the post")
        return self


class Mapped(Spec):
    """How one concept is made: a value (`from`, `expression` or `constant`), then what means missing, then
    `recode` and `crosswalk`, then `otherwise`. Several columns of `from` are one value: the first that is
    not blank, or all of them together for an identifier."""

    source: str | tuple[str, ...] = Field(
        "", alias="from", description="raw column, or columns, that it reads"
    )
    recode: Annotated[Mapping[str, Scalar], BeforeValidator(_as_texts)] = Field(
        {}, description="raw value -> code; YAML keys are read as text, true and false as TRUE and FALSE"
    )
    crosswalk: str = Field(
        "",
        description="file of codes/ with `code`, `standard_code` and validity, or one of the catalogue, "
        "as in standard:country_names",
    )
    choose: Mapping[str, str] = Field(
        {}, description="switch of a crosswalk of the catalogue -> choice, as in {parda: afro}"
    )
    expression: str = Field(
        "", description="SQL over raw columns, helpers and other concepts, period_start and period_end"
    )
    constant: Scalar | None = Field(None, description="one value for all rows")
    type: Literal["", "integer", "decimal", "date", "instant", "text"] = Field(
        "", description="type, where not the concept's own"
    )
    date_format: str = Field("", description="as in %d/%m/%Y; two-digit years need `century`")
    clock: Clock | None = Field(None, description="of an instant: what clocks showed, by post")
    century: int = Field(0, description="first year of the hundred in which two-digit years lie, as in 1925")
    unknown: tuple[Scalar, ...] = Field((), description="raw values that mean unknown")
    refused: tuple[Scalar, ...] = Field((), description="raw values that mean refused")
    not_applicable: tuple[Scalar, ...] = Field((), description="raw values that mean not applicable")
    otherwise: str = Field(
        "", description="code for values that no rule names; without it they are unknown, counted"
    )
    merge: tuple[str, ...] = Field(
        (), description="codes into which several raw values are meant to fall; a check tells of others"
    )
    ordinal: bool = Field(
        False, description="the value's rank among those of the delivery stands for it: no identifier stays"
    )

    @property
    def raw_columns(self) -> tuple[str, ...]:
        """The columns of `from`."""
        return (self.source,) if isinstance(self.source, str) and self.source else tuple(self.source)

    @property
    def table(self) -> str:
        """The crosswalk with what is chosen, as in standard:ethnicity_br?parda=afro; empty where none."""
        said = "&".join(f"{k}={v}" for k, v in sorted(self.choose.items()))
        return f"{self.crosswalk}?{said}" if said else self.crosswalk


class Variant(Spec):
    """What differs from the source's mapping, and the periods in which it does."""

    valid_from: Period | None = Field(None, description="first period; open where absent")
    valid_to: Period | None = Field(None, description="last period; open where absent")
    rename: Mapping[str, str] = Field(
        {}, description="header of this variant -> header that the mapping uses"
    )
    format: Mapping[str, Scalar | tuple[Scalar, ...]] = Field(
        {}, description="options of the format that differ"
    )
    columns: Mapping[str, Mapped] = Field({}, description="concept -> how it is made in these periods")
    helpers: Mapping[Name, Mapped] = Field({}, description="helper -> how it is made in these periods")


class Check(Spec):
    """A condition on records. A row that fails an `error` is quarantined; a `warning` is counted."""

    name: Name
    condition: str = Field(description="SQL that is true for a good record")
    severity: Literal["error", "warning"] = "error"
    reason: Text = {}


class TotalCheck(Spec):
    """A raw column that must be the sum of others; rows where it is not are quarantined."""

    total: str
    parts: tuple[str, ...]


class Correction(Spec):
    """A change to raw data, recorded: what, why, and when it stops being needed."""

    where: str = Field(description="SQL over raw columns that finds the rows")
    column: str
    action: Literal["override", "drop", "scale"]
    value: Scalar | None = None
    reason: Text
    status: Literal["open", "reported", "acknowledged", "fixed_upstream"] = "open"
    expect: int | None = Field(
        None, description="rows that must match; otherwise the correction has expired and the build stops"
    )
    expires: Day = Field("", description="ISO date after which it must be looked at again")


class VarianceTable(Spec):
    """The producer's generalised table of sampling errors for totals."""

    file: str
    size: str = Field(description="column with the size of the estimate")
    error: str = Field(description="column with its standard error")
    where: Mapping[str, str] = Field({}, description="rows of the table that apply")


class DesignSpec(Spec):
    """The sampling design, in columns of the records."""

    type: Literal["full_count", "sample", "cluster_sample", "unpublished"] = Field(
        description="a full count; a sample with its design; whole clusters without weights; "
        "a sample whose design was not published"
    )
    weight: str = ""
    strata: str = ""
    psu: str = ""
    fpc: str = Field("", description="column with the size of the population of PSUs in the stratum")
    nested: bool | None = Field(None, description="PSU identifiers restart in every stratum")
    lonely_psu: Literal["fail", "remove", "certainty", "adjust", "average"] = "adjust"
    expansion: float | None = Field(
        None, gt=0, description="persons that one record stands for, without weights"
    )
    variance_table: VarianceTable | None = None
    note: Text = Field({}, description="what the error leaves out, for the page")


class Break(Spec):
    """Where a series breaks: from here on something else is counted, or in another way."""

    at: Period = Field(description="first period that is counted in the new way")
    dimensions: tuple[Name, ...] = Field(
        (), description="it breaks only what is broken down by one of these; everything where empty"
    )
    reason: Text


class Response(Spec):
    """How many units of the sample answered, as the office counted them in the field."""

    sampled: int = Field(gt=0, description="units that were drawn and belong to the population")
    responding: int = Field(ge=0, description="those of them that answered")
    unit: Text = Field({}, description="what the units are, in words, as in households")

    @model_validator(mode="after")
    def _part(self) -> Response:
        if self.responding > self.sampled:
            raise ValueError("more units answered than were drawn")
        return self


class Delivery(Spec):
    """What arrived for one period. `file` where the source has one table, `files` where it has several."""

    period: Period
    file: str = ""
    files: Mapping[str, str] = {}
    sha256: str | Mapping[str, str] = Field("", description="checksum of the file, or of each table's file")
    concept: Mapping[str, str] = Field(
        {}, description="axes of the concept vector that differ in this delivery"
    )
    lacks: Mapping[str, tuple[str, ...]] = Field(
        {}, description="concept -> codes that are known to be absent from this delivery"
    )
    empty: bool = Field(
        False, description="the file rightly holds no rows: nothing happened in its period (a closed border)"
    )
    received: Day = Field("", description="ISO date of receipt")
    vintage: str = Field("", description="edition of the producer, for statistics of others")
    whole_from: Period | None = Field(
        None, description="first period that is whole in it: one that begins before is marked incomplete"
    )
    whole_to: Period | None = Field(
        None, description="last period that is whole in it: one that ends after is marked incomplete"
    )
    download: str = Field(
        "", description="where a person gets this file, if not from the origin of the source"
    )
    response: Response | None = Field(None, description="of a survey: how many of its sample answered")

    @model_validator(mode="after")
    def _one_or_many(self) -> Delivery:
        if bool(self.file) == bool(self.files):
            raise ValueError("a delivery names either `file` or `files`")
        return self


class Thresholds(Spec):
    """Shares above which a release is refused."""

    quarantined: float = Field(0.02, ge=0, le=1)
    recoded_to_unknown: float = Field(
        0.05, ge=0, le=1, description="of any concept, values that no rule named"
    )


class SourceSpec(Spec):
    """One source."""

    unconfirmed: tuple[str, ...] = Field(
        (), description="parts and concepts of a draft that nobody has confirmed yet; a check refuses them"
    )
    source: Name
    title: Text
    producer: str
    origin: str = Field(description="page or office from which the files come")
    licence: str
    citation: str = ""
    custodian: str = Field("", description="who answers for it here")
    agreement: str = Field("", description="the act or agreement under which it is held")
    purposes: tuple[str, ...] = ("official_statistics",)
    recipients: tuple[str, ...] = ("public",)
    retention: str = ""
    simulated: bool = Field(False, description="made by a generator: never to be read as a real country")
    kind: str = Field(description="a record kind, or `observation` for published statistics of others")
    published_by_producer: bool = Field(False, description="its producer published these very counts")
    reporter: str = Field("", description="territory that reports, where not the country's own")
    concept: Mapping[str, str] = Field(description="axes of the concept vector that the source decides")
    data: str = Field("", description="folder of the files, relative to the country folder")
    tables: Mapping[Name, TableSpec] = Field(
        description="raw tables; the first is the one that becomes records"
    )
    helpers: Mapping[Name, Mapped] = Field({}, description="values used in expressions, not kept in records")
    columns: Mapping[str, Mapped] = Field({}, description="concept -> how it is made")
    variants: tuple[Variant, ...] = Field((), description="what differs from `columns`, by period")
    duplicates: Literal["keep_first", "keep_last", "keep_none"] = Field(
        "keep_first", description="which of the records with one key stays; the others are quarantined"
    )
    complete: Mapping[str, tuple[str, ...]] = Field(
        {}, description="concept -> codes that every delivery must show, unless it says that it `lacks` them"
    )
    design: DesignSpec | None = None
    residence: ResidenceSpec | None = Field(
        None, description="of border crossings: who is a resident, and how histories are completed"
    )
    published: tuple[Published, ...] = Field((), description="figures that its producer published")
    official_counts: OfficialCounts | None = Field(
        None, description="the producer's count of every category, to hold a sample against"
    )
    checks: tuple[Check, ...] = ()
    totals: tuple[TotalCheck, ...] = ()
    corrections: tuple[Correction, ...] = ()
    thresholds: Thresholds = Thresholds()
    breaks: tuple[Break, ...] = Field((), description="where its series break, marked in the figures")
    notes: Text = Field({}, description="coverage and known omissions: for its quality report")
    deliveries: tuple[Delivery, ...] = Field(min_length=1)
