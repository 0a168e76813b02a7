"""What a new delivery changes in a register that grows: the persons in it, without and with it.

Every count of a register is a sum over persons, so that

    count(grown) = count(earlier) - count(moved, as they were) + count(moved, as they are),

where *moved* are the persons of the new deliveries, and those whose open stay has run past its permitted days
since. Whole histories of moved persons are read, so that a late record, a repair that reaches back, another
date of birth or the commuting of last year need no special care; nobody else is read but for the column that
says who he is. Counts are whole numbers: the sum is the same to the unit, whatever the way.

Refuses nothing; where it would not pay (more than a tenth of the register is new, nothing kept of an earlier
delivery) the caller counts from scratch, with the same result.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from functools import reduce
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from caudal.engine.session import literal
from caudal.estimate.stays import columns as c
from caudal.estimate.stays.classify import Piece, Settings, map_pieces
from caudal.estimate.stays.dimensions import EPOCH
from caudal.estimate.stays.keys import Ints
from caudal.estimate.stays.reading import PackedRegister

#: Above this share of new crossings the register is counted from scratch.
MOST_NEW = 0.1
UNTIL = "until_day"


@dataclass(frozen=True)
class Chosen:
    """The crossings of some persons, numbered anew: ``file``, and the numbers of old, in that order."""

    file: Path
    persons: Ints


def choose(files: Sequence[Path], earlier_n: int, persons: Ints, target: Path) -> tuple[Chosen, Chosen]:
    """The crossings of ``persons`` in the first ``earlier_n`` of ``files``, and in all of them, in order and
    under the same new numbers; written into the folder ``target``."""
    with duckdb.connect() as session:
        session.register("moved", pa.table({c.PERSON: np.unique(persons)}))
        session.register(
            "places", pa.table({"filename": [str(f) for f in files], "place": range(len(files))})
        )
        listed = ", ".join(literal(str(f)) for f in files)
        session.execute(
            f"CREATE TABLE chosen AS SELECT x.*, place FROM read_parquet([{listed}], union_by_name = true,"
            " filename = true, file_row_number = true) x"
            f" JOIN moved USING ({c.PERSON}) JOIN places USING (filename)"
        )
        session.execute(
            "CREATE TABLE numbers AS SELECT known, row_number() OVER (ORDER BY first, known) - 1 AS n"
            f" FROM (SELECT {c.PERSON} AS known, min(place) AS first FROM chosen GROUP BY known)"
        )
        found = session.sql("SELECT known FROM numbers ORDER BY n").to_arrow_table()["known"].to_numpy()
        numbers = np.asarray(found, np.int64)
        parts = {"without.parquet": earlier_n, "within.parquet": len(files)}
        for name, places in parts.items():
            session.execute(
                f"COPY (SELECT x.* EXCLUDE ({c.PERSON}, place, filename, file_row_number), n AS {c.PERSON}"
                f" FROM chosen x JOIN numbers ON x.{c.PERSON} = known WHERE place < {places}"
                f" ORDER BY place, file_row_number) TO {literal(str(target / name))} (FORMAT parquet)"
            )
    without, within = (Chosen(target / name, numbers) for name in parts)
    return without, within


def differing(without: Path | None, within: Path | None, target: Path) -> tuple[Path | None, Path | None]:
    """Classified rows of two states of the same persons, without the years of a person that are alike.

    What is counted of a person in a period of up to a year is the same for them, and cancels out.
    """
    if without is None or within is None:
        return without, within
    year = f"{c.PERSON}, year(moment) AS moved_year"
    with duckdb.connect() as session:
        for name, path in (("a", without), ("b", within)):
            session.execute(f"CREATE VIEW {name} AS SELECT * FROM read_parquet({literal(str(path))})")
        session.execute(
            f"CREATE TABLE moved AS SELECT {year} FROM (SELECT * FROM a EXCEPT ALL SELECT * FROM b)"
            f" UNION SELECT {year} FROM (SELECT * FROM b EXCEPT ALL SELECT * FROM a)"
        )
        found = []
        for name in ("a", "b"):
            path = target / f"{name}.parquet"
            session.execute(
                f"COPY (SELECT {name}.* FROM {name} SEMI JOIN moved ON {name}.{c.PERSON} = moved.{c.PERSON}"
                f" AND year({name}.moment) = moved_year) TO {literal(str(path))} (FORMAT parquet)"
            )
            found.append(path)
    return found[0], found[1]


def persons_of(files: Iterable[Path]) -> Ints:
    """Everybody who crosses in ``files``."""
    tables = [pq.read_table(f, columns=[c.PERSON]) for f in files]
    return np.unique(np.concatenate([t[c.PERSON].to_numpy() for t in tables]).astype(np.int64))


def rows_of(files: Iterable[Path]) -> int:
    """How many crossings ``files`` hold."""
    return sum(pq.read_metadata(f).num_rows for f in files)


def first_date(files: Iterable[Path]) -> date:
    """The date of the first crossing in ``files``, which hold one at least."""
    listed = ", ".join(literal(str(f)) for f in files)
    with duckdb.connect() as session:
        found = session.sql(f"SELECT min({c.INSTANT})::DATE FROM read_parquet([{listed}])").fetchall()
    first: date = found[0][0]
    return first


def waiting(register: PackedRegister, settings: Settings, persons: Ints | None) -> pa.Table:
    """Open stays by the first day on which they are longer than permitted: ``person_id``, ``until_day``.

    ``persons``: the numbers that persons have outside of ``register``, where it has its own.
    """
    if not any(f.name == c.PERMITTED_STAY for f in register.layout.fields):
        return pa.table(
            {c.PERSON: pa.array([], pa.int64()), UNTIL: pa.array([], pa.int64()), "stays_n": _NONE}
        )

    def open_stays(piece: Piece) -> tuple[Ints, Ints]:
        last = piece.offsets[1:] - 1
        permitted = piece.crossings.codes[c.PERMITTED_STAY][last].astype(np.int64) - 1
        stated = (permitted >= 0) & (piece.crossings.inside[last] == 1)
        until = piece.day[last].astype(np.int64) + permitted + 1
        return piece.crossings.person[last][stated].astype(np.int64), until[stated]

    found = list(map_pieces(register, settings, open_stays))
    person = np.concatenate([np.empty(0, np.int64), *(p for p, _ in found)])
    until = np.concatenate([np.empty(0, np.int64), *(u for _, u in found)])
    known = person if persons is None else persons[person]
    return pa.table({c.PERSON: known, UNTIL: until, "stays_n": np.ones(len(known), np.int64)})


def run_out(stays: pa.Table, after: date, by: date) -> Ints:
    """Persons whose open stay became longer than permitted after one date and by another."""
    since, until = (d.toordinal() - EPOCH for d in (after, by))
    day = stays[UNTIL].to_numpy()
    return np.asarray(stays[c.PERSON].to_numpy()[(day > since) & (day <= until)], np.int64)


def summed(pieces: Sequence[tuple[pa.Table, int]]) -> pa.Table:
    """The counts of ``pieces``, each times its sign, by all columns that are not counts (``..._n``, ``total``
    and ``persons``); rows in order, without those of nothing but zeros."""
    first = pieces[0][0]
    counts = [n for n in first.column_names if n.endswith("_n") or n in ("total", "persons")]
    keys = [n for n in first.column_names if n not in counts]
    whole = pa.concat_tables([_signed(t.select([*keys, *counts]), counts, sign) for t, sign in pieces])
    sums = whole.group_by(keys, use_threads=False).aggregate([(n, "sum") for n in counts])
    table = sums.rename_columns([n.removesuffix("_sum") for n in sums.column_names]).select([*keys, *counts])
    some = reduce(pc.or_, (pc.not_equal(table[n], 0) for n in counts))
    return table.filter(some).sort_by([(n, "ascending") for n in keys]) if keys else table.filter(some)


_NONE: Any = pa.array([], pa.int64())


def _signed(table: pa.Table, counts: Sequence[str], sign: int) -> pa.Table:
    for name in counts:
        place = table.column_names.index(name)
        table = table.set_column(place, name, pc.multiply(table[name].cast(pa.int64()), sign))
    for place, field in enumerate(table.schema):
        if pa.types.is_dictionary(field.type):
            table = table.set_column(place, field.name, table[field.name].cast(pa.string()))
    return table
