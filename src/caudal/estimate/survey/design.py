"""The design of a sample: what is needed to say how large the sampling error of an estimate is.

A design names the columns of weight, strata, primary sampling units (PSU) and finite population
correction, and the choices that no software can make for its user: whether PSU codes are nested in
strata, and what to do with a stratum that holds one PSU. References: Särndal, Swensson & Wretman (1992),
*Model Assisted Survey Sampling*, ch. 2-5; Lumley (2010), *Complex Surveys*, ch. 2-3.

Refused: guessing whether repeated PSU codes are the same PSU; a design that contradicts itself.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

from caudal.errors import CaudalError, Problem, nearest, problem

if TYPE_CHECKING:
    from caudal.estimate.survey.gvf import VarianceTable

LonelyPsu = Literal["fail", "remove", "certainty", "adjust", "average"]
Kind = Literal["sample", "full_count", "clusters", "unpublished"]

LONELY_CHOICES: tuple[str, ...] = ("fail", "remove", "certainty", "adjust", "average")
KINDS: tuple[str, ...] = ("sample", "full_count", "clusters", "unpublished")


@dataclass(frozen=True)
class Design:
    """A sampling design, by the names of its columns (or SQL expressions over them).

    Parameters
    ----------
    weight : expansion weight of a row (population units a row); in a full count, the count column.
    strata, psu : a column, or several that together name the stratum or the PSU.
    fpc : finite population correction of the first stage, constant in a stratum: the number of PSUs in
        the population (values >= 1) or the sampling fraction (values <= 1).
    nested : whether PSU codes start again in each stratum. None asks when a code occurs in two strata.
    lonely_psu : what a stratum with a single sampled PSU contributes: ``fail`` stops; ``remove`` and
        ``certainty`` add no variance; ``adjust`` centres on zero, the mean of all strata; ``average``
        takes the mean of the other strata.
    ssu, ssu_strata, ssu_fpc : second stage: units, strata and correction within a PSU.
    kind : ``sample``; ``full_count`` (no sampling error); ``clusters`` (whole clusters, no weights);
        ``unpublished`` (strata and PSUs were not released: see ``gvf``).
    gvf : the producer's table of approximate variances, for a design that was not published.

    >>> Design(weight="factor", strata="estrato", psu="upm", nested=True).lonely_psu
    'fail'
    """

    weight: str | None = None
    strata: str | tuple[str, ...] | None = None
    psu: str | tuple[str, ...] | None = None
    fpc: str | None = None
    nested: bool | None = None
    lonely_psu: LonelyPsu = "fail"
    ssu: str | None = None
    ssu_strata: str | None = None
    ssu_fpc: str | None = None
    kind: Kind = "sample"
    gvf: VarianceTable | None = None

    def __post_init__(self) -> None:
        faults = list(_contradictions(self))
        if faults:
            raise CaudalError(*faults)

    @classmethod
    def full_count(cls, count: str | None = None) -> Design:
        """A census, a register or a published table of counts: no sampling error, and it says so.

        >>> Design.full_count("personas_n").kind
        'full_count'
        """
        return cls(weight=count, kind="full_count")

    @classmethod
    def whole_clusters(cls, psu: str | tuple[str, ...], *, fpc: str | None = None) -> Design:
        """A sample of whole clusters without weights: every cluster counts alike.

        With ``fpc`` (clusters in the population) a row weighs N/n; without it totals are of the sample.

        >>> Design.whole_clusters("segment").weight is None
        True
        """
        return cls(psu=psu, fpc=fpc, kind="clusters")

    @classmethod
    def unpublished(
        cls, weight: str, gvf: VarianceTable | None = None, *, psu: str | tuple[str, ...] | None = None
    ) -> Design:
        """A sample whose strata and PSUs were not released.

        The error is approximated from what there is (rows, or households as PSU); where the producer's
        table of variances is given, the larger of the two leads and the result says which.

        >>> Design.unpublished("ponderador").kind
        'unpublished'
        """
        return cls(weight=weight, psu=psu, kind="unpublished", gvf=gvf)

    @property
    def stratum_columns(self) -> tuple[str, ...]:
        """The expressions that together name the stratum; empty without strata."""
        return _columns(self.strata)

    @property
    def psu_columns(self) -> tuple[str, ...]:
        """The expressions that together name the PSU; empty when every row is its own PSU."""
        return _columns(self.psu)


def second_stage(design: Design) -> Design:
    """The design within PSUs: units of the second stage in PSUs as strata."""
    strata = (*design.stratum_columns, *design.psu_columns)
    strata = (*strata, design.ssu_strata) if design.ssu_strata else strata
    return replace(
        design,
        strata=strata,
        psu=design.ssu,
        fpc=design.ssu_fpc,
        nested=True,
        ssu=None,
        ssu_strata=None,
        ssu_fpc=None,
    )


def _columns(given: str | tuple[str, ...] | None) -> tuple[str, ...]:
    if given is None:
        return ()
    return (given,) if isinstance(given, str) else tuple(given)


def _contradictions(design: Design) -> Iterator[Problem]:
    if design.lonely_psu not in LONELY_CHOICES:
        yield _unknown("lonely_psu", design.lonely_psu, LONELY_CHOICES)
    if design.kind not in KINDS:
        yield _unknown("kind", design.kind, KINDS)
    if design.kind == "sample" and design.weight is None and design.fpc is None:
        yield problem("survey-no-weight", where="design")
    if design.kind == "full_count" and (design.strata or design.psu or design.fpc):
        yield problem("survey-contradiction", where="design", first="full_count", second="strata, psu, fpc")
    if design.kind == "clusters" and (design.weight or not design.psu):
        yield problem("survey-contradiction", where="design", first="clusters", second="weight")
    if design.ssu and not (design.psu and design.fpc and design.weight):
        yield problem("survey-second-stage", where="design")


def _unknown(kind: str, found: object, allowed: tuple[str, ...]) -> Problem:
    return problem(
        "unknown-name", where="design", kind=kind, found=found, allowed=allowed,
        nearest=nearest(str(found), allowed) or allowed[0],
    )  # fmt: skip
