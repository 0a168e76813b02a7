"""The SQL session: one DuckDB connection with stated limits, no network, no autoloaded extensions."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import duckdb

from caudal.errors import CaudalError, problem


@contextmanager
def connect(
    *, threads: int = 0, memory: str = "", spill: Path | None = None
) -> Iterator[duckdb.DuckDBPyConnection]:
    """A connection in memory that spills to ``spill`` when ``memory`` (as in ``3GB``) is not enough.

    Rows keep the order of their file, so that what is written does not depend on ``threads``
    (0: all cores).

    >>> with connect(threads=1) as session:
    ...     session.execute("SELECT 1 + 1").fetchall()
    [(2,)]
    """
    settings: dict[str, str | bool | int | float | list[str]] = {
        "preserve_insertion_order": True,
        "autoinstall_known_extensions": False,
        "autoload_known_extensions": False,
    }
    if threads:
        settings["threads"] = threads
    if memory:
        settings["memory_limit"] = memory
    if spill is not None:
        spill.mkdir(parents=True, exist_ok=True)
        settings["temp_directory"] = str(spill)
    session = duckdb.connect(":memory:", config=settings)
    session.execute("SET enable_progress_bar = false")
    try:
        yield session
    except duckdb.OutOfMemoryException as error:
        raise CaudalError(problem("memory-limit", memory=memory or "—", detail=first_line(error))) from error
    finally:
        session.close()


def first_line(error: BaseException) -> str:
    """The first line of an engine's message, without its stack."""
    return str(error).strip().split("\n", 1)[0]


def quoted(name: str) -> str:
    """``name`` as an SQL identifier.

    >>> print(quoted('a "b" c'))
    "a ""b"" c"
    """
    return '"' + name.replace('"', '""') + '"'


def literal(value: object) -> str:
    """``value`` as an SQL literal.

    >>> literal("O'Higgins"), literal(None), literal(3), literal(True)
    ("'O''Higgins'", 'NULL', '3', 'TRUE')
    """
    if value is None:
        return "NULL"
    if isinstance(value, bool):
        return "TRUE" if value else "FALSE"
    if isinstance(value, (int, float)):
        return repr(value)
    return "'" + str(value).replace("'", "''") + "'"
