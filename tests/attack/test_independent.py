"""An attacker of whole releases who was written apart from the gate: he reads figures, knows definitions.

Shares are printed to twelve digits, so each is a fraction in lowest terms, and its numerator and
denominator are known multiples. What the fractions, the margins and the definitions (the employed are active,
those whose contract is known are employed) leave of every count follows by narrowing intervals of integers,
then by integer programmes.
"""

from collections.abc import Iterator
from fractions import Fraction
from itertools import product
from math import gcd, inf, lcm

import numpy as np
import pyarrow as pa
import pytest
from scipy.optimize import Bounds, LinearConstraint, milp

from caudal.model.indicator import IndicatorSpec
from caudal.model.observation import conform
from caudal.model.protection import ProtectionPolicy
from caudal.protect import protect_release

Cell = tuple[str, tuple[str, ...]]
DIMENSIONS = {"sex": ("F", "M"), "migratory_status": ("NB", "FB"), "age": ("Y15T24", "Y25T54", "Y_GE55")}
TABLES = (
    (),
    ("sex",),
    ("migratory_status",),
    ("age",),
    ("sex", "migratory_status"),
    ("migratory_status", "age"),
)
SOME = "activity_status_code IN ('EMP', 'UNE', 'OLF')"
ACTIVE = "activity_status_code IN ('EMP', 'UNE')"
EMPLOYED = "activity_status_code = 'EMP'"
KNOWN = "informal_code IN ('Y', 'N')"
#: indicator -> universe, numerator, denominator; then the sets that an attacker calls them.
DEFINED = {
    "activity_rate": ("TRUE", ACTIVE, SOME, "active", "persons"),
    "employment_rate": ("TRUE", EMPLOYED, SOME, "employed", "persons"),
    "unemployment_rate": ("TRUE", "activity_status_code = 'UNE'", ACTIVE, "unemployed", "active"),
    "informality_rate": (EMPLOYED, "informal_code = 'Y'", KNOWN, "informal", "known"),
}
WITHIN = (("active", "persons"), ("employed", "active"), ("known", "employed"), ("informal", "known"))


def specs() -> list[IndicatorSpec]:
    return [
        IndicatorSpec.model_validate(
            {
                "indicator": name,
                "version": "1",
                "unit": "PT",
                "scale": 100,
                "proportion": True,
                "population": "any",
                "family": "labour",
                "text": {"name": {"en": name}, "definition": {"en": name}, "headline": {"en": name}},
                "formulas": [
                    {"kind": "person", "universe": universe, "numerator": top, "denominator": bottom}
                ],
                "breakdowns": [],
            }
        )
        for name, (universe, top, bottom, *_) in DEFINED.items()
    ]


def country(seed: int) -> dict[str, np.ndarray]:
    """Persons by the finest cells, set by set: few of those born abroad, nearly all contracts known."""
    rng = np.random.default_rng(seed)
    shape = tuple(len(c) for c in DIMENSIONS.values())
    persons = rng.integers(300, 900, shape)
    persons[:, 1] = rng.integers(10, 50, (shape[0], shape[2]))
    active = rng.binomial(persons, 0.7)
    employed = rng.binomial(active, 0.92)
    known = rng.binomial(employed, 0.99)
    sets = {"persons": persons, "active": active, "employed": employed, "unemployed": active - employed}
    return sets | {"known": known, "informal": rng.binomial(known, 0.5)}


def keys() -> Iterator[tuple[str, ...]]:
    for table in TABLES:
        yield from product(*[codes if d in table else ("_T",) for d, codes in DIMENSIONS.items()])


def total(counts: np.ndarray, key: tuple[str, ...]) -> int:
    at = tuple(
        slice(None) if c == "_T" else slice(codes.index(c), codes.index(c) + 1)
        for c, codes in zip(key, DIMENSIONS.values(), strict=True)
    )
    return int(counts[at].sum())


def observations(sets: dict[str, np.ndarray]) -> pa.Table:
    rows = []
    for name, (*_, top, bottom) in DEFINED.items():
        for key in keys():
            cases, n = total(sets[top], key), total(sets[bottom], key)
            rows.append(
                {
                    "indicator_code": name,
                    "indicator_version": "1",
                    "reporter_code": "XX",
                    "reference_area_code": "XX",
                    "time_period": "2024",
                    **{f"{d}_code": c for d, c in zip(DIMENSIONS, key, strict=True)},
                    "source_code": "census",
                    "concept_vector": "",
                    "vintage": "2024-01",
                    "value": float(f"{100 * cases / n:.12g}"),
                    "sample_n": n,
                    "cases_n": cases,
                    "unit_code": "PT",
                }
            )
    return conform(pa.Table.from_pylist(rows), list(DIMENSIONS))


class Attacker:
    """Rows ``low <= sum of coefficient x count <= high`` over counts, and what they leave of each count."""

    def __init__(self, published: pa.Table, persons: dict[tuple[str, ...], int]) -> None:
        self.cells: dict[Cell, int] = {}
        self.rows: list[tuple[dict[int, int], float]] = []
        self.step: dict[int, int] = {}
        self.least: dict[int, int] = {}
        for key, n in persons.items():
            self._add({("persons", key): 1, ("told", ()): -n}, 0)
        for row in published.to_pylist():
            key = tuple(str(row[f"{d}_code"]) for d in DIMENSIONS)
            top, bottom = DEFINED[row["indicator_code"]][3:]
            if row["value"] is not None:
                self._share((top, key), (bottom, key), row["value"])
        for key in keys():
            self._add({("unemployed", key): 1, ("employed", key): 1, ("active", key): -1}, 0)
            for small, large in WITHIN:
                self._add({(large, key): 1, (small, key): -1}, inf)
            for name, axis in product({n for n, _ in self.cells} - {"told"}, range(len(key))):
                self._margin(name, key, axis)
        self.low = [self.least.get(j, 0) for j in range(len(self.cells))]
        self.high = [10**6] * len(self.cells)
        told = self.cells["told", ()]
        self.low[told] = self.high[told] = 1

    def _at(self, cell: Cell) -> int:
        return self.cells.setdefault(cell, len(self.cells))

    def _add(self, terms: dict[Cell, int], high: float) -> None:
        self.rows.append(({self._at(c): v for c, v in terms.items() if v}, high))

    def _share(self, top: Cell, bottom: Cell, value: float) -> None:
        share = Fraction(value / 100).limit_denominator(20_000)
        self._add({top: share.denominator, bottom: -share.numerator}, 0)
        for cell, multiple in ((top, share.numerator), (bottom, share.denominator)):
            at = self._at(cell)
            self.step[at] = lcm(self.step.get(at, 1), multiple or 1)
            self.least[at] = max(self.least.get(at, 0), multiple)  # of nobody there is no share

    def _margin(self, name: str, key: tuple[str, ...], axis: int) -> None:
        codes = list(DIMENSIONS.values())[axis]
        parts = [(*key[:axis], c, *key[axis + 1 :]) for c in codes]
        if key[axis] == "_T" and parts[0] in set(keys()):
            self._add({(name, key): -1, **{(name, p): 1 for p in parts}}, 0)

    def narrow(self) -> None:
        """Intervals of integers, row by row, until nothing changes."""
        changed = True
        while changed:
            changed = False
            for terms, top in self.rows:
                least = {j: v * (self.low[j] if v > 0 else self.high[j]) for j, v in terms.items()}
                most = {j: v * (self.high[j] if v > 0 else self.low[j]) for j, v in terms.items()}
                for j, v in terms.items():
                    ends = [-(sum(most.values()) - most[j]), top - (sum(least.values()) - least[j])]
                    changed |= self._cut(j, v, *ends)
                    least[j] = v * (self.low[j] if v > 0 else self.high[j])
                    most[j] = v * (self.high[j] if v > 0 else self.low[j])

    def _cut(self, j: int, v: int, low: float, high: float) -> bool:
        """``low <= v x <= high`` for a multiple of the step of ``j``."""
        if v < 0:
            low, high, v = -high, -low, -v
        step = self.step.get(j, 1)
        before = self.low[j], self.high[j]
        if low > -inf:
            self.low[j] = max(self.low[j], -(-int(low) // (v * step)) * step)
        if high < inf:
            self.high[j] = min(self.high[j], int(high) // (v * step) * step)
        assert self.low[j] <= self.high[j], "the attacker knows something that is not true"
        return before != (self.low[j], self.high[j])

    def interval(self, cell: Cell) -> tuple[int, int]:
        """The least and the largest integer, by two integer programmes over what is left open."""
        matrix = np.zeros((len(self.rows), len(self.cells)))
        for i, (terms, _) in enumerate(self.rows):
            for j, v in terms.items():
                matrix[i, j] = v / gcd(*terms.values())
        held = LinearConstraint(matrix, 0, [top for _, top in self.rows])
        ends = []
        for sign in (1, -1):
            aim = np.zeros(len(self.cells))
            aim[self.cells[cell]] = sign
            found = milp(
                aim, integrality=np.ones_like(aim), constraints=held, bounds=Bounds(self.low, self.high)
            )
            assert found.status == 0, found.message
            ends.append(round(sign * found.fun))
        return ends[0], ends[1]


@pytest.mark.parametrize("seed", range(6))
def test_definitions_and_exact_shares_leave_every_small_count_four_values(seed: int) -> None:
    """The withheld unemployed of a group are no more than the active less those whose contract is known."""
    sets = country(seed)
    released, _ = protect_release(observations(sets), ProtectionPolicy(never_crossed=()), indicators=specs())
    reader = Attacker(released, {k: total(sets["persons"], k) for k in keys()})
    reader.narrow()
    small = [(name, k) for name in sets for k in keys() if 0 < total(sets[name], k) < 5]
    assert small, "nobody to protect: the test says nothing"
    for cell in small:
        low, high = reader.interval(cell)
        assert low <= total(sets[cell[0]], cell[1]) <= high
        assert high - low >= 3, (cell, low, high, total(sets[cell[0]], cell[1]))
