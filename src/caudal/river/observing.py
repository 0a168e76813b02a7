"""From registered deliveries to all observations of the country, before the gate.

Source by source: a release of another deployment enters with its verdicts, published statistics of others
enter as they are, records are estimated. What was seen of each source on the way is kept for its page.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from caudal.collect import Register, RegisteredDelivery
from caudal.engine.files import sha256_file
from caudal.errors import CaudalError, Problem, problem
from caudal.estimate.indicators import Impossible, key_dimensions
from caudal.estimate.series import marked
from caudal.harmonise import Harmonised, added, threshold_problems
from caudal.model.observation import conform, dimensions_of
from caudal.model.official import OfficialCheck
from caudal.model.release import InputFile, NotComputable, Reconciliation
from caudal.model.source import SourceSpec
from caudal.river import stages
from caudal.river.assemble import SourceRun
from caudal.river.designs import variance_table_path
from caudal.river.evidence import NOTHING, Evidence, evidence_for
from caudal.river.folder import CountryFolder
from caudal.river.members import Member, is_member, joined, read_structure
from caudal.river.official import checks_of, is_public, official_counts_path
from caudal.river.pooled import is_pooled, pooled_records
from caudal.river.proposals import decisions, write_proposals


@dataclass(frozen=True)
class HeldBack:
    """Rows of one delivery that are quarantined, by reason; ``footer`` of them are the last of their file."""

    delivery: str
    rows: int
    quarantined: int
    reasons: Mapping[str, int]
    footer: int


@dataclass(frozen=True)
class Observed:
    """All observations, what was seen of each source, the folders of the cache that were used, the deliveries
    of which rows are quarantined, and those that are ``empty`` without a word about it in their source."""

    table: pa.Table
    runs: list[SourceRun]
    used: list[Path]
    held_back: tuple[HeldBack, ...] = ()
    evidence: Evidence = NOTHING
    empty: tuple[str, ...] = ()


def observe(stage: stages.Stage, registers: Mapping[str, Register]) -> Observed:
    """The observations of all deliveries that are there.

    Raises :class:`CaudalError` where too many rows of a source are quarantined or not understood, and
    where no file is there at all.
    """
    seen = [_Seen(stage, stage.folder.sources[name], register) for name, register in registers.items()]
    for source in seen:
        source.harmonise()
    problems = [p for source in seen for p in source.threshold_problems()]
    if problems:
        raise CaudalError(*problems)
    for source in seen:
        source.estimate()
    runs = [source.run() for source in seen]
    of_members = joined(
        [m for s in seen for m in s.members], [s.source.source for s in seen if not s.members]
    )
    tables = [*of_members, *(t for s in seen for t in s.tables)]
    if not any(t.num_rows for t in tables):
        raise CaudalError(problem("nothing-to-release", where=str(stage.folder.path)))
    own = key_dimensions(stage.folder.catalogue)
    dimensions = tuple(dict.fromkeys([*own, *(d for t in tables for d in dimensions_of(t))]))
    table = pa.concat_tables([conform(t, dimensions) for t in tables])
    held_back = tuple(h for s in seen for h in s.held_back())
    evidence = sum((s.evidence for s in seen), Evidence())
    empty = tuple(code for s in seen for code in s.empty())
    return Observed(table, runs, [folder for s in seen for folder in s.used], held_back, evidence, empty)


class _Seen:
    """One source: its observations and what was seen of it."""

    def __init__(self, stage: stages.Stage, source: SourceSpec, register: Register) -> None:
        self.stage, self.source, self.register = stage, source, register
        self.tables: list[pa.Table] = []
        self.members: list[Member] = []
        self.used: list[Path] = []
        self.evidence = Evidence()
        self._harmonised: list[tuple[RegisteredDelivery, Harmonised]] = []
        self._impossible: dict[str, tuple[str, ...]] = {}

    def harmonise(self) -> None:
        """Harmonises every delivery that is there."""
        for delivery in self.register.deliveries:
            result = stages.harmonised(self.stage, self.source, delivery)
            self._harmonised.append((delivery, result))
            self.used.append(result.records.parent)

    def threshold_problems(self) -> list[Problem]:
        """Why so much of the source is quarantined or not understood that nothing may be released."""
        counts = self._counts()
        if counts is None:
            return []
        samples = {n: v for _, r in self._harmonised for n, v in r.unnamed.items()}
        footer = max((r.footer for _, r in self._harmonised), default=0)
        return threshold_problems(self.source, counts, samples=samples, footer=footer)

    def held_back(self) -> list[HeldBack]:
        """The deliveries of which rows are quarantined."""
        counts = ((d.code, r.reconciliation, r.footer) for d, r in self._harmonised)
        return [
            HeldBack(code, c.rows_in, c.quarantined, c.quarantined_by_reason, footer)
            for code, c, footer in counts
            if c.quarantined
        ]

    def empty(self) -> list[str]:
        """The deliveries without a row of which the source does not say so."""
        return [d.code for d, r in self._harmonised if not r.reconciliation.rows_in and not d.delivery.empty]

    def estimate(self) -> None:
        """The observations of every delivery, or of all together where the kind asks for it."""
        if is_pooled(self.source.kind) and self._harmonised:
            self._estimate_pooled()
            return
        for delivery, result in self._harmonised:
            if is_member(self.source):
                self.members.append(Member(pq.read_table(result.records), read_structure(delivery)))
            elif self.source.kind == "observation":
                self.tables.append(self._marked([pq.read_table(result.records)], delivery))
            else:
                self._propose(delivery, result)
                self._estimate(delivery, result)

    def _propose(self, delivery: RegisteredDelivery, result: Harmonised) -> None:
        """Leaves pairs of incidents for a person to decide."""
        folder = self.stage.folder
        decided = decisions(folder.path, self.source, delivery.delivery)
        write_proposals(folder.work, self.source, delivery.delivery, result, decided)

    def _counts(self) -> Reconciliation | None:
        return added(r.reconciliation for _, r in self._harmonised) if self._harmonised else None

    def _estimate(self, delivery: RegisteredDelivery, result: Harmonised) -> None:
        records = stages.records_of(self.stage, self.source, result)
        indicators = self.stage.folder.indicators()
        files, impossible = stages.estimates(self.stage, records, result.records.parent.name, indicators)
        self._note(impossible)
        self.used.extend(f.parent for f in files)
        vintage = delivery.delivery.vintage or self.stage.folder.publication.vintage
        self.evidence += evidence_for(self.stage, self.source, records, vintage)
        tables = [_of_vintage(pq.read_table(f), vintage) for f in files]
        if tables:
            self.tables.append(self._marked(tables, delivery))

    def _marked(self, tables: list[pa.Table], delivery: RegisteredDelivery) -> pa.Table:
        """The observations of a delivery, with the breaks and incomplete periods that are declared."""
        return marked(pa.concat_tables(tables), self.source.breaks, delivery.delivery)

    def _estimate_pooled(self) -> None:
        """Observations of one body of records; they carry a vintage of their own, or the publication's."""
        records, key, used = pooled_records(self.stage, self.source, self._harmonised)
        indicators = self.stage.folder.indicators()
        files, impossible = stages.estimates(self.stage, records, key, indicators)
        self._note(impossible)
        self.used += [*used, *(f.parent for f in files)]
        vintage = self.stage.folder.publication.vintage
        self.tables.extend(_where_none(pq.read_table(f), vintage) for f in files)

    def _note(self, impossible: tuple[Impossible, ...]) -> None:
        self._impossible.update({i.indicator: i.missing for i in impossible})

    def run(self) -> SourceRun:
        """What was seen of the source."""
        name = self.source.source
        lacking = sorted(self._impossible.items())
        return SourceRun(
            self.source,
            inputs_of_source(self.stage.folder, self.source, self.register),
            self.register.missing,
            self._counts(),
            tuple(NotComputable(indicator=i, source=name, missing=m) for i, m in lacking),
            tuple(m.structure for m in self.members),
            self._official(),
            frozenset(c for _, r in self._harmonised for c in r.columns),
        )

    def _official(self) -> tuple[OfficialCheck, ...]:
        """Its categories beside the producer's counts, where both are public."""
        folder = self.stage.folder
        return checks_of(folder, self.source, self.register) if is_public(folder, self.source) else ()


def inputs_of_source(folder: CountryFolder, source: SourceSpec, register: Register) -> tuple[InputFile, ...]:
    """The raw files of a source, and its producer's table of errors."""
    inputs = [i for d in register.deliveries for i in d.inputs()]
    beside = (variance_table_path(folder.path, source), official_counts_path(folder.path, source))
    period = inputs[0].period if inputs else ""
    for table in (t for t in beside if t is not None and inputs):
        size = table.stat().st_size
        inputs.append(InputFile(name=table.name, sha256=sha256_file(table), bytes=size, period=period))
    return tuple(inputs)


def _where_none(table: pa.Table, vintage: str) -> pa.Table:
    column = table.column_names.index("vintage")
    own = [v or vintage for v in table["vintage"].to_pylist()]
    return table.set_column(column, table.schema.field("vintage"), pa.array(own, pa.string()))


def _of_vintage(table: pa.Table, vintage: str) -> pa.Table:
    column = table.column_names.index("vintage")
    return table.set_column(column, table.schema.field("vintage"), pa.array([vintage] * table.num_rows))
