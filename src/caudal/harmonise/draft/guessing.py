"""From what is seen of a file to proposals: which column is which concept, and why.

Each concept of ``catalogue/proposals.yaml`` scores each column: its name (3 where it is one of the usual
names, 2 where it holds a usual word), its label (2, or 3 alone), labels of its values that lead to codes (2),
values in the shape of the concept (1). What speaks against it (a word, values of another shape) rules it out.
Pairs are taken from the best down, each concept and each column once; below 3 nothing is proposed.

What would be a confident mistake is asked instead of proposed: an identifier that does not tell the rows
apart, codes of periods where a year is meant. A guess that rests on a name alone, or on the usual order of
unlabelled values, is marked as unsure.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from importlib.resources import files
from typing import Any

from ruamel.yaml import YAML

from caudal.harmonise.draft.reading import Described, Seen
from caudal.harmonise.draft.saying import Said, said
from caudal.harmonise.no_answer import no_answer
from caudal.harmonise.standard import folded, standard_codes
from caudal.model.record import record_kinds

_LEAST = 3
_NUMBER = re.compile(r"[+-]?\d+([.,]\d+)?")
#: Values that producers use for "no answer" in columns of numbers, where the other values do not reach them.
_SENTINEL = re.compile(r"-\d+|9{2,}|9*8{1,3}|8{2,}|7{2,}")
_NUMBERS = ("age", "year", "few_or_year", "number", "positive", "count")
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
    """One proposal: the column, why, and the rules for its values. ``others`` are the columns that identify a
    row together with it, before it; ``unsure`` where little speaks for it."""

    concept: str
    column: str
    score: int
    reasons: tuple[Said, ...]
    recode: Mapping[str, str] = field(default_factory=dict)
    unknown: tuple[str, ...] = ()
    refused: tuple[str, ...] = ()
    not_applicable: tuple[str, ...] = ()
    crosswalk: str = ""
    label: bool = False
    unnamed: tuple[str, ...] = ()
    suspicious: tuple[str, ...] = ()
    others: tuple[str, ...] = ()
    unsure: bool = False


@dataclass(frozen=True)
class Question:
    """What a program must not decide: the concept that a column seems to be, and why it is not proposed."""

    concept: str
    column: str
    why: Said


@dataclass(frozen=True)
class Proposal:
    """All proposals for a file, the kind of record that its rows seem to be, what was not recognised, and
    what is asked."""

    kind: str
    guesses: tuple[Guess, ...]
    unrecognised: tuple[Seen, ...]
    questions: tuple[Question, ...] = ()


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
    asked: dict[str, Question] = {}
    taken: set[int] = set()
    for score, concept, place, reasons in scored:
        if concept not in mine or concept in guesses or place in taken:
            continue
        if why := _doubt(concept, columns[place]):
            asked.setdefault(concept, Question(concept, columns[place].name, why))
            continue
        guesses[concept] = _guess(concept, columns[place], score, reasons, labelled)
        taken.add(place)
    identified, unidentified = _identified(described, kind, guesses)
    order = [c.name for c in record_kinds()[kind].columns]
    ordered = tuple(sorted(identified.values(), key=lambda g: order.index(g.concept)))
    questions = (*unidentified, *(q for c, q in asked.items() if c not in guesses))
    read = {c for g in ordered for c in (g.column, *g.others)}
    return Proposal(kind, ordered, tuple(c for c in columns if c.name not in read), questions)


def _doubt(concept: str, column: Seen) -> Said | None:
    """Why a column is not proposed although it seems to be a concept: its values are codes of periods."""
    if _rules()["concepts"][concept].get("shape") not in ("year", "few_or_year"):
        return None
    numbers = [v for v, _ in column.values if _NUMBER.fullmatch(v) and not _SENTINEL.fullmatch(v)]
    if any(1800 <= float(v.replace(",", ".")) <= 2100 for v in numbers):
        return None
    labels = column.variable.values
    shown = ", ".join(f"{v} = {labels[v]}" if v in labels else v for v in sorted(numbers, key=float)[:4])
    shown = shown or ", ".join(v for v, _ in column.values[:4])
    return said("codes-not-years", column=column.name, concept=concept, values=shown)


def _identified(
    described: Described, kind: str, guesses: Mapping[str, Guess]
) -> tuple[dict[str, Guess], tuple[Question, ...]]:
    """The guesses with identifiers of records that tell the rows apart, and a question for each that does
    not."""
    found, questions = dict(guesses), []
    by_name = {c.name: c for c in described.columns}
    keys = [k for k in record_kinds()[kind].key if k in guesses and k.endswith(("_key", "_id"))]
    for concept in keys if len(keys) == 1 else ():
        guess, column = guesses[concept], by_name[guesses[concept].column]
        rows = min(described.rows, described.looked)
        if column.distinct == column.filled == rows:
            found[concept] = replace(
                guess, reasons=(*guess.reasons, said("key-unique", rows=rows)), unsure=False
            )
        elif described.key:
            last = guess.column if guess.column in described.key else described.key[-1]
            others = tuple(c for c in described.key if c != last)
            reasons = (*guess.reasons, said("key-together", rows=rows))
            found[concept] = replace(guess, column=last, others=others, reasons=reasons, unsure=True)
        else:
            del found[concept]
            facts = {"distinct": column.distinct, "rows": rows, "blank": rows - column.filled}
            why = said("key-repeats", column=column.name, concept=concept, **facts)
            questions.append(Question(concept, column.name, why))
    return found, tuple(questions)


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


def _score(rule: Mapping[str, Any], column: Seen, rows: int) -> tuple[int, tuple[Said, ...]]:
    name, label = folded(column.name), folded(column.variable.label)
    spelt = re.sub(r"[_\W]+", " ", name).strip()
    against = [w for w in rule.get("not", ()) if re.search(w, label) or re.search(w, spelt)]
    if against and not any(re.search(w, label) for w in rule.get("unless", ())):
        return 0, ()
    if not _fits(rule.get("shape", "any"), column, rows):
        return 0, ()
    score, reasons = 0, []
    if re.sub(r"\W+", "_", name).strip("_") in rule.get("names", ()):
        score += 3
        reasons.append(said("usual-name", name=column.name))
    elif any(re.search(w, spelt) for w in rule.get("words", ())):
        score += 2
        reasons.append(said("name-reads", text=spelt))
    if label and any(re.search(w, label) for w in rule.get("words", ())):
        score += 3 if score < 2 else 2
        reasons.append(said("label-reads", text=column.variable.label))
    if not score:
        return 0, ()
    codes = _recode(rule, column)[0]
    if len(set(codes.values())) > 1:
        score += 2
        reasons.append(said("labels-lead"))
    if rule.get("shape", "any") not in ("any", "text", "few", "place"):
        score += 1
        reasons.append(said("values-fit", count=column.distinct))
    return score, tuple(reasons)


def _fits(shape: str, column: Seen, rows: int) -> bool:
    """Whether the values have the shape of a concept; an empty column has none."""
    values = [v for v, _ in column.values]
    if not values:
        return False
    beside = {*_suspicious(column), *_recode({}, column)[1].every}
    values = [v for v in values if v not in beside] or values
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


def _guess(concept: str, column: Seen, score: int, reasons: tuple[Said, ...], labelled: bool) -> Guess:
    rule = _rules()["concepts"][concept]
    labels = column.variable.values
    recode, missing = _recode(rule, column)
    unsure = score == _LEAST and not column.variable.label
    countries = _countries(concept, column) if rule.get("shape") == "place" else None
    if countries is not None:
        by_label, why = countries
        reasons, unsure = (*reasons, why), False
        if labelled or not by_label:
            name = "standard:country_names"
            return Guess(
                concept,
                column.name,
                score,
                reasons,
                not_applicable=() if by_label else missing.not_applicable,
                crosswalk=name,
                label=by_label,
                unsure=unsure,
            )
        known, _ = standard_codes("standard:country_names")
        recode = {v: known[folded(t)] for v, t in labels.items() if folded(t) in known}
    usual = {str(k): str(v) for k, v in rule.get("usual", {}).items()}
    values = {v for v, _ in column.values}
    if not recode and usual and len(values & set(usual)) >= min(2, len(usual)):
        recode = {k: v for k, v in usual.items() if k in values}
        reasons, unsure = (*reasons, said("usual-order")), True
    coded = bool(recode) or "values" in rule or "usual" in rule
    told = {*recode, *missing.every}
    unnamed = tuple(sorted(v for v in (labels or values) if v not in told)[:12]) if coded else ()
    numbers = rule.get("shape") in _NUMBERS and not recode
    doubtful = tuple(v for v in _suspicious(column) if v not in told) if numbers else ()
    return Guess(
        concept,
        column.name,
        score,
        reasons,
        recode,
        missing.unknown,
        missing.refused,
        missing.not_applicable,
        unnamed=unnamed,
        suspicious=doubtful,
        unsure=unsure,
    )


def _suspicious(column: Seen) -> Iterator[str]:
    """Unlabelled values of a column of numbers that look like codes of no answer: below zero, or of nines
    (eights, sevens) and above twice what the others reach."""
    numbers = {v: float(v.replace(",", ".")) for v, _ in column.values if _NUMBER.fullmatch(v)}
    usual = [n for v, n in numbers.items() if not _SENTINEL.fullmatch(v)]
    for value, number in sorted(numbers.items(), key=lambda item: item[1]):
        far = number < 0 <= min(usual, default=0.0) or number > 2 * max(usual, default=0.0) > 0
        if _SENTINEL.fullmatch(value) and far and value not in column.variable.values:
            yield value


def _countries(concept: str, column: Seen) -> tuple[bool, Said] | None:
    """Whether values or labels are countries, and why it seems so."""
    known, _ = standard_codes("standard:country_names")
    labels = {v: folded(t) for v, t in column.variable.values.items()}
    named = [t for t in labels.values() if t in known]
    if len(named) >= 3 and len(named) >= 0.3 * len(labels):
        return True, said("countries-labels", named=len(named), all=len(labels))
    values = [folded(v) for v, _ in column.values]
    there = [v for v in values if v in known]
    if concept in _COUNTRIES and len(there) >= 3 and len(there) >= 0.5 * len(values):
        return False, said("countries-values", named=len(there), all=len(values))
    return None


@dataclass(frozen=True)
class _Missing:
    """Values that mean no answer, by their labels."""

    unknown: tuple[str, ...] = ()
    refused: tuple[str, ...] = ()
    not_applicable: tuple[str, ...] = ()

    @property
    def every(self) -> tuple[str, ...]:
        """All of them."""
        return (*self.unknown, *self.refused, *self.not_applicable)


def _recode(rule: Mapping[str, Any], column: Seen) -> tuple[dict[str, str], _Missing]:
    """Codes by the labels of values (or by values that are words), and those that mean no answer."""
    labels = dict(column.variable.values) or {
        v: v for v, _ in column.values if not _NUMBER.fullmatch(v) and column.distinct <= 40
    }
    recode: dict[str, str] = {}
    found: dict[str, list[str]] = {"refused": [], "unknown": [], "not_applicable": []}
    for value, label in labels.items():
        text = re.sub(r"^\W*\d+\W+", "", folded(label))
        kind = no_answer(label)
        codes = (c for c, words in rule.get("values", {}).items() if any(re.search(w, text) for w in words))
        if kind:
            found[kind].append(value)
        elif code := next(codes, ""):
            recode[value] = str(code)
    return recode, _Missing(**{k: tuple(v) for k, v in found.items()})
