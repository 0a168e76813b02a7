"""The catalogue: the common language of a build, as one frozen noun.

Code lists, dimensions with their derivations, the axes of the concept vector, indicators and units: what
is built in, with the additions of a country folder already merged. Loading and checking live in
:mod:`caudal.catalogue`; here are only the nouns, the SQL of a dimension, and the sentence that tells the
difference of two figures. It refuses to derive a dimension for a kind of record that it was not declared for.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Literal

from pydantic import Field

from caudal.model.codelist import CodeList
from caudal.model.concept import ConceptVector, Difference
from caudal.model.indicator import IndicatorSpec
from caudal.model.observation import NOT_APPLICABLE, REFUSED, UNKNOWN
from caudal.model.release import AxisEntry, DimensionEntry
from caudal.model.spec import Name, Spec, Text, text_in

#: Stands for the code of the country's own territory in derivations and formulas.
TERRITORY = "{territory}"

#: Kind name in `derive` for every kind of record that has the columns.
ANY_KIND = "any"


class Coded(Spec):
    """A dimension read from a column that holds codes, as they are or rolled up its code list."""

    column: str
    to: tuple[str, ...] = Field((), description="codes to which finer ones are rolled up")
    below: str = Field("", description="code whose children they are rolled up to")


Derivation = str | Coded


class Refinement(Spec):
    """How a dimension is a finer form of another, so that the tables of both are one system of cells."""

    dimension: Name = Field(description="the coarser dimension")
    codes: Mapping[str, str] = Field(
        {}, description="code -> the coarser code; {territory} stands for the country"
    )
    otherwise: str = Field(
        "", description="coarser code of all other codes; their nearest one up the code list where empty"
    )


class Related(Spec):
    """How a dimension divides the same people as another without nesting in it, so that the gate knows what
    readers can combine."""

    dimension: Name = Field(description="the other dimension")
    codes: Mapping[str, tuple[str, ...]] = Field(
        description="code -> the codes of the other dimension that can hold the same person; _U is a code too"
    )


class DimensionSpec(Spec):
    """A dimension: its name for readers, its code list, and how each kind of record yields it."""

    dimension: Name
    text: Text
    code_list: str = Field(
        "", pattern=r"^(CL_[A-Z0-9_]+)?$", description="empty for a time, whose codes say what they are"
    )
    ordered: bool = Field(False, description="its codes have an order, as ages have")
    role: Literal["breakdown", "reference_area", "counterpart_area", "time_period"] = Field(
        "breakdown", description="the part of the key that it fills, where that is not one of its own"
    )
    refines: Refinement | None = Field(None, description="the dimension of which it is a finer form")
    overlaps: tuple[Related, ...] = Field(
        (), description="the dimensions that divide the same people without nesting"
    )
    derive: Mapping[str, Derivation | tuple[Derivation, ...]] = Field(
        description="kind of record, or `any` -> SQL or column; of several, the first that can be computed"
    )

    def alternatives(self, kind: str) -> tuple[Derivation, ...]:
        """The derivations for records of ``kind``, the preferred one first; empty where there is none."""
        found = self.derive.get(kind, self.derive.get(ANY_KIND, ()))
        return found if isinstance(found, tuple) else (found,)

    @property
    def entry(self) -> DimensionEntry:
        """What a release tells its readers about it."""
        return DimensionEntry(
            name=self.dimension, text=self.text, code_list=self.code_list, ordered=self.ordered
        )


class DimensionsFile(Spec):
    """``dimensions.yaml``."""

    dimensions: tuple[DimensionSpec, ...]


class PairText(Spec):
    """A sentence for two values of an axis that deserve a better one. {a} and {b} stand for the figures
    that hold the first and the second value of ``values``, as subjects of their clauses."""

    values: tuple[str, str]
    text: Text


class AxisSpec(Spec):
    """An axis of the concept vector as its file declares it. In a country folder an axis that is known
    already need only say what it adds."""

    axis: Name
    text: Text = {}
    values: Mapping[str, Text] = {}
    difference: Text = Field({}, description="a sentence with {first} and {second}, the words of the values")
    pairs: tuple[PairText, ...] = ()


class ConceptVectorFile(Spec):
    """``concept_vector.yaml``: the axes in their order, and the words that all their sentences share."""

    first: Text = Field({}, description="the first figure, as the subject of a clause")
    second: Text = Field({}, description="the second figure, as the subject of a clause")
    first_silent: Text = Field({}, description="sentence where the first says nothing: {axis}, {value}")
    second_silent: Text = Field({}, description="sentence where the second says nothing: {axis}, {value}")
    axes: tuple[AxisSpec, ...]


class ListNote(Spec):
    """Where a code list comes from, and whether its codes are official."""

    text: Text = Field(description="its name")
    codes: Literal["official", "proposed", "mixed"] = Field(description="whose the codes are")
    source: str = Field(description="where codes and labels come from, and what was taken from memory")
    extends: str = Field("", description="another list whose codes it holds too")


class ListsFile(Spec):
    """``codes/lists.yaml``."""

    lists: Mapping[str, ListNote]


@dataclass(frozen=True)
class Catalogue:
    """The common language of one build.

    ``page_texts`` holds, by language tag and key, texts of the interface that the country folder adds in
    ``labels/<language>.csv``; ``drafts`` the languages of which some text is marked there as a draft.
    """

    languages: tuple[str, ...] = ()
    code_lists: Mapping[str, CodeList] = field(default_factory=dict)
    list_notes: Mapping[str, ListNote] = field(default_factory=dict)
    dimensions: Mapping[str, DimensionSpec] = field(default_factory=dict)
    axes: Mapping[str, AxisEntry] = field(default_factory=dict)
    indicators: Mapping[str, IndicatorSpec] = field(default_factory=dict)
    page_texts: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    drafts: tuple[str, ...] = ()

    @property
    def units(self) -> Mapping[str, Text]:
        """Code of a unit -> its name by language."""
        units = self.code_lists.get("CL_UNIT", CodeList("CL_UNIT"))
        return {c.id: c.labels for c in units.codes.values()}

    @property
    def axis_names(self) -> tuple[str, ...]:
        """The axes of the concept vector, in order."""
        return tuple(self.axes)

    def label(self, code_list: str, code: str, language: str) -> str | None:
        """The label of a code in ``language`` or a language of the same family; None where there is none."""
        codes = self.code_lists.get(code_list, CodeList(code_list)).codes
        return text_in(codes[code].labels, language) or None if code in codes else None

    def vector(self, *layers: Mapping[str, str]) -> ConceptVector:
        """The concept vector over the catalogue's axes; later layers override earlier ones."""
        return ConceptVector.of(tuple(self.axes), *layers)

    def derivations(self, dimension: str, kind: str, territory: str) -> tuple[str, ...]:
        """SQL that yields ``dimension`` from the columns of ``kind``, the preferred one first; empty where
        it is not declared for that kind, or the list has no code for it (a country without regions). The
        value is a code of the dimension's list, ``_U`` or ``_Z``."""
        spec = self.dimensions[dimension]
        found = (
            d.replace(TERRITORY, territory) if isinstance(d, str) else self._coded_sql(d, spec, territory)
            for d in spec.alternatives(kind)
        )
        return tuple(sql for sql in found if sql)

    def _coded_sql(self, coded: Coded, spec: DimensionSpec, territory: str) -> str:
        """SQL for a column of codes; empty where the list has no code to roll up to."""
        codes = self.code_lists.get(spec.code_list, CodeList(spec.code_list))
        column = coded.column
        if not coded.to and not coded.below:
            return f"CASE WHEN {column} IS NULL OR {column} = '{REFUSED}' THEN '{UNKNOWN}' ELSE {column} END"
        targets = [t.replace(TERRITORY, territory) for t in coded.to]
        if coded.below:
            targets += codes.children(coded.below.replace(TERRITORY, territory))
        return rolled_up_sql(column, codes, targets) if targets else ""


def rolled_up_sql(column: str, codes: CodeList, targets: Iterable[str]) -> str:
    """SQL that replaces each code of ``column`` by the nearest of ``targets`` at or above it in the list;
    a code with none above it is unknown, one that is not applicable stays.

    >>> from caudal.model.codelist import Code
    >>> ages = CodeList("CL_AGE", {"Y15T24": Code("Y15T24", {}), "Y15T19": Code("Y15T19", {}, "Y15T24")})
    >>> rolled_up_sql("age_code", ages, ["Y15T24"])
    "CASE WHEN age_code IN ('Y15T24', 'Y15T19') THEN 'Y15T24' WHEN age_code = '_Z' THEN '_Z' ELSE '_U' END"
    """
    wanted = list(dict.fromkeys(targets))
    members: dict[str, list[str]] = {t: [] for t in wanted}
    for code in codes.codes:
        above = next((c for c in ancestors(codes, code) if c in members), None)
        if above is not None:
            members[above].append(code)
    parts = [
        f"WHEN {column} IN ({', '.join(_quoted(c) for c in found)}) THEN {_quoted(target)}"
        for target, found in members.items()
        if found
    ]
    return " ".join(
        ["CASE", *parts, f"WHEN {column} = '{NOT_APPLICABLE}' THEN '{NOT_APPLICABLE}' ELSE '{UNKNOWN}' END"]
    )


def ancestors(codes: CodeList, code: str) -> tuple[str, ...]:
    """``code``, its parent, the parent of that, and so on; a loop ends where it would close."""
    chain: dict[str, None] = {}
    while code in codes.codes and code not in chain:
        chain[code] = None
        code = codes.codes[code].parent
    return tuple(chain)


def difference_sentence(axis: AxisEntry, difference: Difference, language: str) -> str:
    """The sentence that tells on which side of ``axis`` two figures stand, in ``language``; empty where
    the axis has no words in it.

    >>> axis = AxisEntry(axis="basis", text={"en": "Whom it counts"}, values={"birth": {"en": "birth"}},
    ...     difference={"en": "The first counts by {first}, the second by {second}."})
    >>> difference_sentence(axis, Difference("basis", "birth", "citizenship"), "en")
    'The first counts by birth, the second by citizenship.'
    """
    for pair in axis.pairs:
        if (pair.first, pair.second) == (difference.first, difference.second) and text_in(
            pair.text, language
        ):
            return text_in(pair.text, language)
    if difference.first is None or difference.second is None:
        side = axis.first_silent if difference.first is None else axis.second_silent
        value = difference.second or difference.first or ""
        return text_in(side, language).replace("{value}", _value(axis, value, language))
    template = text_in(axis.difference, language)
    first, second = (_value(axis, v, language) for v in (difference.first, difference.second))
    return template.replace("{first}", first).replace("{second}", second)


def _value(axis: AxisEntry, value: str, language: str) -> str:
    return text_in(axis.values.get(value, {}), language) or value


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
