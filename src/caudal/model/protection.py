"""``protection.yaml``: what the custodian decides. The gate obeys it and prints it with each verdict."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from pydantic import Field, model_validator

from caudal.model.spec import Name, Spec

MethodName = Literal["suppression", "cell_key", "rounding"]


class Family(Spec):
    """One method for a family of tables. A base population has one method for all its releases."""

    sources: tuple[Name, ...] = Field((), description="source files whose tables it covers; all where empty")
    method: MethodName = Field("suppression", description="suppression, cell_key or rounding")


class CellKeyRule(Spec):
    """Cell keys: noise from the people in the cell, so the same people always get the same noise."""

    variance: float = Field(
        2.0, gt=0, description="variance of the noise in persons squared; printed with the table"
    )
    largest: int = Field(5, ge=1, description="no count moves by more than this")


class RoundingRule(Spec):
    """Controlled rounding: every count becomes a multiple of the base, margins still add up."""

    base: int = Field(5, ge=2, description="rounding base; 5 hides counts below 5")


class ProtectionPolicy(Spec):
    """The custodian's risk appetite. Each field has a default for migration data and its reason."""

    method: MethodName = Field("suppression", description="method where no family says otherwise")
    families: tuple[Family, ...] = Field((), description="other methods, by family of tables")
    count_threshold: int = Field(
        5,
        ge=1,
        description="complete counts (register, census): cells of 1 to threshold - 1 persons are not shown. "
        "Five is the usual rule of frequency tables (Hundepool et al. 2012, ch. 5)",
    )
    survey_threshold: int = Field(
        10,
        ge=1,
        description="surveys: fewest unweighted persons behind a figure. Ten is the usual floor of research "
        "data centres (ACRO default; Handbook on SDC of outputs, 2019)",
    )
    cases_threshold: int = Field(
        3,
        ge=1,
        description="surveys: fewest unweighted persons in the numerator of a share; sampling already hides "
        "who is counted, so less is asked than of complete counts",
    )
    sensitive: Mapping[Name, int] = Field(
        {"ethnicity": 10, "disability": 10, "permit": 10},
        description="dimension -> threshold wherever it is not the total: what is known of a person by it "
        "can be used against that person",
    )
    unknown_codes: tuple[str, ...] = Field(
        ("_U", "_R"),
        description="categories of non-response, whose cells have no threshold, also where others cross "
        "them; none is the careful choice where few left a question unanswered, and takes the gate longer",
    )
    zeros: Literal["published", "suppressible", "primary"] = Field(
        "published",
        description="empty cells: always published (then a suppressed cell is known to be 1 or more), open "
        "to secondary suppression, or disclosive themselves",
    )
    values: int = Field(
        4,
        ge=2,
        description="how many different integers a suppressed cell must be able to be: four, because below "
        "five a relative interval of 20 % holds one",
    )
    attacker_lower: Literal[0, 1] | None = Field(
        None,
        description="what the attacker knows of a suppressed count: at least this. Empty: the truth of the "
        "release, 1 where zeros are published and 0 where they may be suppressed",
    )
    interval_pct: float = Field(
        0.0, ge=0, description="besides: width of the interval in percent of the count; 0 asks none"
    )
    dominance_n: int = Field(1, ge=1, description="(n,k) rule for amounts: the n largest contributors ...")
    dominance_k: float = Field(75.0, gt=0, le=100, description="... may hold at most k percent of a cell")
    p_percent: float = Field(
        10.0,
        ge=0,
        description="p % rule: no contributor can be estimated closer than this by the second largest",
    )
    never_crossed: tuple[tuple[Name, ...], ...] = Field(
        (("permit", "reference_area", "country_of_citizenship"),),
        description="dimensions that are never shown crossed with each other, whatever the counts: together "
        "they point at a family",
    )
    keep: tuple[Mapping[str, str], ...] = Field(
        (),
        description="cells that must stay published, by dimension -> code; the gate refuses if they cannot",
    )
    cost: Mapping[Name, float] = Field(
        {}, description="dimension -> factor: dearer to lose a cell that shows this dimension"
    )
    margin_cost: float = Field(
        16.0,
        ge=1,
        description="factor for each dimension that a cell leaves at its total: a total is dearer to lose "
        "than a detail, because more people read it",
    )
    public_sources: tuple[Name, ...] = Field(
        (),
        description="sources whose producer has published the figures: they pass, as public",
    )
    full_counts: tuple[Name, ...] = Field(
        (), description="sources that count everybody, although they come without a total"
    )
    unchanged_figures: Literal["known", "open"] = Field(
        "known",
        description="a figure that an earlier edition shows and that is still the same: known to readers, so "
        "that it can hide nothing; or open, where the records have changed and no reader is told which "
        "figures did, so that it can be withheld now",
    )
    set_aside: Mapping[Name, str] = Field(
        {},
        description="source -> the reason why its earlier releases are not held against a new edition, as "
        "after a new collection of the same period; printed with the verdict, since a reader who has both "
        "editions can compare them",
    )
    publish_n: bool = Field(
        False, description="whether unweighted n, PSUs and degrees of freedom of published cells leave"
    )
    cell_key: CellKeyRule = CellKeyRule()
    rounding: RoundingRule = RoundingRule()
    secret: str = Field(
        "",
        description="id of the secret of cell keys and of ties, as in `env:CAUDAL_NOISE`; never the secret",
    )
    secret_version: str = Field(
        "1", description="a new version is a new noise: it refuses a population already released"
    )
    time_limit_s: float = Field(
        300.0,
        gt=0,
        description="CPU seconds for one population; then the best certified pattern so far, and the verdict "
        "says that it was cut, or a refusal",
    )

    @model_validator(mode="after")
    def _consistent(self) -> ProtectionPolicy:
        if self.zeros != "published" and self.attacker_lower == 1:
            raise ValueError("`attacker_lower: 1` contradicts `zeros`: a suppressed cell may be empty")
        if any(t < 1 for t in self.sensitive.values()):
            raise ValueError("a threshold in `sensitive` is at least 1")
        return self

    def lower(self) -> int:
        """What the attacker knows of a suppressed count.

        >>> ProtectionPolicy().lower()
        1
        """
        if self.attacker_lower is not None:
            return self.attacker_lower
        return 1 if self.zeros == "published" else 0

    def method_of(self, source: str) -> MethodName:
        """The method for the tables of ``source``."""
        for family in self.families:
            if not family.sources or source in family.sources:
                return family.method
        return self.method
