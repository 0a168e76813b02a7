"""A delivery tried before anything is built: every row judged, nothing written.

Whether a mapping fits its file shows in how many rows it holds back and how many values no rule names; the
source says how many it allows. A file of up to :data:`SAMPLE_ROWS` rows is judged whole. Of a longer one,
:data:`BLOCKS` blocks of consecutive rows spread over the file, its first and last rows among them (rows of
one household stand together, and so do keys that stand twice); where such a sample is above a threshold the
whole file is judged, so that no source is refused because of a sample. What only a whole file can tell (a
correction that no longer matches what it expects, a code that every delivery shows) is left to the build
where a sample was enough.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import duckdb
import pyarrow as pa

from caudal.collect import RawTable
from caudal.collect.contract import RAW_ROW
from caudal.engine.session import connect, first_line
from caudal.errors import CaudalError, Problem, problem
from caudal.harmonise.delivery import Run, Work
from caudal.harmonise.held import FirstRows, first_rows, held_rows
from caudal.harmonise.reconcile import added, threshold_problems
from caudal.harmonise.samples import Samples
from caudal.model.release import Reconciliation

#: Rows of a file that is judged whole, and of the sample of a longer one.
SAMPLE_ROWS = 100_000
#: Blocks of consecutive rows of which a sample consists.
BLOCKS = 20


@dataclass(frozen=True)
class Tried:
    """What became of the rows of one delivery that were judged: ``judged`` of ``rows``."""

    work: Work
    rows: int
    judged: int
    reconciliation: Reconciliation
    unnamed: Mapping[str, Samples]
    held: pa.Table
    footer: int

    @property
    def file(self) -> str:
        """The file of its main table."""
        return self.work.registered.files[next(iter(self.work.source.tables))].name

    @property
    def firsts(self) -> tuple[str, FirstRows]:
        """Its file and the first rows of each reason."""
        return self.file, first_rows(self.held)


def ends_early(tried: Tried) -> Problem | None:
    """A last row with fewer fields than the header: a text file that was cut off reads well but for it."""
    last = tried.held.slice(max(0, tried.held.num_rows - 1)).to_pylist()
    if not last or last[0][RAW_ROW] != tried.rows:
        return None
    told = re.fullmatch(r"fields-differ-from-header:(\d+)-of-(\d+)", last[0]["reason"])
    if told is None or int(told[1]) >= int(told[2]) or tried.reconciliation.quarantined > 1:
        return None
    facts = {"row": tried.rows, "found": told[1], "expected": told[2]}
    return problem("file-ends-early", where=tried.file, **facts)


def try_delivery(work: Work, raw: Mapping[str, RawTable]) -> Tried:
    """Judges the rows of a delivery, of which ``raw`` holds the tables.

    Raises :class:`CaudalError` where it cannot be computed, and as a build would for joins and corrections.
    """
    main = next(iter(raw.values()))
    rows = main.rows + len(main.rejected)
    if rows <= SAMPLE_ROWS:
        return _try(work, raw, rows)
    found = _try(work, _sampled(raw), rows)
    return _try(work, raw, rows) if threshold_problems(work.source, found.reconciliation) else found


def too_much(tried: Sequence[Tried]) -> list[Problem]:
    """Why the deliveries of one source, together, would not be released; empty where they would."""
    last = tried[-1]
    total = added(t.reconciliation for t in tried)
    held = held_rows(
        total.quarantined_by_reason,
        (t.firsts for t in tried),
        last.work.source,
        last.work.mapping,
        last.work.kind,
    )
    samples = {n: v for t in tried for n, v in t.unnamed.items()}
    footer = max(t.footer for t in tried)
    return threshold_problems(last.work.source, total, samples=samples, footer=footer, held=held)


def _try(work: Work, raw: Mapping[str, RawTable], rows: int) -> Tried:
    main = next(iter(raw.values()))
    judged_rows = main.rows + len(main.rejected)
    with connect(threads=1) as session:
        try:
            run = Run(session, work, raw, whole=judged_rows == rows)
            judged, found, _ = run.judge()
            held = run.quarantine(judged, found)
            footer = run.footer(held) if run.whole else 0
            return Tried(work, rows, judged_rows, found, run.unnamed(judged, found), held, footer)
        except duckdb.Error as error:
            raise CaudalError(
                problem("mapping-fails", where=work.registered.code, detail=first_line(error))
            ) from error


def _sampled(raw: Mapping[str, RawTable]) -> dict[str, RawTable]:
    """The tables with the main one cut down to its sample of rows; those that are brought in stay whole."""
    (name, main), *others = raw.items()
    total = main.rows + len(main.rejected)
    size = SAMPLE_ROWS // BLOCKS
    starts = [1 + (total - size) * block // (BLOCKS - 1) for block in range(BLOCKS)]
    ranges = [(start, start + size - 1) for start in starts]
    condition = " OR ".join(f"{RAW_ROW} BETWEEN {first} AND {last}" for first, last in ranges)
    rejected = tuple(r for r in main.rejected if any(a <= r.raw_row <= b for a, b in ranges))
    there = len({r for a, b in ranges for r in range(a, b + 1)}) - len({r.raw_row for r in rejected})
    relation = f"SELECT * FROM ({main.relation}) WHERE {condition}"
    return {name: replace(main, relation=relation, rows=there, rejected=rejected), **dict(others)}
