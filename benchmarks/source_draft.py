"""How much of a source file `caudal source draft` finds, and how much of it is wrong.

Judged by the source files of the examples that people wrote: a concept is found where the draft makes it from
a column that the hand-made mapping reads for it, wrong where it makes it from another. Concepts that a
hand-made file does not have are counted apart: nobody has judged them. Constants, and what is made of the
headers of a table, are left out: no column says them.

Run it as ``python benchmarks/source_draft.py``; it needs the files of ``../shared/data``.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from caudal.collect.registry import declared_files, locate
from caudal.engine.specs import read_document, validate
from caudal.harmonise.draft import describe, propose
from caudal.harmonise.lineage import lineage
from caudal.model.source import SourceSpec

ROOT = Path(__file__).resolve().parents[1]
#: Dictionaries that lie beside a file under another name.
DICTIONARIES = {
    "personas_sample.parquet": "dictionary_people.csv",
    "hogares_sample.parquet": "dictionary_households.csv",
}


@dataclass(frozen=True)
class Score:
    """What a draft made of one file: concepts of the hand-made source, of them found and wrong; ``extra``
    proposals that nobody has judged; whether the kind is right."""

    source: str
    concepts: int
    found: int
    wrong: int
    extra: int
    kind: bool


def scores() -> Iterator[Score]:
    """One score for each source of the examples whose file is there."""
    for path in sorted((ROOT / "examples").glob("*/sources/*.yaml")):
        document = read_document(path)
        source, _ = validate(document, SourceSpec)
        if source is None or source.kind == "observation" or "release" in _types(source):
            continue
        delivery = source.deliveries[-1]
        main = next(iter(source.tables))
        file = locate(path.parents[1], source, declared_files(source, delivery)[main])
        if file is None or not file.is_file() or ROOT in file.parents:
            continue
        hand: dict[str, set[str]] = {}
        for concept in source.columns:
            traced = lineage(source, document, delivery.period, concept)
            if traced and traced["raw_columns"]:
                hand[concept] = {c.lower() for c in traced["raw_columns"]}
        beside = file.parent / DICTIONARIES.get(file.name, "none")
        described = describe(file, beside if beside.is_file() else None)
        there = {c.name.lower() for c in described.columns}
        hand = {c: columns & there for c, columns in hand.items() if columns & there}
        proposal = propose(described)
        mine = {g.concept: g.column.lower() for g in proposal.guesses}
        judged = {c: column for c, column in mine.items() if c in hand}
        found = sum(column in hand[c] for c, column in judged.items())
        yield Score(
            f"{path.parents[1].name}/{source.source}",
            len(hand),
            found,
            len(judged) - found,
            len(mine) - len(judged),
            proposal.kind == source.kind,
        )


def _types(source: SourceSpec) -> set[str]:
    return {t.format.type for t in source.tables.values()}


def main() -> None:
    """Prints the two shares, by file and together."""
    all_ = list(scores())
    print(f"{'source':<40} {'concepts':>8} {'found':>6} {'wrong':>6} {'extra':>6}  kind")
    for s in all_:
        kind = "right" if s.kind else "wrong"
        print(f"{s.source:<40} {s.concepts:>8} {s.found:>6} {s.wrong:>6} {s.extra:>6}  {kind}")
    concepts, found, wrong = (sum(getattr(s, n) for s in all_) for n in ("concepts", "found", "wrong"))
    if concepts:
        print(f"share of concepts found: {found / concepts:.0%} of {concepts}")
        print(f"share of judged proposals wrong: {wrong / (found + wrong):.0%} of {found + wrong}")
        print(f"kind of record right: {sum(s.kind for s in all_)} of {len(all_)}")


if __name__ == "__main__":
    main()
