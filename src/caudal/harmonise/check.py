"""Every mistake of a source's spec that can be found before a file is read, each with its line.

Names that nothing bears (kind, axis, concept, code, crosswalk, table), codes that their list does not
hold, expressions that do not parse or need themselves, periods in which two variants hold, dates of two
digits without a century, deliveries that stand twice. What only a file can tell (a column that it lacks)
is told when it is read.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from pathlib import Path

from caudal.collect.registry import declared_files, delivery_code
from caudal.engine.expressions import check_expression, columns_of
from caudal.engine.specs import Document
from caudal.errors import CaudalError, Problem, nearest, problem
from caudal.harmonise.crosswalk import read_crosswalk
from caudal.harmonise.delivery import kind_of
from caudal.harmonise.mapping import Target, layers
from caudal.harmonise.observed import NAME as OBSERVATION
from caudal.harmonise.observed import indicator_list
from caudal.harmonise.periods import mapping_for
from caudal.harmonise.standard import is_standard
from caudal.model.catalogue import Catalogue
from caudal.model.codelist import CodeList
from caudal.model.country import CountrySpec
from caudal.model.record import Column, Holds, Leaves, RecordKind, record_kinds
from caudal.model.source import Delivery, Mapped, SourceSpec


def check_source(
    source: SourceSpec, document: Document, catalogue: Catalogue, country: CountrySpec | None = None
) -> list[Problem]:
    """All that is wrong with ``source``, read from ``document``; empty when nothing is."""
    check = _Check(source, document, catalogue)
    drafted = list(_unconfirmed(source, document))
    kinds = [*record_kinds(), OBSERVATION]
    found = [*drafted, *check.axes(source.concept, "concept")]
    if source.kind not in kinds:
        return [*found, *check.name("record kind", source.kind, kinds, "kind")]
    kind = kind_of(source, catalogue)
    found += check.tables()
    for path, helpers, columns in _mappings(source):
        found += check.mapping(kind, helpers, columns, path)
    found += check.deliveries()
    found += check.breaks()
    if source.published_by_producer and kind.leaves is Leaves.NEVER:
        where = document.where("published_by_producer")
        found.append(problem("records-never-public", where=where, kind=source.kind))
    found += check.periods(kind)
    found += check.design_and_checks(kind)
    return [*found, *_key_problems(source, kind, document, country)]


def _unconfirmed(source: SourceSpec, document: Document) -> Iterator[Problem]:
    for name in source.unconfirmed:
        path = ("columns", name) if name in source.columns else (name,)
        yield problem("draft-unconfirmed", where=document.where(*path), found=name)


def _mappings(
    source: SourceSpec,
) -> Iterator[tuple[tuple[str | int, ...], Mapping[str, Mapped], Mapping[str, Mapped]]]:
    yield (), source.helpers, source.columns
    for i, variant in enumerate(source.variants):
        yield ("variants", i), variant.helpers, variant.columns


def _key_problems(
    source: SourceSpec, kind: RecordKind, document: Document, country: CountrySpec | None
) -> list[Problem]:
    names = [c.name for c in kind.columns if c.holds is Holds.KEY and c.name in source.columns]
    if not names or country is None or country.key:
        return []
    where = document.where("columns", names[0])
    return [problem("key-missing", where=where, found=names, source=source.source)]


class _Check:
    """One source with its lines and the language that it must speak."""

    def __init__(self, source: SourceSpec, document: Document, catalogue: Catalogue) -> None:
        self.source, self.document, self.catalogue = source, document, catalogue
        self.folder: Path = document.path.parent.parent
        self.lists = {**catalogue.code_lists, "CL_INDICATOR": indicator_list(catalogue)}

    def name(self, what: str, found: str, allowed: Collection[str], *path: str | int) -> list[Problem]:
        if found in allowed:
            return []
        return [
            problem(
                "unknown-name",
                where=self.document.where(*path),
                kind=what,
                found=found,
                allowed=list(allowed),
                nearest=nearest(found, allowed),
            )
        ]

    def axes(self, concept: Mapping[str, str], *path: str | int) -> Iterator[Problem]:
        for axis, value in concept.items():
            yield from self.name("axis of the concept vector", axis, self.catalogue.axes, *path, axis)
            if axis in self.catalogue.axes:
                values = self.catalogue.axes[axis].values
                yield from self.name(f"value of the axis {axis}", value, values, *path, axis)

    def tables(self) -> Iterator[Problem]:
        for name, table in self.source.tables.items():
            for i, join in enumerate(table.join):
                yield from self.name("table", join.table, self.source.tables, "tables", name, "join", i)
            if table.where:
                yield from _parses(table.where, self.document.where("tables", name, "where"))

    def breaks(self) -> Iterator[Problem]:
        """Breaks of dimensions that nothing bears would mark nothing, silently."""
        for i, broken in enumerate(self.source.breaks):
            for name in broken.dimensions:
                yield from self.name("dimension", name, self.catalogue.dimensions, "breaks", i, "dimensions")

    def mapping(
        self,
        kind: RecordKind,
        helpers: Mapping[str, Mapped],
        columns: Mapping[str, Mapped],
        path: tuple[str | int, ...],
    ) -> Iterator[Problem]:
        concepts = [c.name for c in kind.columns]
        for name, mapped in columns.items():
            here = (*path, "columns", name)
            yield from self.name("concept", name, concepts, *here)
            yield from self.mapped(name, mapped, kind.column(name), here)
        for name, mapped in helpers.items():
            yield from self.mapped(name, mapped, None, (*path, "helpers", name))

    def mapped(
        self, name: str, mapped: Mapped, column: Column | None, path: tuple[str | int, ...]
    ) -> Iterator[Problem]:
        where = self.document.where(*path)
        ways = [bool(mapped.raw_columns), bool(mapped.expression), mapped.constant is not None]
        if sum(ways) != 1:
            yield problem("mapping-empty", where=where, found=name)
        if mapped.expression:
            yield from _parses(mapped.expression, self.document.where(*path, "expression"))
        if "%y" in mapped.date_format and not mapped.century:
            yield problem("date-without-century", where=where, found=mapped.date_format)
        codes = self.lists.get(column.code_list) if column and column.code_list else None
        yield from self.codes(mapped, codes, path)
        if mapped.choose and not is_standard(mapped.crosswalk):
            yield problem("mapping-empty", where=self.document.where(*path, "choose"), found=name)
        if mapped.crosswalk:
            yield from self.crosswalk(mapped.table, codes, path)

    def codes(self, mapped: Mapped, codes: CodeList | None, path: tuple[str | int, ...]) -> Iterator[Problem]:
        if codes is None:
            return
        said = [(("recode", k), str(v)) for k, v in mapped.recode.items()] if not mapped.crosswalk else []
        said += [(("otherwise", ""), mapped.otherwise)] if mapped.otherwise else []
        if mapped.constant is not None and not mapped.recode:
            said.append((("constant", ""), str(mapped.constant)))
        for place, code in said:
            if code not in codes:
                where = self.document.where(*path, *(p for p in place if p))
                near = nearest(code, codes.codes)
                yield problem("unknown-code", where=where, code_list=codes.id, found=code, nearest=near)

    def crosswalk(self, name: str, codes: CodeList | None, path: tuple[str | int, ...]) -> Iterator[Problem]:
        try:
            crosswalk = read_crosswalk(self.folder, name)
        except CaudalError as error:
            where = self.document.where(*path, "crosswalk")
            yield from (Problem(p.code, p.where or where, p.facts) for p in error.problems)
            return
        yield from crosswalk.problems(str(self.folder / "codes" / name), codes)

    def deliveries(self) -> Iterator[Problem]:
        seen: set[str] = set()
        for i, delivery in enumerate(self.source.deliveries):
            where = self.document.where("deliveries", i)
            code = delivery_code(self.source, delivery)
            if code in seen:
                yield problem("delivery-twice", where=where, found=code)
            seen.add(code)
            files = declared_files(self.source, delivery)
            if set(files) != set(self.source.tables):
                tables = list(self.source.tables)
                facts = {"period": delivery.period, "found": list(files), "allowed": tables}
                yield problem("delivery-files", where=where, **facts)
            yield from self.axes(delivery.concept, "deliveries", i, "concept")

    def periods(self, kind: RecordKind) -> Iterator[Problem]:
        """What is wrong with the mapping that holds for each delivery, told once for each variant."""
        told: set[tuple[str, int | None]] = set()
        for i, delivery in enumerate(self.source.deliveries):
            try:
                mapping = mapping_for(self.source, delivery.period)
                targets = [Target(n, m, Holds.TEXT) for n, m in mapping.all_mapped().items() if _readable(m)]
                layers(targets, ())
            except CaudalError as error:
                yield from self._once(error.problems, told, i, delivery)
                continue
            if ("", mapping.variant) in told or not mapping.columns:
                continue
            told.add(("", mapping.variant))
            for column in kind.columns:
                if column.required and column.name not in mapping.columns:
                    where = self.document.where("columns")
                    yield problem("concept-missing", where=where, kind=kind.name, found=column.name)

    def _once(
        self, problems: Iterable[Problem], told: set[tuple[str, int | None]], place: int, delivery: Delivery
    ) -> Iterator[Problem]:
        for p in problems:
            loops = p.code == "mapping-loops"
            if (p.code, None) not in told:
                part: tuple[str | int, ...] = (
                    ("columns", p.facts["found"][0]) if loops else ("deliveries", place)
                )
                yield Problem(p.code, self.document.where(*part), p.facts)
            told.add((p.code, None))

    def design_and_checks(self, kind: RecordKind) -> Iterator[Problem]:
        concepts = {c.name for c in kind.columns}
        mapped = set(self.source.columns) | {n for v in self.source.variants for n in v.columns}
        design = self.source.design
        for part in ("weight", "strata", "psu", "fpc"):
            name = getattr(design, part) if design else ""
            if name and name not in mapped:
                yield from self.name("concept of the mapping", name, sorted(mapped), "design", part)
        for i, check in enumerate(self.source.checks):
            yield from _parses(check.condition, self.document.where("checks", i, "condition"))
        for i, correction in enumerate(self.source.corrections):
            yield from _parses(correction.where, self.document.where("corrections", i, "where"))
            numeric = isinstance(correction.value, (int, float)) and not isinstance(correction.value, bool)
            if correction.action == "scale" and not numeric:
                where = self.document.where("corrections", i)
                yield problem("correction-value", where=where, action="scale", found=correction.value)
        for concept, codes in self.source.complete.items():
            yield from self.name("concept", concept, sorted(concepts & mapped), "complete", concept)
            column = kind.column(concept)
            known = self.lists.get(column.code_list) if column else None
            for code in codes if known is not None else ():
                if known is not None and code not in known:
                    where = self.document.where("complete", concept)
                    near = nearest(code, known.codes)
                    yield problem("unknown-code", where=where, code_list=known.id, found=code, nearest=near)


def _readable(mapped: Mapped) -> bool:
    return not mapped.expression or not list(_parses(mapped.expression, ""))


def _parses(sql: str, where: str) -> Iterator[Problem]:
    """What is wrong with an expression whose columns only a file can tell."""
    try:
        names = columns_of(sql)
    except CaudalError as error:
        yield from (Problem(p.code, where, p.facts) for p in error.problems)
        return
    yield from check_expression(sql, names, where=where)
