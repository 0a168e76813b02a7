"""What must be summed for a request: the terms of its statistics, each named once.

A *term* is a weighted sum over rows that are known for some expressions: ``w`` times the product of
``factors``. Sums by PSU are needed for what enters a variance, sums by cell for the rest (unweighted
counts, sums of squares for design effects).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from caudal.estimate.survey.statistics import Parts


@dataclass(frozen=True, order=True)
class Term:
    """``kind`` "w": sum of w times the factors; "n": number of rows; "cases": rows with a factor not zero.

    ``known`` lists the expressions that must not be missing (only those that ever are).
    """

    kind: str
    factors: tuple[str, ...]
    known: tuple[str, ...]


#: All rows of a domain, unweighted.
ALL_ROWS = Term("n", (), ())


@dataclass(frozen=True)
class Asked:
    """A statistic with its terms: numerator y, denominator x, their products, and its rows."""

    parts: Parts
    y: Term
    x: Term
    n: Term
    cases: Term
    weight: Term
    yy: Term
    xy: Term
    xx: Term

    @property
    def by_psu(self) -> tuple[Term, ...]:
        """Terms needed by PSU: those of the variance, and the weight (positive where there are rows)."""
        return (self.y, self.x, self.weight) if self.parts.is_ratio else (self.y, self.weight)

    @property
    def by_cell(self) -> tuple[Term, ...]:
        """Terms needed by cell only."""
        crossed = (self.xy, self.xx) if self.parts.denominator else ()
        return (ALL_ROWS, self.n, self.cases, self.yy, *crossed)


def asked(parts: Parts, binary: frozenset[str], missing: Mapping[str, int]) -> Asked:
    """The terms of a statistic.

    >>> from caudal.estimate.survey.statistics import Mean, parts
    >>> asked(parts(Mean("y")), frozenset({"y"}), {}).yy.factors  # y squared is y for zeros and ones
    ('y',)
    """
    known = tuple(sorted(e for e in set(parts.expressions) if missing.get(e)))

    def product(*factors: str | None) -> Term:
        named = sorted(f for f in factors if f is not None)
        kept = [f for k, f in enumerate(named) if not (f in binary and f in named[:k])]
        return Term("w", tuple(kept), known)

    y, x = parts.numerator, parts.denominator
    return Asked(
        parts,
        y=product(y),
        x=product(x),
        n=Term("n", (), known),
        cases=Term("cases", (y,), known) if y else Term("n", (), known),
        weight=product(),
        yy=product(y, y),
        xy=product(x, y),
        xx=product(x, x),
    )


def needed(requests: Sequence[Asked]) -> tuple[tuple[Term, ...], tuple[Term, ...]]:
    """All terms by PSU, and all other terms by cell, sorted."""
    by_psu = {t for a in requests for t in a.by_psu}
    by_cell = {t for a in requests for t in a.by_cell} - by_psu
    return tuple(sorted(by_psu)), tuple(sorted(by_cell))
