"""One delivery, from its registered files to records, quarantine and reconciliation.

Three passes over the raw tables, all streamed by the engine: keys that stand twice, counts, and the
records themselves. Records keep the order of the file and the number of their row.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa

from caudal.collect import RawTable, RegisteredDelivery, open_table
from caudal.collect.contract import RAW_ROW
from caudal.engine.cache import Cache, content_key
from caudal.engine.code import code_sha256
from caudal.engine.files import write_bytes, write_json, write_table
from caudal.engine.session import connect, first_line, literal, quoted
from caudal.errors import CaudalError, Problem, problem
from caudal.harmonise.crosswalk import Crosswalk, read_crosswalk
from caudal.harmonise.identifiers import IdentifierKey, set_key
from caudal.harmonise.mapping import Context, Target, target_holds
from caudal.harmonise.observed import NAME as OBSERVATION
from caudal.harmonise.observed import as_observations, indicator_list, observation_kind
from caudal.harmonise.periods import PeriodMapping, mapping_for
from caudal.harmonise.pipeline import REASON, Judged, build, expected_columns, raw_columns
from caudal.harmonise.reconcile import checked, excessive
from caudal.harmonise.samples import Samples, frequent, last_rows
from caudal.model.catalogue import Catalogue
from caudal.model.country import EngineSpec
from caudal.model.observation import conform, dimensions_of
from caudal.model.record import Holds, RecordKind, record_kinds
from caudal.model.release import Reconciliation
from caudal.model.source import SourceSpec

RECORDS, QUARANTINE, SQL, ACCOUNT = "records.parquet", "quarantine.parquet", "harmonise.sql", "account.json"
_ROW_GROUP = 122_880
QUARANTINE_SCHEMA = pa.schema([(RAW_ROW, pa.int64()), ("reason", pa.string())])


@dataclass(frozen=True)
class Harmonised:
    """What became of one delivery.

    ``records`` is a Parquet file of records of ``kind``, or of observations where ``kind`` is
    ``observation``; ``columns`` the concepts in it. ``quarantine`` is a Parquet file of row numbers and
    reasons. ``concept`` are the axes that the source decides, with what differs in this delivery. ``made``
    tells whether it was made now or lay in the cache. ``unnamed`` are, of concepts of which more values than
    the source allows were named by no rule, the most frequent of them; ``footer`` is how many rows at the
    end of the file are all quarantined. Both are for the builder's side alone.
    """

    code: str
    source: str
    kind: str
    period: str
    records: Path
    quarantine: Path
    columns: tuple[str, ...]
    concept: Mapping[str, str]
    reconciliation: Reconciliation
    sql: str
    made: bool = field(default=False, compare=False)
    unnamed: Mapping[str, Samples] = field(default_factory=dict)
    footer: int = 0


@dataclass(frozen=True)
class Work:
    """Everything about one delivery that the steps share."""

    folder: Path
    source: SourceSpec
    registered: RegisteredDelivery
    catalogue: Catalogue
    key: IdentifierKey | None
    territory: str
    mapping: PeriodMapping
    kind: RecordKind
    crosswalks: Mapping[str, Crosswalk]


def harmonise_delivery(
    folder: Path,
    source: SourceSpec,
    registered: RegisteredDelivery,
    *,
    catalogue: Catalogue,
    cache: Cache,
    territory: str,
    key: IdentifierKey | None = None,
    engine: EngineSpec | None = None,
) -> Harmonised:
    """Harmonises one registered delivery of ``source``, a source of the country folder ``folder``.

    ``territory`` is the country's own code, ``key`` the one that replaces identifiers (needed by kinds that
    have them). The result lies in ``cache`` under the hash of files, spec, code lists, key and code.

    Raises :class:`CaudalError`: what the file is not (see collect), columns that are not there, a required
    code that a delivery does not show, corrections that no longer match what they expected.
    """
    work = prepared(folder, source, registered, catalogue, key, territory)
    limits = engine or EngineSpec()
    place, made = cache.get(
        "harmonise", _content_key(work), lambda target: _make(work, cache, limits, target)
    )
    account = json.loads((place / ACCOUNT).read_text(encoding="utf-8"))
    return Harmonised(
        registered.code,
        source.source,
        source.kind,
        registered.period,
        place / RECORDS,
        place / QUARANTINE,
        tuple(account["columns"]),
        {**source.concept, **registered.delivery.concept},
        Reconciliation.model_validate(account["reconciliation"]),
        (place / SQL).read_text(encoding="utf-8"),
        made,
        {n: tuple((str(v), int(k)) for v, k in found) for n, found in account["unnamed"].items()},
        account["footer"],
    )


def kind_of(source: SourceSpec, catalogue: Catalogue) -> RecordKind:
    """The record kind of ``source``, or the observation table in the shape of one."""
    return observation_kind(catalogue) if source.kind == OBSERVATION else record_kinds()[source.kind]


def prepared(
    folder: Path,
    source: SourceSpec,
    registered: RegisteredDelivery,
    catalogue: Catalogue,
    key: IdentifierKey | None,
    territory: str,
) -> Work:
    """One delivery with all that its steps need.

    Raises :class:`CaudalError` where it holds identifiers and there is no ``key``, and for its crosswalks.
    """
    mapping = mapping_for(source, registered.period)
    kind = kind_of(source, catalogue)
    identifiers = [c.name for c in kind.columns if c.holds is Holds.KEY and c.name in mapping.columns]
    if identifiers and key is None:
        raise CaudalError(
            problem("key-missing", where="caudal.yaml", found=identifiers, source=source.source)
        )
    names = {m.table for m in mapping.all_mapped().values() if m.crosswalk}
    crosswalks = {n: read_crosswalk(folder, n) for n in sorted(names)}
    return Work(folder, source, registered, catalogue, key, territory, mapping, kind, crosswalks)


def _content_key(work: Work) -> str:
    lists = {c.code_list for c in work.kind.columns if c.code_list}
    codes = {n: list(work.catalogue.code_lists[n].codes) for n in lists if n in work.catalogue.code_lists}
    described = work.source.model_dump(
        mode="json",
        by_alias=True,
        exclude={"deliveries", "variants", "title", "citation", "notes", "thresholds", "helpers", "columns"},
    )
    mapped = {
        n: m.model_dump(mode="json", by_alias=True, exclude={"merge"})
        for n, m in work.mapping.all_mapped().items()
    }
    indicators = work.catalogue.indicators.values() if work.source.kind == OBSERVATION else ()
    return content_key(
        described,
        mapped,
        {i.indicator: (i.version, i.unit) for i in indicators},
        dict(work.mapping.rename),
        {n: f.model_dump(mode="json") for n, f in work.mapping.formats.items()},
        work.registered.delivery.model_dump(mode="json"),
        {t: f.fingerprint for t, f in work.registered.files.items()},
        {n: c.sha256 for n, c in work.crosswalks.items()},
        codes,
        work.key.fingerprint if work.key else "",
        work.territory,
        str(work.catalogue.vector(work.source.concept, work.registered.delivery.concept)),
        code_sha256("harmonise"),
    )


def _make(work: Work, cache: Cache, limits: EngineSpec, target: Path) -> None:
    raw = {
        table: open_table(
            work.registered.files[table],
            form,
            cache=cache,
            expected=expected_columns(work.source, work.mapping, table),
        )
        for table, form in work.mapping.formats.items()
    }
    with connect(threads=limits.threads, memory=limits.memory, spill=cache.root / "spill") as session:
        try:
            if work.source.kind == OBSERVATION and not work.mapping.columns:
                _pass_through(session, work, raw, target)
            else:
                Run(session, work, raw).write(target)
        except duckdb.Error as error:
            if isinstance(error, duckdb.OutOfMemoryException):
                raise
            raise CaudalError(
                problem("mapping-fails", where=work.registered.code, detail=first_line(error))
            ) from error


def _pass_through(
    session: duckdb.DuckDBPyConnection, work: Work, raw: Mapping[str, RawTable], target: Path
) -> None:
    """A release enters as it is: its cells keep their source, vintage and verdict."""
    table = next(iter(raw.values()))
    sql = f"SELECT * EXCLUDE ({RAW_ROW}) FROM ({table.relation})"
    cells = session.sql(sql).to_arrow_table()
    write_table(target / RECORDS, conform(cells, dimensions_of(cells)))
    write_table(target / QUARANTINE, QUARANTINE_SCHEMA.empty_table())
    found = Reconciliation(rows_in=table.rows, records=table.rows, quarantined=0)
    _write_account(target, list(table.columns), found, sql)


def targets_of(mapping: PeriodMapping, kind: RecordKind, catalogue: Catalogue) -> list[Target]:
    """Everything that a mapping makes, helpers first, concepts in the order of their kind."""
    lists = {**catalogue.code_lists, "CL_INDICATOR": indicator_list(catalogue)}
    found = [Target(n, m, target_holds(m, None), helper=True) for n, m in mapping.helpers.items()]
    for column in kind.columns:
        if column.name in mapping.columns:
            mapped = mapping.columns[column.name]
            holds = target_holds(mapped, column.holds)
            found.append(Target(column.name, mapped, holds, lists.get(column.code_list)))
    return found


@dataclass
class Run:
    """The passes over one delivery. ``whole`` is false where ``raw`` holds a sample of its rows, of which no
    correction can tell whether it still matches what it expects."""

    session: duckdb.DuckDBPyConnection
    work: Work
    raw: Mapping[str, RawTable]
    whole: bool = True

    def judge(self) -> tuple[Judged, Reconciliation, list[str]]:
        """Every row judged: the pipeline, the counts, and the names of the concepts that it makes."""
        work = self.work
        if work.key is not None:
            set_key(self.session, work.key)
        self._check_joins()
        context = Context(
            raw_columns(work.source, work.mapping, self.raw), work.registered.period, work.crosswalks
        )
        targets = targets_of(work.mapping, work.kind, work.catalogue)
        judged = build(work.source, work.mapping, self.raw, work.kind, targets, context)
        judged = self._without_duplicates(judged)
        corrections = self._count_corrections(judged)
        columns = [t.name for t in targets if not t.helper]
        return judged, checked(self._counted(judged, corrections), work.registered.code), columns

    def write(self, target: Path) -> None:
        """Judges the rows and writes records, quarantine and account into ``target``."""
        judged, found, columns = self.judge()
        sql = self._write_records(judged, columns, target)
        held = self.quarantine(judged, found)
        write_table(target / QUARANTINE, held)
        self._check_complete(target)
        _write_account(target, columns, found, sql, self.unnamed(judged, found), self.footer(held))

    def unnamed(self, judged: Judged, found: Reconciliation) -> Mapping[str, Samples]:
        """Of concepts with too many values that no rule named, the most frequent of them."""
        return frequent(judged, excessive(self.work.source, found), self._rows)

    def _rows(self, sql: str) -> list[tuple[Any, ...]]:
        return self.session.execute(sql).fetchall()

    def _check_joins(self) -> None:
        """A table that is brought in has one row for each row that it is brought to."""
        main = next(iter(self.work.source.tables.values()))
        for join in main.join:
            back = {new: old for old, new in self.work.mapping.rename.items()}
            on = ", ".join(quoted(back.get(c, c)) for c in join.on)
            relation = f"SELECT * FROM ({self.raw[join.table].relation})"
            if condition := self.work.source.tables[join.table].where:
                there = [
                    (o, n) for o, n in self.work.mapping.rename.items() if o in self.raw[join.table].columns
                ]
                renamed = ", ".join(f"{quoted(o)} AS {quoted(n)}" for o, n in there)
                shown = f"*, {renamed}" if renamed else "*"
                relation = (
                    f"SELECT * FROM (SELECT {shown} FROM ({relation})) WHERE coalesce(({condition}), FALSE)"
                )
            double = self._rows(
                f"SELECT count(*) FROM (SELECT {on} FROM ({relation}) GROUP BY ALL HAVING count(*) > 1)"
            )
            if double[0][0]:
                where = self.work.registered.files[join.table].name
                raise CaudalError(problem("join-not-unique", where=where, on=join.on, keys=double[0][0]))

    def _without_duplicates(self, judged: Judged) -> Judged:
        """Adds the step that gives a reason to the records of one key that do not stay.

        First the keys that stand twice in the raw rows, by hash, which is cheap; only where there are any,
        the records among them that nothing else holds back."""
        key = judged.duplicate_key or self._record_key()
        if not key or not self._stand_twice(judged, key):
            return judged
        keep = {"keep_first": "min", "keep_last": "max"}.get(self.work.source.duplicates)
        stays = f"{keep}({RAW_ROW})" if keep else "-1"
        listed = ", ".join(f"{k} AS k{i}" for i, k in enumerate(key))
        grouped = ", ".join(f"k{i}" for i in range(len(key)))
        doubled = judged.pipeline.select(
            f"SELECT {grouped}, {stays} AS stays FROM (SELECT {listed}, {RAW_ROW} FROM judged "
            f"WHERE {REASON} IS NULL AND hash({', '.join(key)}) IN (SELECT key_hash FROM twice)) "
            f"GROUP BY {grouped} HAVING count(DISTINCT {RAW_ROW}) > 1"
        )
        self.session.execute(f"CREATE OR REPLACE TEMP TABLE duplicate_keys AS {doubled}")
        on = " AND ".join(f"d.k{i} = j.{k}" for i, k in enumerate(key))
        goes = f"j.{REASON} IS NULL AND d.stays <> j.{RAW_ROW}"
        reason = f"CASE WHEN {goes} THEN 'duplicate-key' ELSE j.{REASON} END AS {REASON}"
        select = f"SELECT j.* REPLACE ({reason})\nFROM judged j LEFT JOIN duplicate_keys d ON {on}"
        return replace(judged, pipeline=judged.pipeline.step("unique_keys", select), ordered=False)

    def _stand_twice(self, judged: Judged, key: tuple[str, ...]) -> bool:
        times = f"count(DISTINCT {RAW_ROW})" if judged.cells > 1 else "count(*)"
        whole = " AND ".join(f"{k} IS NOT NULL" for k in key)
        rows = "judged" if self._key_is_made() else judged.before_concepts
        selected = judged.pipeline.select(
            f"SELECT hash({', '.join(key)}) AS key_hash FROM {rows} WHERE {whole} "
            f"GROUP BY hash({', '.join(key)}) HAVING {times} > 1"
        )
        self.session.execute(f"CREATE OR REPLACE TEMP TABLE twice AS {selected}")
        return bool(self._rows("SELECT count(*) FROM twice")[0][0])

    def _key_is_made(self) -> bool:
        """Whether the record's key comes from an expression, so that no raw columns stand for it."""
        columns = self.work.mapping.columns
        made = any(columns[k].expression for k in self.work.kind.key if k in columns)
        return made and not next(iter(self.work.source.tables.values())).key

    def _record_key(self) -> tuple[str, ...]:
        """The raw columns behind the record's own key: they need no hashing."""
        columns = self.work.mapping.columns
        mapped = [columns[k] for k in self.work.kind.key if k in columns]
        if self._key_is_made():
            return tuple(quoted(k) for k in self.work.kind.key)
        return tuple(quoted(c) for m in mapped for c in m.raw_columns)

    def _count_corrections(self, judged: Judged) -> dict[str, int]:
        counts: dict[str, int] = {}
        problems = self._corrections_due()
        for (name, (step, condition)), correction in zip(
            judged.corrections.items(), self.work.source.corrections, strict=True
        ):
            sql = judged.pipeline.select(f"SELECT count(*) FROM {step} WHERE ({condition})")
            counts[name] = int(self._rows(sql)[0][0])
            if self.whole and correction.expect not in (None, counts[name]):
                where = f"sources/{self.work.source.source}.yaml"
                problems.append(
                    problem(
                        "correction-expired",
                        where=where,
                        found=name,
                        rows=counts[name],
                        expected=correction.expect,
                    )
                )
        if problems:
            raise CaudalError(*problems)
        return counts

    def _corrections_due(self) -> list[Problem]:
        """Corrections that were to be looked at again before this delivery was received."""
        received = self.work.registered.delivery.received
        where = f"sources/{self.work.source.source}.yaml"
        return [
            problem("correction-due", where=where, found=f"{i}:{c.action}:{c.column}", expires=c.expires)
            for i, c in enumerate(self.work.source.corrections, 1)
            if c.expires and received > c.expires
        ]

    def _counted(self, judged: Judged, corrections: Mapping[str, int]) -> Reconciliation:
        flags = {**judged.unnamed, **judged.warnings}
        counted = "".join(
            f", count(*) FILTER (WHERE {quoted(f)} AND {REASON} IS NULL)" for f in flags.values()
        )
        last = judged.pipeline.last
        sql = judged.pipeline.select(
            f"SELECT {REASON}, count(*){counted} FROM {last} GROUP BY ALL ORDER BY 1"
        )
        rows = self._rows(sql)
        main = next(iter(self.raw.values()))
        total = (main.rows + len(main.rejected)) * judged.cells
        reasons = {str(r[0]): int(r[1]) for r in rows if r[0] is not None}
        if main.rejected:
            reasons["fields-differ-from-header"] = len(main.rejected) * judged.cells
        stayed = [int(n) for r in rows if r[0] is None for n in r[1:]] or [0] * (len(flags) + 1)
        flagged = dict(zip(flags, stayed[1:], strict=True))
        brought = {
            f"fields-differ-from-header:{t}": len(table.rejected)
            for t, table in list(self.raw.items())[1:]
            if table.rejected
        }
        return Reconciliation(
            rows_in=total,
            records=stayed[0],
            quarantined=sum(reasons.values()),
            left_out=self._left_out(judged) * judged.cells,
            quarantined_by_reason=dict(sorted(reasons.items())),
            recoded_to_unknown={n: flagged[n] for n in judged.unnamed if flagged[n]},
            warnings={n: flagged[n] for n in judged.warnings if flagged[n]} | brought,
            corrections=corrections,
        )

    def _left_out(self, judged: Judged) -> int:
        names = [name for name, _ in judged.pipeline.steps]
        if "selected" not in names:
            return 0
        before = names[names.index("selected") - 1]
        counts = f"(SELECT count(*) FROM {before}) - (SELECT count(*) FROM selected)"
        return int(self._rows(judged.pipeline.select(f"SELECT {counts}"))[0][0])

    def _write_records(self, judged: Judged, columns: Sequence[str], target: Path) -> str:
        work, last = self.work, judged.pipeline.last
        shown = ", ".join(quoted(c) for c in columns)
        order = "" if judged.ordered else f" ORDER BY {RAW_ROW}"
        provenance = (
            f"valid_period, {literal(work.registered.delivery.received)} AS known_at, "
            f"{literal(work.registered.code)} AS delivery_code, {RAW_ROW}"
        )
        final = f"SELECT {shown}, {provenance}\nFROM {last}\nWHERE {REASON} IS NULL{order}"
        if work.source.kind == OBSERVATION:
            final = f"SELECT {shown}\nFROM {last}\nWHERE {REASON} IS NULL{order}"
        sql = judged.pipeline.select(final)
        if work.source.kind == OBSERVATION:
            rows = self.session.sql(sql).to_arrow_table()
            table = as_observations(
                rows, work.source, work.registered.delivery, work.catalogue, work.territory
            )
            write_table(target / RECORDS, table)
        else:
            self._copy(sql, target / RECORDS)
        return sql

    def _copy(self, sql: str, path: Path) -> None:
        options = f"FORMAT parquet, COMPRESSION zstd, COMPRESSION_LEVEL 1, ROW_GROUP_SIZE {_ROW_GROUP}"
        self.session.execute(f"COPY ({sql}) TO {literal(str(path))} ({options})")

    def quarantine(self, judged: Judged, found: Reconciliation) -> pa.Table:
        """Which rows are held back, and why."""
        schema = QUARANTINE_SCHEMA
        held = schema.empty_table()
        rejected = [r for r in next(iter(self.raw.values())).rejected for _ in range(judged.cells)]
        if found.quarantined > len(rejected):
            sql = (
                f"SELECT {RAW_ROW}, {REASON} AS reason FROM {judged.pipeline.last} WHERE {REASON} IS NOT NULL"
            )
            held = self.session.sql(judged.pipeline.select(sql)).to_arrow_table().cast(schema)
        numbers = [r.raw_row for r in rejected]
        said = [f"fields-differ-from-header:{r.found}-of-{r.expected}" for r in rejected]
        shifted = pa.table([pa.array(numbers, pa.int64()), pa.array(said, pa.string())], schema=schema)
        together = pa.concat_tables([held, shifted])
        order = [(RAW_ROW, "ascending"), ("reason", "ascending")]
        return together.sort_by(order)

    def footer(self, held: pa.Table) -> int:
        """How many of the rows that are held back, for what notes under a table lack, are the last ones of
        the file."""
        main = next(iter(self.raw.values()))
        rows = zip(held.column(RAW_ROW).to_pylist(), held.column("reason").to_pylist(), strict=True)
        held_back = {row for row, reason in rows if reason != "duplicate-key"}
        return last_rows(main, held_back) if main.facts.get("format") == "delimited" else 0

    def _check_complete(self, target: Path) -> None:
        """A delivery shows every code that the source says it must, or says that it lacks it."""
        problems = []
        for concept, codes in self.work.source.complete.items():
            path = literal(str(target / RECORDS))
            shown = {r[0] for r in self._rows(f"SELECT DISTINCT {quoted(concept)} FROM read_parquet({path})")}
            lacks = set(self.work.registered.delivery.lacks.get(concept, ()))
            absent = [c for c in codes if c not in shown and c not in lacks]
            if absent:
                problems.append(
                    problem(
                        "delivery-incomplete", where=self.work.registered.code, concept=concept, absent=absent
                    )
                )
        if problems:
            raise CaudalError(*problems)


def _write_account(
    target: Path,
    columns: Sequence[str],
    found: Reconciliation,
    sql: str,
    unnamed: Mapping[str, Samples] | None = None,
    footer: int = 0,
) -> None:
    account = {
        "columns": list(columns),
        "reconciliation": found.model_dump(mode="json"),
        "unnamed": dict(unnamed or {}),
        "footer": footer,
    }
    write_json(target / ACCOUNT, account)
    write_bytes(target / SQL, sql.encode() + b"\n")
