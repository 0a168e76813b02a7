"""What the command line prints, in Spanish, Portuguese or English, or as JSON."""

from __future__ import annotations

import argparse
import json
import math
import re
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, is_dataclass
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

#: Missing files that a check names; all with --json.
_LISTED = 8


@cache
def _texts() -> Mapping[str, Mapping[str, str]]:
    source = files("caudal.cli").joinpath("texts.yaml").read_text(encoding="utf-8")
    loaded: Mapping[str, Mapping[str, str]] = YAML(typ="safe", pure=True).load(source)
    return loaded


def say(given: argparse.Namespace, key: str, **facts: Any) -> str:
    """The text ``key`` in the language of the command."""
    return _texts()[key][given.language].format(**facts)


def say_keys() -> Mapping[str, frozenset[str]]:
    """Key of each text -> the languages in which it exists."""
    return {key: frozenset(texts) for key, texts in _texts().items()}


def count(given: argparse.Namespace, value: float) -> str:
    """A whole number in the marks of the language, as pages write it."""
    return _marked(given, f"{value:,.0f}")


def _marked(given: argparse.Namespace, text: str) -> str:
    """A number written the English way in the marks of the language."""
    from caudal.catalogue.interface import interface_texts

    texts = interface_texts(given.language)
    marks = {",": texts["numbers/group"], ".": texts["numbers/decimal"]}
    return "".join(marks.get(c, c) for c in text)


def out(given: argparse.Namespace, value: Any, text: str) -> None:
    """Prints ``value`` as JSON where it was asked for, otherwise ``text``."""
    if given.json:
        print(json.dumps(value, ensure_ascii=False, indent=1, default=_plain))
    elif text:
        print(text)


class Progress:
    """Says on the standard error stream what a long command is doing, and for how long it has."""

    def __init__(self, given: argparse.Namespace) -> None:
        self.given = given
        self.quiet = given.json or getattr(given, "quiet", False)
        self.started = time.perf_counter()

    def step(self, done: int, of: int, what: str) -> None:
        """One step of a command that counts."""
        if self.quiet:
            return
        share = f" {100 * done // of} %" if of else ""
        self._line(f"{what}{share}")

    def event(self, event: Any) -> None:
        """One step of a build."""
        if self.quiet:
            return
        if event.state == "missing":
            self._line(absent(self.given, event.what, event.facts["origin"], event.facts["build"]))
        elif event.state in ("made", "kept"):
            state = say(self.given, event.state)
            facts = ", ".join(
                _fact(self.given, k, v) for k, v in event.facts.items() if isinstance(v, (int, float)) and v
            )
            room = say(self.given, f"room-{event.room}")
            self._line(f"{room:<12} {event.what}  {state}{f' ({facts})' if facts else ''}")
        elif event.state == "warning":
            self._line(f"{event.what}: {event.facts}")

    def end(self) -> None:
        """Nothing more to come."""

    def _line(self, text: str) -> None:
        print(f"{time.perf_counter() - self.started:7.1f} s  {text}", file=sys.stderr, flush=True)


def absent(given: argparse.Namespace, what: str, origin: str, build: str) -> str:
    """A declared file that is not there, and how it can be had."""
    if build:
        return say(given, "missing-release", what=what, folder=build)
    return say(given, "missing", what=what, origin=origin)


def simulated(given: argparse.Namespace, report: Any) -> None:
    """After ``simulate``."""
    out(
        given,
        report,
        say(given, "simulated", folder=given.folder / "data", persons=count(given, given.persons)),
    )


def named(given: argparse.Namespace, groups: Any) -> None:
    """After ``names``."""
    lines = []
    for group in groups:
        widths = [max(len(row[k]) for row in group.rows) for k in (0, 1)]
        lines += [group.of, *(f"  {a:<{widths[0]}}  {b:<{widths[1]}}  {c}" for a, b, c in group.rows), ""]
    out(given, {g.of: g.rows for g in groups}, "\n".join(lines).rstrip())


def register_made(given: argparse.Namespace, made: Any) -> None:
    """After ``simulate crossings``."""
    facts = {"folder": made.folder, "events": count(given, made.events), "people": count(given, made.people)}
    out(given, made, say(given, "register-made", files=len(made.deliveries), **facts))


def classified(given: argparse.Namespace, found: Any, rule: Any, target: Path) -> None:
    """After ``stays``."""
    told = ("crossings", "persons", "immigrations", "emigrations")
    counts = {n: count(given, getattr(found, n)) for n in told}
    lines = [say(given, "classified", path=target, rule=rule.name, **counts)]
    lines += (
        [say(given, "classified-open", count=count(given, found.provisional))] if found.provisional else []
    )
    repairs = {n: v for n, v in asdict(found.repairs).items() if v and "successions" not in n}
    lines += [say(given, "classified-repairs", counts=_listed(given, repairs))] if repairs else []
    lines += (
        [say(given, "classified-rejected", counts=_listed(given, found.rejected))]
        if any(found.rejected.values())
        else []
    )
    out(given, {**asdict(found), "rule": rule.name, "path": target}, "\n".join(lines))


def _listed(given: argparse.Namespace, counts: Mapping[str, int]) -> str:
    named = ((name.removesuffix("_n").replace("_", " "), n) for name, n in counts.items() if n)
    return ", ".join(f"{name} {count(given, n)}" for name, n in named)


def checked(given: argparse.Namespace, folder: Any, opening: Any) -> None:
    """After ``check``."""
    sources, indicators = sorted(folder.sources), [i.indicator for i in folder.indicators()]
    deliveries = sum(len(s.deliveries) for s in folder.sources.values())
    counts = {"sources": len(sources), "deliveries": deliveries, "indicators": len(indicators)}
    facts = {"sources": sources, "deliveries": deliveries, "indicators": indicators}
    tried = {n: getattr(opening, n) for n in ("rows", "judged", "quarantined", "unnamed")}
    told = [n.text(given.language) for n in opening.notices]
    lines = [say(given, "checked", **counts), say(given, "checked-files", opened=opening.deliveries)]
    if opening.judged:
        shown = {n: count(given, value) for n, value in tried.items()}
        lines.append(say(given, "checked-rows", **shown))
    lacks = [absent(given, f"{m.source}: {m.name}", m.origin, m.build) for m in opening.missing]
    lines += [say(given, "checked-missing", count=len(lacks)), *lacks[:_LISTED]] if lacks else []
    lines += [say(given, "more-files", count=len(lacks) - _LISTED)] if len(lacks) > _LISTED else []
    lines += [say(given, "checked-notices", count=len(told)), *told] if told else []
    facts["missing"] = [asdict(m) for m in opening.missing]
    out(given, {**facts, "opened": opening.deliveries, "tried": tried, "notices": told}, "\n".join(lines))


def name_of(path: Path) -> str:
    """The name of a source, from that of its file.

    >>> name_of(Path("data/Base CASEN-2022.dta"))
    'base_casen_2022'
    """
    name = re.sub(r"[^a-z0-9]+", "_", path.name.split(".")[0].lower()).strip("_")
    return name if name[:1].isalpha() else f"source_{name}"


def drafted(given: argparse.Namespace, proposal: Any, text: str) -> None:
    """After ``source draft``: the draft itself, or where it lies and how much of the file it understood."""
    guesses, rest = len(proposal.guesses), len(proposal.unrecognised)
    value = {
        "kind": proposal.kind,
        "columns": {g.concept: g.column for g in proposal.guesses},
        "unrecognised": [c.name for c in proposal.unrecognised],
    }
    told = say(given, "drafted", output=given.output, concepts=guesses, rest=rest) if given.output else text
    out(given, value, told)


def unchanged(given: argparse.Namespace, release: Path) -> None:
    """After ``build`` with nothing to do."""
    value = {"release": str(release), "changed": False}
    out(given, value, say(given, "unchanged", release=release) + "\n" + _how_to_look(given, release))


def built(given: argparse.Namespace, result: Any) -> None:
    """After ``build``."""
    value = asdict(result) | {"site": result.site}
    text = say(
        given,
        "built",
        release=result.release,
        cells=count(given, result.cells),
        withheld=count(given, result.suppressed),
        seconds=_marked(given, f"{result.seconds:.1f}"),
    )
    if result.missing:
        text += "\n" + say(given, "built-without", count=len(result.missing))
    for delivery in result.empty:
        text += "\n" + say(given, "delivery-empty", delivery=delivery)
    from caudal.harmonise.held import reason_words

    for held in result.held_back:
        reasons = "; ".join(
            f"{reason_words(reason, given.language)}: {count(given, n)}"
            for reason, n in sorted(held.reasons.items())
        )
        facts = {"rows": count(given, held.rows), "count": count(given, held.quarantined)}
        text += "\n" + say(given, "held-back", delivery=held.delivery, reasons=reasons, **facts)
        if held.footer:
            text += " " + say(given, "held-back-last", rows=held.footer)
    out(given, value, text + "\n" + _how_to_look(given, result.release))


def key_made(given: argparse.Namespace, path: Path, public: str) -> None:
    """After ``sign --new-key``."""
    out(given, {"key": str(path), "public_key": public}, say(given, "key-made", path=path, public=public))


def signed(given: argparse.Namespace, path: Path, who: Any) -> None:
    """After ``sign``."""
    value = {"release": str(path), **who.model_dump()}
    out(given, value, say(given, "signed", name=who.name, release=path) + "\n" + _how_to_look(given, path))


def verified(
    given: argparse.Namespace, release: Path, signature: Any, marks: Sequence[Mapping[str, Any]] = ()
) -> None:
    """After ``verify``; ``marks``: what the release rests on and was forgotten since."""
    if signature is None:
        text = say(given, "verified-draft", release=release)
    else:
        text = say(given, "verified", release=release, name=signature.name, date=signature.date)
        text += "\n" + say(given, "public-key", public=signature.public_key)
    text += "".join("\n" + say(given, "verified-mark", what=m["what"], date=m["date"]) for m in marks)
    value = {"release": str(release), "intact": True, "signature": signature and signature.model_dump()}
    value["forgotten"] = list(marks)
    out(given, value, text)


def serving(given: argparse.Namespace, release: Path, address: str) -> None:
    """When ``serve`` begins."""
    out(given, {"release": str(release), "address": address}, say(given, "serving", address=address))
    sys.stdout.flush()


class Served:
    """Tells each answer of ``serve`` on the standard error stream, never who asked."""

    def __init__(self, given: argparse.Namespace) -> None:
        self.quiet = given.json or given.quiet

    def line(self, method: str, path: str, status: int) -> None:
        """One answer."""
        if not self.quiet:
            sys.stderr.write(f"{status} {method} {ascii(path)[1:-1]}\n")  # one piece: connections are threads


def compared(given: argparse.Namespace, comparison: Any) -> None:
    """After ``diff``."""
    lines = [say(given, f"change-{k}", count=n) for k, n in comparison.counts.items()]
    cells = sorted(comparison.cells, key=lambda c: (-abs(c.shift_in_errors or 0.0), -_moved(c), c.address))
    lines += [_changed(given, cell) for cell in cells[: given.most]]
    if len(cells) > given.most:
        lines.append(say(given, "more", count=len(cells) - given.most))
    out(given, asdict(comparison), "\n".join(lines))


def _moved(cell: Any) -> float:
    """By what share of itself a figure changed."""
    if cell.before is None or cell.after is None:
        return 0.0
    return float(abs(cell.after - cell.before) / max(abs(cell.before), 1.0))


def _changed(given: argparse.Namespace, cell: Any) -> str:
    """One changed cell as a line."""
    shift = f"  ({cell.shift_in_errors:+.1f} SE)" if cell.shift_in_errors else ""
    edition = (
        f"  ({say(given, 'edition-before', edition=cell.edition_before)})" if cell.edition_before else ""
    )
    before, after = number(given, cell.before), number(given, cell.after)
    kind = say(given, f"changed-{cell.change}")
    return f"  {kind:<12}{before:>14} → {after:<14}{shift}  {cell.address}{edition}"


def walked(given: argparse.Namespace, walk: Any) -> None:
    """After ``trace``."""
    lines = [walk.address, ""]
    for room in ("published", "estimate", "harmonise", "collect", "recomputed"):
        facts = getattr(walk, room)
        if facts and not given.sql:
            facts = {k: v for k, v in facts.items() if k != "sql"}
        if facts:
            lines += [say(given, f"walk-{room}"), *_told(facts, 1), ""]
    out(given, asdict(walk), "\n".join(lines).rstrip())


def official(given: argparse.Namespace, found: Mapping[str, Any]) -> None:
    """A sample beside its producer's counts: the categories that do not agree, or all of them."""
    lines = []
    for source, checks in found.items():
        apart = [c for c in checks if not c.agrees]
        lines.append(say(given, "official", source=source, categories=len(checks), apart=len(apart)))
        shown = checks if given.all else apart
        lines += [
            f"{c.z:+8.2f}  {c.variable} {c.value}  {c.label}  "
            f"{count(given, c.official)} / {count(given, c.estimate)} ± {count(given, c.se)}"
            f"{'  (<30)' if c.few else ''}"
            for c in shown
        ]
    facts = {s: [c.model_dump() for c in checks] for s, checks in found.items()}
    out(given, facts, "\n".join(lines))


def sheet_written(given: argparse.Namespace, path: Path, added: int) -> None:
    """The sheet of a language, and how many texts it still asks for."""
    out(given, {"sheet": str(path), "lacking": added}, say(given, "sheet", path=path, rows=added))


def forgotten(given: argparse.Namespace, found: Any) -> None:
    """What was forgotten, and what its custodian has to do now."""
    lines = [say(given, "forgotten", what=found.what)]
    lines += [say(given, "forgotten-file", file=name) for name in found.gone]
    lines += [
        say(given, "forgotten-rows", file=name, sha256=sha, rows=found.rows)
        for name, sha in found.rewritten.items()
    ]
    lines += [say(given, "forgotten-also", delivery=name) for name in found.also]
    lines += [say(given, "forgotten-release", release=name) for name in found.releases]
    out(given, _plain(found), "\n".join(lines))


def reconciled(given: argparse.Namespace, found: Any) -> None:
    """After ``reconcile``."""
    lines = [say(given, "ours-theirs", ours=number(given, found.ours), theirs=number(given, found.theirs))]
    if found.paths:
        lines.append(say(given, "reconciled", count=len(found.paths), tried=found.tried))
        for path in found.paths:
            lines += [_step(given, step, value) for step, value in path] or [say(given, "same-figure")]
            lines.append("")
    else:
        lines.append(say(given, "not-reconciled", tried=found.tried))
        lines += [_step(given, step, value) for step, value in found.nearest]
    out(given, asdict(found), "\n".join(lines).rstrip())


def number(given: argparse.Namespace, value: float | None) -> str:
    """A number as a person reads it on a terminal; a dash where there is none."""
    if value is None or math.isnan(value):
        return "—"
    return _marked(given, f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.4g}")


def _step(given: argparse.Namespace, step: Any, value: float) -> str:
    kind = say(given, f"step-{step.kind}")
    return f"  {kind}: {_short(step.before)}  →  {_short(step.after)}   = {number(given, value)}"


def _short(text: str) -> str:
    if text.startswith("{"):
        kept = {k: v for k, v in json.loads(text).items() if v and k not in ("kind", "concept")}
        text = ", ".join(f"{k}: {v}" for k, v in kept.items())
    return text or "—"


def _how_to_look(given: argparse.Namespace, release: Path) -> str:
    folder = release.resolve()
    return say(given, "look", page=folder / "site" / "index.html", folder=folder)


def _told(value: Any, depth: int) -> list[str]:
    """A nested value as indented lines."""
    pad = "  " * depth
    if isinstance(value, Mapping):
        lines = []
        for k, v in value.items():
            if v is None or v == {} or v == () or v == [] or v == "":
                continue
            if isinstance(v, (Mapping, list, tuple)) or "\n" in str(v):
                lines += [f"{pad}{k}:", *_told(v, depth + 1)]
            else:
                lines.append(f"{pad}{k}: {v}")
        return lines
    if isinstance(value, (list, tuple)):
        return [line for item in value for line in _told(item, depth)]
    return [f"{pad}{line}" for line in str(value).split("\n")]


def _fact(given: argparse.Namespace, name: str, value: float) -> str:
    told = f"{value:,.0f}" if isinstance(value, int) else f"{value:.2f}"
    return f"{name.replace('_', ' ')} {_marked(given, told)}"


def _plain(value: Any) -> Any:
    if is_dataclass(value) and not isinstance(value, type):
        return asdict(value)
    return str(value)
