"""An indicator: definition, formula, universe, unit, codes and texts, in one file.

The formula is SQL over the columns of a record kind, parsed and checked before anything runs. An
indicator may have one formula for each kind of record that can carry it; each says what it counts.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from pydantic import Field, model_validator

from caudal.model.spec import Name, Spec, Text


class First(Spec):
    """What a formula takes from the same records before it is computed, under a name that its SQL uses: a
    multiple of a quantile, or the codes of a column that weigh more in one group than in another. Errors take
    it as known."""

    of: str = Field(description="SQL: the quantity, or the column of codes")
    universe: str = Field("TRUE", description="SQL condition: the records that it is taken from")
    quantile: float | None = Field(None, gt=0, lt=1, description="as 0.5 for the median")
    times: float = Field(1.0, gt=0, description="multiple of the quantile")
    more_among: str = Field("", description="SQL condition: the group in which the codes weigh more")
    than_among: str = Field("", description="SQL condition: the group that it is held against")

    @model_validator(mode="after")
    def _one_way(self) -> First:
        if (self.quantile is None) != (bool(self.more_among) and bool(self.than_among)):
            raise ValueError("either `quantile`, or `more_among` with `than_among`")
        return self


class Formula(Spec):
    """What is computed from the records of one kind. Exactly one of `total`, `mean` and `ratio`."""

    kind: str
    universe: str = Field("TRUE", description="SQL condition: the records that the indicator is about")
    total: str = Field("", description="SQL: a condition to count, or a quantity to add up")
    mean: str = Field("", description="SQL: a quantity, averaged over the universe where it is known")
    numerator: str = Field("", description="SQL: condition or quantity, over the denominator")
    denominator: str = Field("", description="SQL: condition or quantity")
    first: Mapping[Name, First] = Field({}, description="name -> what is taken from the records first")
    weight: str = Field("", description="column used instead of the design's weight, as for earnings")
    concept: Mapping[str, str] = Field({}, description="axes of the concept vector that the formula decides")
    needs: Mapping[str, str] = Field(
        {}, description="axes that the source must hold: a list of a part gives no share of the whole"
    )

    @model_validator(mode="after")
    def _one_statistic(self) -> Formula:
        ratio = bool(self.numerator) and bool(self.denominator)
        if bool(self.numerator) != bool(self.denominator):
            raise ValueError("a ratio needs both `numerator` and `denominator`")
        if sum([bool(self.total), bool(self.mean), ratio]) != 1:
            raise ValueError("a formula has exactly one of `total`, `mean`, `numerator` with `denominator`")
        return self


class Operand(Spec):
    """Cells of one indicator that enter a computation: totals in all that `where` and `over` leave out."""

    indicator: Name
    source: str = Field("", description="its source, where several have the indicator")
    where: Mapping[str, str] = Field({}, description="dimension -> code of the cells that enter")
    over: tuple[str, ...] = Field(
        (), description="reference_area, counterpart_area or dimensions whose cells are added up"
    )
    area: Literal["reference_area", "counterpart_area"] = Field(
        "reference_area", description="the part of its key that becomes the area of the result"
    )


class Adjustment(Spec):
    """A named reason for which figures whose concept vectors differ are computed with each other."""

    name: Name
    axes: tuple[Name, ...] = Field(min_length=1, description="axes on which they may differ under it")
    factor: float = Field(1.0, gt=0, description="by which the denominator is multiplied")
    reason: Text


class DerivedSpec(Spec):
    """An indicator computed from observations: a sum, a balance, or a sum over a sum, for each area and time
    that all parts have. Where the concept vectors of two parts differ on an axis that no adjustment names, it
    is refused."""

    numerator: Operand
    minus: tuple[Operand, ...] = Field((), description="taken from the numerator, as for a balance")
    denominator: tuple[Operand, ...] = Field((), description="added together; without any, the sum itself")
    adjustments: tuple[Adjustment, ...] = ()
    concept: Mapping[str, str] = Field({}, description="axes of the concept vector that the result decides")
    result: Mapping[str, str] = Field(
        {}, description="dimension or area -> code that the result carries, where its parts do not share it"
    )

    @property
    def operands(self) -> tuple[Operand, ...]:
        """All operands, from above to below."""
        return (self.numerator, *self.minus, *self.denominator)


class GapSpec(Spec):
    """Comparison of two categories of one dimension: `group` minus (or over) `reference`."""

    dimension: Name
    group: str
    reference: str
    measure: Literal["difference", "ratio"] = "difference"


class Expected(Spec):
    """A figure that a producer published and that the data must reproduce."""

    source: Name
    time_period: str
    value: float
    decimals: int = Field(ge=0, description="decimals with which it was published")
    published_in: str
    categories: Mapping[str, str] = Field({}, description="dimension -> code, for a cell that is not a total")


class IndicatorText(Spec):
    """What a reader sees. `headline` is a sentence with {value}, {interval}, {area}, {time}, {source}."""

    name: Text
    definition: Text
    headline: Text
    reading: Text = Field({}, description="what may not be concluded from it")


class Codes(Spec):
    """Codes of the frameworks in which it stands."""

    sdg: tuple[str, ...] = ()
    gcm_objectives: tuple[int, ...] = ()
    montevideo_measures: tuple[int, ...] = ()


class IndicatorSpec(Spec):
    """One indicator."""

    indicator: Name
    version: str
    family: Name
    unit: str = Field(description="code of CL_UNIT")
    scale: float = Field(1.0, gt=0, description="the statistic is multiplied by it, as 100 for percent")
    decimals: int = Field(1, ge=0, description="decimals on pages, at the most: digits follow the error")
    population: Name = Field(description="the population that it measures; same name, comparable figures")
    text: IndicatorText
    codes: Codes = Codes()
    formulas: tuple[Formula, ...] = Field((), description="from records: one for each kind that carries it")
    derived: DerivedSpec | None = Field(None, description="from observations, instead of formulas")
    breakdowns: tuple[tuple[Name, ...], ...] = Field(
        (), description="combinations of dimensions; the total always"
    )
    gap: GapSpec | None = None
    proportion: bool = Field(False, description="between 0 and 1 before `scale`: limits stay inside")
    better: Literal["", "up", "down"] = ""
    expected: tuple[Expected, ...] = ()

    @model_validator(mode="after")
    def _one_way(self) -> IndicatorSpec:
        if self.formulas and self.derived:
            raise ValueError("an indicator has `formulas` or is `derived`, not both")
        return self

    @property
    def is_rate(self) -> bool:
        """Whether it is a ratio or a mean rather than a total."""
        ratio = self.derived is not None and bool(self.derived.denominator)
        return ratio or any(f.mean or f.numerator for f in self.formulas)
