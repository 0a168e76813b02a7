"""The reconciliation of counts, and the thresholds that block a release.

Rows in = records + quarantined + left out, for every delivery; a build in which they do not agree is
wrong, and stops. A release is refused when the share of quarantined rows, or of values of one concept that
no rule named, is above what the source's spec allows.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

from caudal.errors import CaudalError, Problem, problem
from caudal.harmonise.held import Frequent, HeldRows, Share
from caudal.harmonise.samples import Samples, other_mark
from caudal.model.release import Reconciliation
from caudal.model.source import SourceSpec


def checked(found: Reconciliation, delivery: str) -> Reconciliation:
    """``found``, whose counts agree. Raises :class:`CaudalError` (integrity) where they do not."""
    if found.rows_in != found.records + found.quarantined + found.left_out:
        counts = found.model_dump(include={"rows_in", "records", "quarantined", "left_out"})
        raise CaudalError(problem("counts-differ", where=delivery, **counts))
    return found


def added(parts: Iterable[Reconciliation]) -> Reconciliation:
    """The reconciliation of several deliveries together.

    >>> a = Reconciliation(rows_in=3, records=2, quarantined=1, quarantined_by_reason={"negative-weight": 1})
    >>> added([a, a]).quarantined_by_reason
    {'negative-weight': 2}
    """
    found = list(parts)

    def together(name: str) -> dict[str, int]:
        total: Counter[str] = Counter()
        for part in found:
            total.update(getattr(part, name))
        return dict(sorted(total.items()))

    numbers = {
        n: sum(getattr(p, n) for p in found) for n in ("rows_in", "records", "quarantined", "left_out")
    }
    names = ("quarantined_by_reason", "recoded_to_unknown", "warnings", "corrections")
    return Reconciliation(**numbers, **{n: together(n) for n in names})


def excessive(source: SourceSpec, found: Reconciliation) -> list[str]:
    """Concepts of which more values were named by no rule than ``source`` allows."""
    return [
        concept
        for concept, values in sorted(found.recoded_to_unknown.items())
        if found.records and values / found.records > source.thresholds.recoded_to_unknown
    ]


def threshold_problems(
    source: SourceSpec,
    found: Reconciliation,
    delivery: str = "",
    *,
    samples: Mapping[str, Samples] | None = None,
    footer: int = 0,
    held: Sequence[HeldRows] = (),
) -> list[Problem]:
    """Why a release with these counts is refused; empty where it is not. ``samples`` are values of concepts
    that no rule named, ``footer`` the rows at the end of a file that are all quarantined, ``held`` the counts
    of the quarantine with the places to look at."""
    where = delivery or source.source
    problems = []
    share = found.quarantined / found.rows_in if found.rows_in else 0.0
    if share > source.thresholds.quarantined:
        reasons = held or [HeldRows(r, n) for r, n in sorted(found.quarantined_by_reason.items())]
        allowed = Share(source.thresholds.quarantined)
        problems.append(
            problem("too-many-quarantined", where=where, found=Share(share), allowed=allowed, reasons=reasons)
        )
        if footer:
            problems.append(problem("footer-undeclared", where=where, rows=footer))
    for concept in excessive(source, found):
        values = (samples or {}).get(concept, ())
        problems.append(_too_many_unknown(source, found, concept, values, where))
    return problems


def _too_many_unknown(
    source: SourceSpec, found: Reconciliation, concept: str, values: Samples, where: str
) -> Problem:
    share = found.recoded_to_unknown[concept] / found.records
    shown = [Frequent(value, n) for value, n in values]
    decimal, _ = next(iter(source.tables.values())).format.marks
    mark = other_mark(values, decimal)
    code = "decimal-mark" if mark else "too-many-unknown"
    return problem(
        code,
        where=where,
        concept=concept,
        found=Share(share),
        allowed=Share(source.thresholds.recoded_to_unknown),
        values=shown,
        declared=decimal,
        mark=mark,
    )
