"""The door through which a survey enters: a file, a table, or a relation of a DuckDB session.

Files (Parquet, CSV) are read by the engine as a stream, so that a survey larger than memory is no
special case. Rows are delivered in the order of the source whatever the number of threads: floating
sums are made in that order, so the same input gives the same bytes.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa

from caudal.errors import CaudalError, problem
from caudal.estimate.survey.expressions import quoted

_READERS = {
    ".parquet": "read_parquet",
    ".csv": "read_csv",
    ".csv.gz": "read_csv",
    ".tsv": "read_csv",
    ".txt": "read_csv",
}
_VIEW = "caudal_survey_data"


@dataclass(frozen=True)
class Source:
    """A relation that can be scanned again and again: its SQL, its columns and their types."""

    connection: Any
    relation: str
    types: dict[str, str]

    @property
    def columns(self) -> list[str]:
        """Column names, as written in the data."""
        return list(self.types)

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        """All rows of a small ``query``."""
        found: list[tuple[Any, ...]] = self.connection.sql(query).fetchall()
        return found

    def stream(self, query: str, batch_rows: int = 1 << 20) -> Iterator[pa.RecordBatch]:
        """The rows of ``query`` in blocks of exactly ``batch_rows`` (the last may be shorter), in order."""
        held: list[pa.RecordBatch] = []
        rows_n = 0
        for batch in self.connection.sql(query).to_arrow_reader(batch_rows):
            if not held and batch.num_rows == batch_rows:
                yield batch
                continue
            held.append(batch)
            rows_n += batch.num_rows
            while rows_n >= batch_rows:
                table = pa.Table.from_batches(held)
                yield table.slice(0, batch_rows).combine_chunks().to_batches()[0]
                rest = table.slice(batch_rows)
                held, rows_n = rest.to_batches(), rest.num_rows
        if rows_n:
            yield pa.Table.from_batches(held).combine_chunks().to_batches()[0]


@contextmanager
def opened(data: Any, connection: Any = None, threads: int | None = None) -> Iterator[Source]:
    """``data`` as a relation of ``connection``, or of a session of its own that is closed afterwards.

    ``data`` is a path, an Arrow table, any object with ``__arrow_c_stream__`` (pandas, polars), or, on
    a given connection, the name of a table or a SELECT.

    >>> with opened(pa.table({"x": [1, 2]})) as source:
    ...     source.columns
    ['x']
    """
    own = connection is None
    session = duckdb.connect(config={"threads": threads} if threads else {}) if own else connection
    registered, before = False, None
    try:
        relation = _file_relation(data)
        if relation is None and isinstance(data, str):
            relation = _sql_relation(data, own)
            before = _one_thread(session, data)
        if relation is None:
            registered = True
            session.register(_VIEW, _arrow(data))
            relation = quoted(_VIEW)
        yield Source(session, relation, _types_of(session, relation, data))
    finally:
        if registered:
            session.unregister(_VIEW)
        if before is not None:
            session.execute(f"SET threads TO {before}").fetchall()
        if own:
            session.close()


def _file_relation(data: Any) -> str | None:
    if not isinstance(data, (str, Path)):
        return None
    name = str(data)
    reader = next((r for suffix, r in _READERS.items() if name.lower().endswith(suffix)), None)
    is_path = isinstance(data, Path) or (reader is not None and "(" not in name)
    if not is_path:
        return None
    if reader is None:
        raise CaudalError(problem("survey-not-data", found=name, allowed=sorted(_READERS)))
    if "*" not in name and not Path(name).exists():
        raise CaudalError(problem("survey-no-file", found=name))
    literal = name.replace("'", "''")
    return f"{reader}('{literal}')"


def _sql_relation(text: str, own: bool) -> str:
    if own:
        raise CaudalError(problem("survey-not-data", found=text, allowed=sorted(_READERS)))
    is_query = text.lstrip().lower().startswith(("select", "with", "from", "values"))
    return f"({text.strip().rstrip(';')})" if is_query else text


def _one_thread(session: Any, name: str) -> int | None:
    """A query or a view may deliver its rows in another order with each run: one thread settles it.

    Returns the number of threads to restore; None for a stored table, whose order is fixed.
    """
    literal = name.strip().strip('"').replace("'", "''")
    query = f"SELECT count(*), current_setting('threads') FROM duckdb_tables() WHERE table_name = '{literal}'"
    stored, threads = session.sql(query).fetchall()[0]
    before = int(threads)
    if stored or before == 1:
        return None
    session.execute("SET threads TO 1").fetchall()
    return before


def _arrow(data: Any) -> pa.Table:
    if isinstance(data, pa.Table):
        return data
    if not hasattr(data, "__arrow_c_stream__"):
        raise CaudalError(problem("survey-not-data", found=type(data).__name__, allowed=sorted(_READERS)))
    return pa.table(data)


def _types_of(session: Any, relation: str, data: Any) -> dict[str, str]:
    """The columns of ``relation``; a text file that is not UTF-8, or no table, is a problem with its name."""
    try:
        return _types(session, relation)
    except duckdb.InvalidInputException as error:
        if not isinstance(data, (str, Path)):
            raise
        raise CaudalError(problem("survey-file-unreadable", where=str(data))) from error


def _types(session: Any, relation: str) -> dict[str, str]:
    described = session.sql(f"SELECT * FROM {relation} LIMIT 0")
    return {name: str(kind) for name, kind in zip(described.columns, described.types, strict=True)}
