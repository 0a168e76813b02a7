"""From a concept back to the raw columns and the lines of the spec that made it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypedDict

from caudal.engine.expressions import columns_of
from caudal.engine.specs import Document
from caudal.harmonise.periods import PeriodMapping, mapping_for
from caudal.model.source import Mapped, SourceSpec


class ConceptLineage(TypedDict):
    """Where a concept came from in one period: ``raw_columns`` as the file names them, ``through`` the
    helpers and other concepts between, ``spec_lines`` as ``file:line``, ``crosswalks`` the files of
    ``codes/`` that recoded it, ``rule`` what the spec says, in short."""

    raw_columns: list[str]
    through: list[str]
    spec_lines: list[str]
    crosswalks: list[str]
    rule: str


def lineage(source: SourceSpec, document: Document, period: str, concept: str) -> ConceptLineage | None:
    """The lineage of ``concept`` in the deliveries of ``period``; None where the mapping has no such
    concept. ``document`` is the file from which ``source`` was read."""
    mapping = mapping_for(source, period)
    made = mapping.all_mapped()
    if concept not in made:
        return None
    through = _through(concept, made)
    steps = (concept, *through)
    return ConceptLineage(
        raw_columns=list(raw_columns_of(mapping, concept)),
        through=list(through),
        spec_lines=[_line(source, mapping, n, document) for n in steps],
        crosswalks=list(dict.fromkeys(made[n].crosswalk for n in steps if made[n].crosswalk)),
        rule=_rule(made[concept]),
    )


def raw_columns_of(mapping: PeriodMapping, concept: str) -> tuple[str, ...]:
    """The raw columns behind ``concept``, which ``mapping`` makes, as the file names them."""
    made = mapping.all_mapped()
    back = {new: old for old, new in mapping.rename.items()}
    steps = (concept, *_through(concept, made))
    return tuple(dict.fromkeys(back.get(c, c) for name in steps for c in _raw_columns(made[name], made)))


def _through(concept: str, made: Mapping[str, Mapped]) -> tuple[str, ...]:
    """Helpers and concepts that ``concept`` needs, nearest first."""
    found: dict[str, None] = {}
    waiting = [concept]
    while waiting:
        mapped = made[waiting.pop(0)]
        for name in columns_of(mapped.expression) if mapped.expression else ():
            if name in made and name not in found and name != concept:
                found[name] = None
                waiting.append(name)
    return tuple(found)


def _raw_columns(mapped: Mapped, made: Mapping[str, Mapped]) -> tuple[str, ...]:
    computed = ("period_start", "period_end")
    named = columns_of(mapped.expression) if mapped.expression else mapped.raw_columns
    return tuple(n for n in named if n not in computed and (n not in made or not mapped.expression))


def _line(source: SourceSpec, mapping: PeriodMapping, name: str, document: Document) -> str:
    part = "columns" if name in mapping.columns else "helpers"
    if mapping.variant is not None and name in getattr(source.variants[mapping.variant], part):
        return document.where("variants", mapping.variant, part, name)
    return document.where(part, name)


def _rule(mapped: Mapped) -> str:
    """The rule in short, as its author wrote it."""
    if mapped.constant is not None:
        return f"always {mapped.constant}"
    said = [mapped.expression or " + ".join(mapped.raw_columns)]
    said += [f"{raw} -> {code}" for raw, code in mapped.recode.items()]
    said += [f"codes/{mapped.crosswalk}"] if mapped.crosswalk else []
    kinds = (
        ("unknown", mapped.unknown),
        ("refused", mapped.refused),
        ("not applicable", mapped.not_applicable),
    )
    said += [f"{', '.join(map(str, values))} -> {kind}" for kind, values in kinds if values]
    said += [f"otherwise {mapped.otherwise}"] if mapped.otherwise else []
    return "; ".join(said)
