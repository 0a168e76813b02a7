"""The frame of a sample: its strata and PSUs, checked before anything is estimated.

The number of PSUs of a stratum, n_h, is that of the whole sample, never of a domain: a PSU without
members of the domain is a zero, not an absence (Lumley 2010, ch. 2.1; Särndal et al. 1992, ch. 10).

Refused: missing strata, PSUs or weights; negative weights; codes of PSUs that occur in two strata
without a word on nesting; a correction that contradicts the sample; lonely PSUs without a choice.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from caudal.errors import CaudalError, Problem, problem
from caudal.estimate.survey.coding import Coding, Key, plain
from caudal.estimate.survey.design import Design
from caudal.estimate.survey.source import Source

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Frame:
    """Strata (H) and PSUs (P, sorted by stratum) of the whole sample.

    ``keys`` (sorted) are the row keys of the PSUs and ``order`` their positions; both are empty when
    every row is its own PSU. ``n_h`` counts sampled PSUs, ``population_h`` those in the population (inf
    without a correction).
    """

    rows_n: int
    stratum_of_psu: Ints
    n_h: Floats
    population_h: Floats
    keys: Ints
    order: Ints
    key_size: int
    psu_categories: dict[str, Ints]
    stratum_codes: Ints
    stratum_labels: tuple[str, ...]

    @property
    def has_psu(self) -> bool:
        """Whether rows are grouped into PSUs."""
        return self.keys.size > 0

    @property
    def equal_weight_h(self) -> Floats:
        """N_h / n_h, the weight of a row in a design without weights; 1 without a correction."""
        return np.where(np.isinf(self.population_h), 1.0, self.population_h / self.n_h)

    @property
    def unsampled_h(self) -> Floats:
        """1 - f_h, the share of PSUs that were not sampled."""
        with np.errstate(invalid="ignore"):
            share = (self.population_h - self.n_h) / self.population_h
        return np.where(np.isinf(self.population_h), 1.0, share)

    @property
    def lonely_h(self) -> npt.NDArray[np.bool_]:
        """Strata with one sampled PSU that was not taken with certainty."""
        lonely: npt.NDArray[np.bool_] = (self.n_h == 1) & (self.unsampled_h >= 1e-7)
        return lonely

    def psu_index(self, key: Ints) -> Ints:
        """The position of the PSU of each row key."""
        if self.key_size <= 1 << 24:
            table = self._table()
            return table[key]
        return self.order[np.searchsorted(self.keys, key)]

    def _table(self) -> Ints:
        cached = self.__dict__.get("_lookup")
        if cached is None:
            cached = np.zeros(self.key_size, dtype=np.int64)
            cached[self.keys] = self.order
            object.__setattr__(self, "_lookup", cached)
        found: Ints = cached
        return found


@dataclass(frozen=True)
class DesignSql:
    """The design's columns as checked SQL."""

    weight: str
    strata: tuple[str, ...]
    psu: tuple[str, ...]
    fpc: str | None


def read_frame(
    source: Source, design: Design, sql: DesignSql, coded: Mapping[str, Coding], candidates: Sequence[str]
) -> Frame:
    """The frame of the whole sample; raises one error with every fault of the design.

    ``candidates`` are breakdowns that seem constant within PSUs: those that are, are kept in
    ``psu_categories``.
    """
    stratum = Key(tuple(coded[c] for c in sql.strata))
    psu = Key(tuple(coded[c] for c in sql.psu))
    grouped = _grouped(source, sql, stratum, psu, [coded[c] for c in candidates])
    h = stratum.decoded([grouped[n] for n in stratum.names("h")])
    i = psu.decoded([grouped[n] for n in psu.names("i")])
    order = np.lexsort((i, h))
    h, i, n = h[order], i[order], plain(grouped["n"])[order].astype(np.int64)
    first, nested = np.unique(h, return_inverse=True)
    names = [stratum.label(k) for k in first]
    problems = list(_missing(sql, coded)) + list(_nesting(design, sql, psu, i))
    n_h = np.bincount(nested, weights=None if sql.psu else n).astype(np.float64)
    fpc = np.stack([np.asarray(plain(grouped[k]), dtype=np.float64)[order] for k in ("low", "high", "known")])
    population, faults = _population(n_h, nested, fpc, n, sql.fpc, names)
    problems += faults
    if problems:
        raise CaudalError(*problems)
    key = h * psu.size + i if design.nested else i
    position = np.argsort(key, kind="stable")
    none = np.zeros(0, dtype=np.int64)
    return Frame(
        rows_n=int(n.sum()),
        stratum_of_psu=nested if sql.psu else none,
        n_h=n_h,
        population_h=population,
        keys=key[position] if sql.psu else none,
        order=position if sql.psu else none,
        key_size=psu.size * (stratum.size if design.nested else 1),
        psu_categories=_constant(grouped, candidates, order),
        stratum_codes=first,
        stratum_labels=tuple(names),
    )


def _grouped(
    source: Source, sql: DesignSql, stratum: Key, psu: Key, candidates: Sequence[Coding]
) -> pa.Table:
    keys = [*stratum.select("h"), *psu.select("i")]
    fpc = f"CAST({sql.fpc} AS DOUBLE)" if sql.fpc else "CAST(NULL AS DOUBLE)"
    ends = [f"min({c.select}) AS a{k}, max({c.select}) AS b{k}" for k, c in enumerate(candidates)]
    sums = [f"count(*) AS n, min({fpc}) AS low, max({fpc}) AS high, count({fpc}) AS known", *ends]
    positions = ", ".join(str(k + 1) for k in range(len(keys)))
    query = f"SELECT {', '.join(keys + sums)} FROM {source.relation} GROUP BY {positions}"
    return source.connection.sql(query).to_arrow_table()


def _constant(grouped: pa.Table, candidates: Sequence[str], order: Ints) -> dict[str, Ints]:
    ends = {c: (plain(grouped[f"a{k}"]), plain(grouped[f"b{k}"])) for k, c in enumerate(candidates)}
    return {c: low[order].astype(np.int64) for c, (low, high) in ends.items() if np.array_equal(low, high)}


def _missing(sql: DesignSql, coded: Mapping[str, Coding]) -> Iterator[Problem]:
    for column in (*sql.strata, *sql.psu):
        if coded[column].missing_n:
            yield problem("survey-design-missing", count=coded[column].missing_n, column=column)


def _nesting(design: Design, sql: DesignSql, psu: Key, i: Ints) -> Iterator[Problem]:
    if not (sql.psu and sql.strata) or design.nested:
        return
    codes, counts = np.unique(i, return_counts=True)
    repeated = codes[counts > 1]
    if repeated.size:
        yield problem(
            "survey-nested", where="design.nested", count=int(repeated.size), example=psu.label(repeated[0])
        )


def _population(
    n_h: Floats, nested: Ints, fpc: Floats, n: Ints, column: str | None, labels: Sequence[str]
) -> tuple[Floats, list[Problem]]:
    """PSUs in the population of each stratum, from counts or from sampling fractions."""
    if column is None:
        return np.full(n_h.shape, np.inf), []
    low, high, known = fpc.astype(np.float64)
    missing = int(n.sum() - known.sum())
    if missing:
        return n_h, [problem("survey-design-missing", count=missing, column=column)]
    smallest = np.full(n_h.shape, np.inf)
    largest = np.zeros(n_h.shape)
    np.minimum.at(smallest, nested, low)
    np.maximum.at(largest, nested, high)
    is_share = bool(np.all(largest <= 1))
    with np.errstate(divide="ignore"):
        population = n_h / largest if is_share else largest
    faults = []
    for wrong, reason in (
        (smallest != largest, "it varies within the stratum"),
        ((smallest <= 0) | (not is_share and smallest < 1), "it mixes shares and counts, or is not positive"),
        (population < n_h * (1 - 1e-12), "it is below the number sampled"),
    ):
        if np.any(wrong):
            strata = [labels[int(k)] for k in np.flatnonzero(wrong)]
            faults.append(
                problem("survey-fpc", where="design.fpc", count=len(strata), strata=strata, reason=reason)
            )
    return population, faults
