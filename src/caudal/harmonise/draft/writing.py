"""A proposal as a source file: YAML that a person reads, corrects and confirms line by line."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from caudal.engine.files import sha256_file
from caudal.harmonise.draft.guessing import Guess, Proposal
from caudal.harmonise.draft.reading import Described, Seen

_HEAD = ("title", "producer", "origin", "licence", "concept")
_SHOWN = 6
_MARK = "# confirm:"


def draft_text(described: Described, proposal: Proposal, *, source: str, period: str, data: str = "") -> str:
    """The source file that is proposed, called ``source``, for the delivery of ``period``."""
    lines = list(_head(described, proposal, source, data))
    lines += ["columns:", *(line for g in proposal.guesses for line in _concept(g)), ""]
    lines += list(_design(proposal))
    lines += list(_deliveries(described, period))
    lines += list(_unrecognised(proposal.unrecognised))
    return "\n".join(lines) + "\n"


def _head(described: Described, proposal: Proposal, source: str, data: str) -> Iterator[str]:
    names = [*_HEAD, *(g.concept for g in proposal.guesses), *(["design"] if _weighted(proposal) else [])]
    dictionary = f" and {described.dictionary}" if described.dictionary else ""
    yield f"# Proposed from {described.file.name}{dictionary}, {described.rows:,} rows. Nothing is decided:"
    yield "# correct each line, then take its name out of `unconfirmed`; while one is there, no check passes."
    yield "unconfirmed:"
    yield from (f"  - {name}" for name in names)
    yield ""
    yield f"source: {source}"
    words = _scalar(described.file.name)
    yield f"title: {{es: {words}, pt: {words}, en: {words}}}  {_MARK} how readers call it"
    yield f'producer: ""  {_MARK} the office that made it'
    yield f'origin: ""  {_MARK} where the file can be had'
    yield f'licence: ""  {_MARK} under which licence'
    yield f"kind: {proposal.kind}"
    kind = "survey" if _weighted(proposal) else "administrative"
    scope = ", scope: general_population" if proposal.kind == "person" else ""
    yield f"concept: {{source_type: {kind}{scope}, coverage: national}}  {_MARK} what exactly it counts"
    yield from [f"data: {_scalar(data)}"] if data else []
    yield ""
    yield "tables:"
    labels = [g.column for g in proposal.guesses if g.label]
    form = {**described.format, **({"labels": labels} if labels else {})}
    yield "  main:"
    yield f"    format: {_flow(form)}"
    key = not any(g.concept.endswith("_key") for g in proposal.guesses) and proposal.kind == "person"
    yield from ["    # No column that identifies a row was recognised: name it as person_key."] if key else []
    yield ""


def _concept(guess: Guess) -> Iterator[str]:
    yield f"  {_MARK} {'; '.join(guess.reasons)}"
    column = f"{guess.column}_label" if guess.label else guess.column
    spec: dict[str, Any] = {"from": column}
    if guess.recode:
        spec["recode"] = dict(guess.recode)
        several = [
            c for c in dict.fromkeys(guess.recode.values()) if list(guess.recode.values()).count(c) > 1
        ]
        if several:
            spec["merge"] = several
    if guess.crosswalk:
        spec["crosswalk"] = guess.crosswalk
    for name in ("unknown", "refused"):
        if getattr(guess, name):
            spec[name] = list(getattr(guess, name))
    if guess.concept == "psu":
        spec["ordinal"] = True
    yield f"  {guess.concept}: {_flow(spec)}"
    if guess.unnamed:
        values = ", ".join(_scalar(v) for v in guess.unnamed)
        yield f"    # no code was found for {values}: they become unknown"


def _weighted(proposal: Proposal) -> bool:
    return any(g.concept == "weight" for g in proposal.guesses)


def _design(proposal: Proposal) -> Iterator[str]:
    there = {g.concept for g in proposal.guesses}
    if "weight" not in there:
        return
    parts = {"type": "sample", "weight": "weight"}
    parts |= {"strata": "stratum"} if "stratum" in there else {}
    parts |= {"psu": "psu"} if "psu" in there else {}
    both = {"stratum", "psu"} <= there
    yield f"{_MARK} the design as its producer publishes it" + (
        "" if both else "; no stratum or unit was found"
    )
    yield f"design: {_flow(parts)}"
    yield ""


def _deliveries(described: Described, period: str) -> Iterator[str]:
    yield "deliveries:"
    yield f"  - period: {period}"
    yield f"    file: {_scalar(described.file.name)}"
    yield f"    sha256: {sha256_file(described.file)}"
    yield ""


def _unrecognised(columns: tuple[Seen, ...]) -> Iterator[str]:
    if not columns:
        return
    yield f"# Not recognised ({len(columns)} columns): what is not among `columns` above is not read."
    for column in columns:
        label = f" ({_short(column.variable.label)})" if column.variable.label else ""
        values = ", ".join(_short(v, 20) for v, _ in column.values[:_SHOWN])
        more = f" … {column.distinct} different" if column.distinct > _SHOWN else ""
        yield f"#   {column.name}{label}: {values or 'empty'}{more}"


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
