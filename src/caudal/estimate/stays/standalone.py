"""The residence rule on any table of crossings, without a country folder.

:func:`classify_file` takes a Parquet or CSV file with a person, an instant and a direction a row, under
whatever names, and writes every crossing with its status before and after, whether it is a migration, and
the dates on which these became final. Persons may be named by numbers or texts; the same names stand in the
result, which is personal data: it belongs on the builder's side.

>>> from tempfile import TemporaryDirectory
>>> import pyarrow.parquet as pq
>>> with TemporaryDirectory() as place:
...     source, target = Path(place) / "in.csv", Path(place) / "out.parquet"
...     _ = source.write_text("who,when,way\\nAna,2020-01-05 08:00,IN\\nAna,2020-01-12 17:30,OUT\\n"
...                           "Bo,2020-02-01 10:00,IN\\n")
...     table = TableColumns("who", "when", "way", entries=("IN",), exits=("OUT",))
...     found = classify_file(source, target, ResidenceRule.parse("12/16"), table)
...     rows = pq.read_table(target).to_pylist()
>>> found.crossings, found.immigrations, found.emigrations
(3, 1, 0)
>>> [(r["who"], r["is_migration"], str(r["migration_final_at"])) for r in rows]
[('Ana', False, '2020-05-13'), ('Ana', False, '2020-01-12'), ('Bo', True, '2021-01-31')]
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import duckdb

from caudal.engine.session import first_line, literal, quoted
from caudal.errors import CaudalError, nearest, problem
from caudal.estimate.stays import columns as c
from caudal.estimate.stays.classify import Settings, count_repairs, write_classified
from caudal.estimate.stays.initial import InitialStatus
from caudal.estimate.stays.reading import Reading, read_register
from caudal.estimate.stays.repair import RepairPolicy, Repairs, Runs
from caudal.estimate.stays.rule import ResidenceRule


@dataclass(frozen=True)
class TableColumns:
    """Names of the columns of a table of crossings, and what its directions are called."""

    person: str = c.PERSON
    instant: str = c.INSTANT
    direction: str = c.DIRECTION
    entries: tuple[str, ...] = ("entry", "E", "1")
    exits: tuple[str, ...] = ("exit", "S", "0")


@dataclass(frozen=True)
class Classified:
    """What came of a table: rows written, persons, migrations, those that are not final, what was repaired
    and what could not be used, by reason."""

    crossings: int
    persons: int
    immigrations: int
    emigrations: int
    provisional: int
    repairs: Repairs
    rejected: Mapping[str, int] = field(default_factory=dict)


def classify_file(
    source: Path,
    target: Path,
    rule: ResidenceRule,
    table: TableColumns | None = None,
    *,
    gaps: Runs = Runs.MIDPOINT,
    residents: Path | None = None,
    as_of: date | None = None,
) -> Classified:
    """Classify the crossings of ``source``, a file or a folder of Parquet files, into the Parquet ``target``.

    ``residents``: a table whose first column names the persons who lived in the country when the register
    began; everybody else then did not. Without it, who leaves first lived here. ``as_of``: the day at which
    the register was known (default: the last crossing). Raises :class:`CaudalError` for missing columns.
    """
    table = table or TableColumns()
    with TemporaryDirectory(dir=target.parent) as place, duckdb.connect() as session:
        work = Path(place)
        numbered = _numbered(session, source, table, work)
        register = read_register(numbered, Reading(with_columns=(), spill_folder=work))
        repair, start = RepairPolicy(gaps), _initial(session, residents, register.persons_n)
        settings = Settings(rule, repair, start)
        rows = work / "rows.parquet"
        if not write_classified(register, rows, settings):
            raise CaudalError(problem("stays-no-crossings", where=str(source), found=dict(register.rejected)))
        last = f"(SELECT max({c.INSTANT})::DATE FROM rows)"
        day = f"DATE {literal(as_of.isoformat())}" if as_of else last
        session.execute(f"CREATE VIEW rows AS SELECT * FROM read_parquet({literal(rows.as_posix())})")
        part = target.with_name(target.name + ".part")
        session.execute(
            f"COPY (SELECT p.name AS {quoted(table.person)}, r.* EXCLUDE ({c.PERSON}), "
            f"r.migration_final_at <= {day} AS is_final "
            f"FROM rows r JOIN people p USING ({c.PERSON}) ORDER BY {c.PERSON}, {c.INSTANT}, r.is_imputed) "
            f"TO {literal(part.as_posix())} (FORMAT parquet)"
        )
        part.replace(target)
        counts = session.execute(
            f"SELECT count(*), count(DISTINCT {c.PERSON}), "
            f"count(*) FILTER (WHERE is_migration AND {c.DIRECTION} = 'entry'), "
            f"count(*) FILTER (WHERE is_migration AND {c.DIRECTION} = 'exit'), "
            f"count(*) FILTER (WHERE migration_final_at > {day}) FROM rows"
        ).fetchall()[0]
        crossings, persons, came, left, still_open = counts
        repairs, rejected = count_repairs(register, settings), dict(register.rejected)
        return Classified(crossings, persons, came, left, still_open, repairs, rejected)


def _numbered(session: Any, source: Path, table: TableColumns, work: Path) -> Path:
    """The crossings with dense numbers of persons; ``people`` in the session keeps their names."""
    try:
        session.execute(f"CREATE VIEW raw AS SELECT * FROM {_reader(source)}")
        names = [row[0] for row in session.execute("DESCRIBE raw").fetchall()]
    except duckdb.Error as error:
        raise CaudalError(problem("stays-unreadable", where=str(source), detail=first_line(error))) from error
    wanted = (table.person, table.instant, table.direction)
    missing = [n for n in wanted if n not in names]
    if missing:
        raise CaudalError(
            *(
                problem("stays-column-missing", found=n, allowed=sorted(names), nearest=nearest(n, names))
                for n in missing
            )
        )
    person, instant, direction = (quoted(n) for n in wanted)
    session.execute(
        f"CREATE TABLE people AS SELECT name, row_number() OVER (ORDER BY name) - 1 AS {c.PERSON} "
        f"FROM (SELECT DISTINCT {person} AS name FROM raw WHERE {person} IS NOT NULL)"
    )
    said = f"CAST({direction} AS VARCHAR)"
    entries, exits = (", ".join(literal(v) for v in values) for values in (table.entries, table.exits))
    path = work / "numbered.parquet"
    session.execute(
        f"COPY (SELECT coalesce(p.{c.PERSON}, -1) AS {c.PERSON}, "
        f"TRY_CAST(raw.{instant} AS TIMESTAMP) AS {c.INSTANT}, "
        f"CASE WHEN {said} IN ({entries}) THEN 'entry' WHEN {said} IN ({exits}) THEN 'exit' END "
        f"AS {c.DIRECTION} FROM raw LEFT JOIN people p ON p.name = raw.{person}) "
        f"TO {literal(path.as_posix())} (FORMAT parquet)"
    )
    return path


def _reader(source: Path) -> str:
    """SQL that reads a Parquet file, a folder of them, or a delimited text."""
    if source.is_dir():
        return f"read_parquet({literal((source / '**' / '*.parquet').as_posix())}, union_by_name = true)"
    if source.suffix == ".parquet":
        return f"read_parquet({literal(source.as_posix())})"
    return f"read_csv({literal(source.as_posix())}, all_varchar = true)"


def _initial(session: Any, residents: Path | None, persons_n: int) -> InitialStatus:
    """The statuses at the start from a table of residents; none without it."""
    if residents is None:
        return InitialStatus()
    reader = "read_parquet" if residents.suffix == ".parquet" else "read_csv"
    option = "" if reader == "read_parquet" else ", all_varchar = true"
    try:
        session.execute(
            f"CREATE VIEW lived AS SELECT * FROM {reader}({literal(residents.as_posix())}{option})"
        )
        name = quoted(session.execute("DESCRIBE lived").fetchall()[0][0])
        found = session.execute(
            f"SELECT p.{c.PERSON}, p.name::VARCHAR IN (SELECT {name}::VARCHAR FROM lived) "
            f"FROM people p ORDER BY p.{c.PERSON}"
        ).fetchnumpy()
    except duckdb.Error as error:
        raise CaudalError(
            problem("stays-unreadable", where=str(residents), detail=first_line(error))
        ) from error
    values = list(found.values())[1].astype("int8")
    return InitialStatus(table=values[:persons_n])
