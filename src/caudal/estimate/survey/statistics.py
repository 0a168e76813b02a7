"""Statistics that can be asked of a design, as linear parts: totals, and ratios of totals.

Every statistic here is a total ``Y`` or a ratio ``R = Y / X``: a count is the total of 1, a mean is the
ratio of a total to the domain's size, a proportion is the mean of a condition. So one pass that sums
``w``, ``w y`` and ``w x`` by PSU serves all of them. Quantiles live in :mod:`.quantiles`.

Variables and conditions are SQL expressions over the columns of the data.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

Interval = Literal["t", "logit", "xlogit", "likelihood", "asin", "beta", "mean", "wilson", "korn-graubard"]
PROPORTION_INTERVALS: tuple[str, ...] = (
    "logit", "xlogit", "likelihood", "asin", "beta", "mean", "wilson", "korn-graubard",
)  # fmt: skip


QuantileRule = Literal[
    "math", "school", "shahvaish", "shah-vaish-2006",
    "hf1", "hf2", "hf3", "hf4", "hf5", "hf6", "hf7", "hf8", "hf9",
]  # fmt: skip
QUANTILE_RULES: tuple[str, ...] = get_args(QuantileRule)
ShareInterval = Literal["mean", "beta", "xlogit", "asin", "score", "francisco-fuller", "quantile"]
QUANTILE_INTERVALS: tuple[str, ...] = get_args(ShareInterval)


@dataclass(frozen=True)
class Total:
    """The population total of ``variable``.

    >>> Total("income").name
    'total(income)'
    """

    variable: str
    label: str | None = None

    @property
    def name(self) -> str:
        """The name of the statistic in the result."""
        return self.label or f"total({self.variable})"


@dataclass(frozen=True)
class Count:
    """The number of population units, or of those for which ``condition`` holds.

    >>> Count().name, Count("age_years >= 15", label="adults").name
    ('count', 'adults')
    """

    condition: str | None = None
    label: str | None = None

    @property
    def name(self) -> str:
        """The name of the statistic in the result."""
        return self.label or (f"count({self.condition})" if self.condition else "count")


@dataclass(frozen=True)
class Mean:
    """The mean of ``variable`` over the domain: a ratio whose denominator is the domain's size.

    >>> Mean("income").name
    'mean(income)'
    """

    variable: str
    label: str | None = None

    @property
    def name(self) -> str:
        """The name of the statistic in the result."""
        return self.label or f"mean({self.variable})"


@dataclass(frozen=True)
class Proportion:
    """The share of the domain for which ``condition`` holds; ``interval`` names the kind of its limits.

    >>> Proportion("employed = 1").interval
    'logit'
    """

    condition: str
    label: str | None = None
    interval: Interval = "logit"

    @property
    def name(self) -> str:
        """The name of the statistic in the result."""
        return self.label or f"proportion({self.condition})"


@dataclass(frozen=True)
class Ratio:
    """The ratio of two totals.

    >>> Ratio("remittances", "income").name
    'ratio(remittances / income)'
    """

    numerator: str
    denominator: str
    label: str | None = None

    @property
    def name(self) -> str:
        """The name of the statistic in the result."""
        return self.label or f"ratio({self.numerator} / {self.denominator})"


@dataclass(frozen=True)
class Quantile:
    """The quantile of ``variable`` at ``p`` (see :mod:`.quantiles` for rules and intervals).

    >>> Quantile("income", 0.9).name
    'quantile(income, 0.9)'
    """

    variable: str
    p: float = 0.5
    label: str | None = None
    rule: QuantileRule = "math"
    interval: ShareInterval = "mean"

    @property
    def name(self) -> str:
        """The name of the statistic in the result."""
        return self.label or f"quantile({self.variable}, {self.p:g})"


Linear = Total | Count | Mean | Proportion | Ratio
Statistic = Linear | Quantile


@dataclass(frozen=True)
class Gap:
    """The difference (or ratio) of a statistic between two categories of one breakdown.

    It is estimated with the covariance of the two domains, for every crossing that holds the breakdown:
    the gap of ``("sex_code", "migratory_status_code")`` is one row for each sex.

    >>> Gap("mean(income)", "migratory_status_code", "FB", "NB").name
    'mean(income): FB - NB'
    """

    statistic: str
    dimension: str
    category: str
    reference: str
    kind: Literal["difference", "ratio"] = "difference"
    label: str | None = None

    @property
    def name(self) -> str:
        """The name of the comparison in the result."""
        sign = "-" if self.kind == "difference" else "/"
        return self.label or f"{self.statistic}: {self.category} {sign} {self.reference}"


@dataclass(frozen=True)
class Parts:
    """A statistic as linear parts: numerator and denominator expressions, None standing for 1."""

    name: str
    numerator: str | None
    denominator: str | None
    is_ratio: bool
    is_condition: bool
    interval: str

    @property
    def expressions(self) -> tuple[str, ...]:
        """The expressions that must be known in a row for the row to count."""
        return tuple(e for e in (self.numerator, self.denominator) if e is not None)


def parts(statistic: Linear) -> Parts:
    """The linear parts of ``statistic``.

    >>> parts(Mean("income")).is_ratio
    True
    """
    match statistic:
        case Total(variable=y):
            return Parts(statistic.name, y, None, False, False, "t")
        case Count(condition=c):
            return Parts(statistic.name, c, None, False, c is not None, "t")
        case Mean(variable=y):
            return Parts(statistic.name, y, None, True, False, "t")
        case Proportion(condition=c, interval=kind):
            return Parts(statistic.name, c, None, True, True, kind)
        case Ratio(numerator=y, denominator=x):
            return Parts(statistic.name, y, x, True, False, "t")


def expressions_of(statistic: Statistic) -> tuple[str, ...]:
    """The expressions that must be known in a row for the row to count.

    >>> expressions_of(Ratio("sent", "income")), expressions_of(Count())
    (('sent', 'income'), ())
    """
    return (statistic.variable,) if isinstance(statistic, Quantile) else parts(statistic).expressions
