"""From what is seen of a file to proposals: which column is which concept, and why.

Each concept of ``catalogue/proposals.yaml`` scores each column: its name (3 where it is one of the usual
names, 2 where it holds a usual word), its label (2, or 3 alone), labels of its values that lead to codes (2),
values in the shape of the concept (1). What speaks against it (a word, values of another shape) rules it out.
Pairs are taken from the best down, each concept and each column once; below 3 nothing is proposed.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from typing import Any

from ruamel.yaml import YAML

from caudal.harmonise.draft.reading import Described, Seen
from caudal.harmonise.standard import folded, standard_codes
from caudal.model.record import record_kinds

_LEAST = 3
_NUMBER = re.compile(r"[+-]?\d+([.,]\d+)?")
_UNKNOWN = re.compile(
    r"no sabe|nao sabe|don.?t know|ignorad|sin (dato|informac|declar)|missing|not stated|unknown|no especific"
)
_REFUSED = re.compile(r"no respond|nao respond|recus|refus|rehus|no contest|\bnr\b|ns/nr")
#: Formats that can put the label of a value beside it.
_LABELLED = ("spss", "stata", "sas", "fixed_width")
_COUNTRIES = (
    "birth_country_code",
    "citizenship_code",
    "previous_residence_code",
    "origin_country_code",
    "mother_birth_country_code",
    "father_birth_country_code",
    "counterpart_country_code",
)


@dataclass(frozen=True)
class Guess:
    """One proposal: the column, why, and the rules for its values."""

    concept: str
    column: str
    score: int
    reasons: tuple[str, ...]
    recode: Mapping[str, str] = field(default_factory=dict)
    unknown: tuple[str, ...] = ()
    refused: tuple[str, ...] = ()
    crosswalk: str = ""
    label: bool = False
    unnamed: tuple[str, ...] = ()


@dataclass(frozen=True)
class Proposal:
    """All proposals for a file, the kind of record that its rows seem to be, and what was not recognised."""

    kind: str
    guesses: tuple[Guess, ...]
    unrecognised: tuple[Seen, ...]


def propose(described: Described) -> Proposal:
    """What the columns of a file seem to be."""
    columns = described.columns
    scored = [
        (score, concept, place, reasons)
        for concept, rule in _rules()["concepts"].items()
        for place, column in enumerate(columns)
        for score, reasons in [_score(rule, column, described.rows)]
        if score >= _LEAST
    ]
    scored.sort(key=lambda s: (-s[0], s[2], s[1]))
    kind = _kind([(concept, place) for _, concept, place, _ in scored])
    mine = {c.name for c in record_kinds()[kind].columns}
    labelled = described.format["type"] in _LABELLED
    guesses: dict[str, Guess] = {}
    taken: set[int] = set()
    for score, concept, place, reasons in scored:
        if concept in mine and concept not in guesses and place not in taken:
            guesses[concept] = _guess(concept, columns[place], score, reasons, labelled)
            taken.add(place)
    order = [c.name for c in record_kinds()[kind].columns]
    ordered = tuple(sorted(guesses.values(), key=lambda g: order.index(g.concept)))
    return Proposal(kind, ordered, tuple(c for i, c in enumerate(columns) if i not in taken))


@cache
def _rules() -> Mapping[str, Any]:
    text = files("caudal.catalogue").joinpath("proposals.yaml").read_text(encoding="utf-8")
    rules: Mapping[str, Any] = YAML(typ="safe", pure=True).load(text)
    return rules


def _kind(found: Iterable[tuple[str, int]]) -> str:
    """The kind of which most signs are there, each by a column of its own."""
    concepts = {c for c, _ in found}
    shown = {
        kind: len(concepts & set(rule["signs"])) / len(rule["signs"])
        for kind, rule in _rules()["kinds"].items()
        if len(concepts & set(rule["signs"])) >= rule["least"]
    }
    if "person" in shown and {"age_years", "weight"} <= concepts:
        return "person"
    return max(shown, key=lambda k: shown[k]) if shown else "person"


def _score(rule: Mapping[str, Any], column: Seen, rows: int) -> tuple[int, tuple[str, ...]]:
    name, label = folded(column.name), folded(column.variable.label)
    said = re.sub(r"[_\W]+", " ", name).strip()
    against = [w for w in rule.get("not", ()) if re.search(w, label) or re.search(w, said)]
    if against and not any(re.search(w, label) for w in rule.get("unless", ())):
        return 0, ()
    if not _fits(rule.get("shape", "any"), column, rows):
        return 0, ()
    score, reasons = 0, []
    if re.sub(r"\W+", "_", name).strip("_") in rule.get("names", ()):
        score += 3
        reasons.append(f'"{column.name}" is a usual name')
    elif any(re.search(w, said) for w in rule.get("words", ())):
        score += 2
        reasons.append(f'the name reads "{said}"')
    if label and any(re.search(w, label) for w in rule.get("words", ())):
        score += 3 if score < 2 else 2
        reasons.append(f'the label reads "{column.variable.label}"')
    if not score:
        return 0, ()
    codes = _recode(rule, column)[0]
    if len(set(codes.values())) > 1:
        score += 2
        reasons.append("labels of values lead to codes")
    if rule.get("shape", "any") not in ("any", "text", "few", "place"):
        score += 1
        reasons.append(f"its values look like it ({column.distinct} different)")
    return score, tuple(reasons)


def _fits(shape: str, column: Seen, rows: int) -> bool:
    """Whether the values have the shape of a concept; an empty column has none."""
    values = [v for v, _ in column.values]
    if not values:
        return False
    numbers = [float(v.replace(",", ".")) for v in values if _NUMBER.fullmatch(v)]
    numeric = len(numbers) > 0.8 * len(values)
    largest = max(numbers, default=0.0)
    tests = {
        "any": True,
        "text": not numeric,
        "few": column.distinct <= 40,
        "sex": column.distinct <= 5,
        "yes_no": column.distinct <= 8,
        "age": numeric and largest <= 130 and column.distinct <= 140,
        "year": numeric and 1900 <= largest <= 2100,
        "few_or_year": column.distinct <= 40 or (numeric and 1900 <= largest <= 9999),
        "few_or_number": column.distinct <= 40 or numeric,
        "number": numeric and column.distinct > 8,
        "positive": numeric and min(numbers) >= 0 and column.distinct > 1,
        "count": numeric,
        "id": column.distinct > 1,
        "day": _looks_like_days(values),
        "period": _looks_like_periods(values),
        "place": True,
        "latitude": numeric and all(-90 <= n <= 90 for n in numbers),
        "longitude": numeric and all(-180 <= n <= 180 for n in numbers),
    }
    return tests[shape]


def _looks_like_days(values: Sequence[str]) -> bool:
    day = re.compile(r"\d{4}-\d\d-\d\d.*|\d{1,2}/\d{1,2}/\d{2,4}.*|\w+,? \w+ \d{1,2},? \d{4}.*|\d{8}")
    return sum(bool(day.fullmatch(v)) for v in values) > 0.8 * len(values)


def _looks_like_periods(values: Sequence[str]) -> bool:
    period = re.compile(r"(19|20)\d\d([-/ ]?\d\d?([-/ ]\d\d?)?)?.*|\d{1,2}/(19|20)\d\d|\d{1,2}")
    return sum(bool(period.fullmatch(v)) for v in values) > 0.8 * len(values)


def _guess(concept: str, column: Seen, score: int, reasons: tuple[str, ...], labelled: bool) -> Guess:
    rule = _rules()["concepts"][concept]
    labels = column.variable.values
    recode, unknown, refused = _recode(rule, column)
    countries = _countries(concept, column) if rule.get("shape") == "place" else None
    if countries is not None:
        by_label, why = countries
        reasons = (*reasons, why)
        if labelled or not by_label:
            name = "standard:country_names"
            return Guess(concept, column.name, score, reasons, crosswalk=name, label=by_label)
        known, _ = standard_codes("standard:country_names")
        recode = {v: known[folded(t)] for v, t in labels.items() if folded(t) in known}
    usual = {str(k): str(v) for k, v in rule.get("usual", {}).items()}
    values = {v for v, _ in column.values}
    if not recode and usual and len(values & set(usual)) >= min(2, len(usual)):
        recode = {k: v for k, v in usual.items() if k in values}
        reasons = (*reasons, "its values have no labels: the usual order is taken")
    coded = bool(recode) or "values" in rule or "usual" in rule
    open_ = [v for v in (labels or values) if v not in recode and v not in unknown and v not in refused]
    unnamed = tuple(sorted(open_)[:12]) if coded else ()
    return Guess(concept, column.name, score, reasons, recode, unknown, refused, unnamed=unnamed)


def _countries(concept: str, column: Seen) -> tuple[bool, str] | None:
    """Whether values or labels are countries, and why it seems so."""
    known, _ = standard_codes("standard:country_names")
    labels = {v: folded(t) for v, t in column.variable.values.items()}
    named = [t for t in labels.values() if t in known]
    if len(named) >= 3 and len(named) >= 0.3 * len(labels):
        return True, f"{len(named)} of {len(labels)} labels are names of countries"
    values = [folded(v) for v, _ in column.values]
    there = [v for v in values if v in known]
    if concept in _COUNTRIES and len(there) >= 3 and len(there) >= 0.5 * len(values):
        return False, f"{len(there)} of {len(values)} values are countries"
    return None


def _recode(rule: Mapping[str, Any], column: Seen) -> tuple[dict[str, str], tuple[str, ...], tuple[str, ...]]:
    """Codes by the labels of values (or by values that are words), and those that mean no answer."""
    labels = dict(column.variable.values) or {
        v: v for v, _ in column.values if not _NUMBER.fullmatch(v) and column.distinct <= 40
    }
    recode: dict[str, str] = {}
    unknown: list[str] = []
    refused: list[str] = []
    for value, label in labels.items():
        text = re.sub(r"^\W*\d+\W+", "", folded(label))
        code = next(
            (c for c, words in rule.get("values", {}).items() if any(re.search(w, text) for w in words)), ""
        )
        if _REFUSED.search(text):
            refused.append(value)
        elif _UNKNOWN.search(text):
            unknown.append(value)
        elif code:
            recode[value] = str(code)
    return recode, tuple(unknown), tuple(refused)
