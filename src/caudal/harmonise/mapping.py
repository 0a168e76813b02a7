"""A mapping compiled to SQL: each concept one expression, in layers that a concept's own needs decide.

A value is a raw column, several, an expression or a constant. Missing first: the values that mean unknown,
refused and not applicable become ``_U``, ``_R`` and ``_Z`` in a code column, null in a number. Then
``recode``, then ``crosswalk``; a value that no rule names is ``otherwise``, or ``_U`` and counted (null and
counted in a number or date). Numbers are read strictly, with the declared decimal mark; dates that do not
exist are not moved to ones that do.

It refuses to guess: a two-digit year without ``century``, a code that its list does not hold, an
expression that needs itself.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from caudal.engine.expressions import columns_of
from caudal.engine.session import literal, quoted
from caudal.errors import CaudalError, problem
from caudal.harmonise.crosswalk import Crosswalk
from caudal.harmonise.identifiers import keyed_hash_sql
from caudal.model.codelist import CodeList
from caudal.model.observation import NOT_APPLICABLE, REFUSED, UNKNOWN
from caudal.model.record import Holds
from caudal.model.source import Clock, Mapped, Scalar

#: Stands in a code column, inside a layer only, for a value that no rule named.
UNNAMED = "?"
#: Joins the parts of an identifier made of several columns.
_PARTS = "\x1f"
_EARLIEST_YEAR = 1800
_WHOLE = r"[+-]?[0-9]+"
_AMOUNT = r"[+-]?[0-9]+(\.[0-9]+)?"
_HOLDS = {
    "integer": Holds.INTEGER,
    "decimal": Holds.DECIMAL,
    "date": Holds.DATE,
    "instant": Holds.INSTANT,
    "text": Holds.TEXT,
}


@dataclass(frozen=True)
class RawColumn:
    """A raw column as the mapping sees it: its SQL type, how its table writes numbers, and the column beside
    it with the values that its file declares missing, where there are any."""

    type: str = "VARCHAR"
    decimal: str = "."
    thousands: str = ""
    missing: str = ""

    @property
    def is_text(self) -> bool:
        """Whether it is text, to be read."""
        return self.type == "VARCHAR"


@dataclass(frozen=True)
class Target:
    """A helper or a concept to make: its spec and what it must hold."""

    name: str
    mapped: Mapped
    holds: Holds
    codes: CodeList | None = None
    helper: bool = False


@dataclass(frozen=True)
class Compiled:
    """SQL of one target, in three steps, so that no step computes a thing twice.

    ``value`` makes the value under ``value_name`` (empty where it is a raw column as it is); ``read``
    applies the rules to it; ``unnamed`` is true, of what was read, where no rule named the value. In a code
    column the read value is then :data:`UNNAMED` (``marked``), to be replaced by unknown. ``before`` refers
    to the value before rules: whether an identifier is there is told without hashing it.
    """

    name: str
    read: str
    value: str = ""
    unnamed: str = ""
    marked: bool = False
    before: str = ""

    @property
    def value_name(self) -> str:
        """The column that holds the value before rules."""
        return f"{self.name}="


@dataclass(frozen=True)
class Context:
    """What a compilation needs besides the target."""

    raw: Mapping[str, RawColumn]
    period: str
    crosswalks: Mapping[str, Crosswalk] = field(default_factory=dict)


def target_holds(mapped: Mapped, declared: Holds | None) -> Holds:
    """What a target holds: its own ``type``, or the column's; a helper with codes holds codes."""
    if mapped.type:
        return _HOLDS[mapped.type]
    if declared is not None:
        return declared
    return Holds.CODE if mapped.recode or mapped.crosswalk else Holds.TEXT


def layers(targets: Iterable[Target], raw: Iterable[str]) -> tuple[tuple[Target, ...], ...]:
    """The targets in layers: each needs only raw columns and targets of layers before it.

    Raises :class:`CaudalError` for targets that need themselves, directly or around a corner.
    """
    pending = {t.name: t for t in targets}
    names = set(pending)
    needs = {n: needed(t.mapped) & names - ({n} & set(raw)) for n, t in pending.items()}
    found: list[tuple[Target, ...]] = []
    done: set[str] = set()
    while pending:
        ready = [t for n, t in pending.items() if needs[n] <= done]
        if not ready:
            raise CaudalError(problem("mapping-loops", found=sorted(pending)))
        found.append(tuple(ready))
        done.update(t.name for t in ready)
        for target in ready:
            del pending[target.name]
    return tuple(found)


def needed(mapped: Mapped) -> set[str]:
    """Names that an expression reads; they may be raw columns, helpers or concepts."""
    return set(columns_of(mapped.expression)) if mapped.expression else set()


def compile_target(target: Target, context: Context) -> Compiled:
    """The SQL that makes ``target``."""
    value = _value(target, context)
    if target.mapped.ordinal:
        rank = f"CAST(dense_rank() OVER (ORDER BY {value.sql}) AS VARCHAR)"
        return value.compiled(f"CASE WHEN {value.sql} IS NOT NULL THEN {rank} END")
    if value.constant and not target.mapped.recode:
        return _constant(target)
    match target.holds:
        case Holds.CODE:
            return _code(target, value, context)
        case Holds.INTEGER | Holds.DECIMAL:
            return _number(target, value)
        case Holds.DATE:
            return _date(target, value)
        case Holds.INSTANT:
            return _instant(target, value)
        case Holds.KEY:
            return value.compiled(keyed_hash_sql(value.text))
        case Holds.TEXT:
            return _text(target, value, context)


@dataclass(frozen=True)
class _Value:
    """A value before rules: the SQL that refers to it, its kind, and the SQL that makes it where it is not
    a raw column as it is."""

    target: str
    sql: str
    column: RawColumn
    made_by: str = ""
    constant: bool = False

    @property
    def text(self) -> str:
        if self.column.is_text:
            return self.sql
        plain = f"CAST({self.sql} AS VARCHAR)"
        if self.column.type == "BOOLEAN":
            return f"upper({plain})"
        if self.column.type != "DOUBLE":
            return plain
        whole = f"{self.sql} = floor({self.sql}) AND abs({self.sql}) < 1e15"
        return f"CASE WHEN {whole} THEN CAST(CAST({self.sql} AS BIGINT) AS VARCHAR) ELSE {plain} END"

    @property
    def declared_missing(self) -> str:
        """SQL: the file declares the value missing; empty where it declares none."""
        return f"{quoted(self.column.missing)} IS NOT NULL" if self.column.missing else ""

    @property
    def stated(self) -> str:
        """The value as text, whether or not its file declares it missing."""
        return f"coalesce({self.text}, {quoted(self.column.missing)})" if self.column.missing else self.text

    def is_in(self, values: Iterable[Scalar], number: str = "") -> str:
        """SQL: the value is one of ``values``, as text; or as a number, where ``number`` reads it as one."""
        given = [str(v) for v in values]
        typed = self.column.type in ("BIGINT", "DOUBLE")
        number = number or (self.sql if typed else "")
        amounts = [v for v in given if number and re.fullmatch(_AMOUNT, v)]
        texts = [literal(v) for v in given if not typed or v not in amounts or self.column.missing]
        if not typed:  # 1.0 is the 1 of the codebook, written by a program that knows no whole numbers
            texts += [literal(f"{v}.0") for v in given if re.fullmatch(_WHOLE, v)]
        parts = [f"{self.stated} IN ({', '.join(texts)})"] if texts else []
        parts += [f"coalesce({number} IN ({', '.join(amounts)}), FALSE)"] if amounts else []
        return parts[0] if len(parts) == 1 else f"({' OR '.join(parts)})"

    def compiled(self, read: str, unnamed: str = "", marked: bool = False) -> Compiled:
        return Compiled(self.target, read, self.made_by, unnamed, marked, self.sql)


def _value(target: Target, context: Context) -> _Value:
    mapped, name = target.mapped, target.name
    made = quoted(f"{name}=")
    if mapped.constant is not None:
        return _Value(name, literal(str(mapped.constant)), RawColumn(), constant=True)
    if mapped.expression:
        return _Value(name, made, RawColumn("COMPUTED"), mapped.expression)
    columns = [context.raw.get(c, RawColumn()) for c in mapped.raw_columns]
    if len(columns) == 1:
        return _Value(name, quoted(mapped.raw_columns[0]), columns[0])
    texts = [f"CAST({quoted(c)} AS VARCHAR)" for c in mapped.raw_columns]
    if target.holds is Holds.KEY or mapped.ordinal:
        return _Value(name, made, RawColumn(), f" || {literal(_PARTS)} || ".join(texts))
    first = RawColumn("VARCHAR", columns[0].decimal, columns[0].thousands)
    return _Value(name, made, first, f"COALESCE({', '.join(texts)})")


def _constant(target: Target) -> Compiled:
    kinds = {
        Holds.INTEGER: "BIGINT",
        Holds.DECIMAL: "DOUBLE",
        Holds.DATE: "DATE",
        Holds.INSTANT: "TIMESTAMP",
    }
    kind = kinds.get(target.holds, "VARCHAR")
    return Compiled(target.name, f"CAST({literal(str(target.mapped.constant))} AS {kind})")


def _missing(mapped: Mapped, value: _Value, number: str = "") -> list[tuple[str, str]]:
    """Condition and code of the values that mean unknown, refused and not applicable. ``number`` is the SQL
    that reads the value where it is an amount: -9,00 is then the -9 of the codebook."""
    branches = []
    kinds = ((mapped.unknown, UNKNOWN), (mapped.refused, REFUSED), (mapped.not_applicable, NOT_APPLICABLE))
    for values, code in kinds:
        said = [v for v in values if str(v) != ""]
        if said:
            branches.append((value.is_in(said, number), literal(code)))
        if len(said) < len(values):
            nothing = f"{value.stated if value.column.missing else value.sql} IS NULL"
            branches.append((nothing, literal(code)))
    return branches


def _code(target: Target, value: _Value, context: Context) -> Compiled:
    mapped = target.mapped
    branches = _missing(mapped, value)
    rules = {str(k): str(v) for k, v in mapped.recode.items()}
    crosswalk = context.crosswalks[mapped.table] if mapped.crosswalk else None
    if crosswalk is not None and not crosswalk.folded:
        rules = {**crosswalk.at(context.period), **rules}
    branches += [(value.is_in([k]), literal(v)) for k, v in rules.items()]
    if crosswalk is not None and crosswalk.folded:
        codes = crosswalk.at(context.period)
        pairs = ", ".join(f"{literal(k)}: {literal(v)}" for k, v in codes.items())
        plain = f"regexp_replace(trim({value.stated}), '^([0-9]+)[.]0$', '\\1')"
        found = f"MAP {{{pairs}}}[lower(strip_accents({plain}))]"
        branches.append((f"{found} IS NOT NULL", found))
        rules = {**codes, **rules}
    if value.declared_missing:
        branches.append((value.declared_missing, literal(UNKNOWN)))
    if target.helper:  # after the rules, none of which can hold of a null
        branches.append((f"{value.sql} IS NULL", "NULL"))
    if not rules and target.codes is not None:
        known = ", ".join(literal(c) for c in (*target.codes.codes, UNKNOWN, REFUSED, NOT_APPLICABLE))
        branches.append((f"{value.text} IN ({known})", value.text))
    elif not rules:
        branches.append((f"{value.sql} IS NOT NULL", value.text))
    if mapped.otherwise:
        return value.compiled(_case(branches, literal(mapped.otherwise)))
    unnamed = f"{quoted(target.name)} = {literal(UNNAMED)}"
    return value.compiled(_case(branches, literal(UNNAMED)), unnamed, marked=True)


def _text(target: Target, value: _Value, context: Context) -> Compiled:
    if target.mapped.recode or target.mapped.crosswalk:
        return _code(target, value, context)
    branches = [(condition, "NULL") for condition, _ in _missing(target.mapped, value)]
    return value.compiled(_case(branches, value.text))


def _number(target: Target, value: _Value) -> Compiled:
    kind = "BIGINT" if target.holds is Holds.INTEGER else "DOUBLE"
    read = _read_number(value, target.holds) if value.column.is_text else f"TRY_CAST({value.sql} AS {kind})"
    number = read if value.column.is_text else ""
    branches = [(condition, "NULL") for condition, _ in _missing(target.mapped, value, number)]
    branches += [(value.is_in([k], number), literal(v)) for k, v in target.mapped.recode.items()]
    return value.compiled(_case(branches, read), _unread(target, value, branches))


def _unread(target: Target, value: _Value, branches: Iterable[tuple[str, str]]) -> str:
    """True where there was a value, no rule named it, and nothing could be read."""
    if value.made_by and not value.column.is_text:  # the type of an expression is the author's
        return ""
    named = [f"NOT ({condition})" for condition, _ in branches]
    return " AND ".join([f"{value.sql} IS NOT NULL", f"{quoted(target.name)} IS NULL", *named])


def _read_number(value: _Value, holds: Holds) -> str:
    column = value.column
    thousands, decimal = re.escape(column.thousands), re.escape(column.decimal)
    whole = f"[0-9]+({thousands}[0-9]{{3}})*" if thousands else "[0-9]+"
    shape = f"[+-]?{whole}({decimal}0*)?"
    if holds is Holds.DECIMAL:
        shape = f"[+-]?({whole}({decimal}[0-9]*)?|{decimal}[0-9]+)([eE][+-]?[0-9]+)?"
    plain = f"replace({value.sql}, {literal(column.thousands)}, '')" if thousands else value.sql
    if column.decimal != ".":
        plain = f"replace({plain}, {literal(column.decimal)}, '.')"
    kind = "BIGINT" if holds is Holds.INTEGER else "DOUBLE"
    return f"TRY_CAST(CASE WHEN regexp_full_match({value.sql}, {literal(shape)}) THEN {plain} END AS {kind})"


def _date(target: Target, value: _Value) -> Compiled:
    mapped = target.mapped
    if not value.column.is_text:
        return value.compiled(f"TRY_CAST({value.sql} AS DATE)")
    form = mapped.date_format or "%Y-%m-%d"
    parsed = f"CAST(try_strptime({value.sql}, {literal(form)}) AS DATE)"
    read = f"CASE WHEN year({parsed}) >= {_EARLIEST_YEAR} THEN {parsed} END"
    if "%y" in form:
        year = f"{mapped.century} + (year({parsed}) - {mapped.century} + 10000) % 100"
        read = f"TRY(make_date({year}, month({parsed}), day({parsed})))"
    branches = [(condition, "NULL") for condition, _ in _missing(mapped, value)]
    return value.compiled(_case(branches, read), _unread(target, value, branches))


def _instant(target: Target, value: _Value) -> Compiled:
    """Local date and time of the post, from a text, a timestamp, or an instant with a zone of its own."""
    mapped, clock = target.mapped, target.mapped.clock
    local = _zone_sql(clock, clock.zones) if clock else ""
    if value.column.is_text:
        form = mapped.date_format or "%Y-%m-%d %H:%M:%S"
        parsed = f"try_strptime({value.sql}, {literal(form)})"
        read = f"CASE WHEN year({parsed}) >= {_EARLIEST_YEAR} THEN CAST({parsed} AS TIMESTAMP) END"
    elif "TIME ZONE" in value.column.type:
        read = f"({value.sql} AT TIME ZONE {local or literal('UTC')})"
        clock = None  # such an instant needs no clock to be read
    else:
        read = f"TRY_CAST({value.sql} AS TIMESTAMP)"
    if clock and clock.shown:
        shown = _zone_sql(clock, clock.shown)
        tells = f"CAST({quoted(clock.by)} AS VARCHAR) IN ({', '.join(literal(p) for p in clock.shown)})"
        read = f"CASE WHEN {tells} THEN ({read} AT TIME ZONE {shown}) AT TIME ZONE {local} ELSE {read} END"
    branches = [(condition, "NULL") for condition, _ in _missing(mapped, value)]
    return value.compiled(_case(branches, read), _unread(target, value, branches))


def _zone_sql(clock: Clock, zones: Mapping[str, str]) -> str:
    """SQL that names the zone of a row: by its post, else the zone of the clock."""
    if not zones:
        return literal(clock.zone)
    post = f"CAST({quoted(clock.by)} AS VARCHAR)"
    return _case([(f"{post} = {literal(p)}", literal(z)) for p, z in zones.items()], literal(clock.zone))


def _case(branches: Iterable[tuple[str, str]], last: str) -> str:
    written = [f"WHEN {condition} THEN {result}" for condition, result in branches]
    return f"CASE {' '.join(written)} ELSE {last} END" if written else last
