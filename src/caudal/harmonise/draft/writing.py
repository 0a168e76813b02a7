"""A proposal as a source file: YAML that a person reads, corrects and confirms line by line."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from caudal.engine.files import sha256_file
from caudal.harmonise.draft.guessing import Guess, Proposal
from caudal.harmonise.draft.reading import Described
from caudal.harmonise.draft.saying import said

_HEAD = ("title", "producer", "origin", "licence", "concept")
_SHOWN = 6


def draft_text(
    described: Described,
    proposal: Proposal,
    *,
    source: str,
    period: str,
    data: str = "",
    language: str = "en",
) -> str:
    """The source file that is proposed, called ``source``, for the delivery of ``period``; what it says
    beside its lines is in ``language``."""
    return "\n".join(_Writer(described, proposal, language).lines(source, period, data)) + "\n"


@dataclass(frozen=True)
class _Writer:
    """One proposal, written for readers of one language."""

    described: Described
    proposal: Proposal
    language: str

    def lines(self, source: str, period: str, data: str) -> Iterator[str]:
        yield from self.head(source, data)
        yield "columns:"
        for guess in self.proposal.guesses:
            yield from self.concept(guess)
        for question in self.proposal.questions:
            yield f"  # {self.say('ask')} {question.why.text(self.language)}"
            yield f"  # {question.concept}: {{from: {_scalar(question.column)}}}"
        yield ""
        yield from self.design()
        yield from self.deliveries(period)
        yield from self.unrecognised()

    def say(self, key: str, **facts: Any) -> str:
        return said(key, **facts).text(self.language)

    @property
    def mark(self) -> str:
        return f"# {self.say('confirm')}"

    def head(self, source: str, data: str) -> Iterator[str]:
        described, proposal = self.described, self.proposal
        names = [*_HEAD, *(g.concept for g in proposal.guesses), *(["design"] if self.weighted else [])]
        file = described.file.name
        if described.dictionary:
            file = self.say("and", first=file, second=described.dictionary)
        yield f"# {self.say('head', file=file, rows=described.rows)}"
        yield f"# {self.say('head-next')}"
        yield "unconfirmed:"
        yield from (f"  - {name}" for name in names)
        yield ""
        yield f"source: {source}"
        words = _scalar(described.file.name)
        yield f"title: {{es: {words}, pt: {words}, en: {words}}}  {self.mark} {self.say('title')}"
        for name in ("producer", "origin", "licence"):
            yield f'{name}: ""  {self.mark} {self.say(name)}'
        yield f"kind: {proposal.kind}"
        kind = "survey" if self.weighted else "administrative"
        scope = ", scope: general_population" if proposal.kind == "person" else ""
        concept = f"{{source_type: {kind}{scope}, coverage: national}}"
        yield f"concept: {concept}  {self.mark} {self.say('concept')}"
        yield from [f"data: {_scalar(data)}"] if data else []
        yield from ["", "tables:"]
        labels = [g.column for g in proposal.guesses if g.label]
        form = {**described.format, **({"labels": labels} if labels else {})}
        yield "  main:"
        yield f"    format: {_flow(form)}"
        named = [g.concept for g in proposal.guesses] + [q.concept for q in proposal.questions]
        if proposal.kind == "person" and not any(n.endswith("_key") for n in named):
            yield f"    # {self.say('no-key')}"
        yield ""

    def concept(self, guess: Guess) -> Iterator[str]:
        mark = f"# {self.say('unsure')}" if guess.unsure else self.mark
        yield f"  {mark} {'; '.join(r.text(self.language) for r in guess.reasons)}"
        yield f"  {guess.concept}: {_flow(_spec(guess))}"
        if guess.unnamed:
            yield f"    # {self.say('no-code', values=', '.join(_scalar(v) for v in guess.unnamed))}"
        missing = (*guess.unknown, *guess.refused, *guess.not_applicable)
        if missing:
            yield f"    # {self.say('labelled-missing', values=', '.join(_scalar(v) for v in missing))}"
        if guess.suspicious:
            listed = ", ".join(_scalar(v) for v in guess.suspicious)
            yield f"    # {self.say('ask')} {self.say('may-be-missing', values=listed, listed=listed)}"

    @property
    def weighted(self) -> bool:
        return any(g.concept == "weight" for g in self.proposal.guesses)

    def design(self) -> Iterator[str]:
        there = {g.concept for g in self.proposal.guesses}
        if "weight" not in there:
            return
        parts = {"type": "sample", "weight": "weight"}
        parts |= {"strata": "stratum"} if "stratum" in there else {}
        parts |= {"psu": "psu"} if "psu" in there else {}
        both = {"stratum", "psu"} <= there
        yield f"{self.mark} {self.say('design')}{'' if both else self.say('design-part')}"
        yield f"design: {_flow(parts)}"
        yield ""

    def deliveries(self, period: str) -> Iterator[str]:
        file = self.described.file
        yield "deliveries:"
        yield f"  - period: {period}"
        yield f"    file: {_scalar(file.name)}"
        yield f"    sha256: {sha256_file(file)}"
        yield ""

    def unrecognised(self) -> Iterator[str]:
        columns = self.proposal.unrecognised
        if not columns:
            return
        yield f"# {self.say('unrecognised', count=len(columns))}"
        for column in columns:
            label = f" ({_short(column.variable.label)})" if column.variable.label else ""
            values = ", ".join(_short(v, 20) for v, _ in column.values[:_SHOWN])
            more = self.say("more", count=column.distinct) if column.distinct > _SHOWN else ""
            yield f"#   {column.name}{label}: {values or self.say('empty')}{more}"


def _spec(guess: Guess) -> dict[str, Any]:
    """How a concept is made, as the line of the file says it."""
    column = f"{guess.column}_label" if guess.label else guess.column
    spec: dict[str, Any] = {"from": [*guess.others, column] if guess.others else column}
    if guess.recode:
        spec["recode"] = dict(guess.recode)
        codes = list(guess.recode.values())
        several = [c for c in dict.fromkeys(codes) if codes.count(c) > 1]
        spec |= {"merge": several} if several else {}
    if guess.crosswalk:
        spec["crosswalk"] = guess.crosswalk
    for name in ("unknown", "refused", "not_applicable"):
        if getattr(guess, name):
            spec[name] = list(getattr(guess, name))
    if guess.concept == "psu":
        spec["ordinal"] = True
    return spec


def _short(text: str, most: int = 70) -> str:
    plain = " ".join(text.split())
    return plain if len(plain) <= most else f"{plain[: most - 1]}…"


def _flow(value: Any) -> str:
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{_scalar(k)}: {_flow(v)}" for k, v in value.items()) + "}"
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(_flow(v) for v in value) + "]"
    return _scalar(value)


def _scalar(value: Any) -> str:
    """A scalar as YAML 1.2: plain where that is safe, quoted otherwise."""
    if isinstance(value, (bool, int)):
        return json.dumps(value)
    text = str(value)
    if re.fullmatch(r"-?[0-9]+", text) or re.fullmatch(r"[A-Za-z_][A-Za-z0-9_./-]*", text):
        return (
            text
            if text.lower() not in ("true", "false", "null", "on", "off", "yes", "no", "y", "n")
            else f'"{text}"'
        )
    return json.dumps(text, ensure_ascii=False)
